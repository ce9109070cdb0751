/* Which models a Pod could land on: by its required node selectors, and by the node that it is bound to. */
#include <stdlib.h>

#include "policy/evaluate.h"

static const struct str *model_label(const struct model *model, struct str key)
{
	for (uint32_t i = 0; i < model->label_count; i++)
		if (str_eq(model->labels[i].key, key))
			return &model->labels[i].value;
	return NULL;
}

static bool to_integer(struct str text, int64_t *value)
{
	char digits[24];
	if (text.len == 0 || text.len >= sizeof digits)
		return false;
	memcpy(digits, text.ptr, text.len);
	digits[text.len] = '\0';
	char *end;
	*value = strtoll(digits, &end, 10);
	return *end == '\0';
}

/* Whether a label that the model's nodes carry makes the expression false. Labels that are not known contradict nothing. */
static bool contradicts(const struct model *model, const struct node_expression *expression)
{
	const struct str *value = model_label(model, expression->key);
	if (!value)
		return false;
	bool listed = false;
	for (uint32_t i = 0; i < expression->values.count; i++)
		listed |= str_eq(expression->values.items[i], *value);
	if (str_eq(expression->op, STR("In")))
		return !listed;
	if (str_eq(expression->op, STR("NotIn")))
		return listed;
	if (str_eq(expression->op, STR("DoesNotExist")))
		return true;
	bool greater = str_eq(expression->op, STR("Gt"));
	if (!greater && !str_eq(expression->op, STR("Lt")))
		return false;
	int64_t have, bound;
	if (expression->values.count != 1 || !to_integer(*value, &have) ||
	    !to_integer(expression->values.items[0], &bound))
		return true; /* the scheduler finds no match either */
	return greater ? have <= bound : have >= bound;
}

bool model_fits(const struct model *model, const struct pod *pod, uint32_t *against)
{
	*against = 0;
	if (model->label_count == 0)
		return true;
	for (uint32_t i = 0; i < pod->node_selector.count; i++) {
		const struct str *value = model_label(model, pod->node_selector.items[i].key);
		*against += value && !str_eq(*value, pod->node_selector.items[i].value);
	}
	bool some_term = !pod->has_required_affinity || pod->node_term_count == 0;
	for (uint32_t t = 0; t < pod->node_term_count && !some_term; t++) {
		bool possible = true;
		for (uint32_t i = 0; i < pod->node_terms[t].count && possible; i++)
			possible = !contradicts(model, &pod->node_terms[t].expressions[i]);
		some_term = possible;
	}
	*against += !some_term;
	return *against == 0;
}

/* A model without labels is known by none, so that no node is said to carry them. */
static bool carries(const struct pairs *node_labels, const struct model *model)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < node_labels->count; i++) {
		const struct str *value = model_label(model, node_labels->items[i].key);
		found += value && str_eq(*value, node_labels->items[i].value);
	}
	return model->label_count > 0 && found == model->label_count;
}

uint32_t policy_models(const struct policy *policy, const struct pod *pod, const struct pairs *node_labels,
		       struct str *models)
{
	uint32_t count = 0, carried = 0, against;
	for (uint32_t m = 0; m < policy->model_count; m++) {
		const struct model *model = &policy->models[m];
		if (!model_fits(model, pod, &against))
			continue;
		bool here = node_labels && carries(node_labels, model);
		if (here && carried++ == 0)
			count = 0; /* what the node says is stronger than what the Pod would allow */
		if (here || carried == 0)
			models[count++] = model->name;
	}
	return count;
}
