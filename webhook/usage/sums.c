#include "webhook/usage/sums.h"

#include <stdlib.h>

#include "webhook/usage/held.h"

void ledger_sums_take(struct ledger_sums *sums, const struct ledger *ledger, pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	*sums = (struct ledger_sums){.policy = ledger_policy(ledger),
				     .pods = ledger_pods(ledger),
				     .pending = ledger_pending(ledger),
				     .reservations = ledger_reservations(ledger),
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

enum row { USED, HARD, PENDING, EXCEEDED, PODS, RESERVATIONS, ROWS };

#define QUOTA_UNIT "devices, GPUs, or bytes"

static const struct metric rows[ROWS] = {
    [USED] = {.name = "gpugate_quota_used",
	      .type = METRIC_GAUGE,
	      .unit = QUOTA_UNIT,
	      .help = "What the Pods of a tenant hold of a quota: devices, GPUs or bytes.",
	      .labels = {LEDGER_QUOTA_LABELS},
	      .details = "The Pods of the tenants below it count, too. The unit follows from `measure`: devices for "
			 "`count`, GPUs for `gpus`, bytes for `memory`.",
	      .query = "Quotas that are nearly used up: "
		       "`gpugate_quota_used / (gpugate_quota_hard > 0) > 0.9`"},
    [HARD] = {.name = "gpugate_quota_hard",
	      .type = METRIC_GAUGE,
	      .unit = QUOTA_UNIT,
	      .help = "The limit of a quota: devices, GPUs or bytes.",
	      .labels = {LEDGER_QUOTA_LABELS},
	      .details = "`+Inf` for `unlimited`."},
    [PENDING] = {.name = "gpugate_quota_pending",
		 .type = METRIC_GAUGE,
		 .unit = QUOTA_UNIT,
		 .help = "What was admitted but not yet seen as a Pod, or is reserved for a gang: devices, GPUs or "
			 "bytes.",
		 .labels = {LEDGER_QUOTA_LABELS},
		 .details = "The embedded ledger counts a Pod as used at once, so there it is only what is reserved.",
		 .query =
		     "Above 0 for minutes while `gpugate_ledger_reservations` is 0: something else refuses Pods after "
		     "gpugate has admitted them."},
    [EXCEEDED] = {.name = "gpugate_quota_exceeded",
		  .type = METRIC_GAUGE,
		  .unit = "0 or 1",
		  .help = "1 while more is held than the limits of a quota allow, borrowing included.",
		  .labels = {LEDGER_QUOTA_LABELS},
		  .details = "The limits of the cohort count, too. It is `status.exceeded` of the gpuquotas object.",
		  .alerts = "GpugateQuotaExceeded"},
    [PODS] = {.name = "gpugate_ledger_pods",
	      .type = METRIC_GAUGE,
	      .unit = "Pods",
	      .help = "Pods that the ledger counts.",
	      .alerts = "GpugateLedgerFull",
	      .query = "Compare it with the number of GPU Pods that run. If the difference grows, gpugate misses that "
		       "Pods end."},
    [RESERVATIONS] = {.name = "gpugate_ledger_reservations",
		      .type = METRIC_GAUGE,
		      .unit = "groups",
		      .help = "Groups of Pods of which a part was admitted, and for which the rest is reserved.",
		      .details = "A reservation ends when all Pods of the group exist, after the `gangSeconds` of the "
				 "Rule, or when the group has no Pod any more.",
		      .query = "Above 0 for long: groups do not become complete."},
};

const struct metric_set ledger_sums_metrics = {"Quotas", NULL, METRIC_ROWS(rows)};

void ledger_quota_labels(const struct quota_view *quota, struct str values[static 3])
{
	values[0] = quota->tenant;
	values[1] = quota->name;
	values[2] = str_of(rows[USED].labels[2].values[quota->measure]);
}

void ledger_metrics_amount(wide amount, int64_t unit, struct buf *out)
{
	wide whole = amount / unit;
	if (amount % unit == 0)
		buf_printf(out, "%lld\n", (long long)whole);
	else
		buf_printf(out, "%lld.%06lld\n", (long long)whole, (long long)((amount % unit) * 1000000 / unit));
}

static void print_value(const struct ledger_sums *sums, uint32_t quota, const struct quota_view *view, enum row row,
			struct buf *out)
{
	if (row == EXCEEDED)
		buf_printf(out, "%d\n", quota_is_exceeded(sums->policy, quota, sums->held));
	else if (row == HARD && view->unlimited)
		buf_text(out, "+Inf\n");
	else
		ledger_metrics_amount(row == HARD   ? view->hard
				      : row == USED ? sums->held[quota].used
						    : sums->held[quota].pending,
				      policy_unit(sums->policy), out);
}

static void print_family(const struct ledger_sums *sums, enum row row, struct buf *out)
{
	metric_head(out, &rows[row]);
	for (uint32_t i = 0; i < policy_quota_count(sums->policy); i++) {
		struct quota_view quota;
		struct str labels[METRIC_LABELS_MAX];
		policy_quota(sums->policy, i, &quota);
		ledger_quota_labels(&quota, labels);
		metric_sample(out, &rows[row], labels);
		print_value(sums, i, &quota, row, out);
	}
}

void ledger_sums_print(const struct ledger_sums *sums, struct buf *out)
{
	if (!sums->held)
		return;
	for (enum row row = USED; row <= EXCEEDED; row++)
		print_family(sums, row, out);
	metric_integers(out, &rows[PODS], &(int64_t){sums->pods});
	metric_integers(out, &rows[RESERVATIONS], &(int64_t){sums->reservations});
}
