/* test_pod_group: the group of a Pod, by its PodGroup, the labels of controllers, or its owner. */
#include "tests/unit/policy_fixture.h"

#include "gpugate/group_resources.h"
#include "gpugate/pod_group.h"

static void find(const char *metadata, const char *spec, struct fixture_review *r, struct pod_group *group)
{
	fixture_review(r, "a", metadata, spec);
	assert_int_equal(pod_group_find(&r->review.object, &r->arena, group), 0);
}

/* How the object that has the group is read, such as apis/batch/v1/jobs/train. */
static void print(const struct pod_group *group, char *out, size_t size)
{
	if (!str_present(group->key))
		snprintf(out, size, "none");
	else if (!str_present(group->version))
		snprintf(out, size, "%.*s size %lld", STR_ARG(group->key), (long long)group->size);
	else
		snprintf(out, size, "%.*s size %lld, %.*s/%.*s/%.*s/%.*s %s", STR_ARG(group->key),
			 (long long)group->size, STR_ARG(group->api_group), STR_ARG(group->version),
			 STR_ARG(group->resource), STR_ARG(group->name), group->size_path ? group->size_path : "-");
}

/* Which resources were found; gpugate has the right to read no others. */
static struct {
	const char *group, *resource;
	bool found;
} readable[] = {
#define ROW(group, resource) {group, resource, false},
    GROUP_RESOURCES(ROW)
#undef ROW
};

static void note(const struct pod_group *group)
{
	bool known = !str_present(group->resource);
	for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
		if (str_eq(group->api_group, str_of(readable[i].group)) &&
		    str_eq(group->resource, str_of(readable[i].resource)))
			known = readable[i].found = true;
	assert_true(known);
}

static void assert_group(const char *metadata, const char *spec, const char *expected)
{
	struct fixture_review r;
	struct pod_group group;
	char text[1024];
	find(metadata, spec, &r, &group);
	note(&group);
	print(&group, text, sizeof text);
	assert_string_equal(text, expected);
	fixture_review_release(&r);
}

#define OWNER(version, kind, name)                                                                                     \
	"'ownerReferences':[{'apiVersion':'" version "','kind':'" kind "','name':'" name                               \
	"','uid':'u','controller':true}]"
#define LABELS(labels) "{'labels':{" labels "}}"
#define JOB OWNER("batch/v1", "Job", "train-0")
#define LWS "leaderworkerset.sigs.k8s.io/"
#define KUEUE "kueue.x-k8s.io/"

