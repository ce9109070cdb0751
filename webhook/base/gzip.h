/*
 * gzip: inflates a gzip file (RFC 1952) that arrives in pieces. What is inflated is passed on in
 * pieces as well, so that a small file which inflates to a large one takes no more memory. A file
 * may have several members. Not thread-safe.
 */
#ifndef WEBHOOK_BASE_GZIP_H
#define WEBHOOK_BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "gpugate/error.h"

struct gzip;

/* Whether a file that begins so is one of gzip. */
bool gzip_begins(const char *bytes, size_t len);

/* Receives inflated bytes. Returns 0, or -1 with an error. */
typedef int gzip_sink(void *context, const char *bytes, size_t len, struct error *err);

/* Returns new, or NULL with an error without memory. */
struct gzip *gzip_create(gzip_sink *sink, void *context, struct error *err);
void gzip_destroy(struct gzip *gzip); /* Accepts NULL. */

/* Processes the next piece. Returns 0, or -1 with an error. */
int gzip_feed(struct gzip *gzip, const char *bytes, size_t len, struct error *err);

/* Ends the input. Returns 0, or -1 with an error if it is incomplete. */
int gzip_finish(const struct gzip *gzip, struct error *err);

#endif
