/*
 * test_reapply: tests updates of Pods: which mutations /mutate keeps, and what it leaves to the API
 * server.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/admission/patch.h"

#define DOC(kind, name, spec)                                                                                          \
	"apiVersion: gpugate.io/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec "\n---\n"

#define FLEET                                                                                                          \
	DOC("Accelerator", "a100-80gb",                                                                                \
	    "{resource: nvidia.com/gpu, nodeLabels: {product: a100}, mig: {offered: [1g.10gb]}, "                      \
	    "sharing: {resource: nvidia.com/gpu.shared, replicas: 4}}")                                                \
	DOC("Accelerator", "mi300", "{resource: amd.com/gpu}")

#define RULES                                                                                                          \
	DOC("Rule", "mig",                                                                                             \
	    "{match: {podSelector: {matchLabels: {gpu: mig}}}, rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: " \
	    "a100-80gb, default: 10Gi, pin: true}}], onConflict: keep}")                                               \
	DOC("Rule", "place",                                                                                           \
	    "{match: {podSelector: {matchLabels: {place: yes}}}, inject: {nodeSelector: {zone: a, "                    \
	    "tier: gpu}, tolerations: [{key: edge, value: x, effect: NoExecute, tolerationSeconds: 5}], "              \
	    "runtimeClassName: nvidia}, onConflict: override}")

#define GPU "nvidia.com/gpu"
#define MIG "nvidia.com/mig-1g.10gb"
#define SLICES "nvidia.com~1mig-1g.10gb"

/* Builds an update from the specs of the new and the old object, which are JSON with ' for ". */
static void review_update(struct fixture_review *r, const char *now, const char *old)
{
	size_t size = strlen(now) + strlen(old) + 1024;
	r->bytes = calloc(1, size + REVIEW_PADDING);
	snprintf(r->bytes, size,
		 "{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1','request':{'uid':'r1','kind':{'group':''"
		 ",'version':'v1','kind':'Pod'},'resource':{'group':'','version':'v1','resource':'pods'},'name':'p',"
		 "'namespace':'a','operation':'UPDATE','userInfo':{'username':'alice'},"
		 "'object':{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p'},'spec':%s},"
		 "'oldObject':{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p'},'spec':%s}}}",
		 now, old);
	for (char *c = r->bytes; *c; c++)
		if (*c == '\'')
			*c = '"';
	arena_init(&r->arena, 65536, 16 << 20);
	struct error err = {0};
	if (review_read(r->bytes, strlen(r->bytes), &r->arena, &r->review, &err) < 0)
		fail_msg("%s", err.text);
}

