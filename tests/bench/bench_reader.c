/*
 * bench_reader: compares the speed of the review reader and jansson on real reviews.
 *
 *     bench_reader [FOLDER (default tests/reviews)] [ROUNDS (default 3)]
 *
 * Both read every *.json file of the folder, alternating within each round. The median round
 * counts. Standard output gets one line for all files and one for those of at least 5,000 bytes,
 * each a JSON object.
 *
 * Further lines are for streams of the API server: the folder's Pods as a list and as a watch, in
 * pieces as they arrive from a socket. They are read by the splitter alone, and by splitter and
 * reader. Exits with 0, or 2 if it could not run.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "tests/bench/pods.h"
#include "webhook/kube/stream.h"
#include "webhook/object/review.h"

#define FILES_MAX 256
#define ROUNDS_MAX 99
#define LARGE_BYTES 5000
/* Time of one reader within a round. */
#define SLICE_NS 150000000
/* Size of a piece: libcurl's receive buffer. */
#define PIECE_BYTES 16384

struct file {
	char *bytes; /* Followed by REVIEW_PADDING. */
	size_t len;
};

struct files {
	struct file items[FILES_MAX];
	size_t count;
	size_t bytes;
};

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int load_file(const char *path, struct file *file)
{
	FILE *in = fopen(path, "rb");
	if (!in)
		return -1;
	file->bytes = malloc(1 << 20);
	file->len = file->bytes ? fread(file->bytes, 1, (1 << 20) - REVIEW_PADDING, in) : 0;
	fclose(in);
	return file->len ? 0 : -1;
}

static int load_folder(const char *folder, struct files *files)
{
	DIR *dir = opendir(folder);
	if (!dir) {
		fprintf(stderr, "bench_reader: %s: %s\n", folder, strerror(errno));
		return -1;
	}
	for (struct dirent *entry; (entry = readdir(dir)) && files->count < FILES_MAX;) {
		char path[4096];
		if (!str_ends(str_of(entry->d_name), STR(".json")))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (load_file(path, &files->items[files->count]) < 0) {
			fprintf(stderr, "bench_reader: %s cannot be read\n", path);
			closedir(dir);
			return -1;
		}
		files->bytes += files->items[files->count++].len;
	}
	closedir(dir);
	return files->count ? 0 : -1;
}

static int with_reader(const struct files *files, struct arena *arena)
{
	static struct review review;
	for (size_t i = 0; i < files->count; i++) {
		struct error err = {.text = ""};
		arena_reset(arena);
		if (review_read(files->items[i].bytes, files->items[i].len, arena, &review, &err) < 0) {
			fprintf(stderr, "bench_reader: %s\n", err.text);
			return -1;
		}
	}
	return 0;
}

static int with_jansson(const struct files *files, struct arena *arena)
{
	(void)arena;
	for (size_t i = 0; i < files->count; i++) {
		json_t *tree = json_loadb(files->items[i].bytes, files->items[i].len, JSON_REJECT_DUPLICATES, NULL);
		if (!tree)
			return -1;
		json_decref(tree);
	}
	return 0;
}

