/*
 * machine: the state of this replica. Private to controller.c, which has the passes, steps.c, which does what was
 * decided, report.c, which has logs, Events and metrics, and reconcile.c below them.
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
	_Atomic int64_t expiry_s;           /* of the authority that signs; 0: none */
	atomic_uint next, signing, retired; /* authorities */
	atomic_bool issued_once, ready;
};

/* What was seen of a configuration, and what this replica wrote into it. */
struct certs_target {
	struct bundles bundles;
	bool right;                /* as of the last look */
	char version_at_read[64];  /* of what had been seen when the read of the Secret began */
	int64_t patch_ms;          /* not before */
	int64_t mended_ms;         /* when it was mended last; 0: never */
	int64_t mend_delay_ms;     /* grows while somebody fights over it */
	enum bundle_reason reason; /* of the patch under way */
};

struct kube_certs {
	struct kube_certs_options options;
	struct buf watched;       /* its path, a string */
	struct kube_watch *watch; /* of the Secret, without its data: only tells that it has changed */
	struct kube_timer timer;  /* the next pass */
	bool busy;                /* a pass is under way */
	bool again;               /* something has changed meanwhile */
	/* The Secret, as it was read last. */
	enum secret_state secret;
	struct authorities authorities;
	char version[64];
	int64_t read_ms;
	struct buf wanted; /* the bundle that it makes, base64, a string; empty: none */
	struct certs_target targets[CERTS_CONFIGURATIONS];
	enum certs_step step;              /* under way */
	enum certs_configuration patching; /* the same */
	struct certs_trust trust;
	struct certs_shown shown;
	/* Failures. */
	bool failing;
	int64_t backoff_ms;
	char problem[1200];           /* that was told last */
	enum secret_state complained; /* of this state of the Secret */
	pthread_mutex_t delivering;   /* guards `stopped`, and is held over a delivery */
	bool stopped;
	struct certs_counts counts;
};

#define CERTS_SECRET_BYTES_MAX (512u << 10)
#define CERTS_CONFLICT_MS ((int64_t)100) /* others write as well, or what was read is old already */

static inline int64_t certs_wall_s(void)
{
	return (int64_t)time(NULL);
}

/* Passes: ends this one, and begins the next in so many milliseconds; the same after a failure, later each time. */
void certs_pass_in(struct kube_certs *certs, int64_t ms);
void certs_fail(struct kube_certs *certs, enum certs_failure failure, const char *doing, const char *why);

/* Whether both webhook configurations have been seen. */
bool certs_seen(const struct kube_certs *certs);

/* Compares what is trusted with what should be. After every change of either. */
void certs_look(struct kube_certs *certs);

/* Steps. The writes end with certs_pass_in or certs_fail, later. */
void certs_write_secret(struct kube_certs *certs);
void certs_write_bundle(struct kube_certs *certs, enum certs_configuration configuration);
int certs_make_authority(struct kube_certs *certs, bool signs, struct error *err);
int certs_issue_own(struct kube_certs *certs, struct error *err);

/* Log lines, Events and counts. */
void certs_report_failure(struct kube_certs *certs, enum certs_failure failure, const char *doing, const char *why);
void certs_report_fine(struct kube_certs *certs);
void certs_report_secret(struct kube_certs *certs, const char *why); /* what was read, when it is news */
void certs_report_issued(struct kube_certs *certs, time_t not_after);
void certs_report_written(struct kube_certs *certs);
void certs_report_bundle(struct kube_certs *certs, const struct certs_target *target);
void certs_report_authorities(struct kube_certs *certs, int64_t now_s);

#endif
