#include "policy/manifest/plugin_maps.h"

#include <stdio.h>

#include "gpugate/manifests.h"
#include "policy/base/show.h"

#define TEXT_BYTES 1024
#define CHUNK ((size_t)64 << 10)
#define NAMES_MAX ((size_t)4 << 20)
#define SLOTS 64

int plugin_maps_init(struct plugin_maps *maps)
{
	maps->map_count = 0;
	maps->has_policy = maps->unknown = false;
	arena_init(&maps->arena, CHUNK, NAMES_MAX);
	return hash_map_init(&maps->names, SLOTS);
}

void plugin_maps_release(struct plugin_maps *maps)
{
	hash_map_release(&maps->names);
	arena_release(&maps->arena);
}

static struct plugin_name *find(const struct plugin_maps *maps, struct str name, uint64_t hash)
{
	for (struct hash_link *link = hash_map_chain(&maps->names, hash); link; link = link->next) {
		struct plugin_name *found = (struct plugin_name *)link;
		if (link->hash == hash && str_eq(found->text, name))
			return found;
	}
	return NULL;
}

/* Returns the name, which is added if it is new; NULL without memory. */
static struct plugin_name *find_or_add(struct plugin_maps *maps, struct str name)
{
	uint64_t hash = str_hash(name);
	struct plugin_name *found = find(maps, name, hash);
	if (found)
		return found;
	found = arena_zalloc(&maps->arena, 1, sizeof *found);
	if (!found || !str_present(found->text = arena_str(&maps->arena, name)))
		return NULL;
	hash_map_add(&maps->names, &found->link, hash);
	return found;
}

void plugin_maps_add(struct plugin_maps *maps, struct str path, struct str name, struct location at)
{
	const struct plugin_map *last = maps->map_count ? &maps->maps[maps->map_count - 1] : NULL;
	if (maps->map_count == PLUGIN_MAPS_MAX || (last && last->at.line == at.line && str_eq(last->path, path)))
		return;
	struct plugin_name *found = find_or_add(maps, name);
	if (found)
		maps->maps[maps->map_count++] = (struct plugin_map){path, found, at};
}

void plugin_maps_refer(struct plugin_maps *maps, struct str name)
{
	struct plugin_name *found = name.len > 0 ? find_or_add(maps, name) : NULL;
	if (found)
		found->referred = true;
	else if (name.len > 0)
		maps->unknown = true;
}

bool plugin_maps_lack(const struct plugin_maps *maps)
{
	for (uint32_t i = 0; !maps->unknown && i < maps->map_count; i++)
		if (!maps->maps[i].name->referred)
			return true;
	return false;
}

/* Whether a character can be in the name of an object. */
static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Whether a comment of YAML begins there. */
static bool is_comment(struct str text, size_t at)
{
	return text.ptr[at] == '#' && (at == 0 || str_has_char(STR(" \t\r\n"), text.ptr[at - 1]));
}

static size_t line_end(struct str text, size_t at)
{
	const char *end = memchr(text.ptr + at, '\n', text.len - at);
	return end ? (size_t)(end - text.ptr) : text.len;
}

void plugin_maps_mention(struct plugin_maps *maps, struct str text, bool add)
{
	for (size_t at = 0; at < text.len;) {
		size_t end = at;
		while (end < text.len && is_of_name(text.ptr[end]))
			end++;
		struct str word = {text.ptr + at, end - at};
		struct plugin_name *found = word.len > 0 && !add ? find(maps, word, str_hash(word)) : NULL;
		if (found)
			found->referred = true;
		else if (add)
			plugin_maps_refer(maps, word);
		at = end < text.len && is_comment(text, end) ? line_end(text, end) : end + 1;
	}
}

static void report_map(const struct plugin_maps *maps, const struct plugin_map *map, struct report *report)
{
	char text[TEXT_BYTES];
	struct str name = map->name->text;
	const struct manifests_place at = {map->at.line, map->at.column, name};
	struct manifests_file *file = manifests_file_create(map->path);
	if (maps->has_policy)
		snprintf(text, sizeof text,
			 "no ClusterPolicy here names the ConfigMap \"" SHOW
			 "\", so that the device plugin does not read it; "
			 "write spec.devicePlugin.config.name: " SHOW " in the ClusterPolicy",
			 SHOWN(name), SHOWN(name));
	else
		snprintf(
		    text, sizeof text,
		    "nothing that was linted refers to the ConfigMap \"" SHOW
		    "\", and the device plugin does not read it by itself; write spec.devicePlugin.config.name: " SHOW
		    " in the ClusterPolicy, or suppress this if the ClusterPolicy is elsewhere",
		    SHOWN(name), SHOWN(name));
	if (file)
		manifests_report(report, file, &at, name, LINT_PLUGIN_CONFIG_UNUSED, str_of(text));
	manifests_file_destroy(file);
}

void plugin_maps_report(const struct plugin_maps *maps, struct report *report)
{
	for (uint32_t i = 0; !maps->unknown && i < maps->map_count; i++)
		if (!maps->maps[i].name->referred)
			report_map(maps, &maps->maps[i], report);
}
