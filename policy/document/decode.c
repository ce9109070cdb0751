#include "policy/document/decode.h"

#include <stdio.h>
#include <stdlib.h>

#include "gpugate/suggest.h"
#include "gpugate/vec.h"
#include "policy/document/decode_object.h"

#define KINDS_ARE "; the kinds are Settings, Accelerator, Tenant, Rule, Guard and Workload"
#define NAME_IT ", or name it in an Accelerator that it configures"
#define HOLDS_ONLY "; a policy folder holds only gpugate.io/v1 documents and v1 Namespaces"

static bool holds_our_kind(const struct node *root)
{
	const struct node *kind = node_find(root, STR("kind"));

	for (size_t i = 0; kind && i < KIND_NAMESPACE; i++) {
		if (str_eq(kind->value->text, schema_kinds[i].kind))
			return true;
	}
	return false;
}

/* Treats a key that is nearly `key`, such as `apiversion`, as a misspelling and reports it. */
static bool report_misspelled(struct decoder *decoder, const struct node *root, struct str key)
{
	for (const struct node *other = root->first; other; other = other->next) {
		if (!str_present(suggest_word(other->text, &key, 1, sizeof key)))
			continue;
		DECODE_REPORT(decoder, other->at, "unknown key \"%.*s\"; did you mean \"%.*s\"?", SHOWN(other->text),
			      STR_ARG(key));
		return true;
	}
	return false;
}

/*
 * Returns the scalar value of a top-level key, or an absent str after reporting why there is none.
 * Sets `at` to the location of the value if the key exists.
 */
static struct str header(struct decoder *decoder, const struct node *root, struct str key, struct location *at)
{
	const struct node *entry = node_find(root, key);
	char words[80];

	if (!entry && report_misspelled(decoder, root, key))
		return (struct str){NULL, 0};
	if (!entry) {
		const char *ours = holds_our_kind(root)              ? "; add \"apiVersion: gpugate.io/v1\""
				   : node_find(root, STR("version")) ? HOLDS_ONLY "; move it to another folder" NAME_IT
								     : HOLDS_ONLY;
		DECODE_REPORT(decoder, root->at, "the document has no %.*s%s", STR_ARG(key),
			      str_eq(key, STR("kind")) ? KINDS_ARE : ours);
		return (struct str){NULL, 0};
	}
	const struct node *value = entry->value;
	*at = value->at;
	if (value->bad)
		return (struct str){NULL, 0};
	if (value->type != NODE_SCALAR || node_needs_quotes(value)) {
		DECODE_REPORT(decoder, value->at, "\"%.*s\": expected a string, found %s", STR_ARG(key),
			      node_describe(value, words, sizeof words));
		return (struct str){NULL, 0};
	}
	return value->text;
}

static const struct schema_kind *unknown_kind(struct decoder *decoder, struct location at, struct str api_version,
					      struct str kind)
{
	struct str near = suggest_word(kind, &schema_kinds[0].kind, KIND_NAMESPACE, sizeof schema_kinds[0]);

	for (size_t i = 0; i < KINDS; i++) {
		if (str_eq(schema_kinds[i].kind, kind)) {
			DECODE_REPORT(decoder, at, "the apiVersion of %s %.*s is %.*s, not %.*s",
				      strchr("AEIOU", kind.ptr[0]) ? "an" : "a", STR_ARG(kind),
				      STR_ARG(schema_kinds[i].api_version), STR_ARG(api_version));
			return NULL;
		}
	}
	if (str_present(near))
		DECODE_REPORT(decoder, at, "unknown kind \"%.*s\"; did you mean \"%.*s\"?", SHOWN(kind), STR_ARG(near));
	else if (str_eq(kind, STR("TestSuite")))
		DECODE_REPORT(decoder, at,
			      "a suite is no policy, and `gpugate serve` refuses it; move it out of the policy folder");
	else if (str_eq(api_version, STR("v1")))
		DECODE_REPORT(
		    decoder, at,
		    "a policy folder holds only gpugate.io/v1 documents and v1 Namespaces, and this is a v1 %.*s; "
		    "move it to another folder%s",
		    SHOWN(kind), str_eq(kind, STR("ConfigMap")) ? NAME_IT : "");
	else
		DECODE_REPORT(decoder, at, "unknown kind \"%.*s\"" KINDS_ARE, SHOWN(kind));
	return NULL;
}

static void unknown_version(struct decoder *decoder, struct location at, struct str version)
{
	struct str ours = schema_kinds[0].api_version;
	struct str near = suggest_word(version, &ours, 1, sizeof ours);

	if (str_starts(version, STR("gpugate.io/")))
		DECODE_REPORT(decoder, at, "unknown version \"%.*s\"; this gpugate reads gpugate.io/v1",
			      SHOWN(version));
	else if (str_present(near))
		DECODE_REPORT(decoder, at, "unknown apiVersion \"%.*s\"; did you mean \"gpugate.io/v1\"?",
			      SHOWN(version));
	else
		DECODE_REPORT(
		    decoder, at,
		    "a policy folder holds only gpugate.io/v1 documents and v1 Namespaces, and this is of \"%.*s\"; "
		    "move this file to another folder",
		    SHOWN(version));
}

/*
 * Returns the schema row for a document, or NULL after reporting why there is none. Sets `at` to
 * the location of the value of `kind`.
 */
