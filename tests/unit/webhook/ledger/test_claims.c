/*
 * test_claims: tests what the ledger does with ResourceClaims: how they are seen, when they are
 * admitted, and how their pending entries are written. All sums are checked after every step.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/claim.h"
#include "gpugate/consumer.h"
#include "webhook/ledger/codec.h"
#include "webhook/ledger/ledger.h"

#define TTL_MS 60000
#define CLAIMS_FORM 3 /* The first form with claims. */
#define FOLD_MS 500

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster}\nspec: {terminatingGraceSeconds: 0}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"
    "spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {gpu: a100}, deviceClasses: [big.example]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"
    "spec: {resource: nvidia.com/gpu, memory: 16Gi, nodeLabels: {gpu: t4}, deviceClasses: [small.example]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
    "spec: {namespaces: [a], quotas: [{name: q, hard: 4}]}\n";

struct bench {
	struct ledger *ledger;
	struct policy *policy;
	struct arena arena;
	int64_t now_ms;
	struct ledger_versions versions; /* Of the last text that was encoded. */
};

static void open_bench(struct bench *bench)
{
	struct error err = {0};
	*bench = (struct bench){.policy = fixture_policy(policy_text, NULL, 0), .now_ms = 1000};
	assert_non_null(bench->policy);
	const struct ledger_options options = {
	    .policy = bench->policy, .shared = true, .ttl_ms = TTL_MS, .fold_ms = FOLD_MS};
	bench->ledger = ledger_create(&options, &err);
	assert_non_null(bench->ledger);
	arena_init(&bench->arena, 4096, 1 << 20);
}

static void close_bench(struct bench *bench)
{
	ledger_destroy(bench->ledger);
	policy_release(bench->policy);
	arena_release(&bench->arena);
}

static void expect(const struct bench *bench, int used, int pending)
{
	wide unit = policy_unit(bench->policy);
	assert_true(ledger_check(bench->ledger));
	assert_true(ledger_held(bench->ledger)[0].used == used * unit);
	assert_true(ledger_held(bench->ledger)[0].pending == pending * unit);
}

/* A claim of one big GPU, or of three small ones instead, as an event shows it. */
struct shown {
	struct claim_option options[2];
	struct claim_request request;
	struct claim claim;
	struct pod pod;
};

static struct pod *show(struct shown *shown, const char *uid)
{
	*shown = (struct shown){.options = {{.device_class = STR("big.example"), .count = 1},
					    {.device_class = STR("small.example"), .count = 3}},
				.request = {STR("gpus"), shown->options, 2},
				.claim = {.present = true, .requests = &shown->request, .request_count = 1},
				.pod = {.present = true,
					.as_claim = &shown->claim,
					.name = str_of(uid),
					.uid = str_of(uid),
					.namespace = STR("a")}};
	return &shown->pod;
}

/* A claim like that of `show`, with this status, as the API server tells it. */
static const struct pod *read_claim(struct bench *bench, const char *uid, const char *status, struct pod *pod)
{
	struct error err = {0};
	size_t size = strlen(status) + 512;
	char *text = arena_zalloc(&bench->arena, size + REVIEW_PADDING, 1);
	if (!text)
		abort();
	int len =
	    snprintf(text, size,
		     "{'metadata':{'name':'%s','namespace':'a','uid':'%s'},'spec':{'devices':{'requests':[{'name':"
		     "'gpus','firstAvailable':[{'name':'big','deviceClassName':'big.example'},{'name':'small',"
		     "'deviceClassName':'small.example','count':3}]}]}},'status':%s}",
		     uid, uid, status);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (review_read_claim_as_pod(text, (size_t)len, &bench->arena, pod, &err) < 0)
		fail_msg("%s", err.text);
	return pod;
}

