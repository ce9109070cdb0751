#include "policy/evaluate/affinity.h"

#define WORK_MAX 1024

/*
 * Parses as strconv.ParseInt(text, 10, 64) of Go does: a sign, then digits, in the range of
 * int64_t; leading zeros are allowed. Returns false if ParseInt returns an error.
 */
static bool parse_int(struct str text, int64_t *value)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	struct str digits = str_tail(text, negative || (text.len > 0 && text.ptr[0] == '+'));
	int64_t sum = 0; /* Kept negative, because int64_t has one more negative value. */
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, digits.ptr[i] - '0', &sum))
			return false;
	}
	if (digits.len == 0 || (!negative && sum == INT64_MIN))
		return false;
	*value = negative ? sum : -sum;
	return true;
}

static bool lists(const struct strs *values, struct str value)
{
	for (uint32_t i = 0; i < values->count; i++)
		if (str_eq(values->items[i], value))
			return true;
	return false;
}

/*
 * As in the scheduler, nothing matches if one side is not an integer or there is not exactly one
 * bound.
 */
static bool is_beyond(const struct strs *bounds, struct str value, bool greater)
{
	int64_t have, bound;
	if (bounds->count != 1 || !parse_int(value, &have) || !parse_int(bounds->items[0], &bound))
		return false;
	return greater ? have > bound : have < bound;
}

bool expression_excludes(const struct node_expression *expression, struct str key, struct str value)
{
	if (!str_eq(expression->key, key))
		return false;
	if (str_eq(expression->op, STR("In")))
		return !lists(&expression->values, value);
	if (str_eq(expression->op, STR("NotIn")))
		return lists(&expression->values, value);
	if (str_eq(expression->op, STR("Gt")))
		return !is_beyond(&expression->values, value, true);
	if (str_eq(expression->op, STR("Lt")))
		return !is_beyond(&expression->values, value, false);
	return str_eq(expression->op, STR("DoesNotExist"));
}

static const struct pair *excluded_label(const struct node_expression *expression, const struct pair *labels,
					 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (expression_excludes(expression, labels[i].key, labels[i].value))
			return &labels[i];
	return NULL;
}

static bool is_too_long(const struct pod *pod)
{
	uint64_t work = pod->node_selector.count;
	for (uint32_t t = 0; t < pod->node_term_count && work <= WORK_MAX; t++)
		for (uint32_t i = 0; i < pod->node_terms[t].count && work <= WORK_MAX; i++)
			work += 1 + (uint64_t)pod->node_terms[t].expressions[i].values.count;
	return work > WORK_MAX;
}

static bool is_possible(const struct node_term *term, const struct pod *pod, const struct pair *labels, uint32_t count)
{
	for (uint32_t i = 0; i < term->count; i++)
		if (excluded_label(&term->expressions[i], labels, count) ||
		    excluded_label(&term->expressions[i], pod->node_selector.items, pod->node_selector.count))
			return false;
	return term->count + term->field_count > 0;
}

bool affinity_allows(const struct pod *pod, const struct pair *labels, uint32_t count)
{
	if (pod->node_term_count == 0 || is_too_long(pod))
		return true;
	for (uint32_t t = 0; t < pod->node_term_count; t++)
		if (is_possible(&pod->node_terms[t], pod, labels, count))
			return true;
	return false;
}

const struct node_expression *affinity_against(const struct pod *pod, const struct pair *labels, uint32_t count,
					       const struct pair **label)
{
	for (uint32_t t = 0; t < pod->node_term_count; t++)
		for (uint32_t i = 0; i < pod->node_terms[t].count; i++) {
			*label = excluded_label(&pod->node_terms[t].expressions[i], labels, count);
			if (*label)
				return &pod->node_terms[t].expressions[i];
		}
	return NULL;
}
