/* ledger_answer: a verdict of the ledger as objections of a decision, and as what it costs. */
#ifndef WEBHOOK_LEDGER_VERDICT_H
#define WEBHOOK_LEDGER_VERDICT_H

#include "webhook/ledger/ledger.h"
#include "webhook/ledger/store.h"

/* Puts a verdict into the ask: its decision, charges and result. The verdict's policy must be retained by the caller. */
void reservation_apply_verdict(struct reservation_request *request, const struct ledger_verdict *verdict);

#endif
