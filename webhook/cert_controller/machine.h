/*
 * machine: the state of this replica. Private to controller.c (passes), steps.c (executes
 * decisions), report.c (logs, Events and metrics), and reconcile.c, on which they build.
 */
#ifndef WEBHOOK_CERT_CONTROLLER_MACHINE_H
#define WEBHOOK_CERT_CONTROLLER_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "webhook/cert_controller/state.h"
#include "webhook/kube/watch.h"

enum certs_failure { FAILURE_READ, FAILURE_WRITE, FAILURE_BUNDLE, FAILURE_ISSUE, FAILURES };

struct certs_counts {
	_Atomic uint64_t issued, made, rotated;
	_Atomic uint64_t bundles[BUNDLE_REASONS];
	_Atomic uint64_t failures[FAILURES];
	_Atomic int64_t expiry_s;           /* End of the authority that signs; 0: none. */
	atomic_uint next, signing, retired; /* Numbers of authorities. */
	atomic_bool issued_once, ready;
};

/* What was seen of a configuration, and what this replica wrote to it. */
struct certs_target {
	struct bundles bundles;
	bool right; /* Whether the bundles were correct when they were last compared. */
	/* Version that was already seen when the read of the Secret began. */
	char version_at_read[64];
	int64_t patch_ms;          /* Nothing is written before this time. */
	int64_t restored_ms;       /* When a foreign change was last reverted; 0: never. */
	int64_t mend_delay_ms;     /* Grows while someone else keeps changing it. */
	enum bundle_reason reason; /* Reason for the patch in progress. */
};

#define CERTS_REPORTED_MAX 8 /* More than fail at the same time. */

struct kube_certs {
	struct kube_certs_options options;
	struct buf watched;       /* The watched path, NUL-terminated. */
	struct kube_watch *watch; /* Watches the metadata of the Secret, only to notice changes. */
	struct kube_timer timer;  /* Starts the next pass. */
	bool busy;                /* A pass is in progress. */
	bool again;               /* Something has changed during this pass. */
	/* The Secret as it was last read. */
	enum secret_state secret;
	struct authorities authorities;
	char version[64];
	int64_t read_ms;
	struct buf wanted; /* The bundle to write: base64, NUL-terminated; empty: none. */
	struct certs_target targets[CERTS_CONFIGURATIONS];
	enum certs_step step;              /* The step in progress. */
	enum certs_configuration patching; /* The configuration that it writes. */
	struct certs_trust trust;
	struct certs_shown shown;
	/* Failures. */
	int64_t backoff_ms;
	/* Hashes of those that were reported since all went well. The oldest is forgotten first. */
	uint64_t reported[CERTS_REPORTED_MAX];
	unsigned reported_count;      /* How many were; 0: nothing fails. */
	enum secret_state complained; /* The last state of the Secret that was reported. */
	pthread_mutex_t delivering;   /* Guards `stopped`, and is held during `deliver`. */
	bool stopped;
	struct certs_counts counts;
};

#define CERTS_SECRET_BYTES_MAX (512u << 10)
/* Delay after a conflict with another replica, or when the state that was read is outdated. */
#define CERTS_CONFLICT_MS ((int64_t)100)

static inline int64_t certs_wall_s(void)
{
	return (int64_t)time(NULL);
}

/*
 * End the current pass. certs_pass_in starts the next one after `ms` milliseconds. certs_fail
 * reports a failure and starts the next pass after a delay that grows with each failure.
 */
void certs_pass_in(struct kube_certs *certs, int64_t ms);
void certs_fail(struct kube_certs *certs, enum certs_failure failure, const char *doing, const char *why);

/* Whether both webhook configurations have been seen. */
bool certs_seen(const struct kube_certs *certs);

/* Compares what is trusted with what should be. Called after every change of either. */
void certs_look(struct kube_certs *certs);

/*
 * Steps. The functions that write end the pass later, with certs_pass_in or certs_fail. The others
 * return 0, or -1 with an error.
 */
void certs_write_secret(struct kube_certs *certs);
void certs_write_bundle(struct kube_certs *certs, enum certs_configuration configuration);
int certs_make_authority(struct kube_certs *certs, bool signs, struct error *err);
int certs_issue_own(struct kube_certs *certs, struct error *err);

/* Log lines, Events and counters. */
void certs_report_failure(struct kube_certs *certs, enum certs_failure failure, const char *doing, const char *why);
void certs_report_fine(struct kube_certs *certs);
/* Reports the state of the Secret if it has changed. */
void certs_report_secret(struct kube_certs *certs, const char *why);
void certs_report_issued(struct kube_certs *certs, time_t not_after);
/* Reports the step that a write of the Secret has completed. */
void certs_report_written(struct kube_certs *certs);
void certs_report_bundle(struct kube_certs *certs, const struct certs_target *target);
/* Updates the metrics of the authorities. */
void certs_report_authorities(struct kube_certs *certs, int64_t now_s);

#endif
