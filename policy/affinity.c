/* What a required node affinity says about a label that is known. */
#include "policy/affinity.h"

/*
 * Go's strconv.ParseInt(text, 10, 64): a sign, then digits; leading zeros count for nothing, and the range is that of
 * int64_t. False: ParseInt returns an error.
 */
static bool parse_int(struct str text, int64_t *value)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	struct str digits = str_tail(text, negative || (text.len > 0 && text.ptr[0] == '+'));
	int64_t sum = 0; /* kept negative: the range reaches one further there */
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

/* Where either side is no integer, or more than one bound is given, the scheduler finds no match. */
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
