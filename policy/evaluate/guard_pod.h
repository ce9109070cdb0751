/* guard_pod: Guards for security settings, annotations, and other fields of a Pod. */
#ifndef POLICY_EVALUATE_GUARD_POD_H
#define POLICY_EVALUATE_GUARD_POD_H

#include "policy/evaluate/guard_violation.h"

guard_check_fn guard_check_node_name;          /* preboundNodeName */
guard_check_fn guard_check_privileged;         /* privileged */
guard_check_fn guard_check_ephemeral;          /* ephemeralContainers */
guard_check_fn guard_check_device_annotations; /* deviceAnnotations */
guard_check_fn guard_check_fractions;          /* fractionAnnotations */

#endif
