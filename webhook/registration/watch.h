/*
 * watch: watches the two webhook configurations named `gpugate` and reports when they do not match
 * the current policy (compare.h). A mismatch is logged when it begins, and shown in /metrics.
 *
 * A missing configuration also counts as stale, because gpugate receives no requests then.
 * `gpugate_registration_installed` distinguishes the two cases.
 */
#ifndef WEBHOOK_REGISTRATION_WATCH_H
#define WEBHOOK_REGISTRATION_WATCH_H

#include "gpugate/policy.h"
#include "webhook/base/log.h"
#include "webhook/kube/client.h"
#include "webhook/metrics/metric.h"
#include "webhook/registration/compare.h"

struct registration_watch_options {
	struct kube_loop *loop; /* Not started yet. */
	struct kube_client *client;
	struct registration registration; /* The policy is retained; the rest is borrowed. */
	struct log *log;
	/*
	 * Called with the current JSON of a configuration; absent if there is none. May be NULL.
	 * Loop thread.
	 */
	void (*seen)(void *context, bool mutating, struct str json);
	void *context;
};

struct registration_watch;

/*
 * Returns new, or NULL with an error. Copies the options and borrows what they point to. The watch
 * begins when the loop starts.
 */
struct registration_watch *registration_watch_create(const struct registration_watch_options *options,
						     struct error *err);

/* Call it after the loop has stopped. Accepts NULL. */
void registration_watch_destroy(struct registration_watch *watch);

/* Compares with this policy from now on, and retains it. Thread-safe; accepts a NULL `watch`. */
void registration_watch_rebase(struct registration_watch *watch, const struct policy *policy);

/* Compares again soon, because the path secret has changed. Thread-safe; accepts NULL. */
void registration_watch_again(struct registration_watch *watch);

/*
 * Returns why this replica is not ready: the API server calls a path that this replica does not
 * serve, but others may. Returns NULL if there is no such reason. The text is static. Thread-safe;
 * accepts NULL.
 */
const char *registration_watch_unready(const struct registration_watch *watch);

/*
 * Returns the state of one configuration. Returns false if it is not known yet, or if `watch` is
 * NULL. Thread-safe.
 */
bool registration_watch_state(const struct registration_watch *watch, bool mutating, bool *installed, bool *stale);

extern const struct metric_set registration_watch_metrics;

/*
 * Appends the metric families. `watch` is the struct registration_watch. A configuration whose
 * state is unknown is left out. Thread-safe.
 */
void registration_watch_metrics_render(void *watch, struct buf *out);

#endif
