/*
 * test_redact: tests webhook/admission/redact.c on single texts. tests/blackbox/test_recording.py
 * and tests/fuzz/fuzz_redact.c test that a redacted review is decided as its original.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/admission/redact.h"

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\n"
    "spec: {resource: nvidia.com/gpu, mig: {}, nodeLabels: {a: b}}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\n"
    "spec: {match: {annotationSelector: {matchLabels: {selected: 'yes'}, matchExpressions: [{key: other, operator: "
    "DoesNotExist}]}}, "
    "rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: 'annotation:memory'}}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: s}\n"
    "spec: {match: {podSelector: {matchLabels: {selected: 'yes'}}}, "
    "rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: 'label:size'}}]}\n";

/* Redacts a review with ' for ". Returns 0 or -1, and the copy or the error in `out`. */
static int redact(const char *review, char out[static 2048])
{
	struct policy *policy = fixture_policy(policy_text, NULL, 0);
	struct arena arena;
	struct buf text;
	struct error err = {0};
	size_t len = strlen(review);
	char *bytes = calloc(1, len + REVIEW_PADDING);
	assert_non_null(policy);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = review[i] == '\'' ? '"' : review[i];
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&text, 1 << 20);
	int result = redact_request(&text, (struct str){bytes, len}, policy, &arena, &err);
	snprintf(out, 2048, "%.*s", result < 0 ? (int)strlen(err.text) : (int)text.len,
		 result < 0 ? err.text : text.ptr);
	for (char *c = out; *c; c++)
		if (*c == '"')
			*c = '\'';
	buf_release(&text);
	arena_release(&arena);
	policy_release(policy);
	free(bytes);
	return result;
}

static void assert_redacted(const char *review, const char *expected)
{
	char out[2048];
	assert_int_equal(redact(review, out), 0);
	assert_string_equal(out, expected);
}

#define OBJECT(text) "{'request':{'object':" text "}}"
#define COPIED(text) "{'object':" text "}"
#define METADATA(text) "{'metadata':" text "}"
#define SPEC(text) "{'spec':" text "}"
#define ENV(text) SPEC("{'containers':[{'env':" text "}]}")

static void test_keys(void **state)
{
	(void)state;
	assert_redacted("{'kind':'AdmissionReview','request':{'uid':'u','options':{'x':1},'dryRun':true}}",
			"{'uid':'u','dryRun':true}");
	assert_redacted(" { 'request' : { 'uid' : 'a \\'b\\\\' ,\n'kind' : {\t'group' : '' , 'x' : [ 1 , { } ] } } } ",
			"{'uid':'a \\'b\\\\','kind':{'group':'','x':[1,{}]}}");
	assert_redacted("{'request':{'\\u0075id':'u','userInfo':{'username':'n','extra':{'t':['s']},'groups':['g']}}}",
			"{'uid':'u','userInfo':{'username':'n','groups':['g']}}");
	assert_redacted("{'request':{'object':null,'oldObject':{'status':{'phase':'x','message':'s'}}}}",
			"{'oldObject':{'status':{'phase':'x'}}}");
	assert_redacted(OBJECT(SPEC("{'volumes':[null,{'name':'v','csi':{'volumeAttributes':{'p':'s'}}}]}")),
			COPIED(SPEC("{'volumes':[null,{'name':'v'}]}")));
}

/* Another kind of object has no secrets in the copy, either. */
static void test_a_secret(void **state)
{
	(void)state;
	assert_redacted(OBJECT("{'kind':'Secret','metadata':{'name':'n'},'data':{'a':'s'},'stringData':{'b':'s'}}"),
			COPIED("{'kind':'Secret','metadata':{'name':'n'}}"));
}

static void test_annotations(void **state)
{
	(void)state;
	assert_redacted(
	    OBJECT(METADATA(
		"{'annotations':{'note':'s','selected':'a','other':'b','memory':'1Gi','size':'s','cdi.k8s.io/x':"
		"'c','gpu-fraction':'0.5','kubernetes.io/config.mirror':'d'}}")),
	    COPIED(
		METADATA("{'annotations':{'selected':'a','other':'b','memory':'1Gi','cdi.k8s.io/x':'c','gpu-fraction':"
			 "'0.5','kubernetes.io/config.mirror':'d'}}")));
	assert_redacted(OBJECT(METADATA("{'annotations':{'m\\u0065mory':null,'n\\u006fte':'s'}}")),
			COPIED(METADATA("{'annotations':{'memory':null}}")));
	assert_redacted(OBJECT(METADATA("{'annotations':{}}")), COPIED(METADATA("{'annotations':{}}")));
}

static void test_variables(void **state)
{
	(void)state;
	assert_redacted(
	    OBJECT(ENV("[{'name':'A','value':'s'},{'value':'all','name':'NVIDIA_VISIBLE_DEVICES'},null,{}]")),
	    COPIED(ENV("[{'name':'A','value':'REDACTED'},{'name':'NVIDIA_VISIBLE_DEVICES','value':'all'},null,{}]")));
	assert_redacted(
	    OBJECT(
		ENV("[{'name':'B','valueFrom':{'secretKeyRef':{'name':'s'}}},{'value':'s'},{'name':'C','value':''}]")),
	    COPIED(ENV("[{'name':'B','valueFrom':{}},{'value':'REDACTED'},{'name':'C','value':'REDACTED'}]")));
	assert_redacted(OBJECT(ENV("[{'name':'MIG_VISIBLE_DEVICES','valueFrom':null,'value':null}]")),
			COPIED(ENV("[{'name':'MIG_VISIBLE_DEVICES'}]")));
}

/* managedFields need not be valid JSON inside. */
static void test_managed_fields(void **state)
{
	(void)state;
	assert_redacted(OBJECT(METADATA("{'managedFields':[{'\xff':x}],'name':'n'}")),
			COPIED(METADATA("{'name':'n'}")));
}

static void test_errors(void **state)
{
	static const struct {
		const char *review, *error;
	} cases[] = {
	    {"{'request':7}", "request: expected an object, found a number (byte 11)"},
	    {OBJECT(SPEC("{'volumes':{}}")),
	     "request.object.spec.volumes: expected an array, found an object (byte 40)"},
	    {OBJECT(SPEC("{'volumes':[7]}")),
	     "request.object.spec.volumes[0]: expected an object, found a number (byte 41)"},
	    {OBJECT(METADATA("{'annotations':7}")),
	     "request.object.metadata.annotations: expected an object, found a number (byte 48)"},
	    {"{'request':{'uid':'a','uid':'b'}}", "request.uid: the key is given twice (byte 28)"},
	    {"{'request':{}} x", "expected nothing more, found 'x' (byte 15)"},
	};
	char out[2048];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(redact(cases[i].review, out), -1);
		assert_string_equal(out, cases[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),      cmocka_unit_test(test_a_secret),       cmocka_unit_test(test_annotations),
	    cmocka_unit_test(test_variables), cmocka_unit_test(test_managed_fields), cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
