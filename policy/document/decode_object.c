#include "policy/document/decode_object.h"

#include <stdio.h>
#include <stdlib.h>

#include "gpugate/suggest.h"
#include "policy/document/decode_keys.h"
#include "policy/document/decode_value.h"

void decode_exhausted(struct decoder *decoder)
{
	if (!decoder->exhausted)
		docs_report(decoder->report, decoder->docs, SEVERITY_ERROR, (struct location){.source = UINT32_MAX},
			    "no memory is left to read the policy");
	decoder->exhausted = true;
}

static void *allocate(struct decoder *decoder, size_t count, size_t size)
{
	void *memory = arena_zalloc(decoder->arena, count, size);
	if (!memory)
		decode_exhausted(decoder);
	return memory;
}

/* --- Lists and maps --- */

/*
 * Reports a value of the wrong type. If only the list around the items is missing, the message
 * shows how to write it.
 */
static void wrong_collection(const struct decode_task *task, enum node_type type, const char *expected)
{
	const struct node *node = task->key->value;
	bool texts = task->field->type == FIELD_TEXTS || task->field->type == FIELD_CHOICES;

	if (type == NODE_LIST && texts && node->type == NODE_SCALAR && !node_is_null(node))
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\": expected %s, found one string; write [%.*s]",
			      STR_ARG(task->field->key), expected, SHOWN(node->text));
	else if (type == NODE_LIST && node->type == NODE_MAP)
		DECODE_REPORT(task->decoder, node->at,
			      "\"%.*s\": expected %s, found a map; begin each item with \"- \"",
			      STR_ARG(task->field->key), expected);
	else
		decode_wrong_type(task, node, expected);
}

/*
 * Whether the value has that type and, if the field requires it, at least one member. Reports it
 * otherwise.
 */
static bool is_collection(const struct decode_task *task, enum node_type type, const char *expected)
{
	const struct node *node = task->key->value;

	if (node->bad)
		return false;
	if (node->type != type) {
		wrong_collection(task, type, expected);
		return false;
	}
	if (node->count == 0 && task->field->flags & FIELD_FULL) {
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" is empty; name at least one, or remove the key",
			      STR_ARG(task->field->key));
		return false;
	}
	return true;
}

static void decode_texts(const struct decode_task *task)
{
	const struct node *list = task->key->value;
	struct texts *texts = decode_slot(task);

	if (!is_collection(task, NODE_LIST, "a list of strings"))
		return;
	struct text *items = allocate(task->decoder, list->count, sizeof *items);
	if (!items)
		return;
	*texts = (struct texts){.items = items, .set = true, .at = task->key->at};
	for (const struct node *item = list->first; item; item = item->next)
		texts->count += decode_read_text(task, item, task->field->form, &items[texts->count]);
}

/*
 * Reports `a=b` where `a: b` was meant. YAML reads it as a key without a value, and no valid key
 * contains an equals sign.
 */
static bool report_assignment(const struct decode_task *task, const struct node *key)
{
	const char *equals = key->text.len ? memchr(key->text.ptr, '=', key->text.len) : NULL;
	if (!equals || !node_is_null(key->value))
		return false;
	struct str name = {key->text.ptr, (size_t)(equals - key->text.ptr)};
	struct str value = str_tail(key->text, name.len + 1);
	while (value.len > 0 && value.ptr[0] == ' ')
		value = str_tail(value, 1);
	DECODE_REPORT(task->decoder, key->at, "\"%.*s\" is not \"key: value\"; did you mean %.*s: %.*s?",
		      SHOWN(key->text), SHOWN(name), SHOWN(value));
	return true;
}

static void decode_text_map(const struct decode_task *task)
{
	const struct node *map = task->key->value;
	struct text_map *out = decode_slot(task);

	if (!is_collection(task, NODE_MAP, "a map of strings"))
		return;
	struct text_pair *items = allocate(task->decoder, map->count, sizeof *items);
	if (!items)
		return;
	*out = (struct text_map){.items = items, .set = true, .at = task->key->at};
	for (const struct node *key = map->first; key; key = key->next) {
		if (report_assignment(task, key))
			continue;
		struct text_pair *pair = &items[out->count];
		bool fine = decode_read_text(task, key, task->field->key_form, &pair->key);
		out->count += decode_read_text(task, key->value, task->field->form, &pair->value) && fine;
	}
}

static void set_list(const struct decode_task *task, void *items, size_t count)
{
	struct decode_list list = {.items = items, .count = (uint32_t)count, .set = true, .at = task->key->at};
	memcpy(decode_slot(task), &list, sizeof list);
}

