/*
 * ledger: who holds what. A pure state machine: no clock, no lock, no I/O; versions and time are arguments, its store drives
 * it. It keeps facts of Pods (struct holding) by uid, and sums their charges under one policy at a time. Not thread-safe: a
 * store serialises.
 *
 * It joins two sources. The *view*: what is known of the Pods that exist, from a list and the events after it. The *copy*: the
 * last state of the object that all replicas write, whose pending entries are Pods that were admitted and may not exist
 * yet. A Pod that the view has ever had is charged as the view says; a pending one that it never had is charged as
 * pending. The embedded ledger has no copy: what it admits exists at once.
 *
 * The protocol is modelled in tests/model; the names of its steps stand in brackets below.
 *
 * Invariants: the sums of a quota are exactly those of the charges of the entries booked (ledger_check); a uid is held at
 * most once; what is refused or dry changes nothing; a Pod is charged to all its quotas or to none.
 */
#ifndef WEBHOOK_LEDGER_LEDGER_H
#define WEBHOOK_LEDGER_LEDGER_H

#include "gpugate/error.h"
#include "gpugate/policy.h"

#define LEDGER_PENDING_MAX 2048 /* entries of a copy */
#define LEDGER_ROOT_SHARE                                                                                              \
	4 /* the tenants below one root may take a quarter of what the others leave of these, and of the text */

struct ledger;
struct entry;
struct tally_sum;

struct ledger_options {
	const struct policy *policy; /* to charge by; retained */
	bool shared;                 /* with other replicas, through a copy: what is pending is bounded */
	uint32_t pods_max;           /* that decisions may hold; 0: no bound */
	int64_t ttl_ms;              /* of what is pending; Pods that are gone are remembered for twice as long */
	int64_t fold_ms;             /* how long what is pending stays in the text after its Pod was seen */
};

/* Returns new, empty. NULL without memory. */
struct ledger *ledger_create(const struct ledger_options *options, struct error *err);
void ledger_destroy(struct ledger *ledger); /* takes NULL */

/* --- Deciding --- */

enum ledger_answer {
	LEDGER_ADMITTED,
	LEDGER_REFUSED, /* a quota of an enforcing tenant is exceeded */
	LEDGER_OUTAGE,  /* it could not be held, and `why` says why: nothing was changed */
};

/* Whether a refusal could turn into an admission by itself. */
enum ledger_hope {
	LEDGER_HOPE_NONE,   /* no: an empty cluster would refuse it, too */
	LEDGER_HOPE_UNSEEN, /* if another replica knows of something that this one does not know yet */
	LEDGER_HOPE_SOON,   /* in a moment: something of each limit that refuses is pending or terminating */
};

enum ledger_mode {
	LEDGER_HOLD,  /* decide, and hold what is admitted */
	LEDGER_DRY,   /* decide, and change nothing */
	LEDGER_FORCE, /* hold it whatever is exceeded: a Pod that runs already, such as a static one */
};

/* What ledger_decide found. Arrays are the arena's. */
struct ledger_verdict {
	enum ledger_answer answer;
	const struct policy *policy; /* that decided; borrowed from the ledger, so only good under its store's lock */
	const struct charge *charges;
	uint32_t charge_count;
	struct refused
	    refused; /* what is exceeded, whatever its tenants' enforcement, and if something is, what is left */
	enum ledger_hope hope; /* of what is refused */
	const char *why;       /* of an outage */
	bool crowded;          /* ... which is no outage: it passes when Pods that were admitted are seen */
};

/*
 * [decide] Decides a Pod against what is held, and holds a copy of it, tentatively, where `mode` says so. A uid that is
 * held already is decided as if it were not: a retry neither charges twice nor turns a refusal into an admission. `trace` may be NULL.
 * Otherwise it receives what is charged, and what each quota on the path holds.
 */
void ledger_decide(struct ledger *ledger, const struct holding *holding, enum ledger_mode mode, int64_t now_ms,
		   struct arena *arena, const struct trace *trace, struct ledger_verdict *verdict);

/*
 * Begins a round of decisions, of those who wait for room in the order in which they came. Until the next one, whoever comes after a Pod of the
 * same root that found no room finds none either: a smaller one does not overtake it. ledger_is_crowded says whether that is so.
 */
void ledger_round(struct ledger *ledger);
bool ledger_is_crowded(const struct ledger *ledger, const struct holding *holding);