/* Returns MB (10^6 bytes) per second, or -1. */
static double speed(const struct files *files, struct arena *arena, int (*read)(const struct files *, struct arena *))
{
	int64_t start = now_ns(), spent;
	double bytes = 0;
	do {
		if (read(files, arena) < 0)
			return -1;
		bytes += (double)files->bytes;
		spent = now_ns() - start;
	} while (spent < SLICE_NS);
	return bytes * 1e3 / (double)spent;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int report(const char *name, const struct files *files, int rounds)
{
	double ours[ROUNDS_MAX], theirs[ROUNDS_MAX];
	struct arena arena;
	arena_init(&arena, 64 << 10, 64 << 20);
	for (int i = 0; i < rounds; i++) {
		ours[i] = speed(files, &arena, with_reader);
		theirs[i] = speed(files, &arena, with_jansson);
		if (ours[i] < 0 || theirs[i] < 0)
			return -1;
	}
	arena_release(&arena);
	qsort(ours, (size_t)rounds, sizeof *ours, ascending);
	qsort(theirs, (size_t)rounds, sizeof *theirs, ascending);
	double a = ours[rounds / 2], b = theirs[rounds / 2];
	printf(
	    "{\"bench\":\"%s\",\"files\":%zu,\"bytes\":%zu,\"reader_mb_s\":%.1f,\"jansson_mb_s\":%.1f,\"ratio\":%.1f,"
	    "\"reader_us_per_review\":%.2f}\n",
	    name, files->count, files->bytes, a, b, a / b, (double)files->bytes / (double)files->count / a);
	return 0;
}

static int ignore_pod(void *context, struct str type, struct str json, struct error *err)
{
	(void)context, (void)type, (void)json, (void)err;
	return 0;
}

static int read_pod(void *context, struct str type, struct str json, struct error *err)
{
	static struct pod pod;
	(void)type;
	arena_reset(context);
	return review_read_pod(json.ptr, json.len, context, &pod, err);
}

/* Returns MB per second, or -1. */
static double stream_speed(const struct buf *text, enum kube_stream_kind kind, struct arena *arena,
			   int (*item)(void *, struct str, struct str, struct error *))
{
	int64_t start = now_ns(), spent;
	double bytes = 0;
	do {
		struct kube_stream stream;
		struct error err = {.text = ""};
		kube_stream_init(&stream, kind, item, arena);
		for (size_t at = 0; at < text->len && !err.text[0]; at += PIECE_BYTES) {
			size_t left = text->len - at;
			kube_stream_feed(&stream, text->ptr + at, left < PIECE_BYTES ? left : PIECE_BYTES, &err);
		}
		kube_stream_finish(&stream, &err);
		kube_stream_release(&stream);
		if (err.text[0]) {
			fprintf(stderr, "bench_reader: %s\n", err.text);
			return -1;
		}
		bytes += (double)text->len;
		spent = now_ns() - start;
	} while (spent < SLICE_NS);
	return bytes * 1e3 / (double)spent;
}

static int report_stream(const char *name, const struct buf *pods, enum kube_stream_kind kind, int rounds)
{
	double split[ROUNDS_MAX], read[ROUNDS_MAX];
	struct arena arena;
	struct buf text;
	buf_init(&text, 2 * PODS_STREAM_BYTES);
	arena_init(&arena, 64 << 10, 64 << 20);
	bool failed = pods_stream(pods, kind, &text) < 0;
	for (int i = 0; i < rounds && !failed; i++) {
		split[i] = stream_speed(&text, kind, &arena, ignore_pod);
		read[i] = stream_speed(&text, kind, &arena, read_pod);
		failed = split[i] < 0 || read[i] < 0;
	}
	if (!failed) {
		qsort(split, (size_t)rounds, sizeof *split, ascending);
		qsort(read, (size_t)rounds, sizeof *read, ascending);
		printf("{\"bench\":\"%s\",\"bytes\":%zu,\"split_mb_s\":%.1f,\"read_mb_s\":%.1f}\n", name, text.len,
		       split[rounds / 2], read[rounds / 2]);
	}
	arena_release(&arena);
	buf_release(&text);
	return failed ? -1 : 0;
}

/* Reports the speed for the reviews' Pods as a list and as a watch of the API server. */
static int report_streams(const struct files *files, int rounds)
{
	struct buf pods;
	buf_init(&pods, PODS_STREAM_BYTES);
	int result = 0;
	for (size_t i = 0; i < files->count && result == 0; i++)
		result = pods_add(&pods, files->items[i].bytes, files->items[i].len);
	if (result == 0)
		result = report_stream("list", &pods, KUBE_STREAM_LIST, rounds);
	if (result == 0)
		result = report_stream("watch", &pods, KUBE_STREAM_WATCH, rounds);
	buf_release(&pods);
	return result;
}

int main(int argc, char **argv)
{
	static struct files all, large;
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 3;
	if (rounds < 1 || rounds > ROUNDS_MAX || load_folder(argc > 1 ? argv[1] : "tests/reviews", &all) < 0)
		return 2;
	for (size_t i = 0; i < all.count; i++) {
		if (all.items[i].len >= LARGE_BYTES) {
			large.items[large.count++] = all.items[i];
			large.bytes += all.items[i].len;
		}
	}
	int result = report("reader", &all, (int)rounds);
	if (result == 0 && large.count)
		result = report("reader_large", &large, (int)rounds);
	if (result == 0)
		result = report_streams(&all, (int)rounds);
	for (size_t i = 0; i < all.count; i++)
		free(all.items[i].bytes);
	return result == 0 ? 0 : 2;
}
