/* test_values: tests webhook/json/values.c, with every way to cut a text in two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/json/values.h"

/* What was delivered: "LINE KIND/VERSION JSON;" for each object. */
static int take(void *context, const struct json_value *value, struct error *err)
{
	struct buf *told = context;
	(void)err;
	buf_printf(told, "%llu %.*s/%.*s ", (unsigned long long)value->line, STR_ARG(value->list_kind),
		   STR_ARG(value->list_version));
	buf_str(told, value->json);
	buf_char(told, ';');
	return 0;
}

/* Feeds the text in two pieces. */
static enum json_values_end split(struct str text, size_t first, struct buf *told, struct error *err, uint64_t *line)
{
	struct json_values values;
	json_values_init(&values, take, told);
	enum json_values_end end = JSON_VALUES_INCOMPLETE;
	if (json_values_feed(&values, text.ptr, first, err) == 0 &&
	    json_values_feed(&values, text.ptr + first, text.len - first, err) == 0)
		end = json_values_finish(&values, err);
	*line = values.line;
	json_values_release(&values);
	return end;
}

/* `error` is LINE: TEXT, or NULL. */
static void check(const char *text, const char *expected, enum json_values_end end, const char *error)
{
	struct str input = str_of(text);
	for (size_t first = 0; first <= input.len; first++) {
		struct buf told;
		struct error err = {.text = ""};
		uint64_t line;
		buf_init(&told, 1 << 16);
		assert_int_equal(split(input, first, &told, &err, &line), end);
		buf_char(&told, '\0');
		assert_string_equal(told.ptr, expected);
		if (error)
			error_wrap(&err, "%llu", (unsigned long long)line);
		assert_string_equal(err.text, error ? error : "");
		buf_release(&told);
	}
}

static void test_objects(void **state)
{
	(void)state;
	check("", "", JSON_VALUES_COMPLETE, NULL);
	check(" \n\n", "", JSON_VALUES_COMPLETE, NULL);
	check("{}{\"a\":\"}\"}\n{\"b\":[{}]}\n", "1 / {};1 / {\"a\":\"}\"};2 / {\"b\":[{}]};", JSON_VALUES_COMPLETE,
	      NULL);
	check("{\n\"a\": {\"items\":\n[1]}}\n\n{}", "1 / {\n\"a\": {\"items\":\n[1]}};5 / {};", JSON_VALUES_COMPLETE,
	      NULL);
	/* Items that are not a list, and strings with escapes. */
	check("{\"items\":5}{\"items\":\"[\"}{\"a\\\"items\":[{}]}{\"a\":\"items\",\"b\":[]}",
	      "1 / {\"items\":5};1 / {\"items\":\"[\"};1 / {\"a\\\"items\":[{}]};1 / {\"a\":\"items\",\"b\":[]};",
	      JSON_VALUES_COMPLETE, NULL);
}

static void test_lists(void **state)
{
	(void)state;
	check("{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"items\": [\n{\"a\": 1},\n{}]}\n{}",
	      "2 PodList/v1 {\"a\": 1};3 PodList/v1 {};4 / {};", JSON_VALUES_COMPLETE, NULL);
	check("{\"items\":[{}],\"kind\":\"List\"}{\"items\":[]}{\"items\":[{}]}", "1 / {};1 / {};",
	      JSON_VALUES_COMPLETE, NULL);
}

static void test_errors(void **state)
{
	(void)state;
	check("{}\nx", "1 / {};", JSON_VALUES_INCOMPLETE, "2: this is not JSON: expected an object, found 'x'");
	check("\x01", "", JSON_VALUES_INCOMPLETE, "1: this is not JSON: expected an object, found the byte 0x01");
	check("{\"items\":[{}\n{}]}", "1 / {};", JSON_VALUES_INCOMPLETE,
	      "2: this is not JSON: expected a comma or the end of the items, found '{'");
	check("{\"items\":[{},]}", "1 / {};", JSON_VALUES_INCOMPLETE,
	      "1: this is not JSON: expected an object in the items, found ']'");
	check("{\"items\":[,{}]}", "", JSON_VALUES_INCOMPLETE,
	      "1: this is not JSON: expected an object in the items, found ','");
	check("{\"items\":[],\"items\":[{}]}", "", JSON_VALUES_INCOMPLETE, "1: this list has its items twice");
	check("{}\n{\"a\":\n", "1 / {};", JSON_VALUES_INCOMPLETE,
	      "2: the object that begins here does not end; the file is incomplete");
	check("{}\n{\"a\":", "1 / {};", JSON_VALUES_CUT_LINE, NULL);
}

static void test_large_objects(void **state)
{
	struct json_values values;
	struct error err = {.text = ""};
	char *piece = malloc(1 << 20);
	(void)state;
	assert_non_null(piece);
	memset(piece, ' ', 1 << 20);
	json_values_init(&values, take, NULL);
	assert_int_equal(json_values_feed(&values, "\n{\"a\":\"", 7, &err), 0);
	int result = 0;
	for (int i = 0; i < 17 && result == 0; i++)
		result = json_values_feed(&values, piece, 1 << 20, &err);
	assert_int_equal(result, -1);
	assert_int_equal(values.line, 2);
	assert_string_equal(err.text, "this object is larger than 16 MiB, or there is not enough memory");
	json_values_release(&values);
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_objects),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_large_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
