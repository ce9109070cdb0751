/*
 * certs_inspect: describes a server certificate, and says in sentences whether a Kubernetes API
 * server would accept it. Pure: PEM texts and the time are the only inputs, and all of them are
 * untrusted. Thread-safe for different reports.
 *
 * It decides as crypto/x509 of Go does, which the API server uses: only subject alternative names
 * are matched, and every certificate in the text of the authority is trusted, even if it is not
 * self-signed.
 */
#ifndef GPUGATE_CERTS_INSPECT_H
#define GPUGATE_CERTS_INSPECT_H

#include <time.h>

#include "gpugate/arena.h"
#include "gpugate/certs.h"

/* Certificates in the chain of a server, as for serve (webhook/http/tls_identity.h). */
#define CERTS_CHAIN_MAX 16
#define CERTS_TRUSTED_MAX 256 /* Certificates in the text of the authority. */
#define CERTS_FINDINGS_MAX 64 /* Further findings are only counted. */
#define CERTS_ARENA_BYTES (8u << 20)

enum certs_level {
	CERTS_FAULT,  /* The API server or `gpugate serve` rejects it. */
	CERTS_REMARK, /* It works but should be corrected. */
};

/* What to inspect. Borrows everything. */
struct certs_question {
	struct str certificate;   /* PEM; the certificate of the server first, then its issuers. */
	struct str key;           /* PEM; absent: not checked. */
	unsigned key_mode;        /* Permission bits of the key file, as in st_mode; 0: unknown. */
	struct str authority;     /* PEM, as in a caBundle; absent: trust is not checked. */
	const char *const *names; /* DNS names or addresses that clients use for the server. */
	size_t name_count;
	time_t now;
	unsigned warn_days; /* Report what expires within so many days. */
};

/* One certificate as it describes itself. The strings contain no control characters. */
struct certs_description {
	struct str subject, issuer; /* In the form of RFC 2253. */
	struct str names;           /* "DNS:a, IP:1.2.3.4"; empty: none. */
	struct str key;             /* "EC P-256", "RSA 2048". */
	struct str signature;       /* "ecdsa-with-SHA256". */
	struct str fingerprint;     /* SHA-256 in hexadecimal. */
	time_t not_before, not_after;
	bool authority; /* May sign other certificates. */
};

struct certs_finding {
	enum certs_level level;
	const char *code; /* For programs, such as "expired" or "name-missing"; static. */
	struct str text;  /* One sentence that says what is wrong and what to do. */
};

/* The result. Its strings are in the arena. */
struct certs_report {
	struct certs_description chain[CERTS_CHAIN_MAX];
	size_t chain_count;
	struct certs_description trusted[CERTS_TRUSTED_MAX];
	size_t trusted_count;
	struct certs_finding findings[CERTS_FINDINGS_MAX];
	size_t finding_count;
	size_t faults; /* Number of faults, including those that did not fit into `findings`. */
};

/* Fills the report. Returns 0, or -1 with an error if memory is exhausted. */
int certs_inspect(const struct certs_question *question, struct arena *arena, struct certs_report *report,
		  struct error *err);

/* Formats a time for users: "2026-11-26 09:30 UTC". */
void certs_date(time_t when, char text[static 32]);

#endif
