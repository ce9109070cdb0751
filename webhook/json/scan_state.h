/*
 * scan_state: the position of a scan in its text, and how a scan fails. It is the layer below
 * scan.c and string.c, which both read tokens. Not thread-safe: a struct scan belongs to one
 * thread.
 */
#ifndef WEBHOOK_JSON_SCAN_STATE_H
#define WEBHOOK_JSON_SCAN_STATE_H

#include "gpugate/str.h"

/* Readable bytes that must follow the text; their content does not matter. */
#define REVIEW_PADDING 64

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

struct scan {
	const char *begin;
	const char *at; /* The next byte; after a failure, the byte that caused it. */
	const char *end;
	unsigned depth;  /* Number of objects and arrays that are open at `at`. */
	char fault[256]; /* Describes the failure; meaningful only after one. */
};

/* Borrows the text. */
static inline void scan_init(struct scan *scan, const char *bytes, size_t len)
{
	scan->begin = scan->at = bytes;
	scan->end = bytes + len;
	scan->depth = 0;
	scan->fault[0] = '\0';
}

static inline bool scan_is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/*
 * Skips white space. Returns the first byte of the next token without taking it, or 0 at the end.
 */
static inline char scan_peek(struct scan *scan)
{
	const char *p = scan->at;
	while (p < scan->end && scan_is_blank(*p))
		p++;
	scan->at = p;
	return p < scan->end ? *p : '\0';
}

/* Records a failure and moves the scan to `at`, or to the end if `at` is beyond it. Returns -1. */
__attribute__((format(printf, 3, 4))) int scan_fail(struct scan *scan, const char *at, const char *format, ...);

/* Fails with "expected WHAT, found ..." at the next token. Returns -1. */
int scan_expected(struct scan *scan, const char *what);

#endif
