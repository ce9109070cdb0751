/*
 * review_pod: the tables of a Pod.
 */
#ifndef WEBHOOK_OBJECT_POD_H
#define WEBHOOK_OBJECT_POD_H

#include "webhook/json/field.h"

/* Reads the Pod at which the reader's scan stands; *pod is untouched after a failure. Returns 0 or -1 (for reader_error). */
int reader_pod(struct reader *reader, struct pod *pod);

#endif
