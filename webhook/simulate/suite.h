/*
 * suite: tests of a policy, as people write them: documents of kind TestSuite. suite_keys.c has
 * the tables of what they may contain, and docs/policy-as-code.md describes the format.
 */
#ifndef WEBHOOK_SIMULATE_SUITE_H
#define WEBHOOK_SIMULATE_SUITE_H

#include "gpugate/pairs.h"
#include "webhook/object/manifest.h"

/*
 * Members `at` point to where the object begins in the JSON of the manifest, for manifest_location.
 * A value that the file does not have is absent: its first member, a pointer, is NULL.
 */

/* Of a text that is expected, any number of these. */
struct suite_text {
	const char *at;
	struct str exact, contains, matches;
};

struct suite_namespace { /* Or a node. */
	const char *at;
	struct str name;
	struct pairs labels;
};

/* Resources that a Pod holds. */
struct suite_held {
	const char *at;
	struct str name, namespace, node;
	struct pairs requests;
};

struct suite_given {
	const struct suite_namespace *namespaces, *nodes;
	uint32_t namespace_count, node_count;
	const struct suite_held *held;
	uint32_t held_count;
	struct strs files;  /* As for `gpugate explain --usage`, relative to the suite. */
	struct pairs usage; /* "tenant/quota" to an amount that nobody named holds. */
	struct str time;    /* RFC 3339; absent: the clock begins in 1970. */
};

/* Pods that a step is about: those with this name, or made from an object with this name. */
struct suite_pods {
	const char *at;
	struct str name, namespace, node;
	struct str count; /* A number; absent: all. */
};

/* The object of this name, of a kind that has replicas, which an earlier step created. */
struct suite_scale {
	const char *at;
	struct str name, namespace;
	struct str replicas; /* A number. */
};

struct suite_user {
	const char *at;
	struct str user;
	struct strs groups;
};

struct suite_expect {
	const char *at;
	bool has_allowed, allowed;
	struct str pods; /* A number. */
	struct suite_text message;
	bool has_warnings;
	const struct suite_text *warnings;
	uint32_t warning_count;
	struct str object, patch;    /* JSON. */
	struct pairs charges, usage; /* "tenant/quota" to an amount. */
};

struct suite_step {
	const char *at;
	struct str name;
	struct str create; /* JSON of an object. */
	struct str file;   /* With objects, relative to the suite. */
	struct suite_scale scale;
	struct suite_pods bind, finish, delete;
	struct str wait; /* A number of seconds. */
	struct str time; /* `at`: RFC 3339. The clock is there when the step begins. */
	bool dry_run;
	bool has_stored, stored; /* Whether admitted Pods are stored; by default they are. */
	struct str namespace;
	struct suite_user as;
	struct suite_expect expect;
};

struct suite {
	const char *at;
	struct str api_version, kind;
	struct {
		struct str name;
	} metadata;
	struct {
		struct str policy; /* Relative to the suite; absent: --policy. */
		struct suite_given given;
		const struct suite_step *steps;
		uint32_t step_count;
	} spec;
};

/*
 * Reads an object of kind TestSuite. It borrows from the manifest, which must be exact, and the
 * arena. suite_check (suite_check.h) finds what is wrong with its values. Returns 0, or -1 with an
 * error that begins with FILE:LINE:COLUMN.
 */
int suite_read(struct suite *suite, const struct manifest *manifest, const struct manifest_object *object,
	       struct arena *arena, struct error *err);

/* Puts FILE:LINE:COLUMN before an error. Returns -1. */
int suite_error_at(const struct manifest *manifest, const char *at, struct error *err);

/*
 * Where a text of the suite stands in its JSON, for suite_error_at. `otherwise` for a text that is
 * not there, because it was written with escapes.
 */
const char *suite_place(const struct manifest *manifest, struct str text, const char *otherwise);

/*
 * A path that is relative to the file of the suite, and never names standard input. Returns new,
 * for free(), or NULL without memory.
 */
char *suite_path(const struct manifest *manifest, struct str path);

#endif
