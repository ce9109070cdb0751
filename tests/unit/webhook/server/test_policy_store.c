/*
 * test_policy_store: tests webhook/server/policy_store.c: reloads, rejected policies, hooks, and
 * concurrent readers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "webhook/server/policy_store.h"

#define TENANT                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: %s}\nspec:\n  namespaces: [%s]\n"                   \
	"  quotas:\n  - {name: whole, resources: [nvidia.com/gpu], hard: 4}\n"
#define ACCELERATOR                                                                                                    \
	"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\nspec:\n"                                \
	"  resource: nvidia.com/gpu\n  memory: 80Gi\n---\n"
#define COMMIT "1111111111111111111111111111111111111111"

static char root[64];
static const char *const paths[] = {root};
static int hook_result, hook_calls;

static int set_up(void **state)
{
	snprintf(root, sizeof root, "/tmp/gpugate-store-XXXXXX");
	(void)state;
	hook_result = hook_calls = 0;
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_tenant(const char *name)
{
	char text[1024];
	snprintf(text, sizeof text, ACCELERATOR TENANT, name, name);
	put("policy.yaml", text);
}

static struct policy_store *new_store(void)
{
	struct report report;
	struct error err = {0};
	report_init(&report);
	struct policy_store *store = policy_store_create(paths, 1, NULL, &report, &err);
	if (!store) {
		struct buf text;
		buf_init(&text, 1 << 16);
		report_print(&report, false, &text);
		fail_msg("%.*s%s", (int)text.len, text.ptr, err.text);
	}
	report_release(&report);
	return store;
}

static struct policy_state state_of(struct policy_store *store)
{
	struct policy_state state;
	policy_store_state(store, &state);
	return state;
}

static int on_change(void *context, const struct policy *policy)
{
	assert_non_null(policy);
	assert_non_null(context);
	hook_calls++;
	return hook_result;
}

static void test_reload(void **state)
{
	(void)state;
	put_tenant("team-a");
	struct policy_store *store = new_store();
	policy_store_hook(store, on_change, store);
	assert_int_equal(state_of(store).generation, 1);
	const struct policy *first = policy_store_get(store);

	policy_store_reload(store); /* nothing changed */
	assert_int_equal(state_of(store).generation, 1);
	assert_int_equal(hook_calls, 0);

	put_tenant("team-b");
	policy_store_reload(store);
	assert_int_equal(state_of(store).generation, 2);
	assert_int_equal(hook_calls, 1);
	const struct policy *second = policy_store_get(store);
	assert_ptr_not_equal(first, second);
	struct policy_counts counts;
	/* Still intact. */
	policy_counts(first, &counts);
	assert_int_equal(counts.tenants, 1);
	policy_release(first);
	policy_release(second);
	policy_store_destroy(store);
	policy_store_destroy(NULL);
}

static void test_bad_policy_changes_nothing(void **state)
{
	(void)state;
	put_tenant("team-a");
	struct policy_store *store = new_store();
	const struct policy *before = policy_store_get(store);
	put("policy.yaml", "apiVersion: gpugate.io/v1\nkind: Tenent\n");
	policy_store_reload(store);
	const struct policy *after = policy_store_get(store);
	assert_ptr_equal(before, after);
	assert_int_equal(state_of(store).rejected, 1);
	assert_int_equal(state_of(store).failures, 1);
	put_tenant("team-a"); /* as it was */
	policy_store_reload(store);
	assert_int_equal(state_of(store).rejected, 0);
	assert_int_equal(state_of(store).generation, 1);
	policy_release(before);
	policy_release(after);
	policy_store_destroy(store);
}

static void test_hook_refuses(void **state)
{
	(void)state;
	put_tenant("team-a");
	struct policy_store *store = new_store();
	policy_store_hook(store, on_change, store);
	hook_result = -1;
	put_tenant("team-b");
	policy_store_reload(store);
	assert_int_equal(state_of(store).generation, 1);
	assert_int_equal(state_of(store).failures, 1);
	hook_result = 0;
	policy_store_reload(store);
	assert_int_equal(state_of(store).generation, 2);
	policy_store_destroy(store);
}

