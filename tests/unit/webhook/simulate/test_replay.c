/* The bounds of a replay's memory, and what happens beyond them. */
#include "tests/unit/policy_fixture.h"

#include "webhook/simulate/replay.h"

#define POLICY                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"                                               \
	"spec: {namespaces: [a], quotas: [{name: q, resources: [nvidia.com/gpu], hard: 4}]}\n"
#define PODS 6
#define SPEC "{\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]}"

struct fixture {
	struct policy *policy;
	struct replay *replay;
	struct error err;
};

static void set_up(struct fixture *f, struct replay_limits limits)
{
	*f = (struct fixture){.policy = fixture_policy(POLICY, NULL, 0)};
	const struct replay_options options = {.policy = f->policy, .show = 100, .limits = limits};
	f->replay = replay_create(&options, &f->err);
	assert_non_null(f->replay);
}

static void tear_down(struct fixture *f)
{
	replay_destroy(f->replay);
	policy_release(f->policy);
}

static int take(void *context, const struct json_value *value, struct error *err)
{
	return replay_value(context, "f", value, err);
}

static int feed(struct fixture *f, const char *text)
{
	struct json_values values;
	json_values_init(&values, take, f->replay);
	int result = json_values_feed(&values, text, strlen(text), &f->err);
	json_values_release(&values);
	return result;
}

/* Replays Pods of one GPU that were refused when they were recorded. */
static void replay_refused(struct fixture *f)
{
	for (int i = 0; i < PODS; i++) {
		char line[1024];
		snprintf(
		    line, sizeof line,
		    "{\"time\":\"2030-01-01T00:00:0%d.000Z\",\"endpoint\":\"/validate\",\"policy\":\"0\",\"request\":{"
		    "\"uid\":\"r\",\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},\"resource\":{\"group\":"
		    "\"\",\"version\":\"v1\",\"resource\":\"pods\"},\"namespace\":\"a\",\"operation\":\"CREATE\","
		    "\"userInfo\":{\"username\":\"u\"},\"object\":{\"metadata\":{\"name\":\"p%d\",\"namespace\":\"a\","
		    "\"uid\":\"uid-%d\"},\"spec\":" SPEC "}},\"response\":{\"allowed\":false}}\n",
		    i, i, i);
		assert_int_equal(feed(f, line), 0);
	}
	assert_int_equal(replay_finish(f->replay, &f->err), 0);
}

/*
 * Nothing says when a Pod ends that only a replay admits. When it is forgotten, it ends, or it
 * would hold quota for ever.
 */
static void test_forgotten_pods_hold_nothing(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f, (struct replay_limits){0});
	replay_refused(&f);
	assert_int_equal(replay_count(f.replay, REPLAY_NEWLY_ADMITTED), 4);
	tear_down(&f);
	set_up(&f, (struct replay_limits){.uids = 512});
	replay_refused(&f);
	assert_int_equal(replay_count(f.replay, REPLAY_NEWLY_ADMITTED), PODS);
	tear_down(&f);
}

/* Differences are counted even if they are too large to be kept. Two are other sentences. */
static void test_examples_are_bounded(void **state)
{
	size_t one;
	(void)state;
	for (size_t bytes = 1; bytes < 1 << 16; bytes *= 2) {
		struct fixture f;
		set_up(&f, (struct replay_limits){.examples = bytes});
		replay_refused(&f);
		json_t *report = replay_report(f.replay);
		one = json_array_size(json_object_get(report, "differences"));
		assert_int_equal(one + (size_t)json_integer_value(json_object_get(report, "omitted")), PODS);
		assert_int_equal(json_is_true(json_object_get(report, "truncated")), one < PODS);
		char *text = json_dumps(json_object_get(report, "differences"), JSON_COMPACT);
		assert_true(one == 0 || strlen(text) < bytes);
		free(text);
		json_decref(report);
		tear_down(&f);
		if (bytes == 1)
			assert_int_equal(one, 0);
	}
	assert_int_equal(one, PODS);
}

/* What is kept of a Pod is more than its JSON. */
static void test_pods_that_exist_are_bounded(void **state)
{
	static const char pod[] =
	    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"a\","
	    "\"uid\":\"u\",\"creationTimestamp\":\"2030-01-01T00:00:00Z\"},\"spec\":" SPEC "}\n";
	struct fixture f;
	(void)state;
	set_up(&f, (struct replay_limits){.pods = sizeof pod});
	assert_int_equal(feed(&f, pod), -1);
	assert_non_null(
	    strstr(f.err.text, "the Pods that exist are larger than 0 MiB; list those of fewer namespaces"));
	tear_down(&f);
	set_up(&f, (struct replay_limits){.pods = 2 * sizeof pod});
	assert_int_equal(feed(&f, pod), 0);
	assert_int_equal(feed(&f, pod), -1);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forgotten_pods_hold_nothing),
	    cmocka_unit_test(test_examples_are_bounded),
	    cmocka_unit_test(test_pods_that_exist_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
