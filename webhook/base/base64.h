/* base64: decodes and encodes base64 (RFC 4648, section 4). */
#ifndef WEBHOOK_BASE_BASE64_H
#define WEBHOOK_BASE_BASE64_H

#include "gpugate/buf.h"

/*
 * Decodes `text` into `out` and ignores white space. Initializes `out`, which the caller must
 * release in any case; use buf_wipe if it holds a key. The buffer never moves, so no copies of a
 * key are left behind. Returns -1 if the text is empty or is not base64, or without memory.
 * Thread-safe.
 */
int base64_decode(struct str text, struct buf *out);

/*
 * Appends the base64 of `bytes` to `out`, in one line. A NUL follows it, which out->len does not
 * count. Reserves the room at once. Errors set out->failed. Thread-safe.
 */
void base64_encode(struct str bytes, struct buf *out);

#endif
