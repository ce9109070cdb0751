/*
 * manifest: reads files of Kubernetes objects, written by people or printed by kubectl, and
 * converts them to the JSON that the other readers in this folder take.
 *
 * A file is a stream of YAML documents, or a sequence of JSON values. It is JSON if its first
 * character is `{`. Objects whose kind ends in `List` are replaced by their items, and so are lists
 * in lists, up to MANIFEST_LISTS_MAX of them within each other; more are an error. A custom kind
 * may end in `List` and have other items, such as strings; it is an object like any other. Empty
 * documents are dropped.
 *
 * YAML is read as kubectl reads it (sigs.k8s.io/yaml, which is YAML 1.1): `yes` is true, and 010 is
 * 8. Anchors, aliases, merge keys, and tags are refused, so a small file cannot expand into a large
 * one. U+FFFD replaces a NUL in a text, in YAML and JSON, which would hide the rest of it in
 * messages. Every message begins with FILE:LINE and says what to do.
 */
#ifndef WEBHOOK_OBJECT_MANIFEST_H
#define WEBHOOK_OBJECT_MANIFEST_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"

#define MANIFEST_BYTES_MAX ((size_t)256 << 20) /* Per file: 100,000 Pods as kubectl prints them. */
#define MANIFEST_DEPTH_MAX 100                 /* Of nested lists and maps in YAML. */
#define MANIFEST_LISTS_MAX 8                   /* Kubernetes lists within each other. */

struct manifest_object {
	/* REVIEW_PADDING readable bytes follow, as review_read and review_read_pod require. */
	struct str json;
	struct str api_version; /* Absent: the object has none. */
	struct str kind;        /* Absent: the object has none. An item of a PodList is a Pod. */
	struct str name;        /* metadata.name, or metadata.generateName. May be absent. */
	struct str namespace;   /* metadata.namespace. May be absent. */
	uint32_t line;          /* Where the object begins in the file, from 1. */
	/*
	 * Its kind ends in `List`, but its items are no objects, so that it is no Kubernetes list.
	 */
	bool no_list;
};

/* A line of the YAML file, and the offset at which its JSON begins. */
struct manifest_mark {
	uint32_t offset;
	uint32_t line;
	uint32_t column;
};

struct manifest {
	const char *file;                /* The name for messages; borrowed. */
	struct manifest_object *objects; /* In the order of the file. Owned, with their strings. */
	uint32_t count;

	/* Private. */
	size_t size;
	uint32_t lines_before;       /* Of JSON, in the file that it is a part of. */
	bool own;                    /* Read by manifest_read_own. */
	bool exact;                  /* Each key and value has a mark, not only each line. */
	struct buf text;             /* All JSON of the file. */
	struct buf documents;        /* Where its documents lie in it. */
	struct manifest_mark *marks; /* Ascending; NULL for JSON, where nothing moves. */
	uint32_t mark_count;
	size_t mark_size;
	struct arena arena;
};

/*
 * Reads the bytes of a file into `manifest`, which need not be initialized. Returns 0; the caller
 * must then call manifest_release. Returns -1 with an error, and nothing to release. Thread-safe
 * for different manifests.
 */
int manifest_read(struct manifest *manifest, const char *file, struct str bytes, struct error *err);
void manifest_release(struct manifest *manifest);

/*
 * Does the same, and keeps the place of each key and value, for files that people write for
 * gpugate: manifest_location is exact then, and messages begin with FILE:LINE:COLUMN.
 */
int manifest_read_exact(struct manifest *manifest, const char *file, struct str bytes, struct error *err);

/*
 * Does the same for files that only gpugate reads, and refuses what could be meant otherwise: words
 * such as `yes` and `n`, which are booleans for kubectl and texts for other programs, and NUL
 * within texts, which would hide the rest of them.
 */
int manifest_read_own(struct manifest *manifest, const char *file, struct str bytes, struct error *err);

/* Does the same with a part of a file of JSON, before which the file has so many lines. */
int manifest_read_part(struct manifest *manifest, const char *file, uint32_t lines_before, struct str bytes,
		       struct error *err);

/*
 * Describes an object that is a value within another object of the file, such as the Pod in a step
 * of a test. Returns 0, or -1 with an error that begins with FILE:LINE.
 */
int manifest_describe(struct manifest *manifest, struct str json, struct manifest_object *object, struct error *err);

/* Lines and columns count from 1, columns in characters. */
struct manifest_location {
	uint32_t line;
	uint32_t column;
};

/*
 * Where a byte of the JSON of the file comes from. The column is exact only after
 * manifest_read_exact and in a file of JSON.
 */
struct manifest_location manifest_location(const struct manifest *manifest, const char *at);

/* The line of the file from which the byte of an object's JSON comes, from 1. */
uint32_t manifest_line(const struct manifest *manifest, const struct manifest_object *object, size_t byte);

/*
 * Rewrites an error from a reader of the object's JSON: removes "(byte N)" at the end, adds
 * "FILE:LINE: KIND "NAME": " at the beginning, and masks control characters (plain_mask). Sets the
 * line, and the column if the manifest was read by manifest_read_exact. Returns -1.
 */
int manifest_explain(const struct manifest *manifest, const struct manifest_object *object, struct error *err);

#endif
