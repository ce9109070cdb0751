/*
 * pod: decodes a core/v1 Pod from JSON into a struct pod. Its tables list the fields that are kept.
 */
#ifndef WEBHOOK_OBJECT_POD_H
#define WEBHOOK_OBJECT_POD_H

#include "gpugate/pod.h"
#include "webhook/json/field.h"

/*
 * Reads the Pod at the reader's current position. *pod borrows from the reader's text and arena.
 * Returns 0, or -1 with *pod unchanged; reader_error then describes the failure. Not thread-safe: a
 * reader belongs to one thread.
 */
int reader_pod(struct reader *reader, struct pod *pod);

#endif
