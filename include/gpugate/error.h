/*
 * error: what went wrong, where, and what to do about it. A function that can fail takes a trailing
 * `struct error *`, which is never NULL, and returns 0 or -1. It does not touch the error if it
 * succeeds. The first error wins: setting one that is already set does nothing. Wrapping prepends
 * context.
 */
#ifndef GPUGATE_ERROR_H
#define GPUGATE_ERROR_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gpugate/str.h"

struct error {
	char file[256]; /* Empty if no file is concerned. */
	unsigned line;  /* From 1; 0: unknown. */
	unsigned column;
	char text[1024]; /* Empty: no error. */
};

/*
 * Sets the text unless one is set already. Returns -1, so that a caller can `return
 * error_set(...)`.
 */
__attribute__((format(printf, 2, 3))) static inline int error_set(struct error *err, const char *format, ...)
{
	if (err->text[0] != '\0')
		return -1;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	text_trim(err->text);
	return -1;
}

/* Prepends "context: " to the text. Returns -1. */
__attribute__((format(printf, 2, 3))) static inline int error_wrap(struct error *err, const char *format, ...)
{
	char context[512];
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof context, format, args);
	va_end(args);
	text_trim(context);
	size_t before = strlen(context), most = sizeof err->text - 1;
	/* A text that becomes too long is cut at its end. */
	size_t text = strnlen(err->text, most - before - 2);
	memmove(err->text + before + 2, err->text, text);
	memcpy(err->text, context, before);
	memcpy(err->text + before, ": ", 2);
	err->text[before + 2 + text] = '\0';
	text_trim(err->text);
	return -1;
}

#endif
