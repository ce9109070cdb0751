/*
 * test_claims: what ResourceClaims request, what they are charged, and which of them are refused
 * although there is room.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/claim.h"
#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/quota.h"

#define CLASS "deviceclass.resource.kubernetes.io/"
#define MARK "'annotations':{'resource.kubernetes.io/extended-resource-claim':'true'}"
#define OF_POD(kind) "'ownerReferences':[{'apiVersion':'v1','kind':'" kind "','name':'p','uid':'1','controller':true}]"

/* --- What they request --- */

/* A claim with this status, as a watch delivers it. */
static int read_claim(const char *spec, const char *status, struct arena *arena, struct pod *pod)
{
	size_t size = strlen(spec) + strlen(status) + 256;
	char *text = arena_zalloc(arena, size + REVIEW_PADDING, 1);
	struct error err = {0};
	if (!text)
		return -2;
	snprintf(text, size, "{'metadata':{'name':'c','uid':'u'},'spec':{'devices':{'requests':[%s]}},'status':%s}",
		 spec, status);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	return review_read_claim_as_pod(text, strlen(text), arena, pod, &err);
}

/* Prints requests as `gpu=1|mig=2 gpu=3`, without the prefix of device classes. */
static void print_requests(const struct resource_request *requests, uint32_t count, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		assert_true(str_starts(requests[i].resource, STR(CLASS)));
		len += (size_t)snprintf(out + len, size - len, "%s%.*s=%lld",
					requests[i].alternative ? "|"
					: i                     ? " "
								: "",
					STR_ARG(str_tail(requests[i].resource, sizeof CLASS - 1)),
					(long long)requests[i].count);
	}
}

#define ALLOCATED(results) "{'allocation':{'devices':{'results':[" results "]}}}"
#define OPTIONS                                                                                                        \
	"{'name':'r','firstAvailable':[{'name':'x','deviceClassName':'gpu'},{'name':'y','deviceClassName':'mig','count':2}]}"
#define TWO                                                                                                            \
	"{'name':'r','exactly':{'deviceClassName':'gpu','count':2}},{'name':'s','exactly':{'deviceClassName':'mig'}}"

#define PROFILE(name)                                                                                                  \
	"'selectors':[{'cel':{'expression':'\\u0022" name                                                              \
	"\\u0022==device.attributes[\\u0022gpu.nvidia.com\\u0022].profile'}}]"
#define MEMORY(amount) "'capacity':{'requests':{'memory':'" amount "'}}"
#define CLASS_50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
/* The longest class that the API server allows, and one that it does not. */
#define LONG_CLASS CLASS_50 CLASS_50 CLASS_50 CLASS_50 CLASS_50 "bbb"
#define IMPOSSIBLE_CLASS LONG_CLASS CLASS_50 CLASS_50

#define ONE(text) "{'name':'r','exactly':{'deviceClassName':'gpu'" text "}}"
#define RESULT(name) "{'request':'" name "','driver':'d','pool':'p','device':'x'}"
#define TAKES(capacity) "{'request':'r','consumedCapacity':{" capacity "}}"

