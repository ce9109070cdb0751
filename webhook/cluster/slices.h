/*
 * slices: the ResourceSlices of the cluster, which say what products the devices of nodes are.
 * Their watch runs where the API server serves them and the policy reads the labels of nodes. A
 * node that lacks the label of its product counts as if it had it (ledger_set_devices).
 *
 * Nothing waits for them: a Pod on a node of which nothing is known is charged as before it was
 * bound. Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_SLICES_H
#define WEBHOOK_CLUSTER_SLICES_H

#include <stdbool.h>

#include "webhook/kube/watch.h"
#include "webhook/object/slice_table.h"

struct ledger_cluster;

struct slices {
	struct slice_table table;
	const char *missed; /* Why one was not kept since the last list began; NULL: all were. */
	const char *logged; /* What was logged last about that. */
	const char *path;   /* Where they are served; NULL: nowhere, or not known yet. */
	bool started;       /* The watch has been started. */
	bool listed;        /* A list was complete, or none is needed. */
	bool announced;     /* It was logged that they are known. */
	bool changed;       /* The table differs from what the ledger knows. */
	int64_t passed_ms;  /* When it was told; 0: never. */
	int64_t again_ms;   /* When to list again what could not be kept. */
};

extern const struct kube_watch_events slices_events;

/* Called after the loop has stopped. */
void slices_close(struct ledger_cluster *cluster);

/* The API server serves them there, borrowed; NULL: it does not serve them. */
void slices_serve(struct ledger_cluster *cluster, const char *path);

/* Starts the watch if the policy needs it by now, and tells the ledger what has changed. */
void slices_tick(struct ledger_cluster *cluster);

#endif
