/* What the ledger sees, and its copies: each rule of webhook/ledger.h by itself. All sums are checked after every step. */
#include "policy_fixture.h"

#include "webhook/ledger.h"
#include "webhook/ledger_entry.h"
#include "webhook/ledger_text.h"

#define TTL_MS 60000
#define GI ((wide)1 << 30)

#define MODELS                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster}\nspec: {terminatingGraceSeconds: 300}\n" \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"                                  \
	"spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {gpu: a100}}\n---\n"                               \
	"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"                                         \
	"spec: {resource: nvidia.com/gpu, memory: 16Gi, nodeLabels: {gpu: t4}}\n---\n"
#define TENANT(name, spec) "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"

/* Quotas in the order of their names: a/memory, a/q, b/q. */
enum { A_MEMORY, A_Q, B_Q };
static const char policy_text[] = MODELS TENANT(
    "a", "{namespaces: [a], namespaceSelector: {matchLabels: {of: a}}, quotas: [{name: memory, measure: memory, hard: "
	 "200Gi}, {name: q, hard: 4}]}") "---\n" TENANT("b", "{namespaceSelector: {matchLabels: {of: b}}, quotas: "
							     "[{name: q, hard: 4}]}");
static const char other_text[] =
    MODELS TENANT("a", "{namespaces: [a], quotas: [{name: q, resources: [nvidia.com/gpu], hard: 1}]}");

struct bench {
	struct ledger *ledger;
	struct policy *policy;
	struct arena arena;
	int64_t now_ms;
};

