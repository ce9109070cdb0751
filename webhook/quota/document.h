/* quota_document: a gpuquotas.gpugate.io object, which people read: its name, and it as JSON. Pure. */
#ifndef WEBHOOK_QUOTA_DOCUMENT_H
#define WEBHOOK_QUOTA_DOCUMENT_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"

#define QUOTAS_PATH "/apis/gpugate.io/v1/gpuquotas"
#define QUOTA_NAME_MAX 253   /* of an object's name: a DNS subdomain (RFC 1123) */
#define QUOTA_HOLDERS_MAX 20 /* namespaces that are listed */

struct quota_holder {
	struct str namespace;
	struct str pods;   /* a number */
	struct str amount; /* as people read it, like the amounts below */
};

/* Amounts are as amount_print writes them: cut after two decimals. Absent: the object does not say. */
struct quota_document {
	struct str name;
	struct str resource_version;
	/* spec */
	struct str tenant;
	struct str quota;
	struct str measure; /* "count", "gpus" or "memory" */
	struct str cohort;  /* absent: none */
	/* status */
	struct str used;
	struct str pending;
	struct str hard;     /* or "unlimited" */
	struct str borrowed; /* what is held above `hard` of a cohort's quota, else "0" */
	struct str
	    lendable;  /* what others of the cohort may hold of `hard`, as long as it is free; absent without cohort */
	bool exceeded; /* more is held than `hard`, borrowing and the cohort allow */
	struct str pod_version; /* of the view of the Pods that was summed, a number */
	struct str policy;      /* digest of the policy that was summed by */
	const struct quota_holder *holders;
	uint32_t holder_count;
};

/* Reads one; `json` is followed by REVIEW_PADDING bytes. Borrows from both. Returns 0, or -1 with a sentence. */
int quota_document_read(struct str json, struct arena *arena, struct quota_document *document, struct error *err);

/* Appends it as the body of a server-side apply; without a resourceVersion where that is absent. */
void quota_document_write(struct buf *out, const struct quota_document *document);

/* A hash of everything but name, versions and policy: what is to be written when it is another. */
uint64_t quota_document_content(const struct quota_document *document);

/* Of a digest or the like; 0 of an absent text. */
uint64_t quota_text_hash(struct str text);

/*
 * The object's name: `TENANT.QUOTA`, by which people find it. Where that is too long, or would leave open where the tenant ends (a
 * quota with dots in its name): `TENANT.QUOTA`, cut, and `.x-` with a hash of both names. No two quotas have one name,
 * but for those whose 64-bit hashes collide.
 */
void quota_document_name(struct str tenant, struct str quota, char name[static QUOTA_NAME_MAX + 1]);

#endif