/* Writes the patch with ' for ", or an empty string if there are no edits. */
static void restore(const struct policy *policy, const char *now, const char *old, char *out, size_t size)
{
	struct fixture_review r;
	struct decision decision;
	struct buf text;
	review_update(&r, now, old);
	assert_int_equal(policy_mutate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_false(decision.denied);
	assert_int_equal(decision.violation_count, 0);
	buf_init(&text, 1 << 20);
	if (decision.edit_count)
		patch_write(&text, &r.review.object, decision.edits, decision.edit_count);
	snprintf(out, size, "%.*s", STR_ARG(buf_view(&text)));
	for (char *c = out; *c; c++)
		if (*c == '"')
			*c = '\'';
	buf_release(&text);
	fixture_review_release(&r);
}

struct row {
	const char *now, *old, *patch;
};

static void check_rows(const struct row *rows, size_t count)
{
	struct policy *policy = fixture_policy(FLEET RULES, NULL, 0);
	assert_non_null(policy);
	for (size_t i = 0; i < count; i++) {
		char out[4096];
		restore(policy, rows[i].now, rows[i].old, out, sizeof out);
		if (strcmp(out, rows[i].patch) != 0)
			fail_msg("row %zu: expected %s, found %s", i, rows[i].patch, out);
	}
	policy_release(policy);
}

#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof *(rows))

#define LIMITS(entries) "{'containers':[{'name':'c','resources':{'limits':{" entries "}}}]}"
#define AT "'path':'/spec/containers/0/resources/limits/"

static void test_resources(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    /* Merged by an apply, and replaced. */
	    {LIMITS("'" GPU "':'1','" MIG "':'1','cpu':'1'"), LIMITS("'" MIG "':'1','cpu':'1'"),
	     "[{'op':'remove'," AT "nvidia.com~1gpu'}]"},
	    {LIMITS("'" GPU "':'1'"), LIMITS("'" MIG "':'1'"),
	     "[{'op':'remove'," AT "nvidia.com~1gpu'},{'op':'add'," AT SLICES "','value':'1'}]"},
	    /* Renamed to a resource that the manifest requests too. */
	    {LIMITS("'" GPU "':'2','" MIG "':'1'"), LIMITS("'" MIG "':'3'"),
	     "[{'op':'remove'," AT "nvidia.com~1gpu'},{'op':'add'," AT SLICES "','value':'3'}]"},
	    /* With another accelerator, merged and replaced. */
	    {LIMITS("'amd.com/gpu':'2','" GPU "':'1','" MIG "':'1'"), LIMITS("'amd.com/gpu':'2','" MIG "':'1'"),
	     "[{'op':'remove'," AT "nvidia.com~1gpu'}]"},
	    {LIMITS("'amd.com/gpu':'2','" GPU "':'1'"), LIMITS("'amd.com/gpu':'2','" MIG "':'1'"),
	     "[{'op':'remove'," AT "nvidia.com~1gpu'},{'op':'add'," AT SLICES "','value':'1'}]"},
	    /* Changed amounts are immutable; the API server reports that. */
	    {LIMITS("'" GPU "':'2','" MIG "':'1'"), LIMITS("'" MIG "':'1'"), ""},
	    {LIMITS("'" GPU "':'1','" MIG "':'2'"), LIMITS("'" MIG "':'2'"), ""},
	    {LIMITS("'" GPU "':'2'"), LIMITS("'" GPU "':'1'"), ""},
	    {LIMITS("'" MIG "':'2'"), LIMITS("'" MIG "':'1'"), ""},
	    {LIMITS("'cpu':'1'"), LIMITS("'" MIG "':'1','cpu':'1'"), ""},
	    {LIMITS("'" GPU "':'1'"), LIMITS("'cpu':'1'"), ""},
	    /* Invalid amounts are not refused here. */
	    {LIMITS("'" GPU "':'1.5','" MIG "':'1'"), LIMITS("'" MIG "':'1'"), ""},
	    {LIMITS("'" GPU "':'2000000000','" MIG "':'1'"), LIMITS("'" MIG "':'1'"), ""},
	    /*
	     * No accelerators: a resize that the API server allows, and the resource of another
	     * vendor.
	     */
	    {LIMITS("'" MIG "':'1','cpu':'2'"), LIMITS("'" MIG "':'1','cpu':'1'"), ""},
	    {LIMITS("'example.com/nic':'1'"), LIMITS("'example.com/net':'1'"), ""},
	    /* No Rule made a zero of nothing, and the map may be missing. */
	    {"{'containers':[{'name':'c'}]}", LIMITS("'" GPU "':'0'"), ""},
	    {"{'containers':[{'name':'c','resources':{'requests':{'cpu':'1'}}}]}", LIMITS("'" GPU "':'0','cpu':'1'"),
	     ""},
	    {"{'containers':[{'name':'c','resources':{'limits':null}}]}", LIMITS("'" MIG "':'0'"), ""},
	    {LIMITS("'cpu':'1'"), LIMITS("'" GPU "':'0','cpu':'1'"), ""},
	    /* The same amount, written differently. */
	    {LIMITS("'" MIG "':'1000m'"), LIMITS("'" MIG "':'1'"), ""},
	    {LIMITS("'" MIG "':'1'"), LIMITS("'" MIG "':'1'"), ""},
	};
	CHECK_ROWS(rows);
}

static void test_containers(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    /* Requests and limits, including those of init containers. */
	    {"{'initContainers':[{'name':'i','resources':{'requests':{'" GPU "':'1','" MIG
	     "':'1'}}}],'containers':[{'name':'c'}]}",
	     "{'initContainers':[{'name':'i','resources':{'requests':{'" MIG "':'1'}}}],'containers':[{'name':'c'}]}",
	     "[{'op':'remove','path':'/spec/initContainers/0/resources/requests/nvidia.com~1gpu'}]"},
	    /* There is another container at that position: the API server refuses the update. */
	    {LIMITS("'" GPU "':'1'"), "{'containers':[{'name':'d','resources':{'limits':{'" MIG "':'1'}}}]}", ""},
	    {"{'containers':[{'name':'c','resources':{'limits':{'" GPU "':'1'}}}]}",
	     "{'initContainers':[{'name':'c','resources':{'limits':{'" MIG "':'1'}}}]}", ""},
	    {"{'containers':[]}", LIMITS("'" MIG "':'1'"), ""},
	    /* Each list is compared separately, whatever precedes it. */
	    {"{'initContainers':[{'name':'i'},{'name':'j'}],'containers':[{'name':'c','resources':{'limits':{'" GPU
	     "':'1'}}}]}",
	     "{'initContainers':[{'name':'i'}],'containers':[{'name':'c','resources':{'limits':{'" MIG "':'1'}}}]}",
	     "[{'op':'remove'," AT "nvidia.com~1gpu'},{'op':'add'," AT SLICES "','value':'1'}]"},
	};
	CHECK_ROWS(rows);
}

