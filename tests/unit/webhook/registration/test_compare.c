/* test_compare: tests what webhooks a policy needs, and whether the registered ones match. */
#include "tests/unit/policy_fixture.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/pairs.h"
#include "webhook/json/yaml.h"
#include "webhook/registration/compare.h"
#include "webhook/registration/render.h"

#define TENANT                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: t}\nspec:\n  namespaces: [t]\n"                     \
	"  earlyAnswer: off\n  quotas: [{name: whole, hard: 4}]\n---\n"
#define RULE                                                                                                           \
	"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\nspec:\n"                                          \
	"  match: {requests: {nvidia.com/gpu: {}}}\n  inject: {runtimeClassName: nvidia}\n---\n"
#define VOID                                                                                                           \
	"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec: {deny: [privileged], visibleDevices: "     \
	"void}\n"

#define GUARD "apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec: {deny: [privileged]}\n---\n"

static const char plain[] = TENANT;
static const char early[] = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: t}\nspec: {namespaces: [t]}\n";
static const char guarded[] = TENANT GUARD;
static const char ruled[] = TENANT RULE;
static const char voiding[] = TENANT RULE VOID;

struct fixture {
	struct arena arena;
	struct policy *policy;
	struct policy_scope scope;
};

static void load(struct fixture *f, const char *yaml)
{
	arena_init(&f->arena, 1 << 16, 1 << 20);
	f->policy = fixture_policy(yaml, NULL, 0);
	assert_non_null(f->policy);
	assert_int_equal(policy_scope(f->policy, &f->arena, &f->scope), 0);
}

static void release(struct fixture *f)
{
	policy_release(f->policy);
	arena_release(&f->arena);
}

/* --- Reach --- */

static void assert_texts(const struct strs *texts, const char *wanted)
{
	struct buf joined;
	buf_init(&joined, 4096);
	for (uint32_t i = 0; i < texts->count; i++)
		buf_printf(&joined, "%s%.*s", i ? " " : "", STR_ARG(texts->items[i]));
	buf_char(&joined, '\0');
	assert_string_equal(joined.ptr, wanted);
	buf_release(&joined);
}

static void test_reach_of_nothing(void **state)
{
	(void)state;
	struct fixture f;
	load(&f, plain);
	assert_int_equal(f.scope.resources.count + f.scope.rule_count + f.scope.void_names.count, 0);
	assert_false(f.scope.voids);
	assert_false(f.scope.guards);
	assert_texts(&f.scope.exempt_namespaces, "kube-system");
	release(&f);
	load(&f, guarded);
	assert_true(f.scope.guards);
	release(&f);
}

static void test_reach_names_resources_once_and_sorted(void **state)
{
	(void)state;
	struct fixture f;
	load(&f, TENANT RULE
	     "apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: s}\nspec:\n"
	     "  match: {requests: {nvidia.com/gpu: {max: 2}}}\n  rewrite: [{from: amd.com/gpu, to: "
	     "habana.ai/gaudi}]\n---\n"
	     "apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: u}\nspec:\n"
	     "  rewrite: [{from: nvidia.com/a, to: nvidia.com/b}, {from: amd.com/gpu, to: nvidia.com/b}]\n");
	assert_texts(&f.scope.resources, "amd.com/gpu nvidia.com/a nvidia.com/gpu");
	assert_int_equal(f.scope.rule_count, 0);
	release(&f);
}

static void test_reach_of_rules_for_all_pods(void **state)
{
	(void)state;
	struct fixture f;
	load(&f, TENANT "apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: a}\nspec:\n"
			"  order: 1\n  match: {namespaces: [t, 'u-*'], podSelector: {matchLabels: {k: v}, "
			"matchExpressions: [{key: x, "
			"operator: Exists}, {key: y, operator: NotIn, values: [z]}]}}\n"
			"  inject: {nodeSelector: {a: b}}\n---\n"
			"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: b}\nspec:\n"
			"  order: 2\n  match: {}\n  onConflict: keep\n  inject: {runtimeClassName: nvidia}\n---\n"
			"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: c}\nspec:\n"
			"  order: 3\n  match: {}\n  inject: {tolerations: [{operator: Exists}]}\n");
	assert_int_equal(f.scope.rule_count, 3);
	assert_texts(&f.scope.rules[0].namespaces, "t u-*");
	assert_int_equal(f.scope.rules[0].label_count, 2);
	assert_true(f.scope.rules[0].denies);
	assert_false(f.scope.rules[1].denies);
	assert_int_equal(f.scope.rules[1].namespaces.count + f.scope.rules[1].label_count, 0);
	assert_false(f.scope.rules[2].denies);
	/* A Rule that may refuse Pods without accelerators counts as a Guard. */
	assert_true(f.scope.guards);
	release(&f);
}

