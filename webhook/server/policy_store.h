/*
 * policy_store: holds the current policy. Readers take a snapshot and keep it as long as they need
 * it. A reload compiles a new snapshot and replaces the old one as a whole. A policy with errors
 * changes nothing: the last valid one stays in force.
 */
#ifndef WEBHOOK_SERVER_POLICY_STORE_H
#define WEBHOOK_SERVER_POLICY_STORE_H

#include <stdint.h>
#include <time.h>

#include "gpugate/device_classes.h"
#include "gpugate/error.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "webhook/base/git_head.h"
#include "webhook/base/log.h"
#include "webhook/metrics/metric.h"

struct policy_store;

/*
 * Loads the policy from files and directories. Logs "policy_loaded". Returns new. If the policy has
 * errors, returns NULL and `report` holds them. If something else fails, returns NULL and sets
 * `err`.
 *
 * Borrows `paths` and `log` until policy_store_destroy.
 */
struct policy_store *policy_store_create(const char *const *paths, size_t count, struct log *log, struct report *report,
					 struct error *err);

/* Releases the store's snapshot; readers keep theirs. Accepts NULL. */
void policy_store_destroy(struct policy_store *store);

/*
 * Registers a callback for each snapshot that a reload makes, or policy_store_set_classes. It runs
 * on the thread of that, before any reader gets the snapshot. If it returns -1, the snapshot is
 * rejected. Call this before the first reload. Borrows `context`.
 */
void policy_store_hook(struct policy_store *store, int (*changed)(void *context, const struct policy *policy),
		       void *context);

/*
 * Registers a callback for the result of a reload, as a sentence. It runs on the reloading thread
 * when a new policy takes effect, and for each rejected reload. Call this before the first reload.
 * Borrows `context`.
 */
void policy_store_notify(struct policy_store *store, void (*told)(void *context, bool accepted, const char *message),
			 void *context);

/*
 * Renews the policy with these DeviceClasses of the cluster (policy_with_classes). Policies that
 * are loaded later have them as well. The callback of policy_store_hook runs on this thread, unless
 * every name means what it has meant.
 * Returns 0, or -1 without memory or during a reload, for which this does not wait: then the
 * classes are those of before, and the caller tries again later. Copies the classes. Thread-safe.
 */
int policy_store_set_classes(struct policy_store *store, const struct device_classes *classes);

/* Returns the current policy, shared until policy_release. Never NULL. Thread-safe. */
const struct policy *policy_store_get(struct policy_store *store);

#define POLICY_DIGEST_SIZE 33

/* Writes the digest of a policy in hexadecimal. Thread-safe. */
void policy_digest_text(const struct policy *policy, char text[static POLICY_DIGEST_SIZE]);

/* The origin of the current policy. */
struct policy_source {
	char commit[GIT_COMMIT_SIZE];    /* The Git commit; "" if there is none. */
	char digest[POLICY_DIGEST_SIZE]; /* The digest of the files' contents, in hexadecimal. */
	/* Whether the files differ from it: "true", "false" or "unknown". A static string. */
	const char *dirty;
};

struct policy_state {
	struct policy_source source;
	uint64_t generation; /* How many different policies have been loaded. */
	time_t loaded;       /* When the current one was loaded. */
	bool rejected;       /* The files are invalid, and an older policy is in force. */
	uint64_t failures;   /* Reloads that were rejected. */
};

/* Copies the current state. Thread-safe. */
void policy_store_state(struct policy_store *store, struct policy_state *state);

extern const struct metric_set policy_store_metrics;

/* Appends the families. `store` is the struct policy_store. Thread-safe. */
void policy_store_metrics_render(void *store, struct buf *out);

/* Bytes of the text below, including the NUL. */
#define POLICY_REJECTION_MAX 700
/*
 * Copies the first error as FILE:LINE: SENTENCE, or another reason, if the last reload was
 * rejected; otherwise "". Thread-safe.
 */
void policy_store_rejection(struct policy_store *store, char text[static POLICY_REJECTION_MAX]);

/*
 * Loads the files again. If their content is the same, the policy stays. A rejected policy is
 * logged ("policy_rejected") and counted. Thread-safe; reloads run one at a time.
 */
void policy_store_reload(struct policy_store *store);

#endif
