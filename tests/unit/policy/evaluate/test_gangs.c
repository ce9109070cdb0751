/*
 * test_gangs: tests which Rule decides the group of a Pod, that such Rules decide nothing else, and
 * the messages about groups that do not fit.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/decision.h"
#include "gpugate/policy_enums.h"
#include "gpugate/quota.h"
#include "gpugate/scope.h"
#include "webhook/admission/patch.h"

#define DOC(kind, name, spec)                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec "\n"
#define RULE(name, spec) DOC("Rule", name, spec)
#define BASE                                                                                                           \
	DOC("Accelerator", "a100-80gb",                                                                                \
	    "{resource: nvidia.com/gpu, memory: 80Gi, mig: {offered: [1g.10gb]}, "                                     \
	    "sharing: {resource: nvidia.com/gpu.shared, replicas: 4}}")                                                \
	DOC("Tenant", "org", "{quotas: [{name: all, measure: gpus, hard: 100}]}")                                      \
	DOC("Tenant", "team-a",                                                                                        \
	    "{parent: org, namespaces: [team-a], quotas: [{name: compute, measure: gpus, "                             \
	    "hard: 8}]}")                                                                                              \
	DOC("Tenant", "team-b", "{namespaces: [team-b], quotas: [{name: compute, hard: 8}]}")
#define GANGS "gangs: allOrNothing"
#define POD(name) "{'containers':[{'name':'c','resources':{'limits':{'" name "':'1'},'requests':{'" name "':'1'}}}]}"
#define GPU POD("nvidia.com/gpu")
#define SHARE POD("nvidia.com/gpu.shared")
#define NO_GPU "{'containers':[{'name':'c'}]}"

static void validate(const struct policy *policy, struct fixture_review *r, struct decision *decision)
{
	assert_int_equal(policy_validate(policy, &r->review, &r->arena, decision, NULL), 0);
}

/* --- Which Rule --- */

