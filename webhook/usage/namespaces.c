#include "webhook/usage/namespaces.h"

#include "webhook/usage/holders.h"
#include "webhook/usage/sums.h"

#define NAMES_MAX (1u << 20) /* Maximum bytes of the namespaces of one quota's rows. */

static const struct metric held = {
    .name = "gpugate_namespace_held",
    .type = METRIC_GAUGE,
    .unit = "devices, GPUs, or bytes",
    .help = "What the Pods of a namespace hold of a quota, pending included: devices, GPUs or bytes.",
    .labels = {LEDGER_QUOTA_LABELS, {.name = "namespace"}},
    .details =
	"A namespace has a series for each quota on the path of its tenant. The 1000 largest namespaces of a quota "
	"have rows; the sum of the rest has an empty `namespace`. The dashboard's row \"Held beside what GPUs "
	"do\" shows it.",
    .alerts = "GpugateHeldIdle",
};

const struct metric_set ledger_namespaces_metrics = {"Namespaces", NULL, &held, 1};

struct printing {
	const struct policy *policy; /* Retained. */
	struct holder_sum *sums;     /* Room for the rows of one quota. */
	struct arena names;          /* Holds the copied namespaces of `sums`. */
	struct buf *out;
};

static void print_row(const struct printing *printing, const struct quota_view *quota, struct str namespace,
		      wide amount)
{
	struct str labels[METRIC_LABELS_MAX];
	ledger_quota_labels(quota, labels);
	labels[3] = namespace;
	metric_sample(printing->out, &held, labels);
	ledger_metrics_amount(amount, policy_unit(printing->policy), printing->out);
}

/*
 * Copies the largest sums of a quota, so that they can be printed without the lock. Must be called
 * under the lock. Returns the number of rows, or -1 if the policy has changed.
 */
static int64_t copy_sums(struct printing *printing, const struct ledger *ledger, uint32_t quota, wide *rest)
{
	if (ledger_policy(ledger) != printing->policy)
		return -1;
	uint32_t count = holders_largest(ledger_holders(ledger, quota), printing->sums, LEDGER_NAMESPACES_MAX, rest);
	arena_reset(&printing->names);
	for (uint32_t i = 0; i < count; i++)
		printing->sums[i].namespace = arena_str(&printing->names, printing->sums[i].namespace);
	return count;
}

static int print_quota(struct printing *printing, const struct ledger *ledger, pthread_mutex_t *mutex, uint32_t index)
{
	struct quota_view quota;
	wide rest = 0;
	pthread_mutex_lock(mutex);
	int64_t count = copy_sums(printing, ledger, index, &rest);
	pthread_mutex_unlock(mutex);
	if (count < 0)
		return -1;
	holders_sort(printing->sums, (uint32_t)count);
	policy_quota(printing->policy, index, &quota);
	for (int64_t i = 0; i < count; i++)
		print_row(printing, &quota, printing->sums[i].namespace, printing->sums[i].amount);
	if (rest > 0)
		print_row(printing, &quota, STR(""), rest);
	return 0;
}

/* Prints all quotas of the current policy. Returns -1 if the policy changes meanwhile. */
static int print_quotas(struct printing *printing, const struct ledger *ledger, pthread_mutex_t *mutex)
{
	int result = 0;
	pthread_mutex_lock(mutex);
	printing->policy = ledger_policy(ledger);
	policy_retain(printing->policy);
	pthread_mutex_unlock(mutex);
	uint32_t count = policy_quota_count(printing->policy);
	for (uint32_t i = 0; result == 0 && i < count; i++)
		result = print_quota(printing, ledger, mutex, i);
	policy_release(printing->policy);
	return result;
}

void ledger_namespaces_print(const struct ledger *ledger, pthread_mutex_t *mutex, struct buf *out)
{
	struct printing printing = {.sums = calloc(LEDGER_NAMESPACES_MAX, sizeof *printing.sums), .out = out};
	metric_head(out, &held);
	size_t begun = out->len;
	arena_init(&printing.names, 64 << 10, NAMES_MAX);
	while (printing.sums && print_quotas(&printing, ledger, mutex) < 0)
		out->len = begun;
	arena_release(&printing.names);
	free(printing.sums);
}
