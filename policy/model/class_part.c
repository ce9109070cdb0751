#include "policy/model/class_part.h"

#include <inttypes.h>
#include <stdio.h>

#include "gpugate/consumer.h"
#include "gpugate/device_classes.h"
#include "gpugate/quantity.h"
#include "policy/model/catalog.h"

_Static_assert(sizeof "deviceclass.resource.kubernetes.io/" - 1 + DEVICE_CLASS_NAME_MAX + CLASS_PART_TEXT_MAX - 1 ==
		   RESOURCE_NAME_MAX,
	       "a part of any class has a name");

static const struct str memory_is = STR_INIT("[memory=");

/* Prints an amount with the largest suffix that keeps it exact. */
static int print_memory(int64_t bytes, char *text, size_t size)
{
	static const char suffixes[][3] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
	size_t suffix = 0;
	while (suffix + 1 < sizeof suffixes / sizeof suffixes[0] && bytes % 1024 == 0) {
		bytes /= 1024;
		suffix++;
	}
	return snprintf(text, size, "[memory=%" PRId64 "%s]", bytes, suffixes[suffix]);
}

size_t class_part_print(const struct class_part *part, char text[static CLASS_PART_TEXT_MAX])
{
	int len = 0;
	text[0] = '\0';
	if (part->memory > 0)
		len = print_memory(part->memory, text, CLASS_PART_TEXT_MAX);
	else if (str_present(part->profile) && part->profile.len <= CLASS_PROFILE_MAX)
		len = snprintf(text, CLASS_PART_TEXT_MAX, "[profile=%.*s]", STR_ARG(part->profile));
	return len > 0 ? (size_t)len : 0;
}

struct str class_part_resource(struct arena *arena, struct str class, const struct class_part *part)
{
	const struct str prefix = CATALOG_CLASS_PREFIX;
	char text[CLASS_PART_TEXT_MAX];
	size_t len = class_part_print(part, text);
	if (prefix.len + class.len + len > RESOURCE_NAME_MAX)
		len = 0;
	char *name = arena_alloc(arena, prefix.len + class.len + len);
	if (!name)
		return (struct str){NULL, 0};
	memcpy(name, prefix.ptr, prefix.len);
	memcpy(name + prefix.len, class.ptr, class.len);
	memcpy(name + prefix.len + class.len, text, len);
	return (struct str){name, prefix.len + class.len + len};
}

/* Returns where the part begins in a name, or its length. */
static size_t find_part(struct str name)
{
	if (name.len == 0 || name.ptr[name.len - 1] != ']' || !str_starts(name, CATALOG_CLASS_PREFIX))
		return name.len;
	const char *bracket = memchr(name.ptr, '[', name.len);
	return bracket ? (size_t)(bracket - name.ptr) : name.len;
}

bool class_part_is(struct str name)
{
	return find_part(name) < name.len;
}

struct str class_part_whole(struct str name)
{
	return (struct str){name.ptr, find_part(name)};
}

int64_t class_part_memory(struct str name)
{
	struct str part = str_tail(name, find_part(name));
	int64_t bytes;
	if (!str_starts(part, memory_is))
		return 0;
	struct str text = {part.ptr + memory_is.len, part.len - memory_is.len - 1};
	return quantity_count(text, &bytes) == QUANTITY_OK ? bytes : 0;
}
