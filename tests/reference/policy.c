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

/* Objects, and how many fields of the table hold one. What more than one field holds is explained once, and linked. */
struct uses {
	const struct schema_object *objects[SHARED_MAX];
	unsigned counts[SHARED_MAX];
	size_t count;
};

/* ---- what a value looks like ---- */

static const struct {
	const char *one, *many;
} forms[] = {
    [FORM_NAME] = {"name", "names"},
    [FORM_LABEL_KEY] = {"qualified name", "qualified names"},
    [FORM_LABEL_VALUE] = {"label value", "label values"},
    [FORM_ANNOTATION_VALUE] = {"annotation value", "annotation values"},
    [FORM_RESOURCE_GLOB] = {"resource pattern", "resource patterns"},
    [FORM_NAMESPACE_GLOB] = {"namespace pattern", "namespace patterns"},
    [FORM_USER_GLOB] = {"user pattern", "user patterns"},
    [FORM_MEMORY_SOURCE] = {"memory source", "memory sources"},
    [FORM_PROFILE] = {"profile name", "profile names"},
    [FORM_HOST_PATH] = {"host path", "host paths"},
};
#define FORMS (sizeof forms / sizeof forms[0])

static void describe_type(const struct schema_field *field, char *out, size_t size)
{
	const char *word = field->word_count == 1 ? field->words[0].word.ptr : "";
	switch (field->type) {
	case FIELD_TEXT:
		snprintf(out, size, "%s", forms[field->form].one);
		return;
	case FIELD_TEXTS:
		snprintf(out, size, "list of %s", forms[field->form].many);
		return;
	case FIELD_TEXT_MAP:
		snprintf(out, size, "map of %s to %s", forms[field->key_form].many, forms[field->form].many);
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
		snprintf(out, size, "map of %s to maps", forms[field->key_form].many);
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
	snprintf(out, size, "%s%s%s%s%s%s%s%s", type, field->flags & FIELD_FULL ? ", not empty" : "",
		 field->flags & FIELD_UNIQUE ? ", each name once" : "",
		 field->flags & FIELD_NULLABLE ? ", may be null" : "",
		 field->flags & FIELD_REQUIRED ? "; **required**" : "", field->fallback ? "; default `" : "",
		 field->fallback ? field->fallback : "", field->fallback ? "`" : "");
}

/* ---- keys ---- */

static void count_uses(struct uses *uses, const struct schema_object *object)
{
	size_t i = 0;
	while (i < uses->count && uses->objects[i] != object)
		i++;
	if (i == SHARED_MAX)
		fail("is one object too many", object->name);
	uses->objects[i] = object;
	uses->counts[i]++;
	if (i < uses->count)
		return;
	uses->count++;
	for (size_t k = 0; k < object->field_count; k++)
		if (object->fields[k].object)
			count_uses(uses, object->fields[k].object);
}

/* Objects without a struct of their own (metadata) are part of the document around them, however many have one. */
static bool is_shared(const struct uses *uses, const struct schema_object *object)
{
	for (size_t i = 0; i < uses->count; i++)
		if (uses->objects[i] == object)
			return uses->counts[i] > 1 && object->size > 0;
	return false;
}

/* "a label selector" -> "label selector" */
static const char *plain_name(const struct schema_object *object)
{
	const char *blank = strchr(object->name, ' ');
	return blank ? blank + 1 : object->name;
}

static void print_anchor(const char *heading, char *out, size_t size)
{
	size_t len = 0;
	for (; heading[len] && len + 1 < size; len++)
		out[len] = heading[len] == ' ' ? '-' : (char)tolower((unsigned char)heading[len]);
	out[len] = '\0';
}

static void print_fields(const struct uses *uses, const struct schema_object *object, const char *path);

static void print_field(const struct uses *uses, const struct schema_field *field, const char *before)
{
	static const char *const below[] = {[FIELD_OBJECTS] = "[]", [FIELD_OBJECT_MAP] = ".*"};
	char type[256], path[PATH_BYTES], link[PATH_BYTES + 64] = "";
	describe(field, type, sizeof type);
	snprintf(path, sizeof path, "%s%s%.*s", before, *before ? "." : "", STR_ARG(field->key));
	bool linked = field->object && is_shared(uses, field->object);
	if (linked) {
		char anchor[PATH_BYTES];
		print_anchor(plain_name(field->object), anchor, sizeof anchor);
		snprintf(link, sizeof link, " Its keys: [%s](#%s).", plain_name(field->object), anchor);
	}
	print_item(COLUMNS, 0, "**`%s`** (%s): %s%s", path, type, field->doc, link);
	for (size_t i = 0; i < field->word_count; i++)
		print_item(COLUMNS, 1, "`%.*s`: %s", STR_ARG(field->words[i].word), field->words[i].doc);
	if (!field->object || linked)
		return;
	bool many = field->type == FIELD_OBJECTS || field->type == FIELD_OBJECT_MAP;
	snprintf(path + strlen(path), sizeof path - strlen(path), "%s", many ? below[field->type] : "");
	print_fields(uses, field->object, path);
}

static void print_fields(const struct uses *uses, const struct schema_object *object, const char *path)
{
	for (size_t i = 0; i < object->field_count; i++)
		print_field(uses, &object->fields[i], path);
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
static void print_header(const struct uses *uses, const char *folder)
{
	print_text(folder, "document");
	const struct schema_object *object = schema_kinds[0].object;
	for (size_t i = 0; i < object->field_count; i++)
		if (!str_eq(object->fields[i].key, STR("spec")))
			print_field(uses, &object->fields[i], "");
	putchar('\n');
}

static void print_kind(const struct uses *uses, const struct schema_kind *kind, const char *folder)
{
	char name[64];
	print_anchor(kind->kind.ptr, name, sizeof name);
	print_text(folder, name);
	printf("### Keys of %s\n\n", kind->object->name);
	const struct schema_field *spec = find_field(kind->object, "spec");
	if (spec)
		print_fields(uses, spec->object, "spec");
	else
		print_fields(uses, kind->object, "");
	putchar('\n');
}

static void print_shared(const struct uses *uses)
{
	for (size_t i = 0; i < uses->count; i++) {
		if (!is_shared(uses, uses->objects[i]))
			continue;
		const char *name = plain_name(uses->objects[i]);
		printf("## %c%s\n\n%s\n\n", toupper((unsigned char)name[0]), name + 1, uses->objects[i]->doc);
		print_fields(uses, uses->objects[i], "");
		putchar('\n');
	}
}

static void print_forms(const char *folder)
{
	print_text(folder, "values");
	for (size_t i = 0; i < FORMS; i++) {
		char again[64]; /* "a name: lower-case letters": the name was just said */
		int len = snprintf(again, sizeof again, "a %s", forms[i].one);
		const char *words = schema_form_words((enum text_form)i);
		if (strncmp(words, again, (size_t)len) == 0)
			words += len + strspn(words + len, ": ");
		print_item(COLUMNS, 0, "**%s**: %s.", forms[i].one, words);
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
	struct uses uses = {.count = 0};
	for (size_t i = 0; i < KINDS; i++)
		count_uses(&uses, schema_kinds[i].object);
	print_text(folder, "intro");
	print_header(&uses, folder);
	for (size_t i = 0; i < KINDS; i++)
		print_kind(&uses, &schema_kinds[i], folder);
	print_shared(&uses);
	print_forms(folder);
	print_text(folder, "checks");
	print_models(folder);
	print_resources(folder);
	print_variables(folder);
	print_ways(folder);
}
