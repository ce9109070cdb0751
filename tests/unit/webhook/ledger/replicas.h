/*
 * replicas: simulates the cluster around the replicas of a ledger. It has a store with one version
 * counter, the shared object with compare-and-swap, Pods, and a log of their events. Its API server
 * stores admitted Pods early, late (but within BOUND_MS) or never.
 *
 * Everything follows from a seed, and time is a number. test_replicas.c drives the program's own
 * ledger in it.
 */
#ifndef TESTS_REPLICAS_H
#define TESTS_REPLICAS_H

#include "tests/unit/policy_fixture.h"

#include "gpugate/consumer.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/quota.h"
#include "webhook/ledger/entry.h"
#include "webhook/ledger/ledger.h"

#define REPLICAS 3
#define PODS 128
#define EVENTS (PODS * 5)
#define WRITES 24
#define QUOTAS_MAX 16

/* How long an entry may be pending. */
#define TTL_MS 6000
/* How long an object that was created again must settle. */
#define SETTLE_MS 4000
/* How long an entry stays in the text after its Pod was seen. */
#define FOLD_MS 100
/* A request of the API server ends within this time. */
#define BOUND_MS 3400
/* Its call to the webhook ends within this time. */
#define ASK_MS 1000
/* How long a terminating Pod counts: its own second, and two of the policy. */
#define GRACE_MS 3000

/* What an event shows of a Pod. */
struct pod_state {
	bool stored, finished, terminating;
	int node; /* 0: not bound. */
};

enum stage { STAGE_NEW, STAGE_ASKING, STAGE_ADMITTED, STAGE_STORED, STAGE_OVER };

struct sim_pod {
	char uid[16];
	struct str namespace;
	int count;    /* Number of GPUs. 0: it requests none. */
	bool selects; /* Selects only nodes with a T4. */
	enum stage stage;
	int asked_of; /* The replica whose answer counts. */
	int64_t queried_ms, store_ms, terminating_ms;
	struct pod_state state; /* State in the store. */
	uint64_t version;       /* Version of its last event. */
	/* What it costs by the laxest policy, on its node. */
	struct charge charges[QUOTAS_MAX];
	int charge_count;
};

struct event {
	uint64_t version;
	int pod;
	struct pod_state state;
};

/* The shared object, or a copy of it. */
struct document {
	uint64_t resource_version; /* 0: there is none. */
	uint64_t uid, opened, version;
	struct str pending; /* In the world's arena. */
};

struct write {
	bool used, waited_for; /* Someone waits for its outcome. */
	bool processed, applied;
	uint64_t against; /* Version that it replaces. 0: it creates the object. */
	struct document document;
};

struct world {
	uint64_t random;
	int64_t now_ms;
	uint64_t version;
	/* Two that are in force, and one that is nowhere stricter than these. */
	const struct policy *const *policies;
	struct sim_pod pods[PODS];
	int pod_count;
	struct event events[EVENTS];
	int event_count;
	struct document object;
	struct write writes[WRITES];
	struct arena arena;
	uint64_t admitted, refused, expired, stored, late_writes, conflicts, settled;
	const char *failure; /* The first failure. */
};

static const struct pair node_labels[][1] = {[1] = {{{"gpu", 3}, {"a100", 4}}}, [2] = {{{"gpu", 3}, {"t4", 2}}}};
/* Nothing is known about the last one. */
static const char *const node_names[] = {"", "big", "small", "strange"};

static inline uint64_t next_random(struct world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return world->random * 0x2545f4914f6cdd1du >> 20;
}

/* True once in `times` calls on average. */
static inline bool one_in(struct world *world, unsigned times)
{
	return next_random(world) % times == 0;
}

static inline int64_t up_to(struct world *world, int64_t most)
{
	return (int64_t)(next_random(world) % (uint64_t)(most + 1));
}

static inline void fail_world(struct world *world, const char *why)
{
	if (!world->failure)
		world->failure = why;
}

/* --- Pods --- */

