/*
 * documents: the documents of a policy folder, decoded but not yet checked against each other. Every value remembers
 * its location, so that a later check can point at it. read.c fills them by the field tables of schema_*.c, and
 * policy/compile reads them. All memory belongs to the arena that docs_read was given.
 */
#ifndef POLICY_DOCUMENT_DOCUMENTS_H
#define POLICY_DOCUMENT_DOCUMENTS_H

#include "gpugate/arena.h"
#include "gpugate/quantity.h"
#include "gpugate/report.h"
#include "gpugate/str.h"
#include "policy/document/location.h"

struct text {
	struct str s; /* absent: the key was not given */
	struct place at;
};

struct texts {
	struct text *items;
	uint32_t count;
	bool set; /* the key was given, even as an empty list */
	struct place at;
};

struct flag {
	bool value; /* the table's default when not set */
	bool set;
	struct place at;
};

struct number {
	int64_t value;
	bool word; /* the table's word stands there instead */
	bool set;
	struct place at;
};

struct choice {
	int value; /* one of the enum whose words the table lists, by position */
	bool set;
	struct place at;
};

struct amount {
	struct quantity value;
	struct str text; /* as written */
	bool unlimited;  /* the word `unlimited`, where the table allows it */
	bool set;
	struct place at;
};

struct text_pair {
	struct text key;
	struct text value;
};

struct text_map {
	struct text_pair *items;
	uint32_t count;
	bool set;
	struct place at;
};

/* A list of objects, or a map whose values are objects (then each item starts with `struct text key`). */
#define LIST_OF(type)                                                                                                  \
	struct {                                                                                                       \
		type *items;                                                                                           \
		uint32_t count;                                                                                        \
		bool set;                                                                                              \
		struct place at;                                                                                       \
	}

struct doc_expression {
	struct place at;
	struct text key;
	struct choice op; /* enum selector_op: In NotIn Exists DoesNotExist */
	struct texts values;
};

/* A LabelSelector of apimachinery. */
struct doc_selector {
	bool set;
	struct place at;
	struct text_map match_labels;
	LIST_OF(struct doc_expression) match_expressions;
};

struct doc_exempt {
	bool set;
	struct place at;
	struct texts namespaces; /* globs */
	struct texts users;      /* globs */
	struct texts groups;     /* globs */
};

struct doc_settings {
	struct place at;
	struct text name;
	struct choice enforcement;       /* enum enforcement: deny warn audit */
	struct choice untenanted;        /* enum enforcement: deny warn audit allow */
	struct choice uncovered;         /* enum enforcement: deny warn audit allow */
	struct choice unknown_resources; /* enum enforcement: deny warn audit allow */
	struct texts other_resources;    /* names or globs */
	struct choice on_outage;         /* enum enforcement: deny allow (table position 0: deny, 1: allow) */
	struct doc_exempt exempt;
	struct number terminating_seconds; /* or `never` */
	struct choice guard_failure;       /* table position 0: Ignore, 1: Fail */
	struct choice quota_failure;       /* table position 0: Fail, 1: Ignore */
};

struct doc_profile {
	struct place at;
	struct text name;             /* 1g.10gb */
	struct number compute_slices; /* 1.. */
	struct number memory_slices;  /* 1.. */
	struct amount memory;         /* default: the Ngb of the name, as N GiB */
};

struct doc_mig {
	bool set;
	struct place at;
	struct text model;     /* key of a built-in table; default: the Accelerator's name */
	bool profiles_builtin; /* `profiles: builtin`, the default */
	LIST_OF(struct doc_profile) profiles;
	struct number compute_slices; /* of the whole device, for own profiles; default 7 */
	struct number memory_slices;  /* default 8 */
	struct texts offered;         /* profile names; not set: all of the table without a suffix */
	struct choice strategy;       /* enum mig_strategy: mixed single */
};

struct doc_sharing {
	bool set;
	struct place at;
	struct text resource;
	struct number replicas;          /* 2..65536 */
	struct number max_per_container; /* 1..; default 1 */
};

struct doc_accelerator {
	struct place at;
	struct text name;
	struct text resource; /* required */
	struct amount memory;
	struct amount weight; /* GPU equivalents of one whole device; default 1 */
	struct text_map node_labels;
	struct texts without_node_labels; /* keys */
	struct doc_mig mig;
	struct doc_sharing sharing;
};

