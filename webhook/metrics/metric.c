#include "webhook/metrics/metric.h"

const char *metric_type_name(enum metric_type type)
{
	static const char *const names[] = {
	    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
	return names[type];
}

size_t metric_label_count(const struct metric *metric)
{
	size_t count = 0;
	while (count < METRIC_LABELS_MAX && metric->labels[count].name)
		count++;
	return count;
}

void metric_head(struct buf *out, const struct metric *metric)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		   metric_type_name(metric->type));
}

/* Appends the value of a label, quoted and escaped. */
static void print_quoted(struct buf *out, struct str value)
{
	buf_char(out, '"');
	for (size_t i = 0, start = 0; i <= value.len; i++) {
		bool end = i == value.len;
		char c = end ? '\0' : value.ptr[i];
		if (!end && c != '"' && c != '\\' && c != '\n')
			continue;
		buf_add(out, value.ptr + start, i - start);
		if (!end)
			buf_add(out, (char[]){'\\', c == '\n' ? 'n' : c}, 2);
		start = i + 1;
	}
	buf_char(out, '"');
}

static void print_label(struct buf *out, bool first, const char *name, struct str value)
{
	buf_printf(out, "%c%s=", first ? '{' : ',', name);
	print_quoted(out, value);
}

void metric_sample_of(struct buf *out, const struct metric *metric, const char *suffix, const struct str *values,
		      const char *le)
{
	size_t count = metric_label_count(metric);
	buf_text(out, metric->name);
	buf_text(out, suffix);
	for (size_t i = 0; i < count; i++)
		print_label(out, i == 0, metric->labels[i].name, values[i]);
	if (le)
		print_label(out, count == 0, "le", str_of(le));
	buf_text(out, count > 0 || le ? "} " : " ");
}

void metric_sample(struct buf *out, const struct metric *metric, const struct str *values)
{
	metric_sample_of(out, metric, "", values, NULL);
}

static size_t value_count(const struct metric_label *label)
{
	size_t count = 0;
	while (label->values && label->values[count])
		count++;
	return count;
}

size_t metric_combinations(const struct metric *metric)
{
	size_t count = 1;
	for (size_t i = metric_label_count(metric); i-- > 0;)
		count *= value_count(&metric->labels[i]);
	return count;
}

void metric_combination(const struct metric *metric, size_t index, struct str values[static METRIC_LABELS_MAX])
{
	for (size_t i = metric_label_count(metric); i-- > 0;) {
		size_t count = value_count(&metric->labels[i]);
		values[i] = str_of(metric->labels[i].values[index % count]);
		index /= count;
	}
}

static void begin(struct buf *out, const struct metric *metric, size_t index)
{
	struct str values[METRIC_LABELS_MAX] = {{NULL, 0}};
	metric_combination(metric, index, values);
	metric_sample(out, metric, values);
}

void metric_integer(struct buf *out, const struct metric *metric, size_t index, int64_t number)
{
	begin(out, metric, index);
	buf_printf(out, "%lld\n", (long long)number);
}

void metric_integers(struct buf *out, const struct metric *metric, const int64_t *numbers)
{
	size_t count = metric_combinations(metric);
	metric_head(out, metric);
	for (size_t i = 0; i < count; i++)
		metric_integer(out, metric, i, numbers[i]);
}

void metric_seconds(struct buf *out, const struct metric *metric, const int64_t *milliseconds)
{
	size_t count = metric_combinations(metric);
	metric_head(out, metric);
	for (size_t i = 0; i < count; i++) {
		begin(out, metric, i);
		buf_printf(out, "%.3f\n", (double)milliseconds[i] / 1000);
	}
}
