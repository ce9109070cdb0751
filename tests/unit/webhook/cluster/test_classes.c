/*
 * test_classes: what the watch of DeviceClasses makes of lists and events, and when it passes that
 * on. tests/blackbox/test_extended_names.py has what follows for Pods.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#define POLICY                                                                                                         \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a}\n"                                     \
	"spec: {resource: nvidia.com/gpu, deviceClasses: [gpu]}\n---\n" TENANT("t", "{namespaces: [t]}")
#define PATH "/apis/resource.k8s.io/v1/deviceclasses"
#define OTHER_PATH "/apis/resource.k8s.io/v1beta2/deviceclasses"

/* More than 317 bytes, which no resource name has. */
#define FORTY "0123456789012345678901234567890123456789"
#define LONG FORTY FORTY FORTY FORTY FORTY FORTY FORTY FORTY

/* What was passed on last. */
struct taken {
	int tables, refuse; /* So many more are refused, as during a reload. */
	char text[300];
};

static int take_table(void *context, const struct device_classes *table)
{
	struct taken *taken = context;
	if (taken->refuse && taken->refuse--)
		return -1;
	size_t len = (size_t)snprintf(taken->text, sizeof taken->text, "%s", table->gap ? table->gap : "all");
	for (uint32_t i = 0; i < table->count && len < sizeof taken->text; i++)
		len += (size_t)snprintf(taken->text + len, sizeof taken->text - len, " %.*s=%.*s",
					STR_ARG(table->items[i].name), STR_ARG(table->items[i].resource));
	taken->tables++;
	return 0;
}

static void open_classes(struct fixture *f, struct taken *taken)
{
	open_fixture(f, POLICY);
	f->cluster.options.classes = take_table;
	f->cluster.options.classes_context = taken;
	classes_open(&f->cluster);
}

static void close_classes(struct fixture *f)
{
	classes_close(&f->cluster);
	close_fixture(f);
}

/* Passes an object to a callback; `resource` NULL: it has no such name. */
static void deliver(struct fixture *f, bool list, bool gone, const char *name, const char *resource)
{
	char json[700 + REVIEW_PADDING];
	int len = snprintf(
	    json, 700,
	    "{\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":\"2030-01-01T00:00:00Z\"},\"spec\":{%s%s%s"
	    "\"selectors\":[{\"cel\":{\"expression\":\"true\"}}]}}",
	    name, resource ? "\"extendedResourceName\":\"" : "", resource ? resource : "", resource ? "\"," : "");
	struct str text = {json, (size_t)len};
	if (list)
		classes_events.listed(&f->cluster, text);
	else
		classes_events.changed(&f->cluster, gone, text);
}

/* Ends the pause between two tables. */
static void end_pause(struct fixture *f)
{
	f->cluster.classes.passed_ms = 0;
}

/* Begins one that no test outlasts. */
static void begin_pause(struct fixture *f)
{
	f->cluster.classes.passed_ms = kube_now_ms() + 3600 * 1000;
}

static void assert_taken(struct fixture *f, const struct taken *taken, int tables, const char *text)
{
	end_pause(f);
	classes_tick(&f->cluster);
	begin_pause(f);
	assert_string_equal(taken->text, text);
	assert_int_equal(taken->tables, tables);
}

