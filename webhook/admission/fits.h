/*
 * fits: words about how many Pods of a workload fit, for `gpugate explain` and for the warnings of
 * the webhook.
 */
#ifndef WEBHOOK_ADMISSION_FITS_H
#define WEBHOOK_ADMISSION_FITS_H

#include "gpugate/buf.h"

struct fits {
	int64_t fits;     /* How many fit now. */
	int64_t pods;     /* Of how many. */
	int64_t surge;    /* Part of `pods`: those that a rollout has in addition. */
	int64_t replaced; /* How many exist already, in whose place the others are. */
	int64_t kept;     /* Part of `pods`: those that exist already and stay. */
	bool more;        /* The Pods come in addition to others, whose number is not known. */
};

/*
 * Appends "5 of 6 Pods fit now (5, and 1 more during a rollout), in place of 5 that exist", or
 * "3 of 4 Pods fit now, including 2 that exist".
 */
void fits_print(const struct fits *fits, struct buf *out);

/*
 * Appends ", and none is admitted before its whole group fits (Rule "jobs")". The group can be a
 * part of the Pods, or have others as well.
 */
void fits_print_gang(struct str rule, struct buf *out);

/* With these numbers, a rollout needs no Pods beyond those that it replaces. */
enum { FITS_MAX_SURGE = 0, FITS_MAX_UNAVAILABLE = 1 };

/*
 * Appends what helps if only the additional Pods of a rollout do not fit. `field` is that of the
 * workload's spec which has these numbers.
 */
void fits_print_rollout(struct buf *out, const char *field);

#endif
