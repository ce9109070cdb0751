/* base64: RFC 4648, section 4. Thread-safe: holds no state. */
#ifndef WEBHOOK_BASE_BASE64_H
#define WEBHOOK_BASE_BASE64_H

#include "gpugate/buf.h"

/*
 * Decodes `text`, in which white space counts for nothing, into `out`, which is initialised here; it may hold a key, and is
 * never moved. Returns -1 when it is not base64, is empty, or there is no memory; release `out` in any case.
 */
int base64_decode(struct str text, struct buf *out);

#endif