static void decode_choices(const struct decode_task *task)
{
	const struct node *list = task->key->value;
	uint32_t count = 0;

	if (!is_collection(task, NODE_LIST, "a list of words"))
		return;
	struct choice *items = allocate(task->decoder, list->count, sizeof *items);
	if (!items)
		return;
	for (const struct node *item = list->first; item; item = item->next) {
		decode_read_choice(task, item, &items[count]);
		count += items[count].set;
	}
	set_list(task, items, count);
}

static int by_text(const void *a, const void *b)
{
	const struct text *left = *(const struct text *const *)a, *right = *(const struct text *const *)b;
	int order = str_cmp(left->s, right->s);
	if (order == 0)
		order = (left->at.line > right->at.line) - (left->at.line < right->at.line);
	return order ? order : (left->at.column > right->at.column) - (left->at.column < right->at.column);
}

/* Checks FIELD_UNIQUE. The name of an object directly follows its location. */
static void check_unique(const struct decode_task *task, const char *items, size_t count)
{
	char where[WHERE_BYTES];

	if (count <= 1)
		return;
	const struct text **names = calloc(count, sizeof *names);
	if (!names) {
		decode_exhausted(task->decoder);
		return;
	}
	for (size_t i = 0; i < count; i++)
		names[i] = (const struct text *)(const void *)(items + i * task->field->object->size +
							       sizeof(struct location));
	qsort(names, count, sizeof *names, by_text);
	for (size_t i = 1; i < count; i++) {
		if (str_present(names[i]->s) && str_eq(names[i]->s, names[i - 1]->s))
			DECODE_REPORT(task->decoder, names[i]->at,
				      "\"%.*s\" is already defined at %s; rename or remove one", SHOWN(names[i]->s),
				      docs_where(task->decoder->docs, names[i - 1]->at, where, sizeof where));
	}
	free(names);
}

static void decode_objects(const struct decode_task *task)
{
	const struct schema_field *field = task->field;
	const struct schema_object *object = field->object;
	const struct node *list = task->key->value;
	char expected[120], words[80];
	uint32_t count = 0;

	if (field->word_count > 0 && list->type == NODE_SCALAR && decode_report_word(field, list->text) >= 0)
		return;
	if (field->word_count > 0)
		snprintf(expected, sizeof expected, "the word %.*s or a list of objects",
			 STR_ARG(field->words[0].word));
	else
		snprintf(expected, sizeof expected, "a list of objects");
	if (field->word_count > 0 && list->type == NODE_SCALAR &&
	    str_present(suggest_word(list->text, &field->words[0].word, 1, sizeof field->words[0]))) {
		DECODE_REPORT(task->decoder, list->at, "\"%.*s\" cannot be \"%.*s\"; did you mean \"%.*s\"?",
			      STR_ARG(field->key), SHOWN(list->text), STR_ARG(field->words[0].word));
		return;
	}
	if (!is_collection(task, NODE_LIST, expected))
		return;
	char *items = allocate(task->decoder, list->count, object->size);
	if (!items)
		return;
	for (const struct node *item = list->first; item; item = item->next) {
		char *base = items + count * object->size;
		if (item->type != NODE_MAP && !item->bad)
			DECODE_REPORT(task->decoder, item->at, "\"%.*s\": %s must be a map, found %s",
				      STR_ARG(field->key), object->name, node_describe(item, words, sizeof words));
		if (item->type != NODE_MAP || item->bad)
			continue;
		memcpy(base, &item->at, sizeof item->at);
		decode_defaults(task->decoder, object, base, item->at);
		decode_object(task->decoder, object, item, base, item->at);
		count++;
	}
	if (field->word_count > 0)
		*(bool *)(task->base + field->word_offset) = false;
	set_list(task, items, count);
	if (field->flags & FIELD_UNIQUE)
		check_unique(task, items, count);
}

/* The struct of an entry begins with {struct text key; struct location at; ...}. */
static void decode_object_map(const struct decode_task *task)
{
	const struct schema_object *object = task->field->object;
	const struct node *map = task->key->value;
	char words[80];
	uint32_t count = 0;

	if (!is_collection(task, NODE_MAP, "a map of objects"))
		return;
	char *items = allocate(task->decoder, map->count, object->size);
	if (!items)
		return;
	for (const struct node *key = map->first; key; key = key->next) {
		const struct node *value = key->value;
		char *base = items + count * object->size;
		struct text text;
		bool fine = decode_read_text(task, key, task->field->key_form, &text);
		if (value->type != NODE_MAP && !value->bad)
			DECODE_REPORT(task->decoder, value->at, "\"%.*s\": %s must be a map, such as %s, found %s",
				      SHOWN(key->text), object->name, object->example ? object->example : "{}",
				      node_describe(value, words, sizeof words));
		if (value->type != NODE_MAP || value->bad || !fine)
			continue;
		memcpy(base, &text, sizeof text);
		memcpy(base + sizeof text, &key->at, sizeof key->at);
		decode_defaults(task->decoder, object, base, key->at);
		decode_object(task->decoder, object, value, base, key->at);
		count++;
	}
	set_list(task, items, count);
}

