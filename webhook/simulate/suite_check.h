/*
 * suite_check: what is wrong with a suite before any policy is known. Each step does one thing and
 * expects something of it, regular expressions are ones, and times are times.
 */
#ifndef WEBHOOK_SIMULATE_SUITE_CHECK_H
#define WEBHOOK_SIMULATE_SUITE_CHECK_H

#include "webhook/simulate/suite.h"

#define STEP_PODS_MAX 1000                  /* Pods of one object. */
#define STEP_SECONDS_MAX (INT64_C(1) << 31) /* Of one `wait`. */

/* What steps do, in the order of the table in suite_check.c. */
enum step_verb { STEP_CREATE, STEP_FILE, STEP_SCALE, STEP_BIND, STEP_FINISH, STEP_DELETE, STEP_WAIT, STEP_VERBS };

/* Checks a suite that suite_read has read. Returns 0, or -1 with FILE:LINE:COLUMN and an error. */
int suite_check(const struct manifest *manifest, const struct suite *suite, struct error *err);

/* What the step does. Of a step that suite_check has accepted, it is one thing. */
enum step_verb suite_verb(const struct suite_step *step);

/* Parse a text of the suite. They return 0, or -1 with FILE:LINE:COLUMN and an error. */
int suite_number(const struct manifest *manifest, struct str text, int64_t least, int64_t most, int64_t *number,
		 struct error *err);
/* `*ms`: since 1970, and positive. `otherwise` is as for suite_place. */
int suite_time(const struct manifest *manifest, struct str text, const char *otherwise, int64_t *ms, struct error *err);

#endif
