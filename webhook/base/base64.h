/* base64: decodes base64 (RFC 4648, section 4). */
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

#endif
