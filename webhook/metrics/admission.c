#include "webhook/metrics/admission.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "webhook/metrics/violations.h"

#define STATUS_FIRST 400
#define STATUS_LAST 599
#define NANOSECONDS 1000000000u

/* Upper bounds of the histogram buckets. `seconds` is the value of the `le` label. */
static const struct bound {
	uint64_t nanoseconds;
	const char *seconds;
} bounds[] = {
    {50000, "5e-05"},    {100000, "0.0001"},  {250000, "0.00025"}, {500000, "0.0005"},  {1000000, "0.001"},
    {2500000, "0.0025"}, {5000000, "0.005"},  {10000000, "0.01"},  {25000000, "0.025"}, {50000000, "0.05"},
    {100000000, "0.1"},  {250000000, "0.25"}, {500000000, "0.5"},  {1000000000, "1"},   {2500000000, "2.5"},
    {5000000000, "5"},   {10000000000, "10"},
};
#define BOUNDS (sizeof bounds / sizeof *bounds)

/* Statuses that are exported even while they are 0, so that rate() sees their first increment. */
static const unsigned usual_statuses[] = {400, 403, 404, 405, 413, 415, 500, 503};

struct admission_metrics {
	/* Not cumulative. */
	_Atomic uint64_t buckets[METRICS_ENDPOINTS][METRICS_OUTCOMES][BOUNDS + 1];
	/* The sum of all durations. */
	_Atomic uint64_t nanoseconds[METRICS_ENDPOINTS][METRICS_OUTCOMES];
	_Atomic uint64_t rejected[STATUS_LAST - STATUS_FIRST + 1];
	struct metrics_denials violations[METRICS_VIOLATIONS];
};

/* In the order of enum metrics_endpoint and enum metrics_outcome. */
#define PATH_AND_OUTCOME                                                                                               \
	{                                                                                                              \
		{"path", METRIC_VALUES("/mutate", "/validate")},                                                       \
		{                                                                                                      \
			"outcome", METRIC_VALUES("allowed", "patched", "denied", "error")                              \
		}                                                                                                      \
	}

enum row { REQUESTS, DURATION, REJECTED, DENIALS, WARNINGS, AUDITS, ROWS };

static const struct metric rows[ROWS] = {
    [REQUESTS] = {.name = "gpugate_admission_requests_total",
		  .type = METRIC_COUNTER,
		  .unit = "reviews",
		  .help = "Admission reviews answered, by path and outcome.",
		  .labels = PATH_AND_OUTCOME,
		  .details = "An `error` is a review without a decision: it was invalid, or memory ran out.",
		  .alerts = "GpugateErrors",
		  .query = "If this is 0 while the cluster has traffic, the registration is missing: "
			   "`sum(rate(gpugate_admission_requests_total[15m])) == 0`"},
    [DURATION] = {.name = "gpugate_admission_duration_seconds",
		  .type = METRIC_HISTOGRAM,
		  .unit = "seconds",
		  .help = "Time from a review's last byte to its answer, by path and outcome.",
		  .labels = PATH_AND_OUTCOME,
		  .alerts = "GpugateSlow"},
    [REJECTED] = {.name = "gpugate_http_rejected_total",
		  .type = METRIC_COUNTER,
		  .unit = "requests",
		  .help = "HTTP requests answered with an error instead of a review, by status code.",
		  .labels = {{.name = "code"}},
		  .details = "[HTTP answers](../troubleshooting.md#http-answers) explains the status codes.",
		  .alerts = "GpugateHttpRejects"},
    [DENIALS] = {.name = "gpugate_denials_total",
		 .type = METRIC_COUNTER,
		 .unit = "violations",
		 .help = "Pods refused, by tenant, reason, and the quota, guard or rule that refused.",
		 .labels = METRICS_DENIALS_LABELS,
		 .details =
		     "Each sentence of a refusal counts: a Pod that is refused for two reasons counts twice. Dry "
		     "runs count. [Refusals](../troubleshooting.md#refusals) lists the reasons. `name` is the quota, "
		     "the kind of Guard (such as `privileged`), the Rule, the Accelerator, the resource, or "
		     "empty. Beyond 4096 rows the tenant is `other`.",
		 .alerts = "GpugateQuotaRefuses",
		 .query = "What refuses most: `topk(10, sum by (tenant, reason, name) "
			  "(increase(gpugate_denials_total[1h])))`. After a new policy: "
			  "`sum by (reason) (rate(gpugate_denials_total{reason!=\"quota\"}[5m]))`"},
    [WARNINGS] = {.name = "gpugate_warnings_total",
		  .type = METRIC_COUNTER,
		  .unit = "violations",
		  .help = "What would have refused a Pod, had enforcement not been warn.",
		  .labels = METRICS_DENIALS_LABELS,
		  .details = "With the reason `rule`, also what would have changed a Pod. The labels are those of "
			     "`gpugate_denials_total`."},
    [AUDITS] = {.name = "gpugate_audits_total",
		.type = METRIC_COUNTER,
		.unit = "violations",
		.help = "What would have refused a Pod, had enforcement not been audit.",
		.labels = METRICS_DENIALS_LABELS,
		.details = "With the reason `rule`, also what would have changed a Pod. The labels are those of "
			   "`gpugate_denials_total`.",
		.query = "Before enforcement becomes stricter: "
			 "`sum by (tenant, reason, name) (increase(gpugate_audits_total[1d]))`"},
};

const struct metric_set admission_metrics = {"Admission", NULL, METRIC_ROWS(rows)};

