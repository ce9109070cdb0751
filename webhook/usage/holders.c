#include "webhook/usage/holders.h"

#include <stdlib.h>

/*
 * The order in which holders are shown: the largest amount first, then by name. A negative result
 * means that `left` comes first.
 */
static int compare(const void *left, const void *right)
{
	const struct holder_sum *a = left, *b = right;
	if (a->amount != b->amount)
		return a->amount > b->amount ? -1 : 1;
	return str_cmp(a->namespace, b->namespace);
}

static void swap(struct holder_sum *a, struct holder_sum *b)
{
	struct holder_sum kept = *a;
	*a = *b;
	*b = kept;
}

/* --- A heap with the smallest holder at its root, which is the next one to be replaced --- */
static void move_up(struct holder_sum *heap, uint32_t at)
{
	for (uint32_t above; at > 0; at = above) {
		above = (at - 1) / 2;
		if (compare(&heap[above], &heap[at]) >= 0)
			return;
		swap(&heap[above], &heap[at]);
	}
}

static void move_down(struct holder_sum *heap, uint32_t count)
{
	for (uint32_t at = 0, below; (below = 2 * at + 1) < count; at = below) {
		if (below + 1 < count && compare(&heap[below + 1], &heap[below]) > 0)
			below++;
		if (compare(&heap[at], &heap[below]) >= 0)
			return;
		swap(&heap[at], &heap[below]);
	}
}

uint32_t holders_largest(const struct tally_sum *sums, struct holder_sum *largest, uint32_t most, wide *rest)
{
	uint32_t count = 0;
	*rest = 0;
	for (const struct tally_sum *sum = sums; sum; sum = sum->quota_next) {
		const struct holder_sum next = {sum->namespace, sum->amount, sum->pods};
		if (count < most) {
			largest[count] = next;
			move_up(largest, count++);
		} else if (compare(&next, &largest[0]) < 0) {
			*rest += largest[0].amount;
			largest[0] = next;
			move_down(largest, count);
		} else {
			*rest += next.amount;
		}
	}
	return count;
}

void holders_sort(struct holder_sum *sums, uint32_t count)
{
	if (count > 1)
		qsort(sums, count, sizeof *sums, compare);
}
