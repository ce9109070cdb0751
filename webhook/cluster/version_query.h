/*
 * version_query: asks the API server which version the cluster has reached, which no watch reports.
 * The answer shows whether the view still belongs to this cluster, whether V can be reached, which
 * entries to expire, and when the record may be opened.
 *
 * Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_VERSION_QUERY_H
#define WEBHOOK_CLUSTER_VERSION_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/consumer.h"
#include "webhook/ledger/ledger.h"

struct ledger_cluster;

/*
 * A query about one kind of consumer, and the state when it was sent, with which its answer is
 * compared.
 */
struct version_query {
	struct ledger_cluster *cluster; /* For the callback, of which the query is the context. */
	enum consumer_kind kind;
	bool in_flight;
	int64_t queried_ms;
	uint64_t view;        /* Version of the view. */
	uint64_t ledger;      /* V of the copy; 0: there was no copy to compare. */
	uint64_t transitions; /* Of the watch of this kind; see view_transitions. */
	char uid[64];         /* uid of the record. */

	/*
	 * What the next step must act on. `due`: another query must follow, because the watch has
	 * been opened or has ended since. `answered`: the cluster has reached `version`.
	 */
	bool due, answered;
	uint64_t version;
};

/* How late the view is. */
struct lateness {
	int64_t behind_ms; /* The time since which it is behind; 0: it is not. */
	/* The V of each kind, of which the view had not reached one. */
	struct ledger_versions versions;
};

/*
 * Asks which version the cluster has reached, for each kind of consumer, unless a query is in
 * flight or nothing depends on the answer.
 */
void version_query_send(struct ledger_cluster *cluster);

#endif
