/*
 * test_pod_requests: tests what a view needs from a policy: demands and models of existing Pods,
 * and charges by the labels of namespaces.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/quota.h"

#define TENANT(name, spec) "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"
#define FLEET                                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\nspec: {resource: nvidia.com/gpu, " \
	"memory: 80Gi, nodeLabels: {product: a100, zone: x}}\n"                                                        \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: any}\nspec: {resource: nvidia.com/gpu, "  \
	"memory: 200Gi}\n"                                                                                             \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\nspec: {resource: nvidia.com/gpu, "   \
	"memory: 16Gi, nodeLabels: {product: t4}}\n"

/* --- Demands --- */

static void print_requests(const char *spec, char *out, size_t size)
{
	struct fixture_review r;
	fixture_review(&r, "a", "{}", spec);
	const struct resource_request *requests;
	uint32_t count;
	assert_int_equal(policy_pod_requests(&r.review.object, &r.arena, &requests, &count), 0);
	size_t len = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%.*s=%lld", i ? " " : "",
					STR_ARG(requests[i].resource), (long long)requests[i].count);
	fixture_review_release(&r);
}

#define ASKS(asks) "{'name':'c','resources':{'limits':{" asks "},'requests':{" asks "}}}"
#define SIDECAR(asks) "{'name':'s','restartPolicy':'Always','resources':{'limits':{" asks "}}}"

static void test_requests(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *expected;
	} rows[] = {
	    {"{'containers':[{'name':'c'}]}", ""},
	    {"{'containers':[" ASKS("'nvidia.com/gpu':'2','cpu':'1','memory':'1Gi'") "]}", "nvidia.com/gpu=2"},
	    {"{'containers':[" ASKS("'b.com/x':1,'a.com/x':'1k'") "," ASKS("'b.com/x':'2'") "]}",
	     "a.com/x=1000 b.com/x=3"},
	    /* Kubernetes' own names, and devices of a DeviceClass. */
	    {"{'containers':[" ASKS(
		 "'kubernetes.io/x':1,'a.kubernetes.io/x':1,'attachable-volumes-a/kubernetes.io/b':1,"
		 "'requests.nvidia.com/gpu':1,'hugepages-2Mi':1,"
		 "'deviceclass.resource.kubernetes.io/gpu':1") "]}",
	     "deviceclass.resource.kubernetes.io/gpu=1"},
	    /* Zero, non-integer amounts, and more than any cluster has. */
	    {"{'containers':[" ASKS("'a/a':0,'a/b':'-1','a/c':'1500m','a/d':'x','a/e':'2e9','a/f':'1000m'") "]}",
	     "a/e=2000000000 a/f=1"},
	    {"{'containers':[" ASKS("'a/e':'1e9'") "," ASKS("'a/e':'1e9'") "]}", "a/e=2000000000"},
	    /* Bytes: exact up to COMPANION_MAX, and no sum exceeds it. */
	    {"{'containers':[" ASKS("'a/b':'4Gi'") "," ASKS("'a/b':'1'") "]}", "a/b=4294967297"},
	    {"{'containers':[" ASKS("'a/b':'9007199254740991'") "]}", "a/b=9007199254740991"},
	    {"{'containers':[" ASKS("'a/b':'7E'") "," ASKS("'a/b':'7E'") "," ASKS("'a/b':'7E'") "]}",
	     "a/b=9007199254740992"},
	    {"{'initContainers':[" SIDECAR("'a/b':'8Pi'") "," ASKS("'a/b':'8Pi'") "],'containers':[" ASKS(
		 "'a/b':'1'") "],'overhead':{'a/b':'8Pi'}}",
	     "a/b=9007199254740992"},
	    /*
	     * The larger of request and limit counts. Sidecars are added, init containers are not,
	     * and overhead is added at the end.
	     */
	    {"{'containers':[{'name':'c','resources':{'limits':{'a/b':2},'requests':{'a/b':3}}}]}", "a/b=3"},
	    {"{'initContainers':[" ASKS("'a/b':4") "," SIDECAR("'a/b':1") "," ASKS("'a/b':4") "," SIDECAR(
		 "'a/b':1") "],"
			    "'containers':[" ASKS("'a/b':1") "]}",
	     "a/b=5"},
	    {"{'initContainers':[" SIDECAR("'a/b':2") "],'containers':[" ASKS(
		 "'a/b':1") "],'overhead':{'a/b':'1','a/c':2}}",
	     "a/b=4 a/c=2"},
	    {"{'containers':[{'name':'c'}],'ephemeralContainers':[" ASKS("'a/b':1") "]}", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096];
		print_requests(rows[i].spec, text, sizeof text);
		assert_string_equal(text, rows[i].expected);
	}
}

