#include "webhook/ledger_namespaces.h"

#include "webhook/kube_loop.h"
#include "webhook/ledger_entry.h"
#include "webhook/ledger_metrics.h"
#include "webhook/metrics_label.h"

static void add_entry(void *context, const struct entry *entry)
{
	struct holders *holders = context;
	for (uint32_t i = 0; i < entry->charge_count; i++)
		if (entry->charges[i].amount > 0)
			holders_add(holders, entry->charges[i].quota, entry->holding.namespace,
				    entry->charges[i].amount);
}

void ledger_namespaces_sum(const struct ledger *ledger, struct holders *holders)
{
	ledger_each(ledger, add_entry, holders);
}

int ledger_namespaces_open(struct ledger_namespaces *namespaces, struct error *err)
{
	*namespaces = (struct ledger_namespaces){.holders = holders_create()};
	if (!namespaces->holders)
		return error_set(err, "there is no memory for the sums of namespaces");
	pthread_mutex_init(&namespaces->mutex, NULL);
	return 0;
}

void ledger_namespaces_close(struct ledger_namespaces *namespaces)
{
	if (!namespaces->holders)
		return;
	holders_destroy(namespaces->holders);
	if (namespaces->policy)
		policy_release(namespaces->policy);
	pthread_mutex_destroy(&namespaces->mutex);
	*namespaces = (struct ledger_namespaces){0};
}

/* Sums anew, unless that was done a moment ago. */
static void refresh(struct ledger_namespaces *namespaces, const struct ledger *ledger, pthread_mutex_t *mutex)
{
	int64_t begun_ms = kube_now_ms();
	if (namespaces->policy && begun_ms < namespaces->again_ms)
		return;
	if (namespaces->policy)
		policy_release(namespaces->policy);
	holders_reset(namespaces->holders);
	pthread_mutex_lock(mutex);
	namespaces->policy = ledger_policy(ledger);
	policy_retain(namespaces->policy);
	ledger_namespaces_sum(ledger, namespaces->holders);
	pthread_mutex_unlock(mutex);
	holders_sort(namespaces->holders);
	int64_t now_ms = kube_now_ms();
	namespaces->again_ms = now_ms + (now_ms - begun_ms) * LEDGER_NAMESPACES_SHARE;
}

struct row {
	const struct policy *policy;
	struct quota_view quota;
	struct buf *out;
};

static void print_row(const struct row *row, struct str namespace, wide amount)
{
	buf_text(row->out, "gpugate_namespace_held{");
	ledger_metrics_quota(&row->quota, row->out);
	buf_text(row->out, ",namespace=");
	metrics_label(row->out, namespace);
	buf_text(row->out, "} ");
	ledger_metrics_amount(amount, policy_unit(row->policy), row->out);
}

static void print_quota(const struct row *row, const struct holder_sum *sums, uint32_t count)
{
	wide rest = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (i < LEDGER_NAMESPACES_MAX)
			print_row(row, sums[i].namespace, sums[i].amount);
		else
			rest += sums[i].amount;
	}
	if (rest > 0)
		print_row(row, STR(""), rest);
}

void ledger_namespaces_print(struct ledger_namespaces *namespaces, const struct ledger *ledger, pthread_mutex_t *mutex,
			     struct buf *out)
{
	metrics_head(out, "gpugate_namespace_held", "gauge",
		     "What the Pods of a namespace hold of a quota, pending included: devices, GPUs or bytes.");
	pthread_mutex_lock(&namespaces->mutex);
	refresh(namespaces, ledger, mutex);
	for (uint32_t i = 0; i < policy_quota_count(namespaces->policy); i++) {
		struct row row = {.policy = namespaces->policy, .out = out};
		uint32_t count;
		const struct holder_sum *sums = holders_of(namespaces->holders, i, &count);
		policy_quota(row.policy, i, &row.quota);
		print_quota(&row, sums, count);
	}
	pthread_mutex_unlock(&namespaces->mutex);
}
