#include "policy/manifest/plugin_maps.h"

#include <stdio.h>

#include "gpugate/manifests.h"
#include "policy/base/show.h"
#include "policy/manifest/view.h"

#define TEXT_BYTES 1024

static bool is_named(const struct plugin_maps *maps, struct str name)
{
	for (uint32_t i = 0; i < maps->name_count; i++)
		if (str_eq(maps->names[i], name))
			return true;
	return false;
}

void plugin_maps_add(struct plugin_maps *maps, struct str path, struct str name, struct location at)
{
	const struct plugin_map *last = maps->map_count ? &maps->maps[maps->map_count - 1] : NULL;
	if (last && last->at.line == at.line && str_eq(last->path, path))
		return;
	struct str copy = maps->map_count < PLUGIN_MAPS_MAX ? arena_str(&maps->arena, name) : (struct str){NULL, 0};
	if (str_present(copy))
		maps->maps[maps->map_count++] = (struct plugin_map){path, copy, at};
}

void plugin_maps_name(struct plugin_maps *maps, struct str name)
{
	maps->has_policy = true;
	if (view_is_template(name))
		maps->unknown = true;
	if (name.len == 0 || maps->unknown || is_named(maps, name))
		return;
	struct str copy = maps->name_count < PLUGIN_MAPS_MAX ? arena_str(&maps->arena, name) : (struct str){NULL, 0};
	maps->unknown = !str_present(copy);
	if (!maps->unknown)
		maps->names[maps->name_count++] = copy;
}

static void report_map(const struct plugin_map *map, struct report *report)
{
	char text[TEXT_BYTES];
	const struct manifests_place at = {map->at.line, map->at.column, map->name};
	struct manifests_file *file = manifests_file_create(map->path);
	snprintf(text, sizeof text,
		 "no ClusterPolicy here names the ConfigMap \"" SHOW "\", so that the device plugin does not read it; "
		 "write spec.devicePlugin.config.name: " SHOW " in the ClusterPolicy",
		 SHOWN(map->name), SHOWN(map->name));
	if (file)
		manifests_report(report, file, &at, map->name, LINT_PLUGIN_CONFIG_UNUSED, str_of(text));
	manifests_file_destroy(file);
}

void plugin_maps_report(const struct plugin_maps *maps, struct report *report)
{
	for (uint32_t i = 0; maps->has_policy && !maps->unknown && i < maps->map_count; i++)
		if (!is_named(maps, maps->maps[i].name))
			report_map(&maps->maps[i], report);
}
