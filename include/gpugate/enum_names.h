/* enum_names: the words of the policy language for enumerated values. They are static. Pure. */
#ifndef GPUGATE_ENUM_NAMES_H
#define GPUGATE_ENUM_NAMES_H

#include "gpugate/policy.h"

const char *enforcement_name(enum enforcement enforcement); /* "deny", "warn", "audit" or "allow" */
const char *measure_name(enum measure measure);             /* "count", "gpus" or "memory" */

#endif