static void open_bench(struct bench *bench)
{
	struct error err = {0};
	*bench = (struct bench){.policy = fixture_policy(policy_text, NULL, 0), .now_ms = 1000};
	assert_non_null(bench->policy);
	const struct ledger_options options = {.policy = bench->policy, .shared = true, .ttl_ms = TTL_MS};
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

static void expect(const struct bench *bench, uint32_t quota, int used, int pending)
{
	wide unit = policy_unit(ledger_policy(bench->ledger));
	assert_true(ledger_check(bench->ledger));
	assert_true(ledger_held(bench->ledger)[quota].used == used * unit);
	assert_true(ledger_held(bench->ledger)[quota].pending == pending * unit);
}

static void expect_gi(const struct bench *bench, int used_gi)
{
	assert_true(ledger_check(bench->ledger));
	assert_true(ledger_held(bench->ledger)[A_MEMORY].used == used_gi * GI * policy_unit(bench->policy));
}

/* A Pod as an event shows it; what a test wants otherwise, it changes. */
struct shown {
	struct pair request;
	struct container container;
	struct pod pod;
};

static struct pod *show(struct shown *shown, const char *uid, const char *namespace, const char *count)
{
	shown->request = (struct pair){STR("nvidia.com/gpu"), str_of(count)};
	shown->container = (struct container){.requests = {&shown->request, 1, true}};
	shown->pod = (struct pod){.present = true,
				  .name = str_of(uid),
				  .uid = str_of(uid),
				  .namespace = str_of(namespace),
				  .containers = &shown->container,
				  .container_count = 1};
	return &shown->pod;
}

static int see(struct bench *bench, const struct pod *pod, uint64_t version, bool gone)
{
	int seen = ledger_see(bench->ledger, pod, version, gone, bench->now_ms);
	ledger_reach(bench->ledger, version);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

static enum ledger_answer decide(struct bench *bench, const char *uid, const char *namespace, int64_t count,
				 enum ledger_mode mode)
{
	static const struct str models[] = {{"a100", 4}, {"t4", 2}};
	struct demand demand = {STR("nvidia.com/gpu"), count};
	struct holding holding = {.uid = str_of(uid),
				  .namespace = str_of(namespace),
				  .name = str_of(uid),
				  .demands = &demand,
				  .demand_count = 1,
				  .models = models,
				  .model_count = 2};
	struct ledger_verdict verdict;
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, &holding, mode, bench->now_ms, &bench->arena, &verdict);
	assert_true(ledger_check(bench->ledger));
	return verdict.answer;
}

static int set_labels(struct bench *bench, int (*set)(struct ledger *, struct str, const struct pairs *),
		      const char *name, const char *key, const char *value)
{
	const struct pair item = {str_of(key), str_of(value)};
	const struct pairs labels = {&item, 1, true};
	int seen = set(bench->ledger, str_of(name), value ? &labels : NULL);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

/* What a write would say, as a text of its own; `*version` with it. */
static struct str encode(struct bench *bench, uint64_t *version)
{
	struct buf out;
	buf_init(&out, LEDGER_TEXT_MAX);
	ledger_encode(bench->ledger, &out, version);
	assert_false(out.failed);
	struct str text = arena_str(&bench->arena, buf_view(&out));
	buf_release(&out);
	return text;
}

static void load(struct bench *bench, uint64_t version, struct str text)
{
	struct error err = {0};
	if (ledger_load(bench->ledger, version, text, bench->now_ms, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(ledger_check(bench->ledger));
}

static bool has(struct str text, const char *part)
{
	return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* --- The view --- */

static void test_pods_come_and_go(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y, plain;
	open_bench(&bench);
	assert_int_equal(see(&bench, show(&x, "x", "a", "2"), 10, false), 0);
	assert_int_equal(see(&bench, show(&y, "y", "a", "1"), 11, false), 0);
	show(&plain, "p", "a", "1")->containers = NULL;
	plain.pod.container_count = 0;
	assert_int_equal(see(&bench, &plain.pod, 12, false), 0);
	expect(&bench, A_Q, 3, 0);
	assert_int_equal(ledger_pods(bench.ledger), 2);
	assert_int_equal(ledger_view_version(bench.ledger), 12);

	x.pod.phase = STR("Running");
	assert_int_equal(see(&bench, &x.pod, 13, false), 0);
	x.pod.phase = STR("Failed");
	assert_int_equal(see(&bench, &x.pod, 14, false), LEDGER_FREED);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(see(&bench, &y.pod, 15, true), LEDGER_FREED);
	expect(&bench, A_Q, 0, 0);
	assert_int_equal(see(&bench, &x.pod, 16, true), 0); /* it was free already */
	expect(&bench, A_Q, 0, 0);
	close_bench(&bench);
}

static void test_lists(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y, z;
	open_bench(&bench);
	see(&bench, show(&x, "x", "a", "1"), 10, false);
	see(&bench, show(&y, "y", "a", "1"), 11, false);
	ledger_list_begin(bench.ledger);
	assert_int_equal(ledger_listed_version(bench.ledger), 0);
	see(&bench, show(&z, "z", "a", "2"), 20, false);
	see(&bench, &x.pod, 10, false);
	expect(&bench, A_Q, 4, 0);       /* until the list ends, what it lacks may still come */
	ledger_list_begin(bench.ledger); /* it broke off */
	see(&bench, &x.pod, 10, false);
	assert_int_equal(ledger_list_end(bench.ledger, 30, bench.now_ms), LEDGER_FREED);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(ledger_view_version(bench.ledger), 30);
	assert_int_equal(ledger_listed_version(bench.ledger), 10);
	ledger_forget(bench.ledger);
	expect(&bench, A_Q, 0, 0);
	assert_true(ledger_behind(bench.ledger));
	load(&bench, 5, STR(""));
	assert_true(ledger_behind(bench.ledger));
	ledger_reach(bench.ledger, 5);
	assert_false(ledger_behind(bench.ledger));
	close_bench(&bench);
}

static void test_terminating(void **state)
{
	/* deletionGracePeriodSeconds, and when the Pod ceases to count; 300 s are the policy's */
	static const struct {
		const char *grace;
		int64_t counts_ms;
	} rows[] = {
	    {"30", 330000},
	    {"0", 300000},
	    {NULL, 300000},
	    {"2147483646", 2147483946000},
	    /* longer than a life, and not at once */
	    {"2147483647", 2147483947000},
	    {"9000000000", 2147483947000},
	    {"9223372036854775807", 2147483947000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;
		struct shown x;
		open_bench(&bench);
		see(&bench, show(&x, "x", "a", "1"), 10, false);
		bench.now_ms = 5000;
		x.pod.deletion_timestamp = STR("2026-01-01T00:00:00Z");
		x.pod.deletion_grace_seconds = str_of(rows[i].grace);
		assert_int_equal(see(&bench, &x.pod, 11, false), 0);
		bench.now_ms = 100000;
		assert_int_equal(see(&bench, &x.pod, 12, false), 0); /* the first sight of it is what counts */
		assert_int_equal(ledger_tick(bench.ledger, 5000 + rows[i].counts_ms - 1), 0);
		expect(&bench, A_Q, 1, 0);
		assert_int_equal(ledger_tick(bench.ledger, 5000 + rows[i].counts_ms), LEDGER_FREED);
		expect(&bench, A_Q, 0, 0);
		assert_int_equal(see(&bench, &x.pod, 13, false), 0);
		expect(&bench, A_Q, 0, 0);
		close_bench(&bench);
	}
}

static void test_nodes(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	set_labels(&bench, ledger_node, "small", "gpu", "t4");
	see(&bench, show(&x, "x", "a", "1"), 10, false);
	expect_gi(&bench, 80);
	x.pod.node_name = STR("unknown");
	see(&bench, &x.pod, 11, false);
	expect_gi(&bench, 80);
	assert_int_equal(set_labels(&bench, ledger_node, "unknown", "gpu", "t4"), LEDGER_FREED);
	expect_gi(&bench, 16);
	assert_int_equal(set_labels(&bench, ledger_node, "unknown", NULL, NULL), 0);
	expect_gi(&bench, 80);
	x.pod.node_name = STR("small");
	assert_int_equal(see(&bench, &x.pod, 12, false), LEDGER_FREED);
	expect_gi(&bench, 16);
	ledger_labels_begin(bench.ledger, LEDGER_NODES); /* a list without it is like the event */
	assert_int_equal(ledger_labels_end(bench.ledger, LEDGER_NODES), 0);
	expect_gi(&bench, 80);
	close_bench(&bench);
}

/* Nodes that the policy cannot place leave a Pod's charge as it was, and are counted. */
static void test_unmatched_nodes(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	set_labels(&bench, ledger_node, "odd", "gpu", "h100");
	show(&x, "x", "a", "1");
	const struct pair t4 = {STR("gpu"), STR("t4")};
	x.pod.node_selector = (struct pairs){&t4, 1, true};
	see(&bench, &x.pod, 10, false);
	expect_gi(&bench, 16);
	assert_null(ledger_unfit_example(bench.ledger));
	x.pod.node_name = STR("odd");
	see(&bench, &x.pod, 11, false);
	expect_gi(&bench, 16);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 1);
	assert_true(str_eq(ledger_unfit_example(bench.ledger)->holding.uid, STR("x")));
	set_labels(&bench, ledger_node, "odd", "gpu", "a100"); /* what the Pod selects does not matter any more */
	expect_gi(&bench, 80);
	assert_null(ledger_unfit_example(bench.ledger));
	set_labels(&bench, ledger_node, "odd", "gpu", "h100");
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 1);
	x.pod.phase = STR("Succeeded");
	see(&bench, &x.pod, 12, false);
	expect_gi(&bench, 0);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 0);
	close_bench(&bench);
}

/* Two Accelerators that no label tells apart: the dearer one counts. */
static void test_nodes_of_several_models(void **state)
{
	(void)state;
	static const char overlap[] =
	    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a}\nspec: {resource: nvidia.com/gpu, "
	    "memory: "
	    "80Gi, nodeLabels: {p: a}}\n---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: b}\nspec: "
	    "{resource: nvidia.com/gpu, memory: 16Gi, nodeLabels: {q: b}}\n---\n" TENANT(
		"a", "{namespaces: [a], quotas: [{name: memory, measure: memory, hard: 200Gi}]}");
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	struct policy *policy = fixture_policy(overlap, NULL, 0);
	assert_int_equal(ledger_rebase(bench.ledger, policy), 0);
	const struct pair both[] = {{STR("p"), STR("a")}, {STR("q"), STR("b")}};
	const struct pairs labels = {both, 2, true};
	assert_int_equal(ledger_node(bench.ledger, STR("n"), &labels), 0);
	show(&x, "x", "a", "1");
	x.pod.node_name = STR("n");
	see(&bench, &x.pod, 10, false);
	assert_int_equal(ledger_unfit(bench.ledger).of_several_models, 1);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 0);
	assert_true(ledger_held(bench.ledger)[0].used == 80 * GI * policy_unit(policy));
	policy_release(policy);
	close_bench(&bench);
}

static void add_bytes(void *context, const struct entry *entry)
{
	const struct pod *pod = entry->placement;
	size_t *bytes = context;
	*bytes += sizeof *entry + entry->holding.demand_count * sizeof(struct demand) +
		  entry->holding.model_count * sizeof(struct str);
	for (uint32_t i = 0; i < entry->holding.demand_count; i++)
		*bytes += entry->holding.demands[i].resource.len;
	for (uint32_t t = 0; pod && t < pod->node_term_count; t++)
		for (uint32_t e = 0; e < pod->node_terms[t].count; e++) {
			const struct strs *values = &pod->node_terms[t].expressions[e].values;
			*bytes += values->count * sizeof(struct str);
			for (uint32_t v = 0; v < values->count; v++)
				*bytes += values->items[v].len;
		}
}

/* What the view keeps of one Pod is bounded, whatever the Pod holds; and it is charged as one that could land anywhere. */
static void test_bounded_facts(void **state)
{
	(void)state;
	enum { VALUES = 650000, NAMES = 5000 };
	struct bench bench;
	struct shown x;
	size_t bytes = 0;
	open_bench(&bench);
	struct str *values = calloc(VALUES, sizeof *values);
	for (int i = 0; i < VALUES; i++)
		values[i] = STR("x");
	values[0] = STR("t4");
	const struct node_expression expression = {.key = STR("gpu"), .op = STR("In"), .values = {values, VALUES}};
	const struct node_term term = {.expressions = &expression, .count = 1};
	show(&x, "x", "a", "1");
	x.pod.has_required_affinity = true;
	x.pod.node_terms = &term;
	x.pod.node_term_count = 1;
	see(&bench, &x.pod, 10, false);
	expect_gi(&bench, 80);
	ledger_each(bench.ledger, add_bytes, &bytes);
	assert_true(bytes < 1024);

	/* A Pod without accelerators, of many names: it could become one with them by another policy, of some of them. */
	char(*names)[32] = calloc(NAMES, sizeof *names);
	struct pair *requests = calloc(NAMES, sizeof *requests);
	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof names[i], "example.com/%05d", i);
		requests[i] = (struct pair){str_of(names[i]), STR("1")};
	}
	show(&x, "y", "a", "1");
	x.container.requests = (struct pairs){requests, NAMES, true};
	see(&bench, &x.pod, 11, false);
	bytes = 0;
	ledger_each(bench.ledger, add_bytes, &bytes);
	assert_true(bytes < 16384);

	/* ... and what is an accelerator is kept whatever stands before it. */
	requests[NAMES - 1] = (struct pair){STR("nvidia.com/gpu"), STR("2")};
	show(&x, "z", "a", "1");
	x.container.requests = (struct pairs){requests, NAMES, true};
	see(&bench, &x.pod, 12, false);
	expect(&bench, A_Q, 3, 0);
	free(values);
	free(names);
	free(requests);
	close_bench(&bench);
}

