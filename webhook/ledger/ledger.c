#include "webhook/ledger/ledger.h"

#include <stdlib.h>

#include "gpugate/trace.h"
#include "webhook/ledger/codec.h"
#include "webhook/ledger/gangs.h"
#include "webhook/ledger/reservation.h"
#include "webhook/ledger/state.h"

static const char no_memory[] = "there is no memory for the ledger";

struct ledger *ledger_create(const struct ledger_options *options, struct error *err)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	if (ledger) {
		ledger->options = *options;
		ledger->form = LEDGER_FORM;
		ledger->lacks_claim_version = true;
		arena_init(&ledger->scratch, 16 << 10, 16 << 20);
		for (enum ledger_list list = 0; list < LEDGER_LABELLED; list++)
			labels_init(&ledger->labels[list]);
		labels_init(&ledger->devices);
	}
	if (!ledger || entry_table_init(&ledger->table) < 0 || gangs_init(&ledger->groups) < 0 ||
	    book_open(&ledger->book, options->policy) < 0) {
		ledger_destroy(ledger);
		error_set(err, "%s", no_memory);
		return NULL;
	}
	return ledger;
}

void ledger_destroy(struct ledger *ledger)
{
	if (!ledger)
		return;
	entry_table_release(&ledger->table);
	gangs_release(&ledger->groups);
	book_close(&ledger->book);
	for (enum ledger_list list = 0; list < LEDGER_LABELLED; list++)
		labels_release(&ledger->labels[list]);
	labels_release(&ledger->devices);
	arena_release(&ledger->scratch);
	free(ledger);
}

/* --- [decide] --- */

/*
 * Returns why no claim can be held at the moment; NULL: claims can be held. A replica that reads no
 * form with claims would not count them.
 */
static const char *no_claims(const struct ledger *ledger, const struct consumer *consumer)
{
	if (ledger->form < ledger_text_first_form(consumer))
		return "claims are not counted yet, because a Pod of an older version of gpugate exists";
	if (ledger_lacks_claim_version(ledger))
		return "claims are not counted yet: the ledger has no spec.claimVersion. If this lasts, update the "
		       "CustomResourceDefinition gpuledgers.gpugate.io";
	return NULL;
}

/* Undoes a decision: the entry is not tentative any more. */
static void let_go(struct ledger *ledger, struct str uid)
{
	struct entry *entry = entry_find(&ledger->table, uid);
	entry->state &= (uint8_t)~ENTRY_TENTATIVE;
	ledger_update_booking(ledger, entry);
	if (entry->state == 0)
		entry_drop(&ledger->table, entry);
}

/* Holds an admitted Pod as tentative. Returns NULL, or why it cannot be held. */
static const char *hold(struct ledger *ledger, const struct consumer *consumer, int64_t now_ms, bool *backpressure)
{
	struct entry *self = entry_find(&ledger->table, consumer->uid);
	if (self && entry_seen(self) && ledger->options.shared)
		return NULL; /* It exists, and therefore needs no pending entry. */
	const char *unclaimed =
	    consumer->kind == CONSUMER_CLAIM && ledger->options.shared ? no_claims(ledger, consumer) : NULL;
	if (unclaimed)
		return unclaimed;
	bool roomy = self && (entry_takes_text(self) || !ledger->options.shared);
	const char *why = roomy ? NULL : ledger_no_room(ledger, consumer);
	/* In a shared ledger, each of these reasons is caused by tenants, not by an outage. */
	*backpressure = why && ledger->options.shared;
	if (why)
		return why;
	struct entry *entry = entry_make(consumer, NULL);
	if (!entry)
		return no_memory;
	ledger_replace(ledger, self, entry);
	entry->pending_ms = now_ms; /* A new request starts the time to live again. */
	entry->due_version = 0;
	entry->state = (uint8_t)((entry->state & ~ENTRY_EXPIRED) | ENTRY_TENTATIVE);
	ledger_update_booking(ledger, entry);
	if (!entry->mischarged)
		return NULL;
	let_go(ledger, consumer->uid);
	return no_memory;
}

/*
 * Holds an admitted Pod, and what the rest of its group requests. Holds both or neither. Returns
 * NULL, or why they cannot be held.
 */
