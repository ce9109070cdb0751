/*
 * test_early_answer: questions about workloads, and their answers where the ledger does not know
 * enough. tests/blackbox/test_early_answers.py compares answers with what then happens.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/admission/decide.h"
#include "webhook/server/embedded_store.h"

/* The second Tenant makes the labels of namespaces matter. */
#define POLICY                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: ml}\n"                                              \
	"spec: {namespaces: [ml], earlyAnswer: deny, quotas: [{name: gpus, hard: 2}]}\n---\n"                          \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: labelled}\n"                                        \
	"spec: {namespaceSelector: {matchLabels: {a: b}}, quotas: [{name: gpus, hard: 2}]}\n"
#define TEMPLATE(gpus)                                                                                                 \
	"'template': {'spec': {'containers': [{'name': 'c', 'resources': {'limits': {'nvidia.com/gpu': " gpus "}}}]}}"
#define WHOLE(spec, status) "{'metadata': {'name': 'w'}, 'spec': {" spec "}, 'status': {" status "}}"

struct asked {
	struct arena arena;
	char *bytes;
	struct review review;
	struct early_question question;
	bool found;
};

/* JSON is written with ' for ". `old` is NULL for a CREATE. */
static void ask(struct asked *asked, const char *kind, const char *object, const char *old)
{
	struct error err = {0};
	char *text = NULL;
	int len = asprintf(&text,
			   "{'apiVersion': 'admission.k8s.io/v1', 'kind': 'AdmissionReview', 'request': {'uid': 'u', "
			   "'object': %s, 'oldObject': %s, 'kind': {'group': 'apps', 'version': 'v1', 'kind': '%s'}, "
			   "'namespace': 'ml', 'name': 'w', 'operation': '%s'}}",
			   object, old ? old : "null", kind, old ? "UPDATE" : "CREATE");
	assert_true(len > 0);
	for (int i = 0; i < len; i++)
		text[i] = text[i] == '\'' ? '"' : text[i];
	asked->bytes = calloc(1, (size_t)len + REVIEW_PADDING);
	assert_non_null(asked->bytes);
	memcpy(asked->bytes, text, (size_t)len);
	free(text);
	arena_init(&asked->arena, 4096, 1 << 20);
	if (review_read(asked->bytes, (size_t)len, &asked->arena, &asked->review, &err) < 0)
		fail_msg("%s", err.text);
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	asked->found = early_question_concerns(policy, &asked->review) &&
		       early_question_read(policy, &asked->review, &asked->arena, &asked->question);
	policy_release(policy);
}

static void release(struct asked *asked)
{
	arena_release(&asked->arena);
	free(asked->bytes);
}

