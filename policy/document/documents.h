/*
 * documents: the documents of a policy folder, decoded but not yet checked against each other.
 * Every value remembers its location, so that later checks can point at it. The decoder fills them
 * by the field tables of schema_*.c, and policy/compile reads them. All memory belongs to the arena
 * that was passed to docs_read.
 */
#ifndef POLICY_DOCUMENT_DOCUMENTS_H
#define POLICY_DOCUMENT_DOCUMENTS_H

#include "gpugate/arena.h"
#include "gpugate/quantity.h"
#include "gpugate/report.h"
#include "gpugate/str.h"
#include "policy/document/location.h"

struct text {
	struct str s; /* Absent if the key was not given. */
	struct location at;
};

struct texts {
	struct text *items;
	uint32_t count;
	bool set; /* The key was given, even if its list is empty. */
	struct location at;
};

struct flag {
	bool value; /* The default of the schema if not set. */
	bool set;
	struct location at;
};

struct number {
	int64_t value;
	bool word; /* The field's word was given instead of a number. */
	bool set;
	struct location at;
};

struct choice {
	int value; /* The value of the word in the field's table, usually of an enum. */
	bool set;
	struct location at;
};

struct amount {
	struct quantity value;
	struct str text; /* As written in the file. */
	bool unlimited;  /* The word `unlimited`, if the field allows it. */
	bool set;
	struct location at;
};

struct text_pair {
	struct text key;
	struct text value;
};

struct text_map {
	struct text_pair *items;
	uint32_t count;
	bool set;
	struct location at;
};

/*
 * A list of objects, or a map whose values are objects. In a map, each item begins with `struct
 * text key`.
 */
#define LIST_OF(type)                                                                                                  \
	struct {                                                                                                       \
		type *items;                                                                                           \
		uint32_t count;                                                                                        \
		bool set;                                                                                              \
		struct location at;                                                                                    \
	}

struct doc_expression {
	struct location at;
	struct text key;
	struct choice op; /* enum selector_op: In, NotIn, Exists, DoesNotExist. */
	struct texts values;
};

/* A LabelSelector, as in apimachinery. */
struct doc_selector {
	bool set;
	struct location at;
	struct text_map match_labels;
	LIST_OF(struct doc_expression) match_expressions;
};

struct doc_exempt {
	bool set;
	struct location at;
	struct texts namespaces; /* Globs. */
	struct texts users;      /* Globs. */
	struct texts groups;     /* Globs. */
};

struct doc_settings {
	struct location at;
	struct text name;
	struct choice enforcement;       /* enum enforcement: deny, warn, audit. */
	struct choice untenanted;        /* enum enforcement: deny, warn, audit, allow. */
	struct choice uncovered;         /* enum enforcement: deny, warn, audit, allow. */
	struct choice unknown_resources; /* enum enforcement: deny, warn, audit, allow. */
	struct texts other_resources;    /* Names or globs. */
	struct choice on_outage;         /* enum enforcement: deny, allow. */
	struct choice charge_claims;     /* enum claim_charge */
	struct doc_exempt exempt;
	struct number terminating_seconds; /* In seconds, or the word `never`. */
	struct choice guard_failure;       /* enum failure_policy: Ignore, Fail. */
	struct choice quota_failure;       /* enum failure_policy: Fail, Ignore. */
	LIST_OF(struct choice) workloads;  /* Each is an enum shipped_workload. */
};

/* A resource that NVIDIA's device plugin offers several times. */
struct doc_replicated {
	struct location at;
	struct text name;   /* Required. Without a prefix, nvidia.com/ is meant. */
	struct text rename; /* The device plugin ignores it. */
	struct number replicas;
};

/* `timeSlicing` or `mps` of the device plugin's configuration. */
struct doc_replication {
	bool set;
	struct location at;
	struct flag rename_by_default; /* Adds `.shared` to the names. */
	struct flag fail_above_one;    /* Not set: false for time-slicing, true for MPS. */
	LIST_OF(struct doc_replicated) resources;
};

/* What is read of a configuration of NVIDIA's device plugin. */
struct doc_device_plugin {
	struct location at;
	struct choice version;
	struct choice mig_strategy; /* enum mig_strategy, or MIG_STRATEGY_NONE. */
	struct doc_replication time_slicing, mps;
};

#define MIG_STRATEGY_NONE 2
/* Profiles that are read of one configuration of mig-parted at most. */
#define MIG_CUTS_MAX 256

