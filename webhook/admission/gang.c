#include "webhook/admission/gang.h"

#include <stdlib.h>

#include "gpugate/buf.h"
#include "gpugate/consumer.h"
#include "gpugate/workload_paths.h"
#include "webhook/admission/pod_template.h"
#include "webhook/json/count.h"
#include "webhook/json/path.h"
#include "webhook/object/workload_parts.h"

_Static_assert(GANG_OBJECT_BYTES_MAX == 512 << 10, "a sentence names it");

/* For the templates of an object, of which only the sums are kept. */
#define SCRATCH_CHUNK ((size_t)64 << 10)
#define SCRATCH_MAX ((size_t)16 << 20)
#define WHY_MAX ((size_t)2048) /* More than the names in it. */

/* What is found about the group; `gang` is set if it is found. */
enum found {
	FOUND,
	FOUND_ALONE,  /* The Pod is decided alone. */
	FOUND_UNREAD, /* The object could not be read. */
	FOUND_TOO_LARGE,
	FOUND_NO_SIZE, /* It was read, but not understood. */
	FOUND_UNKNOWN, /* What some of its Pods request is not known. */
	/* They request more different resources than a ledger keeps of a group. */
	FOUND_TOO_MUCH,
	FOUND_NO_MEMORY,
};

/*
 * What is missing, by enum found. The texts go around the key of the group. Without what helps, it
 * helps to try again.
 */
static const struct {
	const char *before, *after, *remedy;
} missing[] = {
    [FOUND_UNREAD] = {"", ", which says how many Pods belong together, could not be read"},
    [FOUND_TOO_LARGE] = {"", ", which says how many Pods belong together, is larger than 512 KiB", "make it smaller"},
    [FOUND_NO_SIZE] = {"", " does not say in a known way how many Pods belong together", "correct it"},
    [FOUND_UNKNOWN] = {"what the other Pods of ", " request is not known yet"},
    [FOUND_TOO_MUCH] = {"the Pods of ", " request more than 128 different resources", "request fewer"},
};

/* Who asks for what. */
struct gang_query {
	const struct policy *policy;
	const struct review *review;
	const struct pod_group *group;
	struct str json;
	struct arena *arena;
	struct arena scratch;
	struct decision *decision;
};

/* --- Sums --- */

/* A larger amount than any cluster has stays one. */
static int64_t at_most(int64_t count)
{
	return count < COMPANION_MAX ? count : COMPANION_MAX;
}

static int name_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Makes one request for each resource. Returns their number. */
static uint32_t merge(struct resource_request *requests, uint32_t count)
{
	uint32_t kept = 0;
	if (count > 1)
		qsort(requests, count, sizeof *requests, resource_request_order);
	for (uint32_t i = 0; i < count; i++) {
		if (kept && str_eq(requests[kept - 1].resource, requests[i].resource))
			requests[kept - 1].count = at_most(requests[kept - 1].count + requests[i].count);
		else
			requests[kept++] = requests[i];
	}
	return kept;
}

static uint32_t unique(struct str *names, uint32_t count)
{
	uint32_t kept = 0;
	if (count > 1)
		qsort(names, count, sizeof *names, name_order);
	for (uint32_t i = 0; i < count; i++)
		if (kept == 0 || !str_eq(names[kept - 1], names[i]))
			names[kept++] = names[i];
	return kept;
}

/* Pods that are alike. */
struct alike {
	struct consumer consumer;
	int64_t pods;
};

static int sum_requests(const struct alike *alike, uint32_t count, struct arena *arena, struct gang *gang)
{
	size_t most = 0;
	for (uint32_t i = 0; i < count; i++)
		most += alike[i].consumer.request_count;
	struct resource_request *requests = arena_zalloc(arena, most, sizeof *requests);
	if (!requests)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t r = 0; r < alike[i].consumer.request_count; r++)
			requests[gang->request_count++] = (struct resource_request){
			    .resource = alike[i].consumer.requests[r].resource,
			    .count = companion_times(alike[i].consumer.requests[r].count, alike[i].pods)};
	gang->request_count = merge(requests, gang->request_count);
	gang->requests = requests;
	return 0;
}

/* The models on which some of the Pods can run. If one can run on any, so can the group. */
static int join_models(const struct alike *alike, uint32_t count, struct arena *arena, struct gang *gang)
{
	size_t most = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (alike[i].consumer.model_count == 0)
			return 0;
		most += alike[i].consumer.model_count;
	}
	struct str *models = arena_zalloc(arena, most, sizeof *models);
	if (!models)
		return -1;
	uint32_t added = 0;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t m = 0; m < alike[i].consumer.model_count; m++)
			models[added++] = alike[i].consumer.models[m];
	added = unique(models, added);
	if (added > CONSUMER_MODELS_MAX)
		return 0;
	gang->models = models;
	gang->model_count = added;
	return 0;
}