/* The last notification, and their number. */
struct told {
	int times;
	bool accepted;
	char message[1024];
};

static void on_told(void *context, bool accepted, const char *message)
{
	struct told *told = context;
	told->times++;
	told->accepted = accepted;
	snprintf(told->message, sizeof told->message, "%s", message);
}

static void test_reloads_are_reported(void **state)
{
	(void)state;
	struct told told = {0};
	put_tenant("team-a");
	struct policy_store *store = new_store();
	policy_store_notify(store, on_told, &told);
	policy_store_reload(store);
	/* Nothing changed. */
	assert_int_equal(told.times, 0);
	put_tenant("team-b");
	policy_store_reload(store);
	assert_true(told.times == 1 && told.accepted);
	assert_string_equal(told.message, "a new policy is in force: generation 2");
	put("policy.yaml", "apiVersion: gpugate.io/v1\nkind: Tenent\n");
	policy_store_reload(store);
	assert_true(told.times == 2 && !told.accepted);
	assert_non_null(strstr(told.message, "the last good policy decides: 1 error, the first at "));
	assert_non_null(strstr(told.message, "policy.yaml:2: unknown kind \"Tenent\""));
	policy_store_hook(store, on_change, store);
	hook_result = -1;
	put_tenant("team-c");
	policy_store_reload(store);
	assert_true(told.times == 3 && !told.accepted);
	assert_non_null(strstr(told.message, "not enough memory"));
	policy_store_destroy(store);
}

static void test_bad_start(void **state)
{
	(void)state;
	struct report report;
	struct error err = {0};
	put("policy.yaml", "kind: [\n");
	report_init(&report);
	assert_null(policy_store_create(paths, 1, NULL, &report, &err));
	assert_true(report.errors > 0);
	report_release(&report);
}

static void test_commit(void **state)
{
	(void)state;
	char folder[128];
	put_tenant("team-a");
	struct policy_store *store = new_store();
	snprintf(folder, sizeof folder, "mkdir %s/.git", root);
	assert_int_equal(system(folder), 0);
	put(".git/HEAD", COMMIT "\n");
	policy_store_reload(store); /* the same policy at another commit */
	assert_int_equal(state_of(store).generation, 1);
	struct buf out;
	buf_init(&out, 1 << 20);
	policy_store_metrics_render(store, &out);
	buf_char(&out, '\0');
	assert_non_null(strstr(out.ptr, "gpugate_policy_info{commit=\"" COMMIT "\",digest=\""));
	buf_release(&out);
	policy_store_destroy(store);
}

static atomic_bool stop_readers;

static void *run_reader(void *store)
{
	while (!atomic_load(&stop_readers)) {
		const struct policy *policy = policy_store_get(store);
		struct policy_counts counts;
		policy_counts(policy, &counts);
		assert_int_equal(counts.tenants, 1);
		policy_release(policy);
	}
	return NULL;
}

static void test_readers_and_reloads(void **state)
{
	(void)state;
	put_tenant("team-a");
	struct policy_store *store = new_store();
	pthread_t readers[3];
	atomic_store(&stop_readers, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, run_reader, store), 0);
	for (int i = 0; i < 30; i++) {
		put_tenant(i % 2 ? "team-a" : "team-b");
		policy_store_reload(store);
	}
	atomic_store(&stop_readers, true);
	for (int i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(state_of(store).generation, 31);
	policy_store_destroy(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_reload),
	    TEST(test_bad_policy_changes_nothing),
	    TEST(test_hook_refuses),
	    TEST(test_reloads_are_reported),
	    TEST(test_bad_start),
	    TEST(test_commit),
	    TEST(test_readers_and_reloads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
