/*
 * test_replicas: tests several replicas of the cluster ledger in a simulated cluster and in random
 * order. No Pod or claim is ever stored that exceeds a limit, and once nothing happens any more,
 * every replica learns the truth. While the rest of a gang is reserved and its Pods exist, the next
 * one is admitted, whatever else arrives.
 *
 * The ledger is the program's own. The code around it imitates webhook/cluster/step.c and the parts
 * below it. It can be made to do one thing wrong (enum fault), which must be noticed within
 * FAULT_SEEDS seeds.
 *
 * Not promised, and not checked here: limits of a tenant that gets a namespace which already has
 * Pods (they count from then on, and none is evicted), and limits that are lowered. The laxest
 * policy in force counts. A claim that is released may exceed a limit if the policies say that
 * claims count as they are allocated, which is so in a quarter of the worlds.
 */
#include <time.h>

#include "tests/unit/webhook/ledger/replicas.h"

#include "gpugate/pod_group.h"
#include "gpugate/policy.h"

#define SEEDS 2000
#define FAULT_SEEDS 2000
#define STEPS 500
#define POLICIES 3 /* Of a world. */

enum fault {
	FAULT_NONE,
	FAULT_DECIDES_BEHIND,
	FAULT_KEEPS_VERSION,
	FAULT_WRITES_ON_NEWER,
	FAULT_TRUSTS_UNKNOWN,
	FAULT_FOLDS_NEVER,
	FAULT_COMPARES_LATE,
	FAULT_SWEEPS_EARLY,
	FAULT_SWEEPS_NEVER,
	FAULT_SWEEPS_UNREACHED,
	FAULT_SWEEPS_BY_OLD_ANSWER,
	FAULT_OPENS_AT_ONCE,
	FAULT_OPENS_WITHOUT_VERSION,
	FAULT_OPENS_UNREACHED,
	FAULT_OPENS_BY_OLD_ANSWER,
	FAULT_DECIDES_BEHIND_CLAIMS,
	FAULT_RAISES_OTHER_VERSION,
	FAULT_SWEEPS_BY_OTHER_VERSION,
	FAULT_OPENS_WITHOUT_CLAIMS,
	FAULT_LOSES_RESERVATIONS,
	FAULT_ENDS_RESERVATIONS_EARLY,
	FAULT_SEES_NO_GROUPS,
	/* In worlds where claims count as they are allocated: */
	FAULT_MISSES_ALLOCATIONS,
	FAULT_MISSES_RELEASES,
	FAULT_FREES_WHAT_IS_ALLOCATED,
	FAULTS,
};

/* How often something goes wrong: once in that many steps. 0: never. */
struct mood {
	unsigned churn;   /* Something happens to a Pod. */
	unsigned trouble; /* A replica stalls, crashes, or gets another policy. */
	unsigned chaos;   /* The object is deleted, or must settle again. */
};

enum { BUSY, STALLED, LOST, MOODS };
static const struct mood moods[MOODS] = {[BUSY] = {4, 300, 0}, [STALLED] = {16, 90, 0}, [LOST] = {16, 120, 200}};

static const struct {
	const char *name;
	int mood; /* The mood in which it shows. */
} faults[FAULTS] = {
    [FAULT_DECIDES_BEHIND] = {"decides although its view is behind", BUSY},
    [FAULT_KEEPS_VERSION] = {"leaves entries out without raising the version", BUSY},
    [FAULT_WRITES_ON_NEWER] = {"decides on one copy and writes against a newer one", BUSY},
    [FAULT_TRUSTS_UNKNOWN] = {"takes a write of unknown outcome for done", BUSY},
    [FAULT_FOLDS_NEVER] = {"never folds", BUSY},
    [FAULT_COMPARES_LATE] = {"compares the answer with what it knows when the answer comes", BUSY},
    [FAULT_SWEEPS_EARLY] = {"sweeps before the request is over", BUSY},
    [FAULT_SWEEPS_NEVER] = {"never sweeps", BUSY},
    [FAULT_SWEEPS_UNREACHED] = {"sweeps before its view has reached the version", STALLED},
    [FAULT_SWEEPS_BY_OLD_ANSWER] = {"sweeps by a version asked for before the request was over", STALLED},
    [FAULT_OPENS_AT_ONCE] = {"opens a new object at once", LOST},
    [FAULT_OPENS_WITHOUT_VERSION] = {"opens without the version of its view", LOST},
    [FAULT_OPENS_UNREACHED] = {"opens before its view has reached the version", LOST},
    [FAULT_OPENS_BY_OLD_ANSWER] = {"opens by a version asked for before the object had settled", LOST},
    [FAULT_DECIDES_BEHIND_CLAIMS] = {"decides although its view of claims is behind", BUSY},
    [FAULT_RAISES_OTHER_VERSION] = {"leaves claims out and raises the version of Pods", BUSY},
    [FAULT_SWEEPS_BY_OTHER_VERSION] = {"sweeps claims by the version that Pods have reached", STALLED},
    [FAULT_OPENS_WITHOUT_CLAIMS] = {"opens before its view of claims has reached the version", LOST},
    [FAULT_LOSES_RESERVATIONS] = {"leaves reservations out when it folds", BUSY},
    [FAULT_ENDS_RESERVATIONS_EARLY] = {"ends reservations before their time", BUSY},
    [FAULT_SEES_NO_GROUPS] = {"does not see the groups of Pods", BUSY},
    [FAULT_MISSES_ALLOCATIONS] = {"does not see that a claim is allocated", BUSY},
    [FAULT_MISSES_RELEASES] = {"does not see that a claim is released", BUSY},
    [FAULT_FREES_WHAT_IS_ALLOCATED] = {"takes a claim that is allocated for one that is gone", BUSY},
};

