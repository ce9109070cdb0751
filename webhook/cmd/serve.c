/* gpugate serve: starts the server, waits for a signal, and shuts it down. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "webhook/cmd/commands.h"
#include "webhook/server/server.h"

/* glibc's default, eight per processor, keeps more memory than the requests need. */
#define MALLOC_ARENAS 4
#define MALLOC_MMAP_BYTES (128 << 10)

/* All threads inherit the mask. Only this one receives signals, with sigwaitinfo. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void wait_for_end(struct serve *serve, const sigset_t *set)
{
	for (;;) {
		int number = sigwaitinfo(set, NULL);
		if (number == SIGHUP)
			serve_reload(serve);
		else if (number > 0)
			return;
	}
}

static int serve(const struct serve_options *options)
{
	struct error err = {0};
	sigset_t set;
	block_signals(&set);
	struct serve *serve = serve_create(options, &err);
	if (!serve) {
		fprintf(stderr, "gpugate serve: %s\n", err.text);
		return EXIT_FAILED;
	}
	malloc_trim(0);
	wait_for_end(serve, &set);
	serve_drain(serve);
	serve_destroy(serve);
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct serve_options options;
	int status = options_start(&serve_options_table, argc, argv, &options);
	if (status >= 0)
		return status;
	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	/*
	 * malloc does not raise an explicit threshold, so that the memory of a large review is
	 * returned to the system.
	 */
	mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_BYTES);
	status = serve(&options);
	options_release(&serve_options_table, &options);
	return status;
}

const struct command serve_command = {
    .name = "serve",
    .summary = "answer the API server's admission reviews",
    .group = GROUP_RUN,
    .options = &serve_options_table,
    .run = run,
};
