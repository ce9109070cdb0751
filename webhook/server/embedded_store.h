/*
 * embedded_store: the ledger with its state in this process. A mutex guards it, and is held for
 * arithmetic only, never over I/O. All functions except create and destroy are thread-safe.
 *
 * A charge lasts from the CREATE of a Pod until a review says that the Pod was deleted or has
 * finished. So usage is exact only if every review arrives. What is reserved for the rest of a gang
 * ends after its time, or with the last Pod of the group. The state is lost at exit.
 */
#ifndef WEBHOOK_SERVER_EMBEDDED_STORE_H
#define WEBHOOK_SERVER_EMBEDDED_STORE_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/ledger/store.h"
#include "webhook/usage/sums.h"

/* Maximum number of Pods that can be charged. */
#define LEDGER_EMBEDDED_PODS_MAX 1000000

struct ledger_embedded;

/* Returns new, or NULL with an error. Retains the policy. */
struct ledger_embedded *ledger_embedded_create(const struct policy *policy, struct error *err);
void ledger_embedded_destroy(struct ledger_embedded *ledger); /* Accepts NULL. */

/*
 * Charges by this policy from now on. Returns -1 without memory; then quotas are still charged by
 * the old policy.
 */
int ledger_embedded_rebase(struct ledger_embedded *ledger, const struct policy *policy);

/* Returns the interface that admission uses. It borrows the ledger. */
struct ledger_store ledger_embedded_store(struct ledger_embedded *ledger);

/* Copies the current sums. Release them with ledger_sums_release. */
void ledger_embedded_sums(struct ledger_embedded *ledger, struct ledger_sums *sums);

/*
 * Append the families of ledger_sums_metrics, and of ledger_namespaces_metrics. `ledger` is the
 * struct ledger_embedded.
 */
void ledger_embedded_render_sums(void *ledger, struct buf *out);
void ledger_embedded_render_namespaces(void *ledger, struct buf *out);

#endif
