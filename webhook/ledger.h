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
#ifndef WEBHOOK_LEDGER_H
#define WEBHOOK_LEDGER_H

#include "gpugate/error.h"
#include "gpugate/policy.h"

#define LEDGER_PENDING_MAX 512                /* entries of a copy */
#define LEDGER_PENDING_ROOT_MAX 128           /* ... of the tenants below one root */
#define LEDGER_PENDING_ROOT_BYTES (64u << 10) /* ... and of its text: a quarter of each */

struct ledger;
struct entry;

struct ledger_options {
	const struct policy *policy; /* to charge by; retained */
	bool shared;                 /* with other replicas, through a copy: what is pending is bounded */
	uint32_t pods_max;           /* that decisions may hold; 0: no bound */
	int64_t ttl_ms;              /* of what is pending; Pods that are gone are remembered for twice as long */
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
	    refused;     /* what is exceeded, whatever its tenants' enforcement, and if something is, what is left */
	bool liftable;   /* refused, but not by a limit that even an empty cluster would exceed */
	const char *why; /* of an outage */
	bool crowded;    /* ... which is no outage: it passes when Pods that were admitted are seen */
};

/*
 * [decide] Decides a Pod against what is held, and holds a copy of it, tentatively, where `mode` says so. A uid that is
 * held already is decided as if it were not: a retry neither charges twice nor turns a refusal into an admission.
 */
void ledger_decide(struct ledger *ledger, const struct holding *holding, enum ledger_mode mode, int64_t now_ms,
		   struct arena *arena, struct ledger_verdict *verdict);

/* The embedded ledger: what was decided for this uid exists from now on; nothing of it is left. */
void ledger_hold(struct ledger *ledger, struct str uid);
bool ledger_free(struct ledger *ledger, struct str uid); /* whether it held anything */

/* --- The copy --- */

/*
 * [read] Takes what the shared object holds now: the version of the Pod event that every decider must have applied, and the
 * text of what is pending. Returns 0, or -1 with a sentence: nothing has changed then, or, without memory, more is counted as
 * pending than is.
 */
int ledger_load(struct ledger *ledger, uint64_t version, struct str pending, int64_t now_ms, struct error *err);

/* [wait] Whether the view has not reached the version of the copy: then nothing may be decided. */
bool ledger_behind(const struct ledger *ledger);
uint64_t ledger_version(const struct ledger *ledger);      /* of the copy */
uint64_t ledger_view_version(const struct ledger *ledger); /* of the view */

/*
 * [fold, write] What is to be written against the very copy that the decisions were made on: pending entries that the view has
 * never had, and the tentative ones. Those that it has had are left out, and `*version` is raised to the largest version in
 * which it first saw one of them, so that nobody behind that decides without them.
 */
void ledger_encode(const struct ledger *ledger, struct buf *pending, uint64_t *version);

/* Whether a write would leave something out. */
bool ledger_foldable(const struct ledger *ledger);

/* After a write, whatever its outcome: what is tentative is no more. If it was written, load what was written before. */
void ledger_resolve(struct ledger *ledger);

/*
 * [sweep] Finds pending entries that this replica has known for the time to live and whose Pods the view never had: calls
 * back for each, at most `most`. Whether such a Pod exists has to be asked of the store itself; if not, ledger_sweep leaves
 * the entry out of the next write. `version` is that of the list which did not have it: a Pod of a later one is late, one of an
 * earlier was there and gone before the list, and the view is only slow.
 */
void ledger_overdue(const struct ledger *ledger, int64_t now_ms, uint32_t most,
		    void (*found)(void *context, const struct holding *holding), void *context);
void ledger_sweep(struct ledger *ledger, struct str uid, uint64_t version, int64_t now_ms);

/* --- The view --- */

enum ledger_seen {
	LEDGER_FREED = 1, /* something is free that was not */
	LEDGER_LATE = 2,  /* a Pod that was swept has come after all: assumption A1 is broken */
};

/*
 * [see] Applies an event of a Pod: it exists as given, or is gone. `version` is the event's. Pods that ask for no extended
 * resource are not kept. Returns bits of enum ledger_seen, or -1 without memory: then the view is incomplete and has to
 * be listed anew.
 */
int ledger_see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms);

/* The view has everything up to this version. */
void ledger_reach(struct ledger *ledger, uint64_t version);

/* A list: what ledger_see is not told of between the two is gone. The end returns bits of enum ledger_seen. */
void ledger_list_begin(struct ledger *ledger);
int ledger_list_end(struct ledger *ledger, uint64_t version, int64_t now_ms);

/* The largest version of a Pod event since the last list began, those in the list included. */
uint64_t ledger_listed_version(const struct ledger *ledger);

/* Drops view and copy: they were of another history. The ledger is behind until a copy is loaded. */
void ledger_forget(struct ledger *ledger);

/* Labels of a namespace or a node; NULL: it is gone. Returns bits of enum ledger_seen, or -1 as ledger_see. */
int ledger_namespace(struct ledger *ledger, struct str name, const struct pairs *labels);
int ledger_node(struct ledger *ledger, struct str name, const struct pairs *labels);

/* Lists of these: what is not named between the two is gone. The end returns bits of enum ledger_seen, or -1 as ledger_see. */
enum ledger_list { LEDGER_NAMESPACES, LEDGER_NODES };
void ledger_labels_begin(struct ledger *ledger, enum ledger_list list);
int ledger_labels_end(struct ledger *ledger, enum ledger_list list);

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
uint32_t ledger_pods(const struct ledger *ledger);           /* that the view counts */
uint32_t ledger_pending(const struct ledger *ledger);        /* that are charged as pending */
void ledger_each(const struct ledger *ledger, void (*each)(void *context, const struct entry *entry), void *context);

/* Recomputes every sum from the entries and compares: for tests. */
bool ledger_check(const struct ledger *ledger);

#endif