static void test_groups(void **state)
{
	(void)state;
	static const struct {
		const char *metadata, *spec, *expected;
	} rows[] = {
	    {"{}", "{}", "none"},
	    /* Owners. */
	    {"{" JOB "}", "{}", "Job.batch/train-0 size 0, batch/v1/jobs/train-0 -"},
	    {"{" OWNER("apps/v1", "StatefulSet", "w") "}", "{}", "StatefulSet.apps/w size 0, apps/v1/statefulsets/w -"},
	    {"{" OWNER("apps/v1", "ReplicaSet", "w") "}", "{}", "ReplicaSet.apps/w size 0, apps/v1/replicasets/w -"},
	    {"{" OWNER("v1", "ReplicationController", "w") "}", "{}",
	     "ReplicationController/w size 0, /v1/replicationcontrollers/w -"},
	    /* A kind of Kubernetes is read in the version that is known. */
	    {"{" OWNER("batch/v9", "Job", "w") "}", "{}", "Job.batch/w size 0, batch/v1/jobs/w -"},
	    {"{" OWNER("kubeflow.org/v1", "PyTorchJob", "w") "}", "{}",
	     "PyTorchJob.kubeflow.org/w size 0, kubeflow.org/v1//w -"},
	    /* A kind of another API group that has the name of one of Kubernetes. */
	    {"{" OWNER("batch.volcano.sh/v1alpha1", "Job", "w") "}", "{}",
	     "Job.batch.volcano.sh/w size 0, batch.volcano.sh/v1alpha1//w -"},
	    {"{" OWNER("apps/v1", "DaemonSet", "w") "}", "{}", "none"},
	    {"{" OWNER("v1", "Node", "w") "}", "{}", "none"},
	    /* Its executors have another owner. */
	    {"{" OWNER("sparkoperator.k8s.io/v1beta2", "SparkApplication", "w") "}", "{}", "none"},
	    {"{'ownerReferences':[{'apiVersion':'batch/v1','kind':'Job','name':'w','uid':'u'}]}", "{}", "none"},
	    {"{'ownerReferences':[{'kind':'Job','name':'w','uid':'u','controller':true}]}", "{}", "Job/w size 0"},
	    /* The PodGroup of Kubernetes precedes all others. */
	    {"{" JOB ",'labels':{'jobset.sigs.k8s.io/jobset-name':'train'}}",
	     "{'schedulingGroup':{'podGroupName':'g'}}",
	     "PodGroup.scheduling.k8s.io/g size 0, scheduling.k8s.io/v1beta1/podgroups/g "
	     "spec.schedulingPolicy.gang.minCount"},
	    {"{}", "{'schedulingGroup':{}}", "none"},
	    {"{}", "{'schedulingGroup':null}", "none"},
	    /* Labels precede the owner. */
	    {"{" JOB ",'labels':{'jobset.sigs.k8s.io/jobset-name':'train'}}", "{}",
	     "JobSet.jobset.x-k8s.io/train size 0, jobset.x-k8s.io/v1alpha2//train -"},
	    {LABELS("'scheduling.x-k8s.io/pod-group':'g','jobset.sigs.k8s.io/jobset-name':'train'"), "{}",
	     "PodGroup.scheduling.x-k8s.io/g size 0, scheduling.x-k8s.io/v1alpha1/podgroups/g spec.minMember"},
	    {LABELS("'pod-group.scheduling.sigs.k8s.io':'g'"), "{}",
	     "PodGroup.scheduling.sigs.k8s.io/g size 0, scheduling.sigs.k8s.io/v1alpha1/podgroups/g spec.minMember"},
	    {"{'annotations':{'scheduling.k8s.io/group-name':'g'}}", "{}",
	     "PodGroup.scheduling.volcano.sh/g size 0, scheduling.volcano.sh/v1beta1/podgroups/g spec.minMember"},
	    {LABELS("'scheduling.k8s.io/group-name':'g'"), "{}", "none"},
	    {"{" JOB ",'annotations':{'scheduling.k8s.io/group-name':'podgroup-u'}}", "{}",
	     "Job.batch/train-0 size 0, batch/v1/jobs/train-0 -"},
	    {"{'labels':{'" LWS "name':'w','" LWS "group-index':'1'},'annotations':{'" LWS "size':'4'}}", "{}",
	     "LeaderWorkerSet.leaderworkerset.x-k8s.io/w/1 size 4, leaderworkerset.x-k8s.io/v1//w -"},
	    /* Only the replica is a group. */
	    {"{" OWNER("apps/v1", "StatefulSet", "w") ",'labels':{'" LWS "name':'w'}}", "{}",
	     "StatefulSet.apps/w size 0, apps/v1/statefulsets/w -"},
	    {"{'labels':{'" KUEUE "pod-group-name':'g'},'annotations':{'" KUEUE "pod-group-total-count':'3'}}", "{}",
	     "Workload.kueue.x-k8s.io/g size 3"},
	    {LABELS("'" KUEUE "pod-group-name':'g'"), "{}", "Workload.kueue.x-k8s.io/g size 0"},
	    {LABELS("'" KUEUE "pod-group-name':''"), "{}", "none"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_group(rows[i].metadata, rows[i].spec, rows[i].expected);
	for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
		assert_true(readable[i].found);
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t size;
	} rows[] = {
	    {"1", 1},
	    {"0004", 4},
	    {"2147483647", 2147483647},
	    {"2147483648", 0},
	    {"99999999999999999999999", 0},
	    {"", 0},
	    {"0", 0},
	    {"-1", 0},
	    {"+1", 0},
	    {" 1", 0},
	    {"1e3", 0},
	    {"4.0", 0},
	    {"0x10", 0},
	    {"\\u0000", 0},
	    {"3\\u0000", 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture_review r;
		struct pod_group group;
		char metadata[512];
		snprintf(metadata, sizeof metadata,
			 "{'labels':{'" KUEUE "pod-group-name':'g'},'annotations':{'" KUEUE
			 "pod-group-total-count':'%s'}}",
			 rows[i].text);
		find(metadata, "{}", &r, &group);
		assert_int_equal(group.size, rows[i].size);
		fixture_review_release(&r);
	}
}

/* What cannot be a part of a key makes a group none, and it is not that of the owner instead. */
static void test_hostile_names(void **state)
{
	(void)state;
	static const char *const names[] = {"a b",       "a/b",     "a;b",      "a\\\"b", "a\\\\b",
					    "a\\u0000b", "\\u00e4", "a\\u007f", "\\n"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char metadata[512];
		snprintf(metadata, sizeof metadata, "{" OWNER("batch/v1", "Job", "%s") "}", names[i]);
		assert_group(metadata, "{}", "none");
		snprintf(metadata, sizeof metadata, "{" OWNER("x.y/v1", "%s", "w") "}", names[i]);
		assert_group(metadata, "{}", "none");
		snprintf(metadata, sizeof metadata, "{" JOB ",'labels':{'" KUEUE "pod-group-name':'%s'}}", names[i]);
		assert_group(metadata, "{}", "none");
		snprintf(metadata, sizeof metadata, "{'labels':{'" LWS "name':'w','" LWS "group-index':'%s'}}",
			 names[i]);
		assert_group(metadata, "{}", "none");
	}
	/* Otherwise it would be the key of a kind A of the API group b.c. */
	assert_group("{" OWNER("c/v1", "A.b", "w") "}", "{}", "none");
}

static void test_long_names(void **state)
{
	(void)state;
	static const size_t fits = POD_GROUP_KEY_MAX - (sizeof "Job.batch/" - 1);
	for (size_t len = fits; len < fits + 2; len++) {
		struct fixture_review r;
		struct pod_group group;
		char name[POD_GROUP_KEY_MAX + 1], metadata[POD_GROUP_KEY_MAX + 256];
		memset(name, 'a', len);
		name[len] = '\0';
		snprintf(metadata, sizeof metadata, "{" OWNER("batch/v1", "Job", "%s") "}", name);
		find(metadata, "{}", &r, &group);
		assert_int_equal(str_present(group.key), len == fits);
		assert_true(group.key.len <= POD_GROUP_KEY_MAX);
		fixture_review_release(&r);
	}
}

/* The labels of controllers make a Pod one of the group that the object has. */
static void test_labels_of_controllers(void **state)
{
	static const struct {
		const char *api_group, *kind, *name;
		int64_t index;
		const char *expected; /* The key; NULL: no labels are known. */
	} rows[] = {
	    {"jobset.x-k8s.io", "JobSet", "train", -1, "JobSet.jobset.x-k8s.io/train"},
	    {"jobset.x-k8s.io", "JobSet", "train", 3, "JobSet.jobset.x-k8s.io/train"},
	    {"jobset.x-k8s.io", "JobSet", "", 0, "JobSet.jobset.x-k8s.io/?"},
	    {"leaderworkerset.x-k8s.io", "LeaderWorkerSet", "l", 0, "LeaderWorkerSet.leaderworkerset.x-k8s.io/l/0"},
	    {"leaderworkerset.x-k8s.io", "LeaderWorkerSet", "l", 12, "LeaderWorkerSet.leaderworkerset.x-k8s.io/l/12"},
	    {"leaderworkerset.x-k8s.io", "LeaderWorkerSet", "l", -1, "LeaderWorkerSet.leaderworkerset.x-k8s.io/l/?"},
	    {"kueue.x-k8s.io", "Workload", "w", 0, NULL},
	    {"jobset.x-k8s.io", "Other", "train", 0, NULL},
	    {"batch", "Job", "train", 0, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct pod_group object = {
		    .api_group = str_of(rows[i].api_group), .kind = str_of(rows[i].kind), .name = str_of(rows[i].name)};
		struct fixture_review r;
		struct pod_group group;
		/* Those of the template are replaced, and others stay. */
		fixture_review(&r, "a", "{'labels':{'jobset.sigs.k8s.io/jobset-name':'old','app':'x'}}", "{}");
		struct pod pod = r.review.object;
		int labelled = pod_group_label(&pod, &object, rows[i].index, &r.arena);
		assert_int_equal(labelled, rows[i].expected ? 1 : 0);
		if (rows[i].expected) {
			assert_int_equal(pod_group_find(&pod, &r.arena, &group), 0);
			assert_true(str_eq(group.key, str_of(rows[i].expected)));
			assert_true(str_eq(*pairs_value(&pod.labels, STR("app")), STR("x")));
		}
		fixture_review_release(&r);
	}
}

static void test_memory(void **state)
{
	(void)state;
	struct fixture_review r;
	struct pod_group group;
	struct arena none;
	arena_init(&none, 16, 0);
	fixture_review(&r, "a", "{" JOB "}", "{}");
	assert_int_equal(pod_group_find(&r.review.object, &none, &group), -1);
	const struct pod_group object = {
	    .api_group = STR("jobset.x-k8s.io"), .kind = STR("JobSet"), .name = STR("train")};
	struct pod labelled = r.review.object;
	assert_int_equal(pod_group_label(&labelled, &object, 0, &none), -1);
	/* A claim is in no group. */
	const struct claim claim = {.present = true};
	r.review.object.as_claim = &claim;
	assert_int_equal(pod_group_find(&r.review.object, &none, &group), 0);
	assert_false(str_present(group.key));
	fixture_review_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_groups),        cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_long_names),
	    cmocka_unit_test(test_memory),        cmocka_unit_test(test_labels_of_controllers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
