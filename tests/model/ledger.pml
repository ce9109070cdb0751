/*
 * ledger.pml: the protocol of the cluster ledger, for spin to search in all its interleavings (check.py runs it; README.md
 * says what it leaves out). One file for all: macros give the size of a scenario, what may happen in it, and the mutants,
 * each of which takes away one thing that the protocol needs.
 *
 * Size      PODS (2..4), REPLICAS (2..3)
 * Charges   HARD: one quota, 1 a Pod; HARD_MEMORY: another, 2 a Pod, 1 once bound; MOVES: two tenants and their parent
 * Happens   CRASHES, LOSSES, DELETIONS (how often a replica crashes, a PUT's answer is lost, the ledger is deleted),
 *           SWEEPS, BINDS, MOVES, RELISTS (a view is listed anew), HOUSEKEEPING (a ledger is written without a request).
 *           Always: views lag, creates fail, Pods are deleted
 * Search    LIVE: for claims of what must come about, with fairness between processes; FORGET_STALE: fewer states
 *
 * Versions: the k-th Pod event has version 2k. What else the store writes comes between, so that a list taken after it has
 * version 2k+1. Only whether the ledger was written since a copy of it was read matters of its own resourceVersion.
 */
#ifndef PODS
#define PODS 3
#endif
#ifndef REPLICAS
#define REPLICAS 2
#endif
#ifndef HARD
#define HARD 1
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef LOSSES
#define LOSSES 0
#endif
#ifndef DELETIONS
#define DELETIONS 0
#endif

/* --- what a Pod is charged --- */

#define BIT(p) (1 << (p))

#ifdef MOVES
/* The namespace of all Pods but the last goes from tenant 0 to tenant 1, which has that of the last; 2 is their parent. */
#define QUOTAS 3
#define TENANT(p, moved) (((p) < PODS - 1 && !(moved)) -> 0 : 1)
#define CHARGE(p, q, bound, moved) (((q) == 2 || (q) == TENANT(p, moved)) -> 1 : 0)
#define LIMIT(q) ((q) == 2 -> 2 : HARD)
#else
#ifdef HARD_MEMORY
#define QUOTAS 2
#define CHARGE(p, q, bound, moved) (((q) == 0 || (bound)) -> 1 : 2)
#define LIMIT(q) ((q) == 0 -> HARD : HARD_MEMORY)
#else
#define QUOTAS 1
#define CHARGE(p, q, bound, moved) 1
#define LIMIT(q) HARD
#endif
#endif

#if PODS == 2
#define SUM(f) (f(0) + f(1))
#define ANY(f) (f(0) || f(1))
#elif PODS == 3
#define SUM(f) (f(0) + f(1) + f(2))
#define ANY(f) (f(0) || f(1) || f(2))
#else
#define SUM(f) (f(0) + f(1) + f(2) + f(3))
#define ANY(f) (f(0) || f(1) || f(2) || f(3))
#endif

/* --- the API server's store --- */

/* A Pod's way. ALLOWED: admitted, and an API server may still store it. OVER: refused or failed, its request has ended. */
#define UNASKED 0
#define WAITING 1
#define ALLOWED 2
#define ALIVE 3
#define GONE 4
#define OVER 5

typedef pod_state {
	unsigned life : 3;
	unsigned at : 2;      /* the replica that its request waits at */
	unsigned created : 4; /* the events that created, bound and deleted it, 0 for none yet */
	unsigned bound : 4;
	unsigned gone : 4;
}
pod_state pods[PODS];
byte events; /* how many Pod events there are */

#define MISSING 0
#define SETTLING 1
#define OPEN 2

/* A ledger object, as stored, as copied, or as the body of a PUT. */
typedef ledger_state {
	unsigned phase : 2;
	unsigned v : 5;
	unsigned pending : 4; /* a bit for each Pod */
}
ledger_state stored;

/* --- a replica --- */

typedef replica_state {
	bool up;
	/* The view. */
	unsigned seen : 4;   /* Pod events applied, or contained in the list that it began with */
	bool listed;         /* nothing was applied since that list */
	unsigned missed : 4; /* Pods that were gone before that list: never seen */
	bool moved;          /* this replica knows that the namespace moved */
	/* The copy, and whether the stored ledger still has its resourceVersion. */
	ledger_state copy;
	bool fresh;
	/* The PUT on its way, against the copy decided on. */
	bool putting;
	bool current;       /* the stored ledger still has the resourceVersion that it carries */
	ledger_state body;
	unsigned batch : 4; /* Pods that it admits */
	bool charged;       /* by which assignment of the namespace they were decided */
}
replica_state replicas[REPLICAS];

