/* lint_admission: what a policy says about the manifests that `gpugate lint` reads. */
#ifndef WEBHOOK_CMD_LINT_ADMISSION_H
#define WEBHOOK_CMD_LINT_ADMISSION_H

#include "gpugate/error.h"
#include "gpugate/manifests.h"
#include "gpugate/policy.h"

/*
 * Adds to the report, and sorts it, which Pods the policy refuses where nothing else is held, and
 * which workloads do not fit into its quotas. `namespace` is that of objects that name none;
 * absent: these are passed over. Returns 0, or -1 with an error.
 */
int lint_admission(const struct manifests *manifests, const struct policy *policy, struct str namespace,
		   struct report *report, struct error *err);

#endif
