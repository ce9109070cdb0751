/*
 * ledger.pml: the protocol of the cluster ledger, in all of whose interleavings spin searches (run
 * by check.py; README.md says what it leaves out). There is one file for all searches. Macros give
 * the size of a scenario, what may happen in it, and the mutants, each of which removes something
 * that the protocol needs.
 *
 * Size      PODS (2 to 4), REPLICAS (2 or 3), CAP (maximum entries in the ledger; 0: unlimited)
 * Charges   HARD: one quota, 1 for each Pod; HARD_MEMORY: another, 2 for each Pod, 1 once bound;
 *           MOVES: two tenants and their parent
 * Events    CRASHES, LOSSES, DELETIONS, SETTLINGS (how often a replica crashes, the response to a
 *           PUT is lost, the ledger is deleted, or a replica makes an open ledger settle), SWEEPS,
 *           BINDS, MOVES, FINISHES (Pods finish, and come back to life), EXPIRES (Pods terminate
 *           for too long to count), RELISTS (Pods are listed again), BOOKMARKS, HOUSEKEEPING (the
 *           ledger is written without a request), READINESS (a replica that is not ready gets no
 *           requests).
 *           Always: views lag, creates fail, Pods are deleted, entries are folded late
 * Search    LIVE: for claims of what must finally happen, with fairness between processes; ENDLESS:
 *           Pods never stop coming, and no view lags by more than LAG events; FORGET_STALE: fewer
 *           states
 *
 * Versions: the k-th Pod event has version 2k. Other writes of the store come between them, so that
 * a list or a bookmark after it has version 2k+1. Of the ledger's own resourceVersion, it only
 * matters whether the ledger has been written since a copy of it was read.
 */
#ifndef PODS
#define PODS 3
#endif
#ifndef REPLICAS
#define REPLICAS 2
#endif
#ifndef CAP
#define CAP 0
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
#ifndef SETTLINGS
#define SETTLINGS 0
#endif

#if DELETIONS > 0 || SETTLINGS > 0
#define SETTLES
#endif

/* --- what a Pod is charged --- */

#define BIT(p) (1 << (p))
#define ALL_PODS (BIT(PODS) - 1)

#ifdef MOVES
/*
 * The namespace of all Pods but the last moves from tenant 0 to tenant 1, which has the namespace
 * of the last Pod. 2 is their parent.
 */
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

/*
 * The states of a Pod. ALLOWED: admitted, and an API server may still store it. OVER: refused or
 * failed, and its request has ended. FINISHED, and EXPIRED (terminating for too long to count, by
 * the true time): it exists and holds nothing.
 */
#define UNASKED 0
#define WAITING 1
#define ALLOWED 2
#define ALIVE 3
#define GONE 4
#define OVER 5
#define FINISHED 6
#define EXPIRED 7

/* The event in which something happened, or 0 if it has not. */
typedef pod_state {
	unsigned life : 3;
	unsigned at : 2; /* the replica where its request waits */
	unsigned created : 4;
#ifdef BINDS
	unsigned bound : 4;
#endif
#ifdef FINISHES
	unsigned finished : 4;
	unsigned back : 4;
#endif
	unsigned gone : 4;
}
pod_state pods[PODS];
byte events; /* number of Pod events */

#ifdef BINDS
#define BOUND(p) pods[p].bound
#else
#define BOUND(p) 0
#endif

#define MISSING 0
#define SETTLING 1
#define OPEN 2

/* A ledger object: stored, copied, or the body of a PUT. */
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
	unsigned seen : 4;   /* Pod events that were applied, or contained in the first list */
	bool listed;         /* it has also reached what was written after them */
	unsigned missed : 4; /* Pods that were gone before the first list, and are never seen */
	bool moved;          /* this replica knows that the namespace has moved */
#ifdef RELISTS
	bool listing;        /* a list is arriving, */
	unsigned to : 4;     /* ... with the state after this number of events, */
	unsigned told : 4;   /* ... and these Pods have arrived */
#endif
#ifdef EXPIRES
	unsigned stopped : 4; /* Pods that its clock no longer counts */
#endif
#ifdef SWEEPS
	/*
	 * Entries that are not in the view, and whose requests were over when this replica asked
	 * for the cluster's version:
	 */
	unsigned due : 4;   /* to be swept when the view has reached that version */
	unsigned due_v : 5;
	unsigned swept : 4; /* swept, because the view had reached it */
