/*
 * test_stream: tests webhook/kube/stream.c: lists and watches, split at any position, damaged or
 * very large.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "webhook/kube/stream.h"

/* What a stream reported: "type|json\n" for each object, and how it ended. */
struct told {
	struct buf text;
	unsigned refuse_at; /* The number of the object at which the callback fails. 0: never. */
	unsigned count;
	size_t kept_most;
	bool failed;
	struct error err;
	char list[256];
};

static int take(void *context, struct str type, struct str json, struct error *err)
{
	struct told *told = context;
	char sum = 0;
	/* Reads the padding for AddressSanitizer. */
	for (unsigned i = 0; i < REVIEW_PADDING; i++)
		sum = (char)(sum ^ ((const volatile char *)json.ptr)[json.len + i]);
	(void)sum;
	buf_str(&told->text, type);
	buf_char(&told->text, '|');
	buf_str(&told->text, json);
	buf_char(&told->text, '\n');
	if (++told->count == told->refuse_at)
		return error_set(err, "the taker does not like it");
	return 0;
}

/* Each piece is in an allocation of exactly its size. */
static int feed_alone(struct kube_stream *stream, const char *bytes, size_t len, struct error *err)
{
	char *piece = malloc(len ? len : 1);
	memcpy(piece, bytes, len);
	int result = kube_stream_feed(stream, piece, len, err);
	free(piece);
	return result;
}

static void begin(struct told *told)
{
	*told = (struct told){.failed = false};
	buf_init(&told->text, 64 << 20);
}

/* Feeds the text in pieces of the sizes `first` and `second`, and then of `rest` bytes each. */
static void split(enum kube_stream_kind kind, struct str text, size_t first, size_t second, size_t rest,
		  struct told *told)
{
	struct kube_stream stream;
	kube_stream_init(&stream, kind, take, told);
	size_t sizes[] = {first, second};
	int result = 0;
	for (size_t at = 0, i = 0, len; result == 0 && (at < text.len || i < 2); at += len, i++) {
		len = i < 2 ? sizes[i] : rest;
		len = len < text.len - at ? len : text.len - at;
		result = feed_alone(&stream, text.ptr + at, len, &told->err);
		if (stream.kept.size > told->kept_most)
			told->kept_most = stream.kept.size;
	}
	if (result == 0)
		result = kube_stream_finish(&stream, &told->err);
	told->failed = result < 0;
	assert_int_equal(told->failed, told->err.text[0] != '\0');
	snprintf(told->list, sizeof told->list, "%.*s|%.*s|%lld", STR_ARG(stream.list.version),
		 STR_ARG(stream.list.next), (long long)stream.list.remaining);
	kube_stream_release(&stream);
}

static void same(const struct told *a, const struct told *b, size_t first, size_t second)
{
	if (!str_eq(buf_view(&a->text), buf_view(&b->text)) || strcmp(a->err.text, b->err.text) != 0 ||
	    strcmp(a->list, b->list) != 0)
		fail_msg("cut at %zu and after %zu more:\n%.*s%s\nbut whole:\n%.*s%s", first, second,
			 STR_ARG(buf_view(&a->text)), a->err.text, STR_ARG(buf_view(&b->text)), b->err.text);
}

/*
 * Splits the text at every position, at every two positions, and into pieces of each small size.
 * The reports must be the same.
 */
static void every_cut(enum kube_stream_kind kind, struct str text, struct told *whole)
{
	begin(whole);
	split(kind, text, text.len, 0, 1, whole);
	for (size_t first = 0; first <= text.len; first++) {
		size_t step = text.len > 400 ? 61 : 1;
		for (size_t second = 0; second <= text.len - first; second += step) {
			struct told told;
			begin(&told);
			split(kind, text, first, second, text.len, &told);
			same(&told, whole, first, second);
			buf_release(&told.text);
		}
	}
	for (size_t size = 1; size < 140; size++) {
		struct told told;
		begin(&told);
		split(kind, text, size, size, size, &told);
		same(&told, whole, size, size);
		buf_release(&told.text);
	}
}

