/* decode_value: see decode_value.h. One function for each type of field. */
#include "policy/decode_value.h"

#include <stdio.h>
#include <stdlib.h>

/* What a decoding function needs to know: the row, and where the value goes. */
struct task {
	struct decoder *decoder;
	const struct schema_field *field;
	const struct node *key; /* the field's key in the file */
	char *base;             /* the struct around the value */
};

static void *slot(const struct task *task)
{
	return task->base + task->field->offset;
}

void decode_exhausted(struct decoder *decoder)
{
	if (!decoder->exhausted)
		docs_find(decoder->report, decoder->docs, SEVERITY_ERROR, (struct place){.source = UINT32_MAX},
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

/* "deny, warn or audit" */
static const char *join_words(const struct schema_word *words, size_t count, char *buffer, size_t size)
{
	size_t len = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < count && len < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";
		int wrote = snprintf(buffer + len, size - len, "%s%.*s", before, STR_ARG(words[i].word));
		len += wrote > 0 ? (size_t)wrote : 0;
	}
	return buffer;
}

static const char *join_keys(const struct schema_object *object, char *buffer, size_t size)
{
	size_t len = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < object->field_count && len < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == object->field_count ? " and " : ", ";
		int wrote = snprintf(buffer + len, size - len, "%s%.*s", before, STR_ARG(object->fields[i].key));
		len += wrote > 0 ? (size_t)wrote : 0;
	}
	return buffer;
}

/* "quotas": expected a list of strings, found a map. Silent where the node was reported already. */
static void wrong_type(const struct task *task, const struct node *node, const char *expected)
{
	struct str key = task->field->key;
	char words[80];

	if (node->bad)
		return;
	if (node_is_null(node) && node == task->key->value)
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" has no value; expected %s, or remove the key",
			    STR_ARG(key), expected);
	else
		DECODE_FIND(task->decoder, node->at, "\"%.*s\": expected %s, found %s", STR_ARG(key), expected,
			    node_describe(node, words, sizeof words));
}

/* ---- scalars ---- */

/* A string of the form asked for. Returns false when it is none (reported). */
static bool read_text(const struct task *task, const struct node *node, enum text_form form, struct text *out)
{
	char words[80];

	if (node->bad)
		return false;
	if (node->type != NODE_SCALAR || (node_is_null(node) && node == task->key->value)) {
		wrong_type(task, node, "a string");
		return false;
	}
	if (node_needs_quotes(node)) {
		DECODE_FIND(task->decoder, node->at, "\"%.*s\": expected a string, found %s; quote it: \"%.*s\"",
			    STR_ARG(task->field->key), node_describe(node, words, sizeof words), SHOWN(node->text));
		return false;
	}
	if (!schema_form_fits(form, node->text)) {
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" is not %s", SHOWN(node->text), schema_form_words(form));
		return false;
	}
	*out = (struct text){node->text, node->at};
	return true;
}

static void decode_text(const struct task *task)
{
	read_text(task, task->key->value, task->field->form, slot(task));
}

static void decode_flag(const struct task *task)
{
	const struct node *node = task->key->value;
	struct flag *flag = slot(task);
	bool yes = str_eq(node->text, STR("true")), no = str_eq(node->text, STR("false"));

	if (node->type != NODE_SCALAR || !node->plain || !(yes || no))
		wrong_type(task, node, "true or false");
	else
		*flag = (struct flag){.value = yes, .set = true, .at = node->at};
}

/* [+-]?(0|[1-9][0-9]*), saturated. A leading zero would be octal to some readers, so it is no number here. */
static bool parse_number(struct str s, int64_t *out)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t value = 0;

	if (s.len > 0 && (negative || s.ptr[0] == '+'))
		s = str_tail(s, 1);
	if (s.len == 0 || (s.ptr[0] == '0' && s.len > 1))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (value < INT64_MAX / 100)
			value = value * 10 + (s.ptr[i] - '0');
	}
	*out = negative ? -value : value;
	return true;
}

