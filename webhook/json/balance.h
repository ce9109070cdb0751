/*
 * balance: finds the end of a JSON object or array that arrives in pieces of any size.
 *
 * It tracks only strings and nesting, in blocks of 64 bytes. It does not validate the value: the
 * code that reads the value does. It treats braces and brackets alike, because a value that mixes
 * them is not JSON and may end anywhere. Used by kube/stream, and by field.c for values that are
 * not read.
 */
#ifndef WEBHOOK_JSON_BALANCE_H
#define WEBHOOK_JSON_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

struct kube_nest {
	uint64_t depth;     /* Number of open objects and arrays. */
	uint64_t in_string; /* All ones inside a string, otherwise 0. */
	uint64_t escaped;   /* 1 if the next byte follows an unescaped backslash, otherwise 0. */
};

/* Starts immediately after the opening brace or bracket of the value. */
static inline void kube_nest_init(struct kube_nest *nest)
{
	*nest = (struct kube_nest){.depth = 1};
}

/*
 * Continues with the bytes from `p` up to `end` (exclusive). Returns the byte after the value, or
 * NULL if the value continues beyond `end`.
 */
const char *kube_nest_end(struct kube_nest *nest, const char *p, const char *end);

#endif
