/*
 * fuzz_stream: compares the splitter of lists and watches with jansson. The first two bytes of the
 * input select the kind of stream and how it is cut.
 *   - However a stream is cut, the same objects are reported and the same error is found.
 *   - If jansson reads a list or events, the splitter accepts them too, with the same objects and
 *     metadata.
 * Each piece is in an allocation of exactly its size, so that AddressSanitizer detects reads beyond
 * it.
 */
#include <jansson.h>
#include <stdio.h>

#include "tests/fuzz/require.h"
#include "webhook/kube/stream.h"

#define JANSSON_FLAGS (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_DISABLE_EOF_CHECK)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	/* The expected objects (events or items). NULL: any. */
	json_t *wanted;
	struct buf text;
	size_t count;
};

static void same_string(json_t *string, struct str text)
{
	REQUIRE(json_is_string(string) && json_string_length(string) == text.len);
	REQUIRE(text.len == 0 || memcmp(json_string_value(string), text.ptr, text.len) == 0);
}

static int take(void *context, struct str type, struct str json, struct error *err)
{
	struct told *told = context;
	(void)err;
	buf_str(&told->text, type);
	buf_char(&told->text, '|');
	buf_str(&told->text, json);
	buf_char(&told->text, '\n');
	for (unsigned i = 0; i < REVIEW_PADDING; i++)
		buf_reserve(&told->text, 1 + (size_t)(((const volatile char *)json.ptr)[json.len + i] & 0));
	if (told->wanted) {
		json_t *want = json_array_get(told->wanted, told->count);
		json_t *tree = json_loadb(json.ptr, json.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
		REQUIRE(want && tree);
		json_t *object = str_present(type) ? json_object_get(want, "object") : want;
		REQUIRE(json_equal(tree, object));
		if (str_present(type))
			same_string(json_object_get(want, "type"), type);
		json_decref(tree);
	}
	told->count++;
	return 0;
}

/*
 * Returns the events or the list's items if the splitter must accept the whole text, otherwise
 * NULL. `*list` receives the list.
 */
static json_t *with_jansson(enum kube_stream_kind kind, const char *bytes, size_t len, json_t **list)
{
	json_t *all = json_array();
	size_t at = 0, documents = 0;
	bool good = true;
	for (;;) {
		while (at < len && scan_is_blank(bytes[at]))
			at++;
		if (at == len || !good)
			break;
		json_error_t error;
		/*
		 * jansson keeps the last of two members with the same key, while the splitter
		 * refuses them, so such texts prove nothing.
		 */
		json_t *tree = json_loadb(bytes + at, len - at, JANSSON_FLAGS | JSON_REJECT_DUPLICATES, &error);
		if (!tree || !json_is_object(tree)) {
			json_decref(tree);
			good = false;
			break;
		}
		at += (size_t)error.position;
		documents++;
		if (kind == KUBE_STREAM_WATCH) {
			good = json_is_string(json_object_get(tree, "type")) &&
			       json_is_object(json_object_get(tree, "object")) &&
			       json_string_length(json_object_get(tree, "type")) < 10;
			json_array_append_new(all, tree);
			continue;
		}
		json_decref(*list);
		*list = tree;
		json_t *items = json_object_get(tree, "items"), *metadata = json_object_get(tree, "metadata"), *item;
		good = documents == 1 && (json_is_array(items) || json_is_null(items)) &&
		       (!metadata || json_is_null(metadata) || json_is_object(metadata));
		size_t i;
		json_array_foreach(items, i, item)
		{
			good = good && json_is_object(item);
			json_array_append(all, item);
		}
		const char *key;
		json_t *value;
		json_object_foreach(metadata, key, value) good =
		    good && (strcmp(key, "remainingItemCount") != 0 || json_is_number(value) || json_is_null(value)) &&
		    ((strcmp(key, "resourceVersion") != 0 && strcmp(key, "continue") != 0) ||
		     (json_is_string(value) && json_string_length(value) < 1000) || json_is_null(value));
	}
	if (good && (kind == KUBE_STREAM_WATCH || documents == 1))
		return all;
	json_decref(all);
	return NULL;
}

static void same_member(json_t *object, const char *key, struct str text)
{
	json_t *value = json_object_get(object, key);
	if (json_is_string(value))
		same_string(value, text);
	else
		REQUIRE(!str_present(text));
}

/*
 * Feeds pieces of `size` bytes, of which the first has `first` bytes. Returns whether everything
 * was accepted.
 */
static bool split(enum kube_stream_kind kind, const char *bytes, size_t len, size_t first, size_t size,
		  const json_t *list, struct told *told, struct error *err)
{
	struct kube_stream stream;
	kube_stream_init(&stream, kind, take, told);
	int result = 0;
	for (size_t at = 0, piece = first; at < len && result == 0; at += piece, piece = size) {
		piece = piece < len - at ? piece : len - at;
		char *alone = malloc(piece + 1);
		REQUIRE(alone);
		/* Unaligned. */
		memcpy(alone + 1, bytes + at, piece);
		result = kube_stream_feed(&stream, alone + 1, piece, err);
		free(alone);
	}
	if (result == 0)
		result = kube_stream_finish(&stream, err);
	REQUIRE((result < 0) == (err->text[0] != '\0'));
	if (told->wanted) {
		REQUIRE(result == 0 && told->count == json_array_size(told->wanted));
		same_member(json_object_get(list, "metadata"), "resourceVersion", stream.list.version);
		same_member(json_object_get(list, "metadata"), "continue", stream.list.next);
	}
	kube_stream_release(&stream);
	return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum kube_stream_kind kind = data[0] & 1 ? KUBE_STREAM_WATCH : KUBE_STREAM_LIST;
	const char *bytes = (const char *)data + 2;
	size_t len = size - 2, first = (data[0] >> 1) * 3u, pieces[] = {len, 1, data[1] + 1u, 64};
	json_t *list = NULL, *wanted = with_jansson(kind, bytes, len, &list);
	struct told whole = {.wanted = wanted};
	struct error whole_err = {.text = ""};
	buf_init(&whole.text, 64 << 20);
	split(kind, bytes, len, len, 1, list, &whole, &whole_err);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct told told = {.wanted = wanted};
		struct error err = {.text = ""};
		buf_init(&told.text, 64 << 20);
		split(kind, bytes, len, first < len ? first : 0, pieces[i], list, &told, &err);
		REQUIRE(str_eq(buf_view(&told.text), buf_view(&whole.text)));
		REQUIRE(strcmp(err.text, whole_err.text) == 0);
		buf_release(&told.text);
	}
	buf_release(&whole.text);
	json_decref(list);
	json_decref(wanted);
	return 0;
}
