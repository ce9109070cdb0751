/*
 * text: strings as jansson values, which are always UTF-8. Bytes that are not, such as those of a
 * file name, become U+FFFD. Both functions return new; NULL without memory.
 */
#ifndef WEBHOOK_JSON_TEXT_H
#define WEBHOOK_JSON_TEXT_H

#include <jansson.h>

#include "gpugate/str.h"

/* An absent string becomes "". */
json_t *json_text(struct str text);

/* An empty or absent string becomes null. */
json_t *json_text_or_null(struct str text);

#endif
