/* init_output: where `gpugate init` writes the files that it has made. */
#ifndef WEBHOOK_CMD_INIT_OUTPUT_H
#define WEBHOOK_CMD_INIT_OUTPUT_H

#include "webhook/init/documents.h"

/* Prints all files as one stream of YAML documents, each with its path in a comment. */
void init_output_print(const struct init_files *files);

/*
 * Writes the files into a folder. If it does not exist, it appears with all files at once, or not
 * at all. If it is empty, it is filled in its place, and is empty again after an error. If it has
 * files, they are refused, or with `force` those of the same names are replaced, each at once;
 * others stay. Returns 0, or -1 with an error.
 */
int init_output_write(const struct init_files *files, const char *folder, bool force, struct error *err);

#endif
