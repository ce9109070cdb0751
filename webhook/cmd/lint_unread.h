/* lint_unread: findings about files and objects that cannot be judged by a policy. */
#ifndef WEBHOOK_CMD_LINT_UNREAD_H
#define WEBHOOK_CMD_LINT_UNREAD_H

#include "gpugate/error.h"
#include "gpugate/manifests.h"
#include "webhook/object/manifest.h"

/* A file with anchors, for example, is YAML and can still not be judged. */
void lint_unread_file(struct report *report, struct manifests_file *file, const char *path, const struct error *err);

/*
 * Reports an object whose Pods cannot be read, at the place that the error of manifest_explain has,
 * unless a rule for manifests has reported an error in that object. `index` is that of the object.
 */
void lint_unread_object(struct report *report, struct manifests_file *file, const struct manifest *manifest,
			uint32_t index, const struct error *err);

#endif
