/*
 * certs: the certificates that gpugate serves with and that its clients show, made with OpenSSL. Pure: bytes in, bytes
 * out; the time is an argument, the only other input is OpenSSL's random generator. Keys are ECDSA P-256, in unencrypted
 * PKCS#8. All functions may be called from any thread at once, on different objects.
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
#define CERTS_PEM_MAX (1 << 20) /* bytes of one PEM text, read or written */

/* A certificate and its private key, both PEM. */
struct certs_pair {
	struct buf certificate;
	struct buf key;
	time_t not_after; /* the certificate's last second */
};

enum certs_usage {
	CERTS_SERVER, /* extended key usage serverAuth */
	CERTS_CLIENT, /* clientAuth */
};

/* What a leaf is to say. Borrows all strings. */
struct certs_leaf {
	enum certs_usage usage;
	const char *common_name; /* at most 64 bytes; NULL: none, and the alternative names are marked critical */
	const char *const *dns;  /* each fit for certs_check_dns */
	size_t dns_count;
	const char *const *ips; /* each fit for certs_check_ip */
	size_t ip_count;
	int64_t seconds; /* validity from `now`, 1 to CERTS_SECONDS_MAX; cut to the authority's own */
};

void certs_pair_init(struct certs_pair *pair);

/* Frees both texts; the key is overwritten first. */
void certs_pair_release(struct certs_pair *pair);

/*
 * Makes a self-signed authority that may sign leaves and no further authority (RFC 5280, 4.2.1.9: CA true, pathlen 0).
 * It is valid from five minutes before `now`, since clocks differ, for `seconds` (1 to CERTS_SECONDS_MAX). Fills `pair`,
 * which has been initialised and is empty. Fails on a bad name or lifetime, or when OpenSSL does.
 */
int certs_authority_create(struct certs_pair *pair, const char *common_name, time_t now, int64_t seconds,
			   struct error *err);

/*
 * Makes a key and a certificate for it, signed by an authority given as PEM (the first certificate of its text counts).
 * Borrows everything. Fills `pair`, which has been initialised and is empty. Fails when the authority cannot be read, is
 * none, is not valid at `now`, or its key is another's; when a name is not fit; when a server has no name at all.
 */
int certs_issue(struct certs_pair *pair, struct str authority_certificate, struct str authority_key,
		const struct certs_leaf *leaf, time_t now, struct error *err);

/* One certificate of a bundle. Two with the same `id` are the same certificate. */
#define CERTS_ID_BYTES 32
struct certs_item {
	unsigned char id[CERTS_ID_BYTES]; /* the SHA-256 of its DER */
	time_t not_before, not_after;
	bool authority; /* may sign others */
	struct str pem; /* written anew: no text around it */
};

/*
 * Calls `found` for each certificate of a PEM text, in order, until it returns other than 0; other text and other kinds of
 * PEM are passed over. The item is borrowed during the call. Returns how many there were, or -1 when one cannot be read.
 */
int certs_bundle_each(struct str pem, int (*found)(void *context, const struct certs_item *item), void *context,
		      struct error *err);

/* Whether the first certificate of `certificate` is an authority's and `key` is its key. Returns 0, or -1 with a sentence. */
int certs_authority_check(struct str certificate, struct str key, struct error *err);

/*
 * Whether `name` is a DNS name as Kubernetes has them (RFC 1123 labels in lower case, at most 253 bytes in all),
 * possibly with a first label `*`. Otherwise the error says what is wrong.
 */
int certs_check_dns(const char *name, struct error *err);

/* Whether `text` is an IPv4 or IPv6 address as inet_pton(3) reads it: no brackets, no zone. */
bool certs_is_ip(const char *text);

/* The same, with an error that says how to write one. */
int certs_check_ip(const char *address, struct error *err);

#endif
