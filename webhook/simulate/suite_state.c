/* What a suite is given, and what it remembers. */
#include "webhook/simulate/suite_state.h"

#include <stdlib.h>

#include "webhook/simulate/usage.h"

int state_no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory");
}

int state_remember(struct suite_state *state, struct str made_from, const struct pod *pod, struct error *err)
{
	if (state->pod_count == state->pod_size) {
		uint32_t size = state->pod_size ? 2 * state->pod_size : 64;
		struct known_pod *pods = reallocarray(state->pods, size, sizeof *pods);
		if (!pods)
			return state_no_memory(err);
		state->pods = pods;
		state->pod_size = size;
	}
	state->pods[state->pod_count++] = (struct known_pod){.made_from = made_from, .pod = *pod};
	return 0;
}

static int read_manifest(struct suite_state *state, const char *path, struct manifest *manifest, struct error *err)
{
	struct buf bytes;
	buf_init(&bytes, MANIFEST_BYTES_MAX);
	int result = state->means->read(path, &bytes, err);
	if (result == 0)
		result = manifest_read_exact(manifest, path, buf_view(&bytes), err);
	buf_release(&bytes);
	return result;
}

struct manifest *state_read(struct suite_state *state, struct str path, struct error *err)
{
	struct suite_file *file = arena_zalloc(&state->arena, 1, sizeof *file);
	char *whole = suite_path(state->manifest, path);
	struct str kept = whole ? arena_str(&state->arena, (struct str){whole, strlen(whole) + 1}) : STR("");
	free(whole);
	if (!file || kept.len == 0) {
		state_no_memory(err);
		return NULL;
	}
	if (read_manifest(state, kept.ptr, &file->manifest, err) < 0)
		return NULL;
	file->next = state->files;
	state->files = file;
	return &file->manifest;
}

/* --- Given --- */

static int give_held(struct suite_state *state, const struct suite_held *held, struct error *err)
{
	struct container *container = arena_zalloc(&state->arena, 1, sizeof *container);
	struct str uid = simulation_uid(state->simulation, &state->arena);
	if (!container || uid.len == 0)
		return state_no_memory(err);
	*container = (struct container){.list = CONTAINER_REGULAR,
					.name = STR("held"),
					.has_resources = true,
					.requests = held->requests,
					.limits = held->requests};
	const struct pod pod = {.present = true,
				.name = held->name.len ? held->name : uid,
				.namespace = held->namespace,
				.uid = uid,
				.containers = container,
				.container_count = 1,
				.node_name = held->node,
				.phase = STR("Running")};
	if (simulation_pod(state->simulation, &pod) < 0)
		return state_no_memory(err);
	return state_remember(state, pod.name, &pod, err);
}

typedef int give_labels(struct simulation *, struct str, const struct pairs *);

static int give(struct suite_state *state, const struct suite_namespace *items, uint32_t count, give_labels *take,
		struct error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct pairs labels = items[i].labels;
		labels.present = true;
		if (take(state->simulation, items[i].name, &labels) < 0)
			return state_no_memory(err);
	}
	return 0;
}

int state_given(struct suite_state *state, struct error *err)
{
	const struct suite_given *given = &state->suite->spec.given;
	if (give(state, given->namespaces, given->namespace_count, simulation_namespace, err) < 0 ||
	    give(state, given->nodes, given->node_count, simulation_node, err) < 0)
		return -1;
	for (uint32_t i = 0; i < given->files.count; i++) {
		const struct manifest *manifest = state_read(state, given->files.items[i], err);
		if (!manifest || simulation_usage(state->simulation, manifest, err) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < given->held_count; i++)
		if (give_held(state, &given->held[i], err) < 0)
			return -1;
	return 0;
}