#define ENV(entries) "{'containers':[{'name':'c','env':[" entries "]}]}"
#define VAR(name, value) "{'name':'" name "','value':'" value "'}"
#define NVIDIA(value) VAR("NVIDIA_VISIBLE_DEVICES", value)
#define REPLACED(at) "[{'op':'replace','path':'/spec/containers/0/env/" at "','value':" NVIDIA("void") "}]"

static void test_variables(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {ENV(VAR("A", "x") "," NVIDIA("all")), ENV(VAR("A", "x") "," NVIDIA("void")), REPLACED("1")},
	    {ENV("{'name':'NVIDIA_VISIBLE_DEVICES','value':'void','valueFrom':{}}"), ENV(NVIDIA("void")),
	     REPLACED("0")},
	    /* The manifest lacks it, and replaces the Pod. */
	    {ENV(VAR("A", "x")), ENV(VAR("A", "x") "," NVIDIA("void")),
	     "[{'op':'add','path':'/spec/containers/0/env/-','value':" NVIDIA("void") "}]"},
	    {"{'containers':[{'name':'c'}]}", ENV(NVIDIA("void") "," VAR("AMD_VISIBLE_DEVICES", "void")),
	     "[{'op':'add','path':'/spec/containers/0/env','value':[" NVIDIA("void") "," VAR("AMD_VISIBLE_DEVICES",
											     "void") "]}]"},
	    /* Several with the same name are handled separately. */
	    {ENV(NVIDIA("none") "," NVIDIA("all")), ENV(NVIDIA("none") "," NVIDIA("void")), REPLACED("1")},
	    {ENV(NVIDIA("all")), ENV(NVIDIA("all") "," NVIDIA("void")),
	     "[{'op':'add','path':'/spec/containers/0/env/-','value':" NVIDIA("void") "}]"},
	    /* Values that gpugate has not set to void. */
	    {ENV(NVIDIA("all")), ENV(NVIDIA("none")), ""},
	    {ENV(NVIDIA("all")), ENV(NVIDIA("0")), ""},
	    {ENV(VAR("MY_VISIBLE_DEVICES", "all")), ENV(VAR("MY_VISIBLE_DEVICES", "void")), ""},
	    {ENV(VAR("A", "y") "," NVIDIA("void")), ENV(VAR("A", "x") "," NVIDIA("void")), ""},
	    {ENV(NVIDIA("all")), ENV(VAR("A", "x")), ""},
	};
	CHECK_ROWS(rows);
}

#define SELECT(entries) "{'containers':[],'nodeSelector':{" entries "}}"

static void test_node_selectors(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {SELECT("'zone':'b','own':'x'"), SELECT("'zone':'a','own':'x'"),
	     "[{'op':'add','path':'/spec/nodeSelector/zone','value':'a'}]"},
	    /* The policy may have changed; the Pod decides. */
	    {SELECT("'zone':'b'"), SELECT("'zone':'c'"), "[{'op':'add','path':'/spec/nodeSelector/zone','value':'c'}]"},
	    {"{'containers':[]}", SELECT("'zone':'a','tier':'gpu','product':'a100','own':'x'"),
	     "[{'op':'add','path':'/spec/nodeSelector','value':{'product':'a100','zone':'a','tier':'gpu'}}]"},
	    /* A gated Pod may get more selectors. */
	    {SELECT("'zone':'a','more':'x'"), SELECT("'zone':'a'"), ""},
	    {SELECT("'zone':'a'"), "{'containers':[]}", ""},
	    /* Keys that no Rule sets, or no Rule replaces. */
	    {SELECT("'own':'y'"), SELECT("'own':'x'"), ""},
	    {SELECT("'product':'h100'"), SELECT("'product':'a100'"), ""},
	};
	CHECK_ROWS(rows);
}

#define TOLERATE(entries) "{'containers':[],'tolerations':[" entries "]}"
#define OWN "{'key':'own','operator':'Exists'}"
#define OTHER "{'key':'other','operator':'Exists'}"
#define EDGE(seconds)                                                                                                  \
	"{'key':'edge','operator':'Equal','value':'x','effect':'NoExecute','tolerationSeconds':" seconds "}"
#define OF_GPU "{'key':'" GPU "','operator':'Exists','effect':'NoSchedule'}"