static void test_namespaces(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	see(&bench, show(&x, "x", "n", "2"), 10, false);
	expect(&bench, A_Q, 0, 0);
	assert_null(ledger_namespace_labels(bench.ledger, STR("n")));
	assert_int_equal(set_labels(&bench, ledger_namespace, "n", "of", "a"), 0);
	expect(&bench, A_Q, 2, 0);
	assert_int_equal(set_labels(&bench, ledger_namespace, "n", "of", "b"), LEDGER_FREED);
	expect(&bench, A_Q, 0, 0);
	expect(&bench, B_Q, 2, 0);
	decide(&bench, "y", "n", 1, LEDGER_HOLD);
	expect(&bench, B_Q, 2, 1);
	assert_int_equal(decide(&bench, "z", "n", 2, LEDGER_DRY), LEDGER_REFUSED);
	ledger_labels_begin(bench.ledger, LEDGER_NAMESPACES);
	assert_int_equal(ledger_labels_end(bench.ledger, LEDGER_NAMESPACES), LEDGER_FREED);
	expect(&bench, B_Q, 0, 0);
	close_bench(&bench);
}

static void test_rebase(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	uint64_t version;
	struct policy *other = fixture_policy(other_text, NULL, 0);
	open_bench(&bench);
	set_labels(&bench, ledger_node, "small", "gpu", "t4");
	show(&x, "x", "a", "1")->node_name = STR("small");
	see(&bench, &x.pod, 10, false);
	decide(&bench, "y", "a", 2, LEDGER_HOLD);
	expect_gi(&bench, 16);
	struct str text = encode(&bench, &version);
	assert_int_equal(ledger_rebase(bench.ledger, other), 0);
	policy_release(other);
	assert_int_equal(policy_quota_count(ledger_policy(bench.ledger)), 1);
	expect(&bench, 0, 1, 2);
	assert_true(str_eq(encode(&bench, &version), text)); /* facts, not charges */
	assert_int_equal(ledger_rebase(bench.ledger, bench.policy), 0);
	expect(&bench, A_Q, 1, 2);
	expect_gi(&bench, 16);
	close_bench(&bench);
}

