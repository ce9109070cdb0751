/* suite_run: runs the steps of one suite in a simulation of its own. */
#ifndef WEBHOOK_SIMULATE_SUITE_RUN_H
#define WEBHOOK_SIMULATE_SUITE_RUN_H

#include <regex.h>

#include "webhook/simulate/coverage.h"
#include "webhook/simulate/scores.h"
#include "webhook/simulate/seen_files.h"
#include "webhook/simulate/suite.h"

/* Reads a file. Returns 0, or -1 with an error that names the file. */
typedef int read_file_fn(const char *path, struct buf *out, struct error *err);

/* What a suite is run with. All members are borrowed. */
struct suite_means {
	read_file_fn *read;
	/* Of "SUITE/STEP"; NULL: all. What is not selected runs and is not judged. */
	const regex_t *select;
	/* The suite ends before its next step once this can be read from; -1: nothing ends it. */
	int stop;
	struct coverage *coverage; /* Of the policy by which the suite is decided. */
	struct scores *scores;
	struct seen_files *seen; /* Receives the paths of files that are read. */
};

/*
 * Adds the results of the steps to `results`, a suite of the scores. It stops at the first error.
 */
void suite_run(const struct suite_means *means, struct manifest *manifest, const struct suite *suite, json_t *results);

#endif
