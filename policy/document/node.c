#include "policy/document/node.h"

#include <stdio.h>
#include <strings.h>

static bool is_one_of(struct str s, const char *const *words)
{
	for (; *words; words++) {
		if (str_eq(s, str_of(*words)))
			return true;
	}
	return false;
}

const struct node *node_find(const struct node *map, struct str key)
{
	for (const struct node *entry = map->type == NODE_MAP ? map->first : NULL; entry; entry = entry->next) {
		if (str_eq(entry->text, key))
			return entry;
	}
	return NULL;
}

bool node_is_null(const struct node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
	return node->type == NODE_SCALAR && node->plain && is_one_of(node->text, words);
}

bool node_eq_any_case(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

const struct node *node_find_any_case(const struct node *map, struct str key)
{
	for (const struct node *entry = map->type == NODE_MAP ? map->first : NULL; entry; entry = entry->next) {
		if (node_eq_any_case(entry->text, key))
			return entry;
	}
	return NULL;
}

static bool is_boolean(struct str s)
{
	static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
	return is_one_of(s, words);
}

static size_t digits(struct str s, const char *which)
{
	size_t n = 0;
	while (n < s.len && s.ptr[n] != '\0' && strchr(which, s.ptr[n]))
		n++;
	return n;
}

/* Returns the digits of the base that the second character of 0x1F, 0o17 or 0b1 names, or NULL. */
static const char *digits_of_base(char letter)
{
	static const struct {
		char letter;
		const char *digits;
	} bases[] = {{'x', "0123456789abcdefABCDEF"}, {'o', "01234567"}, {'b', "01"}};
	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		if (bases[i].letter == letter)
			return bases[i].digits;
	}
	return NULL;
}

/*
 * Whether a YAML parser, by the core schema of YAML 1.2 or by YAML 1.1, or a JSON parser reads `s`
 * as a number: 4, -1, 0x1F, 0o17, 0b1, 6.5, .5, 1e3, .inf, .nan.
 */
static bool is_number(struct str s)
{
	static const char *const special[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};

	if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-'))
		s = str_tail(s, 1);
	if (is_one_of(s, special))
		return true;
	const char *base = s.len > 2 && s.ptr[0] == '0' ? digits_of_base(s.ptr[1]) : NULL;
	if (base)
		return digits(str_tail(s, 2), base) == s.len - 2;
	size_t whole = digits(s, "0123456789");
	s = str_tail(s, whole);
	size_t fraction = 0;
	if (s.len > 0 && s.ptr[0] == '.') {
		fraction = digits(str_tail(s, 1), "0123456789");
		s = str_tail(s, fraction + 1);
	}
	if (whole + fraction == 0)
		return false;
	if (s.len > 0 && (s.ptr[0] == 'e' || s.ptr[0] == 'E')) {
		s = str_tail(s, 1);
		if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-'))
			s = str_tail(s, 1);
		return s.len > 0 && digits(s, "0123456789") == s.len;
	}
	return s.len == 0;
}

bool node_needs_quotes(const struct node *node)
{
	return node->type == NODE_SCALAR && node->plain &&
	       (node_is_null(node) || is_boolean(node->text) || is_number(node->text));
}

const char *node_describe(const struct node *node, char *buffer, size_t size)
{
	int shown = node->text.len > 40 ? 40 : (int)node->text.len;

	if (node->type == NODE_LIST)
		return "a list";
	if (node->type == NODE_MAP)
		return "a map";
	if (node_is_null(node))
		return node->text.len ? "null" : "nothing";
	if (node->plain && is_boolean(node->text))
		snprintf(buffer, size, "the boolean %.*s", shown, node->text.ptr);
	else if (node->plain && is_number(node->text))
		snprintf(buffer, size, "the number %.*s", shown, node->text.ptr);
	else
		return "a string";
	return buffer;
}
