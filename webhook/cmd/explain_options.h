/* explain_options: the command line of `gpugate explain`. */
#ifndef WEBHOOK_CMD_EXPLAIN_OPTIONS_H
#define WEBHOOK_CMD_EXPLAIN_OPTIONS_H

#include "webhook/cli/options.h"

enum explain_output { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_YAML };

struct explain_options {
	const char *file;
	const char *namespace;
	const char *user;
	struct option_list groups;
	struct option_list policies;
	struct option_list usage;
	bool live;
	const char *kubeconfig; /* NULL: see kubeconfig_load. */
	int output;             /* enum explain_output */
};

extern const struct option_table explain_options_table;

/* Checks options that only make sense with others. Returns 0, or -1 with an error. */
int explain_options_check(const struct explain_options *options, struct error *err);

/*
 * Sets `*paths` to the policy that is named, or to the folder `policy` of the current one. The list
 * borrows. Returns 0, or -1 with an error if there is neither.
 */
int explain_options_policy(const struct explain_options *options, struct option_list *paths, struct error *err);

#endif