static void decode_number(const struct task *task)
{
	const struct schema_field *field = task->field;
	const struct node *node = task->key->value;
	struct number *number = slot(task);
	int64_t value;

	if (node->type != NODE_SCALAR || node_is_null(node) || node->bad) {
		wrong_type(task, node, "a whole number");
	} else if (!node->plain && parse_number(node->text, &value)) {
		DECODE_FIND(task->decoder, node->at,
			    "\"%.*s\": expected a whole number, found a string; remove the quotes",
			    STR_ARG(field->key));
	} else if (!parse_number(node->text, &value)) {
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" must be a whole number, and \"%.*s\" is none",
			    STR_ARG(field->key), SHOWN(node->text));
	} else if (value < field->min || value > field->max) {
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" must be %lld to %lld, found %.*s", STR_ARG(field->key),
			    (long long)field->min, (long long)field->max, SHOWN(node->text));
	} else {
		*number = (struct number){.value = value, .set = true, .at = node->at};
	}
}

static void decode_amount(const struct task *task)
{
	const struct schema_field *field = task->field;
	const struct node *node = task->key->value;
	struct amount *amount = slot(task);
	struct quantity quantity = {0};
	bool may_be_word = field->flags & FIELD_UNLIMITED;
	const char *advice = may_be_word ? "write a number such as 4, 6.5 or 320Gi, or unlimited"
					 : "write a number such as 4, 6.5 or 320Gi";

	if (node->type != NODE_SCALAR || node_is_null(node) || node->bad) {
		wrong_type(task, node, "a quantity such as 4, 6.5 or 320Gi");
		return;
	}
	if (may_be_word && str_eq(node->text, STR("unlimited"))) {
		*amount = (struct amount){.text = node->text, .unlimited = true, .set = true, .at = node->at};
		return;
	}
	enum quantity_result result = quantity_parse(node->text, &quantity);
	if (result != QUANTITY_OK)
		DECODE_FIND(task->decoder, node->at, "\"%.*s\": \"%.*s\" %s; %s", STR_ARG(field->key),
			    SHOWN(node->text), quantity_problem(result), advice);
	else if (quantity.nano < 0 || (quantity.nano == 0 && field->flags & FIELD_POSITIVE))
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" must be %s, found %.*s", STR_ARG(field->key),
			    field->flags & FIELD_POSITIVE ? "above 0" : "0 or more", SHOWN(node->text));
	else
		*amount = (struct amount){.value = quantity, .text = node->text, .set = true, .at = node->at};
}

static int find_word(const struct schema_field *field, struct str text)
{
	for (size_t i = 0; i < field->word_count; i++) {
		if (str_eq(field->words[i].word, text))
			return (int)i;
	}
	return -1;
}

static void read_choice(const struct task *task, const struct node *node, struct choice *out)
{
	const struct schema_field *field = task->field;
	char words[320], expected[340];
	int found = node->type == NODE_SCALAR ? find_word(field, node->text) : -1;

	join_words(field->words, field->word_count, words, sizeof words);
	if (node->type != NODE_SCALAR || node_is_null(node) || node->bad) {
		snprintf(expected, sizeof expected, "one of %s", words);
		wrong_type(task, node, expected);
		return;
	}
	if (found >= 0) {
		*out = (struct choice){.value = found, .set = true, .at = node->at};
		return;
	}
	struct str near = docs_suggest(node->text, &field->words[0].word, field->word_count, sizeof field->words[0]);
	if (str_present(near))
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" cannot be \"%.*s\"; did you mean \"%.*s\"?",
			    STR_ARG(field->key), SHOWN(node->text), STR_ARG(near));
	else
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" cannot be \"%.*s\"; use %s", STR_ARG(field->key),
			    SHOWN(node->text), words);
}

static void decode_choice(const struct task *task)
{
	read_choice(task, task->key->value, slot(task));
}

/* ---- lists and maps ---- */

/* Whether the value is of that type and may have as few members as it has; reports if not. */
static bool is_collection(const struct task *task, enum node_type type, const char *expected)
{
	const struct node *node = task->key->value;

	if (node->bad)
		return false;
	if (node->type != type) {
		if (type == NODE_LIST && node->type == NODE_SCALAR && !node_is_null(node) &&
		    task->field->type == FIELD_TEXTS)
			DECODE_FIND(task->decoder, node->at,
				    "\"%.*s\": expected a list of strings, found one string; write [%.*s]",
				    STR_ARG(task->field->key), SHOWN(node->text));
		else
			wrong_type(task, node, expected);
		return false;
	}
	if (node->count == 0 && task->field->flags & FIELD_FULL) {
		DECODE_FIND(task->decoder, node->at, "\"%.*s\" is empty; name at least one, or remove the key",
			    STR_ARG(task->field->key));
		return false;
	}
	return true;
}

