/* sums: what is held of each quota, and its metrics, for both ledgers. */
#ifndef WEBHOOK_USAGE_SUMS_H
#define WEBHOOK_USAGE_SUMS_H

#include <pthread.h>

#include "gpugate/buf.h"
#include "gpugate/policy.h"
#include "gpugate/quantity.h"
#include "gpugate/quota.h"
#include "webhook/ledger/ledger.h"
#include "webhook/metrics/metric.h"

/* A consistent snapshot of the ledger's sums. */
struct ledger_sums {
	const struct policy *policy; /* Retained. */
	struct held *held;           /* By quota; NULL without memory. */
	/* Number of Pods that the view counts, and of Pods that are charged as pending. */
	uint32_t pods, pending;
	uint32_t reservations; /* See ledger_reservations. */
	struct ledger_unfit unfit;
};

/*
 * Copies the sums under `mutex`, the lock of the ledger's store, so that no lock is held while they
 * are formatted. The caller must not hold it. Release the sums even if `held` is NULL. Thread-safe.
 */
void ledger_sums_take(struct ledger_sums *sums, const struct ledger *ledger, pthread_mutex_t *mutex);
void ledger_sums_release(struct ledger_sums *sums);

extern const struct metric_set ledger_sums_metrics;

/* Appends the families. Appends nothing if `held` is NULL. */
void ledger_sums_print(const struct ledger_sums *sums, struct buf *out);

/* For the row of a family that has a quota's labels; others may follow. */
#define LEDGER_QUOTA_LABELS                                                                                            \
	{.name = "tenant"}, {.name = "quota"},                                                                         \
	{                                                                                                              \
		"measure", METRIC_VALUES("count", "gpus", "memory")                                                    \
	}

/* Gets the values of these labels, which borrow from the quota. */
void ledger_quota_labels(const struct quota_view *quota, struct str values[static 3]);

/*
 * Appends an amount, which is in units of 1/`unit`, and a newline. The result is in devices, GPUs,
 * or bytes, because Prometheus expects base units.
 */
void ledger_metrics_amount(wide amount, int64_t unit, struct buf *out);

#endif
