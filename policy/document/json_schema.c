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

/* Kinds of policy documents, in the order of schema_kinds, and then the other one, if any. */
struct kinds {
	struct schema_source items[KINDS + 1];
	size_t count;
};

static struct kinds all_kinds(const struct schema_source *other)
{
	struct kinds kinds = {.count = KINDS};
	for (size_t i = 0; i < KINDS; i++)
		kinds.items[i] = (struct schema_source){schema_kinds[i].kind, schema_kinds[i].api_version,
							schema_kinds[i].object->doc, NULL};
	if (other)
		kinds.items[kinds.count++] = *other;
	return kinds;
}

static json_t *new_kind(struct schema_writer *writer, const struct kinds *kinds, size_t index)
{
	const struct schema_source *kind = &kinds->items[index];
	json_t *schema = index < KINDS ? schema_new_object(writer, schema_kinds[index].object) : kind->print(writer);
	put_constant(writer, schema, "apiVersion", kind->api_version);
	put_constant(writer, schema, "kind", kind->kind);
	return schema;
}

/* Returns a new schema that matches any object of this kind. */
static json_t *new_if_kind(struct schema_writer *writer, struct str kind)
{
	json_t *schema = json_object(), *properties = json_object(), *required = json_array(),
	       *constant = json_object();
	schema_put(writer, constant, "const", schema_new_text(kind));
	schema_put(writer, properties, "kind", constant);
	schema_put(writer, schema, "properties", properties);
	schema_append(writer, required, json_string("kind"));
	schema_put(writer, schema, "required", required);
	return schema;
}

/* Appends a word to an enum, unless it is there already. */
static void append_word(struct schema_writer *writer, json_t *words, struct str word)
{
	for (size_t i = 0; i < json_array_size(words); i++)
		if (str_eq(str_of(json_string_value(json_array_get(words, i))), word))
			return;
	schema_append(writer, words, schema_new_text(word));
}

/* Returns, as a new string, a list that says what each kind is for. */
static json_t *new_kinds_text(const struct kinds *kinds)
{
	struct buf words;
	buf_init(&words, SCHEMA_BYTES_MAX);
	buf_text(&words, "What the document is.");
	for (size_t i = 0; i < kinds->count; i++)
		buf_printf(&words, "\n- `%s`: %s", kinds->items[i].kind.ptr, kinds->items[i].doc);
	json_t *text = words.failed ? NULL : schema_new_text(buf_view(&words));
	buf_release(&words);
	return text;
}

/* Returns a new schema for documents of any kind. */
static json_t *new_any_kind(struct schema_writer *writer, const struct kinds *kinds)
{
	static const char versions_text[] = "gpugate.io/v1, but v1 for a Namespace.";
	static const char *const keys[] = {"apiVersion", "kind"};
	json_t *schema = schema_new_type(writer, "object"), *properties = json_object(), *required = json_array();
	json_t *words[] = {json_array(), json_array()}, *choice_of = json_array();
	for (size_t i = 0; i < kinds->count; i++) {
		const struct schema_source *kind = &kinds->items[i];
		append_word(writer, words[0], kind->api_version);
		append_word(writer, words[1], kind->kind);
		json_t *branch = json_object();
		schema_put(writer, branch, "if", new_if_kind(writer, kind->kind));
		schema_put(writer, branch, "then", schema_new_reference(writer, kind->kind.ptr));
		schema_append(writer, choice_of, branch);
		schema_put(writer, writer->definitions, kind->kind.ptr, new_kind(writer, kinds, i));
	}
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_t *property = json_object();
		schema_put(writer, property, "description", i ? new_kinds_text(kinds) : json_string(versions_text));
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

/* Returns a new schema for the kind at `index`, or for any kind if there is none there. */
static json_t *new_schema(struct schema_writer *writer, const struct kinds *kinds, size_t index)
{
	char id[SCHEMA_NAME_BYTES], title[SCHEMA_NAME_BYTES];
	json_t *schema = json_object();
	const struct schema_source *kind = index < kinds->count ? &kinds->items[index] : NULL;
	writer->definitions = json_object();
	identify(kind ? kind->kind.ptr : "policy", id, sizeof id);
	snprintf(title, sizeof title, "%s of gpugate", kind ? kind->kind.ptr : "A document");
	schema_put(writer, schema, "$schema", json_string(DIALECT));
	schema_put(writer, schema, "$id", json_string(id));
	schema_put(writer, schema, "title", json_string(title));
	schema_put_all(writer, schema, kind ? new_kind(writer, kinds, index) : new_any_kind(writer, kinds));
	schema_put(writer, schema, "$defs", writer->definitions);
	return schema;
}

static int add_bytes(const char *bytes, size_t size, void *out)
{
	buf_add(out, bytes, size);
	return 0;
}

/* Returns the number of kinds if there is none of this name. */
static size_t find_kind(const struct kinds *kinds, const char *name)
{
	size_t i = 0;
	while (i < kinds->count && !str_eq(kinds->items[i].kind, str_of(name)))
		i++;
	return i;
}

static int unknown_kind(const struct kinds *kinds, const char *name, struct error *err)
{
	char names[SCHEMA_NAME_BYTES] = "";
	struct str near = suggest_word(str_of(name), &kinds->items[0].kind, kinds->count, sizeof kinds->items[0]);
	if (str_present(near))
		return error_set(err, "there is no kind \"%s\"; did you mean \"%.*s\"?", name, STR_ARG(near));
	for (size_t i = 0, len = 0; i < kinds->count && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
					i == 0                  ? ""
					: i + 1 == kinds->count ? " and "
								: ", ",
					kinds->items[i].kind.ptr);
	return error_set(err, "there is no kind \"%s\"; the kinds are %s", name, names);
}

int schema_print(const char *name, const struct schema_source *other, struct buf *out, struct error *err)
{
	struct schema_writer writer = {.failed = false};
	const struct kinds kinds = all_kinds(other);
	size_t index = name ? find_kind(&kinds, name) : kinds.count;
	if (name && index == kinds.count)
		return unknown_kind(&kinds, name, err);
	json_t *schema = new_schema(&writer, &kinds, index);
	bool printed = !writer.failed && json_dump_callback(schema, add_bytes, out, JSON_INDENT(2)) == 0;
	json_decref(schema);
	buf_char(out, '\n');
	return printed && !out->failed ? 0 : error_set(err, "no memory is left to print the schema");
}
