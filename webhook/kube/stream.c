#include "webhook/kube/stream.h"

#include <inttypes.h>

#define METADATA_MAX (64u << 10) /* Maximum bytes of the version and continue token of a list. */

enum state {
	BEGIN,
	FIRST_KEY,
	NEXT_KEY,
	KEY,
	COLON,
	VALUE,
	NESTED,
	STRING,
	SCALAR,
	COMMA,
	FIRST_ITEM,
	NEXT_ITEM,
	ITEM_COMMA,
	END
};

/* The role of a value in the document. */
enum role { SKIPPED, TYPE, OBJECT, METADATA, ITEMS, ITEM };

static const struct {
	const char *key;
	enum kube_stream_kind kind;
	/* First byte of the value, which gives its type. The value may also be null. */
	char opener;
	const char *what;
} roles[] = {
    [SKIPPED] = {.key = NULL},
    [TYPE] = {"type", KUBE_STREAM_WATCH, '"', "a string"},
    [OBJECT] = {"object", KUBE_STREAM_WATCH, '{', "an object"},
    [METADATA] = {"metadata", KUBE_STREAM_LIST, '{', "an object"},
    [ITEMS] = {"items", KUBE_STREAM_LIST, '[', "an array"},
    [ITEM] = {.key = NULL},
};

void kube_stream_init(struct kube_stream *stream, enum kube_stream_kind kind,
		      int (*item)(void *context, struct str type, struct str json, struct error *err), void *context)
{
	*stream =
	    (struct kube_stream){.kind = kind, .item = item, .context = context, .list.remaining = -1, .state = BEGIN};
	buf_init(&stream->kept, KUBE_STREAM_ITEM_MAX + REVIEW_PADDING);
	arena_init(&stream->arena, 1024, METADATA_MAX);
}

void kube_stream_release(struct kube_stream *stream)
{
	buf_release(&stream->kept);
	arena_release(&stream->arena);
}

static uint64_t place(const struct kube_stream *stream, const char *p)
{
	return stream->offset + (uint64_t)(p - stream->piece);
}

static const char *refuse(uint64_t at, struct error *err, const char *what)
{
	error_set(err, "%s (byte %" PRIu64 ")", what, at);
	return NULL;
}

static const char *expected(const struct kube_stream *stream, const char *p, const char *what, struct error *err)
{
	bool plain = *p > ' ' && *p < 0x7f;
	error_set(err,
		  plain ? "expected %s, found '%c' (byte %" PRIu64 ")"
			: "expected %s, found byte 0x%02x (byte %" PRIu64 ")",
		  what, (unsigned char)*p, place(stream, p));
	return NULL;
}

static void word_begin(struct kube_stream *stream, const char *p)
{
	kube_word_init(&stream->word);
	stream->value_at = place(stream, p);
}

static int word_finish(struct kube_stream *stream, struct error *err)
{
	char fault[256];
	size_t at;
	if (kube_word_finish(&stream->word, &at, fault) == 0)
		return 0;
	refuse(stream->value_at + at, err, fault);
	return -1;
}

/* Discards what is kept, and frees a buffer that has grown large. */
static void forget(struct kube_stream *stream)
{
	if (stream->kept.size > KUBE_STREAM_KEPT_MAX)
		buf_release(&stream->kept);
	else
		buf_reset(&stream->kept);
}

static int keep(struct kube_stream *stream, const char *from, const char *to, struct error *err)
{
	buf_add(&stream->kept, from, (size_t)(to - from));
	if (stream->kept.failed)
		return error_set(err, "there is no memory for the object at byte %" PRIu64, stream->value_at);
	return 0;
}

/* Returns what is kept, with padding after it. Absent without memory. */
static struct str kept_json(struct kube_stream *stream, struct error *err)
{
	char *padding = buf_reserve(&stream->kept, REVIEW_PADDING);
	if (!padding) {
		error_set(err, "there is no memory for the object at byte %" PRIu64, stream->value_at);
		return (struct str){NULL, 0};
	}
	memset(padding, 0, REVIEW_PADDING);
	return buf_view(&stream->kept);
}

static int tell(struct kube_stream *stream, struct str type, struct str json, struct error *err)
{
	stream->item_count++;
	return stream->item(stream->context, type, json, err);
}

