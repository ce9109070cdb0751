#include "webhook/ledger/fit.h"

#include "gpugate/quota.h"
#include "webhook/ledger/state.h"
#include "webhook/ledger/verdict.h"

#define WIDE_MAX ((((wide)1 << 126) - 1) * 2 + 1)

/* What Pods of one kind cost, and what was used of these quotas before the call. */
struct cost {
	struct charge *charges;
	wide *used;
	uint32_t count;
};

/* Returns false if the charges are not known. */
static bool cost_of(const struct ledger *ledger, const struct consumer *consumer, struct arena *arena,
		    struct cost *cost)
{
	const struct policy *policy = ledger->book.policy;
	uint32_t max = policy_charge_max(policy);
	cost->charges = arena_zalloc(arena, (size_t)max + 1, sizeof *cost->charges);
	cost->used = arena_zalloc(arena, (size_t)max + 1, sizeof *cost->used);
	if (!cost->charges || !cost->used)
		return false;
	int count =
	    policy_charge(policy, consumer, ledger_namespace_labels(ledger, consumer->namespace), cost->charges);
	cost->count = count < 0 ? 0 : (uint32_t)count;
	for (uint32_t i = 0; i < cost->count; i++)
		cost->used[i] = ledger->book.held[cost->charges[i].quota].used;
	return count >= 0;
}

static void restore(struct ledger *ledger, const struct cost *cost)
{
	for (uint32_t i = 0; i < cost->count; i++)
		ledger->book.held[cost->charges[i].quota].used = cost->used[i];
}

/* Frees what so many Pods hold. They may be counted with less, as the models of their nodes. */
static void take_out(struct ledger *ledger, const struct cost *cost, int64_t pods)
{
	for (uint32_t i = 0; i < cost->count; i++) {
		wide amount, *used = &ledger->book.held[cost->charges[i].quota].used;
		bool all = __builtin_mul_overflow(cost->charges[i].amount, (wide)pods, &amount) || amount > *used;
		*used = all ? 0 : *used - amount;
	}
}

/* Holds what so many Pods cost. A sum that overflows exceeds every limit. */
static void put_in(struct ledger *ledger, const struct cost *cost, int64_t pods)
{
	for (uint32_t i = 0; i < cost->count; i++) {
		wide amount, sum;
		bool too_much = __builtin_mul_overflow(cost->charges[i].amount, (wide)pods, &amount) ||
				__builtin_add_overflow(cost->used[i], amount, &sum);
		ledger->book.held[cost->charges[i].quota].used = too_much ? WIDE_MAX : sum;
	}
}

/* How many Pods are admitted before the first denial. The more are held, the less fits. */
static int64_t bisect(struct ledger *ledger, const struct cost *cost, int64_t count, struct quota_violation *violations)
{
	int64_t fits = 0, most = count;
	while (fits < most) {
		int64_t middle = fits + (most - fits) / 2;
		bool denied;
		put_in(ledger, cost, middle);
		policy_exceeded(ledger->book.policy, cost->charges, cost->count, ledger->book.held, violations,
				&denied);
		if (denied)
			most = middle;
		else
			fits = middle + 1;
	}
	return fits;
}

bool ledger_fit(struct ledger *ledger, struct fit_request *request, struct ledger_verdict *verdict)
{
	struct reservation_request *reservation = request->reservation;
	const struct consumer *consumer = &reservation->decision->consumer;
	struct cost replaced = {.count = 0}, cost;
	struct quota_violation *violations = arena_zalloc(
	    reservation->arena, (size_t)policy_quota_violations_max(ledger->book.policy) + 1, sizeof *violations);
	*verdict = (struct ledger_verdict){.policy = ledger->book.policy};
	if (!violations || !ledger_exact(ledger))
		return false;
	if (request->replaced && !cost_of(ledger, request->replaced, reservation->arena, &replaced))
		return false;
	take_out(ledger, &replaced, request->replaced_count);
	bool known = cost_of(ledger, consumer, reservation->arena, &cost);
	if (known) {
		request->fits = bisect(ledger, &cost, request->count, violations);
		put_in(ledger, &cost, request->fits);
		if (request->fits < request->count)
			ledger_decide(ledger, consumer, LEDGER_DRY, 0, reservation->arena, NULL, verdict);
		restore(ledger, &cost);
	}
	restore(ledger, &replaced);
	return known && verdict->outcome != LEDGER_OUTAGE;
}

int fit_apply_verdict(struct fit_request *request, const struct ledger_verdict *verdict)
{
	request->never = false;
	request->most = INT64_MAX;
	for (uint32_t i = 0; i < verdict->denial.quota_violation_count; i++) {
		const struct quota_violation *violation = &verdict->denial.quota_violation[i];
		wide most = violation->requested > 0 ? violation->max / violation->requested : INT64_MAX;
		if (!violation->denies)
			continue;
		request->never |= most < 1;
		request->most = most < request->most ? (int64_t)most : request->most;
	}
	reservation_apply_verdict(request->reservation, verdict);
	return request->reservation->result;
}
