/*
 * test_class_map: resource names that DeviceClasses of the cluster give to their devices. They
 * count like the classes, unless the policy itself says what they are.
 */
#include "tests/unit/policy_fixture.h"

#include <pthread.h>
#include <sched.h>

#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/device_classes.h"
#include "gpugate/quota.h"
#include "policy/model/snapshot.h"

#define DOC(kind, name, spec)                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec "\n"
#define CLASS "deviceclass.resource.kubernetes.io/"
#define FLEET                                                                                                          \
	DOC("Accelerator", "big", "{resource: nvidia.com/gpu, memory: 80Gi, weight: 2, deviceClasses: [big]}")         \
	DOC("Accelerator", "small", "{resource: example.com/own, memory: 16Gi, weight: 0.5, deviceClasses: [small]}")
#define TENANT DOC("Tenant", "a", "{namespaces: [a], quotas: [{name: g, measure: gpus, hard: 6}, {name: c, hard: 5}]}")
#define SETTINGS(spec) DOC("Settings", "s", spec)
#define OTHER SETTINGS("{otherResources: [example.com/nic*, example.com/named, " CLASS "nic]}")

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct policy *with(const struct policy *policy, const struct device_class *items, size_t count,
				 const char *gap)
{
	const struct device_classes classes = {items, (uint32_t)count, gap};
	const struct policy *made = policy_with_classes(policy, &classes);
	assert_non_null(made);
	return made;
}

static void assert_class(const struct policy *policy, const char *name, const char *class)
{
	struct str found = policy_class_of(policy, str_of(name));
	if (!str_eq(found, str_of(class)) || str_present(found) != (*class != '\0'))
		fail_msg("%s counts as \"%.*s\" and not as \"%s\"", name, STR_ARG(found), class);
}

static void test_the_newest_class_has_the_name(void **state)
{
	struct policy *policy = fixture_policy(FLEET TENANT, NULL, 0);
	(void)state;
	struct device_class table[] = {
	    {STR("small"), STR("example.com/gpu"), 2000}, {STR("big"), STR("example.com/gpu"), 3000},
	    {STR("x"), STR("example.com/gpu"), 1000},     {STR("small"), STR("example.com/tie"), 7},
	    {STR("big"), STR("example.com/tie"), 7},      {STR("small"), STR("example.com/one"), 0},
	};
	for (int turn = 0; turn < 2; turn++) {
		const struct policy *made = with(policy, table, COUNT(table), NULL);
		assert_class(made, "example.com/gpu", "big");
		assert_class(made, "example.com/tie", "big");
		assert_class(made, "example.com/one", "small");
		assert_class(made, "example.com/none", "");
		policy_release(made);
		for (size_t i = 0; i < COUNT(table) / 2; i++) { /* Whatever their order. */
			struct device_class other = table[COUNT(table) - 1 - i];
			table[COUNT(table) - 1 - i] = table[i];
			table[i] = other;
		}
	}
	policy_release(policy);
}

/* A policy with other classes replaces them, and the one that was loaded lives as long as it. */
static void test_classes_are_replaced(void **state)
{
	struct policy *policy = fixture_policy(FLEET TENANT, NULL, 0);
	(void)state;
	const struct device_class before[] = {{STR("big"), STR("example.com/gpu"), 1},
					      {STR("small"), STR("example.com/two"), 1}};
	const struct device_class renamed[] = {{STR("big"), STR("example.com/new"), 1}};
	const struct policy *first = with(policy, before, 2, NULL), *second = with(first, renamed, 1, NULL);
	policy_release(policy);
	assert_class(first, "example.com/gpu", "big");
	policy_release(first);
	assert_class(second, "example.com/gpu", "");
	assert_class(second, "example.com/two", "");
	assert_class(second, "example.com/new", "big");
	const struct policy *none = with(second, NULL, 0, NULL);
	policy_release(second);
	assert_class(none, "example.com/new", "");
	assert_true(snapshot_role(none, STR("example.com/new")) == ROLE_UNKNOWN);
	policy_release(none);
}

