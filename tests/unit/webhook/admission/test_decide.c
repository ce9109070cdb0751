/*
 * test_decide: tests the engine without a server: sequences of admissions, and a ledger that
 * responds immediately, later, or without labels.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/pairs.h"
#include "gpugate/trace.h"
#include "webhook/admission/decide.h"
#include "webhook/server/embedded_store.h"

#define TENANT(name, spec) "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"
#define TWO_GPUS TENANT("ml", "{namespaces: [ml], quotas: [{name: gpus, resources: [nvidia.com/gpu], hard: 2}]}")
#define BY_LABELS                                                                                                      \
	TENANT("ml", "{namespaceSelector: {matchLabels: {team: ml}}, quotas: [{name: gpus, hard: 2}]}")                \
	"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {untenanted: deny}\n"
#define RENAMED                                                                                                        \
	"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: shared}\n"                                            \
	"spec: {match: {}, rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}\n"

/* One admission and its result. */
struct admission {
	struct fixture_review review;
	struct admission_request request;
	struct buf charges;
	enum admission_state state; /* The last state that was reported. */
	unsigned calls;             /* Number of calls of `done`. */
	unsigned reads;             /* Number of calls of `read`. */
	bool may_wait;
};

struct fixture {
	struct policy *policy;
	struct ledger_embedded *embedded;
	struct ledger_store store;
	/* The request that the late ledger has not answered yet. */
	struct reservation_request *late;
	struct admission admissions[8];
	unsigned count;
};

static void open_fixture(struct fixture *f, const char *yaml)
{
	struct error err = {0};
	*f = (struct fixture){.policy = fixture_policy(yaml, NULL, 0)};
	assert_non_null(f->policy);
	f->embedded = ledger_embedded_create(f->policy, &err);
	assert_non_null(f->embedded);
	f->store = ledger_embedded_store(f->embedded);
}

static void drop_last(struct fixture *f)
{
	struct admission *admission = &f->admissions[--f->count];
	fixture_review_release(&admission->review);
	buf_release(&admission->charges);
}

static void close_fixture(struct fixture *f)
{
	while (f->count)
		drop_last(f);
	ledger_embedded_destroy(f->embedded);
	policy_release(f->policy);
}

static bool on_suspend(struct admission_request *request)
{
	const struct admission *admission = request->context;
	return admission->may_wait;
}

static void on_done(struct admission_request *request, enum admission_state state)
{
	struct admission *admission = request->context;
	admission->state = state;
	admission->calls++;
}

/*
 * Prepares the creation of a Pod with that many GPUs. With an empty uid, it is as a mutating
 * webhook sees it.
 */
static struct admission *prepare(struct fixture *f, const char *uid, int gpus)
{
	struct admission *admission = &f->admissions[f->count++];
	char metadata[200], spec[300];
	snprintf(metadata, sizeof metadata, "{'name':'p','namespace':'ml'%s%s%s}", uid[0] ? ",'uid':'" : "", uid,
		 uid[0] ? "'" : "");
	snprintf(spec, sizeof spec,
		 "{'containers':[{'name':'c','resources':{'requests':{'nvidia.com/gpu':'%d'},"
		 "'limits':{'nvidia.com/gpu':'%d'}}}]}",
		 gpus, gpus);
	fixture_review(&admission->review, "ml", metadata, spec);
	buf_init(&admission->charges, 4096);
	admission->may_wait = true;
	admission->request = (struct admission_request){.kind = ADMISSION_VALIDATE,
							.policy = f->policy,
							.ledger = &f->store,
							.arena = &admission->review.arena,
							.review = &admission->review.review,
							.charges = &admission->charges,
							.suspend = on_suspend,
							.done = on_done,
							.context = admission};
	return admission;
}

static struct admission *decide(struct admission *admission)
{
	admission->state = admission_decide(&admission->request);
	return admission;
}

static bool is_admitted(const struct admission *admission)
{
	return admission->state == ADMISSION_DECIDED && !admission->request.decision.denied;
}

static bool is_refused(const struct admission *admission, enum reason reason)
{
	const struct decision *decision = &admission->request.decision;
	return admission->state == ADMISSION_DECIDED && decision->denied && decision->violations[0].reason == reason;
}

/*
 * A Pod is created, refused, created by a dry run, deleted and created again. The usage of a quota
 * depends on the requests alone.
 */
static void test_a_sequence_of_admissions(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, TWO_GPUS);
	assert_true(is_admitted(decide(prepare(&f, "one", 1))));
	struct admission *dry = prepare(&f, "dry", 1);
	dry->review.review.dry_run = true;
	assert_true(is_admitted(decide(dry)));
	struct admission *two = decide(prepare(&f, "two", 1));
	assert_true(is_admitted(two));
	assert_true(str_eq(buf_view(&two->charges), STR("ml/gpus=1")));
	assert_true(is_refused(decide(prepare(&f, "three", 1)), REASON_QUOTA));

	struct admission *deletion = prepare(&f, "one", 1);
	deletion->review.review.operation = OPERATION_DELETE;
	deletion->review.review.old_object = deletion->review.review.object;
	assert_true(is_admitted(decide(deletion)));
	assert_true(is_admitted(decide(prepare(&f, "three", 1))));
	assert_true(is_refused(decide(prepare(&f, "four", 1)), REASON_QUOTA));
	close_fixture(&f);
}

