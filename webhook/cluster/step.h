/*
 * step: decides what follows an event. It is above all other parts of the cluster ledger: they note
 * what has changed, and this one asks them in a fixed order what is to be done next. Runs on the
 * loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_STEP_H
#define WEBHOOK_CLUSTER_STEP_H

struct ledger_cluster;

/*
 * Does what follows from the state. If it is called while it is running, it runs once more after
 * that. Costs what has changed, and a look at each request that waits.
 */
void cluster_step(struct ledger_cluster *cluster);

/* Sets cluster->step, and starts the tick that has the periodic work done. */
void step_open(struct ledger_cluster *cluster);
void step_close(struct ledger_cluster *cluster);

#endif
