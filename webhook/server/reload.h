/* serve_watch: which files `gpugate serve` watches, and what is called after a change of them. */
#ifndef WEBHOOK_SERVER_RELOAD_H
#define WEBHOOK_SERVER_RELOAD_H

#include "webhook/base/file_watch.h"
#include "webhook/server/options.h"

/* Called on the watch's thread, each after a change of its files. */
struct serve_watch_hooks {
	void (*policy)(void *context);
	void (*certificates)(void *context);
	void (*path_secret)(void *context);
	void *context;
};

/* Returns new, not started, with the state of the files noted; NULL with an error. Borrows the log and the hooks' context. */
struct watch *serve_watch_create(const struct serve_options *options, const struct serve_watch_hooks *hooks,
				 struct log *log, struct error *err);

#endif
