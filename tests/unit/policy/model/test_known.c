/* test_known: tests which MIG model a product has, and what kind of resource a name is. */
#include "gpugate/known.h"
#include "tests/unit/policy_fixture.h"

static void assert_model(const char *product, int64_t mib, const char *resource, const char *expected)
{
	const struct str resources[] = {str_of(resource)};
	struct str model = known_mig_model(str_of(product), mib, resources, resource ? 1 : 0);
	if (!str_eq(model, str_of(expected)) || str_present(model) != (expected != NULL))
		fail_msg("%s with %lld MiB is %.*s", product, (long long)mib, STR_ARG(model));
}

static void test_models(void **state)
{
	(void)state;
	assert_model("NVIDIA-A100-SXM4-80GB", 81920, NULL, "a100-80gb");
	assert_model("NVIDIA-A100-SXM4-40GB", 40960, NULL, "a100-40gb");
	assert_model("NVIDIA A100-SXM4-80GB", 0, NULL, "a100-80gb");
	assert_model("nvidia-tesla-a100", 0, "nvidia.com/mig-1g.5gb", "a100-40gb");
	/* The name is a part of another word, or the memory is that of no such model. */
	assert_model("NVIDIA-GH200-480GB", 97871, NULL, "gh200-96gb");
	assert_model("NVIDIA-A100X", 81920, NULL, NULL);
	assert_model("NVIDIA-A100-SXM4-80GB", 10240, NULL, NULL);
	/* Without memory, several models fit. */
	assert_model("nvidia-tesla-a100", 0, NULL, NULL);
	/* The nearest memory decides: H100s have 80, 94 and 96 GiB. */
	assert_model("NVIDIA-H100", 95830, NULL, "h100-94gb");
	assert_model("NVIDIA-H100", 97871, NULL, "h100-96gb");
	assert_model("NVIDIA-A100-SXM4-80GB", 81920, "nvidia.com/mig-7g.99gb", NULL);
	assert_model("", 0, NULL, NULL);
}

static void test_profiles(void **state)
{
	(void)state;
	assert_true(str_eq(known_mig_profile(STR("a100-80gb"), STR("nvidia.com/mig-1g.10gb.me")), STR("1g.10gb+me")));
	assert_false(str_present(known_mig_profile(STR("a100-80gb"), STR("nvidia.com/mig-1g.5gb"))));
	assert_false(str_present(known_mig_profile(STR("nothing"), STR("nvidia.com/mig-1g.5gb"))));
}

static void test_kinds(void **state)
{
	static const struct {
		const char *name;
		enum known_kind kind;
	} rows[] = {
	    {"nvidia.com/gpu", KNOWN_DEVICE},
	    {"nvidia.com/gpu.shared", KNOWN_SHARE},
	    {"nvidia.com/mig-1g.10gb", KNOWN_SLICE},
	    {"gpu.intel.com/i915_monitoring", KNOWN_MONITOR},
	    {"nvidia.com/gpumem", KNOWN_BESIDE},
	    {"rdma/hca", KNOWN_BESIDE},
	    {"devices.kubevirt.io/kvm", KNOWN_BESIDE},
	    {"example.com/fpga", KNOWN_NOT},
	    {"cpu", KNOWN_NOT},
	    {"", KNOWN_NOT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(known_resource(str_of(rows[i].name)), rows[i].kind);
}

static void test_forms(void **state)
{
	(void)state;
	assert_true(known_is_namespace(STR("team-a")));
	assert_false(known_is_namespace(STR("team-*")));
	assert_false(known_is_namespace(STR("")));
	assert_false(known_is_namespace(STR("x-")) || known_is_namespace(STR("-x")) || known_is_namespace(STR("-")));
	assert_false(known_is_namespace(STR("a.b")));
	assert_true(known_is_label_value(STR("NVIDIA-L4")));
	assert_false(known_is_label_value(STR("a: b")));
	assert_false(known_is_key(STR("a\nb")));
	assert_false(known_is_name(STR("../a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_models),
	    cmocka_unit_test(test_profiles),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
