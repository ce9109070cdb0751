/* The events of a trace, as lines of text. */
#include "tests/unit/policy_fixture.h"

#include "gpugate/trace.h"
#include "webhook/ledger/ledger.h"

#define DOC(kind, name, spec)                                                                                          \
	"apiVersion: gpugate.io/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec "\n---\n"
#define FLEET                                                                                                          \
	DOC("Accelerator", "a100",                                                                                     \
	    "{resource: nvidia.com/gpu, memory: 40Gi, nodeLabels: {product: a100}, "                                   \
	    "sharing: {resource: nvidia.com/gpu.shared, replicas: 4}}")                                                \
	DOC("Accelerator", "t4", "{resource: nvidia.com/gpu, memory: 16Gi, weight: '0.25', nodeLabels: {product: t4}}")
#define TENANTS                                                                                                        \
	DOC("Tenant", "org", "{quotas: [{name: all, measure: gpus, hard: 3}]}")                                        \
	DOC("Tenant", "ml",                                                                                            \
	    "\n  parent: org\n  namespaces: [ml, 'ml-*']\n  quotas:\n"                                                 \
	    "  - {name: shares, resources: [nvidia.com/gpu.shared], hard: 8}\n"                                        \
	    "  - {name: whole, resources: [nvidia.com/gpu], hard: 2}\n")
#define GPUS(n)                                                                                                        \
	"{'containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':'" n "'},'requests':{'nvidia.com/gpu':'" n \
	"'}}}]"

static void print_location(struct buf *out, struct policy_location at)
{
	size_t slash = at.file.len;
	while (slash && at.file.ptr[slash - 1] != '/')
		slash--;
	if (at.line)
		buf_printf(out, " @%.*s:%u", STR_ARG(str_tail(at.file, slash)), at.line);
	else
		assert_false(str_present(at.file));
}

static void print_strs(struct buf *out, struct strs items)
{
	buf_text(out, " [");
	for (uint32_t i = 0; i < items.count; i++)
		buf_printf(out, "%s%.*s", i ? " " : "", STR_ARG(items.items[i]));
	buf_char(out, ']');
}

static void print_text(struct buf *out, struct str s)
{
	buf_printf(out, " %.*s", str_present(s) ? (int)s.len : 1, str_present(s) ? s.ptr : "-");
}

static void print_exemption(struct buf *out, const struct exemption *exemption)
{
	static const char *const words[] = {"namespace", "user", "group"};
	buf_printf(out, " %s", words[exemption->by]);
	print_text(out, exemption->value);
	print_text(out, exemption->pattern);
}

static void print_rule(struct buf *out, const struct trace_rule *rule)
{
	static const char *const outcomes[] = {"unmatched", "satisfied", "reported", "changed", "refused", "skipped"};
	static const char *const conditions[] = {
	    "",         "tenants", "namespaces",      "namespaceSelector", "podSelector", "annotationSelector",
	    "requests", "rewrite", "maxPerContainer", "toClaim",           "placement"};
	buf_printf(out, "rule %.*s %s %s", STR_ARG(rule->name), outcomes[rule->outcome], conditions[rule->condition]);
	if (rule->condition >= CONDITION_NAMESPACE_SELECTOR && rule->condition <= CONDITION_ANNOTATION_SELECTOR)
		buf_printf(out, " %.*s op%d", STR_ARG(rule->key), (int)rule->op);
	if (rule->condition && rule->condition <= CONDITION_ANNOTATION_SELECTOR) {
		print_strs(out, rule->wanted);
		print_text(out, rule->found);
	}
	if (rule->condition == CONDITION_REQUESTS || rule->condition == CONDITION_REWRITE)
		buf_printf(out, " %.*s %lld..%lld %lld", STR_ARG(rule->key), (long long)rule->min,
			   rule->max == INT64_MAX ? -1LL : (long long)rule->max, (long long)rule->requested);
}

