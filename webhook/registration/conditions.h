/*
 * render_conditions: which requests the API server shows to which webhook, in CEL (matchConditions). Every expression lets
 * through all that the evaluation could change or refuse, and is cheap for any object: where lists are so long that looking
 * through them would cost more than the API server allows (1,000,000 units for an expression, k8s.io/apiserver
 * pkg/apis/cel/config.go), it does not look, and lets the request through. An error in one would be a refusal where the
 * failurePolicy is Fail, and a way around where it is Ignore.
 */
#ifndef WEBHOOK_REGISTRATION_CONDITIONS_H
#define WEBHOOK_REGISTRATION_CONDITIONS_H

#include "gpugate/buf.h"
#include "gpugate/scope.h"

/* CREATE: /mutate could change the Pod, or refuse what a Rule cannot do. Returns false, and appends nothing, when there is no
 * such Pod. */
bool condition_mutate(const struct reach *reach, struct buf *out);

/* CREATE: the Pod asks for a resource whose name has a slash in it, or claims devices. Does not depend on the policy. */
void condition_quota(struct buf *out);

/*
 * CREATE or UPDATE of ephemeral containers: whatever a Guard could refuse, of any policy, and condition_quota does not show. To that
 * come Pods without anything special that only this policy refuses: those whose variables are not void, and those that a Rule
 * for all Pods has missed.
 */
void condition_guard(const struct reach *reach, struct buf *out);

/* DELETE, or UPDATE of the status: what the embedded ledger may hold is going or has finished. */
void condition_end(struct buf *out);

#endif
