/*
 * test_evaluate: tests decisions: Rules, Guards and charges on Pods, including the reader and the
 * compiler.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/policy_enums.h"
#include "gpugate/quota.h"
#include "webhook/admission/patch.h"

#define FLEET                                                                                                          \
	"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\nspec:\n"                           \
	"  resource: nvidia.com/gpu\n  nodeLabels: {product: a100}\n  mig: {offered: [1g.10gb, 1g.20gb, 2g.20gb, "     \
	"3g.40gb]}\n"                                                                                                  \
	"  sharing: {resource: nvidia.com/gpu.shared, replicas: 4}\n---\n"                                             \
	"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\nspec: {resource: nvidia.com/gpu, "        \
	"memory: 16Gi, weight: "                                                                                       \
	"'0.25', nodeLabels: {product: t4}}\n---\n"                                                                    \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\nspec: {quotas: [{name: all, measure: gpus, "  \
	"hard: 100}]}\n---\n"                                                                                          \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec:\n  parent: org\n  namespaces: [a, "       \
	"a-*]\n  quotas:\n"                                                                                            \
	"  - {name: whole, resources: [nvidia.com/gpu], hard: 4}\n"                                                    \
	"  - {name: slices, resources: ['nvidia.com/mig-*'], hard: 14}\n"                                              \
	"  - {name: mem, measure: memory, accelerators: [a100-80gb], hard: 320Gi}\n---\n"

#define GPU(n)                                                                                                         \
	"{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':'" n "'},'requests':{'nvidia.com/gpu':'" n \
	"'}}}]}"

static void mutate(const char *policy_text, const char *namespace, const char *metadata, const char *spec, char *out,
		   size_t size)
{
	struct policy *policy = fixture_policy(policy_text, NULL, 0);
	assert_non_null(policy);
	struct fixture_review r;
	fixture_review(&r, namespace, metadata, spec);
	struct decision decision;
	assert_int_equal(policy_mutate(policy, &r.review, &r.arena, &decision, NULL), 0);
	struct buf text;
	buf_init(&text, 1 << 20);
	if (decision.denied)
		buf_printf(&text, "DENIED %.*s", STR_ARG(decision.violations[0].message));
	else if (decision.edit_count)
		patch_write(&text, &r.review.object, decision.edits, decision.edit_count);
	snprintf(out, size, "%.*s", STR_ARG(buf_view(&text)));
	buf_release(&text);
	fixture_review_release(&r);
	policy_release(policy);
}

static void validate(const char *policy_text, const char *namespace, const char *metadata, const char *spec, char *out,
		     size_t size)
{
	struct policy *policy = fixture_policy(policy_text, NULL, 0);
	assert_non_null(policy);
	struct fixture_review r;
	fixture_review(&r, namespace, metadata, spec);
	struct decision decision;
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	struct buf text;
	buf_init(&text, 1 << 20);
	for (uint32_t i = 0; i < decision.violation_count; i++)
		buf_printf(&text, "%s%.*s", i ? "; " : "", STR_ARG(decision.violations[i].message));
	if (decision.charged) {
		struct charge *charges = calloc(policy_charge_max(policy) + 1, sizeof *charges);
		int count = policy_charge(policy, &decision.consumer, NULL, charges);
		assert_true(count >= 0);
		policy_print_charges(policy, charges, (size_t)count, &text);
		free(charges);
	}
	snprintf(out, size, "%.*s", STR_ARG(buf_view(&text)));
	buf_release(&text);
	fixture_review_release(&r);
	policy_release(policy);
}

#define RULE(name, spec) "apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define GUARD(spec) "apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec: " spec "\n---\n"

static void test_rewrites(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *metadata, *spec, *expected;
	} rows[] = {
	    {RULE("share", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}"), "{}", GPU("1"),
	     "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu\"},"
	     "{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/requests/"
	     "nvidia.com~1gpu.shared\",\"value\":\"1\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu.shared\",\"value\":\"1\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/tolerations\",\"value\":[{\"key\":\"nvidia.com/"
	     "gpu\",\"operator\":\"Exists\",\"effect\":"
	     "\"NoSchedule\"}]}]"},
	    {RULE("share", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}"), "{}", GPU("0"), ""},
	    {RULE("mig", "{rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: "
			 "'annotation:m', pin: true}, maxPerContainer: 2}]}"),
	     "{'annotations':{'m':'15Gi'}}",
	     "{'nodeSelector':{},'tolerations':[{'operator':'Exists'}],'containers':[{'name':'c','resources':{'limits':"
	     "{'nvidia.com/"
	     "gpu':2}}}]}",
	     "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/"
	     "nvidia.com~1mig-1g.20gb\",\"value\":\"2\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/nodeSelector/product\",\"value\":\"a100\"}]"},
	    {RULE("mig",
		  "{rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: 'annotation:m'}}]}"),
	     "{}", GPU("1"), ""},
	    {RULE("mig",
		  "{rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: 'annotation:m'}}]}"),
	     "{'annotations':{'m':'60Gi'}}", GPU("1"),
	     "DENIED annotation m requests 60Gi of memory per GPU, more than any MIG profile that Accelerator "
	     "\"a100-80gb\" offers; write at most 40Gi (3g.40gb), or ask the platform team for larger GPUs"},
	    {RULE("edge",
		  "{match: {podSelector: {matchLabels: {tier: edge}}}, inject: {nodeSelector: {node-type: edge}, "
		  "runtimeClassName: nvidia}}"),
	     "{'labels':{'tier':'edge'}}", GPU("1"),
	     "[{\"op\":\"add\",\"path\":\"/spec/nodeSelector\",\"value\":{\"node-type\":\"edge\"}},"
	     "{\"op\":\"add\",\"path\":\"/spec/runtimeClassName\",\"value\":\"nvidia\"}]"},
	    {RULE("edge", "{inject: {nodeSelector: {node-type: edge}}}"), "{}",
	     "{'nodeSelector':{'node-type':'core'},'containers':[]}",
	     "DENIED nodeSelector node-type is \"core\" in the Pod, but Rule \"edge\" sets it to \"edge\"; "
	     "remove it or use "
	     "that value"},
	    {RULE("edge", "{onConflict: override, inject: {nodeSelector: {node-type: edge}}}"), "{}",
	     "{'nodeSelector':{'node-type':'core'},'containers':[]}",
	     "[{\"op\":\"add\",\"path\":\"/spec/nodeSelector/node-type\",\"value\":\"edge\"}]"},
	    {RULE("edge", "{onConflict: keep, inject: {nodeSelector: {node-type: edge}}}"), "{}",
	     "{'nodeSelector':{'node-type':'core'},'containers':[]}", ""},
	    /* A later rewrite makes an earlier Rule match, so the pass is repeated. */
	    {RULE("a", "{order: 1, match: {requests: {nvidia.com/gpu.shared: {}}}, inject: {runtimeClassName: shared}}")
		 RULE("b", "{order: 2, rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}"),
	     "{}",
	     "{'tolerations':[{'operator':'Exists'}],'containers':[{'name':'c','resources':{'limits':{'nvidia.com/"
	     "gpu':1}}}]}",
	     "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu.shared\",\"value\":\"1\"},"
	     "{\"op\":\"add\",\"path\":\"/spec/runtimeClassName\",\"value\":\"shared\"}]"},
	    {GUARD("{visibleDevices: void}"), "{}",
	     "{'containers':[{'name':'c'},{'name':'d','env':[{'name':'NVIDIA_VISIBLE_DEVICES','value':'all'}]}]}",
	     "[{\"op\":\"add\",\"path\":\"/spec/containers/0/"
	     "env\",\"value\":[{\"name\":\"NVIDIA_VISIBLE_DEVICES\",\"value\":\"void\"}]},"
	     "{\"op\":\"replace\",\"path\":\"/spec/containers/1/env/"
	     "0\",\"value\":{\"name\":\"NVIDIA_VISIBLE_DEVICES\",\"value\":\"void\"}}]"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096], *policy;
		assert_true(asprintf(&policy, "%s%s", FLEET, rows[i].rules) > 0);
		mutate(policy, "a", rows[i].metadata, rows[i].spec, text, sizeof text);
		assert_string_equal(text, rows[i].expected);
		free(policy);
	}
}

