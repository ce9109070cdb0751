/*
 * ledger_embedded: the ledger with its store in the process: a mutex around the state machine, held for the arithmetic
 * only. A charge lasts from CREATE until a DELETE or finished-status review of that uid, so it is exact only where all
 * reviews arrive; it forgets at exit. All functions are thread-safe.
 */
#ifndef WEBHOOK_SERVER_EMBEDDED_STORE_H
#define WEBHOOK_SERVER_EMBEDDED_STORE_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/ledger/store.h"
#include "webhook/usage/sums.h"

#define LEDGER_EMBEDDED_PODS_MAX 1000000

struct ledger_embedded;

struct ledger_embedded *ledger_embedded_create(const struct policy *policy, struct error *err); /* returns new */
void ledger_embedded_destroy(struct ledger_embedded *ledger);                                   /* takes NULL */

/* Charges by this policy from now on. Returns -1 without memory: then the old one stays in force for quotas. */
int ledger_embedded_rebase(struct ledger_embedded *ledger, const struct policy *policy);

/* What admission asks. Borrows the ledger. */
struct ledger_store ledger_embedded_store(struct ledger_embedded *ledger);

/* The sums of this moment, to be released. */
void ledger_embedded_sums(struct ledger_embedded *ledger, struct ledger_sums *sums);

/* The quota families of /metrics; `ledger` is the struct ledger_embedded. */
void ledger_embedded_metrics(void *ledger, struct buf *out);

#endif
