/*
 * registration: whether the webhook configurations that a cluster has are those that the policy needs. Pure: bytes in, a
 * sentence out; safe on any number of threads.
 */
#ifndef WEBHOOK_REGISTRATION_COMPARE_H
#define WEBHOOK_REGISTRATION_COMPARE_H

#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/policy.h"
#include "webhook/base/path_secret.h"

struct registration {
	const struct policy *policy;
	const char *namespace;                     /* where gpugate runs */
	bool cluster;                              /* the cluster ledger, else the embedded one */
	const char *quota_failure, *guard_failure; /* as in struct render_target */
	struct path_secret *secret;                /* what is answered; NULL: the paths without one */
};

enum registration_state {
	REGISTRATION_CURRENT,
	REGISTRATION_STALE,
	REGISTRATION_UNANSWERED, /* stale, and worse: a Service is asked by a path that this replica does not answer */
};

#define REGISTRATION_WHY_MAX 512

/*
 * Compares the MutatingWebhookConfiguration (`mutating`) or the ValidatingWebhookConfiguration "gpugate", as the API server has
 * it in JSON, with what `gpugate render` prints: all that decides which requests are shown and what becomes of them when gpugate
 * does not answer, and whether the paths are those that this replica answers. At which address it is reached, how long is waited
 * for it, labels and annotations are the operator's. A `failurePolicy` that is changed by hand is a difference, so that it is not
 * forgotten after an outage. Other namespaces that are left out count as a difference (Settings.exempt says which are), and so
 * does any objectSelector, since tenants choose labels. Returns an enum registration_state, and where it is not current `why`
 * names an unanswered path, or else the first difference; -1: the object cannot be read, or there is no memory.
 */
int registration_compare(const struct registration *registration, bool mutating, struct str json,
			 char why[static REGISTRATION_WHY_MAX], struct error *err);

/* What `why` is to say where the cluster has no such object. */
void registration_missing(bool mutating, char why[static REGISTRATION_WHY_MAX]);

#endif
