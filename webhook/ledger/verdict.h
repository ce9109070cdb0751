/* verdict: writes a verdict of the ledger into a reservation request. */
#ifndef WEBHOOK_LEDGER_VERDICT_H
#define WEBHOOK_LEDGER_VERDICT_H

#include "webhook/ledger/ledger.h"
#include "webhook/ledger/store.h"

/*
 * Sets the request's result, and adds the verdict's violations and charges; does not call `done`.
 * The caller keeps the verdict's policy retained meanwhile.
 */
void reservation_apply_verdict(struct reservation_request *request, const struct ledger_verdict *verdict);

#endif