enum copy_state { COPY_UNKNOWN, COPY_MISSING, COPY_SETTLING, COPY_OPEN };

/* Delivers one kind of consumer to a replica, and asks which version that kind has reached. */
struct watch {
	int64_t stalled_ms; /* It delivers nothing until then. */
	int at;             /* Number of events that it has delivered. */
	bool synced, listing;
	/*
	 * The list in progress: its state after that many events, and the number of Pods delivered.
	 */
	int list_to, list_at;
	struct pod_state listed[PODS]; /* The content of that list. */
	uint64_t listed_version[PODS];
	bool asking, answered;
	int64_t queried_ms;
	/* As they were when the query was sent. */
	uint64_t noted_version, noted_view, noted_uid;
	uint64_t reached;      /* The version of the store when it answered. */
	uint64_t open_version; /* The view must reach it before the object is opened; 0: unknown. */
};

struct replica {
	int number;
	struct ledger *ledger; /* NULL: it has crashed. */
	int policy;
	struct watch watches[CONSUMER_KINDS];
	int64_t deaf_ms; /* Its watch of the object delivers nothing until then. */
	enum copy_state state;
	uint64_t uid, resource_version; /* Of the copy. */
	int64_t open_ms;
	bool stale, resettle;
	bool reading, served;
	struct document read;     /* What a read has found. */
	uint64_t queried_version; /* Version of the copy when the read began. */
	bool told;
	struct document watched; /* What the watch delivers next. */
	struct write *write;     /* In flight. */
	bool waiting[PODS], batch[PODS];
	int allocated[PODS]; /* As it has seen each claim last. */
};

struct run {
	struct world world;
	enum fault fault;
	bool quiet; /* The cluster comes to rest: no new Pods, no failures. */
	const struct mood *mood;
	bool steady;       /* There has been one policy for all replicas. */
	int64_t delete_ms; /* When the object is deleted next; 0: not soon. */
	struct replica replicas[REPLICAS];
	struct arena scratch;
};

/* --- The view --- */

/* The group of a Pod is what its field says, except with that fault. */
static bool sees_no_groups;

int __wrap_pod_group_find(const struct pod *pod, struct arena *arena, struct pod_group *group);
int __wrap_pod_group_find(const struct pod *pod, struct arena *arena, struct pod_group *group)
{
	(void)arena;
	*group = (struct pod_group){.key = sees_no_groups ? (struct str){0} : pod->pod_group};
	return 0;
}

static void see(struct run *run, struct replica *r, int index, struct pod_state state, uint64_t version)
{
	struct shown_pod shown;
	if (run->fault == FAULT_MISSES_ALLOCATIONS)
		state.allocated = 0;
	else if (run->fault == FAULT_MISSES_RELEASES && state.stored && !state.allocated)
		state.allocated = r->allocated[index];
	else if (run->fault == FAULT_FREES_WHAT_IS_ALLOCATED && state.allocated)
		state.stored = false;
	r->allocated[index] = state.allocated;
	show_pod(&run->world.pods[index], state, &shown);
	int seen = ledger_see(r->ledger, &shown.pod, version, !state.stored, run->world.now_ms);
	assert_true(seen >= 0);
	if (seen & LEDGER_LATE && run->fault == FAULT_NONE)
		fail_world(&run->world, "a Pod was stored after it was swept");
}

static void see_event(struct run *run, struct replica *r, enum consumer_kind kind)
{
	const struct event_log *log = &run->world.logs[kind];
	struct watch *watch = &r->watches[kind];
	if (watch->at == log->count) {
		/* A bookmark. */
		ledger_reach(r->ledger, kind, run->world.versions.of[kind]);
		return;
	}
	const struct event *event = &log->events[watch->at++];
	see(run, r, event->pod, event->state, event->version);
	ledger_reach(r->ledger, kind, event->version);
}

static void begin_list(struct run *run, struct replica *r, enum consumer_kind kind)
{
	struct watch *watch = &r->watches[kind];
	watch->listing = true;
	watch->list_to = run->world.logs[kind].count;
	watch->list_at = 0;
	for (int i = 0; i < PODS; i++) {
		const struct sim_pod *pod = &run->world.pods[i];
		bool listed = i < run->world.pod_count && pod->kind == kind;
		watch->listed[i] = listed ? pod->state : (struct pod_state){.stored = false};
		watch->listed_version[i] = pod->version;
	}
	ledger_list_begin(r->ledger, kind);
}

static void go_on_listing(struct run *run, struct replica *r, enum consumer_kind kind)
{
	struct watch *watch = &r->watches[kind];
	for (int64_t some = up_to(&run->world, 24); some > 0 && watch->list_at < PODS; watch->list_at++, some--)
		if (watch->listed[watch->list_at].stored)
			see(run, r, watch->list_at, watch->listed[watch->list_at],
			    watch->listed_version[watch->list_at]);
	if (watch->list_at < PODS)
		return;
	uint64_t version = watch->list_to ? run->world.logs[kind].events[watch->list_to - 1].version : 0;
	assert_true(ledger_list_end(r->ledger, kind, version, run->world.now_ms) >= 0);
	watch->listing = false;
	watch->at = watch->list_to;
	watch->synced = true;
}

