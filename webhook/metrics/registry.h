/*
 * registry: all metrics of the process, rendered in the Prometheus text format 0.0.4. Functions are
 * thread-safe, except metrics_destroy and metrics_hook. Counting a request takes a few relaxed
 * atomic additions; counting a policy violation takes a mutex for a short time.
 */
#ifndef WEBHOOK_METRICS_REGISTRY_H
#define WEBHOOK_METRICS_REGISTRY_H

#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/str.h"

enum metrics_endpoint { METRICS_MUTATE, METRICS_VALIDATE, METRICS_ENDPOINTS };

enum metrics_outcome {
	METRICS_ALLOWED, /* Allowed without a patch. */
	METRICS_PATCHED, /* Allowed with a patch. */
	METRICS_DENIED,
	METRICS_ERROR, /* No decision, for example because of an invalid review or exhausted memory. */
	METRICS_OUTCOMES,
};

/* Metrics without labels that hold one number each: gauges, and counters where noted. */
enum metrics_number {
	METRICS_POLICY_GENERATION,
	METRICS_POLICY_LOADED,               /* Seconds since the Unix epoch. */
	METRICS_POLICY_REJECTED,             /* 1 while the policy files are invalid and an older policy is in force. */
	METRICS_POLICY_RELOAD_FAILURES,      /* A counter. */
	METRICS_CERTIFICATE_BEGIN,           /* Seconds since the Unix epoch. */
	METRICS_CERTIFICATE_EXPIRY,          /* Seconds since the Unix epoch. */
	METRICS_CERTIFICATE_RELOAD_FAILURES, /* A counter. */
	METRICS_LOG_DROPPED,                 /* A counter. */
	METRICS_NUMBERS,
};

struct metrics;

/* Returns new, or NULL with an error if there is not enough memory. */
struct metrics *metrics_create(struct error *err);

/* No other thread may use the metrics any more. Takes NULL. */
void metrics_destroy(struct metrics *metrics);

/*
 * Counts one review that got a response, and the time from the end of the request body to the
 * response. Functions that set or count do nothing if `metrics` is NULL, and metrics_get then
 * returns 0.
 */
void metrics_request(struct metrics *metrics, enum metrics_endpoint endpoint, enum metrics_outcome outcome,
		     uint64_t nanoseconds);

/* Counts an HTTP error response. Statuses outside 400 to 599 are ignored. */
void metrics_http_rejected(struct metrics *metrics, unsigned status);

/* The consequence of a policy violation, by enforcement. Each has its own counter family. */
enum metrics_objection { METRICS_DENIAL, METRICS_WARNING, METRICS_AUDIT, METRICS_OBJECTIONS };

/*
 * Counts a policy violation. Copies the strings. Each family keeps at most METRICS_DENIALS_MAX
 * different (tenant, reason, name) series; later ones are counted with tenant "other" and an empty
 * name, so that clients cannot exhaust memory.
 */
#define METRICS_DENIALS_MAX 4096
void metrics_object(struct metrics *metrics, enum metrics_objection objection, struct str tenant, struct str reason,
		    struct str name);

/* Set, increment and read one number. */
void metrics_set(struct metrics *metrics, enum metrics_number number, int64_t value);
void metrics_add(struct metrics *metrics, enum metrics_number number, int64_t value);
int64_t metrics_get(const struct metrics *metrics, enum metrics_number number);

/* The origin of the policy in force. metrics_set_policy copies it. */
#define METRICS_COMMIT_MAX 64
struct metrics_policy {
	char commit[METRICS_COMMIT_MAX + 1]; /* The Git commit, or "" if the files are not in a repository. */
	char digest[33];                     /* The digest of the files' contents, in hexadecimal. */

	/*
	 * Whether the files differ from the commit: "true", "false" or "unknown" (NULL too). A
	 * static string.
	 */
	const char *dirty;
};
void metrics_set_policy(struct metrics *metrics, const struct metrics_policy *policy);
void metrics_get_policy(struct metrics *metrics, struct metrics_policy *policy);

/*
 * Registers a function that appends complete metric families; webhook/metrics/text.h has helpers
 * for it. It runs without a lock at the start of each rendering, so numbers that it sets
 * (metrics_set) appear in the same output. Borrows `context`. Returns 0, or -1 with an error if the
 * limit of hooks is reached. Not thread-safe: register all hooks before the first rendering.
 */
int metrics_hook(struct metrics *metrics, void (*render)(void *context, struct buf *out), void *context,
		 struct error *err);

/* Appends all families. `metrics` must not be NULL. */
void metrics_render(struct metrics *metrics, struct buf *out);

#endif
