/*
 * ledger.pml: the protocol of the cluster ledger, in all of whose interleavings spin searches (run
 * by check.py; README.md says what it leaves out). There is one file for all searches. Macros give
 * the size of a scenario, what may happen in it, and the mutants, each of which removes something
 * that the protocol needs.
 *
 * Size      PODS and CLAIMS (how many consumers are Pods, and how many are ResourceClaims; together
 *           2 to 4), REPLICAS (2 or 3), CAP (maximum entries in the ledger; 0: unlimited)
 * Charges   HARD: one quota, 1 for each consumer; HARD_MEMORY: another, 2 for each consumer, 1 once
 *           it is bound or allocated; MOVES: two tenants and their parent
 * Gangs     GROUPS (1 or 2 groups of Pods that are admitted all or none; the first MEMBERS Pods are
 *           in the first one, and so on) of 2 Pods each, however many come; NO_CLOCKS: no
 *           reservation ends because its time is over
 * Events    CRASHES, LOSSES, DELETIONS, SETTLINGS, RESTORES (how often a replica crashes, the
 *           response to a PUT is lost, the ledger is deleted, a replica makes an open ledger
 *           settle, or the storage is restored), SWEEPS, BINDS (Pods are bound, and claims are
 *           allocated), MOVES, FINISHES (Pods finish, and come back to life), EXPIRES (Pods
 *           terminate for too long to count), RELISTS (consumers are listed again), BOOKMARKS,
 *           HOUSEKEEPING (the ledger is written without a request), READINESS (a replica that is
 *           not ready gets no requests).
 *           Always: views lag, creates fail, consumers are deleted, entries are folded late
 * Search    LIVE: for claims of what must finally happen, with fairness between processes; ENDLESS:
 *           consumers never stop coming, and no view lags by more than LAG events; FORGET_STALE:
 *           fewer states
 *
 * Versions: the API server reports the Pods by one watch, and the claims by another. Versions of
 * different kinds are never compared. The n-th event of a kind has version 2n. Other writes of the
 * store come between them, so that a list or a bookmark after it has version 2n+1. Of the ledger's
 * own resourceVersion, it only matters whether the ledger has been written since a copy of it was
 * read.
 */
#ifndef PODS
#define PODS 3
#endif
#ifndef CLAIMS
#define CLAIMS 0
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
#ifndef GROUPS
#define GROUPS 0
#endif
#ifndef MEMBERS
#define MEMBERS 2
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
#ifndef RESTORES
#define RESTORES 0
#endif

#if DELETIONS > 0 || SETTLINGS > 0
#define SETTLES
#endif

/* --- kinds of consumers --- */

#define CONSUMERS (PODS + CLAIMS)
#define BIT(c) (1 << (c))

/* The first consumers are Pods, and the others are claims. */
#define POD 0
#define CLAIM 1
#if CLAIMS > 0
#define KINDS 2
#define KIND(c) ((c) < PODS -> POD : CLAIM)
#define EVERY_KIND(f, r) (f(r, POD) && f(r, CLAIM))
#define SOME_KIND(f, r) (f(r, POD) || f(r, CLAIM))
#else
#define KINDS 1
#define KIND(c) POD
#define EVERY_KIND(f, r) f(r, POD)
#define SOME_KIND(f, r) f(r, POD)
#endif
#define ALL_KINDS (BIT(KINDS) - 1)
#define ALL_CONSUMERS (BIT(CONSUMERS) - 1)
#define ALL_PODS (BIT(PODS) - 1)
#define OF_KIND(k) ((k) == POD -> ALL_PODS : ALL_CONSUMERS & ~ALL_PODS)

/* --- what a consumer is charged --- */

#ifdef MOVES
/*
 * The namespace of all consumers but the last moves from tenant 0 to tenant 1, which has the
 * namespace of the last one. 2 is their parent.
 */
#define QUOTAS 3
#define TENANT(c, moved) (((c) < CONSUMERS - 1 && !(moved)) -> 0 : 1)
#define CHARGE(c, q, bound, moved) (((q) == 2 || (q) == TENANT(c, moved)) -> 1 : 0)
#define LIMIT(q) ((q) == 2 -> 2 : HARD)
#else
#ifdef HARD_MEMORY
#define QUOTAS 2
#define CHARGE(c, q, bound, moved) (((q) == 0 || (bound)) -> 1 : 2)
#define LIMIT(q) ((q) == 0 -> HARD : HARD_MEMORY)
#else
#define QUOTAS 1
#define CHARGE(c, q, bound, moved) 1
#define LIMIT(q) HARD
#endif
#endif

#if CONSUMERS == 2
#define SUM(f) (f(0) + f(1))
#define ANY(f) (f(0) || f(1))
#elif CONSUMERS == 3
#define SUM(f) (f(0) + f(1) + f(2))
#define ANY(f) (f(0) || f(1) || f(2))
#else
#define SUM(f) (f(0) + f(1) + f(2) + f(3))
#define ANY(f) (f(0) || f(1) || f(2) || f(3))
#endif

/* --- the API server's store --- */

/*
 * The states of a consumer. ALLOWED: admitted, and an API server may still store it. OVER: refused
 * or failed, and its request has ended. FINISHED, and EXPIRED (terminating for too long to count,
 * by the true time): it exists and holds nothing. Only a Pod does either: a claim counts until it
 * is deleted.
 */
#define UNASKED 0
#define WAITING 1
#define ALLOWED 2
#define ALIVE 3
#define GONE 4
#define OVER 5
#define FINISHED 6
#define EXPIRED 7

/* The event of its kind in which something happened, or 0 if it has not. */
typedef consumer_state {
	unsigned life : 3;
	unsigned at : 2; /* the replica where its request waits; then 0, to save states */
	unsigned created : 4;
#ifdef BINDS
	unsigned bound : 4; /* or allocated, if it is a claim */
#endif
#ifdef FINISHES
	unsigned finished : 4;
	unsigned back : 4;
#endif
	unsigned gone : 4;
}
consumer_state consumers[CONSUMERS];
byte events[KINDS]; /* number of events of each kind */

#ifdef BINDS
#define BOUND(c) consumers[c].bound
#else
#define BOUND(c) 0
#endif

#define MISSING 0
#define SETTLING 1
#define OPEN 2

/* A ledger object: stored, copied, or the body of a PUT. */
typedef ledger_state {
	unsigned phase : 2;
	byte v[KINDS];
	unsigned pending : 4; /* a bit for each consumer */
#if GROUPS > 0
	/* A bit for each group: the reservation for its other Pod, and what each renewal changes. */
	unsigned reserved : 2;
	unsigned renewal : 2;
#endif
}
ledger_state stored;

/* --- a replica --- */

