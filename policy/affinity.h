/* affinity: what a required node affinity says about a label that is known, as the scheduler decides it. Pure. */
#ifndef POLICY_AFFINITY_H
#define POLICY_AFFINITY_H

#include "gpugate/facts.h"

/*
 * Whether no node that carries the label key=value satisfies the expression, as apimachinery's labels.Requirement decides it. An
 * expression on another key excludes nothing; neither does an operator that Kubernetes does not have, which the API server
 * refuses.
 */
bool expression_excludes(const struct node_expression *expression, struct str key, struct str value);

#endif