/* Pods need not be charged again for a class that is none by any name. */
static void test_classes_that_change_nothing(void **state)
{
	struct policy *policy = fixture_policy(FLEET TENANT, NULL, 0);
	(void)state;
	const struct {
		struct device_class items[2];
		size_t count;
		const char *gap;
		bool same;
	} rows[] = {
	    {{{STR("big"), STR("example.com/gpu"), 9}}, 1, NULL, true},
	    {{{STR("small"), STR("example.com/gpu"), 4}, {STR("big"), STR("example.com/gpu"), 5}}, 2, NULL, true},
	    {{{STR("small"), STR("example.com/gpu"), 6}, {STR("big"), STR("example.com/gpu"), 5}}, 2, NULL, false},
	    {{{STR("small"), STR("example.com/new"), 4}, {STR("big"), STR("example.com/gpu"), 5}}, 2, NULL, false},
	    {{{STR("big"), STR("example.com/new"), 5}}, 1, NULL, false},
	    {{{STR("big"), STR("example.com/gpu"), 5}}, 1, "one was not read", false},
	    {{{STR(""), STR(""), 0}}, 0, NULL, false},
	};
	const struct device_class row = {STR("big"), STR("example.com/gpu"), 5};
	const struct policy *before = with(policy, &row, 1, NULL);
	assert_false(policy_classes_equal(policy, before));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct policy *after = with(before, rows[i].items, rows[i].count, rows[i].gap);
		if (policy_classes_equal(before, after) != rows[i].same ||
		    policy_classes_equal(after, before) != rows[i].same)
			fail_msg("row %zu", i);
		policy_release(after);
	}
	const struct policy *none = with(policy, NULL, 0, NULL);
	assert_true(policy_classes_equal(policy, none));
	policy_release(none);
	policy_release(before);
	policy_release(policy);
}

static _Atomic(const struct policy *) handed; /* To the thread that releases it. */

#define RENEWALS 2000

static void *release_policies(void *unused)
{
	const struct policy *policy;
	(void)unused;
	for (int i = 0; i < RENEWALS; i++) {
		while (!(policy = atomic_exchange(&handed, NULL)))
			sched_yield();
		policy_release(policy);
	}
	return NULL;
}

/* A worker that ends a request releases the policy that it held, at any time. */
static void test_others_release_while_it_is_copied(void **state)
{
	const struct device_class row = {STR("big"), STR("example.com/gpu"), 1};
	const struct policy *current = fixture_policy(FLEET TENANT, NULL, 0);
	pthread_t thread;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, release_policies, NULL), 0);
	for (int i = 0; i < RENEWALS; i++) {
		const struct policy *next = with(current, &row, 1, NULL);
		while (atomic_load(&handed))
			sched_yield();
		atomic_store(&handed, current);
		current = next;
	}
	pthread_join(thread, NULL);
	assert_class(current, "example.com/gpu", "big");
	policy_release(current);
}

static void test_as_many_as_are_allowed(void **state)
{
	struct policy *policy = fixture_policy(FLEET TENANT, NULL, 0);
	static char names[DEVICE_CLASSES_MAX][2][DEVICE_CLASS_ALIAS_MAX + 1];
	static struct device_class table[DEVICE_CLASSES_MAX];
	(void)state;
	for (int i = 0; i < DEVICE_CLASSES_MAX; i++) {
		memset(names[i], 'n', sizeof names[i]);
		memcpy(names[i][0], "c", 1);
		snprintf(names[i][0] + DEVICE_CLASS_NAME_MAX - 4, 5, "%04u", (unsigned)i % 10000);
		snprintf(names[i][1] + DEVICE_CLASS_ALIAS_MAX - 5, 6, "/%04u", (unsigned)i % 10000);
		table[i] = (struct device_class){
		    {names[i][0], DEVICE_CLASS_NAME_MAX}, {names[i][1], DEVICE_CLASS_ALIAS_MAX}, i};
	}
	const struct policy *made = with(policy, table, DEVICE_CLASSES_MAX, NULL);
	for (int i = 0; i < DEVICE_CLASSES_MAX; i++)
		assert_true(str_eq(policy_class_of(made, table[i].resource), table[i].name));
	policy_release(made);
	policy_release(policy);
}

