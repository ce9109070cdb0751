/*
 * claims_api: finds out whether the API server serves ResourceClaims, and in which version, and
 * points their watch and those of DeviceClasses and ResourceSlices there. It asks once before the
 * watch starts, and again from time to time, because an upgrade of the cluster can change the
 * answer.
 *
 * Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_CLAIMS_API_H
#define WEBHOOK_CLUSTER_CLAIMS_API_H

#include <stdbool.h>
#include <stdint.h>

struct ledger_cluster;

enum claims_api_state {
	CLAIMS_API_UNKNOWN, /* Not asked yet: nothing can be decided. */
	CLAIMS_API_ABSENT,  /* There are no claims in this cluster. */
	CLAIMS_API_SERVED,
};

struct claims_api {
	enum claims_api_state state; /* Written under the mutex. */
	const char *path;            /* Where all claims were last listed; NULL: nowhere. */
	bool started;                /* The watch has been started. */
	bool asking;
	unsigned missing; /* Number of answers in a row that no version is served. */
	int64_t again_ms; /* When to ask again; 0: not before claims_api_ask. */
};

/* Asks now, and from then on whenever claims_api_tick finds that it is time. */
void claims_api_ask(struct ledger_cluster *cluster);
void claims_api_tick(struct ledger_cluster *cluster, int64_t now_ms);

#endif