static void print_change(struct buf *out, const struct trace_change *change)
{
	static const char *const kinds[] = {"resource", "env", "selector", "toleration", "runtimeClass"};
	buf_printf(out, "%s %.*s %s", change->by_guard ? "void" : "change", STR_ARG(change->by), kinds[change->kind]);
	print_text(out, change->container);
	print_text(out, change->toleration ? change->toleration->key : change->key);
	print_text(out, change->was);
	print_text(out, change->value);
	buf_printf(out, " %lld", (long long)change->amount);
}

static void print_guard(struct buf *out, const struct trace_guard *guard)
{
	static const char *const outcomes[] = {"passed", "objected", "exempt"};
	buf_printf(out, "guard %.*s %s", STR_ARG(guard->name), outcomes[guard->outcome]);
	if (guard->outcome == GUARD_VIOLATED) {
		print_text(out, guard->check);
		print_text(out, guard->container);
	} else if (guard->outcome == GUARD_EXEMPTED) {
		print_exemption(out, &guard->exemption);
	}
}

/* What printing amounts takes. */
struct recorder {
	struct buf out;
	const struct policy *policy;
};

static void print_amount(struct recorder *l, const char *label, wide amount)
{
	buf_printf(&l->out, " %s=", label);
	amount_print(amount, policy_unit(l->policy), MEASURE_GPUS, &l->out);
}

static void print_quota_name(struct recorder *l, uint32_t quota)
{
	struct quota_view view;
	policy_quota(l->policy, quota, &view);
	buf_printf(&l->out, " %.*s/%.*s", STR_ARG(view.tenant), STR_ARG(view.name));
}

static void on_event(void *context, const struct trace_event *event)
{
	static const char *const claims[] = {"none", "name", "glob", "selector"};
	static const char *const whys[] = {"none", "any", "placement", "node"};
	struct recorder *l = context;
	struct buf *out = &l->out;
	switch (event->kind) {
	case TRACE_EXEMPT:
		buf_text(out, "exempt");
		print_exemption(out, &event->exempt);
		break;
	case TRACE_TENANT:
		buf_text(out, "tenant");
		print_text(out, event->tenant.name);
		buf_printf(out, " %s", claims[event->tenant.claim]);
		print_text(out, event->tenant.pattern);
		print_text(out, event->tenant.other);
		print_location(out, event->tenant.other_at);
		buf_printf(out, " labels=%u", event->tenant.labels.count);
		print_location(out, event->tenant.labels_at);
		break;
	case TRACE_CHANGE:
		print_change(out, &event->change);
		break;
	case TRACE_RULE:
		print_rule(out, &event->rule);
		break;
	case TRACE_GUARD:
		print_guard(out, &event->guard);
		break;
	case TRACE_GANG:
		buf_printf(out, "gang %.*s %u", STR_ARG(event->gang.rule), event->gang.seconds);
		break;
	case TRACE_RESOURCE:
		buf_printf(out, "resource %.*s %lld %s", STR_ARG(event->resource.resource),
			   (long long)event->resource.count, whys[event->resource.why]);
		print_strs(out, event->resource.models);
		buf_text(out, event->resource.unknown ? " unknown" : "");
		break;
	case TRACE_COST:
		buf_text(out, "cost");
		print_quota_name(l, event->cost.quota);
		print_amount(l, "each", event->cost.each);
		print_amount(l, "amount", event->cost.amount);
		print_text(out, event->cost.model);
		print_location(out, event->cost.model_at);
		buf_text(out, event->cost.unmeasured ? " unmeasured" : "");
		break;
	case TRACE_QUOTA:
		buf_text(out, "quota");
		print_quota_name(l, event->quota.quota);
		print_amount(l, "requested", event->quota.requested);
		print_amount(l, "used", event->quota.used);
		print_amount(l, "pending", event->quota.pending);
		print_amount(l, "projected", event->quota.projected);
		print_amount(l, "limit", event->quota.limit);
		print_amount(l, "left", event->quota.left);
		buf_printf(out, "%s%s%s", event->quota.above_limit ? " above-limit" : "",
			   event->quota.above_cohort ? " above-cohort" : "", event->quota.denies ? " refuses" : "");
		break;
	}
	print_location(out, event->at);
	buf_char(out, '\n');
}

