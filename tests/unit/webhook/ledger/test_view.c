/*
 * test_view: tests what the ledger sees, and its copies, rule by rule as in
 * webhook/ledger/ledger.h. All sums are checked after every step.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/ledger/codec.h"
#include "webhook/ledger/entry.h"
#include "webhook/ledger/ledger.h"

#define TTL_MS 60000
#define FOLD_MS 500
#define GI ((wide)1 << 30)

#define MODELS                                                                                                         \
	"apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster}\nspec: {terminatingGraceSeconds: 300}\n" \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"                                  \
	"spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {gpu: a100}}\n---\n"                               \
	"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"                                         \
	"spec: {resource: nvidia.com/gpu, memory: 16Gi, nodeLabels: {gpu: t4}}\n---\n"
#define TENANT(name, spec) "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"

/* Quotas are sorted by name: a/memory, a/q, b/q. */
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
	enum ledger_retry retry; /* Of the last decision. */
};

static void open_bench_of(struct bench *bench, const char *text)
{
	struct error err = {0};
	*bench = (struct bench){.policy = fixture_policy(text, NULL, 0), .now_ms = 1000};
	assert_non_null(bench->policy);
	const struct ledger_options options = {
	    .policy = bench->policy, .shared = true, .ttl_ms = TTL_MS, .fold_ms = FOLD_MS};
	bench->ledger = ledger_create(&options, &err);
	assert_non_null(bench->ledger);
	arena_init(&bench->arena, 4096, 1 << 20);
}

static void open_bench(struct bench *bench)
{
	open_bench_of(bench, policy_text);
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

/* A Pod as an event shows it. A test changes what it needs. */
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
	ledger_reach(bench->ledger, CONSUMER_POD, version);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

static enum ledger_outcome decide(struct bench *bench, const char *uid, const char *namespace, int64_t count,
				  enum ledger_mode mode)
{
	static const struct str models[] = {{"a100", 4}, {"t4", 2}};
	struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = count};
	struct consumer consumer = {.uid = str_of(uid),
				    .namespace = str_of(namespace),
				    .name = str_of(uid),
				    .requests = &resource_request,
				    .request_count = 1,
				    .models = models,
				    .model_count = 2};
	struct ledger_verdict verdict;
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, &consumer, mode, bench->now_ms, &bench->arena, NULL, &verdict);
	assert_true(ledger_check(bench->ledger));
	bench->retry = verdict.retry;
	return verdict.outcome;
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

/* Returns a copy of the text that a write would contain, and sets its version. */
static struct str encode(struct bench *bench, uint64_t *version)
{
	struct buf out;
	buf_init(&out, LEDGER_TEXT_MAX);
	struct ledger_versions versions;
	ledger_encode(bench->ledger, bench->now_ms, &out, &versions);
	*version = versions.of[CONSUMER_POD];
	assert_false(out.failed);
	struct str text = arena_str(&bench->arena, buf_view(&out));
	buf_release(&out);
	return text;
}

static void load(struct bench *bench, uint64_t version, struct str text)
{
	struct error err = {0};
	if (ledger_load(bench->ledger, (struct ledger_versions){{version}}, text, bench->now_ms, &err) < 0)
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
	assert_int_equal(ledger_view_version(bench.ledger, CONSUMER_POD), 12);

	x.pod.phase = STR("Running");
	assert_int_equal(see(&bench, &x.pod, 13, false), 0);
	x.pod.phase = STR("Failed");
	assert_int_equal(see(&bench, &x.pod, 14, false), LEDGER_FREED);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(see(&bench, &y.pod, 15, true), LEDGER_FREED);
	expect(&bench, A_Q, 0, 0);
	/* It had already been freed. */
	assert_int_equal(see(&bench, &x.pod, 16, true), 0);
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
	ledger_list_begin(bench.ledger, CONSUMER_POD);
	assert_int_equal(ledger_event_version(bench.ledger, CONSUMER_POD), 0);
	see(&bench, show(&z, "z", "a", "2"), 20, false);
	see(&bench, &x.pod, 10, false);
	/* Until the list ends, missing Pods may still follow. */
	expect(&bench, A_Q, 4, 0);
	/* The list was interrupted. */
	ledger_list_begin(bench.ledger, CONSUMER_POD);
	see(&bench, &x.pod, 10, false);
	assert_int_equal(ledger_list_end(bench.ledger, CONSUMER_POD, 30, bench.now_ms), LEDGER_FREED);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(ledger_view_version(bench.ledger, CONSUMER_POD), 30);
	assert_int_equal(ledger_event_version(bench.ledger, CONSUMER_POD), 10);
	ledger_forget(bench.ledger);
	expect(&bench, A_Q, 0, 0);
	assert_true(ledger_behind(bench.ledger));
	load(&bench, 5, STR(""));
	assert_true(ledger_behind(bench.ledger));
	ledger_reach(bench.ledger, CONSUMER_POD, 5);
	assert_false(ledger_behind(bench.ledger));
	close_bench(&bench);
}

static void test_terminating(void **state)
{
	/* deletionGracePeriodSeconds, and when the Pod stops counting. 300 s are the policy's. */
	static const struct {
		const char *grace;
		int64_t counts_ms;
	} rows[] = {
	    {"30", 330000},
	    {"0", 300000},
	    {NULL, 300000},
	    {"2147483646", 2147483946000},
	    /* Very long periods must not overflow and end immediately. */
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
		/* The first sight of the deletion counts. */
		assert_int_equal(see(&bench, &x.pod, 12, false), 0);
		assert_int_equal(ledger_tick(bench.ledger, 5000 + rows[i].counts_ms - 1), 0);
		expect(&bench, A_Q, 1, 0);
		assert_int_equal(ledger_tick(bench.ledger, 5000 + rows[i].counts_ms), LEDGER_FREED);
		expect(&bench, A_Q, 0, 0);
		assert_int_equal(see(&bench, &x.pod, 13, false), 0);
		expect(&bench, A_Q, 0, 0);
		close_bench(&bench);
	}
}

static void expect_refusal(struct bench *bench, const char *namespace, int64_t count, enum ledger_retry retry)
{
	assert_int_equal(decide(bench, "asks", namespace, count, LEDGER_HOLD), LEDGER_DENIED);
	assert_int_equal(bench->retry, retry);
}