/* A Pod's accelerators are found however many other names it requests. */
static void test_many_requests(void **state)
{
	(void)state;
	const int names = 2000;
	size_t size = (size_t)names * 32 + 200, len;
	char *spec = malloc(size), *text = malloc(size);
	len = (size_t)snprintf(spec, size, "{'containers':[{'name':'c','resources':{'limits':{");
	for (int i = 0; i < names; i++)
		len += (size_t)snprintf(spec + len, size - len, "'example.com/r%d':%d,", i, i % 2);
	snprintf(spec + len, size - len, "'nvidia.com/gpu':8}}}]}");
	print_requests(spec, text, size);
	assert_non_null(strstr(text, " nvidia.com/gpu=8"));
	assert_null(strstr(text, "r0="));
	assert_non_null(strstr(text, "example.com/r1999=1"));
	struct fixture_review r;
	fixture_review(&r, "a", "{}", spec);
	struct arena little;
	const struct resource_request *requests;
	uint32_t count;
	arena_init(&little, 64, 1024);
	assert_int_equal(policy_pod_requests(&r.review.object, &little, &requests, &count), -1);
	arena_release(&little);
	fixture_review_release(&r);
	free(spec);
	free(text);
}

/* Quotas treat a Pod that is decided and a Pod that is seen alike. */
static void test_requests_agree(void **state)
{
	(void)state;
	struct policy *policy =
	    fixture_policy(FLEET TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: 99}]}"), NULL, 0);
	struct fixture_review r;
	fixture_review(
	    &r, "a", "{'uid':'u'}",
	    "{'initContainers':[" ASKS("'nvidia.com/gpu':4") "," SIDECAR("'nvidia.com/gpu':1") "," ASKS(
		"'nvidia.com/gpu':5") "],'containers':[" ASKS("'nvidia.com/gpu':2,'amd.com/gpu':1,'a/b':7") "]}");
	struct decision decision;
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.charged);
	struct consumer seen = decision.consumer;
	assert_int_equal(policy_pod_requests(&r.review.object, &r.arena, &seen.requests, &seen.request_count), 0);
	assert_int_equal(decision.consumer.request_count, 2);
	/* This includes a/b, which another policy may count. */
	assert_int_equal(seen.request_count, 3);
	struct charge decided[1], charged[1];
	assert_int_equal(policy_charge(policy, &decision.consumer, NULL, decided), 1);
	assert_int_equal(policy_charge(policy, &seen, NULL, charged), 1);
	assert_true(decided[0].amount == 7 * (wide)policy_unit(policy) && charged[0].amount == decided[0].amount);
	fixture_review_release(&r);
	policy_release(policy);
}

/* --- Labels of namespaces --- */

static const char labelled[] = TENANT("org", "{quotas: [{name: all, hard: 9}]}")
    TENANT("red", "{parent: org, namespaceSelector: {matchLabels: {team: red}}, quotas: [{name: q, hard: 9}]}") TENANT(
	"blue", "{namespaceSelector: {matchExpressions: [{key: colour, operator: Exists}]}, "
		"quotas: [{name: q, hard: 9}]}")
	TENANT("green",
	       "{namespaces: [green], quotas: [{name: q, hard: 9}]}") "---\napiVersion: v1\nkind: Namespace\nmetadata: "
								      "{name: ns, labels: {team: red}}\n"
								      "---\napiVersion: gpugate.io/v1\nkind: "
								      "Rule\nmetadata: {name: r}\nspec: {match: "
								      "{namespaceSelector: "
								      "{matchLabels: {stage: prod}}}, inject: "
								      "{runtimeClassName: nvidia}, required: true}\n"
								      "---\napiVersion: gpugate.io/v1\nkind: "
								      "Settings\nmetadata: {name: s}\nspec: {exempt: "
								      "{namespaces: "
								      "[free]}, terminatingGraceSeconds: 7, "
								      "guardFailurePolicy: Fail}\n";

static const struct pair red[] = {{STR("team"), STR("red")}}, blue[] = {{STR("colour"), STR("blue")}},
			 both[] = {{STR("colour"), STR("blue")}, {STR("team"), STR("red")}},
			 prod[] = {{STR("stage"), STR("prod")}, {STR("team"), STR("red")}};

