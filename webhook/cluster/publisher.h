/*
 * publisher: publishes the quotas as gpuquotas objects, for users to read. Nothing is decided
 * from these objects, and failures here delay nothing else.
 *
 * The ledger reports which quotas have changed. These are compared with the published objects, and
 * written as far as webhook/quota/plan.h permits. All quotas are compared after a list and under a
 * new policy. The work is done in short slices, because the loop's thread also admits Pods. A slice
 * writes at most one object. Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_PUBLISHER_H
#define WEBHOOK_CLUSTER_PUBLISHER_H

#include "gpugate/policy.h"
#include "webhook/kube/watch.h"
#include "webhook/quota/plan.h"
#include "webhook/quota/rows.h"

struct ledger_cluster;

struct publish {
	struct kube_watch *watch;
	struct kube_timer timer;
	bool synced;   /* A list of the published objects is complete. */
	uint32_t list; /* Number of the current list. */
	struct publish_rows rows;
	/* Policy whose quotas are published; retained. NULL: none yet. */
	const struct policy *policy;
	/* Row of each quota; NULL entries are not looked up yet, or there was no memory. */
	struct publish_row **quotas;
	uint32_t quota_count;
	/*
	 * Number of quotas that were looked up. They are visited from a random one on, by a random
	 * stride.
	 */
	uint32_t looked_up;
	uint32_t first, step;
	/* All quotas were looked up: every row without a quota of this policy belongs to none. */
	bool all_known;
	uint32_t policies; /* Number of the current policy. */
	char digest[33];   /* Digest of the policy. */
	uint64_t hash;     /* Hash of that digest. */
	/* Hashes of the last policies, the current one included; guarded by the mutex. */
	uint64_t former[PLAN_FORMER_MAX];
	unsigned former_count; /* Number of policies so far; guarded by the mutex. */
	int64_t again_ms;      /* Nothing is written before this time, because a call failed. */
	int64_t backoff_ms;
	unsigned slices; /* Number of slices of work so far. */
	unsigned busy;   /* Number of calls in flight. */
	struct buf body;
};

/* Remembers a policy that is, or is about to be, in force. The caller holds the mutex. */
void publish_note_policy(struct ledger_cluster *cluster, const struct policy *policy);

/* Starts to publish. Returns 0, or -1 with an error. */
int publish_open(struct ledger_cluster *cluster, struct error *err);

/* Lists the published objects again after the storage was restored. */
void publish_restart(struct ledger_cluster *cluster);
void publish_close(struct ledger_cluster *cluster);

#endif