/* What the policy says of a name itself holds, as long as that does not make devices free. */
static void test_the_policy_decides_first(void **state)
{
	static const struct {
		const char *name, *class, *counts_as;
		enum role role;
	} rows[] = {
	    /* An Accelerator has the resource. */
	    {"example.com/own", "big", "", ROLE_DEVICE},
	    {"nvidia.com/gpu", "unlisted", "", ROLE_DEVICE},
	    /* Nobody knows the name: it is what the class is. */
	    {"example.com/gpu", "big", "big", ROLE_DEVICE},
	    {"example.com/gpu", "unlisted", "unlisted", ROLE_DEVICE},
	    {"example.com/gpu", "nic", "nic", ROLE_OTHER},
	    {"example.com/gpu", "compute-domain-daemon.nvidia.com", "compute-domain-daemon.nvidia.com", ROLE_NETWORK},
	    /* Settings or the catalog know it: an Accelerator that lists the class knows better. */
	    {"example.com/nic", "unlisted", "", ROLE_OTHER},
	    {"example.com/nic", "nic", "", ROLE_OTHER},
	    {"example.com/nic", "big", "big", ROLE_DEVICE},
	    {"nvidia.com/hostdev", "unlisted", "", ROLE_NETWORK},
	    {"nvidia.com/hostdev", "small", "small", ROLE_DEVICE},
	    {"amd.com/gpu", "unlisted", "", ROLE_DEVICE},
	    {"amd.com/gpu", "small", "small", ROLE_DEVICE},
	    {"amd.com/gpu", "nic", "", ROLE_DEVICE},
	};
	struct policy *policy = fixture_policy(FLEET TENANT OTHER, NULL, 0);
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct device_class row = {str_of(rows[i].class), str_of(rows[i].name), 0};
		const struct policy *made = with(policy, &row, 1, NULL);
		assert_class(made, rows[i].name, rows[i].counts_as);
		if (snapshot_role(made, row.resource) != rows[i].role)
			fail_msg("row %zu: %s of %s is %s", i, rows[i].name, rows[i].class,
				 role_words(snapshot_role(made, row.resource)));
		policy_release(made);
	}
	policy_release(policy);
}

/* A policy without device classes counts no claims, and has no use for the names of classes. */
static void test_without_claims_nothing_changes(void **state)
{
	struct policy *policy = fixture_policy(DOC("Accelerator", "x", "{resource: nvidia.com/gpu}") TENANT, NULL, 0);
	const struct device_class row = {STR("gpu"), STR("example.com/gpu"), 0};
	(void)state;
	const struct policy *made = with(policy, &row, 1, "nobody knows");
	assert_class(made, "example.com/gpu", "");
	assert_true(snapshot_role(made, STR("example.com/gpu")) == ROLE_UNKNOWN);
	assert_false(snapshot_is_undecided(made, STR("example.com/other")));
	policy_release(made);
	policy_release(policy);
}

/* Decides about a Pod with these limits, and prints its charges, or its first message. */
static void decide(const struct policy *policy, const char *limits, char *out, size_t size)
{
	struct fixture_review r;
	struct decision decision;
	struct charge charges[8];
	char spec[300];
	int count = 0;
	snprintf(spec, sizeof spec, "{'containers':[{'name':'c','resources':{'limits':{%s}}}]}", limits);
	fixture_review(&r, "a", "{'uid':'u'}", spec);
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	if (decision.charged)
		count = policy_charge(policy, &decision.consumer, NULL, charges);
	struct buf text;
	buf_init(&text, 2000);
	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s%u=%lld", i ? " " : "", charges[i].quota,
			   (long long)(charges[i].amount * 100 / policy_unit(policy)));
	if (decision.denied)
		buf_str(&text, decision.violations[0].message);
	buf_char(&text, '\0');
	snprintf(out, size, "%s", text.ptr);
	buf_release(&text);
	fixture_review_release(&r);
}

