/* replay_output: the result of a replay as XML of JUnit. */
#ifndef WEBHOOK_CMD_REPLAY_OUTPUT_H
#define WEBHOOK_CMD_REPLAY_OUTPUT_H

#include <jansson.h>

#include "webhook/simulate/replay_changes.h"

/* Each change is a test case of that policy. It fails if it is in `fail_on` (bits) and occurs. */
void replay_output_junit(const json_t *report, const char *policy, unsigned fail_on,
			 const uint64_t counts[REPLAY_CHANGES], struct buf *out);

#endif