/* What claims have been given. What cannot be decided counts as it is requested. */
static void test_allocated(void **state)
{
	(void)state;
	static const struct {
		const char *requests, *status, *expected; /* `none`: as if it had none. */
	} rows[] = {
	    {TWO, "null", "none"},
	    {TWO, "{}", "none"},
	    {TWO, "{'allocation':null}", "none"},
	    {"", "{'allocation':{}}", ""},
	    {TWO, ALLOCATED(RESULT("r") "," RESULT("s") "," RESULT("r")), "gpu=2 mig=1"},
	    /* By the alternative that it has got. */
	    {OPTIONS, ALLOCATED(RESULT("r/x")), "gpu=1"},
	    {OPTIONS, ALLOCATED(RESULT("r/y") "," RESULT("r/y")), "mig=2"},
	    {ONE(",'allocationMode':'All'"), ALLOCATED(RESULT("r") "," RESULT("r") "," RESULT("r")), "gpu=3"},
	    {"{'name':'r','deviceClassName':'gpu','count':2}", ALLOCATED(RESULT("r") "," RESULT("r")), "gpu=2"},
	    /* More than was requested is held as well. */
	    {ONE(""), ALLOCATED(RESULT("r") "," RESULT("r")), "gpu=2"},
	    /* What it takes of devices that are shared by capacity. */
	    {ONE(""), ALLOCATED(TAKES("'memory':'10Gi'")), "gpu[memory=10Gi]=1"},
	    {ONE(""), ALLOCATED(TAKES("'memory':'1500m','cores':'4'")), "gpu[memory=2]=1"},
	    {ONE(""), ALLOCATED(TAKES("'gpu.example.com/memory':'1500m','cores':'4'")), "gpu=1"},
	    {ONE("," MEMORY("1Gi")), ALLOCATED(TAKES("'memory':'2Gi','cores':'4'")), "gpu[memory=2Gi]=1"},
	    /* Who requests another capacity can have all of that. */
	    {ONE(",'capacity':{'requests':{'memory':'1Gi','cores':'4'}}"),
	     ALLOCATED(TAKES("'memory':'1Gi','cores':'4'")), "gpu=1"},
	    {ONE(",'count':3"),
	     ALLOCATED(TAKES("'memory':'1Gi'") "," TAKES("'memory':'2Gi'") "," TAKES("'memory':'1024Mi'")),
	     "gpu[memory=1Gi]=2 gpu[memory=2Gi]=1"},
	    {ONE(""), ALLOCATED(TAKES("'cores':'4'")), "gpu=1"},
	    {ONE(""), ALLOCATED(TAKES("'memory':'0'")), "gpu=1"},
	    {ONE(""), ALLOCATED(TAKES("'memory':'-1Gi'")), "gpu=1"},
	    {ONE(""), ALLOCATED(TAKES("'memory':'10E'")), "gpu=1"},
	    {ONE(""), ALLOCATED(TAKES("'memory':'1Gi','a/memory':'2Gi'")), "gpu[memory=1Gi]=1"},
	    {ONE(""), ALLOCATED(TAKES("'gpumemory':'1Gi'")), "gpu=1"},
	    /* A request without a result, with too few, or with several alternatives. */
	    {TWO, ALLOCATED(RESULT("r") "," RESULT("r")), "gpu=2 mig=1"},
	    {OPTIONS, "{'allocation':{}}", "gpu=1|mig=2"},
	    {OPTIONS, ALLOCATED(RESULT("r/y")), "gpu=1|mig=2"},
	    {OPTIONS, ALLOCATED(RESULT("r/x") "," RESULT("r/y") "," RESULT("r/y")), "gpu=1|mig=2"},
	    {ONE(",'count':2"), ALLOCATED(RESULT("r")), "gpu=2"},
	    {OPTIONS ",{'name':'s','exactly':{'deviceClassName':'mig'}}", ALLOCATED(RESULT("s")), "gpu=1|mig=2 mig=1"},
	    /* An alternative that is not there, none, or one of several with its name. */
	    {OPTIONS, ALLOCATED(RESULT("r/z")), "gpu=1|mig=2"},
	    {OPTIONS, ALLOCATED(RESULT("r")), "gpu=1|mig=2"},
	    {ONE(""), ALLOCATED(RESULT("r/x")), "gpu=1"},
	    {"{'name':'r','firstAvailable':[{'name':'x','deviceClassName':'t4'},{'name':'x','deviceClassName':'gpu'}]}",
	     ALLOCATED(RESULT("r/x")), "t4=1|gpu=1"},
	    /* A form of request that is not known. */
	    {ONE(",'allocationMode':'Some'"), ALLOCATED(RESULT("r")), "gpu=32"},
	    {ONE(",'count':-1"), ALLOCATED(RESULT("r")), "gpu=32"},
	    {ONE(",'count':0"), ALLOCATED(RESULT("r")), "gpu=1"},
	    {"{'name':'q','someday':{}}," ONE(""), ALLOCATED(RESULT("r")), "gpu=1"},
	    /* A result of no request says that nothing of the allocation is understood. */
	    {OPTIONS, ALLOCATED(RESULT("r/x") "," RESULT("q")), "none"},
	    {OPTIONS, ALLOCATED(RESULT("r/x") ",{}"), "none"},
	    {OPTIONS, ALLOCATED(RESULT("r/x") "," RESULT("")), "none"},
	    {OPTIONS, ALLOCATED(RESULT("/x")), "none"},
	    /* Nor do two requests of one name, of which a result would be counted twice. */
	    {ONE("") "," ONE(",'count':2"), ALLOCATED(RESULT("r")), "none"},
	    {OPTIONS "," TWO, ALLOCATED(RESULT("r/x") "," RESULT("s")), "none"},
	    {TWO "," ONE(""), "{'allocation':{}}", "none"},
	    /* What is not held. */
	    {ONE(",'adminAccess':true"), ALLOCATED("{'request':'r','adminAccess':true}"), ""},
	    {ONE(",'adminAccess':true"), ALLOCATED(RESULT("r")), ""},
	    {ONE(""), ALLOCATED("{'request':'r','adminAccess':true}"), "gpu=1"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena arena;
		struct pod pod;
		struct consumer consumer;
		char text[1024] = "none";
		arena_init(&arena, 4096, 1 << 20);
		assert_int_equal(read_claim(rows[i].requests, rows[i].status, &arena, &pod), 0);
		assert_int_equal(policy_claim_allocated(pod.as_claim, &arena, &consumer), 0);
		if (consumer.is_allocated)
			print_requests(consumer.allocated, consumer.allocated_count, text, sizeof text);
		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("%s %s: %s", rows[i].requests, rows[i].status, text);
		assert_true(consumer.is_allocated || consumer.allocated_count == 0);
		/* The Pod for which a scheduler has made it is charged. */
		struct claim marked = *pod.as_claim;
		marked.marked_extended = true;
		assert_int_equal(policy_claim_allocated(&marked, &arena, &consumer), 0);
		assert_int_equal(consumer.allocated_count, 0);
		arena_release(&arena);
	}
}

/* The API server allows 32 results. Nobody knows what a list with more means. */
static void test_too_many_results(void **state)
{
	(void)state;
	char status[4096];
	for (int results = CLAIM_DEVICES_MAX; results <= CLAIM_DEVICES_MAX + 1; results++) {
		struct arena arena;
		struct pod pod;
		struct consumer consumer;
		size_t len = (size_t)snprintf(status, sizeof status, "{'allocation':{'devices':{'results':[");
		for (int i = 0; i < results; i++)
			len += (size_t)snprintf(status + len, sizeof status - len, "%s{'request':'r'}", i ? "," : "");
		snprintf(status + len, sizeof status - len, "]}}}");
		arena_init(&arena, 4096, 1 << 20);
		assert_int_equal(read_claim(ONE(",'allocationMode':'All'"), status, &arena, &pod), 0);
		assert_int_equal(policy_claim_allocated(pod.as_claim, &arena, &consumer), 0);
		assert_int_equal(consumer.is_allocated, results == CLAIM_DEVICES_MAX);
		assert_int_equal(consumer.allocated_count, results == CLAIM_DEVICES_MAX);
		arena_release(&arena);
	}
}

/* 32 requests with one name and 32 results would need 1024 rows. */
static void test_same_names(void **state)
{
	(void)state;
	struct arena arena;
	struct buf spec, status;
	struct pod pod;
	struct consumer consumer;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&spec, 1 << 20);
	buf_init(&status, 1 << 20);
	buf_text(&status, "{'allocation':{'devices':{'results':[");
	for (int i = 0; i < CLAIM_DEVICES_MAX; i++) {
		buf_printf(&spec, "%s" ONE(",'allocationMode':'All'"), i ? "," : "");
		buf_printf(&status, "%s{'request':'r','consumedCapacity':{'memory':'%dMi'}}", i ? "," : "", i + 1);
	}
	buf_text(&status, "]}}}");
	buf_char(&spec, '\0');
	buf_char(&status, '\0');
	assert_int_equal(read_claim(spec.ptr, status.ptr, &arena, &pod), 0);
	assert_int_equal(policy_claim_allocated(pod.as_claim, &arena, &consumer), 0);
	assert_false(consumer.is_allocated);
	assert_int_equal(consumer.allocated_count, 0);
	buf_release(&spec);
	buf_release(&status);
	arena_release(&arena);
}

