/*
 * affinity: evaluates the required node affinity of a Pod against known labels, as the scheduler
 * does. Pure.
 */
#ifndef POLICY_EVALUATE_AFFINITY_H
#define POLICY_EVALUATE_AFFINITY_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"

/*
 * Whether no node with the label key=value satisfies the expression, by the rules of
 * labels.Requirement in apimachinery. An expression on another key excludes nothing. Neither does
 * an unknown operator, which the API server denies.
 */
bool expression_excludes(const struct node_expression *expression, struct str key, struct str value);

/*
 * Whether a node that has all of these labels, and those of the nodeSelector of the Pod, could
 * satisfy its required node affinity. Terms are ORed, and an empty term matches no node. Labels
 * that are not given do not matter. Returns true if the affinity has more than 1024 expressions,
 * values and selectors, so that the cost is bounded whatever the Pod contains.
 */
bool affinity_allows(const struct pod *pod, const struct pair *labels, uint32_t count);

/*
 * Returns the first expression that excludes one of the labels, and sets `*label` to that label.
 * Returns NULL if there is none.
 */
const struct node_expression *affinity_against(const struct pod *pod, const struct pair *labels, uint32_t count,
					       const struct pair **label);

#endif