#endif
#ifdef SETTLES
	/* the version that the view must reach before it opens this copy, plus 1; 0: unknown */
	unsigned reach : 5;
#endif
	/* The copy, and whether the stored ledger still has its resourceVersion. */
	ledger_state copy;
	bool fresh;
	/* The PUT in flight, which replaces the copy that it was decided by. */
	bool putting;
	bool current;       /* the stored ledger still has the resourceVersion of the PUT */
	ledger_state body;
	unsigned batch : 4; /* Pods that it admits */
	bool charged;       /* the assignment of the namespace that they were decided by */
#ifdef FINISHES
	unsigned known_back : 4; /* Pods that were known to have come back to life */
#endif
}
replica_state replicas[REPLICAS];

/*
 * A PUT that its writer has given up, and that the store may still accept. At most one of all such
 * PUTs can ever be accepted, because it makes the others stale. So there is one place.
 */
bool stray;
ledger_state stray_body;

bool moved;
unsigned crashes : 2 = CRASHES;
unsigned losses : 2 = LOSSES;
unsigned deletions : 2 = DELETIONS;
unsigned settlings : 2 = SETTLINGS;

#define me replicas[r]

/*
 * How much the view knows of one Pod. While a list is arriving, that is the list for Pods that have
 * arrived, and the old state for the others.
 */
#ifdef RELISTS
#define AT(r, p) ((replicas[r].told & BIT(p)) -> replicas[r].to : replicas[r].seen)
#else
#define AT(r, p) replicas[r].seen
#endif

#ifdef MUTANT_ADVANCE_WHILE_LISTING
#define VIEW(r) (2 * (replicas[r].told -> replicas[r].to : replicas[r].seen))
#else
#define VIEW(r) (2 * replicas[r].seen + replicas[r].listed)
#endif
#define BEHIND(r) (replicas[r].up && replicas[r].copy.phase == OPEN && VIEW(r) < replicas[r].copy.v)

/* What a view knows of a Pod. */
#define APPLIED(r, p, event) ((event) > 0 && (event) <= AT(r, p))
#define SEEN(r, p) (APPLIED(r, p, pods[p].created) && !(replicas[r].missed & BIT(p)))
#define SEEN_BOUND(r, p) APPLIED(r, p, BOUND(p))
#ifdef FINISHES
#define SEEN_BACK(r, p) APPLIED(r, p, pods[p].back)
#ifdef MUTANT_FINISHED_IS_FINAL
#define SEEN_FINISHED(r, p) APPLIED(r, p, pods[p].finished)
#else
#define SEEN_FINISHED(r, p) (APPLIED(r, p, pods[p].finished) && !SEEN_BACK(r, p))
#endif
#else
#define SEEN_FINISHED(r, p) false
#endif
#ifdef EXPIRES
#define STOPPED(r, p) (replicas[r].stopped & BIT(p))
#else
#define STOPPED(r, p) false
#endif
#define COUNTED(r, p) (SEEN(r, p) && !APPLIED(r, p, pods[p].gone) && !SEEN_FINISHED(r, p) && !STOPPED(r, p))

#ifdef MUTANT_NO_WAIT
#define READY(r) true
#else
#define READY(r) (!BEHIND(r))
#endif

/* Whether a replica reports that it is ready. */
#define ASKABLE(r) (replicas[r].up && replicas[r].copy.phase == OPEN && !BEHIND(r))

/* --- folding --- */

/*
 * The version to which V is raised when a Pod is folded: that at which it was seen. A replica that
 * lists the Pod may have a later one, that of the Pod's last event. The lower one demands less of
 * others, so it is what is tried here.
 */
#ifdef MUTANT_FOLD_KEEPS_V
#define SEEN_VERSION(r, p) 0
#elif defined(MUTANT_FOLD_TO_VIEW)
#define SEEN_VERSION(r, p) VIEW(r)
#else
#define SEEN_VERSION(r, p) (2 * pods[p].created)
#endif

/*
 * A replica may keep an entry whose Pod it has seen for any time. If Pods never stop coming, the
 * time is a number of events.
 */
