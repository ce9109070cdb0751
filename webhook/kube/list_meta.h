/* list_meta: the metadata of a list. */
#ifndef WEBHOOK_KUBE_LIST_META_H
#define WEBHOOK_KUBE_LIST_META_H

#include "gpugate/arena.h"
#include "gpugate/error.h"

struct kube_list {
	struct str version; /* resourceVersion; absent: not given */
	struct str next;    /* continue: more items are to be had with it; absent or empty: none */
	int64_t remaining;  /* remainingItemCount; -1: not given */
};

/* Reads the object, which REVIEW_PADDING bytes follow. What it finds is copied to the arena. Returns 0 or -1. */
int kube_list_read(struct str json, struct arena *arena, struct kube_list *list, struct error *err);

#endif