/* A PUT that its writer has given up, and that the store may still take. At most one of all that there are can ever be
 * taken (it makes the others stale), so one place is enough. */
bool stray;
ledger_state stray_body;

bool moved;
unsigned crashes : 2 = CRASHES;
unsigned losses : 2 = LOSSES;
unsigned deletions : 2 = DELETIONS;

#define me replicas[r]
#define VIEW(r) (2 * replicas[r].seen + replicas[r].listed)
#define BEHIND(r) (replicas[r].up && replicas[r].copy.phase == OPEN && VIEW(r) < replicas[r].copy.v)

/* What a view knows of a Pod. */
#define APPLIED(r, event) ((event) > 0 && (event) <= replicas[r].seen)
#define SEEN(r, p) (APPLIED(r, pods[p].created) && !(replicas[r].missed & BIT(p)))
#define SEEN_ALIVE(r, p) (SEEN(r, p) && !APPLIED(r, pods[p].gone))
#define SEEN_BOUND(r, p) APPLIED(r, pods[p].bound)

#ifdef MUTANT_NO_WAIT
#define READY(r) true
#else
#define READY(r) (!BEHIND(r))
#endif

/* The version to raise V to when a Pod is folded: that at which it was seen. A replica that lists it may have a later one,
 * that of its last event; the lower one demands less of others and is therefore what is tried here. */
#ifdef MUTANT_FOLD_KEEPS_V
#define SEEN_VERSION(r, p) 0
#elif defined(MUTANT_LIST_VERSION)
#define SEEN_VERSION(r, p) VIEW(r)
#else
#define SEEN_VERSION(r, p) (2 * pods[p].created)
#endif

/* Its request has certainly ended (the time to live, A1) and a quorum read does not find it. */
#define ENDED(p) (pods[p].life == OVER || pods[p].life == ALIVE || pods[p].life == GONE)
#ifdef MUTANT_NO_SWEEP
#define LOST(r, p) false
#elif defined(MUTANT_SWEEP_EARLY)
#define LOST(r, p) (pods[p].life != ALIVE)
#elif defined(MUTANT_SWEEP_BY_VIEW)
#define LOST(r, p) ENDED(p)
#else
#define LOST(r, p) (ENDED(p) && pods[p].life != ALIVE)
#endif

#ifdef MUTANT_PENDING_AS_BOUND
#define PENDING_BOUND true
#else
#define PENDING_BOUND false
#endif

#ifdef MUTANT_PENDING_CHARGES
/* The entry says which tenant its writer charged, instead of what the Pod is. */
bool charged_as[PODS];
#define PENDING_MOVED(r, p) charged_as[p]
#define NOTE_CHARGE(r, p) charged_as[p] = replicas[r].moved
#else
#define PENDING_MOVED(r, p) replicas[r].moved
#define NOTE_CHARGE(r, p) skip
#endif

#define IN_FLIGHT(p) (pods[p].life == ALLOWED)
#ifdef MUTANT_OPEN_EARLY
#define SETTLED true
#else
#define SETTLED (!ANY(IN_FLIGHT))
#endif
#ifdef MUTANT_OPEN_KEEPS_V
#define OPENING_VERSION 0
#elif defined(MUTANT_LIST_VERSION)
#define OPENING_VERSION VIEW(r)
#else
#define OPENING_VERSION (2 * top_)
#endif

#ifdef MUTANT_FIRST_QUOTA
#define CHECKED 0
#else
#define CHECKED (QUOTAS - 1)
#endif

/* Scratch of one step, no part of a state. */
hidden byte p_;
hidden byte q_;
hidden byte i_;
hidden byte keep_;
hidden byte raised_;
hidden byte batch_;
hidden byte sum_;
hidden byte fits_;
hidden byte top_;

#define HELD_BY(p) ((p) == p_ -> 0 : \
	(SEEN_ALIVE(r, p) -> CHARGE(p, q_, SEEN_BOUND(r, p), me.moved) : \
	((((keep_ | batch_) & BIT(p)) && !SEEN(r, p)) -> CHARGE(p, q_, PENDING_BOUND, PENDING_MOVED(r, p)) : 0)))

/* --- the invariant --- */

/* What exists, or may still be stored, charged by the assignment that the decision believed. */
#define EXISTS(p) (pods[p].life == ALLOWED || pods[p].life == ALIVE)
#ifdef MUTANT_TRUE_TENANTS
#define ASSIGNMENT moved
#else
#define ASSIGNMENT me.charged
#endif
#define HOLDS(p) (EXISTS(p) -> CHARGE(p, q_, pods[p].bound > 0, ASSIGNMENT) : 0)
#define TOUCHES(p) ((me.batch & BIT(p)) && CHARGE(p, q_, false, ASSIGNMENT) > 0)

