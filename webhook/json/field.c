#include "webhook/json/field.h"

#include "gpugate/quantity.h"
#include "gpugate/suggest.h"
#include "gpugate/vec.h"
#include "webhook/json/balance.h"
#include "webhook/json/string.h"
#include "webhook/json/unique.h"

#define FIRST_ROOM 4 /* Initial capacity of a list. */

/* A list that grows in the arena. */
struct list {
	char *items;
	uint32_t size; /* Bytes per item. */
	uint32_t count;
	uint32_t room;
};

/*
 * Returns zeroed memory for one more item, or NULL if there is no memory. The caller increments
 * list->count when the item is complete.
 */
static void *list_next(struct reader *reader, struct list *list)
{
	char *items = vec_room_in(reader->arena, list->items, list->count, &list->room, FIRST_ROOM, list->size);
	if (!items) {
		reader_no_memory(reader);
		return NULL;
	}
	list->items = items;
	return memset(list->items + (size_t)list->count * list->size, 0, list->size);
}

/* `empty`: what may be written instead. */
static int refuse_null(struct reader *reader, const char *empty)
{
	return scan_fail(&reader->scan, reader->scan.at, "null is no value here; write %s, or remove it", empty);
}

/* What means nothing as the value of a key, for the author of a null. */
static const char *empty_value(const struct field *field)
{
	bool list = field->read == field_list || field->read == field_strings;
	bool map = field->read == field_pairs || field->read == field_quantities;
	if (field->schema && field->schema->conditions) /* These may exclude what is empty. */
		return "one";
	return list ? "[] for none" : map ? "{} for none" : "one";
}

/* Takes the next value if it is `null`. Returns 1 if it was, 0 if it is another value, or -1. */
static int take_null(struct reader *reader)
{
	if (scan_peek(&reader->scan) != 'n')
		return 0;
	return scan_word(&reader->scan, STR("null")) < 0 ? -1 : 1;
}

/* Does the same for an item of the list or map that the field is, which may refuse it. */
static int take_null_item(struct reader *reader, const struct field *field)
{
	if (field->shape && field->shape->refuses_null && scan_peek(&reader->scan) == 'n')
		return refuse_null(reader, "one");
	return take_null(reader);
}

/*
 * Takes a string and decodes it. `out` borrows from the text, or from the arena if it had escapes.
 */
static int take_string(struct reader *reader, struct str *out)
{
	struct str raw;
	bool escaped;
	if (scan_peek(&reader->scan) != '"')
		return scan_expected(&reader->scan, "a string");
	if (scan_string(&reader->scan, &raw, &escaped) < 0)
		return -1;
	if (escaped) {
		char *text = arena_alloc(reader->arena, raw.len);
		if (!text)
			return reader_no_memory(reader);
		raw = (struct str){text, scan_unescape(raw, text)};
	}
	*out = raw;
	return 0;
}

static int take_number(struct reader *reader, struct str *out)
{
	char c = scan_peek(&reader->scan);
	if (c != '-' && (c < '0' || c > '9'))
		return scan_expected(&reader->scan, "a number");
	return scan_number(&reader->scan, out);
}

/* Takes a string or a number: JSON may give a quantity as either. */
static int take_quantity(struct reader *reader, struct str *out)
{
	char c = scan_peek(&reader->scan);
	if (c == '"')
		return take_string(reader, out);
	if (c != '-' && (c < '0' || c > '9'))
		return scan_expected(&reader->scan, "a string or a number");
	return scan_number(&reader->scan, out);
}

/* Enters an object ('{') or array ('['). */
static int take_opener(struct reader *reader, char opener)
{
	if (scan_peek(&reader->scan) != opener)
		return scan_expected(&reader->scan, opener == '{' ? "an object" : "an array");
	return scan_open(&reader->scan);
}

static const struct field *find_field(const struct shape *shape, struct str key)
{
	for (const struct field *field = shape->fields, *end = field + shape->count; field < end; field++)
		if (field->key_len == key.len && field->key[0] == key.ptr[0] &&
		    memcmp(field->key, key.ptr, key.len) == 0)
			return field;
	return NULL;
}

/*
 * Compares a key with escapes by what it decodes to. An escape takes at most six bytes for each
 * decoded byte.
 */
static const struct field *find_escaped(const struct shape *shape, struct str raw)
{
	char text[READER_KEY_MAX * 6];
	if (raw.len > sizeof text)
		return NULL;
	size_t len = scan_unescape(raw, text);
	return find_field(shape, (struct str){text, len});
}

/* Returns the only key of the shape whose object has this key, or NULL. */
static const char *find_owner(const struct shape *shape, struct str key)
{
	const char *owner = NULL;
	for (const struct field *field = shape->fields, *end = field + shape->count; field < end; field++) {
		if (field->read != field_object || !find_field(field->shape, key))
			continue;
		if (owner)
			return NULL;
		owner = field->key;
	}
	return owner;
}

