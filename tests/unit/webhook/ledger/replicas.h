/*
 * replicas: simulates the cluster around the replicas of a ledger. It has a store, the shared
 * object with compare-and-swap, Pods and ResourceClaims. Each kind of consumer has a version
 * counter of its own, far from that of the other kind, and a log of its events. The API server
 * stores what was admitted early, late (but within BOUND_MS) or never.
 *
 * Where only Pods are mentioned, the same holds for claims. A quarter of the consumers are claims.
 *
 * Some Pods are of a gang, whose Pods request one GPU each. What a replica promises when it admits
 * one of them is kept here, and test_replicas.c compares later answers with it.
 *
 * Everything follows from a seed, and time is a number. test_replicas.c drives the program's own
 * ledger in it.
 */
#ifndef TESTS_REPLICAS_H
#define TESTS_REPLICAS_H

#include "tests/unit/policy_fixture.h"

#include "gpugate/claim.h"
#include "gpugate/consumer.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/quota.h"
#include "webhook/ledger/entry.h"
#include "webhook/ledger/ledger.h"

#define REPLICAS 3
#define PODS 128
#define EVENTS (PODS * 5)
#define GANGS 24
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
/* How long the rest of a gang is reserved. */
#define GANG_SECONDS 5
/* How far apart the versions of the two kinds are. */
#define VERSIONS_APART 1000000

/*
 * What an event shows of a Pod. Claims neither finish nor terminate, and Pods are not allocated.
 */
struct pod_state {
	bool stored, finished, terminating;
	int allocated; /* The alternative that a claim has got, from 1; 0: it has none. */
	int node;      /* 0: not bound. */
};

enum stage { STAGE_NEW, STAGE_ASKING, STAGE_ADMITTED, STAGE_STORED, STAGE_OVER };

struct sim_pod {
	enum consumer_kind kind;
	char uid[16];
	struct str namespace;
	int count;    /* Number of GPUs. 0: it requests none. */
	int instead;  /* Number of T4s that a claim would take instead of A100s; 0: it would not. */
	bool selects; /* A Pod selects only nodes with a T4. */
	int gang;     /* Number of its gang; -1: it is in none. */
	enum stage stage;
	int asked_of; /* The replica whose answer counts. */
	int64_t queried_ms, store_ms, terminating_ms;
	struct pod_state state; /* State in the store. */
	uint64_t version;       /* Version of its last event. */
	/*
	 * What it costs by the laxest policy, on its node. Of a claim that counts as it is
	 * allocated, the least that it has ever cost: no replica may count less, whatever it has
	 * seen.
	 */
	struct charge charges[QUOTAS_MAX];
	int charge_count;
	bool charged; /* The charges are set. */
};

/* Pods that are admitted together. */
struct sim_gang {
	struct str namespace;
	int size, made; /* Number of its Pods, and of those that were created so far. */
	/* Until then, the rest of it is reserved by the last Pod that was admitted; 0: by none. */
	int64_t promised_ms;
	/* One of its Pods was refused, was never stored, or has ended: more than that is needed. */
	bool broken;
};

struct event {
	uint64_t version;
	int pod;
	struct pod_state state;
};

/* The events of all consumers of one kind. */
struct event_log {
	struct event events[EVENTS];
	int count;
};

