#include "webhook/cluster/claims_api.h"

#include <stdio.h>

#include "webhook/cluster/state.h"
#include "webhook/json/field.h"

#define GROUP_PATH "/apis/resource.k8s.io"
#define ANSWER_MS 4000
#define ANSWER_MAX ((size_t)64 << 10)
/* Ask again after a failure, and after an answer. */
#define RETRY_MS 2000
#define AGAIN_MS 60000

/* Versions of the API group, the preferred one first. */
static const struct served_version {
	const char *version, *path;
} versions[] = {
    {"v1", GROUP_PATH "/v1/resourceclaims"},
    {"v1beta2", GROUP_PATH "/v1beta2/resourceclaims"},
    {"v1beta1", GROUP_PATH "/v1beta1/resourceclaims"},
};
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

/* Returns the path of the preferred version that is served; NULL: none is. */
static const char *path_of(const struct group *group)
{
	for (size_t i = 0; i < VERSIONS; i++)
		for (uint32_t k = 0; k < group->version_count; k++)
			if (str_eq(group->versions[k].version, str_of(versions[i].version)))
				return versions[i].path;
	return NULL;
}

static void set_state(struct ledger_cluster *cluster, enum claims_api_state state)
{
	pthread_mutex_lock(&cluster->mutex);
	cluster->claims_api.state = state;
	pthread_mutex_unlock(&cluster->mutex);
}

/*
 * Claims that are already followed stay in the view if the API group disappears: nothing would
 * report that they are gone.
 */
static void take_path(struct ledger_cluster *cluster, const char *path)
{
	struct claims_api *api = &cluster->claims_api;
	struct kube_watch *watch = cluster->watches[WATCH_CLAIMS];
	bool started = api->path;
	if (!path) {
		if (!started)
			set_state(cluster, CLAIMS_API_ABSENT);
		return;
	}
	if (api->path == path)
		return;
	api->path = path;
	kube_watch_set_path(watch, path);
	set_state(cluster, CLAIMS_API_SERVED);
	if (started)
		kube_watch_relist(watch);
	else
		kube_watch_start(watch);
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
	api->again_ms = kube_now_ms() + (good ? AGAIN_MS : RETRY_MS);
	if (good)
		take_path(cluster, path_of(&group));
	else if (api->state == CLAIMS_API_UNKNOWN) {
		char text[600];
		snprintf(text, sizeof text,
			 "whether the cluster has ResourceClaims is not known, so nothing can be decided yet: "
			 "GET " GROUP_PATH ": %s",
			 response->problem ? response->problem : "the answer cannot be read");
		cluster_log(cluster, LOG_ERROR, "claims_unknown", text);
	}
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
	int64_t again_ms = cluster->claims_api.again_ms;
	if (again_ms && now_ms >= again_ms)
		claims_api_ask(cluster);
}
