#include "policy/evaluate/placement.h"

#include "gpugate/consumer.h"
#include "gpugate/vec.h"
#include "policy/evaluate/affinity.h"
#include "policy/model/class_part.h"

/*
 * One alternative of what a Pod requires of its node: its nodeSelector and one term of its node
 * affinity.
 */
struct alternative {
	const struct pairs *selector;
	const struct node_term *term; /* NULL: the Pod has no node affinity. */
	bool by_product;              /* As in struct pod. */
};

static const struct str *value_of(const struct pair *pairs, uint32_t count, struct str key)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(pairs[i].key, key))
			return &pairs[i].value;
	return NULL;
}

static bool listed(const struct str *keys, uint32_t count, struct str key)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(keys[i], key))
			return true;
	return false;
}

/* What a labeler adds to the name of a product where devices are shared, or cut into slices. */
static bool is_product(struct str label, struct str product)
{
	struct str rest = str_tail(label, product.len);
	return str_starts(label, product) &&
	       (rest.len == 0 || str_eq(rest, STR("-SHARED")) || str_starts(rest, STR("-MIG-")));
}

/* Whether no node with the label has devices of the product. */
static bool excludes_product(const struct node_term *term, const struct pair *label)
{
	return str_eq(term->expressions->key, label->key) &&
	       !is_product(label->value, term->expressions->values.items[0]);
}

/* Whether no node with the label satisfies the alternative. */
static bool excludes_label(const struct alternative *a, const struct pair *label)
{
	if (a->by_product)
		return excludes_product(a->term, label);
	const struct str *selected = value_of(a->selector->items, a->selector->count, label->key);
	if (selected && !str_eq(*selected, label->value))
		return true;
	for (uint32_t i = 0; a->term && i < a->term->count; i++)
		if (expression_excludes(&a->term->expressions[i], label->key, label->value))
			return true;
	return false;
}

static bool all_equal(const struct strs *values, struct str value)
{
	for (uint32_t i = 0; i < values->count; i++)
		if (!str_eq(values->items[i], value))
			return false;
	return values->count > 0;
}

/* Whether every node that the alternative allows has the label with this value. */
static bool implies_label(const struct alternative *a, const struct pair *label)
{
	const struct str *selected = value_of(a->selector->items, a->selector->count, label->key);
	if (a->by_product)
		return false; /* Nodes of the product may lack the label. */
	if (selected)
		return str_eq(*selected, label->value);
	for (uint32_t i = 0; a->term && i < a->term->count; i++) {
		const struct node_expression *e = &a->term->expressions[i];
		if (str_eq(e->key, label->key) && str_eq(e->op, STR("In")) && all_equal(&e->values, label->value))
			return true;
	}
	return false;
}

/* Whether every node that the alternative allows has the label, with any value. */
static bool requires_key(const struct alternative *a, struct str key)
{
	if (value_of(a->selector->items, a->selector->count, key))
		return true;
	if (a->by_product)
		return false;
	for (uint32_t i = 0; a->term && i < a->term->count; i++) {
		const struct node_expression *e = &a->term->expressions[i];
		if (str_eq(e->key, key) && !str_eq(e->op, STR("NotIn")) && !str_eq(e->op, STR("DoesNotExist")))
			return true;
	}
	return false;
}

static bool forbids_key(const struct alternative *a, struct str key)
{
	for (uint32_t i = 0; a->term && i < a->term->count; i++)
		if (str_eq(a->term->expressions[i].key, key) && str_eq(a->term->expressions[i].op, STR("DoesNotExist")))
			return true;
	return false;
}

/* Whether no node satisfies the alternative, because the term contradicts the nodeSelector. */
static bool contradicts_itself(const struct alternative *a)
{
	for (uint32_t s = 0; a->term && s < a->selector->count; s++)
		for (uint32_t i = 0; i < a->term->count; i++)
			if (expression_excludes(&a->term->expressions[i], a->selector->items[s].key,
						a->selector->items[s].value))
				return true;
	return false;
}

/* Returns how many conditions of the model the alternative contradicts. */
static uint32_t contradictions(const struct alternative *a, const struct model *model)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < model->label_count; i++)
		count += excludes_label(a, &model->labels[i]);
	for (uint32_t i = 0; i < model->without_count; i++)
		count += requires_key(a, model->without[i]);
	return count;
}

/*
 * Whether every node that the alternative allows has the model, or a narrower one. A model without
 * node conditions is never implied.
 */
static bool implies(const struct alternative *a, const struct model *model)
{
	for (uint32_t i = 0; i < model->label_count; i++)
		if (!implies_label(a, &model->labels[i]))
			return false;
	for (uint32_t i = 0; i < model->without_count; i++)
		if (!forbids_key(a, model->without[i]))
			return false;
	return model->label_count + model->without_count > 0;
}

/*
 * Whether every node of `model` that the alternative allows has the model `narrower`, which has all
 * conditions of `model` and more.
 */
