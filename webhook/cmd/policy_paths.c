#include "webhook/cmd/policy_paths.h"

#include <stdlib.h>
#include <unistd.h>

#include "gpugate/report.h"
#include "webhook/cli/terminal.h"

#define FINDINGS_BYTES_MAX ((size_t)256 << 20)

struct policy *policy_paths_load(const struct option_list *paths, struct error *err)
{
	struct report *report = malloc(sizeof *report);
	if (!report) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	report_init(report);
	struct policy *policy = policy_load(paths->items, paths->count, report);
	if (!policy) {
		struct buf text;
		buf_init(&text, FINDINGS_BYTES_MAX);
		report_print(report, terminal_has_colors(STDERR_FILENO), &text);
		fwrite(text.ptr, 1, text.len, stderr);
		buf_release(&text);
		error_set(err,
			  "the policy has errors, which `gpugate lint` shows as well; nothing can be decided by it");
	}
	report_release(report);
	free(report);
	return policy;
}
