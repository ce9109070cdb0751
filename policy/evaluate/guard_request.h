/* guard_request: Guards for the resource requests of containers. */
#ifndef POLICY_EVALUATE_GUARD_REQUEST_H
#define POLICY_EVALUATE_GUARD_REQUEST_H

#include "policy/evaluate/guard_violation.h"

guard_check_fn guard_check_mixed_mig; /* mixedMigInContainer */
guard_check_fn guard_check_shares;    /* sharedRequestAboveOne */
guard_check_fn guard_check_slices;    /* severalSlicesInContainer */

#endif
