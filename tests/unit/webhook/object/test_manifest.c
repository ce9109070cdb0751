/* Manifests to JSON, lines to messages, and workloads to Pods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "webhook/json/path.h"
#include "webhook/object/manifest.h"
#include "webhook/object/manifest_yaml.h"
#include "webhook/object/workload.h"

/* The JSON of all objects, each on a line of its own. */
static void expect(const char *text, const char *json)
{
	struct manifest manifest;
	struct error err = {0};
	struct buf all;
	buf_init(&all, 1 << 16);
	if (manifest_read(&manifest, "f", str_of(text), &err) < 0)
		fail_msg("%s", err.text);
	for (uint32_t i = 0; i < manifest.count; i++)
		buf_printf(&all, "%u %.*s %.*s\n", manifest.objects[i].line, STR_ARG(manifest.objects[i].kind),
			   STR_ARG(manifest.objects[i].json));
	buf_char(&all, '\0');
	assert_string_equal(all.ptr, json);
	buf_release(&all);
	manifest_release(&manifest);
}

static void expect_error(const char *text, const char *sentence)
{
	struct manifest manifest;
	struct error err = {0};
	assert_int_equal(manifest_read(&manifest, "f", str_of(text), &err), -1);
	assert_string_equal(err.text, sentence);
}

static void test_documents(void **state)
{
	(void)state;
	expect("", "");
	expect("---\n# nothing\n---\n...\n", "");
	expect("kind: A\nl: [1, {x: y z}]\n---\nkind: B\n",
	       "1 A {\"kind\":\"A\",\"l\":[1,{\"x\":\"y z\"}]}\n4 B {\"kind\":\"B\"}\n");
	expect(" {\"kind\":\"A\"}\n\n{\"kind\": \"B\"} ", "1 A {\"kind\":\"A\"}\n3 B {\"kind\": \"B\"}\n");
	expect("a: |\n  x\n  y\nb: \"\\u0001\\\"\"\n", "1  {\"a\":\"x\\ny\\n\",\"b\":\"\\u0001\\\"\"}\n");
	expect("\xef\xbb\xbfkind: A\n", "1 A {\"kind\":\"A\"}\n");
}

/* U+FFFD replaces a NUL in JSON as in YAML. A backslash that is escaped begins no escape. */
static void test_nul(void **state)
{
	(void)state;
	expect("kind: \"A\\0b\"\n", "1 A\xef\xbf\xbd"
				    "b {\"kind\":\"A\xef\xbf\xbd"
				    "b\"}\n");
	expect("{\"kind\":\"A\\u0000b\"}\n{\"\\u0000\":\"\\\\u0000\\\\\\u0000\\u0000\"}",
	       "1 A\xef\xbf\xbd"
	       "b {\"kind\":\"A\\ufffdb\"}\n"
	       "2  {\"\\ufffd\":\"\\\\u0000\\\\\\ufffd\\ufffd\"}\n");
}

static void test_lists(void **state)
{
	(void)state;
	expect("kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: B\n",
	       "4 A {\"kind\":\"A\"}\n5 B {\"kind\":\"B\"}\n");
	expect("{\"kind\":\"PodList\",\"items\":[\n{},\n{\"kind\":\"X\"}]}", "2 Pod {}\n3 X {\"kind\":\"X\"}\n");
	expect("kind: List\nitems: []\n", "");
	expect("kind: List\nitems: null\n", "1 List {\"kind\":\"List\",\"items\":null}\n");
	/* `items` is special only in a List; other kinds may have a member of that name. */
	expect("kind: ConfigMap\nitems: [1]\n", "1 ConfigMap {\"kind\":\"ConfigMap\",\"items\":[1]}\n");
	expect_error("kind: List\nitems:\n- {}\n- 5\n", "f:4: expected an object, found a number");
	/* A custom kind may end in `List`, and is one only if all items are objects. */
	expect("kind: AllowList\napiVersion: x.org/v1\nitems: [{}, 5]\n",
	       "1 AllowList {\"kind\":\"AllowList\",\"apiVersion\":\"x.org/v1\",\"items\":[{},5]}\n");
	expect("kind: ThingList\napiVersion: x.org/v1\nitems: [{}]\n", "3 Thing {}\n");
	expect("kind: List\nitems:\n- kind: A\n- kind: PodList\n  items:\n  - x: z\n- kind: B\n",
	       "3 A {\"kind\":\"A\"}\n6 Pod {\"x\":\"z\"}\n7 B {\"kind\":\"B\"}\n");
}