static struct pod *terminate(struct shown *shown)
{
	shown->pod.deletion_timestamp = STR("2026-01-01T00:00:00Z");
	shown->pod.deletion_grace_seconds = STR("30");
	return &shown->pod;
}

static wide terminating(const struct bench *bench, uint32_t quota)
{
	return ledger_held(bench->ledger)[quota].terminating / policy_unit(ledger_policy(bench->ledger));
}

/* A refusal can only end soon while something that causes it is pending or terminating. */
static void test_hope(void **state)
{
	(void)state;
	struct bench bench;
	struct shown shown;
	uint64_t version;
	open_bench(&bench);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	expect_refusal(&bench, "n", 5, LEDGER_RETRY_NEVER);
	see(&bench, show(&shown, "one", "n", "4"), 10, false);
	expect_refusal(&bench, "n", 1, LEDGER_RETRY_UNSEEN);
	expect_refusal(&bench, "n", 5, LEDGER_RETRY_NEVER);
	assert_int_equal(see(&bench, terminate(&shown), 11, false), 0);
	assert_true(terminating(&bench, B_Q) == 4);
	expect_refusal(&bench, "n", 1, LEDGER_RETRY_SOON);
	expect_refusal(&bench, "n", 5, LEDGER_RETRY_NEVER);
	/* Its facts are recorded again. */
	shown.pod.node_name = STR("somewhere");
	see(&bench, &shown.pod, 12, false);
	assert_true(terminating(&bench, B_Q) == 4);
	shown.pod.phase = STR("Failed");
	assert_int_equal(see(&bench, &shown.pod, 13, false), LEDGER_FREED);
	assert_true(terminating(&bench, B_Q) == 0);

	assert_int_equal(decide(&bench, "two", "n", 4, LEDGER_HOLD), LEDGER_ADMITTED);
	expect_refusal(&bench, "n", 1, LEDGER_RETRY_SOON);
	load(&bench, 13, encode(&bench, &version));
	ledger_resolve(bench.ledger);
	expect_refusal(&bench, "n", 1, LEDGER_RETRY_SOON);
	see(&bench, show(&shown, "two", "n", "4"), 14, false);
	expect_refusal(&bench, "n", 1, LEDGER_RETRY_UNSEEN);
	close_bench(&bench);
}

#define TREE(enforcement)                                                                                              \
	TENANT("org", "{quotas: [{name: q, hard: 4}]}")                                                                \
	"---\n" TENANT("team", "{parent: org, namespaces: [team]" enforcement                                          \
			       ", quotas: [{name: q, hard: 2}]}") "---\n" TENANT("other",                              \
										 "{parent: org, namespaces: [other]}")

/*
 * If several limits refuse, one that will not change is enough. Limits that only warn do not
 * matter.
 */
static void test_hope_of_several_limits(void **state)
{
	static const struct {
		const char *text;
		enum ledger_retry retry;
	} cases[] = {{TREE(""), LEDGER_RETRY_UNSEEN}, {TREE(", enforcement: audit"), LEDGER_RETRY_SOON}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench bench;
		struct shown shown;
		open_bench_of(&bench, cases[i].text);
		see(&bench, show(&shown, "stays", "team", "2"), 10, false);
		see(&bench, show(&shown, "goes", "other", "2"), 11, false);
		see(&bench, terminate(&shown), 12, false);
		expect_refusal(&bench, "team", 1, cases[i].retry);
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
	/* A list without it has the same effect as the event. */
	ledger_labels_begin(bench.ledger, LEDGER_NODES);
	assert_int_equal(ledger_labels_end(bench.ledger, LEDGER_NODES), 0);
	expect_gi(&bench, 80);
	close_bench(&bench);
}

/* Sets the devices of nodes, all with this label; `gpu` NULL: none. */
static int set_devices(struct bench *bench, uint32_t count, const char *const *nodes, const char *gpu)
{
	const struct pair label = {STR("gpu"), str_of(gpu)};
	struct named_pairs all[200];
	for (uint32_t i = 0; i < count; i++)
		all[i] = (struct named_pairs){str_of(nodes[i]), {&label, 1, true}};
	int seen = -1;
	assert_int_equal(ledger_set_devices(bench->ledger, all, count, &seen), 0);
	return seen;
}

/* They count like labels of the node, which decide where it has them. */
static void test_devices_of_nodes(void **state)
{
	static const char *const names[] = {"m", "n"};
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	show(&x, "x", "a", "1");
	x.pod.node_name = STR("n");
	see(&bench, &x.pod, 10, false);
	/* Nothing is known of a node that does not exist. */
	assert_int_equal(set_devices(&bench, 2, names, "t4"), 0);
	expect_gi(&bench, 80);
	assert_int_equal(set_labels(&bench, ledger_node, "n", "zone", "z"), LEDGER_FREED);
	expect_gi(&bench, 16);
	assert_int_equal(set_devices(&bench, 2, names, "t4"), 0);
	assert_int_equal(set_labels(&bench, ledger_node, "n", "gpu", "a100"), 0);
	expect_gi(&bench, 80);
	assert_int_equal(set_devices(&bench, 2, names, "a100"), 0);
	set_labels(&bench, ledger_node, "n", "zone", "z");
	expect_gi(&bench, 80);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 0);
	assert_int_equal(set_devices(&bench, 2, names, "t4"), LEDGER_FREED);
	expect_gi(&bench, 16);
	/* A node that is not among them has none, and a new policy changes nothing about that. */
	assert_int_equal(set_devices(&bench, 1, names, "t4"), 0);
	expect_gi(&bench, 80);
	assert_int_equal(ledger_unfit(bench.ledger).of_no_model, 1);
	set_devices(&bench, 2, names, "t4");
	assert_int_equal(ledger_rebase(bench.ledger, ledger_policy(bench.ledger)), 0);
	expect_gi(&bench, 16);
	close_bench(&bench);
}

