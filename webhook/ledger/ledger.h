/*
 * ledger: which Pods hold which resources.
 *
 * A pure state machine without clock, locks or I/O: versions and times are arguments, and a store
 * drives it. It keeps the facts of Pods (struct consumer) by uid, and sums their charges under one
 * policy at a time. Not thread-safe: the store serializes all calls.
 *
 * Pods and ResourceClaims are its consumers. Where only Pods are mentioned, the same holds for
 * claims. Each kind has a view, a version of the view and a version of the copy of its own, because
 * the API server's versions compare only within one kind.
 *
 * It joins two sources. The *view* is what is known about existing Pods, from a list and the events
 * after it. The *copy* is the last state of the record that all replicas write. Its pending entries
 * are Pods that were admitted and may not exist yet. A Pod that the view has ever had is charged as
 * the view says. A pending Pod that the view never had is charged as pending. The embedded ledger
 * has no copy: what it admits exists at once.
 *
 * tests/model contains a model of the protocol; names in brackets below are its steps.
 *
 * Invariants: the sums of a quota equal the sums of the charges of all booked entries
 * (ledger_check). A uid is held at most once. Denials and dry runs change nothing. A Pod is charged
 * to all of its quotas or to none.
 */
#ifndef WEBHOOK_LEDGER_LEDGER_H
#define WEBHOOK_LEDGER_LEDGER_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/error.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/policy.h"
#include "gpugate/quota.h"

#define LEDGER_PENDING_MAX 2048 /* Maximum number of entries of a copy. */
/*
 * The tenants below one root may take one fourth of what the others leave, of these entries and of
 * the text.
 */
#define LEDGER_ROOT_SHARE 4

struct ledger;
struct entry;
struct tally_sum;

/* A version of each kind of consumer, of the API server; 0: none. */
struct ledger_versions {
	uint64_t of[CONSUMER_KINDS];
};

struct ledger_options {
	const struct policy *policy; /* The policy to charge by; retained. */
	/*
	 * The ledger is shared with other replicas through a copy, so that pending entries are
	 * limited.
	 */
	bool shared;
	uint32_t pods_max; /* Maximum number of Pods that decisions may hold; 0: unlimited. */
	/* Time to live of pending entries. Pods that are gone are remembered for twice as long. */
	int64_t ttl_ms;
	int64_t fold_ms; /* How long a pending entry stays in the text after its Pod was seen. */
};

/* Returns a new, empty ledger, or NULL with an error without memory. */
struct ledger *ledger_create(const struct ledger_options *options, struct error *err);
void ledger_destroy(struct ledger *ledger); /* Takes NULL. */

/* --- Decisions --- */

enum ledger_outcome {
	LEDGER_ADMITTED,
	LEDGER_DENIED, /* A quota of an enforcing tenant is exceeded. */
	LEDGER_OUTAGE, /* The Pod could not be held; `why` says why, and nothing was changed. */
};

/* Whether a denial could turn into an admission without another change. */
enum ledger_retry {
	LEDGER_RETRY_NEVER, /* No: an empty cluster would deny it, too. */
	/* Only if another replica knows something that this one does not know yet. */
	LEDGER_RETRY_UNSEEN,
	/* Soon: of every limit that denies, something is pending or terminating. */
	LEDGER_RETRY_SOON,
};

enum ledger_mode {
	LEDGER_HOLD, /* Decide, and hold what is admitted. */
	LEDGER_DRY,  /* Decide, and change nothing. */
	/*
	 * Hold it even if limits are exceeded, because the Pod is already running, for example a
	 * static one.
	 */
	LEDGER_FORCE,
};

/* The result of ledger_decide. The arrays are in the arena. */
struct ledger_verdict {
	enum ledger_outcome outcome;
	/*
	 * The policy that decided. Borrowed from the ledger, and therefore valid only under the
	 * store's lock.
	 */
	const struct policy *policy;
	const struct charge *charges;
	uint32_t charge_count;
	/* All exceeded limits, regardless of enforcement, and what is left if there are any. */
	struct quota_denial denial;
	enum ledger_retry retry; /* For LEDGER_DENIED. */
	const char *why;         /* For LEDGER_OUTAGE. */
	/*
	 * For LEDGER_OUTAGE: back-pressure rather than an outage. It ends when admitted Pods are
	 * seen.
	 */
	bool backpressure;
};

/*
 * [decide] Decides a Pod against what is held, and holds a copy of it as tentative if `mode` says
 * so. A uid that is already held is decided as if it were not, so that a retry neither charges
 * twice nor turns a denial into an admission.
 *
 * If consumer->gang says so, the Pod is decided together with what the rest of its group requests:
 * all of the gang except what its Pods hold that exist or are pending. Both are held, or neither.
 * The reservation for the rest is an entry of its own, which takes the place of the one that the
 * group had. If a limit is exceeded that denies nothing, the Pod is held and nothing is reserved.
 *
 * A Pod of a group that is decided without its gang may be one of those that something is reserved
 * for. If the quotas have room for it and for what then remains of the reservation, it uses up its
 * part. Otherwise the reservation counts like anything else.
 *
 * `trace` may be NULL. Otherwise it receives what is charged and what each quota on the path holds.
 */
