/*
 * plugin_maps: ConfigMaps with a configuration of NVIDIA's device plugin, and the names of
 * ConfigMaps to which something refers, such as a ClusterPolicy of the GPU Operator. Both may be in
 * different files, so they are compared at the end.
 */
#ifndef POLICY_MANIFEST_PLUGIN_MAPS_H
#define POLICY_MANIFEST_PLUGIN_MAPS_H

#include "gpugate/arena.h"
#include "gpugate/hash_map.h"
#include "gpugate/report.h"
#include "policy/document/location.h"

#define PLUGIN_MAPS_MAX 1000 /* ConfigMaps; more are passed over. */

/* The name of a ConfigMap. */
struct plugin_name {
	struct hash_link link;
	struct str text;
	bool referred; /* Something refers to it. */
};

struct plugin_maps {
	struct plugin_map {
		struct str path; /* Of its file, NUL-terminated. */
		struct plugin_name *name;
		struct location at; /* Of the name. */
	} maps[PLUGIN_MAPS_MAX];
	uint32_t map_count;
	struct hash_map names; /* Of struct plugin_name, which are in the arena. */
	bool has_policy;       /* There is a ClusterPolicy. */
	bool unknown;          /* What refers to a ConfigMap is not known completely. */
	struct arena arena;
};

/* Returns 0, or -1 without memory. The caller must call plugin_maps_release in both cases. */
int plugin_maps_init(struct plugin_maps *maps);
void plugin_maps_release(struct plugin_maps *maps);

/* Adds a ConfigMap, once for each of its configurations or once for all. `path` is borrowed. */
void plugin_maps_add(struct plugin_maps *maps, struct str path, struct str name, struct location at);

/* Adds a name to which something refers. */
void plugin_maps_refer(struct plugin_maps *maps, struct str name);

/*
 * Takes the words of a text, outside of comments, for such names. A text is read like this that is
 * no part of a document, such as values of Helm. If `add` is false, only the names of ConfigMaps
 * that were added are looked up.
 */
void plugin_maps_mention(struct plugin_maps *maps, struct str text, bool add);

/* Whether there is a ConfigMap to which nothing refers so far. */
bool plugin_maps_lack(const struct plugin_maps *maps);

/* Adds a finding for each ConfigMap to which nothing refers. */
void plugin_maps_report(const struct plugin_maps *maps, struct report *report);

#endif
