#include "policy/evaluate/working_pod.h"

#include <stdio.h>

#include "gpugate/vec.h"
#include "policy/evaluate/effective_request.h"

uint32_t working_pod_name(const struct working_pod *working, struct str name)
{
	for (uint32_t i = 0; i < working->name_count; i++)
		if (str_eq(working->names[i], name))
			return i;
	return INDEX_NONE;
}

static uint32_t add_name(struct working_pod *working, struct str name)
{
	uint32_t at = working_pod_name(working, name);
	if (at != INDEX_NONE || working->name_count == WORKING_POD_RESOURCES_MAX)
		return at;
	working->names[working->name_count] = name;
	working->resources[working->name_count] = snapshot_resource(working->policy, name);
	working->effective[working->name_count] = 0;
	return working->name_count++;
}

/*
 * Returns the amount of a container and name, which is created if it does not exist, or NULL if the
 * arena is exhausted.
 */
static struct amount_of *find_amount(struct working_pod *working, uint32_t container, uint32_t name)
{
	uint32_t *link = &working->first[container];
	for (; *link != INDEX_NONE; link = &working->amounts[*link].next)
		if (working->amounts[*link].name == name)
			return &working->amounts[*link];
	/* Set before the array grows, because the link may be in the old array, which is copied. */
	*link = working->amount_count;
	struct amount_of *amounts = vec_room_in(working->arena, working->amounts, working->amount_count,
						&working->amount_size, 8, sizeof *amounts);
	if (!amounts)
		return NULL;
	working->amounts = amounts;
	amounts[working->amount_count] = (struct amount_of){.container = container,
							    .name = name,
							    .next = INDEX_NONE,
							    .request = AMOUNT_ABSENT,
							    .limit = AMOUNT_ABSENT,
							    .was_request = AMOUNT_ABSENT,
							    .was_limit = AMOUNT_ABSENT};
	return &amounts[working->amount_count++];
}

_Static_assert(RESOURCE_REQUEST_MAX == 1000000000 && WORKING_POD_RESOURCES_MAX == 64, "the sentences name these");

static void set_quantity_problem(struct working_pod_problem *problem, enum quantity_result result, struct str container,
				 const struct pair *entry)
{
	bool large = result == QUANTITY_OK;
	char last = entry->value.len ? entry->value.ptr[entry->value.len - 1] : '0';
	const char *fewer = last >= '0' && last <= '9' ? "fewer" : "a whole number of accelerators, without a unit";
	if (!problem->what)
		*problem = (struct working_pod_problem){large ? "is more than 1000000000" : quantity_problem(result),
							large ? fewer : "a whole number of accelerators", container,
							entry->key, entry->value};
}

/* Sets a problem about all requests of the Pod together. */
static void set_pod_problem(struct working_pod_problem *problem, const char *what)
{
	if (!problem->what)
		*problem = (struct working_pod_problem){.what = what, .remedy = "fewer"};
}

static const char too_many_names[] = "more than 64 different accelerator resources";

static int collect(struct working_pod *working, uint32_t container, const struct pairs *map, bool limits,
		   struct working_pod_problem *problem)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct pair *entry = &map->items[i];
		if (!snapshot_is_accelerator(working->policy, entry->key))
			continue;
		struct str where = working->pod->containers[container].name;
		int64_t count;
		enum quantity_result result = quantity_count(entry->value, &count);
		if (result != QUANTITY_OK || count > RESOURCE_REQUEST_MAX) {
			set_quantity_problem(problem, result, str_present(where) ? where : STR(""), entry);
			continue;
		}
		uint32_t name = add_name(working, entry->key);
		if (name == INDEX_NONE) {
			set_pod_problem(problem, too_many_names);
			return 0;
		}
		struct amount_of *amount = find_amount(working, container, name);
		if (!amount)
			return -1;
		*(limits ? &amount->limit : &amount->request) = count;
		*(limits ? &amount->was_limit : &amount->was_request) = count;
	}
	return 0;
}

int working_pod_init(struct working_pod *working, const struct policy *policy, const struct pod *pod,
		     struct arena *arena, struct working_pod_problem *problem)
{
	working->policy = policy;
	working->pod = pod;
	working->arena = arena;
	working->name_count = working->amount_count = working->amount_size = 0;
	working->selector_count = working->selector_size = 0;
	working->toleration_count = working->toleration_size = 0;
	working->amounts = NULL;
	working->selectors = NULL;
	working->tolerations = NULL;
	working->given = NULL;
	working->runtime_class = (struct str){NULL, 0};
	*problem = (struct working_pod_problem){0};
	size_t heads = pod->container_count * sizeof *working->first;
	working->first = arena_alloc(arena, heads);
	if (!working->first)
		return -1;
	if (heads)
		memset(working->first, 0xff, heads); /* INDEX_NONE. */
	for (uint32_t i = 0; i < pod->container_count; i++) {
		if (collect(working, i, &pod->containers[i].requests, false, problem) < 0 ||
		    collect(working, i, &pod->containers[i].limits, true, problem) < 0)
			return -1;
	}
	/* A RuntimeClass can add devices, too. */
	for (uint32_t i = 0; i < pod->overhead.count; i++) {
		if (snapshot_is_accelerator(policy, pod->overhead.items[i].key) &&
		    add_name(working, pod->overhead.items[i].key) == INDEX_NONE)
			set_pod_problem(problem, too_many_names);
	}
	working_pod_sum(working, problem);
	return 0;
}