static void test_reach_of_exemptions_by_name_only(void **state)
{
	(void)state;
	struct fixture f;
	load(&f, "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {exempt: {namespaces: [zoo, "
		 "'kube-*', ant, "
		 "zoo]}}\n---\n" VOID);
	assert_texts(&f.scope.exempt_namespaces, "ant zoo");
	assert_true(f.scope.voids);
	assert_texts(&f.scope.void_names, "NVIDIA_VISIBLE_DEVICES");
	release(&f);
}

/* --- Comparing --- */

/* Returns a new path secret with this text, or NULL for "". */
static struct path_secret *secret_of(const char *text)
{
	char file[] = "/tmp/gpugate-registration-XXXXXX";
	struct error err = {0};
	if (!*text)
		return NULL;
	int fd = mkstemp(file);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	struct path_secret *secret = path_secret_create(file, &err);
	assert_non_null(secret);
	unlink(file);
	return secret;
}

/*
 * Returns what a cluster has after `gpugate render | kubectl apply`, with the fields that its API
 * server adds.
 */
static json_t *installed(const struct fixture *f, bool mutating, bool cluster)
{
	const struct render_target target = {
	    .namespace = "gpugate", .cluster = cluster, .minor = 37, .service = "gpugate", .secret = "s"};
	json_t *object =
	    mutating ? render_mutating(&target, &f->scope) : render_validating(&target, &f->scope, f->policy);
	assert_non_null(object);
	json_object_set_new(json_object_get(object, "metadata"), "resourceVersion", json_string("7"));
	json_object_set_new(json_object_get(object, "metadata"), "labels", json_pack("{s:s}", "team", "platform"));
	return object;
}

static json_t *webhook(json_t *object, size_t i)
{
	json_t *found = json_array_get(json_object_get(object, "webhooks"), i);
	assert_non_null(found);
	return found;
}

/* Takes the object. Returns the result of registration_compare. */
static int compare(const struct fixture *f, bool mutating, bool cluster, json_t *object, char why[REGISTRATION_WHY_MAX])
{
	const struct registration registration = {
	    .policy = f->policy, .namespace = "gpugate", .cluster = cluster, .secret = secret_of("s")};
	char *text = json_dumps(object, JSON_COMPACT);
	struct error err = {0};
	int result = registration_compare(&registration, mutating, str_of(text), why, &err);
	assert_true((result < 0) == (err.text[0] != '\0'));
	free(text);
	json_decref(object);
	path_secret_destroy(registration.secret);
	return result;
}

static void test_what_was_applied_is_the_same(void **state)
{
	(void)state;
	static const char *const policies[] = {plain, ruled, guarded, voiding};
	char why[REGISTRATION_WHY_MAX];
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		struct fixture f;
		load(&f, policies[i]);
		for (int cluster = 0; cluster < 2; cluster++)
			for (int mutating = 0; mutating < 2; mutating++)
				assert_int_equal(compare(&f, mutating, cluster, installed(&f, mutating, cluster), why),
						 0);
		release(&f);
	}
}

static void test_the_operators_own_fields_do_not_count(void **state)
{
	(void)state;
	char why[REGISTRATION_WHY_MAX];
	struct fixture f;
	load(&f, voiding);
	json_t *object = installed(&f, false, true);
	json_object_set_new(webhook(object, 0), "timeoutSeconds", json_integer(3));
	json_object_set_new(webhook(object, 0), "clientConfig",
			    json_pack("{s:s}", "url", "https://elsewhere/validate/before/validate/s"));
	/* The same as an empty one. */
	json_object_del(webhook(object, 1), "objectSelector");
	json_object_del(webhook(object, 1), "matchPolicy");
	json_t *first = json_incref(webhook(object, 0));
	/* The order does not matter either. */
	json_array_remove(json_object_get(object, "webhooks"), 0);
	json_array_append_new(json_object_get(object, "webhooks"), first);
	assert_int_equal(compare(&f, false, true, object, why), 0);
	release(&f);
}

