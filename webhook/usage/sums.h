/* ledger_metrics: the families of quotas in /metrics, for both ledgers. */
#ifndef WEBHOOK_USAGE_SUMS_H
#define WEBHOOK_USAGE_SUMS_H

#include <pthread.h>

#include "gpugate/buf.h"
#include "webhook/ledger/ledger.h"

/* The sums of one moment. */
struct ledger_sums {
	const struct policy *policy; /* retained */
	struct held *held;           /* by quota; NULL without memory */
	uint32_t pods, pending;
	struct ledger_unfit unfit;
};

/* Copies the sums under the lock of the ledger's store, so that formatting them holds no lock. */
void ledger_sums_take(struct ledger_sums *sums, const struct ledger *ledger, pthread_mutex_t *mutex);
void ledger_sums_release(struct ledger_sums *sums);

void ledger_sums_print(const struct ledger_sums *sums, struct buf *out);

/* Appends the labels that name a quota, without braces. */
void ledger_metrics_quota(const struct quota_view *quota, struct buf *out);

/* Appends an amount and ends the line: devices and GPUs as they are, memory in bytes, since Prometheus wants base units. */
void ledger_metrics_amount(wide amount, int64_t unit, struct buf *out);

#endif
