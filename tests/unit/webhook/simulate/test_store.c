/*
 * The ledger of a simulation: what exists, what is admitted, and the clock that does not run by
 * itself.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/simulate/admit.h"
#include "webhook/simulate/usage.h"

#define POLICY                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {terminatingGraceSeconds: 60}\n---\n"   \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"                                               \
	"spec: {namespaceSelector: {matchLabels: {t: a}}, quotas: [{name: q, hard: 2}]}\n---\n"                        \
	"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\n"                                                 \
	"spec: {inject: {nodeSelector: {k: v}, runtimeClassName: c}, rewrite: [{from: nvidia.com/gpu, to: "            \
	"nvidia.com/gpu.shared}], required: true}\n---\n"                                                              \
	"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {gangs: allOrNothing}\n"
#define SPEC(n) "{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':'" n "'}}}]}"

struct fixture {
	struct policy *policy;
	struct simulation *simulation;
};

static void set_up(struct fixture *f)
{
	struct error err = {0};
	f->policy = fixture_policy(POLICY, NULL, 0);
	assert_non_null(f->policy);
	f->simulation = simulation_create(f->policy, &err);
	assert_non_null(f->simulation);
}

static void tear_down(struct fixture *f)
{
	assert_true(ledger_check(simulation_ledger(f->simulation)));
	simulation_destroy(f->simulation);
	policy_release(f->policy);
}

static void take(struct fixture *f, const char *text)
{
	struct manifest manifest;
	struct error err = {0};
	if (manifest_read(&manifest, "f", str_of(text), &err) < 0 ||
	    simulation_usage(f->simulation, &manifest, NULL, &err) < 0)
		fail_msg("%s", err.text);
	manifest_release(&manifest);
}

/* Whether a Pod of so many GPUs is admitted in the namespace; it is held then. */
static bool admit(struct fixture *f, const char *metadata, const char *spec)
{
	struct fixture_review r;
	struct simulated simulated;
	fixture_review(&r, "ns", metadata, spec);
	simulation_admit(f->simulation, &r.review, &r.arena, NULL, &simulated);
	assert_int_equal(simulated.state, ADMISSION_DECIDED);
	assert_true(simulated.mutation.edit_count > 0);
	/*
	 * The Pod that is validated is the one after the edits, or the required Rule would refuse
	 * it.
	 */
	const struct decision *decision = simulated_decision(&simulated);
	assert_true(simulated.admitted ||
		    (decision->violations[0].reason == REASON_QUOTA && decision->violation_count == 1));
	bool admitted = simulated.admitted;
	buf_release(&simulated.charges);
	fixture_review_release(&r);
	return admitted;
}

static int held(const struct fixture *f)
{
	const struct held *held = ledger_held(simulation_ledger(f->simulation));
	return (int)((held->used + held->pending) / policy_unit(f->policy));
}

#define NAMESPACE "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, labels: {t: a}}\n---\n"
#define POD(name, more)                                                                                                \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: ns" more "}\n"                               \
	"spec: {containers: [{name: c, resources: {limits: {nvidia.com/gpu: 1}}}]}\n"

static void test_what_exists_is_held(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	take(&f, NAMESPACE POD("p", "") "---\n" POD("q", ", uid: u"));
	assert_int_equal(held(&f), 2);
	assert_false(admit(&f, "{'name':'r'}", SPEC("1")));
	assert_true(simulation_gone(f.simulation, STR("u")));
	assert_false(simulation_gone(f.simulation, STR("u")));
	assert_true(admit(&f, "{'name':'r'}", SPEC("1")));
	assert_int_equal(held(&f), 2);
	/* The same Pod again, which has finished. */
	take(&f, POD("p", "") "status: {phase: Succeeded}\n");
	assert_int_equal(held(&f), 1);
	tear_down(&f);
}

static void test_labels_may_come_last(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	take(&f, POD("p", ""));
	assert_int_equal(held(&f), 0);
	take(&f, NAMESPACE);
	assert_int_equal(held(&f), 1);
	tear_down(&f);
}

static void test_the_clock(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	take(&f, NAMESPACE POD("p", ", deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30"));
	assert_int_equal(simulation_advance(f.simulation, 89999), 0);
	assert_int_equal(held(&f), 1);
	assert_int_equal(simulation_advance(f.simulation, 1), 0);
	assert_int_equal(held(&f), 0);
	tear_down(&f);
}

/* What is assumed is of no Pod: it stays, and counts. */
static void test_what_is_assumed(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	take(&f, NAMESPACE);
	simulation_begin(f.simulation, INT64_C(1800000000000));
	simulation_assume(f.simulation, 0, policy_unit(f.policy));
	assert_int_equal(held(&f), 1);
	assert_true(ledger_check(simulation_ledger(f.simulation)));
	assert_true(admit(&f, "{'name':'p','uid':'u'}", SPEC("1")));
	assert_false(admit(&f, "{'name':'q'}", SPEC("1")));
	assert_int_equal(held(&f), 2);
	assert_true(simulation_gone(f.simulation, STR("u")));
	assert_int_equal(simulation_advance(f.simulation, 5000), 0);
	assert_int_equal(simulation_now(f.simulation), INT64_C(1800000005000));
	assert_int_equal(held(&f), 1);
	tear_down(&f);
}

