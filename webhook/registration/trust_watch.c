#include "webhook/registration/trust_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gpugate/certs.h"
#include "webhook/kube/stream.h"
#include "webhook/registration/trust.h"

enum kind { MUTATING, VALIDATING, KINDS };
enum state { UNKNOWN, TRUSTED, UNTRUSTED };

static const char *const kinds[KINDS + 1] = {[MUTATING] = "mutating", [VALIDATING] = "validating"};

struct configuration {
	struct buf json; /* The object as JSON; empty if there is none. */
	char why[REGISTRATION_WHY_MAX];
	atomic_int state; /* An enum state. */
};

struct trust_watch {
	struct kube_loop *loop;
	struct log *log;
	struct configuration configurations[KINDS];
	struct kube_task changed;
	struct kube_timer again;
	pthread_mutex_t mutex; /* Guards `chain`. */
	struct buf chain;
};

static void log_state(const struct trust_watch *watch, enum kind kind, enum state state, const char *message)
{
	const struct log_field fields[] = {
	    {.key = "configuration", .text = str_of(kinds[kind])},
	    {.key = "message", .text = str_of(message)},
	};
	bool good = state == TRUSTED;
	log_event(watch->log, good ? LOG_INFO : LOG_WARN, good ? "certificate_trusted" : "certificate_untrusted",
		  fields, sizeof fields / sizeof *fields);
}

static enum state judge(const struct configuration *configuration, enum kind kind, struct str chain,
			char why[static REGISTRATION_WHY_MAX])
{
	struct error err = {0};
	if (configuration->json.len == 0 || chain.len == 0)
		return UNKNOWN;
	int result = registration_trust(kind == MUTATING, buf_view(&configuration->json), chain, time(NULL), why, &err);
	return result < 0 ? UNKNOWN : result == 0 ? TRUSTED : UNTRUSTED;
}

/* Checks both configurations and logs changes. */
static void judge_all(struct trust_watch *watch)
{
	struct buf chain;
	buf_init(&chain, CERTS_PEM_MAX);
	pthread_mutex_lock(&watch->mutex);
	buf_str(&chain, buf_view(&watch->chain));
	pthread_mutex_unlock(&watch->mutex);
	for (int i = 0; i < KINDS; i++) {
		struct configuration *configuration = &watch->configurations[i];
		char why[REGISTRATION_WHY_MAX] = "";
		enum state before = (enum state)atomic_load(&configuration->state);
		enum state now = judge(configuration, (enum kind)i, buf_view(&chain), why);
		if (now == TRUSTED && before == UNTRUSTED)
			log_state(watch, (enum kind)i, now, "the API server accepts the certificate that is served");
		else if (now == UNTRUSTED && (before != now || strcmp(why, configuration->why) != 0))
			log_state(watch, (enum kind)i, now, why);
		memcpy(configuration->why, why, sizeof why);
		atomic_store(&configuration->state, now);
	}
	buf_release(&chain);
	kube_timer_set(watch->loop, &watch->again, TRUST_WATCH_MS);
}

static void on_changed(void *context)
{
	judge_all(context);
}

void trust_watch_see(struct trust_watch *watch, bool mutating, struct str json)
{
	struct buf *copy = &watch->configurations[mutating ? MUTATING : VALIDATING].json;
	buf_reset(copy);
	buf_str(copy, json);
	judge_all(watch);
}

void trust_watch_serve(struct trust_watch *watch, struct str chain)
{
	if (!watch)
		return;
	pthread_mutex_lock(&watch->mutex);
	buf_reset(&watch->chain);
	buf_str(&watch->chain, chain);
	pthread_mutex_unlock(&watch->mutex);
	kube_loop_post(watch->loop, &watch->changed);
}

struct trust_watch *trust_watch_create(struct kube_loop *loop, struct log *log, struct error *err)
{
	struct trust_watch *watch = calloc(1, sizeof *watch);
	if (!watch) {
		error_set(err, "there is not enough memory to watch who trusts the certificate");
		return NULL;
	}
	watch->loop = loop;
	watch->log = log;
	watch->changed = (struct kube_task){.run = on_changed, .context = watch};
	watch->again = (struct kube_timer){.run = on_changed, .context = watch};
	pthread_mutex_init(&watch->mutex, NULL);
	buf_init(&watch->chain, CERTS_PEM_MAX);
	for (int i = 0; i < KINDS; i++)
		buf_init(&watch->configurations[i].json, KUBE_STREAM_ITEM_MAX);
	return watch;
}

void trust_watch_destroy(struct trust_watch *watch)
{
	if (!watch)
		return;
	kube_timer_clear(watch->loop, &watch->again);
	for (int i = 0; i < KINDS; i++)
		buf_release(&watch->configurations[i].json);
	buf_release(&watch->chain);
	pthread_mutex_destroy(&watch->mutex);
	free(watch);
}

static const struct metric untrusted = {
    .name = "gpugate_certificate_untrusted",
    .type = METRIC_GAUGE,
    .unit = "0 or 1",
    .help = "1 while a registered webhook's caBundle or address does not fit the certificate that is served.",
    .labels = {{"configuration", kinds}},
    .details = "The webhook, as it is registered, does not accept the certificate that this replica serves: by its "
	       "`caBundle`, or by the name or address at which it is called. A webhook with a `url` and no `caBundle` "
	       "is not checked.",
    .alerts = "GpugateCertificateUntrusted",
};

const struct metric_set trust_watch_metrics = {"Certificate trust",
					       "With an API server, like the metrics of Registration. A configuration "
					       "has no sample while its state is unknown, and "
					       "if it does not exist.",
					       &untrusted, 1};

void trust_watch_metrics_render(void *context, struct buf *out)
{
	struct trust_watch *watch = context;
	metric_head(out, &untrusted);
	for (size_t i = 0; i < KINDS; i++) {
		int state = atomic_load(&watch->configurations[i].state);
		if (state != UNKNOWN)
			metric_integer(out, &untrusted, i, state == UNTRUSTED);
	}
}
