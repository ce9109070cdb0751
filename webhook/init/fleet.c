#include "webhook/init/fleet.h"

#include <stdarg.h>
#include <stdio.h>

#include "gpugate/buf.h"
#include "gpugate/consumer.h"
#include "gpugate/known.h"
#include "gpugate/quantity.h"
#include "gpugate/vec.h"

#define ARENA_CHUNK ((size_t)256 << 10)
#define SLOTS 1024
#define NOTE_BYTES_MAX 600

int fleet_no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory for what the cluster has");
}

int fleet_init(struct fleet *fleet, struct error *err)
{
	*fleet = (struct fleet){0};
	arena_init(&fleet->arena, ARENA_CHUNK, FLEET_BYTES_MAX);
	if (hash_map_init(&fleet->group_map, SLOTS) == 0 && hash_map_init(&fleet->namespace_map, SLOTS) == 0 &&
	    hash_map_init(&fleet->node_map, SLOTS) == 0 && hash_map_init(&fleet->key_map, SLOTS) == 0)
		return 0;
	fleet_release(fleet);
	return fleet_no_memory(err);
}

void fleet_release(struct fleet *fleet)
{
	hash_map_release(&fleet->group_map);
	hash_map_release(&fleet->namespace_map);
	hash_map_release(&fleet->node_map);
	hash_map_release(&fleet->key_map);
	arena_release(&fleet->arena);
}

/* --- Labels --- */

struct str fleet_label(const struct pairs *labels, struct str key)
{
	const struct str *value = pairs_value(labels, key);
	return value && value->len && known_is_label_value(*value) ? *value : (struct str){NULL, 0};
}

int64_t fleet_label_number(const struct pairs *labels, struct str key)
{
	int64_t number;
	struct str text = fleet_label(labels, key);
	return text.len && quantity_count(text, &number) == QUANTITY_OK ? number : 0;
}

/* --- Groups --- */

/* Appends the parts of a key; no part contains a newline, since all have their forms. */
static struct str group_key(struct arena *arena, const struct fleet_group *group)
{
	struct buf key;
	buf_init(&key, 4096);
	buf_str(&key, group->resource);
	for (uint32_t i = 0; i <= group->label_count; i++) {
		const struct pair *label = i < group->label_count ? &group->labels[i] : &group->soft;
		buf_char(&key, '\n');
		buf_str(&key, label->key);
		buf_char(&key, '=');
		buf_str(&key, label->value);
	}
	struct str copy = key.failed ? (struct str){NULL, 0} : arena_str(arena, buf_view(&key));
	buf_release(&key);
	return copy;
}

static int copy_labels(struct arena *arena, struct fleet_group *group)
{
	for (uint32_t i = 0; i <= group->label_count; i++) {
		struct pair *label = i < group->label_count ? &group->labels[i] : &group->soft;
		if (!str_present(label->key))
			continue;
		label->key = arena_str(arena, label->key);
		label->value = arena_str(arena, label->value);
		if (!label->key.ptr || !label->value.ptr)
			return -1;
	}
	return 0;
}

struct fleet_group *fleet_group(struct fleet *fleet, const struct fleet_group *like, struct error *err)
{
	struct str key = group_key(&fleet->arena, like);
	uint64_t hash = str_hash(key);
	for (struct hash_link *link = hash_map_chain(&fleet->group_map, hash); link && key.ptr; link = link->next)
		if (link->hash == hash && str_eq(((struct fleet_group *)link)->key, key))
			return (struct fleet_group *)link;
	if (fleet->group_count == FLEET_GROUPS_MAX) {
		error_set(err,
			  "the nodes have more than %d kinds of accelerators, told apart by their labels; give the "
			  "nodes of a part of the cluster",
			  FLEET_GROUPS_MAX);
		return NULL;
	}
	struct fleet_group *group = key.ptr ? arena_zalloc(&fleet->arena, 1, sizeof *group) : NULL;
	if (group) {
		*group = *like;
		group->key = key;
		group->resource = arena_str(&fleet->arena, like->resource);
		if (str_present(like->product))
			group->product = arena_str(&fleet->arena, like->product);
	}
	if (!group || !group->resource.ptr || copy_labels(&fleet->arena, group) < 0) {
		fleet_no_memory(err);
		return NULL;
	}
	hash_map_add(&fleet->group_map, &group->link, hash);
	fleet->groups[fleet->group_count++] = group;
	return group;
}

