/* test_claim: tests the reader of ResourceClaims: all of their fields, and its error messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gpugate/claim.h"
#include "webhook/object/review.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A text in memory of exactly its size and the padding. */
struct text {
	char *bytes;
	size_t len;
	struct arena arena;
	struct error err;
};

/* JSON is written with ' for ". */
static void text_init(struct text *text, const char *json)
{
	*text = (struct text){.len = strlen(json)};
	text->bytes = malloc(text->len + REVIEW_PADDING);
	if (!text->bytes)
		abort();
	for (size_t i = 0; i < text->len; i++)
		text->bytes[i] = json[i] == '\'' ? '"' : json[i];
	memset(text->bytes + text->len, '"', REVIEW_PADDING);
	arena_init(&text->arena, 4096, 1 << 20);
}

static void text_release(struct text *text)
{
	free(text->bytes);
	arena_release(&text->arena);
}

static void assert_str(struct str actual, const char *expected)
{
	if (!str_eq(actual, str_of(expected)) || str_present(actual) != (expected != NULL))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(actual), expected ? expected : "(absent)");
}

static void assert_option(const struct claim_option *option, const char *class, enum claim_mode mode, int64_t count,
			  const char *admin)
{
	assert_str(option->device_class, class);
	assert_int_equal(option->mode, mode);
	assert_int_equal(option->count, count);
	assert_int_equal(option->admin_access, admin && strcmp(admin, "true") == 0);
	assert_str(option->admin_text, admin);
}

static const char whole[] =
    "{'kind':'ResourceClaim','apiVersion':'resource.k8s.io/v1beta2','other':[1],'metadata':{'name':'n','generateName':"
    "'g','namespace':'s','uid':'u','resourceVersion':'7','deletionTimestamp':'T','deletionGracePeriodSeconds':30,"
    "'annotations':{'x':'y','resource.kubernetes.io/extended-resource-claim':'true'},"
    "'managedFields':[{'\xff':1}],'ownerReferences':[{'kind':'A'},{'apiVersion':'v1','kind':'Pod','name':'p','uid':"
    "'pu','controller':true}]},'spec':{'devices':{'constraints':[{}],'requests':["
    "{'name':'a','exactly':{'deviceClassName':'c1','allocationMode':'All','adminAccess':true,'selectors':[{}]}},"
    "{'name':'b','firstAvailable':[{'name':'x','deviceClassName':'c2','count':3,'allocationMode':'ExactCount'},"
    "{'name':'y','deviceClassName':'c3','allocationMode':'Some','count':null,'adminAccess':false}]},"
    "{'name':'c','deviceClassName':'c4','count':12},"
    "{'name':'d','exactly':{'deviceClassName':'c5','count':-2}},{'name':'e'}]}},"
    "'status':{'devices':[{}],'reservedFor':[{}],'allocation':{'nodeSelector':{},'devices':{'config':[],'results':["
    "{'request':'a','driver':'gpu.nvidia.com','pool':'p','device':'gpu-0','adminAccess':true},"
    "{'request':'b/x','driver':'gpu.nvidia.com','adminAccess':null}]}}}}";

