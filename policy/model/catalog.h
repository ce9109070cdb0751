/*
 * catalog: what is known of accelerators before any policy is read: vendors' resource names, MIG profile tables, the
 * environment variables and host paths through which devices can be reached. All of it is data; a new driver or vendor
 * is a new row.
 */
#ifndef POLICY_MODEL_CATALOG_H
#define POLICY_MODEL_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/* What a unit of an extended resource is. Only the first four are accelerators: what a Pod must have a quota for. */
enum role {
	ROLE_DEVICE,    /* a whole device, or something that can be as much */
	ROLE_SHARE,     /* a part of a device that comes by itself: time-sliced, MPS, a percentage, memory */
	ROLE_SLICE,     /* a MIG slice: nvidia.com/mig-... */
	ROLE_MONITOR,   /* shows every device of the node: only a quota that names it allows it */
	ROLE_COMPANION, /* says how much of the device beside it a container gets; hands out nothing by itself */
	ROLE_NETWORK,   /* a network device */
	ROLE_OTHER,     /* any other device that is no accelerator */
	ROLE_UNKNOWN,   /* neither the catalog nor the policy has heard of it */
	ROLES,
};

static inline bool role_is_accelerator(enum role role)
{
	return role <= ROLE_MONITOR;
}

/* Roles that count only in a quota that names the resource exactly, and there as a plain number of units. */
static inline bool role_needs_name(enum role role)
{
	return role >= ROLE_MONITOR;
}

/* The role in one or two words: "a device", "a network device". */
const char *role_words(enum role role);

/* One row of the catalog: names that match `pattern`, a glob without a wildcard before its slash, have that role. The
 * first row that matches decides. */
struct catalog_resource {
	struct str pattern;
	uint32_t domain; /* bytes of the pattern up to and including the slash */
	enum role role;
};

/* The row of a name; NULL: the catalog does not know it. */
const struct catalog_resource *catalog_find(struct str name);

/*
 * The first row of which a glob such as `nvidia.com/mig-*` could match some name, and which `wanted` takes; NULL: none.
 * `specific`: rows that stand for a whole domain, whose name is a star, are left out.
 */
const struct catalog_resource *catalog_overlap(struct str glob, bool (*wanted)(enum role role), bool specific);

/* The rows themselves, for suggestions and for the reference. */
const struct catalog_resource *catalog_resources(size_t *count);

/* A MIG profile: slices of the device it is cut from, memory in GiB. Source: NVIDIA MIG user guide, mig-parted. */
struct catalog_profile {
	struct str name; /* 1g.10gb, 1g.10gb+me */
	uint8_t compute; /* slices of the table's compute_total */
	uint8_t memory;  /* slices of the table's memory_total */
	uint16_t gib;
};

struct catalog_model {
	struct str name; /* a100-80gb */
	uint8_t compute_total;
	uint8_t memory_total;
	uint16_t gib; /* nominal memory of the whole device; 0: it has none of its own */
	const struct catalog_profile *profiles;
	uint8_t profile_count;
};

const struct catalog_model *catalog_models(size_t *count);
const struct catalog_model *catalog_model(struct str name); /* NULL: none of that name */

/* `nvidia.com/mig-` and the profile's name, `+` written as `.`: what the device plugin advertises. Writes at most
 * CATALOG_MIG_NAME_MAX bytes. */
#define CATALOG_MIG_PREFIX STR("nvidia.com/mig-")
#define CATALOG_MIG_NAME_MAX 96
size_t catalog_mig_resource(struct str profile, char *out);

/*
 * The slice that another spelling of a MIG resource is a part of: of a share (`nvidia.com/mig-1g.10gb.shared`) its
 * slice, of a compute instance (`nvidia.com/mig-1c.3g.20gb`) the GPU instance that it lies in. Writes at most
 * CATALOG_MIG_NAME_MAX bytes to `out` and returns their number; 0: the name is no such spelling.
 */
#define CATALOG_SHARED_SUFFIX STR(".shared")
size_t catalog_mig_slice(struct str resource, char *out);

/* The largest share of a device, as a fraction, that a profile of this resource name, or of the slice that it is a part
 * of, takes on any built-in model. */
bool catalog_mig_weight(struct str resource, int64_t *numerator, int64_t *denominator);

/* Every denominator of catalog_mig_weight divides it. */
#define CATALOG_MIG_UNIT 168

/* Whether the key is a label that a vendor's or cloud's tools set on nodes. */
bool catalog_is_label(struct str key);

/* Such a label of which the key is a misspelling, in its domain or in its name; absent: it is none. */
struct str catalog_near_label(struct str key);

/* A container variable by which a vendor's runtime hands out devices. */
struct catalog_variable {
	struct str name;   /* a trailing `*` matches any rest; then takes_void is false */
	struct str prefix; /* of the vendor's resources */
	bool takes_void;   /* the runtime is known to hand out nothing for the value `void` */
};

const struct catalog_variable *catalog_variables(size_t *count);

/* The position of a variable in that table; -1: it is none. */
int catalog_variable(struct str name);

/* Host paths that lead to devices, or to what grants them. A trailing `*` matches any rest of the last component. */
const struct str *catalog_device_paths(size_t *count);

/* Whether a path is one of these, lies below one, or leads to one. It is as path_normalize writes it. */
bool catalog_reaches_devices(struct str path);

/* Annotations by which a runtime or an NRI plug-in adds devices to containers: the key itself, or what stands before
 * its slash. */
const struct str *catalog_device_annotations(size_t *count);
bool catalog_is_device_annotation(struct str key);

/* Annotations by which a scheduler gives a Pod a part of a GPU that its resources do not ask for. */
const struct str *catalog_fraction_annotations(size_t *count);
bool catalog_is_fraction_annotation(struct str key);

/* The vendor's domain of a resource name: all before the slash. */
static inline struct str catalog_vendor(struct str name)
{
	size_t len = 0;
	while (len < name.len && name.ptr[len] != '/')
		len++;
	return (struct str){name.ptr, len};
}

#endif