enum step { MUTATE, VALIDATE, DECIDE };

/*
 * Compares the lines that a step sends, and asserts that the decision is the same without a trace.
 */
static void expect(const char *policy_text, enum step step, const char *namespace, const char *metadata,
		   const char *spec, const char *lines)
{
	struct policy *policy = fixture_policy(policy_text, NULL, 0);
	struct fixture_review r;
	struct decision heard, alone;
	struct recorder l = {.policy = policy};
	const struct trace trace = {on_event, &l};
	assert_non_null(policy);
	fixture_review(&r, namespace, metadata, spec);
	buf_init(&l.out, 1 << 16);
	int (*decide)(const struct policy *, const struct review *, struct arena *, struct decision *,
		      const struct trace *) = step == MUTATE ? policy_mutate : policy_validate;
	assert_int_equal(decide(policy, &r.review, &r.arena, &alone, NULL), 0);
	assert_int_equal(decide(policy, &r.review, &r.arena, &heard, step == DECIDE ? NULL : &trace), 0);
	assert_int_equal(heard.denied, alone.denied);
	assert_int_equal(heard.edit_count, alone.edit_count);
	assert_int_equal(heard.violation_count, alone.violation_count);
	assert_int_equal(heard.charged, alone.charged);
	if (step == DECIDE) {
		const struct ledger_options options = {.policy = policy};
		struct error err = {0};
		struct ledger *ledger = ledger_create(&options, &err);
		struct ledger_verdict verdict;
		struct consumer other = heard.consumer;
		assert_true(ledger && heard.charged);
		other.uid = STR("other");
		ledger_decide(ledger, &other, LEDGER_HOLD, 0, &r.arena, NULL, &verdict);
		ledger_hold(ledger, other.uid);
		ledger_decide(ledger, &heard.consumer, LEDGER_HOLD, 0, &r.arena, &trace, &verdict);
		assert_true(ledger_check(ledger));
		ledger_destroy(ledger);
	}
	buf_char(&l.out, '\0');
	assert_false(l.out.failed);
	assert_string_equal(l.out.ptr, lines);
	buf_release(&l.out);
	fixture_review_release(&r);
	policy_release(policy);
}

static void test_tenants(void **state)
{
	(void)state;
	expect(FLEET TENANTS, VALIDATE, "ml", "{}", GPUS("1") "}", "tenant ml name ml - labels=0 @p.yaml:18\n");
	expect(FLEET TENANTS, VALIDATE, "ml-dev", "{}", GPUS("1") "}", "tenant ml glob ml-* - labels=0 @p.yaml:18\n");
	expect(FLEET TENANTS, VALIDATE, "other", "{}", GPUS("1") "}", "tenant - none - - labels=0\n");
	expect(DOC("Tenant", "x", "{namespaceSelector: {matchLabels: {team: x}}}")
		   DOC("Tenant", "y",
		       "{namespaceSelector: {matchLabels: {team: x}}}") "apiVersion: v1\nkind: Namespace\nmetadata: "
									"{name: n, labels: {team: x}}\n",
	       VALIDATE, "n", "{}", GPUS("1") "}", "tenant x selector - y @p.yaml:8 labels=1 @p.yaml:13 @p.yaml:3\n");
}