inline never_over(r)
{
	for (q_ : 0 .. QUOTAS - 1) {
		assert(!ANY(TOUCHES) || SUM(HOLDS) <= LIMIT(q_))
	}
}

/* --- steps --- */

inline clear(object)
{
	object.phase = MISSING;
	object.v = 0;
	object.pending = 0
}

inline assign(to, from)
{
	to.phase = from.phase;
	to.v = from.v;
	to.pending = from.pending
}

inline drop_copy(r)
{
	clear(me.copy);
	me.fresh = false
}

inline drop_put(r)
{
	me.putting = false;
	me.current = false;
	me.batch = 0;
	me.charged = false;
	clear(me.body)
}

/* The stored ledger gets another resourceVersion: whatever was read or sent before is stale. The body of a stale PUT cannot
 * matter. A stale copy cannot either: a decision on it refuses, or meets a conflict. FORGET_STALE uses that to save states:
 * who holds a stale copy, or waits for the answer to a stale PUT, has at once neither. */
inline outdate()
{
	for (i_ : 0 .. REPLICAS - 1) {
#ifdef FORGET_STALE
		drop_put(i_);
		drop_copy(i_)
#else
		replicas[i_].fresh = false;
		replicas[i_].current = false;
		clear(replicas[i_].body)
#endif
	}
	stray = false;
	clear(stray_body)
}

/* The store takes a PUT. One that changes nothing leaves the resourceVersion as it was, as in Kubernetes. */
inline store(object)
{
	if
	:: stored.phase != object.phase || stored.v != object.v || stored.pending != object.pending ->
		assign(stored, object);
		outdate()
	:: else
	fi
}

/* A consistent list of the Pods becomes the view. What was seen before and is not in it was seen and is gone. */
inline list(r)
{
	for (p_ : 0 .. PODS - 1) {
		if
		:: pods[p_].life == GONE && !SEEN(r, p_) -> me.missed = me.missed | BIT(p_)
		:: else
		fi
	}
	me.seen = events;
	me.listed = true
}

/* What a write drops, and what it raises V to (ledger_encode, ledger_sweep). */
inline fold(r, sweeping)
{
	keep_ = me.copy.pending;
	raised_ = me.copy.v;
	for (p_ : 0 .. PODS - 1) {
		if
		:: (keep_ & BIT(p_)) && SEEN(r, p_) ->
			keep_ = keep_ & ~BIT(p_);
			if
			:: raised_ < SEEN_VERSION(r, p_) -> raised_ = SEEN_VERSION(r, p_)
			:: else
			fi
		:: (keep_ & BIT(p_)) && !SEEN(r, p_) && sweeping && LOST(r, p_) -> keep_ = keep_ & ~BIT(p_)
		:: else
		fi
	}
}

/* Who of the waiting is admitted: one after another, each counted for the next (ledger_decide). A Pod that is pending
 * already (an earlier PUT was taken after all) is decided like any other, itself not counted. Who is refused goes on waiting, as
 * one whose refusal is held; its request may end at any time. */
inline decide(r)
{
	batch_ = 0;
	for (p_ : 0 .. PODS - 1) {
		if
		:: pods[p_].life == WAITING && pods[p_].at == r ->
			fits_ = true;
			for (q_ : 0 .. CHECKED) {
				sum_ = CHARGE(p_, q_, false, me.moved);
				if
				:: sum_ > 0 && sum_ + SUM(HELD_BY) > LIMIT(q_) -> fits_ = false
				:: else
				fi
			}
			if
			:: fits_ ->
				batch_ = batch_ | BIT(p_);
				NOTE_CHARGE(r, p_)
			:: else
			fi
		:: else
		fi
	}
}

/* Sends what was decided, with the resourceVersion of the copy that it was decided on. */
inline put(r, tending)
{
	if
	:: batch_ || (tending && (keep_ != me.copy.pending || raised_ != me.copy.v)) ->
		me.putting = true;
		me.batch = batch_;
		me.charged = me.moved;
		me.current = me.fresh;
		if
		:: me.fresh ->
			me.body.phase = OPEN;
			me.body.v = raised_;
			me.body.pending = keep_ | batch_
		:: else
		fi
	:: else
	fi
}

