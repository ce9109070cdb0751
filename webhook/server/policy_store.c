#include "webhook/server/policy_store.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include "webhook/base/git_status.h"

#define REPORT_BYTES_MAX (64 << 10)
#define FIELDS_MAX 16
#define TOLD_BYTES_MAX 900

struct policy_store {
	const char *const *paths;
	size_t path_count;
	struct log *log;
	/* See policy_store_hook and policy_store_notify. */
	int (*changed)(void *context, const struct policy *policy);
	void *context;
	void (*told)(void *context, bool accepted, const char *message);
	void *notify_context;
	pthread_mutex_t reloading; /* Held during a whole reload. */
	/*
	 * Guards the following fields; held only briefly. Only the reloading thread writes them, so
	 * it reads them without the mutex.
	 */
	pthread_mutex_t mutex;
	const struct policy *policy;
	struct policy_state state;
	char rejection[POLICY_REJECTION_MAX];
};

/* Reads the commit of the first path that has one; "" if there is none. */
static void read_commit(const struct policy_store *store, char commit[GIT_COMMIT_SIZE])
{
	commit[0] = '\0';
	for (size_t i = 0; i < store->path_count && !*commit; i++)
		git_commit_read(store->paths[i], commit);
}

/* "true" if any path is dirty; otherwise "unknown" if any path's state is unknown. */
static const char *read_dirty(const struct policy_store *store)
{
	static const char *const words[] = {[GIT_UNKNOWN] = "unknown", [GIT_CLEAN] = "false", [GIT_DIRTY] = "true"};
	enum git_state all = GIT_CLEAN;
	for (size_t i = 0; i < store->path_count && all != GIT_DIRTY; i++) {
		enum git_state state = git_status_read(store->paths[i]);
		if (state != GIT_CLEAN)
			all = state;
	}
	return words[all];
}

void policy_digest_text(const struct policy *policy, char text[static POLICY_DIGEST_SIZE])
{
	struct policy_digest digest = policy_digest(policy);
	snprintf(text, POLICY_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, digest.word[0], digest.word[1]);
}

static void read_source(const struct policy_store *store, const struct policy *policy, struct policy_source *source)
{
	read_commit(store, source->commit);
	policy_digest_text(policy, source->digest);
	source->dirty = read_dirty(store);
}

/* Returns true if the commit or the dirty state has changed. */
static bool set_source(struct policy_store *store, const struct policy_source *source)
{
	const struct policy_source *old = &store->state.source;
	bool same = strcmp(source->commit, old->commit) == 0 && source->dirty == old->dirty;
	pthread_mutex_lock(&store->mutex);
	store->state.source = *source;
	pthread_mutex_unlock(&store->mutex);
	return !same;
}

static struct log_field commit_field(const char *commit)
{
	return (struct log_field){.key = "commit", .text = str_of(commit)};
}

static struct log_field dirty_field(const char *dirty)
{
	return (struct log_field){.key = "dirty", .text = str_of(dirty)};
}

/* The first error; NULL if there is none, as when loading ran out of memory. */
static const struct finding *first_error(const struct report *report)
{
	for (unsigned i = 0; i < report->count; i++)
		if (report->findings[i].severity == SEVERITY_ERROR)
			return &report->findings[i];
	return NULL;
}

static void tell_loaded(const struct policy_store *store)
{
	char text[TOLD_BYTES_MAX];
	if (!store->told)
		return;
	const char *commit = store->state.source.commit;
	snprintf(text, sizeof text, "a new policy is in force: generation %" PRIu64 "%s%s", store->state.generation,
		 *commit ? ", commit " : "", commit);
	store->told(store->notify_context, true, text);
}