#if defined(ENDLESS) && !defined(MUTANT_FOLD_AT_ONCE)
#define RIPE(r, p) (pods[p].created + LAG <= AT(r, p))
#else
#define RIPE(r, p) true
#endif
#define FOLDABLE(r, p) ((replicas[r].copy.pending & BIT(p)) && COUNTED(r, p) && RIPE(r, p))

/*
 * Which of them a write folds: any of them, to show that something never happens; all of them, to
 * show that something finally happens.
 */
#if defined(MUTANT_NO_FOLD)
#define FOLDS(r, p, some) false
#elif defined(LIVE)
#define FOLDS(r, p, some) FOLDABLE(r, p)
#else
#define FOLDS(r, p, some) ((some) & BIT(p))
#endif
#define NOT_FOLDABLE(p) ((some & BIT(p)) && !FOLDABLE(r, p))
#define MAY_FOLD (!ANY(NOT_FOLDABLE))

/* --- sweeping --- */

/*
 * The answer of the cluster when it is asked for its version. The lowest demands least, so it is
 * what is tried to show that something never happens.
 */
#ifdef LIVE
#define REACHED (2 * events + 1)
#else
#define REACHED (2 * events)
#endif

/* Its request has certainly ended, because its time to live is over (A1). */
#define ENDED(p) (pods[p].life != UNASKED && pods[p].life != WAITING && pods[p].life != ALLOWED)
#ifdef MUTANT_SWEEP_EARLY
#define OLD(p) (pods[p].life != UNASKED)
#else
#define OLD(p) ENDED(p)
#endif
#define OVERDUE(p) ((me.copy.pending & BIT(p)) && !SEEN(r, p) && OLD(p))
#define OVERDUE_BIT(p) (OVERDUE(p) -> BIT(p) : 0)
#ifdef MUTANT_NO_SWEEP
#define NEWLY_OVERDUE 0
#else
#define NEWLY_OVERDUE (SUM(OVERDUE_BIT) & ~(me.due | me.swept))
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

/* --- opening --- */

#define IN_FLIGHT(p) (pods[p].life == ALLOWED)
#ifdef MUTANT_OPEN_EARLY
#define SETTLED true
#else
#define SETTLED (!ANY(IN_FLIGHT))
#endif
#ifdef MUTANT_OPEN_UNREACHED
#define MAY_OPEN true
#else
#define MAY_OPEN (me.reach > 0 && VIEW(r) + 1 >= me.reach)
#endif

/*
 * The largest version of a Pod event in the view. At least, that is the last one of the Pods that
 * still exist; at most, that of the last event.
 */
#ifdef MUTANT_OPEN_KEEPS_V
#define OPENING_VERSION 0
#elif defined(MUTANT_OPEN_AT_VIEW)
#define OPENING_VERSION VIEW(r)
#elif defined(LIVE)
#define OPENING_VERSION (2 * me.seen)
#else
#define OPENING_VERSION (2 * top_)
#endif
#ifdef MUTANT_OPEN_BY_PARTIAL_LIST
#define IN_OPENING(r, p) (COUNTED(r, p) && (!me.listing || (me.told & BIT(p))))
#else
#define IN_OPENING(r, p) COUNTED(r, p)
#endif

#ifdef MUTANT_FIRST_QUOTA
#define CHECKED 0
#else
#define CHECKED (QUOTAS - 1)
#endif

/* --- the maximum size of the ledger --- */

#if CAP > 0
#ifdef MUTANT_CAP_WITHOUT_SEEN
#define TAKES_ROOM(p) (((keep_ | batch_) & BIT(p)) && !SEEN(r, p) && (p) != p_ -> 1 : 0)
#else
#define TAKES_ROOM(p) (((keep_ | batch_) & BIT(p)) && (p) != p_ -> 1 : 0)
#endif
#define ROOM (SUM(TAKES_ROOM) < CAP)
#define STORED(p) ((stored.pending & BIT(p)) -> 1 : 0)
#else
#define ROOM true
#endif

/* Temporary variables of one step, which are not part of the state. */
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
	(COUNTED(r, p) -> CHARGE(p, q_, SEEN_BOUND(r, p), me.moved) : \
	((((keep_ | batch_) & BIT(p)) && !SEEN(r, p)) -> CHARGE(p, q_, PENDING_BOUND, PENDING_MOVED(r, p)) : 0)))

/* --- the invariant --- */

/*
 * Returns what exists, or may still be stored, charged by the assignment that the decision
 * believed. A Pod that came back to life made no request: it counts as soon as the deciding replica
 * knows of it.
 */
