/*
 * test_namespaces: tests what namespaces hold, as /metrics shows it (exact, bounded, and by the
 * policy in force), and which quotas have changed.
 */
#include "tests/unit/policy_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "gpugate/consumer.h"
#include "gpugate/pod.h"
#include "webhook/usage/namespaces.h"

static const char teams[] = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\n"
			    "spec: {quotas: [{name: all, hard: unlimited}]}\n---\n"
			    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: team}\n"
			    "spec: {parent: org, namespaces: ['team-*'], quotas: [{name: q, hard: unlimited}]}\n";

/* Another quota comes first. Rows are identified by the position of a quota in its policy. */
static const char changed[] = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: team}\n"
			      "spec: {namespaces: ['team-*'], quotas: [{name: a, resources: [amd.com/gpu], hard: 1}, "
			      "{name: q, hard: unlimited}]}\n";

struct fixture {
	pthread_mutex_t mutex;
	struct ledger *ledger;
	struct buf out;
};

static void set_up(struct fixture *f)
{
	struct error err = {0};
	struct policy *policy = fixture_policy(teams, NULL, 0);
	assert_non_null(policy);
	*f = (struct fixture){.ledger = ledger_create(&(struct ledger_options){.policy = policy}, &err)};
	policy_release(policy);
	assert_non_null(f->ledger);
	pthread_mutex_init(&f->mutex, NULL);
	buf_init(&f->out, 16 << 20);
}

static void tear_down(struct fixture *f)
{
	buf_release(&f->out);
	ledger_destroy(f->ledger);
	pthread_mutex_destroy(&f->mutex);
}

static void hold(struct fixture *f, const char *namespace, int pod, int64_t devices)
{
	char uid[64];
	snprintf(uid, sizeof uid, "%s/%d", namespace, pod);
	struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = devices};
	struct consumer consumer = {.uid = str_of(uid),
				    .namespace = str_of(namespace),
				    .name = STR("p"),
				    .requests = &resource_request,
				    .request_count = 1};
	struct arena arena;
	struct ledger_verdict verdict;
	arena_init(&arena, 4096, 1 << 20);
	ledger_decide(f->ledger, &consumer, LEDGER_HOLD, 0, &arena, NULL, &verdict);
	assert_int_equal(verdict.outcome, LEDGER_ADMITTED);
	ledger_hold(f->ledger, consumer.uid);
	arena_release(&arena);
}

static const char *printed(struct fixture *f)
{
	buf_reset(&f->out);
	ledger_namespaces_print(f->ledger, &f->mutex, &f->out);
	buf_char(&f->out, '\0');
	assert_false(f->out.failed);
	return f->out.ptr;
}

static void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line %s in:\n%s", line, text);
}

static size_t count(const char *text, const char *what)
{
	size_t times = 0;
	while ((text = strstr(text, what))) {
		times++;
		text += strlen(what);
	}
	return times;
}

static void test_sums(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	assert_null(strstr(printed(&f), "\ngpugate_namespace_held{"));
	hold(&f, "team-a", 1, 2);
	hold(&f, "team-a", 2, 3);
	hold(&f, "team-b", 1, 1);
	const char *text = printed(&f);
	assert_line(text,
		    "gpugate_namespace_held{tenant=\"org\",quota=\"all\",measure=\"count\",namespace=\"team-a\"} 5\n");
	assert_line(text,
		    "gpugate_namespace_held{tenant=\"team\",quota=\"q\",measure=\"count\",namespace=\"team-a\"} 5\n");
	assert_line(text,
		    "gpugate_namespace_held{tenant=\"team\",quota=\"q\",measure=\"count\",namespace=\"team-b\"} 1\n");
	assert_int_equal(count(text, "\ngpugate_namespace_held{"), 4);
	assert_true(ledger_free(f.ledger, STR("team-b/1")));
	assert_int_equal(count(printed(&f), "\ngpugate_namespace_held{"), 2);
	tear_down(&f);
}

static void test_policy_changes(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	hold(&f, "team-a", 1, 2);
	printed(&f);
	struct policy *next = fixture_policy(changed, NULL, 0);
	assert_int_equal(ledger_rebase(f.ledger, next), 0);
	policy_release(next);
	const char *text = printed(&f);
	assert_line(text,
		    "gpugate_namespace_held{tenant=\"team\",quota=\"q\",measure=\"count\",namespace=\"team-a\"} 2\n");
	assert_int_equal(count(text, "\ngpugate_namespace_held{"), 1);
	tear_down(&f);
}

/* The largest namespaces have their own rows, and the sum is complete. */
static void test_bound(void **state)
{
	(void)state;
	struct fixture f;
	char namespace[32];
	set_up(&f);
	for (int i = 0; i < LEDGER_NAMESPACES_MAX + 5; i++) {
		snprintf(namespace, sizeof namespace, "team-%04d", i);
		hold(&f, namespace, 1, i < 5 ? 1 : 2);
	}
	const char *text = printed(&f);
	assert_int_equal(count(text, "\ngpugate_namespace_held{tenant=\"team\""), LEDGER_NAMESPACES_MAX + 1);
	assert_line(text, "gpugate_namespace_held{tenant=\"team\",quota=\"q\",measure=\"count\",namespace=\"\"} 5\n");
	assert_line(text, "gpugate_namespace_held{tenant=\"org\",quota=\"all\",measure=\"count\",namespace=\"\"} 5\n");
	tear_down(&f);
}

struct churn {
	struct fixture *f;
	atomic_bool over;
	unsigned rebases;
};

