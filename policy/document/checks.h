/*
 * checks: conditions between several fields of one object, which the row of a single field cannot
 * express. The decoder calls them through struct schema_object; see there for the parameters.
 */
#ifndef POLICY_DOCUMENT_CHECKS_H
#define POLICY_DOCUMENT_CHECKS_H

#include "policy/document/documents.h"

/* Requires values for In and NotIn, and no values for Exists and DoesNotExist. */
void check_expression(struct report *report, const struct docs *docs, void *object, struct location at);

/* Sets the memory of a profile without `memory` from the profile's name. */
void check_profile(struct report *report, const struct docs *docs, void *object, struct location at);

/* Requires the effect NoExecute for tolerationSeconds, as Kubernetes does. */
void check_toleration(struct report *report, const struct docs *docs, void *object, struct location at);

#endif
