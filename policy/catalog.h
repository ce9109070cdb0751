/*
 * catalog: what is known of accelerators before any policy is read: vendors' resource names, MIG profile tables, the
 * environment variables and host paths through which devices can be reached. All of it is data; a new driver or vendor
 * is a new row.
 */
#ifndef POLICY_CATALOG_H
#define POLICY_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

enum catalog_kind {
	CATALOG_WHOLE,  /* a whole device, or something that can be as much */
	CATALOG_SLICE,  /* a MIG slice: nvidia.com/mig-… */
	CATALOG_SHARE,  /* a time-sliced or MPS share: ….shared */
	CATALOG_NOTHING /* a vendor's network device and the like: not an accelerator */
};

/* One row: names that match `pattern` (a glob, `*` only at the end) belong to `vendor`. The first row that matches decides. */
struct catalog_resource {
	struct str pattern;
	enum catalog_kind kind;
};

/* Is `name` an accelerator resource by its name alone? NULL: no row matches. */
const struct catalog_resource *catalog_find(struct str name);

/* Whether a glob such as `nvidia.com/mig-*` could match any accelerator name of the catalog. */
bool catalog_overlaps(struct str glob);

/* The rows themselves, for suggestions. */
const struct catalog_resource *catalog_resources(size_t *count);

/* A MIG profile: slices of the device it is cut from, nominal memory in GiB. Source: NVIDIA MIG user guide, mig-parted. */
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
	uint16_t gib; /* nominal memory of the whole device */
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

/* The largest share of a device, as a fraction, that a profile of this resource name takes on any built-in model. */
bool catalog_mig_weight(struct str resource, int64_t *numerator, int64_t *denominator);

/* Whether a profile has no suffix such as +me, +gfx or -me: only then is it offered unasked, and chosen by memory. */
bool catalog_profile_plain(struct str profile);

/* The N of `Ngb` in a profile's name; 0: none. */
int64_t catalog_profile_gib(struct str profile);

/* A container variable by which a vendor's runtime hands out devices. */
struct catalog_variable {
	struct str name;
	struct str prefix; /* of the vendor's resources */
};
const struct catalog_variable *catalog_variables(size_t *count);

/* The position of a variable in that table; -1: it is none. */
int catalog_variable(struct str name);

/* Host paths that lead to devices, or to what grants them. A trailing `*` matches any rest of the last component. */
const struct str *catalog_device_paths(size_t *count);

#endif
