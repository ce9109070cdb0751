/*
 * watches: feeds what the watches report of the cluster into the view, and starts them and that of
 * the record. Runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_WATCHES_H
#define WEBHOOK_CLUSTER_WATCHES_H

#include "gpugate/error.h"
#include "webhook/base/watched_resources.h"

struct ledger_cluster;

/* WATCH_NAMESPACES and so on: one index for each row. */
#define WATCH_INDEX(index, ...) index,
enum { WATCHED_RESOURCES(WATCH_INDEX) WATCHES };
#undef WATCH_INDEX

/* Their names in the log and in metrics, terminated by NULL. */
extern const char *const watches_names[WATCHES + 1];

/*
 * Creates the watches. Those of Pods and claims start once namespaces and nodes are listed. Returns
 * 0, or -1 with an error.
 */
int watches_open(struct ledger_cluster *cluster, struct error *err);

/* Called after the loop has stopped. Also accepts watches that were not created. */
void watches_close(struct ledger_cluster *cluster);

/*
 * Lists everything again after the storage was restored. This cannot be left to the watches: a
 * watch that starts at a version which the API server has not reached reports nothing, and its
 * client misses every event until then.
 */
void watches_restart(struct ledger_cluster *cluster);

/* Relists what was lost for lack of memory. The ledger decides nothing until then. */
void watches_relist_lost(struct ledger_cluster *cluster);

#endif
