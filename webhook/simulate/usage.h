/* usage: adds objects to a simulation, as what already exists in the cluster. */
#ifndef WEBHOOK_SIMULATE_USAGE_H
#define WEBHOOK_SIMULATE_USAGE_H

#include "webhook/object/manifest.h"
#include "webhook/simulate/replaced.h"
#include "webhook/simulate/store.h"

/*
 * Adds the objects of a manifest. Pods hold quota unless they have finished; the labels of
 * Namespaces and Nodes are set, and the resource names of DeviceClasses, and PodGroups say how many
 * Pods they have; objects of other kinds are skipped. A Pod without a uid is
 * identified by its namespace and name. Pods are also noted in `replaced`, which may be NULL.
 * Returns 0, or -1 with an error that begins with FILE:LINE.
 */
int simulation_usage(struct simulation *simulation, const struct manifest *manifest, struct replaced *replaced,
		     struct error *err);

/*
 * Sets the labels of a single object if it is a Namespace or a Node, or adds it if it is a
 * DeviceClass, a ResourceSlice, or a PodGroup. Returns 1; 0 if it is none of these; or -1 with an
 * error that begins with FILE:LINE.
 */
int simulation_labels(struct simulation *simulation, const struct manifest *manifest,
		      const struct manifest_object *object, struct error *err);

/*
 * Adds one object of what exists, as the API server sends it: `kind` is Pod, Namespace, or Node, of
 * the core group, or ResourceClaim or DeviceClass. `replaced` is as above. The simulation copies
 * what it keeps; `arena` is for reading. REVIEW_PADDING readable bytes must follow `json`. Returns
 * 1; 0 for another kind; or -1 with an error that names the path and the byte.
 */
int simulation_take(struct simulation *simulation, struct str kind, struct str json, struct replaced *replaced,
		    struct arena *arena, struct error *err);

#endif
