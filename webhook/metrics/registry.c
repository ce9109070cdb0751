#include "webhook/metrics/registry.h"

#include <stdatomic.h>

#include "webhook/metrics/objections.h"
#include "webhook/metrics/process.h"
#include "webhook/metrics/text.h"

#define HOOKS_MAX 12
#define STATUS_FIRST 400
#define STATUS_LAST 599
#define NANOSECONDS 1000000000u

static const char *const endpoint_names[METRICS_ENDPOINTS] = {"/mutate", "/validate"};
static const char *const outcome_names[METRICS_OUTCOMES] = {"allowed", "patched", "denied", "error"};

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

static const struct number {
	const char *name, *type, *help;
} numbers[METRICS_NUMBERS] = {
    [METRICS_POLICY_GENERATION] =
	{"gpugate_policy_generation", "gauge",
	 "How many different policies this process has loaded; the one in force is the last."},
    [METRICS_POLICY_LOADED] = {"gpugate_policy_loaded_timestamp_seconds", "gauge",
			       "When the policy in force was loaded, since the Unix epoch in seconds."},
    [METRICS_POLICY_REJECTED] = {"gpugate_policy_rejected", "gauge",
				 "1 while the policy files are refused and an older policy decides, else 0."},
    [METRICS_POLICY_RELOAD_FAILURES] = {"gpugate_policy_reload_failures_total", "counter",
					"Reloads that kept the last good policy because the new one was refused."},
    [METRICS_CERTIFICATE_BEGIN] = {"gpugate_certificate_begin_timestamp_seconds", "gauge",
				   "When the serving certificate began to be valid, since the Unix epoch in seconds."},
    [METRICS_CERTIFICATE_EXPIRY] = {"gpugate_certificate_expiry_timestamp_seconds", "gauge",
				    "When the serving certificate expires, since the Unix epoch in seconds."},
    [METRICS_CERTIFICATE_RELOAD_FAILURES] = {"gpugate_certificate_reload_failures_total", "counter",
					     "Reloads that kept the last good certificate."},
    [METRICS_LOG_DROPPED] = {"gpugate_log_lines_dropped_total", "counter",
			     "Log lines dropped because nothing took them from standard error."},
};

/* Statuses that are exported even while they are 0, so that rate() sees their first increment. */
static const unsigned usual_statuses[] = {400, 403, 404, 405, 413, 415, 500, 503};

struct metrics {
	_Atomic uint64_t buckets[METRICS_ENDPOINTS][METRICS_OUTCOMES][BOUNDS + 1]; /* Not cumulative. */
	_Atomic uint64_t nanoseconds[METRICS_ENDPOINTS][METRICS_OUTCOMES];         /* The sum of all durations. */
	_Atomic uint64_t rejected[STATUS_LAST - STATUS_FIRST + 1];
	_Atomic int64_t numbers[METRICS_NUMBERS];
	double started;        /* The result of metrics_process_started. */
	pthread_mutex_t mutex; /* Protects `policy`. */
	struct metrics_policy policy;
	struct metrics_denials objections[METRICS_OBJECTIONS];
	struct hook {
		void (*render)(void *context, struct buf *out);
		void *context;
	} hooks[HOOKS_MAX];
	size_t hook_count;
};

static const struct {
	const char *family, *help;
} objections[METRICS_OBJECTIONS] = {
    [METRICS_DENIAL] = {"gpugate_denials_total",
			"Pods refused, by tenant, reason, and the quota, guard or rule that refused."},
    [METRICS_WARNING] = {"gpugate_warnings_total", "What would have refused a Pod, had enforcement not been warn."},
    [METRICS_AUDIT] = {"gpugate_audits_total", "What would have refused a Pod, had enforcement not been audit."},
};