/* `count` lists within each other, with an object in the innermost. */
static void write_lists(char *text, unsigned count)
{
	char *to = text;
	for (unsigned i = 0; i < count; i++)
		to = stpcpy(to, "{\"kind\":\"List\",\"items\":[\n");
	to = stpcpy(to, "{\"kind\":\"A\"}");
	for (unsigned i = 0; i < count; i++)
		to = stpcpy(to, "]}");
}

static void test_lists_in_lists(void **state)
{
	char text[1024];
	(void)state;
	write_lists(text, MANIFEST_LISTS_MAX);
	expect(text, "9 A {\"kind\":\"A\"}\n");
	write_lists(text, MANIFEST_LISTS_MAX + 1);
	expect_error(text, "f:9: more than 8 lists are within each other here; write the items into the outer list");
}

static void test_errors(void **state)
{
	(void)state;
	expect_error("a: b: c\n", "f:1:5: this is not YAML: mapping values are not allowed in this context");
	expect_error("x\n", "f:1: expected an object, found a string");
	expect_error("{\"a\":\n1,}", "f:2: this is not JSON: expected a key in double quotes, found '}'");
	expect_error("{} x", "f:1: this is not JSON: expected a value, found 'x'");
	expect_error("a: {b: &c d}\n",
		     "f:1:8: anchors (\"&\") are not read; write the values out, or quote it if it is "
		     "meant as text");
	expect_error("\n {{- if .Values.gpu }}\na: b\n{{- end }}\n",
		     "f:2: this is a template (\"{{ }}\"), not YAML or JSON; render the file first");
	expect_error("metadata: []\n", "f:1: metadata: expected an object, found an array");
	expect_error("kind: A\nkind: B\n", "f:2: kind: the key is given twice");
}

static void test_lines(void **state)
{
	static const char *const texts[] = {"a: 1\nb:\n- x\n- {c: 2,\n   d: 3}\n",
					    "{\"a\":1,\n\"b\":\n[\"x\",\n{\"c\":2,\n\"d\":3}]}"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct manifest manifest;
		struct error err = {0};
		assert_int_equal(manifest_read(&manifest, "f", str_of(texts[i]), &err), 0);
		const struct manifest_object *object = &manifest.objects[0];
		static const struct {
			const char *text;
			uint32_t line;
		} rows[] = {{"\"a\"", 1}, {"\"b\"", 2}, {"\"x\"", 3}, {"\"c\"", 4}, {"\"d\"", 5}};
		for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
			const char *at = memmem(object->json.ptr, object->json.len, rows[r].text, 3);
			assert_non_null(at);
			assert_int_equal(manifest_line(&manifest, object, (size_t)(at - object->json.ptr)),
					 rows[r].line);
		}
		assert_int_equal(manifest_line(&manifest, object, SIZE_MAX), 5);
		error_set(&err, "x: is wrong (byte %zu)", object->json.len - 3);
		assert_int_equal(manifest_explain(&manifest, object, &err), -1);
		assert_string_equal(err.text, "f:5: x: is wrong");
		manifest_release(&manifest);
	}
}