/* --- Copies --- */

static void test_tentative(void **state)
{
	(void)state;
	struct bench bench;
	uint64_t version;
	open_bench(&bench);
	load(&bench, 7, STR(""));
	ledger_reach(bench.ledger, 7);
	assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_DRY), LEDGER_ADMITTED);
	expect(&bench, A_Q, 0, 0);
	assert_int_equal(decide(&bench, "x", "a", 2, LEDGER_HOLD), LEDGER_ADMITTED);
	assert_int_equal(decide(&bench, "x", "a", 2, LEDGER_HOLD), LEDGER_ADMITTED); /* again: not charged twice */
	expect(&bench, A_Q, 0, 2);
	assert_int_equal(decide(&bench, "y", "a", 3, LEDGER_HOLD), LEDGER_REFUSED);
	struct str text = encode(&bench, &version);
	assert_int_equal(version, 7);
	assert_true(has(text, "P x a x 0=2"));
	ledger_resolve(bench.ledger); /* it was not written */
	expect(&bench, A_Q, 0, 0);
	assert_int_equal(decide(&bench, "x", "a", 2, LEDGER_HOLD), LEDGER_ADMITTED);
	load(&bench, 7, text); /* it was */
	ledger_resolve(bench.ledger);
	expect(&bench, A_Q, 0, 2);
	load(&bench, 7, STR("1;"));
	expect(&bench, A_Q, 0, 0);
	close_bench(&bench);
}

