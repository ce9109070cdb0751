#include "webhook/simulate/replay.h"

#include <time.h>

#include "webhook/object/review.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/replay_objects.h"
#include "webhook/simulate/replay_quotas.h"
#include "webhook/simulate/replay_reviews.h"
#include "webhook/simulate/usage.h"

#define PASSED_OVER_SHOWN 20
#define ARENA_CHUNK ((size_t)256 << 10)
#define ARENA_MAX ((size_t)128 << 20)
/* Minutes of a busy cluster. A /validate follows its /mutate within seconds. */
#define ORIGINALS_BYTES_MAX ((size_t)64 << 20)

static const struct replay_limits default_limits = {
    .pods = (size_t)1 << 30, /* Several hundred thousand. */
    .examples = (size_t)32 << 20,
    .uids = (size_t)64 << 20,
};

static struct replay_limits limits_of(const struct replay_limits *given)
{
	const struct replay_limits *otherwise = &default_limits;
	return (struct replay_limits){.pods = given->pods ? given->pods : otherwise->pods,
				      .examples = given->examples ? given->examples : otherwise->examples,
				      .uids = given->uids ? given->uids : otherwise->uids};
}

static int prepare(struct replay *replay, const struct replay_options *options, struct error *err)
{
	arena_init(&replay->arena, ARENA_CHUNK, ARENA_MAX);
	const struct replay_limits limits = limits_of(&options->limits);
	replay->hold_ms = options->hold_ms;
	replay->pod_bytes_max = limits.pods;
	replay->usage = replaced_create();
	replay->passed_over_files = json_array();
	if (!replay->usage || !replay->passed_over_files ||
	    replay_changes_init(&replay->changes, options->show, limits.examples) < 0 ||
	    replay_memory_init(&replay->originals, ORIGINALS_BYTES_MAX) < 0 ||
	    replay_memory_init(&replay->refused, limits.uids) < 0 ||
	    replay_memory_init(&replay->reported, limits.uids) < 0 ||
	    replay_memory_init(&replay->phantoms, limits.uids) < 0 ||
	    replay_memory_init(&replay->holders, limits.uids) < 0)
		return error_set(err, "there is not enough memory");
	return replay_side_init(&replay->sides[REPLAY_BEFORE], options->against, false, err) < 0 ||
		       replay_side_init(&replay->sides[REPLAY_AFTER], options->policy, false, err) < 0 ||
		       replay_side_init(&replay->sides[REPLAY_ENFORCED], options->policy, true, err) < 0
		   ? -1
		   : 0;
}

struct replay *replay_create(const struct replay_options *options, struct error *err)
{
	struct replay *replay = calloc(1, sizeof *replay);
	if (!replay) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	if (prepare(replay, options, err) == 0)
		return replay;
	replay_destroy(replay);
	return NULL;
}

void replay_destroy(struct replay *replay)
{
	if (!replay)
		return;
	replay_objects_forget(replay);
	replaced_destroy(replay->usage);
	json_decref(replay->passed_over_files);
	replay_changes_release(&replay->changes);
	replay_memory_release(&replay->originals);
	replay_memory_release(&replay->refused);
	replay_memory_release(&replay->reported);
	replay_memory_release(&replay->phantoms);
	replay_memory_release(&replay->holders);
	for (int side = 0; side < REPLAY_SIDES; side++)
		replay_side_release(&replay->sides[side]);
	arena_release(&replay->arena);
	free(replay);
}

int replay_usage(struct replay *replay, const struct manifest *manifest, struct error *err)
{
	int result = 0;
	for (int i = 0; i < REPLAY_SIDES && result == 0; i++) {
		const struct replay_side *side = &replay->sides[i];
		struct replaced *replaced = i == REPLAY_AFTER ? replay->usage : NULL;
		if (side->simulation)
			result = simulation_usage(side->simulation, manifest, replaced, err);
		if (result == 0 && side->existing)
			result = simulation_usage(side->existing, manifest, NULL, err);
	}
	return result;
}

/* --- Input --- */

/* Puts FILE:LINE in the place of "(byte N)" at the end of a reader's sentence. */
static int explain(const char *file, const struct json_value *value, struct error *err)
{
	size_t byte = 0;
	uint64_t line = value->line;
	char *at = strrchr(err->text, '(');
	if (at && sscanf(at, "(byte %zu)", &byte) == 1)
		at[at > err->text && at[-1] == ' ' ? -1 : 0] = '\0';
	for (size_t i = 0; i < byte && i < value->json.len; i++)
		line += value->json.ptr[i] == '\n';
	return error_wrap(err, "%.300s:%llu", file, (unsigned long long)line);
}

/* Reads "2026-11-28T19:20:41.695Z". Returns the time since 1970, or -1. */
static int64_t read_time(struct str text)
{
	struct tm parts = {.tm_sec = 0};
	unsigned ms = 0;
	char copy[sizeof((struct replay *)NULL)->times[0]];
	if (text.len >= sizeof copy)
		return -1;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &parts);
	if (!rest || (sscanf(rest, ".%3uZ", &ms) != 1 && strcmp(rest, "Z") != 0))
		return -1;
	return timegm(&parts) * 1000 + ms;
}

