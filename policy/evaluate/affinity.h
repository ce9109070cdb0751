/* affinity: what a required node affinity says about a label that is known, as the scheduler decides it. Pure. */
#ifndef POLICY_EVALUATE_AFFINITY_H
#define POLICY_EVALUATE_AFFINITY_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"

/*
 * Whether no node that carries the label key=value satisfies the expression, as apimachinery's labels.Requirement decides it. An
 * expression on another key excludes nothing; neither does an operator that Kubernetes does not have, which the API server
 * refuses.
 */
bool expression_excludes(const struct node_expression *expression, struct str key, struct str value);

/*
 * Whether a node that carries all of the labels, and those of the Pod's nodeSelector, could satisfy the Pod's required node affinity. Terms
 * are ORed; an empty one matches no node. Labels that are not known decide nothing, nor does an affinity that is longer than any
 * that a person writes (more than 1024 expressions, values and selectors together), so that this stays cheap whatever a Pod says.
 */
bool affinity_allows(const struct pod *pod, const struct pair *labels, uint32_t count);

/* The first expression that excludes one of the labels, which goes to `*label`; NULL: none does. */
const struct node_expression *affinity_against(const struct pod *pod, const struct pair *labels, uint32_t count,
					       const struct pair **label);

#endif