/* The shared object, or a copy of it. */
struct document {
	uint64_t resource_version; /* 0: there is none. */
	uint64_t uid, opened;
	struct ledger_versions versions;
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
	struct ledger_versions versions; /* The current ones of both kinds. */
	uint64_t object_version;         /* That of the shared object. */
	/* Two that are in force, and one that is nowhere stricter than these. */
	const struct policy *const *policies;
	/*
	 * By these policies, claims count as they are allocated. Then more can be held than the
	 * limit after one was released, but nothing is admitted beyond it.
	 */
	bool as_allocated;
	struct sim_pod pods[PODS];
	int pod_count;
	struct event_log logs[CONSUMER_KINDS];
	struct sim_gang gangs[GANGS];
	int gang_count;
	struct document object;
	struct write writes[WRITES];
	struct arena arena;
	uint64_t kept; /* Pods of gangs that were admitted as promised. */
	uint64_t admitted, refused, expired, stored, stored_claims, allocated, released, late_writes, conflicts,
	    settled;
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

/* What a replica reads, and the memory of its parts. */
struct shown_pod {
	struct pair items[2];
	struct container container;
	struct claim_option options[2];
	struct claim_request request;
	struct claim_result results[3];
	struct claim claim;
	struct pod pod;
};

static const struct claim_option claim_options[] = {{.name = {"big", 3}, .device_class = {"big.example", 11}},
						    {.name = {"small", 5}, .device_class = {"small.example", 13}}};
static const char *const claim_given[] = {"gpus/big", "gpus/small"};

/* Fills in a claim of A100s, or of T4s instead. */
static inline void show_claim(const struct sim_pod *from, struct pod_state state, struct shown_pod *out)
{
	const int counts[] = {from->count, from->instead};
	for (int i = 0; i < 2; i++) {
		out->options[i] = claim_options[i];
		out->options[i].count = counts[i];
	}
	out->request = (struct claim_request){STR("gpus"), out->options, from->instead ? 2 : 1};
	out->claim = (struct claim){.present = true, .requests = &out->request, .request_count = 1};
	if (state.allocated) {
		int count = counts[state.allocated - 1];
		for (int i = 0; i < count; i++)
			out->results[i].request = str_of(claim_given[state.allocated - 1]);
		out->claim.allocation = (struct claim_allocation){
		    .present = true, .results = out->results, .result_count = (uint32_t)count};
	}
	out->pod.as_claim = &out->claim;
}

/* The keys of gangs, which Pods show. */
static const char *const gang_keys[GANGS] = {"g0",  "g1",  "g2",  "g3",  "g4",  "g5",  "g6",  "g7",
					     "g8",  "g9",  "g10", "g11", "g12", "g13", "g14", "g15",
					     "g16", "g17", "g18", "g19", "g20", "g21", "g22", "g23"};

static inline void show_pod(const struct sim_pod *from, struct pod_state state, struct shown_pod *out)
{
	static const struct str counts[] = {{"0", 1}, {"1", 1}, {"2", 1}, {"3", 1}};
	out->pod = (struct pod){
	    .present = true, .name = str_of(from->uid), .namespace = from->namespace, .uid = str_of(from->uid)};
	if (from->kind == CONSUMER_CLAIM) {
		show_claim(from, state, out);
		return;
	}
	out->items[0] = (struct pair){STR("nvidia.com/gpu"), counts[from->count]};
	out->items[1] = node_labels[2][0];
	out->container = (struct container){.requests = {out->items, 1, true}};
	out->pod.containers = &out->container;
	out->pod.container_count = 1;
	out->pod.node_name = str_of(node_names[state.node]);
	out->pod.node_selector = (struct pairs){out->items + 1, from->selects, from->selects};
	out->pod.pod_group = from->gang < 0 ? (struct str){0} : str_of(gang_keys[from->gang]);
	out->pod.phase = state.finished ? STR("Succeeded") : STR("Running");
	if (state.terminating) {
		out->pod.deletion_timestamp = STR("2026-01-01T00:00:00Z");
		out->pod.deletion_grace_seconds = STR("1");
	}
}

/* What is decided, and what a Pod costs. */
struct sim_consumer {
	struct arena arena;
	struct shown_pod shown;
	struct consumer facts;
};

static inline void hold_pod(const struct sim_pod *from, const struct policy *policy, struct pod_state state,
			    struct sim_consumer *out)
{
	const struct pod *pod = &out->shown.pod;
	int node = state.node;
	const struct pairs labels = {node_labels[node % 3], node % 3 != 0, true};
	show_pod(from, state, &out->shown);
	arena_init(&out->arena, 512, 1 << 16);
	out->facts =
	    (struct consumer){.kind = from->kind, .uid = pod->uid, .namespace = pod->namespace, .name = pod->name};
	assert_int_equal(policy_pod_requests(pod, &out->arena, &out->facts.requests, &out->facts.request_count), 0);
	assert_int_equal(policy_place(policy, pod, &out->arena, &out->facts), 0);
	if (from->kind == CONSUMER_CLAIM)
		assert_int_equal(policy_claim_allocated(pod->as_claim, &out->arena, &out->facts), 0);
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
		hold_pod(pod, policy, pod->state, &consumer);
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

/* A Pod of a gang will not be one of those that its reservation counts on. */
static inline void break_gang(struct world *world, const struct sim_pod *pod)
{
	if (pod->gang >= 0)
		world->gangs[pod->gang].broken = true;
}

/* A Pod of a gang was admitted, so that the rest of the gang is reserved from now on. */
static inline void promise_rest(struct world *world, const struct sim_pod *pod)
{
	if (pod->gang >= 0)
		world->gangs[pod->gang].promised_ms = pod->queried_ms + GANG_SECONDS * 1000;
}

/* Lowers the amounts of `charges` to those of `others` for the same quotas, or to none. */
static inline void lower_charges(struct charge *charges, int count, const struct charge *others, int other_count)
{
	for (int i = 0; i < count; i++) {
		wide least = 0;
		for (int k = 0; k < other_count; k++)
			if (others[k].quota == charges[i].quota)
				least = others[k].amount;
		charges[i].amount = least < charges[i].amount ? least : charges[i].amount;
	}
}

/* Changes a Pod in the store. */
static inline void change_pod(struct world *world, int index, struct pod_state state)
{
	struct sim_pod *pod = &world->pods[index];
	struct event_log *log = &world->logs[pod->kind];
	struct sim_consumer consumer;
	assert_true(log->count < EVENTS);
	pod->state = state;
	pod->version = ++world->versions.of[pod->kind];
	log->events[log->count++] = (struct event){pod->version, index, state};
	struct charge charges[QUOTAS_MAX];
	hold_pod(pod, world->policies[2], state, &consumer);
	int count = policy_charge(world->policies[2], &consumer.facts, NULL, charges);
	arena_release(&consumer.arena);
	if (world->as_allocated && pod->kind == CONSUMER_CLAIM && pod->charged) {
		lower_charges(pod->charges, pod->charge_count, charges, count);
		return;
	}
	pod->charged = true;
	pod->charge_count = count;
	memcpy(pod->charges, charges, sizeof charges);
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
	world->stored_claims += pod->kind == CONSUMER_CLAIM;
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
	if (!admitted || one_in(world, 10)) {
		break_gang(world, pod);
		return;
	}
	promise_rest(world, pod);
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
		else if (pod->stage == STAGE_ASKING && world->now_ms - pod->queried_ms > ASK_MS) {
			pod->stage = STAGE_OVER;
			break_gang(world, pod);
		}
	}
}

/*
 * Sets what happens next to a stored claim: it is allocated, released or deleted. False: nothing
 * happens.
 */
static inline bool change_claim(struct world *world, const struct sim_pod *pod, struct pod_state *state)
{
	bool deleted = one_in(world, world->as_allocated ? 6 : 3);
	if (!deleted && state->allocated && !world->as_allocated)
		return false;
	if (deleted) {
		state->stored = false;
		return true;
	}
	if (state->allocated) {
		state->allocated = 0;
		world->released++;
		return true;
	}
	state->allocated = world->as_allocated && pod->instead && one_in(world, 2) ? 2 : 1;
	world->allocated++;
	return true;
}

/* The same for a stored Pod: it is bound, ends, or is deleted. */
static inline bool change_running(struct world *world, struct sim_pod *pod, struct pod_state *state)
{
	switch (next_random(world) % 6) {
	case 0:
	case 1:
		if (state->node)
			return false;
		state->node = pod->selects ? 2 : 1 + (int)up_to(world, 2);
		return true;
	case 2:
		if (state->finished)
			return false;
		state->finished = true;
		return true;
	case 3:
		if (state->terminating)
			return false;
		state->terminating = true;
		pod->terminating_ms = world->now_ms;
		return true;
	default:
		state->stored = false;
		return true;
	}
}

/* Something happens to a stored Pod. */
static inline void disturb_pod(struct world *world)
{
	int index = 0;
	for (int tries = 0; tries < 20 && world->pod_count && !world->pods[index].state.stored; tries++)
		index = (int)up_to(world, world->pod_count - 1);
	struct sim_pod *pod = &world->pods[index];
	struct pod_state state = pod->state;
	if (!state.stored ||
	    !(pod->kind == CONSUMER_CLAIM ? change_claim(world, pod, &state) : change_running(world, pod, &state)))
		return;
	if (!state.stored)
		pod->stage = STAGE_OVER;
	if (!state.stored || state.finished || state.terminating)
		break_gang(world, pod);
	change_pod(world, index, state);
}

/* --- The shared object --- */

/* The store has changed: the versions of everything in it rise. */
static inline uint64_t raise_versions(struct world *world)
{
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		world->versions.of[kind]++;
	return ++world->object_version;
}

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
		write->document.uid = world->object_version + 1;
	else
		write->document.uid = world->object.uid;
	write->document.resource_version = raise_versions(world);
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