/* The embedded ledger: what was decided for this uid exists from now on; nothing of it is left. */
void ledger_hold(struct ledger *ledger, struct str uid);
bool ledger_free(struct ledger *ledger, struct str uid); /* whether it held anything */

/* --- The copy --- */

/*
 * [read] Takes what the shared object holds now: the version of the Pod event that every decider must have applied, and the
 * text of what is pending. Returns an enum ledger_text_result: 0, or less with a sentence: nothing has changed then, or, without
 * memory, more is counted as pending than is.
 */
int ledger_load(struct ledger *ledger, uint64_t version, struct str pending, int64_t now_ms, struct error *err);

/* [wait] Whether nothing may be decided: the view has not reached the version of the copy, or something of it was lost. */
bool ledger_behind(const struct ledger *ledger);
uint64_t ledger_version(const struct ledger *ledger);      /* of the copy */
uint64_t ledger_view_version(const struct ledger *ledger); /* of the view */

/*
 * [fold, write] What is to be written against the very copy that the decisions were made on: the pending entries and the tentative
 * ones. Left out are those whose Pods this replica has seen for `fold_ms`, and `*version` is raised to the largest version in which
 * it first saw one of them, so that nobody behind that decides without them. By waiting, a replica whose watch is slower has seen
 * the Pods too by then, and need not wait for them. An entry whose Pod is gone or has finished is left out at once and asks nothing of
 * others: who has not seen the Pod yet loses nothing by not counting it.
 */
void ledger_encode(const struct ledger *ledger, int64_t now_ms, struct buf *pending, uint64_t *version);

/* Which form the text is written in from now on, the newest at first; while it is an older one its narrower caps hold. */
void ledger_set_form(struct ledger *ledger, unsigned form);
unsigned ledger_form(const struct ledger *ledger);

/* Whether the copy is of a newer form than that: a replica that is about to start could not read it. */
bool ledger_form_is_ahead(const struct ledger *ledger);

/* Whether a write would leave something out. */
bool ledger_foldable(const struct ledger *ledger, int64_t now_ms);

/* After a write, whatever its outcome: what is tentative is no more. If it was written, load what was written before. */
void ledger_resolve(struct ledger *ledger);

/*
 * [sweep] A pending entry that this replica has known for the time to live belongs to a request that is over. If its Pod was ever
 * stored, that happened at a version which the cluster has reached by now; so a view that has reached it and has never had the Pod
 * never will. ledger_overdue says whether there is an entry for which such a version is wanted; ledger_due notes for all of them
 * the version that the cluster had reached when it was asked, which was at `asked_ms`; ledger_sweep sweeps those that the view has
 * overtaken since, and returns how many: they are charged to nobody from then on, and left out of the next write.
 */
bool ledger_overdue(const struct ledger *ledger, int64_t now_ms);
void ledger_due(struct ledger *ledger, uint64_t version, int64_t asked_ms);
uint32_t ledger_sweep(struct ledger *ledger, int64_t now_ms);

/* Whether something is swept as soon as the view reaches a version that the cluster has reached already. */
bool ledger_awaits_sweep(const struct ledger *ledger);

/* --- The view --- */

enum ledger_seen {
	LEDGER_FREED = 1,  /* something is free that was not */
	LEDGER_LATE = 2,   /* a Pod that was swept has come after all: assumption A1 is broken */
	LEDGER_HEALED = 4, /* a comparison has found what no event had told of */
};

/*
 * [see] Applies an event of a Pod: it exists as given, or is gone. `version` is the event's. Pods that ask for no extended
 * resource are not kept. Returns bits of enum ledger_seen, or -1 without memory: then the view is incomplete, the ledger is behind, and
 * what ledger_lost says has to be listed anew.
 */
int ledger_see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms);

/*
 * The same for a Pod that exists and cannot be read; of `pod` uid, namespace and name are used. It goes on counting as it was seen last,
 * else as it was admitted; its pending entry is neither folded nor swept, since that is all that is known of it. One that was never
 * admitted either is charged to nobody.
 */
int ledger_see_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version);

/* The view has everything up to this version. */
void ledger_reach(struct ledger *ledger, uint64_t version);

/* A list: what ledger_see is not told of between the two is gone. The end returns bits of enum ledger_seen. */
void ledger_list_begin(struct ledger *ledger);
int ledger_list_end(struct ledger *ledger, uint64_t version, int64_t now_ms);

