#include <inttypes.h>

#include "webhook/kube/watch_state.h"

void kube_watch_begin(struct kube_watch *watch)
{
	if (!watch->begun)
		watch->options.events.begin(watch->options.events.context);
	watch->begun = true;
}

void kube_watch_synced(struct kube_watch *watch, uint64_t version)
{
	char number[24];
	kube_watch_begin(watch);
	watch->begun = false;
	watch->version = version;
	watch->unfinished = 0;
	watch->useless = 0;
	atomic_fetch_add(&watch->lists, 1);
	struct log_field fields[] = {{.key = "watch", .text = str_of(watch->options.name)},
				     log_number("version", (int64_t)version, number)};
	log_event(watch->options.log, LOG_INFO, "kube_listed", fields, 2);
	watch->options.events.synced(watch->options.events.context, version);
}

/*
 * Versions must not decrease. Otherwise the cluster has another history, for example after a
 * restore.
 */
static int advance(struct kube_watch *watch, uint64_t version, struct error *err)
{
	if (version < watch->version) {
		error_set(err,
			  "the API server's versions went back from %" PRIu64 " to %" PRIu64
			  ": everything is listed again",
			  watch->version, version);
		watch->version = 0;
		return -1;
	}
	watch->version = version;
	watch->notified = true;
	return 0;
}

static int take_change(struct kube_watch *watch, bool gone, struct str json, struct error *err)
{
	const struct kube_watch_events *events = &watch->options.events;
	uint64_t version;
	if (kube_event_version(json, &version, err) < 0 ||
	    (watch->phase == WATCHING && advance(watch, version, err) < 0))
		return -1;
	if (watch->phase == WATCH_LIST)
		kube_watch_begin(watch);
	if (watch->phase == WATCH_LIST && !gone)
		events->listed(events->context, json);
	else
		events->changed(events->context, gone, json);
	return 0;
}

static int take_present(struct kube_watch *watch, struct str json, struct error *err)
{
	return take_change(watch, false, json, err);
}

static int take_gone(struct kube_watch *watch, struct str json, struct error *err)
{
	return take_change(watch, true, json, err);
}

static int take_bookmark(struct kube_watch *watch, struct str json, struct error *err)
{
	struct kube_bookmark bookmark;
	if (kube_event_bookmark(json, &bookmark, err) < 0)
		return -1;
	if (watch->phase == WATCH_LIST) {
		if (bookmark.initial_end) {
			watch->phase = WATCHING;
			kube_watch_synced(watch, bookmark.version);
		}
		return 0;
	}
	if (advance(watch, bookmark.version, err) < 0)
		return -1;
	watch->options.events.bookmark(watch->options.events.context, bookmark.version);
	return 0;
}

static int take_error(struct kube_watch *watch, struct str json, struct error *err)
{
	kube_event_status(json, &watch->error);
	if (watch->error.code == 0)
		watch->error.code = 500;
	return error_set(err, "the API server ended the watch: %s", watch->error.message);
}

static const struct {
	struct str type;
	int (*take)(struct kube_watch *watch, struct str json, struct error *err);
} event_types[] = {
    {{"ADDED", 5}, take_present},     {{"MODIFIED", 8}, take_present}, {{"DELETED", 7}, take_gone},
    {{"BOOKMARK", 8}, take_bookmark}, {{"ERROR", 5}, take_error},
};

static int take_event(struct kube_watch *watch, struct str type, struct str json, struct error *err)
{
	for (size_t i = 0; i < sizeof event_types / sizeof *event_types; i++)
		if (str_eq(type, event_types[i].type))
			return event_types[i].take(watch, json, err);
	return error_set(err, "an event of the unknown type \"%.*s\"", STR_ARG(type));
}

static int take_listed(struct kube_watch *watch, struct str json)
{
	kube_watch_begin(watch);
	watch->options.events.listed(watch->options.events.context, json);
	return 0;
}

int kube_watch_take(void *context, struct str type, struct str json, struct error *err)
{
	struct kube_watch *watch = context;
	atomic_fetch_add(&watch->events, 1);
	int result = watch->phase == LISTING ? take_listed(watch, json) : take_event(watch, type, json, err);
	if (result == 0 && watch->relist)
		return error_set(err, "a new list was asked for");
	return result;
}
