/* test_gang: what the group of a Pod requests together, by what the Pod or its object says. */
#include "tests/unit/policy_fixture.h"

#include "webhook/admission/gang.h"

#define DOC(kind, name, spec)                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec "\n"
#define MODEL(name)                                                                                                    \
	DOC("Accelerator", name, "{resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {product: " name "}}")
#define POLICY                                                                                                                                                 \
	DOC("Settings", "s",                                                                                                                                   \
	    "{workloads: [jobsets.jobset.x-k8s.io, leaderworkersets.leaderworkerset.x-k8s.io, workflows.argoproj.io], onOutage: deny, otherResources: [x/*]}") \
	MODEL("a100")                                                                                                                                          \
	MODEL("h100")                                                                                                                                          \
	MODEL("t4")                                                                                                                                            \
	DOC("Accelerator", "shared", "{resource: nvidia.com/gpu.shared, memory: 80Gi}")                                                                        \
	DOC("Workload", "w",                                                                                                                                   \
	    "{group: example.com, kind: Training, plural: trainings, suspend: [spec.suspend], pods: "                                                          \
	    "[{template: 'spec.roles[].template', replicas: ['spec.roles[].count']}]}")                                                                        \
	DOC("Rule", "r",                                                                                                                                       \
	    "{match: {podSelector: {matchLabels: {small: 'true'}}}, "                                                                                          \
	    "rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}")                                                                                   \
	DOC("Rule", "whole", "{gangs: allOrNothing}")                                                                                                          \
	DOC("Guard", "g", "{deny: [privileged]}")                                                                                                              \
	DOC("Tenant", "ml", "{namespaces: [ml], quotas: [{name: gpus, hard: 1000}]}")

#define GPUS(count, more) "{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':'" count "'}}}]" more "}"
#define ON(model) ",'nodeSelector':{'product':'" model "'}"
#define TEMPLATE(metadata, spec) "'template':{'metadata':" metadata ",'spec':" spec "}"
#define OWNER(version, kind)                                                                                           \
	"{'uid':'u','ownerReferences':[{'apiVersion':'" version "','kind':'" kind                                      \
	"','name':'w','uid':'u','controller':true}]}"
#define JOB OWNER("batch/v1", "Job")
#define TRAINING OWNER("example.com/v1", "Training")
#define ROLES(roles) "{'spec':{'roles':[" roles "]}}"
#define ROLE(count, metadata, spec) "{'count':" count "," TEMPLATE(metadata, spec) "}"
#define COMPANION_ALL "9007199254740992"

struct asked {
	struct fixture_review fixture;
	struct decision decision;
	struct pod_group group;
	int found;
};

static void ask(struct asked *asked, const struct policy *policy, const char *metadata, const char *spec)
{
	struct fixture_review *r = &asked->fixture;
	fixture_review(r, "ml", metadata, spec);
	assert_int_equal(policy_validate(policy, &r->review, &r->arena, &asked->decision, NULL), 0);
	asked->decision.gang_rule = STR("whole");
	asked->decision.gang_seconds = 60;
	asked->found = gang_find(policy, &r->review, &r->arena, &asked->decision, &asked->group);
}

/* Reads an object that is freed before anything of the gang is used. JSON has ' for ". */
static int answer(struct asked *asked, const struct policy *policy, enum gang_object state, const char *object)
{
	size_t len = object ? strlen(object) : 0;
	char *json = calloc(1, len + REVIEW_PADDING);
	for (size_t i = 0; i < len; i++)
		json[i] = (char)(object[i] == '\'' ? '"' : object[i]);
	int result = gang_read(policy, &asked->fixture.review, &asked->group, state, (struct str){json, len},
			       &asked->fixture.arena, &asked->decision);
	memset(json, '?', len);
	free(json);
	return result;
}