/* The rows of results leave room for all ways to meet the other requests. */
static void test_room_beside_results(void **state)
{
	(void)state;
	struct arena arena;
	struct buf spec, status;
	struct pod pod;
	struct consumer consumer;
	arena_init(&arena, 65536, 16 << 20);
	buf_init(&spec, 1 << 20);
	buf_init(&status, 1 << 20);
	buf_text(&spec, ONE(",'allocationMode':'All'"));
	for (int i = 0; i < 31; i++) {
		buf_printf(&spec, ",{'name':'b%d','firstAvailable':[", i);
		for (int k = 0; k < 8; k++)
			buf_printf(&spec, "%s{'name':'o%d','deviceClassName':'c%d'}", k ? "," : "", k, k);
		buf_text(&spec, "]}");
	}
	buf_text(&status, "{'allocation':{'devices':{'results':[");
	for (int i = 0; i < CLAIM_DEVICES_MAX; i++)
		buf_printf(&status, "%s{'request':'r','consumedCapacity':{'memory':'%dMi'}}", i ? "," : "", i + 1);
	buf_text(&status, "]}}}");
	buf_char(&spec, '\0');
	buf_char(&status, '\0');
	assert_int_equal(read_claim(spec.ptr, status.ptr, &arena, &pod), 0);
	assert_int_equal(policy_claim_allocated(pod.as_claim, &arena, &consumer), 0);
	assert_true(consumer.is_allocated);
	assert_int_equal(consumer.allocated_count, CLAIM_DEVICES_MAX + 31 * 8);
	buf_release(&spec);
	buf_release(&status);
	arena_release(&arena);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

#define RANDOM_REQUESTS 4
#define RANDOM_OPTIONS 3
#define RANDOM_RESULTS 8

struct random_claim {
	struct claim claim;
	struct claim_request requests[RANDOM_REQUESTS];
	struct claim_option options[RANDOM_REQUESTS][RANDOM_OPTIONS];
	struct claim_result results[RANDOM_RESULTS];
};

/* Few names, so that many are used twice. */
static void make_claim(struct random_claim *c, uint32_t *seed)
{
	static const char *const names[] = {"a", "b", "c", "d", ""};
	static const char *const given[] = {"a", "a/x", "a/y", "b", "b/x", "c", "d", "d/x", "", "/x", "a/", "/"};
	*c = (struct random_claim){.claim.requests = c->requests};
	c->claim.request_count = next_random(seed) % (RANDOM_REQUESTS + 1);
	for (uint32_t i = 0; i < c->claim.request_count; i++) {
		c->requests[i] = (struct claim_request){str_of(names[next_random(seed) % 5]), c->options[i],
							1 + next_random(seed) % RANDOM_OPTIONS};
		for (uint32_t k = 0; k < c->requests[i].option_count; k++)
			c->options[i][k] =
			    (struct claim_option){.name = str_of(next_random(seed) % 2 ? "x"
								 : k                   ? "y"
										       : ""),
						  .device_class = str_of(next_random(seed) % 9 ? "gpu" : ""),
						  .mode = next_random(seed) % 3,
						  .count = next_random(seed) % 4,
						  .admin_access = next_random(seed) % 9 == 0};
	}
	c->claim.allocation = (struct claim_allocation){
	    .present = true, .results = c->results, .result_count = next_random(seed) % (RANDOM_RESULTS + 1)};
	for (uint32_t i = 0; i < RANDOM_RESULTS; i++)
		c->results[i] =
		    (struct claim_result){str_of(given[next_random(seed) % 12]), next_random(seed) % 3 << 20};
}

/* Whatever a status says, a result takes one row at most, and an option another one. */
static void test_random_allocations(void **state)
{
	(void)state;
	uint32_t seed = 1, allocated = 0;
	for (int round = 0; round < 20000; round++) {
		struct random_claim c;
		struct arena arena;
		struct consumer consumer;
		uint32_t most = 0;
		bool same = false;
		make_claim(&c, &seed);
		most = c.claim.allocation.result_count;
		for (uint32_t i = 0; i < c.claim.request_count; i++) {
			most += c.requests[i].option_count;
			for (uint32_t k = 0; k < i; k++)
				same |= str_eq(c.requests[i].name, c.requests[k].name);
		}
		arena_init(&arena, 4096, 1 << 20);
		assert_int_equal(policy_claim_allocated(&c.claim, &arena, &consumer), 0);
		assert_false(same && consumer.is_allocated);
		assert_true(consumer.allocated_count <= most);
		for (uint32_t i = 0; i < consumer.allocated_count; i++)
			assert_true(consumer.allocated[i].count >= 1 && str_present(consumer.allocated[i].resource));
		allocated += consumer.is_allocated;
		arena_release(&arena);
	}
	assert_true(allocated > 500);
}

static void test_requests(void **state)
{
	(void)state;
	static const struct {
		const char *requests, *status, *expected;
	} rows[] = {
	    {"", "null", ""},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu'}}", "null", "gpu=1"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','allocationMode':'','count':3}}", "null", "gpu=3"},
	    {"{'name':'r','deviceClassName':'gpu','count':3}", "null", "gpu=3"},
	    {TWO, "{}", "gpu=2 mig=1"},
	    /* The order is kept, and so are the groups. */
	    {"{'name':'a','exactly':{'deviceClassName':'z'}}," OPTIONS
	     ",{'name':'b','exactly':{'deviceClassName':'a'}}",
	     "null", "z=1 gpu=1|mig=2 a=1"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','allocationMode':'All'}}", "null", "gpu=32"},
	    /* What is unknown counts as many. */
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','allocationMode':'Some'}}", "null", "gpu=32"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','allocationMode':'Some','count':40}}", "null", "gpu=40"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','count':-1}}", "null", "gpu=32"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','count':0}}", "null", "gpu=1"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','count':1.5}}", "null", "gpu=32"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','count':99999999999999999999}}", "null", "gpu=32"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','count':9223372036854775807}}", "null",
	     "gpu=9007199254740992"},
	    {"{'name':'r','someday':{'deviceClassName':'gpu'}}", "null", ""},
	    {"{'name':'r','exactly':{'deviceClassName':''}}", "null", ""},
	    /* What is not held. */
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','adminAccess':true}}", "null", ""},
	    {"{'name':'r','firstAvailable':[{'name':'x','deviceClassName':'gpu','adminAccess':true},{'name':'y',"
	     "'deviceClassName':'mig'},{'name':'z','deviceClassName':'t4'}]}",
	     "null", "mig=1|t4=1"},
	    {"{'name':'r','firstAvailable':[{'name':'x','deviceClassName':'gpu','adminAccess':true}]}," OPTIONS, "null",
	     "gpu=1|mig=2"},
	    /* What is told of the devices. */
	    {"{'name':'r','exactly':{'deviceClassName':'gpu'," PROFILE("1g.10gb") "}}", "null",
	     "gpu[profile=1g.10gb]=1"},
	    {"{'name':'r','deviceClassName':'gpu','count':2," MEMORY("1536Mi") "}", "null", "gpu[memory=1536Mi]=2"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu'," PROFILE("1g.10gb") "," MEMORY("1025Gi") "}}", "null",
	     "gpu[memory=1025Gi]=1"},
	    {"{'name':'r','firstAvailable':[{'name':'x','deviceClassName':'gpu'," PROFILE(
		 "3g.40gb") "},{'name':'y','deviceClassName':'mig'," MEMORY("1") "}]}",
	     "null", "gpu[profile=3g.40gb]=1|mig[memory=1]=1"},
	    {"{'name':'r','exactly':{'deviceClassName':'" LONG_CLASS "'," PROFILE("1g.10gb") "}}", "null",
	     LONG_CLASS "[profile=1g.10gb]=1"},
	    {"{'name':'r','exactly':{'deviceClassName':'" IMPOSSIBLE_CLASS "'," PROFILE("1g.10gb") "}}", "null",
	     IMPOSSIBLE_CLASS "=1"},
	    /* What is allocated does not change what is requested. */
	    {TWO, ALLOCATED("{'request':'r','driver':'d'}"), "gpu=2 mig=1"},
	    {TWO, ALLOCATED("{'request':'r','adminAccess':true}"), "gpu=2 mig=1"},
	    {TWO, ALLOCATED("{'request':'q'}"), "gpu=2 mig=1"},
	    {TWO, "{'allocation':null}", "gpu=2 mig=1"},
	    {OPTIONS, ALLOCATED("{'request':'r/x'}"), "gpu=1|mig=2"},
	    {OPTIONS, ALLOCATED("{'request':'r/y'},{'request':'r/y'}"), "gpu=1|mig=2"},
	    {OPTIONS, ALLOCATED(""), "gpu=1|mig=2"},
	    {"{'name':'r','exactly':{'deviceClassName':'gpu','allocationMode':'All'}}", ALLOCATED("{'request':'r'}"),
	     "gpu=32"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena arena;
		struct pod pod;
		const struct resource_request *requests;
		uint32_t count;
		char text[1024];
		arena_init(&arena, 4096, 1 << 20);
		assert_int_equal(read_claim(rows[i].requests, rows[i].status, &arena, &pod), 0);
		assert_int_equal(policy_pod_requests(&pod, &arena, &requests, &count), 0);
		print_requests(requests, count, text, sizeof text);
		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("%s %s: %s", rows[i].requests, rows[i].status, text);
		/* The Pod for which a scheduler has made it is charged. */
		struct claim marked = *pod.as_claim;
		marked.marked_extended = true;
		assert_int_equal(policy_claim_requests(&marked, &arena, &requests, &count), 0);
		assert_int_equal(count, 0);
		arena_release(&arena);
	}
}

