/* Prints the lines of an explanation. */
#include "webhook/simulate/explain_text.h"

#include "gpugate/plain.h"

void print_colored(struct printer *p, enum color color, const char *text)
{
	static const char *const codes[] = {
	    [COLOR_NONE] = "", [COLOR_RED] = "\033[31m", [COLOR_GREEN] = "\033[32m", [COLOR_YELLOW] = "\033[33m"};
	bool colored = p->color && color != COLOR_NONE;
	buf_text(p->out, colored ? codes[color] : "");
	buf_text(p->out, text);
	buf_text(p->out, colored ? "\033[0m" : "");
}

const char *tree_get(const json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));
	return text ? text : "";
}

bool tree_has(const json_t *from, const char *key)
{
	return json_is_string(json_object_get(from, key));
}

long long tree_number(const json_t *from, const char *key)
{
	return json_integer_value(json_object_get(from, key));
}

bool tree_is(const json_t *from, const char *key, const char *word)
{
	return strcmp(tree_get(from, key), word) == 0;
}

void print_plain(struct printer *p, const char *text)
{
	size_t len = strlen(text);
	char *copy = buf_reserve(p->out, len);
	if (!copy)
		return;
	memcpy(copy, text, len);
	plain_mask(copy, len);
	p->out->len += len;
}

void print_begin(struct printer *p)
{
	buf_printf(p->out, "%*s  %-*s", p->indent, "", EXPLAIN_LABEL_WIDTH, p->label ? p->label : "");
	p->label = NULL;
}

void print_end(struct printer *p, const json_t *item)
{
	if (tree_has(item, "at")) {
		buf_text(p->out, " (");
		print_plain(p, tree_get(item, "at"));
		buf_char(p->out, ')');
	}
	buf_char(p->out, '\n');
}

void print_cut(struct printer *p, const json_t *from)
{
	if (json_is_true(json_object_get(from, "amountsCut")))
		buf_text(p->out, "\n  Some amounts are cut to two decimals here. They are counted exactly.\n");
}

void print_list(struct printer *p, const json_t *list, const char *open, const char *close)
{
	size_t i;
	json_t *item;
	buf_text(p->out, open);
	json_array_foreach(list, i, item)
	{
		buf_text(p->out, i ? ", " : "");
		print_plain(p, json_string_value(item) ? json_string_value(item) : "");
	}
	buf_text(p->out, close);
}
