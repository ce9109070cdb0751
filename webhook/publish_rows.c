#include "webhook/publish_rows.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 64
#define REMEMBERED_MS (2 * (int64_t)PLAN_STILL_MOST_MS)

/* Where a name is among the rows, or belongs. */
static uint32_t find_place(const struct publish_rows *rows, const char *name, bool *found)
{
	uint32_t low = 0, high = rows->count;
	*found = false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(rows->items[middle]->name, name);
		*found |= order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(struct publish_rows *rows)
{
	if (rows->count < rows->size)
		return true;
	uint32_t size = rows->size ? rows->size * 2 : ROWS_FIRST;
	struct publish_row **items = realloc(rows->items, size * sizeof(struct publish_row *));
	if (!items)
		return false;
	rows->items = items;
	rows->size = size;
	return true;
}

struct publish_row *publish_rows_find(struct publish_rows *rows, const char *name, uint32_t most, void *context)
{
	bool found;
	uint32_t at = find_place(rows, name, &found);
	if (found)
		return rows->items[at];
	if (rows->count >= most || !make_room(rows))
		return NULL;
	size_t bytes = strlen(name) + 1;
	struct publish_row *row = calloc(1, sizeof *row + bytes);
	if (!row)
		return NULL;
	row->context = context;
	memcpy(row->name, name, bytes);
	memmove(&rows->items[at + 1], &rows->items[at], (rows->count - at) * sizeof(struct publish_row *));
	rows->items[at] = row;
	rows->count++;
	return row;
}

void publish_rows_drop(struct publish_rows *rows, int64_t now_ms)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < rows->count; i++) {
		struct publish_row *row = rows->items[i];
		const struct quota_plan *plan = &row->plan;
		bool recent = plan->still_ms && now_ms - plan->unwanted_ms < REMEMBERED_MS;
		if (row->known || plan->published || plan->busy || recent)
			rows->items[kept++] = row;
		else
			free(row);
	}
	rows->count = kept;
}

void publish_rows_release(struct publish_rows *rows)
{
	for (uint32_t i = 0; i < rows->count; i++)
		free(rows->items[i]);
	free(rows->items);
	*rows = (struct publish_rows){0};
}
