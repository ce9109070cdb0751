#include "webhook/admission/pod_template.h"

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
