/*
 * policy: prints docs/policy.md. What a key is comes from the parser's own table
 * (policy/document/schema_*.c), the built-in tables from the catalog; what a kind is for, and its
 * example, from the texts beside this file.
 */
#include <ctype.h>
#include <stdio.h>

#include "policy/document/schema.h"
#include "policy/model/catalog.h"
#include "tests/reference/page.h"

#define COLUMNS 100
#define PATH_BYTES 256
#define SHARED_MAX 32

/* Objects that more than one field of the table holds. They are explained once, and linked. */
struct shared {
	const struct schema_object *objects[SHARED_MAX];
	size_t count;
};

/* ---- what a value looks like ---- */

static void describe_type(const struct schema_field *field, char *out, size_t size)
{
	const char *word = field->word_count == 1 ? field->words[0].word.ptr : "";
	switch (field->type) {
	case FIELD_TEXT:
		snprintf(out, size, "%s", schema_forms[field->form].name);
		return;
	case FIELD_TEXTS:
		snprintf(out, size, "list of %s", schema_forms[field->form].plural);
		return;
	case FIELD_TEXT_MAP:
		snprintf(out, size, "map of %s to %s", schema_forms[field->key_form].plural,
			 schema_forms[field->form].plural);
		return;
	case FIELD_FLAG:
		snprintf(out, size, "`true` or `false`");
		return;
	case FIELD_NUMBER:
		snprintf(out, size, "whole number, %lld to %lld%s%s%s", (long long)field->min, (long long)field->max,
			 *word ? ", or `" : "", word, *word ? "`" : "");
		return;
	case FIELD_AMOUNT:
		snprintf(out, size, "quantity%s%s", field->flags & FIELD_POSITIVE ? " above 0" : "",
			 field->flags & FIELD_UNLIMITED ? ", or `unlimited`" : "");
		return;
	case FIELD_CHOICE:
		snprintf(out, size, "one of the words below");
		return;
	case FIELD_CHOICES:
		snprintf(out, size, "list of the words below");
		return;
	case FIELD_OBJECT:
		snprintf(out, size, "map");
		return;
	case FIELD_OBJECTS:
		snprintf(out, size, "%s%s%slist of maps", *word ? "`" : "", word, *word ? "`, or " : "");
		return;
	case FIELD_OBJECT_MAP:
		snprintf(out, size, "map of %s to maps", schema_forms[field->key_form].plural);
		return;
	case FIELD_IGNORED:
		snprintf(out, size, field->flags & FIELD_REQUIRED ? "fixed" : "anything");
		return;
	}
}

/* "list of names, not empty; required" */
static void describe(const struct schema_field *field, char *out, size_t size)
{
	char type[128];
	describe_type(field, type, sizeof type);
	char unless[64] = "";
	if (str_present(field->unless))
		snprintf(unless, sizeof unless, " without `%.*s`", STR_ARG(field->unless));
	snprintf(out, size, "%s%s%s%s%s%s%s%s%s", type, field->flags & FIELD_FULL ? ", not empty" : "",
		 field->flags & FIELD_UNIQUE ? ", each name once" : "",
		 field->flags & FIELD_NULLABLE ? ", may be null" : "",
		 field->flags & FIELD_REQUIRED ? "; **required**" : "", unless, field->fallback ? "; default `" : "",
		 field->fallback ? field->fallback : "", field->fallback ? "`" : "");
}

/* ---- keys ---- */

/* Adds the shared objects at or below `object`, in the order in which they are met. */
static void add_shared(struct shared *shared, const struct schema_object *object)
{
	size_t i = 0;
	while (i < shared->count && shared->objects[i] != object)
		i++;
	if (i == shared->count && schema_is_shared(object)) {
		if (i == SHARED_MAX)
			fail("is one object too many", object->name);
		shared->objects[shared->count++] = object;
	}
	for (size_t k = 0; k < object->field_count; k++)
		if (object->fields[k].object)
			add_shared(shared, object->fields[k].object);
}

static void print_anchor(const char *heading, char *out, size_t size)
{
	size_t len = 0;
	for (; heading[len] && len + 1 < size; len++)
		out[len] = heading[len] == ' ' ? '-' : (char)tolower((unsigned char)heading[len]);
	out[len] = '\0';
}

