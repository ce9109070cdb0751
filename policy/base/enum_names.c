#include "gpugate/enum_names.h"

static const char *const enforcements[] = {[ENFORCEMENT_DENY] = "deny",
					   [ENFORCEMENT_WARN] = "warn",
					   [ENFORCEMENT_AUDIT] = "audit",
					   [ENFORCEMENT_ALLOW] = "allow"};
static const char *const measures[] = {[MEASURE_COUNT] = "count", [MEASURE_GPUS] = "gpus", [MEASURE_MEMORY] = "memory"};

const char *enforcement_name(enum enforcement enforcement)
{
	return enforcements[enforcement];
}

const char *measure_name(enum measure measure)
{
	return measures[measure];
}