static void test_devices_of_many_nodes(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	char texts[200][16];
	const char *names[200];
	open_bench(&bench);
	for (int i = 0; i < 200; i++) {
		snprintf(texts[i], sizeof texts[i], "n%d", i);
		names[i] = texts[i];
		set_labels(&bench, ledger_node, names[i], "zone", "z");
	}
	show(&x, "x", "a", "1");
	x.pod.node_name = STR("n199");
	see(&bench, &x.pod, 10, false);
	for (uint32_t count = 1; count <= 200; count++)
		assert_int_equal(set_devices(&bench, count, names, "t4"), count == 200 ? LEDGER_FREED : 0);
	expect_gi(&bench, 16);
	assert_int_equal(set_devices(&bench, 0, names, "t4"), 0);
	expect_gi(&bench, 80);
	assert_int_equal(set_devices(&bench, 200, names, "t4"), LEDGER_FREED);
	expect_gi(&bench, 16);
	close_bench(&bench);
}

/* Nodes that match no model leave a Pod's charge unchanged, and are counted. */
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
	assert_true(str_eq(ledger_unfit_example(bench.ledger)->consumer.uid, STR("x")));
	/* The Pod's node selector no longer matters. */
	set_labels(&bench, ledger_node, "odd", "gpu", "a100");
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

/* For two Accelerators that no label distinguishes, the more expensive one counts. */
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
	*bytes += sizeof *entry + entry->consumer.request_count * sizeof(struct resource_request) +
		  entry->consumer.model_count * sizeof(struct str);
	for (uint32_t i = 0; i < entry->consumer.request_count; i++)
		*bytes += entry->consumer.requests[i].resource.len;
	for (uint32_t t = 0; pod && t < pod->node_term_count; t++)
		for (uint32_t e = 0; e < pod->node_terms[t].count; e++) {
			const struct strs *values = &pod->node_terms[t].expressions[e].values;
			*bytes += values->count * sizeof(struct str);
			for (uint32_t v = 0; v < values->count; v++)
				*bytes += values->items[v].len;
		}
}

/*
 * What the view keeps of one Pod is bounded, whatever the Pod contains. Such a Pod is charged as
 * one that could land anywhere.
 */
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

	/*
	 * A Pod without accelerators but with many names: another policy could make accelerators of
	 * them. Some of them are kept.
	 */
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

	/* An accelerator is kept, however many names precede it. */
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
	assert_int_equal(decide(&bench, "z", "n", 2, LEDGER_DRY), LEDGER_DENIED);
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
	/* The text contains facts, not charges. */
	assert_true(str_eq(encode(&bench, &version), text));
	assert_int_equal(ledger_rebase(bench.ledger, bench.policy), 0);
	expect(&bench, A_Q, 1, 2);
	expect_gi(&bench, 16);
	close_bench(&bench);
}

/*
 * A phase is not final to the API server. A Pod that has finished counts again when it runs again,
 * however often that changes.
 */
static void test_pods_that_come_back(void **state)
{
	static const char *const phases[] = {"Succeeded", "Failed"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench bench;
		struct shown x;
		open_bench(&bench);
		set_labels(&bench, ledger_node, "small", "gpu", "t4");
		see(&bench, show(&x, "x", "a", "2"), 10, false);
		x.pod.phase = str_of(phases[i]);
		assert_int_equal(see(&bench, &x.pod, 11, false), LEDGER_FREED);
		expect(&bench, A_Q, 0, 0);
		x.pod.phase = STR("Running");
		see(&bench, &x.pod, 12, false);
		expect(&bench, A_Q, 2, 0);
		expect_gi(&bench, 160);
		x.pod.node_name = STR("small");
		see(&bench, &x.pod, 13, false);
		expect_gi(&bench, 32);
		x.pod.phase = str_of(phases[i]);
		assert_int_equal(see(&bench, &x.pod, 14, false), LEDGER_FREED);
		assert_int_equal(see(&bench, &x.pod, 15, false), 0);
		x.pod.phase = STR("Running");
		see(&bench, &x.pod, 16, false);
		expect_gi(&bench, 32);
		close_bench(&bench);
	}
}

/*
 * A Pod that no longer counts because it has been terminating for too long counts again once it is
 * not terminating.
 */
static void test_terminating_no_more(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	open_bench(&bench);
	show(&x, "x", "a", "1")->deletion_timestamp = STR("2026-01-01T00:00:00Z");
	x.pod.deletion_grace_seconds = STR("30");
	see(&bench, &x.pod, 10, false);
	bench.now_ms += 330000;
	assert_int_equal(ledger_tick(bench.ledger, bench.now_ms), LEDGER_FREED);
	expect(&bench, A_Q, 0, 0);
	see(&bench, &x.pod, 11, false);
	expect(&bench, A_Q, 0, 0);
	/* Deleted again: now it has its ten seconds. */
	x.pod.deletion_grace_seconds = STR("10");
	see(&bench, &x.pod, 12, false);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(ledger_tick(bench.ledger, bench.now_ms + 309999), 0);
	assert_int_equal(ledger_tick(bench.ledger, bench.now_ms + 310000), LEDGER_FREED);
	x.pod.deletion_timestamp = (struct str){NULL, 0};
	see(&bench, &x.pod, 13, false);
	expect(&bench, A_Q, 1, 0);
	close_bench(&bench);
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random * 0x2545f4914f6cdd1du >> 33;
}

static void expect_same(const struct bench *bench, const struct bench *fresh, uint64_t seed)
{
	assert_true(ledger_check(bench->ledger));
	for (uint32_t quota = 0; quota <= B_Q; quota++)
		if (ledger_held(bench->ledger)[quota].used != ledger_held(fresh->ledger)[quota].used)
			fail_msg("seed %llu: quota %u is not what the last events say", (unsigned long long)seed,
				 quota);
}