static int see(struct bench *bench, const struct pod *pod, uint64_t version, bool gone)
{
	int seen = ledger_see(bench->ledger, pod, version, gone, bench->now_ms);
	ledger_reach(bench->ledger, pod->as_claim ? CONSUMER_CLAIM : CONSUMER_POD, version);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

static int see_pod(struct bench *bench, const char *uid, uint64_t version)
{
	const struct pair request = {STR("nvidia.com/gpu"), STR("1")};
	const struct container container = {.requests = {&request, 1, true}};
	const struct pod pod = {.present = true,
				.name = str_of(uid),
				.uid = str_of(uid),
				.namespace = STR("a"),
				.containers = &container,
				.container_count = 1};
	return see(bench, &pod, version, false);
}

static struct ledger_verdict decide(struct bench *bench, struct shown *shown)
{
	const struct pod *pod = &shown->pod;
	struct consumer consumer = {
	    .kind = CONSUMER_CLAIM, .uid = pod->uid, .namespace = pod->namespace, .name = pod->name};
	struct ledger_verdict verdict;
	arena_reset(&bench->arena);
	assert_int_equal(policy_pod_requests(pod, &bench->arena, &consumer.requests, &consumer.request_count), 0);
	assert_int_equal(policy_place(bench->policy, pod, &bench->arena, &consumer), 0);
	ledger_decide(bench->ledger, &consumer, LEDGER_HOLD, bench->now_ms, &bench->arena, NULL, &verdict);
	assert_true(ledger_check(bench->ledger));
	return verdict;
}

static void load(struct bench *bench, uint64_t pods, uint64_t claims, struct str text)
{
	struct error err = {0};
	if (ledger_load(bench->ledger, (struct ledger_versions){{pods, claims}}, text, bench->now_ms, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(ledger_check(bench->ledger));
}

/* Returns a copy of the text that a write would contain, and keeps its versions. */
static struct str encode(struct bench *bench)
{
	struct buf out;
	buf_init(&out, LEDGER_TEXT_MAX);
	ledger_encode(bench->ledger, bench->now_ms, &out, &bench->versions);
	assert_false(out.failed);
	struct str text = arena_str(&bench->arena, buf_view(&out));
	buf_release(&out);
	return text;
}

static void expect_versions(const struct bench *bench, uint64_t pods, uint64_t claims)
{
	assert_int_equal(bench->versions.of[CONSUMER_POD], pods);
	assert_int_equal(bench->versions.of[CONSUMER_CLAIM], claims);
}

/* Writes what is held and what was decided, and loads it. */
static void write_all(struct bench *bench)
{
	struct str text = encode(bench);
	load(bench, bench->versions.of[CONSUMER_POD], bench->versions.of[CONSUMER_CLAIM], text);
	ledger_resolve(bench->ledger);
	assert_true(ledger_check(bench->ledger));
}

/* --- The view --- */

static void test_a_claim_is_seen_and_deleted(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	assert_int_equal(see(&bench, show(&x, "x"), 10, false), 0);
	/* It may get three. */
	expect(&bench, 3, 0);
	assert_int_equal(ledger_view_version(bench.ledger, CONSUMER_CLAIM), 10);
	assert_int_equal(ledger_view_version(bench.ledger, CONSUMER_POD), 0);
	assert_int_equal(ledger_event_version(bench.ledger, CONSUMER_POD), 0);
	assert_int_equal(see(&bench, &x.pod, 11, true), LEDGER_FREED);
	expect(&bench, 0, 0);
	close_bench(&bench);
}

static int compare(struct bench *bench, const struct pod *pod)
{
	int seen = ledger_compare(bench->ledger, pod, 20, bench->now_ms);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

/* The same policy, with this key of Settings. */
static struct policy *charging(const char *how)
{
	char text[sizeof policy_text + 64];
	const char *rest = strstr(policy_text, "terminatingGraceSeconds");
	if (!rest)
		abort();
	snprintf(text, sizeof text, "%.*schargeClaims: %s, %s", (int)(rest - policy_text), policy_text, how, rest);
	struct policy *policy = fixture_policy(text, NULL, 0);
	assert_non_null(policy);
	return policy;
}

static void rebase(struct bench *bench, const char *how)
{
	policy_release(bench->policy);
	bench->policy = charging(how);
	assert_int_equal(ledger_rebase(bench->ledger, bench->policy), 0);
	assert_true(ledger_check(bench->ledger));
}

/*
 * A claim can be released and then get something more expensive, without another admission. So it
 * counts as what it could get, whatever it has.
 */
static void test_an_allocation_changes_nothing(void **state)
{
	(void)state;
	static const char *const statuses[] = {
	    "{}",
	    "{'allocation':{'devices':{'results':[{'request':'gpus/big','driver':'d','pool':'p','device':'x'}]}}}",
	    "{'allocation':{'devices':{'results':[]}}}",
	    "null",
	    "{'allocation':{'devices':{'results':[{'request':'gpus/small'},{'request':'gpus/small'},{'request':"
	    "'gpus/small'}]}}}",
	};
	struct bench bench;
	struct pod pod;
	open_bench(&bench);
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		/* Also where the event is lost: a comparison then corrects nothing. */
		if (i > 0) {
			ledger_compare_begin(bench.ledger, CONSUMER_CLAIM);
			assert_int_equal(compare(&bench, read_claim(&bench, "x", statuses[i], &pod)), 0);
			assert_int_equal(ledger_compare_end(bench.ledger, CONSUMER_CLAIM, bench.now_ms), 0);
		}
		assert_int_equal(see(&bench, read_claim(&bench, "x", statuses[i], &pod), 10 + i, false), 0);
		expect(&bench, 3, 0);
	}
	assert_int_equal(ledger_healed(bench.ledger), 0);
	/* It is kept all the same, for a policy that charges it. */
	see(&bench, read_claim(&bench, "x", "{}", &pod), 17, false);
	ledger_compare_begin(bench.ledger, CONSUMER_CLAIM);
	assert_int_equal(compare(&bench, read_claim(&bench, "x", statuses[1], &pod)), 0);
	assert_int_equal(ledger_compare_end(bench.ledger, CONSUMER_CLAIM, bench.now_ms), 0);
	rebase(&bench, "asAllocated");
	expect(&bench, 1, 0);
	close_bench(&bench);
}

/* --- A policy by which claims count as they are allocated --- */

#define GOT_BIG "{'allocation':{'devices':{'results':[{'request':'gpus/big'}]}}}"
#define GOT_SMALL                                                                                                      \
	"{'allocation':{'devices':{'results':[{'request':'gpus/small'},{'request':'gpus/small'},{'request':'gpus/"     \
	"small'}]}}}"

static int see_status(struct bench *bench, const char *uid, const char *status, uint64_t version)
{
	struct pod pod;
	return see(bench, read_claim(bench, uid, status, &pod), version, false);
}

static void test_it_counts_as_allocated(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	rebase(&bench, "asAllocated");
	assert_int_equal(see_status(&bench, "x", "{}", 10), 0);
	expect(&bench, 3, 0);
	assert_int_equal(see_status(&bench, "x", GOT_BIG, 11), LEDGER_FREED);
	expect(&bench, 1, 0);
	/* Nothing has changed. */
	assert_int_equal(see_status(&bench, "x", GOT_BIG, 12), 0);
	expect(&bench, 1, 0);
	/* It is released, and allocated again. */
	assert_int_equal(see_status(&bench, "x", "{}", 13), 0);
	expect(&bench, 3, 0);
	assert_int_equal(see_status(&bench, "x", GOT_SMALL, 14), 0);
	expect(&bench, 3, 0);
	assert_int_equal(see_status(&bench, "x", GOT_BIG, 15), LEDGER_FREED);
	/* What cannot be decided counts as it is requested. */
	assert_int_equal(see_status(&bench, "x", "{'allocation':{'devices':{'results':[{'request':'y'}]}}}", 16), 0);
	expect(&bench, 3, 0);
	/* Another policy charges what exists again, and back. */
	assert_int_equal(see_status(&bench, "x", GOT_BIG, 17), LEDGER_FREED);
	rebase(&bench, "asRequested");
	expect(&bench, 3, 0);
	rebase(&bench, "asAllocated");
	expect(&bench, 1, 0);
	close_bench(&bench);
}

/*
 * After a release, more can be used than the limit, because nobody decides about it. Nothing is
 * admitted until there is room again.
 */
static void test_a_release_can_exceed_the_limit(void **state)
{
	(void)state;
	struct bench bench;
	struct shown y, z;
	open_bench(&bench);
	rebase(&bench, "asAllocated");
	load(&bench, 0, 1, STR("3;"));
	see_status(&bench, "x", GOT_BIG, 10);
	show(&y, "y");
	assert_int_equal(decide(&bench, &y).outcome, LEDGER_ADMITTED);
	write_all(&bench);
	expect(&bench, 1, 3);
	see_status(&bench, "x", "{}", 11);
	expect(&bench, 3, 3);
	show(&z, "z");
	z.options[1].count = 1;
	assert_int_equal(decide(&bench, &z).outcome, LEDGER_DENIED);
	see_status(&bench, "y", GOT_BIG, 12);
	expect(&bench, 3 + 1, 0);
	assert_int_equal(decide(&bench, &z).outcome, LEDGER_DENIED);
	see_status(&bench, "x", GOT_BIG, 13);
	expect(&bench, 1 + 1, 0);
	assert_int_equal(decide(&bench, &z).outcome, LEDGER_ADMITTED);
	close_bench(&bench);
}

/*
 * The view decides about a claim that is still in the text. Its allocation is known from an event
 * that comes after the one that created it, so the claim itself cannot be missing.
 */
static void test_the_view_decides_about_a_pending_claim(void **state)
{
	(void)state;
	const struct str text = STR("3;N a;R deviceclass.resource.kubernetes.io/small.example;C =x 0 0=3 -;");
	struct bench bench;
	open_bench(&bench);
	rebase(&bench, "asAllocated");
	load(&bench, 0, 1, text);
	expect(&bench, 0, 3);
	assert_int_equal(see_status(&bench, "x", GOT_BIG, 10), LEDGER_FREED);
	expect(&bench, 1, 0);
	/* Another replica, which has not seen it, has written it again. */
	load(&bench, 0, 1, text);
	expect(&bench, 1, 0);
	assert_int_equal(see_status(&bench, "x", "{}", 11), 0);
	expect(&bench, 3, 0);
	load(&bench, 0, 1, STR("3;"));
	expect(&bench, 3, 0);
	close_bench(&bench);
}

static void test_an_unreadable_claim_counts_as_requested(void **state)
{
	(void)state;
	struct bench bench;
	struct pod pod;
	open_bench(&bench);
	rebase(&bench, "asAllocated");
	see_status(&bench, "x", GOT_BIG, 10);
	expect(&bench, 1, 0);
	ledger_see_unreadable(bench.ledger, read_claim(&bench, "x", "{}", &pod), 11);
	assert_true(ledger_check(bench.ledger));
	expect(&bench, 3, 0);
	assert_int_equal(see_status(&bench, "x", GOT_BIG, 12), LEDGER_FREED);
	expect(&bench, 1, 0);
	/* An event of a release that is lost is noticed, and so is one of an allocation. */
	ledger_compare_begin(bench.ledger, CONSUMER_CLAIM);
	assert_int_equal(compare(&bench, read_claim(&bench, "x", "{}", &pod)), LEDGER_HEALED);
	ledger_compare_end(bench.ledger, CONSUMER_CLAIM, bench.now_ms);
	expect(&bench, 3, 0);
	ledger_compare_begin(bench.ledger, CONSUMER_CLAIM);
	assert_int_equal(compare(&bench, read_claim(&bench, "x", GOT_BIG, &pod)), LEDGER_HEALED | LEDGER_FREED);
	ledger_compare_end(bench.ledger, CONSUMER_CLAIM, bench.now_ms);
	expect(&bench, 1, 0);
	close_bench(&bench);
}

#define ON(node)                                                                                                       \
	"{'allocation':{'nodeSelector':{'nodeSelectorTerms':[{'matchFields':[{'key':'metadata.name','operator':'In',"  \
	"'values':['" node "']}]}]},'devices':{'results':[{'request':'gpus/big'}]}}}"

static void set_node(struct bench *bench, const char *name, const char *model)
{
	const struct pair label = {STR("gpu"), str_of(model)};
	const struct pairs labels = {&label, 1, true};
	assert_true(ledger_node(bench->ledger, str_of(name), &labels) >= 0);
	assert_true(ledger_check(bench->ledger));
}

/* What the models of the node cost, as for a Pod that is bound to it. */
static void test_the_node_of_an_allocation(void **state)
{
	(void)state;
	static const char text[] =
	    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {chargeClaims: asAllocated}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"
	    "spec: {resource: nvidia.com/gpu, weight: 4, nodeLabels: {gpu: a100}, deviceClasses: [big.example]}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\nspec: {resource: nvidia.com/gpu, "
	    "weight: 1, nodeLabels: {gpu: t4}, deviceClasses: [big.example, small.example]}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
	    "spec: {namespaces: [a], quotas: [{name: q, measure: gpus, hard: 8}]}\n";
	struct bench bench;
	struct pod pod;
	open_bench(&bench);
	policy_release(bench.policy);
	bench.policy = fixture_policy(text, NULL, 0);
	assert_int_equal(ledger_rebase(bench.ledger, bench.policy), 0);
	set_node(&bench, "n", "t4");
	set_node(&bench, "m", "a100");
	see_status(&bench, "x", ON("m"), 10);
	expect(&bench, 4, 0);
	assert_int_equal(see_status(&bench, "x", ON("n"), 11), LEDGER_FREED);
	expect(&bench, 1, 0);
	/* Nothing is known of another node, nor without one. */
	see_status(&bench, "x", ON("unknown"), 12);
	expect(&bench, 4, 0);
	see_status(&bench, "x", ON("n"), 13);
	see_status(&bench, "x", GOT_BIG, 14);
	expect(&bench, 4, 0);
	/* The labels of the node change. */
	see_status(&bench, "x", ON("n"), 15);
	set_node(&bench, "n", "a100");
	expect(&bench, 4, 0);
	set_node(&bench, "n", "t4");
	expect(&bench, 1, 0);
	/* A node that matches no Accelerator is counted, while the claim is known to be there. */
	set_node(&bench, "n", "h100");
	expect(&bench, 4, 0);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 1);
	ledger_see_unreadable(bench.ledger, read_claim(&bench, "x", ON("n"), &pod), 16);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 0);
	set_node(&bench, "n", "t4");
	/* Nor of the node of a claim that cannot be read any more, or is released. */
	expect(&bench, 4, 0);
	see_status(&bench, "x", ON("n"), 17);
	expect(&bench, 1, 0);
	see_status(&bench, "x", "{}", 18);
	expect(&bench, 4, 0);
	/* A node makes no difference to a claim that counts as it is requested. */
	see_status(&bench, "x", ON("n"), 19);
	rebase(&bench, "asRequested");
	expect(&bench, 3, 0);
	close_bench(&bench);
}

/* A claim that is being deleted holds its devices until it is gone, and has no grace period. */
static void test_a_deletion_does_not_finish_it(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	open_bench(&bench);
	see(&bench, show(&x, "x"), 10, false);
	x.pod.deletion_timestamp = STR("2026-01-01T00:00:00Z");
	assert_int_equal(see(&bench, &x.pod, 11, false), 0);
	show(&y, "y")->deletion_timestamp = STR("2026-01-01T00:00:00Z");
	assert_int_equal(see(&bench, &y.pod, 12, false), 0);
	assert_true(ledger_held(bench.ledger)[0].terminating == 0);
	bench.now_ms += 1000 * TTL_MS;
	assert_int_equal(ledger_tick(bench.ledger, bench.now_ms), 0);
	expect(&bench, 3 + 3, 0);
	assert_int_equal(see(&bench, &x.pod, 13, true), LEDGER_FREED);
	assert_int_equal(see(&bench, &y.pod, 14, true), LEDGER_FREED);
	expect(&bench, 0, 0);
	close_bench(&bench);
}

/* Nothing was lost if only what a ledger does not keep has changed. */
static void test_a_comparison_heals_what_was_lost(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y, z;
	open_bench(&bench);
	see(&bench, show(&x, "x"), 10, false);
	see(&bench, show(&y, "y"), 11, false);
	see(&bench, show(&z, "z"), 12, false);
	see_pod(&bench, "pod", 5);
	x.claim.resource_version = STR("13");
	x.pod.deletion_timestamp = STR("2026-01-01T00:00:00Z");
	ledger_compare_begin(bench.ledger, CONSUMER_CLAIM);
	assert_false(ledger_comparing(bench.ledger, CONSUMER_POD));
	assert_int_equal(compare(&bench, &x.pod), 0);
	/* The events that marked y as a scheduler's and deleted z are lost. */
	y.claim.marked_extended = true;
	assert_int_equal(compare(&bench, &y.pod), LEDGER_HEALED | LEDGER_FREED);
	assert_int_equal(ledger_compare_end(bench.ledger, CONSUMER_CLAIM, bench.now_ms), LEDGER_HEALED | LEDGER_FREED);
	assert_int_equal(ledger_healed(bench.ledger), 2);
	expect(&bench, 3 + 1, 0);
	ledger_compare_begin(bench.ledger, CONSUMER_CLAIM);
	assert_int_equal(compare(&bench, &x.pod), 0);
	assert_int_equal(compare(&bench, &y.pod), 0);
	assert_int_equal(ledger_compare_end(bench.ledger, CONSUMER_CLAIM, bench.now_ms), 0);
	assert_int_equal(ledger_healed(bench.ledger), 2);
	close_bench(&bench);
}

static void test_a_list_is_of_one_kind(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	see(&bench, show(&x, "x"), 10, false);
	see_pod(&bench, "pod", 50);
	ledger_list_begin(bench.ledger, CONSUMER_POD);
	assert_int_equal(ledger_event_version(bench.ledger, CONSUMER_CLAIM), 10);
	assert_int_equal(ledger_list_end(bench.ledger, CONSUMER_POD, 60, bench.now_ms), LEDGER_FREED);
	expect(&bench, 3, 0);
	assert_int_equal(ledger_view_version(bench.ledger, CONSUMER_CLAIM), 10);
	see_pod(&bench, "other", 61);
	ledger_list_begin(bench.ledger, CONSUMER_CLAIM);
	assert_int_equal(ledger_list_end(bench.ledger, CONSUMER_CLAIM, 20, bench.now_ms), LEDGER_FREED);
	expect(&bench, 1, 0);
	assert_int_equal(ledger_view_version(bench.ledger, CONSUMER_POD), 61);
	close_bench(&bench);
}

/* It counts as it was seen last, or else as it was admitted. */
static void test_unreadable(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	open_bench(&bench);
	see(&bench, show(&x, "x"), 10, false);
	assert_int_equal(ledger_see_unreadable(bench.ledger, &x.pod, 12), 0);
	expect(&bench, 3, 0);
	assert_int_equal(ledger_event_version(bench.ledger, CONSUMER_CLAIM), 12);
	assert_int_equal(ledger_event_version(bench.ledger, CONSUMER_POD), 0);

	/* Nobody is charged for what was never admitted, until it can be read. */
	assert_int_equal(ledger_see_unreadable(bench.ledger, show(&y, "y"), 13), 0);
	expect(&bench, 3, 0);
	load(&bench, 0, 1, STR("3;N a;R deviceclass.resource.kubernetes.io/big.example;C =y 0 0=2 -;"));
	expect(&bench, 3, 2);
	bench.now_ms += TTL_MS + FOLD_MS;
	assert_false(ledger_overdue(bench.ledger, CONSUMER_CLAIM, bench.now_ms));
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	assert_int_equal(see(&bench, &y.pod, 14, false), 0);
	expect(&bench, 3 + 3, 0);

	/* A list that has them, readable or not, does not remove them; one without them does. */
	ledger_list_begin(bench.ledger, CONSUMER_CLAIM);
	ledger_see_unreadable(bench.ledger, &x.pod, 14);
	ledger_see_unreadable(bench.ledger, &y.pod, 14);
	assert_int_equal(ledger_list_end(bench.ledger, CONSUMER_CLAIM, 15, bench.now_ms), 0);
	expect(&bench, 3 + 3, 0);
	ledger_list_begin(bench.ledger, CONSUMER_CLAIM);
	assert_int_equal(ledger_list_end(bench.ledger, CONSUMER_CLAIM, 16, bench.now_ms), LEDGER_FREED);
	expect(&bench, 0, 0);
	close_bench(&bench);
}

/* --- Decisions and the copy --- */

static void expect_refused(struct bench *bench, struct shown *shown, const char *why)
{
	struct ledger_verdict verdict = decide(bench, shown);
	assert_int_equal(verdict.outcome, LEDGER_OUTAGE);
	assert_string_equal(verdict.why, why);
	assert_false(verdict.backpressure);
	expect(bench, 0, 0);
}

static void test_claims_that_cannot_be_counted_are_refused(void **state)
{
	(void)state;
	static const char older[] = "claims are not counted yet, because a Pod of an older version of gpugate exists";
	static const char lacking[] =
	    "claims are not counted yet: the ledger has no spec.claimVersion. If this lasts, update the "
	    "CustomResourceDefinition gpuledgers.gpugate.io";
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	show(&x, "x");
	load(&bench, 7, 0, STR(""));
	assert_true(ledger_lacks_claim_version(bench.ledger));
	expect_refused(&bench, &x, lacking);
	load(&bench, 7, 1, STR(""));
	assert_false(ledger_lacks_claim_version(bench.ledger));
	ledger_set_form(bench.ledger, CLAIMS_FORM - 1);
	expect_refused(&bench, &x, older);
	ledger_set_form(bench.ledger, LEDGER_FORM);
	assert_int_equal(decide(&bench, &x).outcome, LEDGER_ADMITTED);
	expect(&bench, 0, 3);
	close_bench(&bench);
}

/* Denials need no entry, so that nothing is in their way. */
static void test_what_exceeds_is_denied_in_any_form(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	open_bench(&bench);
	see(&bench, show(&x, "x"), 10, false);
	ledger_set_form(bench.ledger, CLAIMS_FORM - 1);
	assert_int_equal(decide(&bench, (show(&y, "y"), &y)).outcome, LEDGER_DENIED);
	expect(&bench, 3, 0);
	close_bench(&bench);
}

static void test_a_write_adds_the_version(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	load(&bench, 7, 0, STR(""));
	/* There may be claims, which are not listed yet. */
	encode(&bench);
	expect_versions(&bench, 7, 0);
	ledger_list_begin(bench.ledger, CONSUMER_CLAIM);
	ledger_list_end(bench.ledger, CONSUMER_CLAIM, 90, bench.now_ms);
	encode(&bench);
	expect_versions(&bench, 7, 1);
	see(&bench, show(&x, "x"), 95, false);
	encode(&bench);
	expect_versions(&bench, 7, 95);
	/* A list that has only begun may have newer ones. */
	ledger_list_begin(bench.ledger, CONSUMER_CLAIM);
	encode(&bench);
	expect_versions(&bench, 7, 0);
	ledger_see(bench.ledger, &x.pod, 95, false, bench.now_ms);
	encode(&bench);
	expect_versions(&bench, 7, 0);
	ledger_list_end(bench.ledger, CONSUMER_CLAIM, 99, bench.now_ms);
	encode(&bench);
	expect_versions(&bench, 7, 95);
	/* One that is there stays. */
	load(&bench, 7, 40, STR(""));
	encode(&bench);
	expect_versions(&bench, 7, 40);
	close_bench(&bench);
}

static void test_a_fold_raises_the_version_of_claims(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	load(&bench, 7, 1, STR(""));
	assert_int_equal(decide(&bench, (show(&x, "x"), &x)).outcome, LEDGER_ADMITTED);
	write_all(&bench);
	expect_versions(&bench, 7, 1);
	expect(&bench, 0, 3);
	see(&bench, &x.pod, 100, false);
	expect(&bench, 3, 0);
	see(&bench, &x.pod, 101, false);
	assert_true(ledger_behind(bench.ledger));
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	assert_false(ledger_behind(bench.ledger));
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	bench.now_ms += FOLD_MS;
	assert_true(ledger_foldable(bench.ledger, bench.now_ms));
	write_all(&bench);
	expect_versions(&bench, 7, 100);
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	expect(&bench, 3, 0);
	/* A replica whose view of claims has not reached it waits, whatever version Pods have. */
	load(&bench, 7, 102, STR(""));
	ledger_reach(bench.ledger, CONSUMER_POD, 1000);
	assert_true(ledger_behind(bench.ledger));
	ledger_reach(bench.ledger, CONSUMER_CLAIM, 102);
	assert_false(ledger_behind(bench.ledger));
	close_bench(&bench);
}

static void test_a_claim_is_swept_by_its_own_version(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	load(&bench, 0, 1, STR(""));
	assert_int_equal(decide(&bench, (show(&x, "x"), &x)).outcome, LEDGER_ADMITTED);
	write_all(&bench);
	bench.now_ms += TTL_MS;
	assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms));
	assert_true(ledger_overdue(bench.ledger, CONSUMER_CLAIM, bench.now_ms));
	ledger_due(bench.ledger, CONSUMER_POD, 1, bench.now_ms);
	assert_true(ledger_overdue(bench.ledger, CONSUMER_CLAIM, bench.now_ms));
	ledger_due(bench.ledger, CONSUMER_CLAIM, 200, bench.now_ms);
	ledger_reach(bench.ledger, CONSUMER_POD, 1000);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	assert_true(ledger_awaits_expiry(bench.ledger, CONSUMER_CLAIM));
	assert_false(ledger_awaits_expiry(bench.ledger, CONSUMER_POD));
	ledger_reach(bench.ledger, CONSUMER_CLAIM, 200);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 1);
	expect(&bench, 0, 0);
	assert_int_equal(see(&bench, &x.pod, 201, false), LEDGER_LATE);
	expect(&bench, 3, 0);
	close_bench(&bench);
}