/* As many requests as the API server allows are kept, and more are not read by a watch. */
static void test_bounds(void **state)
{
	(void)state;
	for (int requests = 32; requests <= 33; requests++) {
		struct arena arena;
		struct buf spec;
		struct pod pod;
		const struct resource_request *found;
		uint32_t count;
		arena_init(&arena, 65536, 16 << 20);
		buf_init(&spec, 1 << 20);
		for (int i = 0; i < requests; i++) {
			buf_printf(&spec, "%s{'name':'r%d','firstAvailable':[", i ? "," : "", i);
			for (int k = 0; k < 8; k++)
				buf_printf(&spec, "%s{'name':'o%d','deviceClassName':'c%d'}", k ? "," : "", k, k);
			buf_text(&spec, "]}");
		}
		buf_char(&spec, '\0');
		bool bounded = requests == 32;
		assert_int_equal(read_claim(spec.ptr, "null", &arena, &pod), bounded ? 0 : -1);
		if (bounded) {
			assert_int_equal(policy_pod_requests(&pod, &arena, &found, &count), 0);
			assert_int_equal(count, CLAIM_OPTIONS_MAX);
			for (uint32_t i = 0; i < count; i++)
				assert_int_equal(found[i].alternative, i % 8 != 0);
			struct arena little;
			arena_init(&little, 64, 1024);
			assert_int_equal(policy_pod_requests(&pod, &little, &found, &count), -1);
			arena_release(&little);
		}
		buf_release(&spec);
		arena_release(&arena);
	}
}

/* --- What they are charged --- */

#define TENANT(spec) "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: " spec "\n"
#define FLEET                                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\nspec: {resource: nvidia.com/gpu, " \
	"memory: 80Gi, nodeLabels: {product: a100}, deviceClasses: [gpu, a100], mig: {model: a100-80gb, offered: "     \
	"[1g.10gb], deviceClasses: {mig: 1g.10gb}}}\n"                                                                 \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\nspec: {resource: nvidia.com/gpu, "   \
	"memory: 16Gi, weight: 0.25, nodeLabels: {product: t4}, deviceClasses: [gpu, t4]}\n"                           \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: amd}\nspec: {resource: amd.com/gpu, "     \
	"deviceClasses: [amd]}\n"                                                                                      \
	"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {otherResources: ['" CLASS         \
	"nic*']}\n"
#define QUOTAS                                                                                                         \
	TENANT(                                                                                                        \
	    "{namespaces: [a], quotas: [{name: all, measure: gpus, hard: 99}, {name: count, hard: 99}, {name: mem, "   \
	    "measure: memory, hard: 9Ti, resources: [nvidia.com/*]}, {name: amd, hard: 9, resources: [amd.com/gpu]}, " \
	    "{name: t4, hard: 9, accelerators: [t4]}, {name: nic, hard: 9, resources: ['" CLASS "nic']}]}")

static const char *const classes[] = {CLASS "gpu", CLASS "a100", CLASS "mig",  CLASS "t4",
				      CLASS "amd", CLASS "nic",  CLASS "nic2", CLASS "unknown"};
#define CLASSES (sizeof classes / sizeof *classes)
#define QUOTAS_MAX 8
#define REQUESTS_MAX 6

/* Charges the requests of a Pod or claim, by quota. */
static void charge(const struct policy *policy, enum consumer_kind kind, const struct resource_request *requests,
		   uint32_t count, wide amounts[QUOTAS_MAX])
{
	struct consumer consumer = {.kind = kind, .namespace = STR("a"), .requests = requests, .request_count = count};
	struct charge charges[QUOTAS_MAX];
	assert_true(policy_charge_max(policy) <= QUOTAS_MAX);
	int made = policy_charge(policy, &consumer, NULL, charges);
	assert_true(made >= 0);
	memset(amounts, 0, QUOTAS_MAX * sizeof *amounts);
	for (int i = 0; i < made; i++)
		amounts[charges[i].quota] = charges[i].amount;
}

/*
 * Computes, by quota, the maximum over all choices of one alternative for each request, of what a
 * Pod with these resources would be charged.
 */
static void charge_choices(const struct policy *policy, const struct resource_request *requests, uint32_t count,
			   uint32_t from, struct resource_request *chosen, uint32_t chosen_count, wide most[QUOTAS_MAX])
{
	if (from == count) {
		wide amounts[QUOTAS_MAX];
		charge(policy, CONSUMER_POD, chosen, chosen_count, amounts);
		for (int q = 0; q < QUOTAS_MAX; q++)
			most[q] = amounts[q] > most[q] ? amounts[q] : most[q];
		return;
	}
	uint32_t end = from + 1;
	while (end < count && requests[end].alternative)
		end++;
	for (uint32_t i = from; i < end; i++) {
		chosen[chosen_count] = requests[i];
		chosen[chosen_count].alternative = false;
		charge_choices(policy, requests, count, end, chosen, chosen_count + 1, most);
	}
}

static void test_charges(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(FLEET QUOTAS, NULL, 0);
	uint32_t seed = 1, positive = 0;
	assert_non_null(policy);
	for (int round = 0; round < 3000; round++) {
		struct resource_request requests[REQUESTS_MAX], chosen[REQUESTS_MAX];
		uint32_t count = 1 + next_random(&seed) % REQUESTS_MAX;
		bool plain = next_random(&seed) % 4 == 0;
		wide claim[QUOTAS_MAX], pod[QUOTAS_MAX], most[QUOTAS_MAX] = {0};
		for (uint32_t i = 0; i < count; i++)
			requests[i] = (struct resource_request){str_of(classes[next_random(&seed) % CLASSES]),
								next_random(&seed) % 8 ? 1 + next_random(&seed) % 9
										       : RESOURCE_REQUEST_MAX,
								!plain && i && next_random(&seed) % 2};
		charge(policy, CONSUMER_CLAIM, requests, count, claim);
		charge_choices(policy, requests, count, 0, chosen, 0, most);
		assert_memory_equal(claim, most, sizeof claim);
		for (int q = 0; q < QUOTAS_MAX; q++)
			positive += claim[q] > 0;
		if (!plain)
			continue;
		/* Without alternatives, a claim is charged as a Pod is. */
		charge(policy, CONSUMER_POD, requests, count, pod);
		assert_memory_equal(claim, pod, sizeof claim);
	}
	assert_true(positive > 3000);
	policy_release(policy);
}