static void test_exemptions(void **state)
{
	(void)state;
	expect(DOC("Settings", "s", "{exempt: {namespaces: [a, 'kube-*'], groups: ['system:*']}}"), MUTATE, "kube-x",
	       "{}", GPUS("1") "}", "exempt namespace kube-x kube-* @p.yaml:2\n");
	expect(DOC("Settings", "s", "{exempt: {groups: ['system:*']}}"), VALIDATE, "n", "{}", GPUS("1") "}",
	       "exempt group system:authenticated system:* @p.yaml:2\n");
}

#define RULE(name, spec) DOC("Rule", name, spec)

static void test_rules(void **state)
{
	(void)state;
	/* The policy of the fleet and the tenants ends at line 26. */
	expect(
	    FLEET TENANTS RULE("a-share", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}") RULE(
		"b-place", "{inject: {nodeSelector: {pool: shared}, tolerations: [{key: k, operator: Exists}], "
			   "runtimeClassName: nvidia}}")
		RULE("c-tenant", "{match: {tenants: [org]}, inject: {nodeSelector: {pool: shared}}, order: 2000}")
		    RULE("d-whole", "{match: {requests: {nvidia.com/gpu: {min: 1, max: 1}}}, inject: "
				    "{nodeSelector: {a: b}}, order: 2000}")
			RULE("e-only", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}], order: 3000}"),
	    MUTATE, "ml", "{}", GPUS("1") "}",
	    "tenant ml name ml - labels=0 @p.yaml:18\n"
	    "change a-share resource c nvidia.com/gpu - nvidia.com/gpu.shared 1 @p.yaml:29\n"
	    "change a-share toleration - nvidia.com/gpu - - 0 @p.yaml:29\n"
	    "change b-place selector - pool - shared 0 @p.yaml:34\n"
	    "change b-place toleration - k - - 0 @p.yaml:34\n"
	    "change b-place runtimeClass - - - nvidia 0 @p.yaml:34\n"
	    "rule a-share changed  @p.yaml:29\n"
	    "rule b-place changed  @p.yaml:34\n"
	    "rule c-tenant satisfied  @p.yaml:39\n"
	    "rule d-whole unmatched requests nvidia.com/gpu 1..1 0 @p.yaml:44\n"
	    "rule e-only unmatched rewrite nvidia.com/gpu 0..0 0 @p.yaml:49\n");
}

static void test_conditions(void **state)
{
	(void)state;
	expect(
	    FLEET TENANTS DOC("Tenant", "z",
			      "{namespaces: [z]}") RULE("a", "{match: {tenants: [z]}, inject: {nodeSelector: {a: b}}}")
		RULE("b", "{match: {namespaces: [x, 'y-*']}, inject: {nodeSelector: {a: b}}}") RULE(
		    "c", "{match: {namespaceSelector: {matchLabels: {n: v}}}, inject: {nodeSelector: {a: b}}}")
		    RULE("d", "{match: {podSelector: {matchExpressions: [{key: tier, operator: In, values: [x, y]}]}}, "
			      "inject: {nodeSelector: {a: b}}}")
			RULE("e", "{match: {annotationSelector: {matchExpressions: [{key: n, operator: Exists}]}}, "
				  "inject: {nodeSelector: {a: b}}}")
			    RULE("f",
				 "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared, maxPerContainer: 1}]}")
				RULE("g", "{match: {requests: {nvidia.com/gpu: {min: 2}}}, inject: "
					  "{nodeSelector: {product: t4}}}")
				    RULE("h", "{inject: {nodeSelector: {a: b}}, enforcement: warn}"),
	    MUTATE, "ml", "{'labels':{'tier':'z'}}", GPUS("2") ",'nodeSelector':{'product':'a100'}}",
	    "tenant ml name ml - labels=0 @p.yaml:18\n"
	    "rule a unmatched tenants [z] ml @p.yaml:34\n"
	    "rule b unmatched namespaces [x y-*] ml @p.yaml:39\n"
	    "rule c unmatched namespaceSelector n op0 [v] - @p.yaml:44\n"
	    "rule d unmatched podSelector tier op0 [x y] z @p.yaml:49\n"
	    "rule e unmatched annotationSelector n op2 [] - @p.yaml:54\n"
	    "rule f unmatched maxPerContainer @p.yaml:59\n"
	    "rule g refused  @p.yaml:64\n"
	    "rule h skipped  @p.yaml:69\n");
	expect(FLEET TENANTS RULE("g", "{rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}")
		   RULE("h", "{inject: {nodeSelector: {a: b}}, enforcement: warn}"),
	       MUTATE, "ml", "{}", GPUS("1") ",'nodeSelector':{'product':'t4'}}",
	       "tenant ml name ml - labels=0 @p.yaml:18\n"
	       "rule g unmatched placement @p.yaml:29\n"
	       "rule h reported  @p.yaml:34\n");
}

