/*
 * write: appends JSON strings to a buffer, for the hot path. Callers write braces, keys and numbers
 * themselves. Thread-safe: it has no state.
 */
#ifndef WEBHOOK_JSON_WRITE_H
#define WEBHOOK_JSON_WRITE_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/*
 * Appends `text` as a quoted JSON string (RFC 8259, section 7). Control characters, `"` and `\` are
 * escaped. Bytes that are not UTF-8 become U+FFFD, so that the output is valid for any input. An
 * absent string becomes "".
 */
void json_write_string(struct buf *out, struct str text);

/*
 * Like json_write_string, but truncates a text of more than `max_bytes` bytes of input: it is cut
 * between characters, and "…" follows it.
 */
void json_write_cut(struct buf *out, struct str text, size_t max_bytes);

#endif
