/*
 * Fuzz target: any bytes as a file for `gpugate lint`. Every finding has an id, a sentence, and a
 * place in the file, and a remedy replaces bytes that are there. A second run finds the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpugate/manifests.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fix(const struct finding_fix *fix, struct str bytes)
{
	size_t mark = str_starts(bytes, STR("\xef\xbb\xbf")) ? 3 : 0;
	REQUIRE(fix->was.len > 0 && fix->line >= 1 && fix->utf16_column >= 1);
	REQUIRE(fix->offset + mark <= bytes.len && str_starts(str_tail(bytes, fix->offset + mark), fix->was));
}

static void check_finding(const struct finding *finding, struct str bytes)
{
	REQUIRE(finding->text.len > 0 && finding->length >= 1);
	REQUIRE(finding->id.len == 0 || lint_find(finding->id) < LINT_IDS);
	REQUIRE((finding->line == 0) == (finding->column == 0));
	if (finding->fix.set)
		check_fix(&finding->fix, bytes);
}

/* Returns how many findings there are. */
static unsigned lint(const char *path, struct str bytes)
{
	struct report *report = malloc(sizeof *report);
	struct manifests manifests;
	REQUIRE(report);
	report_init(report);
	REQUIRE(manifests_find(&manifests, &path, 1, NULL, 0, report) == 0);
	manifests_lint(&manifests, report);
	for (unsigned i = 0; i < report->count; i++)
		check_finding(&report->findings[i], bytes);
	unsigned found = report->errors + report->warnings;
	manifests_release(&manifests);
	report_release(report);
	free(report);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64];
	struct str bytes = {(const char *)data, size};
	if (fd < 0)
		fd = memfd_create("manifest", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && ftruncate(fd, 0) == 0);
	REQUIRE(size == 0 || pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	REQUIRE(lint(path, bytes) == lint(path, bytes));
	return 0;
}