void ledger_decide(struct ledger *ledger, const struct consumer *consumer, enum ledger_mode mode, int64_t now_ms,
		   struct arena *arena, const struct trace *trace, struct ledger_verdict *verdict);

/*
 * ledger_round begins a round of decisions, which must be made in order of arrival. If a Pod finds
 * no room in a round, later Pods of the same root find none either, so that small Pods do not
 * overtake it. ledger_has_backpressure tells whether that is the case.
 */
void ledger_round(struct ledger *ledger);
bool ledger_has_backpressure(const struct ledger *ledger, const struct consumer *consumer);

/*
 * For the embedded ledger. ledger_hold: the Pod with this uid, which was admitted, exists from now
 * on. ledger_free: it no longer exists, and holds nothing.
 */
void ledger_hold(struct ledger *ledger, struct str uid);
bool ledger_free(struct ledger *ledger, struct str uid); /* Whether it was held. */

/* --- The copy --- */

/*
 * [read] Loads the current content of the record: the versions of the events that every replica
 * must have applied before it decides, and the text of the pending entries. Returns an enum
 * ledger_text_result: 0, or a negative value with an error. An error changes nothing, except that
 * without memory, Pods may be counted as pending that are not.
 */
int ledger_load(struct ledger *ledger, struct ledger_versions versions, struct str pending, int64_t now_ms,
		struct error *err);

/*
 * [wait] Whether nothing may be decided: the view has not reached the versions of the copy, data
 * was lost, or charges are not exact.
 */
bool ledger_behind(const struct ledger *ledger);
/* Version of the copy, and of the view. */
uint64_t ledger_version(const struct ledger *ledger, enum consumer_kind kind);
uint64_t ledger_view_version(const struct ledger *ledger, enum consumer_kind kind);

/*
 * Whether the copy has no version of claims, because a replica wrote it that does not know them.
 * The next write adds one. Until then no claim is admitted.
 */
bool ledger_lacks_claim_version(const struct ledger *ledger);

/*
 * Otherwise the largest version of claims that a copy ever had still holds. To be called when the
 * record settles, since it may have been of another history.
 */
void ledger_forget_claim_version(struct ledger *ledger);

/*
 * Whether the cluster has this kind of consumer; initially it does. One that it does not have is
 * gone from the view, and nothing waits for it.
 */
void ledger_set_absent(struct ledger *ledger, enum consumer_kind kind, bool absent, int64_t now_ms);

/*
 * [fold, write] Writes the pending and the tentative entries, to be stored against the same copy
 * that the decisions were based on.
 *
 * Entries whose Pods this replica has seen for `fold_ms` are left out. The version of their kind is
 * then raised to the largest version in which it first saw one of them, so that no replica behind
 * that version decides without them. The delay lets replicas with slower watches see these Pods
 * first, so that they need not wait.
 *
 * An entry whose Pod is gone or has finished is left out at once, and does not raise the version. A
 * replica that has not seen the Pod yet loses nothing by not counting it.
 */
void ledger_encode(const struct ledger *ledger, int64_t now_ms, struct buf *pending, struct ledger_versions *versions);

/*
 * Sets the form in which the text is written from now on, initially the newest. The smaller limits
 * of an older form apply while it is set. No claim is admitted in a form that has none; claims that
 * are pending already are still written in the form that they need.
 */
void ledger_set_form(struct ledger *ledger, unsigned form);
unsigned ledger_form(const struct ledger *ledger);

/*
 * Whether the copy is of a newer form than that, although nothing pending needs it. A replica that
 * is about to start could not read it.
 */
bool ledger_form_is_ahead(const struct ledger *ledger);

/* Whether a write would leave something out. */
bool ledger_foldable(const struct ledger *ledger, int64_t now_ms);

/*
 * Ends a write, with any outcome: no entry is tentative any more. If the write succeeded, load what
 * was written before calling this.
 */
void ledger_resolve(struct ledger *ledger);

/*
 * [sweep] If this replica has known a pending entry for its time to live, the request is over. If
 * its Pod was ever stored, then at a version that the cluster has reached by now. A view that has
 * reached that version without the Pod will never have it.
 *
 * ledger_overdue tells whether there is an entry of a kind that needs such a version. ledger_due
 * sets it for all of these entries: it is the version that the cluster had reached when it was
 * queried, at `queried_ms`. ledger_expire expires the entries whose version the view has reached
 * since, and returns their number. They are no longer charged, and are left out of the next write.
 */
