#include "webhook/object/pod_review.h"

static int set_user(struct review *review, struct str user, struct strs given, struct arena *arena)
{
	struct str *groups = arena_alloc(arena, (given.count + 1) * sizeof *groups);
	if (!groups)
		return -1;
	for (uint32_t i = 0; i < given.count; i++)
		groups[i] = given.items[i];
	groups[given.count] = STR("system:authenticated");
	review->groups = (struct strs){groups, given.count + 1};
	review->user = user;
	return 0;
}

static int set_creator(struct review *review, const struct workload_kind *kind, const struct pod_creator *creator,
		       struct arena *arena)
{
	static const struct str controllers[] = {{"system:serviceaccounts", 22},
						 {"system:serviceaccounts:kube-system", 34}};
	if (kind->controller && !str_present(creator->user))
		return set_user(review, str_of(kind->controller), (struct strs){controllers, 2}, arena);
	return set_user(review, creator->user, creator->groups, arena);
}

/* A Pod of a controller has a name that the API server completes. */
static int name_pod(struct pod *pod, struct str workload, struct arena *arena)
{
	char *name = arena_alloc(arena, workload.len + 1);
	if (!name)
		return -1;
	if (workload.len)
		memcpy(name, workload.ptr, workload.len);
	name[workload.len] = '-';
	pod->name = (struct str){NULL, 0};
	pod->generate_name = (struct str){name, workload.len + 1};
	return 0;
}

/*
 * The controller of a DaemonSet chooses the node of each Pod, and replaces all required terms of
 * the template by one that names this node. Its nodeSelector stays.
 */
static void require_node_by_name(struct pod *pod)
{
	static const struct node_term by_name = {.field_count = 1};
	pod->has_required_affinity = true;
	pod->node_terms = &by_name;
	pod->node_term_count = 1;
}

int pod_review_complete(struct review *review, const struct workload_kind *kind, struct str name,
			const struct pod_creator *creator, struct arena *arena)
{
	if ((*kind->template && name_pod(&review->object, name, arena) < 0) ||
	    set_creator(review, kind, creator, arena) < 0)
		return -1;
	if (kind->per_node)
		require_node_by_name(&review->object);
	review->object.namespace = review->namespace;
	review->object.uid = (struct str){NULL, 0}; /* Each new Pod gets one of its own. */
	review->operation = OPERATION_CREATE;
	review->version = STR("v1");
	review->kind = STR("Pod");
	review->resource = STR("pods");
	review->name = review->object.name;
	return 0;
}

int claim_review_complete(struct review *review, struct str kind, struct str name, const struct pod_creator *creator,
			  struct arena *arena)
{
	if (set_user(review, creator->user, creator->groups, arena) < 0)
		return -1;
	review->operation = OPERATION_CREATE;
	review->group = STR("resource.k8s.io");
	review->version = STR("v1");
	review->kind = kind;
	review->name = name;
	return 0;
}
