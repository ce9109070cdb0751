/*
 * scan: reads the tokens of JSON (RFC 8259) in strict UTF-8, in place.
 *
 * It builds and allocates nothing. Skipped values are validated too. It rejects overlong or
 * truncated UTF-8, surrogates, control characters in strings, leading zeros and byte order marks.
 * An escaped surrogate needs its partner, because UTF-8 cannot represent half of a pair.
 *
 * REVIEW_PADDING readable bytes of any content must follow the text, because blocks of 16 bytes are
 * loaded across its end. Not thread-safe: a struct scan belongs to one thread.
 */
#ifndef WEBHOOK_JSON_SCAN_H
#define WEBHOOK_JSON_SCAN_H

#include "gpugate/error.h"
#include "webhook/json/scan_state.h"

#define SCAN_DEPTH_MAX 512      /* Maximum nesting of objects and arrays. */
#define SCAN_LEN_MAX (1u << 30) /* Maximum bytes of a text; counts and offsets fit in 32 bits. */

/*
 * Takes the string whose opening quote is at the current position. `raw` borrows the text between
 * the quotes. If `escaped` is set, it has escapes and must be decoded with scan_unescape
 * (string.h). Returns 0 or -1.
 */
int scan_string(struct scan *scan, struct str *raw, bool *escaped);

/* Takes a number. `text` borrows it as written. Returns 0 or -1. */
int scan_number(struct scan *scan, struct str *text);

/* Takes `word`, which is `true`, `false` or `null`. Returns 0 or -1. */
int scan_word(struct scan *scan, struct str word);

/* Takes the `{` or `[` at the current position. Returns 0, or -1 if it is nested too deeply. */
int scan_open(struct scan *scan);

/*
 * Moves to the next member of an object: takes its key and colon, and stops at its value. `first`
 * is true immediately after scan_open. Returns 1, or 0 if the object has ended (its brace is
 * taken), or -1.
 */
int scan_member(struct scan *scan, bool first, struct str *key, bool *escaped);

/* The same for an array: stops at the next element. */
int scan_element(struct scan *scan, bool first);

/* Takes and validates one value of any type, without recursion. Returns 0 or -1. */
int scan_skip(struct scan *scan);

/* Checks that only white space is left. Returns 0 or -1. */
int scan_finish(struct scan *scan);

/*
 * Checks that the whole text is one JSON value. Returns 0, or -1 with an error that names the byte.
 * The text needs padding, as above.
 */
int review_scan_valid(const char *bytes, size_t len, struct error *err);

#endif