static void test_fold(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	uint64_t version;
	open_bench(&bench);
	load(&bench, 7, STR("1;R nvidia.com/gpu;P x a x 0=1 -;P y a y 0=1 -;P z a z 0=1 -;"));
	assert_true(ledger_behind(bench.ledger));
	assert_int_equal(ledger_pending(bench.ledger), 3);
	assert_false(ledger_foldable(bench.ledger));
	see(&bench, show(&x, "x", "a", "1"), 20, false);
	assert_false(ledger_behind(bench.ledger));
	expect(&bench, A_Q, 1, 2);
	see(&bench, show(&y, "y", "a", "1"), 30, false);
	see(&bench, &x.pod, 40, false);
	assert_int_equal(see(&bench, &y.pod, 50, true), LEDGER_FREED); /* seen and gone: it is not pending any more */
	expect(&bench, A_Q, 1, 1);
	assert_true(ledger_foldable(bench.ledger));
	struct str text = encode(&bench, &version);
	assert_int_equal(version, 30); /* at which the last of the two was seen first */
	assert_true(has(text, "P z ") && !has(text, "P x ") && !has(text, "P y "));
	load(&bench, 7, STR("1;R nvidia.com/gpu;P y a y 0=1 -;")); /* somebody has not folded it yet */
	expect(&bench, A_Q, 1, 0);
	bench.now_ms += 2 * TTL_MS + 1;
	ledger_tick(bench.ledger, bench.now_ms);
	expect(&bench, A_Q, 1, 0); /* it is still known to be gone, as long as it stands there */
	load(&bench, version, text);
	assert_false(ledger_foldable(bench.ledger));
	expect(&bench, A_Q, 1, 1);
	close_bench(&bench);
}

static void count_found(void *context, const struct holding *holding)
{
	(void)holding;
	++*(int *)context;
}

static int count_overdue(const struct bench *bench, int64_t now_ms)
{
	int found = 0;
	ledger_overdue(bench->ledger, now_ms, 10, count_found, &found);
	return found;
}

