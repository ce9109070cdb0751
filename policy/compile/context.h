/*
 * context: state and helpers that the compile steps share. Each step handles one kind of document,
 * reports what is wrong with it and continues, so that users see all their mistakes at once. The
 * report decides at the end whether the snapshot is usable.
 */
#ifndef POLICY_COMPILE_CONTEXT_H
#define POLICY_COMPILE_CONTEXT_H

#include <setjmp.h>

#include "gpugate/pairs.h"
#include "policy/document/diagnostic.h"
#include "policy/document/documents.h"
#include "policy/model/snapshot.h"

struct compile {
	struct policy *policy; /* The policy being built. Its arena holds the snapshot. */
	const struct docs *docs;
	struct arena *scratch; /* Freed after compiling. */
	struct report *report;
	/* By model of the policy. Set by compile_models. */
	const struct doc_accelerator **accelerators;
	/*
	 * By model of the policy. True if the model has errors of its own; errors that follow from
	 * them are not reported.
	 */
	bool *broken;
	const struct doc_tenant **tenants; /* By tenant of the policy. Set by compile_tenants. */
	const struct doc_quota **quotas;   /* By quota of the policy. Set by compile_quotas. */
	/* By quota of the policy, NULL if it has none. Set by compile_cohorts. */
	const struct doc_borrowing **borrowings;
	/* Work that suggestions may still do, see suggest_word_within. */
	uint64_t suggest_work;
	/*
	 * longjmp target for allocation failure. Nothing leaks, because the two arenas own
	 * everything.
	 */
	jmp_buf exhausted;
};

/*
 * Returns zeroed memory of the snapshot. Never returns NULL: it jumps to `exhausted` instead, as do
 * the functions below.
 */
void *compile_alloc(struct compile *c, size_t count, size_t size);
/* Like compile_alloc, but the memory is freed after compiling. */
void *compile_scratch(struct compile *c, size_t count, size_t size);
struct str compile_keep(struct compile *c, struct str s);
const struct str *compile_keep_all(struct compile *c, const struct texts *texts);
const struct pair *compile_keep_map(struct compile *c, const struct text_map *map);
struct selector compile_selector(struct compile *c, const struct doc_selector *doc);
struct globs compile_globs(struct compile *c, const struct texts *texts);
struct exempt compile_exempt(struct compile *c, const struct doc_exempt *doc);

/*
 * Returns pointers to `count` items of `size` bytes, sorted by name (the struct text at
 * `name_offset`) and then by document order. So the result does not depend on the order of files.
 * The array is in the scratch arena.
 */
const void **compile_sorted(struct compile *c, const void *items, size_t count, size_t size, size_t name_offset);

/*
 * Returns `; did you mean "x"?` for an unknown name, or an empty string. It is in the scratch
 * arena.
 */
const char *compile_did_you_mean(struct compile *c, struct str wrong, const struct str *names, size_t count,
				 size_t stride);

/* Returns the location of a document, for the snapshot. */
static inline struct document_ref compile_document_ref(struct location at)
{
	return (struct document_ref){at.source, at.line};
}

/*
 * Returns a location such as "team.yaml:12", for a message about another document. It is in the
 * scratch arena.
 */
const char *compile_where(struct compile *c, struct location at);

/* Adds a finding that has an id, see docs_lint. */
#define COMPILE_LINT(c, id, at, ...) docs_lint((c)->report, (c)->docs, (id), (at), __VA_ARGS__)

#endif