typedef replica_state {
	bool up;
	/* The view of each kind. */
	byte seen[KINDS];    /* events that were applied, or contained in a list */
	bool listed[KINDS];  /* it has also reached what was written after them */
	/*
	 * Consumers that were gone before a list, and are never seen; or that have come back with a
	 * restored storage, and that it still takes for gone.
	 */
	unsigned missed : 4;
	bool moved;          /* this replica knows that the namespace has moved */
#ifdef RELISTS
	bool listing[KINDS]; /* a list is arriving, */
	byte to[KINDS];      /* ... with the state after this number of events, */
	unsigned told : 4;   /* ... and these consumers have arrived */
#endif
#if RESTORES > 0
	unsigned unverified : 2; /* a bit for each kind whose watch has begun again */
#endif
#ifdef EXPIRES
	unsigned stopped : 4; /* Pods that its clock no longer counts */
#endif
#ifdef SWEEPS
	/*
	 * Entries that are not in the view, and whose requests were over when this replica asked
	 * for the cluster's version:
	 */
	unsigned due : 4;   /* to be swept when the view of their kind has reached that version */
	byte due_v[KINDS];
	unsigned swept : 4; /* swept, because the view had reached it */
#endif
#ifdef SETTLES
	/* the versions that the view must reach before it opens this copy, plus 1; 0: unknown */
	byte reach[KINDS];
#endif
	/* The copy, and whether the stored ledger still has its resourceVersion. */
	ledger_state copy;
	bool fresh;
	/* The PUT in flight, which replaces the copy that it was decided by. */
	bool putting;
	bool current;       /* the stored ledger still has the resourceVersion of the PUT */
	ledger_state body;
	unsigned batch : 4; /* consumers that it admits */
#if GROUPS > 0
	unsigned lapsed : 2;   /* reservations in the copy whose time is over by its clock */
	unsigned promises : 2; /* groups with a Pod in the batch, and one that is to come */
#endif
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
#if RESTORES > 0
unsigned restores : 2 = RESTORES;
unsigned undoable : 3; /* the consumer whose deletion was the last write of all, plus 1; 0: none */
#endif

#if GROUPS > 0
/*
 * Groups of which a Pod was admitted, and whose other Pod has been promised that it fits: not if a
 * clock has ended the reservation, or the ledger was lost. Only for the properties.
 */
unsigned promised : 2;
#endif

#define me replicas[r]

/*
 * How much the view knows of one consumer. While a list is arriving, that is the list for those
 * that have arrived, and the old state for the others.
 */
#ifdef RELISTS
#define AT(r, c) ((replicas[r].told & BIT(c)) -> \
	replicas[r].to[KIND(c)] : replicas[r].seen[KIND(c)])
#else
#define AT(r, c) replicas[r].seen[KIND(c)]
#endif

#ifdef MUTANT_ADVANCE_WHILE_LISTING
#define VIEW(r, k) (2 * ((replicas[r].told & OF_KIND(k)) -> \
	replicas[r].to[k] : replicas[r].seen[k]))
#else
#define VIEW(r, k) (2 * replicas[r].seen[k] + replicas[r].listed[k])
#endif
#define AT_V(r, k) (VIEW(r, k) >= replicas[r].copy.v[k])
#ifdef MUTANT_DECIDE_AT_ONE_V
#define AT_EVERY_V(r) SOME_KIND(AT_V, r)
#else
#define AT_EVERY_V(r) EVERY_KIND(AT_V, r)
#endif
#define BEHIND(r) (replicas[r].up && replicas[r].copy.phase == OPEN && !AT_EVERY_V(r))

/* Whether each view is known to be of the history that the cluster has. */
#if RESTORES > 0
#define VERIFIED(r) (replicas[r].unverified == 0)
#else
#define VERIFIED(r) true
#endif

/* What a view knows of a consumer. */
#define APPLIED(r, c, event) ((event) > 0 && (event) <= AT(r, c))
#define SEEN(r, c) (APPLIED(r, c, consumers[c].created) && !(replicas[r].missed & BIT(c)))
#define SEEN_BOUND(r, c) APPLIED(r, c, BOUND(c))
#ifdef FINISHES
#define SEEN_BACK(r, c) APPLIED(r, c, consumers[c].back)
#ifdef MUTANT_FINISHED_IS_FINAL
#define SEEN_FINISHED(r, c) APPLIED(r, c, consumers[c].finished)
#else
#define SEEN_FINISHED(r, c) (APPLIED(r, c, consumers[c].finished) && !SEEN_BACK(r, c))
#endif
#else
#define SEEN_FINISHED(r, c) false
#endif
#ifdef EXPIRES
#define STOPPED(r, c) (replicas[r].stopped & BIT(c))
#else
#define STOPPED(r, c) false
#endif
#define COUNTED(r, c) (SEEN(r, c) && !APPLIED(r, c, consumers[c].gone) && !SEEN_FINISHED(r, c) && \
	!STOPPED(r, c))

#ifdef MUTANT_NO_WAIT
#define READY(r) true
#else
#define READY(r) (!BEHIND(r) && VERIFIED(r))
#endif

/* Whether a replica reports that it is ready. */
#define ASKABLE(r) (replicas[r].up && replicas[r].copy.phase == OPEN && READY(r))

/* --- folding --- */

/*
 * The version to which the V of its kind is raised when a consumer is folded: that at which it was
 * seen. A replica that lists the consumer may have a later one, that of its last event. The lower
 * one demands less of others, so it is what is tried here.
 */
#ifdef MUTANT_FOLD_KEEPS_V
#define SEEN_VERSION(r, c) 0
#elif defined(MUTANT_FOLD_TO_VIEW)
#define SEEN_VERSION(r, c) VIEW(r, KIND(c))
#else
#define SEEN_VERSION(r, c) (2 * consumers[c].created)
#endif
#ifdef MUTANT_FOLD_RAISES_PODS
#define RAISES(c) POD
#else
#define RAISES(c) KIND(c)
#endif

/*
 * A replica may keep an entry whose consumer it has seen for any time. If consumers never stop
 * coming, the time is a number of events.
 */
#if defined(ENDLESS) && !defined(MUTANT_FOLD_AT_ONCE)
#define RIPE(r, c) (consumers[c].created + LAG <= AT(r, c))
#else
#define RIPE(r, c) true
#endif
#define FOLDABLE(r, c) ((replicas[r].copy.pending & BIT(c)) && COUNTED(r, c) && RIPE(r, c))

/*
 * Which of them a write folds: any of them, to show that something never happens; all of them, to
 * show that something finally happens.
 */
#if defined(MUTANT_NO_FOLD)
#define FOLDS(r, c, some) false
#elif defined(LIVE)
#define FOLDS(r, c, some) FOLDABLE(r, c)
#else
#define FOLDS(r, c, some) ((some) & BIT(c))
#endif
#define FOLDABLE_BIT(c) (FOLDABLE(r, c) -> BIT(c) : 0)
#define MAY_FOLD(some) (((some) & ~SUM(FOLDABLE_BIT)) == 0)

/* --- sweeping --- */

/*
 * The answer of the cluster when it is asked for its version of one kind. The lowest demands least,
 * so it is what is tried to show that something never happens.
 */
#ifdef LIVE
#define REACHED(k) (2 * events[k] + 1)
#else
#define REACHED(k) (2 * events[k])
#endif

/* The consumers that are swept by the version of this kind. */
#ifdef MUTANT_SWEEP_BY_PODS
#define SWEPT_WITH(k) ((k) == POD -> ALL_CONSUMERS : 0)
#else
#define SWEPT_WITH(k) OF_KIND(k)
#endif

