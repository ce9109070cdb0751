/*
 * autoscaler: sentences about objects that set how many Pods another object has, which lint and the
 * webhook say alike. Pure.
 */
#ifndef GPUGATE_AUTOSCALER_H
#define GPUGATE_AUTOSCALER_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

#define AUTOSCALER_TEXT_BYTES 512

/*
 * Whether a metric of type Resource or ContainerResource never has a value by that name: it is that
 * of a device, and such metrics are cpu and memory only.
 */
bool autoscaler_metric_is_dead(struct str resource);

/* Writes which metric to use in its place, and returns the text. */
const char *autoscaler_metric_text(struct str resource, char text[static AUTOSCALER_TEXT_BYTES]);

/* The keys of an autoscaler that bound the number of Pods. */
struct autoscaler_keys {
	const char *most, *least; /* Such as maxReplicas and minReplicas. */
	int64_t least_pods;       /* What the latter says. */
};

/*
 * Writes what to do if it may ask for more Pods than the `fits` that ever fit, and returns the
 * text. It may be one of static storage.
 */
const char *autoscaler_remedy_text(const struct autoscaler_keys *keys, int64_t fits,
				   char text[static AUTOSCALER_TEXT_BYTES]);

#endif
