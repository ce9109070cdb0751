/*
 * context: what the steps of compiling share. Each step looks at one kind of document, reports what is wrong with it
 * and goes on, so that people see all their mistakes at once. Whether the snapshot is usable is decided at the end, by
 * the report.
 */
#ifndef POLICY_COMPILE_CONTEXT_H
#define POLICY_COMPILE_CONTEXT_H

#include <setjmp.h>

#include "policy/document/diagnostic.h"
#include "policy/document/documents.h"
#include "policy/model/snapshot.h"

struct compile {
	struct policy *policy; /* being built; its arena holds the snapshot */
	const struct docs *docs;
	struct arena *scratch; /* freed after compiling */
	struct report *report;
	const struct doc_accelerator **accelerators; /* by model of the policy; from compile_models on */
	bool *broken; /* by model of the policy: it has an error of its own, so that others would be its consequence */
	const struct doc_tenant **tenants; /* by tenant of the policy; from compile_tenants on */
	const struct doc_quota **quotas;   /* by quota of the policy; from compile_quotas on */
	const struct doc_borrowing *
	    *borrowings;       /* by quota of the policy, NULL where there is none; from compile_cohorts on */
	uint64_t suggest_work; /* what suggestions may still cost, see suggest_word_within */
	jmp_buf exhausted;     /* where an allocation that fails leaps to: everything lives in the two arenas */
};

/* Zeroed memory of the snapshot; never returns NULL (see `exhausted`). */
void *compile_alloc(struct compile *c, size_t count, size_t size);
void *compile_scratch(struct compile *c, size_t count, size_t size); /* the same, freed after compiling */
struct str compile_keep(struct compile *c, struct str s);
const struct str *compile_keep_all(struct compile *c, const struct texts *texts);
const struct pair *compile_keep_map(struct compile *c, const struct text_map *map);
struct selector compile_selector(struct compile *c, const struct doc_selector *doc);
struct exempt compile_exempt(struct compile *c, const struct doc_exempt *doc);

/*
 * Pointers to `count` items of `size` bytes, sorted by name (the struct text found at `name_offset`), then by place:
 * what is built from them does not depend on the order of files.
 */
const void **compile_sorted(struct compile *c, const void *items, size_t count, size_t size, size_t name_offset);

/* `, did you mean "x"?` after an unknown name, or nothing. Lives in the scratch arena. */
const char *compile_did_you_mean(struct compile *c, struct str wrong, const struct str *names, size_t count,
				 size_t stride);

/* The location of a document, for the snapshot. */
static inline struct location compile_location(struct place at)
{
	return (struct location){at.source, at.line};
}

/* "team.yaml:12": where the other half of a clash is. Lives in the scratch arena. */
const char *compile_where(struct compile *c, struct place at);

/* A finding with a name of its own, see docs_lint. */
#define COMPILE_LINT(c, id, at, ...) docs_lint((c)->report, (c)->docs, (id), (at), __VA_ARGS__)

#endif