static void test_sweep(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	uint64_t version;
	struct str text = STR("1;R nvidia.com/gpu;P x a x 0=1 -;P y a y 0=1 -;");
	open_bench(&bench);
	load(&bench, 7, text);
	assert_int_equal(count_overdue(&bench, 1000 + TTL_MS - 1), 0);
	assert_int_equal(count_overdue(&bench, 1000 + TTL_MS), 2);
	see(&bench, show(&y, "y", "a", "1"), 20, false);
	bench.now_ms = 1000 + TTL_MS;
	assert_int_equal(count_overdue(&bench, bench.now_ms), 1);
	ledger_sweep(bench.ledger, STR("y"), 20, bench.now_ms); /* it has come meanwhile */
	ledger_sweep(bench.ledger, STR("x"), 20, bench.now_ms);
	ledger_sweep(bench.ledger, STR("nobody"), 20, bench.now_ms);
	expect(&bench, A_Q, 1, 1); /* until that is written, it counts */
	struct str swept = encode(&bench, &version);
	assert_int_equal(version, 20);
	assert_true(str_eq(swept, STR("1;")));
	load(&bench, version, swept);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(see(&bench, show(&x, "x", "a", "1"), 21, false), LEDGER_LATE);
	assert_int_equal(see(&bench, &x.pod, 22, false), 0);
	expect(&bench, A_Q, 2, 0);
	close_bench(&bench);
}

/* A uid that was swept, and is admitted again, is another admission: it is written, and has its own time. */
static void test_swept_and_admitted_again(void **state)
{
	(void)state;
	for (int by_others = 0; by_others < 2; by_others++) {
		struct bench bench;
		uint64_t version;
		struct str text = STR("1;R nvidia.com/gpu;P x a x 0=1 -;");
		open_bench(&bench);
		load(&bench, 7, text);
		ledger_reach(bench.ledger, 7);
		bench.now_ms += TTL_MS;
		ledger_sweep(bench.ledger, STR("x"), 20, bench.now_ms);
		load(&bench, 7, STR("1;"));
		expect(&bench, A_Q, 0, 0);
		if (by_others)
			load(&bench, 7, text);
		else
			assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_HOLD), LEDGER_ADMITTED);
		assert_true(has(encode(&bench, &version), "P x a x 0=1"));
		load(&bench, 7, text);
		ledger_resolve(bench.ledger);
		assert_int_equal(count_overdue(&bench, bench.now_ms + TTL_MS - 1), 0);
		assert_int_equal(count_overdue(&bench, bench.now_ms + TTL_MS), 1);
		close_bench(&bench);
	}
}

static void test_unreadable_copies_change_nothing(void **state)
{
	(void)state;
	struct bench bench;
	struct error err = {0};
	open_bench(&bench);
	load(&bench, 7, STR("1;R nvidia.com/gpu;P x a x 0=1 -;"));
	assert_int_equal(ledger_load(bench.ledger, 9, STR("1;R nvidia.com/gpu;P y a y 0=1 -;P z a z 1=1 -;"), 0, &err),
			 -1);
	assert_true(strstr(err.text, "record 3") != NULL);
	expect(&bench, A_Q, 0, 1);
	assert_int_equal(ledger_version(bench.ledger), 7);
	close_bench(&bench);
}

/* What is pending is bounded: in number, of one root, in bytes; and a single Pod cannot stop the others. */
static void test_bounds(void **state)
{
	(void)state;
	struct bench bench;
	struct buf text;
	struct error err = {0};
	open_bench(&bench);
	buf_init(&text, 4 << 20);
	buf_text(&text, "1;R nvidia.com/gpu;");
	for (int i = 0; i < LEDGER_PENDING_ROOT_MAX; i++)
		buf_printf(&text, "P u%d a p 0=1 -;", i);
	load(&bench, 7, buf_view(&text));
	ledger_reach(bench.ledger, 7);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_FORCE), LEDGER_OUTAGE);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	ledger_resolve(bench.ledger);
	assert_int_equal(decide(&bench, "u0", "a", 1, LEDGER_FORCE), LEDGER_ADMITTED); /* has its place */
	for (int i = LEDGER_PENDING_ROOT_MAX; i < LEDGER_PENDING_MAX; i++)
		buf_printf(&text, "P u%d nobody p 0=1 -;", i);
	load(&bench, 7, buf_view(&text));
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_OUTAGE);

	ledger_resolve(bench.ledger);
	char name[254];
	memset(name, 'n', 253);
	name[253] = '\0';
	buf_reset(&text);
	buf_text(&text, "1;R nvidia.com/gpu;");
	load(&bench, 7, buf_view(&text));
	int held = 0;
	for (; held < LEDGER_PENDING_MAX; held++) {
		struct demand demand = {STR("nvidia.com/gpu"), 1};
		char uid[40];
		snprintf(uid, sizeof uid, "%036d", held);
		struct holding holding = {.uid = str_of(uid),
					  .namespace = {name, 63},
					  .name = str_of(name),
					  .demands = &demand,
					  .demand_count = 1};
		struct ledger_verdict verdict;
		arena_reset(&bench.arena);
		ledger_decide(bench.ledger, &holding, LEDGER_HOLD, 0, &bench.arena, &verdict);
		assert_int_equal(verdict.answer, LEDGER_ADMITTED);
	}
	uint64_t version;
	arena_release(&bench.arena);
	encode(&bench, &version); /* does not fail */
	/* Where the text would not fit, the Pod is refused and not the batch. */
	buf_reset(&text);
	buf_text(&text, "1;");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "R r.io/%s%d;", name + 8, i);
	for (int i = 0; i < 100; i++) {
		buf_printf(&text, "P h%d a p ", i);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "%s%d=1", k ? "," : "", i * 10 + k);
		buf_text(&text, " -;");
	}
	load(&bench, 7, buf_view(&text));
	assert_int_equal(ledger_pending(bench.ledger), LEDGER_PENDING_MAX + 100);
	ledger_resolve(bench.ledger);
	assert_int_equal(ledger_pending(bench.ledger), 100);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_OUTAGE);
	assert_int_equal(ledger_load(bench.ledger, 7, STR("1;"), 0, &err), 0);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	buf_release(&text);
	close_bench(&bench);
}

