/* test_watch: runs the tests again whenever a suite, a policy, or a file of theirs changes. */
#ifndef WEBHOOK_CMD_TEST_WATCH_H
#define WEBHOOK_CMD_TEST_WATCH_H

#include <regex.h>

#include "gpugate/error.h"
#include "webhook/cmd/test_options.h"

/*
 * Runs and prints until SIGINT or SIGTERM, and returns the exit status of the last complete run.
 * Returns EXIT_FAILED with an error if there was none, or if files cannot be watched.
 */
int test_watch(const struct test_options *options, const regex_t *select, struct error *err);

#endif
