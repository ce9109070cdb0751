/* list_meta: the metadata of a list. */
#ifndef WEBHOOK_KUBE_LIST_META_H
#define WEBHOOK_KUBE_LIST_META_H

#include "gpugate/arena.h"
#include "gpugate/error.h"

struct kube_list {
	struct str version; /* resourceVersion; absent: not given. */
	/* continue: the token for the next page; absent or empty: this is the last page. */
	struct str next;
	int64_t remaining; /* remainingItemCount; -1: not given. */
};

/*
 * Reads the metadata object of a list, which must be followed by REVIEW_PADDING readable bytes.
 * Copies the strings to the arena. Returns 0 or -1.
 */
int kube_list_read(struct str json, struct arena *arena, struct kube_list *list, struct error *err);

#endif
