#include "webhook/cluster/document.h"

#include "webhook/json/field.h"

static const struct field identity_meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct pod, name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct pod, namespace)},
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct pod, uid)},
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct pod, resource_version)},
    {FIELD_KEY("labels"), .read = field_anything},
    {FIELD_KEY("annotations"), .read = field_anything},
    {FIELD_KEY("managedFields"), .read = field_anything},
};
static const struct shape identity_meta_shape = SHAPE(identity_meta_fields, 0);
static const struct field identity_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &identity_meta_shape},
    {FIELD_KEY("spec"), .read = field_anything},
    {FIELD_KEY("status"), .read = field_anything},
};
static const struct shape identity_shape = SHAPE(identity_fields, 0);

static const struct field document_meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct ledger_document, name)},
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct ledger_document, uid)},
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct ledger_document, resource_version)},
};
static const struct shape document_meta_shape = SHAPE(document_meta_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("version"), .read = field_string, .offset = offsetof(struct ledger_document, versions[CONSUMER_POD])},
    {FIELD_KEY("claimVersion"), .read = field_string,
     .offset = offsetof(struct ledger_document, versions[CONSUMER_CLAIM])},
    {FIELD_KEY("pending"), .read = field_string, .offset = offsetof(struct ledger_document, pending)},
    {FIELD_KEY("opened"), .read = field_string, .offset = offsetof(struct ledger_document, opened)},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field document_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &document_meta_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
};
static const struct shape document_shape = SHAPE(document_fields, 0);

static int read_whole(struct str json, struct arena *arena, const struct shape *shape, void *target, struct error *err)
{
	struct reader reader;
	reader_init(&reader, json.ptr, json.len, arena);
	if (reader_object(&reader, shape, target) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	return 0;
}

int ledger_document_read(struct str json, struct arena *arena, struct ledger_document *document, struct error *err)
{
	*document = (struct ledger_document){0};
	return read_whole(json, arena, &document_shape, document, err);
}

int object_identity_read(struct str json, struct arena *arena, struct pod *pod, struct error *err)
{
	*pod = (struct pod){.present = true};
	return read_whole(json, arena, &identity_shape, pod, err);
}

void ledger_document_write(struct buf *out, uint64_t resource_version, const struct ledger_versions *versions,
			   struct str opened, struct str pending)
{
	buf_text(out, "{\"apiVersion\":\"gpugate.io/v1\",\"kind\":\"GPULedger\",\"metadata\":{\"name\":\"cluster\"");
	if (resource_version) {
		buf_text(out, ",\"resourceVersion\":\"");
		buf_number(out, resource_version);
		/*
		 * Only gpugate writes the record. With one empty entry, the API server does not
		 * track which client set which field, which would double the cost of a write.
		 */
		buf_text(out, "\",\"managedFields\":[{}]");
	}
	buf_text(out, "},\"spec\":{\"version\":\"");
	buf_number(out, versions->of[CONSUMER_POD]);
	if (versions->of[CONSUMER_CLAIM]) {
		buf_text(out, "\",\"claimVersion\":\"");
		buf_number(out, versions->of[CONSUMER_CLAIM]);
	}
	buf_text(out, "\",\"opened\":\"");
	buf_str(out, opened);
	buf_text(out, "\",\"pending\":\"");
	buf_str(out, pending);
	buf_text(out, "\"}}");
}