static const char *hold_all(struct ledger *ledger, const struct consumer *consumer, const struct reservation *rest,
			    int64_t now_ms, bool *backpressure)
{
	const struct entry *self = entry_find(&ledger->table, consumer->uid);
	bool tentative = self && self->state & ENTRY_TENTATIVE;
	const char *why = reservation_refused(ledger, rest);
	why = why ? why : hold(ledger, consumer, now_ms, backpressure);
	if (why)
		return why;
	why = reservation_renew(ledger, rest, now_ms, backpressure);
	if (why && !tentative)
		let_go(ledger, consumer->uid);
	return why;
}

/* Whether all limits that deny the Pod may change; one that stays is enough to deny it. */
static enum ledger_retry retry_of(const struct quota_denial *denial)
{
	enum ledger_retry retry = LEDGER_RETRY_SOON;
	for (uint32_t i = 0; i < denial->quota_violation_count; i++) {
		const struct quota_violation *quota_violation = &denial->quota_violation[i];
		if (quota_violation->denies && quota_violation->requested > quota_violation->max)
			return LEDGER_RETRY_NEVER;
		if (quota_violation->denies && !quota_violation->changing)
			retry = LEDGER_RETRY_UNSEEN;
	}
	return retry;
}

/* What is decided, and memory for it in the arena. */
struct question {
	const struct consumer *consumer;
	const struct pairs *labels;
	struct arena *arena;
	const struct trace *trace;
	struct quota_violation *violations;
	struct charge *charges, *room;
	struct reservation rest;
};

/* Computes what is charged. Returns 0, or -1 without memory. */
static int begin(struct ledger *ledger, enum ledger_mode mode, struct question *q, struct ledger_verdict *verdict)
{
	const struct policy *policy = verdict->policy;
	const struct consumer *consumer = q->consumer;
	q->labels = ledger_namespace_labels(ledger, consumer->namespace);
	q->charges = arena_zalloc(q->arena, policy_charge_max(policy), sizeof *q->charges);
	q->violations = arena_zalloc(q->arena, policy_quota_violations_max(policy), sizeof *q->violations);
	q->room = arena_alloc(q->arena, policy_charge_max(policy) * sizeof *q->room);
	int count =
	    q->charges && q->violations && q->room ? policy_charge(policy, consumer, q->labels, q->charges) : -1;
	if (count < 0 || !ledger_exact(ledger))
		return -1;
	verdict->charges = q->charges;
	verdict->charge_count = (uint32_t)count;
	verdict->denial = (struct quota_denial){.quota_violation = q->violations, .room = q->room};
	q->rest = (struct reservation){.whole = q->charges, .whole_count = (uint32_t)count};
	/* What is running already waits for nobody. */
	if (mode == LEDGER_FORCE)
		return 0;
	return reservation_prepare(ledger, consumer, q->charges, (uint32_t)count, q->arena, &q->rest);
}

/*
 * Subtracts what the decision replaces from the sums temporarily, or adds it `back`: the same Pod,
 * and what is reserved for its group.
 */
static void exclude(struct ledger *ledger, const struct question *q, bool back)
{
	const struct entry *self = entry_find(&ledger->table, q->consumer->uid);
	if (self)
		book_exclude(&ledger->book, self, back);
	reservation_exclude(ledger, &q->rest, back);
}

/*
 * Compares what the Pod and the rest of its group cost with the limits. A Pod without a gang that
 * exceeds one even so is decided as if its group had nothing to do with it.
 */
static uint32_t compare(struct ledger *ledger, struct question *q, const struct ledger_verdict *verdict, bool *denied)
{
	const struct policy *policy = verdict->policy;
	const struct held *held = ledger->book.held;
	uint32_t count = policy_exceeded(policy, q->rest.whole, q->rest.whole_count, held, q->violations, denied);
	if (count == 0 || !q->rest.alone)
		return count;
	reservation_leave(ledger, &q->rest, q->charges, verdict->charge_count);
	return policy_exceeded(policy, q->charges, verdict->charge_count, held, q->violations, denied);
}

/* Decides by the limits. Returns whether one of them denies the Pod. */
static bool judge(struct ledger *ledger, struct question *q, struct ledger_verdict *verdict)
{
	const struct policy *policy = verdict->policy;
	const struct held *held = ledger->book.held;
	struct quota_denial *exceeded = &verdict->denial;
	bool denied = false;
	exclude(ledger, q, false);
	exceeded->quota_violation_count = compare(ledger, q, verdict, &denied);
	reservation_explain(&q->rest, q->violations, exceeded->quota_violation_count);
	if (exceeded->quota_violation_count)
		exceeded->room_count = policy_room(policy, q->consumer->namespace, q->labels, held, q->room);
	if (q->trace)
		policy_trace_charges(
		    policy, q->consumer, q->labels,
		    &(struct trace_charges){q->charges, verdict->charge_count, q->rest.whole, q->rest.whole_count},
		    held, q->arena, q->trace);
	exclude(ledger, q, true);
	return denied;
}

