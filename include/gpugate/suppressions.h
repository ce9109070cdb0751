/*
 * suppressions: findings that are meant, as the file `.gpugate-lint.yaml` of a folder lists them:
 *
 *     suppressions:
 *     - id: visible-devices
 *       files: monitoring/exporter.yaml  # or a glob, below the folder; without it, any file
 *       object: dcgm-exporter            # metadata.name; without it, any object
 *       reason: The exporter reads the counters of every GPU.
 *
 * `gpugate serve` never reads that file, since its name begins with a dot.
 */
#ifndef GPUGATE_SUPPRESSIONS_H
#define GPUGATE_SUPPRESSIONS_H

#include "gpugate/report.h"

#define SUPPRESSIONS_FILE ".gpugate-lint.yaml"
#define SUPPRESSIONS_MAX 1000 /* In all files together. */

struct suppressions;

/*
 * Reads the file in each of the folders, if it is there, and makes the report use it. Paths that
 * are no folders have none. Problems go to the report. Returns new, or NULL without memory. The
 * report must not be used after suppressions_destroy.
 */
struct suppressions *suppressions_read(const char *const *paths, size_t count, struct report *report);
void suppressions_destroy(struct suppressions *suppressions); /* Accepts NULL. */

/* Adds a finding for each suppression that was of no use, and sorts the report. */
void suppressions_finish(const struct suppressions *suppressions, struct report *report);

#endif
