/* Replays the Pods of a cluster. */
#include <stdio.h>

#include "gpugate/policy.h"
#include "webhook/cmd/list_fetch.h"
#include "webhook/cmd/replay_input.h"

#define CLUSTER "the cluster"
#define FORBIDDEN_BYTES 256

struct listing {
	struct replay *replay;
	struct str kind; /* Of the list. */
};

static int begin(void *context, struct error *err)
{
	const struct listing *listing = context;
	(void)err;
	replay_restart_input(listing->replay);
	return 0;
}

static int take(void *context, struct str json, struct error *err)
{
	const struct listing *listing = context;
	const struct json_value value = {
	    .json = json, .line = 1, .list_kind = listing->kind, .list_version = {"v1", 2}};
	return replay_value(listing->replay, CLUSTER, &value, err);
}

static bool are_needed(bool (*needed)(const struct policy *), const struct replay_options *options)
{
	return !needed || needed(options->policy) || (options->against && needed(options->against));
}

/* Pods are last: the labels of the others decide about them. */
static const struct list {
	const char *path, *what;
	struct str kind;
	bool (*needed)(const struct policy *); /* NULL: always. */
} lists[] = {
    {"/api/v1/namespaces", "namespaces", {"NamespaceList", 13}, policy_reads_namespaces},
    {"/api/v1/nodes", "nodes", {"NodeList", 8}, policy_reads_nodes},
    {"/api/v1/pods", "pods", {"PodList", 7}, NULL},
};
#define LISTS (sizeof lists / sizeof lists[0])

/* Says which rights are needed for these policies, and no others. */
static void write_forbidden(const struct replay_options *options, char text[FORBIDDEN_BYTES])
{
	const char *needed[LISTS];
	size_t count = 0;
	for (size_t i = 0; i < LISTS; i++)
		if (are_needed(lists[i].needed, options))
			needed[count++] = lists[i].what;
	int len = snprintf(text, FORBIDDEN_BYTES, "a ClusterRole that allows `list` of ");
	for (size_t i = 0; i < count; i++)
		len += snprintf(text + len, FORBIDDEN_BYTES - (size_t)len, "%s%s",
				i == 0           ? ""
				: i + 1 == count ? " and "
						 : ", ",
				needed[i]);
	snprintf(text + len, FORBIDDEN_BYTES - (size_t)len, " lets this user replay them");
}

int replay_cluster(struct replay *replay, const struct replay_options *options, struct kube_config *config,
		   struct error *err)
{
	char forbidden[FORBIDDEN_BYTES];
	write_forbidden(options, forbidden);
	for (size_t i = 0; i < LISTS; i++) {
		struct listing listing = {replay, lists[i].kind};
		if (!are_needed(lists[i].needed, options))
			continue;
		const struct list_fetch fetch = {.path = lists[i].path,
						 .what = lists[i].what,
						 .forbidden = forbidden,
						 .begin = begin,
						 .item = take,
						 .context = &listing};
		if (list_fetch(config, &fetch, NULL, err) < 0)
			return -1;
	}
	return replay_end_input(replay, err);
}
