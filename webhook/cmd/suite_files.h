/* suite_files: the files with suites below a path. */
#ifndef WEBHOOK_CMD_SUITE_FILES_H
#define WEBHOOK_CMD_SUITE_FILES_H

#include "gpugate/error.h"

/*
 * Calls `each` for the path if it is a file, whatever its name. If it is a folder, calls it for all
 * files in and below it whose names end in .suite.yaml, .suite.yml or .suite.json, sorted by path.
 * Symbolic links are followed, but not in circles. Returns how many there were, or -1 with an
 * error.
 */
int suite_files_each(const char *path, void (*each)(void *context, const char *file), void *context, struct error *err);

#endif