static void test_charges_of_each_quota(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(FLEET QUOTAS, NULL, 0);
	/* Each quota is charged for the alternative that is the most expensive one there. */
	const struct resource_request requests[] = {{.resource = STR(CLASS "t4"), .count = 3},
						    {STR(CLASS "a100"), 1, true},
						    {STR(CLASS "amd"), 2, true},
						    {.resource = STR(CLASS "mig"), .count = 1}};
	struct consumer consumer = {
	    .kind = CONSUMER_CLAIM, .namespace = STR("a"), .requests = requests, .request_count = 4};
	struct charge charges[QUOTAS_MAX];
	struct buf text;
	int count = policy_charge(policy, &consumer, NULL, charges);
	assert_true(count > 0);
	buf_init(&text, 4096);
	policy_print_charges(policy, charges, (size_t)count, &text);
	buf_char(&text, '\0');
	assert_string_equal(text.ptr, "a/all=2.14, a/amd=2, a/count=4, a/mem=90Gi, a/t4=3");
	buf_release(&text);
	policy_release(policy);
}

/* Splits one or two names, or none. Returns how many there are. */
static uint32_t split(const char *text, struct str names[2])
{
	const char *space = strchr(text, ' ');
	uint32_t count = 0;
	if (text[0])
		names[count++] = (struct str){text, space ? (size_t)(space - text) : strlen(text)};
	if (space)
		names[count++] = str_of(space + 1);
	return count;
}

/* A node says which of the required models it is, and nothing against what a claim requires. */
static void test_node_and_required_models(void **state)
{
	(void)state;
	static const struct {
		enum consumer_kind kind;
		const char *required, *node; /* A name each; empty: none. */
		const char *expected;
	} rows[] = {
	    {CONSUMER_CLAIM, "a100", "t4", "a/all=1, a/count=1, a/mem=80Gi"},
	    {CONSUMER_CLAIM, "t4", "a100", "a/all=0.25, a/count=1, a/mem=16Gi, a/t4=1"},
	    {CONSUMER_CLAIM, "a100 t4", "t4", "a/all=0.25, a/count=1, a/mem=16Gi, a/t4=1"},
	    {CONSUMER_CLAIM, "t4", "a100 t4", "a/all=0.25, a/count=1, a/mem=16Gi, a/t4=1"},
	    {CONSUMER_CLAIM, "", "t4", "a/all=0.25, a/count=1, a/mem=16Gi, a/t4=1"},
	    {CONSUMER_CLAIM, "amd", "t4", "a/all=0.25, a/count=1, a/mem=16Gi, a/t4=1"},
	    {CONSUMER_CLAIM, "a100", "amd", "a/all=1, a/count=1, a/mem=80Gi"},
	    {CONSUMER_CLAIM, "a100", "", "a/all=1, a/count=1, a/mem=80Gi"},
	    /* The node of a Pod decides alone. */
	    {CONSUMER_POD, "a100", "t4", "a/all=0.25, a/count=1, a/mem=16Gi, a/t4=1"},
	};
	struct policy *policy = fixture_policy(FLEET QUOTAS, NULL, 0);
	const struct resource_request request = {.resource = STR(CLASS "gpu"), .count = 1};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str required[2], node[2];
		const struct consumer consumer = {.kind = rows[i].kind,
						  .namespace = STR("a"),
						  .requests = &request,
						  .request_count = 1,
						  .models = required,
						  .model_count = split(rows[i].required, required),
						  .node_models = node,
						  .node_model_count = split(rows[i].node, node)};
		struct charge charges[QUOTAS_MAX];
		struct buf text;
		int count = policy_charge(policy, &consumer, NULL, charges);
		assert_true(count > 0);
		buf_init(&text, 4096);
		policy_print_charges(policy, charges, (size_t)count, &text);
		buf_char(&text, '\0');
		if (strcmp(text.ptr, rows[i].expected) != 0)
			fail_msg("%s on %s: %s", rows[i].required, rows[i].node, text.ptr);
		buf_release(&text);
	}
	policy_release(policy);
}

/* --- What is refused --- */

struct asked {
	const char *operation, *user, *metadata, *requests, *old;
};