/* Its request has certainly ended, because its time to live is over (A1). */
#define ENDED(c) (consumers[c].life != UNASKED && consumers[c].life != WAITING && \
	consumers[c].life != ALLOWED)
#ifdef MUTANT_SWEEP_EARLY
#define OLD(c) (consumers[c].life != UNASKED)
#else
#define OLD(c) ENDED(c)
#endif
#define OVERDUE(c) ((me.copy.pending & BIT(c)) && !SEEN(r, c) && OLD(c))
#define OVERDUE_BIT(c) (OVERDUE(c) -> BIT(c) : 0)
#ifdef MUTANT_NO_SWEEP
#define NEWLY_OVERDUE(k) 0
#else
#define NEWLY_OVERDUE(k) (SUM(OVERDUE_BIT) & SWEPT_WITH(k) & ~(me.due | me.swept))
#endif

#ifdef MUTANT_PENDING_AS_BOUND
#define PENDING_BOUND true
#else
#define PENDING_BOUND false
#endif

#ifdef MUTANT_PENDING_CHARGES
/* The entry says which tenant its writer charged, instead of what the consumer is. */
bool charged_as[CONSUMERS];
#define PENDING_MOVED(r, c) charged_as[c]
#define NOTE_CHARGE(r, c) charged_as[c] = replicas[r].moved
#else
#define PENDING_MOVED(r, c) replicas[r].moved
#define NOTE_CHARGE(r, c) skip
#endif

/* --- gangs --- */

#if GROUPS > 0
#define GROUP(c) ((c) < GROUPS * MEMBERS -> (c) / MEMBERS : GROUPS)
#define GROUPS_OF(batch) (((batch) & (BIT(MEMBERS) - 1) -> 1 : 0) | \
	(GROUPS > 1 && ((batch) & ((BIT(MEMBERS) - 1) << MEMBERS)) -> 2 : 0))
#define NUMBER(groups) (((groups) & 1) + ((groups) >> 1))
#ifdef MUTANT_REST_WITHOUT_PENDING
#define IS_MEMBER(c) (GROUP(c) == g_ && COUNTED(r, c))
#else
#define IS_MEMBER(c) (GROUP(c) == g_ && (COUNTED(r, c) || \
	(((keep_ | batch_) & BIT(c)) && !SEEN(r, c))))
#endif
#define OTHER_MEMBER(c) ((c) != c_ && IS_MEMBER(c))
/*
 * Only a view that has reached V knows that no Pod of the group counts: it may lack one whose entry
 * was folded.
 */
#ifdef MUTANT_ENDS_BY_TIME_ONLY
#define IS_EMPTY(r) false
#elif defined(MUTANT_ENDS_BEHIND_V)
#define IS_EMPTY(r) (!(ANY(IS_MEMBER)))
#else
#define IS_EMPTY(r) (READY(r) && !(ANY(IS_MEMBER)))
#endif
#define HAS_ENDED(r) ((me.lapsed & BIT(g_)) || IS_EMPTY(r))

/* What counts besides the Pod itself: the rest of its group, and what other groups reserve. */
#ifdef MUTANT_REST_IGNORED
#define REST 0
#else
#define REST rest_
#endif
#ifdef MUTANT_RESERVED_UNCOUNTED
#define RESERVED_FOR_OTHERS 0
#elif defined(MUTANT_RESERVED_FOR_NONE)
#define RESERVED_FOR_OTHERS NUMBER(reserves_)
#else
#define RESERVED_FOR_OTHERS NUMBER(reserves_ & ~BIT(g_))
#endif
#define BESIDES(c) ((REST + RESERVED_FOR_OTHERS) * CHARGE(c, q_, false, me.moved))

/*
 * The promise holds while a Pod of the group exists, or may still be stored. A view that lags may
 * count Pods that are gone, and refuse for them.
 */
#define EXISTING_MEMBER(c) (GROUP(c) == g_ && \
	(consumers[c].life == ALLOWED || consumers[c].life == ALIVE))
#define PROMISED ((promised & ~GROUPS_OF(batch_)) | promises_)
#define HAS_ALL(r, k) (replicas[r].seen[k] == events[k])
#define IS_OWED(r) ((PROMISED & BIT(g_)) && me.fresh && EVERY_KIND(HAS_ALL, r) && \
	(ANY(EXISTING_MEMBER)))
#define SAME_RESERVED(to, from) (to.reserved == from.reserved && to.renewal == from.renewal)
#define ENDS_RESERVATION(r) (reserves_ != me.copy.reserved)
#define MAY_RESERVE(r) (me.copy.reserved != 0)
#else
#define BESIDES(c) 0
#define SAME_RESERVED(to, from) true
#define ENDS_RESERVATION(r) false
#define MAY_RESERVE(r) false
#endif

/* --- opening --- */

#define IN_FLIGHT(c) (consumers[c].life == ALLOWED)
#ifdef MUTANT_OPEN_EARLY
#define SETTLED true
#else
#define SETTLED (!ANY(IN_FLIGHT))
#endif
#define HAS_REACHED(r, k) (replicas[r].reach[k] > 0 && VIEW(r, k) + 1 >= replicas[r].reach[k])
#if defined(MUTANT_OPEN_UNREACHED)
#define MAY_OPEN(r) true
#elif defined(MUTANT_OPEN_AT_ONE_KIND)
#define MAY_OPEN(r) SOME_KIND(HAS_REACHED, r)
#else
#define MAY_OPEN(r) EVERY_KIND(HAS_REACHED, r)
#endif

/*
 * The largest version of an event of this kind in the view. At least, that is the last one of the
 * consumers that still exist; at most, that of the last event.
 */
#ifdef MUTANT_OPEN_KEEPS_V
#define OPENING_VERSION(k) 0
#elif defined(MUTANT_OPEN_AT_VIEW)
#define OPENING_VERSION(k) VIEW(r, k)
#elif defined(LIVE)
#define OPENING_VERSION(k) (2 * me.seen[k])
#else
#define OPENING_VERSION(k) (2 * top_[k])
#endif
#ifdef MUTANT_OPEN_BY_PARTIAL_LIST
#define IN_OPENING(r, c) (COUNTED(r, c) && (!me.listing[KIND(c)] || (me.told & BIT(c))))
#else
#define IN_OPENING(r, c) COUNTED(r, c)
#endif

#ifdef MUTANT_FIRST_QUOTA
#define CHECKED 0
#else
#define CHECKED (QUOTAS - 1)
#endif

/* --- the maximum size of the ledger --- */

#if CAP > 0
#ifdef MUTANT_CAP_WITHOUT_SEEN
#define TAKES_ROOM(c) (((keep_ | batch_) & BIT(c)) && !SEEN(r, c) && (c) != c_ -> 1 : 0)
#else
#define TAKES_ROOM(c) (((keep_ | batch_) & BIT(c)) && (c) != c_ -> 1 : 0)
#endif
#define ROOM (SUM(TAKES_ROOM) < CAP)
#define STORED(c) ((stored.pending & BIT(c)) -> 1 : 0)
#else
#define ROOM true
#endif