static void print(const struct asked *asked, char *out, size_t size)
{
	const struct gang *gang = asked->decision.consumer.gang;
	int len = 0;
	if (asked->decision.violation_count) {
		snprintf(out, size, "%.*s", STR_ARG(asked->decision.violations[0].message));
		return;
	}
	if (!gang) {
		snprintf(out, size, "alone");
		return;
	}
	assert_int_equal(gang->seconds, 60);
	if (gang->pods)
		len += snprintf(out, size, "%lld x ", (long long)gang->pods);
	for (uint32_t i = 0; i < gang->request_count; i++)
		len += snprintf(out + len, size - (size_t)len, "%s%.*s=%lld", i ? " " : "",
				STR_ARG(gang->requests[i].resource), (long long)gang->requests[i].count);
	for (uint32_t i = 0; i < gang->model_count; i++)
		len += snprintf(out + len, size - (size_t)len, " %.*s", STR_ARG(gang->models[i]));
}

/* What the group of a Pod with one GPU requests, if the object says this. */
static void assert_gang(const struct policy *policy, const char *metadata, const char *spec, enum gang_object state,
			const char *object, const char *expected)
{
	struct asked asked;
	char text[1024];
	ask(&asked, policy, metadata, spec);
	assert_int_equal(asked.found, object ? 1 : 0);
	if (object)
		assert_int_equal(answer(&asked, policy, state, object), 0);
	print(&asked, text, sizeof text);
	assert_string_equal(text, expected);
	fixture_review_release(&asked.fixture);
}

#define NO_SIZE(key)                                                                                                   \
	"the GPU quota cannot be checked: " key " does not say in a known way how many Pods belong together; correct " \
	"it, or ask the platform team to leave its Pods out of Rule \"whole\""
#define TOO_LARGE(key)                                                                                                 \
	"the GPU quota cannot be checked: " key ", which says how many Pods belong together, is larger than 512 KiB; " \
	"make it smaller, or ask the platform team to leave its Pods out of Rule \"whole\""
#define UNREAD(key)                                                                                                    \
	"the GPU quota check is temporarily unavailable: " key ", which says how many Pods belong together, could "    \
	"not be read; retry"
#define POD_GROUP "{'uid':'u','labels':{'scheduling.x-k8s.io/pod-group':'g'}}"
#define KUEUE(count)                                                                                                   \
	"{'uid':'u','labels':{'kueue.x-k8s.io/pod-group-name':'g'},'annotations':"                                     \
	"{'kueue.x-k8s.io/pod-group-total-count':'" count "'}}"
#define JOB_SET "{'uid':'u','labels':{'jobset.sigs.k8s.io/jobset-name':'w'}}"
#define REPLICA                                                                                                        \
	"{'uid':'u','labels':{'leaderworkerset.sigs.k8s.io/name':'w','leaderworkerset.sigs.k8s.io/group-index':'1'},"  \
	"'annotations':{'leaderworkerset.sigs.k8s.io/size':'3'}}"
#define LWS_OF(replicas)                                                                                               \
	"{'spec':{'replicas':" replicas ",'leaderWorkerTemplate':{'size':3,'leaderTemplate':{'spec':" GPUS(            \
	    "1", "") "},'workerTemplate':{'spec':" GPUS("8", "") "}}}}"
#define SET_OF(jobs) "{'spec':{'replicatedJobs':[" jobs "]}}"
#define SET_JOB(replicas, spec, gpus)                                                                                  \
	"{'replicas':" replicas ",'template':{'spec':{" spec "," TEMPLATE("{}", GPUS(gpus, "")) "}}}"

