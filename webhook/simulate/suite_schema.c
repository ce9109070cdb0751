#include "webhook/simulate/suite_schema.h"

#include "webhook/simulate/suite_strays.h"

static json_t *new_object(struct schema_writer *writer, const struct shape *shape);

/* --- Values, by the function that reads them --- */

static json_t *text(struct schema_writer *writer, const struct field *field)
{
	(void)field;
	return schema_new_type(writer, "string");
}

static json_t *flag(struct schema_writer *writer, const struct field *field)
{
	(void)field;
	return schema_new_type(writer, "boolean");
}

static json_t *whole(struct schema_writer *writer, const struct field *field)
{
	json_t *schema = schema_new_type(writer, "integer");
	schema_put(writer, schema, "minimum", json_integer(field->schema->least));
	schema_put(writer, schema, "maximum", json_integer(field->schema->most));
	return schema;
}

/* Its type is among the conditions of the row. */
static json_t *anything(struct schema_writer *writer, const struct field *field)
{
	(void)writer, (void)field;
	return json_object();
}

static json_t *object(struct schema_writer *writer, const struct field *field)
{
	return new_object(writer, field->shape);
}

static json_t *new_list(struct schema_writer *writer, json_t *items)
{
	json_t *schema = schema_new_type(writer, "array");
	schema_put(writer, schema, "items", items);
	return schema;
}

static json_t *list(struct schema_writer *writer, const struct field *field)
{
	return new_list(writer, new_object(writer, field->shape));
}

static json_t *texts(struct schema_writer *writer, const struct field *field)
{
	(void)field;
	return new_list(writer, schema_new_type(writer, "string"));
}

static json_t *new_map(struct schema_writer *writer, json_t *values)
{
	json_t *schema = schema_new_type(writer, "object");
	schema_put(writer, schema, "additionalProperties", values);
	return schema;
}

static json_t *labels(struct schema_writer *writer, const struct field *field)
{
	(void)field;
	return new_map(writer, schema_new_type(writer, "string"));
}

static json_t *amounts(struct schema_writer *writer, const struct field *field)
{
	(void)field;
	return new_map(writer, schema_refer_to_quantity(writer, false));
}

static const struct {
	int (*read)(struct reader *, const struct field *, void *);
	json_t *(*print)(struct schema_writer *, const struct field *);
} values[] = {
    {field_string, text},   {field_bool, flag},     {field_whole, whole},
    {field_json, anything}, {field_object, object}, {field_list, list},
    {field_strings, texts}, {field_pairs, labels},  {field_quantities, amounts},
};

static json_t *new_value(struct schema_writer *writer, const struct field *field)
{
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (values[i].read == field->read)
			return values[i].print(writer, field);
	return NULL; /* A test of all keys fails then. */
}

/* --- Keys that are one level too deep --- */

/* Returns a new schema of the keys of an object in a value with any keys. "": of the value. */
static json_t *new_names(struct schema_writer *writer, const struct suite_stray *stray, const char *within)
{
	json_t *schema = json_object(), *not_these = json_object(), *names = json_array();
	for (uint32_t i = 0; i < stray->shape->count; i++)
		if (suite_is_stray(stray, within, str_of(stray->shape->fields[i].key)))
			schema_append(writer, names, json_string(stray->shape->fields[i].key));
	schema_put(writer, not_these, "enum", names);
	schema_put(writer, schema, "not", not_these);
	return schema;
}

static void put_strays(struct schema_writer *writer, json_t *schema, const struct field *field)
{
	for (const struct suite_stray *stray = suite_strays; stray < suite_strays + STRAYS; stray++) {
		json_t *within = json_object();
		const struct field *rows = stray->shape->fields;
		bool here = field >= rows && field < rows + stray->shape->count && strcmp(field->key, stray->key) == 0;
		for (size_t i = 0; here && stray->within[i]; i++) {
			json_t *inner = json_object();
			schema_put(writer, inner, "description",
				   json_sprintf("The `%s` of the object.", stray->within[i]));
			schema_put(writer, inner, "propertyNames", new_names(writer, stray, stray->within[i]));
			schema_put(writer, within, stray->within[i], inner);
		}
		if (here)
			schema_put(writer, schema, "propertyNames", new_names(writer, stray, ""));
		if (json_object_size(within))
			schema_put(writer, schema, "properties", within);
		else
			json_decref(within);
	}
}

