/* test_options: what the command line of `gpugate test` says. */
#ifndef WEBHOOK_CMD_TEST_OPTIONS_H
#define WEBHOOK_CMD_TEST_OPTIONS_H

#include "webhook/cli/options.h"

enum test_output { TEST_TEXT, TEST_JSON, TEST_JUNIT };

struct test_options {
	struct option_list policies;
	const char *run; /* A regular expression; NULL: all steps. */
	bool coverage;
	long required; /* In percent. */
	long jobs;     /* 0: one for each CPU. */
	bool watch;
	int output;
	struct option_list paths;
};

#endif