static void test_all_fields(void **state)
{
	(void)state;
	struct text text;
	struct pod pod;
	text_init(&text, whole);
	if (review_read_claim_as_pod(text.bytes, text.len, &text.arena, &pod, &text.err) < 0)
		fail_msg("%s", text.err.text);
	const struct claim *claim = pod.as_claim;
	assert_true(pod.present && claim && claim->present);
	assert_str(pod.name, "n");
	assert_str(pod.generate_name, "g");
	assert_str(pod.namespace, "s");
	assert_str(pod.uid, "u");
	assert_str(pod.resource_version, "7");
	assert_str(pod.deletion_timestamp, "T");
	assert_str(pod.deletion_grace_seconds, "30");
	assert_str(pod.owner.kind, "Pod");
	assert_str(pod.owner.uid, "pu");
	assert_true(pod.container_count == 0 && !str_present(pod.node_name) && !str_present(pod.phase));
	assert_true(claim->allocation.present && !str_present(claim->allocation.node));
	assert_int_equal(claim->allocation.result_count, 2);
	assert_str(claim->allocation.results[0].request, "a");
	assert_str(claim->allocation.results[1].request, "b/x");
	assert_str(claim->requests[1].options[1].name, "y");
	assert_str(claim->uid, "u");
	assert_str(claim->owner.api_version, "v1");
	assert_true(claim->marked_extended);
	assert_str(claim->extended_mark, "true");
	assert_int_equal(claim->request_count, 5);
	const struct claim_request *requests = claim->requests;
	assert_option(requests[0].options, "c1", CLAIM_ALL, 1, "true");
	assert_int_equal(requests[1].option_count, 2);
	assert_option(&requests[1].options[0], "c2", CLAIM_EXACT_COUNT, 3, NULL);
	assert_option(&requests[1].options[1], "c3", CLAIM_MODE_UNKNOWN, 1, "false");
	assert_str(requests[1].options[1].mode_text, "Some");
	assert_option(requests[2].options, "c4", CLAIM_EXACT_COUNT, 12, NULL);
	assert_option(requests[3].options, "c5", CLAIM_EXACT_COUNT, 0, NULL);
	assert_str(requests[3].options[0].count_text, "-2");
	assert_int_equal(requests[4].option_count, 1);
	assert_option(requests[4].options, NULL, CLAIM_EXACT_COUNT, 0, NULL);
	text_release(&text);
}

#define FIELD(key, op, values) "{'key':'" key "','operator':'" op "','values':[" values "]}"
#define TERM(fields) "{'matchFields':[" fields "]}"

/* Only one way to write it says that all is on one node: the one that the scheduler uses. */
static void test_node_of_an_allocation(void **state)
{
	(void)state;
	static const struct {
		const char *terms, *node;
	} rows[] = {
	    {TERM(FIELD("metadata.name", "In", "'n'")), "n"},
	    {"{'matchExpressions':[" FIELD("a", "In", "'b'") "],'matchFields':[" FIELD("metadata.name", "In",
										       "'n'") "]}",
	     "n"},
	    {"", NULL},
	    {"{}", NULL},
	    {TERM(""), NULL},
	    {TERM(FIELD("metadata.name", "In", "")), NULL},
	    {TERM(FIELD("metadata.name", "In", "'n','m'")), NULL},
	    {TERM(FIELD("metadata.name", "NotIn", "'n'")), NULL},
	    {TERM(FIELD("metadata.namespace", "In", "'n'")), NULL},
	    {TERM(FIELD("metadata.name", "In", "'n'") "," FIELD("metadata.name", "In", "'m'")), NULL},
	    {TERM(FIELD("metadata.name", "In", "'n'")) "," TERM(FIELD("metadata.name", "In", "'n'")), NULL},
	    {"{'matchExpressions':[" FIELD("metadata.name", "In", "'n'") "]}", NULL},
	    {"{'matchExpressions':[" FIELD("kubernetes.io/hostname", "In", "'n'") "]}", NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char json[1024];
		struct text text;
		struct pod pod;
		snprintf(json, sizeof json, "{'status':{'allocation':{'nodeSelector':{'nodeSelectorTerms':[%s]}}}}",
			 rows[i].terms);
		text_init(&text, json);
		if (review_read_claim_as_pod(text.bytes, text.len, &text.arena, &pod, &text.err) < 0)
			fail_msg("%s: %s", json, text.err.text);
		assert_true(pod.as_claim->allocation.present && pod.as_claim->allocation.result_count == 0);
		assert_str(pod.as_claim->allocation.node, rows[i].node);
		text_release(&text);
	}
}

static void test_absent_fields(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "{}",
	    "{'metadata':null,'spec':null,'status':null}",
	    "{'metadata':{'annotations':null,'ownerReferences':null},'spec':{'devices':null},'status':{'allocation':null}}",
	    "{'spec':{'devices':{'requests':null}},'status':{}}",
	    "{'status':{'allocation':null,'reservedFor':1,'devices':1}}",
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct text text;
		struct pod pod;
		text_init(&text, texts[i]);
		assert_int_equal(review_read_claim_as_pod(text.bytes, text.len, &text.arena, &pod, &text.err), 0);
		const struct claim *claim = pod.as_claim;
		assert_true(claim->present && claim->request_count == 0 && !claim->marked_extended);
		assert_true(!str_present(pod.uid) && !str_present(pod.owner.kind));
		text_release(&text);
	}
}