static struct str type_text(const struct kube_stream *stream)
{
	return (struct str){stream->type.text, stream->type.len};
}

/* Processes a complete object by its role. Returns 0 or -1. */
static int take_json(struct kube_stream *stream, struct str json, struct error *err)
{
	if (stream->role == OBJECT)
		return tell(stream, type_text(stream), json, err);
	if (stream->role == ITEM)
		return tell(stream, (struct str){NULL, 0}, json, err);
	if (kube_list_read(json, &stream->arena, &stream->list, err) < 0)
		return error_wrap(err, "the list's metadata at byte %" PRIu64, stream->value_at);
	return 0;
}

static bool has(const struct kube_stream *stream, enum role role)
{
	return stream->seen >> role & 1;
}

static const char *begin_nested(struct kube_stream *stream, const char *p)
{
	stream->value_at = place(stream, p);
	stream->from = p;
	kube_nest_init(&stream->nest);
	stream->state = NESTED;
	return p + 1;
}

static const char *take_nested(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	const char *after = kube_nest_end(&stream->nest, p, end);
	if (place(stream, after ? after : end) - stream->value_at > KUBE_STREAM_ITEM_MAX) {
		error_set(err, "an object of more than %u bytes (byte %" PRIu64 ")", KUBE_STREAM_ITEM_MAX,
			  stream->value_at);
		return NULL;
	}
	if (!after)
		return end; /* kube_stream_feed keeps the part that has arrived. */
	stream->state = stream->role == ITEM ? ITEM_COMMA : COMMA;
	if (stream->role == SKIPPED)
		return after;
	if (after[-1] != '}')
		return expected(stream, after - 1, "'}'", err);
	struct str json = {stream->from, (size_t)(after - stream->from)};
	stream->held = stream->role == OBJECT && !has(stream, TYPE);
	if (stream->kept.len > 0 || end - after < REVIEW_PADDING || stream->held) {
		if (keep(stream, stream->from, after, err) < 0)
			return NULL;
		json = kept_json(stream, err);
	}
	if (!str_present(json))
		return NULL;
	if (stream->held)
		return after;
	if (take_json(stream, json, err) < 0)
		return NULL;
	forget(stream);
	return after;
}

/* --- The frame around objects. Each function takes at least one byte or changes the state. --- */

static const char *take_begin(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	if (*p != '{')
		return expected(stream, p, stream->kind == KUBE_STREAM_WATCH ? "an event" : "a list", err);
	stream->seen = 0;
	stream->held = false;
	stream->state = FIRST_KEY;
	return p + 1;
}

static const char *end_document(struct kube_stream *stream, const char *p, struct error *err)
{
	bool watch = stream->kind == KUBE_STREAM_WATCH;
	if (watch && (!has(stream, TYPE) || !has(stream, OBJECT)))
		return refuse(place(stream, p), err,
			      has(stream, TYPE) ? "an event without an object" : "an event without a type");
	if (!watch && !has(stream, ITEMS))
		return refuse(place(stream, p), err, "a list without items");
	stream->state = watch ? BEGIN : END;
	return p + 1;
}

static const char *take_key(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	if (*p == '}' && stream->state == FIRST_KEY)
		return end_document(stream, p, err);
	if (*p != '"')
		return expected(stream, p, "a key in double quotes", err);
	word_begin(stream, p);
	kube_word_add(&stream->word, *p);
	stream->state = KEY;
	return p + 1;
}

static const char *take_key_text(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	const char *after = kube_word_string(&stream->word, p, end);
	if (!after)
		return end;
	if (word_finish(stream, err) < 0)
		return NULL;
	unsigned role = ITEM;
	while (role > SKIPPED && !(roles[role].key && roles[role].kind == stream->kind &&
				   kube_word_is(&stream->word, str_of(roles[role].key))))
		role--;
	if (role != SKIPPED && has(stream, role))
		return refuse(stream->value_at, err, "the key is given twice");
	stream->role = role;
	stream->seen |= 1u << role;
	stream->state = COLON;
	return after;
}

static const char *take_colon(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	if (*p != ':')
		return expected(stream, p, "':'", err);
	stream->state = VALUE;
	return p + 1;
}