/* Whatever events came before, a Pod costs what the last event says. */
static void test_the_last_event_counts(void **state)
{
	enum { SEEDS = 300, STEPS = 30, PODS = 3 };
	static const char *const uids[PODS] = {"x", "y", "z"}, *const graces[] = {"0", "30", NULL},
				 *const phases[] = {"", "Pending", "Running", "Succeeded", "Failed", "Unknown"},
				 *const nodes[] = {"", "small", "big", "odd", "unknown"};
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct bench bench, fresh;
		struct shown shown[PODS];
		uint64_t random = seed * 0x9e3779b97f4a7c15u, version = 10;
		open_bench(&bench);
		set_labels(&bench, ledger_node, "small", "gpu", "t4");
		set_labels(&bench, ledger_node, "big", "gpu", "a100");
		set_labels(&bench, ledger_node, "odd", "gpu", "h100");
		for (int i = 0; i < PODS; i++)
			see(&bench, show(&shown[i], uids[i], "a", "1"), version++, false);
		for (int step = 0; step < STEPS; step++) {
			struct pod *pod = &shown[next_random(&random) % PODS].pod;
			bool terminates = next_random(&random) % 3 == 0;
			pod->phase = str_of(phases[next_random(&random) % 6]);
			pod->node_name = str_of(nodes[next_random(&random) % 5]);
			pod->deletion_timestamp = terminates ? STR("2026-01-01T00:00:00Z") : (struct str){NULL, 0};
			pod->deletion_grace_seconds = str_of(graces[next_random(&random) % 3]);
			see(&bench, pod, version++, false);
			if (next_random(&random) % 8 == 0)
				bench.now_ms += 100000 * (int64_t)(next_random(&random) % 8);
		}
		open_bench(&fresh);
		set_labels(&fresh, ledger_node, "small", "gpu", "t4");
		set_labels(&fresh, ledger_node, "big", "gpu", "a100");
		set_labels(&fresh, ledger_node, "odd", "gpu", "h100");
		for (int i = 0; i < PODS; i++)
			see(&fresh, &shown[i].pod, version++, false);
		/* Otherwise, a Pod may have been terminating for too long to count. */
		if (bench.now_ms == fresh.now_ms)
			expect_same(&bench, &fresh, seed);
		ledger_tick(bench.ledger, bench.now_ms + 1000000);
		ledger_tick(fresh.ledger, bench.now_ms + 1000000);
		expect_same(&bench, &fresh, seed);
		close_bench(&bench);
		close_bench(&fresh);
	}
}

/* --- Pods that cannot be read --- */

static int see_unreadable(struct bench *bench, const char *uid, uint64_t version)
{
	const struct pod pod = {.present = true, .uid = str_of(uid), .namespace = STR("a"), .name = str_of(uid)};
	int seen = ledger_see_unreadable(bench->ledger, &pod, version);
	ledger_reach(bench->ledger, CONSUMER_POD, version);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

/*
 * All that is known about the Pod is its entry. It counts, is never expired, and is written as long
 * as the Pod exists.
 */
static void test_unreadable(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x;
	uint64_t version;
	struct str text = STR("1;R nvidia.com/gpu;P x a x 0=2 -;");
	open_bench(&bench);
	load(&bench, 7, text);
	assert_int_equal(see_unreadable(&bench, "x", 20), 0);
	expect(&bench, A_Q, 0, 2);
	ledger_due(bench.ledger, CONSUMER_POD, 20, bench.now_ms + TTL_MS);
	bench.now_ms += 10 * TTL_MS;
	ledger_tick(bench.ledger, bench.now_ms);
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms));
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	assert_true(has(encode(&bench, &version), "P =x 0 0=2"));
	assert_int_equal(version, 7);

	/* A replica that can read it has folded it. */
	load(&bench, 8, STR("1;"));
	expect(&bench, A_Q, 2, 0);
	ledger_list_begin(bench.ledger, CONSUMER_POD);
	see_unreadable(&bench, "x", 20);
	ledger_list_end(bench.ledger, CONSUMER_POD, 40, bench.now_ms);
	expect(&bench, A_Q, 2, 0);
	/* It can be read now. */
	see(&bench, show(&x, "x", "a", "1"), 41, false);
	expect(&bench, A_Q, 1, 0);
	/* It cannot be read again: it counts as it was last seen. */
	see_unreadable(&bench, "x", 42);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(see(&bench, &x.pod, 43, true), LEDGER_FREED);
	expect(&bench, A_Q, 0, 0);
	close_bench(&bench);
}

/*
 * The view may be ahead of the copy. A Pod without an entry costs nothing. A Pod that a list omits
 * is gone.
 */
static void test_unreadable_before_its_entry(void **state)
{
	(void)state;
	struct bench bench;
	uint64_t version;
	open_bench(&bench);
	see_unreadable(&bench, "x", 20);
	see_unreadable(&bench, "stranger", 21);
	expect(&bench, A_Q, 0, 0);
	load(&bench, 7, STR("1;R nvidia.com/gpu;P x a x 0=2 -;"));
	expect(&bench, A_Q, 0, 2);
	assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms + 10 * TTL_MS));
	ledger_list_begin(bench.ledger, CONSUMER_POD);
	assert_int_equal(ledger_list_end(bench.ledger, CONSUMER_POD, 30, bench.now_ms), LEDGER_FREED);
	expect(&bench, A_Q, 0, 0);
	assert_true(str_eq(encode(&bench, &version), STR("")));

	/* An expired one is late, and counts again. */
	ledger_forget(bench.ledger);
	load(&bench, 7, STR("1;R nvidia.com/gpu;P x a x 0=2 -;"));
	bench.now_ms += TTL_MS;
	ledger_reach(bench.ledger, CONSUMER_POD, 35);
	ledger_due(bench.ledger, CONSUMER_POD, 35, bench.now_ms);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 1);
	assert_int_equal(see_unreadable(&bench, "x", 36), LEDGER_LATE);
	assert_true(has(encode(&bench, &version), "P =x 0 0=2"));
	expect(&bench, A_Q, 0, 2);
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
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_DRY), LEDGER_ADMITTED);
	expect(&bench, A_Q, 0, 0);
	assert_int_equal(decide(&bench, "x", "a", 2, LEDGER_HOLD), LEDGER_ADMITTED);
	/* Again: not charged twice. */
	assert_int_equal(decide(&bench, "x", "a", 2, LEDGER_HOLD), LEDGER_ADMITTED);
	expect(&bench, A_Q, 0, 2);
	assert_int_equal(decide(&bench, "y", "a", 3, LEDGER_HOLD), LEDGER_DENIED);
	struct str text = encode(&bench, &version);
	assert_int_equal(version, 7);
	assert_true(has(text, "N a;R nvidia.com/gpu;M a100;M t4;P =x 0 0=2 0,1;"));
	/* It was not written. */
	ledger_resolve(bench.ledger);
	expect(&bench, A_Q, 0, 0);
	assert_int_equal(decide(&bench, "x", "a", 2, LEDGER_HOLD), LEDGER_ADMITTED);
	/* It was written. */
	load(&bench, 7, text);
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
	see(&bench, show(&x, "x", "a", "1"), 20, false);
	assert_false(ledger_behind(bench.ledger));
	expect(&bench, A_Q, 1, 2);
	bench.now_ms += FOLD_MS - 1;
	see(&bench, show(&y, "y", "a", "1"), 30, false);
	see(&bench, &x.pod, 40, false);
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	struct str text = encode(&bench, &version);
	/* Slower replicas are not forced to catch up. */
	assert_int_equal(version, 7);
	assert_true(has(text, "P =x 0 0=1") && has(text, "P =y 0 0=1") && has(text, "P =z 0 0=1"));
	load(&bench, 7, text);
	/* Charged as the view says, not as the text says. */
	expect(&bench, A_Q, 2, 1);
	bench.now_ms++;
	assert_true(ledger_foldable(bench.ledger, bench.now_ms));
	text = encode(&bench, &version);
	/* The version at which it was first seen. */
	assert_int_equal(version, 20);
	assert_true(!has(text, "P =x ") && has(text, "P =y ") && has(text, "P =z "));
	load(&bench, version, text);
	bench.now_ms += FOLD_MS;
	text = encode(&bench, &version);
	assert_int_equal(version, 30);
	assert_true(!has(text, "P =y ") && has(text, "P =z "));
	load(&bench, version, text);
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	expect(&bench, A_Q, 2, 1);
	close_bench(&bench);
}

