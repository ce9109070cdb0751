#include "webhook/cmd/replay_output.h"

#include "webhook/cli/output_junit.h"
#include "webhook/simulate/replay.h"

#define TEXT_BYTES_MAX ((size_t)64 << 20)

static bool fails(unsigned fail_on, const uint64_t counts[REPLAY_CHANGES], int change)
{
	return (fail_on >> change & 1) && counts[change] > 0;
}

void replay_output_junit(const json_t *report, const char *policy, unsigned fail_on,
			 const uint64_t counts[REPLAY_CHANGES], struct buf *out)
{
	struct junit_totals totals = {.cases = REPLAY_CHANGES};
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	replay_print(report, false, &text);
	buf_char(&text, '\0');
	out->failed |= text.failed;
	for (int i = 0; i < REPLAY_CHANGES; i++)
		totals.failures += fails(fail_on, counts, i);
	junit_begin(out, "gpugate replay", &totals);
	junit_suite_begin(out, "replay", &totals);
	for (int i = 0; i < REPLAY_CHANGES && !text.failed; i++) {
		const struct junit_case row = {.suite = "replay",
					       .name = replay_change_names[i],
					       .file = policy,
					       .failure = fails(fail_on, counts, i) ? text.ptr : NULL};
		junit_case(out, &row);
	}
	junit_suite_end(out);
	junit_end(out);
	buf_release(&text);
}