static const char *take_value(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	char opener = roles[stream->role].opener;
	if (opener && *p != opener && *p != 'n')
		return expected(stream, p, roles[stream->role].what, err);
	if (stream->role == ITEMS && *p == '[') {
		stream->state = FIRST_ITEM;
		return p + 1;
	}
	if (*p == '{' || *p == '[')
		return begin_nested(stream, p);
	word_begin(stream, p);
	stream->state = SCALAR;
	if (*p != '"')
		return p;
	kube_word_add(&stream->word, *p);
	stream->state = STRING;
	return p + 1;
}

static const char *take_string(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	const char *after = kube_word_string(&stream->word, p, end);
	if (!after)
		return end;
	if (word_finish(stream, err) < 0)
		return NULL;
	stream->state = COMMA;
	if (stream->role != TYPE)
		return after;
	if (kube_word_is_cut(&stream->word))
		return refuse(stream->value_at, err, "an event's type of that length does not exist");
	memcpy(stream->type.text, stream->word.text, stream->word.len);
	stream->type.len = stream->word.len;
	if (!stream->held)
		return after;
	stream->held = false;
	if (tell(stream, type_text(stream), buf_view(&stream->kept), err) < 0)
		return NULL;
	forget(stream);
	return after;
}

static const char *take_scalar(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	p = kube_word_scalar(&stream->word, p, end);
	if (p == end)
		return p;
	if (stream->word.len == 0)
		return expected(stream, p, "a value", err);
	if (word_finish(stream, err) < 0)
		return NULL;
	if (stream->role != ITEMS && kube_word_is(&stream->word, STR("null")))
		/* null counts as absent, except that null items are an empty list. */
		stream->seen &= ~(1u << stream->role);
	stream->state = COMMA;
	return p;
}

static const char *take_comma(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	bool list = stream->state == ITEM_COMMA;
	if (*p == (list ? ']' : '}')) {
		if (!list)
			return end_document(stream, p, err);
		stream->state = COMMA;
		return p + 1;
	}
	if (*p != ',')
		return expected(stream, p, list ? "',' or ']'" : "',' or '}'", err);
	stream->state = list ? NEXT_ITEM : NEXT_KEY;
	return p + 1;
}

static const char *take_item(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	if (*p == ']' && stream->state == FIRST_ITEM) {
		stream->state = COMMA;
		return p + 1;
	}
	if (*p != '{')
		return expected(stream, p, "an object", err);
	stream->role = ITEM;
	return begin_nested(stream, p);
}

static const char *take_end(struct kube_stream *stream, const char *p, const char *end, struct error *err)
{
	(void)end;
	return expected(stream, p, "nothing more after the list", err);
}

static const struct {
	bool spaced; /* White space may precede it. */
	const char *(*take)(struct kube_stream *stream, const char *p, const char *end, struct error *err);
} steps[] = {
    [BEGIN] = {true, take_begin},      [FIRST_KEY] = {true, take_key},   [NEXT_KEY] = {true, take_key},
    [KEY] = {false, take_key_text},    [COLON] = {true, take_colon},     [VALUE] = {true, take_value},
    [NESTED] = {false, take_nested},   [STRING] = {false, take_string},  [SCALAR] = {false, take_scalar},
    [COMMA] = {true, take_comma},      [FIRST_ITEM] = {true, take_item}, [NEXT_ITEM] = {true, take_item},
    [ITEM_COMMA] = {true, take_comma}, [END] = {true, take_end},
};

int kube_stream_feed(struct kube_stream *stream, const char *bytes, size_t len, struct error *err)
{
	const char *p = bytes, *end = bytes + len;
	stream->piece = stream->from = bytes;
	while (p < end) {
		if (steps[stream->state].spaced && scan_is_blank(*p)) {
			p++;
			continue;
		}
		p = steps[stream->state].take(stream, p, end, err);
		if (!p)
			return -1;
	}
	if (stream->state == NESTED && stream->role != SKIPPED && keep(stream, stream->from, end, err) < 0)
		return -1;
	stream->offset += len;
	return 0;
}

int kube_stream_finish(struct kube_stream *stream, struct error *err)
{
	bool watch = stream->kind == KUBE_STREAM_WATCH;
	if (stream->state == (watch ? (unsigned)BEGIN : (unsigned)END))
		return 0;
	return error_set(err, "%s is cut off (byte %" PRIu64 ")", watch ? "an event" : "the list", stream->offset);
}
