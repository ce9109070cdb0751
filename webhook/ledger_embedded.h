/*
 * ledger_embedded: the ledger with its store in the process: a mutex around the state machine, held for the arithmetic
 * only. A charge lasts from CREATE until a DELETE or finished-status review of that uid, so it is exact only where all
 * reviews arrive; it forgets at exit. All functions are thread-safe.
 */
#ifndef WEBHOOK_LEDGER_EMBEDDED_H
#define WEBHOOK_LEDGER_EMBEDDED_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/policy.h"

#define LEDGER_EMBEDDED_PODS_MAX 1000000

struct ledger_embedded;

struct ledger_embedded *ledger_embedded_create(const struct policy *policy, struct error *err); /* returns new */
void ledger_embedded_destroy(struct ledger_embedded *ledger);                                   /* takes NULL */

/* Charges by this policy from now on. Returns -1 without memory: then the old one stays in force for quotas. */
int ledger_embedded_rebase(struct ledger_embedded *ledger, const struct policy *policy);

/*
 * Decides the Pod of decision->holding and puts what is found into the decision: objections for quotas that are exceeded,
 * or for an outage. `charges` gets `tenant/quota=amount, …` of the Pod. Returns -1 when the arena is exhausted.
 */
int ledger_embedded_admit(struct ledger_embedded *ledger, bool dry, struct arena *arena, struct decision *decision,
			  struct buf *charges);

/* Frees what a uid holds. */
void ledger_embedded_free(struct ledger_embedded *ledger, struct str uid);

/* The quota families of /metrics; `ledger` is the struct ledger_embedded. */
void ledger_embedded_metrics(void *ledger, struct buf *out);

#endif
