/*
 * test_catalog: tests the catalog of resource names: every row is reachable, every name has the
 * role that its project gives it, and patterns work.
 */
#include "tests/unit/policy_fixture.h"

#include "policy/base/glob.h"
#include "policy/base/mig_profile.h"
#include "policy/model/catalog.h"

/* Returns a name that only this row can match: its pattern, with a digit for each wildcard. */
static struct str sample(struct str pattern, char *out)
{
	for (size_t i = 0; i < pattern.len; i++)
		out[i] = pattern.ptr[i] == '*' || pattern.ptr[i] == '?' ? '9' : pattern.ptr[i];
	return (struct str){out, pattern.len};
}

static void test_no_row_is_hidden(void **state)
{
	size_t count;
	const struct catalog_resource *rows = catalog_resources(&count);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		char name[128];
		assert_true(rows[i].pattern.len < sizeof name);
		assert_int_equal(rows[i].pattern.ptr[rows[i].domain - 1], '/');
		assert_true(glob_literal(rows[i].pattern) >= rows[i].domain);
		const struct catalog_resource *found = catalog_find(sample(rows[i].pattern, name));
		if (found != &rows[i])
			fail_msg("%.*s is never reached: %.*s comes first", STR_ARG(rows[i].pattern),
				 STR_ARG(found ? found->pattern : STR("nothing")));
	}
}

/* Rows of one domain are adjacent, so that the order which decides is visible in the table. */
static void test_domains_stand_together(void **state)
{
	size_t count;
	const struct catalog_resource *rows = catalog_resources(&count);
	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k + 1 < count; k++) {
			struct str domain = {rows[i].pattern.ptr, rows[i].domain};
			bool here = str_starts(rows[k].pattern, domain), next = str_starts(rows[k + 1].pattern, domain);
			if (!here && next)
				fail_msg("%.*s stands apart", STR_ARG(rows[k + 1].pattern));
		}
}