/* Fills in a Pod as a replica reads it. `container` and `items` are memory of the caller. */
static inline void show_pod(const struct sim_pod *from, struct pod_state state, struct container *container,
			    struct pair items[2], struct pod *pod)
{
	static const struct str counts[] = {{"0", 1}, {"1", 1}, {"2", 1}, {"3", 1}};
	items[0] = (struct pair){STR("nvidia.com/gpu"), counts[from->count]};
	items[1] = node_labels[2][0];
	*container = (struct container){.requests = {items, 1, true}};
	*pod = (struct pod){.present = true,
			    .name = str_of(from->uid),
			    .namespace = from->namespace,
			    .uid = str_of(from->uid),
			    .containers = container,
			    .container_count = 1,
			    .node_name = str_of(node_names[state.node]),
			    .node_selector = {items + 1, from->selects, from->selects},
			    .phase = state.finished ? STR("Succeeded") : STR("Running")};
	if (state.terminating) {
		pod->deletion_timestamp = STR("2026-01-01T00:00:00Z");
		pod->deletion_grace_seconds = STR("1");
	}
}

/* What is decided, and what a Pod costs. */
struct sim_consumer {
	struct arena arena;
	struct resource_request resource_request;
	struct consumer facts;
};

static inline void hold_pod(const struct sim_pod *from, const struct policy *policy, int node, struct sim_consumer *out)
{
	struct container container;
	struct pair items[2];
	struct pod pod;
	const struct pairs labels = {node_labels[node % 3], node % 3 != 0, true};
	show_pod(from, (struct pod_state){.node = node}, &container, items, &pod);
	arena_init(&out->arena, 256, 1 << 16);
	out->resource_request = (struct resource_request){.resource = STR("nvidia.com/gpu"), .count = from->count};
	out->facts = (struct consumer){.uid = pod.uid,
				       .namespace = pod.namespace,
				       .name = pod.name,
				       .requests = &out->resource_request,
				       .request_count = from->count > 0};
	assert_int_equal(policy_place(policy, &pod, &out->arena, &out->facts), 0);
	if (node % 3)
		assert_true(policy_place_on_node(policy, &labels, &out->arena, &out->facts) >= 0);
}

/* Whether the Pod counts, regardless of what replicas have seen. */
static inline bool counts(const struct world *world, const struct sim_pod *pod)
{
	return pod->state.stored && !pod->state.finished &&
	       !(pod->state.terminating && world->now_ms - pod->terminating_ms >= GRACE_MS);
}

/* Sums what counts, by the given policy. */
static inline void sum_truth(const struct world *world, const struct policy *policy, struct held *held)
{
	memset(held, 0, QUOTAS_MAX * sizeof *held);
	for (int i = 0; i < world->pod_count; i++) {
		const struct sim_pod *pod = &world->pods[i];
		struct charge charges[QUOTAS_MAX];
		struct sim_consumer consumer;
		if (!counts(world, pod))
			continue;
		hold_pod(pod, policy, pod->state.node, &consumer);
		int count = policy_charge(policy, &consumer.facts, NULL, charges);
		arena_release(&consumer.arena);
		for (int k = 0; k < count; k++)
			held[charges[k].quota].used += charges[k].amount;
	}
}

/* Sums everything except `except` by the laxest policy, from the charges stored in the Pods. */
static inline void sum_others(const struct world *world, const struct sim_pod *except, struct held *held)
{
	memset(held, 0, QUOTAS_MAX * sizeof *held);
	for (int i = 0; i < world->pod_count; i++) {
		const struct sim_pod *pod = &world->pods[i];
		for (int k = 0; pod != except && counts(world, pod) && k < pod->charge_count; k++)
			held[pod->charges[k].quota].used += pod->charges[k].amount;
	}
}

/* Changes a Pod in the store. */
static inline void change_pod(struct world *world, int index, struct pod_state state)
{
	struct sim_pod *pod = &world->pods[index];
	struct sim_consumer consumer;
	assert_true(world->event_count < EVENTS);
	pod->state = state;
	pod->version = ++world->version;
	world->events[world->event_count++] = (struct event){pod->version, index, state};
	hold_pod(pod, world->policies[2], state.node, &consumer);
	pod->charge_count = policy_charge(world->policies[2], &consumer.facts, NULL, pod->charges);
	arena_release(&consumer.arena);
}

