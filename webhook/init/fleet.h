/*
 * fleet: what a cluster has, as far as a first policy is made from it: groups of nodes with the
 * same accelerators, and the namespaces that use or limit accelerators. Objects themselves are not
 * kept.
 *
 * Everything is in one arena with a maximum. Strings are copied to it, and have the form that a
 * policy demands; objects whose names have another form are skipped and counted. Not thread-safe.
 */
#ifndef WEBHOOK_INIT_FLEET_H
#define WEBHOOK_INIT_FLEET_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/hash_map.h"
#include "gpugate/nvidia_config.h"
#include "gpugate/pairs.h"

#define FLEET_BYTES_MAX ((size_t)1 << 30)
#define FLEET_GROUPS_MAX 1000     /* Accelerators that a policy is made of. */
#define FLEET_NAMESPACES_MAX 9000 /* Each with a file of its own; a policy has at most 10,000. */
#define FLEET_LABELS_MAX 5
#define FLEET_KEPT_MAX 16 /* Labels of a node that its ResourceSlices need. */
#define FLEET_SLICES_MAX 24
#define FLEET_USES_MAX 64   /* Resources of a namespace. */
#define FLEET_NOTES_MAX 20  /* Sentences about a namespace. */
#define FLEET_OTHERS_MAX 20 /* Names of resources that are shown but not used. */

/* The value of a label by which nodes choose a configuration. */
struct fleet_choice {
	struct str value; /* Of the nodes that were read; empty: they have no such label. */
	bool read;        /* A node was read. */
	bool differs;     /* Nodes have several values. */
};

/* A file in the folder of the policy, which an Accelerator can name. */
struct fleet_file {
	struct str path; /* Relative to the folder. */
	struct str text;
};

/* A configuration of NVIDIA's device plugin or of mig-parted. */
struct fleet_config {
	const struct fleet_file *file; /* NULL: an Accelerator cannot name it. */
	struct str place;              /* For comments; has no control characters. */
	struct str key;                /* In the data of a ConfigMap; empty: it is a file. */
	bool alone;                    /* The file or ConfigMap has nothing else. */
	bool chosen;                   /* A node names it, or a layout of it. */
	struct nvidia_config config;
};

/* A configuration that a node names, and that was not read. */
struct fleet_unread {
	const char *label; /* Static. */
	struct str node, value;
};

/* Nodes that one Accelerator describes. */
struct fleet_group {
	struct hash_link link;
	struct str key; /* The resource and the labels. */
	struct str resource;
	/*
	 * `soft` is a label that tells nodes apart only if nothing else does; its key may be
	 * absent.
	 */
	struct pair labels[FLEET_LABELS_MAX], soft;
	uint32_t label_count;
	unsigned rank;      /* Of the first label, among those that can name a model. */
	struct str product; /* For the name and for the MIG model; may be absent. */
	uint64_t nodes;
	int64_t devices;
	int64_t mib;                         /* The most memory that a label says; 0: none does. */
	struct str slices[FLEET_SLICES_MAX]; /* Resource names of MIG slices. */
	uint32_t slice_count;
	struct str single; /* The slice that has the name of the device; absent: none. */
	struct str share;  /* The resource name of shares; absent: not shared. */
	int64_t replicas;  /* 0: shared, and no label says into how many. */
	bool mixed;        /* Nodes of the same labels are shared in different ways. */
	bool whole;        /* A label of a node says that devices are not shared. */
	/* Which configurations the nodes choose, of the device plugin and of mig-parted. */
	struct fleet_choice plugin_key, layout_key;
	bool from_slices; /* Known from ResourceSlices, not from nodes. */
	bool by_slices;   /* Its first label is what they say of the product. */
	bool gone;        /* Merged into another group. */
	/* Set by configs_apply. */
	const struct fleet_config *plugin, *parted; /* What completed it; NULL: nothing did. */
	struct str layout;                          /* Of mig-parted. */
	bool plugin_named, layout_named;            /* A label of the nodes names it. */
	bool plugin_open, layout_open;              /* Nodes choose several, so none is used. */
	bool plugin_agrees;                         /* The nodes say the same. */
	bool layout_whole;                          /* The nodes have no other slices. */
	/* Set by accelerators_derive. */
	struct str name, model;
	struct str without[FLEET_LABELS_MAX * 2];
	uint32_t without_count;
	bool names_plugin, names_parted; /* The Accelerator names the file of the configuration. */
};

/* An accelerator resource in a namespace. */
struct fleet_use {
	struct fleet_use *next;
	struct str resource;
	int64_t used; /* What Pods hold that have not finished. */
	uint32_t pods;
	int64_t limit;       /* Of a ResourceQuota; -1: none. */
	struct str limit_of; /* Its name, and the key that it limits. */
	struct str limit_key;
	bool unenforced; /* Kubernetes does not enforce this key. */
};

struct fleet_note {
	struct fleet_note *next;
	struct str text;
};

