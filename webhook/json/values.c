#include "webhook/json/values.h"

#include "webhook/json/scan.h"

enum state {
	BETWEEN, /* Outside of any object. */
	MEMBERS, /* In an object, between the tokens of its members. */
	STRING,  /* In a key or in a string that is a member's value. */
	NESTED,  /* In an object or array that is a member's value. */
	ITEMS,   /* In the items of a list, between them. */
	ITEM,    /* In an item. */
};

#define KEPT_MAX ((size_t)64 << 10) /* Bytes of a buffer that are kept between objects. */

void json_values_init(struct json_values *values,
		      int (*value)(void *context, const struct json_value *value, struct error *err), void *context)
{
	*values = (struct json_values){.value = value, .context = context, .line = 1};
	buf_init(&values->outer, JSON_VALUE_MAX);
	buf_init(&values->item, JSON_VALUE_MAX);
}

void json_values_release(struct json_values *values)
{
	buf_release(&values->outer);
	buf_release(&values->item);
}

static uint64_t lines_in(const char *p, const char *end)
{
	uint64_t lines = 0;
	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

/* Takes the bytes from `p` to `to` into the buffer of the current value, and counts their lines. */
static int take(struct json_values *values, struct buf *buf, const char *p, const char *to, struct error *err)
{
	uint64_t lines = lines_in(p, to);
	values->line += lines;
	values->broken_line |= lines > 0;
	buf_add(buf, p, (size_t)(to - p));
	if (!buf->failed)
		return 0;
	values->line = buf == &values->item ? values->item_begin : values->begin;
	return error_set(err, "this object is larger than %zu MiB, or there is not enough memory",
			 JSON_VALUE_MAX >> 20);
}

static int unexpected(struct error *err, const char *wanted, char found)
{
	if (found > ' ' && found < 0x7f)
		return error_set(err, "this is not JSON: expected %s, found '%c'", wanted, found);
	return error_set(err, "this is not JSON: expected %s, found the byte 0x%02x", wanted, (unsigned char)found);
}

static int deliver(struct json_values *values, struct buf *buf, const struct json_value *value, struct error *err)
{
	struct json_value whole = *value;
	buf->max = JSON_VALUE_MAX + REVIEW_PADDING;
	char *padding = buf_reserve(buf, REVIEW_PADDING);
	buf->max = JSON_VALUE_MAX;
	if (!padding)
		return error_set(err, "there is not enough memory");
	memset(padding, 0, REVIEW_PADDING);
	whole.json = buf_view(buf);
	int result = values->value(values->context, &whole, err);
	if (result < 0)
		values->line = whole.line;
	if (buf->size > KEPT_MAX)
		buf_release(buf);
	buf_reset(buf);
	return result;
}

/* Checks what is around the items of a list, whose array is empty here. */
static int check_list(struct json_values *values, struct error *err)
{
	struct scan scan;
	char *padding = buf_reserve(&values->outer, REVIEW_PADDING);
	if (!padding)
		return error_set(err, "there is not enough memory");
	memset(padding, 0, REVIEW_PADDING);
	scan_init(&scan, values->outer.ptr, values->outer.len);
	int result = scan_skip(&scan) < 0 || scan_finish(&scan) < 0
			 ? error_set(err, "the list that ends here is not JSON: %s", scan.fault)
			 : 0;
	buf_reset(&values->outer);
	return result;
}

static int end_object(struct json_values *values, struct error *err)
{
	const struct json_value value = {.line = values->begin};
	values->state = BETWEEN;
	return values->has_items ? check_list(values, err) : deliver(values, &values->outer, &value, err);
}

/* --- One function for each state. They return where to continue, or NULL with an error. --- */

static const char *between(struct json_values *values, const char *p, const char *end, struct error *err)
{
	const char *from = p;
	while (p < end && scan_is_blank(*p))
		p++;
	values->line += lines_in(from, p);
	if (p == end)
		return p;
	if (*p != '{') {
		unexpected(err, "an object", *p);
		return NULL;
	}
	values->begin = values->line;
	values->broken_line = values->has_items = false;
	values->in_value = false;
	values->key.len = values->kind.len = values->version.len = 0;
	values->state = MEMBERS;
	return take(values, &values->outer, p, p + 1, err) < 0 ? NULL : p + 1;
}

static bool is(const struct json_values_text *text, struct str word)
{
	return str_eq((struct str){text->text, text->len}, word);
}

/* A string has ended: it is a key, or the value of one. */
static void end_string(struct json_values *values)
{
	values->state = MEMBERS;
	if (values->in_value && is(&values->key, STR("kind")))
		values->kind = values->value_text;
	else if (values->in_value && is(&values->key, STR("apiVersion")))
		values->version = values->value_text;
}

static const char *string(struct json_values *values, const char *p, const char *end, struct error *err)
{
	struct json_values_text *text = values->in_value ? &values->value_text : &values->key;
	const char *from = p;
	for (; p < end && (values->escaped || *p != '"'); p++) {
		values->escaped = !values->escaped && *p == '\\';
		if (text->len < sizeof text->text)
			text->text[text->len++] = *p;
	}
	bool ended = p < end;
	if (ended) {
		p++;
		end_string(values);
	}
	return take(values, &values->outer, from, p, err) < 0 ? NULL : p;
}

static void begin_string(struct json_values *values)
{
	struct json_values_text *text = values->in_value ? &values->value_text : &values->key;
	text->len = 0;
	values->escaped = false;
	values->state = STRING;
}

static const char *members(struct json_values *values, const char *p, const char *end, struct error *err)
{
	const char *from = p;
	while (p < end && *p != '"' && *p != '{' && *p != '[' && *p != '}' && *p != ']' && *p != ':' && *p != ',')
		p++;
	char found = p < end ? *p++ : '\0';
	bool list = found == '[' && values->in_value && is(&values->key, STR("items"));
	if (take(values, &values->outer, from, p, err) < 0)
		return NULL;
	if (list && values->has_items) {
		error_set(err, "this list has its items twice");
		return NULL;
	}
	if (found == '"') {
		begin_string(values);
	} else if (found == ':' || found == ',') {
		values->in_value = found == ':';
	} else if (list) {
		values->has_items = true;
		values->needs_comma = values->needs_item = false;
		values->state = ITEMS;
	} else if (found == '{' || found == '[') {
		kube_nest_init(&values->nest);
		values->state = NESTED;
	} else if (found == '}' || found == ']') {
		return end_object(values, err) < 0 ? NULL : p;
	}
	return p;
}

static const char *nested(struct json_values *values, const char *p, const char *end, struct error *err)
{
	const char *after = kube_nest_end(&values->nest, p, end);
	if (after)
		values->state = MEMBERS;
	else
		after = end;
	return take(values, &values->outer, p, after, err) < 0 ? NULL : after;
}

static const char *items(struct json_values *values, const char *p, const char *end, struct error *err)
{
	const char *from = p;
	while (p < end && (scan_is_blank(*p) || (*p == ',' && values->needs_comma))) {
		if (*p == ',') {
			values->needs_comma = false;
			values->needs_item = true;
		}
		p++;
	}
	values->line += lines_in(from, p);
	values->broken_line |= p > from;
	if (p == end)
		return p;
	if (*p == ']' && !values->needs_item) {
		values->state = MEMBERS;
		return take(values, &values->outer, p, p + 1, err) < 0 ? NULL : p + 1;
	}
	if (*p != '{' || values->needs_comma) {
		unexpected(err, values->needs_comma ? "a comma or the end of the items" : "an object in the items", *p);
		return NULL;
	}
	values->item_begin = values->line;
	kube_nest_init(&values->nest);
	values->state = ITEM;
	return take(values, &values->item, p, p + 1, err) < 0 ? NULL : p + 1;
}

static const char *item(struct json_values *values, const char *p, const char *end, struct error *err)
{
	const char *after = kube_nest_end(&values->nest, p, end);
	if (take(values, &values->item, p, after ? after : end, err) < 0)
		return NULL;
	if (!after)
		return end;
	const struct json_value value = {.line = values->item_begin,
					 .list_kind = {values->kind.text, values->kind.len},
					 .list_version = {values->version.text, values->version.len}};
	values->state = ITEMS;
	values->needs_comma = true;
	values->needs_item = false;
	return deliver(values, &values->item, &value, err) < 0 ? NULL : after;
}

int json_values_feed(struct json_values *values, const char *bytes, size_t len, struct error *err)
{
	static const char *(*const steps[])(struct json_values *, const char *, const char *, struct error *) = {
	    [BETWEEN] = between, [MEMBERS] = members, [STRING] = string,
	    [NESTED] = nested,   [ITEMS] = items,     [ITEM] = item,
	};
	const char *p = bytes, *end = bytes + len;
	while (p && p < end)
		p = steps[values->state](values, p, end, err);
	return p ? 0 : -1;
}

enum json_values_end json_values_finish(struct json_values *values, struct error *err)
{
	if (values->state == BETWEEN)
		return JSON_VALUES_COMPLETE;
	if (!values->broken_line)
		return JSON_VALUES_CUT_LINE;
	values->line = values->begin;
	error_set(err, "the object that begins here does not end; the file is incomplete");
	return JSON_VALUES_INCOMPLETE;
}
