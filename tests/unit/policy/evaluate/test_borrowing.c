/*
 * test_borrowing: tests how cohorts are compiled, compares limits with plain formulas, and checks
 * the messages.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/quota.h"

#define TENANT(name, spec) "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"
#define GPU_QUOTA(hard) "{name: q, resources: [nvidia.com/gpu], hard: " hard "}"

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* --- Limits --- */

#define TEAMS 5
#define NAMES 2
#define QUOTAS_MAX (TEAMS * NAMES + 1)

/*
 * Teams t0 to t4, each with quota a, b or both, in cohort x, y or none, below an organization with
 * a limit.
 */
struct team {
	int hard[NAMES]; /* -1: no such quota. */
	int borrow[NAMES], lend[NAMES];
	int cohort; /* 0: none. */
};

struct cluster {
	int org;
	struct team teams[TEAMS];
	int held[TEAMS][NAMES], pending[TEAMS][NAMES];
};

static void make_cluster(struct cluster *cluster, uint32_t *seed)
{
	*cluster = (struct cluster){.org = 10 + (int)(next_random(seed) % 30)};
	for (int t = 0; t < TEAMS; t++) {
		struct team *team = &cluster->teams[t];
		team->cohort = (int)(next_random(seed) % 3);
		for (int n = 0; n < NAMES; n++) {
			team->hard[n] = next_random(seed) % 4 == 0 ? -1 : (int)(next_random(seed) % 7);
			team->borrow[n] = team->cohort ? (int)(next_random(seed) % 6) : 0;
			team->lend[n] = team->cohort && team->hard[n] > 0 && next_random(seed) % 2
					    ? (int)(next_random(seed) % (uint32_t)(team->hard[n] + 1))
					    /* Not set: everything may be lent. */
					    : -1;
		}
	}
}

static struct policy *load_cluster(const struct cluster *cluster)
{
	static const char *const resources[NAMES] = {"nvidia.com/gpu", "amd.com/gpu"};
	struct buf yaml;
	buf_init(&yaml, 65536);
	buf_printf(&yaml, TENANT("org", "{quotas: [{name: all, hard: %d}]}"), cluster->org);
	for (int t = 0; t < TEAMS; t++) {
		const struct team *team = &cluster->teams[t];
		struct buf borrowing;
		buf_init(&borrowing, 4096);
		buf_printf(&yaml, TENANT("t%d", "{parent: org, namespaces: [t%d], quotas: ["), t, t);
		for (int n = 0; n < NAMES; n++) {
			if (team->hard[n] < 0)
				continue;
			buf_printf(&yaml, "{name: %c, resources: [%s], hard: %d}, ", 'a' + n, resources[n],
				   team->hard[n]);
			buf_printf(&borrowing, "%c: {borrowUpTo: %d", 'a' + n, team->borrow[n]);
			if (team->lend[n] >= 0)
				buf_printf(&borrowing, ", lendUpTo: %d", team->lend[n]);
			buf_text(&borrowing, "}, ");
		}
		if (team->cohort)
			buf_printf(&yaml, "], cohort: %c", 'w' + team->cohort);
		else
			buf_text(&yaml, "]");
		if (team->cohort && borrowing.len)
			buf_printf(&yaml, ", borrowing: {%.*s}", STR_ARG(buf_view(&borrowing)));
		buf_text(&yaml, "}\n");
		buf_release(&borrowing);
	}
	buf_char(&yaml, '\0');
	struct policy *policy = fixture_policy(yaml.ptr, NULL, 0);
	buf_release(&yaml);
	return policy;
}

static int total(const struct cluster *cluster, int team, int name)
{
	return cluster->held[team][name] + cluster->pending[team][name];
}

