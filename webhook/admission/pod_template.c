#include "webhook/admission/pod_template.h"

#include <stdio.h>

#include "webhook/admission/apply.h"
#include "webhook/object/review.h"

bool pod_template_read(const struct review *asked, const struct workload *workload, struct str name,
		       const struct pod_creator *creator, struct arena *arena, struct review *review)
{
	struct error ignored = {0};
	*review = (struct review){.uid = asked->uid, .namespace = asked->namespace};
	return review_read_pod(workload->pod.ptr, workload->pod.len, arena, &review->object, &ignored) == 0 &&
	       pod_review_complete(review, workload->kind, name, creator, arena) == 0;
}

int pod_template_judge(const struct policy *policy, struct review *review, struct arena *arena, bool exists,
		       struct decision *decision)
{
	if (policy_mutate(policy, review, arena, decision, NULL) < 0)
		return -1;
	if (decision->denied && !exists)
		return 0;
	/* A refused Pod has no edits. */
	if (pod_apply(&review->object, decision->edits, decision->edit_count, arena) < 0)
		return -1;
	return policy_validate(policy, review, arena, decision, NULL);
}

int pod_template_is_group(const struct workload_kind *kind, const struct pod *pod, struct arena *arena)
{
	/* A controller will own the Pods, under whatever name. */
	struct pod owned = *pod;
	struct pod_group group;
	owned.owner = (struct owner){.kind = str_of(kind->kind), .name = STR("w")};
	if (kind->per_node)
		return 0;
	if (pod_group_find(&owned, arena, &group) < 0)
		return -1;
	return str_present(group.key) && str_eq(group.kind, owned.owner.kind);
}

int pod_template_find_group(const struct review *object, const struct pod *pod, struct arena *arena,
			    struct pod_group *group)
{
	struct pod owned = *pod;
	size_t slash = object->group.len > 0, len = object->group.len + slash + object->version.len;
	char *version = arena_alloc(arena, len + 1);
	if (!version)
		return -1;
	snprintf(version, len + 1, "%.*s%s%.*s", STR_ARG(object->group), slash ? "/" : "", STR_ARG(object->version));
	/* An object without a name is created, and nothing has been reserved for its group. */
	owned.owner = (struct owner){
	    .api_version = {version, len}, .kind = object->kind, .name = object->name.len ? object->name : STR("?")};
	return pod_group_find(&owned, arena, group);
}