static void test_questions(void **state)
{
	static const struct {
		const char *kind, *object, *old;
		bool found;
		int64_t pods, surge, existing;
		bool kept, mixed;
	} rows[] = {
	    {"Deployment", WHOLE(TEMPLATE("1"), ""), NULL, true, 1, 0, 0, true, false},
	    {"Deployment", WHOLE("'replicas': 9223372036854775807, " TEMPLATE("1"), "'replicas': 5"), NULL, true,
	     INT32_MAX, 0, 0, true, false},
	    {"Deployment", WHOLE("'replicas': 92233720368547758070, " TEMPLATE("1"), ""), NULL, false, 0, 0, 0, false,
	     false},
	    {"Deployment", WHOLE("'replicas': 4, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 4, " TEMPLATE("1"), "'replicas': 3"), true, 4, 0, 3, false, false},
	    {"Deployment", WHOLE("'replicas': 3, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 3, " TEMPLATE("1"), "'replicas': 3"), true, 4, 1, 3, false, false},
	    {"Deployment", WHOLE("'replicas': 3, 'strategy': {'type': ''}, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 3, " TEMPLATE("1"), "'replicas': 3"), true, 4, 1, 3, false, false},
	    {"Deployment", WHOLE("'replicas': 4, " TEMPLATE("2"), ""), WHOLE("'replicas': 4, " TEMPLATE("1"), ""), true,
	     4, 0, 0, false, false},
	    {"Deployment", WHOLE("'replicas': 4, " TEMPLATE("1"), ""),
	     WHOLE("'replicas': 2, " TEMPLATE("1"), "'replicas': 2"), true, 4, 0, 2, true, false},
	    {"Deployment", WHOLE("'replicas': 4, " TEMPLATE("1"), ""),
	     WHOLE("'replicas': 5, " TEMPLATE("1"), "'replicas': 4"), false, 0, 0, 0, false, false},
	    {"Deployment", WHOLE("'replicas': 4, " TEMPLATE("1"), ""), WHOLE("'replicas': 4, " TEMPLATE("1"), ""),
	     false, 0, 0, 0, false, false},
	    {"Deployment", WHOLE(TEMPLATE("1"), ""), "{}", false, 0, 0, 0, false, false},
	    {"StatefulSet", WHOLE("'replicas': 4, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 4, " TEMPLATE("1"), "'replicas': 4"), true, 4, 0, 4, false, false},
	    {"DaemonSet", WHOLE(TEMPLATE("2"), ""), WHOLE(TEMPLATE("1"), "'currentNumberScheduled': 7"), true, 7, 0, 7,
	     false, false},
	    {"Widget", WHOLE(TEMPLATE("1"), ""), NULL, false, 0, 0, 0, false, false},
	    {"Deployment", "{}", NULL, false, 0, 0, 0, false, false},
	    {"Deployment", "null", NULL, false, 0, 0, 0, false, false},
	    {"Deployment", WHOLE("'template': {'spec': []}", ""), NULL, false, 0, 0, 0, false, false},
	    /* Changed templates that replace nothing. */
	    {"StatefulSet", WHOLE("'replicas': 4, 'updateStrategy': {'type': 'OnDelete'}, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 2, " TEMPLATE("1"), "'replicas': 2"), true, 4, 0, 2, true, true},
	    {"StatefulSet",
	     WHOLE("'replicas': 4, 'updateStrategy': {'rollingUpdate': {'partition': 4}}, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 4, " TEMPLATE("1"), "'replicas': 4"), false, 0, 0, 0, false, false},
	    {"ReplicaSet", WHOLE("'replicas': 4, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 4, " TEMPLATE("1"), "'replicas': 4"), false, 0, 0, 0, false, false},
	    {"Deployment", WHOLE("'replicas': 3, 'paused': true, " TEMPLATE("2"), ""),
	     WHOLE("'replicas': 2, " TEMPLATE("1"), "'replicas': 2"), true, 3, 0, 2, true, false},
	    {"Deployment", WHOLE("'replicas': 3, 'paused': 1, " TEMPLATE("2"), ""), NULL, false, 0, 0, 0, false, false},
	    {"Deployment", WHOLE("'replicas': 0, " TEMPLATE("2"), ""), WHOLE("'replicas': 4, " TEMPLATE("1"), ""),
	     false, 0, 0, 0, false, false},
	    {"Deployment", WHOLE("'replicas': 9223372036854775807, 'minReadySeconds': 1, " TEMPLATE("1"), ""),
	     WHOLE("'replicas': 4294967296, " TEMPLATE("1"), ""), false, 0, 0, 0, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct asked asked;
		ask(&asked, rows[i].kind, rows[i].object, rows[i].old);
		const struct early_question *question = &asked.question;
		if (asked.found != rows[i].found ||
		    (asked.found && (question->pods != rows[i].pods || question->surge != rows[i].surge ||
				     question->existing != rows[i].existing || question->kept != rows[i].kept ||
				     question->mixed != rows[i].mixed)))
			fail_msg("row %zu: found %d, pods %lld, surge %lld, existing %lld", i, asked.found,
				 (long long)question->pods, (long long)question->surge, (long long)question->existing);
		release(&asked);
	}
}

/* --- A ledger that does not know --- */

static struct reservation_request *late;

static bool no_labels(void *self, struct reservation_request *request)
{
	(void)self, (void)request;
	return false;
}

static void fetch_later(void *self, struct reservation_request *request)
{
	(void)self;
	late = request;
}

static bool not_known(void *self, struct fit_request *request)
{
	(void)self, (void)request;
	return false;
}

static bool on_suspend(struct admission_request *request)
{
	(void)request;
	return true;
}

static void on_done(struct admission_request *request, enum admission_state state)
{
	*(enum admission_state *)request->context = state;
}

struct answering {
	struct asked asked;
	struct policy *policy;
	struct buf charges;
	enum admission_state state;
	struct admission_request request;
};

static void begin(struct answering *a, const struct ledger_store *store, const char *gpus)
{
	char object[300];
	snprintf(object, sizeof object, WHOLE("'replicas': 3, " TEMPLATE("%s"), ""), gpus);
	*a = (struct answering){.policy = fixture_policy(POLICY, NULL, 0)};
	assert_non_null(a->policy);
	ask(&a->asked, "Deployment", object, NULL);
	assert_true(a->asked.found);
	buf_init(&a->charges, 4096);
	a->request = (struct admission_request){.kind = ADMISSION_VALIDATE,
						.policy = a->policy,
						.ledger = store,
						.arena = &a->asked.arena,
						.review = &a->asked.question.review,
						.question = &a->asked.question,
						.charges = &a->charges,
						.suspend = on_suspend,
						.done = on_done,
						.context = &a->state};
	a->state = admission_decide(&a->request);
}

static void end(struct answering *a)
{
	buf_release(&a->charges);
	release(&a->asked);
	policy_release(a->policy);
}

/* The labels are read first. If that fails, nothing is said. */
static void test_labels_come_later(void **state)
{
	struct error err = {0};
	struct pair label = {STR("team"), STR("ml")};
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	struct ledger_embedded *ledger = ledger_embedded_create(policy, &err);
	struct ledger_store store = ledger_embedded_store(ledger);
	struct answering a;
	(void)state;
	store.labels = no_labels;
	store.fetch = fetch_later;
	for (int known = 0; known < 2; known++)
		for (int never = 0; never < 2; never++) {
			begin(&a, &store, never ? "'9'" : "'1'");
			assert_int_equal(a.state, ADMISSION_PENDING);
			if (known)
				late->labels = (struct pairs){&label, 1, true};
			late->done(late);
			assert_int_equal(a.state, ADMISSION_DECIDED);
			const struct decision *decision = &a.request.decision;
			assert_int_equal(decision->violation_count, known);
			assert_int_equal(decision->denied, known && never);
			assert_int_equal(known &&
					     str_starts(decision->violations[0].message, STR("2 of 3 Pods fit now")),
					 known && !never);
			end(&a);
		}
	ledger_embedded_destroy(ledger);
	policy_release(policy);
}

/* A store that does not know yet, and one that cannot be asked. */
static void test_a_ledger_that_does_not_know(void **state)
{
	const struct ledger_store stores[] = {{.fit = not_known}, {.fit = NULL}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct answering a;
		begin(&a, &stores[i], "'9'");
		assert_int_equal(a.state, ADMISSION_DECIDED);
		assert_int_equal(a.request.decision.violation_count, 0);
		assert_false(a.request.decision.denied);
		end(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_questions), cmocka_unit_test(test_labels_come_later),
					   cmocka_unit_test(test_a_ledger_that_does_not_know)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
