#include "webhook/ledger/ledger.h"

#include <stdlib.h>

#include "webhook/ledger/codec.h"
#include "webhook/ledger/state.h"

static const char no_memory[] = "there is no memory for the ledger";

struct ledger *ledger_create(const struct ledger_options *options, struct error *err)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	if (ledger) {
		ledger->options = *options;
		ledger->form = LEDGER_FORM;
		arena_init(&ledger->scratch, 16 << 10, 16 << 20);
		labels_init(&ledger->namespaces);
		labels_init(&ledger->nodes);
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
	labels_release(&ledger->namespaces);
	labels_release(&ledger->nodes);
	arena_release(&ledger->scratch);
	free(ledger);
}

/* --- Entries --- */

static bool is_pending(const struct entry *entry)
{
	return entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE) && !(entry->state & ENTRY_SWEPT);
}

/* Which sum an entry belongs to: the view speaks for every Pod that it has ever had. */
static enum entry_booking booking_of(const struct entry *entry)
{
	if (entry_seen(entry))
		return entry->state & ENTRY_ALIVE && !(entry->state & ENTRY_FINISHED) ? BOOKED_USED : BOOKED_NOWHERE;
	if (is_pending(entry))
		return BOOKED_PENDING;
	return entry->state & ENTRY_UNREADABLE ? BOOKED_USED : BOOKED_NOWHERE;
}

/* Whether it takes room in the text until it is folded: a Pod that has been seen still does, unless it holds nothing any more. */
static bool takes_text(const struct entry *entry)
{
	return is_pending(entry) && booking_of(entry) != BOOKED_NOWHERE;
}

static void untrack(struct entry *entry)
{
	if (!entry->pending_link)
		return;
	*entry->pending_link = entry->pending_next;
	if (entry->pending_next)
		entry->pending_next->pending_link = entry->pending_link;
	entry->pending_link = NULL;
	entry->pending_next = NULL;
}

static void track(struct ledger *ledger, struct entry *entry)
{
	entry->pending_next = ledger->pending;
	entry->pending_link = &ledger->pending;
	if (ledger->pending)
		ledger->pending->pending_link = &entry->pending_next;
	ledger->pending = entry;
}

bool ledger_settle(struct ledger *ledger, struct entry *entry)
{
	bool pending = entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE);
	if (pending && !entry->pending_link)
		track(ledger, entry);
	else if (!pending)
		untrack(entry);
	const struct pairs *labels = ledger_namespace_labels(ledger, entry->holding.namespace);
	unsigned booked = book_entry(&ledger->book, entry, booking_of(entry), takes_text(entry), labels);
	entry_note_mischarged(ledger, entry, booked & BOOKED_NO_MEMORY);
	bool stranger = entry->booked != BOOKED_NOWHERE && !labels && policy_reads_namespaces(ledger->book.policy);
	ledger->strangers += (uint32_t)stranger - (uint32_t)entry->stranger;
	entry->stranger = stranger;
	uint8_t unfit = entry->booked == BOOKED_NOWHERE ? 0 : entry->node_fit;
	ledger->on_no_model += !!(unfit & NODE_OF_NO_MODEL) - (uint32_t) !!(entry->unfit & NODE_OF_NO_MODEL);
	ledger->on_several_models +=
	    !!(unfit & NODE_OF_SEVERAL_MODELS) - (uint32_t) !!(entry->unfit & NODE_OF_SEVERAL_MODELS);
	entry->unfit = unfit;
	return booked & BOOKED_FREED;
}

void ledger_replace(struct ledger *ledger, struct entry **link, struct entry *entry)
{
	struct entry *old = *link;
	if (old) {
		entry->state = old->state;
		entry->copy = old->copy;
		entry->list = old->list;
		entry->seen_version = old->seen_version;
		entry->seen_ms = old->seen_ms;
		entry->due_version = old->due_version;
		entry->pending_ms = old->pending_ms;
		entry->gone_ms = old->gone_ms;
		entry->terminating_ms = old->terminating_ms;
		entry->grace_ms = old->grace_ms;
		/* Its booking moves over as it is, and is looked at anew when the entry is settled. */
		entry->charges = old->charges;
		entry->charge_count = old->charge_count;
		entry->booked = old->booked;
		entry->leaving = old->leaving;
		entry->stranger = old->stranger;
		entry->mischarged = old->mischarged;
		entry->unfit = old->unfit;
		entry->root = old->root;
		entry->text_bytes = old->text_bytes;
		old->charges = NULL;
		untrack(old);
	}
	entry_put(&ledger->table, link, entry);
}

