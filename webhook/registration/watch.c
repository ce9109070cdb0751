#include "webhook/registration/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "webhook/json/scan.h"
#include "webhook/kube/stream.h"
#include "webhook/kube/watch.h"

enum kind { MUTATING, VALIDATING, KINDS };

/*
 * CURRENT: the configuration matches the policy; it may be missing if the policy needs none.
 * UNANSWERED: see enum registration_state.
 */
enum state { UNKNOWN, MISSING, STALE, UNANSWERED, CURRENT };

static const struct {
	const char *name, *path;
} kinds[KINDS] = {
    [MUTATING] = {"mutating", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"},
    [VALIDATING] = {"validating", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"},
};

struct configuration {
	struct registration_watch *all;
	enum kind kind;
	struct kube_watch *watch;
	bool synced;     /* Whether the object exists is known. */
	struct buf json; /* The object; empty if there is none. */
	char why[REGISTRATION_WHY_MAX];
	atomic_int state; /* An enum state. */
	atomic_bool installed;
};

struct registration_watch {
	struct registration_watch_options options;
	struct configuration configurations[KINDS];
	struct kube_task rebased;
	pthread_mutex_t mutex; /* Guards `policy`. */
	const struct policy *policy;
};

/* --- Comparing --- */

static void log_state(const struct configuration *configuration, enum state state, const char *message)
{
	const struct log_field fields[] = {
	    {.key = "configuration", .text = str_of(kinds[configuration->kind].name)},
	    {.key = "message", .text = str_of(message)},
	};
	log_event(configuration->all->options.log, state == CURRENT ? LOG_INFO : LOG_WARN,
		  state == CURRENT ? "registration_current" : "registration_stale", fields,
		  sizeof fields / sizeof *fields);
}

static enum state judge(struct configuration *configuration, char why[static REGISTRATION_WHY_MAX])
{
	struct registration_watch *all = configuration->all;
	bool mutating = configuration->kind == MUTATING;
	struct registration registration = all->options.registration;
	struct error err = {0};
	bool missing = configuration->json.len == 0;
	pthread_mutex_lock(&all->mutex);
	registration.policy = all->policy;
	policy_retain(registration.policy);
	pthread_mutex_unlock(&all->mutex);
	struct str json = missing ? STR("{}") : buf_view(&configuration->json);
	int result = registration_compare(&registration, mutating, json, why, &err);
	policy_release(registration.policy);
	/* A policy that needs no webhook of this kind is CURRENT without the object. */
	if (missing && result != 0) {
		registration_missing(mutating, why);
		return MISSING;
	}
	if (result < 0)
		snprintf(why, REGISTRATION_WHY_MAX, "%.*s", REGISTRATION_WHY_MAX - 1, err.text);
	return result == REGISTRATION_CURRENT ? CURRENT : result == REGISTRATION_UNANSWERED ? UNANSWERED : STALE;
}

/* Compares one configuration and logs changes. */
static void compare(struct configuration *configuration)
{
	char why[REGISTRATION_WHY_MAX] = "";
	if (!configuration->synced)
		return;
	enum state before = (enum state)atomic_load(&configuration->state), now = judge(configuration, why);
	if (now == CURRENT && before != UNKNOWN && before != CURRENT)
		log_state(configuration, now, "the configuration is what the policy needs");
	else if (now != CURRENT && (before != now || strcmp(why, configuration->why) != 0))
		log_state(configuration, now, why);
	memcpy(configuration->why, why, sizeof why);
	atomic_store(&configuration->installed, configuration->json.len > 0);
	atomic_store(&configuration->state, now);
}

static void on_rebased(void *context)
{
	struct registration_watch *all = context;
	for (int i = 0; i < KINDS; i++)
		compare(&all->configurations[i]);
}

void registration_watch_rebase(struct registration_watch *watch, const struct policy *policy)
{
	if (!watch)
		return;
	policy_retain(policy);
	pthread_mutex_lock(&watch->mutex);
	const struct policy *before = watch->policy;
	watch->policy = policy;
	pthread_mutex_unlock(&watch->mutex);
	policy_release(before);
	kube_loop_post(watch->options.loop, &watch->rebased);
}

void registration_watch_again(struct registration_watch *watch)
{
	if (watch)
		kube_loop_post(watch->options.loop, &watch->rebased);
}

const char *registration_watch_unready(const struct registration_watch *watch)
{
	for (int i = 0; watch && i < KINDS; i++)
		if (atomic_load(&watch->configurations[i].state) == UNANSWERED)
			return "the API server asks at a path that this replica does not answer: the path secret in "
			       "the webhook configurations differs from that of --path-secret.";
	return NULL;
}

/* --- Events of the watch --- */

static void on_begin(void *context)
{
	struct configuration *configuration = context;
	configuration->synced = false;
	buf_reset(&configuration->json);
}

static void tell(const struct configuration *configuration)
{
	const struct registration_watch_options *options = &configuration->all->options;
	if (options->seen && configuration->synced)
		options->seen(options->context, configuration->kind == MUTATING,
			      configuration->json.len ? buf_view(&configuration->json) : (struct str){NULL, 0});
}

static void on_listed(void *context, struct str json)
{
	struct configuration *configuration = context;
	buf_reset(&configuration->json);
	buf_str(&configuration->json, json);
	compare(configuration);
	tell(configuration);
}

static void on_synced(void *context, uint64_t version)
{
	struct configuration *configuration = context;
	(void)version;
	configuration->synced = true;
	compare(configuration);
	tell(configuration);
}

static void on_changed(void *context, bool gone, struct str json)
{
	struct configuration *configuration = context;
	if (!gone) {
		on_listed(context, json);
		return;
	}
	buf_reset(&configuration->json);
	compare(configuration);
	tell(configuration);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

/* --- Life cycle --- */

static int open_watch(struct configuration *configuration, struct error *err)
{
	const struct registration_watch_options *options = &configuration->all->options;
	const struct kube_watch_options how = {
	    .name =
		configuration->kind == MUTATING ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations",
	    .path = kinds[configuration->kind].path,
	    .query = "fieldSelector=metadata.name%3Dgpugate",
	    .events = {on_begin, on_listed, on_synced, on_changed, on_bookmark, configuration},
	    .log = options->log,
	};
	buf_init(&configuration->json, KUBE_STREAM_ITEM_MAX);
	configuration->watch = kube_watch_create(options->loop, options->client, &how, err);
	if (!configuration->watch)
		return -1;
	kube_watch_start(configuration->watch);
	return 0;
}

struct registration_watch *registration_watch_create(const struct registration_watch_options *options,
						     struct error *err)
{
	struct registration_watch *watch = calloc(1, sizeof *watch);
	if (!watch) {
		error_set(err, "there is no memory to watch the webhook configurations");
		return NULL;
	}
	watch->options = *options;
	watch->policy = options->registration.policy;
	policy_retain(watch->policy);
	pthread_mutex_init(&watch->mutex, NULL);
	watch->rebased = (struct kube_task){.run = on_rebased, .context = watch};
	for (int i = 0; i < KINDS; i++) {
		watch->configurations[i].all = watch;
		watch->configurations[i].kind = (enum kind)i;
		if (open_watch(&watch->configurations[i], err) < 0) {
			registration_watch_destroy(watch);
			return NULL;
		}
	}
	return watch;
}

void registration_watch_destroy(struct registration_watch *watch)
{
	if (!watch)
		return;
	for (int i = 0; i < KINDS; i++) {
		kube_watch_destroy(watch->configurations[i].watch);
		buf_release(&watch->configurations[i].json);
	}
	policy_release(watch->policy);
	pthread_mutex_destroy(&watch->mutex);
	free(watch);
}

bool registration_watch_state(const struct registration_watch *watch, bool mutating, bool *installed, bool *stale)
{
	if (!watch)
		return false;
	const struct configuration *configuration = &watch->configurations[mutating ? MUTATING : VALIDATING];
	int state = atomic_load(&configuration->state);
	*installed = atomic_load(&configuration->installed);
	*stale = state != CURRENT;
	return state != UNKNOWN;
}

/* --- Metrics --- */

#define SHOWN                                                                                                          \
	"With an API server: `--ledger cluster`, `--certs self-managed`, or `--kubeconfig`. A configuration has no "   \
	"sample while its state is unknown."

enum row { IS_STALE, IS_INSTALLED, ROWS };

#define CONFIGURATION_LABEL                                                                                            \
	{                                                                                                              \
		{                                                                                                      \
			"configuration", METRIC_VALUES("mutating", "validating")                                       \
		}                                                                                                      \
	} /* By enum kind. */

static const struct metric rows[ROWS] = {
    [IS_STALE] = {.name = "gpugate_registration_stale",
		  .type = METRIC_GAUGE,
		  .unit = "0 or 1",
		  .help = "1 while the webhook configuration in the cluster is not what the policy in force needs, or "
			  "missing.",
		  .labels = CONFIGURATION_LABEL,
		  .alerts = "GpugateRegistrationStale"},
    [IS_INSTALLED] = {.name = "gpugate_registration_installed",
		      .type = METRIC_GAUGE,
		      .unit = "0 or 1",
		      .help = "1 while the cluster has the webhook configuration.",
		      .labels = CONFIGURATION_LABEL,
		      .alerts = "GpugateNotRegistered"},
};

const struct metric_set registration_watch_metrics = {"Registration", SHOWN, METRIC_ROWS(rows)};

void registration_watch_metrics_render(void *context, struct buf *out)
{
	struct registration_watch *watch = context;
	for (enum row row = IS_STALE; row < ROWS; row++) {
		metric_head(out, &rows[row]);
		for (size_t i = 0; i < KINDS; i++) {
			struct configuration *configuration = &watch->configurations[i];
			int state = atomic_load(&configuration->state);
			if (state != UNKNOWN)
				metric_integer(out, &rows[row], i,
					       row == IS_STALE ? state != CURRENT
							       : atomic_load(&configuration->installed));
		}
	}
}