inline admit(r, sweeping)
{
	d_step {
		me.up && me.copy.phase == OPEN && !me.putting && READY(r) ->
		fold(r, sweeping);
		decide(r);
		put(r, false)
	}
}

/* read: by a GET or by its watch of the ledger. While a batch is out, the copy stays the one it was decided on. */
inline read(r)
{
	d_step {
		me.up && !me.putting && !me.fresh && stored.phase != MISSING ->
		assign(me.copy, stored);
		me.fresh = true
	}
}

/* settle: a missing ledger is created. */
inline settle(r)
{
	d_step {
		me.up && !me.putting && stored.phase == MISSING ->
		stored.phase = SETTLING;
		assign(me.copy, stored);
		me.fresh = true
	}
}

/* The housekeeping write: no decision, and so no need to wait. */
inline tend(r, sweeping)
{
	d_step {
		me.up && me.copy.phase == OPEN && !me.putting ->
		fold(r, sweeping);
		batch_ = 0;
		put(r, true)
	}
}

/* The writer knows nothing of its PUT any more. Of two such, either may be the one that the store takes. */
inline give_up(r, keep_older)
{
	if
	:: me.putting && me.current && !(stray && keep_older) ->
		stray = true;
		assign(stray_body, me.body)
	:: else
	fi;
	drop_put(r);
	drop_copy(r)
}

inline lose(r, keep_older)
{
	d_step {
		me.putting && losses > 0 && (stray || !keep_older) ->
		losses--;
#ifdef MUTANT_UNKNOWN_IS_TAKEN
		answer(r);
#endif
		give_up(r, keep_older)
	}
}

inline crash(r, keep_older)
{
	d_step {
		me.up && crashes > 0 && (stray || !keep_older) ->
		crashes--;
		give_up(r, keep_older);
		me.up = false;
		me.seen = 0;
		me.listed = false;
		me.missed = 0;
		me.moved = false;
		for (p_ : 0 .. PODS - 1) {
			if
			:: pods[p_].life == WAITING && pods[p_].at == r -> pods[p_].at = (r + 1) % REPLICAS
			:: else
			fi
		}
		p_ = 0
	}
}

/* The waiting get their answer. */
inline answer(r)
{
	for (p_ : 0 .. PODS - 1) {
		if
		:: (me.batch & BIT(p_)) && pods[p_].life == WAITING && pods[p_].at == r -> pods[p_].life = ALLOWED
		:: else
		fi
	}
	never_over(r)
}

proctype replica(byte r)
{
end:
	do
#ifndef LIVE
	:: read(r)
#ifdef HOUSEKEEPING
	:: tend(r, false)
#ifdef SWEEPS
	:: tend(r, true)
#endif
#endif
#if DELETIONS > 0
	:: settle(r)
#endif
#endif
	/* wait, decide, fold, sweep. */
	:: admit(r, false)
#ifdef SWEEPS
	:: admit(r, true)
#endif
	/* write: taken, and the writer knows. */
	:: d_step {
		me.putting && me.current ->
		answer(r);
		store(me.body);
		assign(me.copy, stored);
		me.fresh = true;
		drop_put(r)
	}
	/* write: a conflict. The copy is read anew and the whole batch decided again. */
	:: d_step {
		me.putting && !me.current ->
		drop_put(r);
		drop_copy(r)
	}
#ifdef MUTANT_OTHER_COPY
	/* Another request fetched a newer copy meanwhile, and the batch is written against that. */
	:: d_step {
		me.putting && !me.current && stored.phase == OPEN ->
		assign(me.body, stored);
		me.body.pending = me.body.pending | me.batch;
		me.current = true
	}
#endif
	/* write: the outcome is unknown, which counts as a conflict; the store may take it later, or never. */
#if LOSSES > 0
	:: lose(r, false)
	:: lose(r, true)
#endif
#if DELETIONS > 0
	/* open: no request decided before the deletion is still on its way; a list becomes the view; V covers all that it has. */
	:: d_step {
		me.up && !me.putting && me.copy.phase == SETTLING && me.fresh && SETTLED ->
		list(r);
		top_ = 0;
		for (p_ : 0 .. PODS - 1) {
			if
			:: pods[p_].life == ALIVE && top_ < pods[p_].created -> top_ = pods[p_].created
			:: else
			fi;
			if
			:: pods[p_].life == ALIVE && top_ < pods[p_].bound -> top_ = pods[p_].bound
			:: else
			fi
		}
		me.putting = true;
		me.current = true;
		me.body.phase = OPEN;
		me.body.v = OPENING_VERSION;
		top_ = 0; p_ = 0
	}
#endif
#if CRASHES > 0
	/* crash: view, copy and batch are lost; its requests fail, or are asked again elsewhere. */
	:: crash(r, false)
	:: crash(r, true)
	:: d_step {
		!me.up ->
		me.up = true;
		list(r);
		me.moved = moved
	}
#endif
	od
}

