/* deciders: what of a policy decided about a Pod, and where it is, for the failure of a test. */
#ifndef WEBHOOK_SIMULATE_DECIDERS_H
#define WEBHOOK_SIMULATE_DECIDERS_H

#include <jansson.h>

#include "gpugate/trace.h"

/*
 * Appends {"what", "at"} to a list if the step of the decision had an effect: an exemption, a Rule
 * that did something, a Guard that objects, a quota that counts the Pod, or its tenant.
 */
void deciders_note(json_t *deciders, const struct policy *policy, const struct trace_event *event);

#endif
