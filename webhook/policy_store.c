#include "webhook/policy_store.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include "webhook/git_commit.h"

#define REPORT_BYTES_MAX (64 << 10)
#define FIELDS_MAX 12
#define TOLD_BYTES_MAX 900

struct policy_store {
	const char *const *paths;
	size_t path_count;
	struct log *log;
	struct metrics *metrics;
	int (*changed)(void *context, const struct policy *policy);
	void *context;
	void (*told)(void *context, bool accepted, const char *message);
	void *told_context;
	pthread_mutex_t reloading; /* held for a whole reload; guards the next two */
	char commit[GIT_COMMIT_SIZE];
	bool rejected;         /* the last reload */
	pthread_mutex_t mutex; /* guards what follows; held for a few instructions */
	const struct policy *policy;
	uint64_t generation;
	char rejection[POLICY_REJECTION_MAX];
};

/* The commit of the first path that has one. */
static void read_commit(const struct policy_store *store, char commit[GIT_COMMIT_SIZE])
{
	commit[0] = '\0';
	for (size_t i = 0; i < store->path_count && !*commit; i++)
		git_commit_read(store->paths[i], commit);
}

/* What is in force comes from this commit. True: it is another than before. */
static bool set_commit(struct policy_store *store, const char commit[GIT_COMMIT_SIZE])
{
	if (strcmp(commit, store->commit) == 0)
		return false;
	memcpy(store->commit, commit, GIT_COMMIT_SIZE);
	metrics_policy_commit(store->metrics, commit);
	return true;
}

static struct log_field commit_field(const char *commit)
{
	return (struct log_field){.key = "commit", .text = str_of(commit)};
}

/* The first error; NULL: there is none, as the memory did not suffice. */
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
	snprintf(text, sizeof text, "a new policy is in force: generation %" PRIu64 "%s%s", store->generation,
		 *store->commit ? ", commit " : "", store->commit);
	store->told(store->told_context, true, text);
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
	store->told(store->told_context, false, text);
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
	    {"generation", store->generation}, {"accelerators", counts.accelerators},
	    {"tenants", counts.tenants},       {"quotas", counts.quotas},
	    {"rules", counts.rules},           {"guards", counts.guards},
	    {"namespaces", counts.namespaces}, {"warnings", report->warnings},
	};
	struct log_field fields[FIELDS_MAX];
	char storage[FIELDS_MAX][24];
	size_t count = 0;
	for (; count < sizeof numbers / sizeof *numbers; count++)
		fields[count] = log_number(numbers[count].key, (int64_t)numbers[count].value, storage[count]);
	fields[count++] = commit_field(store->commit);
	log_event(store->log, LOG_INFO, "policy_loaded", fields, count);
	if (report->warnings > 0) {
		struct buf text;
		struct log_field field = report_field(report, &text);
		log_event(store->log, LOG_WARN, "policy_warnings", &field, 1);
		buf_release(&text);
	}
}

/* `why` NULL: the files are good. */
static void set_rejected(struct policy_store *store, const char *why)
{
	bool rejected = why != NULL;
	pthread_mutex_lock(&store->mutex);
	snprintf(store->rejection, sizeof store->rejection, "%s", why ? why : "");
	pthread_mutex_unlock(&store->mutex);
	store->rejected = rejected;
	metrics_set(store->metrics, METRICS_POLICY_REJECTED, rejected);
}

static void reject(struct policy_store *store, const struct report *report, const char *why)
{
	const struct finding *error = first_error(report);
	char text[POLICY_REJECTION_MAX];
	if (error)
		snprintf(text, sizeof text, "%.*s:%u: %.*s", STR_ARG(error->file), error->line, STR_ARG(error->text));
	else
		snprintf(text, sizeof text, "%s", why ? why : "see the log");
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
	metrics_add(store->metrics, METRICS_POLICY_RELOAD_FAILURES, 1);
	reject(store, report, why);
}

/* Takes the reference to the new policy. */
static void put_in_force(struct policy_store *store, const struct policy *policy, const struct report *report)
{
	pthread_mutex_lock(&store->mutex);
	const struct policy *old = store->policy;
	store->policy = policy;
	store->generation++;
	pthread_mutex_unlock(&store->mutex);
	policy_release(old);
	metrics_set(store->metrics, METRICS_POLICY_GENERATION, (int64_t)store->generation);
	metrics_set(store->metrics, METRICS_POLICY_LOADED, (int64_t)time(NULL));
	log_loaded(store, report);
	tell_loaded(store);
}

struct policy_store *policy_store_create(const char *const *paths, size_t count, struct log *log,
					 struct metrics *metrics, struct report *report, struct error *err)
{
	struct policy_store *store = calloc(1, sizeof *store);
	const struct policy *policy = store ? policy_load(paths, count, report) : NULL;
	if (!policy) {
		if (report->errors == 0)
			error_set(err, "not enough memory for the policy");
		free(store);
		return NULL;
	}
	*store = (struct policy_store){.paths = paths, .path_count = count, .log = log, .metrics = metrics};
	pthread_mutex_init(&store->reloading, NULL);
	pthread_mutex_init(&store->mutex, NULL);
	char commit[GIT_COMMIT_SIZE];
	read_commit(store, commit);
	set_commit(store, commit);
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

void policy_store_tell(struct policy_store *store, void (*told)(void *context, bool accepted, const char *message),
		       void *context)
{
	store->told = told;
	store->told_context = context;
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

static bool same(const struct policy *a, const struct policy *b)
{
	struct policy_digest left = policy_digest(a), right = policy_digest(b);
	return left.word[0] == right.word[0] && left.word[1] == right.word[1];
}

/* With `reloading` held: nobody else exchanges store->policy. */
static void reload(struct policy_store *store, struct report *report)
{
	const struct policy *policy = policy_load(store->paths, store->path_count, report);
	char commit[GIT_COMMIT_SIZE];
	read_commit(store, commit);
	if (!policy) {
		log_rejected(store, report, commit, report->errors > 0 ? NULL : "not enough memory for the policy");
		return;
	}
	if (same(policy, store->policy)) {
		policy_release(policy);
		struct log_field field = commit_field(commit);
		if (set_commit(store, commit) || store->rejected)
			log_event(store->log, LOG_INFO, "policy_unchanged", &field, 1);
		set_rejected(store, NULL);
		return;
	}
	if (store->changed && store->changed(store->context, policy) < 0) {
		policy_release(policy);
		log_rejected(store, report, commit, "not enough memory to account for the new policy");
		return;
	}
	set_rejected(store, NULL);
	set_commit(store, commit);
	put_in_force(store, policy, report);
}

void policy_store_reload(struct policy_store *store)
{
	struct report report;
	pthread_mutex_lock(&store->reloading);
	report_init(&report);
	reload(store, &report);
	report_release(&report);
	malloc_trim(0); /* two policies stood side by side, and one of them is gone */
	pthread_mutex_unlock(&store->reloading);
}
