/*
 * ledger_namespaces: what the Pods of each namespace hold of each quota. Summing walks all of a ledger, under the lock of its store;
 * how often it is done for /metrics is bounded, so that whoever scrapes all the time holds up no admission.
 */
#ifndef WEBHOOK_LEDGER_NAMESPACES_H
#define WEBHOOK_LEDGER_NAMESPACES_H

#include <pthread.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/ledger.h"
#include "webhook/quota_holders.h"

#define LEDGER_NAMESPACES_MAX 1000 /* rows of one quota; the smaller ones are added up in one more */
#define LEDGER_NAMESPACES_SHARE 50 /* summing takes at most 1/50 of the time, then older sums are shown */

/* Adds everything that is charged, pending or not. Not sorted yet. Called under the lock of the store. */
void ledger_namespaces_sum(const struct ledger *ledger, struct holders *holders);

struct ledger_namespaces {
	pthread_mutex_t mutex;
	struct holders *holders;
	const struct policy *policy; /* that they were summed by, retained; NULL: they never were */
	int64_t again_ms;            /* when they may be summed next */
};

int ledger_namespaces_open(struct ledger_namespaces *namespaces, struct error *err);
void ledger_namespaces_close(struct ledger_namespaces *namespaces); /* takes a zeroed one, too */

/* Appends the family gpugate_namespace_held. `mutex` is that of the ledger's store, not held by the caller. Thread-safe. */
void ledger_namespaces_print(struct ledger_namespaces *namespaces, const struct ledger *ledger, pthread_mutex_t *mutex,
			     struct buf *out);

#endif
