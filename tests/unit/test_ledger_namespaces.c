/* What namespaces hold, as /metrics shows it: exact, bounded, and of the policy in force. */
#include "policy_fixture.h"

#include "webhook/ledger_namespaces.h"

static const char teams[] = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\n"
			    "spec: {quotas: [{name: all, hard: unlimited}]}\n---\n"
			    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: team}\n"
			    "spec: {parent: org, namespaces: ['team-*'], quotas: [{name: q, hard: unlimited}]}\n";

/* Another quota comes first: rows are told apart by a quota's place in its policy. */
static const char changed[] = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: team}\n"
			      "spec: {namespaces: ['team-*'], quotas: [{name: a, resources: [amd.com/gpu], hard: 1}, "
			      "{name: q, hard: unlimited}]}\n";

struct fixture {
	pthread_mutex_t mutex;
	struct ledger *ledger;
	struct ledger_namespaces namespaces;
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
	assert_int_equal(ledger_namespaces_open(&f->namespaces, &err), 0);
	buf_init(&f->out, 16 << 20);
}

static void tear_down(struct fixture *f)
{
	buf_release(&f->out);
	ledger_namespaces_close(&f->namespaces);
	ledger_destroy(f->ledger);
	pthread_mutex_destroy(&f->mutex);
}

static void hold(struct fixture *f, const char *namespace, int pod, int64_t devices)
{
	char uid[64];
	snprintf(uid, sizeof uid, "%s/%d", namespace, pod);
	struct demand demand = {STR("nvidia.com/gpu"), devices};
	struct holding holding = {.uid = str_of(uid),
				  .namespace = str_of(namespace),
				  .name = STR("p"),
				  .demands = &demand,
				  .demand_count = 1};
	struct arena arena;
	struct ledger_verdict verdict;
	arena_init(&arena, 4096, 1 << 20);
	ledger_decide(f->ledger, &holding, LEDGER_HOLD, 0, &arena, &verdict);
	assert_int_equal(verdict.answer, LEDGER_ADMITTED);
	ledger_hold(f->ledger, holding.uid);
	arena_release(&arena);
}

static const char *printed(struct fixture *f)
{
	buf_reset(&f->out);
	f->namespaces.again_ms = 0; /* a slow machine's pause is not what is tested here */
	ledger_namespaces_print(&f->namespaces, f->ledger, &f->mutex, &f->out);
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

/* The largest have rows of their own, and nothing is lost from the sum. */
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

/* Until the pause is over, the lock of the ledger is not even taken. */
static void test_pause(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	hold(&f, "team-a", 1, 2);
	printed(&f);
	hold(&f, "team-a", 2, 2);
	f.namespaces.again_ms = INT64_MAX;
	buf_reset(&f.out);
	pthread_mutex_lock(&f.mutex);
	ledger_namespaces_print(&f.namespaces, f.ledger, &f.mutex, &f.out);
	pthread_mutex_unlock(&f.mutex);
	buf_char(&f.out, '\0');
	assert_line(f.out.ptr, "namespace=\"team-a\"} 2\n");
	assert_line(printed(&f), "namespace=\"team-a\"} 4\n");
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_policy_changes),
					   cmocka_unit_test(test_bound), cmocka_unit_test(test_pause)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
