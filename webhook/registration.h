/*
 * registration: whether the webhook configurations that a cluster has are those that the policy needs. Pure: bytes in, a
 * sentence out; safe on any number of threads.
 */
#ifndef WEBHOOK_REGISTRATION_H
#define WEBHOOK_REGISTRATION_H

#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/policy.h"

struct registration {
	const struct policy *policy;
	const char *namespace; /* where gpugate runs */
	bool cluster;          /* the cluster ledger, else the embedded one */
};

#define REGISTRATION_WHY_MAX 512

/*
 * Compares the MutatingWebhookConfiguration (`mutating`) or the ValidatingWebhookConfiguration "gpugate", as the API server has
 * it in JSON, with what `gpugate render` prints: all that decides which requests are shown and what becomes of them when gpugate
 * does not answer. Where it is reached, how long is waited for it, labels and annotations are the operator's. Other
 * namespaces that are left out count as a difference (Settings.exempt says which are), and so does any objectSelector,
 * since tenants choose labels. Returns 0: the same; 1: stale, and `why` names the first difference; -1: the object cannot be
 * read, or there is no memory.
 */
int registration_compare(const struct registration *registration, bool mutating, struct str json,
			 char why[static REGISTRATION_WHY_MAX], struct error *err);

/* What `why` is to say where the cluster has no such object. */
void registration_missing(bool mutating, char why[static REGISTRATION_WHY_MAX]);

#endif