/*
 * A replica that has not seen such a Pod yet need not wait for it, because it no longer holds
 * anything.
 */
static void test_what_is_gone_is_left_out_at_once(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	uint64_t version;
	open_bench(&bench);
	load(&bench, 7, STR("1;R nvidia.com/gpu;P x a x 0=1 -;P y a y 0=1 -;"));
	see(&bench, show(&x, "x", "a", "1"), 20, false);
	see(&bench, show(&y, "y", "a", "1"), 30, false);
	assert_int_equal(see(&bench, &x.pod, 50, true), LEDGER_FREED);
	expect(&bench, A_Q, 1, 0);
	assert_true(ledger_foldable(bench.ledger, bench.now_ms));
	struct str text = encode(&bench, &version);
	assert_int_equal(version, 7);
	assert_true(!has(text, "P =x ") && has(text, "P =y "));
	/* Another replica has not omitted it yet. */
	load(&bench, 7, STR("1;R nvidia.com/gpu;P x a x 0=1 -;"));
	expect(&bench, A_Q, 1, 0);
	bench.now_ms += 2 * TTL_MS + 1;
	ledger_tick(bench.ledger, bench.now_ms);
	/* It is still known to be gone, as long as the text contains it. */
	expect(&bench, A_Q, 1, 0);
	load(&bench, 7, STR("1;"));
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));

	load(&bench, 7, STR("1;R nvidia.com/gpu;P z a z 0=1 -;"));
	see(&bench, show(&x, "z", "a", "1"), 60, false);
	x.pod.phase = STR("Succeeded");
	assert_int_equal(see(&bench, &x.pod, 70, false), LEDGER_FREED);
	assert_true(str_eq(encode(&bench, &version), STR("")));
	/* It exists, and holds nothing. */
	assert_int_equal(version, 7);
	close_bench(&bench);
}

static void test_expire(void **state)
{
	(void)state;
	struct bench bench;
	struct shown x, y;
	uint64_t version;
	struct str text = STR("1;R nvidia.com/gpu;P x a x 0=1 -;P y a y 0=1 -;");
	open_bench(&bench);
	load(&bench, 7, text);
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, 1000 + TTL_MS - 1));
	assert_true(ledger_overdue(bench.ledger, CONSUMER_POD, 1000 + TTL_MS));
	bench.now_ms = 1000 + TTL_MS;
	/* The query was sent too early, so it does not apply to these. */
	ledger_due(bench.ledger, CONSUMER_POD, 6, bench.now_ms - 1);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	ledger_due(bench.ledger, CONSUMER_POD, 20, bench.now_ms);
	/* The version to wait for is known. */
	assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms));
	/* A later answer does not postpone it. */
	ledger_due(bench.ledger, CONSUMER_POD, 90, bench.now_ms);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	see(&bench, show(&y, "y", "a", "1"), 19, false);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	expect(&bench, A_Q, 1, 1);
	ledger_reach(bench.ledger, CONSUMER_POD, 20);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 1);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	struct str expired = encode(&bench, &version);
	assert_int_equal(version, 7);
	assert_true(!has(expired, "P =x ") && has(expired, "P =y "));
	/* Another replica has not expired it yet. */
	load(&bench, 7, text);
	expect(&bench, A_Q, 1, 0);
	load(&bench, version, expired);
	expect(&bench, A_Q, 1, 0);
	assert_int_equal(see(&bench, show(&x, "x", "a", "1"), 21, false), LEDGER_LATE);
	assert_int_equal(see(&bench, &x.pod, 22, false), 0);
	expect(&bench, A_Q, 2, 0);
	close_bench(&bench);
}

/*
 * A uid that was expired and then admitted again is a new admission. It is written, and has its own
 * time limit.
 */
static void test_swept_and_admitted_again(void **state)
{
	(void)state;
	for (int by_others = 0; by_others < 2; by_others++) {
		struct bench bench;
		uint64_t version;
		struct str text = STR("1;R nvidia.com/gpu;P x a x 0=1 -;");
		open_bench(&bench);
		load(&bench, 7, text);
		ledger_reach(bench.ledger, CONSUMER_POD, 7);
		bench.now_ms += TTL_MS;
		ledger_due(bench.ledger, CONSUMER_POD, 7, bench.now_ms);
		assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 1);
		load(&bench, 7, STR("1;"));
		expect(&bench, A_Q, 0, 0);
		if (by_others)
			load(&bench, 7, text);
		else
			assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_HOLD), LEDGER_ADMITTED);
		assert_true(has(encode(&bench, &version), "P =x 0 0=1"));
		load(&bench, 7, text);
		ledger_resolve(bench.ledger);
		assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
		assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms + TTL_MS - 1));
		assert_true(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms + TTL_MS));
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
	assert_int_equal(ledger_load(bench.ledger, (struct ledger_versions){{9}},
				     STR("1;R nvidia.com/gpu;P y a y 0=1 -;P z a z 1=1 -;"), 0, &err),
			 -1);
	assert_true(strstr(err.text, "record 3") != NULL);
	expect(&bench, A_Q, 0, 1);
	assert_int_equal(ledger_load(bench.ledger, (struct ledger_versions){{9}}, STR("6;"), 0, &err),
			 LEDGER_TEXT_UNKNOWN);
	expect(&bench, A_Q, 0, 1);
	assert_int_equal(ledger_version(bench.ledger, CONSUMER_POD), 7);
	close_bench(&bench);
}

