/*
 * runner: runs the suites of files against the policies that they name, and collects the results as
 * a tree of JSON, which docs/policy-as-code.md describes.
 *
 * Each suite has a simulation of its own. Its steps run in their order, and what they leave is there
 * for the next. Not thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_RUNNER_H
#define WEBHOOK_SIMULATE_RUNNER_H

#include <jansson.h>
#include <regex.h>

#include "webhook/simulate/coverage.h"
#include "webhook/simulate/suite.h"

struct test_policy {
	struct test_policy *next;
	char *path; /* NULL: that of --policy. */
	struct policy *policy;
	struct coverage coverage;
};

struct runner {
	/* Set by the caller. */
	const char *const *policies; /* Of suites that name none. Borrowed. */
	size_t policy_count;
	const regex_t *select; /* Of "SUITE/STEP"; NULL: all. What is not selected runs and is not judged. */
	int (*read)(const char *path, struct buf *out, struct error *err);

	/* Results. */
	json_t *suites; /* Owned. */
	unsigned passed, failed, errors;
	struct test_policy *tested; /* Owned, in the order of their first use. */
};

/* Returns 0, or -1 without memory. */
int runner_init(struct runner *runner);
void runner_release(struct runner *runner);

/*
 * Runs the suites of one file. What is wrong with the file is a result, too. A file without suites
 * is a failure.
 */
void runner_file(struct runner *runner, const char *path);

/* Adds a result that belongs to no suite: a failure, or else an error. */
void runner_note(struct runner *runner, const char *file, bool failure, const char *text);

/* --- Between the files --- */

/* Results of a suite and of a step. `suite` is a member of runner->suites. */
enum step_result { STEP_PASSED, STEP_FAILED, STEP_ERROR };
void runner_add_step(struct runner *runner, json_t *suite, enum step_result result, json_t *step);

/* The policy that a suite names; NULL with an error. */
struct test_policy *runner_policy(struct runner *runner, const char *path, struct error *err);

/* A path that is relative to a file. Returns new, for free(), or NULL without memory. */
char *path_beside(const char *file, struct str path);

/* Runs the steps of a suite. */
void suite_run(struct runner *runner, struct manifest *manifest, const struct suite *suite, struct test_policy *policy,
	       json_t *results);

#endif
