#include "webhook/ledger_embedded.h"

#include <pthread.h>
#include <stdlib.h>

#include "webhook/ledger.h"
#include "webhook/metrics_label.h"

struct ledger_embedded {
	pthread_mutex_t mutex;
	struct ledger *ledger;
};

struct ledger_embedded *ledger_embedded_create(const struct policy *policy, struct error *err)
{
	struct ledger_embedded *embedded = calloc(1, sizeof *embedded);
	struct ledger *ledger = embedded ? ledger_create(policy, LEDGER_EMBEDDED_PODS_MAX, err) : NULL;
	if (!ledger) {
		free(embedded);
		error_set(err, "there is no memory for the ledger");
		return NULL;
	}
	embedded->ledger = ledger;
	pthread_mutex_init(&embedded->mutex, NULL);
	return embedded;
}

void ledger_embedded_destroy(struct ledger_embedded *embedded)
{
	if (!embedded)
		return;
	ledger_destroy(embedded->ledger);
	pthread_mutex_destroy(&embedded->mutex);
	free(embedded);
}

int ledger_embedded_rebase(struct ledger_embedded *embedded, const struct policy *policy)
{
	pthread_mutex_lock(&embedded->mutex);
	int result = ledger_rebase(embedded->ledger, policy);
	pthread_mutex_unlock(&embedded->mutex);
	return result;
}

int ledger_embedded_admit(struct ledger_embedded *embedded, bool dry, struct arena *arena, struct decision *decision,
			  struct buf *charges)
{
	struct ledger_verdict verdict;
	enum ledger_mode mode = dry ? LEDGER_DRY : decision->mirror ? LEDGER_FORCE : LEDGER_HOLD;
	pthread_mutex_lock(&embedded->mutex);
	ledger_decide(embedded->ledger, &decision->holding, mode, arena, &verdict);
	policy_retain(verdict.policy); /* sentences are made outside the lock */
	pthread_mutex_unlock(&embedded->mutex);

	int result;
	if (verdict.answer == LEDGER_OUTAGE)
		result = policy_object_outage(verdict.policy, STR("the ledger is full"), arena, decision);
	else
		result = policy_object_excess(verdict.policy, verdict.excess, verdict.excess_count, arena, decision);
	policy_print_charges(verdict.policy, verdict.charges, verdict.charge_count, charges);
	policy_release(verdict.policy);
	return result;
}

void ledger_embedded_free(struct ledger_embedded *embedded, struct str uid)
{
	pthread_mutex_lock(&embedded->mutex);
	ledger_free(embedded->ledger, uid);
	pthread_mutex_unlock(&embedded->mutex);
}

/* The sums of one moment, so that formatting them holds no lock. */
static wide *copy_sums(struct ledger_embedded *embedded, const struct policy **policy, uint32_t *pods)
{
	pthread_mutex_lock(&embedded->mutex);
	*policy = ledger_policy(embedded->ledger);
	policy_retain(*policy);
	*pods = ledger_pods(embedded->ledger);
	uint32_t count = policy_quota_count(*policy);
	wide *sums = calloc(count + 1, sizeof *sums);
	for (uint32_t i = 0; sums && i < count; i++)
		sums[i] = ledger_used(embedded->ledger, i);
	pthread_mutex_unlock(&embedded->mutex);
	return sums;
}

/* Devices and GPUs as they are, memory in bytes: Prometheus wants base units. */
static void print_value(wide amount, int64_t unit, struct buf *out)
{
	wide whole = amount / unit;
	if (amount % unit == 0)
		buf_printf(out, "%lld\n", (long long)whole);
	else
		buf_printf(out, "%lld.%06lld\n", (long long)whole, (long long)((amount % unit) * 1000000 / unit));
}

static void print_family(const char *name, const char *help, const struct policy *policy, const wide *sums, bool hard,
			 struct buf *out)
{
	static const char *const measures[] = {"count", "gpus", "memory"};
	int64_t unit = policy_unit(policy);
	metrics_head(out, name, "gauge", help);
	for (uint32_t i = 0; i < policy_quota_count(policy); i++) {
		struct quota_view quota;
		policy_quota(policy, i, &quota);
		buf_printf(out, "%s{tenant=", name);
		metrics_label(out, quota.tenant);
		buf_text(out, ",quota=");
		metrics_label(out, quota.name);
		buf_printf(out, ",measure=\"%s\"} ", measures[quota.measure]);
		if (hard && quota.unlimited)
			buf_text(out, "+Inf\n");
		else
			print_value(hard ? quota.hard : sums ? sums[i] : 0, unit, out);
	}
}

void ledger_embedded_metrics(void *context, struct buf *out)
{
	const struct policy *policy;
	uint32_t pods;
	wide *sums = copy_sums(context, &policy, &pods);
	if (sums) {
		print_family("gpugate_quota_used", "What the Pods of a tenant hold of a quota: devices, GPUs or bytes.",
			     policy, sums, false, out);
		print_family("gpugate_quota_hard", "The limit of a quota: devices, GPUs or bytes.", policy, sums, true,
			     out);
		print_family("gpugate_quota_pending",
			     "What was admitted but not yet seen as a Pod: devices, GPUs or bytes.", policy, NULL,
			     false, out);
		metrics_head(out, "gpugate_ledger_pods", "gauge", "Pods that the ledger holds.");
		buf_printf(out, "gpugate_ledger_pods %u\n", pods);
	}
	free(sums);
	policy_release(policy);
}
