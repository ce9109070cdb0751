#include "webhook/ledger/reservation.h"

#include <stdlib.h>

#include "gpugate/policy.h"
#include "webhook/ledger/codec.h"
#include "webhook/ledger/gangs.h"
#include "webhook/ledger/state.h"

/* --- What a group has reserved --- */

/* Returns the first reservation of a group; NULL: it has none. */
static const struct entry *reservation_of(const struct gang_group *group)
{
	const struct entry *entry = group ? group->first : NULL;
	return entry && entry_is_reservation(entry) ? entry : NULL;
}

/* Returns the one after it. Pods come after all of them. */
static const struct entry *next_reservation(const struct entry *entry)
{
	const struct entry *next = entry->gang_next;
	return next && entry_is_reservation(next) ? next : NULL;
}

/* --- The rest of a group --- */

/*
 * Subtracts what a Pod requests from the rest, which is sorted. Returns whether anything remains.
 */
static bool subtract(struct resource_request *rest, uint32_t count, const struct consumer *pod)
{
	bool some = false;
	for (uint32_t i = 0; i < pod->request_count; i++) {
		const struct resource_request *request = &pod->requests[i];
		struct resource_request *of = bsearch(request, rest, count, sizeof *rest, resource_request_order);
		if (of)
			of->count = of->count > request->count ? of->count - request->count : 0;
	}
	for (uint32_t i = 0; i < count; i++)
		some |= rest[i].count > 0;
	return some;
}

/* Removes what is 0, and bounds what a text can hold. Returns how many requests remain. */
static uint32_t pack(struct resource_request *rest, uint32_t count)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (rest[i].count <= 0)
			continue;
		rest[kept] = rest[i];
		rest[kept].count = rest[kept].count < COMPANION_MAX ? rest[kept].count : COMPANION_MAX;
		rest[kept++].alternative = false;
	}
	return kept;
}

/* How many Pods of the group are still to come after this one. */
static int64_t pods_to_come(const struct ledger *ledger, const struct consumer *pod, const struct gang_group *group)
{
	const struct entry *self = entry_find(&ledger->table, pod->uid);
	int64_t others = group ? (int64_t)group->pods - (self && self->gang == group) : 0;
	return pod->gang->pods - 1 > others ? pod->gang->pods - 1 - others : 0;
}

/*
 * What is counted is what the Pods that exist or are pending request now, and not what was
 * subtracted before: what was subtracted for a Pod that ended needs no correction.
 */
static uint32_t requests_of_rest(const struct ledger *ledger, const struct consumer *pod, struct resource_request *rest)
{
	const struct gang *gang = pod->gang;
	const struct gang_group *group = gangs_find(&ledger->groups, pod->namespace, pod->group);
	bool by_number = gang->pods > 0;
	int64_t pods = by_number ? pods_to_come(ledger, pod, group) : 1;
	uint32_t count = gang->request_count;
	for (uint32_t i = 0; i < count; i++) {
		rest[i] = gang->requests[i];
		rest[i].count = by_number ? companion_times(rest[i].count, pods) : rest[i].count;
	}
	qsort(rest, count, sizeof *rest, resource_request_order);
	bool some = !by_number && subtract(rest, count, pod);
	for (const struct entry *entry = group ? group->first : NULL; entry && some; entry = entry->gang_next)
		if (!entry_is_reservation(entry) && !str_eq(entry->consumer.uid, pod->uid))
			some = subtract(rest, count, &entry->consumer);
	return pack(rest, count);
}

/*
 * The uid of the Pod that renews it makes each renewal another one, also among replicas. One that
 * is decided again must not meet its own.
 */
static int name_renewal(const struct ledger *ledger, const struct consumer *pod, struct arena *arena,
			struct consumer *rest)
{
	rest->renewal = (uint32_t)str_hash(pod->uid);
	do {
		rest->renewal++;
		rest->uid = ledger_reservation_uid(rest, arena);
	} while (str_present(rest->uid) && entry_find(&ledger->table, rest->uid));
	return str_present(rest->uid) ? 0 : -1;
}

static int make_rest(const struct ledger *ledger, const struct consumer *pod, struct arena *arena, struct consumer *out)
{
	const struct gang *gang = pod->gang;
	struct resource_request *requests = arena_alloc(arena, ((size_t)gang->request_count + 1) * sizeof *requests);
	*out = (struct consumer){.kind = CONSUMER_POD,
				 .namespace = pod->namespace,
				 .group = pod->group,
				 .requests = requests,
				 .models = gang->models,
				 /* Any model is the most expensive one. */
				 .model_count = gang->model_count > CONSUMER_MODELS_MAX ? 0 : gang->model_count,
				 .reserved_seconds = gang->seconds};
	if (!requests)
		return -1;
	out->request_count = requests_of_rest(ledger, pod, requests);
	return out->request_count ? name_renewal(ledger, pod, arena, out) : 0;
}

/* --- What it costs --- */

/* Returns what the rest costs in a quota. */
static wide cost_in(const struct reservation *reservation, uint32_t quota)
{
	for (uint32_t i = 0; i < reservation->charge_count; i++)
		if (reservation->charges[i].quota == quota)
			return reservation->charges[i].amount;
	return 0;
}

