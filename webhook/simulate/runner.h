/*
 * runner: runs the suites of files against the policies that they name, and collects the results as
 * a tree of JSON, which docs/policy-as-code.md describes.
 *
 * Each suite has a simulation of its own. Its steps run in their order, and what they leave is
 * there for the next. Files can run on several threads at once. Their results are then put together
 * in an order that the caller chooses:
 *
 *     runner_file(&runner, path, &result);     // on any thread
 *     runner_add(&runner, &result);            // on one thread, for each file in turn
 */
#ifndef WEBHOOK_SIMULATE_RUNNER_H
#define WEBHOOK_SIMULATE_RUNNER_H

#include "webhook/simulate/suite_run.h"
#include "webhook/simulate/tested.h"

/* What was reached of a policy. */
struct reached {
	struct reached *next;
	const struct tested_policy *policy; /* Borrowed. */
	struct coverage coverage;
};

/* The results of one file, or of all. */
struct file_results {
	struct scores scores;
	struct reached *reached; /* Owned, in the order of their first use. */
	struct seen_files seen;  /* What was read. */
};

struct runner {
	/* Set by the caller, after runner_init. */
	/* Of "SUITE/STEP"; NULL: all. What is not selected runs and is not judged. */
	const regex_t *select;
	read_file_fn *read; /* Thread-safe. */
	/* Ends a run before its next step once it can be read from; -1: nothing does. */
	int stop;

	struct tested tested;
	struct file_results results; /* Of all files that were added. */
};

/* `policies` are those of suites that name none. Borrowed. Returns 0, or -1 without memory. */
int runner_init(struct runner *runner, const char *const *policies, size_t policy_count);
void runner_release(struct runner *runner);

/*
 * Runs the suites of one file. What is wrong with the file is a result, too. A file without suites
 * is a failure. `results` need not be initialized, and is for runner_add. Thread-safe.
 */
void runner_file(struct runner *runner, const char *path, struct file_results *results);

/* Adds the results of a file, and releases them. Returns 0, or -1 without memory. */
int runner_add(struct runner *runner, struct file_results *results);

#endif
