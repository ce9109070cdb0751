#include "policy/evaluate/working_pod.h"

#include <stdio.h>

#include "gpugate/vec.h"
#include "policy/evaluate/effective_request.h"

uint32_t draft_name(const struct draft *draft, struct str name)
{
	for (uint32_t i = 0; i < draft->name_count; i++)
		if (str_eq(draft->names[i], name))
			return i;
	return INDEX_NONE;
}

static uint32_t add_name(struct draft *draft, struct str name)
{
	uint32_t at = draft_name(draft, name);
	if (at != INDEX_NONE || draft->name_count == DRAFT_RESOURCES_MAX)
		return at;
	draft->names[draft->name_count] = name;
	draft->resources[draft->name_count] = snapshot_resource(draft->policy, name);
	draft->effective[draft->name_count] = 0;
	return draft->name_count++;
}

/*
 * Returns the amount of a container and name, which is created if it does not exist, or NULL if the
 * arena is exhausted.
 */
static struct amount_of *find_amount(struct draft *draft, uint32_t container, uint32_t name)
{
	uint32_t *link = &draft->first[container];
	for (; *link != INDEX_NONE; link = &draft->amounts[*link].next)
		if (draft->amounts[*link].name == name)
			return &draft->amounts[*link];
	/* Set before the array grows, because the link may be in the old array, which is copied. */
	*link = draft->amount_count;
	struct amount_of *amounts =
	    vec_room_in(draft->arena, draft->amounts, draft->amount_count, &draft->amount_size, 8, sizeof *amounts);
	if (!amounts)
		return NULL;
	draft->amounts = amounts;
	amounts[draft->amount_count] = (struct amount_of){.container = container,
							  .name = name,
							  .next = INDEX_NONE,
							  .request = AMOUNT_ABSENT,
							  .limit = AMOUNT_ABSENT,
							  .was_request = AMOUNT_ABSENT,
							  .was_limit = AMOUNT_ABSENT};
	return &amounts[draft->amount_count++];
}

_Static_assert(DEMAND_MAX == 1000000000 && DRAFT_RESOURCES_MAX == 64, "the sentences name these");

static void set_quantity_problem(struct draft_problem *problem, enum quantity_result result, struct str container,
				 const struct pair *entry)
{
	bool large = result == QUANTITY_OK;
	char last = entry->value.len ? entry->value.ptr[entry->value.len - 1] : '0';
	const char *fewer = last >= '0' && last <= '9' ? "fewer" : "a whole number of accelerators, without a unit";
	if (!problem->what)
		*problem = (struct draft_problem){large ? "is more than 1000000000" : quantity_problem(result),
						  large ? fewer : "a whole number of accelerators", container,
						  entry->key, entry->value};
}

/* Sets a problem about all requests of the Pod together. */
static void set_pod_problem(struct draft_problem *problem, const char *what)
{
	if (!problem->what)
		*problem = (struct draft_problem){.what = what, .remedy = "fewer"};
}

static const char too_many_names[] = "more than 64 different accelerator resources";

static int collect(struct draft *draft, uint32_t container, const struct pairs *map, bool limits,
		   struct draft_problem *problem)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct pair *entry = &map->items[i];
		if (!snapshot_is_accelerator(draft->policy, entry->key))
			continue;
		struct str where = draft->pod->containers[container].name;
		int64_t count;
		enum quantity_result result = quantity_count(entry->value, &count);
		if (result != QUANTITY_OK || count > DEMAND_MAX) {
			set_quantity_problem(problem, result, str_present(where) ? where : STR(""), entry);
			continue;
		}
		uint32_t name = add_name(draft, entry->key);
		if (name == INDEX_NONE) {
			set_pod_problem(problem, too_many_names);
			return 0;
		}
		struct amount_of *amount = find_amount(draft, container, name);
		if (!amount)
			return -1;
		*(limits ? &amount->limit : &amount->request) = count;
		*(limits ? &amount->was_limit : &amount->was_request) = count;
	}
	return 0;
}

