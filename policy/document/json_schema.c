/*
 * json_schema: prints the tables of the schema as JSON Schema, draft 2020-12. See gpugate/schema.h.
 *
 * It uses only keywords that editors, and validators in any language, support. An editor can point
 * out the wrong key only if it knows which kind was meant. That is why the schema for all kinds is
 * a chain of `if` and `then`, not a `oneOf`.
 */
#include "gpugate/schema.h"

#include <ctype.h>

#include "gpugate/suggest.h"
#include "policy/document/json_schema.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define ID_PREFIX "https://gpugate.io/schema/v1/"

/* Replaces a key's schema from the table with the only value that the key has in a kind. */
static void put_constant(struct schema_writer *writer, json_t *schema, const char *key, struct str value)
{
	json_t *property = json_object_get(json_object_get(schema, "properties"), key);
	schema_put(writer, property, "const", schema_new_text(value));
}

static json_t *new_kind(struct schema_writer *writer, const struct schema_kind *kind)
{
	json_t *schema = schema_new_object(writer, kind->object);
	put_constant(writer, schema, "apiVersion", kind->api_version);
	put_constant(writer, schema, "kind", kind->kind);
	return schema;
}

/* Returns a new schema that matches any object of this kind. */
static json_t *new_if_kind(struct schema_writer *writer, const struct schema_kind *kind)
{
	json_t *schema = json_object(), *properties = json_object(), *required = json_array(),
	       *constant = json_object();
	schema_put(writer, constant, "const", schema_new_text(kind->kind));
	schema_put(writer, properties, "kind", constant);
	schema_put(writer, schema, "properties", properties);
	schema_append(writer, required, json_string("kind"));
	schema_put(writer, schema, "required", required);
	return schema;
}

/* Appends a word to an enum, unless it is already the last one. */
static void append_word(struct schema_writer *writer, json_t *words, struct str word)
{
	const json_t *last = json_array_get(words, json_array_size(words) - 1);
	if (!last || !str_eq(str_of(json_string_value(last)), word))
		schema_append(writer, words, schema_new_text(word));
}

/* Returns, as a new string, a list that says what each kind is for. */
static json_t *new_kinds_text(void)
{
	struct buf words;
	buf_init(&words, SCHEMA_BYTES_MAX);
	buf_text(&words, "What the document is.");
	for (size_t i = 0; i < KINDS; i++)
		buf_printf(&words, "\n- `%s`: %s", schema_kinds[i].kind.ptr, schema_kinds[i].object->doc);
	json_t *text = words.failed ? NULL : schema_new_text(buf_view(&words));
	buf_release(&words);
	return text;
}

/* Returns a new schema for documents of any kind. */
static json_t *new_any_kind(struct schema_writer *writer)
{
	static const char versions_text[] = "gpugate.io/v1, but v1 for a Namespace.";
	static const char *const keys[] = {"apiVersion", "kind"};
	json_t *schema = schema_new_type(writer, "object"), *properties = json_object(), *required = json_array();
	json_t *words[] = {json_array(), json_array()}, *choice_of = json_array();
	for (size_t i = 0; i < KINDS; i++) {
		const struct schema_kind *kind = &schema_kinds[i];
		append_word(writer, words[0], kind->api_version);
		append_word(writer, words[1], kind->kind);
		json_t *branch = json_object();
		schema_put(writer, branch, "if", new_if_kind(writer, kind));
		schema_put(writer, branch, "then", schema_new_reference(writer, kind->kind.ptr));
		schema_append(writer, choice_of, branch);
		schema_put(writer, writer->definitions, kind->kind.ptr, new_kind(writer, kind));
	}
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_t *property = json_object();
		schema_put(writer, property, "description", i ? new_kinds_text() : json_string(versions_text));
		schema_put(writer, property, "enum", words[i]);
		schema_put(writer, properties, keys[i], property);
		schema_append(writer, required, json_string(keys[i]));
	}
	schema_put(writer, schema, "properties", properties);
	schema_put(writer, schema, "required", required);
	schema_put(writer, schema, "allOf", choice_of);
	return schema;
}

/* --- Printing --- */

/* Writes "https://gpugate.io/schema/v1/tenant.json", for example. This is only an identifier. */
static void identify(const char *name, char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, ID_PREFIX "%s.json", name);
	for (size_t i = sizeof ID_PREFIX - 1; i < len; i++)
		out[i] = (char)tolower((unsigned char)out[i]);
}

/* Returns a new schema for a kind, or for any kind if `kind` is NULL. */
static json_t *new_schema(struct schema_writer *writer, const struct schema_kind *kind)
{
	char id[SCHEMA_NAME_BYTES], title[SCHEMA_NAME_BYTES];
	json_t *schema = json_object();
	writer->definitions = json_object();
	identify(kind ? kind->kind.ptr : "policy", id, sizeof id);
	snprintf(title, sizeof title, "%s of gpugate", kind ? kind->kind.ptr : "A policy document");
	schema_put(writer, schema, "$schema", json_string(DIALECT));
	schema_put(writer, schema, "$id", json_string(id));
	schema_put(writer, schema, "title", json_string(title));
	schema_put_all(writer, schema, kind ? new_kind(writer, kind) : new_any_kind(writer));
	schema_put(writer, schema, "$defs", writer->definitions);
	return schema;
}

static int add_bytes(const char *bytes, size_t size, void *out)
{
	buf_add(out, bytes, size);
	return 0;
}

static const struct schema_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (str_eq(schema_kinds[i].kind, str_of(name)))
			return &schema_kinds[i];
	}
	return NULL;
}

static int unknown_kind(const char *name, struct error *err)
{
	char kinds[SCHEMA_NAME_BYTES] = "";
	struct str near = suggest_word(str_of(name), &schema_kinds[0].kind, KINDS, sizeof schema_kinds[0]);
	if (str_present(near))
		return error_set(err, "there is no kind \"%s\"; did you mean \"%.*s\"?", name, STR_ARG(near));
	for (size_t i = 0, len = 0; i < KINDS && len < sizeof kinds; i++)
		len += (size_t)snprintf(kinds + len, sizeof kinds - len, "%s%s",
					i == 0           ? ""
					: i + 1 == KINDS ? " and "
							 : ", ",
					schema_kinds[i].kind.ptr);
	return error_set(err, "there is no kind \"%s\"; the kinds are %s", name, kinds);
}

int schema_print(const char *name, struct buf *out, struct error *err)
{
	struct schema_writer writer = {.failed = false};
	const struct schema_kind *kind = name ? find_kind(name) : NULL;
	if (name && !kind)
		return unknown_kind(name, err);
	json_t *schema = new_schema(&writer, kind);
	bool printed = !writer.failed && json_dump_callback(schema, add_bytes, out, JSON_INDENT(2)) == 0;
	json_decref(schema);
	buf_char(out, '\n');
	return printed && !out->failed ? 0 : error_set(err, "no memory is left to print the schema");
}