/* Temporary variables of one step, which are not part of the state. */
hidden byte c_;
hidden byte q_;
hidden byte i_;
hidden byte k_;
hidden byte keep_;
hidden byte some_;
hidden byte raised_[KINDS];
hidden byte batch_;
hidden byte sum_;
hidden byte fits_;
hidden byte top_[KINDS];
hidden byte g_;
hidden byte rest_;
hidden byte reserves_;
hidden byte renewed_;
hidden byte promises_;
hidden byte owed_;

#define HELD_BY(c) ((c) == c_ -> 0 : \
	(COUNTED(r, c) -> CHARGE(c, q_, SEEN_BOUND(r, c), me.moved) : \
	((((keep_ | batch_) & BIT(c)) && !SEEN(r, c)) -> \
	CHARGE(c, q_, PENDING_BOUND, PENDING_MOVED(r, c)) : 0)))

/* --- the invariant --- */

/*
 * Returns what exists, or may still be stored, charged by the assignment that the decision
 * believed. A Pod that came back to life made no request: it counts as soon as the deciding replica
 * knows of it.
 */
#ifdef FINISHES
#define REVIVED_UNKNOWN(c) (consumers[c].back > 0 && !(me.known_back & BIT(c)))
#else
#define REVIVED_UNKNOWN(c) false
#endif
#define EXISTS(c) (consumers[c].life == ALLOWED || (consumers[c].life == ALIVE && !REVIVED_UNKNOWN(c)))
#ifdef MUTANT_TRUE_TENANTS
#define ASSIGNMENT moved
#else
#define ASSIGNMENT me.charged
#endif
#define HOLDS(c) (EXISTS(c) -> CHARGE(c, q_, BOUND(c) > 0, ASSIGNMENT) : 0)
#if GROUPS > 0
#define OWED (owed_ * CHARGE(0, q_, false, ASSIGNMENT))
#else
#define OWED 0
#endif
#define TOUCHES(c) ((me.batch & BIT(c)) && CHARGE(c, q_, false, ASSIGNMENT) > 0)

inline never_over(r)
{
#if GROUPS > 0
	/* What is promised, and no Pod yet, is within the limit, too. */
	promised = (promised & ~GROUPS_OF(me.batch)) | me.promises;
	owed_ = 0;
	for (g_ : 0 .. GROUPS - 1) {
		if
		:: (promised & BIT(g_)) && ANY(EXISTING_MEMBER) -> owed_++
		:: else
		fi
	}
#endif
	for (q_ : 0 .. QUOTAS - 1) {
		assert(!ANY(TOUCHES) || SUM(HOLDS) + OWED <= LIMIT(q_))
	}
}

/* --- steps --- */

#if CLAIMS > 0
#define SAME_V(to, from) (to.v[POD] == from.v[POD] && to.v[CLAIM] == from.v[CLAIM])
#define IS_RAISED(object) (raised_[POD] != object.v[POD] || raised_[CLAIM] != object.v[CLAIM])
#else
#define SAME_V(to, from) (to.v[POD] == from.v[POD])
#define IS_RAISED(object) (raised_[POD] != object.v[POD])
#endif

inline clear(object)
{
	object.phase = MISSING;
	object.v[POD] = 0;
#if CLAIMS > 0
	object.v[CLAIM] = 0;
#endif
#if GROUPS > 0
	object.reserved = 0;
	object.renewal = 0;
#endif
	object.pending = 0
}

/* With the ledger, its reservations are lost. */
inline lose_promises()
{
#if GROUPS > 0
	promised = 0
#else
	skip
#endif
}

inline assign(to, from)
{
	to.phase = from.phase;
	to.v[POD] = from.v[POD];
#if CLAIMS > 0
	to.v[CLAIM] = from.v[CLAIM];
#endif
#if GROUPS > 0
	to.reserved = from.reserved;
	to.renewal = from.renewal;
#endif
	to.pending = from.pending
}

/* An answer to the question for opening belongs to one copy. */
inline forget_reach(r)
{
#if defined(SETTLES) && !defined(MUTANT_OPEN_BY_OLD_QUESTION)
	me.reach[POD] = 0
#if CLAIMS > 0
	;
	me.reach[CLAIM] = 0
#endif
#else
	skip
#endif
}

inline forget_copy(r)
{
	clear(replicas[r].copy);
	replicas[r].fresh = false;
#if GROUPS > 0
	replicas[r].lapsed = 0;
#endif
	forget_reach(r)
}

inline drop_put(r)
{
	replicas[r].putting = false;
	replicas[r].current = false;
	replicas[r].batch = 0;
	replicas[r].charged = false;
#if GROUPS > 0
	replicas[r].promises = 0;
#endif
#ifdef FINISHES
	replicas[r].known_back = 0;
#endif
	clear(replicas[r].body)
}

/* The copy is replaced. */
inline take(r)
{
#if GROUPS > 0
#ifdef MUTANT_OLD_TIMER
	me.lapsed = me.lapsed & stored.reserved;
#else
	/* The time of each renewal begins when this replica first knows it. */
	me.lapsed = me.lapsed & stored.reserved & ~(me.copy.renewal ^ stored.renewal);
#endif
#endif
	assign(me.copy, stored);
	me.fresh = true;
#ifdef SWEEPS
	me.due = me.due & me.copy.pending;
	me.swept = me.swept & me.copy.pending;
	for (k_ : 0 .. KINDS - 1) {
		if
		:: (me.due & SWEPT_WITH(k_)) == 0 -> me.due_v[k_] = 0
		:: else
		fi
	}
#endif
	forget_reach(r)
}

/*
 * The replica has no copy that matters. With READS_AT_ONCE, it reads the stored ledger in the same
 * step. That saves states and loses nothing: whatever a replica without a copy may do, one with a
 * copy may do as well, and a copy is read again whenever it is stale.
 */
#if defined(FORGET_STALE) && RESTORES == 0
#define READS_AT_ONCE
#endif
inline drop_copy(r)
{
#ifdef READS_AT_ONCE
	if
	:: replicas[r].up && stored.phase != MISSING -> take(r)
	:: else -> forget_copy(r)
	fi
#else
	forget_copy(r)
#endif
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
#if RESTORES > 0
	undoable = 0;
#endif
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
	:: stored.phase != object.phase || !SAME_V(stored, object) || stored.pending != object.pending ||
		!SAME_RESERVED(stored, object) ->
		assign(stored, object);
		outdate()
	:: else
	fi;
#if CAP > 0
	assert(SUM(STORED) <= CAP)
#endif
}

/*
 * After the view of a kind has advanced. Entries due at its version are swept, unless their
 * consumers have been seen. The consumers of swept entries must never be seen.
 */
