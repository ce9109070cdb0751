/* admit: one review from bytes to answer. The only place where reader, policy and ledger meet. */
#ifndef WEBHOOK_ADMIT_H
#define WEBHOOK_ADMIT_H

#include "webhook/http_server.h"
#include "webhook/ledger_store.h"
#include "webhook/log.h"
#include "webhook/metrics.h"
#include "webhook/policy_store.h"
#include "webhook/refusals.h"

/* Borrows everything; all of it is thread-safe. */
struct admission {
	struct policy_store *policies;
	struct ledger_store ledger;
	struct metrics *metrics;
	struct log *log;
	struct refusals *refusals;
};

/* An http_answer_fn; `admission` is a struct admission. Never blocks. */
unsigned admit_answer(void *admission, struct http_ask *ask);

#endif
