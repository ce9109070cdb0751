/*
 * record: the copy of the ledger object that all replicas share. Applies what was read of it, and
 * notes what is wanted: a read, or a write that makes it settle or opens it. The copy is only
 * replaced by a newer state, unless the record turns out to be of another history.
 *
 * record_calls.h reads and writes the object. Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_RECORD_H
#define WEBHOOK_CLUSTER_RECORD_H

#include "gpugate/buf.h"
#include "webhook/kube/loop.h"
#include "webhook/kube/watch.h"
#include "webhook/ledger/ledger.h"

struct ledger_cluster;
struct version_query;

enum record_state {
	RECORD_UNKNOWN, /* It has not been read yet. */
	RECORD_MISSING, /* It does not exist and is being created. */
	/* It exists, but Pods that were admitted earlier may not be stored yet. */
	RECORD_SETTLING,
	RECORD_OPEN,
	/* Its form is unknown to this version: nothing is decided or written. */
	RECORD_NEWER,
};

/* Outcome of a write that has ended. */
enum write_outcome {
	WRITE_NONE, /* No write has ended since the last step. */
	WRITE_DONE,
	WRITE_CONFLICT, /* Another replica was faster, or the record is gone. */
	WRITE_UNKNOWN,  /* Any other failure: it may have been written. */
};

struct record {
	enum record_state state;
	char uid[64];
	uint64_t resource_version; /* Version of the copy; 0: there is none. */
	int64_t open_ms;           /* When the settle time is over, by this replica's clock. */
	/* The view must reach these versions before the record is opened; 0: not known yet. */
	struct ledger_versions open_versions;
	bool writing, reading;
	bool posting; /* The last write created the record, or tried to. */
	/*
	 * The copy may be outdated, because a write failed or conflicted: nothing is written
	 * against it.
	 */
	bool stale;
	bool invalidated;        /* After a restore: what is read next must settle again. */
	bool listed;             /* The current list of the watch contained it. */
	bool reset_pending;      /* The copy must settle again, and that is not written yet. */
	int64_t lost_ms;         /* Since when it is not watched; 0: it is watched. */
	uint64_t reads;          /* Number of reads that were started. */
	uint64_t read;           /* Number of the last read that succeeded. */
	uint64_t version_asked;  /* Version of the copy when the read started. */
	uint64_t version_put;    /* Version of the copy that the write in flight replaces. */
	struct buf body;         /* Body of the last write. */
	struct kube_timer again; /* Delays the next read after a failure. */

	/* What the next step must act on. */
	bool wants_read;            /* The record is to be read, unless a read is in flight. */
	bool wants_settling;        /* The same for a settling record and writes. */
	bool may_open;              /* The view may have reached open_version. */
	bool restored;              /* An older record was read: the storage was restored. */
	enum write_outcome outcome; /* Of the write that has ended. */

	/* A read or a write failed, and the record has not recovered since. */
	bool failing;
	int64_t unwritten_ms; /* When a write last failed; 0: the last write succeeded. */
	int64_t claims_ms;    /* When to add the version of claims again; 0: at once. */
	char problem[512];    /* Why it is failing, without a final period. */
	char newer[1100];     /* Why the state is RECORD_NEWER. */
};

/* Initializes the record. The first list of its watch, or a read that follows it, fills it. */
void record_open(struct ledger_cluster *cluster);

extern const struct kube_watch_events record_events; /* `context` is the cluster. */

/*
 * Takes a record that was read, if it is newer than the copy. `current` means that a read returned
 * it which began when the copy was already there; an older record is then of another history.
 * Returns false if it cannot be used.
 */
bool record_apply(struct ledger_cluster *cluster, struct str json, bool current);

/* Has the record read again after a randomized delay. */
void record_read_later(struct ledger_cluster *cluster);

/* There is no record: it is to be created. */
void record_note_missing(struct ledger_cluster *cluster);

/*
 * Distrusts everything that was read of the record, because the Pods turned out to be of another
 * history.
 */
void record_invalidate(struct ledger_cluster *cluster);

/*
 * Compares the record with the version of one kind that the cluster had reached. A record of
 * another history must settle again; one that has settled is opened when the view has reached the
 * versions of all kinds.
 */
void record_take_version(struct ledger_cluster *cluster, const struct version_query *query);

/*
 * Whether the record has settled and lacks the version of this kind that the view must reach.
 * [open]
 */
bool record_wants_version(const struct ledger_cluster *cluster, enum consumer_kind kind, int64_t now_ms);

/* Whether the record is opened as soon as the view of this kind reaches a version that is known. */
bool record_awaits_view(const struct ledger_cluster *cluster, enum consumer_kind kind);

/*
 * Whether to write the record only to add the version of claims, which a replica of an older
 * version has left out, or which the definition of the resource does not have. Returns true once
 * in ten seconds.
 */
bool record_wants_claims(struct ledger_cluster *cluster, int64_t now_ms);

/* Whether a write against the copy may start now. */
bool record_is_writable(const struct ledger_cluster *cluster);

/* Whether some replica cannot read the form in which the text is written. */
bool record_form_is_ahead(struct ledger_cluster *cluster);

/*
 * Whether to try a write although there is nothing to write, because the last one failed some time
 * ago. No write may be needed for hours, and a recovery must be noticed before one is.
 */
bool record_wants_probe(const struct ledger_cluster *cluster, int64_t now_ms);

/* Periodic work: notes what is wanted. */
void record_tick(struct ledger_cluster *cluster, int64_t now_ms);

#endif
