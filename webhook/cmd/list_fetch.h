/* list_fetch: reads all objects of one kind from a cluster once, page by page, for a command. */
#ifndef WEBHOOK_CMD_LIST_FETCH_H
#define WEBHOOK_CMD_LIST_FETCH_H

#include "webhook/kube/config.h"

#define LIST_FETCH_MS 15000 /* Timeout for each page, in milliseconds. */

struct list_fetch {
	const char *path;   /* Of the list, without a query: "/api/v1/pods". */
	const char *what;   /* For messages: "pods". */
	const char *accept; /* NULL: application/json; see KUBE_METADATA_LIST. */
	/* What to do if the list is forbidden, after what the API server says; NULL: nothing. */
	const char *forbidden;
	/* What is wrong if there is no such list; NULL: what the API server says. */
	const char *missing;
	/*
	 * The list begins. It begins again if its pages expire before all of them are read; what
	 * `item` has received so far is then to be forgotten. Returns 0, or -1 with an error.
	 */
	int (*begin)(void *context, struct error *err);
	/*
	 * Receives one object, borrowed during the call. REVIEW_PADDING readable bytes follow.
	 * Returns 0, or -1 with an error, which ends the list.
	 */
	int (*item)(void *context, struct str json, struct error *err);
	void *context;
};

/*
 * Lists all objects. Blocks; the callbacks run on another thread meanwhile. Returns 0, or -1 with
 * an error. `*status`, if it is not NULL, is set to the HTTP status of the last answer, or to 0.
 */
int list_fetch(struct kube_config *config, const struct list_fetch *list, unsigned *status, struct error *err);

#endif
