#include "webhook/cluster/fit.h"

#include "webhook/cluster/state.h"
#include "webhook/ledger/fit.h"

void fit_publish(struct ledger_cluster *cluster)
{
	const struct record *record = &cluster->record;
	atomic_store(&cluster->current, record->state == RECORD_OPEN && !record->stale && !record->reset_pending &&
					    view_all(cluster, view_is_verified) && view_follows(cluster));
}

/* The caller holds the mutex. */
static bool is_usable(const struct ledger_cluster *cluster)
{
	struct str namespace;
	return atomic_load(&cluster->current) && view_all(cluster, view_is_listed) && !ledger_behind(cluster->ledger) &&
	       !ledger_unresolved(cluster->ledger, &namespace);
}

bool fit_now(void *context, struct fit_request *request)
{
	struct ledger_cluster *cluster = context;
	struct ledger_verdict verdict = {.policy = NULL};
	pthread_mutex_lock(&cluster->mutex);
	bool known = is_usable(cluster) && ledger_fit(cluster->ledger, request, &verdict);
	if (verdict.policy)
		policy_retain(verdict.policy);
	pthread_mutex_unlock(&cluster->mutex);
	known = known && fit_apply_verdict(request, &verdict) == 0;
	policy_release(verdict.policy);
	return known;
}
