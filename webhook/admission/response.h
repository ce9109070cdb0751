/*
 * response: writes a decision as the AdmissionReview that the API server receives
 * (admission.k8s.io/v1).
 */
#ifndef WEBHOOK_ADMISSION_RESPONSE_H
#define WEBHOOK_ADMISSION_RESPONSE_H

#include "gpugate/buf.h"
#include "gpugate/decision.h"
#include "gpugate/pod.h"

/* The content of one response. All members are borrowed. */
struct admission_response {
	struct str uid;        /* The request's uid, which the response must repeat. */
	const struct pod *pod; /* The Pod to which the decision's edits apply. */
	const struct decision *decision;
	struct str charge;  /* The audit annotation `charge`. May be empty. */
	struct str warning; /* A warning in addition to those of the decision. May be empty. */
};

/*
 * Appends the AdmissionReview. Errors, including a patch above its maximum size, appear only in
 * out->failed. Thread-safe: it keeps no state.
 */
void response_write(struct buf *out, const struct admission_response *response);

/* Appends the messages of all violations that deny the request, joined by "; ". */
void response_message(struct buf *out, const struct decision *decision);

#endif