/* Returns the kind of which something happens next. There are fewer claims than Pods. */
static enum consumer_kind any_kind(struct world *world)
{
	return one_in(world, 3) ? CONSUMER_CLAIM : CONSUMER_POD;
}

static void watch(struct run *run, struct replica *r)
{
	enum consumer_kind kind = any_kind(&run->world);
	const struct watch *watch = &r->watches[kind];
	if (run->world.now_ms < watch->stalled_ms)
		return;
	if (!watch->synced && !watch->listing)
		begin_list(run, r, kind);
	else if (watch->listing)
		go_on_listing(run, r, kind);
	else if (!run->quiet && one_in(&run->world, 60))
		begin_list(run, r, kind);
	else
		see_event(run, r, kind);
}

static bool is_synced(const struct replica *r)
{
	return r->watches[CONSUMER_POD].synced && r->watches[CONSUMER_CLAIM].synced;
}

/* --- The copy --- */

static void write_document(struct run *run, struct replica *r, struct ledger_versions versions, uint64_t opened,
			   struct str pending)
{
	const struct document document = {
	    .opened = opened, .versions = versions, .pending = arena_str(&run->world.arena, pending)};
	assert_non_null(document.pending.ptr);
	r->write = begin_write(&run->world, r->resource_version, document);
}

/* Removes the records of reservations from a text. */
static void lose_reservations(struct buf *text)
{
	size_t kept = 0;
	for (size_t at = 0, end; at < text->len; at = end) {
		const char *mark = memchr(text->ptr + at, ';', text->len - at);
		end = mark ? (size_t)(mark - text->ptr) + 1 : text->len;
		if (text->ptr[at] == 'H')
			continue;
		memmove(text->ptr + kept, text->ptr + at, end - at);
		kept += end - at;
	}
	text->len = kept;
}

/* `folds`: nothing is decided. */
static void encode(struct run *run, struct replica *r, struct document *document, bool folds)
{
	struct buf pending;
	buf_init(&pending, 1 << 16);
	uint64_t *versions = document->versions.of, claims = ledger_version(r->ledger, CONSUMER_CLAIM);
	ledger_encode(r->ledger, run->world.now_ms, &pending, &document->versions);
	assert_false(pending.failed);
	if (run->fault == FAULT_LOSES_RESERVATIONS && folds)
		lose_reservations(&pending);
	if (run->fault == FAULT_KEEPS_VERSION) {
		versions[CONSUMER_POD] = ledger_version(r->ledger, CONSUMER_POD);
		versions[CONSUMER_CLAIM] = claims;
	} else if (run->fault == FAULT_RAISES_OTHER_VERSION && claims) {
		if (versions[CONSUMER_CLAIM] > claims && versions[CONSUMER_CLAIM] > versions[CONSUMER_POD])
			versions[CONSUMER_POD] = versions[CONSUMER_CLAIM];
		versions[CONSUMER_CLAIM] = claims;
	}
	document->pending = arena_str(&run->world.arena, buf_view(&pending));
	buf_release(&pending);
}

static void write_pending(struct run *run, struct replica *r, bool folds)
{
	struct document document = {.opened = r->uid};
	encode(run, r, &document, folds);
	r->write = begin_write(&run->world, r->resource_version, document);
}

static void write_settling(struct run *run, struct replica *r)
{
	if (!r->write)
		write_document(run, r, (struct ledger_versions){{0}}, 0, STR(""));
}

static void take(struct run *run, struct replica *r, const struct document *document)
{
	struct error err = {0};
	if (document->resource_version <= r->resource_version)
		return;
	r->uid = document->uid;
	r->resource_version = document->resource_version;
	r->stale = r->resettle = false;
	assert_int_equal(ledger_load(r->ledger, document->versions, document->pending, run->world.now_ms, &err), 0);
	if (document->opened == document->uid) {
		r->state = COPY_OPEN;
		return;
	}
	r->state = COPY_SETTLING;
	r->open_ms = run->world.now_ms + (run->fault == FAULT_OPENS_AT_ONCE ? 0 : SETTLE_MS);
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		r->watches[kind].open_version = 0;
	run->world.settled++;
}

static void end_batch(struct run *run, struct replica *r, bool written)
{
	for (int i = 0; i < PODS; i++) {
		if (r->batch[i] && written)
			answer_pod(&run->world, i, r->number, true);
		else if (r->batch[i])
			r->waiting[i] = true;
		r->batch[i] = false;
	}
}

static void end_write(struct run *run, struct replica *r, bool known)
{
	struct write *write = r->write;
	bool written = known && write->applied;
	r->write = NULL;
	if (written)
		take(run, r, &write->document);
	if (known)
		write->used = false;
	else
		/* It may still arrive. */
		write->waited_for = false;
	ledger_resolve(r->ledger);
	r->stale = !written;
	end_batch(run, r, written || (!known && run->fault == FAULT_TRUSTS_UNKNOWN));
	if (r->resettle)
		write_settling(run, r);
}