static void print_fields(const struct schema_object *object, const char *path);

static void print_field(const struct schema_field *field, const char *before)
{
	static const char *const below[] = {[FIELD_OBJECTS] = "[]", [FIELD_OBJECT_MAP] = ".*"};
	char type[256], path[PATH_BYTES], link[PATH_BYTES + 64] = "";
	describe(field, type, sizeof type);
	snprintf(path, sizeof path, "%s%s%.*s", before, *before ? "." : "", STR_ARG(field->key));
	bool linked = field->object && schema_is_shared(field->object);
	if (linked) {
		char anchor[PATH_BYTES];
		print_anchor(schema_plain_name(field->object), anchor, sizeof anchor);
		snprintf(link, sizeof link, " Its keys: [%s](#%s).", schema_plain_name(field->object), anchor);
	}
	print_item(COLUMNS, 0, "**`%s`** (%s): %s%s", path, type, field->doc, link);
	for (size_t i = 0; i < field->word_count; i++)
		print_item(COLUMNS, 1, "`%.*s`: %s", STR_ARG(field->words[i].word), field->words[i].doc);
	if (!field->object || linked)
		return;
	bool many = field->type == FIELD_OBJECTS || field->type == FIELD_OBJECT_MAP;
	snprintf(path + strlen(path), sizeof path - strlen(path), "%s", many ? below[field->type] : "");
	print_fields(field->object, path);
}

static void print_fields(const struct schema_object *object, const char *path)
{
	for (size_t i = 0; i < object->field_count; i++)
		print_field(&object->fields[i], path);
}

static const struct schema_field *find_field(const struct schema_object *object, const char *key)
{
	for (size_t i = 0; i < object->field_count; i++)
		if (str_eq(object->fields[i].key, str_of(key)))
			return &object->fields[i];
	return NULL;
}

/* ---- sections ---- */

/* What stands before `spec`, which is the same in every kind of gpugate's own. */
static void print_header(const char *folder)
{
	print_text(folder, "document");
	const struct schema_object *object = schema_kinds[0].object;
	for (size_t i = 0; i < object->field_count; i++)
		if (!str_eq(object->fields[i].key, STR("spec")))
			print_field(&object->fields[i], "");
	putchar('\n');
}

/* The lists whose items must differ in their names, which a JSON Schema cannot say. */
static void print_unique(const struct schema_object *object, const char *kind, const char *before)
{
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *field = &object->fields[i];
		char path[PATH_BYTES];
		snprintf(path, sizeof path, "%s%s%.*s", before, *before ? "." : "", STR_ARG(field->key));
		if (field->flags & FIELD_UNIQUE)
			print_item(COLUMNS, 0, "No two items of `%s` of %s have the same name.", path, kind);
		if (field->object)
			print_unique(field->object, kind, path);
	}
}

static void print_kind(const struct schema_kind *kind, const char *folder)
{
	char name[64];
	print_anchor(kind->kind.ptr, name, sizeof name);
	print_text(folder, name);
	printf("### Keys of %s\n\n", kind->object->name);
	const struct schema_field *spec = find_field(kind->object, "spec");
	if (spec)
		print_fields(spec->object, "spec");
	else
		print_fields(kind->object, "");
	putchar('\n');
}

static void print_shared(void)
{
	struct shared shared = {.count = 0};
	for (size_t i = 0; i < KINDS; i++)
		add_shared(&shared, schema_kinds[i].object);
	for (size_t i = 0; i < shared.count; i++) {
		const char *name = schema_plain_name(shared.objects[i]);
		printf("## %c%s\n\n%s\n\n", toupper((unsigned char)name[0]), name + 1, shared.objects[i]->doc);
		print_fields(shared.objects[i], "");
		putchar('\n');
	}
}

static void print_forms(const char *folder)
{
	print_text(folder, "values");
	for (size_t i = 0; i < FORMS; i++) {
		char again[64]; /* "a name: lower-case letters": the name was just said */
		int len = snprintf(again, sizeof again, "a %s", schema_forms[i].name);
		const char *words = schema_forms[i].words;
		if (strncmp(words, again, (size_t)len) == 0)
			words += len + strspn(words + len, ": ");
		print_item(COLUMNS, 0, "**%s**: %s.", schema_forms[i].name, words);
	}
	putchar('\n');
}

