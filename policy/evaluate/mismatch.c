#include "policy/evaluate/mismatch.h"

#include <stdio.h>

#include "gpugate/buf.h"
#include "policy/base/show.h"
#include "policy/evaluate/affinity.h"

#define VALUES_SHOWN 2

static void print_expression(const struct node_expression *expression, struct buf *out)
{
	buf_printf(out, SHOW " " SHOW, SHOWN(expression->key), SHOWN(expression->op));
	for (uint32_t i = 0; i < expression->values.count && i < VALUES_SHOWN; i++)
		buf_printf(out, "%s" SHOW, i ? ", " : " [", SHOWN(expression->values.items[i]));
	if (expression->values.count)
		buf_text(out, expression->values.count > VALUES_SHOWN ? ", ...]" : "]");
}

/* Each of the next two prints what contradicts the condition, and returns whether anything does. */

static bool print_label(const struct pod *pod, const struct node_term *term, const struct pair *label, struct str model,
			struct buf *out)
{
	const struct str *selected = pairs_value(&pod->node_selector, label->key);
	if (selected && !str_eq(*selected, label->value)) {
		buf_printf(out, ": " SHOW " is " SHOW " in the Pod, " SHOW " for " SHOW, SHOWN(label->key),
			   SHOWN(*selected), SHOWN(label->value), SHOWN(model));
		return true;
	}
	for (uint32_t i = 0; term && i < term->count; i++) {
		if (!expression_excludes(&term->expressions[i], label->key, label->value))
			continue;
		buf_text(out, ": the Pod requires ");
		print_expression(&term->expressions[i], out);
		buf_printf(out, ", but it is " SHOW " for " SHOW, SHOWN(label->value), SHOWN(model));
		return true;
	}
	return false;
}

static bool print_without(const struct pod *pod, const struct node_term *term, struct str key, struct str model,
			  struct buf *out)
{
	bool required = pairs_value(&pod->node_selector, key);
	for (uint32_t i = 0; term && i < term->count && !required; i++) {
		const struct node_expression *e = &term->expressions[i];
		required = str_eq(e->key, key) && !str_eq(e->op, STR("NotIn")) && !str_eq(e->op, STR("DoesNotExist"));
	}
	if (required)
		buf_printf(out, ": the Pod requires the label " SHOW ", which nodes of " SHOW " do not have",
			   SHOWN(key), SHOWN(model));
	return required;
}

void mismatch_print(const struct pod *pod, const struct placement *placement, const struct model *model, char *out,
		    size_t size)
{
	bool in_term = placement->unknown == UNKNOWN_TERM;
	const struct node_term *term = in_term ? &pod->node_terms[placement->unknown_term - 1] : NULL;
	struct buf text, rest;
	uint32_t found = 0;
	buf_init(&text, size - 1);
	buf_init(&rest, 4096);
	if (in_term || placement->unknown == UNKNOWN_SELECTOR) {
		for (uint32_t i = 0; i < model->label_count; i++)
			found += print_label(pod, term, &model->labels[i], model->name, found ? &rest : &text);
		for (uint32_t i = 0; i < model->without_count; i++)
			found += print_without(pod, term, model->without[i], model->name, found ? &rest : &text);
	}
	if (found > 1)
		buf_printf(&text, ", and %u more", found - 1);
	struct str all = text.failed ? STR("") : buf_view(&text);
	snprintf(out, size, "%.*s", STR_ARG(all));
	buf_release(&text);
	buf_release(&rest);
}
