/*
 * load_options: what the load client's command line says.
 */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include "tests/bench/stream.h"

#define CONNECTIONS_MAX 1024

struct options {
	char *host; /* an address; points into argv, as all strings do */
	int port;
	const char *ca;
	const char *path;
	const char *token; /* a file; NULL: none is sent */
	const char *creates[STREAM_CREATES_MAX];
	size_t create_count;
	const char *remove;
	long connections;
	long alive;
	long rate; /* per second, all connections together; 0: closed loop */
	double seconds;
	double warmup;
	long status;   /* of the answers that are expected */
	long requests; /* 0: until the seconds are over */
};

/* Fills `options` from the command line; ends the program with a sentence when it cannot. */
void options_parse(struct options *options, int argc, char **argv);

#endif
