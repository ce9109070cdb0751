/*
 * inputs: the annotations and environment variables of a Pod that can influence a decision. Most
 * have no effect, and a recording leaves those out because they may hold secrets. Pure: no I/O.
 * Safe on any number of threads.
 */
#ifndef GPUGATE_INPUTS_H
#define GPUGATE_INPUTS_H

#include <stdbool.h>

#include "gpugate/policy.h"
#include "gpugate/str.h"

/*
 * Whether a decision by this policy can depend on the annotation: it is one that Guards check, one
 * that a Rule selects by or reads an amount of memory from, one that says the group of a Pod if a
 * Rule has `gangs`, or the mark of a mirror Pod.
 */
bool policy_reads_annotation(const struct policy *policy, struct str key);

/*
 * Whether a decision by any policy can depend on the value of the variable: it tells a container
 * runtime which devices to expose. Of other variables only the names matter.
 */
bool policy_reads_variable(struct str name);

#endif