static void claim_review(struct fixture_review *r, const char *namespace, const char *kind, const struct asked *asked)
{
	char *bytes;
	bool template = strcmp(kind, "ResourceClaimTemplate") == 0;
	assert_true(
	    asprintf(
		&bytes,
		"{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1','request':{'uid':'r1','kind':{'group':"
		"'resource.k8s.io','version':'v1','kind':'%s'},'resource':{'group':'resource.k8s.io','version':'v1',"
		"'resource':'x'},'name':'c','namespace':'%s','operation':'%s','userInfo':{'username':'%s'},'object':{"
		"'metadata':{'name':'c','uid':'u1'%s%s},'spec':%s{'devices':{'requests':[%s]}}%s,"
		"'status':{'allocation':{'devices':{'results':[{'request':'none'}]}}}},"
		"'oldObject':%s,'dryRun':false}}%*s",
		kind, namespace, asked->operation ? asked->operation : "CREATE", asked->user ? asked->user : "alice",
		asked->metadata ? "," : "", asked->metadata ? asked->metadata : "", template ? "{'spec':" : "",
		asked->requests ? asked->requests : "", template ? "}" : "", asked->old ? asked->old : "null",
		REVIEW_PADDING, "") > 0);
	for (char *c = bytes; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	r->bytes = bytes;
	arena_init(&r->arena, 65536, 16 << 20);
	struct error err = {0};
	if (review_read(r->bytes, strlen(r->bytes) - REVIEW_PADDING, &r->arena, &r->review, &err) < 0)
		fail_msg("%s", err.text);
}

/* Writes the messages, or the charges in brackets. */
static void validate(const struct policy *policy, const char *namespace, const char *kind, const struct asked *asked,
		     char *out, size_t size)
{
	struct fixture_review r;
	struct decision decision;
	struct buf text;
	claim_review(&r, namespace, kind, asked);
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	buf_init(&text, 1 << 20);
	for (uint32_t i = 0; i < decision.violation_count; i++)
		buf_printf(&text, "%s%s%.*s", i ? "\n" : "",
			   decision.violations[i].enforcement == ENFORCEMENT_DENY ? "" : "warning: ",
			   STR_ARG(decision.violations[i].message));
	assert_true(!decision.charged || !decision.denied);
	if (decision.charged) {
		struct charge charges[QUOTAS_MAX];
		int count = policy_charge(policy, &decision.consumer, NULL, charges);
		assert_true(count >= 0);
		assert_int_equal(decision.consumer.kind, CONSUMER_CLAIM);
		assert_true(str_eq(decision.consumer.uid, STR("u1")) && str_eq(decision.consumer.name, STR("c")) &&
			    str_eq(decision.consumer.namespace, str_of(namespace)));
		buf_char(&text, '[');
		policy_print_charges(policy, charges, (size_t)count, &text);
		buf_char(&text, ']');
	}
	snprintf(out, size, "%.*s", STR_ARG(buf_view(&text)));
	buf_release(&text);
	arena_release(&r.arena);
	free(r.bytes);
}

#define EXACTLY(options) "{'name':'r','exactly':{" options "}}"
#define GPU(more) EXACTLY("'deviceClassName':'gpu'" more)
#define GUARD(spec) "---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec: " spec "\n"
#define ADMIN GPU(",'adminAccess':true")
#define NOT_THE_SCHEDULER                                                                                               \
	"the annotation resource.kubernetes.io/extended-resource-claim is the scheduler's, for claims that it creates " \
	"for the extended resources of a Pod; remove it"
#define SCHEDULER "system:kube-scheduler"
#define ALL_QUOTA TENANT("{namespaces: [a], quotas: [{name: q, measure: gpus, hard: 9}]}")
#define T4_QUOTA TENANT("{namespaces: [a], quotas: [{name: q, hard: 9, accelerators: [t4]}]}")
#define NO_ADMIN                                                                                                       \
	"request r has adminAccess, by which it uses devices that no quota counts; remove adminAccess, or ask the "    \
	"platform team for a Guard that allows it"

static void test_decisions(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *namespace;
		struct asked asked;
		const char *expected;
	} rows[] = {
	    {ALL_QUOTA, "a", {.requests = GPU("")}, "[a/q=1]"},
	    {ALL_QUOTA, "a", {.requests = GPU(",'count':3") "," EXACTLY("'deviceClassName':'t4'")}, "[a/q=3.25]"},
	    {ALL_QUOTA, "a", {.requests = OPTIONS}, "[a/q=1]"},
	    {ALL_QUOTA, "a", {.requests = GPU(",'allocationMode':'All'")}, "[a/q=32]"},
	    {ALL_QUOTA, "a", {.requests = ""}, ""},
	    /* What no quota counts is not kept, and does not tear groups apart. */
	    {ALL_QUOTA, "a", {.requests = EXACTLY("'deviceClassName':'nic'")}, ""},
	    {ALL_QUOTA,
	     "a",
	     {.requests = GPU("") ",{'name':'s','firstAvailable':[{'name':'x','deviceClassName':'nic'},{'name':'y',"
				  "'deviceClassName':'t4'},{'name':'z','deviceClassName':'amd'}]}"},
	     "[a/q=2]"},
	    {QUOTAS, "a", {.requests = EXACTLY("'deviceClassName':'nic'")}, "[a/nic=1]"},
	    {QUOTAS, "a", {.requests = EXACTLY("'deviceClassName':'nic2'")}, ""},
	    /* Tenants and coverage. */
	    {ALL_QUOTA,
	     "b",
	     {.requests = GPU("")},
	     "namespace \"b\" belongs to no tenant of the GPU policy, so its claims may not request accelerators; use a "
	     "namespace of a tenant, or ask the platform team to add this one to a tenant"},
	    {ALL_QUOTA, "b", {.requests = EXACTLY("'deviceClassName':'nic'")}, ""},
	    {ALL_QUOTA, "b", {.requests = ADMIN}, ""},
	    {T4_QUOTA,
	     "a",
	     {.requests = GPU("")},
	     "no GPU quota of tenant \"a\" covers deviceclass.resource.kubernetes.io/gpu of Accelerator \"a100\", which "
	     "the claim could get; use a device class of \"t4\" alone, or ask the platform team for a quota"},
	    {T4_QUOTA,
	     "a",
	     {.requests = EXACTLY("'deviceClassName':'amd'")},
	     "no GPU quota of tenant \"a\" covers deviceclass.resource.kubernetes.io/amd; ask the platform team for a "
	     "quota"},
	    /* Every alternative must be covered. */
	    {T4_QUOTA,
	     "a",
	     {.requests = "{'name':'s','firstAvailable':[{'name':'x','deviceClassName':'t4'},{'name':'y',"
			  "'deviceClassName':'amd'}]}"},
	     "no GPU quota of tenant \"a\" covers deviceclass.resource.kubernetes.io/amd; ask the platform team for a "
	     "quota"},
	    /* What cannot be counted. */
	    {ALL_QUOTA,
	     "a",
	     {.requests = "{'name':'r'}"},
	     "request r is of a form that this version of gpugate cannot count; use `exactly` or `firstAvailable`, with "
	     "a device class"},
	    {ALL_QUOTA, "b", {.requests = "{'name':'r'}"}, "namespace \"b\" belongs to no tenant"},
	    {ALL_QUOTA,
	     "a",
	     {.requests = GPU(",'allocationMode':'Some'")},
	     "request r has an allocationMode that this version of gpugate cannot count; use ExactCount or All"},
	    {ALL_QUOTA,
	     "a",
	     {.requests = GPU(",'count':-1")},
	     "request r has a count that is no number of devices; request at least 1"},
	    /* The API server takes it for an absent one. */
	    {ALL_QUOTA, "a", {.requests = GPU(",'count':0")}, "[a/q=1]"},
	    /* In v1beta1, it also takes an empty class beside alternatives for absent. */
	    {ALL_QUOTA,
	     "a",
	     {.requests = "{'name':'r','deviceClassName':'','firstAvailable':[{'name':'x','deviceClassName':'gpu'}]}"},
	     "[a/q=1]"},
	    {ALL_QUOTA, "a", {.requests = GPU(",'count':1000000000")}, "[a/q=1000000000]"},
	    {ALL_QUOTA,
	     "a",
	     {.requests = GPU(",'count':1000000000") "," GPU("")},
	     "the claim requests more than 1000000000 devices; request fewer"},
	    {ALL_QUOTA,
	     "a",
	     {.requests = GPU(",'count':9223372036854775807")},
	     "the claim requests more than 1000000000"},
	    /* It is used, and not held. */
	    {ALL_QUOTA, "a", {.requests = ADMIN}, NO_ADMIN},
	    {ALL_QUOTA GUARD("{resourceClaims: {classes: [gpu], adminAccess: true}}"), "a", {.requests = ADMIN}, ""},
	    {ALL_QUOTA GUARD("{resourceClaims: {classes: [gpu], adminAccess: true}, exempt: {namespaces: [a]}}"),
	     "a",
	     {.requests = ADMIN},
	     NO_ADMIN},
	    {ALL_QUOTA GUARD("{resourceClaims: {classes: [gpu], adminAccess: true}}"),
	     "a",
	     {.requests = ADMIN "," GPU("")},
	     "[a/q=1]"},
	    {TENANT("{namespaces: [a]}"), "a", {.requests = ADMIN}, ""},
	    /* The mark of the scheduler. */
	    {ALL_QUOTA, "a", {.requests = GPU(""), .user = SCHEDULER, .metadata = MARK "," OF_POD("Pod")}, ""},
	    {ALL_QUOTA, "a", {.requests = GPU(""), .metadata = MARK "," OF_POD("Pod")}, NOT_THE_SCHEDULER},
	    {ALL_QUOTA, "a", {.requests = GPU(""), .user = SCHEDULER, .metadata = MARK}, NOT_THE_SCHEDULER},
	    {ALL_QUOTA,
	     "a",
	     {.requests = GPU(""), .user = SCHEDULER, .metadata = MARK "," OF_POD("Job")},
	     NOT_THE_SCHEDULER},
	    {ALL_QUOTA, "a", {.requests = GPU(""), .user = SCHEDULER, .metadata = OF_POD("Pod")}, "[a/q=1]"},
	    /* Also where nothing counts yet, because the mark stays. */
	    {ALL_QUOTA, "b", {.requests = GPU(""), .metadata = MARK}, NOT_THE_SCHEDULER "\nnamespace \"b\" belongs"},
	    {TENANT("{namespaces: [a]}"), "a", {.requests = "", .metadata = MARK}, NOT_THE_SCHEDULER},
	    /* It is added later. */
	    {ALL_QUOTA, "a", {"UPDATE", NULL, MARK, GPU(""), "{'metadata':{'name':'c'}}"}, NOT_THE_SCHEDULER},
	    {ALL_QUOTA,
	     "a",
	     {"UPDATE", NULL, MARK, GPU(""),
	      "{'metadata':{'annotations':{'resource.kubernetes.io/extended-resource-claim':'false'}}}"},
	     NOT_THE_SCHEDULER},
	    {ALL_QUOTA, "a", {"UPDATE", NULL, MARK, GPU(""), "{'metadata':{" MARK "}}"}, ""},
	    {ALL_QUOTA, "a", {"UPDATE", SCHEDULER, MARK, GPU(""), "{'metadata':{}}"}, ""},
	    {ALL_QUOTA, "a", {"UPDATE", NULL, NULL, GPU(",'count':-1"), "{'metadata':{" MARK "}}"}, ""},
	    {ALL_QUOTA, "b", {"UPDATE", NULL, MARK, GPU(""), "{'metadata':{}}"}, NOT_THE_SCHEDULER},
	    {ALL_QUOTA, "a", {"DELETE", NULL, NULL, "", "{'metadata':{}}"}, ""},
	    /* Also of a tenant that only warns, since the quota of its parent may deny. */
	    {TENANT("{namespaces: [a], enforcement: warn, quotas: [{name: q, hard: 9}]}"),
	     "a",
	     {.requests = GPU(",'allocationMode':'Some'")},
	     "request r has an allocationMode that this version of gpugate cannot count; use ExactCount or All"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096], *yaml;
		assert_true(asprintf(&yaml, "%s%s", FLEET, rows[i].policy) > 0);
		struct policy *policy = fixture_policy(yaml, text, sizeof text);
		if (!policy)
			fail_msg("%s", text);
		validate(policy, rows[i].namespace, "ResourceClaim", &rows[i].asked, text, sizeof text);
		if (!*rows[i].expected ? *text : strncmp(text, rows[i].expected, strlen(rows[i].expected)) != 0)
			fail_msg("row %zu: %s", i, text);
		/* A template holds nothing, and can be marked: its claims are refused. */
		if (!strstr(rows[i].policy, "Guard")) {
			validate(policy, rows[i].namespace, "ResourceClaimTemplate", &rows[i].asked, text, sizeof text);
			assert_string_equal(text, "");
		}
		policy_release(policy);
		free(yaml);
	}
}

