/* answer: a decision as the AdmissionReview that goes back to the API server (admission.k8s.io/v1). */
#ifndef WEBHOOK_ADMISSION_RESPONSE_H
#define WEBHOOK_ADMISSION_RESPONSE_H

#include "gpugate/buf.h"
#include "gpugate/policy.h"

struct answer {
	struct str uid; /* of the request */
	const struct pod *pod;
	const struct decision *decision;
	struct str charge;  /* for auditAnnotations; may be empty */
	struct str warning; /* one more warning; may be absent */
};

void answer_write(struct buf *out, const struct answer *answer);

/* All denying objections as one message, joined by "; ". */
void answer_message(struct buf *out, const struct decision *decision);

#endif