bool ledger_prune(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	const struct entry *entry = *link;
	int64_t memory_ms = 2 * ledger->options.ttl_ms;
	bool remembered = ledger->comparing && entry->list == ledger->list;
	if (remembered || entry->state & (ENTRY_ALIVE | ENTRY_UNREADABLE | ENTRY_PENDING | ENTRY_TENTATIVE) ||
	    (entry->state & (ENTRY_GONE | ENTRY_SWEPT) && now_ms - entry->gone_ms < memory_ms))
		return false;
	entry_drop(&ledger->table, link);
	return true;
}

/* --- [decide] --- */

/* What may be pending, by the form that is written: in form 1 what 0.1.0 lets in. */
static const struct caps {
	uint32_t pods;
	size_t bytes;
	size_t more; /* that the form adds to ledger_text_bytes of each Pod */
} form_caps[LEDGER_FORM + 1] = {
    [1] = {512, 256u << 10, LEDGER_TEXT_FORM_1_BYTES},
    [2] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},
};

/*
 * The tenants below one root may take a quarter of what the others leave. A root that has just been let in leaves three times as much
 * free as it has, and so at least 3/4 of what was free without it: however they go about it, n roots leave (3/4)^n of all, and whoever
 * has nothing yet finds room as long as a quarter of that is one Pod: beside 16 others of 512 Pods, beside 21 of 2,048.
 */
static bool is_fair(size_t own, size_t others, size_t all)
{
	return others < all && LEDGER_ROOT_SHARE * own <= all - others;
}

static size_t text_of(const struct caps *caps, uint32_t pods, size_t bytes)
{
	return bytes + pods * caps->more;
}

/* A Pod may ask for many things of long names: some of these could fill the text alone. A single Pod is always let in. */
static bool root_has_room(const struct caps *caps, const struct book *book, const struct book_root *root, size_t bytes)
{
	uint32_t others = book->text_entries - root->entries;
	return book->text_entries == 0 ||
	       (is_fair(root->entries + 1, others, caps->pods) &&
		is_fair(text_of(caps, root->entries + 1, root->bytes + bytes),
			text_of(caps, others, book->text_bytes - root->bytes), caps->bytes - LEDGER_TEXT_HEAD));
}

static uint32_t root_of(const struct ledger *ledger, const struct holding *holding)
{
	return policy_root(ledger->book.policy, holding->namespace,
			   ledger_namespace_labels(ledger, holding->namespace));
}

void ledger_round(struct ledger *ledger)
{
	ledger->round++;
}

bool ledger_is_crowded(const struct ledger *ledger, const struct holding *holding)
{
	uint32_t root = root_of(ledger, holding);
	return root != UINT32_MAX && ledger->round && ledger->book.roots[root].crowded == ledger->round;
}

static bool has_room(const struct caps *caps, const struct book *book, const struct book_root *root, size_t bytes)
{
	return book->text_entries < caps->pods &&
	       LEDGER_TEXT_HEAD + text_of(caps, book->text_entries + 1, book->text_bytes + bytes) <= caps->bytes &&
	       (!root || root_has_room(caps, book, root, bytes));
}

/* Why one more Pod cannot be held; NULL: it can. */
static const char *no_room(struct ledger *ledger, const struct holding *holding)
{
	const struct book *book = &ledger->book;
	if (ledger->options.pods_max && ledger->table.count >= ledger->options.pods_max)
		return "the ledger is full";
	if (!ledger->options.shared)
		return NULL;
	if (!ledger_text_fits(holding))
		return "the names of the Pod are not such as Kubernetes gives";
	uint32_t number = root_of(ledger, holding);
	struct book_root *root = number == UINT32_MAX ? NULL : &book->roots[number];
	if (!ledger_is_crowded(ledger, holding) &&
	    has_room(&form_caps[ledger->form], book, root, ledger_text_bytes(holding)))
		return NULL;
	if (root)
		root->crowded = ledger->round;
	return root && root->entries ? "too many Pods of this tenant were admitted and have not been stored yet"
				     : "the ledger is full of Pods that were admitted and have not been stored yet";
}

