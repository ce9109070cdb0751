/*
 * replaced: the Pods that exist already of the objects of a file. The Pods that a command tries for
 * such an object take their place, so both are not counted together.
 *
 * A Pod belongs to a Pod of the same name, and to the workload that its owner reference names. That
 * of a Deployment names a ReplicaSet, whose name is that of the Deployment, "-", and the Pod's
 * label pod-template-hash. Pods of a CronJob belong to a Job of an earlier run and are not
 * replaced.
 */
#ifndef WEBHOOK_SIMULATE_REPLACED_H
#define WEBHOOK_SIMULATE_REPLACED_H

#include "gpugate/pod.h"
#include "webhook/object/manifest.h"
#include "webhook/simulate/store.h"

struct replaced;

/*
 * Returns, new, the objects of a manifest that have Pods, without any Pods so far. `namespace` is
 * that of objects that name none. Borrows both. Returns NULL without memory.
 */
struct replaced *replaced_create(const struct manifest *manifest, struct str namespace);
void replaced_destroy(struct replaced *replaced); /* Accepts NULL. */

/*
 * Notes a Pod that the simulation has, if it is of one of the objects and has not finished. Copies
 * its uid. Returns 0, or -1 without memory.
 */
int replaced_note(struct replaced *replaced, const struct pod *pod);

/* Forgets all Pods. */
void replaced_forget(struct replaced *replaced);

/*
 * Removes the Pods of an object of the manifest from the simulation, so that its new Pods can be
 * tried in their place. `index` is its position. Returns how many were removed.
 */
int64_t replaced_remove(struct replaced *replaced, uint32_t index, struct simulation *simulation);

#endif