static void test_roles(void **state)
{
	static const struct {
		const char *name;
		enum role role;
	} rows[] = {
	    {"nvidia.com/gpu", ROLE_DEVICE},
	    {"nvidia.com/pgpu", ROLE_DEVICE},
	    {"nvidia.com/GA102GL_A10", ROLE_DEVICE},
	    {"nvidia.com/GRID_T4-1Q", ROLE_DEVICE},
	    {"nvidia.com/gpu.shared", ROLE_SHARE},
	    {"nvidia.com/gpu-10gb", ROLE_SHARE},
	    {"nvidia.com/mig-1g.10gb", ROLE_SLICE},
	    {"nvidia.com/mig-1g.10gb.shared", ROLE_SLICE},
	    {"nvidia.com/mig-1c.3g.20gb", ROLE_SLICE},
	    {"nvidia.com/gpumem", ROLE_COMPANION},
	    {"nvidia.com/gpumem-percentage", ROLE_COMPANION},
	    /* A renamed device does not escape. */
	    {"nvidia.com/gpumem2", ROLE_DEVICE},
	    {"nvidia.com/gpucores", ROLE_COMPANION},
	    {"nvidia.com/priority", ROLE_COMPANION},
	    {"nvidia.com/cx7_qsfp", ROLE_NETWORK},
	    {"nvidia.com/cx6dx_vf", ROLE_NETWORK},
	    {"nvidia.com/bf2_sf", ROLE_NETWORK},
	    {"nvidia.com/bf3-p0-vfs", ROLE_NETWORK},
	    {"nvidia.com/resibp24s0", ROLE_NETWORK},
	    {"nvidia.com/rdma_shared_device_a", ROLE_NETWORK},
	    {"amd.com/cpx_nps4", ROLE_DEVICE},
	    {"amd.com/vnic", ROLE_NETWORK},
	    {"amd.com/gpucores", ROLE_COMPANION},
	    {"gpu.intel.com/xe", ROLE_DEVICE},
	    {"gpu.intel.com/memory.max", ROLE_COMPANION},
	    {"gpu.intel.com/i915_monitoring", ROLE_MONITOR},
	    {"gpu.intel.com/xe_monitoring", ROLE_MONITOR},
	    {"gpu.intel.com/monitoring", ROLE_MONITOR},
	    {"huawei.com/Ascend910B3", ROLE_DEVICE},
	    {"huawei.com/Ascend910B3-memory", ROLE_COMPANION},
	    {"huawei.com/Ascend910-4c", ROLE_DEVICE},
	    {"huawei.com/ascend-1980", ROLE_DEVICE},
	    {"huawei.com/npu-core", ROLE_SHARE},
	    {"cambricon.com/mlu370.smlu.vcore", ROLE_COMPANION},
	    {"cambricon.com/mlu370", ROLE_DEVICE},
	    {"iluvatar.ai/BI-V150-vgpu", ROLE_DEVICE},
	    {"iluvatar.ai/BI-V150.vMem", ROLE_COMPANION},
	    {"iluvatar.com/gpu", ROLE_DEVICE},
	    {"enflame.com/gcu-memory", ROLE_SHARE},
	    {"enflame.com/gcu-core", ROLE_COMPANION},
	    {"baidu.com/v100_32g_cgpu", ROLE_SHARE},
	    {"baidu.com/v100_32g_cgpu_memory", ROLE_COMPANION},
	    {"koordinator.sh/gpu.shared", ROLE_SHARE},
	    {"koordinator.sh/gpu-memory", ROLE_COMPANION},
	    {"volcano.sh/gpu-memory", ROLE_SHARE},
	    {"volcano.sh/vgpu-memory", ROLE_COMPANION},
	    {"elasticgpu.io/qgpu-core", ROLE_SHARE},
	    {"alibabacloud.com/ppu-2u.4g48gb", ROLE_DEVICE},
	    {"deviceclass.resource.kubernetes.io/gpu", ROLE_DEVICE},
	    {"deviceclass.resource.kubernetes.io/compute-domain-default-channel.nvidia.com", ROLE_NETWORK},
	    {"rdma/hca_shared_devices_a", ROLE_NETWORK},
	    {"vpc.amazonaws.com/efa", ROLE_NETWORK},
	    {"devices.kubevirt.io/kvm", ROLE_OTHER},
	    {"example.com/foo", ROLE_UNKNOWN},
	    /* An administrator may choose any such name. */
	    {"smarter-devices/nvidia0", ROLE_UNKNOWN},
	    {"xnvidia.com/gpu", ROLE_UNKNOWN},
	    {"nvidia.com", ROLE_UNKNOWN},
	    {"", ROLE_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct catalog_resource *row = catalog_find(str_of(rows[i].name));
		if ((row ? row->role : ROLE_UNKNOWN) != rows[i].role)
			fail_msg("%s is %s", rows[i].name, role_words(row ? row->role : ROLE_UNKNOWN));
	}
}

static void test_mig_spellings(void **state)
{
	static const struct {
		const char *name, *slice;
	} rows[] = {
	    {"nvidia.com/mig-1g.10gb", ""},
	    {"nvidia.com/mig-1g.10gb.me", ""},
	    {"nvidia.com/mig-1g.10gb.shared", "nvidia.com/mig-1g.10gb"},
	    {"nvidia.com/mig-1g.10gb.me.shared", "nvidia.com/mig-1g.10gb.me"},
	    {"nvidia.com/mig-1c.3g.20gb", "nvidia.com/mig-3g.20gb"},
	    {"nvidia.com/mig-2c.3g.20gb.shared", "nvidia.com/mig-3g.20gb"},
	    {"nvidia.com/mig-c.3g.20gb", ""},
	    {"nvidia.com/mig-1c.", ""},
	    {"nvidia.com/mig-1c.shared", ""},
	    {"nvidia.com/mig-.shared", ""},
	    {"nvidia.com/mig-", ""},
	    {"nvidia.com/gpu.shared", ""},
	    {"amd.com/mig-1g.10gb.shared", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[CATALOG_MIG_NAME_MAX];
		size_t len = catalog_mig_slice(str_of(rows[i].name), out);
		if (!str_eq((struct str){out, len}, str_of(rows[i].slice)))
			fail_msg("%s is of \"%.*s\"", rows[i].name, (int)len, out);
	}
	char name[400], out[CATALOG_MIG_NAME_MAX];
	/* Names of every length. */
	for (size_t len = 0; len < sizeof name - 30; len++) {
		int all = snprintf(name, sizeof name, "nvidia.com/mig-1c.%0*d.shared", (int)len + 1, 0);
		size_t slice = catalog_mig_slice((struct str){name, (size_t)all}, out);
		assert_true(slice <= CATALOG_MIG_NAME_MAX);
	}
}

/*
 * The weight of a name is the largest part of a device that it can mean. The unit makes all weights
 * integers.
 */
static void test_mig_weights(void **state)
{
	static const struct {
		const char *name;
		int numerator, denominator;
	} rows[] = {
	    {"nvidia.com/mig-1g.10gb", 1, 4},
	    {"nvidia.com/mig-1g.10gb.shared", 1, 4},
	    {"nvidia.com/mig-1c.3g.20gb", 1, 2},
	    {"nvidia.com/mig-2c.3g.20gb.shared", 1, 2},
	    /* From H200, not GB300. */
	    {"nvidia.com/mig-1g.10gb.me", 1, 7},
	    {"nvidia.com/mig-1g.35gb", 1, 4},
	    /* From RTX PRO 5000. */
	    {"nvidia.com/mig-1g.24gb", 1, 2},
	    {"nvidia.com/mig-3g.139gb", 1, 2},
	    {"nvidia.com/mig-3g.95gb", 1, 2},
	    {"nvidia.com/mig-2g.0gb", 2, 3},
	    {"nvidia.com/mig-3g.0gb.gfx", 1, 1},
	    {"nvidia.com/mig-1g.16gb-me", 1, 2},
	};
	size_t count;
	const struct catalog_model *models = catalog_models(&count);
	int64_t n, d;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(catalog_mig_weight(str_of(rows[i].name), &n, &d));
		if (n * rows[i].denominator != d * rows[i].numerator)
			fail_msg("%s: %d/%d", rows[i].name, (int)n, (int)d);
	}
	assert_false(catalog_mig_weight(STR("nvidia.com/mig-7g.79gb"), &n, &d));
	assert_int_equal(mig_profile_gib(STR("1c.3g.20gb")), 20);
	assert_int_equal(mig_profile_gib(STR("1g.10gb+me")), 10);
	assert_int_equal(mig_profile_gib(STR("1c.3g.20")), 0);
	for (size_t m = 0; m < count; m++) {
		assert_int_equal(CATALOG_MIG_UNIT % models[m].compute_total, 0);
		assert_int_equal(CATALOG_MIG_UNIT % models[m].memory_total, 0);
		for (size_t p = 0; p < models[m].profile_count; p++) {
			const struct catalog_profile *profile = &models[m].profiles[p];
			assert_true(profile->compute <= models[m].compute_total && profile->compute > 0);
			assert_true(profile->memory <= models[m].memory_total && profile->memory > 0);
			assert_int_equal(mig_profile_gib(profile->name), profile->gib);
		}
	}
}

/*
 * Two patterns overlap if and only if some text matches both. Tries every short text over a small
 * alphabet.
 */
static void test_overlaps(void **state)
{
	static const char letters[] = "ab*?";
	struct str patterns[4 + 16 + 64 + 256 + 1];
	char space[sizeof patterns / sizeof patterns[0]][4];
	size_t count = 0;
	(void)state;
	for (size_t len = 0; len <= 4; len++)
		for (size_t code = 0; code < (size_t)1 << 2 * len; code++) {
			for (size_t i = 0; i < len; i++)
				space[count][i] = letters[code >> 2 * i & 3];
			patterns[count] = (struct str){space[count], len};
			count++;
		}
	for (size_t a = 0; a < count; a++)
		for (size_t b = 0; b < count; b++) {
			bool some = false;
			for (size_t len = 0; len <= 6 && !some; len++)
				for (size_t code = 0; code < (size_t)1 << len && !some; code++) {
					char text[8];
					for (size_t i = 0; i < len; i++)
						text[i] = (code >> i & 1) ? 'b' : 'a';
					some = glob_match(patterns[a], (struct str){text, len}) &&
					       glob_match(patterns[b], (struct str){text, len});
				}
			if (glob_overlaps(patterns[a], patterns[b]) != some)
				fail_msg("%.*s and %.*s: %d", STR_ARG(patterns[a]), STR_ARG(patterns[b]), some);
		}
	char longest[GLOB_OVERLAP_MAX + 1];
	memset(longest, 'a', sizeof longest);
	assert_true(glob_overlaps((struct str){longest, GLOB_OVERLAP_MAX}, STR("a*")));
	assert_false(glob_overlaps((struct str){longest, GLOB_OVERLAP_MAX}, STR("*b")));
	assert_true(glob_overlaps((struct str){longest, GLOB_OVERLAP_MAX + 1}, STR("b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_row_is_hidden),
					   cmocka_unit_test(test_domains_stand_together),
					   cmocka_unit_test(test_roles),
					   cmocka_unit_test(test_mig_spellings),
					   cmocka_unit_test(test_mig_weights),
					   cmocka_unit_test(test_overlaps)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
