/*
 * suite_keys: what suites may contain, as tables. suite_read follows them, and the JSON Schema of
 * suites is made from them (suite_schema.h).
 */
#ifndef WEBHOOK_SIMULATE_SUITE_KEYS_H
#define WEBHOOK_SIMULATE_SUITE_KEYS_H

#include "webhook/json/field.h"

#define STEP_PODS_MAX 1000                  /* Pods of one object. */
#define STEP_SECONDS_MAX (INT64_C(1) << 31) /* Of one `wait`. */

/* Fills a struct suite. */
extern const struct shape suite_shape;

/* Parts of it: what is held, a step, and what a step expects. */
extern const struct shape suite_held_shape, suite_step_shape, suite_expect_shape;

/* What steps do, in the order of suite_verbs. */
enum step_verb { STEP_CREATE, STEP_FILE, STEP_SCALE, STEP_BIND, STEP_FINISH, STEP_DELETE, STEP_WAIT, STEP_VERBS };

/* What a step can do, and which expectations and keys go with it. */
struct suite_verb {
	const char *name; /* The key. */
	/* Of a pointer in the struct suite_step, which is NULL if the step does not do this. */
	size_t offset;
	bool creates;       /* A decision is made, so anything can be expected of it. */
	bool owns;          /* `namespace` and `as` say whose the objects are. */
	size_t pods_offset; /* Of a struct suite_pods in the struct suite_step; 0: none. */
};

extern const struct suite_verb suite_verbs[STEP_VERBS];

#endif
