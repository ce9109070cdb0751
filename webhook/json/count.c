#include "webhook/json/count.h"

#include "gpugate/quantity.h"

#define VALUE_SHOWN 40 /* A longer value is not shown. */

const char *json_found(struct str value, char buffer[JSON_FOUND_BYTES])
{
	bool text = str_starts(value, STR("\"")), shown = value.len <= VALUE_SHOWN;
	if (str_starts(value, STR("{")))
		return "an object";
	if (str_starts(value, STR("[")))
		return "a list";
	if (!shown || value.len == 0)
		return text ? "a long text" : "another value";
	snprintf(buffer, JSON_FOUND_BYTES, "%s%.*s", text ? "the text " : "", STR_ARG(value));
	return buffer;
}

int json_count(struct str json, struct str path, struct str value, int64_t *number, struct error *err)
{
	char found[JSON_FOUND_BYTES], remedy[JSON_FOUND_BYTES] = "";
	bool text = str_starts(value, STR("\"")) && value.len >= 2;
	int64_t meant;
	if (!text && quantity_count(value, number) == QUANTITY_OK)
		return 0;
	if (text && quantity_count((struct str){value.ptr + 1, value.len - 2}, &meant) == QUANTITY_OK)
		snprintf(remedy, sizeof remedy, "; write %lld", (long long)meant);
	return error_set(err, "%.*s: expected a whole number of 0 or more, found %s%s (byte %zu)", STR_ARG(path),
			 json_found(value, found), remedy, (size_t)(value.ptr - json.ptr));
}
