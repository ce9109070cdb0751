/* accelerators: the Accelerators of a first policy, from the groups of a fleet. */
#ifndef WEBHOOK_INIT_ACCELERATORS_H
#define WEBHOOK_INIT_ACCELERATORS_H

#include "gpugate/buf.h"
#include "webhook/init/fleet.h"

/*
 * Completes the groups once all nodes and slices are read: merges those that one Accelerator
 * describes, and gives each a name, a MIG model, and what tells it from the others. Returns 0, or
 * -1 with an error.
 */
int accelerators_derive(struct fleet *fleet, struct error *err);

/* Appends the document of one group, with its comments. */
void accelerators_write_group(const struct fleet_group *group, struct buf *out);

/* Appends the documents, each with the comments that say from what it was read. */
void accelerators_write(const struct fleet *fleet, struct buf *out);

#endif