/* The names of resources may be those of an object that is not kept. */
static int keep_names(struct gang *gang, struct arena *arena)
{
	struct resource_request *requests = arena_zalloc(arena, gang->request_count, sizeof *requests);
	if (!requests)
		return -1;
	for (uint32_t i = 0; i < gang->request_count; i++) {
		requests[i] = gang->requests[i];
		requests[i].resource = arena_str(arena, requests[i].resource);
		if (!str_present(requests[i].resource))
			return -1;
	}
	gang->requests = requests;
	return 0;
}

/* Sets the gang to these Pods. All of them request something. */
static enum found set_gang(const struct alike *alike, uint32_t count, struct arena *arena, struct decision *decision)
{
	struct gang *gang = arena_zalloc(arena, 1, sizeof *gang);
	if (!gang || sum_requests(alike, count, arena, gang) < 0)
		return FOUND_NO_MEMORY;
	if (gang->request_count > GANG_REQUESTS_MAX)
		return FOUND_TOO_MUCH;
	if (join_models(alike, count, arena, gang) < 0 || keep_names(gang, arena) < 0)
		return FOUND_NO_MEMORY;
	gang->seconds = decision->gang_seconds;
	decision->consumer.gang = gang;
	return FOUND;
}

/* Sets the gang to so many Pods like this one. */
static enum found set_alike(int64_t pods, struct arena *arena, struct decision *decision)
{
	struct consumer *consumer = &decision->consumer;
	if (pods <= 1)
		return FOUND_ALONE;
	struct gang *gang = arena_zalloc(arena, 1, sizeof *gang);
	if (!gang)
		return FOUND_NO_MEMORY;
	*gang = (struct gang){.pods = pods,
			      .requests = consumer->requests,
			      .request_count = consumer->request_count,
			      .models = consumer->models,
			      .model_count = consumer->model_count,
			      .seconds = decision->gang_seconds};
	consumer->gang = gang;
	return FOUND;
}

/* --- The object --- */

static enum found read_number(const struct gang_query *q)
{
	struct error ignored = {0};
	struct str value;
	int64_t pods;
	if (json_find(q->json, q->group->size_path, &value, &ignored) < 0)
		return FOUND_NO_SIZE;
	if (!str_present(value))
		return FOUND_ALONE;
	return json_count(q->json, str_of(q->group->size_path), value, &pods, &ignored) < 0
		   ? FOUND_NO_SIZE
		   : set_alike(pods, q->arena, q->decision);
}

/* Of a Job, those Pods that have succeeded are not created again. */
static enum found read_workload(const struct gang_query *q, const struct workload_kind *kind)
{
	struct error ignored = {0};
	struct workload workload;
	if (workload_read(kind, q->json, &workload, &ignored) < 0)
		return FOUND_NO_SIZE;
	int64_t pods = workload.replicas < workload.remaining ? workload.replicas : workload.remaining;
	return set_alike(pods, q->arena, q->decision);
}

/* Adds the Pods of a group of a custom resource, if they request anything. */
static enum found add_part(struct gang_query *q, const struct workload_part *part, struct alike *alike, uint32_t *count)
{
	const struct workload workload = {.kind = &workload_custom, .pod = part->pod};
	const struct pod_creator creator = {q->review->user, q->review->groups};
	struct review review;
	struct decision decision;
	if (!pod_template_read(q->review, &workload, q->group->name, &creator, &q->scratch, &review))
		return FOUND_NO_SIZE;
	review.namespace_labels = q->review->namespace_labels;
	if (pod_template_judge(q->policy, &review, &q->scratch, true, &decision) < 0)
		return FOUND_NO_MEMORY;
	if (decision.undecided)
		return FOUND_UNKNOWN;
	if (decision.consumer.request_count)
		alike[(*count)++] = (struct alike){decision.consumer, part->replicas};
	return FOUND;
}

/* How many groups like that of the Pod the object has. */
static int64_t count_groups(const struct gang_query *q)
{
	struct error ignored = {0};
	struct str value = {NULL, 0};
	int64_t groups = 1;
	if (q->group->groups_path && json_find(q->json, q->group->groups_path, &value, &ignored) == 0 &&
	    str_present(value) && json_count(q->json, str_of(q->group->groups_path), value, &groups, &ignored) < 0)
		return 0;
	return groups;
}

