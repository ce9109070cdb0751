/*
 * write: the little of JSON that is written on the hot path, straight into a buffer: strings. Everything around
 * them (braces, keys, numbers) is written by hand where it is needed. Thread-safe: holds no state.
 */
#ifndef WEBHOOK_JSON_WRITE_H
#define WEBHOOK_JSON_WRITE_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/*
 * Appends `text` as a quoted JSON string (RFC 8259, section 7). Control characters, `"` and `\` are escaped; bytes that
 * are not UTF-8 become U+FFFD, so that the output is valid whatever the input holds. An absent string is written as "".
 */
void json_write_string(struct buf *out, struct str text);

/*
 * Like json_write_string, but of a text longer than `max_bytes` only the beginning, cut between characters, and "…" after
 * it. Counts bytes of the input.
 */
void json_write_cut(struct buf *out, struct str text, size_t max_bytes);

#endif
