/*
 * document: a gpuquotas.gpugate.io object, which shows users the usage of one quota. Reads and
 * writes it as JSON, and makes its name. Pure.
 */
#ifndef WEBHOOK_QUOTA_DOCUMENT_H
#define WEBHOOK_QUOTA_DOCUMENT_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"

#define QUOTAS_PATH "/apis/gpugate.io/v1/gpuquotas"
#define QUOTA_NAME_MAX 253   /* Maximum length of an object's name: a DNS subdomain (RFC 1123). */
#define QUOTA_HOLDERS_MAX 20 /* Maximum number of namespaces in an object's list of holders. */

struct quota_holder {
	struct str namespace;
	struct str pods;   /* A JSON number. */
	struct str amount; /* Formatted like the amounts below. */
};

/*
 * One object. Amounts are formatted by amount_print, which truncates them to two decimals. A string
 * is absent if the object lacks the field.
 */
struct quota_document {
	struct str name;
	struct str resource_version;
	/* Spec. */
	struct str tenant;
	struct str quota;
	struct str measure; /* One of "count", "gpus" and "memory". */
	struct str cohort;  /* Absent if the quota belongs to no cohort. */
	/* Status. */
	struct str used;
	struct str pending;
	struct str hard; /* An amount, or "unlimited". */
	/* Usage above `hard`; "0" if there is none or the quota belongs to no cohort. */
	struct str borrowed;
	/*
	 * The part of `hard` that other members of the cohort may hold, whether or not they already
	 * do. It shrinks as the quota itself fills up. Absent without a cohort.
	 */
	struct str lendable;
	bool exceeded;          /* Usage is above what `hard`, borrowing, and the cohort allow. */
	struct str pod_version; /* Version of the Pod view that was summed: a decimal number. */
	struct str policy;      /* Digest of the policy by which the Pods were counted. */
	const struct quota_holder *holders;
	uint32_t holder_count;
};

/*
 * Decodes one object. `json` must be followed by REVIEW_PADDING readable bytes. The document
 * borrows from `json` and from the arena. Returns 0, or -1 with an error.
 */
int quota_document_read(struct str json, struct arena *arena, struct quota_document *document, struct error *err);

/*
 * Appends the object as the body of a server-side apply. If the document has no resourceVersion,
 * the body has none either, and the apply is unconditional.
 */
void quota_document_write(struct buf *out, const struct quota_document *document);

/*
 * A hash of every field except the name, the versions, and the policy. The object needs a write
 * only when this hash changes.
 */
uint64_t quota_document_content(const struct quota_document *document);

/* A hash of a single string, such as a policy digest. Returns 0 for an absent string. */
uint64_t quota_text_hash(struct str text);

/*
 * Writes the object's name and a NUL. The name is `TENANT.QUOTA`, so that users can find it.
 *
 * A hashed name is used if that is too long, or if it would not show where the tenant's name ends
 * (the quota's name has a dot). A hashed name is `TENANT.QUOTA`, truncated, then `.x-` and a hash
 * of both names. Two quotas share a name only if their 64-bit hashes collide.
 */
void quota_document_name(struct str tenant, struct str quota, char name[static QUOTA_NAME_MAX + 1]);

#endif
