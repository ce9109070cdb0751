/*
 * review_read: from the bytes of an admission.k8s.io/v1 AdmissionReview, or of a Pod, to the facts that decide, in one
 * pass. A review's Pods are read where request.kind is core/v1 Pod; other objects are checked to be JSON and skipped.
 *
 * Everything is refused that is not JSON (RFC 8259) in UTF-8, nested deeper than 512, of a type that Kubernetes does
 * not give the field, or ambiguous: a key that matters, or one of a map that is read, given twice.
 */
#ifndef WEBHOOK_OBJECT_REVIEW_H
#define WEBHOOK_OBJECT_REVIEW_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/facts.h"
#include "webhook/json/scan.h" /* REVIEW_PADDING */

/*
 * Reads a review. `bytes` and the arena must outlive the facts, which borrow from both. *review is untouched after a
 * failure. Returns 0, or -1 with a sentence that names the place, such as
 * `request.object.spec.containers[0].name: expected a string, found a number (byte 123)`.
 * Thread-safe as long as each thread has its own arena.
 */
int review_read(const char *bytes, size_t len, struct arena *arena, struct review *review, struct error *err);

/* The same for one Pod: an item of a list, the object of a watch event, a manifest. kind and apiVersion may be absent. Of
 * metadata.managedFields only the end is looked for: what stands in it is its owner's. */
int review_read_pod(const char *bytes, size_t len, struct arena *arena, struct pod *pod, struct error *err);

#endif
