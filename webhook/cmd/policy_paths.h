/* policy_paths: loads the policy that is named on the command line. */
#ifndef WEBHOOK_CMD_POLICY_PATHS_H
#define WEBHOOK_CMD_POLICY_PATHS_H

#include "gpugate/policy.h"
#include "webhook/cli/options.h"

/*
 * Returns new, or NULL with an error; the findings of a policy with errors are then on standard
 * error.
 */
struct policy *policy_paths_load(const struct option_list *paths, struct error *err);

#endif