/* Notes as tentative what was admitted. Returns NULL, or why that cannot be. */
static const char *hold(struct ledger *ledger, const struct holding *holding, int64_t now_ms, bool *crowded)
{
	struct entry **link = entry_find(&ledger->table, holding->uid), *self = *link;
	if (self && entry_seen(self) && ledger->options.shared)
		return NULL; /* it exists, so it needs no pending entry */
	bool roomy = self && (takes_text(self) || !ledger->options.shared);
	const char *why = roomy ? NULL : no_room(ledger, holding);
	*crowded = why && ledger->options.shared; /* whatever it is, the tenant has brought it about */
	if (why)
		return why;
	struct entry *entry = entry_make(holding, NULL);
	if (!entry)
		return no_memory;
	ledger_replace(ledger, link, entry);
	entry->pending_ms = now_ms; /* it is another request, and may take as long as any */
	entry->due_version = 0;
	entry->state = (uint8_t)((entry->state & ~ENTRY_SWEPT) | ENTRY_TENTATIVE);
	ledger_settle(ledger, entry);
	if (!entry->mischarged)
		return NULL;
	entry->state &= (uint8_t)~ENTRY_TENTATIVE;
	ledger_settle(ledger, entry);
	if (entry->state == 0)
		entry_drop(&ledger->table, entry_find(&ledger->table, holding->uid));
	return no_memory;
}

/* Whether what refuses a Pod could end, all of it: one limit that stays is enough to refuse. */
static enum ledger_hope hope_of(const struct refused *refused)
{
	enum ledger_hope hope = LEDGER_HOPE_SOON;
	for (uint32_t i = 0; i < refused->excess_count; i++) {
		const struct excess *excess = &refused->excess[i];
		if (excess->refuses && excess->requested > excess->most)
			return LEDGER_HOPE_NONE;
		if (excess->refuses && !excess->changing)
			hope = LEDGER_HOPE_UNSEEN;
	}
	return hope;
}

void ledger_decide(struct ledger *ledger, const struct holding *holding, enum ledger_mode mode, int64_t now_ms,
		   struct arena *arena, struct ledger_verdict *verdict)
{
	const struct policy *policy = ledger->book.policy;
	const struct pairs *labels = ledger_namespace_labels(ledger, holding->namespace);
	*verdict = (struct ledger_verdict){.answer = LEDGER_OUTAGE, .policy = policy, .why = no_memory};
	struct charge *charges = arena_zalloc(arena, policy_charge_max(policy), sizeof *charges);
	struct excess *excess = arena_zalloc(arena, policy_excess_max(policy), sizeof *excess);
	struct charge *room = arena_alloc(arena, policy_charge_max(policy) * sizeof *room);
	int count = charges && excess && room ? policy_charge(policy, holding, labels, charges) : -1;
	if (count < 0 || !ledger_exact(ledger))
		return;
	verdict->charges = charges;
	verdict->charge_count = (uint32_t)count;
	verdict->refused = (struct refused){.excess = excess, .room = room};
	verdict->answer = LEDGER_ADMITTED;
	verdict->why = NULL;

	struct entry *self = *entry_find(&ledger->table, holding->uid);
	if (self)
		book_lift(&ledger->book, self, false);
	bool refused = false;
	struct refused *exceeded = &verdict->refused;
	exceeded->excess_count =
	    policy_exceeded(policy, charges, verdict->charge_count, ledger->book.held, excess, &refused);
	if (exceeded->excess_count)
		exceeded->room_count = policy_room(policy, holding->namespace, labels, ledger->book.held, room);
	if (self)
		book_lift(&ledger->book, self, true);

	if (refused && mode != LEDGER_FORCE) {
		verdict->answer = LEDGER_REFUSED;
		verdict->hope = hope_of(exceeded);
		return;
	}
	if (mode == LEDGER_DRY)
		return;
	bool crowded = false;
	verdict->why = hold(ledger, holding, now_ms, &crowded);
	if (verdict->why) {
		verdict->answer = LEDGER_OUTAGE;
		verdict->crowded = crowded;
	}
}

void ledger_hold(struct ledger *ledger, struct str uid)
{
	struct entry *entry = *entry_find(&ledger->table, uid);
	if (!entry)
		return;
	entry->state = ENTRY_ALIVE;
	ledger_settle(ledger, entry);
}

bool ledger_free(struct ledger *ledger, struct str uid)
{
	struct entry **link = entry_find(&ledger->table, uid), *entry = *link;
	if (!entry)
		return false;
	entry->state = 0;
	ledger_settle(ledger, entry);
	entry_drop(&ledger->table, link);
	return true;
}

/* --- The copy --- */

struct loading {
	struct ledger *ledger;
	int64_t now_ms;
	bool dry; /* only looks whether there is memory and sense in it */
};

