#include "policy/model/class_map.h"

#include <stdlib.h>

#include "policy/model/class_part.h"

/* By resource name; of one resource name, the class that has it comes first. */
static int class_order(const void *a, const void *b)
{
	const struct device_class *x = a, *y = b;
	int order = str_cmp(x->resource, y->resource);
	if (order == 0)
		order = (x->created_ms < y->created_ms) - (x->created_ms > y->created_ms);
	return order ? order : str_cmp(x->name, y->name);
}

static int add(struct class_map *map, struct str *names, const struct device_class *class, struct arena *arena)
{
	static const struct class_part whole = {.memory = 0};
	struct str key = arena_str(arena, class->resource), name = class_part_resource(arena, class->name, &whole);
	if (!str_present(key) || !str_present(name))
		return -1;
	names[map->names.count] = name;
	index_add(&map->names, key, (struct str){NULL, 0}, map->names.count);
	return 0;
}

int class_map_init(struct class_map *map, const struct device_classes *classes, struct arena *arena)
{
	uint32_t count = classes->count;
	struct device_class *sorted = arena_alloc(arena, (size_t)count * sizeof *sorted);
	struct str *names = arena_alloc(arena, (size_t)count * sizeof *names);
	*map = (struct class_map){.classes = names, .gap = classes->gap};
	if (!sorted || !names || index_init(&map->names, count, arena) < 0)
		return -1;
	if (count)
		memcpy(sorted, classes->items, (size_t)count * sizeof *sorted);
	if (count > 1)
		qsort(sorted, count, sizeof *sorted, class_order);
	for (uint32_t i = 0; i < count; i++)
		if ((i == 0 || !str_eq(sorted[i].resource, sorted[i - 1].resource)) &&
		    add(map, names, &sorted[i], arena) < 0)
			return -1;
	return 0;
}

struct str class_map_find(const struct class_map *map, struct str name)
{
	uint32_t id = index_id(&map->names, name);
	return id == INDEX_NONE ? (struct str){NULL, 0} : map->classes[id];
}

static bool gaps_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool class_map_equal(const struct class_map *a, const struct class_map *b)
{
	bool equal = a->names.count == b->names.count && gaps_equal(a->gap, b->gap);
	for (uint32_t i = 0; equal && i < a->names.count; i++) {
		const struct index_entry *entry = &a->names.entries[i];
		equal = str_eq(a->classes[entry->id], class_map_find(b, entry->key));
	}
	return equal;
}
