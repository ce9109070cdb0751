/* error_byte: the place that readers of JSON put at the end of an error. */
#ifndef WEBHOOK_JSON_ERROR_BYTE_H
#define WEBHOOK_JSON_ERROR_BYTE_H

#include <stddef.h>

#include "gpugate/error.h"

/*
 * Takes "(byte N)" off the end of a reader's sentence, for a caller that says the place in another
 * way. Returns N; 0 if the sentence has no such end.
 */
size_t error_take_byte(struct error *err);

#endif
