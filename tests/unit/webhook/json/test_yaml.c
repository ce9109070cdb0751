/* test_yaml: tests scalars that a caller puts into YAML of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "webhook/json/yaml.h"

static void test_scalars(void **state)
{
	static const struct {
		const char *text, *yaml;
	} rows[] = {
	    {"team-a", "team-a"},
	    {"nvidia.com/gpu", "nvidia.com/gpu"},
	    {"no", "\"no\""},
	    {"NULL", "\"NULL\""},
	    {"nobody", "nobody"},
	    {"1e3", "\"1e3\""},
	    {"0x1f", "\"0x1f\""},
	    {"", "\"\""},
	    {"a: b", "\"a: b\""},
	    {"a\nb", "\"a\\nb\""},
	    {"a\"b", "\"a\\\"b\""},
	    {"a, b", "\"a, b\""},
	    {"*", "\"*\""},
	    {"a ", "\"a \""},
	    {"- a", "\"- a\""},
	    {"a #b", "\"a #b\""},
	    {"2026-01-01", "\"2026-01-01\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf out;
		buf_init(&out, 64);
		yaml_scalar(&out, str_of(rows[i].text));
		assert_true(str_eq(buf_view(&out), str_of(rows[i].yaml)));
		buf_release(&out);
	}
}

/* A text is as long as it says, and no byte after it counts. */
static void test_length(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 64);
	yaml_scalar(&out, (struct str){"nobody", 2});
	assert_true(str_eq(buf_view(&out), STR("\"no\"")));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalars), cmocka_unit_test(test_length)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
