#include "webhook/ledger/tally.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64
#define NONE UINT32_MAX             /* The end of the list of changed quotas. */
#define UNCHANGED (UINT32_MAX - 1u) /* Not in the list. */

int tally_open(struct tally *tally, uint32_t quota_count)
{
	*tally = (struct tally){
	    .quota_count = quota_count,
	    .quotas = calloc((size_t)quota_count + 1, sizeof(struct tally_sum *)),
	    .changed = malloc(((size_t)quota_count + 1) * sizeof *tally->changed),
	    .first = NONE,
	    .last = NONE,
	};
	if (hash_map_init(&tally->map, SLOTS_MIN) < 0 || !tally->quotas || !tally->changed) {
		tally_close(tally);
		return -1;
	}
	for (uint32_t i = 0; i < quota_count; i++)
		tally->changed[i] = UNCHANGED;
	return 0;
}

void tally_close(struct tally *tally)
{
	for (uint32_t i = 0; tally->quotas && i < tally->quota_count; i++)
		for (struct tally_sum *sum = tally->quotas[i], *next; sum; sum = next) {
			next = sum->quota_next;
			free(sum);
		}
	hash_map_release(&tally->map);
	free(tally->quotas);
	free(tally->changed);
	*tally = (struct tally){0};
}

static uint64_t hash_of(uint32_t quota, struct str namespace)
{
	uint64_t hash = (str_hash(namespace) ^ quota) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static bool is_of(const struct hash_link *link, uint32_t quota, struct str namespace)
{
	const struct tally_sum *sum = (const struct tally_sum *)(const void *)link;
	return sum->quota == quota && str_eq(sum->namespace, namespace);
}

/* Returns new, in its slot and in the list of its quota; NULL without memory. */
static struct tally_sum *make_sum(struct tally *tally, uint64_t hash, uint32_t quota, struct str namespace)
{
	struct tally_sum *sum = malloc(sizeof *sum + namespace.len + 1);
	if (!sum)
		return NULL;
	char *name = (char *)(sum + 1);
	if (namespace.len)
		memcpy(name, namespace.ptr, namespace.len);
	struct tally_sum **list = &tally->quotas[quota];
	*sum = (struct tally_sum){
	    .quota_next = *list, .quota_link = list, .quota = quota, .namespace = {name, namespace.len}};
	if (*list)
		(*list)->quota_link = &sum->quota_next;
	*list = sum;
	hash_map_add(&tally->map, &sum->in_map, hash);
	return sum;
}

static void drop_sum(struct tally *tally, struct tally_sum *sum)
{
	hash_map_remove(&tally->map, &sum->in_map);
	*sum->quota_link = sum->quota_next;
	if (sum->quota_next)
		sum->quota_next->quota_link = sum->quota_link;
	free(sum);
}

struct tally_sum *tally_add(struct tally *tally, uint32_t quota, struct str namespace, wide amount, uint32_t pods)
{
	uint64_t hash = hash_of(quota, namespace);
	struct hash_link *link = hash_map_chain(&tally->map, hash);
	while (link && !(link->hash == hash && is_of(link, quota, namespace)))
		link = link->next;
	struct tally_sum *sum = (struct tally_sum *)(void *)link;
	if (!sum)
		sum = make_sum(tally, hash, quota, namespace);
	if (!sum)
		return NULL;
	sum->amount += amount;
	sum->pods += pods;
	sum->entries++;
	return sum;
}

void tally_remove(struct tally *tally, struct tally_sum *sum, wide amount, uint32_t pods)
{
	if (!sum)
		return;
	sum->amount -= amount;
	sum->pods -= pods;
	if (--sum->entries == 0)
		drop_sum(tally, sum);
}

void tally_note(struct tally *tally, uint32_t quota)
{
	if (tally->changed[quota] != UNCHANGED)
		return;
	tally->changed[quota] = NONE;
	if (tally->first == NONE)
		tally->first = quota;
	else
		tally->changed[tally->last] = quota;
	tally->last = quota;
}

bool tally_take(struct tally *tally, uint32_t *quota)
{
	if (tally->first == NONE)
		return false;
	*quota = tally->first;
	tally->first = tally->changed[*quota];
	tally->changed[*quota] = UNCHANGED;
	return true;
}