static const enum row violation_rows[METRICS_VIOLATIONS] = {
    [METRICS_DENIAL] = DENIALS, [METRICS_WARNING] = WARNINGS, [METRICS_AUDIT] = AUDITS};

struct admission_metrics *admission_metrics_create(struct error *err)
{
	struct admission_metrics *metrics = calloc(1, sizeof *metrics);
	if (!metrics) {
		error_set(err, "not enough memory for the metrics");
		return NULL;
	}
	for (int i = 0; i < METRICS_VIOLATIONS; i++)
		metrics_denials_init(&metrics->violations[i], &rows[violation_rows[i]]);
	return metrics;
}

void admission_metrics_destroy(struct admission_metrics *metrics)
{
	if (!metrics)
		return;
	for (int i = 0; i < METRICS_VIOLATIONS; i++)
		metrics_denials_release(&metrics->violations[i]);
	free(metrics);
}

static void increment(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static unsigned long long load(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void admission_metrics_request(struct admission_metrics *metrics, enum metrics_endpoint endpoint,
			       enum metrics_outcome outcome, uint64_t nanoseconds)
{
	if (!metrics)
		return;
	size_t bucket = 0;
	while (bucket < BOUNDS && nanoseconds > bounds[bucket].nanoseconds)
		bucket++;
	increment(&metrics->buckets[endpoint][outcome][bucket], 1);
	increment(&metrics->nanoseconds[endpoint][outcome], nanoseconds);
}

void admission_metrics_rejected(struct admission_metrics *metrics, unsigned status)
{
	if (metrics && status >= STATUS_FIRST && status <= STATUS_LAST)
		increment(&metrics->rejected[status - STATUS_FIRST], 1);
}

void admission_metrics_violation(struct admission_metrics *metrics, enum metrics_violation violation, struct str tenant,
				 struct str reason, struct str name)
{
	if (metrics)
		metrics_denials_count(&metrics->violations[violation], tenant, reason, name);
}

/* Returns the sum of the histogram buckets: every response increments exactly one of them. */
static int64_t answered(struct admission_metrics *metrics, int endpoint, int outcome)
{
	int64_t count = 0;
	for (size_t i = 0; i <= BOUNDS; i++)
		count += (int64_t)load(&metrics->buckets[endpoint][outcome][i]);
	return count;
}

static void render_requests(struct admission_metrics *metrics, struct buf *out)
{
	int64_t numbers[METRICS_ENDPOINTS * METRICS_OUTCOMES];
	for (int i = 0; i < METRICS_ENDPOINTS * METRICS_OUTCOMES; i++)
		numbers[i] = answered(metrics, i / METRICS_OUTCOMES, i % METRICS_OUTCOMES);
	metric_integers(out, &rows[REQUESTS], numbers);
}

/*
 * Derives `_count` from the bucket values that it prints, so that they are consistent without a
 * lock.
 */
static void render_duration(struct admission_metrics *metrics, int endpoint, int outcome, struct buf *out)
{
	const struct metric *row = &rows[DURATION];
	struct str values[METRIC_LABELS_MAX] = {{NULL, 0}};
	unsigned long long count = 0, sum = load(&metrics->nanoseconds[endpoint][outcome]);
	metric_combination(row, (size_t)endpoint * METRICS_OUTCOMES + (size_t)outcome, values);
	for (size_t i = 0; i <= BOUNDS; i++) {
		count += load(&metrics->buckets[endpoint][outcome][i]);
		metric_sample_of(out, row, "_bucket", values, i < BOUNDS ? bounds[i].seconds : "+Inf");
		buf_printf(out, "%llu\n", count);
	}
	metric_sample_of(out, row, "_sum", values, NULL);
	buf_printf(out, "%llu.%09llu\n", sum / NANOSECONDS, sum % NANOSECONDS);
	metric_sample_of(out, row, "_count", values, NULL);
	buf_printf(out, "%llu\n", count);
}

static void render_durations(struct admission_metrics *metrics, struct buf *out)
{
	metric_head(out, &rows[DURATION]);
	for (int endpoint = 0; endpoint < METRICS_ENDPOINTS; endpoint++)
		for (int outcome = 0; outcome < METRICS_OUTCOMES; outcome++)
			if (endpoint != METRICS_VALIDATE ||
			    outcome != METRICS_PATCHED) /* A validating webhook never patches. */
				render_duration(metrics, endpoint, outcome, out);
}

static bool usual(unsigned status)
{
	for (size_t i = 0; i < sizeof usual_statuses / sizeof *usual_statuses; i++)
		if (usual_statuses[i] == status)
			return true;
	return false;
}

static void render_rejected(struct admission_metrics *metrics, struct buf *out)
{
	metric_head(out, &rows[REJECTED]);
	for (unsigned status = STATUS_FIRST; status <= STATUS_LAST; status++) {
		unsigned long long count = load(&metrics->rejected[status - STATUS_FIRST]);
		if (count == 0 && !usual(status))
			continue;
		char code[4];
		snprintf(code, sizeof code, "%u", status);
		metric_sample(out, &rows[REJECTED], &(struct str){code, strlen(code)});
		buf_printf(out, "%llu\n", count);
	}
}

void admission_metrics_render(void *context, struct buf *out)
{
	struct admission_metrics *metrics = context;
	render_requests(metrics, out);
	render_durations(metrics, out);
	render_rejected(metrics, out);
	for (int i = 0; i < METRICS_VIOLATIONS; i++)
		metrics_denials_render(&metrics->violations[i], out);
}
