/*
 * ledger.pml: the protocol of the cluster ledger, for spin to search in all its interleavings (check.py runs it; README.md
 * says what it leaves out). One file for all: macros give the size of a scenario, what may happen in it, and the mutants,
 * each of which takes away one thing that the protocol needs.
 *
 * Size      PODS (2..4), REPLICAS (2..3), CAP (entries that the ledger may hold; 0: no bound)
 * Charges   HARD: one quota, 1 a Pod; HARD_MEMORY: another, 2 a Pod, 1 once bound; MOVES: two tenants and their parent
 * Happens   CRASHES, LOSSES, DELETIONS, SETTLINGS (how often a replica crashes, a PUT's answer is lost, the ledger is deleted, a
 *           replica makes an open ledger settle), SWEEPS, BINDS, MOVES, FINISHES (Pods finish, and come back to life), EXPIRES
 *           (Pods terminate for too long to count), RELISTS (a view is listed anew), BOOKMARKS, HOUSEKEEPING (a ledger is
 *           written without a request), READINESS (a replica that is not ready is not asked).
 *           Always: views lag, creates fail, Pods are deleted, entries are folded late
 * Search    LIVE: for claims of what must come about, with fairness between processes; ENDLESS: Pods never stop coming, and no view
 *           is more than LAG events late; FORGET_STALE: fewer states
 *
 * Versions: the k-th Pod event has version 2k. What else the store writes comes between, so that a list or a bookmark after it
 * has version 2k+1. Only whether the ledger was written since a copy of it was read matters of its own resourceVersion.
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

/*
 * A Pod's way. ALLOWED: admitted, and an API server may still store it. OVER: refused or failed, its request has ended. FINISHED,
 * EXPIRED (it has terminated for longer than it counts, by the true time): it exists and holds nothing.
 */
#define UNASKED 0
#define WAITING 1
#define ALLOWED 2
#define ALIVE 3
#define GONE 4
#define OVER 5
#define FINISHED 6
#define EXPIRED 7

/* The event in which something came about is 0 while it has not. */
typedef pod_state {
	unsigned life : 3;
	unsigned at : 2; /* the replica that its request waits at */
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
byte events; /* how many Pod events there are */

#ifdef BINDS
#define BOUND(p) pods[p].bound
#else
#define BOUND(p) 0
#endif

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
	bool listed;         /* it has reached what was written after them, too */
	unsigned missed : 4; /* Pods that were gone before it was listed: never seen */
	bool moved;          /* this replica knows that the namespace moved */
#ifdef RELISTS
	bool listing;        /* a list is coming, */
	unsigned to : 4;     /* ... of what is true after so many events, */
	unsigned told : 4;   /* ... and these Pods have come */
#endif
#ifdef EXPIRES
	unsigned stopped : 4; /* Pods that its clock has stopped to count */
#endif
#ifdef SWEEPS
	/* Entries whose requests were over when this replica asked for the cluster's version, and that the view does not have: */
	unsigned due : 4;   /* to be swept when it has reached that version */
	unsigned due_v : 5;
	unsigned swept : 4; /* which it had reached */
#endif
#ifdef SETTLES
	unsigned reach : 5; /* one more than the version that the view has to reach before it opens this copy; 0: not asked for yet */
#endif
	/* The copy, and whether the stored ledger still has its resourceVersion. */
	ledger_state copy;
	bool fresh;
	/* The PUT on its way, against the copy decided on. */
	bool putting;
	bool current;       /* the stored ledger still has the resourceVersion that it carries */
	ledger_state body;
	unsigned batch : 4; /* Pods that it admits */
	bool charged;       /* by which assignment of the namespace they were decided */
#ifdef FINISHES
	unsigned known_back : 4; /* Pods that were known to have come back to life */
#endif
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
unsigned settlings : 2 = SETTLINGS;

#define me replicas[r]

/* How far the view knows of one Pod: while a list is coming, of those that have come as the list says, of the others as before. */
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

/* Whether a replica says that it can be asked. */
#define ASKABLE(r) (replicas[r].up && replicas[r].copy.phase == OPEN && !BEHIND(r))

/* --- folding --- */

/* The version to raise V to when a Pod is folded: that at which it was seen. A replica that lists it may have a later one,
 * that of its last event; the lower one demands less of others and is therefore what is tried here. */
#ifdef MUTANT_FOLD_KEEPS_V
#define SEEN_VERSION(r, p) 0
#elif defined(MUTANT_FOLD_TO_VIEW)
#define SEEN_VERSION(r, p) VIEW(r)
#else
#define SEEN_VERSION(r, p) (2 * pods[p].created)
#endif

/* How long a replica keeps an entry whose Pod it has seen is any time. Where Pods never stop coming, it is a number of events. */
#if defined(ENDLESS) && !defined(MUTANT_FOLD_AT_ONCE)
#define RIPE(r, p) (pods[p].created + LAG <= AT(r, p))
#else
#define RIPE(r, p) true
#endif
#define FOLDABLE(r, p) ((replicas[r].copy.pending & BIT(p)) && COUNTED(r, p) && RIPE(r, p))

/* Which of them a write folds: any of them where something must never be, all of them where something must come about. */
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

/* What the cluster answers when it is asked for its version. The least demands least, and is what is tried where nothing must come about. */
#ifdef LIVE
#define REACHED (2 * events + 1)
#else
#define REACHED (2 * events)
#endif

/* Its request has certainly ended (the time to live, A1). */
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

/* The largest version of a Pod event in the view. The least that it can be is that of Pods that are still there; the most that of
 * the last event. */
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

/* --- the bound of the ledger --- */

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
	(COUNTED(r, p) -> CHARGE(p, q_, SEEN_BOUND(r, p), me.moved) : \
	((((keep_ | batch_) & BIT(p)) && !SEEN(r, p)) -> CHARGE(p, q_, PENDING_BOUND, PENDING_MOVED(r, p)) : 0)))

