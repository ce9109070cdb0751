#include "webhook/usage/sums.h"

#include <stdlib.h>

#include "gpugate/enum_names.h"
#include "webhook/metrics/text.h"
#include "webhook/usage/held.h"

void ledger_sums_take(struct ledger_sums *sums, const struct ledger *ledger, pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	*sums = (struct ledger_sums){.policy = ledger_policy(ledger),
				     .pods = ledger_pods(ledger),
				     .pending = ledger_pending(ledger),
				     .unfit = ledger_unfit(ledger)};
	policy_retain(sums->policy);
	uint32_t count = policy_quota_count(sums->policy);
	sums->held = calloc(count + 1, sizeof *sums->held);
	if (sums->held)
		memcpy(sums->held, ledger_held(ledger), count * sizeof *sums->held);
	pthread_mutex_unlock(mutex);
}

void ledger_sums_release(struct ledger_sums *sums)
{
	policy_release(sums->policy);
	free(sums->held);
}

enum column { HARD, USED, PENDING, EXCEEDED };

static const struct {
	const char *name, *help;
} families[] = {
    [HARD] = {"gpugate_quota_hard", "The limit of a quota: devices, GPUs or bytes."},
    [USED] = {"gpugate_quota_used", "What the Pods of a tenant hold of a quota: devices, GPUs or bytes."},
    [PENDING] = {"gpugate_quota_pending", "What was admitted but not yet seen as a Pod: devices, GPUs or bytes."},
    [EXCEEDED] = {"gpugate_quota_exceeded",
		  "1 while more is held than the limits of a quota allow, borrowing included."},
};

void ledger_metrics_quota(const struct quota_view *quota, struct buf *out)
{
	buf_text(out, "tenant=");
	metrics_label(out, quota->tenant);
	buf_text(out, ",quota=");
	metrics_label(out, quota->name);
	buf_printf(out, ",measure=\"%s\"", measure_name(quota->measure));
}

void ledger_metrics_amount(wide amount, int64_t unit, struct buf *out)
{
	wide whole = amount / unit;
	if (amount % unit == 0)
		buf_printf(out, "%lld\n", (long long)whole);
	else
		buf_printf(out, "%lld.%06lld\n", (long long)whole, (long long)((amount % unit) * 1000000 / unit));
}

static void print_value(const struct ledger_sums *sums, uint32_t quota, const struct quota_view *view,
			enum column column, struct buf *out)
{
	if (column == EXCEEDED)
		buf_printf(out, "%d\n", quota_is_exceeded(sums->policy, quota, sums->held));
	else if (column == HARD && view->unlimited)
		buf_text(out, "+Inf\n");
	else
		ledger_metrics_amount(column == HARD   ? view->hard
				      : column == USED ? sums->held[quota].used
						       : sums->held[quota].pending,
				      policy_unit(sums->policy), out);
}

static void print_family(const struct ledger_sums *sums, enum column column, struct buf *out)
{
	metrics_head(out, families[column].name, "gauge", families[column].help);
	for (uint32_t i = 0; i < policy_quota_count(sums->policy); i++) {
		struct quota_view quota;
		policy_quota(sums->policy, i, &quota);
		buf_printf(out, "%s{", families[column].name);
		ledger_metrics_quota(&quota, out);
		buf_text(out, "} ");
		print_value(sums, i, &quota, column, out);
	}
}

void ledger_sums_print(const struct ledger_sums *sums, struct buf *out)
{
	if (!sums->held)
		return;
	print_family(sums, USED, out);
	print_family(sums, HARD, out);
	print_family(sums, PENDING, out);
	print_family(sums, EXCEEDED, out);
	metrics_head(out, "gpugate_ledger_pods", "gauge", "Pods that the ledger counts.");
	buf_printf(out, "gpugate_ledger_pods %u\n", sums->pods);
}
