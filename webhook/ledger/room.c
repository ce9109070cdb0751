/* room: what pending entries may take of the copy's text, and how the roots share it. */
#include "webhook/ledger/codec.h"
#include "webhook/ledger/state.h"

/*
 * Limits for pending entries by the form that is written; those of form 1 are the limits of version
 * 0.1.0.
 */
static const struct caps {
	uint32_t pods;
	size_t bytes;
	size_t more; /* Bytes that the form adds to ledger_text_bytes for each Pod. */
} form_caps[LEDGER_FORM + 1] = {
    [1] = {512, 256u << 10, LEDGER_TEXT_FORM_1_BYTES}, [2] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},
    [3] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},    [4] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},
    [5] = {LEDGER_PENDING_MAX, LEDGER_TEXT_MAX, 0},
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

/* Why a text cannot hold what the consumer says. */
static const char *misfit(const struct consumer *consumer)
{
	if (consumer->reserved_seconds)
		return "the group of the Pod requests more different resources, or is reserved for longer, than can be "
		       "kept";
	return consumer->kind == CONSUMER_CLAIM ? "the names in the claim are not such as Kubernetes gives"
						: "the names of the Pod are not such as Kubernetes gives";
}

const char *ledger_no_room(struct ledger *ledger, const struct consumer *consumer)
{
	const struct book *book = &ledger->book;
	if (ledger->options.pods_max && ledger->table.map.count >= ledger->options.pods_max)
		return "the ledger is full";
	if (!ledger->options.shared)
		return NULL;
	if (!ledger_text_fits(consumer))
		return misfit(consumer);
	uint32_t number = root_of(ledger, consumer);
	struct book_root *root = number == UINT32_MAX ? NULL : &book->roots[number];
	if (!ledger_has_backpressure(ledger, consumer) &&
	    has_room(&form_caps[ledger->form], book, root, ledger_text_bytes(consumer)))
		return NULL;
	if (root)
		root->backpressure = ledger->round;
	return root && root->entries
		   ? "this tenant has too many Pods and claims that have not been stored yet, and reservations for gangs"
		   : "the ledger is full of Pods and claims that have not been stored yet, and of reservations for gangs";
}

/* Of what is_fair allows, in percent. */
static size_t percent_of(size_t own, size_t others, size_t all)
{
	size_t percent = others < all ? 100 * LEDGER_ROOT_SHARE * own / (all - others) : 100;
	return percent < 100 ? percent : 100;
}

uint32_t ledger_fullest_root(const struct ledger *ledger)
{
	const struct book *book = &ledger->book;
	const struct caps *caps = &form_caps[ledger->form];
	struct policy_counts counts;
	size_t most = 0;
	policy_counts(book->policy, &counts);
	for (uint32_t i = 0; ledger->options.shared && i < counts.tenants; i++) {
		const struct book_root *root = &book->roots[i];
		uint32_t others = book->text_entries - root->entries;
		size_t entries = root->entries ? percent_of(root->entries, others, caps->pods) : 0;
		size_t bytes = root->entries ? percent_of(text_of(caps, root->entries, root->bytes),
							  text_of(caps, others, book->text_bytes - root->bytes),
							  caps->bytes - LEDGER_TEXT_HEAD)
					     : 0;
		most = entries > most ? entries : most;
		most = bytes > most ? bytes : most;
	}
	return (uint32_t)most;
}