static const struct {
	const char *policy, *namespace, *metadata, *spec;
	const char *rule; /* NULL: none. */
	uint32_t seconds;
} matches[] = {
    {RULE("a", "{" GANGS "}"), "team-a", "{}", GPU, "a", 300},
    {RULE("a", "{" GANGS ", gangSeconds: 10}"), "team-a", "{}", GPU, "a", 10},
    {RULE("a", "{" GANGS ", gangSeconds: 86400}"), "team-b", "{}", SHARE, "a", 86400},
    /* Each condition of the match, which is also the key in the index. */
    {RULE("a", "{match: {namespaces: [team-a]}, " GANGS "}"), "team-a", "{}", GPU, "a", 300},
    {RULE("a", "{match: {namespaces: [team-a]}, " GANGS "}"), "team-b", "{}", GPU, NULL, 0},
    {RULE("a", "{match: {namespaces: ['team-?']}, " GANGS "}"), "team-b", "{}", GPU, "a", 300},
    {RULE("a", "{match: {tenants: [org]}, " GANGS "}"), "team-a", "{}", GPU, "a", 300},
    {RULE("a", "{match: {tenants: [org]}, " GANGS "}"), "team-b", "{}", GPU, NULL, 0},
    {RULE("a", "{match: {podSelector: {matchLabels: {k: v}}}, " GANGS "}"), "team-a", "{'labels':{'k':'v'}}", GPU, "a",
     300},
    {RULE("a", "{match: {podSelector: {matchLabels: {k: v}}}, " GANGS "}"), "team-a", "{'labels':{'k':'w'}}", GPU, NULL,
     0},
    {RULE("a", "{match: {annotationSelector: {matchLabels: {k: v}}}, " GANGS "}"), "team-a",
     "{'annotations':{'k':'v'}}", GPU, "a", 300},
    {RULE("a", "{match: {annotationSelector: {matchLabels: {k: v}}}, " GANGS "}"), "team-a", "{}", GPU, NULL, 0},
    {RULE("a", "{match: {requests: {nvidia.com/gpu: {}}}, " GANGS "}"), "team-a", "{}", GPU, "a", 300},
    {RULE("a", "{match: {requests: {nvidia.com/gpu: {}}}, " GANGS "}"), "team-a", "{}", SHARE, NULL, 0},
    {RULE("a", "{match: {requests: {nvidia.com/gpu: {min: 2}}}, " GANGS "}"), "team-a", "{}", GPU, NULL, 0},
    /* The first one by order, then by name, that matches and enforces. */
    {RULE("a", "{" GANGS "}") RULE("b", "{order: 1, gangSeconds: 20, " GANGS "}"), "team-a", "{}", GPU, "b", 20},
    {RULE("b", "{" GANGS "}") RULE("a", "{gangSeconds: 20, " GANGS "}"), "team-a", "{}", GPU, "a", 20},
    {RULE("a", "{match: {namespaces: [team-b]}, " GANGS "}") RULE("b", "{" GANGS "}"), "team-a", "{}", GPU, "b", 300},
    {RULE("a", "{enforcement: audit, " GANGS "}") RULE("b", "{" GANGS "}"), "team-a", "{}", GPU, "b", 300},
    {RULE("a", "{enforcement: warn, " GANGS "}"), "team-a", "{}", GPU, NULL, 0},
    {DOC("Settings", "s", "{enforcement: warn}") RULE("a", "{" GANGS "}"), "team-a", "{}", GPU, NULL, 0},
    {RULE("a", "{inject: {runtimeClassName: x}}"), "team-a", "{}", GPU, NULL, 0},
    /* The Pod as it is: what Rules would still change in it does not matter. */
    {RULE("a", "{match: {requests: {nvidia.com/gpu: {}}}, rewrite: [{from: nvidia.com/gpu, to: "
	       "nvidia.com/gpu.shared}], " GANGS "}"),
     "team-a", "{}", GPU, "a", 300},
    {RULE("a", "{match: {requests: {nvidia.com/gpu: {}}}, rewrite: [{from: nvidia.com/gpu, to: "
	       "nvidia.com/gpu.shared}], " GANGS "}"),
     "team-a", "{}", SHARE, NULL, 0},
    /* Only what is charged. */
    {RULE("a", "{" GANGS "}"), "team-a", "{}", NO_GPU, NULL, 0},
    {RULE("a", "{" GANGS "}") DOC("Settings", "s", "{exempt: {namespaces: [team-a]}}"), "team-a", "{}", GPU, NULL, 0},
    {RULE("a", "{" GANGS "}") DOC("Guard", "g", "{deny: [preboundNodeName]}"), "team-a", "{}",
     "{'nodeName':'n','containers':[{'name':'c','resources':{'limits':{'nvidia.com/gpu':'1'}}}]}", NULL, 0},
    {RULE("a", "{" GANGS "}"), "nobody", "{}", GPU, NULL, 0},
    /* A required Rule that refuses the Pod after it was charged. */
    {RULE("a", "{" GANGS "}") RULE("r", "{required: true, inject: {runtimeClassName: x}}"), "team-a", "{}", GPU, NULL,
     0},
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
		char *text;
		assert_true(asprintf(&text, "%s%s", BASE, matches[i].policy) > 0);
		struct policy *policy = fixture_policy(text, NULL, 0);
		struct fixture_review r;
		struct decision decision;
		assert_non_null(policy);
		fixture_review(&r, matches[i].namespace, matches[i].metadata, matches[i].spec);
		validate(policy, &r, &decision);
		const char *wanted = matches[i].rule;
		if (str_present(decision.gang_rule) != (wanted != NULL) ||
		    (wanted && !str_eq(decision.gang_rule, str_of(wanted))) ||
		    decision.gang_seconds != matches[i].seconds)
			fail_msg("%zu: %.*s %u", i, STR_ARG(decision.gang_rule), decision.gang_seconds);
		assert_null(decision.consumer.gang);
		fixture_review_release(&r);
		policy_release(policy);
		free(text);
	}
}

