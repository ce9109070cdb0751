/*
 * reapply: makes applying a manifest again a no-op. The manifest still contains what /mutate
 * changed when the Pod was created, so an apply reverts that. The API server then denies the whole
 * update, because most of the spec of a Pod is immutable. This code restores only what a Rule or a
 * Guard can have changed, and leaves all other differences to the API server.
 *
 * The API server accepts what ValidatePodUpdate allows (pkg/apis/core/validation): images,
 * deadlines, fewer scheduling gates, more tolerations, other tolerationSeconds, and more node
 * selectors for a gated Pod. This code does not touch these.
 */
#include "policy/evaluate/reapply.h"

#include <stdlib.h>

#include "gpugate/consumer.h"
#include "gpugate/policy_enums.h"
#include "gpugate/vec.h"
#include "policy/evaluate/given_claims.h"
#include "policy/evaluate/working_pod.h"
#include "policy/model/catalog.h"

#define KEPT_MAX 6 /* Unchanged accelerators of a container beyond the rewritten one. */

struct reapply {
	const struct policy *policy;
	const struct pod *now, *old;
	struct arena *arena;
	struct edit *edits;
	uint32_t count, size;
	/*
	 * The claims that Rules have given to the old Pod, and what the new one has of them; NULL:
	 * none are to be restored.
	 */
	struct given_claims *given, *kept;
	struct given_set lost; /* Claims whose uses are restored. */
};

static int push(struct reapply *r, const struct edit *edit)
{
	struct edit *edits = vec_room_in(r->arena, r->edits, r->count, &r->size, 8, sizeof *edits);
	if (!edits)
		return -1;
	r->edits = edits;
	r->edits[r->count++] = *edit;
	return 0;
}

static struct str value_of(const struct pairs *map, struct str key)
{
	const struct str *value = pairs_value(map, key);
	return value ? *value : (struct str){NULL, 0};
}

/* The API server writes maps sorted by key. */
static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
	bool same = a->count == b->count;
	for (uint32_t i = 0; same && i < a->count; i++)
		same = str_eq(a->items[i].key, b->items[i].key) && str_eq(a->items[i].value, b->items[i].value);
	return same;
}

/* The accelerators in one map of one container. */
struct asked {
	struct {
		struct str name, text;
		int64_t value;
	} items[WORKING_POD_RESOURCES_MAX];
	uint32_t count;
};

/* A map of a container, by the indexes of the container in both objects. */
struct place {
	const struct container *container; /* The new one. */
	uint32_t now, old;
	bool limits;
};

/*
 * Returns false if the map has more names or larger amounts than /mutate accepts: then no Rule has
 * changed it.
 */
static bool collect(const struct policy *policy, const struct pairs *map, struct asked *asked)
{
	asked->count = 0;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct pair *pair = &map->items[i];
		int64_t value;
		if (!snapshot_is_accelerator(policy, pair->key))
			continue;
		if (asked->count == WORKING_POD_RESOURCES_MAX || quantity_count(pair->value, &value) != QUANTITY_OK ||
		    value > RESOURCE_REQUEST_MAX)
			return false;
		asked->items[asked->count].name = pair->key;
		asked->items[asked->count].text = pair->value;
		asked->items[asked->count++].value = value;
	}
	return true;
}

static uint32_t find_asked(const struct asked *asked, struct str name)
{
	for (uint32_t i = 0; i < asked->count; i++)
		if (str_eq(asked->items[i].name, name))
			return i;
	return INDEX_NONE;
}

static bool is_kept(const struct asked *there, const struct asked *asked, uint32_t i)
{
	uint32_t at = find_asked(there, asked->items[i].name);
	return at != INDEX_NONE && there->items[at].value == asked->items[i].value;
}

/* Whether a subset of the amounts, possibly all or none, has this sum. */
static bool some_sum_to(const int64_t *amounts, uint32_t count, int64_t sum)
{
	if (sum < 0 || count == 0)
		return sum == 0;
	return some_sum_to(amounts, count - 1, sum) || some_sum_to(amounts, count - 1, sum - amounts[count - 1]);
}

/*
 * Whether the map can be the result of an apply. Rules move amounts from one name to another, so
 * the manifest has the amounts of the old object under other names. What differs comes from the
 * manifest. What is equal comes from the manifest in part; the rest was merged from the old object.
 */
static bool is_moved(const struct asked *old, const struct asked *now)
{
	int64_t kept[KEPT_MAX], rest = 0;
	uint32_t kept_count = 0;
	for (uint32_t i = 0; i < old->count; i++)
		rest += old->items[i].value;
	for (uint32_t i = 0; i < now->count; i++) {
		if (!is_kept(old, now, i))
			rest -= now->items[i].value;
		else if (kept_count < KEPT_MAX)
			kept[kept_count++] = now->items[i].value;
		else
			return false;
	}
	return some_sum_to(kept, kept_count, rest);
}

