/*
 * compare: compares the webhook configurations in the cluster with those that the policy needs.
 * Pure: JSON in, a sentence out. Safe on any number of threads.
 */
#ifndef WEBHOOK_REGISTRATION_COMPARE_H
#define WEBHOOK_REGISTRATION_COMPARE_H

#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/policy.h"
#include "webhook/base/path_secret.h"

struct registration {
	const struct policy *policy;
	const char *namespace;                     /* The namespace that gpugate runs in. */
	bool cluster;                              /* The cluster ledger is used. */
	const char *quota_failure, *guard_failure; /* As in struct render_target. */
	/* The valid path secrets; NULL: paths without a secret. */
	struct path_secret *secret;
};

enum registration_state {
	REGISTRATION_CURRENT,
	REGISTRATION_STALE,
	/* Stale, and this replica does not serve the path at which a Service is called. */
	REGISTRATION_UNANSWERED,
};

/* Bytes of a `why`, including the NUL. */
#define REGISTRATION_WHY_MAX 512

/*
 * Compares one webhook configuration, as JSON from the API server, with the output of `gpugate
 * render`. If `mutating`, it is the MutatingWebhookConfiguration "gpugate", otherwise the
 * ValidatingWebhookConfiguration.
 *
 * This compares everything that decides which requests are sent to gpugate, what happens if gpugate
 * does not respond, and whether this replica serves the path. The address, the timeout, labels, and
 * annotations belong to the operator and are not compared. These count as differences:
 *
 * - a changed `failurePolicy`, so that a change made by hand during an outage is not forgotten
 * - any other exempt namespaces, because Settings.exempt defines them
 * - any objectSelector, because tenants choose labels
 *
 * Returns an enum registration_state. Unless that is REGISTRATION_CURRENT, `why` describes a path
 * that is not served, or otherwise the first difference. Returns -1 with an error if the object
 * cannot be read, or without memory.
 */
int registration_compare(const struct registration *registration, bool mutating, struct str json,
			 char why[static REGISTRATION_WHY_MAX], struct error *err);

/* Writes the `why` for a configuration that the cluster does not have. */
void registration_missing(bool mutating, char why[static REGISTRATION_WHY_MAX]);

#endif
