/*
 * buf: a growable buffer whose maximum is set when it is created. Appending past the maximum, or
 * without memory, sets `failed`, and later appends change nothing. Callers append freely and check
 * once, at the end. Not thread-safe.
 */
#ifndef GPUGATE_BUF_H
#define GPUGATE_BUF_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpugate/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t size;
	size_t max;
	bool failed;
};

static inline void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

static inline void buf_release(struct buf *buf)
{
	free(buf->ptr);
	*buf = (struct buf){.max = buf->max};
}

/* Does the same for a buffer that holds a key, and overwrites its memory first. */
static inline void buf_wipe(struct buf *buf)
{
	if (buf->ptr)
		explicit_bzero(buf->ptr, buf->size);
	buf_release(buf);
}

/* Empties the buffer and keeps its memory. */
static inline void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/*
 * Makes room for `more` bytes and returns where to write them. Returns NULL and sets `failed` if
 * there is no room. The caller adds what it has written to `len`.
 */
static inline char *buf_reserve(struct buf *buf, size_t more)
{
	if (buf->failed || more > buf->max || buf->len > buf->max - more) {
		buf->failed = true;
		return NULL;
	}
	if (buf->size - buf->len < more) {
		size_t size = buf->size ? buf->size : 256;
		while (size - buf->len < more)
			size *= 2;
		if (size > buf->max)
			size = buf->max;
		char *ptr = realloc(buf->ptr, size);
		if (!ptr) {
			buf->failed = true;
			return NULL;
		}
		buf->ptr = ptr;
		buf->size = size;
	}
	return buf->ptr + buf->len;
}

static inline void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *to = len ? buf_reserve(buf, len) : NULL;
	if (!to)
		return;
	memcpy(to, bytes, len);
	buf->len += len;
}

static inline void buf_str(struct buf *buf, struct str s)
{
	buf_add(buf, s.ptr, s.len);
}

static inline void buf_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

static inline void buf_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

__attribute__((format(printf, 2, 3))) static inline void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	/* Usually enough, so that the text is formatted only once. */
	size_t room = buf->failed ? 0 : buf->size - buf->len;
	int need = vsnprintf(room ? buf->ptr + buf->len : NULL, room, format, args);
	va_end(args);
	if (need >= 0 && (size_t)need >= room) {
		char *to = buf_reserve(buf, (size_t)need + 1);
		if (to)
			vsnprintf(to, (size_t)need + 1, format, again);
	}
	va_end(again);
	if (need >= 0 && !buf->failed)
		buf->len += (size_t)need;
}

/*
 * Appends a number in decimal. The hot path uses this, because buf_printf costs several times as
 * much.
 */
static inline void buf_number(struct buf *buf, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	buf_add(buf, digits + at, sizeof digits - at);
}

static inline struct str buf_view(const struct buf *buf)
{
	return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

#endif
