/* objection: adds what speaks against a Pod to its decision, with the message that says so. */
#ifndef POLICY_EVALUATE_OBJECTION_H
#define POLICY_EVALUATE_OBJECTION_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/policy_enums.h"

/*
 * Workflow engines (Argo Workflows, Tekton, Airflow) create a Pod again later if it was refused with status 403 and a
 * message that has the words `exceeded quota`, and give up otherwise. Quota messages that waiting helps begin with
 * this, and no other message has the words.
 */
#define DECISION_WAIT "exceeded quota: "

/*
 * Adds an objection; its message is formatted into the arena. What enforcement makes of it: deny denies (never a mirror
 * Pod), allow drops it. Returns -1 when the arena is exhausted.
 */
__attribute__((format(printf, 6, 7))) int decision_object(struct decision *decision, struct arena *arena,
							  enum reason reason, enum enforcement enforcement,
							  struct str name, const char *format, ...);

#endif
