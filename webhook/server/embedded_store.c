#include "webhook/server/embedded_store.h"

#include <pthread.h>
#include <stdlib.h>

#include "gpugate/consumer.h"
#include "gpugate/policy.h"
#include "webhook/kube/loop.h"
#include "webhook/ledger/fit.h"
#include "webhook/ledger/verdict.h"
#include "webhook/usage/namespaces.h"

struct ledger_embedded {
	pthread_mutex_t mutex;
	struct ledger *ledger;
};

struct ledger_embedded *ledger_embedded_create(const struct policy *policy, struct error *err)
{
	const struct ledger_options options = {.policy = policy, .pods_max = LEDGER_EMBEDDED_PODS_MAX};
	struct ledger_embedded *embedded = calloc(1, sizeof *embedded);
	if (!embedded) {
		error_set(err, "there is no memory for the ledger");
		return NULL;
	}
	pthread_mutex_init(&embedded->mutex, NULL);
	embedded->ledger = ledger_create(&options, err);
	if (embedded->ledger)
		return embedded;
	ledger_embedded_destroy(embedded);
	return NULL;
}

void ledger_embedded_destroy(struct ledger_embedded *embedded)
{
	if (!embedded)
		return;
	ledger_destroy(embedded->ledger);
	pthread_mutex_destroy(&embedded->mutex);
	free(embedded);
}

int ledger_embedded_rebase(struct ledger_embedded *embedded, const struct policy *policy)
{
	pthread_mutex_lock(&embedded->mutex);
	int result = ledger_rebase(embedded->ledger, policy);
	pthread_mutex_unlock(&embedded->mutex);
	return result;
}

static bool admit(void *self, struct reservation_request *request)
{
	struct ledger_embedded *embedded = self;
	const struct consumer *consumer = &request->decision->consumer;
	struct ledger_verdict verdict;
	enum ledger_mode mode = request->dry ? LEDGER_DRY : request->decision->mirror ? LEDGER_FORCE : LEDGER_HOLD;
	int64_t now_ms = kube_now_ms();
	pthread_mutex_lock(&embedded->mutex);
	ledger_end_reservations(embedded->ledger, now_ms);
	ledger_decide(embedded->ledger, consumer, mode, now_ms, request->arena, request->trace, &verdict);
	if (verdict.outcome == LEDGER_ADMITTED && !request->dry)
		ledger_hold(embedded->ledger, consumer->uid);
	policy_retain(verdict.policy); /* Used outside the lock, to format messages. */
	pthread_mutex_unlock(&embedded->mutex);
	reservation_apply_verdict(request, &verdict);
	policy_release(verdict.policy);
	return true;
}

static bool fit(void *self, struct fit_request *request)
{
	struct ledger_embedded *embedded = self;
	struct ledger_verdict verdict;
	pthread_mutex_lock(&embedded->mutex);
	ledger_end_reservations(embedded->ledger, kube_now_ms());
	bool known = ledger_fit(embedded->ledger, request, &verdict);
	policy_retain(verdict.policy);
	pthread_mutex_unlock(&embedded->mutex);
	known = known && fit_apply_verdict(request, &verdict) == 0;
	policy_release(verdict.policy);
	return known;
}

static void finished(void *self, struct str uid)
{
	struct ledger_embedded *embedded = self;
	pthread_mutex_lock(&embedded->mutex);
	ledger_free(embedded->ledger, uid);
	ledger_end_reservations(embedded->ledger, kube_now_ms());
	pthread_mutex_unlock(&embedded->mutex);
}

struct ledger_store ledger_embedded_store(struct ledger_embedded *embedded)
{
	return (struct ledger_store){.self = embedded, .admit = admit, .fit = fit, .finished = finished};
}

/* Nothing happens here by itself, so time passes when somebody looks. */
static void pass_time(struct ledger_embedded *embedded)
{
	pthread_mutex_lock(&embedded->mutex);
	ledger_end_reservations(embedded->ledger, kube_now_ms());
	pthread_mutex_unlock(&embedded->mutex);
}

void ledger_embedded_sums(struct ledger_embedded *embedded, struct ledger_sums *sums)
{
	pass_time(embedded);
	ledger_sums_take(sums, embedded->ledger, &embedded->mutex);
}

void ledger_embedded_render_sums(void *context, struct buf *out)
{
	struct ledger_sums sums;
	ledger_embedded_sums(context, &sums);
	ledger_sums_print(&sums, out);
	ledger_sums_release(&sums);
}

void ledger_embedded_render_namespaces(void *context, struct buf *out)
{
	struct ledger_embedded *embedded = context;
	ledger_namespaces_print(embedded->ledger, &embedded->mutex, out);
}
