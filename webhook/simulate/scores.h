/* scores: collects the results of tests as a tree of JSON, and counts them. */
#ifndef WEBHOOK_SIMULATE_SCORES_H
#define WEBHOOK_SIMULATE_SCORES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

enum step_result { STEP_PASSED, STEP_FAILED, STEP_ERROR };

struct scores {
	json_t *suites; /* Owned. docs/policy-as-code.md describes its members. */
	unsigned passed, failed, errors;
};

/* Returns 0, or -1 without memory. */
int scores_init(struct scores *scores);
void scores_release(struct scores *scores);

/* Appends the suites of others. Returns 0, or -1 without memory. */
int scores_add(struct scores *scores, const struct scores *others);

/* Adds a suite without steps. Returns it, borrowed. */
json_t *scores_suite(struct scores *scores, const char *name, const char *file, uint32_t line);

/* Adds a step to a suite of the scores, and counts it. Takes the step. */
void scores_step(struct scores *scores, json_t *suite, enum step_result result, json_t *step);

/* Adds a result that belongs to no suite. */
void scores_note(struct scores *scores, const char *file, enum step_result result, const char *text);

/*
 * Adds a failure that is about all suites together, so that it has no file. `option` is that of the
 * command line which is not satisfied.
 */
void scores_note_all(struct scores *scores, const char *option, const char *text);

#endif
