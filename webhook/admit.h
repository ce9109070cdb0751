/* admit: one review from bytes to answer. The only place where reader, policy and ledger meet. */
#ifndef WEBHOOK_ADMIT_H
#define WEBHOOK_ADMIT_H

#include "webhook/http_server.h"
#include "webhook/ledger_embedded.h"
#include "webhook/log.h"
#include "webhook/metrics.h"
#include "webhook/policy_store.h"

/* Borrows everything; all of it is thread-safe. */
struct admission {
	struct policy_store *policies;
	struct ledger_embedded *ledger;
	struct metrics *metrics;
	struct log *log;
};

/* An http_answer_fn; `admission` is a struct admission. Never blocks. */
unsigned admit_answer(void *admission, enum http_endpoint endpoint, struct str body, unsigned timeout_ms,
		      struct arena *arena, struct buf *out);

#endif
