/*
 * pod_template: what is decided about a Pod that does not exist yet, from the template of its
 * workload.
 */
#ifndef WEBHOOK_ADMISSION_POD_TEMPLATE_H
#define WEBHOOK_ADMISSION_POD_TEMPLATE_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/pod_group.h"
#include "gpugate/policy.h"
#include "gpugate/review.h"
#include "webhook/object/pod_review.h"
#include "webhook/object/workload.h"

/*
 * Reads the review of the CREATE of a Pod of the workload with that name, in the namespace of the
 * review `asked`. It borrows from all of them and from the arena. Returns false if the template
 * cannot be read, or if the arena is exhausted.
 */
bool pod_template_read(const struct review *asked, const struct workload *workload, struct str name,
		       const struct pod_creator *creator, struct arena *arena, struct review *review);

/*
 * Decides about such a Pod as both webhooks do, without the ledger. Changes review->object. Of a
 * Pod that exists, what it requests is found even if it would be refused by now. Returns 0, or -1
 * if the arena is exhausted.
 */
int pod_template_judge(const struct policy *policy, struct review *review, struct arena *arena, bool exists,
		       struct decision *decision);

/*
 * Whether the Pods of such a workload are one group, which no other Pods belong to. They may also
 * be in a group that the template names, or be decided one by one. Returns 1, 0, or -1 if the arena
 * is exhausted.
 */
int pod_template_is_group(const struct workload_kind *kind, const struct pod *pod, struct arena *arena);

/*
 * Finds the group of the Pods with that template: the one that it names, or else the object of the
 * review, as the owner of the Pods. If others own them, no Pod is in that group. Otherwise like
 * pod_group_find.
 */
int pod_template_find_group(const struct review *object, const struct pod *pod, struct arena *arena,
			    struct pod_group *group);

#endif
