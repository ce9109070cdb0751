/*
 * record_calls: reads and writes the ledger object that all replicas share. At most one read and
 * one write are in flight. Runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_RECORD_CALLS_H
#define WEBHOOK_CLUSTER_RECORD_CALLS_H

struct ledger_cluster;

/* Starts a read, unless one is in flight. */
void record_read(struct ledger_cluster *cluster);

/* Starts a write of the ledger against the copy, which must be writable. [fold, write] */
void record_write(struct ledger_cluster *cluster);

/* Starts the writes that make the record settle, or open it, if they are wanted and possible. */
void record_write_state(struct ledger_cluster *cluster);

#endif