/* Whether the cluster is within all limits, by the formulas in decisions.md. */
static bool within(const struct cluster *cluster, int team, int name)
{
	const struct team *mine = &cluster->teams[team];
	int all = 0, members = 0, sum = 0, hard = 0, own = 0;
	for (int t = 0; t < TEAMS; t++)
		for (int n = 0; n < NAMES; n++)
			all += total(cluster, t, n);
	if (all > cluster->org)
		return false;
	if (mine->hard[name] < 0)
		return true;
	for (int t = 0; t < TEAMS; t++) {
		const struct team *other = &cluster->teams[t];
		if (!mine->cohort || other->cohort != mine->cohort || other->hard[name] < 0)
			continue;
		int kept = other->lend[name] < 0 ? 0 : other->hard[name] - other->lend[name];
		own = t == team ? kept : own;
		members++;
		hard += other->hard[name];
		sum += total(cluster, t, name) > kept ? total(cluster, t, name) : kept;
	}
	int borrow = members > 1 ? mine->borrow[name] : 0;
	return total(cluster, team, name) <= mine->hard[name] + borrow &&
	       (members < 2 || sum <= hard || total(cluster, team, name) <= own);
}

/* Sets what is held of each quota of the policy. */
static void fill(const struct policy *policy, const struct cluster *cluster, struct held *held)
{
	for (uint32_t q = 0; q < policy_quota_count(policy); q++) {
		struct quota_view view;
		policy_quota(policy, q, &view);
		held[q] = (struct held){0};
		for (int t = 0; t < TEAMS; t++)
			for (int n = 0; n < NAMES; n++)
				if (str_eq(view.tenant, STR("org")) ||
				    (view.tenant.ptr[1] == '0' + t && view.name.ptr[0] == 'a' + n)) {
					held[q].used += (wide)cluster->held[t][n] * policy_unit(policy);
					held[q].pending += (wide)cluster->pending[t][n] * policy_unit(policy);
				}
	}
}

static bool admits(const struct policy *policy, const struct cluster *cluster, int team, int name, int count,
		   struct quota_violation *quota_violation, uint32_t *quota_violations)
{
	char namespace[8];
	snprintf(namespace, sizeof namespace, "t%d", team);
	struct resource_request resource_request = {.resource = name ? STR("amd.com/gpu") : STR("nvidia.com/gpu"),
						    .count = count};
	struct consumer consumer = {.namespace = str_of(namespace), .requests = &resource_request, .request_count = 1};
	struct charge charges[QUOTAS_MAX];
	struct held held[QUOTAS_MAX];
	bool denied;
	int charged = policy_charge(policy, &consumer, NULL, charges);
	assert_true(charged >= 0 && (uint32_t)charged <= policy_charge_max(policy));
	fill(policy, cluster, held);
	*quota_violations = policy_exceeded(policy, charges, (uint32_t)charged, held, quota_violation, &denied);
	assert_true(*quota_violations <= policy_quota_violations_max(policy));
	/* All tenants here enforce. */
	assert_int_equal(denied, *quota_violations > 0);
	return !denied;
}

/* An amount that fits according to the smallest row does fit, and one more does not. */
static void check_left(const struct policy *policy, struct cluster *cluster, int team, int name,
		       const struct quota_violation *quota_violation, uint32_t count)
{
	wide left = quota_violation[0].left;
	for (uint32_t i = 0; i < count; i++)
		left = quota_violation[i].left < left ? quota_violation[i].left : left;
	assert_true(left >= 0 && left % policy_unit(policy) == 0);
	int fits = (int)(left / policy_unit(policy));
	int *held = &cluster->held[team][name];
	*held += fits;
	assert_true(fits == 0 || within(cluster, team, name));
	*held += 1;
	assert_false(within(cluster, team, name));
	*held -= fits + 1;
}

