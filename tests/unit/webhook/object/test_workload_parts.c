/* test_workload_parts: the groups of Pods of custom resources, and the texts of their Pods. */
#include "tests/unit/policy_fixture.h"

#include "webhook/object/review.h"
#include "webhook/object/workload_parts.h"

#define WORKLOAD(spec)                                                                                                 \
	"apiVersion: gpugate.io/v1\nkind: Workload\nmetadata: {name: w}\n"                                             \
	"spec: {group: example.com, kind: Thing, plural: things, suspend: [s.stop], pods: [" spec "]}\n"
#define BYTES 4096

struct reading {
	struct policy *policy;
	struct arena arena;
	struct workload_parts parts;
	struct error err;
	char json[BYTES + REVIEW_PADDING];
	int result;
};

/* JSON is written with ' for ". */
static void read_parts(struct reading *r, const char *policy, const char *json, size_t memory)
{
	*r = (struct reading){.policy = fixture_policy(policy, NULL, 0)};
	assert_non_null(r->policy);
	arena_init(&r->arena, 256, memory);
	size_t len = strlen(json);
	assert_true(len <= BYTES);
	for (size_t i = 0; i < len; i++)
		r->json[i] = json[i];
	for (size_t i = 0; i < len; i++)
		r->json[i] = r->json[i] == '\'' ? '"' : r->json[i];
	const struct workload_paths *paths = policy_workload(r->policy, STR("example.com"), STR("Thing"));
	assert_non_null(paths);
	r->result = workload_parts_read(paths, (struct str){r->json, len}, &r->arena, &r->parts, &r->err);
}

static void end(struct reading *r)
{
	arena_release(&r->arena);
	policy_release(r->policy);
}