#define WIDE 64 /* as many things as one Pod may ask for */

static enum ledger_answer decide_names(struct bench *bench, const char *uid, const char *namespace,
				       const struct str names[static WIDE])
{
	struct demand demands[WIDE];
	struct ledger_verdict verdict;
	for (int i = 0; i < WIDE; i++)
		demands[i] = (struct demand){names[i], 1};
	struct holding holding = {.uid = str_of(uid),
				  .namespace = str_of(namespace),
				  .name = str_of(uid),
				  .demands = demands,
				  .demand_count = WIDE};
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, &holding, LEDGER_FORCE, 0, &bench->arena, &verdict);
	assert_true(ledger_check(bench->ledger));
	return verdict.answer;
}

/* A Pod that asks for all of the longest names. */
static enum ledger_answer decide_wide(struct bench *bench, int number, const char *namespace)
{
	enum { NAME_BYTES = 11 + 63 }; /* "nvidia.com/" and the longest name that Kubernetes allows after it */
	char texts[WIDE][NAME_BYTES + 1], uid[40];
	struct str names[WIDE];
	for (int i = 0; i < WIDE; i++) {
		snprintf(texts[i], sizeof texts[i], "nvidia.com/mig-%059d", i);
		names[i] = (struct str){texts[i], NAME_BYTES};
	}
	snprintf(uid, sizeof uid, "%036d", number);
	return decide_names(bench, uid, namespace, names);
}

/* A Pod that asks for what no other one asks for. */
static enum ledger_answer decide_others(struct bench *bench, int number, const char *namespace)
{
	char texts[WIDE][40], uid[40];
	struct str names[WIDE];
	for (int i = 0; i < WIDE; i++) {
		snprintf(texts[i], sizeof texts[i], "nvidia.com/n%d", number * WIDE + i);
		names[i] = str_of(texts[i]);
	}
	snprintf(uid, sizeof uid, "others-%d", number);
	return decide_names(bench, uid, namespace, names);
}

/* Long names are no way for one tenant to fill the text that all share; a single Pod always finds a place. */
static void test_bytes_of_one_root(void **state)
{
	(void)state;
	struct bench bench;
	struct error err = {0};
	int held = 0;
	open_bench(&bench);
	load(&bench, 7, STR("1;"));
	ledger_reach(bench.ledger, 7);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	while (held < LEDGER_PENDING_ROOT_MAX && decide_wide(&bench, held, "a") == LEDGER_ADMITTED)
		held++;
	assert_in_range(held, 1, LEDGER_PENDING_ROOT_MAX - 1);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	assert_int_equal(decide_wide(&bench, 1000, "n"), LEDGER_ADMITTED);
	ledger_resolve(bench.ledger);
	assert_int_equal(ledger_load(bench.ledger, 7, STR("1;"), 0, &err), 0);
	assert_int_equal(decide_wide(&bench, 1001, "a"), LEDGER_ADMITTED);
	close_bench(&bench);
}