static void test_plain_scalars(void **state)
{
	static const struct {
		const char *text, *json; /* NULL: a text */
	} rows[] = {{"0", "0"},
		    {"-0", "0"},
		    {"+5", "5"},
		    {"0x1F", "31"},
		    {"-0x10", "-16"},
		    {"0o17", "15"},
		    {"017", "15"},
		    {"08", "8"},
		    {"0b101", "5"},
		    {"1_000", "1000"},
		    {"1.50", "1.50"},
		    {".5", "0.5"},
		    {"-.5", "-0.5"},
		    {"5.", "5"},
		    {"00.5", "0.5"},
		    {"1e3", "1e3"},
		    {"1E+3", "1E+3"},
		    {"yes", "true"},
		    {"No", "false"},
		    {"~", "null"},
		    {"18446744073709551615", "18446744073709551615"},
		    {"-9223372036854775808", "-9223372036854775808"},
		    {"99999999999999999999", "99999999999999999999"},
		    {"2026-01-01", NULL},
		    {"1e", NULL},
		    {"0x", NULL},
		    {"-", NULL},
		    {".", NULL},
		    {"+", NULL},
		    {"1.2.3", NULL},
		    {"0b2", NULL},
		    {"yEs", NULL},
		    {"- 5", NULL},
		    {"0x-5", NULL},
		    {"1 ", NULL},
		    {"--5", NULL},
		    {"0x 5", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf out;
		buf_init(&out, 1000);
		enum plain_type type = manifest_plain(str_of(rows[i].text), &out);
		if ((type == PLAIN_STRING) != !rows[i].json ||
		    !str_eq(buf_view(&out), str_of(rows[i].json ? rows[i].json : "")))
			fail_msg("%s: %d %.*s", rows[i].text, (int)type, STR_ARG(buf_view(&out)));
		buf_release(&out);
	}
	struct buf out;
	buf_init(&out, 10);
	assert_int_equal(manifest_plain(STR("-.INF"), &out), PLAIN_NO_JSON);
	assert_int_equal(manifest_plain((struct str){"1\0002", 3}, &out), PLAIN_STRING);
	buf_release(&out);
}

/* A text with the padding that the readers want. */
static struct str padded(const char *text, char buffer[static 512])
{
	memset(buffer, 0, 512);
	return (struct str){memcpy(buffer, text, strlen(text)), strlen(text)};
}

static void test_paths(void **state)
{
	static const struct {
		const char *text, *path, *value, *error;
	} rows[] = {{"{\"a\":{\"b\": [1, 2] }}", "a.b", "[1, 2]", NULL},
		    {"{\"x\":{\"b\":1},\"a\":{\"\\u0062\":7}}", "a.b", "7", NULL},
		    {" 5 ", "", "5", NULL},
		    {"{\"a\":null}", "a.b", NULL, NULL},
		    {"{\"a\":{\"b\":null}}", "a.b", NULL, NULL},
		    {"{\"a\":{}}", "a.b", NULL, NULL},
		    {"{\"a\":[]}", "a.b", NULL, "a: expected an object, found an array (byte 5)"},
		    {"{\"a\":{\"b\":tru}}", "a.b", NULL, ""}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char buffer[512];
		struct str value;
		struct error err = {0};
		int result = json_find(padded(rows[i].text, buffer), rows[i].path, &value, &err);
		assert_int_equal(result, rows[i].error ? -1 : 0);
		if (rows[i].error && rows[i].error[0])
			assert_string_equal(err.text, rows[i].error);
		assert_int_equal(str_present(value), rows[i].value != NULL);
		if (rows[i].value)
			assert_true(str_eq(value, str_of(rows[i].value)));
	}
}

static void test_workloads(void **state)
{
	static const struct {
		const char *api, *kind, *json, *pod;
		int64_t replicas;
		const char *error;
	} rows[] = {
	    {"v1", "Pod", "{\"spec\":1}", "{\"spec\":1}", 1, NULL},
	    {"apps/v1", "Deployment", "{\"spec\":{\"template\":{\"a\":1}}}", "{\"a\":1}", 1, NULL},
	    {"apps/v1beta9", "StatefulSet", "{\"spec\":{\"replicas\":3,\"template\":{}}}", "{}", 3, NULL},
	    {"batch/v1", "Job", "{\"spec\":{\"parallelism\":9,\"completions\":2,\"template\":{}}}", "{}", 2, NULL},
	    {"batch/v1", "CronJob", "{\"spec\":{\"jobTemplate\":{\"spec\":{\"parallelism\":4,\"template\":{}}}}}", "{}",
	     4, NULL},
	    {"apps/v1", "DaemonSet", "{\"spec\":{\"replicas\":7,\"template\":{}}}", "{}", 1, NULL},
	    {"apps/v1", "Deployment", "{\"spec\":{\"replicas\":\"3\",\"template\":{}}}", NULL, 0,
	     "spec.replicas: expected a whole number of 0 or more, found the text \"3\"; write 3 (byte 20)"},
	    {"apps/v1", "Deployment", "{\"spec\":{\"replicas\":-1,\"template\":{}}}", NULL, 0,
	     "spec.replicas: expected a whole number of 0 or more, found -1 (byte 20)"},
	    {"apps/v1", "Deployment", "{}", NULL, 0, "spec.template: expected a Pod template, found nothing (byte 0)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char buffer[512];
		struct workload workload;
		struct error err = {0};
		const struct workload_kind *kind = workload_find(str_of(rows[i].api), str_of(rows[i].kind));
		assert_non_null(kind);
		int result = workload_read(kind, padded(rows[i].json, buffer), &workload, &err);
		assert_int_equal(result, rows[i].error ? -1 : 0);
		if (rows[i].error) {
			assert_string_equal(err.text, rows[i].error);
			continue;
		}
		assert_true(str_eq(workload.pod, str_of(rows[i].pod)));
		assert_int_equal(workload.replicas, rows[i].replicas);
	}
	assert_null(workload_find(STR("v1"), STR("Deployment")));
	assert_null(workload_find(STR("apps/v1"), STR("Pod")));
	assert_null(workload_find((struct str){NULL, 0}, (struct str){NULL, 0}));
}

/* What the status of a Job says about Pods that it still has or will have. */
static void test_jobs_that_end(void **state)
{
	static const struct {
		const char *spec, *status;
		int64_t remaining; /* -1: an error. */
		const char *error;
	} rows[] = {
	    {"", "", INT64_MAX, NULL},
	    {",\"completions\":8", "\"succeeded\":6", 2, NULL},
	    {",\"completions\":8", "\"succeeded\":9223372036854775807", 0, NULL},
	    {"", "\"active\":3,\"succeeded\":1", 3, NULL},
	    {"",
	     "\"conditions\":[{\"type\":\"Suspended\",\"status\":\"True\"},{\"status\":\"True\",\"type\":\"Failed\"}]",
	     0, NULL},
	    {"", "\"conditions\":[{\"type\":\"Failed\",\"status\":\"False\"},{},{\"status\":\"True\"}]", INT64_MAX,
	     NULL},
	    {"", "\"conditions\":null", INT64_MAX, NULL},
	    {"", "\"conditions\":{}", -1, "status.conditions: expected a list (byte 47)"},
	    {"", "\"conditions\":[7]", -1, NULL},
	    {"", "\"conditions\":[{\"type\":7,\"status\":\"True\"}]", INT64_MAX, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[400], buffer[512];
		struct workload workload;
		struct error err = {0};
		snprintf(text, sizeof text, "{\"spec\":{\"template\":{}%s},\"status\":{%s}}", rows[i].spec,
			 rows[i].status);
		int result =
		    workload_read(workload_find(STR("batch/v1"), STR("Job")), padded(text, buffer), &workload, &err);
		assert_int_equal(result, rows[i].remaining < 0 ? -1 : 0);
		if (rows[i].error)
			assert_string_equal(err.text, rows[i].error);
		if (result == 0)
			assert_int_equal(workload.remaining, rows[i].remaining);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_documents),      cmocka_unit_test(test_nul),    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_lists_in_lists), cmocka_unit_test(test_errors), cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_plain_scalars),  cmocka_unit_test(test_paths),  cmocka_unit_test(test_workloads),
	    cmocka_unit_test(test_jobs_that_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