static bool narrows(const struct alternative *a, const struct model *model, const struct model *narrower)
{
	for (uint32_t i = 0; i < narrower->label_count; i++) {
		const struct pair *label = &narrower->labels[i];
		if (!value_of(model->labels, model->label_count, label->key) && !implies_label(a, label))
			return false;
	}
	for (uint32_t i = 0; i < narrower->without_count; i++)
		if (!listed(model->without, model->without_count, narrower->without[i]) &&
		    !forbids_key(a, narrower->without[i]))
			return false;
	return true;
}

enum landing_state { STATE_IMPOSSIBLE, STATE_POSSIBLE, STATE_IMPLIED, STATE_WITHIN_IMPLIED };

static const struct model *model_of(const struct policy *policy, const struct resource *resource, uint32_t landing)
{
	return &policy->models[resource->landings[landing].model];
}

/* Excludes each model if all of its nodes that are allowed have a narrower model. */
static void drop_narrowed(const struct policy *policy, const struct resource *resource, const struct alternative *a,
			  uint8_t *states)
{
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct landing *landing = &resource->landings[l];
		for (uint32_t n = 0; n < landing->narrower_count && states[l] != STATE_IMPOSSIBLE; n++) {
			uint32_t narrower = landing->narrower[n];
			if (contradictions(a, model_of(policy, resource, narrower)) == 0 &&
			    narrows(a, model_of(policy, resource, l), model_of(policy, resource, narrower)))
				states[l] = STATE_IMPOSSIBLE;
		}
	}
}

/* If some model is implied, only that one and the narrower ones remain. */
static void keep_implied(const struct resource *resource, uint8_t *states)
{
	bool some = false;
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct landing *landing = &resource->landings[l];
		some |= states[l] == STATE_IMPLIED;
		for (uint32_t n = 0; n < landing->narrower_count && states[l] == STATE_IMPLIED; n++)
			if (states[landing->narrower[n]] == STATE_POSSIBLE)
				states[landing->narrower[n]] = STATE_WITHIN_IMPLIED;
	}
	for (uint32_t l = 0; l < resource->landing_count && some; l++)
		if (states[l] == STATE_POSSIBLE)
			states[l] = STATE_IMPOSSIBLE;
}

struct nearest {
	uint32_t landing;
	bool sole;
};

/*
 * Adds the models that one alternative allows, and returns whether there are any. Sets `*nearest`
 * to the model with the fewest contradictions.
 */
static bool add_alternative(const struct policy *policy, const struct resource *resource, const struct alternative *a,
			    uint8_t *states, bool *possible, struct nearest *nearest)
{
	uint32_t least = UINT32_MAX;
	bool some = false;
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct model *model = model_of(policy, resource, l);
		uint32_t against = contradictions(a, model);
		states[l] = against ? STATE_IMPOSSIBLE : implies(a, model) ? STATE_IMPLIED : STATE_POSSIBLE;
		nearest->sole = against < least || (nearest->sole && against > least);
		if (against < least) {
			least = against;
			nearest->landing = l;
		}
	}
	drop_narrowed(policy, resource, a, states);
	keep_implied(resource, states);
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		possible[l] |= states[l] != STATE_IMPOSSIBLE;
		some |= states[l] != STATE_IMPOSSIBLE;
	}
	return some;
}

/* Adds up bytes until there are too many. */
bool policy_placement_bounded(const struct pod *pod)
{
	size_t bytes = (size_t)pod->node_selector.count * sizeof(struct pair) +
		       (size_t)pod->node_term_count * sizeof(struct node_term);
	for (uint32_t i = 0; i < pod->node_selector.count && bytes <= PLACEMENT_BYTES_MAX; i++)
		bytes += pod->node_selector.items[i].key.len + pod->node_selector.items[i].value.len;
	for (uint32_t t = 0; t < pod->node_term_count; t++) {
		const struct node_term *term = &pod->node_terms[t];
		bytes += (size_t)term->count * sizeof(struct node_expression);
		for (uint32_t e = 0; e < term->count && bytes <= PLACEMENT_BYTES_MAX; e++) {
			const struct strs *values = &term->expressions[e].values;
			bytes += term->expressions[e].key.len + values->count * sizeof(struct str);
			for (uint32_t v = 0; v < values->count && bytes <= PLACEMENT_BYTES_MAX; v++)
				bytes += values->items[v].len;
		}
	}
	return bytes <= PLACEMENT_BYTES_MAX;
}

static uint32_t count_possible(const struct placement *placement, const struct resource *resource)
{
	uint32_t count = 0;
	for (uint32_t l = 0; l < resource->landing_count; l++)
		count += placement_allows(placement, l);
	return count;
}

/* Returns the first model of the resource whose nodes have the product of a term; or INDEX_NONE. */
static uint32_t model_of_product(const struct policy *policy, const struct resource *resource,
				 const struct node_term *term)
{
	const struct node_expression *e = term->expressions;
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct model *model = model_of(policy, resource, l);
		const struct str *label = value_of(model->labels, model->label_count, e->key);
		if (label && is_product(*label, e->values.items[0]))
			return resource->landings[l].model;
	}
	return INDEX_NONE;
}