inline reached(r, k)
{
#ifdef SWEEPS
	for (c_ : 0 .. CONSUMERS - 1) {
		assert(!((me.swept & BIT(c_)) && SEEN(r, c_)));
		if
		:: (me.due & BIT(c_)) && SEEN(r, c_) -> me.due = me.due & ~BIT(c_)
		:: else
		fi
	}
	if
#ifdef MUTANT_DUE_AT_ANSWER
	/* Takes what is old enough now, instead of what was when the question was asked. */
	:: me.due_v[k] > 0 && VIEW(r, k) >= me.due_v[k] ->
		me.due = (SUM(OVERDUE_BIT) & SWEPT_WITH(k)) | me.due
#endif
	:: else
	fi;
	if
	:: (me.due & SWEPT_WITH(k)) == 0 || VIEW(r, k) >= me.due_v[k] ->
		me.swept = me.swept | (me.due & SWEPT_WITH(k));
		me.due = me.due & ~SWEPT_WITH(k);
		me.due_v[k] = 0
	:: else
	fi;
#endif
	c_ = 0
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
 * A consistent list of one kind becomes the view of it. Consumers that were seen before and are not
 * in it are seen, and gone.
 */
inline list(r, k)
{
	for (c_ : 0 .. CONSUMERS - 1) {
		if
		:: KIND(c_) == k && consumers[c_].life == GONE && !SEEN(r, c_) ->
			me.missed = me.missed | BIT(c_)
#if RESTORES > 0
		:: KIND(c_) == k && consumers[c_].life != GONE ->
			me.missed = me.missed & ~BIT(c_)
#endif
		:: else
		fi
	}
	me.seen[k] = events[k];
	me.listed[k] = LISTED;
	reached(r, k)
}

inline list_all(r)
{
	list(r, POD);
#if CLAIMS > 0
	list(r, CLAIM)
#endif
}

/*
 * What a write drops, and what it raises V to (ledger_encode). It raises V only for consumers that
 * hold something: a replica that does not know of the others counts nothing for them, and that is
 * what they hold.
 */
inline fold(r, some)
{
	keep_ = me.copy.pending;
	for (k_ : 0 .. KINDS - 1) {
		raised_[k_] = me.copy.v[k_]
	}
	for (c_ : 0 .. CONSUMERS - 1) {
		if
		:: (keep_ & BIT(c_)) && FOLDS(r, c_, some) ->
			keep_ = keep_ & ~BIT(c_);
			if
			:: raised_[RAISES(c_)] < SEEN_VERSION(r, c_) ->
				raised_[RAISES(c_)] = SEEN_VERSION(r, c_)
			:: else
			fi
		:: (keep_ & BIT(c_)) && SEEN(r, c_) && !COUNTED(r, c_) -> keep_ = keep_ & ~BIT(c_)
#ifdef SWEEPS
		:: (keep_ & BIT(c_)) && !SEEN(r, c_) && (me.swept & BIT(c_)) -> keep_ = keep_ & ~BIT(c_)
#endif
		:: else
		fi
	}
}

/* The reservations of the copy that have not ended. The others are neither counted nor kept. */
inline begin_reservations(r)
{
	batch_ = 0;
#if GROUPS > 0
	reserves_ = me.copy.reserved;
	renewed_ = 0;
	promises_ = 0;
	for (g_ : 0 .. GROUPS - 1) {
		if
		:: (reserves_ & BIT(g_)) && HAS_ENDED(r) -> reserves_ = reserves_ & ~BIT(g_)
		:: else
		fi
	}
#endif
}

/*
 * A Pod of a group has been decided. Its reservation is replaced by one for the rest, or ends if
 * the group is complete. What was promised is never refused.
 */
inline reserve(r)
{
#if GROUPS > 0
	if
	:: g_ < GROUPS && fits_ ->
		reserves_ = (reserves_ & ~BIT(g_)) | (rest_ << g_);
		promises_ = (promises_ & ~BIT(g_)) | (rest_ << g_);
		renewed_ = renewed_ | (rest_ << g_)
	:: else -> assert(fits_ || g_ == GROUPS || !IS_OWED(r))
	fi
#else
	skip
#endif
}

/*
 * Decides which waiting consumers are admitted, one after another, so that each counts for the next
 * (ledger_decide). One that is already pending, because an earlier PUT was accepted after all, is
 * decided like any other, without counting itself. A refused one keeps waiting, as if its
 * refusal were held; its request may end at any time.
 */
inline decide(r)
{
	for (c_ : 0 .. CONSUMERS - 1) {
		if
		:: consumers[c_].life == WAITING && consumers[c_].at == r ->
			fits_ = ROOM;
#if GROUPS > 0
			g_ = GROUP(c_);
			rest_ = ((g_ == GROUPS || ANY(OTHER_MEMBER)) -> 0 : 1);
#endif
			for (q_ : 0 .. CHECKED) {
				sum_ = CHARGE(c_, q_, false, me.moved) + BESIDES(c_);
				if
				:: sum_ > 0 && sum_ + SUM(HELD_BY) > LIMIT(q_) -> fits_ = false
				:: else
				fi
			}
			if
			:: fits_ ->
				batch_ = batch_ | BIT(c_);
				NOTE_CHARGE(r, c_)
			:: else
			fi;
			reserve(r)
		:: else
		fi
	}
}

/* Sends the decision with the resourceVersion of the copy that it was made by. */
inline put(r, tending)
{
	if
	:: batch_ || (tending && (keep_ != me.copy.pending || IS_RAISED(me.copy) ||
		ENDS_RESERVATION(r))) ->
		me.putting = true;
		me.batch = batch_;
		me.charged = me.moved;
#if GROUPS > 0
		me.promises = promises_;
#endif
#ifdef FINISHES
		for (c_ : 0 .. CONSUMERS - 1) {
			if
			:: SEEN_BACK(r, c_) -> me.known_back = me.known_back | BIT(c_)
			:: else
			fi
		}
#endif
		me.current = me.fresh;
		if
		:: me.fresh ->
			me.body.phase = OPEN;
			for (k_ : 0 .. KINDS - 1) {
				me.body.v[k_] = raised_[k_]
			}
#if GROUPS > 0
#ifdef MUTANT_RESERVED_APART
			me.body.reserved = reserves_ & me.copy.reserved;
#else
			me.body.reserved = reserves_;
#endif
			me.body.renewal = me.copy.renewal ^ renewed_;
#endif
			me.body.pending = keep_ | batch_
		:: else
		fi
	:: else
	fi;
	c_ = 0
}

#define IS_ASKED(r) (ANY(ASKS_HERE))
#define ASKS_HERE(c) (consumers[c].life == WAITING && consumers[c].at == r)
#define MAY_ADMIT(r) (me.up && me.copy.phase == OPEN && !me.putting && READY(r) && IS_ASKED(r))

inline admit(r, some)
{
	fold(r, some);
	begin_reservations(r);
	decide(r);
	put(r, false)
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
		outdate();
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
		lose_promises();
		clear(stored);
		stored.phase = SETTLING;
		outdate();
		take(r)
	}
}

/*
 * open: the ledger has settled, and no request from before is in flight. Which version of each kind
 * has the cluster reached? To ask later for one of them would only demand more.
 */
inline ask_to_open(r)
{
	d_step {
		me.up && !me.putting && me.copy.phase == SETTLING && me.fresh && SETTLED &&
		VERIFIED(r) && me.reach[POD] == 0 ->
		for (k_ : 0 .. KINDS - 1) {
			me.reach[k_] = REACHED(k_) + 1
		}
		k_ = 0
	}
}

/*
 * ... What was admitted before is stored by that version, or never will be. A view that has reached
 * it has all of it.
 */
