/*
 * bench_reader: how fast the review reader is beside jansson, on real reviews.
 *
 *     bench_reader [FOLDER (default tests/reviews)] [ROUNDS (default 3)]
 *
 * Both read every *.json of the folder, in turns within each round; the median round counts. One line for all files
 * and one for those of at least 5,000 bytes go to standard output, each a JSON object. Exit 0, or 2 if it could not run.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "webhook/review_read.h"

#define FILES_MAX 256
#define ROUNDS_MAX 99
#define LARGE_BYTES 5000
#define SLICE_NS 150000000 /* of one reader within a round */

struct file {
	char *bytes; /* REVIEW_PADDING follows */
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

/* MB (10^6 bytes) per second, or -1. */
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
	for (size_t i = 0; i < all.count; i++)
		free(all.items[i].bytes);
	return result == 0 ? 0 : 2;
}
