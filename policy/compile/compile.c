#include "policy/compile/compile.h"

#include <stdlib.h>

#include "gpugate/suggest.h"
#include "policy/document/read.h"
#include "policy/document/report.h"
#include "policy/document/source.h"

#define SNAPSHOT_CHUNK ((size_t)64 << 10)
#define SNAPSHOT_MAX (UINT64_C(512) << 20)
#define SCRATCH_CHUNK ((size_t)256 << 10)
#define SCRATCH_MAX (UINT64_C(1) << 30)

static void *must(struct compile *c, void *memory)
{
	if (!memory)
		longjmp(c->exhausted, 1);
	return memory;
}

void *compile_alloc(struct compile *c, size_t count, size_t size)
{
	return must(c, arena_zalloc(&c->policy->arena, count ? count : 1, size));
}

void *compile_scratch(struct compile *c, size_t count, size_t size)
{
	return must(c, arena_zalloc(c->scratch, count ? count : 1, size));
}

struct str compile_keep(struct compile *c, struct str s)
{
	if (!str_present(s))
		return s;
	struct str copy = arena_str(&c->policy->arena, s);
	must(c, (void *)(uintptr_t)copy.ptr);
	return copy;
}

const struct str *compile_keep_all(struct compile *c, const struct texts *texts)
{
	struct str *items = compile_alloc(c, texts->count, sizeof *items);
	for (uint32_t i = 0; i < texts->count; i++)
		items[i] = compile_keep(c, texts->items[i].s);
	return items;
}

const struct pair *compile_keep_map(struct compile *c, const struct text_map *map)
{
	struct pair *items = compile_alloc(c, map->count, sizeof *items);
	for (uint32_t i = 0; i < map->count; i++)
		items[i] = (struct pair){compile_keep(c, map->items[i].key.s), compile_keep(c, map->items[i].value.s)};
	return items;
}

struct selector compile_selector(struct compile *c, const struct doc_selector *doc)
{
	uint32_t labels = doc->match_labels.count, count = labels + doc->match_expressions.count;
	struct requirement *items = compile_alloc(c, count, sizeof *items);
	for (uint32_t i = 0; i < labels; i++) {
		struct str *value = compile_alloc(c, 1, sizeof *value);
		*value = compile_keep(c, doc->match_labels.items[i].value.s);
		items[i] = (struct requirement){
		    .key = compile_keep(c, doc->match_labels.items[i].key.s), .op = SELECTOR_IN, .values = {value, 1}};
	}
	for (uint32_t i = labels; i < count; i++) {
		const struct doc_expression *expression = &doc->match_expressions.items[i - labels];
		items[i] = (struct requirement){
		    .key = compile_keep(c, expression->key.s),
		    .op = (enum selector_op)expression->op.value,
		    .values = {compile_keep_all(c, &expression->values), expression->values.count}};
	}
	return (struct selector){items, count, doc->set};
}

static struct globs compile_globs(struct compile *c, const struct texts *texts)
{
	return (struct globs){compile_keep_all(c, texts), texts->count};
}

struct exempt compile_exempt(struct compile *c, const struct doc_exempt *doc)
{
	return (struct exempt){compile_globs(c, &doc->namespaces), compile_globs(c, &doc->users),
			       compile_globs(c, &doc->groups)};
}

struct named {
	const void *item;
	const struct text *name;
};

static int named_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = str_cmp(x->name->s, y->name->s);
	if (order != 0)
		return order;
	return x->item < y->item ? -1 : x->item > y->item; /* items of one array: in the order of the documents */
}

const void **compile_sorted(struct compile *c, const void *items, size_t count, size_t size, size_t name_offset)
{
	struct named *named = compile_scratch(c, count, sizeof *named);
	const void **sorted = compile_scratch(c, count, sizeof *sorted);
	for (size_t i = 0; i < count; i++) {
		const char *item = (const char *)items + i * size;
		named[i] = (struct named){item, (const struct text *)(const void *)(item + name_offset)};
	}
	if (count)
		qsort(named, count, sizeof *named, named_order);
	for (size_t i = 0; i < count; i++)
		sorted[i] = named[i].item;
	return sorted;
}

const char *compile_did_you_mean(struct compile *c, struct str wrong, const struct str *names, size_t count,
				 size_t stride)
{
	struct str near = suggest_word_within(wrong, names, count, stride, &c->suggest_work);
	if (!str_present(near))
		return "";
	size_t size = near.len + sizeof "; did you mean \"\"?";
	char *text = compile_scratch(c, size, 1);
	snprintf(text, size, "; did you mean \"%.*s\"?", STR_ARG(near));
	return text;
}

