/*
 * metric: the description of a metric family, and how a family is printed in the Prometheus text
 * format 0.0.4. Each part of the program declares its families as static const rows next to what
 * they measure. docs/reference/metrics.md is generated from these rows. Thread-safe: these
 * functions keep no state.
 */
#ifndef WEBHOOK_METRICS_METRIC_H
#define WEBHOOK_METRICS_METRIC_H

#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/str.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS_MAX 4

struct metric_label {
	const char *name;
	/* All values, ended by NULL. NULL if the program does not choose the values. */
	const char *const *values;
};

/* For metric_label.values. */
#define METRIC_VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A family. The strings are static. */
struct metric {
	const char *name;
	enum metric_type type;
	const char *unit; /* Of the value: "seconds", "reviews". */
	const char *help; /* One sentence, without a newline or a backslash. */
	/* In the order in which they are printed. */
	struct metric_label labels[METRIC_LABELS_MAX];

	/* For the reference page only; any of them may be NULL. */
	const char *details; /* More than `help` says; sentences in Markdown. */
	const char *alerts;  /* The names of the alerts that use it, separated by spaces. */
	const char *query;   /* Advice: sentences that contain PromQL expressions. */
};

/* The families that one render function prints. */
struct metric_set {
	const char *title; /* The heading on the reference page. */
	const char *shown; /* When the families are printed; a sentence. NULL: always. */
	const struct metric *metrics;
	size_t count;
};

/* For the last two members of struct metric_set: an array of rows. */
#define METRIC_ROWS(rows) (rows), sizeof(rows) / sizeof *(rows)

/* "counter", "gauge", or "histogram". */
const char *metric_type_name(enum metric_type type);
size_t metric_label_count(const struct metric *metric);

/* Appends the HELP and TYPE lines. They come before the samples, and only once. */
void metric_head(struct buf *out, const struct metric *metric);

/*
 * Begins a sample: appends its name, its labels, and a space. The caller appends the number and a
 * newline. `values` has one value for each label; each must be valid UTF-8.
 */
void metric_sample(struct buf *out, const struct metric *metric, const struct str *values);

/*
 * The same for a sample of a histogram. `suffix` is "_bucket", "_sum", or "_count"; `le` is the
 * bound of a bucket, or NULL.
 */
void metric_sample_of(struct buf *out, const struct metric *metric, const char *suffix, const struct str *values,
		      const char *le);

/*
 * Returns the number of combinations of label values: 1 without labels, 0 if there is a label whose
 * values the program does not choose.
 */
size_t metric_combinations(const struct metric *metric);

/* Gets the values of one combination, numbered from 0. The last label varies fastest. */
void metric_combination(const struct metric *metric, size_t index, struct str values[static METRIC_LABELS_MAX]);

/* Appends a whole sample: one combination, with an integer. */
void metric_integer(struct buf *out, const struct metric *metric, size_t index, int64_t number);

/* Append a whole family: the head, and a sample with its number for each combination. */
void metric_integers(struct buf *out, const struct metric *metric, const int64_t *numbers);
void metric_seconds(struct buf *out, const struct metric *metric, const int64_t *milliseconds);

#endif
