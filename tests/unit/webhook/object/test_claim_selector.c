/*
 * test_claim_selector: what is recognized of the expressions of selectors, that nothing else is,
 * and that what is recognized holds for every device that an expression selects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gpugate/buf.h"
#include "gpugate/claim.h"
#include "webhook/object/claim_selector.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NVIDIA "device.attributes[\"gpu.nvidia.com\"]"
#define AMD "device.attributes['gpu.amd.com']"
#define PROFILE NVIDIA ".profile"
#define IS_1G PROFILE " == \"1g.10gb\""
#define IS_3G PROFILE " == '3g.40gb'"
#define A100 "NVIDIA A100-SXM4-80GB"
#define IS_A100 NVIDIA ".productName == \"" A100 "\""

/* Reads from memory of exactly that size, so that a sanitizer detects reads beyond it. */
static void assert_selected(const char *expression, const char *profile, const char *product)
{
	size_t len = strlen(expression);
	char *copy = malloc(len ? len : 1);
	struct claim_selected selected = {.profile = {NULL, 0}};
	assert_non_null(copy);
	memcpy(copy, expression, len);
	claim_selector_read((struct str){copy, len}, &selected);
	if (!str_eq(selected.profile, str_of(profile)) || str_present(selected.profile) != (profile != NULL) ||
	    !str_eq(selected.product, str_of(product)) || str_present(selected.product) != (product != NULL))
		fail_msg("%s: \"%.*s\", \"%.*s\"", expression, STR_ARG(selected.profile), STR_ARG(selected.product));
	assert_int_equal(str_present(selected.product), str_present(selected.driver));
	free(copy);
}