static void go_on_writing(struct run *run, struct replica *r)
{
	struct write *write = r->write;
	if (!write)
		return;
	if (!run->quiet && one_in(&run->world, 8)) {
		end_write(run, r, false);
	} else if (write->processed) {
		end_write(run, r, true);
	} else {
		if (run->fault == FAULT_WRITES_ON_NEWER && write->against && write->against != r->resource_version &&
		    write->document.opened && r->state == COPY_OPEN) {
			write->against = r->resource_version;
			encode(run, r, &write->document, false);
		}
		process_write(&run->world, write);
	}
}

static void end_read(struct run *run, struct replica *r)
{
	bool current = r->queried_version >= r->resource_version;
	r->reading = false;
	if (r->read.resource_version) {
		take(run, r, &r->read);
		r->stale = false;
	} else if (current) {
		r->state = COPY_MISSING;
		r->resource_version = r->uid = 0;
		write_settling(run, r);
	}
}

static void read_object(struct run *run, struct replica *r)
{
	if (run->world.now_ms < r->deaf_ms)
		return;
	if (!r->reading) {
		if (!r->stale && r->state != COPY_UNKNOWN && !one_in(&run->world, 6))
			return;
		r->reading = true;
		r->served = false;
		r->queried_version = r->resource_version;
	} else if (!r->served) {
		r->served = true;
		r->read = run->world.object;
	} else {
		end_read(run, r);
	}
}

static void watch_object(struct run *run, struct replica *r)
{
	if (run->world.now_ms < r->deaf_ms)
		return;
	if (r->told && r->watched.resource_version)
		take(run, r, &r->watched);
	r->told = one_in(&run->world, 2);
	r->watched = run->world.object;
}

/* --- Requests --- */

/*
 * Whether a replica knows exactly what exists, and the newest copy. Otherwise it may count more for
 * a while, such as a Pod that is gone, and refuse what another replica would admit.
 */
static bool knows_all(const struct run *run, const struct replica *r)
{
	const struct policy *policy = ledger_policy(r->ledger);
	struct held truth[QUOTAS_MAX];
	if (r->resource_version != run->world.object.resource_version)
		return false;
	sum_truth(&run->world, policy, truth);
	for (uint32_t q = 0; q < policy_quota_count(policy); q++)
		if (ledger_held(r->ledger)[q].used != truth[q].used)
			return false;
	return true;
}

/* Whether the Pod must be admitted, because its gang has reserved what it requests. */
static bool is_promised(const struct run *run, const struct replica *r, const struct sim_pod *pod)
{
	const struct world *world = &run->world;
	const struct sim_gang *gang = pod->gang < 0 ? NULL : &world->gangs[pod->gang];
	/* A claim that is released may take what is reserved. */
	return gang && run->steady && !world->as_allocated && !run->mood->chaos && !gang->broken &&
	       world->now_ms < gang->promised_ms && gang->made <= gang->size && knows_all(run, r);
}

/* Decides a Pod, together with its gang if it has one. */
static void decide_pod(struct run *run, struct replica *r, const struct sim_pod *pod, struct ledger_verdict *verdict)
{
	struct sim_consumer consumer;
	const struct sim_gang *of = pod->gang < 0 ? NULL : &run->world.gangs[pod->gang];
	const struct resource_request whole = {STR("nvidia.com/gpu"), of ? of->size : 0, false};
	const struct gang gang = {.requests = &whole, .request_count = 1, .seconds = GANG_SECONDS};
	hold_pod(pod, ledger_policy(r->ledger), (struct pod_state){.stored = false}, &consumer);
	consumer.facts.group = consumer.shown.pod.pod_group;
	consumer.facts.gang = of ? &gang : NULL;
	arena_reset(&run->scratch);
	ledger_decide(r->ledger, &consumer.facts, LEDGER_HOLD, run->world.now_ms, &run->scratch, NULL, verdict);
	arena_release(&consumer.arena);
}

static void decide(struct run *run, struct replica *r, int index)
{
	struct sim_pod *pod = &run->world.pods[index];
	struct ledger_verdict verdict;
	r->waiting[index] = false;
	if (run->world.now_ms - pod->queried_ms > ASK_MS)
		return;
	bool promised = is_promised(run, r, pod);
	decide_pod(run, r, pod, &verdict);
	run->world.kept += promised && verdict.outcome == LEDGER_ADMITTED;
	if (promised && verdict.outcome == LEDGER_DENIED)
		fail_world(&run->world, "a Pod is refused for which its gang has reserved room");
	if (verdict.outcome == LEDGER_ADMITTED)
		r->batch[index] = true;
	else
		answer_pod(&run->world, index, r->number, false);
}

static bool is_behind(const struct run *run, const struct replica *r)
{
	const struct ledger *ledger = r->ledger;
	if (run->fault == FAULT_DECIDES_BEHIND)
		return false;
	if (run->fault == FAULT_DECIDES_BEHIND_CLAIMS)
		return ledger_view_version(ledger, CONSUMER_POD) < ledger_version(ledger, CONSUMER_POD);
	return ledger_behind(ledger);
}

static void pump(struct run *run, struct replica *r)
{
	bool any = false, open = r->state == COPY_OPEN;
	if (r->write || r->stale || !is_synced(r) || (!open && r->state != COPY_SETTLING))
		return;
	if (open && is_behind(run, r))
		return;
	for (int i = 0; i < PODS; i++) {
		if (r->waiting[i] && open)
			decide(run, r, i);
		else if (r->waiting[i])
			answer_pod(&run->world, i, r->number, false);
		r->waiting[i] = false;
		any |= r->batch[i];
	}
	if (any)
		write_pending(run, r, false);
}