static bool has_quota(const struct charge *charges, uint32_t count, uint32_t quota)
{
	for (uint32_t i = 0; i < count; i++)
		if (charges[i].quota == quota)
			return true;
	return false;
}

/*
 * Adds the costs of the Pod and those of the rest. Neither can overflow, because accelerators and
 * other resources are counted up to their bounds (consumer.h).
 */
static int add_costs(const struct ledger *ledger, const struct charge *charges, uint32_t charge_count,
		     struct arena *arena, struct reservation *reservation)
{
	const struct policy *policy = ledger->book.policy;
	uint32_t max = policy_charge_max(policy), made = 0;
	struct charge *whole = arena_zalloc(arena, (size_t)max + 1, sizeof *whole);
	reservation->charges = arena_zalloc(arena, (size_t)max + 1, sizeof *reservation->charges);
	int count =
	    whole && reservation->charges
		? policy_charge(policy, &reservation->rest,
				ledger_namespace_labels(ledger, reservation->rest.namespace), reservation->charges)
		: -1;
	if (count < 0)
		return -1;
	reservation->charge_count = (uint32_t)count;
	for (uint32_t i = 0; i < charge_count; i++) {
		whole[made] = charges[i];
		whole[made++].amount += cost_in(reservation, charges[i].quota);
	}
	for (uint32_t i = 0; i < reservation->charge_count; i++)
		if (!has_quota(charges, charge_count, reservation->charges[i].quota))
			whole[made++] = reservation->charges[i];
	reservation->whole = whole;
	reservation->whole_count = made;
	return 0;
}

/* --- A Pod that is decided without its gang --- */

static bool takes_some(const struct resource_request *rest, uint32_t count, const struct consumer *pod)
{
	for (uint32_t i = 0; i < pod->request_count; i++)
		if (bsearch(&pod->requests[i], rest, count, sizeof *rest, resource_request_order))
			return true;
	return false;
}

/* Whether the reservation may be for this Pod. For one that is known, it was renewed already. */
static bool may_be_for(const struct ledger *ledger, const struct consumer *pod)
{
	const struct entry *self = entry_find(&ledger->table, pod->uid);
	return !(self && (entry_seen(self) || self->gang)) &&
	       (!ledger->options.shared || ledger->form >= RESERVATION_FORM);
}

/*
 * The Pod may be one of those that the group has reserved for, even though no Rule matches it or
 * the size of the group could not be read. Otherwise it would compete with its own reservation.
 */
static int use_up(const struct ledger *ledger, const struct consumer *pod, struct arena *arena,
		  struct reservation *reservation)
{
	const struct entry *old = reservation_of(gangs_find(&ledger->groups, pod->namespace, pod->group));
	if (!old || !may_be_for(ledger, pod))
		return 0;
	uint32_t count = old->consumer.request_count;
	struct resource_request *rest = arena_alloc(arena, ((size_t)count + 1) * sizeof *rest);
	if (!rest)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		rest[i] = old->consumer.requests[i];
	qsort(rest, count, sizeof *rest, resource_request_order);
	if (!takes_some(rest, count, pod))
		return 0;
	subtract(rest, count, pod);
	reservation->decides = reservation->alone = true;
	reservation->rest = old->consumer;
	reservation->rest.namespace = pod->namespace; /* The old entry may be freed. */
	reservation->rest.group = pod->group;
	reservation->rest.requests = rest;
	reservation->rest.request_count = pack(rest, count);
	return name_renewal(ledger, pod, arena, &reservation->rest);
}

/* --- Decisions --- */

/* Whether some quota limits the rest. Otherwise there is nothing to be kept free. */
static bool is_limited(const struct policy *policy, const struct reservation *reservation)
{
	for (uint32_t i = 0; i < reservation->charge_count; i++) {
		struct quota_view view;
		policy_quota(policy, reservation->charges[i].quota, &view);
		if (!view.unlimited)
			return true;
	}
	return false;
}

int reservation_prepare(struct ledger *ledger, const struct consumer *pod, const struct charge *charges,
			uint32_t charge_count, struct arena *arena, struct reservation *reservation)
{
	*reservation = (struct reservation){.whole = charges, .whole_count = charge_count};
	if (!str_present(pod->group))
		return 0;
	reservation->decides = pod->gang && pod->gang->seconds > 0;
	int made = reservation->decides ? make_rest(ledger, pod, arena, &reservation->rest)
		   : pod->gang          ? 0
					: use_up(ledger, pod, arena, reservation);
	if (made < 0 || !reservation->decides)
		return made;
	made = add_costs(ledger, charges, charge_count, arena, reservation);
	if (!is_limited(ledger->book.policy, reservation))
		reservation_forgo(reservation);
	return made;
}

void reservation_leave(struct ledger *ledger, struct reservation *reservation, const struct charge *charges,
		       uint32_t charge_count)
{
	reservation_exclude(ledger, reservation, true);
	*reservation = (struct reservation){.whole = charges, .whole_count = charge_count};
}

