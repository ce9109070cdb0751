/* guard_claims: Guards for claims of devices (dynamic resource allocation). */
#ifndef POLICY_EVALUATE_GUARD_CLAIMS_H
#define POLICY_EVALUATE_GUARD_CLAIMS_H

#include "policy/evaluate/guard_violation.h"

guard_check_fn guard_check_any_claim;    /* resourceClaims in `deny`; of a Pod */
guard_check_fn guard_check_named_claims; /* resourceClaims; of a Pod */
guard_check_fn guard_check_claim;        /* resourceClaims with classes; of a claim or template */

#endif
