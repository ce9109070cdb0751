/* decide: decides the requests that wait in the queue. Runs on the loop's thread. */
#ifndef WEBHOOK_CLUSTER_DECIDE_H
#define WEBHOOK_CLUSTER_DECIDE_H

#include <stdint.h>

struct ledger_cluster;

/* What must happen before requests can be decided, or completed. */
enum decide_needs {
	/* A namespace whose Pods are charged is unknown. */
	DECIDE_NEEDS_NAMESPACE = 1,
	/* A denial waits for a read of the record that has not started yet. */
	DECIDE_NEEDS_READ = 2,
	/* The batch must be written, or a write makes room for crowded requests. */
	DECIDE_NEEDS_WRITE = 4,
};

/*
 * Decides the waiting requests if that is possible now, and completes those that need no write.
 * Returns bits of enum decide_needs. [wait, decide]
 */
unsigned decide_waiting(struct ledger_cluster *cluster, int64_t now_ms);

#endif
