/* What a running suite remembers. */
#include "webhook/simulate/suite_state.h"

#include <stdlib.h>

int state_no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory");
}

int state_remember(struct suite_state *state, const struct known_pod *pod, struct error *err)
{
	if (state->pod_count == state->pod_size) {
		uint32_t size = state->pod_size ? 2 * state->pod_size : 64;
		struct known_pod *pods = reallocarray(state->pods, size, sizeof *pods);
		if (!pods)
			return state_no_memory(err);
		state->pods = pods;
		state->pod_size = size;
	}
	state->pods[state->pod_count++] = *pod;
	return 0;
}

int state_advance(struct suite_state *state, int64_t ms, struct error *err)
{
	if (simulation_advance(state->simulation, ms) < 0)
		return state_no_memory(err);
	int64_t now_ms = simulation_now(state->simulation);
	for (uint32_t i = 0; i < state->pod_count; i++) {
		struct known_pod *known = &state->pods[i];
		if (!known->unstored_ms || known->gone || now_ms - known->unstored_ms < STATE_PENDING_MS)
			continue;
		known->gone = true;
		simulation_gone(state->simulation, known->pod.uid);
	}
	return 0;
}

struct known_workload *state_workload(struct suite_state *state, struct manifest *manifest,
				      const struct manifest_object *object, const struct subject *subject, bool dry_run)
{
	const struct workload_kind *known_kind = workload_find(object->api_version, object->kind);
	const struct workload_kind *kind = known_kind ? known_kind : &workload_custom;
	struct known_workload *known = dry_run ? NULL : state->workloads;
	while (known && (known->kind != kind || !str_eq(known->object.name, object->name) ||
			 !str_eq(known->object.kind, object->kind) ||
			 !str_eq(known->subject->review.namespace, subject->review.namespace)))
		known = known->next;
	bool is_new = !known;
	if (is_new && !(known = arena_zalloc(&state->arena, 1, sizeof *known)))
		return NULL;
	if (is_new && !dry_run) {
		known->next = state->workloads;
		state->workloads = known;
	}
	known->kind = kind;
	known->manifest = manifest;
	known->object = *object;
	known->subject = subject;
	return known;
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
	if (!file || kept.len == 0 || seen_files_add(state->means->seen, kept.ptr) < 0) {
		state_no_memory(err);
		return NULL;
	}
	if (read_manifest(state, kept.ptr, &file->manifest, err) < 0)
		return NULL;
	file->next = state->files;
	state->files = file;
	return &file->manifest;
}