#ifdef FINISHES
#define REVIVED_UNKNOWN(p) (pods[p].back > 0 && !(me.known_back & BIT(p)))
#else
#define REVIVED_UNKNOWN(p) false
#endif
#define EXISTS(p) (pods[p].life == ALLOWED || (pods[p].life == ALIVE && !REVIVED_UNKNOWN(p)))
#ifdef MUTANT_TRUE_TENANTS
#define ASSIGNMENT moved
#else
#define ASSIGNMENT me.charged
#endif
#define HOLDS(p) (EXISTS(p) -> CHARGE(p, q_, BOUND(p) > 0, ASSIGNMENT) : 0)
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

/* An answer to the question for opening belongs to one copy. */
inline forget_reach(r)
{
#if defined(SETTLES) && !defined(MUTANT_OPEN_BY_OLD_QUESTION)
	me.reach = 0
#else
	skip
#endif
}

inline drop_copy(r)
{
	clear(replicas[r].copy);
	replicas[r].fresh = false;
	forget_reach(r)
}

inline drop_put(r)
{
	replicas[r].putting = false;
	replicas[r].current = false;
	replicas[r].batch = 0;
	replicas[r].charged = false;
#ifdef FINISHES
	replicas[r].known_back = 0;
#endif
	clear(replicas[r].body)
}

/*
 * The stored ledger gets another resourceVersion: whatever was read or sent before is stale. The
 * body of a stale PUT does not matter. Neither does a stale copy: a decision by it refuses, or
 * meets a conflict. To save states, FORGET_STALE drops stale copies and stale PUTs at once.
 */
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

/*
 * The store accepts a PUT. One that changes nothing leaves the resourceVersion unchanged, as in
 * Kubernetes.
 */
inline store(object)
{
	if
	:: stored.phase != object.phase || stored.v != object.v || stored.pending != object.pending ->
		assign(stored, object);
		outdate()
	:: else
	fi;
#if CAP > 0
	assert(SUM(STORED) <= CAP)
#endif
}

/* The copy is replaced. */
inline take(r)
{
	assign(me.copy, stored);
	me.fresh = true;
#ifdef SWEEPS
	me.due = me.due & me.copy.pending;
	me.swept = me.swept & me.copy.pending;
	if
	:: me.due == 0 -> me.due_v = 0
	:: else
	fi;
#endif
	forget_reach(r)
}

/*
 * After the view has advanced. Entries due at its version are swept, unless their Pods have been
 * seen. The Pods of swept entries must never be seen.
 */
inline reached(r)
{
#ifdef SWEEPS
	for (p_ : 0 .. PODS - 1) {
		assert(!((me.swept & BIT(p_)) && SEEN(r, p_)));
		if
		:: (me.due & BIT(p_)) && SEEN(r, p_) -> me.due = me.due & ~BIT(p_)
		:: else
		fi
	}
	if
#ifdef MUTANT_DUE_AT_ANSWER
	/* Takes what is old enough now, instead of what was when the question was asked. */
	:: me.due_v > 0 && VIEW(r) >= me.due_v -> me.due = SUM(OVERDUE_BIT) | me.due
#endif
	:: else
	fi;
	if
	:: me.due == 0 || VIEW(r) >= me.due_v ->
		me.swept = me.swept | me.due;
		me.due = 0;
		me.due_v = 0
	:: else
	fi;
#endif
	p_ = 0
}

/*
 * Only where a view must finally advance does it matter that a list or a bookmark is later than the
 * last event.
 */
#ifdef LIVE
#define LISTED true
#else
#define LISTED false
#endif

/*
 * A consistent list of the Pods becomes the view. Pods that were seen before and are not in it are
 * seen, and gone.
 */
inline list(r)
{
	for (p_ : 0 .. PODS - 1) {
		if
		:: pods[p_].life == GONE && !SEEN(r, p_) -> me.missed = me.missed | BIT(p_)
		:: else
		fi
	}
	me.seen = events;
	me.listed = LISTED;
	reached(r)
}

/*
 * What a write drops, and what it raises V to (ledger_encode). It raises V only for Pods that hold
 * something: a replica that does not know of the others counts nothing for them, and that is what
 * they hold.
 */
