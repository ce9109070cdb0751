/* quota_fetch: all gpuquotas objects of a cluster, for a command: asked once, waited for. */
#ifndef WEBHOOK_CMD_QUOTA_FETCH_H
#define WEBHOOK_CMD_QUOTA_FETCH_H

#include "webhook/kube/config.h"
#include "webhook/quota/document.h"

#define QUOTA_FETCH_MS 15000 /* for each page */

struct quota_list {
	struct quota_document *items; /* by the names of tenant and quota */
	uint32_t count;
	struct arena arena; /* what they borrow from */
};

/*
 * Lists them. Blocks. Returns 0, or -1 with a sentence that says what to do. The list is new: quota_list_release, in any
 * case.
 */
int quota_fetch(struct kube_config *config, struct quota_list *list, struct error *err);
void quota_list_release(struct quota_list *list);

#endif