static void test_charges(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *expected;
	} rows[] = {
	    {GPU("1"), "a/mem=80Gi, a/whole=1, org/all=1"},
	    {"{'nodeSelector':{'product':'t4'},'containers':[{'name':'c','resources':{'limits':{'nvidia.com/"
	     "gpu':2}}}]}",
	     "a/whole=2, org/all=0.5"},
	    {"{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/mig-1g.10gb':3}}}]}",
	     "a/mem=30Gi, a/slices=3, org/all=0.42"},
	    {"{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu.shared':1}}}]}",
	     "a/mem=20Gi, org/all=0.25"},
	    {"{'initContainers':[{'name':'i','resources':{'limits':{'nvidia.com/"
	     "gpu':1}}},{'name':'s','restartPolicy':'Always','resources'"
	     ":{'limits':{'nvidia.com/gpu':1}}},{'name':'j','resources':{'limits':{'nvidia.com/"
	     "gpu':2}}}],'containers':[{'name':'c'}]}",
	     "a/mem=240Gi, a/whole=3, org/all=3"},
	    {"{'nodeSelector':{'product':'h100'},'containers':[{'name':'c','resources':{'limits':{'nvidia.com/"
	     "gpu':2}}}]}",
	     "no Accelerator of the policy has nvidia.com/gpu on the nodes that the Pod's nodeSelector allows; one "
	     "that it could require is \"a100-80gb\": product is h100 in the Pod, a100 for a100-80gb; correct what the "
	     "Pod requires, or ask the platform team for an Accelerator"},
	    {"{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':'1500m'}}}]}",
	     "container \"c\" requests nvidia.com/gpu: \"1500m\" is not a whole number; request a whole number of "
	     "accelerators"},
	    {"{'containers':[{'name':'c','resources':{'limits':{'cpu':'1500m','example.com/foo':'1'}}}]}", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096];
		validate(FLEET, "a-dev", "{'uid':'u'}", rows[i].spec, text, sizeof text);
		print_message("%s\n", text);
		assert_memory_equal(text, rows[i].expected, strlen(rows[i].expected));
	}
}

