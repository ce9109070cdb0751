/*
 * pod: the fields of a Pod that gpugate uses. The reader in webhook/object fills them in one pass
 * over the bytes and keeps nothing else. All strings borrow from these bytes, or from the arena of
 * the request if the JSON string has escapes, so a Pod lives as long as both.
 *
 * JSON null means the same as an absent key, as it does to the API server. A field whose JSON type
 * is not the one of Kubernetes is an error of the reader and never an absent value.
 */
#ifndef GPUGATE_POD_H
#define GPUGATE_POD_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/pairs.h"
#include "gpugate/str.h"

struct claim;

struct env_var {
	struct str name;
	struct str value;
	bool value_from; /* valueFrom is set, so the value is unknown. */
};

struct volume_mount {
	struct str volume; /* volumeMounts[].name */
	struct str path;   /* volumeMounts[].mountPath */
};

enum container_list {
	CONTAINER_REGULAR,   /* spec.containers */
	CONTAINER_INIT,      /* spec.initContainers */
	CONTAINER_EPHEMERAL, /* spec.ephemeralContainers */
};

struct container {
	enum container_list list;
	uint32_t index; /* Index in its list, as in a JSON Pointer. */
	struct str name;
	bool sidecar;       /* restartPolicy is Always; meaningful for CONTAINER_INIT only. */
	bool privileged;    /* securityContext.privileged */
	bool host_process;  /* securityContext.windowsOptions.hostProcess */
	bool has_resources; /* `resources` is an object. */
	bool has_env;       /* `env` is an array. */
	struct pairs requests;
	struct pairs limits;
	const struct str *claims; /* resources.claims[].name */
	uint32_t claim_count;
	const struct env_var *env;
	uint32_t env_count;
	const struct volume_mount *mounts;
	uint32_t mount_count;
	const struct str *device_paths; /* volumeDevices[].devicePath */
	uint32_t device_path_count;
	struct strs capabilities; /* securityContext.capabilities.add */
	struct str proc_mount;    /* securityContext.procMount */
};

struct toleration {
	struct str key;
	struct str op; /* Absent means Equal. */
	struct str value;
	struct str effect;
	struct str seconds; /* tolerationSeconds as text; absent: no limit. */
};

/*
 * spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution. Terms are ORed, and
 * the expressions of a term are ANDed.
 */
struct node_expression {
	struct str key;
	struct str op; /* One of In, NotIn, Exists, DoesNotExist, Gt, Lt. */
	struct strs values;
};

struct node_term {
	const struct node_expression *expressions;
	uint32_t count;
	/* Number of matchFields. They select nodes by name, so labels cannot contradict them. */
	uint32_t field_count;
};

struct volume {
	struct str name;
	struct str host_path; /* hostPath.path; absent: another type of volume. */
};

/* An item of spec.resourceClaims. At most one of the last two is present. */
struct pod_claim {
	struct str name;
	struct str claim;    /* resourceClaimName */
	struct str template; /* resourceClaimTemplateName */
};

struct owner {
	struct str api_version;
	struct str kind;
	struct str name;
	struct str uid;
};

struct pod {
	bool present; /* The object is not null and is a Pod. */
	/*
	 * For a ledger, which keeps the same of both: the object is this ResourceClaim. Then only
	 * its metadata is also set, without labels and annotations. NULL: it is a Pod.
	 */
	const struct claim *as_claim;
	struct str name;
	struct str generate_name;
	struct str namespace;
	struct str uid; /* Absent in the request of the mutating webhook. */
	struct str resource_version;
	struct str deletion_timestamp;     /* Absent: not terminating. */
	struct str deletion_grace_seconds; /* deletionGracePeriodSeconds as text. */
	/* The ownerReference with `controller: true`; an absent kind means none. */
	struct owner owner;
	struct pairs labels;
	struct pairs annotations;
	/* All containers: init, then regular, then ephemeral ones, each list in its order. */
	const struct container *containers;
	uint32_t container_count;
	struct pairs node_selector;
	bool has_required_affinity; /* nodeSelectorTerms is set, even if empty. */
	const struct node_term *node_terms;
	uint32_t node_term_count;
	/*
	 * For a claim: the terms are the products that its devices can be of. Nodes need not have
	 * such a label, and one of a labeler may say how the devices are shared or cut as well.
	 */
	bool by_product;
	bool has_tolerations;
	const struct toleration *tolerations;
	uint32_t toleration_count;
	const struct volume *volumes;
	uint32_t volume_count;
	struct str runtime_class; /* spec.runtimeClassName */
	struct str node_name;     /* spec.nodeName */
	struct str pod_group;     /* spec.schedulingGroup.podGroupName */
	bool host_pid;            /* spec.hostPID */
	/* spec.securityContext.windowsOptions.hostProcess, the default for all containers. */
	bool host_process;
	struct pairs overhead;
	const struct pod_claim *claims; /* spec.resourceClaims */
	uint32_t claim_count;
	struct str phase; /* status.phase */
};

#endif
