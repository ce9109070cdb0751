#include "webhook/quota/rows.h"

#include <stdlib.h>
#include <string.h>

#include "gpugate/str.h"

#define SLOTS_MIN 64

/* --- Queues: circular lists with a head --- */

static void ring_init(struct publish_link *head)
{
	head->prev = head->next = head;
}

static void ring_take(struct publish_link *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

static void ring_put(struct publish_link *head, struct publish_link *link)
{
	ring_take(link);
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static struct publish_row *ring_first(const struct publish_link *head)
{
	return head->next == head ? NULL : (struct publish_row *)(void *)head->next;
}

static void put_ready(struct publish_rows *rows, struct publish_row *row)
{
	row->ready = true;
	ring_put(&rows->ready[row->rank], &row->link);
}

void publish_rows_queue(struct publish_rows *rows, struct publish_row *row, enum publish_rank rank)
{
	bool queued = row->link.next, rises = !queued || rank < row->rank;
	if (rises)
		row->rank = rank;
	if (rises || !row->ready)
		put_ready(rows, row);
}

void publish_rows_wait(struct publish_rows *rows, struct publish_row *row, int64_t at_ms)
{
	int64_t unit = (at_ms + PUBLISH_WAIT_MS - 1) / PUBLISH_WAIT_MS;
	if (unit <= rows->waited)
		unit = rows->waited + 1;
	if (unit >= rows->waited + PUBLISH_WAITS)
		unit = rows->waited + PUBLISH_WAITS - 1;
	row->ready = false;
	ring_put(&rows->waiting[unit % PUBLISH_WAITS], &row->link);
}

void publish_rows_pass(struct publish_rows *rows, int64_t now_ms)
{
	int64_t now = now_ms / PUBLISH_WAIT_MS;
	if (now - rows->waited > PUBLISH_WAITS)
		rows->waited = now - PUBLISH_WAITS; /* Visits each queue once. */
	while (rows->waited < now) {
		struct publish_link *head = &rows->waiting[++rows->waited % PUBLISH_WAITS];
		for (struct publish_row *row; (row = ring_first(head));)
			put_ready(rows, row);
	}
}

struct publish_row *publish_rows_take(struct publish_rows *rows, enum publish_rank rank)
{
	struct publish_row *row = ring_first(&rows->ready[rank]);
	for (int i = 0; !row && i < PUBLISH_RANKS; i++)
		row = ring_first(&rows->ready[i]);
	if (row) {
		ring_take(&row->link);
		row->ready = false;
	}
	return row;
}

bool publish_rows_idle(const struct publish_rows *rows)
{
	for (int i = 0; i < PUBLISH_RANKS; i++)
		if (ring_first(&rows->ready[i]))
			return false;
	return true;
}

/* --- The table --- */

static struct publish_row *row_of(const struct hash_link *link)
{
	return link ? (struct publish_row *)(void *)((char *)(uintptr_t)link - offsetof(struct publish_row, in_map))
		    : NULL;
}

int publish_rows_init(struct publish_rows *rows, int64_t now_ms)
{
	*rows = (struct publish_rows){.scanned = UINT32_MAX, .waited = now_ms / PUBLISH_WAIT_MS};
	for (int i = 0; i < PUBLISH_RANKS; i++)
		ring_init(&rows->ready[i]);
	for (int i = 0; i < PUBLISH_WAITS; i++)
		ring_init(&rows->waiting[i]);
	return hash_map_init(&rows->map, SLOTS_MIN);
}

void publish_rows_release(struct publish_rows *rows)
{
	for (struct hash_link *link = hash_map_next(&rows->map, NULL), *next; link; link = next) {
		next = hash_map_next(&rows->map, link);
		free(row_of(link));
	}
	hash_map_release(&rows->map);
	*rows = (struct publish_rows){0};
}

struct publish_row *publish_rows_find(struct publish_rows *rows, const char *name, uint32_t most, void *context)
{
	uint64_t hash = str_hash(str_of(name));
	struct hash_link *link = hash_map_chain(&rows->map, hash);
	while (link && !(link->hash == hash && strcmp(row_of(link)->name, name) == 0))
		link = link->next;
	if (link)
		return row_of(link);
	size_t bytes = strlen(name) + 1;
	struct publish_row *row = rows->map.count < most ? calloc(1, sizeof *row + bytes) : NULL;
	if (!row)
		return NULL;
	row->context = context;
	memcpy(row->name, name, bytes);
	if (hash_map_add(&rows->map, &row->in_map, hash) && rows->scanned != UINT32_MAX)
		rows->scanned = 0; /* Rows have moved to other slots. */
	return row;
}

void publish_rows_drop(struct publish_rows *rows, struct publish_row *row)
{
	hash_map_remove(&rows->map, &row->in_map);
	ring_take(&row->link);
	free(row);
}

/* --- Scanning all rows --- */

void publish_rows_rescan(struct publish_rows *rows)
{
	rows->scanned = 0;
}

bool publish_rows_scan(struct publish_rows *rows, uint32_t slots)
{
	if (rows->scanned == UINT32_MAX)
		return false;
	for (; slots > 0 && rows->scanned <= rows->map.mask; slots--)
		for (struct hash_link *link = rows->map.slots[rows->scanned++]; link; link = link->next)
			publish_rows_queue(rows, row_of(link), PUBLISH_COMPARED);
	if (rows->scanned > rows->map.mask)
		rows->scanned = UINT32_MAX;
	return rows->scanned != UINT32_MAX;
}
