/*
 * amount: converts memory to bytes and limits to units of the policy, and rejects units that cannot
 * be meant.
 */
#include "policy/compile/amount.h"

#include "gpugate/consumer.h"
#include "policy/base/glob.h"

/*
 * 32 TiB, the maximum for one device. So even a million Pods (LEDGER_EMBEDDED_PODS_MAX) that each
 * request RESOURCE_REQUEST_MAX devices stay below 2^127 units.
 */
#define MEMORY_MAX (INT64_C(1) << 45)

static bool is_digits(struct str s)
{
	size_t i = 0;
	while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
		i++;
	return i == s.len;
}

bool compile_memory_unit(struct compile *c, const struct amount *amount)
{
	if (!amount->set || !quantity_lacks_unit(amount->text, &amount->value))
		return true;
	bool plain = amount->text.len <= 5 && is_digits(amount->text);
	COMPILE_LINT(c, LINT_MEMORY_WITHOUT_UNIT, amount->at,
		     "\"%.*s\" is memory in bytes; write a unit, such as %.*s%s", STR_ARG(amount->text),
		     plain ? (int)amount->text.len : 2, plain ? amount->text.ptr : "40",
		     plain && amount->value.nano >= (wide)1024 * QUANTITY_SCALE ? "Mi" : "Gi");
	return false;
}

wide compile_scale(wide nano, int64_t scale)
{
	wide product;
	if (__builtin_mul_overflow(nano, (wide)scale, &product) || product % QUANTITY_SCALE != 0)
		return -1;
	return product / QUANTITY_SCALE;
}

int64_t compile_memory(struct compile *c, const struct amount *amount, int64_t otherwise)
{
	if (!amount->set)
		return otherwise;
	if (!compile_memory_unit(c, amount))
		return otherwise;
	wide bytes = compile_scale(amount->value.nano, 1);
	if (bytes >= 1 && bytes <= MEMORY_MAX)
		return (int64_t)bytes;
	docs_report(c->report, c->docs, SEVERITY_ERROR, amount->at,
		    "\"%.*s\" is not the memory of a device; give whole bytes up to 32Ti, such as 80Gi",
		    STR_ARG(amount->text));
	return otherwise;
}

/*
 * The units of other projects' resources, for which Pods request memory by a plain number. Sources:
 * the documentation of HAMi, of its Volcano device plugin, and of Alibaba Cloud's gpushare.
 */
static const struct {
	struct str pattern;
	const char *unit;
	unsigned shift; /* One unit is 2^shift bytes. */
} memory_units[] = {
    {{"*.com/gpumem", 12}, "MiB", 20},
    {{"hygon.com/?cumem", 16}, "MiB", 20},
    {{"volcano.sh/vgpu-memory", 22}, "MiB", 20},
    {{"huawei.com/Ascend*-memory", 25}, "MiB", 20},
    {{"kunlunxin.com/vxpu-memory", 25}, "MiB", 20},
    {{"aliyun.com/gpu-mem", 18}, "GiB", 30},
};

/*
 * Whether the quota names memory as a resource, which Pods request in the unit of its project. Some
 * projects count bytes.
 */
static bool counts_memory(const struct quota *quota)
{
	bool memory = quota->names_others;
	for (uint32_t i = 0; i < quota->resources.count; i++)
		memory |= glob_match(STR("*mem*"), quota->resources.items[i]) ||
			  glob_match(STR("*Mem*"), quota->resources.items[i]);
	return memory;
}

static void warn_memory_unit(struct compile *c, const struct amount *amount, const struct quota *quota)
{
	for (uint32_t i = 0; i < quota->resources.count; i++)
		for (size_t k = 0; k < sizeof memory_units / sizeof memory_units[0]; k++) {
			struct str name = quota->resources.items[i];
			if (!glob_match(memory_units[k].pattern, name))
				continue;
			long long meant = (long long)(amount->value.nano / QUANTITY_SCALE) >> memory_units[k].shift;
			COMPILE_LINT(c, LINT_QUOTA_MIXES_UNITS, amount->at,
				     "\"%.*s\" is a number of %s, so that \"%.*s\" is %lld %s; write %lld",
				     STR_ARG(name), memory_units[k].unit, STR_ARG(amount->text),
				     (long long)(amount->value.nano / QUANTITY_SCALE), memory_units[k].unit,
				     meant ? meant : 1);
			return;
		}
}

/*
 * Reports a number of devices that has a unit of memory. Returns whether the amount is acceptable.
 */
static bool check_count(struct compile *c, const struct amount *amount, const struct quota *quota)
{
	struct str last = {amount->text.ptr + amount->text.len - 1, 1};
	bool binary = str_eq(last, STR("i")), decimal = !binary && memchr("MGTPE", last.ptr[0], 5);
	if (!binary && !(decimal && amount->value.nano >= (wide)RESOURCE_REQUEST_MAX * QUANTITY_SCALE))
		return true;
	if (counts_memory(quota)) {
		warn_memory_unit(c, amount, quota);
		return true;
	}
	COMPILE_LINT(c, LINT_COUNT_WITH_UNIT, amount->at,
		     "\"%.*s\" is an amount of memory, and this quota counts %s; write `measure: memory`, or a number "
		     "without a unit",
		     STR_ARG(amount->text), quota->measure == MEASURE_COUNT ? "devices" : "GPUs");
	return false;
}

wide compile_units(struct compile *c, const struct amount *amount, const struct quota *quota)
{
	static const char *const advice[] = {[MEASURE_COUNT] =
						 "devices are counted in whole numbers (or use `measure: gpus`)",
					     [MEASURE_GPUS] = "give GPUs with at most 9 decimals",
					     [MEASURE_MEMORY] = "memory is in whole bytes, such as 320Gi"};
	wide units = -1, whole = compile_scale(amount->value.nano, 1);
	if (quota->measure == MEASURE_MEMORY ? !compile_memory_unit(c, amount) : !check_count(c, amount, quota))
		return -1;
	if (quota->measure == MEASURE_GPUS)
		units = compile_scale(amount->value.nano, c->policy->unit);
	else if (whole >= 0)
		units = whole * c->policy->unit;
	if (units < 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, amount->at,
			    "\"%.*s\" cannot be a limit in this measure; %s", STR_ARG(amount->text),
			    advice[quota->measure]);
	return units;
}