bool ledger_overdue(const struct ledger *ledger, enum consumer_kind kind, int64_t now_ms);
void ledger_due(struct ledger *ledger, enum consumer_kind kind, uint64_t version, int64_t queried_ms);
uint32_t ledger_expire(struct ledger *ledger, int64_t now_ms);

/*
 * Whether an entry of this kind will be expired as soon as the view reaches a version that the
 * cluster has already reached.
 */
bool ledger_awaits_expiry(const struct ledger *ledger, enum consumer_kind kind);

/* --- The view --- */

enum ledger_seen {
	LEDGER_FREED = 1,  /* Capacity became free. */
	LEDGER_LATE = 2,   /* A Pod appeared after it was expired: assumption A1 is violated. */
	LEDGER_HEALED = 4, /* A comparison found a change that no event reported. */
};

/*
 * [see] Applies an event of a Pod: it exists as given, or is gone. `version` is the version of the
 * event. Pods that request no extended resource are not kept. Returns bits of enum ledger_seen, or
 * -1 without memory. After -1 the view is incomplete and the ledger is behind; ledger_lost tells
 * what to list again.
 */
int ledger_see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms);

/*
 * The same for an existing Pod that cannot be read. Only uid, namespace and name of `pod` are used.
 * It still counts as it was last seen, or else as it was admitted. A pending entry that was never
 * seen is neither folded nor expired, because nothing else is known about its Pod. A Pod that was
 * never admitted either is not charged.
 */
int ledger_see_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version);

/* Notes that the view contains everything of this kind up to this version. */
void ledger_reach(struct ledger *ledger, enum consumer_kind kind, uint64_t version);

/*
 * Begin and end a list of Pods, or of claims: those that ledger_see does not report in between are
 * gone. The end returns bits of enum ledger_seen.
 */
void ledger_list_begin(struct ledger *ledger, enum consumer_kind kind);
int ledger_list_end(struct ledger *ledger, enum consumer_kind kind, uint64_t version, int64_t now_ms);

/*
 * Compare the view with a list of all Pods, or of all claims, at the version that the view has when
 * the comparison begins. Events may be applied meanwhile. A comparison changes nothing unless an
 * event was lost.
 *
 * Every Pod of the list must be passed to ledger_compare or ledger_compare_unreadable.
 * ledger_compare returns bits of enum ledger_seen, or -1 like ledger_see. ledger_compare_end
 * removes Pods that were not in the list, and returns bits of enum ledger_seen. ledger_list_begin
 * ends a comparison without a result, as ledger_compare_abandon does.
 */
void ledger_compare_begin(struct ledger *ledger, enum consumer_kind kind);
bool ledger_comparing(const struct ledger *ledger, enum consumer_kind kind);
int ledger_compare(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms);
void ledger_compare_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version);
int ledger_compare_end(struct ledger *ledger, enum consumer_kind kind, int64_t now_ms);
void ledger_compare_abandon(struct ledger *ledger, enum consumer_kind kind);
/* Number of Pods that comparisons have corrected so far. */
uint64_t ledger_healed(const struct ledger *ledger);

/*
 * Returns the largest version of an event of this kind since the last list began, including the
 * objects in the list. A watch of this kind is certain to reach it.
 */
uint64_t ledger_event_version(const struct ledger *ledger, enum consumer_kind kind);

/*
 * The versions with which a ledger is opened: those of the newest events. A kind of which nothing
 * was listed has none; a version of claims is at least 1.
 */
void ledger_newest(const struct ledger *ledger, struct ledger_versions *versions);

/*
 * Drops the view and the copy, because they belong to another history. The ledger is behind until a
 * copy is loaded.
 */
void ledger_forget(struct ledger *ledger);

/*
 * Set the labels of a namespace or a node; NULL: it is gone. Return bits of enum ledger_seen, or -1
 * like ledger_see.
 */
int ledger_namespace(struct ledger *ledger, struct str name, const struct pairs *labels);
int ledger_node(struct ledger *ledger, struct str name, const struct pairs *labels);

/*
 * Sets for all nodes which labels their devices would give them. A node counts as if it had those
 * whose keys it lacks, unless no Accelerator then has what a consumer requests. A node that is not
 * among `nodes` has none. Sets `*seen` to bits of enum ledger_seen. Returns 0, or -1 without
 * memory: then some are set, of which `*seen` tells, and the caller tries again.
 */
int ledger_set_devices(struct ledger *ledger, const struct named_pairs *nodes, uint32_t count, int *seen);

/*
 * Begin and end a list of objects of which the labels are kept, which are those before
 * LEDGER_LABELLED: objects that are not reported in between are gone. The end returns bits of enum
 * ledger_seen.
 */
