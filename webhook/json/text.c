#include "webhook/json/text.h"

#include "gpugate/buf.h"
#include "webhook/json/write.h"

/* Each byte that is not UTF-8 takes three bytes, and a control character takes six. */
#define GROWTH 6

/* jansson refuses the text. json_write_string corrects it, and jansson reads what that wrote. */
static json_t *corrected(struct str text)
{
	struct buf buf;
	json_t *value = NULL;

	buf_init(&buf, text.len < SIZE_MAX / GROWTH - 1 ? text.len * GROWTH + 2 : 0);
	json_write_string(&buf, text);
	if (!buf.failed)
		value = json_loadb(buf.ptr, buf.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	buf_release(&buf);
	return value;
}

json_t *json_text(struct str text)
{
	json_t *value = json_stringn(text.ptr ? text.ptr : "", text.len);

	return value || text.len == 0 ? value : corrected(text);
}

json_t *json_text_or_null(struct str text)
{
	return text.len ? json_text(text) : json_null();
}
