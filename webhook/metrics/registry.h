/*
 * metrics: what /metrics shows, in the Prometheus text format 0.0.4. Everything here is thread-safe. Counting a request
 * is a few relaxed atomic additions; counting a refusal takes a short mutex.
 */
#ifndef WEBHOOK_METRICS_REGISTRY_H
#define WEBHOOK_METRICS_REGISTRY_H

#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/str.h"

enum metrics_endpoint { METRICS_MUTATE, METRICS_VALIDATE, METRICS_ENDPOINTS };

enum metrics_outcome {
	METRICS_ALLOWED, /* let pass as it came */
	METRICS_PATCHED, /* let pass with a patch */
	METRICS_DENIED,
	METRICS_ERROR, /* no decision: a bad review, or no memory */
	METRICS_OUTCOMES,
};

/* Numbers that are set or counted one at a time. */
enum metrics_number {
	METRICS_POLICY_GENERATION,
	METRICS_POLICY_LOADED,               /* seconds since 1970 */
	METRICS_POLICY_REJECTED,             /* 1 while an older policy than the files' decides */
	METRICS_POLICY_RELOAD_FAILURES,      /* counter */
	METRICS_CERTIFICATE_BEGIN,           /* seconds since 1970 */
	METRICS_CERTIFICATE_EXPIRY,          /* seconds since 1970 */
	METRICS_CERTIFICATE_RELOAD_FAILURES, /* counter */
	METRICS_LOG_DROPPED,                 /* counter */
	METRICS_NUMBERS,
};

struct metrics;

/* Returns new; NULL without memory. */
struct metrics *metrics_create(struct error *err);
void metrics_destroy(struct metrics *metrics); /* takes NULL */

/* Counts one answered request and how long the answer took. A NULL `metrics` counts nothing, here and below. */
void metrics_request(struct metrics *metrics, enum metrics_endpoint endpoint, enum metrics_outcome outcome,
		     uint64_t nanoseconds);

/* Counts a request that was answered with an HTTP status of 400 to 599, before any decision. */
void metrics_http_rejected(struct metrics *metrics, unsigned status);

/* What came of an objection to a Pod. */
enum metrics_objection { METRICS_DENIAL, METRICS_WARNING, METRICS_AUDIT, METRICS_OBJECTIONS };

/*
 * Counts an objection: refusals, and what enforcement `warn` or `audit` let pass. Copies the strings. At most METRICS_DENIALS_MAX different (tenant, reason, name) are kept; what comes
 * after is counted as tenant "other" with an empty name, so that nobody can fill the memory with names.
 */
#define METRICS_DENIALS_MAX 4096
void metrics_object(struct metrics *metrics, enum metrics_objection objection, struct str tenant, struct str reason,
		    struct str name);

void metrics_set(struct metrics *metrics, enum metrics_number number, int64_t value);
void metrics_add(struct metrics *metrics, enum metrics_number number, int64_t value);
int64_t metrics_get(const struct metrics *metrics, enum metrics_number number);

/* Where the policy in force comes from. */
#define METRICS_COMMIT_MAX 64
struct metrics_policy {
	char commit[METRICS_COMMIT_MAX + 1]; /* of Git; "": it comes from no repository */
	char digest[33];                     /* of the files' contents, in hexadecimal */
	const char *dirty; /* "true", "false" or "unknown": whether the files differ from the commit; static */
};
void metrics_set_policy(struct metrics *metrics, const struct metrics_policy *policy);
void metrics_get_policy(struct metrics *metrics, struct metrics_policy *policy);

/*
 * Adds a function that appends complete metric families to every rendering (at most 8). It is called under no lock, and
 * first of all: it may set numbers (metrics_set) that the same rendering shows. To be called before the first rendering.
 * Borrows `context`. text.h has what such a function needs.
 */
int metrics_hook(struct metrics *metrics, void (*render)(void *context, struct buf *out), void *context,
		 struct error *err);

/* Appends all families. */
void metrics_render(struct metrics *metrics, struct buf *out);

#endif
