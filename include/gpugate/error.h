/*
 * error: what went wrong, where, and what to do about it. Functions that can fail take a trailing `struct error *`
 * (never NULL), return 0 or -1, and leave the object untouched on success. The first error wins: setting one that is
 * already set does nothing. Wrapping prepends context.
 */
#ifndef GPUGATE_ERROR_H
#define GPUGATE_ERROR_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error {
	char file[256]; /* empty when no file is concerned */
	unsigned line;  /* from 1; 0: unknown */
	unsigned column;
	char text[1024]; /* empty: no error */
};

/* Sets the text if none is set yet. Returns -1, so that a caller can `return error_set(...)`. */
__attribute__((format(printf, 2, 3))) static inline int error_set(struct error *err, const char *format, ...)
{
	if (err->text[0] != '\0')
		return -1;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return -1;
}

/* Puts "context: " before the text. Returns -1. */
__attribute__((format(printf, 2, 3))) static inline int error_wrap(struct error *err, const char *format, ...)
{
	char context[512];
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof context, format, args);
	va_end(args);
	size_t before = strlen(context), most = sizeof err->text - 1;
	size_t text = strnlen(err->text, most - before - 2); /* what becomes too long is cut at its end */
	memmove(err->text + before + 2, err->text, text);
	memcpy(err->text, context, before);
	memcpy(err->text + before, ": ", 2);
	err->text[before + 2 + text] = '\0';
	return -1;
}

#endif
