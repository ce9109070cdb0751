/*
 * labels: requests for the labels of namespaces that the view does not know yet. Runs on the loop's
 * thread, except labels_find.
 */
#ifndef WEBHOOK_CLUSTER_LABELS_H
#define WEBHOOK_CLUSTER_LABELS_H

#include "webhook/ledger/store.h"

struct ledger_cluster;

/* A function of struct ledger_store; `cluster` is the struct ledger_cluster. Thread-safe. */
bool labels_find(void *cluster, struct reservation_request *request);

/* Completes a new request if the labels are known by now. Otherwise, it waits for labels_next. */
void labels_arrive(struct ledger_cluster *cluster, struct reservation_request *request);

/* Takes a request whose namespace is to be read; NULL if there is none. */
struct reservation_request *labels_next(struct ledger_cluster *cluster);

/*
 * Records that the request's namespace is being read; the request waits for labels_deliver. If the
 * read could not start for lack of memory (`result` is -1), the request fails.
 */
void labels_requested(struct ledger_cluster *cluster, struct reservation_request *request, int result);

/*
 * A namespace was read with this HTTP status. Completes the requests that wait for its labels; if
 * there was no answer (0), they keep waiting.
 */
void labels_deliver(struct ledger_cluster *cluster, struct str namespace, unsigned status);

/* Has the namespaces of all waiting requests read again, unless they are being read. */
void labels_request_again(struct ledger_cluster *cluster);

#endif
