/*
 * scan_state: the position of a scan in its text, and how a scan fails. It lies below scan.c and string.c, which both
 * read tokens with it. Not thread-safe; a struct scan belongs to one thread.
 */
#ifndef WEBHOOK_JSON_SCAN_STATE_H
#define WEBHOOK_JSON_SCAN_STATE_H

#include "gpugate/str.h"

#define REVIEW_PADDING 64 /* readable bytes that must follow the text; their content does not matter */

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

struct scan {
	const char *begin;
	const char *at; /* the next byte; after a failure, the byte that caused it */
	const char *end;
	unsigned depth;  /* number of objects and arrays that are open at `at` */
	char fault[256]; /* describes the failure; meaningful only after one */
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

/* Skips white space and returns the first byte of the next token without taking it; 0 at the end. */
static inline char scan_peek(struct scan *scan)
{
	const char *p = scan->at;
	while (p < scan->end && scan_is_blank(*p))
		p++;
	scan->at = p;
	return p < scan->end ? *p : '\0';
}

/* Records a failure at `at`, which becomes the position of the scan (never beyond the end). Returns -1. */
__attribute__((format(printf, 3, 4))) int scan_fail(struct scan *scan, const char *at, const char *format, ...);

/* Fails with "expected WHAT, found ..." at the next token. Returns -1. */
int scan_expected(struct scan *scan, const char *what);

#endif
