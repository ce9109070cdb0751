/*
 * explain: explains, as a JSON tree, why the Pods of an object would be admitted or refused.
 * explain_trace.c turns the steps of a decision into the tree, explain_remedies.c adds what could
 * be done about a refusal, and explain_text.c turns the tree into text.
 *
 * The members of the tree are documented in docs/policy-as-code.md.
 */
#ifndef WEBHOOK_SIMULATE_EXPLAIN_H
#define WEBHOOK_SIMULATE_EXPLAIN_H

#include <jansson.h>

#include "gpugate/trace.h"
#include "webhook/object/manifest.h"
#include "webhook/simulate/admit.h"
#include "webhook/simulate/replaced.h"
#include "webhook/simulate/subject.h"

struct explain_context {
	const struct policy *policy;
	struct simulation *simulation; /* By that policy. What is admitted stays in it. */
	struct subject_creator creator;
	struct replaced *replaced; /* NULL: no Pods are replaced. */
};

enum explain_result {
	EXPLAIN_FAILED = -1, /* The error begins with FILE:LINE. */
	EXPLAIN_ADMITTED,    /* All Pods would be admitted. */
	EXPLAIN_DENIED,      /* One Pod would be refused. */
	EXPLAIN_NO_PODS,     /* No Pods come from the object. */
};

/*
 * Removes the Pods that the object has already (see replaced.h), and tries its Pods one after
 * another until one is refused. Appends to `list` an explanation of the refused Pod, or of the
 * first one if all are admitted; of a custom resource, one for each group of Pods.
 */
enum explain_result explain_object(const struct explain_context *context, const struct manifest *manifest,
				   const struct manifest_object *object, json_t *list, struct error *err);

/* Appends an explanation as text. */
void explain_print(const json_t *explanation, bool color, struct buf *out);

/* --- Shared by explain*.c --- */

/* explain_event adds events to `tree`. The context of the trace is a struct explain_collector. */
struct explain_collector {
	const struct policy *policy;
	json_t *tree;
};
void explain_event(void *context, const struct trace_event *event);

/*
 * Returns, new, what the API server answers about a workload with these Pods, of which there is at
 * least one group; NULL: the object is none. The Pods in whose place it is tried are removed
 * already, and none of its own is tried yet. Uses the arena.
 */
json_t *explain_workload(const struct explain_context *context, const struct subjects *subjects,
			 const struct manifest_object *object, struct arena *arena);

/* Adds to the workload of the tree, if it has one, what its tenant wants such answers to be. */
void explain_early_answer(const struct policy *policy, json_t *tree);

/* Adds the claims that the Pod names, or that a template is for, if the policy counts claims. */
void explain_claims(const struct policy *policy, const struct review *review, json_t *tree);

/* A Pod that was refused, of which `tree` is the explanation. */
struct explain_refusal {
	const struct explain_context *context;
	const struct subject *subject;
	struct arena *arena; /* For decisions; is reset for each. */
	int64_t fits;        /* How many Pods were admitted before it. */
	const struct replacement *tried;
	/* Explanations of the groups whose Pods were admitted before, and exist with it. */
	const json_t *earlier;
	json_t *tree;
};

/* Adds what its reader could do, if a quota refuses the Pod. */
void explain_remedies(const struct explain_refusal *refusal);

/* Returns a new JSON string, or null if the text is absent. */
json_t *explain_string(struct str text);

/* A JSON string of FILE, or of FILE:LINE if `line` is not 0; cleaned as lint does. Returns new. */
json_t *explain_location(struct str file, uint32_t line);

#endif