inline fold(r, some)
{
	keep_ = me.copy.pending;
	raised_ = me.copy.v;
	for (p_ : 0 .. PODS - 1) {
		if
		:: (keep_ & BIT(p_)) && FOLDS(r, p_, some) ->
			keep_ = keep_ & ~BIT(p_);
			if
			:: raised_ < SEEN_VERSION(r, p_) -> raised_ = SEEN_VERSION(r, p_)
			:: else
			fi
		:: (keep_ & BIT(p_)) && SEEN(r, p_) && !COUNTED(r, p_) -> keep_ = keep_ & ~BIT(p_)
#ifdef SWEEPS
		:: (keep_ & BIT(p_)) && !SEEN(r, p_) && (me.swept & BIT(p_)) -> keep_ = keep_ & ~BIT(p_)
#endif
		:: else
		fi
	}
}

/*
 * Decides which waiting Pods are admitted, one after another, so that each counts for the next
 * (ledger_decide). A Pod that is already pending, because an earlier PUT was accepted after all, is
 * decided like any other, without counting itself. A refused Pod keeps waiting, as one whose
 * refusal is held; its request may end at any time.
 */
inline decide(r)
{
	batch_ = 0;
	for (p_ : 0 .. PODS - 1) {
		if
		:: pods[p_].life == WAITING && pods[p_].at == r ->
			fits_ = ROOM;
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

/* Sends the decision with the resourceVersion of the copy that it was made by. */
inline put(r, tending)
{
	if
	:: batch_ || (tending && (keep_ != me.copy.pending || raised_ != me.copy.v)) ->
		me.putting = true;
		me.batch = batch_;
		me.charged = me.moved;
#ifdef FINISHES
		for (p_ : 0 .. PODS - 1) {
			if
			:: SEEN_BACK(r, p_) -> me.known_back = me.known_back | BIT(p_)
			:: else
			fi
		}
#endif
		me.current = me.fresh;
		if
		:: me.fresh ->
			me.body.phase = OPEN;
			me.body.v = raised_;
			me.body.pending = keep_ | batch_
		:: else
		fi
	:: else
	fi;
	p_ = 0
}

inline admit(r, some)
{
	d_step {
		me.up && me.copy.phase == OPEN && !me.putting && READY(r) && MAY_FOLD ->
		fold(r, some);
		decide(r);
		put(r, false)
	}
}

/*
 * read: by a GET or by the watch of the ledger. While a batch is in flight, the copy remains the
 * one that it was decided by.
 */
inline read(r)
{
	d_step {
		me.up && !me.putting && !me.fresh && stored.phase != MISSING ->
		take(r)
	}
}

/* settle: creates a missing ledger. */
inline create(r)
{
	d_step {
		me.up && !me.putting && stored.phase == MISSING ->
		stored.phase = SETTLING;
		take(r)
	}
}

/*
 * settle: an open ledger belongs to another history, or so this replica claims. It settles as if it
 * were new.
 */
inline resettle(r)
{
	d_step {
		me.up && !me.putting && me.fresh && stored.phase == OPEN && settlings > 0 ->
		settlings--;
		clear(stored);
		outdate();
		stored.phase = SETTLING;
		take(r)
	}
}

/*
 * open: the ledger has settled, and no request from before is in flight. Which version has the
 * cluster reached?
 */
inline ask_to_open(r)
{
	d_step {
		me.up && !me.putting && me.copy.phase == SETTLING && me.fresh && SETTLED && me.reach == 0 ->
		me.reach = REACHED + 1
	}
}

/*
 * ... What was admitted before is stored by that version, or never will be. A view that has reached
 * it has all of it.
 */
inline open(r)
{
	d_step {
		me.up && !me.putting && me.copy.phase == SETTLING && me.fresh && MAY_OPEN ->
		top_ = 0;
		for (p_ : 0 .. PODS - 1) {
			if
			:: IN_OPENING(r, p_) && top_ < pods[p_].created -> top_ = pods[p_].created
			:: else
			fi;
			if
			:: IN_OPENING(r, p_) && SEEN_BOUND(r, p_) && top_ < BOUND(p_) -> top_ = BOUND(p_)
			:: else
			fi
		}
		me.putting = true;
		me.current = true;
		me.body.phase = OPEN;
		me.body.v = OPENING_VERSION;
		top_ = 0;
		p_ = 0
	}
}

/* ... If no event brings the view there, a list does. */
inline list_to_open(r)
{
	d_step {
		me.up && me.copy.phase == SETTLING && me.reach > VIEW(r) + 1 ->
		list(r)
	}
}

/* The housekeeping write makes no decision, so it need not wait. */
inline tend(r, some)
{
	d_step {
		me.up && me.copy.phase == OPEN && !me.putting && MAY_FOLD ->
		fold(r, some);
		batch_ = 0;
		put(r, true)
	}
}

/*
 * sweep: which version has the cluster reached? Old entries of the copy whose Pods are not seen are
 * due when the view has reached it as well. Neither the view nor V may be beyond it: they would
 * belong to another history, and nothing here creates one.
 */
inline ask_to_sweep(r)
{
	d_step {
		me.up && me.copy.phase == OPEN && NEWLY_OVERDUE != 0 ->
		assert(REACHED >= me.copy.v && REACHED >= VIEW(r));
		me.due = me.due | NEWLY_OVERDUE;
		me.due_v = REACHED;
#ifdef MUTANT_SWEEP_UNREACHED
		me.swept = me.swept | me.due;
#endif
		reached(r)
	}
}

/* The writer forgets its PUT. If there are two such, the store may accept either. */
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
#ifdef RELISTS
		me.listing = false;
		me.to = 0;
		me.told = 0;
#endif
#ifdef EXPIRES
		me.stopped = 0;
#endif
#ifdef SWEEPS
		me.due = 0;
		me.due_v = 0;
		me.swept = 0;
#endif
		for (p_ : 0 .. PODS - 1) {
			if
			:: pods[p_].life == WAITING && pods[p_].at == r -> pods[p_].at = (r + 1) % REPLICAS
			:: else
			fi
		}
		p_ = 0
	}
}