/*
 * Sums do not overflow: there are at most 2^23 entries (8 MiB of JSON) of at most
 * RESOURCE_REQUEST_MAX each.
 */
void working_pod_sum(struct working_pod *working, struct working_pod_problem *problem)
{
	struct effective sums[WORKING_POD_RESOURCES_MAX] = {0};
	const struct pod *pod = working->pod;
	for (uint32_t i = 0; working->amount_count && i < pod->container_count; i++) {
		const struct container *container = &pod->containers[i];
		for (uint32_t a = working->first[i]; a != INDEX_NONE; a = working->amounts[a].next) {
			int64_t value = amount_value(&working->amounts[a]);
			if (value > 0)
				effective_add(&sums[working->amounts[a].name], container, value);
		}
	}
	for (uint32_t n = 0; n < working->name_count; n++)
		working->effective[n] = effective_total(&sums[n]);
	for (uint32_t i = 0; i < pod->overhead.count; i++) {
		int64_t value;
		uint32_t n = working_pod_name(working, pod->overhead.items[i].key);
		if (n == INDEX_NONE)
			continue;
		enum quantity_result result = quantity_count(pod->overhead.items[i].value, &value);
		if (result == QUANTITY_OK && value <= RESOURCE_REQUEST_MAX)
			working->effective[n] += value;
		else
			set_quantity_problem(problem, result, (struct str){NULL, 0}, &pod->overhead.items[i]);
	}
	int64_t total = 0;
	for (uint32_t n = 0; n < working->name_count; n++) {
		total += working->effective[n];
		if (total > RESOURCE_REQUEST_MAX)
			set_pod_problem(problem, "more than 1000000000 accelerators");
	}
}

int64_t working_pod_effective(const struct working_pod *working, struct str name)
{
	uint32_t at = working_pod_name(working, name);
	return at == INDEX_NONE ? 0 : working->effective[at];
}

int64_t working_pod_requested(const struct working_pod *working, uint32_t container, struct str name)
{
	uint32_t at = working_pod_name(working, name);
	for (uint32_t a = working->first[container]; a != INDEX_NONE && at != INDEX_NONE; a = working->amounts[a].next)
		if (working->amounts[a].name == at)
			return amount_value(&working->amounts[a]);
	return 0;
}

bool working_pod_requests_any(const struct working_pod *working, uint32_t container)
{
	for (uint32_t a = working->first[container]; a != INDEX_NONE; a = working->amounts[a].next)
		if (amount_value(&working->amounts[a]) > 0)
			return true;
	return false;
}

static void move_value(int64_t *from, int64_t *to)
{
	if (*from == AMOUNT_ABSENT)
		return;
	*to = (*to == AMOUNT_ABSENT ? 0 : *to) + *from;
	*from = AMOUNT_ABSENT;
}

int working_pod_move(struct working_pod *working, uint32_t amount, struct str to)
{
	uint32_t name = add_name(working, to), container = working->amounts[amount].container;
	if (name == INDEX_NONE)
		return -1;
	struct amount_of *target = find_amount(working, container, name);
	if (!target)
		return -1;
	move_value(&working->amounts[amount].request, &target->request);
	move_value(&working->amounts[amount].limit, &target->limit);
	return 0;
}

int working_pod_claims(struct working_pod *working)
{
	if (!working->given)
		working->given = given_claims_read(working->pod, working->arena);
	return working->given ? 0 : -1;
}

struct amount_of *working_pod_amount(const struct working_pod *working, uint32_t container, uint32_t name)
{
	uint32_t a = working->first[container];
	while (a != INDEX_NONE && working->amounts[a].name != name)
		a = working->amounts[a].next;
	return a == INDEX_NONE ? NULL : &working->amounts[a];
}

/* Returns nodeSelector[key] of the unchanged Pod, or an absent string. */
static struct str pod_selector(const struct working_pod *working, struct str key)
{
	const struct pairs *selector = &working->pod->node_selector;
	for (uint32_t i = 0; i < selector->count; i++)
		if (str_eq(selector->items[i].key, key))
			return selector->items[i].value;
	return (struct str){NULL, 0};
}

struct str working_pod_selector(const struct working_pod *working, struct str key)
{
	for (uint32_t i = 0; i < working->selector_count; i++)
		if (str_eq(working->selectors[i].key, key))
			return working->selectors[i].value;
	return pod_selector(working, key);
}

