/* json_schema_fields: prints the rows of the tables, with one function for each type of field. */
#include "gpugate/buf.h"
#include "policy/document/decode_value.h"
#include "policy/document/json_schema.h"

/* The maximum size of a description, in bytes. */
#define DESCRIPTION_BYTES_MAX 16384

/* --- Values --- */

/* Returns a new schema of the object, or a reference if more than one field holds it. */
static json_t *refer_to_object(struct schema_writer *writer, const struct schema_object *object)
{
	char name[SCHEMA_NAME_BYTES];
	if (!schema_is_shared(object))
		return schema_new_object(writer, object);
	schema_definition_name(schema_plain_name(object), name, sizeof name);
	if (!json_object_get(writer->definitions, name))
		schema_put(writer, writer->definitions, name, schema_new_object(writer, object));
	return schema_new_reference(writer, name);
}

static json_t *new_word(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = json_object();
	schema_put(writer, schema, "const", schema_new_text(field->words[0].word));
	return schema;
}

/* Adds that the list or map must not be empty, if the field requires that. */
static json_t *full(struct schema_writer *writer, const struct schema_field *field, json_t *schema, const char *keyword)
{
	if (field->flags & FIELD_FULL)
		schema_put(writer, schema, keyword, json_integer(1));
	return schema;
}

static json_t *new_list(struct schema_writer *writer, const struct schema_field *field, json_t *items)
{
	json_t *schema = schema_new_type(writer, "array");
	schema_put(writer, schema, "items", items);
	return full(writer, field, schema, "minItems");
}

static json_t *new_map(struct schema_writer *writer, const struct schema_field *field, json_t *values)
{
	json_t *schema = schema_new_type(writer, "object");
	schema_put(writer, schema, "propertyNames", schema_refer_to_form(writer, field->key_form));
	schema_put(writer, schema, "additionalProperties", values);
	return full(writer, field, schema, "minProperties");
}

static json_t *text(struct schema_writer *writer, const struct schema_field *field)
{
	return schema_refer_to_form(writer, field->form);
}

static json_t *texts(struct schema_writer *writer, const struct schema_field *field)
{
	return new_list(writer, field, schema_refer_to_form(writer, field->form));
}

static json_t *text_map(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = new_map(writer, field, schema_refer_to_form(writer, field->form));
	if (field->flags & FIELD_NULLABLE) {
		json_t *types = json_array();
		schema_append(writer, types, json_string("object"));
		schema_append(writer, types, json_string("null"));
		schema_put(writer, schema, "type", types);
	}
	return schema;
}

static json_t *flag(struct schema_writer *writer, const struct schema_field *field)
{
	(void)field;
	return schema_new_type(writer, "boolean");
}

static json_t *number(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = schema_new_type(writer, "integer");
	schema_put(writer, schema, "minimum", json_integer(field->min));
	schema_put(writer, schema, "maximum", json_integer(field->max));
	return field->word_count ? schema_new_either(writer, schema, new_word(writer, field)) : schema;
}

static json_t *amount(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = schema_refer_to_quantity(writer, field->flags & FIELD_POSITIVE);
	if (!(field->flags & FIELD_UNLIMITED))
		return schema;
	json_t *word = json_object();
	schema_put(writer, word, "const", json_string("unlimited"));
	return schema_new_either(writer, schema, word);
}

static json_t *choice(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = json_object(), *words = json_array();
	for (size_t i = 0; i < field->word_count; i++)
		schema_append(writer, words, schema_new_text(field->words[i].word));
	schema_put(writer, schema, "enum", words);
	return schema;
}

static json_t *choices(struct schema_writer *writer, const struct schema_field *field)
{
	return new_list(writer, field, choice(writer, field));
}

static json_t *object(struct schema_writer *writer, const struct schema_field *field)
{
	return full(writer, field, refer_to_object(writer, field->object), "minProperties");
}

static json_t *objects(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = new_list(writer, field, refer_to_object(writer, field->object));
	return field->word_count ? schema_new_either(writer, schema, new_word(writer, field)) : schema;
}

static json_t *object_map(struct schema_writer *writer, const struct schema_field *field)
{
	return new_map(writer, field, refer_to_object(writer, field->object));
}

static json_t *ignored(struct schema_writer *writer, const struct schema_field *field)
{
	(void)writer;
	(void)field;
	return json_object();
}

