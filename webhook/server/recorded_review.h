/*
 * recorded_review: one line of a recording: a review, and what was answered. A record is a copy, so
 * that another thread can write it later.
 */
#ifndef WEBHOOK_SERVER_RECORDED_REVIEW_H
#define WEBHOOK_SERVER_RECORDED_REVIEW_H

#include <time.h>

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/pairs.h"
#include "gpugate/policy.h"

/* What a record is made of. All members are borrowed, except that `endpoint` is static. */
struct review_source {
	const char *endpoint; /* "/mutate" or "/validate" */
	struct str body;      /* The AdmissionReview that was received. */
	struct str response;  /* The AdmissionReview that was answered. */
	const struct policy *policy;
	/* The labels of the namespace that decided; not present: those of the policy did. */
	const struct pairs *namespace_labels;
};

struct recorded_review {
	struct recorded_review *next; /* For the owner's queue. */
	size_t bytes;                 /* Memory of the record. */
	const char *endpoint;
	const struct policy *policy; /* Retained. */
	struct timespec time;        /* Of its creation. */
	/* They borrow from `content`. Both reviews are followed by REVIEW_PADDING bytes. */
	struct str body, response, labels;
	char content[];
};

/*
 * Returns the memory that recorded_review_create needs for the source, without the labels of the
 * namespace.
 */
size_t recorded_review_bytes(const struct review_source *source);

/* Returns new, or NULL without memory. Thread-safe. */
struct recorded_review *recorded_review_create(const struct review_source *source);
void recorded_review_destroy(struct recorded_review *record);

/*
 * Appends the line, redacted, with its newline. Uses the arena until the return. Returns 0, or -1
 * with an error. A lack of room shows only in out->failed.
 */
int recorded_review_write(const struct recorded_review *record, struct buf *out, struct arena *arena,
			  struct error *err);

#endif