/* What is told of the devices, in each place where it can be. */
static void test_parts(void **state)
{
	(void)state;
#define TOLD                                                                                                           \
	"'deviceClassName':'c','selectors':[null,{},{'cel':null},{'cel':{'expression':'device.attributes['"            \
	"}},{'cel':{'expression':'\\u00221g.10gb\\u0022==device.attributes[\\u0022gpu.nvidia.com\\u0022].profile'}},"  \
	"{'cel':{'expression':'device.attributes[\\u0022gpu.amd.com\\u0022].productName==\\u0022P\\u0022'}}],"         \
	"'capacity':{'requests':{'cores':3,'x.example/memory':'1.5'}}"
	static const char *const texts[] = {
	    "{'spec':{'devices':{'requests':[{'name':'r','exactly':{" TOLD "}}]}}}",
	    "{'spec':{'devices':{'requests':[{'name':'r','firstAvailable':[{'name':'x'," TOLD "}]}]}}}",
	    "{'spec':{'devices':{'requests':[{'name':'r'," TOLD "}]}}}",
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct text text;
		struct pod pod;
		text_init(&text, texts[i]);
		if (review_read_claim_as_pod(text.bytes, text.len, &text.arena, &pod, &text.err) < 0)
			fail_msg("%s", text.err.text);
		assert_int_equal(pod.as_claim->requests[0].option_count, 1);
		const struct claim_option *option = pod.as_claim->requests[0].options;
		assert_str(option->profile, "1g.10gb");
		assert_str(option->product, "P");
		assert_str(option->product_driver, "gpu.amd.com");
		assert_int_equal(option->memory, 0);
		assert_true(option->other_capacity);
		text_release(&text);
	}
}

static void test_memory(void **state)
{
	(void)state;
	static const struct {
		const char *requests;
		int64_t memory;
	} rows[] = {
	    {"null", 0},
	    {"{}", 0},
	    {"{'memory':'10Gi'}", INT64_C(10) << 30},
	    {"{'memory':1}", 1},
	    {"{'memory':'1n'}", 1},
	    {"{'memory':'9223372036854775807'}", INT64_MAX},
	    /* No amount that an int64_t has. */
	    {"{'memory':'8Ei'}", 0},
	    {"{'memory':'9Ei'}", 0},
	    {"{'memory':'0'}", 0},
	    {"{'memory':'-1'}", 0},
	    {"{'memory':''}", 0},
	    {"{'memory':'x'}", 0},
	    {"{'memory':null}", 0},
	    /* Not the one capacity of that name. */
	    {"{'Memory':'1'}", 0},
	    {"{'xmemory':'1'}", 0},
	    {"{'memory/x':'1'}", 0},
	    {"{'gpu.nvidia.com/memory':'1'}", 0},
	    /* Beside another capacity. */
	    {"{'memory':'1','a/memory':'1'}", 0},
	    {"{'cores':1,'memory':'1'}", 0},
	    {"{'a/memory':'1','b/memory':'x'}", 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char json[256];
		struct text text;
		struct pod pod;
		snprintf(json, sizeof json,
			 "{'spec':{'devices':{'requests':[{'deviceClassName':'c','capacity':{'requests':%s}}]}}}",
			 rows[i].requests);
		text_init(&text, json);
		if (review_read_claim_as_pod(text.bytes, text.len, &text.arena, &pod, &text.err) < 0)
			fail_msg("%s: %s", json, text.err.text);
		assert_true(pod.as_claim->requests[0].options[0].memory == rows[i].memory);
		text_release(&text);
	}
}

#define REQUESTS(requests) "{'spec':{'devices':{'requests':[" requests "]}}}"

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		const char *json, *error;
	} rows[] = {
	    {"[]", "expected an object, found an array"},
	    {"{} 1", "expected nothing more"},
	    {"{'metadata':{'uid':1}}", "metadata.uid: expected a string, found a number"},
	    {"{'metadata':{'uid':'a','uid':'a'}}", "metadata.uid: the key is given twice"},
	    {"{'metadata':{'ownerReferences':{}}}", "metadata.ownerReferences: expected an array"},
	    {"{'metadata':{'ownerReferences':[{'controller':1}]}}",
	     "metadata.ownerReferences[0].controller: expected true or false"},
	    {REQUESTS("{'exactly':[]}"), "spec.devices.requests[0].exactly: expected an object"},
	    {REQUESTS("{'exactly':{'count':'1'}}"), "spec.devices.requests[0].exactly.count: expected a number"},
	    {REQUESTS("{},{'firstAvailable':[{'count':true}]}"),
	     "spec.devices.requests[1].firstAvailable[0].count: expected a number"},
	    {REQUESTS("{'count':{}}"), "spec.devices.requests[0].count: expected a number"},
	    {REQUESTS("{'exactly':{'allocationMode':1}}"),
	     "spec.devices.requests[0].exactly.allocationMode: expected a string"},
	    {"{'status':[]}", "status: expected an object"},
	    {"{'status':{'allocation':{'devices':{'results':[{'request':1}]}}}}",
	     "status.allocation.devices.results[0].request: expected a string"},
	    {"{'status':{'allocation':{'devices':{'results':[{'consumedCapacity':{'memory':[]}}]}}}}",
	     "status.allocation.devices.results[0].consumedCapacity"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct text text;
		struct pod pod;
		text_init(&text, rows[i].json);
		assert_int_equal(review_read_claim_as_pod(text.bytes, text.len, &text.arena, &pod, &text.err), -1);
		if (strncmp(text.err.text, rows[i].error, strlen(rows[i].error)) != 0)
			fail_msg("%s: %s", rows[i].json, text.err.text);
		text_release(&text);
	}
}