static void tells(enum kube_stream_kind kind, const char *text, const char *objects, const char *list)
{
	struct told whole;
	every_cut(kind, str_of(text), &whole);
	if (whole.failed)
		fail_msg("%s: %s", text, whole.err.text);
	if (!str_eq(buf_view(&whole.text), str_of(objects)))
		fail_msg("%s told:\n%.*s", text, STR_ARG(buf_view(&whole.text)));
	if (list)
		assert_string_equal(whole.list, list);
	buf_release(&whole.text);
}

static void refuses(enum kube_stream_kind kind, const char *text, const char *objects, const char *error)
{
	struct told whole;
	every_cut(kind, str_of(text), &whole);
	if (!whole.failed)
		fail_msg("%s was taken", text);
	if (strcmp(whole.err.text, error) != 0)
		fail_msg("%s: %s", text, whole.err.text);
	if (!str_eq(buf_view(&whole.text), str_of(objects)))
		fail_msg("%s told:\n%.*s", text, STR_ARG(buf_view(&whole.text)));
	buf_release(&whole.text);
}

#define WATCH KUBE_STREAM_WATCH
#define LIST KUBE_STREAM_LIST

static void test_watch(void **state)
{
	(void)state;
	tells(WATCH, "", "", NULL);
	tells(WATCH, " \r\n\t", "", NULL);
	tells(WATCH, "{\"type\":\"ADDED\",\"object\":{\"a\":1}}\n{\"type\":\"DELETED\",\"object\":{}}\n",
	      "ADDED|{\"a\":1}\nDELETED|{}\n", NULL);
	tells(WATCH,
	      "{\"type\":\"A\",\"object\":{}}{\"type\":\"B\",\"object\":{}} \n\n\r {\"type\":\"C\",\"object\":{}}",
	      "A|{}\nB|{}\nC|{}\n", NULL);
	tells(WATCH,
	      " { \"object\" : {\"late\": [1, 2]}\n, \"more\":[{}], \"n\":-1.5e3, \"type\"\t:\"MODIFIED\" , "
	      "\"z\":\"\\\"}\" } ",
	      "MODIFIED|{\"late\": [1, 2]}\n", NULL);
	tells(WATCH, "{\"t\\u0079pe\":\"\\u0041DDED\",\"\\u006fbject\":{\"x\":null}}", "ADDED|{\"x\":null}\n", NULL);
	tells(WATCH, "{\"type\":null,\"object\":null,\"type\":\"A\",\"object\":{}}", "A|{}\n", NULL);
	tells(WATCH,
	      "{\"a key that is longer than any that matters, so that it is cut, or would be, and is not looked "
	      "at\":true,"
	      "\"type\":\"A\",\"s\":\"likewise a string that nobody asked for, with \\\\\\\"escapes\\\\\\\" "
	      "\\\\\",\"object\":{}}",
	      "A|{}\n", NULL);
}

#define SLASHES_16 "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"
#define SLASHES SLASHES_16 SLASHES_16 SLASHES_16 SLASHES_16 SLASHES_16

static void test_strings(void **state)
{
	(void)state;
#define FIRST "{\"a\":\"}]{[\\\"}\",\"b\\\\\":[\"\\\\\",\"\\\\\\\"]}\",{}],\"c\":\"\\\\\\\\\",\"d\":{\"e\":[[],[{}]]}}"
#define SECOND "{\"\":\"" SLASHES "\"}"
#define THIRD "{\"\":[\"" SLASHES "\\\"}]}\"]}"
	tells(WATCH,
	      "{\"type\":\"A\",\"object\":" FIRST "}\n{\"type\":\"B\",\"object\":" SECOND
	      "}{\"type\":\"C\",\"object\":" THIRD "}",
	      "A|" FIRST "\nB|" SECOND "\nC|" THIRD "\n", NULL);
}

