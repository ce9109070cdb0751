/*
 * target_reader: reads single objects from the API server, for reviews that are about an object
 * without being its own, such as the `scale` of a Deployment. It has a client of its own, so that
 * neither the ledger nor the labels of namespaces ever wait for such a read.
 */
#ifndef WEBHOOK_SERVER_TARGET_READER_H
#define WEBHOOK_SERVER_TARGET_READER_H

#include "gpugate/arena.h"
#include "webhook/base/log.h"
#include "webhook/kube/client.h"

#define TARGET_READ_MS 1000 /* For one read; less if its owner has less time. */
#define TARGET_READS_MAX 32 /* At a time; further ones are not read. */
#define TARGET_BYTES_MAX ((size_t)512 << 10)

struct target_reader;

/* One read. It lives in its owner's memory until `done` is called. */
struct target_read {
	const char *path;    /* Of the API, with the name escaped. */
	int64_t deadline_ms; /* By kube_now_ms; a later answer is of no use. */
	/* Memory for the answer. The owner does not use it until `done` is called. */
	struct arena *arena;
	/*
	 * Called once, on the loop's thread. `json` is the object, which REVIEW_PADDING readable
	 * bytes follow, in the arena; absent: it does not exist, or could not be read.
	 */
	void (*done)(struct target_read *read, struct str json);
	void *context; /* For the owner's use. */

	/* The fields below belong to the reader. */
	struct target_reader *reader;
	struct kube_task task;
	struct kube_request *request;
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