/* The invariant that all of this exists to check: no Pod is stored that exceeds a limit. */
static inline void store_pod(struct world *world, int index)
{
	struct sim_pod *pod = &world->pods[index];
	struct held held[QUOTAS_MAX];
	struct quota_violation quota_violation[2 * QUOTAS_MAX];
	bool refused = false;
	pod->stage = STAGE_STORED;
	change_pod(world, index, (struct pod_state){.stored = true});
	sum_others(world, pod, held);
	if (policy_exceeded(world->policies[2], pod->charges, (uint32_t)pod->charge_count, held, quota_violation,
			    &refused))
		fail_world(world, "a stored Pod exceeds a limit");
	world->stored++;
}

/* The replica that was asked about a Pod has answered. */
static inline void answer_pod(struct world *world, int index, int replica, bool admitted)
{
	struct sim_pod *pod = &world->pods[index];
	if (pod->stage != STAGE_ASKING || pod->asked_of != replica)
		return;
	pod->stage = STAGE_OVER;
	*(admitted ? &world->admitted : &world->refused) += 1;
	/* Something after the webhook refuses it. */
	if (!admitted || one_in(world, 10))
		return;
	int64_t left_ms = pod->queried_ms + BOUND_MS - world->now_ms;
	pod->stage = STAGE_ADMITTED;
	pod->store_ms = world->now_ms + up_to(world, one_in(world, 2) ? left_ms : 30);
}

/*
 * The API server continues: it stores Pods that are due, and gives up requests that have waited too
 * long.
 */
static inline void serve_pods(struct world *world)
{
	for (int i = 0; i < world->pod_count; i++) {
		struct sim_pod *pod = &world->pods[i];
		if (pod->stage == STAGE_ADMITTED && pod->store_ms <= world->now_ms)
			store_pod(world, i);
		else if (pod->stage == STAGE_ASKING && world->now_ms - pod->queried_ms > ASK_MS)
			pod->stage = STAGE_OVER;
	}
}

/* A stored Pod is bound to a node, ends, or is deleted. */
static inline void disturb_pod(struct world *world)
{
	int index = 0;
	for (int tries = 0; tries < 20 && world->pod_count && !world->pods[index].state.stored; tries++)
		index = (int)up_to(world, world->pod_count - 1);
	struct sim_pod *pod = &world->pods[index];
	struct pod_state state = pod->state;
	if (!state.stored)
		return;
	switch (next_random(world) % 6) {
	case 0:
	case 1:
		if (state.node)
			return;
		state.node = pod->selects ? 2 : 1 + (int)up_to(world, 2);
		break;
	case 2:
		if (state.finished)
			return;
		state.finished = true;
		break;
	case 3:
		if (state.terminating)
			return;
		state.terminating = true;
		pod->terminating_ms = world->now_ms;
		break;
	default:
		state.stored = false;
		pod->stage = STAGE_OVER;
	}
	change_pod(world, index, state);
}

/* --- The shared object --- */

/*
 * Returns a slot for a write. If there is none, a write without a waiting writer is lost for good.
 */
static inline struct write *begin_write(struct world *world, uint64_t against, struct document document)
{
	struct write *write = NULL;
	for (int i = 0; i < WRITES; i++)
		if (!world->writes[i].used || (!write && !world->writes[i].waited_for))
			write = &world->writes[i];
	assert_non_null(write);
	*write = (struct write){true, true, false, false, against, document};
	return write;
}

/* The write reaches the store, which compares and swaps. */
static inline void process_write(struct world *world, struct write *write)
{
	if (write->processed)
		return;
	write->processed = true;
	write->applied = world->object.resource_version == write->against;
	world->conflicts += !write->applied;
	if (!write->applied)
		return;
	if (!write->against)
		write->document.uid = world->version + 1;
	else
		write->document.uid = world->object.uid;
	write->document.resource_version = ++world->version;
	world->object = write->document;
}

/* Writes whose writers no longer wait arrive, or never do. */
static inline void serve_late_writes(struct world *world)
{
	struct write *write = &world->writes[next_random(world) % WRITES];
	if (!write->used || write->waited_for)
		return;
	if (!write->processed && !one_in(world, 4)) {
		process_write(world, write);
		world->late_writes += write->applied;
	}
	write->used = false;
}

#endif