/* ---- the built-in tables ---- */

static unsigned gcd(unsigned a, unsigned b)
{
	return b ? gcd(b, a % b) : a;
}

static void print_profile(const struct catalog_model *model, const struct catalog_profile *profile)
{
	char resource[CATALOG_MIG_NAME_MAX];
	size_t len = catalog_mig_resource(profile->name, resource);
	unsigned part = profile->compute, of = model->compute_total;
	if (profile->memory * of > part * model->memory_total) {
		part = profile->memory;
		of = model->memory_total;
	}
	unsigned common = gcd(part, of);
	if (common == 0)
		fail("is a model without slices", model->name.ptr);
	char share[32];
	snprintf(share, sizeof share, of == common ? "%u" : "%u/%u", part / common, of / common);
	bool special = str_has_char(profile->name, '+') || str_ends(profile->name, STR("-me"));
	char memory[16] = "none";
	if (profile->gib)
		snprintf(memory, sizeof memory, "%uGi", profile->gib);
	printf("| `%.*s` | `%.*s` | %u | %u | %s | %s | %s |\n", STR_ARG(profile->name), (int)len, resource,
	       profile->compute, profile->memory, memory, share, special ? "no" : "yes");
}

static void print_models(const char *folder)
{
	size_t count;
	const struct catalog_model *models = catalog_models(&count);
	print_text(folder, "tables");
	for (size_t m = 0; m < count; m++) {
		printf("#### %.*s\n\n", STR_ARG(models[m].name));
		if (models[m].gib)
			printf("%uGi; ", models[m].gib);
		else
			printf("No memory of its own; ");
		printf("%u compute slices, %u memory slices.\n\n", models[m].compute_total, models[m].memory_total);
		puts("| Profile | Resource name | Compute | Memory slices | Memory | GPUs | By default, and by memory "
		     "|");
		puts("|---|---|---|---|---|---|---|");
		for (size_t p = 0; p < models[m].profile_count; p++)
			print_profile(&models[m], &models[m].profiles[p]);
		putchar('\n');
	}
}

static void print_resources(const char *folder)
{
	size_t count;
	const struct catalog_resource *rows = catalog_resources(&count);
	print_text(folder, "resources");
	puts("| Resource name | Is |\n|---|---|");
	for (size_t i = 0; i < count; i++)
		printf("| `%.*s` | %s |\n", STR_ARG(rows[i].pattern), role_words(rows[i].role));
	putchar('\n');
}

static void print_variables(const char *folder)
{
	size_t count;
	const struct catalog_variable *rows = catalog_variables(&count);
	print_text(folder, "variables");
	puts("| Variable | Of the vendor of | Added |\n|---|---|---|");
	for (size_t i = 0; i < count; i++)
		printf("| `%.*s` | `%.*s` | %s |\n", STR_ARG(rows[i].name), STR_ARG(rows[i].prefix),
		       rows[i].takes_void ? "yes" : "no");
	putchar('\n');
}

static void print_list(const char *folder, const char *name, const struct str *rows, size_t count)
{
	print_text(folder, name);
	for (size_t i = 0; i < count; i++)
		printf("- `%.*s`\n", STR_ARG(rows[i]));
}

static void print_ways(const char *folder)
{
	size_t count;
	const struct str *rows = catalog_device_paths(&count);
	print_list(folder, "paths", rows, count);
	rows = catalog_device_annotations(&count);
	print_list(folder, "annotations", rows, count);
	rows = catalog_fraction_annotations(&count);
	print_list(folder, "fractions", rows, count);
}

void print_policy(const char *folder)
{
	print_text(folder, "intro");
	for (size_t i = 0; i < KINDS; i++)
		print_unique(schema_kinds[i].object, schema_kinds[i].object->name, "");
	putchar('\n');
	print_header(folder);
	for (size_t i = 0; i < KINDS; i++)
		print_kind(&schema_kinds[i], folder);
	print_shared();
	print_forms(folder);
	print_text(folder, "checks");
	print_models(folder);
	print_resources(folder);
	print_variables(folder);
	print_ways(folder);
}