static void test_dry_runs_and_errors(void **state)
{
	struct fixture f;
	struct fixture_review r;
	struct simulated simulated;
	struct manifest manifest;
	struct error err = {0};
	(void)state;
	set_up(&f);
	take(&f, NAMESPACE);
	fixture_review(&r, "ns", "{'name':'p'}", SPEC("1"));
	r.review.dry_run = true;
	simulation_admit(f.simulation, &r.review, &r.arena, NULL, &simulated);
	assert_true(simulated.admitted);
	assert_int_equal(held(&f), 0);
	buf_release(&simulated.charges);
	fixture_review_release(&r);
	assert_int_equal(manifest_read(&manifest, "f", STR("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"), &err),
			 0);
	assert_int_equal(simulation_usage(f.simulation, &manifest, NULL, &err), -1);
	assert_string_equal(err.text,
			    "f:1: Pod \"p\": metadata: expected a name and a namespace: Pods that exist have both");
	manifest_release(&manifest);
	tear_down(&f);
}

/* A recording may say the same of a class again and again. */
static void test_only_changes_of_classes_renew_the_policy(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	struct device_class class = {STR("gpu"), STR("example.com/gpu"), 1};
	assert_int_equal(simulation_class(f.simulation, &class), 0);
	assert_int_equal(simulation_renew(f.simulation), 0);
	const struct policy *before = simulation_policy(f.simulation);
	assert_int_equal(simulation_class(f.simulation, &class), 0);
	assert_int_equal(simulation_renew(f.simulation), 0);
	assert_ptr_equal(simulation_policy(f.simulation), before);
	for (int i = 2; i < 5; i++) {
		before = simulation_policy(f.simulation);
		policy_retain(before);
		class.created_ms = i;
		class.resource = i == 4 ? (struct str){NULL, 0} : class.resource;
		assert_int_equal(simulation_class(f.simulation, &class), 0);
		assert_int_equal(simulation_renew(f.simulation), 0);
		assert_ptr_not_equal(simulation_policy(f.simulation), before);
		policy_release(before);
	}
	tear_down(&f);
}

/* Asks about a Pod of one GPU of a gang of two. Returns whether it is admitted. */
static bool admit_member(struct fixture *f, const char *uid, const char *group)
{
	const struct resource_request request = {STR("nvidia.com/gpu"), 1, false},
				      whole = {STR("nvidia.com/gpu"), 2, false};
	const struct gang gang = {.requests = &whole, .request_count = 1, .seconds = 300};
	struct decision decision = {.charged = true,
				    .consumer = {.uid = str_of(uid),
						 .namespace = STR("ns"),
						 .requests = &request,
						 .request_count = 1,
						 .group = str_of(group),
						 .gang = &gang}};
	struct arena arena;
	struct buf charges;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&charges, 4096);
	struct reservation_request asked = {.arena = &arena, .decision = &decision, .charges = &charges};
	struct ledger_store store = simulation_store(f->simulation);
	assert_true(store.admit(store.self, &asked));
	assert_true(ledger_check(simulation_ledger(f->simulation)));
	buf_release(&charges);
	arena_release(&arena);
	return !decision.denied;
}

/* What a gang reserves ends by the clock of the simulation, or with its last Pod. */
static void test_gangs(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	take(&f, NAMESPACE);
	assert_true(admit_member(&f, "p0", "Job.batch/a"));
	assert_int_equal(held(&f), 2);
	assert_false(admit_member(&f, "q0", "Job.batch/b"));
	assert_true(simulation_gone(f.simulation, STR("p0")));
	assert_int_equal(held(&f), 0);
	assert_true(admit_member(&f, "q0", "Job.batch/b"));
	assert_int_equal(simulation_advance(f.simulation, 299999), 0);
	assert_int_equal(held(&f), 2);
	assert_int_equal(simulation_advance(f.simulation, 1), 0);
	assert_int_equal(held(&f), 1);
	/* The rest must fit again. */
	assert_true(admit_member(&f, "q1", "Job.batch/b"));
	assert_int_equal(held(&f), 2);
	assert_int_equal(ledger_reservations(simulation_ledger(f.simulation)), 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_exists_is_held),
	    cmocka_unit_test(test_labels_may_come_last),
	    cmocka_unit_test(test_the_clock),
	    cmocka_unit_test(test_what_is_assumed),
	    cmocka_unit_test(test_dry_runs_and_errors),
	    cmocka_unit_test(test_only_changes_of_classes_renew_the_policy),
	    cmocka_unit_test(test_gangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
