/*
 * suite_check: what is wrong with a suite before any policy is known. Each step does one thing and
 * expects something of it, regular expressions are ones, and times are times.
 */
#ifndef WEBHOOK_SIMULATE_SUITE_CHECK_H
#define WEBHOOK_SIMULATE_SUITE_CHECK_H

#include "gpugate/quantity.h"
#include "webhook/simulate/suite.h"
#include "webhook/simulate/suite_keys.h"

/* Checks a suite that suite_read has read. Returns 0, or -1 with FILE:LINE:COLUMN and an error. */
int suite_check(const struct manifest *manifest, const struct suite *suite, struct error *err);

/* What the step does. Of a step that suite_check has accepted, it is one thing. */
enum step_verb suite_verb(const struct suite_step *step);

/* The value of a number that suite_read has read. 0 if it is absent. */
int64_t suite_number(struct str text);

/* Parses an amount of a quota or a resource, which is not negative. */
enum quantity_result suite_amount(struct str text, struct quantity *amount);

/*
 * Parses a time of the suite. `*ms`: since 1970, and positive. `otherwise` is as for suite_place.
 * Returns 0, or -1 with FILE:LINE:COLUMN and an error.
 */
int suite_time(const struct manifest *manifest, struct str text, const char *otherwise, int64_t *ms, struct error *err);

#endif
