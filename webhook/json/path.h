/* path: finds the JSON of one value in an object by the path of its keys. */
#ifndef WEBHOOK_JSON_PATH_H
#define WEBHOOK_JSON_PATH_H

#include "webhook/json/scan.h"

/*
 * Sets `*value` to the JSON of the value at a path of keys separated by dots, such as
 * "spec.template". An empty path is the whole text. `*value` borrows from the text; it is absent if
 * a key is missing or a value on the path is null. If a key appears twice, the first one counts.
 * REVIEW_PADDING readable bytes must follow the text. Returns 0, or -1 with an error that names the
 * path and the byte, such as "spec.template: expected an object, found a number (byte 12)".
 */
int json_find(struct str text, const char *path, struct str *value, struct error *err);

/*
 * Returns the text of a JSON string that has no escapes, such as a name of Kubernetes, borrowed;
 * absent: it has some, or is no string, or is absent.
 */
struct str json_plain_text(struct str value);

#endif
