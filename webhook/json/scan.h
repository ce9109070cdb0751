/*
 * scan: the tokens of RFC 8259 JSON in strict UTF-8, read in place. Nothing is built and nothing is allocated;
 * what is of no interest is skipped, but never unchecked: overlong or cut UTF-8, surrogates (escaped ones without
 * their partner too: no UTF-8 can spell them), control characters, leading zeros, byte order marks are refused.
 *
 * The text must be followed by REVIEW_PADDING readable bytes, of any content: blocks of 16 are loaded across its end.
 * Not thread-safe; a struct scan belongs to one thread.
 */
#ifndef WEBHOOK_JSON_SCAN_H
#define WEBHOOK_JSON_SCAN_H

#include "gpugate/error.h"
#include "webhook/json/scan_state.h"

#define SCAN_DEPTH_MAX 512      /* objects and arrays within each other */
#define SCAN_LEN_MAX (1u << 30) /* bytes: counts and offsets fit 32 bits */

/*
 * Takes a string, at whose opening quote the scan stands. `raw` borrows what is between the quotes; `escaped` tells
 * that it holds escapes, for scan_unescape (string.h). Returns 0 or -1.
 */
int scan_string(struct scan *scan, struct str *raw, bool *escaped);

/* Takes a number; `text` borrows it as it is written. Returns 0 or -1. */
int scan_number(struct scan *scan, struct str *text);

/* Takes `true`, `false` or `null`, whichever `word` is. Returns 0 or -1. */
int scan_word(struct scan *scan, struct str word);

/* Takes the `{` or `[` at which the scan stands. Returns 0, or -1 where that is too deep. */
int scan_open(struct scan *scan);

/*
 * Within an object: goes to its next member, takes the key and the colon and stands at the value. `first` is true right
 * after scan_open. Returns 1, 0 when the object has ended (its brace is taken), -1 on failure.
 */
int scan_member(struct scan *scan, bool first, struct str *key, bool *escaped);

/* The same within an array: stands at the next element. */
int scan_element(struct scan *scan, bool first);

/* Takes one value of any kind, all that is in it checked. Iterative. Returns 0 or -1. */
int scan_skip(struct scan *scan);

/* Nothing but white space may be left. Returns 0 or -1. */
int scan_finish(struct scan *scan);

/* Is the whole text one JSON value? Returns 0, or -1 with a sentence that names the byte. */
int review_scan_valid(const char *bytes, size_t len, struct error *err);

#endif