static void test_gangs(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	assert_non_null(policy);
	static const struct {
		const char *metadata, *spec, *object, *expected;
	} rows[] = {
	    /* Without a group, or in one that the Pod itself describes, nothing is read. */
	    {"{'uid':'u'}", GPUS("1", ""), NULL, "alone"},
	    {KUEUE("4"), GPUS("2", ""), NULL, "4 x nvidia.com/gpu=2"},
	    {KUEUE("4"), GPUS("2", ON("h100")), NULL, "4 x nvidia.com/gpu=2 h100"},
	    {KUEUE("1"), GPUS("2", ""), NULL, "alone"},
	    {KUEUE("many"), GPUS("2", ""), NULL, "alone"},
	    {KUEUE("2147483647"), GPUS("1000000000", ""), NULL, "2147483647 x nvidia.com/gpu=1000000000"},
	    /* Nothing says where a kind has its Pods. */
	    {OWNER("other.com/v1", "Training"), GPUS("1", ""), NULL, "alone"},
	    /* A number in the object. */
	    {POD_GROUP, GPUS("2", ""), "{'spec':{'minMember':3}}", "3 x nvidia.com/gpu=2"},
	    {POD_GROUP, GPUS("2", ""), "{'spec':{'minMember':1}}", "alone"},
	    {POD_GROUP, GPUS("2", ""), "{'spec':{}}", "alone"},
	    {POD_GROUP, GPUS("2", ""), "{'spec':{'minMember':'3'}}", NO_SIZE("PodGroup.scheduling.x-k8s.io/g")},
	    {POD_GROUP, GPUS("2", ""), "{'spec':{'minMember':-3}}", NO_SIZE("PodGroup.scheduling.x-k8s.io/g")},
	    {POD_GROUP, GPUS("2", ""), "[]", NO_SIZE("PodGroup.scheduling.x-k8s.io/g")},
	    {POD_GROUP, GPUS("2", ""), "", NO_SIZE("PodGroup.scheduling.x-k8s.io/g")},
	    /* Workloads of Kubernetes: Pods like this one, whatever the template has by now. */
	    {JOB, GPUS("2", ""), "{'spec':{'parallelism':4," TEMPLATE("{}", GPUS("1", "")) "}}",
	     "4 x nvidia.com/gpu=2"},
	    {JOB, GPUS("2", ""), "{'spec':{" TEMPLATE("{}", GPUS("1", "")) "}}", "alone"},
	    {JOB, GPUS("1", ""), "{'spec':{'parallelism':4,'completions':3," TEMPLATE("{}", "{}") "}}",
	     "3 x nvidia.com/gpu=1"},
	    {JOB, GPUS("1", ""),
	     "{'spec':{'parallelism':4,'completions':4," TEMPLATE("{}", "{}") "},'status':{'succeeded':2}}",
	     "2 x nvidia.com/gpu=1"},
	    {JOB, GPUS("1", ""), "{'spec':{'parallelism':4,'suspend':true," TEMPLATE("{}", "{}") "}}", "alone"},
	    {JOB, GPUS("1", ""), "{'spec':{'parallelism':'4'," TEMPLATE("{}", "{}") "}}", NO_SIZE("Job.batch/w")},
	    {OWNER("apps/v1", "StatefulSet"), GPUS("1", ""), "{'spec':{'replicas':3," TEMPLATE("{}", "{}") "}}",
	     "3 x nvidia.com/gpu=1"},
	    /* Custom resources: each group of Pods requests what its template says. */
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("1", "{}", GPUS("1", "")) "," ROLE("3", "{}", GPUS("2", ""))),
	     "nvidia.com/gpu=7"},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("1", "{}", "{}") "," ROLE("2", "{}", GPUS("2", ""))),
	     "nvidia.com/gpu=4"},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("1", "{}", "{}") "," ROLE("1", "{}", "{}")), "alone"},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("1", "{}", GPUS("1", ""))), "alone"},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("0", "{}", GPUS("9", "")) "," ROLE("2", "{}", GPUS("1", ""))),
	     "nvidia.com/gpu=2"},
	    {TRAINING, GPUS("1", ""), "{'spec':{'suspend':true,'roles':[" ROLE("4", "{}", GPUS("1", "")) "]}}",
	     "alone"},
	    {TRAINING, GPUS("1", ""), "{}", "alone"},
	    {TRAINING, GPUS("1", ""), "{'spec':{'roles':3}}", NO_SIZE("Training.example.com/w")},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("2", "{}", "{'containers':3}")), NO_SIZE("Training.example.com/w")},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("1e99", "{}", GPUS("1", ""))), "nvidia.com/gpu=2147483647"},
	    {TRAINING, GPUS("1", ""), ROLES(ROLE("'x'", "{}", GPUS("1", ""))), NO_SIZE("Training.example.com/w")},
	    /* Rules change these Pods as they change others, and a refused one still counts. */
	    {TRAINING, GPUS("1", ""),
	     ROLES(ROLE("2", "{'labels':{'small':'true'}}", GPUS("1", "")) "," ROLE("2", "{}", GPUS("1", ""))),
	     "nvidia.com/gpu=2 nvidia.com/gpu.shared=2"},
	    {TRAINING, GPUS("1", ""),
	     ROLES(ROLE("2", "{}",
			"{'containers':[{'name':'c','securityContext':{'privileged':true},"
			"'resources':{'limits':{'nvidia.com/gpu':1}}}]}")),
	     "nvidia.com/gpu=2"},
	    /* The models of all, or any. */
	    {TRAINING, GPUS("1", ""),
	     ROLES(ROLE("2", "{}", GPUS("1", ON("t4"))) "," ROLE("2", "{}", GPUS("1", ON("a100"))) "," ROLE(
		 "2", "{}", GPUS("1", ON("t4")))),
	     "nvidia.com/gpu=6 a100 t4"},
	    {TRAINING, GPUS("1", ON("t4")),
	     ROLES(ROLE("2", "{}", GPUS("1", ON("t4"))) "," ROLE("2", "{}", GPUS("1", ""))), "nvidia.com/gpu=4"},
	    {TRAINING, GPUS("1", ""),
	     ROLES(
		 ROLE("2147483647", "{}", GPUS("1000000000", "")) "," ROLE("2147483647", "{}", GPUS("1000000000", ""))),
	     "nvidia.com/gpu=" COMPANION_ALL},
	    {JOB_SET, GPUS("1", ""),
	     SET_OF(SET_JOB("2", "'parallelism':2,'completions':2", "1") "," SET_JOB("1", "'parallelism':1", "4")),
	     "nvidia.com/gpu=8"},
	    /* One replica of a LeaderWorkerSet, or what the Pod says of it. */
	    {REPLICA, GPUS("8", ""), LWS_OF("4"), "nvidia.com/gpu=17"},
	    {REPLICA, GPUS("8", ""), LWS_OF("0"), "3 x nvidia.com/gpu=8"},
	    {REPLICA, GPUS("8", ""), LWS_OF("'x'"), "3 x nvidia.com/gpu=8"},
	    {REPLICA, GPUS("8", ""), "{'spec':{'leaderWorkerTemplate':3}}", "3 x nvidia.com/gpu=8"},
	    /* Its steps do not exist at the same time. */
	    {OWNER("argoproj.io/v1alpha1", "Workflow"), GPUS("1", ""),
	     "{'spec':{'templates':[{'container':{'resources':{'limits':{'nvidia.com/gpu':1}}}},"
	     "{'container':{'resources':{'limits':{'nvidia.com/gpu':1}}}}]}}",
	     "alone"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_gang(policy, rows[i].metadata, rows[i].spec, GANG_OBJECT_READ, rows[i].object, rows[i].expected);
	assert_gang(policy, JOB, GPUS("1", ""), GANG_OBJECT_ABSENT, "", "alone");
	assert_gang(policy, JOB, GPUS("1", ""), GANG_OBJECT_UNREAD, "", UNREAD("Job.batch/w"));
	assert_gang(policy, JOB, GPUS("1", ""), GANG_OBJECT_TOO_LARGE, "", TOO_LARGE("Job.batch/w"));
	assert_gang(policy, REPLICA, GPUS("8", ""), GANG_OBJECT_TOO_LARGE, "", "3 x nvidia.com/gpu=8");
	assert_gang(policy, REPLICA, GPUS("8", ""), GANG_OBJECT_ABSENT, "", "3 x nvidia.com/gpu=8");
	assert_gang(policy, REPLICA, GPUS("8", ""), GANG_OBJECT_UNREAD, "", "3 x nvidia.com/gpu=8");
	policy_release(policy);
}

