/* gangs: finds the Rule that admits the group of a Pod only as a whole. */
#ifndef POLICY_EVALUATE_GANGS_H
#define POLICY_EVALUATE_GANGS_H

#include "policy/evaluate/evaluation.h"

/*
 * Returns the first Rule that decides groups and matches the current working Pod, or NULL. Only
 * charged Pods have a reason to wait for each other, so the caller asks for no others.
 */
const struct rule *gangs_rule(const struct evaluation *e);

#endif