static void test_guards(void **state)
{
	(void)state;
	static const struct {
		/* The beginning of the message. "": no violation. */
		const char *guard, *spec, *expected;
	} rows[] = {
	    {"{deny: [visibleDevicesEnv]}",
	     "{'containers':[{'name':'c','env':[{'name':'NVIDIA_VISIBLE_DEVICES','value':'all'}]}]}",
	     "container \"c\" sets NVIDIA_VISIBLE_DEVICES, which"},
	    {"{deny: [visibleDevicesEnv]}",
	     "{'containers':[{'name':'c','env':[{'name':'NVIDIA_VISIBLE_DEVICES','value':'void'}]}]}", ""},
	    {"{deny: [hostDeviceMounts]}",
	     "{'volumes':[{'name':'v','hostPath':{'path':'/x/../dev//nvidia0/'}}],'containers':[]}",
	     "hostPath volume /x/../dev//nvidia0/ gives access"},
	    {"{deny: [hostDeviceMounts]}", "{'volumes':[{'name':'v','hostPath':{'path':'/'}}],'containers':[]}",
	     "hostPath volume / gives access"},
	    {"{deny: [hostDeviceMounts]}", "{'volumes':[{'name':'v','hostPath':{'path':'/dev'}}],'containers':[]}",
	     "hostPath volume /dev gives access"},
	    {"{deny: [hostDeviceMounts]}", "{'volumes':[{'name':'v','hostPath':{'path':'/dev/shm'}}],'containers':[]}",
	     ""},
	    {"{deny: [hostDeviceMounts]}", "{'volumes':[{'name':'v','hostPath':{'path':'/data'}}],'containers':[]}",
	     ""},
	    {"{deny: [hostDeviceMounts]}", "{'volumes':[{'name':'v','hostPath':{'path':'/de'}}],'containers':[]}", ""},
	    {"{deny: [privileged]}", "{'containers':[{'name':'c','securityContext':{'privileged':true}}]}",
	     "container \"c\" is privileged"},
	    {"{deny: [preboundNodeName]}", "{'nodeName':'n1','containers':[]}", "spec.nodeName n1 bypasses"},
	    {"{deny: [deviceVolumeMounts]}",
	     "{'containers':[{'name':'c','volumeMounts':[{'name':'v','mountPath':'/var/run/nvidia-container-devices/"
	     "all'}]}]}",
	     "container \"c\" mounts /var/run/nvidia-container-devices/all, which"},
	    {"{deny: [mixedMigInContainer]}",
	     "{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/mig-1g.10gb':1,'nvidia.com/"
	     "mig-2g.20gb':1}}}]}",
	     "container \"c\" requests nvidia.com/mig-2g.20gb and another"},
	    {"{deny: [sharedRequestAboveOne]}",
	     "{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu.shared':2}}}]}",
	     "container \"c\" requests more than one nvidia.com/gpu.shared, but several shares"},
	    {"{deny: [resourceClaims]}", "{'resourceClaims':[{'name':'x'}],'containers':[]}", "spec.resourceClaims"},
	    {"{visibleDevices: void}", "{'containers':[{'name':'c'}]}",
	     "container \"c\" must set NVIDIA_VISIBLE_DEVICES to \"void\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096], *policy;
		assert_true(asprintf(&policy, "%s" GUARD("%s"), FLEET, rows[i].guard) > 0);
		validate(policy, "a", "{'uid':'u'}", rows[i].spec, text, sizeof text);
		print_message("%s\n", text);
		if (*rows[i].expected)
			assert_memory_equal(text, rows[i].expected, strlen(rows[i].expected));
		else
			assert_null(strstr(text, "Guard"));
		free(policy);
	}
}

static void test_required(void **state)
{
	(void)state;
	char text[4096];
	validate(FLEET RULE("r", "{required: true, inject: {nodeSelector: {zone: x}}}"), "a", "{'uid':'u'}", GPU("1"),
		 text, sizeof text);
	assert_non_null(strstr(text, "required Rule \"r\""));
	validate(FLEET RULE("r", "{required: true, inject: {nodeSelector: {zone: x}}}"), "a", "{'uid':'u'}",
		 "{'nodeSelector':{'zone':'x'},'containers':[]}", text, sizeof text);
	assert_string_equal(text, "");
}

static void test_compile_errors(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *expected;
	} rows[] = {
	    {RULE("r", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}, {from: nvidia.com/gpu.shared, "
		       "to: nvidia.com/gpu}]}"),
	     "leads back to a name that was rewritten before"},
	    {RULE("r", "{match: {tenants: [b]}, inject: {runtimeClassName: x}}"), "no Tenant is named \"b\""},
	    {RULE("r", "{match: {requests: {nvidia.com/gpu: {min: 3, max: 2}}}, inject: {runtimeClassName: x}}"),
	     "max is 2 but min is 3"},
	    {RULE("r", "{match: {requests: {nvidia.con/gpu: {}}}, inject: {runtimeClassName: x}}"),
	     "did you mean \"nvidia.com/gpu\"?"},
	    {RULE("r", "{rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: t4, default: 1Gi}}]}"),
	     "offers no MIG profile"},
	    {RULE("r", "{match: {tenants: [a], namespaces: [b]}, inject: {runtimeClassName: x}}"
		       "\n---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaces: [b], "
		       "parent: org}"),
	     "belongs to Tenant \"b\""},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {parent: b}\n",
	     "lead back to itself"},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaces: [a]}\n",
	     "belongs to Tenant \"a\" at "},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {quotas: [{name: q, hard: '1.5'}]}\n",
	     "counted in whole numbers"},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {quotas: [{name: q, hard: 1, "
	     "accelerators: [a10]}]}\n",
	     "no Accelerator is named \"a10\""},
	    {"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: x}\nspec: {resource: amd.com/gpu, mig: "
	     "{}}\n",
	     "no built-in MIG table for \"x\""},
	    {RULE("r",
		  "{match: {podSelector: {matchLabels: {k: v}, matchExpressions: [{key: k, operator: NotIn, values: "
		  "[v]}]}}, inject: {runtimeClassName: x}}"),
	     "contradicts itself"},
	    {RULE("r", "{match: {namespaceSelector: {matchExpressions: [{key: k, operator: Exists}, {key: k, operator: "
		       "DoesNotExist}]}}, inject: {runtimeClassName: x}}"),
	     "contradicts itself"},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaceSelector: {matchLabels: "
	     "{k: v}, "
	     "matchExpressions: [{key: k, operator: In, values: [w, x]}]}}\n",
	     "contradicts itself"},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {quotas: [{name: q, hard: 1, "
	     "resources: "
	     "['nvidia.com/mig-*'], accelerators: [t4]}]}\n",
	     "the quota counts nothing"},
	    {"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: h100-80gb}\nspec: {resource: "
	     "nvidia.com/gpu, mig: "
	     "{offered: [1g.10gb+me]}}\n---\n" RULE(
		 "r", "{rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: h100-80gb, default: 10Gi}}]}"),
	     "never chosen by memory"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[8192], *policy;
		assert_true(asprintf(&policy, "%s%s", FLEET, rows[i].policy) > 0);
		assert_null(fixture_policy(policy, text, sizeof text));
		print_message("%s", text);
		assert_non_null(strstr(text, rows[i].expected));
		free(policy);
	}
}

static void test_compile_warnings(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *expected; /* "": no findings. */
	} rows[] = {
	    {"", ""},
	    {RULE("r",
		  "{match: {podSelector: {matchLabels: {k: v}, matchExpressions: [{key: k, operator: Exists}, {key: k, "
		  "operator: NotIn, values: [w]}]}}, inject: {runtimeClassName: x}}"),
	     ""},
	    {RULE("r", "{match: {namespaces: [kube-system]}, inject: {runtimeClassName: x}}"), "is exempt in Settings"},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaces: [kube-system]}\n",
	     "is exempt in Settings"},
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaceSelector: {matchLabels: "
	     "{k: v}}}\n"
	     "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: c}\nspec: {namespaceSelector: "
	     "{matchLabels: {l: "
	     "v}}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {k: v, l: v}}\n",
	     "both claim this namespace"},
	    /* Any profile that a Pod may request by its memory, not only the first one. */
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaces: [b], quotas: [{name: q, "
	     "hard: 1, "
	     "resources: [nvidia.com/mig-1g.10gb, nvidia.com/mig-1g.20gb, nvidia.com/mig-2g.20gb]}]}\n---\n" RULE(
		 "r", "{rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi}}]}"),
	     "rewrites to \"nvidia.com/mig-3g.40gb\", which no quota of Tenant \"b\" ("},
	    /* A quota for another model covers nothing. */
	    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaces: [b], quotas: [{name: q, "
	     "hard: 1, "
	     "accelerators: [t4]}]}\n---\n" RULE("r", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}"),
	     "which no quota of Tenant \"b\" ("},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[8192], *yaml;
		assert_true(asprintf(&yaml, "%s%s", FLEET, rows[i].policy) > 0);
		struct policy *policy = fixture_policy(yaml, text, sizeof text);
		print_message("%s", text);
		assert_non_null(policy);
		if (*rows[i].expected)
			assert_non_null(strstr(text, rows[i].expected));
		else
			assert_null(strstr(text, "warning"));
		policy_release(policy);
		free(yaml);
	}
}

/* Only a limited number of violations is kept, but a refusal never lacks its reason. */
static void test_refusal_after_many_warnings(void **state)
{
	(void)state;
	char spec[4096] = "{'containers':[{'name':'c','resources':{'limits':{";
	size_t len = strlen(spec);
	for (int i = 0; i < DECISION_VIOLATIONS_MAX + 4; i++)
		len += (size_t)snprintf(spec + len, sizeof spec - len, "%s'hygon.com/r%d':1", i ? "," : "", i);
	snprintf(spec + len, sizeof spec - len, "}}}]}");
	struct policy *policy = fixture_policy(
	    RULE("r", "{required: true, inject: {nodeSelector: {zone: x}}}") "apiVersion: gpugate.io/v1\nkind: "
									     "Tenant\nmetadata: {name: w}\nspec: "
									     "{namespaces: [w], "
									     "enforcement: warn}\n",
	    NULL, 0);
	assert_non_null(policy);
	struct fixture_review r;
	fixture_review(&r, "w", "{'uid':'u'}", spec);
	struct decision decision;
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.denied);
	assert_int_equal(decision.violation_count, DECISION_VIOLATIONS_MAX);
	assert_int_equal(decision.violations[0].enforcement, ENFORCEMENT_WARN);
	const struct violation *last = &decision.violations[decision.violation_count - 1];
	assert_int_equal(last->enforcement, ENFORCEMENT_DENY);
	assert_true(str_eq(last->name, STR("r")));
	fixture_review_release(&r);
	policy_release(policy);
}

/*
 * Which models a Pod could land on, for every operator of node affinity. A numeric label gives 20
 * or 80 GB.
 */
static void test_node_affinity(void **state)
{
	(void)state;
	static const char policy[] = "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: small}\nspec: "
				     "{resource: nvidia.com/gpu, weight: '0.25', "
				     "nodeLabels: {gb: '20', kind: s}}\n---\n"
				     "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: large}\nspec: "
				     "{resource: nvidia.com/gpu, nodeLabels: {gb: "
				     "'80', kind: l}}\n---\n"
				     "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {namespaces: "
				     "[a], quotas: [{name: q, measure: gpus, "
				     "hard: 9}]}\n";
	static const struct {
		const char *terms, *expected; /* The beginning of the output. */
	} rows[] = {
	    {"{'matchExpressions':[{'key':'gb','operator':'Lt','values':['21']}]}", "a/q=0.25"},
	    {"{'matchExpressions':[{'key':'gb','operator':'Lt','values':['20']}]}", "no Accelerator"},
	    {"{'matchExpressions':[{'key':'gb','operator':'Gt','values':['20']}]}", "a/q=1"},
	    {"{'matchExpressions':[{'key':'gb','operator':'Gt','values':['80']}]}", "no Accelerator"},
	    {"{'matchExpressions':[{'key':'gb','operator':'Gt','values':['x']}]}", "no Accelerator"},
	    {"{'matchExpressions':[{'key':'kind','operator':'In','values':['s','t']}]}", "a/q=0.25"},
	    {"{'matchExpressions':[{'key':'kind','operator':'NotIn','values':['l']}]}", "a/q=0.25"},
	    {"{'matchExpressions':[{'key':'kind','operator':'DoesNotExist'}]}", "no Accelerator"},
	    {"{'matchExpressions':[{'key':'kind','operator':'Exists'},{'key':'other','operator':'In','values':['x']}]}",
	     "a/q=1"},
	    /* Terms are alternatives. */
	    {"{'matchExpressions':[{'key':'kind','operator':'In','values':['s']}]},"
	     "{'matchExpressions':[{'key':'kind','operator':'In','values':['l']}]}",
	     "a/q=1"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096], *spec;
		assert_true(
		    asprintf(&spec,
			     "{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'"
			     "nodeSelectorTerms'"
			     ":[%s]}}},'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':1}}}]}",
			     rows[i].terms) > 0);
		validate(policy, "a", "{'uid':'u'}", spec, text, sizeof text);
		print_message("%s\n", text);
		assert_memory_equal(text, rows[i].expected, strlen(rows[i].expected));
		if (rows[i].expected[0] == 'a')
			assert_string_equal(text, rows[i].expected);
		free(spec);
	}
}

/* Messages quote a Pod, but never contain its control characters or parts of a character. */
static void test_messages_are_plain(void **state)
{
	(void)state;
	static const char rule[] = RULE("r", "{inject: {nodeSelector: {zone: x}}}");
	char text[8192], *spec, wide_text[4096];
	mutate(FLEET RULE("r", "{inject: {nodeSelector: {zone: x}}}"), "a", "{}",
	       "{'nodeSelector':{'zone':'a\\n\\u001bb\\u0085c\\u007f'},'containers':[]}", text, sizeof text);
	assert_non_null(strstr(text, "\"a??b??c?\""));
	/* The cut falls at each byte of a three-byte character. */
	for (size_t cut = 0; cut < 4; cut++) {
		memset(wide_text, 'w', cut);
		for (size_t at = cut; at < 1800; at += 3)
			memcpy(wide_text + at, "\xe2\x82\xac", 4);
		assert_true(asprintf(&spec, "{'nodeSelector':{'zone':'%s'},'containers':[]}", wide_text) > 0);
		char *policy;
		assert_true(asprintf(&policy, "%s%s", FLEET, rule) > 0);
		mutate(policy, "a", "{}", spec, text, sizeof text);
		/* The value is cut, but not the remedy. */
		static const char rest[] =
		    "\xe2\x82\xac...\" in the Pod, but Rule \"r\" sets it to \"x\"; remove it or use "
		    "that value";
		assert_string_equal(text + strlen(text) - (sizeof rest - 1), rest);
		free(policy);
		free(spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rewrites),
	    cmocka_unit_test(test_charges),
	    cmocka_unit_test(test_guards),
	    cmocka_unit_test(test_required),
	    cmocka_unit_test(test_compile_errors),
	    cmocka_unit_test(test_node_affinity),
	    cmocka_unit_test(test_messages_are_plain),
	    cmocka_unit_test(test_compile_warnings),
	    cmocka_unit_test(test_refusal_after_many_warnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
