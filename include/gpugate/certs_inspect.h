/*
 * certs_inspect: what a server's certificate is, and whether a Kubernetes API server would accept it, in words. Pure: PEM
 * texts and the time in, sentences out; every text is as hostile as the files and servers that it comes from. The verdict is that
 * of Go's crypto/x509, which the API server uses: names are looked for among the subject alternative names only, and any
 * certificate of the authority's text is trusted, not only a self-signed one. Thread-safe for different reports.
 */
#ifndef GPUGATE_CERTS_INSPECT_H
#define GPUGATE_CERTS_INSPECT_H

#include <time.h>

#include "gpugate/arena.h"
#include "gpugate/certs.h"

#define CERTS_CHAIN_MAX 16    /* certificates that a server may show: what serve takes (webhook/http/tls.h) */
#define CERTS_TRUSTED_MAX 256 /* certificates in an authority's text */
#define CERTS_FINDINGS_MAX 64 /* more are not told */
#define CERTS_ARENA_BYTES (8u << 20)

enum certs_level {
	CERTS_FAULT,  /* the API server refuses it, or serve does */
	CERTS_REMARK, /* works, and should not stay so */
};

/* What is asked. Borrows everything. */
struct certs_question {
	struct str certificate;   /* PEM: the server's own first, then its issuers */
	struct str key;           /* PEM; absent: not looked at */
	unsigned key_mode;        /* the permission bits of the key's file, as of stat(2); 0: not known */
	struct str authority;     /* PEM, as in a caBundle; absent: nobody is asked whether the chain is trusted */
	const char *const *names; /* DNS names or addresses by which the server is called */
	size_t name_count;
	time_t now;
	unsigned warn_days; /* what expires within so many days is remarked on */
};

/* One certificate, as it describes itself. Texts hold no control characters. */
struct certs_description {
	struct str subject, issuer; /* RFC 2253 */
	struct str names;           /* "DNS:a, IP:1.2.3.4"; empty: none */
	struct str key;             /* "EC P-256", "RSA 2048" */
	struct str signature;       /* "ecdsa-with-SHA256" */
	struct str fingerprint;     /* SHA-256, in hexadecimal */
	time_t not_before, not_after;
	bool authority; /* may sign others */
};

struct certs_finding {
	enum certs_level level;
	const char *code; /* for programs: "expired", "name-missing"; static */
	struct str text;  /* one sentence: what is wrong; and what to do */
};

/* Texts are in the arena. */
struct certs_report {
	struct certs_description chain[CERTS_CHAIN_MAX];
	size_t chain_count;
	struct certs_description trusted[CERTS_TRUSTED_MAX];
	size_t trusted_count;
	struct certs_finding findings[CERTS_FINDINGS_MAX];
	size_t finding_count;
	size_t faults; /* among them; one that found no place is counted, too */
};

/* Fills the report. Fails only without memory. */
int certs_inspect(const struct certs_question *question, struct arena *arena, struct certs_report *report,
		  struct error *err);

/* A time as people are told it: "2026-11-26 09:30 UTC". */
void certs_date(time_t when, char text[static 32]);

#endif