/* A Pod that its kubelet runs already is charged, and cannot wait for others. */
static void test_mirror(void **state)
{
	struct policy *policy = fixture_policy(BASE RULE("a", "{" GANGS "}"), NULL, 0);
	struct fixture_review r;
	struct decision decision;
	struct str nodes[] = {STR("system:nodes")};
	(void)state;
	fixture_review(&r, "team-a", "{'annotations':{'kubernetes.io/config.mirror':'x'}}", GPU);
	validate(policy, &r, &decision);
	assert_true(decision.charged && str_present(decision.gang_rule));
	r.review.groups = (struct strs){nodes, 1};
	validate(policy, &r, &decision);
	assert_true(decision.charged && decision.mirror && !str_present(decision.gang_rule));
	fixture_review_release(&r);
	policy_release(policy);
}

/* /mutate ignores such a Rule, and no condition of the registration names what it is for. */
static void test_changes_nothing(void **state)
{
	struct policy *policy = fixture_policy(
	    BASE RULE("a", "{required: true, onConflict: override, match: {requests: {nvidia.com/gpu: {}}}, " GANGS "}")
		RULE("b", "{required: true, " GANGS "}"),
	    NULL, 0);
	struct fixture_review r;
	struct decision decision;
	struct policy_scope scope;
	(void)state;
	fixture_review(&r, "team-a", "{}", GPU);
	assert_int_equal(policy_mutate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_int_equal(decision.edit_count + decision.rule_count + decision.violation_count, 0);
	assert_false(str_present(decision.gang_rule));
	validate(policy, &r, &decision);
	assert_int_equal(decision.violation_count, 0);
	assert_int_equal(policy_scope(policy, &r.arena, &scope), 0);
	assert_int_equal(scope.resources.count + scope.rule_count, 0);
	fixture_review_release(&r);
	policy_release(policy);
}

/* --- The same policy without `gangs` --- */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static const char *pick(uint32_t *seed, const char *const *from, uint32_t count)
{
	return from[next_random(seed) % count];
}
#define PICK(seed, ...)                                                                                                \
	pick(seed, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Writes a policy twice: with `gangs` in some Rules and Rules of its own, and without. */
static void write_policies(uint32_t *seed, char *with, char *without, size_t size)
{
	snprintf(with, size, "%s", BASE);
	snprintf(without, size, "%s", BASE);
	for (int i = 0, rules = 1 + (int)(next_random(seed) % 5); i < rules; i++) {
		const char *action =
		    PICK(seed, "", "rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]",
			 "rewrite: [{from: nvidia.com/gpu.shared, to: nvidia.com/mig-1g.10gb}]",
			 "inject: {nodeSelector: {pool: a}}", "inject: {nodeSelector: {pool: b}, runtimeClassName: x}",
			 "inject: {tolerations: [{key: k, operator: Exists}]}");
		char rest[400];
		snprintf(rest, sizeof rest, "order: %u, enforcement: %s, required: %s, onConflict: %s%s",
			 next_random(seed) % 3, PICK(seed, "deny", "deny", "warn", "audit"),
			 PICK(seed, "true", "false"), PICK(seed, "deny", "keep", "override"),
			 PICK(seed, "", ", match: {namespaces: [team-a]}", ", match: {tenants: [org]}",
			      ", match: {podSelector: {matchLabels: {k: v}}}",
			      ", match: {requests: {nvidia.com/gpu: {}}}",
			      ", match: {requests: {nvidia.com/gpu.shared: {}}}"));
		bool gang = !*action || next_random(seed) % 2;
		snprintf(with + strlen(with), size - strlen(with), RULE("r%d", "{%s%s%s%s%s}"), i, action,
			 *action ? ", " : "", rest, gang ? ", " : "", gang ? GANGS : "");
		if (*action)
			snprintf(without + strlen(without), size - strlen(without), RULE("r%d", "{%s, %s}"), i, action,
				 rest);
	}
}

/* Prints all of a decision but what it says of groups. */
static void print_decision(const struct decision *decision, const struct fixture_review *r, struct buf *out)
{
	buf_printf(out, "denied %d charged %d mirror %d exempt %d tenant %.*s\n", decision->denied, decision->charged,
		   decision->mirror, decision->exempt, STR_ARG(decision->tenant));
	for (uint32_t i = 0; i < decision->violation_count; i++)
		buf_printf(out, "%d %d %.*s: %.*s\n", (int)decision->violations[i].reason,
			   (int)decision->violations[i].enforcement, STR_ARG(decision->violations[i].name),
			   STR_ARG(decision->violations[i].message));
	for (uint32_t i = 0; i < decision->rule_count; i++)
		buf_printf(out, "rule %.*s\n", STR_ARG(decision->rules[i]));
	if (decision->edit_count)
		patch_write(out, &r->review.object, decision->edits, decision->edit_count);
	for (uint32_t i = 0; i < decision->consumer.request_count; i++)
		buf_printf(out, "requests %.*s %lld\n", STR_ARG(decision->consumer.requests[i].resource),
			   (long long)decision->consumer.requests[i].count);
	buf_char(out, '\0');
}

static void test_decides_nothing_else(void **state)
{
	static const char *const labels[] = {"{}", "{'labels':{'k':'v'}}"};
	static const char *const specs[] = {GPU, SHARE, NO_GPU,
					    "{'nodeSelector':{'pool':'a'},'containers':[{'name':'c','resources':{"
					    "'limits':{'nvidia.com/gpu':'2'}}}]}"};
	uint32_t seed = 1, decided = 0;
	(void)state;
	for (int round = 0; round < 300; round++) {
		char with[8192], without[8192];
		write_policies(&seed, with, without, sizeof with);
		struct policy *policies[] = {fixture_policy(with, NULL, 0), fixture_policy(without, NULL, 0)};
		assert_true(policies[0] && policies[1]);
		const char *metadata = pick(&seed, labels, 2), *spec = pick(&seed, specs, 4);
		for (int step = 0; step < 2; step++) {
			struct buf texts[2];
			for (int p = 0; p < 2; p++) {
				struct fixture_review r;
				struct decision decision;
				buf_init(&texts[p], 1 << 16);
				fixture_review(&r, "team-a", metadata, spec);
				assert_int_equal((step ? policy_validate : policy_mutate)(policies[p], &r.review,
											  &r.arena, &decision, NULL),
						 0);
				decided += str_present(decision.gang_rule);
				assert_true(p == 0 || !str_present(decision.gang_rule));
				print_decision(&decision, &r, &texts[p]);
				fixture_review_release(&r);
			}
			assert_string_equal(texts[0].ptr, texts[1].ptr);
			buf_release(&texts[0]);
			buf_release(&texts[1]);
		}
		policy_release(policies[0]);
		policy_release(policies[1]);
	}
	assert_true(decided > 30);
}

/* --- Messages --- */

#define LIMITS                                                                                                         \
	DOC("Accelerator", "a100-80gb", "{resource: nvidia.com/gpu, memory: 80Gi, mig: {offered: [1g.10gb]}}")         \
	DOC("Tenant", "team-a",                                                                                        \
	    "{namespaces: [team-a], quotas: [{name: compute, measure: gpus, hard: 4}, "                                \
	    "{name: mem, measure: memory, hard: 320Gi}]}")

static const struct message {
	const char *quota;
	/* In GPUs, or in multiples of 80Gi; `reserved` is a part of `pending`. */
	int requested, of_group, used, pending, reserved, max;
	const char *rule;
	const char *text;
} messages[] = {
    {"compute", 4, 3, 2, 0, 0, 4, "whole-jobs",
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 4 (1 by this Pod, 3 by the Pods of its "
     "group that are still to come; Rule \"whole-jobs\" admits all or none), used 2, limit 4, over by 2; 2 GPUs are "
     "free"},
    {"compute", 4, 4, 2, 0, 0, 4, "whole-jobs",
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 4 (0 by this Pod, 4 by the Pods of its "
     "group that are still to come; Rule \"whole-jobs\" admits all or none), used 2, limit 4, over by 2; 2 GPUs are "
     "free"},
    {"mem", 2, 1, 3, 0, 0, 4, "whole-jobs",
     "exceeded quota: GPU quota \"mem\" of tenant \"team-a\": requested 160Gi (80Gi by this Pod, 80Gi by the Pods of "
     "its group that are still to come; Rule \"whole-jobs\" admits all or none), used 240Gi, limit 320Gi, over by "
     "80Gi; 80Gi is free"},
    {"compute", 8, 7, 0, 0, 0, 4, "whole-jobs",
     "can never fit: GPU quota \"compute\" of tenant \"team-a\": requested 8 (1 by this Pod, 7 by the Pods of its "
     "group that are still to come; Rule \"whole-jobs\" admits all or none), used 0, limit 4; request at most 4 GPUs "
     "with all Pods of the group, or ask the platform team to raise the limit; 4 GPUs are free"},
    {"compute", 4, 3, 4, 0, 0, 4, "whole-jobs",
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 4 (1 by this Pod, 3 by the Pods of its "
     "group that are still to come; Rule \"whole-jobs\" admits all or none), used 4, limit 4, over by 4; nothing is "
     "free"},
    /* Alone, also if a Rule decides its group. */
    {"compute", 1, 0, 4, 0, 0, 4, "whole-jobs",
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 1, used 4, limit 4, over by 1; nothing is "
     "free"},
    {"compute", 3, 0, 2, 0, 0, 4, "whole-jobs",
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 3, used 2, limit 4, over by 1; 2 GPUs are "
     "free; fits: 2 x nvidia.com/gpu (2)"},
    /* What is reserved for other groups is told from what is about to exist. */
    {"compute", 4, 3, 1, 3, 2, 4, "whole-jobs",
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 4 (1 by this Pod, 3 by the Pods of its "
     "group that are still to come; Rule \"whole-jobs\" admits all or none), used 1 (+1 pending, +2 reserved for groups "
     "of Pods), limit 4, over by 4; nothing is free"},
    {"compute", 1, 0, 2, 2, 2, 4, NULL,
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 1, used 2 (+2 reserved for groups of Pods), "
     "limit 4, over by 1; nothing is free"},
    {"compute", 1, 0, 2, 2, 0, 4, NULL,
     "exceeded quota: GPU quota \"compute\" of tenant \"team-a\": requested 1, used 2 (+2 pending), limit 4, over by 1; "
     "nothing is free"},
};

static void test_messages(void **state)
{
	struct policy *policy = fixture_policy(LIMITS, NULL, 0);
	(void)state;
	assert_non_null(policy);
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		const struct message *m = &messages[i];
		uint32_t quota = strcmp(m->quota, "mem") == 0;
		wide unit = (wide)policy_unit(policy) * (quota ? (wide)80 << 30 : 1);
		struct quota_violation row = {.quota = quota,
					      .kind = QUOTA_VIOLATION_HARD,
					      .requested = m->requested * unit,
					      .of_group = m->of_group * unit,
					      .used = m->used * unit,
					      .pending = m->pending * unit,
					      .reserved = m->reserved * unit,
					      .left = (4 - m->used - m->pending) * unit,
					      .max = m->max * unit,
					      .denies = true};
		const struct resource_request request = {.resource = STR("nvidia.com/gpu"),
							 .count = m->requested - m->of_group};
		struct charge room = {quota, row.left};
		const struct quota_denial denial = {&row, 1, &room, 1};
		struct decision decision = {.gang_rule = m->rule ? str_of(m->rule) : (struct str){NULL, 0}};
		decision.consumer = (struct consumer){
		    .requests = &request, .request_count = 1, .namespace = STR("team-a"), .uid = STR("u")};
		struct arena arena;
		arena_init(&arena, 4096, 65536);
		assert_int_equal(policy_add_quota_violations(policy, &denial, &arena, &decision), 0);
		assert_int_equal(decision.violation_count, 1);
		assert_true(decision.denied);
		char text[MESSAGE_MAX + 1];
		snprintf(text, sizeof text, "%.*s", STR_ARG(decision.violations[0].message));
		assert_string_equal(text, m->text);
		arena_release(&arena);
	}
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_matches),         cmocka_unit_test(test_mirror),
	    cmocka_unit_test(test_changes_nothing), cmocka_unit_test(test_decides_nothing_else),
	    cmocka_unit_test(test_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
