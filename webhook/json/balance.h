/*
 * balance: where a JSON object or array ends, when it comes in pieces cut anywhere. Strings and nesting are followed in
 * blocks of 64 bytes, nothing else is looked at: whoever reads the value checks it. Braces and brackets are one kind here;
 * what mixes them up is not JSON, and its end is as good in one place as in another. Used by kube_stream, and for what
 * nobody reads.
 */
#ifndef WEBHOOK_JSON_BALANCE_H
#define WEBHOOK_JSON_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

struct kube_nest {
	uint64_t depth;     /* objects and arrays that are open */
	uint64_t in_string; /* all ones within a string, else 0 */
	uint64_t escaped;   /* 1: the next byte stands behind a backslash, else 0 */
};

/* Right behind the opener of the value. */
static inline void kube_nest_init(struct kube_nest *nest)
{
	*nest = (struct kube_nest){.depth = 1};
}

/* Goes on with the bytes from `p` to before `end`. Returns what follows the value, or NULL when it goes on behind `end`. */
const char *kube_nest_end(struct kube_nest *nest, const char *p, const char *end);

#endif
