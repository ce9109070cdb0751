/* watch_event: what a watch has to know of the objects in its events. Objects are followed by REVIEW_PADDING readable bytes. */
#ifndef WEBHOOK_KUBE_WATCH_EVENT_H
#define WEBHOOK_KUBE_WATCH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

/* Reads metadata.resourceVersion, and nothing behind it: whoever wants more of the object checks all of it. Returns 0 or -1. */
int kube_event_version(struct str object, uint64_t *version, struct error *err);

struct kube_bookmark {
	uint64_t version;
	bool initial_end; /* all that existed has been told (annotation k8s.io/initial-events-end) */
};
int kube_event_bookmark(struct str object, struct kube_bookmark *bookmark, struct error *err);

struct kube_status {
	unsigned code; /* 0: not given */
	unsigned retry_after_ms;
	char message[512];
};
/* Reads the Status of an ERROR event. What of it cannot be read is as not given. */
void kube_event_status(struct str object, struct kube_status *status);

#endif
