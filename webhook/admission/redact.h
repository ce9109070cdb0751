/*
 * redact: copies the request of an AdmissionReview without what could be a secret, for recordings.
 *
 * The tables in redact.c list what is copied; everything else is left out, including fields that
 * Kubernetes adds later. They contain every field that webhook/object reads, so the policy decides
 * alike about the copy and the original.
 */
#ifndef WEBHOOK_ADMISSION_REDACT_H
#define WEBHOOK_ADMISSION_REDACT_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/policy.h"

/* Replaces the value of an environment variable that no policy reads. */
#define REDACTED "REDACTED"

/*
 * Appends the request of the review `bytes`, a JSON object without a newline. Of the annotations,
 * those that `policy` reads stay. REVIEW_PADDING readable bytes must follow `bytes`. The arena is
 * used until the return. Returns 0, or -1 with an error that gives the location; the buffer then
 * ends in an incomplete object. A lack of room shows only in out->failed. Thread-safe: it keeps no
 * state.
 */
int redact_request(struct buf *out, struct str bytes, const struct policy *policy, struct arena *arena,
		   struct error *err);

#endif
