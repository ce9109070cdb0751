/*
 * fit: how many Pods alike, such as those of a workload, the ledger would admit one after another.
 * Nothing is held for them. The number is estimated by division and proved by bisection, so that
 * the time grows with the logarithm of their number at most.
 */
#ifndef WEBHOOK_LEDGER_FIT_H
#define WEBHOOK_LEDGER_FIT_H

#include "webhook/ledger/ledger.h"
#include "webhook/ledger/store.h"

/*
 * Sets request->fits. If not all Pods fit, `*verdict` is that of the first one that does not, as if
 * those before it had been admitted. Returns whether the number is known; if not, memory is
 * exhausted. The ledger is changed during the call only, so the store serializes it with all
 * others.
 */
bool ledger_fit(struct ledger *ledger, struct fit_request *request, struct ledger_verdict *verdict);

/*
 * Adds the verdict's violations to the decision, and sets `never` and `most`. The caller keeps the
 * verdict's policy retained meanwhile. Returns 0, or -1 if the arena is exhausted.
 */
int fit_apply_verdict(struct fit_request *request, const struct ledger_verdict *verdict);

#endif
