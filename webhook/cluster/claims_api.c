#include "webhook/cluster/claims_api.h"

#include <stdio.h>

#include "webhook/base/claim_versions.h"
#include "webhook/cluster/state.h"
#include "webhook/json/field.h"

#define GROUP_PATH "/apis/" CLAIM_GROUP
#define ANSWER_MS 4000
#define ANSWER_MAX ((size_t)64 << 10)
/* Ask again after a failure, and after an answer. */
#define RETRY_MS 2000
#define AGAIN_MS 60000
/* Answers in a row that no version is served, before the claims that were there are gone. */
#define MISSING_MAX 5

#define SERVED(version) {(version), CLAIM_PATH(version), DEVICE_CLASS_PATH(version), RESOURCE_SLICE_PATH(version)},
static const struct served_version {
	const char *version, *path, *classes_path, *slices_path;
} versions[] = {CLAIM_VERSIONS(SERVED)};
#define VERSIONS (sizeof versions / sizeof *versions)

struct group_version {
	struct str version;
};

struct group {
	const struct group_version *versions;
	uint32_t version_count;
};

static const struct field version_fields[] = {
    {FIELD_KEY("version"), .read = field_string, .offset = offsetof(struct group_version, version)},
};
static const struct shape version_shape = SHAPE(version_fields, sizeof(struct group_version));

static const struct field group_fields[] = {
    {FIELD_KEY("versions"), .read = field_list, .offset = offsetof(struct group, versions), .shape = &version_shape,
     .count = offsetof(struct group, version_count)},
};
static const struct shape group_shape = SHAPE(group_fields, 0);

/* Returns the preferred version that is served; NULL: none is. */
static const struct served_version *find_version(const struct group *group)
{
	for (size_t i = 0; i < VERSIONS; i++)
		for (uint32_t k = 0; k < group->version_count; k++)
			if (str_eq(group->versions[k].version, str_of(versions[i].version)))
				return &versions[i];
	return NULL;
}

static void set_state(struct ledger_cluster *cluster, enum claims_api_state state)
{
	pthread_mutex_lock(&cluster->mutex);
	cluster->claims_api.state = state;
	ledger_set_absent(cluster->ledger, CONSUMER_CLAIM, state == CLAIMS_API_ABSENT, kube_now_ms());
	pthread_mutex_unlock(&cluster->mutex);
}

/*
 * No version is served. If one was, several answers have to say so, since API servers may differ.
 */
static void note_missing(struct ledger_cluster *cluster)
{
	struct claims_api *api = &cluster->claims_api;
	if (api->state == CLAIMS_API_ABSENT || (api->state == CLAIMS_API_SERVED && ++api->missing < MISSING_MAX))
		return;
	if (api->state == CLAIMS_API_SERVED)
		cluster_log(cluster, LOG_WARN, "claims_absent",
			    "the API server does not serve ResourceClaims any more; they do not count until it does");
	set_state(cluster, CLAIMS_API_ABSENT);
	classes_serve(cluster, NULL);
	slices_serve(cluster, NULL);
	view_note(cluster, LEDGER_FREED, STR(""));
}

static void take_version(struct ledger_cluster *cluster, const struct served_version *version)
{
	struct claims_api *api = &cluster->claims_api;
	struct kube_watch *watch = cluster->watches[WATCH_CLAIMS];
	api->missing = 0;
	if (api->path == version->path && api->state == CLAIMS_API_SERVED)
		return;
	classes_serve(cluster, version->classes_path);
	slices_serve(cluster, version->slices_path);
	pthread_mutex_lock(&cluster->mutex);
	cluster->synced[WATCH_CLAIMS] = false; /* Nothing is decided before the list from there. */
	pthread_mutex_unlock(&cluster->mutex);
	api->path = version->path;
	kube_watch_set_path(watch, version->path);
	set_state(cluster, CLAIMS_API_SERVED);
	if (api->started)
		kube_watch_relist(watch);
	else
		kube_watch_start(watch);
	api->started = true;
}

/*
 * Ask soon after a failure, while the answers say that claims are missing that were there, and
 * while another replica counts claims that this one does not find.
 */
static bool is_in_doubt(struct ledger_cluster *cluster)
{
	const struct claims_api *api = &cluster->claims_api;
	pthread_mutex_lock(&cluster->mutex);
	uint64_t version = ledger_version(cluster->ledger, CONSUMER_CLAIM);
	pthread_mutex_unlock(&cluster->mutex);
	return api->state == CLAIMS_API_UNKNOWN || (api->state == CLAIMS_API_SERVED && api->missing) ||
	       (api->state == CLAIMS_API_ABSENT && version);
}

static void on_answer(void *context, const struct kube_response *response)
{
	struct ledger_cluster *cluster = context;
	struct claims_api *api = &cluster->claims_api;
	struct group group = {.version_count = 0};
	struct reader reader;
	api->asking = false;
	arena_reset(&cluster->scratch);
	bool good = response->status == 404;
	if (response->status == 200) {
		reader_init(&reader, response->body.ptr, response->body.len, &cluster->scratch);
		good = reader_object(&reader, &group_shape, &group) == 0;
	}
	const struct served_version *version = good ? find_version(&group) : NULL;
	if (version)
		take_version(cluster, version);
	else if (good)
		note_missing(cluster);
	else if (api->state == CLAIMS_API_UNKNOWN) {
		char text[600];
		snprintf(text, sizeof text,
			 "whether the cluster has ResourceClaims is not known, so nothing can be decided yet: "
			 "GET " GROUP_PATH ": %s",
			 response->problem ? response->problem : "the answer cannot be read");
		cluster_log(cluster, LOG_ERROR, "claims_unknown", text);
	}
	api->again_ms = kube_now_ms() + (good && !is_in_doubt(cluster) ? AGAIN_MS : RETRY_MS);
	cluster->step(cluster);
}

void claims_api_ask(struct ledger_cluster *cluster)
{
	struct claims_api *api = &cluster->claims_api;
	if (api->asking)
		return;
	api->asking = true;
	kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
							       .path = GROUP_PATH,
							       .timeout_ms = ANSWER_MS,
							       .body_max = ANSWER_MAX,
							       .retry = true,
							       .done = on_answer,
							       .context = cluster});
}

void claims_api_tick(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct claims_api *api = &cluster->claims_api;
	if (api->again_ms > now_ms + RETRY_MS && is_in_doubt(cluster))
		api->again_ms = now_ms + RETRY_MS;
	if (api->again_ms && now_ms >= api->again_ms)
		claims_api_ask(cluster);
}