bool fleet_is_accelerator(const struct fleet *fleet, struct str resource)
{
	if (known_is_accelerator(known_resource(resource)))
		return true;
	for (uint32_t i = 0; i < fleet->group_count; i++)
		if (str_eq(fleet->groups[i]->resource, resource))
			return true;
	return false;
}

int fleet_add_name(struct fleet *fleet, struct str *list, uint32_t *count, struct str name, struct error *err)
{
	for (uint32_t i = 0; i < *count; i++)
		if (str_eq(list[i], name))
			return 0;
	if (*count == FLEET_OTHERS_MAX)
		return 0;
	list[*count] = arena_str(&fleet->arena, name);
	return list[(*count)++].ptr ? 0 : fleet_no_memory(err);
}

struct fleet_node *fleet_node_find(const struct fleet *fleet, struct str name)
{
	uint64_t hash = str_hash(name);
	for (struct hash_link *link = hash_map_chain(&fleet->node_map, hash); link; link = link->next)
		if (link->hash == hash && str_eq(((struct fleet_node *)link)->name, name))
			return (struct fleet_node *)link;
	return NULL;
}

/* --- Namespaces --- */

struct fleet_namespace *fleet_namespace(struct fleet *fleet, struct str name, struct error *err)
{
	uint64_t hash = str_hash(name);
	for (struct hash_link *link = hash_map_chain(&fleet->namespace_map, hash); link; link = link->next)
		if (link->hash == hash && str_eq(((struct fleet_namespace *)link)->name, name))
			return (struct fleet_namespace *)link;
	struct fleet_namespace **list = vec_room_in(&fleet->arena, fleet->namespaces, fleet->namespace_count,
						    &fleet->namespace_size, 64, sizeof *list);
	struct fleet_namespace *space = list ? arena_zalloc(&fleet->arena, 1, sizeof *space) : NULL;
	if (space)
		space->name = arena_str(&fleet->arena, name);
	if (!space || !space->name.ptr) {
		fleet_no_memory(err);
		return NULL;
	}
	space->last_note = &space->notes;
	fleet->namespaces = list;
	fleet->namespaces[fleet->namespace_count++] = space;
	hash_map_add(&fleet->namespace_map, &space->link, hash);
	return space;
}

struct fleet_use *fleet_use(struct fleet *fleet, struct fleet_namespace *space, struct str resource, struct error *err)
{
	struct fleet_use **at = &space->uses;
	while (*at && str_cmp((*at)->resource, resource) < 0)
		at = &(*at)->next;
	if (*at && str_eq((*at)->resource, resource))
		return *at;
	if (space->use_count == FLEET_USES_MAX) {
		error_set(err, "the namespace \"%.*s\" uses or limits more than %d accelerator resources; leave it out",
			  STR_ARG(space->name), FLEET_USES_MAX);
		return NULL;
	}
	struct fleet_use *use = arena_zalloc(&fleet->arena, 1, sizeof *use);
	if (use)
		*use = (struct fleet_use){.next = *at, .resource = arena_str(&fleet->arena, resource), .limit = -1};
	if (!use || !use->resource.ptr) {
		fleet_no_memory(err);
		return NULL;
	}
	space->use_count++;
	return *at = use;
}

int fleet_note(struct fleet *fleet, struct fleet_namespace *space, struct error *err, const char *format, ...)
{
	char text[NOTE_BYTES_MAX];
	va_list args;
	if (space->note_count++ >= FLEET_NOTES_MAX)
		return 0;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_trim(text);
	struct fleet_note *note = arena_zalloc(&fleet->arena, 1, sizeof *note);
	if (note)
		note->text = arena_str(&fleet->arena, str_of(text));
	if (!note || !note->text.ptr)
		return fleet_no_memory(err);
	*space->last_note = note;
	space->last_note = &note->next;
	return 0;
}

bool fleet_names(struct str resource)
{
	return known_is_key(resource) && resource_is_extended(resource) && !str_starts(resource, STR("limits."));
}