static void tell_rejected(const struct policy_store *store, const struct report *report, const char *why)
{
	const struct finding *error = first_error(report);
	char text[TOLD_BYTES_MAX];
	if (!store->told)
		return;
	if (error)
		snprintf(text, sizeof text,
			 "the policy files are refused and the last good policy decides: %u error%s, the first at "
			 "%.*s:%u: %.*s",
			 report->errors, report->errors == 1 ? "" : "s", STR_ARG(error->file), error->line,
			 STR_ARG(error->text));
	else
		snprintf(text, sizeof text, "the policy files are refused and the last good policy decides: %s",
			 why ? why : "see the log");
	text_trim(text);
	store->told(store->notify_context, false, text);
}

static struct log_field report_field(const struct report *report, struct buf *text)
{
	buf_init(text, REPORT_BYTES_MAX);
	report_print(report, false, text);
	return (struct log_field){.key = "report", .text = buf_view(text)};
}

static void log_loaded(const struct policy_store *store, const struct report *report)
{
	struct policy_counts counts;
	policy_counts(store->policy, &counts);
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
	    {"generation", store->state.generation},
	    {"accelerators", counts.accelerators},
	    {"tenants", counts.tenants},
	    {"quotas", counts.quotas},
	    {"rules", counts.rules},
	    {"guards", counts.guards},
	    {"namespaces", counts.namespaces},
	    {"warnings", report->warnings},
	};
	struct log_field fields[FIELDS_MAX];
	char storage[FIELDS_MAX][24];
	size_t count = 0;
	for (; count < sizeof numbers / sizeof *numbers; count++)
		fields[count] = log_number(numbers[count].key, (int64_t)numbers[count].value, storage[count]);
	fields[count++] = commit_field(store->state.source.commit);
	fields[count++] = (struct log_field){.key = "digest", .text = str_of(store->state.source.digest)};
	fields[count++] = dirty_field(store->state.source.dirty);
	fields[count++] = (struct log_field){.key = "settings", .text = report->settings};
	if (report->settings.len == 0)
		fields[count++] = (struct log_field){.key = "message", .text = str_of(REPORT_WITHOUT_SETTINGS)};
	log_event(store->log, LOG_INFO, "policy_loaded", fields, count);
	if (report->warnings > 0) {
		struct buf text;
		struct log_field field = report_field(report, &text);
		log_event(store->log, LOG_WARN, "policy_warnings", &field, 1);
		buf_release(&text);
	}
}

/* A `why` of NULL means that the files are valid. */
static void set_rejected(struct policy_store *store, const char *why)
{
	pthread_mutex_lock(&store->mutex);
	snprintf(store->rejection, sizeof store->rejection, "%s", why ? why : "");
	store->state.rejected = why != NULL;
	store->state.failures += why != NULL;
	pthread_mutex_unlock(&store->mutex);
}

/* Records the first error, or otherwise `why`, for policy_store_rejection. */
static void reject(struct policy_store *store, const struct report *report, const char *why)
{
	const struct finding *error = first_error(report);
	char text[POLICY_REJECTION_MAX];
	if (error)
		snprintf(text, sizeof text, "%.*s:%u: %.*s", STR_ARG(error->file), error->line, STR_ARG(error->text));
	else
		snprintf(text, sizeof text, "%s", why ? why : "see the log");
	text_trim(text);
	set_rejected(store, text);
}

static void log_rejected(struct policy_store *store, const struct report *report, const char *commit, const char *why)
{
	struct buf text;
	char storage[24];
	struct log_field fields[] = {
	    log_number("errors", report->errors > 0 ? report->errors : 1, storage),
	    report_field(report, &text),
	    {.key = "message", .text = str_of(why)},
	    commit_field(commit),
	};
	log_event(store->log, LOG_ERROR, "policy_rejected", fields, sizeof fields / sizeof *fields);
	buf_release(&text);
	tell_rejected(store, report, why);
	reject(store, report, why);
}

/* Takes the reference to the new policy, which was loaded, or else only renewed. */
static void exchange(struct policy_store *store, const struct policy *policy, bool loaded)
{
	pthread_mutex_lock(&store->mutex);
	const struct policy *old = store->policy;
	store->policy = policy;
	store->state.generation += loaded;
	if (loaded)
		store->state.loaded = time(NULL);
	pthread_mutex_unlock(&store->mutex);
	policy_release(old);
}

