/* test_chart_version: tests policy/manifest/chart_version.c: every form of a constraint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/manifest/chart_version.h"

static const char *const impossible[] = {
    "2.0.0",
    "v2.0.0",
    "2",
    "v2.1",
    "1.12.0",
    "1.12.x",
    "3.1.2-rc.1",
    "2.0.0+build.7",
    "21.12.0",
    "22.8.9",
    "v22.1",
    "2.x",
    "2.*",
    "2.X.X",
    "=2.0.0",
    "= 2.0.0",
    "~2.0",
    "~2",
    "~> 2.1.3",
    "^2.1.0",
    "^v3",
    "~1.12.1",
    ">=2.0.0 <3.0.0",
    ">=2.0.0, <3.0.0",
    ">= 2.0.0,<= 3",
    ">=2 <22.9.0",
    ">2.0.0 <=21.x",
    "2.0.0 - 3.1",
    "1.12 - 22.8",
    "2.0.0 || 3.x",
    "^2||^3 || 4.0.0",
    ">=3 <2",
    " 2.0.0 ",
    "2.0.0 != 3.0.0",
    "999999.0.0 <3",
};

static const char *const possible[] = {
    /* Releases, and what may become one. */
    "v26.7.0",
    "26.7.0",
    "v22.9.0",
    "v25.10.1",
    "26.7",
    "26",
    "v1.11.1",
    "1.11.x",
    "1.0.0",
    "0.1.0",
    "v26.7.0-rc.1",
    "999999.999999.999999",
    /* Constraints that some of them satisfy. */
    "*",
    "x",
    "X",
    "26.x",
    "v26.*",
    ">=26.0.0",
    ">=26.0.0 <27.0.0",
    ">= 2.0.0",
    ">2",
    ">=2.0.0, <23",
    "<2.0.0",
    "<=2",
    "<3.0.0",
    "!=2.0.0",
    "~1",
    "^1.2.3",
    "~26.3",
    "^25",
    "2.0.0 || 26.x",
    "26.x || 2.0.0",
    "1.2 - 2.3",
    "2 - 23",
    "2 - 22",
    ">=0-0",
    "<*",
    "<=22",
    ">21.0.0",
    "~*",
    "^x",
    /* No constraints. */
    "",
    " ",
    "latest",
    "main",
    "${VERSION}",
    "{{ .Values.version }}",
    "2.0.0.1",
    "2.0.0 |",
    "2.0.0 ||",
    "2..0",
    "2.",
    "v",
    "=",
    ">=",
    "2.0.0 -",
    "2.0.0 - ",
    "1234567.0.0",
    "02a",
    "2.0.0/3",
    "||",
    "2,latest",
    "2.0.0\t",
    "2.x.1",
    ">>2",
    "2 <",
    "vv2.0.0",
};

static void test_impossible(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
		if (!chart_version_is_impossible(str_of(impossible[i])))
			fail_msg("\"%s\" is taken for possible", impossible[i]);
}

static void test_possible(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof possible / sizeof possible[0]; i++)
		if (chart_version_is_impossible(str_of(possible[i])))
			fail_msg("\"%s\" is taken for impossible", possible[i]);
}

/* A text that is cut off anywhere is read within its bounds, which a sanitizer checks. */
static void test_cut_off(void **state)
{
	(void)state;
	const char text[] = ">=2.0.0-rc.1, <3.x || ~> v2.1.3 || 2.0.0 - 3.1+b";
	for (size_t len = 1; len < sizeof text; len++) {
		char *copy = malloc(len);
		assert_non_null(copy);
		memcpy(copy, text, len);
		chart_version_is_impossible((struct str){copy, len});
		free(copy);
	}
	assert_true(chart_version_is_impossible(STR(">=2.0.0-rc.1, <3.x || ~> v2.1.3 || 2.0.0 - 3.1+b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_impossible),
	    cmocka_unit_test(test_possible),
	    cmocka_unit_test(test_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
