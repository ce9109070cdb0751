/*
 * target_reader: reads single objects from the API server, for reviews that depend on an object
 * other than their own, such as the workload of a `scale` or of a Pod. It has a client of its own,
 * so that neither the ledger nor the labels of namespaces ever wait for such a read.
 *
 * Reads that wait for the same object at the same time share one call. A call is never shared with
 * a read that comes after its start, because the object may have changed in between.
 */
#ifndef WEBHOOK_SERVER_TARGET_READER_H
#define WEBHOOK_SERVER_TARGET_READER_H

#include "webhook/base/log.h"
#include "webhook/kube/client.h"

#define TARGET_READ_MS 1000 /* For one call. */
#define TARGET_READS_MAX 32 /* Of those that do not wait long, at a time; others are not read. */
#define TARGET_BYTES_MAX ((size_t)512 << 10)

struct target_reader;

enum target_state {
	TARGET_READ,
	TARGET_ABSENT,    /* The API server says that it does not exist. */
	TARGET_UNREAD,    /* It could not be read, or not in time. */
	TARGET_TOO_LARGE, /* It is longer than TARGET_BYTES_MAX. */
};

/* One read. It lives in its owner's memory until `done` is called. */
struct target_read {
	const char *path;    /* Of the API, with the name escaped. */
	int64_t deadline_ms; /* By kube_now_ms; a later answer is of no use. */
	/*
	 * Whether it waits for its turn until the deadline. Otherwise it waits for TARGET_READ_MS,
	 * and fails at once if many others do the same.
	 */
	bool waits;
	/*
	 * Called once, on the loop's thread. `json` is the object, which REVIEW_PADDING readable
	 * bytes follow, during the call; absent: it was not read.
	 */
	void (*done)(struct target_read *read, enum target_state state, struct str json);
	void *context; /* For the owner's use. */

	/* The fields below belong to the reader. */
	struct target_reader *reader;
	struct kube_task task;
	struct kube_timer limit;
	struct target_call *call; /* NULL: it waits for one. */
	struct target_read *prev, *next;
};

/* Returns new, or NULL with an error. Borrows its arguments. The loop must not run yet. */
struct target_reader *target_reader_create(struct kube_loop *loop, struct kube_config *config, struct log *log,
					   struct error *err);

/* Begins a read. Thread-safe. */
void target_reader_read(struct target_reader *reader, struct target_read *read);

/*
 * Ends all reads without an answer, and from then on every new one. The loop must be running.
 * Blocks until that is done. Takes NULL.
 */
void target_reader_stop(struct target_reader *reader);

/* Called after the loop has stopped. Takes NULL. */
void target_reader_destroy(struct target_reader *reader);

#endif
