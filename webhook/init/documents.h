/* documents: the files of a first policy, with a comment at each guess. */
#ifndef WEBHOOK_INIT_DOCUMENTS_H
#define WEBHOOK_INIT_DOCUMENTS_H

#include "gpugate/buf.h"
#include "webhook/init/fleet.h"

struct init_file {
	struct str path; /* Relative to the folder of the policy. */
	struct str text;
};

/* Files in an arena. The strings may borrow from elsewhere. */
struct init_files {
	struct arena arena;
	struct init_file *items;
	uint32_t count, size;
};

void init_files_init(struct init_files *files);
void init_files_release(struct init_files *files);

/* Adds a file, whose path and text are copied. Returns 0, or -1 with an error. */
int init_files_add(struct init_files *files, struct str path, struct str text, struct error *err);

/*
 * Adds the files of a policy for a fleet whose groups are derived. Returns 0, or -1 with an error.
 */
int documents_write(const struct fleet *fleet, struct init_files *files, struct error *err);

/* Whether the policy may have a file of its own at a path. */
bool documents_has(struct str path);

/* The number of Tenants and Accelerators of that policy. */
uint32_t documents_tenants(const struct fleet *fleet);
uint32_t documents_accelerators(const struct fleet *fleet);

#endif
