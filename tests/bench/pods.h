/*
 * pods: what the API server sends to clients that list or watch Pods, made from the Pods of real
 * reviews.
 */
#ifndef TESTS_BENCH_PODS_H
#define TESTS_BENCH_PODS_H

#include "gpugate/buf.h"
#include "webhook/kube/stream.h"

/* Minimum size of a Pod. Smaller ones get more containers and managedFields. */
#define PODS_EACH_BYTES 8000
/* Approximate size of a whole stream. */
#define PODS_STREAM_BYTES (8 << 20)

/*
 * Appends a review's Pod and a newline to `pods`. Ignores a review without a Pod. Returns 0 or -1.
 */
int pods_add(struct buf *pods, const char *review, size_t len);

/*
 * Repeats the Pods as a list or as a watch. Returns 0, or -1 if there are none or memory is
 * exhausted.
 */
int pods_stream(const struct buf *pods, enum kube_stream_kind kind, struct buf *out);

#endif
