/* test_output: prints the results of `gpugate test`. */
#ifndef WEBHOOK_CMD_TEST_OUTPUT_H
#define WEBHOOK_CMD_TEST_OUTPUT_H

#include "webhook/cmd/test_options.h"
#include "webhook/simulate/results.h"

/* Prints them on standard output, in the form of the options. Returns 0, or -1 without memory. */
int test_print(const struct test_options *options, const struct runner *runner, struct error *err);

#endif