struct doc_quota {
	struct place at;
	struct text name;       /* required, unique in its Tenant */
	struct choice measure;  /* enum measure: count gpus memory */
	struct texts resources; /* names or globs; not set: every accelerator resource */
	struct texts accelerators;
	struct amount hard; /* required; may be `unlimited` */
};

struct doc_borrowing {
	struct text key; /* name of one of the Tenant's quotas */
	struct place at;
	struct amount borrow; /* borrowUpTo; not set: nothing */
	struct amount lend;   /* lendUpTo; not set: all */
};

struct doc_tenant {
	struct place at;
	struct text name;
	struct text parent;
	struct texts namespaces; /* names and globs */
	struct doc_selector namespace_selector;
	LIST_OF(struct doc_quota) quotas;
	struct text cohort;
	LIST_OF(struct doc_borrowing) borrowing;
	struct choice enforcement; /* enum enforcement: deny warn audit */
};

struct doc_range {
	struct text key; /* resource name */
	struct place at;
	struct number min; /* default 1 */
	struct number max; /* not set: no bound */
};

struct doc_match {
	bool set;
	struct place at;
	struct texts tenants;
	struct texts namespaces; /* names and globs */
	struct doc_selector namespace_selector;
	struct doc_selector pod_selector;
	struct doc_selector annotation_selector; /* values may be any text */
	LIST_OF(struct doc_range) requests;
};

struct doc_to_mig {
	bool set;
	struct place at;
	struct text accelerator;      /* required */
	struct text memory_from;      /* annotation:KEY or label:KEY */
	struct amount default_memory; /* key `default` */
	struct flag pin;
};

struct doc_rewrite {
	struct place at;
	struct text from; /* required */
	struct text to;   /* exactly one of `to` and `toMig` (checked by compile) */
	struct doc_to_mig to_mig;
	struct number max_per_container; /* default: see rewrite.max_per_container */
};

struct doc_toleration {
	struct place at;
	struct text key;
	struct choice op; /* Equal Exists */
	struct text value;
	struct choice effect; /* not set: all; NoSchedule PreferNoSchedule NoExecute */
	struct number seconds;
};

struct doc_inject {
	bool set;
	struct place at;
	struct text_map node_selector;
	LIST_OF(struct doc_toleration) tolerations;
	struct text runtime_class;
};

struct doc_rule {
	struct place at;
	struct text name;
	struct number order; /* default 1000; -1000000..1000000 */
	struct doc_match match;
	LIST_OF(struct doc_rewrite) rewrite;
	struct doc_inject inject;
	struct choice on_conflict; /* enum on_conflict: deny keep override */
	struct flag required;
	struct choice enforcement; /* enum enforcement: deny warn audit */
};

struct doc_host_paths {
	bool set;
	struct place at;
	struct texts allow; /* required; absolute paths */
};

struct doc_guard {
	struct place at;
	struct text name;
	struct choice enforcement;     /* enum enforcement: deny warn audit */
	LIST_OF(struct choice) deny;   /* each an enum guard_kind */
	struct choice visible_devices; /* enum visible_devices: refuse void */
	struct doc_host_paths host_paths;
	struct doc_exempt exempt;
};

/* A plain v1 Namespace: only name and labels are read, other keys are allowed. */
struct doc_namespace {
	struct place at;
	struct text name;
	struct text_map labels;
};

struct source {
	struct str path;       /* as people would type it */
	struct str bytes;      /* without a byte order mark */
	uint32_t *line_starts; /* byte offset of each line; NULL: the file is not readable as text */
	uint32_t line_count;   /* at least 1 */
	bool usable;           /* UTF-8 without forbidden control characters */
};

struct docs {
	LIST_OF(struct doc_settings) settings;
	LIST_OF(struct doc_accelerator) accelerators;
	LIST_OF(struct doc_tenant) tenants;
	LIST_OF(struct doc_rule) rules;
	LIST_OF(struct doc_guard) guards;
	LIST_OF(struct doc_namespace) namespaces;
	struct source *sources;
	uint32_t source_count;
};

#endif