/* A Rule that only decides groups changes nothing. /validate says which one decides. */
static void test_gangs(void **state)
{
	(void)state;
	expect(FLEET TENANTS RULE("a", "{gangs: allOrNothing, match: {namespaces: [x]}}")
		   RULE("b", "{gangs: allOrNothing, gangSeconds: 60}"),
	       MUTATE, "ml", "{}", GPUS("1") "}",
	       "tenant ml name ml - labels=0 @p.yaml:18\n"
	       "rule a unmatched namespaces [x] ml @p.yaml:29\n"
	       "rule b satisfied  @p.yaml:34\n");
	expect(FLEET TENANTS RULE("a", "{gangs: allOrNothing, match: {namespaces: [x]}}")
		   RULE("b", "{gangs: allOrNothing, gangSeconds: 60}"),
	       VALIDATE, "ml", "{}", GPUS("1") "}", "tenant ml name ml - labels=0 @p.yaml:18\ngang b 60 @p.yaml:34\n");
	expect(FLEET TENANTS RULE("a", "{order: 1, match: {requests: {nvidia.com/gpu: {min: 1}}}, inject: "
				       "{nodeSelector: {product: t4}}}") RULE("b", "{gangs: allOrNothing}"),
	       MUTATE, "ml", "{}", GPUS("2") ",'nodeSelector':{'product':'a100'}}",
	       "tenant ml name ml - labels=0 @p.yaml:18\n"
	       "rule a refused  @p.yaml:29\n"
	       "rule b skipped  @p.yaml:34\n");
}

static void test_guards(void **state)
{
	(void)state;
	expect(
	    DOC("Guard", "a", "{deny: [privileged]}")
		DOC("Guard", "b", "{deny: [mixedMigInContainer], visibleDevices: void}")
		    DOC("Guard", "c", "{deny: [privileged], exempt: {users: [alice]}}"),
	    VALIDATE, "n", "{}",
	    "{'containers':[{'name':'c','securityContext':{'privileged':true},'env':[{'name':'NVIDIA_VISIBLE_DEVICES',"
	    "'value':'all'}]}]}",
	    "tenant - none - - labels=0\n"
	    "guard a objected privileged c @p.yaml:3\n"
	    "guard b objected visibleDevicesEnv c @p.yaml:8\n"
	    "guard c exempt user alice alice @p.yaml:13\n");
	expect(DOC("Guard", "a", "{deny: [privileged], visibleDevices: void}"), VALIDATE, "n", "{}", GPUS("1") "}",
	       "tenant - none - - labels=0\nguard a passed @p.yaml:3\n");
	expect(DOC("Guard", "a", "{deny: [privileged], visibleDevices: void}"), MUTATE, "n", "{}",
	       "{'containers':[{'name':'c','env':[{'name':'NVIDIA_VISIBLE_DEVICES','value':'all'}]}]}",
	       "tenant - none - - labels=0\nvoid a env c NVIDIA_VISIBLE_DEVICES all void 0 @p.yaml:3\n");
}