static void check_borrowers(const struct policy *policy, const struct cluster *cluster,
			    const struct quota_violation *quota_violation)
{
	struct quota_view mine, view;
	policy_quota(policy, quota_violation->quota, &mine);
	assert_int_equal(quota_violation->kind == QUOTA_VIOLATION_COHORT ? 0 : quota_violation->borrower_count, 0);
	uint32_t borrowers = 0;
	for (int t = 0; t < TEAMS && quota_violation->kind == QUOTA_VIOLATION_COHORT; t++) {
		int name = mine.name.ptr[0] - 'a';
		const struct team *team = &cluster->teams[t];
		borrowers += team->hard[name] >= 0 && team->cohort == cluster->teams[mine.tenant.ptr[1] - '0'].cohort &&
			     total(cluster, t, name) > team->hard[name];
	}
	assert_int_equal(quota_violation->borrower_count,
			 borrowers < QUOTA_VIOLATION_BORROWERS_MAX ? borrowers : QUOTA_VIOLATION_BORROWERS_MAX);
	for (uint32_t i = 0; i < quota_violation->borrower_count; i++) {
		policy_quota(policy, quota_violation->borrowers[i].quota, &view);
		assert_true(str_eq(view.name, mine.name) && str_eq(view.cohort, mine.cohort));
		assert_true(i == 0 || quota_violation->borrowers[i - 1].amount >= quota_violation->borrowers[i].amount);
		int t = view.tenant.ptr[1] - '0', n = view.name.ptr[0] - 'a';
		assert_true(quota_violation->borrowers[i].amount ==
			    (wide)(total(cluster, t, n) - cluster->teams[t].hard[n]) * policy_unit(policy));
	}
}

/*
 * Admits, applies and ends Pods in random order. No limit is ever exceeded, and nothing that fits
 * is refused.
 */
static void test_against_the_formulas(void **state)
{
	(void)state;
	uint32_t admitted = 0, denied = 0, cohort = 0;
	for (uint32_t round = 0; round < 150; round++) {
		uint32_t seed = round * 7919 + 1;
		struct cluster cluster;
		make_cluster(&cluster, &seed);
		struct policy *policy = load_cluster(&cluster);
		assert_non_null(policy);
		/* Held under other limits, as after a reload. */
		if (round % 3 == 0)
			for (int t = 0; t < TEAMS; t++)
				cluster.held[t][next_random(&seed) % NAMES] = (int)(next_random(&seed) % 8);
		for (int step = 0; step < 120; step++) {
			int team = (int)(next_random(&seed) % TEAMS), name = (int)(next_random(&seed) % NAMES);
			int count = 1 + (int)(next_random(&seed) % 3);
			int *held = &cluster.held[team][name], *pending = &cluster.pending[team][name];
			/* A part is seen, or ends. */
			if (next_random(&seed) % 10 < 3) {
				int *less = next_random(&seed) % 2 ? held : pending;
				int part = *less ? 1 + (int)(next_random(&seed) % (uint32_t)*less) : 0;
				*less -= part;
				*held += less == pending ? part : 0;
				continue;
			}
			struct quota_violation quota_violation[2 * QUOTAS_MAX];
			uint32_t quota_violations;
			bool fits = admits(policy, &cluster, team, name, count, quota_violation, &quota_violations);
			*pending += count;
			bool expected = within(&cluster, team, name);
			assert_int_equal(fits, expected);
			admitted += fits;
			denied += !fits;
			if (fits)
				continue;
			*pending -= count;
			for (uint32_t i = 0; i < quota_violations; i++) {
				struct quota_view view;
				policy_quota(policy, quota_violation[i].quota, &view);
				cohort += quota_violation[i].kind == QUOTA_VIOLATION_COHORT;
				assert_true(quota_violation[i].requested == (wide)count * policy_unit(policy));
				if (!str_eq(view.tenant, STR("org")))
					check_borrowers(policy, &cluster, &quota_violation[i]);
			}
			check_left(policy, &cluster, team, name, quota_violation, quota_violations);
		}
		policy_release(policy);
	}
	print_message("%u admitted, %u refused, %u by a cohort\n", admitted, denied, cohort);
	assert_true(admitted > 1000 && denied > 1000 && cohort > 200);
}

/* --- One pool in detail --- */

