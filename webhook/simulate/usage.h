/* usage: adds the objects of a file to a simulation, as what already exists in the cluster. */
#ifndef WEBHOOK_SIMULATE_USAGE_H
#define WEBHOOK_SIMULATE_USAGE_H

#include "webhook/object/manifest.h"
#include "webhook/simulate/store.h"

/*
 * Adds the objects of a manifest. Pods hold quota unless they have finished; the labels of
 * Namespaces and Nodes are set; objects of other kinds are skipped. A Pod without a uid is
 * identified by its namespace and name. Returns 0, or -1 with an error that begins with FILE:LINE.
 */
int simulation_usage(struct simulation *simulation, const struct manifest *manifest, struct error *err);

/*
 * Sets the labels of a single object if it is a Namespace or a Node. Returns 1; 0 if it is neither;
 * or -1 with an error that begins with FILE:LINE.
 */
int simulation_labels(struct simulation *simulation, const struct manifest *manifest,
		      const struct manifest_object *object, struct error *err);

#endif
