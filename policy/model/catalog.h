/*
 * catalog: built-in knowledge about accelerators: resource names of vendors, MIG profiles, and the
 * variables, host paths and annotations through which containers can reach devices. It consists of
 * constant tables, so supporting a new driver or vendor means adding rows. Thread-safe.
 */
#ifndef POLICY_MODEL_CATALOG_H
#define POLICY_MODEL_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * What one unit of an extended resource is. The first four are accelerators, for which a Pod needs
 * a quota; the code relies on the order.
 */
enum role {
	ROLE_DEVICE, /* A whole device, or something that can be that much. */
	/* A part of a device: a time slice, an MPS client, a percentage, or memory. */
	ROLE_SHARE,
	ROLE_SLICE, /* A MIG slice: nvidia.com/mig-... */
	/* Exposes every device of the node; allowed only by a quota that names it. */
	ROLE_MONITOR,
	/*
	 * How much a container gets of a device that it also requests; allocates nothing by itself.
	 */
	ROLE_COMPANION,
	ROLE_NETWORK, /* A network device. */
	ROLE_OTHER,   /* Any other device that is not an accelerator. */
	ROLE_UNKNOWN, /* Neither the catalog nor the policy knows it. */
	ROLES,
};

static inline bool role_is_accelerator(enum role role)
{
	return role <= ROLE_MONITOR;
}

/*
 * Whether a resource with this role counts only in quotas that name it exactly, and there as a
 * plain number of units.
 */
static inline bool role_needs_name(enum role role)
{
	return role >= ROLE_MONITOR;
}

/* Returns the role in a few words, such as "a device" or "a network device"; static. */
const char *role_words(enum role role);

/*
 * A row of the catalog: resources that match `pattern` have the role. The pattern has no wildcard
 * before its slash. The first row that matches decides.
 */
struct catalog_resource {
	struct str pattern;
	uint32_t domain; /* Bytes of the pattern up to and including the slash. */
	enum role role;
};

/* Returns the row of a resource name, or NULL if the catalog does not contain it. */
const struct catalog_resource *catalog_find(struct str name);

/*
 * Returns the first row whose pattern overlaps with a glob such as `nvidia.com/mig-*` and whose
 * role `wanted` accepts, or NULL. `specific` skips rows that stand for a whole domain, because
 * their name is a single star.
 */
const struct catalog_resource *catalog_overlap(struct str glob, bool (*wanted)(enum role role), bool specific);

/* Returns all rows, for suggestions and the reference. */
const struct catalog_resource *catalog_resources(size_t *count);

/* A MIG profile. Sources: the MIG user guide of NVIDIA, and mig-parted. */
struct catalog_profile {
	struct str name; /* Such as 1g.10gb or 1g.10gb+me. */
	uint8_t compute; /* Compute slices, of compute_total in the model. */
	uint8_t memory;  /* Memory slices, of memory_total in the model. */
	uint16_t gib;    /* Nominal memory. */
};

struct catalog_model {
	struct str name; /* Such as a100-80gb. */
	uint8_t compute_total;
	uint8_t memory_total;
	uint16_t gib; /* Nominal memory of the whole device; 0: it has no memory of its own. */
	const struct catalog_profile *profiles;
	uint8_t profile_count;
};

const struct catalog_model *catalog_models(size_t *count);
const struct catalog_model *catalog_model(struct str name); /* NULL: no model has that name. */

/*
 * Writes the resource name that the device plugin advertises for a profile: `nvidia.com/mig-` and
 * the name of the profile with `+` replaced by `.`. Writes at most CATALOG_MIG_NAME_MAX bytes and
 * returns their number.
 */
#define CATALOG_MIG_PREFIX STR("nvidia.com/mig-")
#define CATALOG_MIG_NAME_MAX 96
size_t catalog_mig_resource(struct str profile, char *out);

/*
 * Finds the MIG slice that another MIG resource is a part of: for a share such as
 * `nvidia.com/mig-1g.10gb.shared` its slice, and for a compute instance such as
 * `nvidia.com/mig-1c.3g.20gb` its GPU instance. Writes the resource name of the slice, at most
 * CATALOG_MIG_NAME_MAX bytes, and returns its length; 0 if the resource is neither.
 */
#define CATALOG_SHARED_SUFFIX STR(".shared")
size_t catalog_mig_slice(struct str resource, char *out);

/* Before the name of a device class: together the name of a resource, of which a device is one. */
#define CATALOG_CLASS_PREFIX STR("deviceclass.resource.kubernetes.io/")

/*
 * Computes the largest fraction of a device that the profile with this resource name takes on any
 * built-in model. For a share or a compute instance, it is that of its slice. Returns false if no
 * built-in model has the profile.
 */
bool catalog_mig_weight(struct str resource, int64_t *numerator, int64_t *denominator);

/* A common multiple of all denominators from catalog_mig_weight. */
#define CATALOG_MIG_UNIT 168

/* Whether the key is a label that tools of vendors or clouds set on nodes. */
bool catalog_is_label(struct str key);

/*
 * Returns such a label if the key is probably a misspelling of it, in its domain or its name;
 * otherwise an absent string.
 */
struct str catalog_near_label(struct str key);

/* An environment variable that tells the container runtime of a vendor which devices to expose. */
struct catalog_variable {
	struct str name;   /* A trailing `*` matches any rest; then takes_void is false. */
	struct str prefix; /* Prefix of the resources of the vendor. */
	bool takes_void;   /* The runtime is known to expose no device for the value `void`. */
};

const struct catalog_variable *catalog_variables(size_t *count);

/* Returns the index of a variable in that table, or -1. */
int catalog_variable(struct str name);

/*
 * Whether a runtime shows no device for this value of such a variable. An empty value means `void`
 * to the container toolkit of NVIDIA and to its derivatives.
 */
bool catalog_hides_devices(struct str value);

/*
 * Returns the host paths that give access to devices, or to what allocates them. A trailing `*`
 * matches the rest of the last component.
 */
const struct str *catalog_device_paths(size_t *count);

/*
 * Whether a path is one of these, is below one, or is a parent of one. It must be normalized
 * (path_normalize).
 */
bool catalog_reaches_devices(struct str path);

/*
 * Whether a runtime takes a mount path as the name of a device to expose. That of NVIDIA checks
 * paths below /var/run/nvidia-container-devices; others use a folder with their own name, such as
 * hcu-container-devices. They compare only the beginning of the text, so the name of a device may
 * follow without a slash. They ignore volumeDevices, which become device nodes and may have any
 * path.
 */
bool catalog_is_device_mount(struct str path);

/*
 * Annotations that make a runtime or an NRI plugin add devices to containers. A row is a whole key,
 * or the part of a key before its slash.
 */
const struct str *catalog_device_annotations(size_t *count);
bool catalog_is_device_annotation(struct str key);

/*
 * Annotations that make a scheduler allocate a part of a GPU that the resource requests do not
 * mention.
 */
const struct str *catalog_fraction_annotations(size_t *count);
bool catalog_is_fraction_annotation(struct str key);

/*
 * The annotation of a mirror Pod, which represents a static Pod that the kubelet already runs.
 */
#define CATALOG_MIRROR_ANNOTATION STR("kubernetes.io/config.mirror")

/* Returns the domain of a resource name, which is everything before the slash. */
static inline struct str catalog_vendor(struct str name)
{
	size_t len = 0;
	while (len < name.len && name.ptr[len] != '/')
		len++;
	return (struct str){name.ptr, len};
}

#endif
