/*
 * ledger_bench: a cluster ledger, and the Pods of two tenants' namespaces as events show them.
 * Namespaces a and b belong to tenants a and b. Namespace n belongs to the tenant in its label
 * `of`. The node label `gpu` is a100 or t4.
 */
#ifndef TESTS_LEDGER_BENCH_H
#define TESTS_LEDGER_BENCH_H

#include "tests/unit/policy_fixture.h"

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "webhook/ledger/ledger.h"

#define TTL_MS 60000
#define PODS 12

#define BENCH_POLICY(hard)                                                                                             \
	"apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster}\nspec: {terminatingGraceSeconds: 300}\n" \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"                                  \
	"spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {gpu: a100}}\n---\n"                               \
	"apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"                                         \
	"spec: {resource: nvidia.com/gpu, memory: 16Gi, nodeLabels: {gpu: t4}}\n---\n"                                 \
	"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {namespaces: [a], namespaceSelector: "    \
	"{matchLabels: {of: a}}, quotas: [{name: memory, measure: memory, hard: 2000Gi}, {name: q, hard: " hard        \
	"}]}\n"                                                                                                        \
	"---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {namespaces: [b], "                  \
	"namespaceSelector: {matchLabels: {of: b}}, quotas: [{name: q, hard: " hard "}]}\n---\n"                       \
	"apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {gangs: allOrNothing}\n"

enum { A_MEMORY, A_Q, B_Q, BENCH_QUOTAS };

static inline struct ledger *bench_ledger(const struct policy *policy)
{
	struct error err = {0};
	const struct ledger_options options = {.policy = policy, .shared = true, .ttl_ms = TTL_MS};
	struct ledger *ledger = ledger_create(&options, &err);
	assert_non_null(ledger);
	return ledger;
}

/* A Pod as an event shows it. A test changes what it needs. */
struct shown {
	struct pair request;
	struct container container;
	struct pod pod;
	char uid[16];
};

static inline struct pod *show(struct shown *shown, int number, const char *namespace, const char *count)
{
	snprintf(shown->uid, sizeof shown->uid, "pod-%d", number);
	shown->request = (struct pair){STR("nvidia.com/gpu"), str_of(count)};
	shown->container = (struct container){.requests = {&shown->request, 1, true}};
	shown->pod = (struct pod){.present = true,
				  .name = str_of(shown->uid),
				  .uid = str_of(shown->uid),
				  .namespace = str_of(namespace),
				  .containers = &shown->container,
				  .container_count = 1};
	return &shown->pod;
}

static inline int bench_label(struct ledger *ledger, int (*set)(struct ledger *, struct str, const struct pairs *),
			      const char *name, const char *key, const char *value)
{
	const struct pair item = {str_of(key), str_of(value)};
	const struct pairs labels = {&item, 1, true};
	return set(ledger, str_of(name), value ? &labels : NULL);
}

static inline bool bench_same(const struct ledger *a, const struct ledger *b)
{
	bool same = true;
	for (uint32_t quota = 0; quota < BENCH_QUOTAS; quota++)
		same &= ledger_held(a)[quota].used == ledger_held(b)[quota].used &&
			ledger_held(a)[quota].pending == ledger_held(b)[quota].pending;
	return same;
}

static inline uint64_t bench_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random * 0x2545f4914f6cdd1du >> 33;
}

/* Changes a Pod at random. Returns whether it is gone. */
static inline bool bench_change(struct shown *shown, uint64_t *random)
{
	static const char *const phases[] = {"Pending", "Running", "Running", "Succeeded", "Failed"}, *const nodes[] = {
													  "", "big",
													  "small",
													  "unknown"};
	struct pod *pod = &shown->pod;
	pod->phase = str_of(phases[bench_random(random) % 5]);
	pod->node_name = str_of(nodes[bench_random(random) % 4]);
	pod->deletion_timestamp = bench_random(random) % 4 ? (struct str){NULL, 0} : STR("2026-01-01T00:00:00Z");
	return bench_random(random) % 5 == 0;
}

#endif
