/* guard_paths: Guards for paths on the node and in containers. */
#ifndef POLICY_EVALUATE_GUARD_PATHS_H
#define POLICY_EVALUATE_GUARD_PATHS_H

#include "policy/evaluate/guard_violation.h"

guard_check_fn guard_check_device_paths;   /* hostDeviceMounts */
guard_check_fn guard_check_allowed_paths;  /* hostPaths */
guard_check_fn guard_check_device_volumes; /* deviceVolumeMounts */

#endif
