#include "webhook/cli/output_json.h"

static int take(const char *bytes, size_t len, void *context)
{
	struct buf *out = context;
	buf_add(out, bytes, len);
	return out->failed ? -1 : 0;
}

void output_json(json_t *value, struct buf *out)
{
	if (!value || json_dump_callback(value, take, out, JSON_INDENT(2)) < 0)
		out->failed = true;
	buf_char(out, '\n');
	json_decref(value);
}
