/*
 * checks: what a single field's row cannot say: conditions between the fields of one object. Called by the decoder.
 */
#ifndef POLICY_DOCUMENT_CHECKS_H
#define POLICY_DOCUMENT_CHECKS_H

#include "policy/document/documents.h"

/* In and NotIn need values, Exists and DoesNotExist must have none. */
void check_expression(struct report *report, const struct docs *docs, void *object, struct place at);

/* A profile without `memory` has that of its name. */
void check_profile(struct report *report, const struct docs *docs, void *object, struct place at);

/* tolerationSeconds needs the effect NoExecute, as Kubernetes demands. */
void check_toleration(struct report *report, const struct docs *docs, void *object, struct place at);

#endif
