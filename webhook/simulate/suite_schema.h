/* suite_schema: the JSON Schema of suites, made from the tables that suite_read follows. */
#ifndef WEBHOOK_SIMULATE_SUITE_SCHEMA_H
#define WEBHOOK_SIMULATE_SUITE_SCHEMA_H

#include "gpugate/schema.h"

extern const struct schema_source suite_schema;

#endif
