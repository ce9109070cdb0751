#include "webhook/object/pod_text.h"

#include "gpugate/buf.h"
#include "webhook/json/path.h"

#define TEXT_MAX ((size_t)16 << 20) /* More than an API server stores. */

static bool is_empty(struct str json)
{
	for (size_t i = 1; i + 1 < json.len; i++)
		if (!scan_is_blank(json.ptr[i]))
			return false;
	return true;
}

static void add_containers(const struct pod_pieces *pieces, struct str name, struct str quantity, struct buf *out)
{
	const char *comma = "";
	for (uint32_t i = 0; i < pieces->container_count; i++, comma = ",") {
		buf_text(out, comma);
		buf_str(out, pieces->containers[i]);
	}
	if (str_present(pieces->resources)) {
		buf_printf(out, "%s{\"resources\":", comma);
		buf_str(out, pieces->resources);
		buf_char(out, '}');
		comma = ",";
	}
	if (!str_present(name) || !str_present(quantity))
		return;
	buf_printf(out, "%s{\"resources\":{\"limits\":{", comma);
	buf_str(out, name);
	buf_char(out, ':');
	buf_str(out, quantity);
	buf_text(out, "}}}");
}

/* Appends the spec with more containers, which end the list that it has, or are a list. */
static int add_spec(struct str spec, struct str containers, struct buf *out, struct error *err)
{
	struct str list;
	static const char nothing[2 + REVIEW_PADDING] = "{}";
	if (!str_present(spec))
		spec = (struct str){nothing, 2};
	if (!containers.len) {
		buf_str(out, spec);
		return 0;
	}
	if (json_find(spec, "containers", &list, err) < 0)
		return -1;
	if (str_present(list) && list.ptr[0] != '[')
		return error_set(err, "containers: expected a list (byte 0)");
	const char *end = (str_present(list) ? list.ptr + list.len : spec.ptr + spec.len) - 1;
	buf_add(out, spec.ptr, (size_t)(end - spec.ptr));
	buf_text(out, is_empty(str_present(list) ? list : spec) ? "" : ",");
	buf_text(out, str_present(list) ? "" : "\"containers\":[");
	buf_str(out, containers);
	buf_text(out, str_present(list) ? "" : "]");
	buf_add(out, end, (size_t)(spec.ptr + spec.len - end));
	return 0;
}

static int add_metadata(struct str metadata, struct buf *out, struct error *err)
{
	static const char *const keys[] = {"labels", "annotations"};
	const char *comma = "";
	buf_text(out, "{\"metadata\":{");
	for (size_t i = 0; str_present(metadata) && i < 2; i++) {
		struct str value;
		if (json_find(metadata, keys[i], &value, err) < 0)
			return -1;
		if (!str_present(value))
			continue;
		buf_printf(out, "%s\"%s\":", comma, keys[i]);
		buf_str(out, value);
		comma = ",";
	}
	buf_text(out, "},\"spec\":");
	return 0;
}

static int find_device(struct str device, struct str *name, struct str *quantity, struct error *err)
{
	*name = *quantity = (struct str){NULL, 0};
	if (!str_present(device))
		return 0;
	if (json_find(device, "name", name, err) < 0 || json_find(device, "quantity", quantity, err) < 0)
		return -1;
	return str_present(*name) && name->ptr[0] != '"' ? error_set(err, "name: expected a string (byte 0)") : 0;
}

int pod_text(const struct pod_pieces *pieces, struct arena *arena, struct str *pod, struct error *err)
{
	static const char padding[REVIEW_PADDING];
	struct str name, quantity;
	struct buf text, containers;
	buf_init(&text, TEXT_MAX);
	buf_init(&containers, TEXT_MAX);
	int result = find_device(pieces->device, &name, &quantity, err);
	if (result == 0) {
		add_containers(pieces, name, quantity, &containers);
		result = add_metadata(pieces->metadata, &text, err);
	}
	if (result == 0)
		result = add_spec(pieces->spec, buf_view(&containers), &text, err);
	buf_char(&text, '}');
	size_t len = text.len;
	buf_add(&text, padding, sizeof padding);
	*pod = text.failed || containers.failed ? (struct str){NULL, 0} : arena_str(arena, buf_view(&text));
	if (result == 0 && !str_present(*pod))
		result = error_set(err, "there is not enough memory");
	pod->len = len;
	buf_release(&text);
	buf_release(&containers);
	return result;
}