static void decode_texts(const struct task *task)
{
	const struct node *list = task->key->value;
	struct texts *texts = slot(task);

	if (!is_collection(task, NODE_LIST, "a list of strings"))
		return;
	struct text *items = allocate(task->decoder, list->count, sizeof *items);
	if (!items)
		return;
	*texts = (struct texts){.items = items, .set = true, .at = task->key->at};
	for (const struct node *item = list->first; item; item = item->next)
		texts->count += read_text(task, item, task->field->form, &items[texts->count]);
}

static void decode_text_map(const struct task *task)
{
	const struct node *map = task->key->value;
	struct text_map *out = slot(task);

	if (node_is_null(map) && task->field->flags & FIELD_NULLABLE)
		return;
	if (!is_collection(task, NODE_MAP, "a map of strings"))
		return;
	struct text_pair *items = allocate(task->decoder, map->count, sizeof *items);
	if (!items)
		return;
	*out = (struct text_map){.items = items, .set = true, .at = task->key->at};
	for (const struct node *key = map->first; key; key = key->next) {
		struct text_pair *pair = &items[out->count];
		bool fine = read_text(task, key, task->field->key_form, &pair->key);
		out->count += read_text(task, key->value, task->field->form, &pair->value) && fine;
	}
}

static void set_list(const struct task *task, void *items, size_t count)
{
	struct decode_list list = {.items = items, .count = (uint32_t)count, .set = true, .at = task->key->at};
	memcpy(slot(task), &list, sizeof list);
}

