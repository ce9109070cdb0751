/*
 * test_suggest: tests policy/base/suggest.c: which words are similar enough for a policy, and for a
 * command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpugate/suggest.h"

static bool is(struct str s, const char *text)
{
	return str_eq(s, str_of(text));
}

static void test_word(void **state)
{
	(void)state;
	static const struct {
		const char *wrong, *right;
	} rows[] = {
	    {"quota", "quotas"},
	    {"qoutas", "quotas"},
	    {"QUOTAS", "quotas"},
	    {"parnet", "parent"},
	    {"x", NULL},
	    {"", NULL},
	    {"quarters", NULL},
	    {"enforce", NULL},
	    {"tenforcement", "enforcement"},
	    /* Means the opposite. */
	    {"unenforcement", NULL},
	};
	static const struct str words[] = {{"parent", 6}, {"quotas", 6}, {"enforcement", 11}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str near = suggest_word(str_of(rows[i].wrong), words, 3, sizeof words[0]);
		bool expected = rows[i].right ? is(near, rows[i].right) : !str_present(near);
		if (!expected)
			fail_msg("\"%s\": %.*s", rows[i].wrong, STR_ARG(near));
	}
	char long_word[300];
	memset(long_word, 'a', sizeof long_word);
	assert_false(str_present(suggest_word((struct str){long_word, sizeof long_word}, words, 3, sizeof words[0])));
	assert_false(str_present(suggest_word(STR("abc"), NULL, 0, sizeof words[0])));
	/* For a word that is too long, the candidates are not read: the pointer is NULL. */
	assert_false(str_present(suggest_word((struct str){long_word, 65}, NULL, SIZE_MAX, sizeof words[0])));
	long_word[65] = '\0';
	assert_null(suggest_argument(long_word, NULL, SIZE_MAX, sizeof(char *)));
}

static void test_word_within(void **state)
{
	static const struct str words[] = {{"enforcement", 11}, {"exempt", 6}};
	uint64_t enough = 6 * 6, little = 6 * 6 - 1;

	(void)state;
	/* "enforcement" is too long to be compared, and costs nothing. */
	assert_true(is(suggest_word_within(STR("exemtp"), words, 2, sizeof words[0], &enough), "exempt"));
	assert_int_equal(enough, 0);
	assert_false(str_present(suggest_word_within(STR("exemtp"), words, 2, sizeof words[0], &enough)));
	assert_false(str_present(suggest_word_within(STR("exemtp"), words, 2, sizeof words[0], &little)));
	assert_int_equal(little, 6 * 6 - 1);
}

/*
 * The first of several words with the same distance is returned. A closer one after it replaces it.
 */
static void test_word_order(void **state)
{
	(void)state;
	static const struct str words[] = {{"parenx", 6}, {"pareny", 6}, {"parentz", 7}};
	assert_true(is(suggest_word(STR("parenq"), words, 2, sizeof words[0]), "parenx"));
	assert_true(is(suggest_word(STR("qarentz"), words, 3, sizeof words[0]), "parentz"));
}

static void test_argument(void **state)
{
	(void)state;
	static const char *const words[] = {"serve",
					    NULL,
					    "lint",
					    "certs",
					    "version",
					    "-o",
					    "a-word-that-is-longer-than-sixty-four-"
					    "letters-can-never-be-meant-by-anyone"};
	static const struct {
		const char *wrong, *meant;
	} cases[] = {
	    {"srve", "serve"},      {"sevre", "serve"}, {"servee", "serve"},    {"linz", "lint"},
	    {"xy", NULL},           {"-p", "-o"},       {"versoin", "version"}, {"", NULL},
	    {"certificates", NULL}, {"SERVE", NULL},    {"unlint", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *found =
		    suggest_argument(cases[i].wrong, words, sizeof words / sizeof *words, sizeof *words);
		if (cases[i].meant)
			assert_string_equal(found, cases[i].meant);
		else
			assert_null(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_word),
	    cmocka_unit_test(test_word_within),
	    cmocka_unit_test(test_word_order),
	    cmocka_unit_test(test_argument),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
