#include "webhook/quota/rows.h"

#include <stdlib.h>
#include <string.h>

#include "gpugate/str.h"

#define SLOTS_LEAST 64

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

int publish_rows_init(struct publish_rows *rows, int64_t now_ms)
{
	*rows = (struct publish_rows){.slots = calloc(SLOTS_LEAST, sizeof(struct publish_row *)),
				      .mask = SLOTS_LEAST - 1,
				      .scanned = UINT32_MAX,
				      .waited = now_ms / PUBLISH_WAIT_MS};
	for (int i = 0; i < PUBLISH_RANKS; i++)
		ring_init(&rows->ready[i]);
	for (int i = 0; i < PUBLISH_WAITS; i++)
		ring_init(&rows->waiting[i]);
	return rows->slots ? 0 : -1;
}

void publish_rows_release(struct publish_rows *rows)
{
	for (uint32_t i = 0; rows->slots && i <= rows->mask; i++)
		for (struct publish_row *row = rows->slots[i], *next; row; row = next) {
			next = row->next;
			free(row);
		}
	free(rows->slots);
	*rows = (struct publish_rows){0};
}

/*
 * Doubles the number of slots once there are as many rows as slots. Without memory the chains just
 * get longer.
 */
static void make_room(struct publish_rows *rows)
{
	if (rows->count <= rows->mask)
		return;
	uint32_t mask = rows->mask * 2 + 1;
	struct publish_row **slots = calloc((size_t)mask + 1, sizeof(struct publish_row *));
	if (!slots)
		return;
	for (uint32_t i = 0; i <= rows->mask; i++)
		for (struct publish_row *row = rows->slots[i], *next; row; row = next) {
			next = row->next;
			row->next = slots[row->hash & mask];
			slots[row->hash & mask] = row;
		}
	free(rows->slots);
	rows->slots = slots;
	rows->mask = mask;
	if (rows->scanned != UINT32_MAX)
		rows->scanned = 0; /* Rows have moved to other slots. */
}

struct publish_row *publish_rows_find(struct publish_rows *rows, const char *name, uint32_t most, void *context)
{
	uint64_t hash = str_hash(str_of(name));
	struct publish_row *row = rows->slots[hash & rows->mask];
	while (row && !(row->hash == hash && strcmp(row->name, name) == 0))
		row = row->next;
	if (row)
		return row;
	size_t bytes = strlen(name) + 1;
	row = rows->count < most ? calloc(1, sizeof *row + bytes) : NULL;
	if (!row)
		return NULL;
	row->context = context;
	row->hash = hash;
	memcpy(row->name, name, bytes);
	row->next = rows->slots[hash & rows->mask];
	rows->slots[hash & rows->mask] = row;
	rows->count++;
	make_room(rows);
	return row;
}

void publish_rows_drop(struct publish_rows *rows, struct publish_row *row)
{
	struct publish_row **link = &rows->slots[row->hash & rows->mask];
	while (*link != row)
		link = &(*link)->next;
	*link = row->next;
	ring_take(&row->link);
	rows->count--;
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
	for (; slots > 0 && rows->scanned <= rows->mask; slots--)
		for (struct publish_row *row = rows->slots[rows->scanned++]; row; row = row->next)
			publish_rows_queue(rows, row, PUBLISH_COMPARED);
	if (rows->scanned > rows->mask)
		rows->scanned = UINT32_MAX;
	return rows->scanned != UINT32_MAX;
}
