/*
 * plugin_maps: ConfigMaps with a configuration of NVIDIA's device plugin, and the ClusterPolicies
 * of the GPU Operator that name them. Both may be in different files, so they are compared at the
 * end.
 */
#ifndef POLICY_MANIFEST_PLUGIN_MAPS_H
#define POLICY_MANIFEST_PLUGIN_MAPS_H

#include "gpugate/arena.h"
#include "gpugate/report.h"
#include "policy/document/location.h"

#define PLUGIN_MAPS_MAX 1000 /* ConfigMaps, and names; more are passed over. */

struct plugin_maps {
	struct plugin_map {
		struct str path; /* Of its file, NUL-terminated. */
		struct str name;
		struct location at; /* Of the name. */
	} maps[PLUGIN_MAPS_MAX];
	uint32_t map_count;
	struct str names[PLUGIN_MAPS_MAX]; /* Which ClusterPolicies say. */
	uint32_t name_count;
	bool has_policy; /* There is a ClusterPolicy. */
	bool unknown;    /* One names what another program fills in, or a name was passed over. */
	struct arena arena;
};

/* Adds a ConfigMap, once for each of its configurations or once for all. `path` is borrowed. */
void plugin_maps_add(struct plugin_maps *maps, struct str path, struct str name, struct location at);

/* Adds a ClusterPolicy. An empty name: it names no ConfigMap. */
void plugin_maps_name(struct plugin_maps *maps, struct str name);

/* Adds a finding for each ConfigMap that no ClusterPolicy names, if there is a ClusterPolicy. */
void plugin_maps_report(const struct plugin_maps *maps, struct report *report);

#endif
