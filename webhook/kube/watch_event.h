/*
 * watch_event: what a watch reads of the objects in its events. REVIEW_PADDING readable bytes must
 * follow each object.
 */
#ifndef WEBHOOK_KUBE_WATCH_EVENT_H
#define WEBHOOK_KUBE_WATCH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

/*
 * Reads metadata.resourceVersion and stops there: the rest of the object is not validated. Returns
 * 0 or -1.
 */
int kube_event_version(struct str object, uint64_t *version, struct error *err);

struct kube_bookmark {
	uint64_t version;
	/* All existing objects have been sent (annotation k8s.io/initial-events-end). */
	bool initial_end;
};
/* Reads a BOOKMARK event. Returns 0, or -1 with an error. */
int kube_event_bookmark(struct str object, struct kube_bookmark *bookmark, struct error *err);

struct kube_status {
	unsigned code; /* 0: not given. */
	unsigned retry_after_ms;
	char message[512];
};
/* Reads the Status of an ERROR event. Fields that cannot be read count as missing. */
void kube_event_status(struct str object, struct kube_status *status);

#endif
