/*
 * step: decides what follows an event. The other parts of the cluster ledger record what has
 * changed; this part then asks them, in a fixed order, what to do next. Runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_STEP_H
#define WEBHOOK_CLUSTER_STEP_H

struct ledger_cluster;

/*
 * Acts on the current state. If it is called while it is running, it runs once more afterward. Its
 * cost is proportional to what has changed and to the number of waiting requests.
 */
void cluster_step(struct ledger_cluster *cluster);

/* Sets cluster->step, and starts the tick for the periodic work. */
void step_open(struct ledger_cluster *cluster);
void step_close(struct ledger_cluster *cluster);

#endif
