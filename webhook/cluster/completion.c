#include "webhook/cluster/completion.h"

#include "webhook/cluster/state.h"
#include "webhook/ledger/verdict.h"

/*
 * The client that creates a Pod chooses the timeout of the webhooks. A request that is still
 * undecided after less than this time is reported as busy, not as an outage.
 */
#define HASTY_MS 3000

void request_release_verdict(struct reservation_request *request)
{
	if (request->policy)
		policy_release(request->policy);
	request->policy = NULL;
}

/* Whether the request is undecided because the ledger does not work, not for lack of time. */
static bool is_outage(const struct ledger_cluster *cluster, const struct reservation_request *request)
{
	return cluster->record.failing || cluster->record.state != RECORD_OPEN || !view_all(cluster, view_is_listed) ||
	       kube_now_ms() - request->arrived_ms >= HASTY_MS;
}

static int deny_undecided(const struct policy *policy, struct reservation_request *request, bool outage,
			  const char *why)
{
	return outage ? policy_add_outage_violation(policy, str_of(why), request->arena, request->decision)
		      : policy_add_busy_violation(policy, str_of(why), request->arena, request->decision);
}

void request_complete_undecided(struct ledger_cluster *cluster, struct reservation_request *request, bool outage,
				const char *why)
{
	request_release_verdict(request);
	cluster_count(cluster, outage ? COUNT_OUTAGES : COUNT_BUSY);
	if (request->kind == REQUEST_LABELS) {
		request->result = 0; /* The labels stay unknown. */
		request->hasty = !outage;
		request->done(request);
		return;
	}
	pthread_mutex_lock(&cluster->mutex);
	const struct policy *policy = ledger_policy(cluster->ledger);
	policy_retain(policy);
	pthread_mutex_unlock(&cluster->mutex);
	request->result = deny_undecided(policy, request, outage, why);
	policy_release(policy);
	request->done(request);
}

/*
 * Whether a denial may count Pods or claims that have ended unnoticed because their watch is
 * interrupted. Such a denial is not final: the client is asked to retry.
 */
static bool is_unsafe_denial(const struct ledger_cluster *cluster, const struct ledger_verdict *verdict)
{
	return verdict->outcome == LEDGER_DENIED && verdict->retry != LEDGER_RETRY_NEVER && !view_follows(cluster);
}

void request_complete(struct ledger_cluster *cluster, struct reservation_request *request)
{
	const struct ledger_verdict *verdict = request->verdict;
	if (is_unsafe_denial(cluster, verdict)) {
		request_complete_undecided(
		    cluster, request, false,
		    "the quota seems to be used up, but a watch of Pods or claims is interrupted, and some of them may "
		    "have ended since");
		return;
	}
	if (verdict->outcome == LEDGER_OUTAGE)
		cluster_count(cluster, verdict->backpressure ? COUNT_BUSY : COUNT_OUTAGES);
	reservation_apply_verdict(request, verdict);
	request_release_verdict(request);
	request->done(request);
}

void request_complete_failed(struct reservation_request *request)
{
	request->result = -1;
	request_release_verdict(request);
	request->done(request);
}

void request_complete_late(struct ledger_cluster *cluster, struct reservation_request *request)
{
	request_complete_undecided(cluster, request, is_outage(cluster, request), request_undecided_reason(cluster));
}

const char *request_undecided_reason(const struct ledger_cluster *cluster)
{
	static const char *const states[] = {
	    [RECORD_UNKNOWN] = "the ledger has not been read yet",
	    [RECORD_MISSING] = "the ledger does not exist yet",
	    [RECORD_SETTLING] = "the ledger was created again and starts to decide in less than a minute",
	    [RECORD_OPEN] = "the ledger could not be written in time",
	};
	if (cluster->record.failing)
		return cluster->record.problem;
	if (cluster->record.state == RECORD_NEWER)
		return cluster->record.newer;
	if (!view_is_listed(cluster, CONSUMER_POD) && cluster->record.state == RECORD_OPEN)
		return "the Pods of the cluster have not been listed yet";
	if (!view_all(cluster, view_is_listed) && cluster->record.state == RECORD_OPEN)
		return "the ResourceClaims of the cluster have not been listed yet";
	if (lookup_holds_up(cluster))
		return "the labels of a namespace with Pods that count could not be read in time";
	if (cluster->record.state == RECORD_OPEN && !view_all(cluster, view_is_verified))
		return "a watch of Pods or claims was interrupted, and the API server could not be asked whether the cluster "
		       "is still the same";
	return states[cluster->record.state];
}
