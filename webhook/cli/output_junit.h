/*
 * output_junit: results of checks as JUnit XML, which CI systems show with a change. There is no
 * standard; the elements and attributes here are those that GitLab and Jenkins read. Thread-safe.
 */
#ifndef WEBHOOK_CLI_OUTPUT_JUNIT_H
#define WEBHOOK_CLI_OUTPUT_JUNIT_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/* JUNIT_ERROR: the check could not be made. */
enum junit_outcome { JUNIT_PASSED, JUNIT_FAILED, JUNIT_ERROR, JUNIT_SKIPPED, JUNIT_OUTCOMES };

struct junit_case {
	struct str classname; /* What was checked, such as a file. */
	struct str name;      /* The check. Together with `classname` it identifies a case. */
	struct str file;      /* Path in the repository; empty: none. */
	unsigned line;        /* From 1; 0: none. */
	enum junit_outcome outcome;
	struct str type;    /* What kind of failure it is, one word; empty if it passed. */
	struct str message; /* One sentence; empty if it passed. */
	struct str details; /* Lines for users; may be empty. */
};

/*
 * Appends a document with one suite. Texts may have any bytes: those that XML cannot hold, and those
 * that are not UTF-8, become U+FFFD.
 */
void output_junit(struct str suite, const struct junit_case *cases, size_t count, struct buf *out);

#endif