static void test_a_name_costs_what_its_class_costs(void **state)
{
	static const char *const settings[] = {"", OTHER};
	static const char *const classes[] = {"big", "small", "unlisted", "nic"};
	(void)state;
	for (size_t s = 0; s < COUNT(settings); s++) {
		char yaml[2000];
		snprintf(yaml, sizeof yaml, "%s%s", FLEET TENANT, settings[s]);
		struct policy *policy = fixture_policy(yaml, NULL, 0);
		for (size_t i = 0; i < COUNT(classes); i++) {
			const struct device_class row = {str_of(classes[i]), STR("example.com/gpu"), 0};
			const struct policy *made = with(policy, &row, 1, NULL);
			char by_class[1100], by_name[1100], limits[200];
			snprintf(limits, sizeof limits, "'" CLASS "%s':3", classes[i]);
			decide(made, limits, by_class, sizeof by_class);
			decide(made, "'example.com/gpu':3", by_name, sizeof by_name);
			assert_string_equal(by_name, by_class);
			/* nic is no accelerator where Settings say so. */
			assert_true((*by_name != '\0') == !(s == 1 && i == 3));
			policy_release(made);
		}
		policy_release(policy);
	}
}

/* A quota that names the class of no Accelerator counts what stands for it. */
static void test_quotas_that_name_it(void **state)
{
#define QUOTAS                                                                                                         \
	DOC("Tenant", "a",                                                                                             \
	    "{namespaces: [a], quotas: [{name: c, hard: 9, resources: [" CLASS "unlisted]}, "                          \
	    "{name: o, hard: 9, resources: [" CLASS "nic]}]}")
	struct policy *policy = fixture_policy(FLEET QUOTAS OTHER, NULL, 0);
	const struct device_class unlisted = {STR("unlisted"), STR("example.com/gpu"), 0},
				  nic = {STR("nic"), STR("example.com/gpu"), 0};
	char text[1100];
	(void)state;
	const struct policy *made = with(policy, &unlisted, 1, NULL);
	decide(made, "'example.com/gpu':2", text, sizeof text);
	assert_string_equal(text, "0=200");
	policy_release(made);
	made = with(policy, &nic, 1, NULL);
	decide(made, "'example.com/gpu':2", text, sizeof text);
	assert_string_equal(text, "1=200");
	policy_release(made);
	policy_release(policy);
}

static void test_a_gap_counts_against_what_nobody_knows(void **state)
{
	struct policy *policy = fixture_policy(FLEET TENANT OTHER, NULL, 0);
	const struct device_class row = {STR("big"), STR("example.com/gpu"), 0};
	char text[1100];
	(void)state;
	const struct policy *made = with(policy, &row, 1, "the rest was not listed");
	decide(made, "'example.com/new':1", text, sizeof text);
	assert_string_equal(text, "the GPU quota check is temporarily unavailable: whether \"example.com/new\" is the "
				  "extendedResourceName of a DeviceClass is not known, since the rest was not listed; "
				  "retry");
	/* A pattern does not know the name: the class may be that of an Accelerator. */
	decide(made, "'example.com/nic7':1", text, sizeof text);
	assert_non_null(
	    strstr(text, "whether \"example.com/nic7\" is the extendedResourceName of a DeviceClass is not"));
	/* What is known is decided as always, and so are Pods without such names. */
	static const char *const known[] = {"'example.com/gpu':1", "'nvidia.com/gpu':1"};
	for (size_t i = 0; i < COUNT(known); i++) {
		decide(made, known[i], text, sizeof text);
		assert_string_equal(text, "0=100 1=200");
	}
	static const char *const free[] = {"'example.com/named':1", "'nvidia.com/hostdev':1", "'cpu':1",
					   "'kubernetes.io/x':1", "'example.com/new':0"};
	for (size_t i = 0; i < COUNT(free); i++) {
		decide(made, free[i], text, sizeof text);
		assert_string_equal(text, "");
	}
	policy_release(made);
	/* Without a gap, Settings.unknownResources decides, which refuses nothing. */
	made = with(policy, &row, 1, NULL);
	static const char *const unknown[] = {"'example.com/new':1", "'example.com/nic7':1"};
	for (size_t i = 0; i < COUNT(unknown); i++) {
		decide(made, unknown[i], text, sizeof text);
		assert_string_equal(text, "");
	}
	policy_release(made);
	policy_release(policy);
}

