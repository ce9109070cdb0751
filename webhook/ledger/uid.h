/*
 * uid: the uid of a Pod in a text of form 2 (codec.h): base64 of its 16 bytes without padding, 22 characters instead of 36.
 * Whoever creates a Pod cannot choose its uid, but tests and other distributions may: one that is no UUID as Kubernetes writes it
 * is kept as it is, after a `=`.
 */
#ifndef WEBHOOK_LEDGER_UID_H
#define WEBHOOK_LEDGER_UID_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"

/* How many characters ledger_uid_write appends. */
size_t ledger_uid_bytes(struct str uid);

void ledger_uid_write(struct buf *out, struct str uid);

/* Takes back what was written; an empty uid where it is not such. Borrows from both. Returns 0, or -1 without memory. */
int ledger_uid_read(struct str written, struct arena *arena, struct str *uid);

#endif