inline open(r)
{
	d_step {
		me.up && !me.putting && me.copy.phase == SETTLING && me.fresh && VERIFIED(r) &&
		MAY_OPEN(r) ->
		for (k_ : 0 .. KINDS - 1) {
			top_[k_] = 0
		}
		for (c_ : 0 .. CONSUMERS - 1) {
			if
			:: IN_OPENING(r, c_) && top_[KIND(c_)] < consumers[c_].created ->
				top_[KIND(c_)] = consumers[c_].created
			:: else
			fi;
			if
			:: IN_OPENING(r, c_) && SEEN_BOUND(r, c_) && top_[KIND(c_)] < BOUND(c_) ->
				top_[KIND(c_)] = BOUND(c_)
			:: else
			fi
		}
		me.putting = true;
		me.current = true;
		me.body.phase = OPEN;
		for (k_ : 0 .. KINDS - 1) {
			me.body.v[k_] = OPENING_VERSION(k_)
		}
		c_ = 0
	}
}

/* ... If no event brings the view there, a list does. */
inline list_to_open(r, k)
{
	d_step {
		me.up && me.copy.phase == SETTLING && me.reach[k] > VIEW(r, k) + 1 ->
		list(r, k)
	}
}

/* The housekeeping write makes no decision, so it need not wait for V. */
#define MAY_TEND(r) (me.up && me.copy.phase == OPEN && !me.putting && VERIFIED(r) && \
	(me.copy.pending != 0 || MAY_RESERVE(r)))

inline tend(r, some)
{
	fold(r, some);
	begin_reservations(r);
	put(r, true)
}

/*
 * One of the choices of what a write folds. The step that follows in the same atomic sequence uses
 * it; a step for each choice would only be the same code many times.
 */
inline choose()
{
	if
	:: some_ = 0
	:: MAY_FOLD(1) -> some_ = 1
	:: MAY_FOLD(2) -> some_ = 2
	:: MAY_FOLD(3) -> some_ = 3
#if CONSUMERS > 2
	:: MAY_FOLD(4) -> some_ = 4
	:: MAY_FOLD(5) -> some_ = 5
	:: MAY_FOLD(6) -> some_ = 6
	:: MAY_FOLD(7) -> some_ = 7
#endif
#if CONSUMERS > 3
	:: MAY_FOLD(8) -> some_ = 8
	:: MAY_FOLD(9) -> some_ = 9
	:: MAY_FOLD(10) -> some_ = 10
	:: MAY_FOLD(11) -> some_ = 11
	:: MAY_FOLD(12) -> some_ = 12
	:: MAY_FOLD(13) -> some_ = 13
	:: MAY_FOLD(14) -> some_ = 14
	:: MAY_FOLD(15) -> some_ = 15
#endif
	fi
}

/*
 * sweep: which version of a kind has the cluster reached? Old entries of the copy whose consumers
 * are not seen are due when the view of that kind has reached it as well. Neither the view nor V
 * may be beyond it: they would belong to another history, and no scenario with SWEEPS has one.
 */
inline ask_to_sweep(r, k)
{
	d_step {
		me.up && me.copy.phase == OPEN && NEWLY_OVERDUE(k) != 0 ->
		assert(REACHED(k) >= me.copy.v[k] && REACHED(k) >= VIEW(r, k));
		me.due = me.due | NEWLY_OVERDUE(k);
		me.due_v[k] = REACHED(k);
#ifdef MUTANT_SWEEP_UNREACHED
		me.swept = me.swept | me.due;
#endif
		reached(r, k)
	}
}

#if GROUPS > 0
/* Its clock says that the time of a reservation in its copy is over. Clocks need not agree. */
inline lapse(r, g)
{
	d_step {
		me.up && me.copy.phase == OPEN && (me.copy.reserved & BIT(g)) && !(me.lapsed & BIT(g)) ->
		me.lapsed = me.lapsed | BIT(g);
		promised = promised & ~BIT(g)
	}
}
#if defined(NO_CLOCKS) || defined(MUTANT_NO_CLOCKS)
#define CLOCKS 0
#else
#define CLOCKS 1
#endif
#else
#define CLOCKS 0
#endif

#if RESTORES > 0
/*
 * The watch of a kind has begun again. Which version of that kind has the cluster reached? If the
 * view or V is beyond it, the history has been lost, and everything is listed again.
 */
inline verify(r, k)
{
	d_step {
		me.up && (me.unverified & BIT(k)) ->
		if
		:: REACHED(k) < VIEW(r, k) || REACHED(k) < me.copy.v[k] -> list_all(r)
		:: else ->
#ifdef MUTANT_VERIFY_ONE_KIND
			me.unverified = 0
#else
			me.unverified = me.unverified & ~BIT(k)
#endif
		fi
	}
}
#endif

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
	forget_copy(r)
}

inline lose(r, keep_older)
{
	d_step {
		me.putting && losses > 0 && (stray || !keep_older) ->
		losses--;
#ifdef MUTANT_UNKNOWN_IS_TAKEN
		answer(r);
#endif
		give_up(r, keep_older);
		drop_copy(r)
	}
}

inline crash(r, keep_older)
{
	d_step {
		me.up && crashes > 0 && (stray || !keep_older) ->
		crashes--;
		give_up(r, keep_older);
		me.up = false;
		for (k_ : 0 .. KINDS - 1) {
			me.seen[k_] = 0;
			me.listed[k_] = false;
#ifdef RELISTS
			me.listing[k_] = false;
			me.to[k_] = 0;
#endif
#ifdef SWEEPS
			me.due_v[k_] = 0
#endif
		}
		me.missed = 0;
		me.moved = false;
#ifdef RELISTS
		me.told = 0;
#endif
#if RESTORES > 0
		me.unverified = 0;
#endif
#ifdef EXPIRES
		me.stopped = 0;
#endif
#ifdef SWEEPS
		me.due = 0;
		me.swept = 0;
#endif
		for (c_ : 0 .. CONSUMERS - 1) {
			if
			:: consumers[c_].life == WAITING && consumers[c_].at == r ->
				consumers[c_].at = (r + 1) % REPLICAS
			:: else
			fi
		}
		c_ = 0
	}
}

