#include "webhook/server/reload.h"

#include <stdlib.h>

#include "webhook/base/git_head.h"

/* Watches the policy's paths, and the files that change when another commit is checked out. */
static int watch_policy(struct watch *watch, const struct serve_options *options, const struct serve_watch_hooks *hooks,
			struct error *err)
{
	const struct option_list *policies = &options->policies;
	const char **paths = calloc(policies->count * 3, sizeof *paths);
	if (!paths)
		return error_set(err, "not enough memory to watch the policy");
	size_t count = 0;
	for (size_t i = 0; i < policies->count; i++)
		paths[count++] = policies->items[i];
	for (size_t i = 0; i < policies->count; i++) {
		char *heads[2];
		size_t heads_count = git_head_files(policies->items[i], heads);
		for (size_t j = 0; j < heads_count; j++)
			paths[count++] = heads[j];
	}
	int result = watch_add(watch, paths, count, hooks->policy, hooks->context, err);
	for (size_t i = policies->count; i < count; i++)
		free((void *)paths[i]);
	free(paths);
	return result;
}

static int watch_certificates(struct watch *watch, const struct serve_options *options,
			      const struct serve_watch_hooks *hooks, struct error *err)
{
	const char *paths[3];
	size_t count = 0;
	if (options->certs == CERTS_KIND_FILES) {
		paths[count++] = options->tls_cert;
		paths[count++] = options->tls_key;
	}
	if (options->client_ca)
		paths[count++] = options->client_ca;
	return count ? watch_add(watch, paths, count, hooks->certificates, hooks->context, err) : 0;
}

static int watch_path_secret(struct watch *watch, const struct serve_options *options,
			     const struct serve_watch_hooks *hooks, struct error *err)
{
	const char *file = options->path_secret;
	return file ? watch_add(watch, &file, 1, hooks->path_secret, hooks->context, err) : 0;
}

struct watch *serve_watch_create(const struct serve_options *options, const struct serve_watch_hooks *hooks,
				 struct log *log, struct error *err)
{
	struct watch *watch = watch_create(log, WATCH_POLL_MS, err);
	if (watch && watch_policy(watch, options, hooks, err) == 0 &&
	    watch_certificates(watch, options, hooks, err) == 0 && watch_path_secret(watch, options, hooks, err) == 0)
		return watch;
	watch_destroy(watch);
	return NULL;
}
