/* output_junit: results of tests in the XML format of JUnit, which CI systems show. */
#ifndef WEBHOOK_CLI_OUTPUT_JUNIT_H
#define WEBHOOK_CLI_OUTPUT_JUNIT_H

#include "gpugate/buf.h"

/* A result. `failure` and `error` are the texts of what is wrong; both NULL: it passed. */
struct junit_case {
	const char *suite, *name, *file;
	const char *failure, *error;
};

struct junit_totals {
	size_t cases, failures, errors;
};

/*
 * Append the beginning, one suite with its cases, and the end of a document. Texts are escaped;
 * characters that XML 1.0 does not allow become `?`. Errors appear only in out->failed.
 */
void junit_begin(struct buf *out, const char *program, const struct junit_totals *totals);
void junit_suite_begin(struct buf *out, const char *name, const struct junit_totals *totals);
void junit_case(struct buf *out, const struct junit_case *result);
void junit_suite_end(struct buf *out);
void junit_end(struct buf *out);

#endif