/* --- Maintenance --- */

static bool wants_version(const struct run *run, const struct replica *r, enum consumer_kind kind, int64_t now_ms)
{
	if (run->fault == FAULT_OPENS_BY_OLD_ANSWER)
		now_ms += SETTLE_MS;
	return r->state == COPY_SETTLING && !r->resettle && !r->watches[kind].open_version && now_ms >= r->open_ms;
}

/* The answer to a question has come. */
static void take_answer(struct run *run, struct replica *r, enum consumer_kind kind, int64_t early_ms)
{
	struct watch *watch = &r->watches[kind];
	const enum fault fault = run->fault;
	bool late = fault == FAULT_COMPARES_LATE;
	uint64_t version = late ? ledger_version(r->ledger, kind) : watch->noted_version;
	uint64_t view = late ? ledger_view_version(r->ledger, kind) : watch->noted_view;
	if ((watch->reached < version && r->uid == watch->noted_uid && r->state == COPY_OPEN) || watch->reached < view)
		fail_world(&run->world, "a healthy ledger or view is taken for one of another history");
	ledger_due(r->ledger, kind, fault == FAULT_SWEEPS_UNREACHED ? 1 : watch->reached, watch->queried_ms + early_ms);
	if (fault == FAULT_SWEEPS_BY_OTHER_VERSION && kind == CONSUMER_POD)
		ledger_due(r->ledger, CONSUMER_CLAIM, watch->reached, watch->queried_ms);
	bool unreached =
	    fault == FAULT_OPENS_UNREACHED || (fault == FAULT_OPENS_WITHOUT_CLAIMS && kind == CONSUMER_CLAIM);
	if (wants_version(run, r, kind, watch->queried_ms))
		watch->open_version = unreached ? 1 : watch->reached;
	watch->asking = false;
}

/*
 * Queries the version that the store has reached: some time after the query is sent, and before the
 * answer is used.
 */
static void question(struct run *run, struct replica *r)
{
	enum consumer_kind kind = any_kind(&run->world);
	struct watch *watch = &r->watches[kind];
	int64_t now_ms = run->world.now_ms;
	int64_t early_ms = run->fault == FAULT_SWEEPS_EARLY           ? TTL_MS - 400
			   : run->fault == FAULT_SWEEPS_BY_OLD_ANSWER ? TTL_MS
								      : 0;
	if (!watch->asking) {
		bool overdue = r->state == COPY_OPEN && ledger_overdue(r->ledger, kind, now_ms + early_ms);
		watch->asking = watch->synced && (wants_version(run, r, kind, now_ms) || overdue);
		watch->answered = false;
		watch->queried_ms = now_ms;
		watch->noted_version = r->state == COPY_OPEN ? ledger_version(r->ledger, kind) : 0;
		watch->noted_view = ledger_view_version(r->ledger, kind);
		watch->noted_uid = r->uid;
	} else if (!watch->answered) {
		watch->answered = true;
		watch->reached = run->world.versions.of[kind];
	} else {
		take_answer(run, r, kind, early_ms);
	}
}

static void expire(struct run *run, struct replica *r)
{
	int64_t early_ms = run->fault == FAULT_SWEEPS_EARLY ? TTL_MS - 400 : 0;
	if (r->state == COPY_OPEN && run->fault != FAULT_SWEEPS_NEVER)
		run->world.expired += ledger_expire(r->ledger, run->world.now_ms + early_ms);
}

/*
 * Whether the view of a kind is where it must be before the object is opened. If not, that kind is
 * listed again from time to time.
 */
static bool may_open(struct run *run, struct replica *r, enum consumer_kind kind)
{
	const struct watch *watch = &r->watches[kind];
	if (!watch->open_version || !watch->synced || watch->listing)
		return false;
	bool reached = ledger_view_version(r->ledger, kind) >= watch->open_version;
	if (!reached && one_in(&run->world, 20))
		begin_list(run, r, kind);
	return reached;
}

static void try_open(struct run *run, struct replica *r)
{
	/* These say nothing. No claim is admitted without a version. */
	struct ledger_versions versions = {{0, 1}};
	if (r->state != COPY_SETTLING || r->resettle || r->write)
		return;
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		if (!may_open(run, r, kind))
			return;
	if (run->fault != FAULT_OPENS_WITHOUT_VERSION)
		ledger_newest(r->ledger, &versions);
	write_document(run, r, versions, r->uid, STR(""));
}

static void tick(struct run *run, struct replica *r)
{
	assert_true(ledger_tick(r->ledger, run->world.now_ms) >= 0);
	if (run->fault == FAULT_ENDS_RESERVATIONS_EARLY)
		ledger_end_reservations(r->ledger, run->world.now_ms + GANG_SECONDS * 1000);
	if (r->resettle)
		write_settling(run, r);
	expire(run, r);
	try_open(run, r);
	if (ledger_foldable(r->ledger, run->world.now_ms) && is_synced(r) && !ledger_behind(r->ledger) &&
	    r->state == COPY_OPEN && !r->write && !r->stale && !r->resettle)
		write_pending(run, r, true);
}

/* --- Replicas --- */