/* However many different names Pods have thought of: what is let in can be written, and read again, and others find their place. */
static void test_names_of_one_root(void **state)
{
	(void)state;
	struct bench bench;
	uint64_t version;
	int held = 0;
	open_bench(&bench);
	load(&bench, 7, STR("1;"));
	ledger_reach(bench.ledger, 7);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	while (held < LEDGER_PENDING_ROOT_MAX && decide_others(&bench, held, "a") == LEDGER_ADMITTED)
		held++;
	assert_in_range(held, 20, LEDGER_PENDING_ROOT_MAX - 1);
	assert_int_equal(decide_others(&bench, 1000, "n"), LEDGER_ADMITTED);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_FORCE), LEDGER_ADMITTED);
	load(&bench, 7, encode(&bench, &version));
	ledger_resolve(bench.ledger);
	assert_int_equal(ledger_pending(bench.ledger), (uint32_t)held + 2);
	close_bench(&bench);
}

/* Whose quota a Pod is charged to is not known before its namespace: nothing is decided until then. */
static void test_strangers(void **state)
{
	(void)state;
	struct bench bench;
	struct shown shown;
	struct str namespace;
	struct error err = {0};
	struct pair of_b = {STR("of"), STR("b")};
	const struct pairs labels = {&of_b, 1, true}, none = {.present = true};
	open_bench(&bench);
	assert_false(ledger_stranger(bench.ledger, &namespace));
	assert_int_equal(see(&bench, show(&shown, "one", "new", "3"), 10, false), 0);
	assert_true(ledger_stranger(bench.ledger, &namespace));
	assert_true(str_eq(namespace, STR("new")));
	expect(&bench, B_Q, 0, 0);
	assert_int_equal(ledger_namespace(bench.ledger, STR("new"), &labels), 0);
	assert_false(ledger_stranger(bench.ledger, &namespace));
	expect(&bench, B_Q, 3, 0);

	/* One that a copy tells of; its namespace is gone. */
	static const char pending[] = "1;R nvidia.com/gpu;P two other p 0=1 -;";
	assert_int_equal(ledger_load(bench.ledger, 10, str_of(pending), bench.now_ms, &err), 0);
	assert_true(ledger_stranger(bench.ledger, &namespace));
	assert_true(str_eq(namespace, STR("other")));
	assert_int_equal(ledger_namespace(bench.ledger, STR("other"), &none), 0);
	assert_false(ledger_stranger(bench.ledger, &namespace));

	/* One that outlives its namespace in the view, for as long as it is there; then one of a policy that reads no labels. */
	assert_int_equal(ledger_namespace(bench.ledger, STR("new"), NULL), LEDGER_FREED);
	assert_true(ledger_stranger(bench.ledger, &namespace));
	see(&bench, show(&shown, "one", "new", "3"), 11, true);
	assert_false(ledger_stranger(bench.ledger, &namespace));
	see(&bench, show(&shown, "three", "new", "1"), 12, false);
	assert_true(ledger_stranger(bench.ledger, &namespace));
	struct policy *other = fixture_policy(other_text, NULL, 0);
	assert_int_equal(ledger_rebase(bench.ledger, other), 0);
	assert_false(ledger_stranger(bench.ledger, &namespace));
	assert_true(ledger_check(bench.ledger));
	policy_release(other);
	close_bench(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pods_come_and_go),
					   cmocka_unit_test(test_lists),
					   cmocka_unit_test(test_terminating),
					   cmocka_unit_test(test_nodes),
					   cmocka_unit_test(test_unmatched_nodes),
					   cmocka_unit_test(test_nodes_of_several_models),
					   cmocka_unit_test(test_bounded_facts),
					   cmocka_unit_test(test_namespaces),
					   cmocka_unit_test(test_strangers),
					   cmocka_unit_test(test_rebase),
					   cmocka_unit_test(test_tentative),
					   cmocka_unit_test(test_fold),
					   cmocka_unit_test(test_sweep),
					   cmocka_unit_test(test_swept_and_admitted_again),
					   cmocka_unit_test(test_unreadable_copies_change_nothing),
					   cmocka_unit_test(test_bounds),
					   cmocka_unit_test(test_bytes_of_one_root),
					   cmocka_unit_test(test_names_of_one_root)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