/* --- Objects --- */

/* Returns a new schema of a key's value; the documentation comes first. */
static json_t *new_field(struct schema_writer *writer, const struct field *field)
{
	json_t *schema = json_object();
	schema_put(writer, schema, "description", json_string(field->schema->doc));
	schema_put_all(writer, schema, new_value(writer, field));
	if (field->schema->conditions)
		schema_put_all(writer, schema, json_loads(field->schema->conditions, 0, NULL));
	put_strays(writer, schema, field);
	return schema;
}

static json_t *new_object(struct schema_writer *writer, const struct shape *shape)
{
	json_t *schema = schema_new_type(writer, "object"), *properties = json_object(), *required = json_array();
	for (uint32_t i = 0; i < shape->count; i++) {
		schema_put(writer, properties, shape->fields[i].key, new_field(writer, &shape->fields[i]));
		if (shape->fields[i].schema->required)
			schema_append(writer, required, json_string(shape->fields[i].key));
	}
	schema_put(writer, schema, "properties", properties);
	schema_put(writer, schema, "required", required);
	schema_put(writer, schema, "additionalProperties", json_false());
	if (!shape->text)
		return schema;
	/* A text, or an object that says something of it. */
	schema_put(writer, schema, "minProperties", json_integer(1));
	return schema_new_either(writer, schema_new_type(writer, "string"), schema);
}

/* --- Steps --- */

static json_t *new_required(struct schema_writer *writer, const char *key)
{
	json_t *schema = json_object(), *keys = json_array();
	schema_append(writer, keys, json_string(key));
	schema_put(writer, schema, "required", keys);
	return schema;
}

/* Returns new schemas for the keys that mean nothing in a step that does this. */
static json_t *new_properties(struct schema_writer *writer, const struct suite_verb *verb)
{
	json_t *properties = json_object();
	if (!verb->creates) {
		schema_put(writer, properties, "dryRun", json_loads("{\"const\": false}", 0, NULL));
		schema_put(writer, properties, "stored", json_false());
		schema_put(writer, properties, "expect",
			   json_loads("{\"propertyNames\": {\"const\": \"usage\"}}", 0, NULL));
	}
	if (!verb->owns) {
		schema_put(writer, properties, "namespace", json_false());
		schema_put(writer, properties, "as", json_false());
	}
	if (verb == &suite_verbs[STEP_WAIT])
		schema_put(writer, properties, "at", json_false());
	return properties;
}

static const char dry_run_stores_nothing[] = "{\"if\": {\"properties\": {\"dryRun\": {\"const\": true}}, "
					     "\"required\": [\"dryRun\"]}, "
					     "\"then\": {\"properties\": {\"stored\": false}}}";

/* Adds that a step does one thing, and has only keys that go with it. */
static void put_verbs(struct schema_writer *writer, json_t *step)
{
	json_t *one_of = json_array(), *all_of = json_array();
	for (int i = 0; i < STEP_VERBS; i++) {
		json_t *branch = json_object(), *then = json_object();
		schema_append(writer, one_of, new_required(writer, suite_verbs[i].name));
		schema_put(writer, then, "properties", new_properties(writer, &suite_verbs[i]));
		schema_put(writer, branch, "if", new_required(writer, suite_verbs[i].name));
		schema_put(writer, branch, "then", then);
		schema_append(writer, all_of, branch);
	}
	schema_append(writer, all_of, json_loads(dry_run_stores_nothing, 0, NULL));
	schema_put(writer, step, "oneOf", one_of);
	schema_put(writer, step, "allOf", all_of);
}

static json_t *property(json_t *schema, const char *key)
{
	return json_object_get(json_object_get(schema, "properties"), key);
}

static json_t *new_suite(struct schema_writer *writer)
{
	json_t *schema = json_object(), *document = new_object(writer, &suite_shape);
	schema_put(writer, schema, "description", json_string(suite_schema.doc));
	put_verbs(writer, json_object_get(property(property(document, "spec"), "steps"), "items"));
	schema_put_all(writer, schema, document);
	return schema;
}

const struct schema_source suite_schema = {
    .kind = {"TestSuite", sizeof "TestSuite" - 1},
    .api_version = {"gpugate.io/v1", sizeof "gpugate.io/v1" - 1},
    .doc = "Tests of a policy, which `gpugate test` runs.",
    .print = new_suite,
};
