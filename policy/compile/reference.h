/* reference: what a finding says about a name that no document of the policy has. */
#ifndef POLICY_COMPILE_REFERENCE_H
#define POLICY_COMPILE_REFERENCE_H

#include "policy/compile/context.h"

/*
 * Returns the end of a finding about a name that none of the documents has: `; did you mean "x"?`
 * for a similar one or for those that begin with it, else a few of those that there are. It is in
 * the scratch arena. `names` is the first of `count` names that are `stride` bytes apart.
 */
const char *compile_reference_hint(struct compile *c, struct str wrong, const struct str *names, size_t count,
				   size_t stride);

#endif
