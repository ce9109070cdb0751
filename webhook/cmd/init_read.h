/* init_read: reads a cluster into a survey, from files or from the API server. */
#ifndef WEBHOOK_CMD_INIT_READ_H
#define WEBHOOK_CMD_INIT_READ_H

#include "webhook/init/survey.h"
#include "webhook/kube/config.h"

/*
 * Reads the objects of all files, "-" being standard input. Other objects than those of
 * survey_kinds are passed over. Configurations that are in `folder`, that of the policy, can be
 * named; it may be NULL. Returns 0, or -1 with an error.
 */
int init_read_files(struct survey *survey, const char *const *paths, size_t count, const char *folder,
		    struct error *err);

/*
 * Lists the objects of a cluster, and reads only. If pages of a list expire, `survey` is emptied
 * and all lists begin again. Prints on standard error what the user may not list and can be spared.
 * Returns 0, or -1 with an error that names the right that is missing.
 */
int init_read_cluster(struct survey *survey, struct kube_config *config, struct error *err);

#endif
