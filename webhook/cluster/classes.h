/*
 * classes: the DeviceClasses of the cluster that give their devices a resource name
 * (spec.extendedResourceName). Their watch runs where the API server serves them and the policy
 * counts claims. What it brings is passed on as a table, with which the policy in force is renewed
 * (policy_with_classes), so that existing Pods are charged again.
 *
 * Unless a comment says otherwise, everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_CLASSES_H
#define WEBHOOK_CLUSTER_CLASSES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "gpugate/device_classes.h"
#include "webhook/kube/watch.h"

struct ledger_cluster;

struct classes {
	/* The classes that have a resource name; the strings of each are one allocation. */
	struct device_class items[DEVICE_CLASSES_MAX];
	bool unseen[DEVICE_CLASSES_MAX]; /* The list in progress has not had it yet. */
	uint32_t count;
	const char *gap;    /* Why some may be missing; NULL: these are all. */
	const char *missed; /* Why one was not kept since the last list began; NULL: all were. */
	const char *logged; /* The gap that was logged last. */
	bool listing;       /* A list is in progress. */
	const char *path;   /* Where they are served; NULL: nowhere, or not known yet. */
	bool started;       /* The watch has been started. */
	bool settled;       /* It was listed, or need not be. */
	bool changed;       /* The table differs from what was last passed on. */
	int64_t passed_ms;  /* When that was; 0: never. */
	/* For other threads: no table was settled yet; of the one that was passed on last. */
	_Atomic bool awaited, incomplete;
	_Atomic uint32_t known;
};

extern const struct kube_watch_events classes_events;

/* Called before the watch can start. */
void classes_open(struct ledger_cluster *cluster);
/* Called after the loop has stopped. */
void classes_close(struct ledger_cluster *cluster);

/*
 * The API server serves them there, borrowed; NULL: it does not serve them. If it does again, none
 * are known until they are listed.
 */
void classes_serve(struct ledger_cluster *cluster, const char *path);

/* Starts the watch if the policy needs it by now, and passes on what has changed. */
void classes_tick(struct ledger_cluster *cluster);

/*
 * Whether the policy needs the classes, and their first list is still to come. A list that is
 * forbidden, or of what is not served, is not waited for: what it would decide is decided as
 * onOutage says. Any thread, under the mutex.
 */
bool classes_are_awaited(const struct ledger_cluster *cluster);

/* Whether the policy needs the classes, and some may be missing. Any thread, under the mutex. */
bool classes_are_incomplete(const struct ledger_cluster *cluster);

#endif