static void test_what_is_recognized(void **state)
{
	(void)state;
	static const struct {
		const char *expression, *profile, *product;
	} rows[] = {
	    {IS_1G, "1g.10gb", NULL},
	    {PROFILE "=='1g.10gb'", "1g.10gb", NULL},
	    {"'1g.10gb' == " PROFILE, "1g.10gb", NULL},
	    {" \t\r\n\f device . attributes [ 'gpu.nvidia.com' ] . profile == '1g.10gb' \n", "1g.10gb", NULL},
	    {"( (" IS_1G ") )", "1g.10gb", NULL},
	    {PROFILE " == '1g.10gb+me'", "1g.10gb+me", NULL},
	    {IS_A100, NULL, A100},
	    {AMD ".productName == 'AMD Instinct MI300X OAM'", NULL, "AMD Instinct MI300X OAM"},
	    {IS_1G " && " IS_A100, "1g.10gb", A100},
	    {IS_A100 "&&(" IS_1G ")", "1g.10gb", A100},
	    {"device.driver == 'gpu.nvidia.com' && " IS_1G, "1g.10gb", NULL},
	    {IS_1G " && (a || b ? c : d) && [1, {'x': 2}].exists(i, i > 1 || i < 0)", "1g.10gb", NULL},
	    {"has(device.x) && !(a && b) && -1 < 2 && 4 / 2 == 2 && " IS_1G, "1g.10gb", NULL},
	    {"'a || b ? // \"' == x && " IS_1G, "1g.10gb", NULL},
	    {"'' == x && \"\" == y && " IS_1G, "1g.10gb", NULL},
	    {"x == 'A\xc3\xa4\xf0\x9f\x98\x80' && " IS_1G, "1g.10gb", NULL},
	    {"x == r'a' && " IS_1G, "1g.10gb", NULL},
	    /* No device is of two profiles. */
	    {IS_1G " && " IS_3G, "1g.10gb", NULL},
	    {IS_3G " && " IS_1G, "3g.40gb", NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_selected(rows[i].expression, rows[i].profile, rows[i].product);
}

static void test_what_tells_nothing(void **state)
{
	(void)state;
	static const char *const expressions[] = {
	    "",
	    " ",
	    "&&",
	    "true",
	    "==",
	    "'1g.10gb'",
	    PROFILE,
	    PROFILE " ==",
	    "== " PROFILE,
	    /* Other forms of a term. */
	    PROFILE " != '1g.10gb'",
	    PROFILE " = '1g.10gb'",
	    PROFILE " === '1g.10gb'",
	    PROFILE " == 1g.10gb",
	    PROFILE " == r'1g.10gb'",
	    PROFILE " == b'1g.10gb'",
	    PROFILE " == '1g.10gb' == true",
	    PROFILE " == '1g.10gb' + ''",
	    PROFILE " == '1g.10gb'.lowerAscii()",
	    PROFILE " in ['1g.10gb']",
	    "'x' + '1g.10gb' == " PROFILE,
	    "!" IS_1G,
	    "!(" IS_1G ")",
	    "- " IS_1G,
	    "x" IS_1G,
	    "a." IS_1G,
	    IS_1G " x",
	    "size(" IS_1G ")",
	    "[" IS_1G "]",
	    "[" IS_1G "][0]",
	    "(" IS_1G " && a)",
	    "(" IS_1G ") == (" IS_1G ")",
	    "(" IS_1G ") != (false)",
	    "device.attributes['gpu.nvidia.com'].profiles == '1g.10gb'",
	    "device.attributes['gpu.nvidia.com'].Profile == '1g.10gb'",
	    "device.attributes['gpu.nvidia.com'].profile.x == '1g.10gb'",
	    "device.attributes['gpu.nvidia.com']['profile'] == '1g.10gb'",
	    "device.attributes['gpu.example.com'].profile == '1g.10gb'",
	    "device.attributes['gpu.amd.com'].profile == '1g.10gb'",
	    "device.attributes[x].profile == '1g.10gb'",
	    "device.capacity['gpu.nvidia.com'].profile == '1g.10gb'",
	    "devices.attributes['gpu.nvidia.com'].profile == '1g.10gb'",
	    "device.attributes['gpu.nvidia.com'].?profile == '1g.10gb'",
	    "device.attributes[?'gpu.nvidia.com'].profile == '1g.10gb'",
	    NVIDIA ".productName == ''",
	    /* Profiles that are none. */
	    PROFILE " == ''",
	    PROFILE " == '1g 10gb'",
	    PROFILE " == '1g_10gb'",
	    PROFILE " == '1g.10gb]'",
	    PROFILE " == '1g.10gb;'",
	    PROFILE " == '\xc3\xa4'",
	    PROFILE " == '0123456789012345678901234567890123456789012345678901234567890123'",
	    /* Not only a conjunction. */
	    IS_1G " || true",
	    "true || " IS_1G,
	    "a && b || " IS_1G,
	    IS_1G " && a || b",
	    "x ? " IS_1G " : false",
	    IS_1G " ? true : true",
	    IS_1G " && x ? y : z",
	    IS_1G " | a",
	    IS_1G " & a",
	    IS_1G " &",
	    /* What cannot be delimited for sure. */
	    IS_1G " // && x",
	    "a // b\n && " IS_1G,
	    "x == 'a\\'' && " IS_1G,
	    "x == r'\\' && " IS_1G,
	    "x == '''a''' && " IS_1G,
	    "x == \"\"\"a\"\"\" && " IS_1G,
	    "x == '''''' && " IS_1G,
	    "x == 'a && " IS_1G,
	    "x == 'a\nb' && " IS_1G,
	    IS_1G " && x == 'a",
	    IS_1G " && (a",
	    IS_1G " && a)",
	    IS_1G " && (a]",
	    IS_1G " && {a)}",
	    ") && " IS_1G " && (",
	    IS_1G " && \xc3\xa4",
	    IS_1G " && \x01",
	    IS_1G " && \x7f",
	};
	for (size_t i = 0; i < COUNT(expressions); i++)
		assert_selected(expressions[i], NULL, NULL);
}

/* What is known before stays, even if an expression tells something else. */
static void test_several_selectors(void **state)
{
	(void)state;
	struct claim_selected selected = {.profile = {NULL, 0}};
	claim_selector_read((struct str){NULL, 0}, &selected); /* Absent. */
	claim_selector_read(STR(IS_1G " || true"), &selected);
	assert_false(str_present(selected.profile));
	claim_selector_read(STR(AMD ".productName == 'x'"), &selected);
	claim_selector_read(STR(IS_3G " && " IS_A100), &selected);
	claim_selector_read(STR(IS_1G), &selected);
	assert_true(str_eq(selected.profile, STR("3g.40gb")));
	assert_true(str_eq(selected.product, STR("x")) && str_eq(selected.driver, STR("gpu.amd.com")));
}

static void test_length_and_depth(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct buf text;
		buf_init(&text, 65536);
		buf_text(&text, IS_1G);
		while (text.len < CLAIM_SELECTOR_MAX + more)
			buf_char(&text, ' ');
		buf_char(&text, '\0');
		assert_selected(text.ptr, more ? NULL : "1g.10gb", NULL);
		buf_reset(&text);
		buf_text(&text, IS_1G " && ");
		for (size_t i = 0; i < 64 + more; i++)
			buf_char(&text, '(');
		buf_char(&text, 'a');
		for (size_t i = 0; i < 64 + more; i++)
			buf_char(&text, ')');
		buf_char(&text, '\0');
		assert_selected(text.ptr, more ? NULL : "1g.10gb", NULL);
		buf_release(&text);
	}
}

/* --- Random expressions, and a device that they select or not --- */

static uint32_t next(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

struct device {
	const char *profile, *product;
	bool a;
};

/* Appends an atom, and returns whether it is true of the device. */
static bool print_atom(struct buf *out, uint32_t *seed, const struct device *device)
{
	static const char *const profiles[] = {"1g.10gb", "3g.40gb", "7g.80gb"};
	static const char *const products[] = {"NVIDIA A100", "NVIDIA H100"};
	const char *value = profiles[next(seed, COUNT(profiles))], *product = products[next(seed, COUNT(products))];
	switch (next(seed, 7)) {
	case 0:
		buf_printf(out, "%s == '%s'", PROFILE, value);
		return strcmp(device->profile, value) == 0;
	case 1:
		buf_printf(out, "\"%s\"==%s", value, PROFILE);
		return strcmp(device->profile, value) == 0;
	case 2:
		buf_printf(out, "%s != '%s'", PROFILE, value);
		return strcmp(device->profile, value) != 0;
	case 3:
		buf_printf(out, "%s.productName == '%s'", NVIDIA, product);
		return strcmp(device->product, product) == 0;
	case 4:
		buf_text(out, "'a && b' == \"|| '\"");
		return false;
	case 5:
		buf_text(out, "a");
		return device->a;
	default:
		buf_text(out, "true");
		return true;
	}
}

static bool print_unary(struct buf *out, uint32_t *seed, const struct device *device, int depth);

/* Appends atoms that are joined by `&&`. */
static bool print_and(struct buf *out, uint32_t *seed, const struct device *device, int depth)
{
	bool all = print_unary(out, seed, device, depth);
	for (uint32_t i = next(seed, 3); i > 0; i--) {
		buf_text(out, next(seed, 2) ? " && " : "&&");
		all &= print_unary(out, seed, device, depth);
	}
	return all;
}

/* Appends what is joined by `||`, which binds less. */
static bool print_or(struct buf *out, uint32_t *seed, const struct device *device, int depth)
{
	bool some = print_and(out, seed, device, depth);
	for (uint32_t i = next(seed, 4) == 0 ? 1 : 0; i > 0; i--) {
		buf_text(out, " || ");
		some |= print_and(out, seed, device, depth);
	}
	return some;
}

/* The same with `?`, which binds least. */
static bool print_any(struct buf *out, uint32_t *seed, const struct device *device, int depth)
{
	bool first = print_or(out, seed, device, depth);
	if (next(seed, 8))
		return first;
	buf_text(out, " ? ");
	bool yes = print_or(out, seed, device, depth);
	buf_text(out, " : ");
	bool no = print_or(out, seed, device, depth);
	return first ? yes : no;
}

static bool print_unary(struct buf *out, uint32_t *seed, const struct device *device, int depth)
{
	uint32_t kind = depth > 3 ? 0 : next(seed, 6);
	if (kind < 4)
		return print_atom(out, seed, device);
	buf_text(out, kind == 4 ? "!(" : "( ");
	bool value = print_any(out, seed, device, depth + 1);
	buf_char(out, ')');
	return (kind == 4) != value;
}

static void test_what_is_recognized_holds(void **state)
{
	(void)state;
	static const char *const profiles[] = {"1g.10gb", "3g.40gb", "7g.80gb"};
	static const char *const products[] = {"NVIDIA A100", "NVIDIA H100"};
	uint32_t told = 0, selecting = 0;
	for (uint32_t begin = 1; begin <= 60000; begin++) {
		uint32_t seed = begin;
		const struct device device = {profiles[next(&seed, 3)], products[next(&seed, 2)], next(&seed, 2)};
		struct claim_selected selected = {.profile = {NULL, 0}};
		struct buf text;
		buf_init(&text, 1 << 20);
		bool selects = print_any(&text, &seed, &device, 0);
		claim_selector_read(buf_view(&text), &selected);
		told += str_present(selected.profile) || str_present(selected.product);
		selecting += selects && (str_present(selected.profile) || str_present(selected.product));
		if (selects && ((str_present(selected.profile) && !str_eq(selected.profile, str_of(device.profile))) ||
				(str_present(selected.product) && !str_eq(selected.product, str_of(device.product)))))
			fail_msg("%.*s selects a device of %s, %s", STR_ARG(buf_view(&text)), device.profile,
				 device.product);
		buf_release(&text);
	}
	assert_true(told > 5000 && selecting > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_recognized),       cmocka_unit_test(test_what_tells_nothing),
	    cmocka_unit_test(test_several_selectors),        cmocka_unit_test(test_length_and_depth),
	    cmocka_unit_test(test_what_is_recognized_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