static void test_mutation_asks_no_ledger(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, RENAMED);
	/* No function of this store may be called. */
	f.store = (struct ledger_store){.waits = true};
	struct admission *admission = prepare(&f, "", 1);
	admission->request.kind = ADMISSION_MUTATE;
	assert_true(is_admitted(decide(admission)));
	assert_true(admission->request.decision.edit_count > 0);
	close_fixture(&f);
}

static void test_a_pod_without_uid_is_not_charged(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, TWO_GPUS);
	assert_int_equal(decide(prepare(&f, "", 1))->state, ADMISSION_NO_UID);
	close_fixture(&f);
}

static bool nothing_is_held(struct fixture *f)
{
	struct admission *all = prepare(f, "all", 2);
	all->review.review.dry_run = true;
	bool admitted = is_admitted(decide(all));
	drop_last(f);
	return admitted;
}

/* Whenever memory runs out, the Pod is both charged and admitted, or neither. */
static void test_memory_ends(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, TWO_GPUS);
	unsigned failed = 0;
	bool admitted = false;
	for (size_t bytes = 0; !admitted; bytes += 64) {
		assert_true(bytes < 1 << 20);
		struct admission *admission = prepare(&f, "one", 1);
		struct arena small;
		arena_init(&small, 64, bytes);
		admission->request.arena = &small;
		decide(admission);
		admitted = is_admitted(admission);
		failed += admission->state == ADMISSION_NO_MEMORY;
		assert_true(admitted || admission->state == ADMISSION_NO_MEMORY ||
			    is_refused(admission, REASON_OUTAGE));
		arena_release(&small);
		drop_last(&f);
		assert_int_equal(nothing_is_held(&f), !admitted);
	}
	assert_true(failed > 0);
	close_fixture(&f);
}

/* --- A ledger that responds later --- */

static bool admit_later(void *self, struct reservation_request *request)
{
	struct fixture *f = self;
	f->late = request;
	return false;
}

static bool no_labels(void *self, struct reservation_request *request)
{
	(void)self, (void)request;
	return false;
}

static void fetch_later(void *self, struct reservation_request *request)
{
	struct fixture *f = self;
	f->late = request;
}

static void answer(struct fixture *f, int result)
{
	struct reservation_request *request = f->late;
	f->late = NULL;
	request->result = result;
	request->done(request);
}

static void test_the_ledger_answers_later(void **state)
{
	static const struct {
		int result;
		enum admission_state state;
	} rows[] = {{0, ADMISSION_DECIDED}, {-1, ADMISSION_NO_MEMORY}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		open_fixture(&f, TWO_GPUS);
		f.store = (struct ledger_store){.self = &f, .waits = true, .admit = admit_later};
		struct admission *admission = decide(prepare(&f, "one", 1));
		assert_int_equal(admission->state, ADMISSION_PENDING);
		assert_int_equal(admission->calls, 0);
		answer(&f, rows[i].result);
		assert_int_equal(admission->calls, 1);
		assert_int_equal(admission->state, rows[i].state);
		close_fixture(&f);
	}
}

/* A request that cannot wait does not reach the ledger. */
static void test_a_request_that_cannot_wait(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, TWO_GPUS);
	f.store = (struct ledger_store){.self = &f, .waits = true, .admit = admit_later};
	struct admission *admission = prepare(&f, "one", 1);
	admission->may_wait = false;
	assert_int_equal(decide(admission)->state, ADMISSION_OVERLOADED);
	assert_null(f.late);
	close_fixture(&f);
}

/*
 * If the labels of a namespace are unknown, they are read first. If that fails, only Pods with
 * accelerators are blocked.
 */
static void test_labels_come_later(void **state)
{
	struct fixture f;
	struct pair label = {STR("team"), STR("ml")};
	(void)state;
	open_fixture(&f, BY_LABELS);
	const struct ledger_store embedded = f.store;
	f.store = (struct ledger_store){
	    .self = &f, .waits = true, .admit = admit_later, .labels = no_labels, .fetch = fetch_later};

	struct admission *known = decide(prepare(&f, "known", 1));
	assert_int_equal(known->state, ADMISSION_PENDING);
	f.late->labels = (struct pairs){&label, 1, true};
	/* The quota is checked next. */
	answer(&f, 0);
	assert_int_equal(known->calls, 0);
	assert_true(str_eq(known->request.decision.tenant, STR("ml")));
	assert_true(embedded.admit(embedded.self, f.late));
	answer(&f, 0);
	assert_true(is_admitted(known));

	struct admission *unknown = decide(prepare(&f, "unknown", 1));
	answer(&f, 0);
	assert_true(is_refused(unknown, REASON_OUTAGE));
	struct admission *hasty = decide(prepare(&f, "hasty", 1));
	f.late->hasty = true;
	answer(&f, 0);
	assert_true(is_refused(hasty, REASON_BUSY));
	struct admission *starved = decide(prepare(&f, "starved", 1));
	answer(&f, -1);
	assert_int_equal(starved->state, ADMISSION_NO_MEMORY);
	close_fixture(&f);
}

