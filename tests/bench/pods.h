/* pods: what the API server sends to who lists or watches Pods, made of the Pods of real reviews. */
#ifndef TESTS_BENCH_PODS_H
#define TESTS_BENCH_PODS_H

#include "gpugate/buf.h"
#include "webhook/kube/stream.h"

#define PODS_EACH_BYTES 8000        /* of a Pod at least; smaller ones get more containers and managedFields */
#define PODS_STREAM_BYTES (8 << 20) /* of a whole stream, about */

/* Adds a review's Pod to `pods`, each of them followed by a newline. What has no Pod is passed over. Returns 0 or -1. */
int pods_add(struct buf *pods, const char *review, size_t len);

/* The Pods again and again, as a list or as a watch. Returns 0, or -1 if there are none or no memory. */
int pods_stream(const struct buf *pods, enum kube_stream_kind kind, struct buf *out);

#endif
