/*
 * explain: why an object's Pods would be admitted or refused, as a tree of JSON. explain_trace.c
 * turns the steps of a decision into the tree, explain_text.c the tree into text.
 *
 * The members of the tree are documented in docs/policy-as-code.md.
 */
#ifndef WEBHOOK_SIMULATE_EXPLAIN_H
#define WEBHOOK_SIMULATE_EXPLAIN_H

#include <jansson.h>

#include "gpugate/trace.h"
#include "webhook/object/manifest.h"
#include "webhook/simulate/admit.h"

/* Pods of one object that are tried. An object that has more is tried with that many. */
#define EXPLAIN_PODS_MAX 100000

struct explain_context {
	const struct policy *policy;
	struct simulation *simulation; /* By that policy. What is admitted stays in it. */
	struct str namespace;          /* Of objects that name none. */
	struct str user;               /* Who creates the Pods; absent: as the kind of object says. */
	struct strs groups;            /* ... in addition to system:authenticated. */
};

enum explain_result {
	EXPLAIN_FAILED = -1, /* With an error that begins with FILE:LINE. */
	EXPLAIN_ADMITTED,    /* All Pods of the object. */
	EXPLAIN_REFUSED,
	EXPLAIN_NO_PODS, /* No Pods come from this kind of object. `*out` is NULL. */
};

/*
 * Tries the object's Pods one after another, until one is refused. `*out` is the explanation of
 * that one, or else of the first: new, to be released with json_decref.
 */
enum explain_result explain_object(const struct explain_context *context, const struct manifest *manifest,
				   const struct manifest_object *object, json_t **out, struct error *err);

/* Appends an explanation as text. */
void explain_print(const json_t *explanation, bool color, struct buf *out);

/* --- Between the files --- */

/* Collects events in `tree`. `context` of the trace is a struct explain_collector. */
struct explain_collector {
	const struct policy *policy;
	json_t *tree;
};
void explain_event(void *context, const struct trace_event *event);

/* A JSON string, or null if the text is absent. Returns new. */
json_t *explain_string(struct str text);

/* A JSON string of FILE, or of FILE:LINE if `line` is not 0; cleaned as lint does. Returns new. */
json_t *explain_place(struct str file, uint32_t line);

#endif