/* One field of one webhook, and what the message must name. */
static const struct {
	bool mutating;
	size_t webhook;
	const char *field, *value, *names[2];
} changes[] = {
    {false, 0, "failurePolicy", "\"Ignore\"", {"failurePolicy", "quota.gpugate.io"}},
    {false, 1, "failurePolicy", "\"Fail\"", {"failurePolicy", "guard.gpugate.io"}},
    {false, 0, "objectSelector", "{\"matchLabels\":{\"a\":\"b\"}}", {"objectSelector", "quota.gpugate.io"}},
    {false, 0, "namespaceSelector", "{}", {"namespaceSelector", "quota.gpugate.io"}},
    {false,
     0,
     "namespaceSelector",
     "{\"matchExpressions\":[{\"key\":\"kubernetes.io/"
     "metadata.name\",\"operator\":\"NotIn\",\"values\":[\"gpugate\",\"kube-"
     "system\",\"mine\"]}]}",
     {"namespaceSelector", "quota.gpugate.io"}},
    {false, 1, "matchConditions", "[]", {"matchConditions", "guard.gpugate.io"}},
    {false, 1, "rules", "[]", {"rules", "guard.gpugate.io"}},
    {false, 0, "sideEffects", "\"None\"", {"sideEffects", "quota.gpugate.io"}},
    {false, 0, "matchPolicy", "\"Exact\"", {"matchPolicy", "quota.gpugate.io"}},
    {false, 0, "name", "\"other.example\"", {"lacks", "quota.gpugate.io"}},
    {true, 0, "reinvocationPolicy", "\"Never\"", {"reinvocationPolicy", "mutate.gpugate.io"}},
    {true, 0, "reinvocationPolicy", "null", {"reinvocationPolicy", "mutate.gpugate.io"}},
};

static void test_every_difference_is_named(void **state)
{
	(void)state;
	char why[REGISTRATION_WHY_MAX];
	struct fixture f;
	load(&f, voiding);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		json_t *object = installed(&f, changes[i].mutating, true);
		json_object_set_new(webhook(object, changes[i].webhook), changes[i].field,
				    json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
		assert_int_equal(compare(&f, changes[i].mutating, true, object, why), 1);
		for (size_t n = 0; n < 2; n++)
			if (!strstr(why, changes[i].names[n]))
				fail_msg("\"%s\" does not name %s", why, changes[i].names[n]);
		assert_non_null(strstr(why, "gpugate render"));
	}
	release(&f);
}

static void test_another_policy_or_ledger_is_stale(void **state)
{
	(void)state;
	char why[REGISTRATION_WHY_MAX];
	struct fixture before, after;
	load(&before, plain);
	load(&after, ruled);
	assert_int_equal(compare(&after, true, true, installed(&before, true, true), why), 1);
	assert_non_null(strstr(why, "lacks webhook mutate.gpugate.io"));
	assert_int_equal(compare(&before, true, true, installed(&after, true, true), why), 1);
	assert_non_null(strstr(why, "mutate.gpugate.io that this policy does not need"));
	assert_int_equal(compare(&after, false, true, installed(&before, false, true), why), 0);
	assert_int_equal(compare(&after, false, false, installed(&after, false, true), why), 1);
	assert_non_null(strstr(why, "ledger.gpugate.io"));
	release(&after);
	load(&after, voiding);
	assert_int_equal(compare(&after, false, true, installed(&before, false, true), why), 1);
	assert_non_null(strstr(why, "lacks webhook guard.gpugate.io"));
	release(&before);
	load(&before, guarded);
	assert_int_equal(compare(&after, false, true, installed(&before, false, true), why), 1);
	assert_non_null(strstr(why, "matchConditions of webhook guard.gpugate.io"));
	release(&after);
	release(&before);
	load(&before, plain);
	load(&after, early);
	assert_true(!before.scope.early_answers && after.scope.early_answers);
	assert_int_equal(compare(&after, false, true, installed(&before, false, true), why), 1);
	assert_non_null(strstr(why, "lacks webhook early.gpugate.io"));
	assert_int_equal(compare(&before, false, true, installed(&after, false, true), why), 1);
	assert_non_null(strstr(why, "early.gpugate.io that this policy does not need"));
	release(&after);
	release(&before);
}

/*
 * A Service that is called at a wrong path makes a replica useless. The path of a URL may be
 * rewritten on the way, so that is only outdated.
 */