static void decode_choices(const struct task *task)
{
	const struct node *list = task->key->value;
	uint32_t count = 0;

	if (!is_collection(task, NODE_LIST, "a list of words"))
		return;
	struct choice *items = allocate(task->decoder, list->count, sizeof *items);
	if (!items)
		return;
	for (const struct node *item = list->first; item; item = item->next) {
		read_choice(task, item, &items[count]);
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

/* Of FIELD_UNIQUE: every object's name, which follows its place. */
static void check_unique(const struct task *task, const char *items, size_t count)
{
	const struct text **names = count > 1 ? calloc(count, sizeof *names) : NULL;

	if (!names)
		return;
	for (size_t i = 0; i < count; i++)
		names[i] =
		    (const struct text *)(const void *)(items + i * task->field->object->size + sizeof(struct place));
	qsort(names, count, sizeof *names, by_text);
	for (size_t i = 1; i < count; i++) {
		if (str_present(names[i]->s) && str_eq(names[i]->s, names[i - 1]->s))
			DECODE_FIND(task->decoder, names[i]->at,
				    "\"%.*s\" is there already, on line %u; names are given once", SHOWN(names[i]->s),
				    (unsigned)names[i - 1]->at.line);
	}
	free(names);
}

static void decode_objects(const struct task *task)
{
	const struct schema_field *field = task->field;
	const struct schema_object *object = field->object;
	const struct node *list = task->key->value;
	char expected[120], words[80];
	uint32_t count = 0;

	if (field->word_count > 0 && list->type == NODE_SCALAR && find_word(field, list->text) == 0)
		return;
	if (field->word_count > 0)
		snprintf(expected, sizeof expected, "the word %.*s or a list of objects",
			 STR_ARG(field->words[0].word));
	else
		snprintf(expected, sizeof expected, "a list of objects");
	if (!is_collection(task, NODE_LIST, expected))
		return;
	char *items = allocate(task->decoder, list->count, object->size);
	if (!items)
		return;
	for (const struct node *item = list->first; item; item = item->next) {
		char *base = items + count * object->size;
		if (item->type != NODE_MAP && !item->bad)
			DECODE_FIND(task->decoder, item->at, "\"%.*s\": %s must be a map, found %s",
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

/* An entry's struct begins {struct text key; struct place at; ...}. */
static void decode_object_map(const struct task *task)
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
		bool fine = read_text(task, key, task->field->key_form, &text);
		if (value->type != NODE_MAP && !value->bad)
			DECODE_FIND(task->decoder, value->at, "\"%.*s\": %s must be a map, such as {}, found %s",
				    SHOWN(key->text), object->name, node_describe(value, words, sizeof words));
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

/* How a nested object's struct begins. */
struct nested {
	bool set;
	struct place at;
};

static void decode_nested(const struct task *task)
{
	const struct node *map = task->key->value;

	if (!is_collection(task, NODE_MAP, "a map"))
		return;
	char *base = task->base;
	if (!(task->field->flags & FIELD_INLINE)) {
		base = slot(task);
		struct nested nested = {.set = true, .at = task->key->at};
		memcpy(base, &nested, sizeof nested);
	}
	decode_object(task->decoder, task->field->object, map, base, task->key->at);
}

static void decode_ignored(const struct task *task)
{
	(void)task;
}

typedef void decode_function(const struct task *task);

static decode_function *const decoders[] = {
    [FIELD_TEXT] = decode_text,       [FIELD_TEXTS] = decode_texts,           [FIELD_TEXT_MAP] = decode_text_map,
    [FIELD_FLAG] = decode_flag,       [FIELD_NUMBER] = decode_number,         [FIELD_AMOUNT] = decode_amount,
    [FIELD_CHOICE] = decode_choice,   [FIELD_CHOICES] = decode_choices,       [FIELD_OBJECT] = decode_nested,
    [FIELD_OBJECTS] = decode_objects, [FIELD_OBJECT_MAP] = decode_object_map, [FIELD_IGNORED] = decode_ignored,
};

/* ---- objects ---- */

static void unknown_key(struct decoder *decoder, const struct schema_object *object, const struct node *key)
{
	char keys[320];
	struct str near =
	    docs_suggest(key->text, &object->fields[0].key, object->field_count, sizeof object->fields[0]);

	if (str_present(near))
		DECODE_FIND(decoder, key->at, "unknown key \"%.*s\"; did you mean \"%.*s\"?", SHOWN(key->text),
			    STR_ARG(near));
	else
		DECODE_FIND(decoder, key->at, "unknown key \"%.*s\"; %s has the keys %s", SHOWN(key->text),
			    object->name, join_keys(object, keys, sizeof keys));
}

static const struct schema_field *find_field(const struct schema_object *object, struct str key)
{
	for (size_t i = 0; i < object->field_count; i++) {
		if (str_eq(object->fields[i].key, key))
			return &object->fields[i];
	}
	return NULL;
}

void decode_object(struct decoder *decoder, const struct schema_object *object, const struct node *map, void *base,
		   struct place at)
{
	uint64_t given = 0; /* by position in the table, whose objects have far fewer than 64 keys */

	for (const struct node *key = map->first; key && !decoder->exhausted; key = key->next) {
		const struct schema_field *field = find_field(object, key->text);
		if (field) {
			given |= (uint64_t)1 << (field - object->fields);
			decoders[field->type](&(struct task){decoder, field, key, base});
		} else if (!object->lenient) {
			unknown_key(decoder, object, key);
		}
	}
	for (size_t i = 0; i < object->field_count; i++) {
		if (object->fields[i].flags & FIELD_REQUIRED && !(given >> i & 1))
			DECODE_FIND(decoder, at, "%s needs the key \"%.*s\"", object->name,
				    STR_ARG(object->fields[i].key));
	}
	if (object->check)
		object->check(decoder, base, at);
}

/* A default's words are the table's, so they are right. */
static void set_default(struct decoder *decoder, const struct schema_field *field, char *base, struct place at)
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
		parse_number(words, &((struct number *)to)->value);
		break;
	case FIELD_AMOUNT:
		*(struct amount *)to = (struct amount){.text = words, .at = at};
		quantity_parse(words, &((struct amount *)to)->value);
		break;
	case FIELD_CHOICE:
		*(struct choice *)to = (struct choice){.value = find_word(field, words), .at = at};
		break;
	case FIELD_OBJECTS:
		*(bool *)(base + field->word_offset) = true;
		break;
	default: /* no other type has a default in the table */
		break;
	}
}

void decode_defaults(struct decoder *decoder, const struct schema_object *object, void *base, struct place at)
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