static void start(struct run *run, struct replica *r)
{
	struct error err = {0};
	const struct ledger_options options = {.policy = run->world.policies[r->policy],
					       .shared = true,
					       .ttl_ms = TTL_MS,
					       .fold_ms = run->fault == FAULT_FOLDS_NEVER ? INT64_MAX : FOLD_MS};
	int number = r->number, policy = r->policy;
	*r = (struct replica){.number = number, .policy = policy, .ledger = ledger_create(&options, &err)};
	assert_non_null(r->ledger);
	for (int node = 1; node <= 2; node++) {
		const struct pairs labels = {node_labels[node], 1, true};
		assert_true(ledger_node(r->ledger, str_of(node_names[node]), &labels) >= 0);
	}
}

static void crash(struct replica *r)
{
	if (r->write)
		r->write->waited_for = false;
	ledger_destroy(r->ledger);
	r->ledger = NULL;
	r->write = NULL;
}

static void act(struct run *run, struct replica *r)
{
	static void (*const acts[])(struct run *, struct replica *) = {
	    watch,       watch,        watch, go_on_writing, go_on_writing, read_object,
	    read_object, watch_object, pump,  pump,          tick,          question};
	if (!r->ledger) {
		if (run->quiet || one_in(&run->world, 20))
			start(run, r);
		return;
	}
	acts[next_random(&run->world) % (sizeof acts / sizeof *acts)](run, r);
	if (one_in(&run->world, 16) && !ledger_check(r->ledger))
		fail_world(&run->world, "the sums of a replica are wrong");
}

/* --- Failures --- */

static void ask(struct run *run, int index)
{
	int replica = (int)up_to(&run->world, REPLICAS - 1);
	struct sim_pod *pod = &run->world.pods[index];
	if (!run->replicas[replica].ledger)
		return;
	pod->asked_of = replica;
	pod->stage = STAGE_ASKING;
	run->replicas[replica].waiting[index] = true;
}

/*
 * Returns the gang of the next Pod: one that is not complete, or now and then a new one. -1: it is
 * in none.
 */
static int next_gang(struct run *run)
{
	static const char *const namespaces[] = {"a", "b", "c"};
	struct world *world = &run->world;
	int last = world->gang_count - 1;
	/* They would only make rare faults rarer. */
	if (run->mood->chaos && run->fault != FAULT_NONE)
		return -1;
	if (last >= 0 && world->gangs[last].made < world->gangs[last].size)
		return one_in(world, 4) ? -1 : last;
	if (world->gang_count == GANGS || !one_in(world, 3))
		return -1;
	world->gangs[world->gang_count] =
	    (struct sim_gang){.namespace = str_of(namespaces[next_random(world) % 3]), .size = 2 + one_in(world, 3)};
	return world->gang_count++;
}

/* Makes the new Pod one of a gang, which requests one GPU. */
static void join_gang(struct world *world, struct sim_pod *pod, int gang)
{
	pod->kind = CONSUMER_POD;
	pod->namespace = world->gangs[gang].namespace;
	pod->count = 1;
	pod->instead = 0;
	pod->selects = false;
	pod->gang = gang;
	world->gangs[gang].made++;
}

static void new_pod(struct run *run)
{
	static const char *const namespaces[] = {"a", "b", "b", "c"};
	struct world *world = &run->world;
	if (world->pod_count == PODS)
		return;
	int index = world->pod_count++;
	struct sim_pod *pod = &world->pods[index];
	snprintf(pod->uid, sizeof pod->uid, "u%d", index);
	pod->kind = one_in(world, world->as_allocated ? 2 : 4) ? CONSUMER_CLAIM : CONSUMER_POD;
	pod->namespace = str_of(namespaces[next_random(world) % 4]);
	pod->count = pod->kind == CONSUMER_POD && one_in(world, 12) ? 0 : 1 + one_in(world, 4);
	if (pod->kind == CONSUMER_CLAIM)
		pod->instead = (int)up_to(world, 2);
	else
		pod->selects = one_in(world, 4);
	pod->gang = -1;
	int gang = next_gang(run);
	if (gang >= 0)
		join_gang(world, pod, gang);
	pod->queried_ms = world->now_ms;
	if (pod->count)
		ask(run, index);
	else
		store_pod(world, index);
}

static void disturb_replica(struct run *run)
{
	struct world *world = &run->world;
	struct replica *r = &run->replicas[next_random(world) % REPLICAS];
	unsigned what = (unsigned)(next_random(world) % 8);
	enum consumer_kind kind = any_kind(world);
	if (what == 0)
		/* The API server's cache of one kind lags. */
		for (int i = 0; i < REPLICAS; i++)
			run->replicas[i].watches[kind].stalled_ms = world->now_ms + TTL_MS * 2;
	else if (what < 3)
		r->watches[kind].stalled_ms = world->now_ms + up_to(world, TTL_MS * 2);
	else if (what < 5 && r->ledger)
		crash(r);
	else if (r->ledger) {
		r->policy = !r->policy;
		run->steady = false;
		assert_int_equal(ledger_rebase(r->ledger, world->policies[r->policy]), 0);
	}
}

/* Before the object is deleted, views may begin to miss what happens. */
static void disturb_object(struct run *run)
{
	int64_t now_ms = run->world.now_ms;
	struct replica *r = &run->replicas[next_random(&run->world) % REPLICAS];
	if (one_in(&run->world, 2)) {
		run->delete_ms = now_ms + up_to(&run->world, TTL_MS);
		for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
			if (one_in(&run->world, 2))
				r->watches[kind].stalled_ms = run->delete_ms + SETTLE_MS * 3;
	} else if (r->ledger && r->resource_version) {
		r->resettle = true;
		write_settling(run, r);
	}
}

