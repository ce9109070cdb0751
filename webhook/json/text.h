/*
 * text: strings as jansson values. Both functions return new; NULL without memory or if the text is
 * not UTF-8.
 */
#ifndef WEBHOOK_JSON_TEXT_H
#define WEBHOOK_JSON_TEXT_H

#include <jansson.h>

#include "gpugate/str.h"

/* An absent string becomes "". */
static inline json_t *json_text(struct str text)
{
	return json_stringn(text.ptr ? text.ptr : "", text.len);
}

/* An empty or absent string becomes null. */
static inline json_t *json_text_or_null(struct str text)
{
	return text.len ? json_text(text) : json_null();
}

#endif