static const char pair[] = TENANT("a", "{namespaces: [a], cohort: x, borrowing: {q: {borrowUpTo: 3, lendUpTo: 1}}, "
				       "quotas: [" GPU_QUOTA("4") "]}")
    TENANT("b", "{namespaces: [b], cohort: x, borrowing: {q: {borrowUpTo: 2}}, quotas: [" GPU_QUOTA("4") "]}");

static uint32_t ask(const struct policy *policy, wide used_a, wide used_b, wide amount,
		    struct quota_violation *quota_violation, bool *denied)
{
	wide unit = policy_unit(policy);
	struct held held[2] = {{.used = used_a * unit}, {.pending = used_b * unit}};
	struct charge charge = {0, amount * unit};
	return policy_exceeded(policy, &charge, 1, held, quota_violation, denied);
}

static void test_views(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(pair, NULL, 0);
	struct quota_view view;
	wide unit = policy_unit(policy);
	policy_quota(policy, 0, &view);
	assert_true(str_eq(view.cohort, STR("x")) && view.borrow == 3 * unit && view.lend == unit &&
		    view.hard == 4 * unit);
	policy_quota(policy, 1, &view);
	/* Not set: everything may be lent. */
	assert_true(view.borrow == 2 * unit && view.lend == 4 * unit);
	assert_int_equal(policy_quota_violations_max(policy), 2);
	policy_release(policy);
	policy = fixture_policy(
	    TENANT("a", "{cohort: x, borrowing: {q: {borrowUpTo: 3, lendUpTo: 1}}, quotas: [" GPU_QUOTA("4") "]}"),
	    NULL, 0);
	policy_quota(policy, 0, &view);
	/* Without a partner. */
	assert_true(!str_present(view.cohort) && view.borrow == 0 && view.lend == 0);
	policy_release(policy);
}

static void test_what_is_kept(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(pair, NULL, 0);
	wide unit = policy_unit(policy);
	struct quota_violation quota_violation[2];
	bool denied;
	/* b lends everything: a gets its own 4 and 3 more, but not 4. */
	assert_int_equal(ask(policy, 4, 0, 3, quota_violation, &denied), 0);
	assert_false(denied);
	assert_int_equal(ask(policy, 4, 0, 4, quota_violation, &denied), 1);
	assert_true(denied && quota_violation[0].kind == QUOTA_VIOLATION_HARD && quota_violation[0].left == 3 * unit);
	/* b uses 2 of it again: less is left in the pool than a may borrow. */
	assert_int_equal(ask(policy, 4, 2, 5, quota_violation, &denied), 2);
	assert_true(quota_violation[0].kind == QUOTA_VIOLATION_HARD && quota_violation[0].left == 2 * unit);
	assert_true(quota_violation[1].kind == QUOTA_VIOLATION_COHORT && quota_violation[1].left == 2 * unit &&
		    quota_violation[1].borrower_count == 0);
	/*
	 * The Pods of b are pending. If they never exist, that helps with the pool, but not with
	 * a's own limit.
	 */
	assert_true(quota_violation[0].denies && !quota_violation[0].changing && quota_violation[1].denies &&
		    quota_violation[1].changing);
	/* b holds 5, which is 1 above its own limit: the last one of a is lent. */
	assert_int_equal(ask(policy, 3, 5, 1, quota_violation, &denied), 1);
	assert_true(quota_violation[0].kind == QUOTA_VIOLATION_COHORT && quota_violation[0].left == 0 &&
		    quota_violation[0].borrower_count == 1);
	assert_true(quota_violation[0].borrowers[0].quota == 1 && quota_violation[0].borrowers[0].amount == unit);
	/* b holds more than a lends now (a has lowered it). What a keeps remains available to a. */
	assert_int_equal(ask(policy, 0, 6, 3, quota_violation, &denied), 0);
	assert_int_equal(ask(policy, 0, 6, 4, quota_violation, &denied), 1);
	assert_true(quota_violation[0].kind == QUOTA_VIOLATION_COHORT && quota_violation[0].left == 3 * unit);
	policy_release(policy);
}

