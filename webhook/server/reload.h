/* reload: the files that `gpugate serve` watches, and the callbacks for their changes. */
#ifndef WEBHOOK_SERVER_RELOAD_H
#define WEBHOOK_SERVER_RELOAD_H

#include "webhook/base/file_watch.h"
#include "webhook/server/options.h"

/* Each is called on the watch's thread after one of its files has changed. */
struct serve_watch_hooks {
	void (*policy)(void *context);
	void (*certificates)(void *context);
	void (*path_secret)(void *context);
	void *context;
};

/*
 * Records the state of the files and returns new, not started; NULL with an error. Borrows the log
 * and the context of the hooks.
 */
struct watch *serve_watch_create(const struct serve_options *options, const struct serve_watch_hooks *hooks,
				 struct log *log, struct error *err);

#endif