/* --- the invariant --- */

/* What exists, or may still be stored, charged by the assignment that the decision believed. A Pod that came back to life was not
 * asked for: it counts as soon as the deciding replica knows. */
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

/* An answer to the question for opening is of one copy. */
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
	fi;
#if CAP > 0
	assert(SUM(STORED) <= CAP)
#endif
}

/* The copy is another one. */
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

/* After the view got on: what was due by its version is swept, if it has not come. What was swept never comes. */
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
	/* What is old enough by now, instead of what was when the question was asked. */
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

/* Only where a view must get somewhere does it matter that a list or a bookmark is later than the last event. */
#ifdef LIVE
#define LISTED true
#else
#define LISTED false
#endif

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
	me.listed = LISTED;
	reached(r)
}

/* What a write leaves out, and what it raises V to (ledger_encode). V is raised for Pods that hold something only: who does not
 * know of the others counts nothing for them, and that is what they hold. */
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

/* Who of the waiting is admitted: one after another, each counted for the next (ledger_decide). A Pod that is pending
 * already (an earlier PUT was taken after all) is decided like any other, itself not counted. Who is refused goes on waiting, as
 * one whose refusal is held; its request may end at any time. */
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

/* Sends what was decided, with the resourceVersion of the copy that it was decided on. */
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

/* read: by a GET or by its watch of the ledger. While a batch is out, the copy stays the one it was decided on. */
inline read(r)
{
	d_step {
		me.up && !me.putting && !me.fresh && stored.phase != MISSING ->
		take(r)
	}
}

/* settle: a missing ledger is created. */
inline create(r)
{
	d_step {
		me.up && !me.putting && stored.phase == MISSING ->
		stored.phase = SETTLING;
		take(r)
	}
}

/* settle: an open ledger is of another history, or so this replica says; it settles, as if it were new. */
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

/* open: the ledger has settled, no request decided before is still on its way: which version has the cluster reached? */
inline ask_to_open(r)
{
	d_step {
		me.up && !me.putting && me.copy.phase == SETTLING && me.fresh && SETTLED && me.reach == 0 ->
		me.reach = REACHED + 1
	}
}

/* ... what was admitted before is stored by that version, or never will be; a view that has reached it has all of it. */
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

/* ... and where no event brings it there, a list does. */
inline list_to_open(r)
{
	d_step {
		me.up && me.copy.phase == SETTLING && me.reach > VIEW(r) + 1 ->
		list(r)
	}
}

/* The housekeeping write: no decision, and so no need to wait. */
inline tend(r, some)
{
	d_step {
		me.up && me.copy.phase == OPEN && !me.putting && MAY_FOLD ->
		fold(r, some);
		batch_ = 0;
		put(r, true)
	}
}

/* sweep: which version has the cluster reached? What is long enough in the copy and not seen is due when the view has reached
 * it, too. Neither view nor V may be beyond it: else they are of another history, and nothing here makes it so. */
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
	/* write: taken, and the writer knows. */
	:: d_step {
		me.putting && me.current ->
		answer(r);
		store(me.body);
		take(r);
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
#if SETTLINGS > 0
	:: resettle(r)
#endif
#ifdef SETTLES
	:: open(r)
#endif
#ifdef MUTANT_V_AT_ANSWER
	/* V as it is when the version comes is compared, instead of that when it was asked for: a healthy ledger seems to be of
	 * another history. */
	:: d_step {
		me.due_v > 0 && me.copy.phase == OPEN ->
		assert(me.due_v >= me.copy.v)
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

/* see: the Pods' watch, in order, as late as it likes; that of the namespaces, later or earlier (ledger_see). */
#ifdef RELISTS
#define NOT_LISTING !me.listing
#define IN_LIST(p) (pods[p].created > 0 && pods[p].created <= me.to && !(pods[p].gone > 0 && pods[p].gone <= me.to))
#define UNTOLD(p) (IN_LIST(p) && !(me.told & BIT(p)))
/* A list comes Pod by Pod, in any order. */
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
	/* A list begins: the Pods as they are now. */
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
	/* All have come; what happened since then comes before its end, too. */
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
	/* It ends: what was not in it is gone. */
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
	/* Its clock says that a Pod which it has seen terminate is too old to count. */
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

/* Pods that are all alike are asked for in order, the first at the first replica: by symmetry nothing is lost. */
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

/* --- events without end --- */

/*
 * Where Pods never stop coming, the numbers of events stay small: whatever is older than all views is as good as any older one. A
 * Pod that is gone for all, and of which no ledger speaks, is another one next, of another uid.
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
		pods[p].life == ALLOWED && NOT_LATE ->
		pods[p].life = ALIVE;
		count_event();
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
	/* Nothing need ever happen to a Pod, but that its request ends. */
	:: pods[p].life != WAITING && pods[p].life != ALLOWED
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
	/* Nothing of it need ever happen. (For spin a plain true would be an error.) */
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
/* A replica becomes ready again, whatever happens. Where nothing else does, no Pod event may ever come again. */
ltl ready { [] <> ASKABLE(0) }

/* No entry stays. */
#define LEAK(p) (stored.pending & BIT(p))
ltl frees { [] (LEAK(0) -> <> !LEAK(0)) }
#endif