/* An older replica that starts later can read the text as soon as the claim is gone from it. */
static void test_a_pending_claim_keeps_its_form(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	load(&bench, 0, 1, STR(""));
	ledger_set_form(bench.ledger, CLAIMS_FORM);
	assert_int_equal(decide(&bench, (show(&x, "x"), &x)).outcome, LEDGER_ADMITTED);
	write_all(&bench);
	ledger_set_form(bench.ledger, CLAIMS_FORM - 1);
	assert_int_equal(ledger_text_form(encode(&bench)), CLAIMS_FORM);
	assert_false(ledger_form_is_ahead(bench.ledger));
	/* Its entry stays for a while after it was seen. */
	assert_int_equal(see(&bench, &x.pod, 100, false), 0);
	assert_int_equal(ledger_text_form(encode(&bench)), CLAIMS_FORM);
	assert_int_equal(see(&bench, &x.pod, 101, true), LEDGER_FREED);
	assert_true(ledger_form_is_ahead(bench.ledger));
	write_all(&bench);
	assert_false(ledger_form_is_ahead(bench.ledger));
	close_bench(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_claim_is_seen_and_deleted),
	    cmocka_unit_test(test_an_allocation_changes_nothing),
	    cmocka_unit_test(test_it_counts_as_allocated),
	    cmocka_unit_test(test_a_release_can_exceed_the_limit),
	    cmocka_unit_test(test_the_view_decides_about_a_pending_claim),
	    cmocka_unit_test(test_an_unreadable_claim_counts_as_requested),
	    cmocka_unit_test(test_the_node_of_an_allocation),
	    cmocka_unit_test(test_a_deletion_does_not_finish_it),
	    cmocka_unit_test(test_a_comparison_heals_what_was_lost),
	    cmocka_unit_test(test_a_list_is_of_one_kind),
	    cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_claims_that_cannot_be_counted_are_refused),
	    cmocka_unit_test(test_what_exceeds_is_denied_in_any_form),
	    cmocka_unit_test(test_a_write_adds_the_version),
	    cmocka_unit_test(test_a_fold_raises_the_version_of_claims),
	    cmocka_unit_test(test_a_claim_is_swept_by_its_own_version),
	    cmocka_unit_test(test_a_pending_claim_keeps_its_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
