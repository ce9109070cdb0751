#include "webhook/ledger/fit.h"

#include "gpugate/quota.h"
#include "webhook/ledger/reservation.h"
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

/* How much each limited quota can still take, and where there is room for violations. */
struct limits {
	struct charge *room;
	uint32_t room_count;
	struct quota_violation *violations;
};

static bool limits_of(const struct ledger *ledger, const struct consumer *consumer, struct arena *arena,
		      struct limits *limits)
{
	const struct policy *policy = ledger->book.policy;
	limits->room = arena_zalloc(arena, (size_t)policy_charge_max(policy) + 1, sizeof *limits->room);
	limits->violations =
	    arena_zalloc(arena, (size_t)policy_quota_violations_max(policy) + 1, sizeof *limits->violations);
	if (!limits->room || !limits->violations)
		return false;
	limits->room_count =
	    policy_room(policy, consumer->namespace, ledger_namespace_labels(ledger, consumer->namespace),
			ledger->book.held, limits->room);
	return true;
}

/*
 * Computes by division how many Pods fit; at most `most`. These are too few if a quota denies only
 * because a sum overflows, so the result has to be tried. Both lists are in the order of the
 * tenant's quotas.
 */
static int64_t estimate(const struct limits *limits, uint32_t violation_count, int64_t most)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < violation_count; i++) {
		const struct quota_violation *violation = &limits->violations[i];
		while (at < limits->room_count && limits->room[at].quota != violation->quota)
			at++;
		if (at == limits->room_count)
			break;
		wide fits = limits->room[at].amount / violation->requested;
		if (violation->denies && fits < most)
			most = (int64_t)fits;
	}
	return most;
}

/*
 * How many Pods are admitted before the first denial. The more are held, the less fits. Each
 * attempt examines all quotas of a cohort under the ledger's mutex. Three are enough if the
 * estimate is right; only otherwise their number grows with the logarithm of `count`.
 */
static int64_t bisect(struct ledger *ledger, const struct cost *cost, const struct limits *limits, int64_t count)
{
	int64_t fits = 0, most = count, next = count - 1, estimated = count;
	for (unsigned attempt = 0; fits < most; attempt++) {
		bool denied;
		put_in(ledger, cost, next);
		uint32_t violation_count = policy_exceeded(ledger->book.policy, cost->charges, cost->count,
							   ledger->book.held, limits->violations, &denied);
		if (denied)
			most = next;
		else
			fits = next + 1;
		if (attempt == 0)
			estimated = estimate(limits, violation_count, most);
		next = fits + (most - fits) / 2;
		if (attempt < 2 && estimated >= fits)
			next = estimated < most ? estimated : most - 1;
	}
	return fits;
}

/* Holds what Pods cost that come before the others. `costs` has room for each group. */
static bool hold_before(struct ledger *ledger, const struct fit_request *request, struct cost *costs, uint32_t *held)
{
	for (*held = 0; *held < request->before_count; ++*held) {
		const struct fit_pods *pods = &request->before[*held];
		if (!cost_of(ledger, pods->consumer, request->reservation->arena, &costs[*held]))
			return false;
		put_in(ledger, &costs[*held], pods->count);
	}
	return true;
}

/* Answers for one Pod and the rest of its group. */
static bool fit_whole(struct ledger *ledger, struct fit_request *request, struct ledger_verdict *verdict)
{
	struct reservation_request *reservation = request->reservation;
	ledger_decide(ledger, &reservation->decision->consumer, LEDGER_DRY, 0, reservation->arena, NULL, verdict);
	request->fits = verdict->outcome == LEDGER_ADMITTED;
	return true;
}

/* Answers the question while the Pods that come before are held. */
static bool fit_next(struct ledger *ledger, struct fit_request *request, struct ledger_verdict *verdict)
{
	struct reservation_request *reservation = request->reservation;
	/* So many are asked about at once, and nothing is reserved for more. */
	struct consumer alone = reservation->decision->consumer;
	const struct consumer *consumer = &alone;
	alone.gang = NULL;
	alone.group = (struct str){0};
	struct limits limits;
	struct cost cost;
	if (!cost_of(ledger, consumer, reservation->arena, &cost) ||
	    !limits_of(ledger, consumer, reservation->arena, &limits))
		return false;
	request->fits = bisect(ledger, &cost, &limits, request->count);
	put_in(ledger, &cost, request->fits);
	if (request->fits < request->count)
		ledger_decide(ledger, consumer, LEDGER_DRY, 0, reservation->arena, NULL, verdict);
	restore(ledger, &cost);
	return true;
}

bool ledger_fit(struct ledger *ledger, struct fit_request *request, struct ledger_verdict *verdict)
{
	struct arena *arena = request->reservation->arena;
	struct cost replaced = {.count = 0};
	struct cost *before = arena_zalloc(arena, (size_t)request->before_count + 1, sizeof *before);
	const struct reservation own = {
	    .decides = str_present(request->own_group),
	    .rest = {.namespace = request->reservation->decision->consumer.namespace, .group = request->own_group}};
	uint32_t held;
	*verdict = (struct ledger_verdict){.policy = ledger->book.policy};
	if (!before || !ledger_exact(ledger))
		return false;
	if (request->replaced && !cost_of(ledger, request->replaced, arena, &replaced))
		return false;
	reservation_exclude(ledger, &own, false);
	take_out(ledger, &replaced, request->replaced_count);
	bool known = hold_before(ledger, request, before, &held) &&
		     (request->whole ? fit_whole : fit_next)(ledger, request, verdict);
	/* In reverse, because each remembers what was held before it. */
	while (held > 0)
		restore(ledger, &before[--held]);
	restore(ledger, &replaced);
	reservation_exclude(ledger, &own, true);
	return known && verdict->outcome != LEDGER_OUTAGE;
}

int fit_apply_verdict(struct fit_request *request, const struct ledger_verdict *verdict)
{
	request->never = false;
	request->most = INT64_MAX;
	for (uint32_t i = 0; i < verdict->denial.quota_violation_count; i++) {
		const struct quota_violation *violation = &verdict->denial.quota_violation[i];
		wide most = violation->max / violation->requested;
		if (!violation->denies)
			continue;
		request->never |= most < 1;
		request->most = most < request->most ? (int64_t)most : request->most;
	}
	reservation_apply_verdict(request->reservation, verdict);
	return request->reservation->result;
}
