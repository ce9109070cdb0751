#include "webhook/quota/document.h"

#include <inttypes.h>

#include "webhook/json/field.h"
#include "webhook/json/write.h"

#define AT(member) .offset = offsetof(struct quota_document, member)

static const struct field holder_fields[] = {
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct quota_holder, namespace)},
    {FIELD_KEY("pods"), .read = field_number, .offset = offsetof(struct quota_holder, pods)},
    {FIELD_KEY("amount"), .read = field_string, .offset = offsetof(struct quota_holder, amount)},
};
static const struct shape holder_shape = SHAPE(holder_fields, sizeof(struct quota_holder));

static const struct field meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, AT(name)},
    {FIELD_KEY("resourceVersion"), .read = field_string, AT(resource_version)},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("tenant"), .read = field_string, AT(tenant)},
    {FIELD_KEY("quota"), .read = field_string, AT(quota)},
    {FIELD_KEY("measure"), .read = field_string, AT(measure)},
    {FIELD_KEY("cohort"), .read = field_string, AT(cohort)},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field status_fields[] = {
    {FIELD_KEY("used"), .read = field_string, AT(used)},
    {FIELD_KEY("pending"), .read = field_string, AT(pending)},
    {FIELD_KEY("hard"), .read = field_string, AT(hard)},
    {FIELD_KEY("borrowed"), .read = field_string, AT(borrowed)},
    {FIELD_KEY("lendable"), .read = field_string, AT(lendable)},
    {FIELD_KEY("exceeded"), .read = field_bool, AT(exceeded)},
    {FIELD_KEY("podVersion"), .read = field_string, AT(pod_version)},
    {FIELD_KEY("policy"), .read = field_string, AT(policy)},
    {FIELD_KEY("holders"), .read = field_list, .shape = &holder_shape, AT(holders),
     .count = offsetof(struct quota_document, holder_count)},
};
static const struct shape status_shape = SHAPE(status_fields, 0);

static const struct field document_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
    {FIELD_KEY("status"), .read = field_object, .shape = &status_shape},
};
static const struct shape document_shape = SHAPE(document_fields, 0);

int quota_document_read(struct str json, struct arena *arena, struct quota_document *document, struct error *err)
{
	struct reader reader;
	*document = (struct quota_document){0};
	reader_init(&reader, json.ptr, json.len, arena);
	if (reader_object(&reader, &document_shape, document) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	return 0;
}

/* --- Writing --- */

/*
 * Writes nothing if `text` is absent. `before` is the JSON that precedes the string: a comma if
 * needed, the key, and a colon.
 */
static void put(struct buf *out, const char *before, struct str text)
{
	if (!str_present(text))
		return;
	buf_text(out, before);
	json_write_string(out, text);
}

static void put_holders(struct buf *out, const struct quota_document *document)
{
	buf_text(out, ",\"holders\":[");
	for (uint32_t i = 0; i < document->holder_count; i++) {
		const struct quota_holder *holder = &document->holders[i];
		put(out, i ? ",{\"namespace\":" : "{\"namespace\":", holder->namespace);
		buf_text(out, ",\"pods\":");
		buf_str(out, holder->pods);
		put(out, ",\"amount\":", holder->amount);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

void quota_document_write(struct buf *out, const struct quota_document *document)
{
	put(out, "{\"apiVersion\":\"gpugate.io/v1\",\"kind\":\"GPUQuota\",\"metadata\":{\"name\":", document->name);
	put(out, ",\"resourceVersion\":", document->resource_version);
	put(out, "},\"spec\":{\"tenant\":", document->tenant);
	put(out, ",\"quota\":", document->quota);
	put(out, ",\"measure\":", document->measure);
	put(out, ",\"cohort\":", document->cohort);
	put(out, "},\"status\":{\"used\":", document->used);
	put(out, ",\"pending\":", document->pending);
	put(out, ",\"hard\":", document->hard);
	put(out, ",\"borrowed\":", document->borrowed);
	put(out, ",\"lendable\":", document->lendable);
	buf_text(out, document->exceeded ? ",\"exceeded\":true" : ",\"exceeded\":false");
	put(out, ",\"podVersion\":", document->pod_version);
	put(out, ",\"policy\":", document->policy);
	put_holders(out, document);
	buf_text(out, "}}");
}

/* --- Hashes --- */

/* Hashing the length before each string makes ("ab", "c") and ("a", "bc") hash differently. */
static uint64_t hash_text(uint64_t hash, struct str text)
{
	uint64_t len = str_present(text) ? text.len : UINT64_MAX;
	for (int i = 0; i < 64; i += 8)
		hash = hash_byte(hash, len >> i & 0xff);
	return hash_bytes(hash, text.ptr, text.len);
}

uint64_t quota_text_hash(struct str text)
{
	return str_present(text) ? hash_text(HASH_BEGIN, text) : 0;
}

uint64_t quota_document_content(const struct quota_document *document)
{
	const struct str texts[] = {
	    document->tenant,  document->quota, document->measure,  document->cohort,   document->used,
	    document->pending, document->hard,  document->borrowed, document->lendable,
	};
	uint64_t hash = hash_text(HASH_BEGIN, document->exceeded ? STR("exceeded") : STR(""));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		hash = hash_text(hash, texts[i]);
	for (uint32_t i = 0; i < document->holder_count; i++) {
		hash = hash_text(hash, document->holders[i].namespace);
		hash = hash_text(hash, document->holders[i].pods);
		hash = hash_text(hash, document->holders[i].amount);
	}
	return hash;
}

/* --- Names --- */

#define MARK ".x-"
#define HASH_DIGITS 16

/*
 * Whether a quota's name could be mistaken for the suffix of a hashed name: "x-" and 16 hexadecimal
 * digits.
 */
static bool looks_hashed(struct str quota)
{
	if (quota.len != sizeof MARK - 2 + HASH_DIGITS || !str_starts(quota, STR("x-")))
		return false;
	for (size_t i = sizeof MARK - 2; i < quota.len; i++)
		if (!strchr("0123456789abcdef", quota.ptr[i]))
			return false;
	return true;
}

void quota_document_name(struct str tenant, struct str quota, char name[static QUOTA_NAME_MAX + 1])
{
	uint64_t hash = hash_text(hash_text(HASH_BEGIN, tenant), quota);
	bool plain = !str_has_char(quota, '.') && !looks_hashed(quota);
	int len = snprintf(name, QUOTA_NAME_MAX + 1, "%.*s.%.*s", STR_ARG(tenant), STR_ARG(quota));
	if (plain && len <= QUOTA_NAME_MAX)
		return;
	int most = QUOTA_NAME_MAX - (int)(sizeof MARK - 1) - HASH_DIGITS;
	if (len > most)
		len = most;
	while (len > 0 && (name[len - 1] == '.' || name[len - 1] == '-'))
		len--;
	snprintf(name + len, (size_t)(QUOTA_NAME_MAX + 1 - len), MARK "%016" PRIx64, hash);
}