struct fleet_namespace {
	struct hash_link link;
	struct str name;
	struct fleet_use *uses; /* Sorted by resource. */
	uint32_t use_count;
	struct fleet_note *notes, **last_note;
	uint32_t note_count;
	uint32_t violations; /* Bits of guard words that refuse a Pod of it. */
	bool has_plugin;     /* A Pod registers devices with the kubelet. */
};

struct fleet_node {
	struct hash_link link;
	struct str name;
	struct pairs labels; /* Those that fleet_labels keeps. */
};

/* A driver of dynamic resource allocation, and the name that a DeviceClass gives its devices. */
struct fleet_driver {
	struct str name;
	struct str resource; /* extendedResourceName; absent: none. */
	uint64_t devices;
};
#define FLEET_DRIVERS_MAX 32
#define FLEET_CONFIGS_MAX 64 /* Also of those that are not valid. */
#define FLEET_LARGE_MAX 8    /* Texts that are too large and that are named. */

struct fleet {
	struct arena arena;
	struct hash_map group_map, namespace_map, node_map, key_map;
	struct fleet_group *groups[FLEET_GROUPS_MAX];
	uint32_t group_count;
	struct fleet_namespace **namespaces;
	uint32_t namespace_count, namespace_size;
	struct fleet_driver drivers[FLEET_DRIVERS_MAX];
	uint32_t driver_count;
	struct fleet_config configs[FLEET_CONFIGS_MAX];
	uint32_t config_count;
	struct fleet_file files[FLEET_CONFIGS_MAX];
	uint32_t file_count;
	bool configs_left; /* Configurations, valid or not, were left out. */
	struct fleet_unread unread[FLEET_OTHERS_MAX];
	uint32_t unread_count;
	const struct fleet_file *reading;    /* Of what is read now; NULL: another file. */
	uint32_t wrong_count;                /* Configurations that are not valid. */
	struct str wrong;                    /* Where the first of them is, and what is wrong. */
	struct str large[FLEET_LARGE_MAX];   /* Texts that are too large for a configuration. */
	uint32_t large_count;                /* Of all of them; the first ones are in `large`. */
	struct str others[FLEET_OTHERS_MAX]; /* Extended resources of nodes that no table knows. */
	uint32_t other_count;
	struct str named[FLEET_OTHERS_MAX]; /* Accelerators of nodes without an Accelerator. */
	uint32_t named_count;
	uint64_t nodes, slices, quotas, ranges, pods; /* What was read. */
	uint64_t skipped;                             /* Objects with names of no usual form. */
	uint64_t unplaced;                            /* Pods for which the probe finds no model. */
	struct str unplaced_pod;                      /* "namespace/name" of the first. */
};

/* Initializes an empty fleet. Returns 0, or -1 with an error. */
int fleet_init(struct fleet *fleet, struct error *err);
void fleet_release(struct fleet *fleet);

/* Fails because the arena is exhausted. Returns -1. */
int fleet_no_memory(struct error *err);

/*
 * Returns the group for a resource and labels, new if there is none. `group->label_count` labels
 * and the soft label identify it. Returns NULL with an error.
 */
struct fleet_group *fleet_group(struct fleet *fleet, const struct fleet_group *like, struct error *err);

/* Returns the namespace, new if there is none, or NULL with an error. The name has its form. */
struct fleet_namespace *fleet_namespace(struct fleet *fleet, struct str name, struct error *err);

/* Returns the use of a resource in a namespace, new if there is none, or NULL with an error. */
struct fleet_use *fleet_use(struct fleet *fleet, struct fleet_namespace *space, struct str resource, struct error *err);

/* Adds a sentence about a namespace; more than FLEET_NOTES_MAX are dropped. 0 or -1. */
__attribute__((format(printf, 4, 5))) int fleet_note(struct fleet *fleet, struct fleet_namespace *space,
						     struct error *err, const char *format, ...);

/* Returns the node of that name, or NULL. */
struct fleet_node *fleet_node_find(const struct fleet *fleet, struct str name);

/* Adds a name to a list of at most FLEET_OTHERS_MAX, once. 0 or -1. */
int fleet_add_name(struct fleet *fleet, struct str *list, uint32_t *count, struct str name, struct error *err);

/* Whether a resource needs a quota: by the built-in tables, or because an Accelerator has it. */
bool fleet_is_accelerator(const struct fleet *fleet, struct str resource);

/* Returns the value of a label, or an absent string; also if it has not the form of one. */
struct str fleet_label(const struct pairs *labels, struct str key);

/* Returns a positive number that a label says; 0: none. */
int64_t fleet_label_number(const struct pairs *labels, struct str key);

/*
 * Whether a policy can name this resource of a node or a DeviceClass. What begins like an entry of
 * a ResourceQuota is a mistake there, and an error in a policy.
 */
bool fleet_names(struct str resource);

#endif
