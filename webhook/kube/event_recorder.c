#include "webhook/kube/event_recorder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "webhook/json/write.h"

#define POST_MS 30000
#define BODY_MAX (16u << 10)

enum outcome { POSTED, FAILED, SWALLOWED, OUTCOMES };

/* The Events of one reason. */
struct slot {
	struct kube_events *events;
	const char *reason;
	unsigned waiting; /* Number of Events recorded since the last post. */
	bool warning;     /* Whether the last of them is a warning. */
	char message[KUBE_EVENT_TEXT_MAX + 1];
	int64_t next_ms; /* Nothing is posted before this time. */
	bool posting;
};

struct kube_events {
	struct kube_events_options options;
	struct kube_task told;
	struct kube_timer timer;
	pthread_mutex_t mutex; /* Guards the slots and `count`; never held during I/O. */
	struct slot slots[KUBE_EVENTS_REASONS];
	unsigned count;
	_Atomic uint64_t outcomes[OUTCOMES];
};

static void count(struct kube_events *events, enum outcome outcome, uint64_t times)
{
	atomic_fetch_add_explicit(&events->outcomes[outcome], times, memory_order_relaxed);
}

/* --- Posting --- */

/* Writes the Event of a slot, which is a copy that needs no lock. */
static void write_event(struct buf *out, const struct kube_events_options *options, const struct slot *slot)
{
	time_t now = time(NULL);
	struct tm parts;
	char when[32], more[64] = "";
	gmtime_r(&now, &parts);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
	if (slot->waiting > 1)
		snprintf(more, sizeof more, " (and %u more like it before)", slot->waiting - 1);
	char message[KUBE_EVENT_TEXT_MAX + sizeof more + 1];
	snprintf(message, sizeof message, "%s%s", slot->message, more);
	buf_text(
	    out,
	    "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"generateName\":\"gpugate-\",\"namespace\":");
	json_write_string(out, str_of(options->namespace));
	/*
	 * An Event must be in the namespace of its object; GPULedger is cluster-scoped and has
	 * none.
	 */
	buf_text(out,
		 "},\"involvedObject\":{\"apiVersion\":\"gpugate.io/v1\",\"kind\":\"GPULedger\",\"name\":\"cluster\","
		 "\"namespace\":");
	json_write_string(out, str_of(options->namespace));
	buf_printf(out, "},\"type\":\"%s\",\"reason\":", slot->warning ? "Warning" : "Normal");
	json_write_string(out, str_of(slot->reason));
	buf_text(out, ",\"message\":");
	json_write_string(out, str_of(message));
	buf_printf(out, ",\"count\":%u,\"firstTimestamp\":\"%s\",\"lastTimestamp\":\"%s\"", slot->waiting, when, when);
	buf_text(out, ",\"source\":{\"component\":\"gpugate\",\"host\":");
	json_write_string(out, str_of(options->replica));
	buf_text(out, "},\"reportingComponent\":\"gpugate\",\"reportingInstance\":");
	json_write_string(out, str_of(options->replica));
	buf_char(out, '}');
}

static void on_told(void *context);

static void on_posted(void *context, const struct kube_response *response)
{
	struct slot *slot = context;
	struct kube_events *events = slot->events;
	count(events, response->status == 201 || response->status == 200 ? POSTED : FAILED, 1);
	pthread_mutex_lock(&events->mutex);
	slot->posting = false;
	pthread_mutex_unlock(&events->mutex);
	on_told(events);
}

static void post(struct kube_events *events, struct slot *slot, const struct slot *copy)
{
	struct buf path, body;
	buf_init(&path, 1024);
	buf_init(&body, BODY_MAX);
	buf_printf(&path, "/api/v1/namespaces/%s/events", events->options.namespace);
	write_event(&body, &events->options, copy);
	count(events, SWALLOWED, copy->waiting - 1);
	if (path.failed || body.failed)
		on_posted(slot, &(struct kube_response){0});
	else
		kube_call(events->options.client, &(struct kube_call){.method = "POST",
								      .path = path.ptr,
								      .body = buf_view(&body),
								      .timeout_ms = POST_MS,
								      .retry = true,
								      .done = on_posted,
								      .context = slot});
	buf_release(&path);
	buf_release(&body);
}

/*
 * Copies a slot if it is due, and marks it as being posted. Returns whether it is due. If it is due
 * later, lowers `next_ms` to that time.
 */
