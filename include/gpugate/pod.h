/*
 * pod: the fields of a Pod that gpugate uses. The reader in webhook/object fills them in one pass over the bytes
 * and keeps nothing else of the object. All strings borrow from those bytes, or, where the JSON spelling held
 * escapes, from the arena of the request: a Pod lives as long as both.
 *
 * JSON null and an absent key are the same here, as they are to the API server. A field of another JSON type than
 * Kubernetes gives it is an error of the reader, never a silently absent fact.
 */
#ifndef GPUGATE_POD_H
#define GPUGATE_POD_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/pairs.h"
#include "gpugate/str.h"

struct env_var {
	struct str name;
	struct str value;
	bool value_from; /* valueFrom is given: the value cannot be seen */
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
	uint32_t index; /* in its list: the number in its JSON Pointer */
	struct str name;
	bool sidecar;       /* restartPolicy Always; means something in CONTAINER_INIT only */
	bool privileged;    /* securityContext.privileged */
	bool host_process;  /* securityContext.windowsOptions.hostProcess */
	bool has_resources; /* resources is an object */
	bool has_env;       /* env is an array */
	struct pairs requests;
	struct pairs limits;
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
	struct str op; /* absent means Equal */
	struct str value;
	struct str effect;
	struct str seconds; /* tolerationSeconds as text; absent: for ever */
};

/* spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution: terms are ORed, expressions ANDed. */
struct node_expression {
	struct str key;
	struct str op; /* In NotIn Exists DoesNotExist Gt Lt */
	struct strs values;
};

struct node_term {
	const struct node_expression *expressions;
	uint32_t count;
	uint32_t field_count; /* matchFields: they name nodes, which labels cannot contradict */
};

struct volume {
	struct str name;
	struct str host_path; /* hostPath.path; absent: another kind of volume */
};

struct owner {
	struct str kind;
	struct str name;
	struct str uid;
};

struct pod {
	bool present; /* the object exists (not null) and is a Pod */
	struct str name;
	struct str generate_name;
	struct str namespace;
	struct str uid; /* absent in the mutating call */
	struct str resource_version;
	struct str deletion_timestamp;     /* absent: not terminating */
	struct str deletion_grace_seconds; /* deletionGracePeriodSeconds as text */
	struct owner owner;                /* the ownerReference with controller: true; absent kind: none */
	struct pairs labels;
	struct pairs annotations;
	const struct container *containers; /* all lists: init first, then regular, then ephemeral, each in order */
	uint32_t container_count;
	struct pairs node_selector;
	bool has_required_affinity; /* nodeSelectorTerms is given, even empty */
	const struct node_term *node_terms;
	uint32_t node_term_count;
	bool has_tolerations;
	const struct toleration *tolerations;
	uint32_t toleration_count;
	const struct volume *volumes;
	uint32_t volume_count;
	struct str runtime_class; /* spec.runtimeClassName */
	struct str node_name;     /* spec.nodeName */
	bool host_pid;            /* spec.hostPID */
	bool host_process; /* spec.securityContext.windowsOptions.hostProcess: of every container that does not say */
	struct pairs overhead;
	uint32_t resource_claim_count; /* spec.resourceClaims */
	struct str phase;              /* status.phase */
};

#endif