static void delete_object(struct run *run)
{
	if (!run->delete_ms || run->world.now_ms < run->delete_ms)
		return;
	run->delete_ms = 0;
	run->world.object = (struct document){0};
	raise_versions(&run->world);
}

static void disturb(struct run *run)
{
	struct world *world = &run->world;
	if (one_in(world, 4))
		new_pod(run);
	if (one_in(world, run->mood->churn))
		disturb_pod(world);
	if (one_in(world, run->mood->trouble))
		disturb_replica(run);
	if (run->mood->chaos && one_in(world, run->mood->chaos))
		disturb_object(run);
	delete_object(run);
	if (run->mood->chaos && one_in(world, 100))
		run->replicas[next_random(world) % REPLICAS].deaf_ms = world->now_ms + up_to(world, SETTLE_MS * 2);
	int again = world->pod_count ? (int)up_to(world, world->pod_count - 1) : 0;
	if (one_in(world, 12) && world->pods[again].stage == STAGE_ASKING)
		/* A lost request is made again. */
		ask(run, again);
}

/* --- Runs --- */

/* Counts entries that are neither an existing Pod nor folded. */
static void count_left(void *context, const struct entry *entry)
{
	*(int *)context += !(entry->state & ENTRY_ALIVE) || entry->state & ENTRY_PENDING;
}

static void check_rest(struct run *run, const struct replica *r)
{
	const struct policy *policy = run->world.policies[r->policy];
	struct held truth[QUOTAS_MAX];
	int left = 0;
	sum_truth(&run->world, policy, truth);
	if (r->state != COPY_OPEN)
		fail_world(&run->world, "the object does not open");
	if (ledger_pending(r->ledger))
		fail_world(&run->world, "something stays pending");
	for (uint32_t q = 0; q < policy_quota_count(policy); q++)
		if (ledger_held(r->ledger)[q].used != truth[q].used || ledger_held(r->ledger)[q].pending != 0)
			fail_world(&run->world, "what a replica counts is not what exists");
	ledger_each(r->ledger, count_left, &left);
	if (left)
		fail_world(&run->world, "a replica does not forget");
	if (!ledger_check(r->ledger))
		fail_world(&run->world, "the sums of a replica are wrong");
}

static void come_to_rest(struct run *run)
{
	run->quiet = true;
	for (int i = 0; i < REPLICAS; i++) {
		struct replica *r = &run->replicas[i];
		r->watches[CONSUMER_POD].stalled_ms = r->watches[CONSUMER_CLAIM].stalled_ms = r->deaf_ms = 0;
	}
	for (int round = 0; round < 300; round++) {
		run->world.now_ms += 150;
		serve_pods(&run->world);
		serve_late_writes(&run->world);
		for (int i = 0; i < 20 * REPLICAS; i++)
			act(run, &run->replicas[i % REPLICAS]);
	}
	for (int i = 0; i < REPLICAS; i++) {
		for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
			while (run->replicas[i].watches[kind].at < run->world.logs[kind].count)
				see_event(run, &run->replicas[i], kind);
		check_rest(run, &run->replicas[i]);
	}
}

/* Returns NULL, or what went wrong. Adds its numbers to `sums`. */
static const char *simulate(uint64_t seed, enum fault fault, const struct policy *const policies[], struct world *sums)
{
	struct run *run = calloc(1, sizeof *run);
	assert_non_null(run);
	struct world *world = &run->world;
	arena_init(&world->arena, 1 << 16, 64 << 20);
	arena_init(&run->scratch, 1 << 14, 1 << 20);
	world->random = (seed + 1) * 0x9e3779b97f4a7c15u;
	world->now_ms = 1000000;
	world->as_allocated = fault == FAULT_NONE ? seed % 4 == 3 : fault >= FAULT_MISSES_ALLOCATIONS;
	world->policies = policies + (world->as_allocated ? POLICIES : 0);
	run->fault = fault;
	run->mood = &moods[fault == FAULT_NONE ? seed % MOODS : (uint64_t)faults[fault].mood];
	/* One policy for all replicas. */
	bool steady = run->steady = seed / MOODS % 3 == 0;
	sees_no_groups = fault == FAULT_SEES_NO_GROUPS;
	for (int i = 0; i < REPLICAS; i++) {
		run->replicas[i].number = i;
		run->replicas[i].policy = steady ? 0 : i % 2;
		start(run, &run->replicas[i]);
	}
	/* It has been open for long. */
	world->versions.of[seed % 2 ? CONSUMER_CLAIM : CONSUMER_POD] = VERSIONS_APART;
	raise_versions(world);
	/* In half of the worlds, it was written by a replica that does not know claims. */
	if (!run->mood->chaos)
		world->object = (struct document){world->object_version, 1, 1, {{0, one_in(world, 2)}}, STR("1;")};
	for (int step = 0; step < STEPS && !world->failure; step++) {
		world->now_ms += one_in(world, 40) ? up_to(world, 1500) : up_to(world, 40);
		serve_pods(world);
		serve_late_writes(world);
		disturb(run);
		for (int i = 0; i < 10; i++)
			act(run, &run->replicas[next_random(world) % REPLICAS]);
	}
	if (!world->failure)
		come_to_rest(run);
	sums->kept += world->kept;
	sums->admitted += world->admitted;
	sums->refused += world->refused;
	sums->expired += world->expired;
	sums->stored += world->stored;
	sums->stored_claims += world->stored_claims;
	sums->allocated += world->allocated;
	sums->released += world->released;
	sums->late_writes += world->late_writes;
	sums->conflicts += world->conflicts;
	sums->settled += world->settled;
	const char *failure = world->failure;
	for (int i = 0; i < REPLICAS; i++)
		ledger_destroy(run->replicas[i].ledger);
	arena_release(&world->arena);
	arena_release(&run->scratch);
	free(run);
	return failure;
}