static void test_enforcement_and_overflow(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(
	    TENANT(
		"a",
		"{namespaces: [a], enforcement: warn, cohort: x, borrowing: {q: {borrowUpTo: 3}}, quotas: [" GPU_QUOTA(
		    "4") "]}") TENANT("b", "{namespaces: [b], cohort: x, quotas: [" GPU_QUOTA("4") "]}")
		TENANT("c", "{namespaces: [c], quotas: [{name: q, hard: unlimited}]}"),
	    NULL, 0);
	struct quota_violation quota_violation[2];
	struct held held[3] = {[1] = {.used = 9 * policy_unit(policy)}};
	bool denied;
	const wide most = ((((wide)1 << 126) - 1) * 2) + 1;
	assert_int_equal(policy_exceeded(policy, &(struct charge){0, 1}, 1, held, quota_violation, &denied), 1);
	/* a only warns. */
	assert_true(!denied && quota_violation[0].kind == QUOTA_VIOLATION_COHORT);
	assert_true(!quota_violation[0].denies && !quota_violation[0].changing);
	held[1].terminating = 1;
	policy_exceeded(policy, &(struct charge){0, 1}, 1, held, quota_violation, &denied);
	assert_true(quota_violation[0].changing);
	assert_int_equal(policy_exceeded(policy, &(struct charge){1, 1}, 1, held, quota_violation, &denied), 2);
	/* b does not. */
	assert_true(denied);
	assert_int_equal(policy_exceeded(policy, &(struct charge){2, most}, 1, held, quota_violation, &denied), 0);
	held[0] = (struct held){.used = most - 1, .pending = most - 1};
	assert_int_equal(policy_exceeded(policy, &(struct charge){0, most}, 1, held, quota_violation, &denied), 2);
	/* An amount whose sum overflows cannot be charged. */
	assert_true(denied && quota_violation[0].left == 0 && quota_violation[1].left == 0);
	held[0] = (struct held){0};
	held[1] = (struct held){.used = most, .pending = most};
	assert_int_equal(policy_exceeded(policy, &(struct charge){0, 1}, 1, held, quota_violation, &denied), 1);
	assert_true(quota_violation[0].kind == QUOTA_VIOLATION_COHORT && quota_violation[0].borrowers[0].quota == 1);
	policy_release(policy);
}

/* --- Messages --- */