void reservation_explain(const struct reservation *reservation, struct quota_violation *violations, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		violations[i].of_group = cost_in(reservation, violations[i].quota);
}

void reservation_forgo(struct reservation *reservation)
{
	reservation->rest.request_count = 0;
}

/* --- The entry --- */

void reservation_exclude(struct ledger *ledger, const struct reservation *reservation, bool back)
{
	if (!reservation->decides)
		return;
	const struct gang_group *group =
	    gangs_find(&ledger->groups, reservation->rest.namespace, reservation->rest.group);
	for (const struct entry *entry = reservation_of(group); entry; entry = next_reservation(entry))
		book_exclude(&ledger->book, entry, back);
}

const char *reservation_refused(const struct ledger *ledger, const struct reservation *reservation)
{
	if (!reservation->rest.request_count || !ledger->options.shared || ledger->form >= RESERVATION_FORM)
		return NULL;
	return "gangs are not reserved yet, because a Pod of an older version of gpugate exists";
}

static void drop(struct ledger *ledger, struct entry *entry)
{
	entry->state = 0;
	ledger_update_booking(ledger, entry);
	entry_drop(&ledger->table, entry);
}

/* Ends a reservation once the decision is written, which it is at once in a ledger of its own. */
static void replace(struct ledger *ledger, struct entry *entry)
{
	if (!ledger->options.shared) {
		drop(ledger, entry);
		return;
	}
	entry->state |= ENTRY_REPLACED;
	ledger_update_booking(ledger, entry);
}

static void replace_others(struct ledger *ledger, const struct reservation *reservation, const struct entry *fresh)
{
	struct gang_group *group = gangs_find(&ledger->groups, reservation->rest.namespace, reservation->rest.group);
	/* The group ends with its last entry. */
	for (struct entry *entry = group ? group->first : NULL, *next; entry && entry_is_reservation(entry);
	     entry = next) {
		next = entry->gang_next;
		if (entry != fresh)
			replace(ledger, entry);
	}
}

/* Whether what the group has reserved takes at least as much room in the text. */
static bool is_roomy(const struct ledger *ledger, const struct consumer *rest)
{
	const struct gang_group *group = gangs_find(&ledger->groups, rest->namespace, rest->group);
	for (const struct entry *entry = reservation_of(group); entry; entry = next_reservation(entry))
		if (entry_takes_text(entry) && ledger_text_fits(rest) && ledger_text_bytes(rest) <= entry->text_bytes)
			return true;
	return false;
}

const char *reservation_renew(struct ledger *ledger, const struct reservation *reservation, int64_t now_ms,
			      bool *backpressure)
{
	static const char no_memory[] = "there is no memory for the ledger";
	const struct consumer *rest = &reservation->rest;
	struct entry *fresh = NULL;
	if (!reservation->decides)
		return NULL;
	if (rest->request_count) {
		const char *why = is_roomy(ledger, rest) ? NULL : ledger_no_room(ledger, rest);
		/* Waiting makes room, but it does not make what cannot be written shorter. */
		*backpressure = why && ledger->options.shared && ledger_text_fits(rest);
		fresh = why ? NULL : entry_make(rest, NULL);
		if (!fresh)
			return why ? why : no_memory;
		entry_put(&ledger->table, NULL, fresh);
		fresh->state = ENTRY_TENTATIVE;
		fresh->pending_ms = now_ms;
		ledger_update_booking(ledger, fresh);
		if (fresh->mischarged) {
			drop(ledger, fresh);
			return no_memory;
		}
	}
	replace_others(ledger, reservation, fresh);
	return NULL;
}

/* --- The end --- */

/* Whether a reservation is in force and has no reason to be any more. */
static bool is_over(const struct ledger *ledger, const struct entry *entry, int64_t now_ms)
{
	bool written = !ledger->options.shared || !(entry->state & ENTRY_TENTATIVE);
	if (!entry_is_reservation(entry) || !entry_is_pending(entry) || !written)
		return false;
	if (now_ms - entry->pending_ms >= (int64_t)entry->consumer.reserved_seconds * 1000)
		return true;
	/* Its Rule is gone, and nobody may come who would use it up. */
	if (!policy_has_gangs(ledger->book.policy))
		return true;
	/* A replica that is about to start cannot read reservations, and must not wait for them. */
	if (ledger->options.shared && ledger->form < RESERVATION_FORM)
		return true;
	return !ledger_behind(ledger) && entry->gang && entry->gang->pods == 0;
}

int ledger_end_reservations(struct ledger *ledger, int64_t now_ms)
{
	int seen = 0;
	for (struct entry *entry = ledger->pending, *next; entry; entry = next) {
		next = entry->pending_next;
		if (!is_over(ledger, entry, now_ms))
			continue;
		seen = LEDGER_FREED;
		if (!ledger->options.shared) {
			drop(ledger, entry);
			continue;
		}
		entry->state |= ENTRY_EXPIRED;
		entry->gone_ms = now_ms;
		ledger_update_booking(ledger, entry);
	}
	return seen;
}