static void test_tolerations(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {TOLERATE(OWN), TOLERATE(OWN "," OF_GPU "," EDGE("5")),
	     "[{'op':'add','path':'/spec/tolerations/-','value':" OF_GPU
	     "},{'op':'add','path':'/spec/tolerations/-','value':" EDGE("5") "}]"},
	    {"{'containers':[]}", TOLERATE(OF_GPU "," EDGE("5")),
	     "[{'op':'add','path':'/spec/tolerations','value':[" OF_GPU "," EDGE("5") "]}]"},
	    /* More tolerations, in any order, and with other seconds. */
	    {TOLERATE(OTHER "," OWN), TOLERATE(OWN "," OF_GPU),
	     "[{'op':'add','path':'/spec/tolerations/-','value':" OF_GPU "}]"},
	    {TOLERATE(EDGE("9") "," OWN "," OTHER), TOLERATE(OWN "," EDGE("5")), ""},
	    {TOLERATE(OWN "," OF_GPU "," OTHER), TOLERATE(OWN "," OF_GPU), ""},
	    /* Removed by someone else; gpugate did not add it. */
	    {TOLERATE(OWN), TOLERATE(OWN "," OTHER), ""},
	    {TOLERATE(OWN), TOLERATE(OWN ",{'key':'example.com/nic','operator':'Exists','effect':'NoSchedule'}"), ""},
	    {TOLERATE(OWN), TOLERATE(OWN ",{'key':'" GPU "','operator':'Exists','effect':'NoExecute'}"), ""},
	};
	CHECK_ROWS(rows);
}

#define CLASS(name) "{'containers':[],'runtimeClassName':'" name "'}"

static void test_runtime_class(void **state)
{
	(void)state;
	static const struct row rows[] = {
	    {CLASS("own"), CLASS("nvidia"), "[{'op':'add','path':'/spec/runtimeClassName','value':'nvidia'}]"},
	    {"{'containers':[]}", CLASS("before"), "[{'op':'add','path':'/spec/runtimeClassName','value':'before'}]"},
	    {CLASS("nvidia"), "{'containers':[]}", ""},
	    {CLASS("nvidia"), CLASS("nvidia"), ""},
	};
	CHECK_ROWS(rows);
}

/* Without Rules, only a previous rewrite can explain a difference. */
static void test_a_policy_without_rules(void **state)
{
	(void)state;
	char out[1024];
	struct policy *policy = fixture_policy(FLEET, NULL, 0);
	assert_non_null(policy);
	restore(policy,
		"{'containers':[],'nodeSelector':{'zone':'b'},'runtimeClassName':'own','tolerations':[" OWN "]}",
		"{'containers':[],'nodeSelector':{'zone':'a'},'runtimeClassName':'nvidia','tolerations':[" OWN
		"," EDGE("5") "]}",
		out, sizeof out);
	assert_string_equal(out, "");
	restore(policy, LIMITS("'" GPU "':'1','" MIG "':'1'"), LIMITS("'" MIG "':'1'"), out, sizeof out);
	assert_string_equal(out, "[{'op':'remove'," AT "nvidia.com~1gpu'}]");
	policy_release(policy);
}

static void test_exempt(void **state)
{
	(void)state;
	char out[1024];
	struct policy *policy = fixture_policy(FLEET DOC("Settings", "s", "{exempt: {users: [alice]}}"), NULL, 0);
	assert_non_null(policy);
	restore(policy, LIMITS("'" GPU "':'1','" MIG "':'1'"), LIMITS("'" MIG "':'1'"), out, sizeof out);
	assert_string_equal(out, "");
	policy_release(policy);
}

/* If there are more kept accelerators than are searched, none of them counts as a rewrite. */
static void test_many_names(void **state)
{
	(void)state;
	char now[8192] = "{'containers':[{'name':'c','resources':{'limits':{'" GPU "':'1'", old[8192], out[1024];
	struct policy *policy = fixture_policy(FLEET, NULL, 0);
	assert_non_null(policy);
	snprintf(old, sizeof old, "{'containers':[{'name':'c','resources':{'limits':{'" MIG "':'1'");
	for (int i = 0; i < 80; i++) {
		char entry[64];
		snprintf(entry, sizeof entry, ",'amd.com/x%d':'1'", i);
		strcat(now, entry);
		strcat(old, entry);
		char ended_now[sizeof now + 8], ended_old[sizeof old + 8];
		snprintf(ended_now, sizeof ended_now, "%s}}}]}", now);
		snprintf(ended_old, sizeof ended_old, "%s}}}]}", old);
		restore(policy, ended_now, ended_old, out, sizeof out);
		assert_int_equal(*out != '\0', i < 6);
	}
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_resources),
	    cmocka_unit_test(test_containers),
	    cmocka_unit_test(test_variables),
	    cmocka_unit_test(test_node_selectors),
	    cmocka_unit_test(test_tolerations),
	    cmocka_unit_test(test_runtime_class),
	    cmocka_unit_test(test_a_policy_without_rules),
	    cmocka_unit_test(test_exempt),
	    cmocka_unit_test(test_many_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