static int load_entry(void *context, const struct holding *holding)
{
	struct loading *loading = context;
	struct ledger *ledger = loading->ledger;
	struct entry **link = entry_find(&ledger->table, holding->uid), *entry = *link;
	if (!entry || entry->state == ENTRY_UNREADABLE) { /* of which no more may be known than that it exists */
		entry = entry_make(holding, NULL);
		if (!entry)
			return -1;
		ledger_replace(ledger, link, entry);
	}
	if (!(entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE))) {
		entry->pending_ms = loading->now_ms;
		entry->due_version = 0;
		entry->state &= (uint8_t)~ENTRY_SWEPT; /* it had left the copy: this is another admission of it */
	}
	entry->state |= ENTRY_PENDING;
	entry->copy = ledger->copy;
	ledger_settle(ledger, entry);
	return 0;
}

/* Takes a state off the entries that `which` says, and drops those of which nothing is left. */
static void strip(struct ledger *ledger, uint8_t state, bool (*which)(const struct ledger *, const struct entry *))
{
	for (struct entry *entry = ledger->pending, *next; entry; entry = next) {
		next = entry->pending_next;
		if (!(entry->state & state) || !which(ledger, entry))
			continue;
		entry->state &= (uint8_t)~state;
		ledger_settle(ledger, entry);
		if (entry->state == 0)
			entry_drop(&ledger->table, entry_find(&ledger->table, entry->holding.uid));
	}
}

static bool is_of_older_copy(const struct ledger *ledger, const struct entry *entry)
{
	return entry->copy != ledger->copy;
}

static bool is_any(const struct ledger *ledger, const struct entry *entry)
{
	(void)ledger, (void)entry;
	return true;
}

static int count_entry(void *context, const struct holding *holding)
{
	(void)holding;
	++*(uint32_t *)context;
	return 0;
}

int ledger_load(struct ledger *ledger, uint64_t version, struct str pending, int64_t now_ms, struct error *err)
{
	uint32_t count = 0;
	struct loading loading = {.ledger = ledger, .now_ms = now_ms};
	arena_reset(&ledger->scratch);
	int result = ledger_text_read(pending, &ledger->scratch, count_entry, &count, err);
	if (result < 0)
		return result; /* before anything has changed */
	ledger->copy++;
	arena_reset(&ledger->scratch);
	result = ledger_text_read(pending, &ledger->scratch, load_entry, &loading, err);
	if (result < 0)
		return result;
	strip(ledger, ENTRY_PENDING, is_of_older_copy);
	ledger->version = version;
	ledger->copy_form = ledger_text_form(pending);
	return 0;
}

bool ledger_behind(const struct ledger *ledger)
{
	return ledger->view_version < ledger->version || ledger->lost || ledger->mischarged;
}

uint64_t ledger_version(const struct ledger *ledger)
{
	return ledger->version;
}

/* Whether a write leaves a pending entry out: its Pod is gone, never comes, or has been seen for long enough. */
static bool is_left_out(const struct ledger *ledger, const struct entry *entry, int64_t now_ms)
{
	if (!takes_text(entry))
		return true;
	return entry_seen(entry) &&
	       (now_ms - entry->seen_ms >= ledger->options.fold_ms || !ledger_text_fits(&entry->holding));
}

void ledger_encode(const struct ledger *ledger, int64_t now_ms, struct buf *pending, uint64_t *version)
{
	struct ledger_text text;
	*version = ledger->version;
	ledger_text_begin(&text, pending, ledger->form);
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next) {
		if (!is_left_out(ledger, entry, now_ms))
			ledger_text_add(&text, &entry->holding);
		else if (entry->booked == BOOKED_USED && entry->seen_version > *version)
			*version = entry->seen_version;
	}
	ledger_text_end(&text);
}

void ledger_set_form(struct ledger *ledger, unsigned form)
{
	ledger->form = form;
}

unsigned ledger_form(const struct ledger *ledger)
{
	return ledger->form;
}

bool ledger_form_is_ahead(const struct ledger *ledger)
{
	return ledger->copy_form > ledger->form;
}

bool ledger_foldable(const struct ledger *ledger, int64_t now_ms)
{
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (is_left_out(ledger, entry, now_ms))
			return true;
	return false;
}

void ledger_resolve(struct ledger *ledger)
{
	strip(ledger, ENTRY_TENTATIVE, is_any);
}

/* Whether an entry's request was over at `then_ms`, and its Pod has not been seen. */
static bool is_overdue(const struct ledger *ledger, const struct entry *entry, int64_t then_ms)
{
	const uint8_t never = ENTRY_TENTATIVE | ENTRY_SWEPT | ENTRY_UNREADABLE;
	return entry->state & ENTRY_PENDING && !(entry->state & never) && !entry_seen(entry) &&
	       then_ms - entry->pending_ms >= ledger->options.ttl_ms;
}

