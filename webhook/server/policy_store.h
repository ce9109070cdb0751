/*
 * policy_store: the policy in force. Readers take the snapshot of the moment and keep it as long as they need; a reload
 * compiles a new one and exchanges it whole. A new one that is refused changes nothing: the last good one stays.
 */
#ifndef WEBHOOK_SERVER_POLICY_STORE_H
#define WEBHOOK_SERVER_POLICY_STORE_H

#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/policy.h"
#include "webhook/base/log.h"
#include "webhook/metrics/registry.h"

struct policy_store;

/*
 * Loads the policy below the paths. Returns new. NULL: `report` holds the errors, or the error is set where they are not
 * the policy's. Logs "policy_loaded". Borrows all arguments until policy_store_destroy, but for `report` and `err`.
 */
struct policy_store *policy_store_create(const char *const *paths, size_t count, struct log *log,
					 struct metrics *metrics, struct report *report, struct error *err);

/* Releases its snapshot; readers keep theirs. Takes NULL. */
void policy_store_destroy(struct policy_store *store);

/*
 * Calls `changed` from now on with each new snapshot, on the thread that reloads, before any reader gets it. Returning -1
 * refuses the snapshot. To be called before the first reload. Borrows `context`.
 */
void policy_store_hook(struct policy_store *store, int (*changed)(void *context, const struct policy *policy),
		       void *context);

/*
 * Has `told` called from now on with what came of each reload that changed something, as a sentence: on the thread that
 * reloads. To be called before the first reload. Borrows `context`.
 */
void policy_store_tell(struct policy_store *store, void (*told)(void *context, bool accepted, const char *message),
		       void *context);

/* The policy in force, shared until policy_release. Never NULL. Thread-safe. */
const struct policy *policy_store_get(struct policy_store *store);

/* The first error, as FILE:LINE: SENTENCE, while the files are rejected; else "". Thread-safe. */
#define POLICY_REJECTION_MAX 700
void policy_store_rejection(struct policy_store *store, char text[static POLICY_REJECTION_MAX]);

/*
 * Reads the files again. Where they decide as before, nothing changes. A refused policy is logged ("policy_rejected") and
 * counted. Thread-safe; one reload at a time.
 */
void policy_store_reload(struct policy_store *store);

#endif
