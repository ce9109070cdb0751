/* load_options: the command line of the load client, as a table. */
#include "tests/bench/load_options.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, COUNT, SECONDS, CREATE, CONNECT };

/* An option is stored at `offset`. A COUNT must be between `low` and `high`. */
static const struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	long low, high;
} rows[] = {
    {"connect", CONNECT, 0, 0, 0},
    {"ca", TEXT, offsetof(struct options, ca), 0, 0},
    {"path", TEXT, offsetof(struct options, path), 0, 0},
    {"token", TEXT, offsetof(struct options, token), 0, 0},
    {"create", CREATE, 0, 0, 0},
    {"delete", TEXT, offsetof(struct options, remove), 0, 0},
    {"connections", COUNT, offsetof(struct options, connections), 1, CONNECTIONS_MAX},
    {"alive", COUNT, offsetof(struct options, alive), 1, 1000000},
    {"rate", COUNT, offsetof(struct options, rate), 0, 1000000},
    {"status", COUNT, offsetof(struct options, status), 100, 599},
    {"requests", COUNT, offsetof(struct options, requests), 1, 1000000000},
    {"seconds", SECONDS, offsetof(struct options, seconds), 0, 0},
    {"warmup", SECONDS, offsetof(struct options, warmup), 0, 0},
};

#define ROWS (sizeof rows / sizeof *rows)

static long number(const char *option, const char *text, long low, long high)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < low || value > high)
		errx(2, "--%s %s: give a number from %ld to %ld", option, text, low, high);
	return value;
}

static double seconds(const char *option, const char *text)
{
	char *end;
	double value = strtod(text, &end);
	if (*end || end == text || !(value >= 0 && value <= 86400))
		errx(2, "--%s %s: give a number of seconds", option, text);
	return value;
}

static void parse_connect(struct options *options, char *text)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		errx(2, "--connect %s: give ADDRESS:PORT", text);
	*colon = '\0';
	options->host = text;
	options->port = (int)number("connect", colon + 1, 1, 65535);
}

static void store(struct options *options, const struct row *row, char *value)
{
	char *at = (char *)options + row->offset;
	switch (row->kind) {
	case TEXT:
		*(const char **)at = value;
		break;
	case COUNT:
		*(long *)at = number(row->name, value, row->low, row->high);
		break;
	case SECONDS:
		*(double *)at = seconds(row->name, value);
		break;
	case CREATE:
		if (options->create_count == STREAM_CREATES_MAX)
			errx(2, "at most %d --create", STREAM_CREATES_MAX);
		options->creates[options->create_count++] = value;
		break;
	case CONNECT:
		parse_connect(options, value);
		break;
	}
}

void options_parse(struct options *options, int argc, char **argv)
{
	struct option table[ROWS + 1] = {0};
	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct option){rows[i].name, required_argument, NULL, 0};
	*options = (struct options){
	    .path = "/validate", .connections = 8, .alive = 1000, .seconds = 3, .warmup = 0.5, .status = 200};
	for (int found, at = 0; (found = getopt_long(argc, argv, "", table, &at)) != -1;) {
		if (found != 0)
			exit(2);
		store(options, &rows[at], optarg);
	}
	if (!options->host || !options->ca || options->create_count == 0 || optind != argc)
		errx(2, "usage: load --connect ADDRESS:PORT --ca FILE --path PATH --create FILE... [--delete FILE]"
			" [--alive N] [--connections N] [--rate N] [--seconds S] [--warmup S] [--requests N]"
			" [--token FILE] [--status N]");
}