static enum found read_parts(struct gang_query *q, const struct workload_paths *paths)
{
	struct error ignored = {0};
	struct workload_parts *parts = arena_zalloc(&q->scratch, 1, sizeof *parts);
	struct alike *alike = arena_zalloc(&q->scratch, WORKLOAD_PARTS_MAX, sizeof *alike);
	int64_t pods = 0, groups = count_groups(q);
	uint32_t count = 0;
	if (!parts || !alike)
		return FOUND_NO_MEMORY;
	if (groups == 0)
		return FOUND_ALONE;
	if (workload_parts_read(paths, q->json, &q->scratch, parts, &ignored) < 0)
		return FOUND_NO_SIZE;
	for (uint32_t i = 0; i < parts->count; i++) {
		if (parts->items[i].alone)
			return FOUND_ALONE;
		parts->items[i].replicas /= groups;
		pods += parts->items[i].replicas;
	}
	for (uint32_t i = 0; pods > 1 && i < parts->count; i++) {
		enum found found = parts->items[i].replicas ? add_part(q, &parts->items[i], alike, &count) : FOUND;
		if (found != FOUND)
			return found;
	}
	return count ? set_gang(alike, count, q->arena, q->decision) : FOUND_ALONE;
}

static const struct workload_kind *kind_of(const struct pod_group *group)
{
	return workload_find_in(group->api_group, group->kind);
}

static const enum found unread[] = {
    [GANG_OBJECT_ABSENT] = FOUND_ALONE, [GANG_OBJECT_UNREAD] = FOUND_UNREAD, [GANG_OBJECT_TOO_LARGE] = FOUND_TOO_LARGE};

static enum found read_object(struct gang_query *q, enum gang_object state)
{
	const struct workload_kind *kind = kind_of(q->group);
	if (state != GANG_OBJECT_READ)
		return unread[state];
	if (q->group->size_path)
		return read_number(q);
	if (kind)
		return read_workload(q, kind);
	arena_init(&q->scratch, SCRATCH_CHUNK, SCRATCH_MAX);
	enum found found = read_parts(q, policy_workload(q->policy, q->group->api_group, q->group->kind));
	arena_release(&q->scratch);
	/* An object that needs so much is none that a controller could use. */
	return found == FOUND_NO_MEMORY && !q->arena->exhausted ? FOUND_NO_SIZE : found;
}

/* --- The parts of this --- */

int gang_find(const struct policy *policy, const struct review *review, struct arena *arena, struct decision *decision,
	      struct pod_group *group)
{
	*group = (struct pod_group){.size = 0};
	if (!policy_has_gangs(policy) || !review->object.present || decision->mirror)
		return 0;
	if (pod_group_find(&review->object, arena, group) < 0)
		return -1;
	/* Another Pod of the group may have reserved something for this one. */
	decision->consumer.group = group->key;
	if (!str_present(group->key) || !str_present(decision->gang_rule))
		return 0;
	/* Where the object has several groups, it may say better which Pods each of them has. */
	if (group->size && set_alike(group->size, arena, decision) == FOUND_NO_MEMORY)
		return -1;
	if (group->size && !group->groups_path)
		return 0;
	const struct workload_paths *paths = policy_workload(policy, group->api_group, group->kind);
	if (!str_present(group->resource) && paths)
		group->resource = paths->plural;
	return group->version.len && str_present(group->resource);
}

/* In either case, onOutage decides. */
static int add_outage(const struct gang_query *q, enum found found)
{
	const char *remedy = missing[found].remedy;
	struct buf why;
	buf_init(&why, WHY_MAX);
	buf_printf(&why, "%s%.*s%s", missing[found].before, STR_ARG(q->group->key), missing[found].after);
	if (remedy)
		buf_printf(&why, "; %s, or ask the platform team to leave its Pods out of Rule \"%.*s\"", remedy,
			   STR_ARG(q->decision->gang_rule));
	int result = why.failed ? -1
		     : remedy   ? policy_add_fault_violation(q->policy, buf_view(&why), q->arena, q->decision)
				: policy_add_outage_violation(q->policy, buf_view(&why), q->arena, q->decision);
	buf_release(&why);
	return result;
}

int gang_read(const struct policy *policy, const struct review *review, const struct pod_group *group,
	      enum gang_object state, struct str json, struct arena *arena, struct decision *decision)
{
	struct gang_query q = {
	    .policy = policy, .review = review, .group = group, .json = json, .arena = arena, .decision = decision};
	enum found found = read_object(&q, state);
	if (found == FOUND_NO_MEMORY)
		return -1;
	/* What the Pod says itself stays. */
	return found == FOUND || found == FOUND_ALONE || group->size ? 0 : add_outage(&q, found);
}