int draft_init(struct draft *draft, const struct policy *policy, const struct pod *pod, struct arena *arena,
	       struct draft_problem *problem)
{
	draft->policy = policy;
	draft->pod = pod;
	draft->arena = arena;
	draft->name_count = draft->amount_count = draft->amount_size = 0;
	draft->selector_count = draft->selector_size = 0;
	draft->toleration_count = draft->toleration_size = 0;
	draft->amounts = NULL;
	draft->selectors = NULL;
	draft->tolerations = NULL;
	draft->runtime_class = (struct str){NULL, 0};
	*problem = (struct draft_problem){0};
	size_t heads = pod->container_count * sizeof *draft->first;
	draft->first = arena_alloc(arena, heads);
	if (!draft->first)
		return -1;
	if (heads)
		memset(draft->first, 0xff, heads); /* INDEX_NONE. */
	for (uint32_t i = 0; i < pod->container_count; i++) {
		if (collect(draft, i, &pod->containers[i].requests, false, problem) < 0 ||
		    collect(draft, i, &pod->containers[i].limits, true, problem) < 0)
			return -1;
	}
	/* A RuntimeClass can add devices, too. */
	for (uint32_t i = 0; i < pod->overhead.count; i++) {
		if (snapshot_is_accelerator(policy, pod->overhead.items[i].key) &&
		    add_name(draft, pod->overhead.items[i].key) == INDEX_NONE)
			set_pod_problem(problem, too_many_names);
	}
	draft_sum(draft, problem);
	return 0;
}

/*
 * Sums do not overflow: there are at most 2^23 entries (8 MiB of JSON) of at most DEMAND_MAX each.
 */
void draft_sum(struct draft *draft, struct draft_problem *problem)
{
	struct effective sums[DRAFT_RESOURCES_MAX] = {0};
	const struct pod *pod = draft->pod;
	for (uint32_t i = 0; draft->amount_count && i < pod->container_count; i++) {
		const struct container *container = &pod->containers[i];
		for (uint32_t a = draft->first[i]; a != INDEX_NONE; a = draft->amounts[a].next) {
			int64_t value = amount_value(&draft->amounts[a]);
			if (value > 0)
				effective_add(&sums[draft->amounts[a].name], container, value);
		}
	}
	for (uint32_t n = 0; n < draft->name_count; n++)
		draft->effective[n] = effective_total(&sums[n]);
	for (uint32_t i = 0; i < pod->overhead.count; i++) {
		int64_t value;
		uint32_t n = draft_name(draft, pod->overhead.items[i].key);
		if (n == INDEX_NONE)
			continue;
		enum quantity_result result = quantity_count(pod->overhead.items[i].value, &value);
		if (result == QUANTITY_OK && value <= DEMAND_MAX)
			draft->effective[n] += value;
		else
			set_quantity_problem(problem, result, (struct str){NULL, 0}, &pod->overhead.items[i]);
	}
	int64_t total = 0;
	for (uint32_t n = 0; n < draft->name_count; n++) {
		total += draft->effective[n];
		if (total > DEMAND_MAX)
			set_pod_problem(problem, "more than 1000000000 accelerators");
	}
}

int64_t draft_effective(const struct draft *draft, struct str name)
{
	uint32_t at = draft_name(draft, name);
	return at == INDEX_NONE ? 0 : draft->effective[at];
}

int64_t draft_asked(const struct draft *draft, uint32_t container, struct str name)
{
	uint32_t at = draft_name(draft, name);
	for (uint32_t a = draft->first[container]; a != INDEX_NONE && at != INDEX_NONE; a = draft->amounts[a].next)
		if (draft->amounts[a].name == at)
			return amount_value(&draft->amounts[a]);
	return 0;
}

