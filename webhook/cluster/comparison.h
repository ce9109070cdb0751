/*
 * comparison: periodically compares the view with a list of all Pods, and then of all claims. The
 * watch reports every event only once. If one were lost, a Pod would count, or not count, wrongly
 * for as long as it exists.
 *
 * The list is read in pages, at the exact version that the view has at the start, while the watch
 * continues. So if the view differs and no event has changed that Pod since, an event was lost, and
 * the view is corrected at once. No request waits for a comparison. One that fails is abandoned
 * until the next time. Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_COMPARISON_H
#define WEBHOOK_CLUSTER_COMPARISON_H

#include "gpugate/buf.h"
#include "gpugate/consumer.h"
#include "gpugate/error.h"
#include "webhook/kube/client.h"
#include "webhook/kube/stream.h"

struct ledger_cluster;

struct comparison {
	struct kube_timer timer; /* Next comparison, or the next page of this one. */
	bool running;
	enum consumer_kind kind; /* What is being compared, or compared next. */
	uint64_t version;        /* Version of the view when the comparison began. */
	uint64_t healed;         /* The part of ledger_healed that has been counted. */
	struct buf next;         /* Continue token of the next page; empty for the first page. */
	struct kube_request *request;
	struct kube_stream stream;
	struct error err; /* Why the page cannot be used. */
};

/* Schedules the first comparison, unless comparisons are disabled. */
void comparison_open(struct ledger_cluster *cluster);
void comparison_close(struct ledger_cluster *cluster); /* Also accepts a zeroed comparison. */

#endif