static void test_labels_in_charges(void **state)
{
	(void)state;
	static const struct {
		const char *namespace;
		const struct pairs labels;
		const char *charges, *root;
	} rows[] = {
	    /* As in the policy's own document. */
	    {"ns", {NULL, 0, false}, "red/q=1, org/all=1", "org"},
	    /* It has no labels, whatever the policy says. */
	    {"ns", {NULL, 0, true}, "", ""},
	    {"ns", {blue, 1, true}, "blue/q=1", "blue"},
	    /* Two Tenants claim it. */
	    {"ns", {both, 2, true}, "", ""},
	    {"new", {red, 1, true}, "red/q=1, org/all=1", "org"},
	    {"new", {NULL, 0, false}, "", ""},
	    /* A name beats a selector. */
	    {"green", {red, 1, true}, "green/q=1", "green"},
	    /* Exempt: nothing counts. */
	    {"free", {red, 1, true}, "", "org"},
	};
	struct policy *policy = fixture_policy(labelled, NULL, 0);
	assert_non_null(policy);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct resource_request requests[] = {{.resource = STR("example.com/fpga"), .count = 3},
						      {.resource = STR("nvidia.com/gpu"), .count = 1}};
		struct consumer consumer = {
		    .namespace = str_of(rows[i].namespace), .requests = requests, .request_count = 2};
		struct charge charges[8];
		int count = policy_charge(policy, &consumer, rows[i].labels.present ? &rows[i].labels : NULL, charges);
		assert_true(count >= 0);
		assert_int_equal(policy_charge(policy, &consumer, &rows[i].labels, charges), count);
		struct buf text;
		buf_init(&text, 1024);
		policy_print_charges(policy, charges, (size_t)count, &text);
		buf_char(&text, '\0');
		assert_string_equal(text.ptr, rows[i].charges);
		buf_release(&text);
		uint32_t root = policy_root(policy, consumer.namespace, &rows[i].labels);
		/* Tenants are sorted by name. */
		static const char *const names[] = {"blue", "green", "org", "red"};
		assert_string_equal(root == UINT32_MAX ? "" : names[root], rows[i].root);
	}
	assert_true(policy_reads_namespaces(policy));
	assert_true(policy_terminating_ms(policy) == 7000 && policy_guards_fail(policy));
	policy_release(policy);
}

static void test_labels_in_decisions(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(labelled, NULL, 0);
	struct fixture_review r;
	struct decision decision;
	fixture_review(&r, "new", "{'uid':'u'}", "{'containers':[" ASKS("'nvidia.com/gpu':1") "]}");
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.denied && decision.violations[0].reason == REASON_UNTENANTED);
	r.review.namespace_labels = (struct pairs){red, 1, true};
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.charged && str_eq(decision.tenant, STR("red")));
	assert_int_equal(policy_mutate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_int_equal(decision.edit_count, 0);
	r.review.namespace_labels = (struct pairs){prod, 2, true};
	assert_int_equal(policy_mutate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.edit_count == 1 && decision.edits[0].kind == EDIT_RUNTIME_CLASS);
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.denied && decision.violations[0].reason == REASON_RULE);
	r.review.namespace_labels = (struct pairs){both, 2, true};
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.denied && decision.violations[0].reason == REASON_AMBIGUOUS);
	fixture_review_release(&r);
	policy_release(policy);
}

static void test_settings(void **state)
{
	(void)state;
	static const struct {
		const char *policy;
		bool reads, selects;
		int64_t terminating_ms;
	} rows[] = {
	    {TENANT("a", "{namespaces: [a]}"), false, false, 300000},
	    {"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {onOutage: allow}\n", false,
	     false, 300000},
	    {"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {terminatingGraceSeconds: "
	     "never}\n",
	     false, false, -1},
	    {"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {terminatingGraceSeconds: "
	     "0}\n",
	     false, false, 0},
	    {TENANT("a", "{namespaceSelector: {matchLabels: {a: b}}}"), true, true, 300000},
	    {"---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\nspec: {match: {namespaceSelector: "
	     "{matchLabels: {a: b}}}, inject: {runtimeClassName: x}}\n",
	     true, false, 300000},
	    {"---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\nspec: {match: {podSelector: "
	     "{matchLabels: "
	     "{a: b}}}, inject: {runtimeClassName: x}}\n",
	     false, false, 300000},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy *policy = fixture_policy(rows[i].policy, NULL, 0);
		assert_non_null(policy);
		assert_int_equal(policy_reads_namespaces(policy), rows[i].reads);
		assert_int_equal(policy_selects_namespaces(policy), rows[i].selects);
		assert_int_equal(policy_terminating_ms(policy), rows[i].terminating_ms);
		assert_false(policy_guards_fail(policy));
		policy_release(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_many_requests),
	    cmocka_unit_test(test_requests_agree),
	    cmocka_unit_test(test_labels_in_charges),
	    cmocka_unit_test(test_labels_in_decisions),
	    cmocka_unit_test(test_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
