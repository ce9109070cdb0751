/*
 * uid: encodes the uid of a Pod in a text of form 2 (codec.h), as base64 of its 16 bytes without
 * padding: 22 characters instead of 36. Clients cannot choose the uid of a Pod, but tests and other
 * distributions may use other formats. A uid that is not a UUID as Kubernetes writes it is kept
 * unchanged after a `=`.
 */
#ifndef WEBHOOK_LEDGER_UID_H
#define WEBHOOK_LEDGER_UID_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"

/* Number of characters that ledger_uid_write appends. */
size_t ledger_uid_bytes(struct str uid);

/* Appends the encoded uid. */
void ledger_uid_write(struct buf *out, struct str uid);

/*
 * Decodes a uid. Sets an empty one if `written` is invalid. Borrows from `written` and the arena.
 * Returns 0, or -1 without memory.
 */
int ledger_uid_read(struct str written, struct arena *arena, struct str *uid);

#endif
