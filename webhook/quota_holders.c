#include "webhook/quota_holders.h"

#define SLOTS_LEAST 256
#define NAMES_CHUNK (64u << 10)
#define NAMES_MAX (16u << 20)

struct holders {
	struct holder_sum *slots; /* by hash, or sorted */
	uint32_t size;            /* a power of two */
	uint32_t count;
	struct arena names;
};

struct holders *holders_create(void)
{
	struct holders *holders = calloc(1, sizeof *holders);
	if (!holders)
		return NULL;
	arena_init(&holders->names, NAMES_CHUNK, NAMES_MAX);
	holders->slots = calloc(SLOTS_LEAST, sizeof *holders->slots);
	holders->size = SLOTS_LEAST;
	if (holders->slots)
		return holders;
	free(holders);
	return NULL;
}

void holders_destroy(struct holders *holders)
{
	if (!holders)
		return;
	arena_release(&holders->names);
	free(holders->slots);
	free(holders);
}

void holders_reset(struct holders *holders)
{
	memset(holders->slots, 0, holders->size * sizeof *holders->slots);
	holders->count = 0;
	arena_reset(&holders->names);
}

static struct holder_sum *find_slot(struct holder_sum *slots, uint32_t size, uint32_t quota, struct str namespace)
{
	uint32_t at = 2166136261u ^ quota;
	for (size_t i = 0; i < namespace.len; i++)
		at = (at ^ (unsigned char)namespace.ptr[i]) * 16777619u;
	for (at ^= at >> 15;; at++) {
		struct holder_sum *slot = &slots[at & (size - 1)];
		if (!slot->namespace.ptr || (slot->quota == quota && str_eq(slot->namespace, namespace)))
			return slot;
	}
}

static bool grow(struct holders *holders)
{
	uint32_t size = holders->size * 2;
	struct holder_sum *slots = calloc(size, sizeof *slots);
	if (!slots)
		return false;
	for (uint32_t i = 0; i < holders->size; i++)
		if (holders->slots[i].namespace.ptr)
			*find_slot(slots, size, holders->slots[i].quota, holders->slots[i].namespace) =
			    holders->slots[i];
	free(holders->slots);
	holders->slots = slots;
	holders->size = size;
	return true;
}

void holders_add(struct holders *holders, uint32_t quota, struct str namespace, wide amount)
{
	struct holder_sum *slot = find_slot(holders->slots, holders->size, quota, namespace);
	if (!slot->namespace.ptr) {
		struct str copy = {NULL, 0};
		if (holders->count < HOLDERS_MAX && (holders->count * 2 < holders->size || grow(holders)))
			copy = arena_str(&holders->names, namespace);
		if (!str_present(copy))
			return;
		slot = find_slot(holders->slots, holders->size, quota, namespace);
		*slot = (struct holder_sum){.namespace = copy, .quota = quota};
		holders->count++;
	}
	wide sum;
	if (__builtin_add_overflow(slot->amount, amount, &sum))
		return; /* not with what a ledger books */
	slot->amount = sum;
	slot->pods++;
}

static int compare(const void *left, const void *right)
{
	const struct holder_sum *a = left, *b = right;
	if (a->quota != b->quota)
		return a->quota < b->quota ? -1 : 1;
	if (a->amount != b->amount)
		return a->amount > b->amount ? -1 : 1;
	return str_cmp(a->namespace, b->namespace);
}

void holders_sort(struct holders *holders)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < holders->size; i++)
		if (holders->slots[i].namespace.ptr)
			holders->slots[count++] = holders->slots[i];
	qsort(holders->slots, count, sizeof *holders->slots, compare);
}

const struct holder_sum *holders_of(const struct holders *holders, uint32_t quota, uint32_t *count)
{
	uint32_t low = 0, high = holders->count, end;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (holders->slots[middle].quota < quota)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < holders->count && holders->slots[end].quota == quota; end++)
		;
	*count = end - low;
	return &holders->slots[low];
}