/* A profile that a configuration of mig-parted cuts devices into. */
struct doc_cut {
	struct text name;
	bool any_model; /* The devices are not filtered by model. */
};

/* The profiles of one configuration of mig-parted, or of all in its file, each name once. */
struct doc_mig_layout {
	struct location at;
	bool one; /* One configuration was named, rather than the file. */
	struct doc_cut *cuts;
	uint32_t count;
};

struct doc_profile {
	struct location at;
	struct text name;             /* Such as 1g.10gb. */
	struct number compute_slices; /* At least 1. */
	struct number memory_slices;  /* At least 1. */
	struct amount memory;         /* Default: N GiB, if the name ends in Ngb. */
};

struct doc_mig {
	bool set;
	struct location at;
	struct text model;     /* Key of a built-in table. Default: the Accelerator's name. */
	bool profiles_builtin; /* `profiles: builtin`, which is the default. */
	LIST_OF(struct doc_profile) profiles;
	struct number compute_slices; /* Of the whole device, for custom profiles. Default: 7. */
	struct number memory_slices;  /* Of the whole device, for custom profiles. Default: 8. */
	/* Profile names. Not set: all profiles of the table without a suffix. */
	struct texts offered;
	struct text offered_from;            /* A file of mig-parted, see config_name.h. */
	const struct doc_mig_layout *layout; /* What that file says. NULL: there is no such file. */
	struct choice strategy;              /* enum mig_strategy: mixed, single. */
	struct text_map device_classes;      /* Device class: name of a profile, or `any`. */
};

struct doc_sharing {
	bool set;
	struct location at;
	struct text resource;                   /* Required, unless a configuration is named. */
	struct number replicas;                 /* 2 to 65536. Required in the same way. */
	struct number max_per_container;        /* At least 1. Default: 1. */
	struct text device_plugin_config;       /* The plugin's file; see config_name.h. */
	const struct doc_device_plugin *plugin; /* Its contents. NULL: no such file. */
};

struct doc_capacity {
	bool set;
	struct location at;
	struct texts device_classes; /* Required. */
	struct amount step;          /* Required. */
	struct amount least;         /* The key `min`. Default: the step. */
};

struct doc_accelerator {
	struct location at;
	struct text name;
	struct text resource; /* Required. */
	struct amount memory;
	struct amount weight; /* GPU equivalents of one whole device. Default: 1. */
	struct text_map node_labels;
	struct texts without_node_labels; /* Label keys. */
	struct texts device_classes;      /* Names of device classes. */
	struct doc_mig mig;
	struct doc_sharing sharing;
	struct doc_capacity capacity;
};

struct doc_quota {
	struct location at;
	struct text name;       /* Required, and unique within the Tenant. */
	struct choice measure;  /* enum measure: count, gpus, memory. */
	struct texts resources; /* Names or globs. Not set: every accelerator resource. */
	struct texts accelerators;
	struct amount hard; /* Required. May be `unlimited`. */
};

struct doc_borrowing {
	struct text key; /* Name of one of the Tenant's quotas. */
	struct location at;
	struct amount borrow; /* borrowUpTo. Not set: nothing may be borrowed. */
	struct amount lend;   /* lendUpTo. Not set: everything that is free may be lent. */
};

struct doc_tenant {
	struct location at;
	struct text name;
	struct text parent;
	struct texts namespaces; /* Names and globs. */
	struct doc_selector namespace_selector;
	LIST_OF(struct doc_quota) quotas;
	struct text cohort;
	LIST_OF(struct doc_borrowing) borrowing;
	struct choice enforcement;  /* enum enforcement: deny, warn, audit. */
	struct choice early_answer; /* enum early_answer. */
};

struct doc_range {
	struct text key; /* Resource name. */
	struct location at;
	struct number min; /* Default: 1. */
	struct number max; /* Not set: no upper bound. */
};

struct doc_match {
	bool set;
	struct location at;
	struct texts tenants;
	struct texts namespaces; /* Names and globs. */
	struct doc_selector namespace_selector;
	struct doc_selector pod_selector;
	struct doc_selector annotation_selector; /* Its values may be any text. */
	LIST_OF(struct doc_range) requests;
};

struct doc_to_mig {
	bool set;
	struct location at;
	struct text accelerator;      /* Required. */
	struct text memory_from;      /* annotation:KEY or label:KEY. */
	struct amount default_memory; /* The key `default`. */
	struct flag pin;
};

struct doc_to_claim {
	bool set;
	struct location at;
	struct text template; /* Required. */
	struct number count;  /* Default: 1. */
};