static void test_paths_are_those_that_are_answered(void **state)
{
	(void)state;
	static const struct {
		const char *secret, *field, *value;
		int state;
	} rows[] = {
	    {"s", "service", "{\"path\":\"/validate/s\"}", REGISTRATION_CURRENT},
	    {"s", "service", "{\"path\":\"/validate/wrong\"}", REGISTRATION_UNANSWERED},
	    {"s", "service", "{\"path\":\"/validate\"}", REGISTRATION_UNANSWERED},
	    {"s", "service", "{\"path\":\"/mutate/s\"}", REGISTRATION_UNANSWERED},
	    {"s", "service", "{}", REGISTRATION_UNANSWERED},
	    {"s", "url", "\"https://h/validate/s\"", REGISTRATION_CURRENT},
	    {"s", "url", "\"https://h/validate/wrong\"", REGISTRATION_STALE},
	    {"s", "url", "\"https://h\"", REGISTRATION_STALE},
	    {"", "service", "{\"path\":\"/validate\"}", REGISTRATION_CURRENT},
	    {"", "service", "{\"path\":\"/validate/s\"}", REGISTRATION_UNANSWERED},
	};
	struct fixture f;
	load(&f, plain);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char why[REGISTRATION_WHY_MAX] = "";
		struct error err = {0};
		json_t *object = installed(&f, false, true);
		json_object_set_new(
		    webhook(object, 0), "clientConfig",
		    json_pack("{s:o}", rows[i].field, json_loads(rows[i].value, JSON_DECODE_ANY, NULL)));
		char *text = json_dumps(object, JSON_COMPACT);
		const struct registration registration = {
		    .policy = f.policy, .namespace = "gpugate", .cluster = true, .secret = secret_of(rows[i].secret)};
		assert_int_equal(registration_compare(&registration, false, str_of(text), why, &err), rows[i].state);
		assert_true((strstr(why, "quota.gpugate.io") != NULL) == (rows[i].state != REGISTRATION_CURRENT));
		/* The path that is called is a secret. */
		assert_null(strstr(why, "wrong"));
		path_secret_destroy(registration.secret);
		free(text);
		json_decref(object);
	}
	release(&f);
}

/* Another difference in an earlier webhook does not hide it. */
static void test_an_unanswered_path_is_reported_first(void **state)
{
	(void)state;
	struct fixture f;
	char why[REGISTRATION_WHY_MAX] = "";
	struct error err = {0};
	load(&f, guarded);
	json_t *object = installed(&f, false, true);
	assert_true(json_array_size(json_object_get(object, "webhooks")) > 1);
	json_object_set_new(webhook(object, 0), "failurePolicy", json_string("Ignore"));
	json_object_set_new(webhook(object, 1), "clientConfig",
			    json_pack("{s:{s:s}}", "service", "path", "/validate/wrong"));
	char *text = json_dumps(object, JSON_COMPACT);
	const struct registration registration = {
	    .policy = f.policy, .namespace = "gpugate", .cluster = true, .secret = secret_of("s")};
	assert_int_equal(registration_compare(&registration, false, str_of(text), why, &err), REGISTRATION_UNANSWERED);
	assert_non_null(strstr(why, "is asked at a path that this replica does not answer"));
	path_secret_destroy(registration.secret);
	free(text);
	json_decref(object);
	release(&f);
}

static void test_the_failure_policy_may_be_given(void **state)
{
	(void)state;
	char why[REGISTRATION_WHY_MAX];
	struct error err = {0};
	struct fixture f;
	load(&f, guarded);
	struct registration registration = {
	    .policy = f.policy, .namespace = "gpugate", .cluster = true, .secret = secret_of("s")};
	json_t *object = installed(&f, false, true);
	json_object_set_new(webhook(object, 0), "failurePolicy", json_string("Ignore"));
	json_object_set_new(webhook(object, 1), "failurePolicy", json_string("Fail"));
	char *text = json_dumps(object, JSON_COMPACT);
	registration.quota_failure = "Ignore";
	assert_int_equal(registration_compare(&registration, false, str_of(text), why, &err), REGISTRATION_STALE);
	registration.guard_failure = "Fail";
	assert_int_equal(registration_compare(&registration, false, str_of(text), why, &err), REGISTRATION_CURRENT);
	registration.quota_failure = NULL;
	assert_int_equal(registration_compare(&registration, false, str_of(text), why, &err), REGISTRATION_STALE);
	path_secret_destroy(registration.secret);
	free(text);
	json_decref(object);
	release(&f);
}

