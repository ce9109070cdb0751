/* nodes: reads Nodes into a fleet. */
#ifndef WEBHOOK_INIT_NODES_H
#define WEBHOOK_INIT_NODES_H

#include "webhook/init/fleet.h"

/*
 * Adds a Node, whose JSON REVIEW_PADDING readable bytes must follow. `scratch` is for reading.
 * Returns 0, or -1 with an error.
 */
int nodes_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err);

/* What ResourceSlices say about the devices of a node. */
struct nodes_offer {
	struct str resource; /* By which Pods request them. */
	struct str product;  /* May be absent. */
	/* The label by which nodes count as those of the product; its value may be absent. */
	struct pair label;
	int64_t devices;
	int64_t mib; /* 0: not known. */
};

/*
 * Adds devices that a node has without advertising them. `labels` are those of the node; none, if
 * it is not known.
 */
int nodes_offer(struct fleet *fleet, const struct pairs *labels, const struct nodes_offer *offer, struct error *err);

#endif
