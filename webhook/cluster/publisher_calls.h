/*
 * publisher_calls: the list and watch of published gpuquotas objects, and the calls that write
 * and delete them. Part of the publisher; runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_PUBLISHER_CALLS_H
#define WEBHOOK_CLUSTER_PUBLISHER_CALLS_H

#include "webhook/cluster/state.h"
#include "webhook/quota/document.h"

/* Applies lists and events to the rows, and queues those. `context` is the cluster. */
extern const struct kube_watch_events publish_events;

/*
 * Applies the last list to a row, once. `listed`: the list, or an event since, contained it, so
 * what comes next is the newest, even if its version is smaller. Otherwise the row was reached
 * without being listed, and its object is not published.
 */
void publish_note_list(struct publish *publish, struct publish_row *row, bool listed);

/*
 * Starts a write of `document`, or a deletion. Both are conditional on the version that was
 * compared, if it is published, so that writes of other replicas are not overwritten. The row is
 * queued again at the end. publish_write fills in the document's name, versions and policy.
 */
void publish_write(struct publish_row *row, struct quota_document *document, uint64_t pod_version);
void publish_delete(struct publish_row *row);

#endif
