/* quota_fetch: reads all gpuquotas objects of a cluster once, for a command. */
#ifndef WEBHOOK_CMD_QUOTA_FETCH_H
#define WEBHOOK_CMD_QUOTA_FETCH_H

#include "webhook/kube/config.h"
#include "webhook/quota/document.h"

struct quota_list {
	struct quota_document *items; /* Sorted by the names of tenant and quota. */
	uint32_t count;
	struct arena arena; /* Memory that the items borrow from. */
};

/*
 * Lists all objects. Blocks. Returns 0, or -1 with an error that says what to do. Initializes the
 * list, which must be released with quota_list_release in any case.
 */
int quota_fetch(struct kube_config *config, struct quota_list *list, struct error *err);
void quota_list_release(struct quota_list *list);

#endif
