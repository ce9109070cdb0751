/*
 * replaced: the Pods that exist already, by the objects that they belong to. The Pods that a
 * command tries for such an object take their place, so both are not counted together.
 *
 * A Pod belongs to a Pod of the same name, and to the workload that its owner reference names. That
 * of a Deployment names a ReplicaSet, whose name is that of the Deployment, "-", and the Pod's
 * label pod-template-hash. Pods of a CronJob belong to a Job of an earlier run and are not
 * replaced.
 */
#ifndef WEBHOOK_SIMULATE_REPLACED_H
#define WEBHOOK_SIMULATE_REPLACED_H

#include "gpugate/pod.h"
#include "webhook/simulate/store.h"
#include "webhook/simulate/subject.h"

struct replaced;

/* Returns, new, what belongs to no object so far. Returns NULL without memory. */
struct replaced *replaced_create(void);
void replaced_destroy(struct replaced *replaced); /* Accepts NULL. */

/*
 * Notes a Pod that a simulation has, unless it has finished. Copies what it keeps. Returns 0, or -1
 * without memory.
 */
int replaced_note(struct replaced *replaced, const struct pod *pod);

/* Forgets all Pods. */
void replaced_forget(struct replaced *replaced);

/* What is tried of an object. */
struct replacement {
	int64_t replaced; /* How many Pods of it were removed. */
	/* How many are tried, those during a rollout included; at most SUBJECT_PODS_MAX and 1. */
	struct workload_count count;
};

/*
 * Removes the Pods of an object with that name from the simulations, so that its new Pods can be
 * tried in their place. All simulations have the Pods that were noted. `replaced` may be NULL.
 */
struct replacement replaced_take(struct replaced *replaced, const struct subject *subject, struct str name,
				 struct simulation *const *simulations, size_t simulation_count);

#endif