static void test_what_cannot_be_read(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "", "{", "null", "[]x", "{\"kind\":\"MutatingWebhookConfiguration\"}", "{\"kind\":\"a\",\"kind\":\"b\"}"};
	char why[REGISTRATION_WHY_MAX];
	struct fixture f;
	load(&f, plain);
	const struct registration registration = {.policy = f.policy, .namespace = "gpugate", .cluster = true};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct error err = {0};
		assert_int_equal(registration_compare(&registration, false, str_of(texts[i]), why, &err), -1);
		assert_true(err.text[0] != '\0');
	}
	static const char *const odd[] = {"{}", "[]", "{\"webhooks\":7}", "{\"webhooks\":[7,null,{\"name\":3}]}"};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		struct error err = {0};
		assert_int_equal(registration_compare(&registration, false, str_of(odd[i]), why, &err), 1);
		assert_non_null(strstr(why, "lacks webhook quota.gpugate.io"));
	}
	struct error err = {0};
	assert_int_equal(
	    registration_compare(&registration, true, STR("{\"webhooks\":[{\"name\":\"a\\nb\\u0007\"}]}"), why, &err),
	    1);
	assert_non_null(strstr(why, "a?b?"));
	registration_missing(true, why);
	assert_non_null(strstr(why, "no MutatingWebhookConfiguration gpugate"));
	release(&f);
}

/* --- YAML --- */

static void test_yaml_quotes_what_could_be_taken_for_something_else(void **state)
{
	(void)state;
	static const struct {
		const char *json, *yaml;
	} rows[] = {
	    {"[{\"a\":\"true\"}]", "---\na: 'true'\n"},
	    {"[{\"a\":\"No\"}]", "---\na: 'No'\n"},
	    {"[{\"a\":\"12\"}]", "---\na: '12'\n"},
	    {"[{\"a\":\"1e3\"}]", "---\na: '1e3'\n"},
	    {"[{\"a\":\"\"}]", "---\na: ''\n"},
	    {"[{\"a\":\"*\"}]", "---\na: '*'\n"},
	    {"[{\"a\":\"x: y\"}]", "---\na: 'x: y'\n"},
	    {"[{\"a\":\"x #y\"}]", "---\na: 'x #y'\n"},
	    {"[{\"a\":\"it's\"}]", "---\na: 'it''s'\n"},
	    {"[{\"y\":\"v1.2-x/y\"}]", "---\n'y': v1.2-x/y\n"},
	    {"[{\"a\":true,\"b\":12,\"c\":null}]", "---\na: true\nb: 12\nc: null\n"},
	    {"[{\"a\":\"x\\ny\"}]", "---\na: |-\n  x\n  y\n"},
	    {"[{\"a\":[\"x\",\"z\"],\"b\":[],\"c\":{}}]", "---\na: [x, z]\nb: []\nc: {}\n"},
	    {"[{\"a\":[{\"b\":1}]},{\"c\":2}]", "---\na:\n- b: 1\n---\nc: 2\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error err = {0};
		struct buf out;
		json_t *documents = json_loads(rows[i].json, 0, NULL);
		buf_init(&out, 1 << 16);
		assert_int_equal(yaml_write(&out, documents, &err), 0);
		buf_char(&out, '\0');
		assert_string_equal(out.ptr, rows[i].yaml);
		buf_release(&out);
		/* No room. */
		buf_init(&out, 4);
		assert_int_equal(yaml_write(&out, documents, &err), -1);
		assert_true(err.text[0] != '\0');
		buf_release(&out);
		json_decref(documents);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reach_of_nothing),
	    cmocka_unit_test(test_reach_names_resources_once_and_sorted),
	    cmocka_unit_test(test_reach_of_rules_for_all_pods),
	    cmocka_unit_test(test_reach_of_exemptions_by_name_only),
	    cmocka_unit_test(test_what_was_applied_is_the_same),
	    cmocka_unit_test(test_the_operators_own_fields_do_not_count),
	    cmocka_unit_test(test_every_difference_is_named),
	    cmocka_unit_test(test_another_policy_or_ledger_is_stale),
	    cmocka_unit_test(test_paths_are_those_that_are_answered),
	    cmocka_unit_test(test_an_unanswered_path_is_reported_first),
	    cmocka_unit_test(test_the_failure_policy_may_be_given),
	    cmocka_unit_test(test_what_cannot_be_read),
	    cmocka_unit_test(test_yaml_quotes_what_could_be_taken_for_something_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