/* The first members of a nested object's struct. */
struct nested {
	bool set;
	struct location at;
};

static void decode_nested(const struct decode_task *task)
{
	const struct node *map = task->key->value;
	char keys[320], expected[340];

	snprintf(expected, sizeof expected, "a map of %s", decode_join_keys(task->field->object, keys, sizeof keys));
	if (!is_collection(task, NODE_MAP, expected))
		return;
	char *base = task->base;
	if (!(task->field->flags & FIELD_INLINE)) {
		base = decode_slot(task);
		struct nested nested = {.set = true, .at = task->key->at};
		memcpy(base, &nested, sizeof nested);
	}
	decode_object(task->decoder, task->field->object, map, base, task->key->at);
}

static void decode_ignored(const struct decode_task *task)
{
	(void)task;
}

typedef void decode_function(const struct decode_task *task);

static decode_function *const decoders[] = {
    [FIELD_TEXT] = decode_text,       [FIELD_TEXTS] = decode_texts,           [FIELD_TEXT_MAP] = decode_text_map,
    [FIELD_FLAG] = decode_flag,       [FIELD_NUMBER] = decode_number,         [FIELD_AMOUNT] = decode_amount,
    [FIELD_CHOICE] = decode_choice,   [FIELD_CHOICES] = decode_choices,       [FIELD_OBJECT] = decode_nested,
    [FIELD_OBJECTS] = decode_objects, [FIELD_OBJECT_MAP] = decode_object_map, [FIELD_IGNORED] = decode_ignored,
};

static void decode_field(const struct decode_task *task)
{
	if (!(task->field->flags & FIELD_NULLABLE && node_is_null(task->key->value)))
		decoders[task->field->type](task);
}

/* --- Objects --- */

void decode_object(struct decoder *decoder, const struct schema_object *object, const struct node *map, void *base,
		   struct location at)
{
	/* Bit mask by position in the table. Every object has far fewer than 64 keys. */
	uint64_t given = 0;

	for (const struct node *before = NULL, *key = map->first; key && !decoder->exhausted;
	     before = key, key = key->next) {
		const struct schema_field *field = decode_report_field(object, key->text);
		if (field)
			decode_field(&(struct decode_task){decoder, field, key, base});
		else if (!object->lenient)
			/* A misspelled key does not count as missing. */
			field = decode_unknown_key(decoder, object, before, key);
		else if (object->foreign)
			decode_near_key(decoder, object, key);
		if (field)
			given |= (uint64_t)1 << (field - object->fields);
	}
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *instead = decode_report_field(object, object->fields[i].unless);
		if (instead && given >> (instead - object->fields) & 1)
			continue;
		if (object->fields[i].flags & FIELD_REQUIRED && !(given >> i & 1))
			DECODE_REPORT(decoder, at, "%s needs the key \"%.*s\"", object->name,
				      STR_ARG(object->fields[i].key));
	}
	if (object->check)
		object->check(decoder->report, decoder->docs, base, at);
}

/* The default comes from the schema's table, so it needs no validation. */
static void set_default(struct decoder *decoder, const struct schema_field *field, char *base, struct location at)
{
	void *to = base + field->offset;
	struct str words = str_of(field->fallback);

	switch (field->type) {
	case FIELD_TEXTS:
		*(struct texts *)to = (struct texts){.items = allocate(decoder, 1, sizeof(struct text)), .at = at};
		if (((struct texts *)to)->items) {
			((struct texts *)to)->items[0] = (struct text){words, at};
			((struct texts *)to)->count = 1;
		}
		break;
	case FIELD_FLAG:
		*(struct flag *)to = (struct flag){.value = str_eq(words, STR("true")), .at = at};
		break;
	case FIELD_NUMBER:
		*(struct number *)to = (struct number){.at = at};
		decode_parse_number(words, &((struct number *)to)->value);
		break;
	case FIELD_AMOUNT:
		*(struct amount *)to = (struct amount){.text = words, .at = at};
		quantity_parse(words, &((struct amount *)to)->value);
		break;
	case FIELD_CHOICE:
		*(struct choice *)to = (struct choice){.value = decode_report_word(field, words), .at = at};
		break;
	case FIELD_OBJECTS:
		*(bool *)(base + field->word_offset) = true;
		break;
	default: /* No other type has a default in the tables. */
		break;
	}
}

void decode_defaults(struct decoder *decoder, const struct schema_object *object, void *base, struct location at)
{
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *field = &object->fields[i];
		if (field->fallback)
			set_default(decoder, field, base, at);
		else if (field->type == FIELD_OBJECT)
			decode_defaults(decoder, field->object,
					(char *)base + (field->flags & FIELD_INLINE ? 0 : field->offset), at);
	}
}
