#include "webhook/server/recorded_review.h"

#include "webhook/admission/redact.h"
#include "webhook/base/base64.h"
#include "webhook/json/copy.h"
#include "webhook/json/write.h"
#include "webhook/server/policy_store.h"

#define LABELS_BYTES_MAX (1u << 20)

size_t recorded_review_bytes(const struct review_source *source)
{
	return sizeof(struct recorded_review) + source->body.len + source->response.len + 2 * (size_t)REVIEW_PADDING;
}

static void write_labels(struct buf *out, const struct pairs *labels)
{
	if (!labels->present)
		return;
	buf_text(out, ",\"namespaceLabels\":{");
	for (uint32_t i = 0; i < labels->count; i++) {
		if (i)
			buf_char(out, ',');
		json_write_string(out, labels->items[i].key);
		buf_char(out, ':');
		json_write_string(out, labels->items[i].value);
	}
	buf_char(out, '}');
}

/* Copies a text and its padding to `*to`, and moves `*to` behind both. */
static struct str put(char **to, struct str text, size_t padding)
{
	struct str copy = {*to, text.len};
	if (text.len)
		memcpy(*to, text.ptr, text.len);
	memset(*to + text.len, 0, padding);
	*to += text.len + padding;
	return copy;
}

static struct recorded_review *create(const struct review_source *source, struct str labels)
{
	size_t bytes = recorded_review_bytes(source) + labels.len;
	struct recorded_review *record = malloc(bytes);
	if (!record)
		return NULL;
	*record = (struct recorded_review){.bytes = bytes, .endpoint = source->endpoint, .policy = source->policy};
	clock_gettime(CLOCK_REALTIME, &record->time);
	policy_retain(record->policy);
	char *to = record->content;
	record->body = put(&to, source->body, REVIEW_PADDING);
	record->response = put(&to, source->response, REVIEW_PADDING);
	record->labels = put(&to, labels, 0);
	return record;
}

struct recorded_review *recorded_review_create(const struct review_source *source)
{
	struct buf labels;
	buf_init(&labels, LABELS_BYTES_MAX);
	write_labels(&labels, source->namespace_labels);
	struct recorded_review *record = labels.failed ? NULL : create(source, buf_view(&labels));
	buf_release(&labels);
	return record;
}

void recorded_review_destroy(struct recorded_review *record)
{
	policy_release(record->policy);
	free(record);
}

/* The patch, which is base64 in the response, becomes JSON. */
static int patch(struct reader *reader, const struct field *field, void *target)
{
	struct json_copy *copy = target;
	const struct field string = {.offset = 0};
	struct str text;
	struct buf json;
	if (field_string(reader, &string, &text) < 0)
		return -1;
	int result = base64_decode(text, &json);
	if (result == 0) {
		copy_key(copy, field);
		buf_str(copy->out, buf_view(&json));
	}
	buf_release(&json);
	return result < 0 ? scan_fail(&reader->scan, reader->scan.at, "the patch is not base64") : 0;
}

static const struct field status_fields[] = {{FIELD_KEY("message"), .read = copy_value}};
static const struct shape status_shape = SHAPE(status_fields, 0);

static const struct field answer_fields[] = {
    {FIELD_KEY("allowed"), .read = copy_value},
    {FIELD_KEY("status"), .read = copy_members, .shape = &status_shape},
    {FIELD_KEY("warnings"), .read = copy_value},
    {FIELD_KEY("patch"), .read = patch},
    {FIELD_KEY("auditAnnotations"), .read = copy_value},
};
static const struct shape answer_shape = SHAPE(answer_fields, 0);

static const struct field response_fields[] = {{FIELD_KEY("response"), .read = copy_object, .shape = &answer_shape}};
static const struct shape response_shape = SHAPE(response_fields, 0);

static int write_response(const struct recorded_review *record, struct buf *out, struct arena *arena, struct error *err)
{
	struct reader reader;
	struct json_copy copy = {out, NULL};
	reader_init(&reader, record->response.ptr, record->response.len, arena);
	return reader_object(&reader, &response_shape, &copy) < 0 ? reader_error(&reader, err) : 0;
}

static void write_head(const struct recorded_review *record, struct buf *out)
{
	char digest[POLICY_DIGEST_SIZE], stamp[32];
	struct tm parts;
	gmtime_r(&record->time.tv_sec, &parts);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
	policy_digest_text(record->policy, digest);
	buf_printf(out, "{\"time\":\"%s.%03ldZ\",\"endpoint\":\"%s\",\"policy\":\"%s\",\"request\":", stamp,
		   record->time.tv_nsec / 1000000, record->endpoint, digest);
}

int recorded_review_write(const struct recorded_review *record, struct buf *out, struct arena *arena, struct error *err)
{
	write_head(record, out);
	if (redact_request(out, record->body, record->policy, arena, err) < 0)
		return -1;
	buf_str(out, record->labels);
	if (write_response(record, out, arena, err) < 0)
		return -1;
	buf_text(out, "}\n");
	return 0;
}