typedef json_t *value_function(struct schema_writer *writer, const struct schema_field *field);

static value_function *const values[] = {
    [FIELD_TEXT] = text,     [FIELD_TEXTS] = texts,     [FIELD_TEXT_MAP] = text_map,     [FIELD_FLAG] = flag,
    [FIELD_NUMBER] = number, [FIELD_AMOUNT] = amount,   [FIELD_CHOICE] = choice,         [FIELD_CHOICES] = choices,
    [FIELD_OBJECT] = object, [FIELD_OBJECTS] = objects, [FIELD_OBJECT_MAP] = object_map, [FIELD_IGNORED] = ignored,
};

/* --- Keys --- */

/* Returns the documentation of the field and of its words, as a new string. */
static json_t *new_description(struct schema_writer *writer, const struct schema_field *field)
{
	struct buf words;
	buf_init(&words, DESCRIPTION_BYTES_MAX);
	buf_text(&words, field->doc);
	for (size_t i = 0; i < field->word_count; i++)
		buf_printf(&words, "\n- `%.*s`: %s", STR_ARG(field->words[i].word), field->words[i].doc);
	json_t *description = words.failed ? NULL : schema_new_text(buf_view(&words));
	buf_release(&words);
	writer->failed = writer->failed || !description;
	return description;
}

/* Returns the default as a new value: a number or a boolean if it is written as one. */
static json_t *new_default(struct schema_writer *writer, const struct schema_field *field)
{
	bool countable = field->type == FIELD_NUMBER || field->type == FIELD_AMOUNT;
	struct str words = str_of(field->fallback);
	int64_t value;

	if (field->type == FIELD_FLAG)
		return json_boolean(str_eq(words, STR("true")));
	if (countable && decode_parse_number(words, &value))
		return json_integer(value);
	if (field->type != FIELD_TEXTS)
		return schema_new_text(words);
	json_t *list = json_array();
	schema_append(writer, list, schema_new_text(words));
	return list;
}

/* Returns a new schema of a key's value; the documentation comes first. */
static json_t *new_field(struct schema_writer *writer, const struct schema_field *field)
{
	json_t *schema = json_object();
	schema_put(writer, schema, "description", new_description(writer, field));
	if (field->fallback)
		schema_put(writer, schema, "default", new_default(writer, field));
	schema_put_all(writer, schema, values[field->type](writer, field));
	return schema;
}

/* Returns a new schema that requires the keys that have this `unless`; absent: always required. */
static json_t *new_required(struct schema_writer *writer, const struct schema_object *object, struct str unless)
{
	json_t *keys = json_array(), *schema = json_object();
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *field = &object->fields[i];
		if (field->flags & FIELD_REQUIRED && str_eq(field->unless, unless))
			schema_append(writer, keys, schema_new_text(field->key));
	}
	if (json_array_size(keys) > 0)
		schema_put(writer, schema, "required", keys);
	else
		json_decref(keys);
	return schema;
}

/* Requires the keys that have an `unless`, or else the key that it names, which is always one. */
static void put_required_unless(struct schema_writer *writer, json_t *schema, const struct schema_object *object)
{
	for (size_t i = 0; i < object->field_count; i++) {
		struct str unless = object->fields[i].unless;
		if (!str_present(unless))
			continue;
		json_t *other = json_object(), *keys = json_array();
		schema_append(writer, keys, schema_new_text(unless));
		schema_put(writer, other, "required", keys);
		schema_put_all(writer, schema, schema_new_either(writer, new_required(writer, object, unless), other));
		return;
	}
}

json_t *schema_new_object(struct schema_writer *writer, const struct schema_object *object)
{
	json_t *schema = json_object(), *properties = json_object();
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *field = &object->fields[i];
		schema_put(writer, properties, field->key.ptr, new_field(writer, field));
	}
	schema_put(writer, schema, "description", json_string(object->doc));
	schema_put(writer, schema, "type", json_string("object"));
	schema_put(writer, schema, "properties", properties);
	schema_put_all(writer, schema, new_required(writer, object, (struct str){0}));
	put_required_unless(writer, schema, object);
	if (!object->lenient)
		schema_put(writer, schema, "additionalProperties", json_false());
	if (object->conditions)
		schema_put_all(writer, schema, json_loads(object->conditions, 0, NULL));
	return schema;
}