static void test_lists_and_events(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	open_classes(f, &taken);
	assert_true(classes_are_awaited(&f->cluster));
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "a", "x.com/a");
	deliver(f, true, false, "b", "x.com/b");
	deliver(f, true, false, "none", NULL);
	assert_true(classes_are_awaited(&f->cluster) && classes_are_incomplete(&f->cluster));
	classes_events.synced(&f->cluster, 1);
	assert_taken(f, &taken, 1, "all a=x.com/a b=x.com/b");
	assert_false(classes_are_awaited(&f->cluster) || classes_are_incomplete(&f->cluster));
	/* The same again, and classes that have no name, are no change. */
	deliver(f, false, false, "a", "x.com/a");
	deliver(f, false, false, "none", NULL);
	deliver(f, false, true, "never", "x.com/never");
	assert_taken(f, &taken, 1, "all a=x.com/a b=x.com/b");
	/* Changes of one tick are passed on together. */
	deliver(f, false, false, "c", "x.com/c");
	deliver(f, false, false, "b", "x.com/renamed");
	assert_taken(f, &taken, 2, "all a=x.com/a c=x.com/c b=x.com/renamed");
	deliver(f, false, true, "a", "x.com/a");
	deliver(f, false, false, "c", NULL);
	assert_taken(f, &taken, 3, "all b=x.com/renamed");
	/* The API server allows no such names. */
	deliver(f, false, false, "d", "cpu");
	deliver(f, false, false, "e", "kubernetes.io/e");
	assert_taken(f, &taken, 3, "all b=x.com/renamed");
	/* What a new list does not have is gone, but not before its end. */
	classes_events.begin(&f->cluster);
	assert_taken(f, &taken, 3, "all b=x.com/renamed");
	deliver(f, true, false, "z", "x.com/z");
	classes_events.begin(&f->cluster); /* It was interrupted. */
	deliver(f, true, false, "y", "x.com/y");
	classes_events.synced(&f->cluster, 2);
	assert_taken(f, &taken, 4, "all y=x.com/y");
	close_classes(f);
}

static void test_a_table_that_is_not_taken_is_passed_on_again(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {.refuse = 2};
	open_classes(f, &taken);
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "a", "x.com/a");
	classes_events.synced(&f->cluster, 1);
	classes_tick(&f->cluster);
	assert_int_equal(taken.tables, 0);
	assert_true(classes_are_awaited(&f->cluster));
	assert_taken(f, &taken, 1, "all a=x.com/a");
	assert_false(classes_are_awaited(&f->cluster));
	close_classes(f);
}

/* Each table charges all Pods again, so that one who writes classes cannot keep that busy. */
static void test_a_pause_between_tables(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	open_classes(f, &taken);
	begin_pause(f);
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "a", "x.com/a");
	classes_tick(&f->cluster);
	assert_int_equal(taken.tables, 0);
	classes_events.synced(&f->cluster, 1); /* A replica waits for this one. */
	assert_int_equal(taken.tables, 1);
	begin_pause(f);
	deliver(f, false, false, "b", "x.com/b");
	classes_tick(&f->cluster);
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "c", "x.com/c");
	classes_events.synced(&f->cluster, 2);
	classes_events.list_failed(&f->cluster, 403, "it is forbidden");
	classes_serve(&f->cluster, NULL);
	classes_tick(&f->cluster);
	assert_int_equal(taken.tables, 1);
	assert_taken(f, &taken, 2, "all");
	close_classes(f);
}

static void test_a_right_that_is_missing(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	open_classes(f, &taken);
	classes_serve(&f->cluster, PATH);
	classes_events.list_failed(&f->cluster, 500, "it is broken");
	assert_true(classes_are_awaited(&f->cluster));
	classes_events.list_failed(&f->cluster, 403, "it is forbidden");
	classes_events.list_failed(&f->cluster, 403, "it is forbidden");
	assert_false(classes_are_awaited(&f->cluster));
	assert_true(classes_are_incomplete(&f->cluster));
	assert_taken(f, &taken, 1, "gpugate needs the rights list and watch of deviceclasses (resource.k8s.io)");
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "a", "x.com/a");
	classes_events.synced(&f->cluster, 1);
	assert_taken(f, &taken, 2, "all a=x.com/a");
	/* It was taken away again: what is known stays. */
	classes_events.list_failed(&f->cluster, 403, "it is forbidden");
	assert_taken(f, &taken, 3,
		     "gpugate needs the rights list and watch of deviceclasses (resource.k8s.io) a=x.com/a");
	close_classes(f);
}

/* The group is served without them, which can last. */
static void test_a_resource_that_is_missing(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	open_classes(f, &taken);
	classes_events.list_failed(&f->cluster, 404, "it is not there");
	assert_true(classes_are_awaited(&f->cluster)); /* Nobody has said yet where they are. */
	classes_serve(&f->cluster, PATH);
	classes_events.list_failed(&f->cluster, 404, "it is not there");
	assert_false(classes_are_awaited(&f->cluster));
	assert_taken(f, &taken, 1, "the API server does not serve deviceclasses, although it serves resource.k8s.io");
	/* The group is gone as well: there are none. */
	classes_serve(&f->cluster, NULL);
	classes_events.list_failed(&f->cluster, 404, "it is not there");
	assert_taken(f, &taken, 2, "all");
	close_classes(f);
}

