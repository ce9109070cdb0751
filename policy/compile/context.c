#include "policy/compile/context.h"

#include <stdlib.h>

#include "gpugate/suggest.h"

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

struct globs compile_globs(struct compile *c, const struct texts *texts)
{
	return (struct globs){compile_keep_all(c, texts), texts->count};
}

struct exempt compile_exempt(struct compile *c, const struct doc_exempt *doc)
{
	return (struct exempt){compile_globs(c, &doc->namespaces), compile_globs(c, &doc->users),
			       compile_globs(c, &doc->groups), !doc->namespaces.set};
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
	/* Both are items of one array, which is in document order. */
	return x->item < y->item ? -1 : x->item > y->item;
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

const char *compile_where(struct compile *c, struct location at)
{
	char text[WHERE_BYTES];
	size_t size = strlen(docs_where(c->docs, at, text, sizeof text)) + 1;
	return memcpy(compile_scratch(c, size, 1), text, size);
}