/* A claim with more alternatives than can be kept is refused, wherever it is. */
static void test_too_many(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(FLEET ALL_QUOTA, NULL, 0);
	for (int options = 256; options <= 257; options++) {
		struct buf requests;
		char text[4096];
		buf_init(&requests, 1 << 20);
		buf_text(&requests, "{'name':'r','firstAvailable':[");
		for (int i = 0; i < options; i++)
			buf_printf(&requests, "%s{'name':'o%d','deviceClassName':'t4'}", i ? "," : "", i);
		buf_text(&requests, "]}");
		buf_char(&requests, '\0');
		validate(policy, "a", "ResourceClaim", &(struct asked){.requests = requests.ptr}, text, sizeof text);
		if (options == 256)
			assert_string_equal(text, "[a/q=0.25]");
		else
			assert_non_null(strstr(text, "the claim has more than 256 ways to meet its requests"));
		buf_release(&requests);
	}
	policy_release(policy);
}

/* --- On which models --- */

static const char products[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\nspec: {resource: nvidia.com/gpu, "
    "nodeLabels: {nvidia.com/gpu.product: NVIDIA-A100}, deviceClasses: [gpu]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: l4}\nspec: {resource: nvidia.com/gpu, "
    "nodeLabels: {nvidia.com/gpu.product: NVIDIA-L4-SHARED}, deviceClasses: [gpu]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: mi300}\nspec: {resource: amd.com/gpu, "
    "nodeLabels: {amd.com/gpu.product-name: AMD_MI300X}, deviceClasses: [amd]}\n";

#define PRODUCT(class, driver, name)                                                                                   \
	"{'deviceClassName':'" class                                                                                   \
	    "','name':'x','selectors':[{'cel':{'expression':'device.attributes[\\u0022" driver                         \
	    "\\u0022].productName==\\u0022" name "\\u0022'}}]}"
#define EITHER(one, other) "{'name':'r','firstAvailable':[" one "," other "]}"

/* A catch-all, an Accelerator with a label that is no product, and parts that not all offer. */
static const char others[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\nspec: {resource: nvidia.com/gpu, "
    "nodeLabels: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB}, deviceClasses: [gpu], mig: {offered: [1g.10gb], "
    "deviceClasses: {mig: any}}}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: h100-80gb}\nspec: {resource: nvidia.com/gpu, "
    "nodeLabels: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}, mig: {offered: [3g.40gb], deviceClasses: {mig: "
    "any}}}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: b200}\nspec: {resource: nvidia.com/gpu, "
    "nodeLabels: {nvidia.com/gpu.product: B200}, deviceClasses: [gpu]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: rest}\nspec: {resource: nvidia.com/gpu, "
    "withoutNodeLabels: [nvidia.com/gpu.product], deviceClasses: [gpu]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: mi300}\nspec: {resource: amd.com/gpu, "
    "nodeLabels: {amd.com/gpu.product-name: MI300X}, deviceClasses: [amd]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: amd-rest}\nspec: {resource: amd.com/gpu, "
    "withoutNodeLabels: [amd.com/gpu.product-name], deviceClasses: [amd]}\n";

/* An exact request for a profile of a product. */
#define SLICE(profile, product)                                                                                        \
	"{'name':'r','exactly':{'deviceClassName':'mig','selectors':[{'cel':{'expression':'device.attributes["         \
	"\\u0022gpu.nvidia.com\\u0022].productName==\\u0022" product                                                   \
	"\\u0022'}},{'cel':{'expression':'device.attributes[\\u0022gpu.nvidia.com\\u0022].profile==\\u0022" profile    \
	"\\u0022'}}]}}"

static void print_models(const struct consumer *consumer, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < consumer->model_count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%.*s", i ? " " : "", STR_ARG(consumer->models[i]));
}

static void check_models(const struct policy *policy, const char *requests, const char *expected)
{
	struct arena arena, little;
	struct pod pod, other = {.present = true}, placement = {.present = true};
	struct consumer consumer = {.kind = CONSUMER_CLAIM};
	char text[256];
	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(read_claim(requests, "null", &arena, &pod), 0);
	assert_int_equal(policy_pod_requests(&pod, &arena, &consumer.requests, &consumer.request_count), 0);
	assert_int_equal(policy_claim_placement(pod.as_claim, &arena, &placement), 0);
	assert_int_equal(policy_place(policy, &placement, &arena, &consumer), 0);
	print_models(&consumer, text, sizeof text);
	if (strcmp(text, expected) != 0)
		fail_msg("%s: %s", requests, text);
	arena_init(&little, 16, 16);
	if (placement.by_product)
		assert_int_equal(policy_claim_placement(pod.as_claim, &little, &other), -1);
	arena_release(&little);
	arena_release(&arena);
}

static void test_models(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *requests, *expected;
	} rows[] = {
	    {products, "{'name':'r','exactly':{'deviceClassName':'gpu'}}", ""},
	    {products, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA A100"), "a100"},
	    {products, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA L4"), "l4"},
	    {products,
	     PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA A100") "," PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA L4"), ""},
	    {products, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA L4") "," PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA L4"),
	     "l4"},
	    {products, EITHER(PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA A100"), "{'name':'y','deviceClassName':'gpu'}"),
	     ""},
	    {products,
	     EITHER(PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA A100"),
		    "{'name':'y','deviceClassName':'gpu','adminAccess':true}"),
	     "a100"},
	    /* No Accelerator has it, or it is not that of another vendor's label. */
	    {products, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA H100"), ""},
	    {products, PRODUCT("gpu", "gpu.nvidia.com", "**"), ""},
	    {products, PRODUCT("gpu", "gpu.amd.com", "AMD MI300X"), ""},
	    {products, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA L4") "," PRODUCT("amd", "gpu.amd.com", "AMD MI300X"),
	     ""},
	    /* Nodes of a product may lack its label. */
	    {others, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA A100-SXM4-80GB"), "a100-80gb rest"},
	    /* A product that no Accelerator has may be that of any: B200 is not its whole name. */
	    {others, PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA B200"), ""},
	    {others, PRODUCT("amd", "gpu.amd.com", "AMD MI300X"), ""},
	    {others, PRODUCT("amd", "gpu.amd.com", "MI300X"), ""},
	    {others,
	     EITHER(PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA A100-SXM4-80GB"),
		    PRODUCT("gpu", "gpu.nvidia.com", "NVIDIA B200")),
	     ""},
	    /* A profile that no Accelerator of the product offers. */
	    {others, SLICE("1g.10gb", "NVIDIA A100-SXM4-80GB"), ""},
	    {others, SLICE("1g.10gb", "NVIDIA H100 80GB HBM3"), "?"},
	    {others, SLICE("3g.40gb", "NVIDIA A100-SXM4-80GB"), "?"},
	    {others, SLICE("1g.10gb", "NVIDIA B200"), ""},
	    /* None offers it, so it is that of every device that can be cut so. */
	    {others, SLICE("2g.20gb", "NVIDIA H100 80GB HBM3"), "h100-80gb"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy *policy = fixture_policy(rows[i].policy, NULL, 0);
		assert_non_null(policy);
		check_models(policy, rows[i].requests, rows[i].expected);
		policy_release(policy);
	}
}

/* Settings.uncovered decides about a part that no Accelerator of the product offers. */
static void test_part_not_offered(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *expected;
	} rows[] = {
	    {"",
	     "the claim requires " CLASS "mig[profile=1g.10gb] of the product NVIDIA-H100-80GB-HBM3, but Accelerator "
	     "\"h100-80gb\" does not offer that; request a profile that it offers, or ask the platform team to offer "
	     "this one"},
	    {"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {uncovered: warn}\n",
	     "[a/q=1]"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096], *yaml;
		assert_true(asprintf(&yaml, "%s%s%s", others, ALL_QUOTA, rows[i].settings) > 0);
		struct policy *policy = fixture_policy(yaml, text, sizeof text);
		if (!policy)
			fail_msg("%s", text);
		validate(policy, "a", "ResourceClaim",
			 &(struct asked){.requests = SLICE("1g.10gb", "NVIDIA H100 80GB HBM3")}, text, sizeof text);
		if (!strstr(text, rows[i].expected) || (i > 0) != (strstr(text, "[a/q=1]") != NULL))
			fail_msg("row %zu: %s", i, text);
		policy_release(policy);
		free(yaml);
	}
}

/* --- How much is done for one claim --- */

#define MANY 250

/* So many Accelerators of one shared class. */
static struct policy *many_accelerators(void)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < MANY; i++)
		buf_printf(&text,
			   "%sapiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: m%d}\nspec: {resource: "
			   "nvidia.com/gpu, memory: 24Gi, nodeLabels: {nvidia.com/gpu.product: P%d}, capacity: "
			   "{deviceClasses: [gpu], step: 1Gi}}\n",
			   i ? "---\n" : "", i, i);
	buf_char(&text, '\0');
	struct policy *policy = fixture_policy(text.ptr, NULL, 0);
	assert_non_null(policy);
	buf_release(&text);
	return policy;
}

/* A claim with so many alternatives, of one product or each of its own. */
static void read_many(int options, bool of_one, struct arena *arena, struct pod *pod)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_text(&text, "{'name':'r','firstAvailable':[");
	for (int i = 0; i < options; i++)
		buf_printf(&text,
			   "%s{'name':'o%d','deviceClassName':'gpu','capacity':{'requests':{'memory':'%dMi'}},"
			   "'selectors':[{'cel':{'expression':'device.attributes[\\u0022gpu.nvidia.com\\u0022]."
			   "productName==\\u0022P%d\\u0022'}}]}",
			   i ? "," : "", i, i + 1, of_one ? 0 : i);
	buf_text(&text, "]}");
	buf_char(&text, '\0');
	assert_int_equal(read_claim(text.ptr, "null", arena, pod), 0);
	buf_release(&text);
}

/* Many names of parts of one resource are placed once: that takes as little memory as one name. */
static void test_placed_once(void **state)
{
	(void)state;
	struct policy *policy = many_accelerators();
	struct arena arena, little;
	struct pod pod, placement = {.present = true};
	struct consumer consumer = {.kind = CONSUMER_CLAIM};
	arena_init(&arena, 4096, 1 << 20);
	arena_init(&little, 1024, 4096);
	read_many(MANY, true, &arena, &pod);
	assert_int_equal(policy_pod_requests(&pod, &arena, &consumer.requests, &consumer.request_count), 0);
	assert_int_equal(consumer.request_count, MANY);
	assert_int_equal(policy_claim_placement(pod.as_claim, &arena, &placement), 0);
	assert_int_equal(policy_place(policy, &placement, &little, &consumer), 0);
	assert_int_equal(consumer.model_count, 1);
	arena_release(&little);
	arena_release(&arena);
	policy_release(policy);
}

/* What is kept of the products of a claim is bounded. Too many products tell nothing. */
static void test_many_products(void **state)
{
	(void)state;
	for (int options = 2; options <= MANY; options += MANY - 2) {
		struct arena arena;
		struct pod pod, placement = {.present = true};
		arena_init(&arena, 4096, 1 << 20);
		read_many(options, false, &arena, &pod);
		assert_int_equal(policy_claim_placement(pod.as_claim, &arena, &placement), 0);
		assert_int_equal(placement.node_term_count, options == 2 ? 2 : 0);
		assert_int_equal(placement.by_product, options == 2);
		assert_true(policy_placement_bounded(&placement));
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_allocated),
	    cmocka_unit_test(test_too_many_results),
	    cmocka_unit_test(test_same_names),
	    cmocka_unit_test(test_room_beside_results),
	    cmocka_unit_test(test_random_allocations),
	    cmocka_unit_test(test_models),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_charges),
	    cmocka_unit_test(test_charges_of_each_quota),
	    cmocka_unit_test(test_node_and_required_models),
	    cmocka_unit_test(test_decisions),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_placed_once),
	    cmocka_unit_test(test_many_products),
	    cmocka_unit_test(test_part_not_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