struct doc_rewrite {
	struct location at;
	struct text from; /* Required. */
	/* Exactly one of `to`, `toMig` and `toClaim` must be set; policy/compile checks that. */
	struct text to;
	struct doc_to_mig to_mig;
	struct doc_to_claim to_claim;
	struct number max_per_container; /* Default: 1 for slices and shares, otherwise no limit. */
};

struct doc_toleration {
	struct location at;
	struct text key;
	struct choice op; /* enum toleration_op: Equal, Exists. */
	struct text value;
	struct choice effect; /* enum toleration_effect. Not set: all effects. */
	struct number seconds;
};

struct doc_inject {
	bool set;
	struct location at;
	struct text_map node_selector;
	LIST_OF(struct doc_toleration) tolerations;
	struct text runtime_class;
};

struct doc_rule {
	struct location at;
	struct text name;
	struct number order; /* -1000000 to 1000000. Default: 1000. */
	struct doc_match match;
	LIST_OF(struct doc_rewrite) rewrite;
	struct doc_inject inject;
	struct choice gangs;        /* The only word: allOrNothing. */
	struct number gang_seconds; /* 10 to 86400. Default: 300. */
	struct choice on_conflict;  /* enum on_conflict: deny, keep, override. */
	struct flag required;
	struct choice enforcement; /* enum enforcement: deny, warn, audit. */
};

struct doc_host_paths {
	bool set;
	struct location at;
	struct texts allow; /* Required. Absolute paths. */
};

struct doc_claims {
	bool set;
	struct location at;
	struct texts classes;   /* Globs. Not set: any class. */
	struct texts templates; /* Globs. Not set: any template. */
	struct flag admin_access;
};

struct doc_guard {
	struct location at;
	struct text name;
	struct choice enforcement;     /* enum enforcement: deny, warn, audit. */
	LIST_OF(struct choice) deny;   /* Each is an enum guard_kind. */
	struct choice visible_devices; /* enum visible_devices: refuse, void. */
	struct doc_host_paths host_paths;
	struct doc_claims claims;
	struct doc_exempt exempt;
};

/* Where a custom resource keeps Pods that are alike. */
struct doc_workload_pods {
	struct location at;
	struct text template;    /* A PodTemplateSpec. */
	struct text or_template; /* The one that is used without the other. */
	struct text pod_spec;    /* A PodSpec. */
	struct text metadata;    /* An object with the labels and annotations of the Pod. */
	struct texts containers; /* Containers in addition. */
	struct text resources;   /* The resources of a container in addition. */
	struct text device;      /* An object with the name and the quantity of a resource. */
	struct texts replicas;   /* Factors of the number of Pods. */
	struct text at_least;    /* Bounds the last of them from below. */
	struct text at_most;     /* Bounds the last of them, and the bound from below. */
	struct flag together;    /* Default: true. */
};

struct doc_workload {
	struct location at;
	struct text name;
	struct text group, kind, plural;
	struct texts suspend;
	LIST_OF(struct doc_workload_pods) pods;
};

/* A plain v1 Namespace. Only its name and labels are read; other keys are allowed. */
struct doc_namespace {
	struct location at;
	struct text name;
	struct text_map labels;
};

struct source {
	struct str path; /* As the user would type it. */
	uint64_t device; /* With the inode, the file itself. Both are 0 for bytes without a file. */
	uint64_t inode;
	struct str bytes;      /* Without a byte order mark. */
	uint32_t *line_starts; /* Byte offset of each line. NULL if memory was exhausted. */
	uint32_t line_count;   /* At least 1. */
	/*
	 * Length of the path of the folder that was given, without slashes at its end. Names in the
	 * file cannot lead out of that folder.
	 */
	uint32_t root_len;
	bool usable; /* The bytes are UTF-8 without forbidden control characters. */
	/* A configuration of another program, which an Accelerator names; not policy. */
	bool config;
	bool policy;   /* An Accelerator in it names a configuration. */
	bool reported; /* A problem of the configuration has been reported. */
};

struct docs {
	LIST_OF(struct doc_settings) settings;
	LIST_OF(struct doc_accelerator) accelerators;
	struct doc_settings default_settings; /* What is in force without a Settings document. */
	LIST_OF(struct doc_tenant) tenants;
	LIST_OF(struct doc_rule) rules;
	LIST_OF(struct doc_guard) guards;
	LIST_OF(struct doc_workload) workloads;
	LIST_OF(struct doc_namespace) namespaces;
	struct source *sources;
	uint32_t source_count;
};

#endif