bool draft_asks(const struct draft *draft, uint32_t container)
{
	for (uint32_t a = draft->first[container]; a != INDEX_NONE; a = draft->amounts[a].next)
		if (amount_value(&draft->amounts[a]) > 0)
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

int draft_move(struct draft *draft, uint32_t amount, struct str to)
{
	uint32_t name = add_name(draft, to), container = draft->amounts[amount].container;
	if (name == INDEX_NONE)
		return -1;
	struct amount_of *target = find_amount(draft, container, name);
	if (!target)
		return -1;
	move_value(&draft->amounts[amount].request, &target->request);
	move_value(&draft->amounts[amount].limit, &target->limit);
	return 0;
}

/* Returns nodeSelector[key] of the unchanged Pod, or an absent string. */
static struct str pod_selector(const struct draft *draft, struct str key)
{
	const struct pairs *selector = &draft->pod->node_selector;
	for (uint32_t i = 0; i < selector->count; i++)
		if (str_eq(selector->items[i].key, key))
			return selector->items[i].value;
	return (struct str){NULL, 0};
}

struct str draft_selector(const struct draft *draft, struct str key)
{
	for (uint32_t i = 0; i < draft->selector_count; i++)
		if (str_eq(draft->selectors[i].key, key))
			return draft->selectors[i].value;
	return pod_selector(draft, key);
}

int draft_select(struct draft *draft, struct str key, struct str value)
{
	for (uint32_t i = 0; i < draft->selector_count; i++)
		if (str_eq(draft->selectors[i].key, key)) {
			draft->selectors[i].value = value;
			return 0;
		}
	struct pair *selectors = vec_room_in(draft->arena, draft->selectors, draft->selector_count,
					     &draft->selector_size, 8, sizeof *selectors);
	if (!selectors)
		return -1;
	draft->selectors = selectors;
	selectors[draft->selector_count++] = (struct pair){key, value};
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

bool draft_tolerates(const struct draft *draft, const struct toleration *toleration)
{
	for (uint32_t i = 0; i < draft->pod->toleration_count; i++)
		if (covers(&draft->pod->tolerations[i], toleration))
			return true;
	for (uint32_t i = 0; i < draft->toleration_count; i++)
		if (covers(&draft->tolerations[i], toleration))
			return true;
	return false;
}

int draft_tolerate(struct draft *draft, const struct toleration *toleration, bool *added)
{
	if (draft_tolerates(draft, toleration))
		return 0;
	struct toleration *tolerations = vec_room_in(draft->arena, draft->tolerations, draft->toleration_count,
						     &draft->toleration_size, 8, sizeof *tolerations);
	if (!tolerations)
		return -1;
	draft->tolerations = tolerations;
	tolerations[draft->toleration_count++] = *toleration;
	*added = true;
	return 0;
}

struct str draft_runtime_class(const struct draft *draft)
{
	return str_present(draft->runtime_class) ? draft->runtime_class : draft->pod->runtime_class;
}

static struct str print_count(struct arena *arena, int64_t value)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%lld", (long long)value);
	return arena_str(arena, (struct str){text, (size_t)len});
}

/* Returns 1 if there is an edit, 0 if not, or -1 if the arena is exhausted. */
static int edit_amount(const struct draft *draft, const struct amount_of *amount, bool limits, struct edit *edit)
{
	int64_t now = limits ? amount->limit : amount->request, was = limits ? amount->was_limit : amount->was_request;
	if (now == was)
		return 0;
	*edit = (struct edit){.kind = EDIT_RESOURCE, .container = amount->container, .limits = limits};
	if (now == AMOUNT_ABSENT) {
		edit->from = draft->names[amount->name];
		return 1;
	}
	edit->key = draft->names[amount->name];
	edit->value = print_count(draft->arena, now);
	return str_present(edit->value) ? 1 : -1;
}

int draft_edits(const struct draft *draft, uint32_t envs, struct edit **edits, uint32_t *count)
{
	size_t size = 2 * (size_t)draft->amount_count + draft->selector_count + draft->toleration_count + 1 + envs;
	struct edit *out = arena_zalloc(draft->arena, size, sizeof *out);
	uint32_t made = 0;
	if (!out)
		return -1;
	for (uint32_t i = 0; i < draft->amount_count; i++)
		for (int limits = 0; limits < 2; limits++) {
			int some = edit_amount(draft, &draft->amounts[i], limits, &out[made]);
			if (some < 0)
				return -1;
			made += (uint32_t)some;
		}
	for (uint32_t i = 0; i < draft->selector_count; i++) {
		const struct pair *now = &draft->selectors[i];
		struct str was = pod_selector(draft, now->key);
		/* A later pass may have restored the value of the Pod. */
		if (!str_present(was) || !str_eq(was, now->value))
			out[made++] = (struct edit){.kind = EDIT_NODE_SELECTOR, .key = now->key, .value = now->value};
	}
	for (uint32_t i = 0; i < draft->toleration_count; i++)
		out[made++] = (struct edit){.kind = EDIT_TOLERATION, .toleration = draft->tolerations[i]};
	const struct str *class = &draft->pod->runtime_class;
	if (str_present(draft->runtime_class) && !(str_present(*class) && str_eq(*class, draft->runtime_class)))
		out[made++] = (struct edit){.kind = EDIT_RUNTIME_CLASS, .value = draft->runtime_class};
	*edits = out;
	*count = made;
	return 0;
}