/*
 * A comparison of the view with a list of all Pods at the version that the view has now, to be made while events go on: it changes
 * nothing, unless an event was lost. Tell every Pod of the list between begin and end; `compare` returns bits of enum ledger_seen, or -1
 * as ledger_see does, and `end` drops what was not in the list. A list of its own (ledger_list_begin) ends the comparison.
 */
void ledger_compare_begin(struct ledger *ledger);
bool ledger_comparing(const struct ledger *ledger);
int ledger_compare(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms);
void ledger_compare_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version);
int ledger_compare_end(struct ledger *ledger, int64_t now_ms);
void ledger_compare_abandon(struct ledger *ledger);
uint64_t ledger_healed(const struct ledger *ledger); /* how many Pods comparisons have put right so far */

/* The largest version of a Pod event since the last list began, those in the list included. A watch of Pods is sure to reach it. */
uint64_t ledger_event_version(const struct ledger *ledger);

/* Drops view and copy: they were of another history. The ledger is behind until a copy is loaded. */
void ledger_forget(struct ledger *ledger);

/* Labels of a namespace or a node; NULL: it is gone. Returns bits of enum ledger_seen, or -1 as ledger_see. */
int ledger_namespace(struct ledger *ledger, struct str name, const struct pairs *labels);
int ledger_node(struct ledger *ledger, struct str name, const struct pairs *labels);

/* Lists of these (not of Pods): what is not named between the two is gone. The end returns bits of enum ledger_seen. */
enum ledger_list { LEDGER_NAMESPACES, LEDGER_NODES, LEDGER_PODS };
void ledger_labels_begin(struct ledger *ledger, enum ledger_list list);
int ledger_labels_end(struct ledger *ledger, enum ledger_list list);

/* Whether something of these was lost for lack of memory: until a list of them has ended in which nothing was, the ledger is behind. */
bool ledger_lost(const struct ledger *ledger, enum ledger_list list);
int ledger_lose(struct ledger *ledger, enum ledger_list list); /* there was no memory to read an event; returns -1 */

/*
 * Whether something is charged although the labels of its namespace, by which tenants are told apart, are not known: Pods and namespaces
 * are told of by different watches, and a copy may be faster than both. Nothing may be decided until they are read, or found not to
 * exist (then give it none). `*namespace` is one of them, borrowed until the ledger changes.
 */
bool ledger_stranger(const struct ledger *ledger, struct str *namespace);

/* Pods that count and are bound to a node that their models are not known by; see enum node_fit. */
struct ledger_unfit {
	uint32_t of_no_model, of_several_models;
};
struct ledger_unfit ledger_unfit(const struct ledger *ledger);

/* One of them, for people; NULL: there is none. Borrowed until the ledger changes. */
const struct entry *ledger_unfit_example(const struct ledger *ledger);

/* What is known of a namespace's labels; NULL: nothing. Borrowed until it changes. */
const struct pairs *ledger_namespace_labels(const struct ledger *ledger, struct str name);

/* Lets time pass: terminating Pods cease to count, what is gone is forgotten. Returns bits of enum ledger_seen. */
int ledger_tick(struct ledger *ledger, int64_t now_ms);

/* --- Otherwise --- */

/* Charges everything by another policy from now on; it is retained, the old one released. Returns -1 without memory, and
 * nothing has changed. */
int ledger_rebase(struct ledger *ledger, const struct policy *policy);

const struct policy *ledger_policy(const struct ledger *ledger);
const struct held *ledger_held(const struct ledger *ledger); /* by quota */

/* What the Pods of each namespace hold of a quota, pending or not: the first of a list in no order (tally.h); NULL: they hold
 * nothing. Borrowed until the ledger changes. */
const struct tally_sum *ledger_holders(const struct ledger *ledger, uint32_t quota);

/* Takes a quota off the list of those of which something else is held than when it was last taken, the oldest first; after a rebase
 * the list is of the new policy, and begins empty. False: there is none. For one reader. */
bool ledger_take_changed(struct ledger *ledger, uint32_t *quota);

uint32_t ledger_pods(const struct ledger *ledger);    /* that the view counts */
uint32_t ledger_pending(const struct ledger *ledger); /* that are charged as pending */
void ledger_each(const struct ledger *ledger, void (*each)(void *context, const struct entry *entry), void *context);

/* Recomputes every sum from the entries and compares: for tests. */
bool ledger_check(const struct ledger *ledger);

#endif
