/*
 * registration_watch: keeps up with the two webhook configurations named `gpugate`, and tells when they are not what the policy
 * in force needs (compare.h): in the log when that becomes so, and in /metrics. A configuration that is missing is stale,
 * too: gpugate is not asked then. `gpugate_registration_installed` tells the two apart.
 */
#ifndef WEBHOOK_REGISTRATION_WATCH_H
#define WEBHOOK_REGISTRATION_WATCH_H

#include "webhook/base/log.h"
#include "webhook/kube/client.h"
#include "webhook/registration/compare.h"

struct registration_watch_options {
	struct kube_loop *loop; /* not started yet */
	struct kube_client *client;
	struct registration registration; /* the policy is retained, the namespace borrowed */
	struct log *log;
	/* Told what a configuration is now in JSON; absent: there is none. May be NULL. Loop thread. */
	void (*seen)(void *context, bool mutating, struct str json);
	void *context;
};

struct registration_watch;

/* Returns new; borrows everything but the options themselves. Begins when the loop starts. */
struct registration_watch *registration_watch_create(const struct registration_watch_options *options,
						     struct error *err);
void registration_watch_destroy(struct registration_watch *watch); /* after the loop has stopped; takes NULL */

/* Compares with this policy from now on. Thread-safe; takes a NULL `watch`. */
void registration_watch_rebase(struct registration_watch *watch, const struct policy *policy);

/* Compares again soon, since the path secret is another one. Thread-safe; takes NULL. */
void registration_watch_again(struct registration_watch *watch);

/*
 * Why the API server must not be led here: it asks by a path that this replica does not answer, and others may. NULL: no such reason.
 * Thread-safe; takes NULL.
 */
const char *registration_watch_unready(const struct registration_watch *watch);

/* How one configuration is. Thread-safe; returns false while it is not known, and of a NULL `watch`. */
bool registration_watch_state(const struct registration_watch *watch, bool mutating, bool *installed, bool *stale);

/* The families of /metrics; `watch` is the struct registration_watch. What is not known yet is left out. */
void registration_watch_metrics(void *watch, struct buf *out);

#endif