static void test_sentences(void **state)
{
	(void)state;
	static const struct {
		wide used_a, used_b, amount;
		const char *text;
	} rows[] = {
	    {5, 0, 3,
	     "exceeded quota: GPU quota \"q\" of tenant \"a\": requested 3, used 5, limit 4 + up to 3 borrowed, over by 1; 2 "
	     "are free"},
	    {3, 5, 1,
	     "exceeded quota: GPU quota \"q\" of tenant \"a\": requested 1, used 3, limit 4 + up to 3 borrowed, but cohort "
	     "\"x\" has too little left: tenant \"b\" uses 1 above its own limit; wait until Pods there end, or ask "
	     "for "
	     "some of it back; nothing is free"},
	    {4, 2, 3,
	     "exceeded quota: GPU quota \"q\" of tenant \"a\": requested 3, used 4, limit 4 + up to 3 borrowed, but cohort "
	     "\"x\" has too little left; wait until Pods of the cohort end; 2 are free"},
	    /* Can never fit: a single sentence, with or without Pods of others. */
	    {0, 4, 8,
	     "can never fit: GPU quota \"q\" of tenant \"a\": requested 8, used 0, limit 4 + up to 3 borrowed; request at "
	     "most "
	     "7, or ask the platform team to raise the limit; 4 are free"},
	    {0, 1, 8,
	     "can never fit: GPU quota \"q\" of tenant \"a\": requested 8, used 0, limit 4 + up to 3 borrowed; request at "
	     "most "
	     "7, or ask the platform team to raise the limit; 7 are free"},
	    /* Above both limits: the cohort is only mentioned if it leaves less. */
	    {2, 4, 6,
	     "exceeded quota: GPU quota \"q\" of tenant \"a\": requested 6, used 2, limit 4 + up to 3 borrowed, over by 1; 2 "
	     "are free; exceeded quota: GPU quota \"q\" of tenant \"a\": requested 6, used 2, limit 4 + up to 3 borrowed, "
	     "but "
	     "cohort \"x\" has too little left; wait until Pods of the cohort end; 2 are free"},
	    {1, 1, 7,
	     "exceeded quota: GPU quota \"q\" of tenant \"a\": requested 7, used 1, limit 4 + up to 3 borrowed, over by 1; 6 "
	     "are free"},
	    {0, 5, 4,
	     "exceeded quota: GPU quota \"q\" of tenant \"a\": requested 4, used 0, limit 4 + up to 3 borrowed, but cohort "
	     "\"x\" has too little left: tenant \"b\" uses 1 above its own limit; wait until Pods there end, or ask "
	     "for "
	     "some of it back; 3 are free"},
	};
	struct policy *policy = fixture_policy(pair, NULL, 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena arena;
		arena_init(&arena, 4096, 65536);
		struct decision decision = {0};
		struct quota_violation quota_violation[2];
		bool denied;
		struct quota_denial all = {.quota_violation = quota_violation};
		all.quota_violation_count =
		    ask(policy, rows[i].used_a, rows[i].used_b, rows[i].amount, quota_violation, &denied);
		assert_int_equal(policy_add_quota_violations(policy, &all, &arena, &decision), 0);
		char text[2048] = "";
		for (uint32_t o = 0; o < decision.violation_count; o++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", o ? "; " : "",
				 STR_ARG(decision.violations[o].message));
		assert_string_equal(text, rows[i].text);
		assert_true(decision.denied);
		arena_release(&arena);
	}
	policy_release(policy);
}

/* --- Findings of the compiler --- */

#define TWO(spec_a, spec_b) TENANT("a", "{namespaces: [a], " spec_a "}") TENANT("b", "{namespaces: [b], " spec_b "}")

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *expected;
	} rows[] = {
	    {TENANT("a", "{borrowing: {q: {}}, quotas: [{name: q, hard: 1}]}"),
	     "p.yaml:5:8: error: `borrowing` needs a `cohort` to borrow from and lend to; name it, or remove"},
	    {TWO("cohort: x, borrowing: {computer: {}}, quotas: [{name: compute, hard: 1}]", "cohort: x"),
	     "p.yaml:5:48: error: Tenant \"a\" has no quota named \"computer\"; did you mean \"compute\"?"},
	    {TWO("cohort: x, borrowing: {qs: {}}", "cohort: x"),
	     "error: Tenant \"a\" has no quota named \"qs\"; there is none\n"},
	    {TWO("cohort: x, quotas: [{name: q, hard: 1}]", "cohort: x, quotas: [{name: q, hard: unlimited}]"),
	     "p.yaml:10:61: error: quotas named \"q\" lend to each other in cohort \"x\", and `unlimited` cannot be "
	     "lent; "
	     "give a number, or rename the quota"},
	    {TWO("cohort: x, quotas: [{name: q, hard: 1}]", "cohort: x, quotas: [{name: q, measure: gpus, hard: 1}]"),
	     "p.yaml:5) has other `measure`; make them the same, or rename one"},
	    {TWO("cohort: x, quotas: [{name: q, hard: 1}]",
		 "cohort: x, quotas: [{name: q, resources: [nvidia.com/gpu], hard: 1}]"),
	     "p.yaml:5) has other `resources`"},
	    {TWO("cohort: x, quotas: [{name: q, resources: [amd.com/gpu], hard: 1}]",
		 "cohort: x, quotas: [{name: q, resources: [nvidia.com/gpu], hard: 1}]"),
	     "has other `resources`"},
	    {TWO("cohort: x, quotas: [{name: q, accelerators: [t4], hard: 1}]",
		 "cohort: x, quotas: [" GPU_QUOTA("1") "]"),
	     "has other `resources`"},
	    {TWO("cohort: x, quotas: [{name: q, accelerators: [t4], hard: 1}]",
		 "cohort: x, quotas: [{name: q, hard: 1}]"),
	     "has other `accelerators`"},
	    {TENANT("p", "{cohort: x}") TENANT("q", "{parent: p}") TENANT("r", "{parent: q, cohort: x}"),
	     "p.yaml:5), and would lend to itself; remove one of the two from the cohort"},
	    {TWO("cohort: x, borrowing: {q: {lendUpTo: 2}}, quotas: [{name: q, hard: 1}]", "cohort: x"),
	     "p.yaml:5:62: error: \"lendUpTo\" is 2, but the quota's `hard` is only 1; lend at most that, or leave it "
	     "out to "
	     "lend all"},
	    {TWO("cohort: x, borrowing: {q: {borrowUpTo: '1.5'}}, quotas: [{name: q, hard: 1}]", "cohort: x"),
	     "\"1.5\" cannot be a limit in this measure; devices are counted in whole numbers"},
	    {TWO("cohort: x, borrowing: {q: {lendUpTo: 500m}}, quotas: [{name: q, hard: 1}]", "cohort: x"),
	     "\"500m\" cannot be a limit in this measure; devices are counted in whole numbers"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[8192], *policy;
		assert_true(asprintf(&policy,
				     "%s---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"
				     "spec: {resource: nvidia.com/gpu, memory: 16Gi}\n",
				     rows[i].policy) > 0);
		assert_null(fixture_policy(policy, text, sizeof text));
		free(policy);
		const char *first = strstr(text, ": error: ");
		if (!strstr(text, rows[i].expected))
			fail_msg("%s-- lacks: %s", text, rows[i].expected);
		/* One mistake causes one finding. */
		assert_null(strstr(first + 1, ": error: "));
	}
}