/* Takes the reference to the new policy. */
static void put_in_force(struct policy_store *store, const struct policy *policy, const struct report *report)
{
	exchange(store, policy, true);
	log_loaded(store, report);
	tell_loaded(store);
}

struct policy_store *policy_store_create(const char *const *paths, size_t count, struct log *log, struct report *report,
					 struct error *err)
{
	struct policy_store *store = calloc(1, sizeof *store);
	const struct policy *policy = store ? policy_load(paths, count, report) : NULL;
	if (!policy) {
		if (!store)
			error_set(err, "not enough memory for the policy");
		free(store);
		return NULL;
	}
	*store = (struct policy_store){.paths = paths, .path_count = count, .log = log};
	pthread_mutex_init(&store->reloading, NULL);
	pthread_mutex_init(&store->mutex, NULL);
	struct policy_source source;
	read_source(store, policy, &source);
	set_source(store, &source);
	put_in_force(store, policy, report);
	return store;
}

void policy_store_destroy(struct policy_store *store)
{
	if (!store)
		return;
	policy_release(store->policy);
	pthread_mutex_destroy(&store->reloading);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

void policy_store_hook(struct policy_store *store, int (*changed)(void *context, const struct policy *policy),
		       void *context)
{
	store->changed = changed;
	store->context = context;
}

void policy_store_notify(struct policy_store *store, void (*told)(void *context, bool accepted, const char *message),
			 void *context)
{
	store->told = told;
	store->notify_context = context;
}

const struct policy *policy_store_get(struct policy_store *store)
{
	pthread_mutex_lock(&store->mutex);
	const struct policy *policy = store->policy;
	policy_retain(policy);
	pthread_mutex_unlock(&store->mutex);
	return policy;
}

void policy_store_rejection(struct policy_store *store, char text[static POLICY_REJECTION_MAX])
{
	pthread_mutex_lock(&store->mutex);
	memcpy(text, store->rejection, sizeof store->rejection);
	pthread_mutex_unlock(&store->mutex);
}

void policy_store_state(struct policy_store *store, struct policy_state *state)
{
	pthread_mutex_lock(&store->mutex);
	*state = store->state;
	pthread_mutex_unlock(&store->mutex);
}

static bool same(const struct policy *a, const struct policy *b)
{
	struct policy_digest left = policy_digest(a), right = policy_digest(b);
	return left.word[0] == right.word[0] && left.word[1] == right.word[1];
}

/* Must be called with `reloading` held, so that no other thread replaces store->policy. */
static void reload(struct policy_store *store, struct report *report)
{
	const struct policy *loaded = policy_load(store->paths, store->path_count, report);
	struct policy_source source;
	char commit[GIT_COMMIT_SIZE];
	if (!loaded) {
		read_commit(store, commit);
		log_rejected(store, report, commit, NULL);
		return;
	}
	read_source(store, loaded, &source);
	if (same(loaded, store->policy)) {
		policy_release(loaded);
		const struct log_field fields[] = {commit_field(source.commit), dirty_field(source.dirty)};
		if (set_source(store, &source) || store->state.rejected)
			log_event(store->log, LOG_INFO, "policy_unchanged", fields, sizeof fields / sizeof *fields);
		set_rejected(store, NULL);
		return;
	}
	const struct policy *policy = policy_with_classes_of(loaded, store->policy);
	policy_release(loaded);
	if (!policy || (store->changed && store->changed(store->context, policy) < 0)) {
		policy_release(policy);
		log_rejected(store, report, source.commit, "not enough memory to account for the new policy");
		return;
	}
	set_rejected(store, NULL);
	set_source(store, &source);
	put_in_force(store, policy, report);
}

void policy_store_reload(struct policy_store *store)
{
	struct report report;
	pthread_mutex_lock(&store->reloading);
	report_init(&report);
	reload(store, &report);
	report_release(&report);
	malloc_trim(0); /* Two policies were in memory; return what the freed one used. */
	pthread_mutex_unlock(&store->reloading);
}

/* Must be called with `reloading` held. Returns 0, or -1 without memory. */
static int renew(struct policy_store *store, const struct device_classes *classes)
{
	const struct policy *policy = policy_with_classes(store->policy, classes);
	if (policy && policy_classes_equal(policy, store->policy)) {
		policy_release(policy);
		return 0;
	}
	if (!policy || (store->changed && store->changed(store->context, policy) < 0)) {
		policy_release(policy);
		return -1;
	}
	exchange(store, policy, false);
	return 0;
}

int policy_store_set_classes(struct policy_store *store, const struct device_classes *classes)
{
	if (pthread_mutex_trylock(&store->reloading) != 0)
		return -1;
	int result = renew(store, classes);
	pthread_mutex_unlock(&store->reloading);
	return result;
}

/* --- Metrics --- */

enum row { GENERATION, LOADED, REJECTED, FAILURES, INFO, ROWS };

static const struct metric rows[ROWS] = {
    [GENERATION] = {.name = "gpugate_policy_generation",
		    .type = METRIC_GAUGE,
		    .unit = "policies",
		    .help = "How many different policies this process has loaded; the one in force is the last.",
		    .query = "Mark new policies in dashboards: `changes(gpugate_policy_generation[1h])`"},
    [LOADED] = {.name = "gpugate_policy_loaded_timestamp_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds since 1970",
		.help = "When the policy in force was loaded, since the Unix epoch in seconds.",
		.query = "Its age: `time() - gpugate_policy_loaded_timestamp_seconds`"},
    [REJECTED] = {.name = "gpugate_policy_rejected",
		  .type = METRIC_GAUGE,
		  .unit = "0 or 1",
		  .help = "1 while the policy files are refused and an older policy decides, else 0.",
		  .alerts = "GpugatePolicyRejected"},
    [FAILURES] = {.name = "gpugate_policy_reload_failures_total",
		  .type = METRIC_COUNTER,
		  .unit = "reloads",
		  .help = "Reloads that kept the last good policy because the new one was refused.",
		  .query = "Failures of the last hour: `increase(gpugate_policy_reload_failures_total[1h]) > 0`"},
    [INFO] = {.name = "gpugate_policy_info",
	      .type = METRIC_GAUGE,
	      .unit = "always 1",
	      .help = "The policy in force: its Git commit, the digest of its files, and whether they differ from the "
		      "commit; always 1.",
	      .labels = {{.name = "commit"}, {.name = "digest"}, {"dirty", METRIC_VALUES("true", "false", "unknown")}},
	      .details = "`commit` is empty if none was found; "
			 "[Where a policy comes from](../operate.md#where-a-policy-comes-from) explains the labels.",
	      .alerts = "GpugatePoliciesDiffer",
	      .query = "Compare `commit` with the commit that should be in force. Files that nobody has committed: "
		       "`gpugate_policy_info{dirty=\"true\"}`"},
};

const struct metric_set policy_store_metrics = {"Policy", NULL, METRIC_ROWS(rows)};

void policy_store_metrics_render(void *context, struct buf *out)
{
	struct policy_state state;
	policy_store_state(context, &state);
	const int64_t numbers[ROWS] = {
	    [GENERATION] = (int64_t)state.generation,
	    [LOADED] = (int64_t)state.loaded,
	    [REJECTED] = state.rejected,
	    [FAILURES] = (int64_t)state.failures,
	};
	for (enum row row = GENERATION; row < INFO; row++)
		metric_integers(out, &rows[row], &numbers[row]);
	const struct str labels[] = {str_of(state.source.commit), str_of(state.source.digest),
				     str_of(state.source.dirty)};
	metric_head(out, &rows[INFO]);
	metric_sample(out, &rows[INFO], labels);
	buf_text(out, "1\n");
}
