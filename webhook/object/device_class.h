/* device_class: reads a DeviceClass of resource.k8s.io, in any version. Pure and thread-safe. */
#ifndef WEBHOOK_OBJECT_DEVICE_CLASS_H
#define WEBHOOK_OBJECT_DEVICE_CLASS_H

#include "gpugate/arena.h"
#include "gpugate/device_classes.h"
#include "gpugate/error.h"

/*
 * Reads the name of a class, its age, and the resource name of its devices, which is absent if they
 * have none. A time that cannot be read is not known. REVIEW_PADDING readable bytes must follow
 * `json`. Borrows from it and from the arena. Returns 0, or -1 with an error.
 */
int device_class_read(struct str json, struct arena *arena, struct device_class *class, struct error *err);

#endif