/*
 * Whether the products of a claim tell on which models of the resource it can be. One that no model
 * of the class has tells nothing: its name may have been misread, or any model may be that of its
 * nodes. Notes one that only models without the requested part have.
 */
static bool tell_models(const struct policy *policy, const struct resource *resource, const struct pod *pod,
			struct placement *placement)
{
	const struct resource *class =
	    class_part_is(resource->name) ? snapshot_resource(policy, class_part_whole(resource->name)) : NULL;
	for (uint32_t t = 0; t < pod->node_term_count; t++) {
		if (model_of_product(policy, resource, &pod->node_terms[t]) != INDEX_NONE)
			continue;
		uint32_t model = class ? model_of_product(policy, class, &pod->node_terms[t]) : INDEX_NONE;
		if (model == INDEX_NONE)
			return false;
		if (placement->unknown)
			continue;
		placement->unknown = UNKNOWN_PART;
		placement->unknown_term = t + 1;
		placement->nearest = model;
	}
	return true;
}

/* Adds what the terms of the Pod allow, or its nodeSelector alone without terms. */
static void add_terms(const struct policy *policy, const struct resource *resource, const struct pod *pod,
		      uint8_t *states, bool *possible, struct placement *placement)
{
	bool some_term = false;
	struct alternative a = {.selector = &pod->node_selector, .by_product = pod->by_product};
	for (uint32_t t = 0; t < (pod->has_required_affinity ? pod->node_term_count : 1); t++) {
		struct nearest nearest = {0, false};
		if (pod->has_required_affinity)
			a.term = &pod->node_terms[t];
		if ((a.term && a.term->count + a.term->field_count == 0) || contradicts_itself(&a))
			continue; /* An empty term also allows no node. */
		some_term = true;
		if (add_alternative(policy, resource, &a, states, possible, &nearest) || placement->unknown)
			continue;
		placement->unknown = a.term ? UNKNOWN_TERM : UNKNOWN_SELECTOR;
		placement->unknown_term = t + 1;
		placement->nearest = nearest.landing;
		placement->nearest_is_sole = nearest.sole;
	}
	if (!some_term)
		placement->unknown = UNKNOWN_NO_NODE;
}

int placement_find(const struct policy *policy, const struct resource *resource, const struct pod *pod,
		   struct arena *arena, struct placement *placement)
{
	const struct placement anywhere = {.possible_count = resource->landing_count};
	*placement = anywhere;
	if (pod->node_selector.count == 0 && !pod->has_required_affinity)
		return 0;
	if (!policy_placement_bounded(pod)) {
		placement->unknown = UNKNOWN_LENGTH;
		return 0;
	}
	if (pod->by_product && !tell_models(policy, resource, pod, placement)) {
		*placement = anywhere;
		return 0;
	}
	bool *possible = arena_zalloc(arena, resource->landing_count, sizeof *possible);
	uint8_t *states = arena_zalloc(arena, resource->landing_count, sizeof *states);
	if (!possible || !states)
		return -1;
	add_terms(policy, resource, pod, states, possible, placement);
	placement->possible = possible;
	placement->possible_count = count_possible(placement, resource);
	return 0;
}

static bool is_of(const struct pairs *labels, const struct model *model)
{
	for (uint32_t i = 0; i < model->label_count; i++) {
		const struct str *value = value_of(labels->items, labels->count, model->labels[i].key);
		if (!value || !str_eq(*value, model->labels[i].value))
			return false;
	}
	for (uint32_t i = 0; i < model->without_count; i++)
		if (value_of(labels->items, labels->count, model->without[i]))
			return false;
	return true;
}

int placement_of_node(const struct policy *policy, const struct resource *resource, const struct pairs *labels,
		      struct arena *arena, struct placement *placement)
{
	bool *possible = arena_zalloc(arena, resource->landing_count, sizeof *possible);
	if (!possible)
		return -1;
	for (uint32_t l = 0; l < resource->landing_count; l++)
		possible[l] = is_of(labels, model_of(policy, resource, l));
	/*
	 * Starts with the model that has the fewest labels, so that the narrower models that are
	 * tested are still as they were found.
	 */
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct landing *landing = &resource->landings[l];
		for (uint32_t n = 0; n < landing->narrower_count && possible[l]; n++)
			possible[l] = !is_of(labels, model_of(policy, resource, landing->narrower[n]));
	}
	*placement = (struct placement){.possible = possible};
	placement->possible_count = count_possible(placement, resource);
	return 0;
}

struct placed_resource {
	const struct resource *resource;
	struct placement placement;
};

const struct placement *placements_get(const struct placements *placements, const struct resource *resource)
{
	for (uint32_t i = 0; i < placements->count; i++)
		if (placements->items[i].resource == resource)
			return &placements->items[i].placement;
	return NULL;
}

int placements_add(struct placements *placements, struct arena *arena, const struct resource *resource,
		   const struct placement *placement)
{
	struct placed_resource *items =
	    vec_room_in(arena, placements->items, placements->count, &placements->size, 4, sizeof *items);
	if (!items)
		return -1;
	placements->items = items;
	items[placements->count++] = (struct placed_resource){resource, *placement};
	return 0;
}
