/* lint_find: findings about the objects of a file that a policy judges. */
#ifndef WEBHOOK_CMD_LINT_FIND_H
#define WEBHOOK_CMD_LINT_FIND_H

#include "gpugate/manifests.h"
#include "webhook/cmd/lint_trial.h"

/* The file that is judged. */
struct lint_file {
	struct report *report;
	struct manifests_file *file;
	struct manifest manifest;
};

/* A Pod that was judged. */
struct lint_judged {
	const struct lint_file *file;
	struct trial *trial;
	const struct manifest_object *object;
	const struct subject *subject; /* The group of Pods that it stands for. */
	const struct outcome *outcome;
};

/* Adds a finding about a text of the object; absent: about the object as a whole. */
__attribute__((format(printf, 5, 6))) void lint_find_in(const struct lint_file *file,
							const struct manifest_object *object, enum lint_id id,
							struct str about, const char *format, ...);

/* Prints a name, which is cut off if it is very long. */
#define LINT_NAME "%.*s"
#define LINT_NAME_MAX 100
#define LINT_NAME_ARG(name) (name).len < LINT_NAME_MAX ? (int)(name).len : LINT_NAME_MAX, (name).len ? (name).ptr : ""

#endif
