/* json_schema_parts: builds JSON, and the definitions of strings and amounts. */
#include <ctype.h>

#include "policy/document/json_schema.h"

/* Quantities are below 2^63, which a double represents exactly. */
#define QUANTITY_LIMIT 9223372036854775808.0

void schema_put(struct schema_writer *writer, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		writer->failed = true;
}

void schema_append(struct schema_writer *writer, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		writer->failed = true;
}

void schema_put_all(struct schema_writer *writer, json_t *object, json_t *members)
{
	const char *key;
	json_t *value;

	/* json_object_update_missing does not say when it fails. */
	json_object_foreach(members, key, value)
	{
		if (!json_object_get(object, key))
			schema_put(writer, object, key, json_incref(value));
	}
	writer->failed = writer->failed || !members;
	json_decref(members);
}

json_t *schema_new_text(struct str s)
{
	return json_stringn(s.ptr, s.len);
}

json_t *schema_new_type(struct schema_writer *writer, const char *type)
{
	json_t *schema = json_object();
	schema_put(writer, schema, "type", json_string(type));
	return schema;
}

json_t *schema_new_either(struct schema_writer *writer, json_t *one, json_t *other)
{
	json_t *schema = json_object(), *both = json_array();
	schema_append(writer, both, one);
	schema_append(writer, both, other);
	schema_put(writer, schema, "anyOf", both);
	return schema;
}

void schema_definition_name(const char *name, char *out, size_t size)
{
	size_t len = 0;
	for (; name[len] && len + 1 < size; len++)
		out[len] = name[len] == ' ' ? '-' : name[len];
	out[len] = '\0';
}

json_t *schema_new_reference(struct schema_writer *writer, const char *name)
{
	char path[SCHEMA_NAME_BYTES];
	json_t *schema = json_object();
	snprintf(path, sizeof path, "#/$defs/%s", name);
	schema_put(writer, schema, "$ref", json_string(path));
	return schema;
}

static json_t *new_pattern(struct schema_writer *writer, const char *pattern)
{
	json_t *schema = json_object();
	schema_put(writer, schema, "pattern", json_string(pattern));
	return schema;
}

/* Returns a new definition for strings of a form. */
static json_t *new_form(struct schema_writer *writer, const struct schema_form *form)
{
	char words[512];
	snprintf(words, sizeof words, "%c%s.", toupper((unsigned char)form->words[0]), form->words + 1);
	json_t *schema = json_object();
	schema_put(writer, schema, "description", json_string(words));
	schema_put(writer, schema, "type", json_string("string"));
	if (form->max)
		schema_put(writer, schema, "maxLength", json_integer(form->max));
	if (form->pattern)
		schema_put(writer, schema, "pattern", json_string(form->pattern));
	if (form->parts) {
		json_t *all = json_array();
		schema_append(writer, all, new_pattern(writer, form->parts));
		schema_put(writer, schema, "allOf", all);
	}
	return schema;
}

json_t *schema_refer_to_form(struct schema_writer *writer, enum text_form form)
{
	char name[SCHEMA_NAME_BYTES];
	schema_definition_name(schema_forms[form].name, name, sizeof name);
	if (!json_object_get(writer->definitions, name))
		schema_put(writer, writer->definitions, name, new_form(writer, &schema_forms[form]));
	return schema_new_reference(writer, name);
}

json_t *schema_refer_to_quantity(struct schema_writer *writer, bool positive)
{
	const struct schema_form *form = positive ? &schema_positive_quantity : &schema_quantity;
	char name[SCHEMA_NAME_BYTES];
	schema_definition_name(form->name, name, sizeof name);
	if (!json_object_get(writer->definitions, name)) {
		json_t *schema = new_form(writer, form), *types = json_array();
		schema_append(writer, types, json_string("number"));
		schema_append(writer, types, json_string("string"));
		schema_put(writer, schema, "type", types);
		schema_put(writer, schema, positive ? "exclusiveMinimum" : "minimum", json_integer(0));
		schema_put(writer, schema, "maximum", json_real(QUANTITY_LIMIT));
		schema_put(writer, writer->definitions, name, schema);
	}
	return schema_new_reference(writer, name);
}