const char *compile_where(struct compile *c, struct place at)
{
	char text[WHERE_BYTES];
	size_t size = strlen(docs_where(c->docs, at, text, sizeof text)) + 1;
	return memcpy(compile_scratch(c, size, 1), text, size);
}

void compile_settings(struct compile *c)
{
	struct policy *policy = c->policy;
	const struct doc_settings *doc = c->docs->settings.count ? &c->docs->settings.items[0] : NULL;
	if (!doc) { /* the defaults of the field table, for a folder without Settings */
		struct str *namespaces = compile_alloc(c, 1, sizeof *namespaces);
		*namespaces = STR("kube-system");
		policy->exempt.namespaces = (struct globs){namespaces, 1};
		policy->terminating_ms = 300000;
		policy->unknown_resources = ENFORCEMENT_WARN;
		return;
	}
	policy->enforcement = (enum enforcement)doc->enforcement.value;
	policy->untenanted = (enum enforcement)doc->untenanted.value;
	policy->uncovered = (enum enforcement)doc->uncovered.value;
	policy->unknown_resources = (enum enforcement)doc->unknown_resources.value;
	policy->on_outage = doc->on_outage.value == 0 ? ENFORCEMENT_DENY : ENFORCEMENT_ALLOW;
	policy->exempt = compile_exempt(c, &doc->exempt);
	policy->terminating_ms = doc->terminating_seconds.word ? -1 : doc->terminating_seconds.value * 1000;
	policy->guards_fail = doc->guard_failure.value == 1; /* the word's position in the table */
	policy->quotas_ignored = doc->quota_failure.value == 1;
}

void compile_namespaces(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count = c->docs->namespaces.count;
	const struct doc_namespace **docs = (const struct doc_namespace **)compile_sorted(
	    c, c->docs->namespaces.items, count, sizeof(struct doc_namespace), offsetof(struct doc_namespace, name));
	struct namespace *namespaces = compile_alloc(c, count, sizeof *namespaces);
	if (index_init(&policy->namespace_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < count; i++) {
		namespaces[i].name = compile_keep(c, docs[i]->name.s);
		namespaces[i].labels =
		    (struct pairs){compile_keep_map(c, &docs[i]->labels), docs[i]->labels.count, true};
		index_add(&policy->namespace_names, namespaces[i].name, (struct str){NULL, 0}, i);
	}
	policy->namespaces = namespaces;
	policy->namespace_count = count;
}

static void compile_all(struct compile *c)
{
	static void (*const parts[])(struct compile *) = {compile_settings, compile_namespaces, compile_models,
							  compile_unit,     compile_resources,  compile_resource_names,
							  compile_tenants,  compile_quotas,     compile_cohorts,
							  compile_rules,    compile_guards};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		parts[i](c);
	if (c->report->errors == 0)
		compile_warnings(c);
	struct policy *policy = c->policy;
	policy->counts = (struct policy_counts){policy->model_count, policy->tenant_count, policy->quota_count,
						policy->rule_count,  policy->guard_count,  policy->namespace_count};
}

/* Everything that may run out of memory. */
static void compile_guarded(struct compile *c, struct docs *docs, const char *const *paths, size_t count)
{
	static const struct place nowhere = {UINT32_MAX, 0, 0, 0};
	if (setjmp(c->exhausted) != 0) {
		docs_find(c->report, docs, SEVERITY_ERROR, nowhere,
			  "the policy needs more memory than there is; make it smaller or raise the memory limit");
		return;
	}
	/* Documents that could not be read would make others seem wrong: first things first. */
	int result = docs_read(paths, count, c->scratch, docs, c->report);
	if (docs->settings.count > 0)
		c->report->settings =
		    report_clean(c->report, str_of(compile_where(c, docs->settings.items[0].at)), false);
	if (result == 0)
		compile_all(c);
}

struct policy *policy_load(const char *const *paths, size_t count, struct report *report)
{
	struct policy *policy = calloc(1, sizeof *policy);
	if (!policy)
		return NULL;
	atomic_init(&policy->references, 1);
	arena_init(&policy->arena, SNAPSHOT_CHUNK, SNAPSHOT_MAX);
	struct arena scratch;
	arena_init(&scratch, SCRATCH_CHUNK, SCRATCH_MAX);
	struct docs docs = {0};
	struct compile c = {
	    .policy = policy, .docs = &docs, .scratch = &scratch, .report = report, .suggest_work = SUGGEST_WORK_MAX};
	compile_guarded(&c, &docs, paths, count);
	docs_digest(&docs, &policy->digest);
	report_sort(report);
	arena_release(&scratch);
	if (report->errors == 0)
		return policy;
	policy_release(policy);
	return NULL;
}
