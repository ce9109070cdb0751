/* lint_fix: changes files as the remedies of findings say. */
#ifndef WEBHOOK_CMD_LINT_FIX_H
#define WEBHOOK_CMD_LINT_FIX_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/report.h"

#define LINT_FIXED_MAX 10000 /* Changes that are named; more are only counted. */

/* A change that was made, and where it was when the file was read. */
struct lint_fixed {
	struct str id;   /* Of the finding. */
	struct str file; /* As in struct finding. */
	unsigned line, column;
	struct str was, text;
};

/* The changes in the order in which they were made. */
struct lint_fixes {
	struct lint_fixed *items; /* The first ones; in the arena. */
	uint32_t kept, size;
	unsigned count; /* Of all changes, kept or not. */
	struct arena arena;
};

void lint_fixes_init(struct lint_fixes *fixes);
void lint_fixes_release(struct lint_fixes *fixes);

/*
 * Applies the remedies that the report kept. A file is replaced at once by a new one with the same
 * mode, and a symbolic link stays. A file that has other bytes than when it was read is left as it
 * is. Adds the changes to `made`. Returns how many were made, or -1 with an error.
 */
int lint_fix(const struct report *report, struct lint_fixes *made, struct error *err);

#endif
