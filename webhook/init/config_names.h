/*
 * config_names: which configurations an Accelerator names as files of the policy, instead of
 * repeating what they say.
 */
#ifndef WEBHOOK_INIT_CONFIG_NAMES_H
#define WEBHOOK_INIT_CONFIG_NAMES_H

#include "gpugate/buf.h"
#include "gpugate/policy.h"
#include "webhook/init/fleet.h"

/*
 * Lets the group name the files of its configurations, if its Accelerator is then valid and lint
 * has nothing to say about it. `write` appends the Accelerator. Returns 0, or -1 with an error.
 */
int config_names_choose(struct fleet *fleet, struct fleet_group *group,
			void (*write)(const struct fleet_group *group, struct buf *out), struct error *err);

/* Whether an Accelerator names the file. */
bool config_names_has(const struct fleet *fleet, const struct fleet_file *file);

/* Append the name of the file, and in it of the configuration or the layout. */
void config_names_plugin(const struct fleet_group *group, struct buf *out);
void config_names_parted(const struct fleet_group *group, struct buf *out);

/*
 * Loads texts as a policy, beside the files that Accelerators name. Returns new, or NULL if the
 * report has errors or there is not enough memory. The report is initialized.
 */
struct policy *config_names_load(const struct fleet *fleet, const struct policy_text *texts, size_t count,
				 struct report *report);

#endif
