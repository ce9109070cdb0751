#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/cli/completion.h"
#include "webhook/cli/man.h"
#include "webhook/cli/wrap.h"
#include "webhook/commands.h"

#define NAMES "abcdefghijklmnopqrstuvwxyz0123456789-"

static void check_option(const struct option_row *row)
{
	assert_int_equal(row->name[0], '-');
	assert_int_equal(strspn(row->name, NAMES), strlen(row->name));
	assert_true(row->help[strlen(row->help) - 1] == '.');
	assert_true((row->type == OPTION_CHOICE) == (row->choices != NULL));
	assert_true((row->type == OPTION_FLAG || row->type == OPTION_CHOICE) == (row->word == NULL));
	for (size_t i = 0; row->choices && row->choices[i]; i++)
		assert_null(strpbrk(row->choices[i], " '\"\\$`"));
}

/* `before`: the words that call the parent. */
static void check_command(const struct command *command, const char *before)
{
	char words[256];
	const struct option_table *table = command->options;
	snprintf(words, sizeof words, "%s%s%s", before, *before ? " " : "", command->name);
	assert_string_equal(table->command, words);
	assert_int_equal(strspn(command->name, NAMES), strlen(command->name));
	assert_int_not_equal(command->summary[strlen(command->summary) - 1], '.');
	assert_int_equal(table->summary[strlen(table->summary) - 1], '.');
	assert_true((command->run != NULL) + (command->describe != NULL) + (command->children != NULL) == 1);
	for (size_t i = 0; i < table->count; i++)
		check_option(&table->rows[i]);
	for (size_t i = 0; command->children && command->children[i]; i++)
		check_command(command->children[i], words);
}

/* What the type cannot express: names and words fit the place, and texts are ready for roff and shells. */
static void test_rows(void **state)
{
	(void)state;
	assert_string_equal(gpugate_command.options->command, "");
	for (size_t i = 0; gpugate_command.children[i]; i++) {
		assert_non_null(gpugate_command.children[i]->group);
		check_command(gpugate_command.children[i], "");
	}
}

static void test_groups_are_adjacent(void **state)
{
	(void)state;
	const struct command *const *rows = gpugate_command.children;
	for (size_t i = 0; rows[i]; i++)
		for (size_t k = i + 1; rows[k]; k++)
			if (strcmp(rows[i]->group, rows[k]->group) == 0)
				assert_string_equal(rows[k - 1]->group, rows[k]->group);
}

static void test_find(void **state)
{
	(void)state;
	struct error err = {0};
	const char *create[] = {"certs", "create", "more"};
	assert_ptr_equal(command_find(&gpugate_command, NULL, 0, &err), &gpugate_command);
	assert_string_equal(command_find(&gpugate_command, create, 1, &err)->name, "certs");
	assert_string_equal(command_find(&gpugate_command, create, 2, &err)->name, "create");
	assert_null(command_find(&gpugate_command, create, 3, &err));
	assert_string_equal(err.text, "\"more\" is not a command; gpugate certs create has no commands of its own");
}

static int count(void *context, const struct command *command)
{
	(*(int *)context)++;
	return strcmp(command->options->command, "certs create") == 0 ? 7 : 0;
}

static void test_each_stops(void **state)
{
	(void)state;
	int visited = 0;
	assert_int_equal(command_each(&gpugate_command, count, &visited), 7);
	assert_true(visited > 3);
}

static void assert_wrapped(const char *text, const char *expected)
{
	struct buf out;
	buf_init(&out, 1024);
	wrap_text(&out, text, strlen(text), 2, 2, 10);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buf_release(&out);
}

static void test_wrap(void **state)
{
	(void)state;
	assert_wrapped("", "\n");
	assert_wrapped("one two", "one two\n");
	assert_wrapped("one two th", "one two\n  th\n");
	assert_wrapped("immeasurable word", "immeasurable\n  word\n");
	assert_wrapped("one two ", "one two\n");
	assert_int_equal(sentence_length("One. Two."), 4);
	assert_int_equal(sentence_length("v1.2 is one; 1.3? no"), 17);
	assert_int_equal(sentence_length("no end"), 6);
}

static const struct option_row odd_rows[] = {
    {.name = "--quote", .type = OPTION_FLAG, .help = ".It's a \\ back-slash. 'Quoted'."},
};
static const struct option_table odd_table = {.command = "odd",
					      .synopsis = "",
					      .summary = "Odd.",
					      .rows = odd_rows,
					      .count = 1,
					      .examples = "  gpugate odd \\\n'x'\n"};
static const struct command odd = {.name = "odd", .summary = "it's odd", .options = &odd_table};
static const struct option_table root_table = {.command = "", .synopsis = "", .summary = "Root."};
static const struct command root = {.name = "gpugate",
				    .summary = "root",
				    .options = &root_table,
				    .children = (const struct command *const[]){&odd, NULL}};

static void assert_contains(struct buf *out, const char *part)
{
	buf_char(out, '\0');
	assert_false(out->failed);
	assert_non_null(strstr(out->ptr, part));
	out->len--;
}

/* No text can be taken for a request of roff. */
static void test_man_escapes(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1 << 16);
	man_page(&odd, 0, &out);
	assert_contains(&out, ".Dd January 1, 1970\n.Dt GPUGATE-ODD 1\n");
	assert_contains(&out, ".It Fl -quote\n\\&.It's a \\e back\\-slash.\n\\&'Quoted'.\n");
	assert_contains(&out, "  gpugate odd \\e\n\\&'x'\n.Ed\n");
	buf_release(&out);
}

/* No text ends the quotes that it stands in. */
static void test_completion_quotes(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1 << 16);
	completion_zsh(&root, &out);
	assert_contains(&out, "'odd:it'\\''s odd'");
	assert_contains(&out, "'--quote:.It'\\''s a \\ back-slash.'");
	buf_reset(&out);
	completion_fish(&root, &out);
	assert_contains(&out, "-d 'it\\'s odd'");
	assert_contains(&out, "-d '.It\\'s a \\\\ back-slash.'");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_groups_are_adjacent),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_each_stops),
	    cmocka_unit_test(test_wrap),
	    cmocka_unit_test(test_man_escapes),
	    cmocka_unit_test(test_completion_quotes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