/*
 * While some replicas only read form 1, it is written, with names where they are known. No more is
 * admitted than such replicas would admit.
 */
static void test_the_older_form(void **state)
{
	(void)state;
	struct bench bench;
	uint64_t version;
	open_bench(&bench);
	load(&bench, 7, STR("2;N a;R nvidia.com/gpu;P FdehqSQmQlSX5Q2jl5wT0w 0 0=1 -;"));
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	assert_int_equal(ledger_form(bench.ledger), LEDGER_FORM);
	assert_false(ledger_form_is_ahead(bench.ledger));
	ledger_set_form(bench.ledger, 1);
	assert_true(ledger_form_is_ahead(bench.ledger));
	assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	struct str text = encode(&bench, &version);
	assert_true(str_starts(text, STR("1;")));
	assert_true(has(text, "P 15d7a1a9-2426-4254-97e5-0da3979c13d3 a - 0=1 -;"));
	assert_true(has(text, "P x a x 0=1 0,1;"));
	load(&bench, 7, text);
	ledger_resolve(bench.ledger);
	assert_false(ledger_form_is_ahead(bench.ledger));
	expect(&bench, A_Q, 0, 2);
	/* Nothing is pending: every version reads that. */
	load(&bench, 7, STR(""));
	assert_false(ledger_form_is_ahead(bench.ledger));
	int held = 0;
	char uid[40];
	for (; held < LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE; held++) {
		snprintf(uid, sizeof uid, "u%d", held);
		if (decide(&bench, uid, "a", 1, LEDGER_FORCE) != LEDGER_ADMITTED)
			break;
	}
	assert_int_equal(held, 128);
	ledger_set_form(bench.ledger, LEDGER_FORM);
	assert_int_equal(decide(&bench, uid, "a", 1, LEDGER_FORCE), LEDGER_ADMITTED);
	close_bench(&bench);
}

/*
 * Pending entries are bounded in number, by root and in bytes. A single Pod cannot block the
 * others.
 */
static void test_bounds(void **state)
{
	(void)state;
	struct bench bench;
	struct buf text;
	struct error err = {0};
	open_bench(&bench);
	buf_init(&text, 4 << 20);
	buf_text(&text, "1;R nvidia.com/gpu;");
	for (int i = 0; i < LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE; i++)
		buf_printf(&text, "P u%d a p 0=1 -;", i);
	load(&bench, 7, buf_view(&text));
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	assert_int_equal(decide(&bench, "x", "a", 1, LEDGER_FORCE), LEDGER_OUTAGE);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	ledger_resolve(bench.ledger);
	/* It already has a place. */
	assert_int_equal(decide(&bench, "u0", "a", 1, LEDGER_FORCE), LEDGER_ADMITTED);
	for (int i = LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE; i < LEDGER_PENDING_MAX; i++)
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
	int held = 0, broad = 195;
	for (; held < LEDGER_PENDING_MAX; held++) {
		struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 1};
		char uid[40];
		snprintf(uid, sizeof uid, "%036d", held);
		struct consumer consumer = {.uid = str_of(uid),
					    .namespace = {name, 63},
					    .name = str_of(name),
					    .requests = &resource_request,
					    .request_count = 1};
		struct ledger_verdict verdict;
		arena_reset(&bench.arena);
		ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 0, &bench.arena, NULL, &verdict);
		assert_int_equal(verdict.outcome, LEDGER_ADMITTED);
	}
	uint64_t version;
	arena_release(&bench.arena);
	/* Does not fail. */
	encode(&bench, &version);
	/* If the text would not fit, that Pod is refused and not the whole batch. */
	buf_reset(&text);
	buf_text(&text, "1;");
	for (int i = 0; i < 10 * broad; i++)
		buf_printf(&text, "R r.io/%s%d;", name + 9, i);
	for (int i = 0; i < broad; i++) {
		buf_printf(&text, "P h%d a p ", i);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "%s%d=1", k ? "," : "", i * 10 + k);
		buf_text(&text, " -;");
	}
	load(&bench, 7, buf_view(&text));
	assert_int_equal(ledger_pending(bench.ledger), LEDGER_PENDING_MAX + (uint32_t)broad);
	ledger_resolve(bench.ledger);
	assert_int_equal(ledger_pending(bench.ledger), broad);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_OUTAGE);
	assert_int_equal(ledger_load(bench.ledger, (struct ledger_versions){{7}}, STR("1;"), 0, &err), 0);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	buf_release(&text);
	close_bench(&bench);
}

/* The maximum number of resources that one Pod may request. */
#define WIDE 64

static enum ledger_outcome decide_names(struct bench *bench, const char *uid, const char *namespace,
					const struct str names[static WIDE])
{
	struct resource_request requests[WIDE];
	struct ledger_verdict verdict;
	for (int i = 0; i < WIDE; i++)
		requests[i] = (struct resource_request){.resource = names[i], .count = 1};
	struct consumer consumer = {.uid = str_of(uid),
				    .namespace = str_of(namespace),
				    .name = str_of(uid),
				    .requests = requests,
				    .request_count = WIDE};
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, &consumer, LEDGER_FORCE, 0, &bench->arena, NULL, &verdict);
	assert_true(ledger_check(bench->ledger));
	return verdict.outcome;
}