static void test_texts_of_pods(void **state)
{
	static const char policy[] = WORKLOAD("{podSpec: p, metadata: m, containers: [c, d], resources: r, device: g}");
	static const struct {
		const char *json, *pod;
	} rows[] = {
	    {"{'p': {}}", "{\"metadata\":{},\"spec\":{}}"},
	    {"{'p': {'a': 1}, 'm': {'labels': {'x': 'y'}, 'name': 1}}",
	     "{\"metadata\":{\"labels\":{\"x\": \"y\"}},\"spec\":{\"a\": 1}}"},
	    {"{'p': { }, 'c': {'name': 'c'}}", "{\"metadata\":{},\"spec\":{ \"containers\":[{\"name\": \"c\"}]}}"},
	    {"{'p': {'containers': [ ], 'b': 2}, 'd': {}}",
	     "{\"metadata\":{},\"spec\":{\"containers\": [ {}], \"b\": 2}}"},
	    {"{'p': {'containers': [{}]}, 'c': {}, 'd': {}, 'r': {'limits': {}}}",
	     "{\"metadata\":{},\"spec\":{\"containers\": [{},{},{},{\"resources\":{\"limits\": {}}}]}}"},
	    {"{'p': {}, 'g': {'name': 'x/y', 'quantity': 2}, 'm': {'annotations': {}}}",
	     "{\"metadata\":{\"annotations\":{}},\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"x/y\":2}}}]}}"},
	    {"{'p': {}, 'g': {'name': 'x/y'}}", "{\"metadata\":{},\"spec\":{}}"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reading r;
		read_parts(&r, policy, rows[i].json, 1 << 20);
		if (r.result != 0)
			fail_msg("%s: %s", rows[i].json, r.err.text);
		assert_int_equal(r.parts.count, 1);
		assert_string_equal(r.parts.items[0].pod.ptr, rows[i].pod);
		assert_int_equal(r.parts.items[0].pod.len, strlen(rows[i].pod));
		end(&r);
	}
}

static void test_errors(void **state)
{
	static const char policy[] =
	    WORKLOAD("{podSpec: 'l[].p', containers: ['l[].c'], metadata: m, device: g, replicas: ['l[].n', n]}");
	static const struct {
		const char *json, *error;
	} rows[] = {
	    {"{'l': 1}", "l: expected a list (byte 6)"},
	    {"{'l': [1]}", "l[0]: expected an object (byte 7)"},
	    {"{'l': [{'p': {}}, {'p': []}]}", "l[1].p: expected an object (byte 24)"},
	    {"{'l': [{'p': {}, 'c': 1}]}", "l[].c: expected an object, found 1 (byte 22)"},
	    {"{'l': [{'p': {}, 'n': 1.5}]}", "l[].n: expected a whole number of 0 or more, found 1.5 (byte 22)"},
	    {"{'l': [{'p': {}}], 'n': '2'}",
	     "n: expected a whole number of 0 or more, found the text \"2\"; write 2 (byte 24)"},
	    {"{'l': [{'p': {}}], 's': 1}", "s.stop: a value on the way there has another type (byte 0)"},
	    {"{'l': [{'p': {}}], 's': {'stop': 1}}", "s.stop: expected true, false, or a text, found 1 (byte 33)"},
	    {"{'l': [{'p': {'containers': 1}, 'c': {}}]}", "containers: expected a list (byte 0)"},
	    {"{'l': [{'p': {}}], 'g': {'name': 1, 'quantity': 1}}", "name: expected a string (byte 0)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reading r;
		read_parts(&r, policy, rows[i].json, 1 << 20);
		assert_int_equal(r.result, -1);
		assert_string_equal(r.err.text, rows[i].error);
		end(&r);
	}
}

static void test_numbers(void **state)
{
	static const char policy[] = WORKLOAD("{template: t, replicas: [a - 1, b, c]}");
	static const struct {
		const char *json;
		int64_t replicas;
	} rows[] = {
	    {"{'t': {'spec': {}}}", 0},
	    {"{'t': {'spec': {}}, 'a': 3, 'b': 4, 'c': 5}", 40},
	    {"{'t': {'spec': {}}, 'a': 0, 'b': 4}", 0},
	    {"{'t': {'spec': {}}, 'a': 9223372036854775807, 'b': 9223372036854775807}", WORKLOAD_REPLICAS_MAX},
	    {"{'t': {'spec': {}}, 'a': 9223372036854775807, 'b': 9223372036854775807, 'c': 0}", 0},
	    {"{'t': {'spec': {}}, 'a': 3, 's': {'stop': true}}", 0},
	    {"{'t': {'spec': {}}, 'a': 3, 's': {'stop': 'now'}}", 0},
	    {"{'t': {'spec': {}}, 'a': 3, 's': {'stop': ''}}", 2},
	    {"{'t': {'spec': {}}, 'a': 3, 's': {'stop': false}}", 2},
	    {"{'t': {'spec': {}}, 'a': 3, 's': null, 'b': null}", 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reading r;
		read_parts(&r, policy, rows[i].json, 1 << 20);
		assert_int_equal(r.result, 0);
		assert_int_equal(r.parts.count, 1);
		assert_int_equal(r.parts.items[0].replicas, rows[i].replicas);
		end(&r);
	}
}

/* A key of an object is shown as far as it is short, and without what could control a terminal. */
static void test_hostile_keys(void **state)
{
	static const char policy[] = WORKLOAD("{template: 'm.*.t'}");
	char json[BYTES];
	struct reading r;
	(void)state;
	snprintf(json, sizeof json, "{'m': {'%0200d': {'t': {'spec': {}}}, 'a\x7f': {'t': {'spec': {}}}, 'n': null}}",
		 7);
	read_parts(&r, policy, json, 1 << 20);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.parts.count, 2);
	assert_int_equal(r.parts.items[0].where.len, strlen("m.") + 63 + strlen(".t"));
	assert_string_equal(r.parts.items[1].where.ptr, "m.a?.t");
	end(&r);
}

static void test_without_memory(void **state)
{
	static const char policy[] = WORKLOAD("{podSpec: 'l[].p'}");
	int failed = 0, succeeded = 0;
	(void)state;
	for (size_t memory = 64; memory < 4096; memory += 64) {
		struct reading r;
		read_parts(&r, policy, "{'l': [{'p': {'a': 'bbbbbbbbbbbbbbbbbbbbbb'}}, {'p': {}}]}", memory);
		*(r.result == 0 ? &succeeded : &failed) += 1;
		if (r.result)
			assert_string_equal(r.err.text, "there is not enough memory");
		end(&r);
	}
	assert_true(failed > 0 && succeeded > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts_of_pods), cmocka_unit_test(test_errors),         cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_hostile_keys),  cmocka_unit_test(test_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
