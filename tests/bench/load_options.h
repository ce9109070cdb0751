/* load_options: the command line of the load client. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include "tests/bench/stream.h"

#define CONNECTIONS_MAX 1024

struct options {
	char *host; /* An IP address. Points into argv, as all strings do. */
	int port;
	const char *ca;
	const char *path;
	const char *token; /* Path of a file. NULL: no token is sent. */
	const char *creates[STREAM_CREATES_MAX];
	size_t create_count;
	const char *remove;
	long connections;
	long alive;
	long rate; /* Per second, over all connections. 0: closed loop. */
	double seconds;
	double warmup;
	long status;   /* The expected status of answers. */
	long requests; /* 0: until the time is over. */
};

/* Fills `options` from the command line. Exits with a message if it is invalid. */
void options_parse(struct options *options, int argc, char **argv);

#endif
