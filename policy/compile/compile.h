/*
 * compile: from documents to a snapshot. Each part looks at one kind of document, reports what is wrong with it and goes
 * on, so that people see all their mistakes at once; whether the snapshot is usable is decided at the end, by the report.
 */
#ifndef POLICY_COMPILE_COMPILE_H
#define POLICY_COMPILE_COMPILE_H

#include <setjmp.h>

#include "policy/document/diagnostic.h"
#include "policy/document/documents.h"
#include "policy/model/snapshot.h"

/* Comparisons of bytes for all suggestions of names: a fraction of a second. A policy whose every name is unknown gets no more hints. */
#define SUGGEST_WORK_MAX 100000000

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

/* In this order: each uses what the ones before it have built. */
void compile_settings(struct compile *c);
void compile_namespaces(struct compile *c);
void compile_models(struct compile *c);
void compile_unit(struct compile *c);
void compile_resources(struct compile *c);
void compile_resource_names(struct compile *c);
void compile_tenants(struct compile *c);
void compile_quotas(struct compile *c);
void compile_cohorts(struct compile *c);
void compile_rules(struct compile *c);
void compile_guards(struct compile *c);
void compile_warnings(struct compile *c); /* only of a policy without errors */

/* A whole number of bytes, at least 1 and at most 32Ti; reports, and returns `otherwise`, what is none or not given. */
int64_t compile_memory(struct compile *c, const struct amount *amount, int64_t otherwise);

/* Sets what the model has of `mig`. Returns the model's table, offered or not, and its size; NULL: it is cut into no slices. */
const struct profile *compile_mig(struct compile *c, const struct doc_accelerator *doc, struct model *model,
				  uint32_t *count_out);

/* Sets the slice that is shared, where sharing.resource names one: its own name, or that name and `.shared`. */
void compile_share_slice(struct compile *c, const struct doc_accelerator *doc, const struct profile *table,
			 uint32_t count, struct model *model);

/* Which models of a resource are narrower than others; `landings` are those of all resources, in their order. */
void compile_partition(struct compile *c, struct landing *landings);

/* Warns of a pin that leaves the Pod another model with the same slices. */
void compile_pin(struct compile *c, const struct doc_to_mig *doc, const struct model *pinned);

/* Rewrites of one name into another must not lead back; `docs` are the Rules in the order of policy->rules. */
void compile_chains(struct compile *c, const struct doc_rule **docs);

/* Zeroed memory of the snapshot; never returns NULL (see `exhausted`). */
void *compile_alloc(struct compile *c, size_t count, size_t size);
void *compile_scratch(struct compile *c, size_t count, size_t size); /* the same, freed after compiling */
struct str compile_keep(struct compile *c, struct str s);
const struct str *compile_keep_all(struct compile *c, const struct texts *texts);
const struct pair *compile_keep_map(struct compile *c, const struct text_map *map);
struct selector compile_selector(struct compile *c, const struct doc_selector *doc);
struct exempt compile_exempt(struct compile *c, const struct doc_exempt *doc);

/*
 * Pointers to `count` items of `size` bytes, sorted by name (the struct text found at `name_offset`), then by place: what
 * is built from them does not depend on the order of files.
 */
const void **compile_sorted(struct compile *c, const void *items, size_t count, size_t size, size_t name_offset);

/* `, did you mean "x"?` after an unknown name, or nothing. Lives in the scratch arena. */
const char *compile_did_you_mean(struct compile *c, struct str wrong, const struct str *names, size_t count,
				 size_t stride);

/* Reports a resource that neither the policy nor the catalog knows. `quota`: a glob and what is no accelerator are fine, else
 * neither is. Returns whether it is known. */
bool compile_known_resource(struct compile *c, const struct text *name, bool quota);

/* Reports a resource that is written as in a ResourceQuota. Returns whether it is. */
bool compile_resource_prefix(struct compile *c, const struct text *name);

/* Reports what a quota names and cannot count, and sets its `names_others`. Returns whether there is nothing to report. */
bool compile_quota_names(struct compile *c, const struct doc_quota *doc, struct quota *quota);

/* An amount in the measure of a quota, whose resources are set, as policy units; reports, and returns -1, what is no amount of that measure. */
wide compile_units(struct compile *c, const struct amount *amount, const struct quota *quota);

/* "team.yaml:12": where the other half of a clash is. Lives in the scratch arena. */
const char *compile_where(struct compile *c, struct place at);

/* A finding with a name of its own, see docs_lint. */
#define COMPILE_LINT(c, id, at, ...) docs_lint((c)->report, (c)->docs, (id), (at), __VA_ARGS__)

/* Reports an amount of memory that lacks a unit (quantity_lacks_unit). Returns whether it is good. */
bool compile_memory_unit(struct compile *c, const struct amount *amount);

/* value * scale / 10^9 where that is an integer, else -1. Both are at least 0. */
wide compile_scale(wide nano, int64_t scale);

#endif