/*
 * Loads a policy with one organization. Below it are two tenants that lend to each other, and one
 * that does not.
 */
static struct policy *load(const char *charge_claims, int all, int memory, int a, int b)
{
	static const char text[] =
	    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster}\n"
	    "spec: {terminatingGraceSeconds: 2, chargeClaims: %s}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"
	    "spec: {resource: nvidia.com/gpu, deviceClasses: [big.example], memory: 80Gi, "
	    "nodeLabels: {gpu: a100}}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"
	    "spec: {resource: nvidia.com/gpu, deviceClasses: [small.example], memory: 16Gi, "
	    "nodeLabels: {gpu: t4}}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\nspec: {quotas: [{name: all, hard: %d}, "
	    "{name: memory, measure: memory, hard: %dGi}]}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {parent: org, namespaces: [a], "
	    "quotas: [{name: q, resources: [nvidia.com/gpu], hard: %d}], cohort: x, borrowing: {q: {borrowUpTo: 2, "
	    "lendUpTo: 1}}}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {parent: org, namespaces: [b], "
	    "quotas: [{name: q, resources: [nvidia.com/gpu], hard: %d}], cohort: x, borrowing: {q: {borrowUpTo: "
	    "1}}}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: c}\nspec: {parent: org, namespaces: [c], "
	    "quotas: [{name: own, resources: [nvidia.com/gpu], hard: 2}]}\n---\n"
	    "apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {gangs: allOrNothing}\n";
	char yaml[4096];
	snprintf(yaml, sizeof yaml, text, charge_claims, all, memory, a, b);
	struct policy *policy = fixture_policy(yaml, NULL, 0);
	assert_non_null(policy);
	assert_true(policy_quota_count(policy) <= QUOTAS_MAX);
	return policy;
}

static int load_policies(void **state)
{
	static struct policy *policies[2 * POLICIES];
	static const char *const charge_claims[] = {"asRequested", "asAllocated"};
	for (int i = 0; i < 2; i++) {
		policies[i * POLICIES] = load(charge_claims[i], 6, 400, 3, 2);
		policies[i * POLICIES + 1] = load(charge_claims[i], 7, 320, 2, 3);
		policies[i * POLICIES + 2] = load(charge_claims[i], 7, 400, 3, 3);
	}
	*state = policies;
	return 0;
}

static int release_policies(void **state)
{
	for (int i = 0; i < 2 * POLICIES; i++)
		policy_release(((struct policy **)*state)[i]);
	return 0;
}

static void test_never_over(void **state)
{
	struct world sums = {0};
	struct timespec from, to;
	const char *only = getenv("REPLICAS_SEED");
	uint64_t first = only ? strtoull(only, NULL, 10) : 0, last = only ? first + 1 : SEEDS;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t seed = first; seed < last; seed++) {
		const char *failure = simulate(seed, FAULT_NONE, *state, &sums);
		if (failure)
			fail_msg("seed %llu: %s (REPLICAS_SEED runs it alone)", (unsigned long long)seed, failure);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_message(
	    "%llu seeds of %d steps in %.1f s: %llu admitted, %llu refused, %llu stored (%llu claims, "
	    "%llu allocated, %llu released), %llu swept, %llu conflicts, %llu late writes, settled %llu times, "
	    "%llu promises to gangs kept\n",
	    (unsigned long long)(last - first), STEPS,
	    (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
	    (unsigned long long)sums.admitted, (unsigned long long)sums.refused, (unsigned long long)sums.stored,
	    (unsigned long long)sums.stored_claims, (unsigned long long)sums.allocated,
	    (unsigned long long)sums.released, (unsigned long long)sums.expired, (unsigned long long)sums.conflicts,
	    (unsigned long long)sums.late_writes, (unsigned long long)sums.settled, (unsigned long long)sums.kept);
	/* Where claims count as allocated, nothing is promised to gangs. */
	assert_true(only || sums.kept > SEEDS / 10 * 3 / 4);
}

/* The simulation notices every fault. */
static void test_faults_are_noticed(void **state)
{
	for (enum fault fault = FAULT_NONE + 1; fault < FAULTS; fault++) {
		struct world sums = {0};
		const char *failure = NULL;
		uint64_t seed = 0;
		while (!failure && seed < FAULT_SEEDS)
			failure = simulate(seed++, fault, *state, &sums);
		if (!failure)
			fail_msg("a replica that %s is not noticed in %d seeds", faults[fault].name, FAULT_SEEDS);
		print_message("%s: %s, after %llu seeds\n", faults[fault].name, failure, (unsigned long long)seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_never_over),
					   cmocka_unit_test(test_faults_are_noticed)};
	return cmocka_run_group_tests(tests, load_policies, release_policies);
}