/* The waiting requests are answered. */
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
	:: tend(r, 0)
	:: tend(r, 1)
	:: tend(r, 2)
	:: tend(r, 3)
#if PODS > 2
	:: tend(r, 4)
	:: tend(r, 5)
	:: tend(r, 6)
	:: tend(r, 7)
#endif
#endif
#ifdef SWEEPS
	:: ask_to_sweep(r)
#endif
#if DELETIONS > 0
	:: create(r)
#endif
#ifdef SETTLES
	:: ask_to_open(r)
#ifndef RELISTS
	:: list_to_open(r)
#endif
#endif
#endif
	/* wait, decide, fold, sweep. */
#ifdef LIVE
	:: admit(r, 0)
#else
	:: admit(r, 0)
	:: admit(r, 1)
	:: admit(r, 2)
	:: admit(r, 3)
#if PODS > 2
	:: admit(r, 4)
	:: admit(r, 5)
	:: admit(r, 6)
	:: admit(r, 7)
#endif
#if PODS > 3
	:: admit(r, 8)
	:: admit(r, 9)
	:: admit(r, 10)
	:: admit(r, 11)
	:: admit(r, 12)
	:: admit(r, 13)
	:: admit(r, 14)
	:: admit(r, 15)
#endif
#endif
	/* write: accepted, and the writer knows. */
	:: d_step {
		me.putting && me.current ->
		answer(r);
		store(me.body);
		take(r);
		drop_put(r)
	}
	/* write: a conflict. The copy is read again, and the whole batch is decided again. */
	:: d_step {
		me.putting && !me.current ->
		drop_put(r);
		drop_copy(r)
	}
#ifdef MUTANT_OTHER_COPY
	/*
	 * Another request has read a newer copy meanwhile, and the batch is written in place of
	 * that.
	 */
	:: d_step {
		me.putting && !me.current && stored.phase == OPEN ->
		assign(me.body, stored);
		me.body.pending = me.body.pending | me.batch;
		me.current = true
	}
#endif
	/*
	 * write: the outcome is unknown, which counts as a conflict; the store may accept it later,
	 * or never.
	 */
#if LOSSES > 0
	:: lose(r, false)
	:: lose(r, true)
#endif
#if SETTLINGS > 0
	:: resettle(r)
#endif
#ifdef SETTLES
	:: open(r)
#endif
#ifdef MUTANT_V_AT_ANSWER
	/*
	 * V is compared as it is when the version arrives, instead of when it was asked for: a
	 * healthy ledger seems to belong to another history.
	 */
	:: d_step {
		me.due_v > 0 && me.copy.phase == OPEN ->
		assert(me.due_v >= me.copy.v)
	}
