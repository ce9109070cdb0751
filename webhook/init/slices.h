/* slices: reads what dynamic resource allocation says about devices into a fleet. */
#ifndef WEBHOOK_INIT_SLICES_H
#define WEBHOOK_INIT_SLICES_H

#include "webhook/init/fleet.h"

/*
 * Add a DeviceClass or a ResourceSlice, whose JSON REVIEW_PADDING readable bytes must follow. Nodes
 * and DeviceClasses come before the slices. `scratch` is for reading. Return 0, or -1 with an
 * error.
 */
int slices_read_class(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err);
int slices_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err);

#endif
