/* usage: the objects of a file as what exists already in a simulation. */
#ifndef WEBHOOK_SIMULATE_USAGE_H
#define WEBHOOK_SIMULATE_USAGE_H

#include "webhook/object/manifest.h"
#include "webhook/simulate/store.h"

/*
 * Takes what a manifest says of the cluster: Pods hold quota from now on, unless they have
 * finished; Namespaces and Nodes have their labels. Objects of other kinds are passed over. A Pod
 * without a uid is known by its namespace and name. Returns 0, or -1 with an error that begins with
 * FILE:LINE.
 */
int simulation_usage(struct simulation *simulation, const struct manifest *manifest, struct error *err);

/*
 * The same of a single object, of its labels only: whether it is a Namespace or a Node. Returns 1,
 * 0 if it is neither, or -1.
 */
int simulation_labels(struct simulation *simulation, const struct manifest *manifest,
		      const struct manifest_object *object, struct error *err);

#endif