static void note_time(struct replay *replay, struct str time)
{
	if (!time.len || time.len > sizeof replay->times[0])
		return;
	if (replay->hold_ms)
		replay_reviews_advance(replay, read_time(time));
	if (!replay->first_time.len) {
		memcpy(replay->times[0], time.ptr, time.len);
		replay->first_time = (struct str){replay->times[0], time.len};
	}
	memcpy(replay->times[1], time.ptr, time.len);
	replay->last_time = (struct str){replay->times[1], time.len};
}

/* An item of a typed list, such as a PodList of the API server, has no kind of its own. */
static void name_kind(struct manifest *manifest, const struct json_value *value)
{
	struct str kind = value->list_kind;
	if (manifest->count != 1 || str_present(manifest->objects[0].kind) || !str_ends(kind, STR("List")))
		return;
	manifest->objects[0].kind = (struct str){kind.ptr, kind.len - strlen("List")};
	manifest->objects[0].api_version = value->list_version;
}

static int take_objects(struct replay *replay, const char *file, const struct json_value *value, struct error *err)
{
	struct manifest manifest;
	if (manifest_read_part(&manifest, file, (uint32_t)(value->line - 1), value->json, err) < 0)
		return -1;
	name_kind(&manifest, value);
	int result = replay_objects(replay, &manifest, file, err);
	manifest_release(&manifest);
	return result;
}

int replay_value(struct replay *replay, const char *file, const struct json_value *value, struct error *err)
{
	struct recorded recorded;
	arena_reset(&replay->arena);
	int found = review_read_recorded(value->json.ptr, value->json.len, &replay->arena, &recorded, err);
	if (found < 0)
		return explain(file, value, err);
	if (found == 0)
		return take_objects(replay, file, value, err);
	note_time(replay, recorded.time);
	if (!review_has_subject(&recorded.review)) {
		replay->skipped++;
		return 0;
	}
	return replay_review(replay, &recorded, value->json, file, value->line, err) < 0 ? explain(file, value, err)
											 : 0;
}

int replay_manifest(struct replay *replay, const struct manifest *manifest, const char *file, struct error *err)
{
	return replay_objects(replay, manifest, file, err);
}

int replay_labels(struct replay *replay, const struct manifest *manifest, struct error *err)
{
	return replay_objects_labels(replay, manifest, err);
}

int replay_end_input(struct replay *replay, struct error *err)
{
	return replay_objects_finish(replay, err);
}

void replay_restart_input(struct replay *replay)
{
	replay_objects_forget(replay);
}

void replay_note_incomplete(struct replay *replay)
{
	replay->incomplete++;
}

void replay_note_passed_over(struct replay *replay, struct str file)
{
	if (replay->passed_over++ < PASSED_OVER_SHOWN)
		json_array_append_new(replay->passed_over_files, explain_location(file, 0));
}

int replay_finish(struct replay *replay, struct error *err)
{
	if (replay_reviews_finish(replay, err) < 0)
		return -1;
	return replay_quotas_count(replay) < 0 ? replay_no_memory(err) : 0;
}

/* --- Result --- */

const char *replay_unnamed(const struct replay *replay)
{
	return replay->unnamed.text[0] == '\0' ? NULL : replay->unnamed.text;
}

uint64_t replay_reviews(const struct replay *replay)
{
	return replay->reviews;
}

uint64_t replay_count(const struct replay *replay, enum replay_change change)
{
	return replay->changes.counts[change];
}

static json_t *counts_json(const struct replay *replay)
{
	json_t *counts = json_object();
	for (int i = 0; i < REPLAY_CHANGES; i++)
		json_object_set_new(counts, replay_change_names[i],
				    json_integer((json_int_t)replay->changes.counts[i]));
	return counts;
}

static json_t *time_json(struct str time)
{
	return time.len ? json_stringn(time.ptr, time.len) : json_null();
}

json_t *replay_report(const struct replay *replay)
{
	bool cut = false;
	json_t *quotas = replay_quotas_json(replay, &cut);
	json_t *report =
	    json_pack("{s:i, s:b, s:I, s:I, s:o, s:I, s:I, s:I, s:O, s:o, s:o, s:o, s:O, s:o, s:O, s:I, s:b}", "format",
		      1, "against", replay_has(replay, REPLAY_BEFORE), "reviews", (json_int_t)replay->reviews, "ends",
		      (json_int_t)replay->ends, "holdSeconds",
		      replay->hold_ms ? json_integer(replay->hold_ms / 1000) : json_null(), "skipped",
		      (json_int_t)replay->skipped, "incomplete", (json_int_t)replay->incomplete, "passedOver",
		      (json_int_t)replay->passed_over, "passedOverFiles", replay->passed_over_files, "from",
		      time_json(replay->first_time), "to", time_json(replay->last_time), "counts", counts_json(replay),
		      "tenants", replay->changes.tenants, "quotas", quotas, "differences", replay->changes.examples,
		      "omitted", (json_int_t)replay->changes.omitted, "truncated", replay->changes.full);
	if (cut)
		json_object_set_new(report, "amountsCut", json_true());
	return report;
}
