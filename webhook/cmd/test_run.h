/* test_run: runs the suites that a command line of `gpugate test` names, several at once. */
#ifndef WEBHOOK_CMD_TEST_RUN_H
#define WEBHOOK_CMD_TEST_RUN_H

#include "webhook/cmd/test_options.h"
#include "webhook/simulate/runner.h"

#define TEST_JOBS_MAX 256

/*
 * Runs all suites, on as many threads as the options say. The results are in the order of the
 * command line, and of the paths in a folder, whatever the number of threads. `select` is NULL or
 * the compiled --run. `stop` is as in struct runner. The caller must call runner_release on
 * `runner`, whatever the result. Returns 0, or -1 without memory.
 */
int test_run(const struct test_options *options, const regex_t *select, int stop, struct runner *runner,
	     struct error *err);

/* The exit status that the results stand for. */
int test_status(const struct runner *runner);

#endif
