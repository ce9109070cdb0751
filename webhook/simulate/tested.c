#include "webhook/simulate/tested.h"

#include <stdlib.h>
#include <string.h>

#include "gpugate/report.h"

void tested_init(struct tested *tested, const char *const *paths, size_t path_count)
{
	*tested = (struct tested){.paths = paths, .path_count = path_count};
	pthread_mutex_init(&tested->lock, NULL);
}

void tested_release(struct tested *tested)
{
	for (struct tested_policy *next, *policy = tested->loaded; policy; policy = next) {
		next = policy->next;
		coverage_release(&policy->parts);
		policy_release(policy->policy);
		free(policy->location);
		free(policy);
	}
	tested->loaded = NULL;
	pthread_mutex_destroy(&tested->lock);
}

static struct policy *load(const char *const *paths, size_t count, struct error *err)
{
	struct report *report = malloc(sizeof *report);
	if (!report) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	report_init(report);
	struct policy *policy = policy_load(paths, count, report);
	if (!policy && report->count) {
		const struct finding *first = &report->findings[0];
		error_set(err,
			  "the policy %.200s has errors, the first of them at %.*s:%u: %.*s; `gpugate lint` shows all",
			  paths[0], STR_ARG(first->file), first->line, STR_ARG(first->text));
	} else if (!policy) {
		error_set(err, "the policy %.200s cannot be loaded; `gpugate lint` says why", paths[0]);
	}
	report_release(report);
	free(report);
	return policy;
}

/*
 * Finds out where a policy is, so that one that is named in two ways is loaded and counted once.
 * `path` is NULL for that of --policy. `found`, new, is NULL for several files of --policy. Returns
 * 0, or -1 without memory.
 */
static int find_location(const struct tested *tested, const char *path, char **found)
{
	*found = NULL;
	if (!path && tested->path_count != 1)
		return 0;
	const char *named = path ? path : tested->paths[0];
	*found = realpath(named, NULL);
	if (!*found) /* Loading it says why. */
		*found = strdup(named);
	return *found ? 0 : -1;
}

static bool is_at(const struct tested_policy *policy, const char *location)
{
	return location && policy->location ? strcmp(location, policy->location) == 0 : !location && !policy->location;
}

static struct tested_policy *load_new(const struct tested *tested, const char *path, struct error *err)
{
	struct tested_policy *fresh = calloc(1, sizeof *fresh);
	if (!fresh) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	fresh->policy = path ? load(&path, 1, err) : load(tested->paths, tested->path_count, err);
	if (fresh->policy && coverage_init(&fresh->parts, fresh->policy, err) == 0)
		return fresh;
	policy_release(fresh->policy);
	free(fresh);
	return NULL;
}

/* `location` is taken. */
static struct tested_policy *find_or_load(struct tested *tested, const char *path, char *location, struct error *err)
{
	struct tested_policy **link = &tested->loaded;
	while (*link && !is_at(*link, location))
		link = &(*link)->next;
	if (!*link && (*link = load_new(tested, path, err))) {
		(*link)->location = location;
		location = NULL;
	}
	free(location);
	return *link;
}

const struct tested_policy *tested_find(struct tested *tested, const char *path, struct error *err)
{
	char *location;
	if (find_location(tested, path, &location) < 0) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	pthread_mutex_lock(&tested->lock);
	struct tested_policy *found = find_or_load(tested, path, location, err);
	pthread_mutex_unlock(&tested->lock);
	return found;
}
