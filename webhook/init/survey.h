/*
 * survey: makes a first policy from objects of a cluster, whether they come from files or from the
 * API server.
 *
 *     survey_init(&survey, &err);
 *     for each kind, in the order of the table, for each object of it:
 *             survey_take(&survey, kind, json, &err);
 *     survey_finish(&survey, &files, &err);
 *     survey_release(&survey);
 *
 * Objects are not kept, so that the number of Pods takes no memory. Not thread-safe.
 */
#ifndef WEBHOOK_INIT_SURVEY_H
#define WEBHOOK_INIT_SURVEY_H

#include "gpugate/policy.h"
#include "webhook/init/documents.h"

/* A kind of objects that is read. Later kinds need what earlier ones say. */
struct survey_kind {
	struct str group; /* API group; "" is the core group. */
	struct str kind;
	const char *path;   /* Of the list in the API. */
	const char *plural; /* For messages, with its group. */
	bool optional;      /* Older API servers do not have it. */
};

#define SURVEY_KINDS 7
#define SURVEY_CONFIG_MAP 0 /* Read for configurations only. */
extern const struct survey_kind survey_kinds[SURVEY_KINDS];

struct survey {
	struct fleet fleet;
	struct policy *probe; /* Set as soon as Pods are read. */
	struct arena scratch;
	bool derived;
};

/* Returns 0, or -1 with an error and nothing to release. */
int survey_init(struct survey *survey, struct error *err);
void survey_release(struct survey *survey);

/*
 * Takes an object of a kind, an index into survey_kinds that is not lower than the one before.
 * REVIEW_PADDING readable bytes must follow `json`. Returns 0, or -1 with an error that may end
 * with "(byte N)".
 */
int survey_take(struct survey *survey, unsigned kind, struct str json, struct error *err);

/*
 * What is read from now on is in a file of the policy's folder, at a path relative to it, so that
 * Accelerators can name it; absent: it is elsewhere. Returns 0, or -1 with an error.
 */
int survey_begin_file(struct survey *survey, struct str path, struct str text, struct error *err);

/*
 * Takes a document of a file that is no object of Kubernetes, in YAML or JSON, before any object.
 * Passes over what is no configuration of NVIDIA's device plugin or of mig-parted. Returns 0, or -1
 * with an error.
 */
int survey_take_config(struct survey *survey, const char *file, struct str text, struct error *err);

/*
 * Takes the name of a Namespace, in any order. Settings exempt it if it is known to install what
 * hands out devices. Returns 0, or -1 with an error.
 */
int survey_take_namespace(struct survey *survey, struct str name, struct error *err);

/*
 * Adds the files of the policy, and loads them as `gpugate serve` would. Returns the number of
 * lint's warnings, or -1 with an error.
 */
int survey_finish(struct survey *survey, struct init_files *files, struct error *err);

#endif
