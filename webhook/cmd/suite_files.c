#include "webhook/cmd/suite_files.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "gpugate/str.h"

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_suite(const char *name)
{
	static const struct str ends[] = {{".suite.yaml", 11}, {".suite.yml", 10}, {".suite.json", 11}};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (str_ends(str_of(name), ends[i]))
			return true;
	return false;
}

int suite_files_each(const char *path, void (*each)(void *context, const char *file), void *context, struct error *err)
{
	char *copy = strdup(path);
	FTS *fts = copy ? fts_open((char *[]){copy, NULL}, FTS_LOGICAL | FTS_NOCHDIR, compare) : NULL;
	int found = 0;
	if (!fts)
		found = error_set(err, "%.300s: %s", path, strerror(errno));
	for (FTSENT *entry; found >= 0 && (entry = fts_read(fts));) {
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR)
			found = error_set(err, "%.300s: %s; name a file or a folder with suites", entry->fts_path,
					  strerror(entry->fts_errno));
		else if (entry->fts_info != FTS_D && entry->fts_info != FTS_DP &&
			 (entry->fts_level == 0 || is_suite(entry->fts_name))) {
			each(context, entry->fts_path);
			found++;
		}
	}
	if (fts)
		fts_close(fts);
	free(copy);
	return found;
}