static void test_list(void **state)
{
	(void)state;
	tells(LIST,
	      "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"123\",\"continue\":"
	      "\"abc=\","
	      "\"remainingItemCount\":7},\"items\":[{\"a\":1},{\"b\":[2]}]}\n",
	      "|{\"a\":1}\n|{\"b\":[2]}\n", "123|abc=|7");
	tells(LIST, " { \"items\" : [ {} , {} ] , \"metadata\" : {\"resourceVersion\":\"1\\u0032\"} }  ", "|{}\n|{}\n",
	      "12||-1");
	tells(LIST, "{\"items\":[]}", "", "||-1");
	tells(LIST, "{\"metadata\":null,\"items\":null}", "", "||-1");
	tells(
	    LIST,
	    "{\"metadata\":{\"remainingItemCount\":9223372036854775808,\"x\":{}},\"items\":[],\"type\":1,\"object\":2}",
	    "", "||-1");
}

static void test_broken(void **state)
{
	(void)state;
	refuses(WATCH, "[1]", "", "expected an event, found '[' (byte 0)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":{}}\nx", "A|{}\n", "expected an event, found 'x' (byte 25)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":{\"a\":1}", "A|{\"a\":1}\n", "an event is cut off (byte 28)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":{\"a\":\"}", "", "an event is cut off (byte 28)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":{}},", "A|{}\n", "expected an event, found ',' (byte 24)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":{\"a\":[1]]}", "", "expected '}', found ']' (byte 29)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":[]}", "", "expected an object, found '[' (byte 21)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":1}", "", "expected an object, found '1' (byte 21)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":nil}", "", "expected null (byte 21)");
	refuses(WATCH, "{\"type\":\"A\"}", "", "an event without an object (byte 11)");
	refuses(WATCH, "{\"object\":{}}", "", "an event without a type (byte 12)");
	refuses(WATCH, "{}", "", "an event without a type (byte 1)");
	refuses(WATCH, "{\"type\":\"A\",\"type\":\"B\",\"object\":{}}", "", "the key is given twice (byte 12)");
	refuses(WATCH, "{\"type\":\"A\",\"object\":{},\"object\":{}}", "A|{}\n", "the key is given twice (byte 24)");
	refuses(WATCH, "{\"type\" \"A\"}", "", "expected ':', found '\"' (byte 8)");
	refuses(WATCH, "{\"type\":\"A\" \"object\":{}}", "", "expected ',' or '}', found '\"' (byte 12)");
	refuses(WATCH, "{\"type\":\"A\",}", "", "expected a key in double quotes, found '}' (byte 12)");
	refuses(WATCH, "{\"type\":,}", "", "expected a string, found ',' (byte 8)");
	refuses(WATCH, "{\"x\":,}", "", "expected a value, found ',' (byte 5)");
	refuses(WATCH, "{\"x\":01}", "", "a number with a leading zero (byte 5)");
	refuses(WATCH, "{\"x\":\"\\q\"}", "", "an escape that JSON does not know (byte 6)");
	refuses(WATCH, "{\"\xff\":1}", "", "bytes that are not UTF-8 (byte 2)");
	refuses(WATCH, "{\"type\":\"a type that is longer than the longest that there is, and will never be\"}", "",
		"an event's type of that length does not exist (byte 8)");
	refuses(LIST, "", "", "the list is cut off (byte 0)");
	refuses(LIST, "{\"items\":[{}", "|{}\n", "the list is cut off (byte 12)");
	refuses(LIST, "{\"kind\":\"Status\",\"metadata\":{}}", "", "a list without items (byte 30)");
	refuses(LIST, "{\"items\":[]} {", "", "expected nothing more after the list, found '{' (byte 13)");
	refuses(LIST, "{\"items\":[{},]}", "|{}\n", "expected an object, found ']' (byte 13)");
	refuses(LIST, "{\"items\":[{}{}]}", "|{}\n", "expected ',' or ']', found '{' (byte 12)");
	refuses(LIST, "{\"items\":[1]}", "", "expected an object, found '1' (byte 10)");
	refuses(LIST, "{\"items\":{}}", "", "expected an array, found '{' (byte 9)");
	refuses(LIST, "{\"metadata\":{\"continue\":1},\"items\":[]}", "",
		"the list's metadata at byte 12: continue: expected a string, found a number (byte 12)");
	refuses(LIST, "{\"metadata\":{\"a\":}}", "",
		"the list's metadata at byte 12: a: expected a value, found '}' (byte 5)");
}