static void test_warnings(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *expected; /* "": no findings. */
	} rows[] = {
	    {pair, ""},
	    {TWO("cohort: x, borrowing: {q: {borrowUpTo: 1}}, quotas: [{name: q, resources: [nvidia.com/gpu, "
		 "amd.com/gpu], "
		 "hard: 1}]",
		 "cohort: x, quotas: [{name: q, resources: [amd.com/gpu, nvidia.com/gpu, amd.com/gpu], hard: 2}]"),
	     ""},
	    {TWO("cohort: x, borrowing: {q: {borrowUpTo: 1}}, quotas: [{name: q, hard: 1}]", "cohort: y"),
	     "no other Tenant is in cohort \"x\": there is nobody to borrow from or lend to"},
	    {TWO("cohort: x, borrowing: {q: {lendUpTo: 1}}, quotas: [{name: q, hard: 1}]",
		 "cohort: x, quotas: [{name: q, hard: 1}]"),
	     "p.yaml:5:33: warning: nobody in cohort \"x\" may borrow: no `borrowUpTo` above 0"},
	    {TWO("cohort: x, borrowing: {q: {borrowUpTo: 1}, p: {borrowUpTo: 1}}, quotas: [{name: q, hard: 1}, {name: "
		 "p, "
		 "hard: unlimited}]",
		 "cohort: x, quotas: [{name: q, hard: 1}]"),
	     "no other Tenant of cohort \"x\" has a quota named \"p\": there is nothing to borrow or lend"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[8192];
		struct policy *policy = fixture_policy(rows[i].policy, text, sizeof text);
		print_message("%s", text);
		assert_non_null(policy);
		assert_non_null(strstr(text, rows[i].expected));
		assert_int_equal(strstr(text, "warning") != NULL, *rows[i].expected != '\0');
		policy_release(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_the_formulas),
	    cmocka_unit_test(test_views),
	    cmocka_unit_test(test_what_is_kept),
	    cmocka_unit_test(test_enforcement_and_overflow),
	    cmocka_unit_test(test_sentences),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_warnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
