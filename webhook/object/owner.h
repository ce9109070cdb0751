/* owner: the rows that read the owners of an object. */
#ifndef WEBHOOK_OBJECT_OWNER_H
#define WEBHOOK_OBJECT_OWNER_H

#include "gpugate/pod.h"
#include "webhook/json/field.h"

/* An item of metadata.ownerReferences. */
struct owner_reference {
	struct owner owner;
	bool controller;
};

extern const struct shape owner_shape; /* Of items of a list of struct owner_reference. */

/*
 * Returns the controller among the owners; without one, all members are absent. The API server
 * rejects objects with more than one controller. If there are several, this is the first. Pure.
 */
struct owner owner_controller(const struct owner_reference *owners, uint32_t count);

#endif