static void test_taker_refuses(void **state)
{
	(void)state;
	struct told told;
	struct str text =
	    STR("{\"type\":\"A\",\"object\":{}}{\"type\":\"B\",\"object\":{}}{\"type\":\"C\",\"object\":{}}");
	begin(&told);
	told.refuse_at = 2;
	split(WATCH, text, text.len, 0, 1, &told);
	assert_true(told.failed);
	assert_string_equal(told.err.text, "the taker does not like it");
	assert_int_equal(told.count, 2);
	buf_release(&told.text);
}

/* Appends an event whose object has `len` bytes. */
static void add_event(struct buf *text, size_t len)
{
	buf_text(text, "{\"type\":\"ADDED\",\"object\":{\"a\":\"");
	for (size_t i = 8; i < len; i++)
		buf_char(text, 'x');
	buf_text(text, "\"}}\n");
}

static void test_sizes(void **state)
{
	(void)state;
	static const size_t pieces[] = {1000, 16384, 1 << 20, 64 << 20};
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct buf text;
		struct told told;
		buf_init(&text, 64 << 20);
		begin(&told);
		add_event(&text, KUBE_STREAM_ITEM_MAX);
		add_event(&text, 100);
		size_t second = text.len;
		add_event(&text, KUBE_STREAM_ITEM_MAX + 1);
		split(WATCH, buf_view(&text), pieces[i], pieces[i], pieces[i], &told);
		char error[256];
		snprintf(error, sizeof error, "an object of more than 16777216 bytes (byte %zu)", second + 25);
		assert_string_equal(told.err.text, error);
		assert_int_equal(told.count, 2);
		assert_true(told.kept_most <= KUBE_STREAM_ITEM_MAX + REVIEW_PADDING);
		buf_release(&told.text);
		buf_release(&text);
	}
}