/* More different resources than a ledger keeps of a group. */
static void test_bound(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	for (int names = GANG_REQUESTS_MAX; names <= GANG_REQUESTS_MAX + 1; names++) {
		struct buf object;
		struct asked asked;
		buf_init(&object, 64 << 10);
		buf_text(&object, "{'spec':{'roles':[");
		for (int i = 0; i < names; i += 10) {
			buf_text(&object, i ? ",{'count':2,'template':{'spec':{'containers':[{'name':'c','resources':"
					      "{'limits':{"
					    : "{'count':2,'template':{'spec':{'containers':[{'name':'c','resources':"
					      "{'limits':{");
			for (int k = i; k < i + 10 && k < names; k++)
				buf_printf(&object, "%s'nvidia.com/mig-%d.0':1", k > i ? "," : "", k);
			buf_text(&object, "}}}]}}}");
		}
		buf_text(&object, "]}}");
		buf_char(&object, '\0');
		ask(&asked, policy, TRAINING, GPUS("1", ""));
		assert_int_equal(answer(&asked, policy, GANG_OBJECT_READ, buf_view(&object).ptr), 0);
		assert_int_equal(asked.decision.consumer.gang != NULL, names == GANG_REQUESTS_MAX);
		assert_int_equal(asked.decision.denied, names > GANG_REQUESTS_MAX);
		if (asked.decision.denied)
			assert_true(str_eq(asked.decision.violations[0].message,
					   STR("the GPU quota cannot be checked: the Pods of Training.example.com/w "
					       "request more than 128 different resources; request fewer, or ask the "
					       "platform team to leave its Pods out of Rule \"whole\"")));
		fixture_review_release(&asked.fixture);
		buf_release(&object);
	}
	policy_release(policy);
}

