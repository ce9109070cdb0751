/* test_resource_slice: reads ResourceSlices of all versions, and the labels that products have. */
#include "gpugate/product_label.h"
#include "tests/unit/policy_fixture.h"

#include "webhook/object/resource_slice.h"

struct read {
	struct arena arena;
	char json[2000 + REVIEW_PADDING];
	struct resource_slice slice;
	struct error err;
};

/* Reads it; ' stands for ". */
static int read_slice(struct read *read, const char *json)
{
	snprintf(read->json, 2000, "%s", json);
	for (char *c = read->json; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	read->err = (struct error){0};
	arena_reset(&read->arena);
	return resource_slice_read(str_of(read->json), &read->arena, &read->slice, &read->err);
}

#define FACTS                                                                                                          \
	"'attributes':{'productName':{'string':'Tesla T4'},'type':{'string':'gpu'},'uuid':{'string':'x'}},'capacity':{'memory':{'value':'16Gi'}}"

static void test_all_versions(void **state)
{
	static const char *const devices[] = {"{'name':'d'," FACTS "}", "{'name':'d','basic':{" FACTS "}}"};
	struct read read;
	char json[1000];
	(void)state;
	arena_init(&read.arena, 4096, 1 << 20);
	for (size_t i = 0; i < 2; i++) {
		snprintf(
		    json, sizeof json,
		    "{'metadata':{'name':'s','managedFields':[1]},'spec':{'driver':'gpu.nvidia.com','nodeName':'n','pool':"
		    "{'name':'p','generation':9007199254740993,'resourceSliceCount':1},'devices':[%s,{'name':'e'}]}}",
		    devices[i]);
		assert_int_equal(read_slice(&read, json), 0);
		const struct resource_slice *slice = &read.slice;
		assert_true(str_eq(slice->name, STR("s")) && str_eq(slice->driver, STR("gpu.nvidia.com")));
		assert_true(str_eq(slice->node, STR("n")) && str_eq(slice->pool, STR("p")));
		assert_true(slice->generation == INT64_C(9007199254740993));
		assert_int_equal(slice->device_count, 2);
		assert_true(str_eq(slice->devices[0].product, STR("Tesla T4")) &&
			    str_eq(slice->devices[0].type, STR("gpu")));
		assert_true(str_eq(slice->devices[0].memory, STR("16Gi")) && !str_present(slice->devices[1].product));
	}
	assert_int_equal(read_slice(&read, "{'metadata':{'name':'s'},'spec':{'driver':'d','allNodes':true}}"), 0);
	assert_true(!str_present(read.slice.node) && read.slice.device_count == 0 && read.slice.generation == 0);
	arena_release(&read.arena);
}

static void test_what_cannot_be_read(void **state)
{
	static const char *const texts[] = {"",
					    "[]",
					    "{'spec':7}",
					    "{'spec':{'devices':{}}}",
					    "{'spec':{'pool':{'generation':-1}}}",
					    "{'spec':{'pool':{'generation':1.5}}}",
					    "{'spec':{'devices':[{'attributes':{'productName':{'string':7}}}]}}",
					    "{'metadata':{'name':'s'}} x"};
	struct read read;
	(void)state;
	arena_init(&read.arena, 4096, 1 << 20);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(read_slice(&read, texts[i]), -1);
		assert_true(read.err.text[0]);
	}
	arena_release(&read.arena);
}

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

/* As the labelers of the vendors write them. */
static void test_labels(void **state)
{
	static const struct {
		const char *driver, *product, *value;
	} cases[] = {
	    {"gpu.nvidia.com", "NVIDIA H100 80GB HBM3", "NVIDIA-H100-80GB-HBM3"},
	    {"gpu.nvidia.com", "NVIDIA A100-SXM4-80GB", "NVIDIA-A100-SXM4-80GB"},
	    {"gpu.nvidia.com", "Tesla T4", "Tesla-T4"},
	    {"gpu.nvidia.com", "  a  b ", "a-b"},
	    {"gpu.nvidia.com", "(a) b/c_", "a-bc"},
	    {"gpu.nvidia.com", "-a_b.c-", "a_b.c"},
	    {"gpu.nvidia.com", "\xc3\xa4", ""},
	    {"gpu.nvidia.com", " .-", ""},
	    {"gpu.nvidia.com", "", ""},
	    {"gpu.nvidia.com", SIXTY "abc", SIXTY "abc"},
	    {"gpu.nvidia.com", SIXTY "ab c", ""},
	    {"gpu.amd.com", "AMD Instinct MI300X OAM", "AMD_Instinct_MI300X_OAM"},
	    {"gpu.amd.com", "AMD_Instinct_MI300X_OAM", "AMD_Instinct_MI300X_OAM"},
	    {"gpu.amd.com", "AMD Radeon(TM) Graphics", "AMD_RadeonTM_Graphics"},
	    {"gpu.example.com", "Tesla T4", ""},
	};
	char value[PRODUCT_LABEL_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = product_label_value(str_of(cases[i].driver), str_of(cases[i].product), value);
		if (!str_eq((struct str){value, len}, str_of(cases[i].value)))
			fail_msg("%s: %.*s", cases[i].product, (int)len, value);
	}
	assert_true(str_eq(product_label_key(STR("gpu.nvidia.com")), STR("nvidia.com/gpu.product")));
	assert_true(str_eq(product_label_key(STR("gpu.amd.com")), STR("amd.com/gpu.product-name")));
	assert_false(str_present(product_label_key(STR("gpu.nvidia.co"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_versions),
	    cmocka_unit_test(test_what_cannot_be_read),
	    cmocka_unit_test(test_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