static void test_memory_shrinks(void **state)
{
	(void)state;
	struct kube_stream stream;
	struct told told;
	struct buf text;
	struct error err = {.text = ""};
	buf_init(&text, 8 << 20);
	begin(&told);
	kube_stream_init(&stream, WATCH, take, &told);
	add_event(&text, 1 << 20);
	for (size_t at = 0; at < text.len; at += 1000)
		assert_int_equal(
		    kube_stream_feed(&stream, text.ptr + at, text.len - at < 1000 ? text.len - at : 1000, &err), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(stream.kept.size, 0);
	kube_stream_release(&stream);
	buf_release(&told.text);
	buf_release(&text);
}

/* Objects borrow from a piece that contains them and the padding. */
static int take_place(void *context, struct str type, struct str json, struct error *err)
{
	(void)type;
	(void)err;
	*(const char **)context = json.ptr;
	return 0;
}

static void test_borrows(void **state)
{
	(void)state;
	struct str event = STR("{\"type\":\"A\",\"object\":{\"a\":1}}");
	char piece[30 + REVIEW_PADDING];
	memset(piece, ' ', sizeof piece);
	memcpy(piece, event.ptr, event.len);
	for (size_t less = 0; less < 2; less++) {
		struct kube_stream stream;
		struct error err = {.text = ""};
		const char *at = NULL;
		kube_stream_init(&stream, WATCH, take_place, &at);
		assert_int_equal(kube_stream_feed(&stream, piece, 28 + REVIEW_PADDING - less, &err), 0);
		assert_int_equal(at == piece + 21, less == 0);
		kube_stream_release(&stream);
	}
}

/* --- Random JSON --- */

static unsigned random_below(uint64_t *seed, unsigned n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % n;
}

static void add_random_string(struct buf *out, uint64_t *seed)
{
	static const char *const parts[] = {"a",    "{", "}", "[",       "]",        "\\\"",
					    "\\\\", ":", ",", "\\u00e9", "\xc3\xa9", " plain text "};
	buf_char(out, '"');
	for (unsigned n = random_below(seed, 12); n > 0; n--)
		buf_text(out, parts[random_below(seed, sizeof parts / sizeof *parts)]);
	buf_char(out, '"');
}

static void add_random_value(struct buf *out, uint64_t *seed, unsigned depth);

static void add_random_object(struct buf *out, uint64_t *seed, unsigned depth)
{
	buf_char(out, '{');
	for (unsigned i = 0, n = random_below(seed, 5); i < n; i++) {
		buf_text(out, i ? "," : "");
		add_random_string(out, seed);
		buf_text(out, random_below(seed, 4) ? ":" : " : ");
		add_random_value(out, seed, depth + 1);
	}
	buf_char(out, '}');
}

static void add_random_value(struct buf *out, uint64_t *seed, unsigned depth)
{
	switch (random_below(seed, depth < 6 ? 5 : 3)) {
	case 0:
		add_random_string(out, seed);
		return;
	case 1:
		buf_text(out, "-12.5e+3");
		return;
	case 2:
		buf_text(out, random_below(seed, 2) ? "null" : "true");
		return;
	case 3:
		add_random_object(out, seed, depth);
		return;
	default:
		buf_char(out, '[');
		for (unsigned i = 0, n = random_below(seed, 4); i < n; i++) {
			buf_text(out, i ? ", " : "");
			add_random_value(out, seed, depth + 1);
		}
		buf_char(out, ']');
	}
}

static void test_random(void **state)
{
	(void)state;
	uint64_t seed = 20250101;
	for (unsigned round = 0; round < 400; round++) {
		bool watch = round % 2;
		struct buf text, objects, wanted;
		buf_init(&text, 8 << 20);
		buf_init(&objects, 8 << 20);
		buf_init(&wanted, 8 << 20);
		buf_text(&text, watch ? "" : "{\"metadata\":{},\"items\":[");
		for (unsigned i = 0, n = random_below(&seed, 6); i < n; i++) {
			buf_reset(&objects);
			add_random_object(&objects, &seed, 0);
			buf_text(&text, watch ? "{\"type\":\"ADDED\",\"object\":" : i ? "," : "");
			buf_str(&text, buf_view(&objects));
			buf_text(&text, watch ? "}\n" : "");
			buf_text(&wanted, watch ? "ADDED|" : "|");
			buf_str(&wanted, buf_view(&objects));
			buf_char(&wanted, '\n');
		}
		buf_text(&text, watch ? "" : "]}");
		for (unsigned i = 0; i < 30; i++) {
			struct told told;
			begin(&told);
			split(watch ? WATCH : LIST, buf_view(&text), random_below(&seed, (unsigned)text.len + 1),
			      random_below(&seed, (unsigned)text.len + 1), 1 + random_below(&seed, 200), &told);
			assert_string_equal(told.err.text, "");
			assert_true(str_eq(buf_view(&told.text), buf_view(&wanted)));
			buf_release(&told.text);
		}
		buf_release(&text);
		buf_release(&objects);
		buf_release(&wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_watch),          cmocka_unit_test(test_strings),       cmocka_unit_test(test_list),
	    cmocka_unit_test(test_broken),         cmocka_unit_test(test_taker_refuses), cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_memory_shrinks), cmocka_unit_test(test_borrows),       cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
