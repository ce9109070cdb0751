#include "webhook/ledger/ledger.h"

#include <stdlib.h>

#include "gpugate/trace.h"
#include "webhook/ledger/codec.h"
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
	if (!ledger || entry_table_init(&ledger->table) < 0 || book_open(&ledger->book, options->policy) < 0) {
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
	book_close(&ledger->book);
	for (enum ledger_list list = 0; list < LEDGER_LABELLED; list++)
		labels_release(&ledger->labels[list]);
	labels_release(&ledger->devices);
	arena_release(&ledger->scratch);
	free(ledger);
}

/* --- [decide] --- */

/*
 * Limits for pending entries by the form that is written; those of form 1 are the limits of version
 * 0.1.0.
 */
static const struct caps {
	uint32_t pods;
	size_t bytes;
	size_t more; /* Bytes that the form adds to ledger_text_bytes for each Pod. */
} form_caps[LEDGER_FORM + 1] = {
    [1] = {512, 256u << 10, LEDGER_TEXT_FORM_1_BYTES},
    [2] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},
    [3] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},
};

/*
 * The tenants below one root may take one fourth of what the others leave.
 *
 * A root that was just admitted leaves three times as much free as it has, and thus at least 3/4 of
 * what was free without it. In any order, n roots leave at least (3/4)^n of the total. A root that
 * has nothing yet finds room while one fourth of that is at least one Pod. With a limit of 512 Pods
 * that holds for up to 16 other roots, with 2,048 for up to 21.
 */
static bool is_fair(size_t own, size_t others, size_t all)
{
	return others < all && LEDGER_ROOT_SHARE * own <= all - others;
}

static size_t text_of(const struct caps *caps, uint32_t pods, size_t bytes)
{
	return bytes + pods * caps->more;
}

/*
 * Pods may have many requests with long names, and a few of them could fill the text. A single Pod
 * is always admitted.
 */
static bool root_has_room(const struct caps *caps, const struct book *book, const struct book_root *root, size_t bytes)
{
	uint32_t others = book->text_entries - root->entries;
	return book->text_entries == 0 ||
	       (is_fair(root->entries + 1, others, caps->pods) &&
		is_fair(text_of(caps, root->entries + 1, root->bytes + bytes),
			text_of(caps, others, book->text_bytes - root->bytes), caps->bytes - LEDGER_TEXT_HEAD));
}

static uint32_t root_of(const struct ledger *ledger, const struct consumer *consumer)
{
	return policy_root(ledger->book.policy, consumer->namespace,
			   ledger_namespace_labels(ledger, consumer->namespace));
}

void ledger_round(struct ledger *ledger)
{
	ledger->round++;
}

bool ledger_has_backpressure(const struct ledger *ledger, const struct consumer *consumer)
{
	uint32_t root = root_of(ledger, consumer);
	return root != UINT32_MAX && ledger->round && ledger->book.roots[root].backpressure == ledger->round;
}

static bool has_room(const struct caps *caps, const struct book *book, const struct book_root *root, size_t bytes)
{
	return book->text_entries < caps->pods &&
	       LEDGER_TEXT_HEAD + text_of(caps, book->text_entries + 1, book->text_bytes + bytes) <= caps->bytes &&
	       (!root || root_has_room(caps, book, root, bytes));
}

/* Returns why another Pod cannot be held; NULL: it can. */
static const char *no_room(struct ledger *ledger, const struct consumer *consumer)
{
	const struct book *book = &ledger->book;
	if (ledger->options.pods_max && ledger->table.map.count >= ledger->options.pods_max)
		return "the ledger is full";
	if (!ledger->options.shared)
		return NULL;
	if (!ledger_text_fits(consumer))
		return consumer->kind == CONSUMER_CLAIM ? "the names in the claim are not such as Kubernetes gives"
							: "the names of the Pod are not such as Kubernetes gives";
	uint32_t number = root_of(ledger, consumer);
	struct book_root *root = number == UINT32_MAX ? NULL : &book->roots[number];
	if (!ledger_has_backpressure(ledger, consumer) &&
	    has_room(&form_caps[ledger->form], book, root, ledger_text_bytes(consumer)))
		return NULL;
	if (root)
		root->backpressure = ledger->round;
	return root && root->entries
		   ? "too many Pods and claims of this tenant were admitted and have not been stored yet"
		   : "the ledger is full of Pods and claims that were admitted and have not been stored yet";
}

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
	const char *why = roomy ? NULL : no_room(ledger, consumer);
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
	entry->state &= (uint8_t)~ENTRY_TENTATIVE;
	ledger_update_booking(ledger, entry);
	if (entry->state == 0)
		entry_drop(&ledger->table, entry);
	return no_memory;
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

void ledger_decide(struct ledger *ledger, const struct consumer *consumer, enum ledger_mode mode, int64_t now_ms,
		   struct arena *arena, const struct trace *trace, struct ledger_verdict *verdict)
{
	const struct policy *policy = ledger->book.policy;
	const struct pairs *labels = ledger_namespace_labels(ledger, consumer->namespace);
	*verdict = (struct ledger_verdict){.outcome = LEDGER_OUTAGE, .policy = policy, .why = no_memory};
	struct charge *charges = arena_zalloc(arena, policy_charge_max(policy), sizeof *charges);
	struct quota_violation *quota_violation =
	    arena_zalloc(arena, policy_quota_violations_max(policy), sizeof *quota_violation);
	struct charge *room = arena_alloc(arena, policy_charge_max(policy) * sizeof *room);
	int count = charges && quota_violation && room ? policy_charge(policy, consumer, labels, charges) : -1;
	if (count < 0 || !ledger_exact(ledger))
		return;
	verdict->charges = charges;
	verdict->charge_count = (uint32_t)count;
	verdict->denial = (struct quota_denial){.quota_violation = quota_violation, .room = room};
	verdict->outcome = LEDGER_ADMITTED;
	verdict->why = NULL;

	struct entry *self = entry_find(&ledger->table, consumer->uid);
	if (self)
		book_exclude(&ledger->book, self, false);
	bool denied = false;
	struct quota_denial *exceeded = &verdict->denial;
	exceeded->quota_violation_count =
	    policy_exceeded(policy, charges, verdict->charge_count, ledger->book.held, quota_violation, &denied);
	if (exceeded->quota_violation_count)
		exceeded->room_count = policy_room(policy, consumer->namespace, labels, ledger->book.held, room);
	if (trace)
		policy_trace_charges(policy, consumer, labels, charges, verdict->charge_count, ledger->book.held, arena,
				     trace);
	if (self)
		book_exclude(&ledger->book, self, true);

	if (denied && mode != LEDGER_FORCE) {
		verdict->outcome = LEDGER_DENIED;
		verdict->retry = retry_of(exceeded);
		return;
	}
	if (mode == LEDGER_DRY)
		return;
	bool backpressure = false;
	verdict->why = hold(ledger, consumer, now_ms, &backpressure);
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
	return ledger->book.pending;
}

void ledger_each(const struct ledger *ledger, void (*each)(void *context, const struct entry *entry), void *context)
{
	for (const struct entry *entry = entry_next(&ledger->table, NULL); entry;
	     entry = entry_next(&ledger->table, entry))
		each(context, entry);
}
