/*
 * certs: creates server and client certificates with OpenSSL. Keys are ECDSA P-256, written as
 * unencrypted PKCS#8. The time is an argument, and the only other input is the random generator of
 * OpenSSL: nothing here does I/O. Thread-safe for different objects.
 */
#ifndef GPUGATE_CERTS_H
#define GPUGATE_CERTS_H

#include <time.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/str.h"

#define CERTS_DAY_SECONDS 86400
#define CERTS_DAYS_MAX 36500
#define CERTS_SECONDS_MAX ((int64_t)CERTS_DAYS_MAX * CERTS_DAY_SECONDS)
#define CERTS_NAMES_MAX 64
#define CERTS_PEM_MAX (1 << 20) /* Maximum bytes of one PEM text, read or written. */

/* A certificate and its private key, both in PEM. */
struct certs_pair {
	struct buf certificate;
	struct buf key;
	time_t not_after; /* Last second at which the certificate is valid. */
};

enum certs_usage {
	CERTS_SERVER, /* Extended key usage serverAuth. */
	CERTS_CLIENT, /* Extended key usage clientAuth. */
};

/* The content of a leaf certificate. Borrows all strings. */
struct certs_leaf {
	enum certs_usage usage;
	/* At most 64 bytes. NULL: none; then the alternative names are marked critical. */
	const char *common_name;
	const char *const *dns; /* Each must pass certs_check_dns. */
	size_t dns_count;
	const char *const *ips; /* Each must pass certs_check_ip. */
	size_t ip_count;
	/* Lifetime from `now`, 1 to CERTS_SECONDS_MAX. It ends no later than the authority's. */
	int64_t seconds;
};

void certs_pair_init(struct certs_pair *pair);

/* Frees both buffers, and overwrites the key first. */
void certs_pair_release(struct certs_pair *pair);

/*
 * Creates a self-signed authority that may sign leaf certificates but no other authority (RFC 5280,
 * 4.2.1.9: CA true, pathlen 0). It is valid for `seconds` (1 to CERTS_SECONDS_MAX) and starts five
 * minutes before `now`, because clocks differ. `pair` must be initialized and empty. Returns 0, or
 * -1 with an error if the name or the lifetime is invalid, or OpenSSL fails.
 */
int certs_authority_create(struct certs_pair *pair, const char *common_name, time_t now, int64_t seconds,
			   struct error *err);

/*
 * Creates a key, and a certificate for it that the authority signs. The authority is given in PEM;
 * only the first certificate of the text is used. Borrows everything. `pair` must be initialized
 * and empty.
 *
 * Returns 0, or -1 with an error. It fails if the authority is unreadable, may not sign, is not
 * valid at `now`, or does not match its key. It also fails if a name is invalid, or a server
 * certificate would have no alternative name.
 */
int certs_issue(struct certs_pair *pair, struct str authority_certificate, struct str authority_key,
		const struct certs_leaf *leaf, time_t now, struct error *err);

/* One certificate of a bundle. Two items with the same `id` are the same certificate. */
#define CERTS_ID_BYTES 32
struct certs_item {
	unsigned char id[CERTS_ID_BYTES]; /* SHA-256 of its DER encoding. */
	time_t not_before, not_after;
	bool authority; /* May sign other certificates. */
	struct str pem; /* Encoded again, so that it has no text around it. */
};

/*
 * Calls `found` for each certificate in a PEM text, in order, until it returns nonzero. Text
 * between PEM blocks, and blocks of other types, are skipped. The item is borrowed during the call.
 * Returns the number of certificates, or -1 if one cannot be parsed.
 */
int certs_bundle_each(struct str pem, int (*found)(void *context, const struct certs_item *item), void *context,
		      struct error *err);

/*
 * Checks that the first certificate in `certificate` belongs to an authority and that `key` is its
 * key. Returns 0, or -1 with an error.
 */
int certs_authority_check(struct str certificate, struct str key, struct error *err);

/*
 * Checks that `name` is a DNS name that Kubernetes accepts: lower-case RFC 1123 labels, at most 253
 * bytes in all, optionally with `*` as its first label. Returns 0, or -1 with an error.
 */
int certs_check_dns(const char *name, struct error *err);

/* Whether `text` is an IPv4 or IPv6 address that inet_pton(3) parses: no brackets, no zone. */
bool certs_is_ip(const char *text);

/* Does the same check. Returns 0, or -1 with an error that says how to write an address. */
int certs_check_ip(const char *address, struct error *err);

#endif