static void test_where_they_are_served(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	open_classes(f, &taken);
	const struct kube_watch *watch = f->cluster.watches[WATCH_CLASSES];
	classes_tick(&f->cluster);
	assert_false(f->cluster.classes.started);
	classes_serve(&f->cluster, NULL); /* There are none. */
	assert_false(f->cluster.classes.started || classes_are_awaited(&f->cluster));
	assert_taken(f, &taken, 1, "all");
	classes_serve(&f->cluster, PATH);
	/* They are there after all, so nothing is known before the first list. */
	assert_true(f->cluster.classes.started && classes_are_awaited(&f->cluster));
	assert_taken(f, &taken, 2, LEDGER_CLASSES_UNLISTED);
	assert_string_equal(watch->options.path, PATH);
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "a", "x.com/a");
	classes_events.synced(&f->cluster, 1);
	classes_serve(&f->cluster, OTHER_PATH);
	assert_string_equal(watch->options.path, OTHER_PATH);
	assert_taken(f, &taken, 3, "all a=x.com/a");
	assert_false(classes_are_awaited(&f->cluster));
	classes_serve(&f->cluster, NULL);
	assert_taken(f, &taken, 4, "all");
	/* The group returns: a list is needed, as for claims. */
	f->cluster.watches[WATCH_CLASSES]->version = 7;
	classes_serve(&f->cluster, PATH);
	assert_int_equal(watch->version, 0);
	assert_true(classes_are_awaited(&f->cluster));
	assert_taken(f, &taken, 5, LEDGER_CLASSES_UNLISTED);
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "a", "x.com/a");
	classes_events.synced(&f->cluster, 3);
	assert_taken(f, &taken, 6, "all a=x.com/a");
	close_classes(f);
}

/* One that cannot be read may be deleted, while it is listed or later. */
static void test_an_unreadable_class_is_deleted(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	open_classes(f, &taken);
	struct kube_watch *watch = f->cluster.watches[WATCH_CLASSES];
	for (int turn = 0; turn < 2; turn++) {
		classes_events.begin(&f->cluster);
		deliver(f, true, false, "odd", "x.com/" LONG);
		if (turn == 0)
			classes_events.synced(&f->cluster, 1);
		classes_tick(&f->cluster);
		assert_true(turn == 1 || classes_are_incomplete(&f->cluster));
		watch->version = 7;
		deliver(f, false, true, "odd", "x.com/" LONG);
		assert_int_equal(watch->version, 0);
		classes_events.begin(&f->cluster);
		classes_events.synced(&f->cluster, 2);
		assert_taken(f, &taken, 2 + turn, "all");
	}
	close_classes(f);
}

static void test_a_full_table(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {0};
	char name[20], resource[30];
	open_classes(f, &taken);
	classes_events.begin(&f->cluster);
	for (int i = 0; i <= DEVICE_CLASSES_MAX; i++) {
		snprintf(name, sizeof name, "c%d", i);
		snprintf(resource, sizeof resource, "x.com/c%d", i);
		deliver(f, true, false, name, resource);
	}
	classes_events.synced(&f->cluster, 1);
	assert_int_equal(f->cluster.classes.count, DEVICE_CLASSES_MAX);
	assert_true(classes_are_incomplete(&f->cluster) && !classes_are_awaited(&f->cluster));
	assert_non_null(strstr(taken.text, "the cluster has more than 1024 DeviceClasses"));
	/* A list of what there is now ends that. */
	classes_events.begin(&f->cluster);
	deliver(f, true, false, "c7", "x.com/c7");
	classes_events.synced(&f->cluster, 2);
	assert_taken(f, &taken, 2, "all c7=x.com/c7");
	close_classes(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists_and_events),
	    TEST(test_a_table_that_is_not_taken_is_passed_on_again),
	    TEST(test_a_pause_between_tables),
	    TEST(test_a_right_that_is_missing),
	    TEST(test_a_resource_that_is_missing),
	    TEST(test_where_they_are_served),
	    TEST(test_an_unreadable_class_is_deleted),
	    TEST(test_a_full_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
