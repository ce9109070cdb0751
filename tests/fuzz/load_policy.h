/* load_policy: loads the text of a policy for a fuzz target. */
#ifndef TESTS_FUZZ_LOAD_POLICY_H
#define TESTS_FUZZ_LOAD_POLICY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/buf.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"

/* Returns new. Prints what is wrong with the policy and aborts if it cannot be loaded. */
static inline struct policy *load_policy(const char *policy_text)
{
	char path[] = "/tmp/gpugate-fuzz-XXXXXX.yaml";
	const char *const paths[] = {path};
	struct report *report = malloc(sizeof *report);
	struct buf text;
	size_t len = strlen(policy_text);
	int fd = mkstemps(path, 5);
	if (fd < 0 || !report || write(fd, policy_text, len) != (ssize_t)len || close(fd) != 0)
		abort();
	report_init(report);
	struct policy *policy = policy_load(paths, 1, report);
	buf_init(&text, 1 << 20);
	report_print(report, false, &text);
	fprintf(stderr, "%.*s", STR_ARG(buf_view(&text)));
	if (!policy || unlink(path) != 0)
		abort();
	buf_release(&text);
	report_release(report);
	free(report);
	return policy;
}

#endif
