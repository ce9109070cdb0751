/* inspect: what the parts of certs_inspect share. Private to certs/inspect*.c. */
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
	int own; /* which of the chain is the server's own, if it is not the first */
	bool no_memory;
};

/* Adds a finding. `format` makes one sentence; what is not printable in it becomes `?`. */
void inspect_find(struct inspection *inspection, enum certs_level level, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The certificates of a PEM text into `out`, at most `most`; finds fault with what else is in it. `what` names the text. */
void inspect_read(struct inspection *inspection, struct str pem, const char *what, size_t most, STACK_OF(X509) * out);

/* What a certificate says of itself. */
void inspect_describe(struct inspection *inspection, X509 *cert, struct certs_description *out);

/* Printable text of a name, in the arena. */
struct str inspect_name(struct inspection *inspection, const X509_NAME *name);

/* Each finds fault with one thing. The chain has a certificate at least. The order comes after the key, which may tell it. */
void inspect_key(struct inspection *inspection);
void inspect_order(struct inspection *inspection);
void inspect_validity(struct inspection *inspection);
void inspect_names(struct inspection *inspection);
void inspect_strength(struct inspection *inspection);
void inspect_trust(struct inspection *inspection);

#endif
