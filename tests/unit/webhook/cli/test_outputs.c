/*
 * test_outputs: tests paths and escapes of outputs for programs, for bytes that a report or a shell
 * would not pass on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/cli/output_github.h"
#include "webhook/cli/output_path.h"

static const struct {
	const char *directory, *path, *expected;
	bool below;
} paths[] = {
    {"/a/b", "c.yaml", "c.yaml", true},
    {"/a/b", "./c//d/../e.yaml", "c/e.yaml", true},
    {"/a/b", "/a/b/c.yaml", "c.yaml", true},
    {"/a/b/", "/a/./b/c.yaml", "c.yaml", true},
    {"/a/b", "../b/c.yaml", "c.yaml", true},
    {"/a/b", "../c.yaml", "/a/c.yaml", false},
    {"/a/b", "/a/bc.yaml", "/a/bc.yaml", false},
    {"/a/b", "../../../../c.yaml", "/c.yaml", false},
    {"/a/b", ".", ".", true},
    {"/a/b", "/", "/", false},
    {"/", "c.yaml", "c.yaml", true},
    {"/", "/c.yaml", "/c.yaml", false},
    {"", "a/c.yaml", "a/c.yaml", true},
};

static void names_files_from_the_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf out;
		buf_init(&out, 1000);
		assert_int_equal(output_path(str_of(paths[i].directory), str_of(paths[i].path), &out), paths[i].below);
		buf_char(&out, '\0');
		assert_string_equal(out.ptr, paths[i].expected);
		buf_release(&out);
	}
}

static void encodes_every_byte_of_a_uri(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1000);
	output_path_uri(STR("/a b/%\xff:\n.yaml"), &out);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, "file:///a%20b/%25%FF%3A%0A.yaml");
	buf_release(&out);
}

/* A line break would begin another command. */
static void escapes_line_breaks_in_commands(void **state)
{
	(void)state;
	static struct report report;
	struct buf out;
	report_init(&report);
	report.findings[0] = (struct finding){
	    .file = STR("a\r\n,:.yaml"), .line = 2, .column = 3, .length = 4, .text = STR("x\n::error::100%\r")};
	report.count = report.errors = 1;
	buf_init(&out, 1000);
	output_github(&report, STR("/"), &out);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, "::error file=a%0D%0A%2C%3A.yaml,line=2,col=3,endColumn=7,"
				     "title=invalid-policy::x%0A::error::100%25%0D\n");
	buf_release(&out);
	report_release(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_files_from_the_directory),
	    cmocka_unit_test(encodes_every_byte_of_a_uri),
	    cmocka_unit_test(escapes_line_breaks_in_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