#ifdef LIVE
/* Fairness is between processes: what each replica's loop comes to sooner or later are processes of their own here. */
proctype follower(byte r)
{
end:
	do
	:: read(r)
#if DELETIONS > 0
	:: settle(r)
#endif
	od
}

#ifdef HOUSEKEEPING
proctype keeper(byte r)
{
end:
	do
	:: tend(r, true)
	od
}
#endif
#endif

/* see: the Pods' watch, in order, as late as it likes; that of the namespaces, later or earlier (ledger_see). */
proctype watcher(byte r)
{
end:
	do
	:: d_step {
		me.up && me.seen < events ->
		me.seen++;
		me.listed = false
	}
#ifdef RELISTS
	:: d_step {
		me.up && me.seen < events ->
		list(r)
	}
#endif
#ifdef MOVES
	:: d_step {
		me.up && me.moved != moved ->
		me.moved = moved
	}
#endif
	od
}

/* Pods that are all alike are asked for in order, the first at the first replica: by symmetry nothing is lost. */
#ifdef MOVES
#define IN_ORDER(p, r) true
#else
#define IN_ORDER(p, r) ((p) == 0 -> (r) == 0 : pods[((p) + PODS - 1) % PODS].life != UNASKED)
#endif

inline ask(p, r)
{
	d_step {
		pods[p].life == UNASKED && me.up && IN_ORDER(p, r) ->
		pods[p].life = WAITING;
		pods[p].at = r
	}
}

/* A Pod's way through its API server. A request that is over never stores (A1). */
proctype pod(byte p)
{
end:
	do
	:: ask(p, 0)
	:: ask(p, 1)
#if REPLICAS > 2
	:: ask(p, 2)
#endif
	:: d_step {
		pods[p].life == ALLOWED ->
		pods[p].life = ALIVE;
		events++;
		pods[p].created = events
	}
	/* It is refused, the client gives up, or the create fails although it was allowed. */
	:: d_step {
		pods[p].life == WAITING || pods[p].life == ALLOWED ->
		pods[p].life = OVER
	}
#ifdef BINDS
	:: d_step {
		pods[p].life == ALIVE && pods[p].bound == 0 ->
		events++;
		pods[p].bound = events
	}
#endif
	:: d_step {
		pods[p].life == ALIVE ->
		pods[p].life = GONE;
		events++;
		pods[p].gone = events
	}
#ifdef LIVE
	/* Nothing need ever happen to a Pod. */
	:: true -> skip
#endif
	od
}

#if defined(MOVES) || DELETIONS > 0 || CRASHES > 0 || LOSSES > 0
#define WORLD
#endif
#ifdef WORLD
/* What the others do, and PUTs that nobody waits for. */
proctype world()
{
end:
	do
#if CRASHES > 0 || LOSSES > 0
	:: d_step {
		stray ->
		store(stray_body);
		stray = false;
		clear(stray_body)
	}
#endif
#ifdef MOVES
	:: d_step {
		!moved ->
		moved = true
	}
#endif
#if DELETIONS > 0
	:: d_step {
		stored.phase != MISSING && deletions > 0 ->
		deletions--;
		clear(stored);
		outdate()
	}
#endif
#ifdef LIVE
	:: true -> skip
#endif
	od
}
#endif

init
{
	d_step {
		stored.phase = OPEN;
		for (i_ : 0 .. REPLICAS - 1) {
			replicas[i_].up = true
		}
	}
	atomic {
		for (i_ : 0 .. REPLICAS - 1) {
			run replica(i_);
			run watcher(i_);
#ifdef LIVE
			run follower(i_);
#ifdef HOUSEKEEPING
			run keeper(i_);
#endif
#endif
		}
		for (i_ : 0 .. PODS - 1) {
			run pod(i_)
		}
#ifdef WORLD
		run world()
#endif
	}
}

#ifdef LIVE
/* Who waits for its view to reach V gets there, though no Pod event may ever come again. */
ltl proceeds { [] (BEHIND(0) -> <> !BEHIND(0)) }

/* An entry whose Pod never came, or is gone, does not stay. */
#define LEAK(p) ((stored.pending & BIT(p)) && (pods[p].life == OVER || pods[p].life == GONE))
ltl frees { [] (LEAK(0) -> <> !LEAK(0)) }
#endif