#endif
#if CRASHES > 0
	/*
	 * crash: view, copy and batch are lost. The requests fail, or are repeated at another
	 * replica.
	 */
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
/*
 * Fairness is between processes, so what the loop of each replica must finally do is split into
 * processes here.
 */
proctype follower(byte r)
{
end:
	do
	:: read(r)
#ifdef SWEEPS
	:: ask_to_sweep(r)
#endif
#if DELETIONS > 0
	:: create(r)
#endif
#ifdef SETTLES
	:: ask_to_open(r)
#ifndef MUTANT_OPEN_WITHOUT_LIST
	:: list_to_open(r)
#endif
#endif
	od
}

#ifdef HOUSEKEEPING
proctype keeper(byte r)
{
end:
	do
	:: tend(r, 0)
	od
}
#endif
#endif

/*
 * see: the watch of Pods, in order and at any later time; that of namespaces, before or after it
 * (ledger_see).
 */
#ifdef RELISTS
#define NOT_LISTING !me.listing
#define IN_LIST(p) (pods[p].created > 0 && pods[p].created <= me.to && !(pods[p].gone > 0 && pods[p].gone <= me.to))
#define UNTOLD(p) (IN_LIST(p) && !(me.told & BIT(p)))
/* A list arrives Pod by Pod, in any order. */
inline tell(p)
{
	d_step {
		me.listing && UNTOLD(p) ->
		me.told = me.told | BIT(p)
	}
}
#else
#define NOT_LISTING true
#endif

#ifdef EXPIRES
#ifdef MUTANT_STOP_AT_ONCE
#define TOO_OLD(p) (pods[p].life == ALIVE)
#else
#define TOO_OLD(p) (pods[p].life == EXPIRED)
#endif
inline stop_counting(r, p)
{
	d_step {
		me.up && COUNTED(r, p) && TOO_OLD(p) ->
		me.stopped = me.stopped | BIT(p)
	}
}
#endif

proctype watcher(byte r)
{
end:
	do
	:: d_step {
		me.up && me.seen < events && NOT_LISTING ->
		me.seen++;
		me.listed = false;
		reached(r)
	}
#ifdef BOOKMARKS
	:: d_step {
		me.up && me.seen == events && !me.listed ->
		me.listed = true;
		reached(r)
	}
#endif
#ifdef RELISTS
	/* A list begins, with the current Pods. */
	:: d_step {
		me.up && me.seen < events && !me.listing ->
		me.listing = true;
		me.to = events
	}
	:: tell(0)
	:: tell(1)
#if PODS > 2
	:: tell(2)
#endif
	/* All have arrived. What has happened since then arrives before the end as well. */
	:: d_step {
		me.listing && !ANY(UNTOLD) && me.to < events ->
		me.to++;
		for (p_ : 0 .. PODS - 1) {
			if
			:: pods[p_].created == me.to -> me.told = me.told | BIT(p_)
			:: else
			fi
		}
		p_ = 0
	}
	/* The list ends: what was not in it is gone. */
	:: d_step {
		me.listing && !ANY(UNTOLD) ->
		for (p_ : 0 .. PODS - 1) {
			if
			:: pods[p_].gone > 0 && pods[p_].gone <= me.to && !SEEN(r, p_) -> me.missed = me.missed | BIT(p_)
			:: else
			fi
		}
		me.seen = me.to;
		me.listing = false;
		me.to = 0;
		me.told = 0;
		reached(r)
	}
#endif
#ifdef EXPIRES
	/* Its clock says that a Pod, which it has seen terminating, is too old to count. */
	:: stop_counting(r, 0)
	:: stop_counting(r, 1)
#if PODS > 2
	:: stop_counting(r, 2)
#endif
#endif
#ifdef MOVES
	:: d_step {
		me.up && me.moved != moved ->
		me.moved = moved
	}
#endif
	od
}

/*
 * Identical Pods are requested in order, the first one at the first replica, which loses nothing by
 * symmetry.
 */
#if defined(MOVES) || defined(ENDLESS)
#define IN_ORDER(p, r) true
#else
#define IN_ORDER(p, r) ((p) == 0 -> (r) == 0 : pods[((p) + PODS - 1) % PODS].life != UNASKED)
#endif