/* Decides a Pod that requests all of the longest names. */
static enum ledger_outcome decide_wide(struct bench *bench, int number, const char *namespace)
{
	/* "nvidia.com/" and the longest name that Kubernetes allows after it. */
	enum { NAME_BYTES = 11 + 63 };
	char texts[WIDE][NAME_BYTES + 1], uid[40];
	struct str names[WIDE];
	for (int i = 0; i < WIDE; i++) {
		snprintf(texts[i], sizeof texts[i], "nvidia.com/mig-%059d", i);
		names[i] = (struct str){texts[i], NAME_BYTES};
	}
	snprintf(uid, sizeof uid, "%036d", number);
	return decide_names(bench, uid, namespace, names);
}

/* Decides a Pod that requests names which no other Pod requests. */
static enum ledger_outcome decide_others(struct bench *bench, int number, const char *namespace)
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

/* A tenant cannot fill the shared text with long names. A single Pod always fits. */
static void test_bytes_of_one_root(void **state)
{
	(void)state;
	struct bench bench;
	struct error err = {0};
	int held = 0;
	open_bench(&bench);
	load(&bench, 7, STR("1;"));
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	while (held < LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE && decide_wide(&bench, held, "a") == LEDGER_ADMITTED)
		held++;
	assert_in_range(held, 1, LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE - 1);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_HOLD), LEDGER_ADMITTED);
	assert_int_equal(decide_wide(&bench, 1000, "n"), LEDGER_ADMITTED);
	ledger_resolve(bench.ledger);
	assert_int_equal(ledger_load(bench.ledger, (struct ledger_versions){{7}}, STR("1;"), 0, &err), 0);
	assert_int_equal(decide_wide(&bench, 1001, "a"), LEDGER_ADMITTED);
	close_bench(&bench);
}

/*
 * However many different names Pods request, admitted ones can be written and read again, and
 * others still fit.
 */
static void test_names_of_one_root(void **state)
{
	(void)state;
	struct bench bench;
	uint64_t version;
	int held = 0;
	open_bench(&bench);
	load(&bench, 7, STR("1;"));
	ledger_reach(bench.ledger, CONSUMER_POD, 7);
	set_labels(&bench, ledger_namespace, "n", "of", "b");
	while (held < LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE && decide_others(&bench, held, "a") == LEDGER_ADMITTED)
		held++;
	assert_in_range(held, 20, LEDGER_PENDING_MAX / LEDGER_ROOT_SHARE - 1);
	assert_int_equal(decide_others(&bench, 1000, "n"), LEDGER_ADMITTED);
	assert_int_equal(decide(&bench, "x", "n", 1, LEDGER_FORCE), LEDGER_ADMITTED);
	load(&bench, 7, encode(&bench, &version));
	ledger_resolve(bench.ledger);
	assert_int_equal(ledger_pending(bench.ledger), (uint32_t)held + 2);
	close_bench(&bench);
}

/*
 * Returns the number of roots that may use as much as they can before one with nothing pending
 * finds no room.
 */
static int count_hostile(double all, double least)
{
	int roots = 0;
	for (double left = all * 3 / 4; left >= 4 * least; left = left * 3 / 4)
		roots++;
	return roots;
}

#define HOSTILE_MAX 32
/* Maximum bytes of text for a Pod with an ordinary name and one resource. */
#define ORDINARY_BYTES 160

/*
 * Opens a ledger with tenants t0, t1 and so on, with namespaces of the same names, whose quotas
 * refuse nothing.
 */
static void open_bench_of_roots(struct bench *bench, int roots)
{
	struct buf text;
	buf_init(&text, 1 << 16);
	buf_text(&text, MODELS);
	for (int i = 0; i < roots; i++)
		buf_printf(&text, "%s" TENANT("t%d", "{namespaces: [t%d], quotas: [{name: q, hard: unlimited}]}"),
			   i ? "---\n" : "", i, i);
	buf_char(&text, '\0');
	assert_false(text.failed);
	open_bench_of(bench, text.ptr);
	buf_release(&text);
	load(bench, 7, STR("1;"));
	ledger_reach(bench->ledger, CONSUMER_POD, 7);
}

/* Decides a Pod of one of the tenants. A `broad` one requests many long names. */
static bool take_room(struct bench *bench, int number, int tenant, bool broad)
{
	enum { NAME_BYTES = 11 + 63 };
	static char texts[WIDE][NAME_BYTES + 1];
	struct resource_request requests[WIDE];
	struct ledger_verdict verdict;
	char uid[40], namespace[16];
	for (int i = 0; i < WIDE; i++) {
		snprintf(texts[i], sizeof texts[i], "nvidia.com/mig-%059d", i);
		requests[i] =
		    (struct resource_request){.resource = broad ? str_of(texts[i]) : STR("nvidia.com/gpu"), .count = 1};
	}
	snprintf(uid, sizeof uid, "%036d", number);
	snprintf(namespace, sizeof namespace, "t%d", tenant);
	struct consumer consumer = {.uid = str_of(uid),
				    .namespace = str_of(namespace),
				    .name = str_of(uid),
				    .requests = requests,
				    .request_count = broad ? WIDE : 1};
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, &consumer, LEDGER_HOLD, 0, &bench->arena, NULL, &verdict);
	assert_true(verdict.outcome == LEDGER_ADMITTED || verdict.backpressure);
	return verdict.outcome == LEDGER_ADMITTED;
}

static void give_back(struct bench *bench, int number)
{
	char uid[40];
	snprintf(uid, sizeof uid, "%036d", number);
	ledger_free(bench->ledger, str_of(uid));
}

static void expect_room_for_others(struct bench *bench, int tenant)
{
	enum { NUMBER = 1 << 30 };
	if (!take_room(bench, NUMBER, tenant, false))
		fail_msg("with %u pending a tenant of which nothing is pending is kept out",
			 ledger_pending(bench->ledger));
	give_back(bench, NUMBER);
}

/*
 * Whatever some roots do with Pods that are never stored, a Pod of another root is admitted. The
 * worst case is that they act one after the other.
 */