/* If memory is exhausted, there is an error, however little is missing. */
static void test_no_memory(void **state)
{
	(void)state;
	bool read = false;
	for (size_t bytes = 16; bytes < 16384 && !read; bytes += 16) {
		struct text text;
		struct pod pod;
		text_init(&text, whole);
		struct arena little;
		arena_init(&little, 16, bytes);
		read = review_read_claim_as_pod(text.bytes, text.len, &little, &pod, &text.err) == 0;
		assert_int_equal(!read, text.err.text[0] != '\0');
		arena_release(&little);
		text_release(&text);
	}
	assert_true(read);
}

#define REVIEW(operation, object, old)                                                                                 \
	"{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1','request':{'uid':'r','object':" object           \
	",'oldObject':" old ",'operation':'" operation                                                                 \
	"','kind':{'group':'resource.k8s.io','version':'v1','kind':'ResourceClaim'}}}"

/* The old claim is read as strictly as the new one. */
static void test_old_claims(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		bool now, old;
		const char *error;
	} rows[] = {
	    {REVIEW("CREATE", "{}", "null"), true, false, NULL},
	    {REVIEW("UPDATE", "{}", "{'metadata':{'uid':'o'}}"), true, true, NULL},
	    {REVIEW("DELETE", "null", "{'metadata':{'uid':'o'}}"), false, true, NULL},
	    {REVIEW("DELETE", "null", "{'metadata':[]}"), false, false,
	     "request.oldObject.metadata: expected an object"},
	    {REVIEW("UPDATE", "{}", "{'metadata':[]}"), false, false, "request.oldObject.metadata: expected an object"},
	    {REVIEW("UPDATE", "{'metadata':[]}", "{}"), false, false, "request.object.metadata: expected an object"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct text text;
		struct review review;
		text_init(&text, rows[i].json);
		int result = review_read(text.bytes, text.len, &text.arena, &review, &text.err);
		assert_int_equal(result, rows[i].error ? -1 : 0);
		if (rows[i].error)
			assert_non_null(strstr(text.err.text, rows[i].error));
		else
			assert_true(review.claim.present == rows[i].now && review.old_claim.present == rows[i].old);
		text_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_fields),    cmocka_unit_test(test_node_of_an_allocation),
	    cmocka_unit_test(test_parts),         cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_absent_fields), cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_old_claims),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
