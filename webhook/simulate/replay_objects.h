/*
 * replay_objects: replays objects of Kubernetes: Pods that exist, Pods and workloads that would be
 * created, and the labels of Namespaces and Nodes.
 *
 * A Pod with a uid exists. Such Pods are kept until replay_objects_finish, which creates them again
 * in the order of their creation.
 */
#ifndef WEBHOOK_SIMULATE_REPLAY_OBJECTS_H
#define WEBHOOK_SIMULATE_REPLAY_OBJECTS_H

#include "webhook/object/manifest.h"
#include "webhook/simulate/replay_state.h"

/* Takes all objects of a manifest. `file` outlives the replay. Returns 0, or -1 with an error. */
int replay_objects(struct replay *replay, const struct manifest *manifest, const char *file, struct error *err);

/* Creates the kept Pods again, and forgets them. Returns 0, or -1 with an error. */
int replay_objects_finish(struct replay *replay, struct error *err);

/* Forgets the kept Pods. */
void replay_objects_forget(struct replay *replay);

/* Takes the labels of the Namespaces and Nodes in it. Returns 0, or -1 with an error. */
int replay_objects_labels(struct replay *replay, const struct manifest *manifest, struct error *err);

#endif
