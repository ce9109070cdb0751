/*
 * test_options: tests webhook/cli/options.c and the option table of `serve`: parsing, errors and
 * the help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/cli/options.h"
#include "webhook/server/options.h"

struct values {
	const char *name;
	struct option_list many;
	long number;
	bool flag;
	int choice;
	struct option_list paths;
};

#define AT(field) offsetof(struct values, field)

static const char *const choices[] = {"text", "json", NULL};

static const struct option_row rows[] = {
    {.name = "--name", .word = "NAME", .type = OPTION_STRING, .offset = AT(name), .required = true, .help = "A name."},
    {.name = "--many", .word = "X", .type = OPTION_LIST, .offset = AT(many), .help = "Many."},
    {.name = "--number",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(number),
     .fallback = "5",
     .min = -1,
     .max = 60,
     .help =
	 "A number, of which there is much to say, so much that the line has to be broken, somewhere near here or so."},
    {.name = "--flag", .type = OPTION_FLAG, .offset = AT(flag), .help = "A flag."},
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = AT(choice),
     .fallback = "json",
     .choices = choices,
     .help = "Form."},
};

static const struct option_table table = {
    .command = "test",
    .synopsis = "--name NAME PATH...",
    .summary = "Tests.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct values),
    .operands = "PATH",
    .operands_offset = AT(paths),
    .operands_min = 1,
    .examples = "  gpugate test --name x\n",
    .statuses = {[EXIT_FINDINGS] = "Something was found."},
};

static enum options_result read_line(const struct option_table *with, const char *line, struct values *values,
				     struct error *err)
{
	static char copy[512];
	char *argv[32], *rest = copy;
	int argc = 0;
	snprintf(copy, sizeof copy, "test %s", line);
	for (char *word; argc < 31 && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	argv[argc] = NULL;
	*err = (struct error){0};
	return options_read(with, argc, argv, values, err);
}

static void test_reads_all_types(void **state)
{
	(void)state;
	struct values v;
	struct error err;
	const char *line = "a --name=n=1 --many one --number 60 --many=two --flag -o text b -- --name -o";
	assert_int_equal(read_line(&table, line, &v, &err), OPTIONS_READ);
	assert_string_equal(v.name, "n=1");
	assert_int_equal(v.many.count, 2);
	assert_string_equal(v.many.items[0], "one");
	assert_string_equal(v.many.items[1], "two");
	assert_int_equal(v.number, 60);
	assert_true(v.flag);
	assert_int_equal(v.choice, 0);
	assert_int_equal(v.paths.count, 4);
	assert_string_equal(v.paths.items[1], "b");
	assert_string_equal(v.paths.items[2], "--name");
	options_release(&table, &v);
}

static void test_defaults(void **state)
{
	(void)state;
	struct values v;
	struct error err;
	assert_int_equal(read_line(&table, "--name n - ", &v, &err), OPTIONS_READ);
	assert_int_equal(v.number, 5);
	assert_false(v.flag);
	assert_int_equal(v.choice, 1);
	assert_int_equal(v.many.count, 0);
	assert_string_equal(v.paths.items[0], "-");
	options_release(&table, &v);
	assert_int_equal(read_line(&table, "--name n --number -1 p", &v, &err), OPTIONS_READ);
	assert_int_equal(v.number, -1);
	options_release(&table, &v);
}

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text;
	} cases[] = {
	    {"p", "--name is missing; give --name NAME"},
	    {"--name n", "give at least 1 PATH"},
	    {"p --name", "--name needs an argument: NAME"},
	    {"p --name=", "--name: its argument is empty"},
	    {"p --name a --name b", "--name is given twice; give it once"},
	    {"p --name n --numbre 3", "unknown option --numbre; did you mean --number?"},
	    {"p --name n --colour", "unknown option --colour"},
	    {"p --name n --number 61", "--number 61: give a whole number from -1 to 60"},
	    {"p --name n --number -2", "--number -2: give a whole number from -1 to 60"},
	    {"p --name n --number=+1", "--number +1: give a whole number from -1 to 60"},
	    {"p --name n --number 1x", "--number 1x: give a whole number from -1 to 60"},
	    {"p --name n --number 99999999999999999999",
	     "--number 99999999999999999999: give a whole number from -1 to 60"},
	    {"p --name n --flag=yes", "--flag takes no argument"},
	    {"p --name n -o xml", "-o xml: give one of: text, json"},
	    {"p --name n -o", "-o needs an argument"},
	    {"p --many x --name n --oops", "unknown option --oops"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct values v;
		struct error err;
		assert_int_equal(read_line(&table, cases[i].line, &v, &err), OPTIONS_FAILED);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void test_no_operands_no_rows(void **state)
{
	(void)state;
	struct option_table bare = {
	    .command = "bare", .synopsis = "", .summary = "Nothing.", .values_size = sizeof(int)};
	struct values v;
	struct error err;
	assert_int_equal(read_line(&bare, "x", &v, &err), OPTIONS_FAILED);
	assert_string_equal(err.text, "unexpected argument \"x\"; all arguments of this command are options");
	assert_int_equal(read_line(&bare, "--x", &v, &err), OPTIONS_FAILED);
	assert_string_equal(err.text, "unknown option --x");
	struct buf out;
	buf_init(&out, 4096);
	options_help(&bare, &out);
	buf_char(&out, '\0');
	assert_string_equal(
	    out.ptr,
	    "Usage: gpugate bare\n\nNothing.\n\nOptions:\n  --help  Print help for this command.\n\nExit status:\n  0  Success.\n"
	    "  2  The command could not run. Standard error says what to do.\n");
	buf_release(&out);
}

static void test_help(void **state)
{
	(void)state;
	struct values v;
	struct error err;
	assert_int_equal(read_line(&table, "--many x --help --nonsense", &v, &err), OPTIONS_HELP);
	assert_int_equal(read_line(&table, "-h", &v, &err), OPTIONS_HELP);
	struct buf out;
	buf_init(&out, 1 << 16);
	options_help(&table, &out);
	buf_char(&out, '\0');
	assert_string_equal(
	    out.ptr,
	    "Usage: gpugate test --name NAME PATH...\n\nTests.\n\nOptions:\n"
	    "  --name NAME   A name. Required.\n"
	    "  --many X      Many. May be repeated.\n"
	    "  --number N    A number, of which there is much to say, so much that the line has to be broken,\n"
	    "                somewhere near here or so. From -1 to 60. Default: 5.\n"
	    "  --flag        A flag.\n"
	    "  -o text|json  Form. Default: json.\n"
	    "  --help        Print help for this command.\n"
	    "\nExit status:\n"
	    "  0  Success.\n"
	    "  1  Something was found.\n"
	    "  2  The command could not run. Standard error says what to do.\n"
	    "\nExamples:\n  gpugate test --name x\n");
	buf_release(&out);
}

/* No line of the help of `serve` is wider than a terminal or ends in a blank. */
static void test_help_of_serve(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1 << 16);
	options_help(&serve_options_table, &out);
	for (struct str rest = buf_view(&out); rest.len;) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		assert_non_null(end);
		size_t len = (size_t)(end - rest.ptr);
		assert_true(len <= 100);
		assert_true(len == 0 || end[-1] != ' ');
		rest = str_tail(rest, len + 1);
	}
	buf_release(&out);
}

static void test_serve_check(void **state)
{
	(void)state;
	struct serve_options options = {.tls_cert = "tls.crt", .tls_key = "tls.key"};
	struct serve_options self_managed = {.certs = CERTS_KIND_SELF_MANAGED};
	struct error err = {0};
	assert_int_equal(serve_options_check(&options, &err), 0);
	/* The defaults are consistent. */
	assert_int_equal(serve_options_check(&self_managed, &err), 0);
	options.client_names.count = 1;
	assert_int_equal(serve_options_check(&options, &err), -1);
	assert_non_null(strstr(err.text, "--client-ca"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads_all_types),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_no_operands_no_rows),
	    cmocka_unit_test(test_help),
	    cmocka_unit_test(test_help_of_serve),
	    cmocka_unit_test(test_serve_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