struct metrics *metrics_create(struct error *err)
{
	struct metrics *metrics = calloc(1, sizeof *metrics);
	if (!metrics) {
		error_set(err, "not enough memory for the metrics");
		return NULL;
	}
	metrics->started = metrics_process_started();
	pthread_mutex_init(&metrics->mutex, NULL);
	for (int i = 0; i < METRICS_OBJECTIONS; i++)
		metrics_denials_init(&metrics->objections[i], objections[i].family, objections[i].help);
	return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
	if (!metrics)
		return;
	for (int i = 0; i < METRICS_OBJECTIONS; i++)
		metrics_denials_release(&metrics->objections[i]);
	pthread_mutex_destroy(&metrics->mutex);
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

void metrics_request(struct metrics *metrics, enum metrics_endpoint endpoint, enum metrics_outcome outcome,
		     uint64_t nanoseconds)
{
	if (!metrics)
		return;
	size_t bucket = 0;
	while (bucket < BOUNDS && nanoseconds > bounds[bucket].nanoseconds)
		bucket++;
	increment(&metrics->buckets[endpoint][outcome][bucket], 1);
	increment(&metrics->nanoseconds[endpoint][outcome], nanoseconds);
}

void metrics_http_rejected(struct metrics *metrics, unsigned status)
{
	if (metrics && status >= STATUS_FIRST && status <= STATUS_LAST)
		increment(&metrics->rejected[status - STATUS_FIRST], 1);
}

void metrics_object(struct metrics *metrics, enum metrics_objection objection, struct str tenant, struct str reason,
		    struct str name)
{
	if (metrics)
		metrics_denials_count(&metrics->objections[objection], tenant, reason, name);
}

void metrics_set(struct metrics *metrics, enum metrics_number number, int64_t value)
{
	if (metrics)
		atomic_store_explicit(&metrics->numbers[number], value, memory_order_relaxed);
}

void metrics_add(struct metrics *metrics, enum metrics_number number, int64_t value)
{
	if (metrics)
		atomic_fetch_add_explicit(&metrics->numbers[number], value, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics *metrics, enum metrics_number number)
{
	return metrics ? atomic_load_explicit(&metrics->numbers[number], memory_order_relaxed) : 0;
}

void metrics_set_policy(struct metrics *metrics, const struct metrics_policy *policy)
{
	if (!metrics)
		return;
	pthread_mutex_lock(&metrics->mutex);
	metrics->policy = *policy;
	pthread_mutex_unlock(&metrics->mutex);
}

void metrics_get_policy(struct metrics *metrics, struct metrics_policy *policy)
{
	pthread_mutex_lock(&metrics->mutex);
	*policy = metrics->policy;
	pthread_mutex_unlock(&metrics->mutex);
}

int metrics_hook(struct metrics *metrics, void (*render)(void *context, struct buf *out), void *context,
		 struct error *err)
{
	if (metrics->hook_count == HOOKS_MAX)
		return error_set(err, "more than %d hooks of the metrics", HOOKS_MAX);
	metrics->hooks[metrics->hook_count++] = (struct hook){render, context};
	return 0;
}

#define DURATION "gpugate_admission_duration_seconds"

/* Sums the histogram buckets, because every response increments exactly one of them. */
static unsigned long long answered(struct metrics *metrics, int endpoint, int outcome)
{
	unsigned long long count = 0;
	for (size_t i = 0; i <= BOUNDS; i++)
		count += load(&metrics->buckets[endpoint][outcome][i]);
	return count;
}

static void render_requests(struct metrics *metrics, struct buf *out)
{
	static const char name[] = "gpugate_admission_requests_total";
	metrics_head(out, name, "counter", "Admission reviews answered, by path and outcome.");
	for (int endpoint = 0; endpoint < METRICS_ENDPOINTS; endpoint++)
		for (int outcome = 0; outcome < METRICS_OUTCOMES; outcome++)
			buf_printf(out, "%s{path=\"%s\",outcome=\"%s\"} %llu\n", name, endpoint_names[endpoint],
				   outcome_names[outcome], answered(metrics, endpoint, outcome));
}

/*
 * Derives `_count` from the bucket values that it prints, so that both are consistent without a
 * lock.
 */
static void render_duration(struct metrics *metrics, int endpoint, int outcome, struct buf *out)
{
	char labels[64];
	unsigned long long count = 0, sum = load(&metrics->nanoseconds[endpoint][outcome]);
	snprintf(labels, sizeof labels, "path=\"%s\",outcome=\"%s\"", endpoint_names[endpoint], outcome_names[outcome]);
	for (size_t i = 0; i <= BOUNDS; i++) {
		count += load(&metrics->buckets[endpoint][outcome][i]);
		buf_printf(out, DURATION "_bucket{%s,le=\"%s\"} %llu\n", labels,
			   i < BOUNDS ? bounds[i].seconds : "+Inf", count);
	}
	buf_printf(out, DURATION "_sum{%s} %llu.%09llu\n", labels, sum / NANOSECONDS, sum % NANOSECONDS);
	buf_printf(out, DURATION "_count{%s} %llu\n", labels, count);
}

static void render_durations(struct metrics *metrics, struct buf *out)
{
	metrics_head(out, DURATION, "histogram", "Time from a review's last byte to its answer, by path and outcome.");
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

static void render_rejected(struct metrics *metrics, struct buf *out)
{
	static const char name[] = "gpugate_http_rejected_total";
	metrics_head(out, name, "counter", "HTTP requests answered with an error instead of a review, by status code.");
	for (unsigned status = STATUS_FIRST; status <= STATUS_LAST; status++) {
		unsigned long long count = load(&metrics->rejected[status - STATUS_FIRST]);
		if (count > 0 || usual(status))
			buf_printf(out, "%s{code=\"%u\"} %llu\n", name, status, count);
	}
}

static void render_numbers(const struct metrics *metrics, struct buf *out)
{
	for (enum metrics_number i = 0; i < METRICS_NUMBERS; i++) {
		metrics_head(out, numbers[i].name, numbers[i].type, numbers[i].help);
		buf_printf(out, "%s %lld\n", numbers[i].name, (long long)metrics_get(metrics, i));
	}
}

static void render_info(struct metrics *metrics, struct buf *out)
{
	struct metrics_policy policy;
	metrics_get_policy(metrics, &policy);
	metrics_head(
	    out, "gpugate_policy_info", "gauge",
	    "The policy in force: its Git commit, the digest of its files, and whether they differ from the commit; "
	    "always 1.");
	buf_text(out, "gpugate_policy_info{commit=");
	metrics_label(out, str_of(policy.commit));
	buf_printf(out, ",digest=\"%s\",dirty=\"%s\"} 1\n", policy.digest, policy.dirty ? policy.dirty : "unknown");
	metrics_head(out, "gpugate_build_info", "gauge", "The version of gpugate; always 1.");
	buf_text(out, "gpugate_build_info{version=\"" GPUGATE_VERSION "\"} 1\n");
}

void metrics_render(struct metrics *metrics, struct buf *out)
{
	for (size_t i = 0; i < metrics->hook_count; i++)
		metrics->hooks[i].render(metrics->hooks[i].context, out);
	render_requests(metrics, out);
	render_durations(metrics, out);
	render_rejected(metrics, out);
	for (int i = 0; i < METRICS_OBJECTIONS; i++)
		metrics_denials_render(&metrics->objections[i], out);
	render_numbers(metrics, out);
	render_info(metrics, out);
	metrics_process_render(metrics->started, out);
}