void ledger_decide(struct ledger *ledger, const struct consumer *consumer, enum ledger_mode mode, int64_t now_ms,
		   struct arena *arena, const struct trace *trace, struct ledger_verdict *verdict)
{
	struct question q = {.consumer = consumer, .arena = arena, .trace = trace};
	*verdict = (struct ledger_verdict){.outcome = LEDGER_OUTAGE, .policy = ledger->book.policy, .why = no_memory};
	if (begin(ledger, mode, &q, verdict) < 0)
		return;
	verdict->outcome = LEDGER_ADMITTED;
	verdict->why = NULL;
	bool denied = judge(ledger, &q, verdict);
	if (denied && mode != LEDGER_FORCE) {
		verdict->outcome = LEDGER_DENIED;
		verdict->retry = retry_of(&verdict->denial);
		return;
	}
	if (mode == LEDGER_DRY)
		return;
	/* What exceeds a limit that denies nothing is not kept free, either. */
	if (verdict->denial.quota_violation_count)
		reservation_forgo(&q.rest);
	bool backpressure = false;
	verdict->why = hold_all(ledger, consumer, &q.rest, now_ms, &backpressure);
	if (verdict->why) {
		verdict->outcome = LEDGER_OUTAGE;
		verdict->backpressure = backpressure;
	}
}

void ledger_hold(struct ledger *ledger, struct str uid)
{
	struct entry *entry = entry_find(&ledger->table, uid);
	if (!entry)
		return;
	entry->state = ENTRY_ALIVE;
	ledger_update_booking(ledger, entry);
}

bool ledger_free(struct ledger *ledger, struct str uid)
{
	struct entry *entry = entry_find(&ledger->table, uid);
	if (!entry)
		return false;
	entry->state = 0;
	ledger_update_booking(ledger, entry);
	entry_drop(&ledger->table, entry);
	return true;
}

/* --- Policy, sums and examples --- */

const struct policy *ledger_policy(const struct ledger *ledger)
{
	return ledger->book.policy;
}

const struct held *ledger_held(const struct ledger *ledger)
{
	return ledger->book.held;
}

void ledger_assume(struct ledger *ledger, uint32_t quota, wide amount)
{
	ledger->book.held[quota].used += amount;
	ledger->book.assumed[quota] += amount;
	tally_note(&ledger->book.tally, quota);
}

const struct tally_sum *ledger_holders(const struct ledger *ledger, uint32_t quota)
{
	return ledger->book.tally.quotas[quota];
}

bool ledger_take_changed(struct ledger *ledger, uint32_t *quota)
{
	return tally_take(&ledger->book.tally, quota);
}

uint32_t ledger_pods(const struct ledger *ledger)
{
	return ledger->book.used;
}

bool ledger_unresolved(const struct ledger *ledger, struct str *namespace)
{
	if (ledger->unresolved_count == 0)
		return false;
	for (const struct entry *entry = entry_next(&ledger->table, NULL); entry;
	     entry = entry_next(&ledger->table, entry))
		if (entry->unresolved) {
			*namespace = entry->consumer.namespace;
			return true;
		}
	return false;
}

struct ledger_unfit ledger_unfit(const struct ledger *ledger)
{
	return (struct ledger_unfit){ledger->on_no_model, ledger->on_several_models};
}

const struct entry *ledger_unfit_example(const struct ledger *ledger)
{
	if (ledger->on_no_model + ledger->on_several_models == 0)
		return NULL;
	for (const struct entry *entry = entry_next(&ledger->table, NULL); entry;
	     entry = entry_next(&ledger->table, entry))
		if (entry->unfit)
			return entry;
	return NULL;
}

uint32_t ledger_pending(const struct ledger *ledger)
{
	return ledger->book.pending - ledger->book.reservations;
}

uint32_t ledger_reservations(const struct ledger *ledger)
{
	return ledger->book.reservations;
}

void ledger_each(const struct ledger *ledger, void (*each)(void *context, const struct entry *entry), void *context)
{
	for (const struct entry *entry = entry_next(&ledger->table, NULL); entry;
	     entry = entry_next(&ledger->table, entry))
		each(context, entry);
}
