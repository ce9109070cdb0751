/* request_list: a singly linked list of requests, in the order in which they were added. */
#ifndef WEBHOOK_CLUSTER_REQUEST_LIST_H
#define WEBHOOK_CLUSTER_REQUEST_LIST_H

#include "webhook/ledger/store.h"

struct request_list {
	struct reservation_request *first, **last;
};

static inline void list_init(struct request_list *list)
{
	*list = (struct request_list){NULL, &list->first};
}

static inline void list_put(struct request_list *list, struct reservation_request *request)
{
	request->next = NULL;
	*list->last = request;
	list->last = &request->next;
}

/* Removes and returns the first request; NULL if there is none. */
static inline struct reservation_request *list_take(struct request_list *list)
{
	struct reservation_request *request = list->first;
	if (!request)
		return NULL;
	list->first = request->next;
	if (!list->first)
		list->last = &list->first;
	return request;
}

/* Moves all of `from` to the end of `to`, or to its beginning if `front` is true. */
static inline void list_move(struct request_list *to, struct request_list *from, bool front)
{
	if (!from->first)
		return;
	if (front) {
		*from->last = to->first;
		if (!to->first)
			to->last = from->last;
		to->first = from->first;
	} else {
		*to->last = from->first;
		to->last = from->last;
	}
	list_init(from);
}

#endif