static bool take(struct kube_events *events, struct slot *slot, int64_t now_ms, struct slot *copy, int64_t *next_ms)
{
	bool due = false;
	pthread_mutex_lock(&events->mutex);
	if (slot->waiting && !slot->posting) {
		due = now_ms >= slot->next_ms;
		if (!due && slot->next_ms < *next_ms)
			*next_ms = slot->next_ms;
	}
	if (due) {
		*copy = *slot;
		slot->waiting = 0;
		slot->posting = true;
		slot->next_ms = now_ms + events->options.interval_ms;
	}
	pthread_mutex_unlock(&events->mutex);
	return due;
}

static void on_told(void *context)
{
	struct kube_events *events = context;
	int64_t now_ms = kube_now_ms(), next_ms = INT64_MAX;
	struct slot copy;
	pthread_mutex_lock(&events->mutex);
	unsigned slots = events->count;
	pthread_mutex_unlock(&events->mutex);
	for (unsigned i = 0; i < slots; i++)
		if (take(events, &events->slots[i], now_ms, &copy, &next_ms))
			post(events, &events->slots[i], &copy);
	if (next_ms != INT64_MAX)
		kube_timer_set(events->options.loop, &events->timer, next_ms - now_ms);
}

/* --- Recording --- */

/* The caller holds the mutex. Returns NULL if there are too many reasons. */
static struct slot *find_slot(struct kube_events *events, const char *reason)
{
	for (unsigned i = 0; i < events->count; i++)
		if (strcmp(events->slots[i].reason, reason) == 0)
			return &events->slots[i];
	if (events->count == KUBE_EVENTS_REASONS)
		return NULL;
	struct slot *slot = &events->slots[events->count++];
	*slot = (struct slot){.events = events, .reason = reason};
	return slot;
}

/* Truncates between characters. */
static void copy_message(char to[static KUBE_EVENT_TEXT_MAX + 1], const char *message)
{
	size_t len = strnlen(message, KUBE_EVENT_TEXT_MAX);
	if (message[len])
		while (len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80)
			len--;
	memcpy(to, message, len);
	to[len] = '\0';
}

void kube_events_emit(struct kube_events *events, bool warning, const char *reason, const char *message)
{
	if (!events)
		return;
	pthread_mutex_lock(&events->mutex);
	struct slot *slot = find_slot(events, reason);
	if (slot) {
		slot->waiting++;
		slot->warning = warning;
		copy_message(slot->message, message);
	}
	pthread_mutex_unlock(&events->mutex);
	if (slot)
		kube_loop_post(events->options.loop, &events->told);
	else
		count(events, FAILED, 1);
}

/* --- Life cycle --- */

struct kube_events *kube_events_create(const struct kube_events_options *options, struct error *err)
{
	struct kube_events *events = calloc(1, sizeof *events);
	if (!events) {
		error_set(err, "there is no memory for Events");
		return NULL;
	}
	events->options = *options;
	events->told = (struct kube_task){.run = on_told, .context = events};
	events->timer = (struct kube_timer){.run = on_told, .context = events};
	pthread_mutex_init(&events->mutex, NULL);
	return events;
}

void kube_events_destroy(struct kube_events *events)
{
	if (!events)
		return;
	kube_timer_clear(events->options.loop, &events->timer);
	pthread_mutex_destroy(&events->mutex);
	free(events);
}

/* --- Metrics --- */

static const struct metric events_total = {
    .name = "gpugate_events_total",
    .type = METRIC_COUNTER,
    .unit = "Events",
    .help = "Kubernetes Events, by what came of them; swallowed ones are counted in the message of a later one.",
    .labels = {{"outcome", METRIC_VALUES("posted", "failed", "swallowed")}}, /* By enum outcome. */
    .details = "`swallowed` are those beyond the limit of one in a minute.",
    .alerts = "GpugateEventsFail",
};

const struct metric_set kube_events_metrics = {"Events", "With `--ledger cluster` or `--certs self-managed`.",
					       &events_total, 1};

void kube_events_metrics_render(void *context, struct buf *out)
{
	struct kube_events *events = context;
	int64_t numbers[OUTCOMES];
	for (int i = 0; i < OUTCOMES; i++)
		numbers[i] = (int64_t)atomic_load(&events->outcomes[i]);
	metric_integers(out, &events_total, numbers);
}