static void test_others_get_in(void **state)
{
	(void)state;
	int by_count = count_hostile(LEDGER_PENDING_MAX, 1), by_bytes = count_hostile(LEDGER_TEXT_MAX, ORDINARY_BYTES);
	int hostile = by_count < by_bytes ? by_count : by_bytes;
	assert_in_range(hostile, 16, HOSTILE_MAX);
	for (uint32_t round = 0; round < 12; round++) {
		struct bench bench;
		uint64_t seed = round + 1;
		/* Of each root's Pods. */
		int first[HOSTILE_MAX] = {0}, end[HOSTILE_MAX] = {0};
		open_bench_of_roots(&bench, hostile + 1);
		for (int tenant = 0; tenant < hostile; tenant++) {
			bool broad = round % 3 == 1 || (round % 3 == 2 && next_random(&seed) % 2);
			while (take_room(&bench, tenant << 16 | end[tenant], tenant, broad))
				end[tenant]++;
			expect_room_for_others(&bench, hostile);
		}
		for (int step = 0; round >= 3 && step < 4000; step++) {
			int tenant = (int)(next_random(&seed) % (uint64_t)hostile);
			if (next_random(&seed) % 2 && first[tenant] < end[tenant])
				give_back(&bench, tenant << 16 | first[tenant]++);
			else if (take_room(&bench, tenant << 16 | end[tenant], tenant, next_random(&seed) % 8 == 0))
				end[tenant]++;
			expect_room_for_others(&bench, hostile);
		}
		assert_true(ledger_check(bench.ledger));
		close_bench(&bench);
	}
}

/*
 * Of the requests that wait for room, the first one gets it first, even if it is larger. Other
 * roots need not wait.
 */
static void test_rounds(void **state)
{
	(void)state;
	struct bench bench;
	int held = 0;
	open_bench_of_roots(&bench, 2);
	ledger_round(bench.ledger);
	while (take_room(&bench, held, 0, true))
		held++;
	ledger_round(bench.ledger);
	/* What a broad Pod leaves is enough for others. */
	assert_true(take_room(&bench, 1000, 0, false));
	ledger_round(bench.ledger);
	assert_false(take_room(&bench, held, 0, true));
	assert_false(take_room(&bench, 1001, 0, false));
	assert_false(take_room(&bench, 1002, 0, false));
	assert_true(take_room(&bench, 2000, 1, true));
	/* It already has a place. */
	assert_true(take_room(&bench, 1000, 0, false));
	give_back(&bench, 0);
	assert_false(take_room(&bench, 1001, 0, false));
	ledger_round(bench.ledger);
	assert_true(take_room(&bench, held, 0, true));
	assert_true(take_room(&bench, 1001, 0, false));
	close_bench(&bench);
}

/*
 * Until its namespace is known, it is unknown which quota a Pod is charged to. Nothing is decided
 * until then.
 */
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
	assert_false(ledger_unresolved(bench.ledger, &namespace));
	assert_int_equal(see(&bench, show(&shown, "one", "new", "3"), 10, false), 0);
	assert_true(ledger_unresolved(bench.ledger, &namespace));
	assert_true(str_eq(namespace, STR("new")));
	expect(&bench, B_Q, 0, 0);
	assert_int_equal(ledger_namespace(bench.ledger, STR("new"), &labels), 0);
	assert_false(ledger_unresolved(bench.ledger, &namespace));
	expect(&bench, B_Q, 3, 0);

	/* An entry of a copy, whose namespace is gone. */
	static const char pending[] = "1;R nvidia.com/gpu;P two other p 0=1 -;";
	assert_int_equal(ledger_load(bench.ledger, (struct ledger_versions){{10}}, str_of(pending), bench.now_ms, &err),
			 0);
	assert_true(ledger_unresolved(bench.ledger, &namespace));
	assert_true(str_eq(namespace, STR("other")));
	assert_int_equal(ledger_namespace(bench.ledger, STR("other"), &none), 0);
	assert_false(ledger_unresolved(bench.ledger, &namespace));

	/*
	 * An entry that outlives its namespace in the view, while its Pod exists. Then one with a
	 * policy that reads no labels.
	 */
	assert_int_equal(ledger_namespace(bench.ledger, STR("new"), NULL), LEDGER_FREED);
	assert_true(ledger_unresolved(bench.ledger, &namespace));
	see(&bench, show(&shown, "one", "new", "3"), 11, true);
	assert_false(ledger_unresolved(bench.ledger, &namespace));
	see(&bench, show(&shown, "three", "new", "1"), 12, false);
	assert_true(ledger_unresolved(bench.ledger, &namespace));
	struct policy *other = fixture_policy(other_text, NULL, 0);
	assert_int_equal(ledger_rebase(bench.ledger, other), 0);
	assert_false(ledger_unresolved(bench.ledger, &namespace));
	assert_true(ledger_check(bench.ledger));
	policy_release(other);
	close_bench(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pods_come_and_go),
					   cmocka_unit_test(test_lists),
					   cmocka_unit_test(test_terminating),
					   cmocka_unit_test(test_hope),
					   cmocka_unit_test(test_hope_of_several_limits),
					   cmocka_unit_test(test_nodes),
					   cmocka_unit_test(test_unmatched_nodes),
					   cmocka_unit_test(test_nodes_of_several_models),
					   cmocka_unit_test(test_devices_of_nodes),
					   cmocka_unit_test(test_devices_of_many_nodes),
					   cmocka_unit_test(test_bounded_facts),
					   cmocka_unit_test(test_namespaces),
					   cmocka_unit_test(test_strangers),
					   cmocka_unit_test(test_rebase),
					   cmocka_unit_test(test_pods_that_come_back),
					   cmocka_unit_test(test_terminating_no_more),
					   cmocka_unit_test(test_the_last_event_counts),
					   cmocka_unit_test(test_unreadable),
					   cmocka_unit_test(test_unreadable_before_its_entry),
					   cmocka_unit_test(test_tentative),
					   cmocka_unit_test(test_fold),
					   cmocka_unit_test(test_what_is_gone_is_left_out_at_once),
					   cmocka_unit_test(test_expire),
					   cmocka_unit_test(test_swept_and_admitted_again),
					   cmocka_unit_test(test_unreadable_copies_change_nothing),
					   cmocka_unit_test(test_the_older_form),
					   cmocka_unit_test(test_bounds),
					   cmocka_unit_test(test_bytes_of_one_root),
					   cmocka_unit_test(test_names_of_one_root),
					   cmocka_unit_test(test_others_get_in),
					   cmocka_unit_test(test_rounds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