/* Fails at the key, whose value is at the current position. */
static int refuse_key(struct reader *reader, const struct shape *shape, struct str key)
{
	struct str keys[32], meant;
	const char *owner = find_owner(shape, key);
	if (owner)
		return scan_fail(&reader->scan, key.ptr - 1, "unknown key; it belongs within `%s`", owner);
	for (uint32_t i = 0; i < shape->count; i++)
		keys[i] = (struct str){shape->fields[i].key, shape->fields[i].key_len};
	meant = suggest_word(key, keys, shape->count, sizeof *keys);
	return str_present(meant)
		   ? scan_fail(&reader->scan, key.ptr - 1, "unknown key; did you mean \"%.*s\"?", STR_ARG(meant))
		   : scan_fail(&reader->scan, key.ptr - 1, "unknown key; remove it");
}

/* Reads the value of one member, at the current position. */
static int read_member(struct reader *reader, const struct shape *shape, const struct field *field, uint32_t *seen,
		       void *target)
{
	if (!field)
		return scan_skip(&reader->scan);
	uint32_t bit = 1u << (field - shape->fields);
	if (*seen & bit)
		return scan_fail(&reader->scan, reader->scan.at, "the key is given twice");
	*seen |= bit;
	if (shape->refuses_null && scan_peek(&reader->scan) == 'n')
		return refuse_null(reader, empty_value(field));
	int null = take_null(reader);
	if (null != 0)
		return null < 0 ? -1 : 0;
	if (field->flag)
		*(bool *)((char *)target + field->flag - 1) = true;
	return field->read(reader, field, target);
}

int reader_object(struct reader *reader, const struct shape *shape, void *target)
{
	uint32_t seen = 0;
	struct str key = {NULL, 0};
	bool escaped;
	int more;
	char first = scan_peek(&reader->scan);
	if (shape->location)
		*(const char **)(void *)((char *)target + shape->location - 1) = reader->scan.at;
	if (shape->text && first == '"')
		return take_string(reader, (struct str *)(void *)((char *)target + shape->text - 1));
	if (take_opener(reader, '{') < 0)
		return -1;
	for (bool begin = true; (more = scan_member(&reader->scan, begin, &key, &escaped)) > 0; begin = false) {
		const struct field *field = escaped ? find_escaped(shape, key) : find_field(shape, key);
		if (!field && shape->strict ? refuse_key(reader, shape, key) < 0
					    : read_member(reader, shape, field, &seen, target) < 0) {
			reader_at_key(reader, field ? (struct str){field->key, field->key_len} : key);
			return -1;
		}
	}
	return more;
}

int field_string(struct reader *reader, const struct field *field, void *target)
{
	return take_string(reader, (struct str *)(void *)((char *)target + field->offset));
}

int field_number(struct reader *reader, const struct field *field, void *target)
{
	return take_number(reader, (struct str *)(void *)((char *)target + field->offset));
}

int field_whole(struct reader *reader, const struct field *field, void *target)
{
	const struct field_schema *schema = field->schema;
	const struct str *number = (const struct str *)(const void *)((const char *)target + field->offset);
	int64_t value;
	if (field_number(reader, field, target) < 0)
		return -1;
	if (quantity_count(*number, &value) == QUANTITY_OK && value >= schema->least && value <= schema->most)
		return 0;
	return scan_fail(&reader->scan, number->ptr, "expected a whole number from %lld to %lld",
			 (long long)schema->least, (long long)schema->most);
}

int field_bool(struct reader *reader, const struct field *field, void *target)
{
	char c = scan_peek(&reader->scan);
	if (c != 't' && c != 'f')
		return scan_expected(&reader->scan, "true or false");
	*(bool *)((char *)target + field->offset) = c == 't';
	return scan_word(&reader->scan, c == 't' ? STR("true") : STR("false"));
}

int field_object(struct reader *reader, const struct field *field, void *target)
{
	return reader_object(reader, field->shape, (char *)target + field->offset);
}

int field_json(struct reader *reader, const struct field *field, void *target)
{
	scan_peek(&reader->scan);
	const char *begin = reader->scan.at;
	if (scan_skip(&reader->scan) < 0)
		return -1;
	*(struct str *)(void *)((char *)target + field->offset) =
	    (struct str){begin, (size_t)(reader->scan.at - begin)};
	return 0;
}

int field_skip(struct reader *reader, const struct field *field, void *target)
{
	(void)field, (void)target;
	if (scan_peek(&reader->scan) != '{')
		return scan_expected(&reader->scan, "an object");
	return scan_skip(&reader->scan);
}