enum ledger_list {
	LEDGER_NAMESPACES,
	LEDGER_NODES,
	LEDGER_LABELLED,
	LEDGER_CONSUMERS = LEDGER_LABELLED, /* The lists of consumers, by kind. */
	LEDGER_PODS = LEDGER_CONSUMERS + CONSUMER_POD,
	LEDGER_CLAIMS = LEDGER_CONSUMERS + CONSUMER_CLAIM,
	LEDGER_LISTS
};
void ledger_labels_begin(struct ledger *ledger, enum ledger_list list);
int ledger_labels_end(struct ledger *ledger, enum ledger_list list);

/*
 * Whether data of this kind was lost for lack of memory. The ledger is then behind until a list of
 * this kind has ended without a loss.
 */
bool ledger_lost(const struct ledger *ledger, enum ledger_list list);
/* Notes that there was no memory to read an event. Returns -1. */
int ledger_lose(struct ledger *ledger, enum ledger_list list);

/*
 * Whether something is charged while the labels of its namespace are unknown, although tenants are
 * selected by labels. This happens because Pods and namespaces come from different watches, and a
 * copy may be ahead of both. Nothing may be decided until the labels are read, or the namespace is
 * found not to exist (set empty labels then). `*namespace` is one of these namespaces, borrowed
 * until the ledger changes.
 */
bool ledger_unresolved(const struct ledger *ledger, struct str *namespace);

/*
 * Number of Pods that count and are bound to a node whose labels match no Accelerator, or several,
 * for one of their resources; see enum node_fit.
 */
struct ledger_unfit {
	uint32_t of_no_model, of_several_models;
};
struct ledger_unfit ledger_unfit(const struct ledger *ledger);

/* One of these Pods, for messages; NULL: there is none. Borrowed until the ledger changes. */
const struct entry *ledger_unfit_example(const struct ledger *ledger);

/* The labels of a namespace or a node; NULL: unknown. Borrowed until they change. */
const struct pairs *ledger_namespace_labels(const struct ledger *ledger, struct str name);
const struct pairs *ledger_node_labels(const struct ledger *ledger, struct str name);

/*
 * Ends reservations: after their time, which begins when this ledger first knows a renewal; if no
 * Pod of the group is left; and if the policy decides no groups. In a shared ledger, also while the
 * text is written in a form that has none. The end only makes room, so replicas need not agree
 * about it. Returns bits of enum ledger_seen.
 */
int ledger_end_reservations(struct ledger *ledger, int64_t now_ms);

/*
 * Applies the passage of time: terminating Pods stop counting, Pods that are gone are forgotten,
 * and reservations end. Returns bits of enum ledger_seen.
 */
int ledger_tick(struct ledger *ledger, int64_t now_ms);

/* --- Policy, sums and tests --- */

/*
 * Charges everything by another policy. Retains it and releases the old one. Returns 0, or -1
 * without memory, and then nothing has changed.
 */
int ledger_rebase(struct ledger *ledger, const struct policy *policy);

/*
 * For simulations: from now on, a quota of the current policy holds this much more than the Pods
 * do, which is positive. It is not in the sums by namespace, and a rebase forgets it.
 */
void ledger_assume(struct ledger *ledger, uint32_t quota, wide amount);

/* Returns the current policy, borrowed until the next rebase. */
const struct policy *ledger_policy(const struct ledger *ledger);
const struct held *ledger_held(const struct ledger *ledger); /* Indexed by quota. */

/*
 * What the Pods of each namespace hold of a quota, including pending ones. Returns the first
 * element of an unordered list (tally.h); NULL: nothing is held. Borrowed until the ledger changes.
 */
const struct tally_sum *ledger_holders(const struct ledger *ledger, uint32_t quota);

/*
 * Takes the oldest quota from the list of those whose consumers have changed since they were last
 * taken. A rebase replaces it with an empty list for the new policy. Returns false if the list is
 * empty. For a single reader.
 */
bool ledger_take_changed(struct ledger *ledger, uint32_t *quota);

uint32_t ledger_pods(const struct ledger *ledger); /* Number of Pods that are charged as used. */
/* Number of Pods that are charged as pending. */
uint32_t ledger_pending(const struct ledger *ledger);
/* Number of groups of Pods for the rest of which something is reserved. */
uint32_t ledger_reservations(const struct ledger *ledger);
/*
 * How much of its room in the copy's text the fullest root tenant takes, in percent; at most 100.
 * It is 0 in a ledger that is not shared.
 */
uint32_t ledger_fullest_root(const struct ledger *ledger);
/* Calls `each` for every entry, in no order. It must not change the ledger. */
void ledger_each(const struct ledger *ledger, void (*each)(void *context, const struct entry *entry), void *context);

/* For tests: recomputes every sum from the entries. Returns whether all are equal. */
bool ledger_check(const struct ledger *ledger);

#endif