/* What a Rule saw of the name: the larger of request and limit; 0: nothing that it could read. */
static int64_t requested(const struct container *container, struct str name)
{
	const struct pairs *maps[] = {&container->requests, &container->limits};
	int64_t most = 0;
	for (size_t m = 0; m < 2; m++) {
		struct str text = value_of(maps[m], name);
		int64_t value;
		if (!str_present(text))
			continue;
		if (quantity_count(text, &value) != QUANTITY_OK)
			return 0;
		most = value > most ? value : most;
	}
	return most;
}

static void forget(struct asked *asked, uint32_t i)
{
	asked->items[i] = asked->items[--asked->count];
}

/* Whether the new Pod has all of these claims, and the container uses them. */
static bool uses_all(const struct reapply *r, const struct place *place, const struct given_set *claims)
{
	const struct given_set *uses = &r->kept->uses[place->now].had, *listed = &r->kept->listed;
	bool all = true;
	for (size_t b = 0; b < sizeof uses->bits / sizeof *uses->bits; b++)
		all &= !(claims->bits[b] & ~(uses->bits[b] & listed->bits[b]));
	return all;
}

/*
 * Removes again what a Rule has turned into claims: a name that the old container did not have, in
 * exactly the amount that claims of it stand for. Adds these claims to `had`. Claims that the
 * manifest itself may have do not stand for an amount that the old container has under another
 * name.
 */
static int remove_claimed(struct reapply *r, const struct place *place, const struct asked *old, struct asked *now,
			  struct given_set *had)
{
	struct edit edit = {.kind = EDIT_RESOURCE, .container = place->now, .limits = place->limits};
	bool moved = r->given && is_moved(old, now);
	for (uint32_t i = now->count; r->given && i-- > 0;) {
		struct str name = now->items[i].name;
		const struct given_set found =
		    given_claims_for(r->given, r->policy, place->old, name, requested(place->container, name));
		if (given_is_empty(&found) || find_asked(old, name) != INDEX_NONE)
			continue;
		if (moved && uses_all(r, place, &found))
			continue;
		edit.from = name;
		for (size_t b = 0; b < sizeof had->bits / sizeof *had->bits; b++)
			had->bits[b] |= found.bits[b];
		if (push(r, &edit) < 0)
			return -1;
		forget(now, i);
	}
	return 0;
}

static int reapply_map(struct reapply *r, const struct place *place, const struct pairs *now_map,
		       const struct pairs *old_map, struct given_set *had)
{
	struct asked now, old;
	if (same_pairs(now_map, old_map) || !collect(r->policy, now_map, &now) || !collect(r->policy, old_map, &old))
		return 0;
	if (remove_claimed(r, place, &old, &now, had) < 0)
		return -1;
	if (now.count == 0 || !is_moved(&old, &now))
		return 0; /* A Rule moves what the manifest has, which may not even have the map. */
	struct edit edit = {.kind = EDIT_RESOURCE, .container = place->now, .limits = place->limits};
	for (uint32_t i = 0; i < now.count; i++) {
		edit.from = now.items[i].name;
		if (find_asked(&old, edit.from) == INDEX_NONE && push(r, &edit) < 0)
			return -1;
	}
	edit.from = (struct str){NULL, 0};
	for (uint32_t i = 0; i < old.count; i++) {
		edit.key = old.items[i].name;
		edit.value = old.items[i].text;
		if (!is_kept(&now, &old, i) && push(r, &edit) < 0)
			return -1;
	}
	return 0;
}

static bool is_void(const struct env_var *env)
{
	return !env->value_from && str_eq(env->value, STR("void"));
}

static bool same_env(const struct container *a, const struct container *b)
{
	bool same = a->env_count == b->env_count;
	for (uint32_t i = 0; same && i < a->env_count; i++)
		same = str_eq(a->env[i].name, b->env[i].name) && str_eq(a->env[i].value, b->env[i].value) &&
		       a->env[i].value_from == b->env[i].value_from;
	return same;
}

/*
 * A name can be in the list several times. The first occurrence in the old list corresponds to the
 * first one in the new list, and so on.
 */