bool ledger_overdue(const struct ledger *ledger, int64_t now_ms)
{
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (!entry->due_version && is_overdue(ledger, entry, now_ms))
			return true;
	return false;
}

void ledger_due(struct ledger *ledger, uint64_t version, int64_t asked_ms)
{
	for (struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (!entry->due_version && is_overdue(ledger, entry, asked_ms))
			entry->due_version = version;
}

uint32_t ledger_sweep(struct ledger *ledger, int64_t now_ms)
{
	uint32_t swept = 0;
	for (struct entry *entry = ledger->pending; entry; entry = entry->pending_next) {
		if (!entry->due_version || !is_overdue(ledger, entry, now_ms) ||
		    ledger->view_version < entry->due_version)
			continue;
		entry->state |= ENTRY_SWEPT;
		entry->gone_ms = now_ms;
		ledger_settle(ledger, entry);
		swept++;
	}
	return swept;
}

bool ledger_awaits_sweep(const struct ledger *ledger)
{
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (entry->due_version > ledger->view_version && is_overdue(ledger, entry, INT64_MAX))
			return true;
	return false;
}

/* --- Otherwise --- */

const struct policy *ledger_policy(const struct ledger *ledger)
{
	return ledger->book.policy;
}

const struct held *ledger_held(const struct ledger *ledger)
{
	return ledger->book.held;
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

bool ledger_stranger(const struct ledger *ledger, struct str *namespace)
{
	for (uint32_t i = 0; ledger->strangers && i <= ledger->table.mask; i++)
		for (const struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next)
			if (entry->stranger) {
				*namespace = entry->holding.namespace;
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
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (const struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next)
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
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (const struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next)
			each(context, entry);
}

/* Charges computed anew, since those that entries carry may be what is wrong. */
static int check_entry(const struct ledger *ledger, const struct entry *entry, struct book *book)
{
	struct entry fresh = *entry;
	struct charge *charges = book->charges;
	enum entry_booking where = booking_of(entry);
	int count = where == BOOKED_NOWHERE
			? 0
			: policy_charge(ledger->book.policy, &entry->holding,
					ledger_namespace_labels(ledger, entry->holding.namespace), charges);
	if (count < 0 || entry->booked != where)
		return -1;
	fresh.charges = charges;
	fresh.charge_count = (uint32_t)count;
	fresh.leaving = where == BOOKED_USED && entry->terminating_ms;
	book_lift(book, &fresh, true);
	book->used += where == BOOKED_USED;
	book->pending += where == BOOKED_PENDING;
	book->text_entries += takes_text(entry);
	book->text_bytes += takes_text(entry) ? ledger_text_bytes(&entry->holding) : 0;
	return 0;
}

/* Whether the sums by namespace make up what is held of a quota. */
static bool is_tallied(const struct ledger *ledger, uint32_t quota)
{
	wide amount = 0;
	for (const struct tally_sum *sum = ledger_holders(ledger, quota); sum; sum = sum->quota_next)
		amount += sum->amount;
	return amount == ledger->book.held[quota].used + ledger->book.held[quota].pending;
}

bool ledger_check(const struct ledger *ledger)
{
	uint32_t quotas = policy_quota_count(ledger->book.policy), entries = 0, strangers = 0;
	struct ledger_unfit unfit = {0};
	struct book fresh;
	if (book_open(&fresh, ledger->book.policy) < 0)
		return false;
	bool exact = true;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (const struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next, entries++) {
			exact &= check_entry(ledger, entry, &fresh) == 0;
			strangers += entry->stranger;
			unfit.of_no_model += !!(entry->unfit & NODE_OF_NO_MODEL);
			unfit.of_several_models += !!(entry->unfit & NODE_OF_SEVERAL_MODELS);
		}
	exact &= entries == ledger->table.count && strangers == ledger->strangers &&
		 unfit.of_no_model == ledger->on_no_model && unfit.of_several_models == ledger->on_several_models;
	for (uint32_t i = 0; i < quotas; i++)
		exact &= fresh.held[i].used == ledger->book.held[i].used &&
			 fresh.held[i].pending == ledger->book.held[i].pending &&
			 fresh.held[i].terminating == ledger->book.held[i].terminating && is_tallied(ledger, i);
	exact &= fresh.used == ledger->book.used && fresh.pending == ledger->book.pending &&
		 fresh.text_entries == ledger->book.text_entries && fresh.text_bytes == ledger->book.text_bytes;
	book_close(&fresh);
	return exact;
}
