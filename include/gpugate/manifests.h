/*
 * manifests: finds the plain Kubernetes manifests among files, and the mistakes about accelerators
 * in them. The findings need neither a cluster nor a policy. Not thread-safe.
 *
 * A folder that holds a document of gpugate.io is a policy folder, with everything below it, since
 * `gpugate serve` reads it as a whole. A document elsewhere that has an apiVersion and a kind is a
 * manifest. Of other files, those that list charts are of concern.
 */
#ifndef GPUGATE_MANIFESTS_H
#define GPUGATE_MANIFESTS_H

#include "gpugate/arena.h"
#include "gpugate/report.h"

struct manifests {
	/* Paths for policy_load, of the policies or of everything. Empty: there is no policy. */
	const char **policies;
	size_t policy_count;
	/* Files with manifests, sorted by path. */
	struct manifest_path {
		struct str path; /* NUL-terminated. */
		bool partial;    /* Kustomize may complete its objects: nothing is missing. */
		bool scales;     /* It may have objects that set the number of Pods of others. */
	} * files;
	size_t file_count;
	/* Files outside of policies that have Namespaces; some of them are also in `files`. */
	struct str *namespaces; /* NUL-terminated. */
	size_t namespace_count;
	/*
	 * Files of Helm and Kustomize that have no kind and want the chart of the GPU Operator.
	 * They are also among the `others`.
	 */
	struct str *charts; /* NUL-terminated. */
	size_t chart_count;
	/*
	 * YAML and JSON files that are neither manifests nor policy, such as values of Helm, and
	 * templates. They may name objects of the manifests.
	 */
	struct str *loose; /* NUL-terminated. */
	size_t loose_count;
	uint32_t object_count; /* Objects in `files` and `charts`; set by manifests_lint. */
	/* Files that are templates of Helm, and so no YAML. */
	struct str templates[REPORT_IGNORED_MAX];
	unsigned template_count;               /* Number of all such files, kept or not. */
	struct str suites[REPORT_IGNORED_MAX]; /* Files outside of policies that have suites. */
	unsigned suite_count;                  /* Number of all such files, kept or not. */
	/* Files that are neither manifests nor policy nor templates nor suites, as found. */
	struct str others[REPORT_IGNORED_MAX];
	unsigned other_count; /* Number of all such files, kept or not. */
	struct arena arena;
};

#define MANIFESTS_FILE_BYTES_MAX ((size_t)64 << 20)

/*
 * Divides the files at and below the paths. If there are no manifests, templates, and suites,
 * `policies` are the paths. If `policies` are given, only these are policy, and documents of
 * gpugate.io elsewhere are passed over. Suites always are. Problems go to the report. Returns 0;
 * the caller must then call manifests_release. Returns -1 without memory, and nothing to release.
 */
int manifests_find(struct manifests *manifests, const char *const *paths, size_t count, const char *const *policies,
		   size_t policy_count, struct report *report);
void manifests_release(struct manifests *manifests);

/* Adds to the report, and sorts it, what is wrong in the manifests. Reads one file at a time. */
void manifests_lint(struct manifests *manifests, struct report *report);

/* A file that findings of other folders are about. It is read when the first one quotes it. */
struct manifests_file;

/* `path` is NUL-terminated and borrowed. Returns new, or NULL without memory. */
struct manifests_file *manifests_file_create(struct str path);
void manifests_file_destroy(struct manifests_file *file); /* Accepts NULL. */

/* Line and column count from 1, columns in characters; a line of 0 is the whole file. */
struct manifests_place {
	unsigned line, column;
	struct str text; /* What is there, perhaps in quotation marks; absent: not known. */
};

/* Adds a finding about an object, which may be empty, at a place. `text` is a sentence. */
void manifests_report(struct report *report, struct manifests_file *file, const struct manifests_place *at,
		      struct str object, enum lint_id id, struct str text);

#endif