static int reapply_env(struct reapply *r, uint32_t at, const struct container *now, const struct container *old)
{
	size_t variables;
	catalog_variables(&variables);
	if (same_env(now, old))
		return 0;
	/* By variable: where to continue in the old list. */
	uint32_t *next = arena_zalloc(r->arena, variables, sizeof *next);
	struct edit edit = {.kind = EDIT_ENV, .container = at, .value = STR("void")};
	if (!next)
		return -1;
	for (uint32_t i = 0; i < now->env_count; i++) {
		int v = catalog_variable(now->env[i].name);
		if (v < 0)
			continue;
		while (next[v] < old->env_count && !str_eq(old->env[next[v]].name, now->env[i].name))
			next[v]++;
		if (next[v] == old->env_count)
			continue;
		edit.key = now->env[i].name;
		edit.env_index = (int32_t)i;
		if (is_void(&old->env[next[v]++]) && !is_void(&now->env[i]) && push(r, &edit) < 0)
			return -1;
	}
	edit.env_index = -1;
	for (uint32_t i = 0; i < old->env_count; i++) {
		int v = is_void(&old->env[i]) ? catalog_variable(old->env[i].name) : -1;
		edit.key = old->env[i].name;
		if (v >= 0 && i >= next[v] && push(r, &edit) < 0)
			return -1;
	}
	return 0;
}

typedef int container_fn(struct reapply *r, uint32_t at, const struct container *now, const struct container *old);

/* Restores the uses of claims that stand for what has been removed from the container. */
static int reapply_uses(struct reapply *r, uint32_t at, const struct given_set *had)
{
	struct edit edit = {.kind = EDIT_CLAIM_USE, .container = at};
	for (uint32_t n = 0; n < GIVEN_NAMES_MAX; n++) {
		if (!given_has(had, n))
			continue;
		given_put(&r->lost, n);
		if (given_has(&r->kept->uses[at].had, n))
			continue;
		edit.key = given_claims_name(r->arena, n);
		if (!str_present(edit.key) || push(r, &edit) < 0)
			return -1;
	}
	return 0;
}

static int reapply_resources(struct reapply *r, uint32_t at, const struct container *now, const struct container *old)
{
	struct place place = {.container = now, .now = at, .old = (uint32_t)(old - r->old->containers)};
	struct given_set had = {{0}};
	if (reapply_map(r, &place, &now->requests, &old->requests, &had) < 0)
		return -1;
	place.limits = true;
	if (reapply_map(r, &place, &now->limits, &old->limits, &had) < 0)
		return -1;
	return given_is_empty(&had) ? 0 : reapply_uses(r, at, &had);
}

/* Only claims that the Pod had before the update are looked at. */
static int read_claims(struct reapply *r)
{
	if (r->policy->conversions.count == 0 || r->old->claim_count == 0)
		return 0;
	r->given = given_claims_read(r->old, r->arena);
	r->kept = given_claims_read(r->now, r->arena);
	if (!r->given || !r->kept)
		return -1;
	if (given_claims_exceed(r->given)) /* Then no Rule has given any. */
		r->given = NULL;
	return 0;
}

/*
 * A manifest that replaces the Pod lacks the claims. They are appended in their order, as they were
 * at the creation. The API server refuses the update if another webhook has added claims after them
 * which the manifest has, too.
 */
static int reapply_claims(struct reapply *r)
{
	struct edit edit = {.kind = EDIT_CLAIM};
	for (uint32_t n = 0; r->given && n < GIVEN_NAMES_MAX; n++) {
		if (!given_has(&r->lost, n) || given_has(&r->kept->listed, n))
			continue;
		edit.key = given_claims_name(r->arena, n);
		edit.value = r->given->templates[n];
		if (!str_present(edit.key) || push(r, &edit) < 0)
			return -1;
	}
	return 0;
}

/*
 * The containers of a Pod cannot be added, removed or reordered, so a container has the same name
 * at the same index in both objects.
 */
static int reapply_containers(struct reapply *r, container_fn *reapply)
{
	static const int order[] = {[CONTAINER_INIT] = 0, [CONTAINER_REGULAR] = 1, [CONTAINER_EPHEMERAL] = 2};
	uint32_t i = 0, j = 0;
	while (i < r->now->container_count && j < r->old->container_count) {
		const struct container *now = &r->now->containers[i], *old = &r->old->containers[j];
		if (now->list == old->list && str_eq(now->name, old->name) && reapply(r, i, now, old) < 0)
			return -1;
		i += order[now->list] <= order[old->list];
		j += order[old->list] <= order[now->list];
	}
	return 0;
}

/*
 * Restores one key that a Rule sets. A Rule replaces the value that the Pod has only with
 * `override`.
 */
static int reapply_selector(struct reapply *r, const struct rule *rule, struct str key)
{
	struct str now = value_of(&r->now->node_selector, key), old = value_of(&r->old->node_selector, key);
	if (!str_present(old) || (str_present(now) && str_eq(now, old)) ||
	    (str_present(now) && rule->on_conflict != CONFLICT_OVERRIDE))
		return 0;
	for (uint32_t i = r->count; i > 0 && r->edits[i - 1].kind == EDIT_NODE_SELECTOR; i--)
		if (str_eq(r->edits[i - 1].key, key))
			return 0;
	return push(r, &(struct edit){.kind = EDIT_NODE_SELECTOR, .key = key, .value = old});
}

