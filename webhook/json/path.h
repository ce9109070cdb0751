/* path: the JSON of one value inside an object, by the keys that lead to it. */
#ifndef WEBHOOK_JSON_PATH_H
#define WEBHOOK_JSON_PATH_H

#include "webhook/json/scan.h"

/*
 * Sets `*value` to the JSON of the value at a path of keys separated by dots, such as
 * "spec.template"; an empty path is the whole text. `*value` borrows from the text, and is absent
 * if a key is missing or something on the way is null. Of a key that is given twice the first
 * counts. REVIEW_PADDING readable bytes must follow the text. Returns 0, or -1 with an error that
 * names the path and the byte, such as "spec.template: expected an object, found a number (byte
 * 12)".
 */
int json_find(struct str text, const char *path, struct str *value, struct error *err);

#endif