/* The waiting requests are answered. */
inline answer(r)
{
	for (c_ : 0 .. CONSUMERS - 1) {
		if
		:: (me.batch & BIT(c_)) && consumers[c_].life == WAITING && consumers[c_].at == r ->
			consumers[c_].life = ALLOWED;
			consumers[c_].at = 0
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
#ifndef READS_AT_ONCE
	:: read(r)
#endif
#ifdef HOUSEKEEPING
	:: atomic {
		MAY_TEND(r) -> choose();
		d_step {
			tend(r, some_)
		}
	}
#endif
#ifdef SWEEPS
	:: ask_to_sweep(r, POD)
#if CLAIMS > 0
	:: ask_to_sweep(r, CLAIM)
#endif
#endif
#if CLOCKS
	:: lapse(r, 0)
#if GROUPS > 1
	:: lapse(r, 1)
#endif
#endif
#if DELETIONS > 0
	:: create(r)
#endif
#if RESTORES > 0
	:: verify(r, POD)
#if CLAIMS > 0
	:: verify(r, CLAIM)
#endif
#endif
#ifdef SETTLES
	:: ask_to_open(r)
#ifndef RELISTS
	:: list_to_open(r, POD)
#if CLAIMS > 0
	:: list_to_open(r, CLAIM)
#endif
#endif
#endif
#endif
	/* wait, decide, fold, sweep. */
#ifdef LIVE
	:: d_step {
		MAY_ADMIT(r) ->
		admit(r, 0)
	}
#else
	:: atomic {
		MAY_ADMIT(r) -> choose();
		d_step {
			admit(r, some_)
		}
	}
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
		me.due_v[POD] > 0 && me.copy.phase == OPEN ->
		assert(me.due_v[POD] >= me.copy.v[POD])
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
		drop_copy(r);
		list_all(r);
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
	:: ask_to_sweep(r, POD)
#if CLAIMS > 0
	:: ask_to_sweep(r, CLAIM)
#endif
#endif
#if DELETIONS > 0
	:: create(r)
#endif
#if RESTORES > 0
	:: verify(r, POD)
#if CLAIMS > 0
	:: verify(r, CLAIM)
#endif
#endif
#ifdef SETTLES
	:: ask_to_open(r)
#ifndef MUTANT_OPEN_WITHOUT_LIST
	:: list_to_open(r, POD)
#if CLAIMS > 0
	:: list_to_open(r, CLAIM)
#endif
#endif
#endif
	od
}

#if CLOCKS
proctype clock(byte r)
{
end:
	do
	:: lapse(r, 0)
	od
}
#endif

#ifdef HOUSEKEEPING
proctype keeper(byte r)
{
end:
	do
	:: d_step {
		MAY_TEND(r) ->
		tend(r, 0)
	}
	od
}
#endif
#endif

/*
 * see: the watch of a kind, in order and at any later time; that of namespaces, before or after it
 * (ledger_see).
 */
#ifdef RELISTS
#define NOT_LISTING !me.listing[k]
#define LISTED_BY(event) ((event) > 0 && (event) <= me.to[k])
#define IN_LIST(c) (KIND(c) == k && LISTED_BY(consumers[c].created) && !LISTED_BY(consumers[c].gone))
#define UNTOLD(c) (IN_LIST(c) && !(me.told & BIT(c)))
/* A list arrives consumer by consumer, in any order. */
inline tell(c)
{
	d_step {
		me.listing[k] && UNTOLD(c) ->
		me.told = me.told | BIT(c)
	}
}
#else
#define NOT_LISTING true
#endif

#ifdef EXPIRES
#ifdef MUTANT_STOP_AT_ONCE
#define TOO_OLD(c) (consumers[c].life == ALIVE)
#else
#define TOO_OLD(c) (consumers[c].life == EXPIRED)
#endif
inline stop_counting(r, c)
{
	d_step {
		me.up && COUNTED(r, c) && TOO_OLD(c) ->
		me.stopped = me.stopped | BIT(c)
	}
}
#endif

proctype watcher(byte r; byte k)
{
end:
	do
	:: d_step {
		me.up && me.seen[k] < events[k] && NOT_LISTING ->
		me.seen[k] = me.seen[k] + 1;
		me.listed[k] = false;
		reached(r, k)
	}
#ifdef BOOKMARKS
	:: d_step {
		me.up && me.seen[k] == events[k] && !me.listed[k] ->
		me.listed[k] = true;
		reached(r, k)
	}
#endif
#ifdef RELISTS
	/* A list begins, with the current consumers. */
	:: d_step {
		me.up && me.seen[k] < events[k] && !me.listing[k] ->
		me.listing[k] = true;
		me.to[k] = events[k]
	}
	:: tell(0)
	:: tell(1)
#if CONSUMERS > 2
	:: tell(2)
#endif
	/* All have arrived. What has happened since then arrives before the end as well. */
	:: d_step {
		me.listing[k] && !ANY(UNTOLD) && me.to[k] < events[k] ->
		me.to[k] = me.to[k] + 1;
		for (c_ : 0 .. CONSUMERS - 1) {
			if
			:: KIND(c_) == k && consumers[c_].created == me.to[k] ->
				me.told = me.told | BIT(c_)
			:: else
			fi
		}
		c_ = 0
	}
	/* The list ends: what was not in it is gone. */
	:: d_step {
		me.listing[k] && !ANY(UNTOLD) ->
		for (c_ : 0 .. CONSUMERS - 1) {
			if
			:: KIND(c_) == k && LISTED_BY(consumers[c_].gone) && !SEEN(r, c_) ->
				me.missed = me.missed | BIT(c_)
			:: else
			fi
		}
		me.seen[k] = me.to[k];
		me.listing[k] = false;
		me.to[k] = 0;
		me.told = me.told & ~OF_KIND(k);
		reached(r, k)
	}
#endif
#ifdef EXPIRES
	/* Its clock says that a Pod, which it has seen terminating, is too old to count. */
	:: stop_counting(r, 0)
	:: stop_counting(r, 1)
#if CONSUMERS > 2
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
 * Identical consumers are requested in order, the first one at the first replica, which loses
 * nothing by symmetry.
 */
#if defined(MOVES) || defined(ENDLESS)
#define IN_ORDER(c, r) true
#else
#define IN_ORDER(c, r) ((c) == 0 -> (r) == 0 : \
	(KIND(c) != KIND((c) - 1) || consumers[((c) + CONSUMERS - 1) % CONSUMERS].life != UNASKED))
#endif

#ifdef READINESS
#define MAY_ASK(r) ASKABLE(r)
#else
#define MAY_ASK(r) replicas[r].up
#endif

inline ask(c, r)
{
	d_step {
		consumers[c].life == UNASKED && MAY_ASK(r) && IN_ORDER(c, r) ->
		consumers[c].life = WAITING;
		consumers[c].at = r
	}
}

/* --- endless events --- */

/*
 * If consumers never stop coming, the numbers of events stay small: anything older than all views
 * is equivalent to anything even older. A consumer that is gone for all replicas, and in no ledger,
 * becomes another one with another uid.
 */
#ifdef ENDLESS
#define WINDOW (2 * LAG + 1)
#define MAY_HAPPEN(k) (events[k] - replicas[0].seen[k] < LAG && \
	events[k] - replicas[1].seen[k] < LAG)
#define AGE(event) event = (event > 1 -> event - 1 : event)
#define AGE_V(version) version = (version > 2 -> version - 2 : version)
#define SPEAKS_OF(c) ((stored.pending | stray_body.pending | \
	replicas[0].copy.pending | replicas[0].body.pending | \
	replicas[1].copy.pending | replicas[1].body.pending) & BIT(c))
#define FORGOTTEN(c) (consumers[c].life == OVER || \
	(consumers[c].life == GONE && consumers[c].gone <= replicas[0].seen[KIND(c)] && \
	consumers[c].gone <= replicas[1].seen[KIND(c)]))