/* --- A group that is admitted as a whole --- */

#define WHOLE                                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {match: {}, gangs: allOrNothing}\n"

static void count_read(struct admission_request *request, const struct pod_group *group)
{
	struct admission *admission = request->context;
	assert_true(str_eq(group->key, STR("Job.batch/train")));
	assert_true(str_eq(group->resource, STR("jobs")));
	admission->reads++;
}

/* A Pod of a Job. */
static struct admission *prepare_member(struct fixture *f, const char *uid, bool reads)
{
	struct admission *admission = prepare(f, uid, 1);
	admission->review.review.object.owner =
	    (struct owner){.api_version = STR("batch/v1"), .kind = STR("Job"), .name = STR("train")};
	admission->request.read = reads ? count_read : NULL;
	return admission;
}

static void read_job(struct admission *admission, enum gang_object object, const char *parallelism)
{
	char json[256 + REVIEW_PADDING] = "";
	int len = snprintf(json, 256, "{\"spec\":{\"parallelism\":%s,\"template\":{}}}", parallelism);
	assert_int_equal(admission->state, ADMISSION_PENDING);
	assert_int_equal(admission->reads, 1);
	assert_int_equal(admission->calls, 0);
	admission_read(&admission->request, object, (struct str){json, (size_t)len});
	assert_int_equal(admission->calls, 1);
}

static void test_a_group_is_read_first(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, TWO_GPUS WHOLE);
	/* What is missing is decided by onOutage, and the ledger is not asked. */
	struct admission *unread = decide(prepare_member(&f, "unread", true));
	read_job(unread, GANG_OBJECT_UNREAD, "2");
	assert_true(is_refused(unread, REASON_OUTAGE));
	struct admission *odd = decide(prepare_member(&f, "odd", true));
	read_job(odd, GANG_OBJECT_READ, "\"2\"");
	assert_true(is_refused(odd, REASON_OUTAGE));
	assert_true(nothing_is_held(&f));
	struct admission *large = decide(prepare_member(&f, "large", true));
	read_job(large, GANG_OBJECT_READ, "3");
	assert_true(is_refused(large, REASON_QUOTA));
	assert_true(nothing_is_held(&f));
	struct admission *first = decide(prepare_member(&f, "first", true));
	read_job(first, GANG_OBJECT_READ, "2");
	assert_true(is_admitted(first));
	assert_true(is_refused(decide(prepare(&f, "other", 1)), REASON_QUOTA));
	struct admission *second = decide(prepare_member(&f, "second", true));
	read_job(second, GANG_OBJECT_READ, "2");
	assert_true(is_admitted(second));
	close_fixture(&f);
}

/* Where objects cannot be read, or the object is gone, the Pod is decided alone. */
static void test_a_group_that_is_not_read(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f, TWO_GPUS WHOLE);
	assert_true(is_admitted(decide(prepare_member(&f, "one", false))));
	struct admission *gone = decide(prepare_member(&f, "two", true));
	read_job(gone, GANG_OBJECT_ABSENT, "9");
	assert_true(is_admitted(gone));
	struct admission *hasty = prepare_member(&f, "three", true);
	hasty->may_wait = false;
	assert_int_equal(decide(hasty)->state, ADMISSION_OVERLOADED);
	assert_int_equal(hasty->reads, 0);
	struct admission *nameless = decide(prepare_member(&f, "", true));
	assert_int_equal(nameless->state, ADMISSION_NO_UID);
	assert_int_equal(nameless->reads, 0);
	close_fixture(&f);
}

static void count_event(void *context, const struct trace_event *event)
{
	unsigned *counts = context;
	counts[event->kind]++;
}

/* The ledger sends its part of a decision to the same trace as the policy. */
static void test_a_trace(void **state)
{
	struct fixture f;
	unsigned counts[TRACE_QUOTA + 1] = {0};
	const struct trace trace = {count_event, counts};
	(void)state;
	open_fixture(&f, TWO_GPUS);
	struct admission *admission = prepare(&f, "one", 1);
	admission->request.trace = &trace;
	assert_true(is_admitted(decide(admission)));
	assert_int_equal(counts[TRACE_TENANT], 1);
	assert_int_equal(counts[TRACE_RESOURCE], 1);
	assert_int_equal(counts[TRACE_COST], 1);
	assert_int_equal(counts[TRACE_QUOTA], 1);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_group_is_read_first),
	    cmocka_unit_test(test_a_group_that_is_not_read),
	    cmocka_unit_test(test_a_sequence_of_admissions),
	    cmocka_unit_test(test_mutation_asks_no_ledger),
	    cmocka_unit_test(test_a_pod_without_uid_is_not_charged),
	    cmocka_unit_test(test_memory_ends),
	    cmocka_unit_test(test_the_ledger_answers_later),
	    cmocka_unit_test(test_a_request_that_cannot_wait),
	    cmocka_unit_test(test_labels_come_later),
	    cmocka_unit_test(test_a_trace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
