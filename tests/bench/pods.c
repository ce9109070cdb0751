#include "tests/bench/pods.h"

#include <jansson.h>

/*
 * Appends a copy of the array's first item under another name. Returns its size in bytes, or 0 if
 * there is nothing to copy.
 */
static size_t repeat_first(json_t *array, const char *key, const char *name)
{
	json_t *copy = json_deep_copy(json_array_get(array, 0));
	if (!copy)
		return 0;
	char text[64];
	snprintf(text, sizeof text, "%s-%zu", name, json_array_size(array));
	json_object_set_new(copy, key, json_string(text));
	size_t bytes = json_dumpb(copy, NULL, 0, JSON_COMPACT);
	json_array_append_new(array, copy);
	return bytes;
}

int pods_add(struct buf *pods, const char *review, size_t len)
{
	json_t *tree = json_loadb(review, len, 0, NULL);
	json_t *pod = json_object_get(json_object_get(tree, "request"), "object");
	const char *kind = json_string_value(json_object_get(pod, "kind"));
	json_t *managed = json_object_get(json_object_get(pod, "metadata"), "managedFields");
	json_t *containers = json_object_get(json_object_get(pod, "spec"), "containers");
	if (kind && strcmp(kind, "Pod") == 0 && json_array_size(managed) > 0 && json_array_size(containers) > 0) {
		for (size_t bytes = json_dumpb(pod, NULL, 0, JSON_COMPACT); bytes < PODS_EACH_BYTES;) {
			bytes += repeat_first(managed, "manager", "manager");
			bytes += repeat_first(containers, "name", "container");
		}
		char *text = json_dumps(pod, JSON_COMPACT);
		buf_text(pods, text ? text : "");
		buf_char(pods, '\n');
		free(text);
	}
	json_decref(tree);
	return pods->failed ? -1 : 0;
}

int pods_stream(const struct buf *pods, enum kube_stream_kind kind, struct buf *out)
{
	bool watch = kind == KUBE_STREAM_WATCH;
	buf_text(
	    out,
	    watch ? ""
		  : "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[");
	for (bool first = true; pods->len > 0 && !out->failed && out->len < PODS_STREAM_BYTES; first = false) {
		const char *p = pods->ptr, *end = pods->ptr + pods->len;
		for (const char *newline; p < end && (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
			buf_text(out, watch                     ? "{\"type\":\"MODIFIED\",\"object\":"
				      : first && p == pods->ptr ? ""
								: ",");
			buf_add(out, p, (size_t)(newline - p));
			buf_text(out, watch ? "}\n" : "");
		}
	}
	buf_text(out, watch ? "" : "]}\n");
	return pods->len == 0 || out->failed ? -1 : 0;
}
