/* render_options: the command line of `gpugate render`, and its interpretation. */
#ifndef WEBHOOK_CMD_RENDER_OPTIONS_H
#define WEBHOOK_CMD_RENDER_OPTIONS_H

#include "webhook/base/path_secret.h"
#include "webhook/cli/options.h"
#include "webhook/registration/render.h"

enum render_output { RENDER_YAML, RENDER_JSON };
enum render_part { RENDER_ALL, RENDER_PREREQUISITES, RENDER_WEBHOOKS };

struct render_options {
	struct option_list policies;
	int ledger; /* enum ledger_kind */
	int certs;  /* enum certs_kind */
	const char *namespace;
	const char *service;     /* NULL: not given. */
	const char *url;         /* NULL: a Service is used. */
	const char *ca_bundle;   /* A file; NULL: none. */
	const char *path_secret; /* A file; NULL: none. */
	const char *kube_version;
	int quota_failure, guard_failure; /* enum failure_kind */
	int part;                         /* enum render_part */
	struct option_list viewers;       /* TENANT=GROUP */
	int output;                       /* enum render_output */
};

extern const struct option_table render_options_table;

/* Strings that a render_target borrows and that have no other owner. Initially zeroed. */
struct render_texts {
	char secret[PATH_SECRET_MAX + 1];
	char *url, *ca_bundle;
};

/*
 * Checks the options, reads the files that they name, and fills the target, which borrows from
 * `options` and `texts`. Returns 0, or -1 with an error. `texts` must be released in any case.
 */
int render_options_target(const struct render_options *options, struct render_target *target,
			  struct render_texts *texts, struct error *err);

void render_texts_release(struct render_texts *texts);

#endif