int working_pod_select(struct working_pod *working, struct str key, struct str value)
{
	for (uint32_t i = 0; i < working->selector_count; i++)
		if (str_eq(working->selectors[i].key, key)) {
			working->selectors[i].value = value;
			return 0;
		}
	struct pair *selectors = vec_room_in(working->arena, working->selectors, working->selector_count,
					     &working->selector_size, 8, sizeof *selectors);
	if (!selectors)
		return -1;
	working->selectors = selectors;
	selectors[working->selector_count++] = (struct pair){key, value};
	return 0;
}

/*
 * Whether `there` tolerates everything that `wanted` does. An empty effect or key matches all
 * (Toleration in core/v1).
 */
static bool covers(const struct toleration *there, const struct toleration *wanted)
{
	bool exists = str_eq(there->op, STR("Exists")), wanted_exists = str_eq(wanted->op, STR("Exists"));
	if (there->effect.len && !str_eq(there->effect, wanted->effect))
		return false;
	if (str_present(there->seconds) && !(str_present(wanted->seconds) && str_eq(there->seconds, wanted->seconds)))
		return false;
	if (exists && there->key.len == 0)
		return true;
	if (!str_eq(there->key, wanted->key))
		return false;
	return exists || (!wanted_exists && str_eq(there->value, wanted->value));
}

bool working_pod_tolerates(const struct working_pod *working, const struct toleration *toleration)
{
	for (uint32_t i = 0; i < working->pod->toleration_count; i++)
		if (covers(&working->pod->tolerations[i], toleration))
			return true;
	for (uint32_t i = 0; i < working->toleration_count; i++)
		if (covers(&working->tolerations[i], toleration))
			return true;
	return false;
}

int working_pod_tolerate(struct working_pod *working, const struct toleration *toleration, bool *added)
{
	if (working_pod_tolerates(working, toleration))
		return 0;
	struct toleration *tolerations = vec_room_in(working->arena, working->tolerations, working->toleration_count,
						     &working->toleration_size, 8, sizeof *tolerations);
	if (!tolerations)
		return -1;
	working->tolerations = tolerations;
	tolerations[working->toleration_count++] = *toleration;
	*added = true;
	return 0;
}

struct str working_pod_runtime_class(const struct working_pod *working)
{
	return str_present(working->runtime_class) ? working->runtime_class : working->pod->runtime_class;
}

static struct str print_count(struct arena *arena, int64_t value)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%lld", (long long)value);
	return arena_str(arena, (struct str){text, (size_t)len});
}

/* Returns 1 if there is an edit, 0 if not, or -1 if the arena is exhausted. */
static int edit_amount(const struct working_pod *working, const struct amount_of *amount, bool limits,
		       struct edit *edit)
{
	int64_t now = limits ? amount->limit : amount->request, was = limits ? amount->was_limit : amount->was_request;
	if (now == was)
		return 0;
	*edit = (struct edit){.kind = EDIT_RESOURCE, .container = amount->container, .limits = limits};
	if (now == AMOUNT_ABSENT) {
		edit->from = working->names[amount->name];
		return 1;
	}
	edit->key = working->names[amount->name];
	edit->value = print_count(working->arena, now);
	return str_present(edit->value) ? 1 : -1;
}

int working_pod_edits(const struct working_pod *working, uint32_t envs, struct edit **edits, uint32_t *count)
{
	uint32_t given = working->given ? given_claims_edit_count(working->given, working->pod) : 0;
	size_t size =
	    2 * (size_t)working->amount_count + working->selector_count + working->toleration_count + 1 + given + envs;
	struct edit *out = arena_zalloc(working->arena, size, sizeof *out);
	uint32_t made = 0;
	if (!out)
		return -1;
	for (uint32_t i = 0; i < working->amount_count; i++)
		for (int limits = 0; limits < 2; limits++) {
			int some = edit_amount(working, &working->amounts[i], limits, &out[made]);
			if (some < 0)
				return -1;
			made += (uint32_t)some;
		}
	for (uint32_t i = 0; i < working->selector_count; i++) {
		const struct pair *now = &working->selectors[i];
		struct str was = pod_selector(working, now->key);
		/* A later pass may have restored the value of the Pod. */
		if (!str_present(was) || !str_eq(was, now->value))
			out[made++] = (struct edit){.kind = EDIT_NODE_SELECTOR, .key = now->key, .value = now->value};
	}
	for (uint32_t i = 0; i < working->toleration_count; i++)
		out[made++] = (struct edit){.kind = EDIT_TOLERATION, .toleration = working->tolerations[i]};
	const struct str *class = &working->pod->runtime_class;
	if (str_present(working->runtime_class) && !(str_present(*class) && str_eq(*class, working->runtime_class)))
		out[made++] = (struct edit){.kind = EDIT_RUNTIME_CLASS, .value = working->runtime_class};
	if (given && given_claims_edits(working->given, working->pod, working->arena, out + made) < 0)
		return -1;
	*edits = out;
	*count = made + given;
	return 0;
}
