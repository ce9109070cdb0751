/* bundles: what the entries of a webhook configuration trust. */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "webhook/base/base64.h"
#include "webhook/cert_controller/state.h"
#include "webhook/json/write.h"

static void free_items(struct bundles *bundles)
{
	for (size_t i = 0; i < bundles->count; i++) {
		free(bundles->items[i].name);
		free(bundles->items[i].text);
	}
	free(bundles->items);
	bundles->items = NULL;
	bundles->count = 0;
}

void bundles_release(struct bundles *bundles)
{
	free_items(bundles);
	free(bundles->right_names);
	*bundles = (struct bundles){.known = false};
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static int take_items(struct bundles *bundles, const json_t *webhooks)
{
	size_t count = json_array_size(webhooks);
	bundles->items = calloc(count ? count : 1, sizeof *bundles->items);
	for (size_t i = 0; bundles->items && i < count; i++) {
		const json_t *webhook = json_array_get(webhooks, i);
		struct bundle *item = &bundles->items[bundles->count++];
		item->name = strdup(text_at(webhook, "name"));
		item->text = strdup(text_at(json_object_get(webhook, "clientConfig"), "caBundle"));
		if (!item->name || !item->text)
			return -1;
	}
	return bundles->items ? 0 : -1;
}

int bundles_see(struct bundles *bundles, struct str json, struct error *err)
{
	json_error_t problem;
	free_items(bundles);
	bundles->known = true;
	bundles->version[0] = bundles->uid[0] = '\0';
	if (json.len == 0)
		return 0;
	json_t *object = json_loadb(json.ptr, json.len, 0, &problem);
	const json_t *metadata = json_object_get(object, "metadata");
	int failed = object ? take_items(bundles, json_object_get(object, "webhooks")) : -1;
	snprintf(bundles->version, sizeof bundles->version, "%.63s", text_at(metadata, "resourceVersion"));
	snprintf(bundles->uid, sizeof bundles->uid, "%.63s", text_at(metadata, "uid"));
	json_decref(object);
	if (!failed)
		return 0;
	free_items(bundles);
	bundles->known = false;
	return error_set(err, "a webhook configuration cannot be read: %s",
			 object ? "not enough memory" : problem.text);
}

static void digest(const char *text, unsigned char id[static CERTS_ID_BYTES])
{
	memset(id, 0, CERTS_ID_BYTES);
	EVP_Digest(text, strlen(text), id, NULL, EVP_sha256(), NULL);
}

static void remember(struct bundles *bundles, const char *wanted)
{
	struct buf names;
	buf_init(&names, 1 << 20);
	buf_char(&names, '\n');
	for (size_t i = 0; i < bundles->count; i++)
		buf_printf(&names, "%s\n", bundles->items[i].name);
	buf_char(&names, '\0');
	free(bundles->right_names);
	bundles->right_names = names.failed ? NULL : names.ptr;
	if (names.failed)
		buf_release(&names);
	snprintf(bundles->right_uid, sizeof bundles->right_uid, "%s", bundles->uid);
	digest(wanted, bundles->right_id);
}

bool bundles_right(struct bundles *bundles, const char *wanted)
{
	for (size_t i = 0; i < bundles->count; i++)
		if (strcmp(bundles->items[i].text, wanted) != 0)
			return false;
	remember(bundles, wanted);
	return true;
}

/* --- The certificates in a bundle --- */

/* Calls `found` for the certificates of one bundle until it returns nonzero. */
static void look_into(const struct bundle *bundle, int (*found)(void *context, const struct certs_item *item),
		      void *context)
{
	struct str text = str_of(bundle->text);
	struct error unreadable = {0};
	struct buf pem;
	buf_init(&pem, 0);
	if (text.len < CERTS_PEM_MAX && base64_decode(text, &pem) == 0)
		certs_bundle_each(buf_view(&pem), found, context, &unreadable);
	buf_release(&pem);
}

struct search {
	const unsigned char *id;
	bool found;
};

static int compare(void *context, const struct certs_item *item)
{
	struct search *search = context;
	search->found = memcmp(item->id, search->id, CERTS_ID_BYTES) == 0;
	return search->found;
}

bool bundles_hold(const struct bundles *bundles, const unsigned char id[static CERTS_ID_BYTES])
{
	for (size_t i = 0; i < bundles->count; i++) {
		struct search search = {.id = id};
		look_into(&bundles->items[i], compare, &search);
		if (!search.found)
			return false;
	}
	return true;
}

void bundles_each(const struct bundles *bundles, int (*found)(void *context, const struct certs_item *item),
		  void *context)
{
	for (size_t i = 0; i < bundles->count; i++)
		look_into(&bundles->items[i], found, context);
}

/* --- Writing --- */

static bool was_right(const struct bundles *bundles, const char *name)
{
	struct buf line;
	buf_init(&line, 4096);
	buf_printf(&line, "\n%s\n", name);
	buf_char(&line, '\0');
	bool found = !line.failed && bundles->right_names && strstr(bundles->right_names, line.ptr);
	buf_release(&line);
	return found;
}

enum bundle_reason bundles_reason(const struct bundles *bundles, const char *wanted)
{
	unsigned char id[CERTS_ID_BYTES];
	enum bundle_reason reason = BUNDLE_FILLED;
	digest(wanted, id);
	bool same = strcmp(bundles->uid, bundles->right_uid) == 0 && memcmp(id, bundles->right_id, sizeof id) == 0;
	for (size_t i = 0; i < bundles->count; i++) {
		const struct bundle *item = &bundles->items[i];
		if (strcmp(item->text, wanted) == 0)
			continue;
		if (same && was_right(bundles, item->name))
			return BUNDLE_RESTORED;
		if (*item->text)
			reason = BUNDLE_ROTATED;
	}
	return reason;
}

void bundles_patch(const struct bundles *bundles, const char *wanted, struct buf *out)
{
	bool first = true;
	buf_text(out, "{\"metadata\":{\"resourceVersion\":");
	json_write_string(out, str_of(bundles->version));
	buf_text(out, "},\"webhooks\":[");
	for (size_t i = 0; i < bundles->count; i++) {
		if (strcmp(bundles->items[i].text, wanted) == 0)
			continue;
		buf_text(out, first ? "{\"name\":" : ",{\"name\":");
		json_write_string(out, str_of(bundles->items[i].name));
		buf_printf(out, ",\"clientConfig\":{\"caBundle\":\"%s\"}}", wanted);
		first = false;
	}
	buf_text(out, "]}");
}