inline count_event(k)
{
	if
	:: events[k] == WINDOW ->
		for (i_ : 0 .. CONSUMERS - 1) {
			if
			:: KIND(i_) == k ->
				AGE(consumers[i_].created);
				AGE(consumers[i_].gone)
			:: else
			fi
		}
		for (i_ : 0 .. REPLICAS - 1) {
			replicas[i_].seen[k] = replicas[i_].seen[k] - 1;
			AGE_V(replicas[i_].copy.v[k]);
			AGE_V(replicas[i_].body.v[k]);
#ifdef SETTLES
			AGE_V(replicas[i_].reach[k])
#endif
		}
		AGE_V(stored.v[k]);
		i_ = 0
	:: else -> events[k] = events[k] + 1
	fi
}
#else
#if RESTORES > 0
/* A restored storage does not pass a view before that view has been listed again. */
#define MAY_HAPPEN(k) (events[k] >= replicas[0].seen[k] && events[k] >= replicas[1].seen[k])
#else
#define MAY_HAPPEN(k) true
#endif
inline count_event(k)
{
#if RESTORES > 0
	undoable = 0;
#endif
	events[k] = events[k] + 1
}
#endif

/* The life of a consumer in its API server. A request that is over never stores (A1). */
proctype consumer(byte c)
{
end:
	do
	:: ask(c, 0)
	:: ask(c, 1)
#if REPLICAS > 2
	:: ask(c, 2)
#endif
	:: d_step {
		consumers[c].life == ALLOWED && MAY_HAPPEN(KIND(c)) ->
		consumers[c].life = ALIVE;
		count_event(KIND(c));
		consumers[c].created = events[KIND(c)]
	}
	/* It is refused, the client gives up, or the create fails although it was admitted. */
	:: d_step {
		consumers[c].life == WAITING || consumers[c].life == ALLOWED ->
		consumers[c].life = OVER;
		consumers[c].at = 0
	}
#ifdef BINDS
	:: d_step {
		consumers[c].life == ALIVE && consumers[c].bound == 0 && MAY_HAPPEN(KIND(c)) ->
		count_event(KIND(c));
		consumers[c].bound = events[KIND(c)]
	}
#endif
#ifdef FINISHES
	:: d_step {
		KIND(c) == POD && consumers[c].life == ALIVE && consumers[c].finished == 0 ->
		consumers[c].life = FINISHED;
		count_event(POD);
		consumers[c].finished = events[POD]
	}
	:: d_step {
		consumers[c].life == FINISHED && consumers[c].back == 0 ->
		consumers[c].life = ALIVE;
		count_event(POD);
		consumers[c].back = events[POD]
	}
#endif
#ifdef EXPIRES
	:: d_step {
		KIND(c) == POD && consumers[c].life == ALIVE ->
		consumers[c].life = EXPIRED
	}
#endif
	:: d_step {
		MAY_HAPPEN(KIND(c)) && (consumers[c].life == ALIVE ||
			consumers[c].life == FINISHED || consumers[c].life == EXPIRED) ->
		consumers[c].life = GONE;
		count_event(KIND(c));
		consumers[c].gone = events[KIND(c)];
#if RESTORES > 0
		undoable = c + 1
#endif
	}
#ifdef ENDLESS
	:: d_step {
		FORGOTTEN(c) && !SPEAKS_OF(c) ->
		replicas[0].missed = replicas[0].missed & ~BIT(c);
		replicas[1].missed = replicas[1].missed & ~BIT(c);
		consumers[c].life = UNASKED;
		consumers[c].at = 0;
		consumers[c].created = 0;
		consumers[c].gone = 0
	}
#endif
#ifdef LIVE
	/* Nothing need ever happen to a consumer, except that its request ends. */
	:: consumers[c].life != WAITING && consumers[c].life != ALLOWED
#endif
	od
}

#if RESTORES > 0
/*
 * The API servers are stopped, which ends all requests and watches. The storage is restored from a
 * backup that lacks only its last write, a deletion. A replica that has seen the deletion still
 * takes the consumer for gone.
 */
#define REQUESTED(c) (consumers[c].life == WAITING || consumers[c].life == ALLOWED)
inline restore()
{
	d_step {
		restores > 0 && undoable > 0 && !ANY(REQUESTED) ->
		restores--;
		c_ = undoable - 1;
		for (i_ : 0 .. REPLICAS - 1) {
			replicas[i_].unverified = ALL_KINDS;
			if
			:: APPLIED(i_, c_, consumers[c_].gone) ->
				replicas[i_].missed = replicas[i_].missed | BIT(c_)
			:: else
			fi
		}
		consumers[c_].life = ALIVE;
		consumers[c_].gone = 0;
		events[KIND(c_)] = events[KIND(c_)] - 1;
		outdate();
		c_ = 0
	}
}
#endif

#if defined(MOVES) || DELETIONS > 0 || CRASHES > 0 || LOSSES > 0 || RESTORES > 0
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
#if GROUPS > 0
		/* It may complete a group with a Pod whose request has failed. */
		promised = promised & (stray_body.reserved |
			~GROUPS_OF(stray_body.pending & ~stored.pending));
#endif
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
		lose_promises();
		clear(stored);
		outdate()
	}
#endif
#if RESTORES > 0
	:: restore()
#endif
#ifdef LIVE
	/* Nothing of this need ever happen. (A plain true would be an error in spin.) */
	:: events[POD] >= 0
#endif
	od
}
#endif

init
{
	d_step {
		stored.phase = OPEN;
		for (i_ : 0 .. REPLICAS - 1) {
			replicas[i_].up = true;
			drop_copy(i_)
		}
#ifdef ENDLESS
		for (k_ : 0 .. KINDS - 1) {
			events[k_] = 1;
			replicas[0].seen[k_] = 1;
			replicas[1].seen[k_] = 1
		}
#endif
	}
	atomic {
		for (i_ : 0 .. REPLICAS - 1) {
			run replica(i_);
			run watcher(i_, POD);
#if CLAIMS > 0
			run watcher(i_, CLAIM);
#endif
#ifdef LIVE
			run follower(i_);
#if CLOCKS
			run clock(i_);
#endif
#ifdef HOUSEKEEPING
			run keeper(i_);
#endif
#endif
		}
		for (i_ : 0 .. CONSUMERS - 1) {
			run consumer(i_)
		}
#ifdef WORLD
		run world()
#endif
	}
}

#ifdef LIVE
/* A replica becomes ready again, whatever happens, even if there is never another event. */
ltl ready { [] <> ASKABLE(0) }

/* No entry remains: the reservation if there is a group, else that of a claim if there is one. */
#if GROUPS > 0
#define LEAK (stored.reserved & 1)
#elif CLAIMS > 0
#define LEAK (stored.pending & BIT(PODS))
#else
#define LEAK (stored.pending & BIT(0))
#endif
ltl frees { [] (LEAK -> <> !LEAK) }

/* A reservation for a group of which no Pod exists ends without a clock. */
#if GROUPS > 0
#define EMPTY_LEAK ((stored.reserved & 1) && !(ANY(IS_OF_0)))
#define IS_OF_0(c) ((c) < MEMBERS && (consumers[c].life == WAITING || \
	consumers[c].life == ALLOWED || consumers[c].life == ALIVE))
ltl empties { [] (EMPTY_LEAK -> <> !EMPTY_LEAK) }
#endif
#endif