#ifdef READINESS
#define MAY_ASK(r) ASKABLE(r)
#else
#define MAY_ASK(r) replicas[r].up
#endif

inline ask(p, r)
{
	d_step {
		pods[p].life == UNASKED && MAY_ASK(r) && IN_ORDER(p, r) ->
		pods[p].life = WAITING;
		pods[p].at = r
	}
}

/* --- endless events --- */

/*
 * If Pods never stop coming, the numbers of events stay small: anything older than all views is
 * equivalent to anything even older. A Pod that is gone for all replicas, and in no ledger, becomes
 * another one with another uid.
 */
#ifdef ENDLESS
#define WINDOW (2 * LAG + 1)
#define NOT_LATE (events - replicas[0].seen < LAG && events - replicas[1].seen < LAG)
#define AGE(event) event = (event > 1 -> event - 1 : event)
#define AGE_V(version) version = (version > 2 -> version - 2 : version)
#define SPEAKS_OF(p) (((stored.pending | stray_body.pending | replicas[0].copy.pending | replicas[0].body.pending | \
	replicas[1].copy.pending | replicas[1].body.pending) & BIT(p)))
#define FORGOTTEN(p) (pods[p].life == OVER || \
	(pods[p].life == GONE && pods[p].gone <= replicas[0].seen && pods[p].gone <= replicas[1].seen))
inline count_event()
{
	if
	:: events == WINDOW ->
		for (i_ : 0 .. PODS - 1) {
			AGE(pods[i_].created);
			AGE(pods[i_].gone)
		}
		for (i_ : 0 .. REPLICAS - 1) {
			replicas[i_].seen = replicas[i_].seen - 1;
			AGE_V(replicas[i_].copy.v);
			AGE_V(replicas[i_].body.v);
#ifdef SETTLES
			AGE_V(replicas[i_].reach)
#endif
		}
		AGE_V(stored.v);
		i_ = 0
	:: else -> events++
	fi
}
#else
#define NOT_LATE true
inline count_event()
{
	events++
}
#endif

/* The life of a Pod in its API server. A request that is over never stores (A1). */
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
		pods[p].life == ALLOWED && NOT_LATE ->
		pods[p].life = ALIVE;
		count_event();
		pods[p].created = events
	}
	/* It is refused, the client gives up, or the create fails although it was admitted. */
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
#ifdef FINISHES
	:: d_step {
		pods[p].life == ALIVE && pods[p].finished == 0 ->
		pods[p].life = FINISHED;
		events++;
		pods[p].finished = events
	}
	:: d_step {
		pods[p].life == FINISHED && pods[p].back == 0 ->
		pods[p].life = ALIVE;
		events++;
		pods[p].back = events
	}
#endif
#ifdef EXPIRES
	:: d_step {
		pods[p].life == ALIVE ->
		pods[p].life = EXPIRED
	}
#endif
	:: d_step {
		(pods[p].life == ALIVE || pods[p].life == FINISHED || pods[p].life == EXPIRED) && NOT_LATE ->
		pods[p].life = GONE;
		count_event();
		pods[p].gone = events
	}
#ifdef ENDLESS
	:: d_step {
		FORGOTTEN(p) && !SPEAKS_OF(p) ->
		pods[p].life = UNASKED;
		pods[p].at = 0;
		pods[p].created = 0;
		pods[p].gone = 0
	}
#endif
#ifdef LIVE
	/* Nothing need ever happen to a Pod, except that its request ends. */
	:: pods[p].life != WAITING && pods[p].life != ALLOWED
#endif
	od
}

#if defined(MOVES) || DELETIONS > 0 || CRASHES > 0 || LOSSES > 0
#define WORLD
#endif
#ifdef WORLD
/* The other steps, and PUTs without a waiting writer. */
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
	/* Nothing of this need ever happen. (A plain true would be an error in spin.) */
	:: events >= 0
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
#ifdef ENDLESS
		events = 1;
		replicas[0].seen = 1;
		replicas[1].seen = 1
#endif
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
/* A replica becomes ready again, whatever happens, even if there is never another Pod event. */
ltl ready { [] <> ASKABLE(0) }

/* No entry remains. */
#define LEAK(p) (stored.pending & BIT(p))
ltl frees { [] (LEAK(0) -> <> !LEAK(0)) }
#endif