static const struct schema_kind *find_kind(struct decoder *decoder, const struct node *root, struct location *at)
{
	struct location version_at = root->at;
	struct str version = header(decoder, root, STR("apiVersion"), &version_at);
	struct str kind = str_present(version) ? header(decoder, root, STR("kind"), at) : version;
	bool known = false;

	if (!str_present(kind))
		return NULL;
	for (size_t i = 0; i < KINDS; i++) {
		bool same = str_eq(schema_kinds[i].api_version, version);
		if (same && str_eq(schema_kinds[i].kind, kind))
			return &schema_kinds[i];
		known = known || same;
	}
	if (known)
		return unknown_kind(decoder, *at, version, kind);
	unknown_version(decoder, version_at, version);
	return NULL;
}

/* Adds a zeroed document of that kind. Returns NULL if memory is exhausted (reported). */
static void *add_document(struct decoder *decoder, const struct schema_kind *kind)
{
	struct document_list *document_list = &decoder->document_lists[kind - schema_kinds];
	size_t size = kind->object->size;

	char *items = vec_room(document_list->items, document_list->count, &document_list->capacity, 16, size);
	if (!items) {
		decode_exhausted(decoder);
		return NULL;
	}
	document_list->items = items;
	void *document = document_list->items + document_list->count++ * size;
	memset(document, 0, size);
	return document;
}

void decode_document(struct decoder *decoder, const struct node *root)
{
	char words[80];
	struct location at = root->at;

	if (decoder->exhausted || root->bad || node_is_null(root))
		return;
	if (root->type != NODE_MAP) {
		DECODE_REPORT(decoder, root->at,
			      "a document must be a map of apiVersion, kind, metadata and spec, found %s",
			      node_describe(root, words, sizeof words));
		return;
	}
	const struct schema_kind *kind = find_kind(decoder, root, &at);
	char *document = kind ? add_document(decoder, kind) : NULL;
	if (!document)
		return;
	memcpy(document, &at, sizeof at); /* Every document's struct begins with its location. */
	decode_defaults(decoder, kind->object, document, at);
	decode_object(decoder, kind->object, root, document, at);
}

/* The first members of every document's struct. */
struct head {
	struct location at;
	struct text name;
};

struct named {
	const struct head *head;
	size_t index; /* In reading order. */
};

static int by_name(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = str_cmp(left->head->name.s, right->head->name.s);
	return order ? order : (left->index > right->index) - (left->index < right->index);
}

static void name_twice(struct decoder *decoder, const struct schema_kind *kind, const struct head *first,
		       const struct head *second)
{
	char where[WHERE_BYTES];
	DECODE_REPORT(decoder, second->name.at, "%s %.*s named \"%.*s\" is already defined at %s; rename or remove one",
		      strchr("AEIOU", kind->kind.ptr[0]) ? "an" : "a", STR_ARG(kind->kind), SHOWN(second->name.s),
		      docs_where(decoder->docs, first->name.at, where, sizeof where));
}

static void check_names(struct decoder *decoder, const struct schema_kind *kind, const char *items, size_t count)
{
	struct named *names = count > 1 ? calloc(count, sizeof *names) : NULL;
	size_t first = 0;

	if (count <= 1)
		return;
	if (!names) {
		decode_exhausted(decoder);
		return;
	}
	for (size_t i = 0; i < count; i++)
		names[i] = (struct named){(const struct head *)(const void *)(items + i * kind->object->size), i};
	qsort(names, count, sizeof *names, by_name);
	for (size_t i = 1; i < count; i++) {
		if (!str_eq(names[i].head->name.s, names[first].head->name.s))
			first = i;
		else if (str_present(names[i].head->name.s))
			name_twice(decoder, kind, names[first].head, names[i].head);
	}
	free(names);
}

static void check_one_settings(struct decoder *decoder)
{
	const struct docs *docs = decoder->docs;

	for (uint32_t i = 1; i < docs->settings.count; i++) {
		char where[WHERE_BYTES];
		DECODE_REPORT(decoder, docs->settings.items[i].at,
			      "a policy has at most one Settings document; the first is at %s",
			      docs_where(docs, docs->settings.items[0].at, where, sizeof where));
	}
}

void decode_finish(struct decoder *decoder)
{
	static const struct location nowhere = {UINT32_MAX, 0, 0, 0};
	for (size_t i = 0; i < KINDS; i++) {
		const struct schema_kind *kind = &schema_kinds[i];
		struct document_list *document_list = &decoder->document_lists[i];
		struct decode_list list = {.count = (uint32_t)document_list->count};
		list.items = arena_zalloc(decoder->arena, document_list->count, kind->object->size);
		if (!list.items) {
			decode_exhausted(decoder);
			list.count = 0;
		} else if (document_list->count > 0) {
			memcpy(list.items, document_list->items, document_list->count * kind->object->size);
		}
		memcpy((char *)decoder->docs + kind->list_offset, &list, sizeof list);
		if (i != KIND_SETTINGS && list.count > 0)
			check_names(decoder, kind, list.items, list.count);
		free(document_list->items);
		*document_list = (struct document_list){NULL, 0, 0};
	}
	check_one_settings(decoder);
	decode_defaults(decoder, schema_kinds[KIND_SETTINGS].object, &decoder->docs->default_settings, nowhere);
}
