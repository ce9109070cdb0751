/*
 * runner: runs the suites of files against the policies that they name, and collects the results as
 * a tree of JSON, which docs/policy-as-code.md describes.
 *
 * Each suite has a simulation of its own. Its steps run in their order, and what they leave is
 * there for the next. Not thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_RUNNER_H
#define WEBHOOK_SIMULATE_RUNNER_H

#include "webhook/simulate/suite_run.h"

struct test_policy {
	struct test_policy *next;
	char *location; /* Its real path; NULL: the several of --policy. */
	struct policy *policy;
	struct coverage coverage;
};

struct runner {
	/* Set by the caller. */
	const char *const *policies; /* Of suites that name none. Borrowed. */
	size_t policy_count;
	/* Of "SUITE/STEP"; NULL: all. What is not selected runs and is not judged. */
	const regex_t *select;
	read_file_fn *read;

	/* Results. */
	struct scores scores;
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

#endif