/* Skips an object or array without validating it. */
static int skip_nest(struct scan *scan)
{
	struct kube_nest nest;
	kube_nest_init(&nest);
	const char *after = kube_nest_end(&nest, scan->at + 1, scan->end);
	if (!after)
		return scan_fail(scan, scan->end, "the text ends inside an object or array");
	scan->at = after;
	return 0;
}

int field_opaque(struct reader *reader, const struct field *field, void *target)
{
	(void)field, (void)target;
	return scan_peek(&reader->scan) == '[' ? skip_nest(&reader->scan) : scan_expected(&reader->scan, "an array");
}

int field_anything(struct reader *reader, const struct field *field, void *target)
{
	char first = scan_peek(&reader->scan);
	(void)field, (void)target;
	return first == '{' || first == '[' ? skip_nest(&reader->scan) : scan_skip(&reader->scan);
}

/*
 * Reads one item of a list into `item`, which is zeroed. It is not called for null: the item stays
 * zeroed, as in the API server.
 */
typedef int read_item(struct reader *reader, const struct field *field, void *item);

static int object_item(struct reader *reader, const struct field *field, void *item)
{
	return reader_object(reader, field->shape, item);
}

static int string_item(struct reader *reader, const struct field *field, void *item)
{
	(void)field;
	return take_string(reader, item);
}

static int read_list(struct reader *reader, const struct field *field, void *target, uint32_t size, read_item *read)
{
	struct list list = {.size = size};
	int more;
	if (take_opener(reader, '[') < 0)
		return -1;
	for (bool first = true; (more = scan_element(&reader->scan, first)) > 0; first = false) {
		void *item = list_next(reader, &list);
		int null = item ? take_null_item(reader, field) : -1;
		if (null < 0 || (null == 0 && read(reader, field, item) < 0)) {
			reader_at_index(reader, list.count);
			return -1;
		}
		list.count++;
	}
	if (more < 0)
		return -1;
	/* Copied as bytes, because only the table row knows the type of the pointer. */
	memcpy((char *)target + field->offset, &list.items, sizeof list.items);
	*(uint32_t *)(void *)((char *)target + field->count) = list.count;
	return 0;
}

int field_list(struct reader *reader, const struct field *field, void *target)
{
	return read_list(reader, field, target, field->shape->size, object_item);
}

int field_strings(struct reader *reader, const struct field *field, void *target)
{
	return read_list(reader, field, target, sizeof(struct str), string_item);
}

int field_count(struct reader *reader, const struct field *field, void *target)
{
	uint32_t count = 0;
	int more;
	if (take_opener(reader, '[') < 0)
		return -1;
	for (bool first = true; (more = scan_element(&reader->scan, first)) > 0; first = false) {
		int null = take_null(reader);
		if (null < 0 || (null == 0 && field_skip(reader, field, NULL) < 0)) {
			reader_at_index(reader, count);
			return -1;
		}
		count++;
	}
	*(uint32_t *)(void *)((char *)target + field->offset) = count;
	return more;
}

/* Takes the value of a map entry. As in the API server, null means the zero value of the type. */
static int take_entry(struct reader *reader, const struct field *field, struct pair *pair, bool key_escaped,
		      bool quantity)
{
	if (key_escaped) {
		char *text = arena_alloc(reader->arena, pair->key.len);
		if (!text)
			return reader_no_memory(reader);
		pair->key = (struct str){text, scan_unescape(pair->key, text)};
	}
	int null = take_null_item(reader, field);
	if (null < 0)
		return -1;
	if (null) {
		pair->value = quantity ? STR("0") : STR("");
		return 0;
	}
	return quantity ? take_quantity(reader, &pair->value) : take_string(reader, &pair->value);
}

static int read_pairs(struct reader *reader, const struct field *field, void *target, bool quantity)
{
	struct pairs *pairs = (struct pairs *)(void *)((char *)target + field->offset);
	struct list list = {.size = sizeof(struct pair)};
	struct str key = {NULL, 0};
	bool escaped;
	int more;
	if (take_opener(reader, '{') < 0)
		return -1;
	for (bool first = true; (more = scan_member(&reader->scan, first, &key, &escaped)) > 0; first = false) {
		struct pair *pair = list_next(reader, &list);
		if (!pair)
			return -1;
		pair->key = key;
		if (take_entry(reader, field, pair, escaped, quantity) < 0) {
			reader_at_entry(reader, key);
			return -1;
		}
		list.count++;
	}
	if (more < 0)
		return -1;
	*pairs = (struct pairs){(const struct pair *)(void *)list.items, list.count, true};
	return pairs_check_unique(reader, pairs->items, pairs->count);
}

int field_pairs(struct reader *reader, const struct field *field, void *target)
{
	return read_pairs(reader, field, target, false);
}

int field_quantities(struct reader *reader, const struct field *field, void *target)
{
	return read_pairs(reader, field, target, true);
}