/* What is read, and that the group is known to the ledger even if the Pod is decided alone. */
static void test_groups(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	struct asked asked;
	ask(&asked, policy, TRAINING, GPUS("1", ""));
	assert_int_equal(asked.found, 1);
	assert_true(str_eq(asked.group.resource, STR("trainings")));
	assert_true(str_eq(asked.group.version, STR("v1")));
	assert_true(str_eq(asked.decision.consumer.group, STR("Training.example.com/w")));
	fixture_review_release(&asked.fixture);
	ask(&asked, policy, OWNER("other.com/v1", "Training"), GPUS("1", ""));
	assert_true(str_eq(asked.decision.consumer.group, STR("Training.other.com/w")));
	/* Without a Rule for it, nothing is read, but the group may have reserved something. */
	asked.decision.consumer.group = asked.decision.gang_rule = (struct str){NULL, 0};
	assert_int_equal(gang_find(policy, &asked.fixture.review, &asked.fixture.arena, &asked.decision, &asked.group),
			 0);
	assert_true(str_eq(asked.decision.consumer.group, STR("Training.other.com/w")));
	assert_null(asked.decision.consumer.gang);
	/* A Pod that exists already is in none. */
	asked.decision.consumer.group = (struct str){NULL, 0};
	asked.decision.gang_rule = STR("whole");
	asked.decision.mirror = true;
	assert_int_equal(gang_find(policy, &asked.fixture.review, &asked.fixture.arena, &asked.decision, &asked.group),
			 0);
	assert_false(str_present(asked.decision.consumer.group));
	fixture_review_release(&asked.fixture);
	policy_release(policy);
}

/* The request fails only if its own memory is exhausted. */
static void test_memory(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	const char *const object = ROLES(ROLE("2", "{}", GPUS("1", ON("t4"))));
	struct asked asked;
	ask(&asked, policy, TRAINING, GPUS("1", ""));
	struct arena whole = asked.fixture.arena;
	arena_init(&asked.fixture.arena, 16, 0);
	assert_int_equal(answer(&asked, policy, GANG_OBJECT_READ, object), -1);
	assert_null(asked.decision.consumer.gang);
	asked.fixture.arena = whole;
	assert_int_equal(answer(&asked, policy, GANG_OBJECT_READ, object), 0);
	assert_non_null(asked.decision.consumer.gang);
	fixture_review_release(&asked.fixture);
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_gangs), cmocka_unit_test(test_groups),
					   cmocka_unit_test(test_bound), cmocka_unit_test(test_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