static int reapply_selectors(struct reapply *r)
{
	if (same_pairs(&r->now->node_selector, &r->old->node_selector))
		return 0;
	for (uint32_t i = 0; i < r->policy->rule_count; i++) {
		const struct rule *rule = &r->policy->rules[i];
		for (uint32_t k = 0; k < rule->node_selector_count; k++)
			if (reapply_selector(r, rule, rule->node_selector[k].key) < 0)
				return -1;
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			const struct model *model = rewrite->pin ? &r->policy->models[rewrite->model] : NULL;
			for (uint32_t k = 0; model && k < model->label_count; k++)
				if (reapply_selector(r, rule, model->labels[k].key) < 0)
					return -1;
		}
	}
	return 0;
}

/* Compares as the API server does: tolerationSeconds may change. */
static int toleration_order(const void *a, const void *b)
{
	const struct toleration *x = a, *y = b;
	int order = str_cmp(x->key, y->key);
	order = order ? order : str_cmp(x->op, y->op);
	order = order ? order : str_cmp(x->value, y->value);
	return order ? order : str_cmp(x->effect, y->effect);
}

/*
 * Whether a Rule can have added the toleration, as an injected one or for a name that it has
 * rewritten.
 */
static bool is_injected(const struct policy *policy, const struct toleration *toleration)
{
	const struct toleration rewritten = {.key = toleration->key, .op = STR("Exists"), .effect = STR("NoSchedule")};
	if (toleration_order(toleration, &rewritten) == 0 && snapshot_is_accelerator(policy, toleration->key))
		return true;
	for (uint32_t i = 0; i < policy->rule_count; i++)
		for (uint32_t t = 0; t < policy->rules[i].toleration_count; t++)
			if (toleration_order(&policy->rules[i].tolerations[t], toleration) == 0)
				return true;
	return false;
}

/*
 * An apply of a manifest with tolerations replaces the whole list. The missing ones are appended in
 * their order, which is where they were.
 */
static int reapply_tolerations(struct reapply *r)
{
	const struct pod *now = r->now, *old = r->old;
	uint32_t same = 0;
	while (same < old->toleration_count && same < now->toleration_count &&
	       toleration_order(&old->tolerations[same], &now->tolerations[same]) == 0)
		same++;
	if (same == old->toleration_count)
		return 0;
	struct toleration *sorted = arena_zalloc(r->arena, now->toleration_count, sizeof *sorted);
	if (!sorted)
		return -1;
	if (now->toleration_count) {
		memcpy(sorted, now->tolerations, now->toleration_count * sizeof *sorted);
		qsort(sorted, now->toleration_count, sizeof *sorted, toleration_order);
	}
	for (uint32_t i = same; i < old->toleration_count; i++) {
		const struct toleration *was = &old->tolerations[i];
		if (bsearch(was, sorted, now->toleration_count, sizeof *sorted, toleration_order) ||
		    !is_injected(r->policy, was))
			continue;
		if (push(r, &(struct edit){.kind = EDIT_TOLERATION, .toleration = *was}) < 0)
			return -1;
	}
	return 0;
}

static int reapply_runtime_class(struct reapply *r)
{
	struct str now = r->now->runtime_class, old = r->old->runtime_class;
	if (old.len == 0 || str_eq(now, old))
		return 0;
	for (uint32_t i = 0; i < r->policy->rule_count; i++) {
		const struct rule *rule = &r->policy->rules[i];
		if (str_present(rule->runtime_class) && (now.len == 0 || rule->on_conflict == CONFLICT_OVERRIDE))
			return push(r, &(struct edit){.kind = EDIT_RUNTIME_CLASS, .value = old});
	}
	return 0;
}

bool reapply_concerns(const struct review *review)
{
	return review->operation == OPERATION_UPDATE && review->subresource.len == 0 && review->object.present &&
	       review->old_object.present;
}

int reapply_edits(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision)
{
	struct reapply r = {.policy = policy, .now = &review->object, .old = &review->old_object, .arena = arena};
	if (read_claims(&r) < 0 || reapply_containers(&r, reapply_resources) < 0 || reapply_claims(&r) < 0 ||
	    reapply_containers(&r, reapply_env) < 0 || reapply_selectors(&r) < 0 || reapply_tolerations(&r) < 0 ||
	    reapply_runtime_class(&r) < 0)
		return -1;
	decision->edits = r.edits;
	decision->edit_count = r.count;
	return 0;
}
