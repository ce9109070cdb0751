/* violation: adds violations, with their messages, to a decision. */
#ifndef POLICY_EVALUATE_VIOLATION_H
#define POLICY_EVALUATE_VIOLATION_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/policy_enums.h"

/*
 * Adds a violation whose message is formatted into the arena. `name` is copied. The enforcement
 * deny denies the Pod unless it is a mirror Pod, and allow drops the violation. Returns 0, or -1 if
 * the arena is exhausted.
 */
__attribute__((format(printf, 6, 7))) int decision_add_violation(struct decision *decision, struct arena *arena,
								 enum reason reason, enum enforcement enforcement,
								 struct str name, const char *format, ...);

/* Does the same, and sets what of the Pod it is about, which is borrowed. */
__attribute__((format(printf, 7, 8))) int decision_add_violation_about(struct decision *decision, struct arena *arena,
								       enum reason reason, enum enforcement enforcement,
								       struct str name, struct str about,
								       const char *format, ...);

#endif
