/*
 * publish_calls: what is published of quotas, as a list and a watch tell it, and the calls that change it. Part of ledger_publish. Loop
 * thread.
 */
#ifndef WEBHOOK_CLUSTER_PUBLISHER_CALLS_H
#define WEBHOOK_CLUSTER_PUBLISHER_CALLS_H

#include "webhook/cluster/state.h"
#include "webhook/quota/document.h"

/* Puts what the watch tells into the rows, and queues those. `context` is the cluster. */
extern const struct kube_watch_events publish_events;

/* A row is `listed`, or looked at: what is not in the last list is not published, and what comes in a new one is the latest. */
void publish_note_list(struct publish *publish, struct publish_row *row, bool listed);

/* Begins a write of the document, or a deletion; whatever comes of it, the row is queued then. Against the very copy that was compared,
 * if there is one: what another replica has written since is not overwritten. */
void publish_write(struct publish_row *row, struct quota_document *document, uint64_t pod_version);
void publish_delete(struct publish_row *row);

#endif
