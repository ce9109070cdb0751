/* namespace_option: the namespace that a person names with -n. */
#ifndef WEBHOOK_CMD_NAMESPACE_OPTION_H
#define WEBHOOK_CMD_NAMESPACE_OPTION_H

#include "gpugate/error.h"

/* Returns 0 if a namespace can have that name, or if it is NULL; else -1 with an error. */
int namespace_option_check(const char *name, struct error *err);

#endif
