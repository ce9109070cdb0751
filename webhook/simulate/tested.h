/*
 * tested: the policies by which suites are decided. Each is loaded once, however it is named, and
 * is immutable from then on. Thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_TESTED_H
#define WEBHOOK_SIMULATE_TESTED_H

#include <pthread.h>

#include "webhook/simulate/coverage.h"

struct tested_policy {
	struct tested_policy *next;
	char *location; /* Its real path; NULL: the several of --policy. */
	struct policy *policy;
	struct coverage parts; /* None is reached: each user has a copy. */
};

struct tested {
	const char *const *paths; /* Of suites that name no policy. Borrowed. */
	size_t path_count;
	pthread_mutex_t lock;
	struct tested_policy *loaded; /* Owned. */
};

void tested_init(struct tested *tested, const char *const *paths, size_t path_count);
void tested_release(struct tested *tested);

/*
 * Returns the policy at `path`, or with NULL that of suites that name none; borrowed until
 * tested_release. Returns NULL with an error if it cannot be loaded.
 */
const struct tested_policy *tested_find(struct tested *tested, const char *path, struct error *err);

#endif