/* The suffix is that of a share only if no class has the name. */
static void test_a_class_may_be_called_shared(void **state)
{
#define SHARES DOC("Guard", "g", "{deny: [sharedRequestAboveOne]}")
	struct policy *policy = fixture_policy(FLEET TENANT SHARES, NULL, 0);
	const struct device_class row = {STR("big"), STR("example.com/gpu.shared"), 0};
	char text[1100];
	(void)state;
	const struct policy *made = with(policy, &row, 1, NULL);
	decide(made, "'example.com/gpu.shared':2", text, sizeof text);
	assert_string_equal(text, "0=200 1=400");
	decide(made, "'nvidia.com/gpu.shared':2", text, sizeof text);
	assert_non_null(strstr(text, "requests more than one nvidia.com/gpu.shared"));
	policy_release(made);
	policy_release(policy);
}

/* An Accelerator of its own keeps the charge of a name that no class has any more. */
static void test_an_accelerator_holds_a_name(void **state)
{
#define HELD DOC("Accelerator", "held", "{resource: example.com/gpu, memory: 80Gi, weight: 2}")
	const struct device_class row = {STR("big"), STR("example.com/gpu"), 0},
				  newer = {STR("small"), STR("example.com/gpu"), 1};
	(void)state;
	for (int held = 0; held < 2; held++) {
		struct policy *policy = fixture_policy(held ? FLEET TENANT HELD : FLEET TENANT, NULL, 0);
		const struct policy *classes[] = {with(policy, &row, 1, NULL), with(policy, NULL, 0, NULL),
						  with(policy, &newer, 1, NULL)};
		static const char *const lost[] = {"0=100 1=200", "", "0=100 1=50"};
		for (size_t i = 0; i < COUNT(classes); i++) {
			char text[1100];
			decide(classes[i], "'example.com/gpu':1", text, sizeof text);
			assert_string_equal(text, held ? "0=100 1=200" : lost[i]);
			policy_release(classes[i]);
		}
		policy_release(policy);
	}
}

static void test_messages_name_the_class(void **state)
{
#define SMALL_ONLY DOC("Tenant", "a", "{namespaces: [a], quotas: [{name: s, hard: 1, resources: [example.com/own]}]}")
	struct policy *policy = fixture_policy(FLEET SMALL_ONLY SETTINGS("{unknownResources: deny}"), NULL, 0);
	const struct device_class table[] = {{STR("big"), STR("example.com/gpu"), 0},
					     {STR("unlisted"), STR("example.com/some"), 0}};
	char text[1100];
	(void)state;
	const struct policy *made = with(policy, table, 2, NULL);
	decide(made, "'example.com/gpu':1", text, sizeof text);
	assert_non_null(strstr(text, "covers example.com/gpu (DeviceClass \"big\");"));
	decide(made, "'example.com/some':1", text, sizeof text);
	assert_non_null(strstr(text, "has the device class \"unlisted\" (extendedResourceName example.com/some), so"));
	policy_release(made);
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_newest_class_has_the_name),
	    cmocka_unit_test(test_classes_are_replaced),
	    cmocka_unit_test(test_classes_that_change_nothing),
	    cmocka_unit_test(test_others_release_while_it_is_copied),
	    cmocka_unit_test(test_as_many_as_are_allowed),
	    cmocka_unit_test(test_the_policy_decides_first),
	    cmocka_unit_test(test_without_claims_nothing_changes),
	    cmocka_unit_test(test_a_name_costs_what_its_class_costs),
	    cmocka_unit_test(test_quotas_that_name_it),
	    cmocka_unit_test(test_a_gap_counts_against_what_nobody_knows),
	    cmocka_unit_test(test_a_class_may_be_called_shared),
	    cmocka_unit_test(test_an_accelerator_holds_a_name),
	    cmocka_unit_test(test_messages_name_the_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