static void *churn(void *context)
{
	struct churn *churn = context;
	for (const char *texts[] = {changed, teams}; !churn->over;) {
		struct policy *next = fixture_policy(texts[churn->rebases % 2], NULL, 0);
		pthread_mutex_lock(&churn->f->mutex);
		churn->rebases += ledger_rebase(churn->f->ledger, next) == 0;
		pthread_mutex_unlock(&churn->f->mutex);
		policy_release(next);
	}
	return NULL;
}

/* Each output is of one policy, never a mixture of rows from two. */
static void test_a_policy_that_changes_meanwhile(void **state)
{
	(void)state;
	struct fixture f;
	pthread_t thread;
	set_up(&f);
	hold(&f, "team-a", 1, 2);
	struct churn with = {.f = &f};
	assert_int_equal(pthread_create(&thread, NULL, churn, &with), 0);
	for (int i = 0; i < 2000; i++) {
		const char *text = printed(&f);
		size_t orgs = count(text, "{tenant=\"org\",quota=\"all\",measure=\"count\",namespace=\"team-a\"} 2\n");
		size_t teams_too =
		    count(text, "{tenant=\"team\",quota=\"q\",measure=\"count\",namespace=\"team-a\"} 2\n");
		assert_int_equal(teams_too, 1);
		assert_true(orgs <= 1);
		assert_int_equal(count(text, "\ngpugate_namespace_held{"), 1 + orgs);
	}
	with.over = true;
	pthread_join(thread, NULL);
	tear_down(&f);
}

/* --- Changes --- */

static const char *changes(struct fixture *f)
{
	static char names[256];
	uint32_t quota;
	names[0] = '\0';
	while (ledger_take_changed(f->ledger, &quota)) {
		struct quota_view view;
		policy_quota(ledger_policy(f->ledger), quota, &view);
		snprintf(names + strlen(names), sizeof names - strlen(names), "%.*s.%.*s ", STR_ARG(view.tenant),
			 STR_ARG(view.name));
	}
	return names;
}

static const char others[] =
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
    "spec: {namespaces: [a], quotas: [{name: q, hard: 9}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\n"
    "spec: {namespaces: [b], quotas: [{name: q, hard: 9}, {name: other, resources: [amd.com/gpu], "
    "hard: 9}]}\n";

static void see(struct fixture *f, const char *uid, bool gone, uint64_t version)
{
	struct arena arena;
	struct pod pod;
	struct error err = {0};
	char json[1024 + REVIEW_PADDING] = "";
	int len = snprintf(json, 1024,
			   "{\"metadata\":{\"name\":\"p\",\"namespace\":\"b\",\"uid\":\"%s\"},\"spec\":{\"containers\":"
			   "[{\"name\":\"c\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]}}",
			   uid);
	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(review_read_pod(json, (size_t)len, &arena, &pod, &err), 0);
	assert_true(ledger_see(f->ledger, &pod, version, gone, 0) >= 0);
	arena_release(&arena);
}

/* The list contains the quotas to publish again, each once, and nothing else. */
static void test_what_has_changed(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	struct policy *next = fixture_policy(others, NULL, 0);
	assert_int_equal(ledger_rebase(f.ledger, next), 0);
	assert_string_equal(changes(&f), "");
	hold(&f, "b", 1, 1);
	hold(&f, "a", 1, 1);
	hold(&f, "b", 2, 1);
	assert_string_equal(changes(&f), "b.q a.q ");
	see(&f, "seen", false, 10);
	assert_string_equal(changes(&f), "b.q ");
	/* Nothing that counts is different. */
	see(&f, "seen", false, 11);
	ledger_tick(f.ledger, 100);
	ledger_reach(f.ledger, CONSUMER_POD, 20);
	assert_string_equal(changes(&f), "");
	see(&f, "seen", true, 21);
	see(&f, "never", true, 22);
	assert_string_equal(changes(&f), "b.q ");
	assert_int_equal(ledger_rebase(f.ledger, next), 0);
	/* Already on the list of the new policy. */
	hold(&f, "a", 2, 1);
	assert_int_equal(count(changes(&f), "a.q"), 1);
	assert_true(ledger_check(f.ledger));
	policy_release(next);
	tear_down(&f);
}

/* Loading a copy with the same Pods again changes nothing. */
static void test_a_copy_that_is_the_same(void **state)
{
	(void)state;
	struct fixture f;
	struct buf text;
	struct error err = {0};
	struct arena arena;
	struct ledger_verdict verdict;
	struct ledger_versions versions;
	set_up(&f);
	buf_init(&text, 1 << 20);
	arena_init(&arena, 4096, 1 << 20);
	struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 1};
	struct consumer consumer = {.uid = STR("4c9d8a3c-0001-4a63-9c2f-0123456789ab"),
				    .namespace = STR("team-a"),
				    .name = STR("p"),
				    .requests = &resource_request,
				    .request_count = 1};
	ledger_decide(f.ledger, &consumer, LEDGER_HOLD, 0, &arena, NULL, &verdict);
	assert_int_equal(verdict.outcome, LEDGER_ADMITTED);
	assert_string_equal(changes(&f), "team.q org.all ");
	ledger_encode(f.ledger, 0, &text, &versions);
	ledger_resolve(f.ledger);
	assert_int_equal(ledger_load(f.ledger, versions, buf_view(&text), 0, &err), 0);
	changes(&f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ledger_load(f.ledger, versions, buf_view(&text), 0, &err), 0);
		assert_string_equal(changes(&f), "");
	}
	assert_true(ledger_check(f.ledger));
	buf_release(&text);
	arena_release(&arena);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sums),
	    cmocka_unit_test(test_policy_changes),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_a_policy_that_changes_meanwhile),
	    cmocka_unit_test(test_what_has_changed),
	    cmocka_unit_test(test_a_copy_that_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