static void test_charges(void **state)
{
	(void)state;
	/*
	 * Where any of two models is possible, the dearest counts. The quota that does not count it
	 * is looked at, too.
	 */
	expect(
	    FLEET TENANTS, DECIDE, "ml", "{'uid':'u'}", GPUS("2") "}",
	    "resource nvidia.com/gpu 2 any [a100 t4]\n"
	    "cost ml/whole each=1 amount=2 a100 @p.yaml:3 @p.yaml:24\n"
	    "cost org/all each=1 amount=2 a100 @p.yaml:3 @p.yaml:14\n"
	    "quota ml/shares requested=0 used=0 pending=0 projected=0 limit=8 left=8 @p.yaml:23\n"
	    "quota ml/whole requested=2 used=2 pending=0 projected=4 limit=2 left=0 above-limit refuses @p.yaml:24\n"
	    "quota org/all requested=2 used=2 pending=0 projected=4 limit=3 left=1 above-limit refuses @p.yaml:14\n");
	expect(FLEET TENANTS, DECIDE, "ml", "{'uid':'u'}", GPUS("1") ",'nodeSelector':{'product':'t4'}}",
	       "resource nvidia.com/gpu 1 placement [t4]\n"
	       "cost ml/whole each=1 amount=1 t4 @p.yaml:8 @p.yaml:24\n"
	       "cost org/all each=0.25 amount=0.25 t4 @p.yaml:8 @p.yaml:14\n"
	       "quota ml/shares requested=0 used=0 pending=0 projected=0 limit=8 left=8 @p.yaml:23\n"
	       "quota ml/whole requested=1 used=1 pending=0 projected=2 limit=2 left=1 @p.yaml:24\n"
	       "quota org/all requested=0.25 used=0.25 pending=0 projected=0.5 limit=3 left=2.75 @p.yaml:14\n");
	/* A name that no Accelerator has, and a cohort that has lent what is asked for. */
	expect(DOC("Tenant", "a",
		   "{namespaces: [a], cohort: c, quotas: [{name: q, hard: 2}], borrowing: {q: {borrowUpTo: 9}}}")
		   DOC("Tenant", "b", "{namespaces: [b], cohort: c, quotas: [{name: q, hard: 1}]}"),
	       DECIDE, "a", "{'uid':'u'}", GPUS("2") "}",
	       "resource nvidia.com/gpu 2 none []\n"
	       "cost a/q each=1 amount=2 - @p.yaml:4\n"
	       "quota a/q requested=2 used=2 pending=0 projected=4 limit=11 left=1 above-cohort refuses @p.yaml:4\n");
}

static void ignore(void *context, const struct trace_event *event)
{
	(void)event;
	++*(unsigned *)context;
}

/*
 * Wherever memory ends: without it, events are left out, and the decision is made or fails as a
 * whole.
 */
static void test_memory_ends(void **state)
{
	struct policy *policy = fixture_policy(FLEET TENANTS RULE("r", "{inject: {nodeSelector: {a: b}}}"), NULL, 0);
	struct fixture_review r;
	unsigned events = 0;
	const struct trace trace = {ignore, &events};
	int result = -1;
	(void)state;
	assert_non_null(policy);
	fixture_review(&r, "ml", "{}", GPUS("1") "}");
	for (size_t bytes = 0; result < 0 || events < 3; bytes += 16) {
		struct arena small;
		struct decision decision;
		assert_true(bytes < 1 << 20);
		arena_init(&small, 16, bytes);
		events = 0;
		result = policy_mutate(policy, &r.review, &small, &decision, &trace);
		assert_true(result < 0 || decision.edit_count == 1);
		arena_release(&small);
	}
	fixture_review_release(&r);
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tenants),    cmocka_unit_test(test_exemptions),  cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_conditions), cmocka_unit_test(test_gangs),       cmocka_unit_test(test_guards),
	    cmocka_unit_test(test_charges),    cmocka_unit_test(test_memory_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
