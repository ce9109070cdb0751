/*
 * early_answer: what a person hears who creates or changes a workload, before its controller
 * creates Pods: that they would be refused, or how many of them fit now. It says what the Pods'
 * own refusals would say, reserves nothing, and costs the same for any number of Pods.
 */
#ifndef WEBHOOK_ADMISSION_EARLY_ANSWER_H
#define WEBHOOK_ADMISSION_EARLY_ANSWER_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/pod_group.h"
#include "gpugate/policy.h"
#include "gpugate/review.h"
#include "webhook/ledger/store.h"
#include "webhook/object/workload.h"
#include "webhook/object/workload_parts.h"

/* A group of Pods of a custom resource. */
struct early_part {
	struct review review; /* Of the CREATE of each of them. */
	struct str where;     /* Where the object has them. */
	int64_t pods;         /* How many are created; 0: none for now. */
	bool alone;           /* The other groups have no Pods at the same time. */
	/*
	 * What all Pods of the object belong to, or each of its replicas if `groups_path` is set.
	 * Without a key, that is not known.
	 */
	struct pod_group group;
};

/* What is asked about the Pods of a workload. */
struct early_question {
	const struct workload_kind *kind;
	/* The kind whose Pods are one group, if they name no other; NULL: it is not known. */
	const struct workload_kind *group_kind;
	struct review review;     /* Of the CREATE of each of them. */
	struct review old_review; /* Of those that exist, unless they are kept. */
	bool kept;                /* Those that exist stay, and the others come in addition. */
	bool mixed;               /* Those that are kept are not like the others. */
	int64_t pods;             /* How many there are at once; 0: none for now. */
	int64_t surge;            /* Part of `pods`: only while a rollout replaces others. */
	int64_t existing;         /* How many exist. If they are kept, they are part of `pods`. */
	bool more;                /* The Pods of the parts come in addition to others. */
	/* What was reserved for this group is for these Pods; absent: it is not known. */
	struct str own_group;
	struct str object; /* The custom resource. REVIEW_PADDING readable bytes follow. */
	/* The groups of a custom resource. Then `review` is about that which is judged. */
	struct early_part *parts;
	uint32_t part_count;
	struct str where; /* Of the group about which something is said; absent: of none. */
	/* An autoscaler asks for them: for `least` or more. */
	bool autoscaler;
	int64_t least;
	struct str metric; /* By which it never scales; absent: none is known. */
	bool no_pods;      /* Nothing is known about Pods. `review` is that of an empty one. */
};

/*
 * Whether the review creates or changes a workload, and not one of its subresources. Its kind is
 * one of Kubernetes, or one that the policy names. Pure.
 */
bool early_question_concerns(const struct policy *policy, const struct review *review);

/*
 * Reads the question from a review that early_question_concerns. It borrows from the review and the
 * arena. Returns false if there is nothing to answer: the change creates no Pods, or the workload
 * cannot be read.
 */
bool early_question_read(const struct policy *policy, const struct review *review, struct arena *arena,
			 struct early_question *question);

/*
 * Sets reservation->decision to the answer: at most three violations, of which the first denies
 * only if the tenant wants that, if there are Pods now, and if none of them can ever be admitted.
 * What the ledger does not know is not answered. The labels of the namespace are set in the review.
 * Returns 0, or -1 if the arena is exhausted.
 */
int early_answer(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
		 struct reservation_request *reservation);

#endif
