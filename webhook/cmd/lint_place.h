/* lint_place: where in a manifest is what a policy says something about. */
#ifndef WEBHOOK_CMD_LINT_PLACE_H
#define WEBHOOK_CMD_LINT_PLACE_H

#include "gpugate/decision.h"
#include "gpugate/manifests.h"
#include "webhook/object/manifest.h"
#include "webhook/simulate/subject.h"

/*
 * Returns the place of a text that borrows from the JSON of the object, such as a value that
 * json_find has found; of any other text, the place where the object begins. The manifest was read
 * by manifest_read_exact.
 */
struct manifests_place lint_place_of(const struct manifest *manifest, const struct manifest_object *object,
				     struct str text);

/* Returns the value at a path, or an absent string; `path` may be NULL. */
struct str lint_place_value(const struct manifest_object *object, const char *path);

/*
 * Returns the text if the object has it; otherwise, as for a Pod that is made from several parts of
 * a custom resource, where the object has that group of Pods; absent if it has only one.
 */
struct str lint_place_in(const struct manifest_object *object, const struct subject *subject, struct str text);

/* Returns the place of the first resource that the Pod requests and a quota could count. */
struct str lint_place_request(const struct policy *policy, const struct manifest_object *object,
			      const struct subject *subject);

/* Returns what of the object a violation of its Pods is about; absent: the object as a whole. */
struct str lint_place_violation(const struct policy *policy, const struct manifest_object *object,
				const struct subject *subject, const struct violation *violation);

#endif
