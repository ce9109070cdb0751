/* inspect: definitions that the parts of certs_inspect share. Private to certs/inspect*.c. */
#ifndef CERTS_INSPECT_H
#define CERTS_INSPECT_H

#include <openssl/x509.h>

#include "gpugate/certs_inspect.h"

struct inspection {
	const struct certs_question *question;
	struct certs_report *report;
	struct arena *arena;
	STACK_OF(X509) * chain;
	STACK_OF(X509) * trusted;
	/* Index in the chain of the server's own certificate. It should be 0. */
	int own;
	bool no_memory;
};

/* Adds a finding. `format` produces one sentence. Control characters in it become `?`. */
void inspect_report(struct inspection *inspection, enum certs_level level, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Appends the certificates of a PEM text to `out`, which may hold at most `most`. Reports anything
 * else in the text. `what` names the text in findings.
 */
void inspect_read(struct inspection *inspection, struct str pem, const char *what, size_t most, STACK_OF(X509) * out);

/* Fills `out` with what a certificate says about itself. */
void inspect_describe(struct inspection *inspection, X509 *cert, struct certs_description *out);

/* Returns a name as printable text, allocated in the arena. */
struct str inspect_name(struct inspection *inspection, const X509_NAME *name);

/*
 * Each reports one kind of problem. The chain must not be empty. inspect_order must run after
 * inspect_key, which sets `own` if the key tells it.
 */
void inspect_key(struct inspection *inspection);
void inspect_order(struct inspection *inspection);
void inspect_validity(struct inspection *inspection);
void inspect_names(struct inspection *inspection);
void inspect_strength(struct inspection *inspection);
void inspect_trust(struct inspection *inspection);

#endif
