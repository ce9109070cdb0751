/*
 * known: what the built-in tables say about resource names and MIG models, and the forms that names
 * must have in a policy. For programs that write a policy. Pure and thread-safe; strings that are
 * returned are static.
 */
#ifndef GPUGATE_KNOWN_H
#define GPUGATE_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/* What one unit of an extended resource is, without a policy. The first four need a quota. */
enum known_kind {
	KNOWN_DEVICE,
	KNOWN_SHARE,
	KNOWN_SLICE,
	KNOWN_MONITOR, /* Access to every device of the node. */
	KNOWN_BESIDE,  /* A companion of a device, a network device, or no accelerator. */
	KNOWN_NOT,     /* No table has the name. */
};
enum known_kind known_resource(struct str name);

static inline bool known_is_accelerator(enum known_kind kind)
{
	return kind <= KNOWN_MONITOR;
}

/*
 * Returns the built-in MIG model of a product such as NVIDIA-A100-SXM4-80GB or nvidia-tesla-a100
 * that has all these profiles, named as resources (nvidia.com/mig-1g.10gb). `mib` is the memory of
 * a whole device, in MiB; 0: not known. Returns an absent string if no model fits, or several do.
 */
struct str known_mig_model(struct str product, int64_t mib, const struct str *resources, uint32_t count);

/* Returns the profile of a model that has this resource name; absent: it has none. */
struct str known_mig_profile(struct str model, struct str resource);

/* Whether `name` is the name of a built-in MIG model. */
bool known_is_mig_model(struct str name);

/* The forms of names in a policy, as docs/policy.md defines them. */
bool known_is_name(struct str text);        /* A name. */
bool known_is_namespace(struct str text);   /* The name of a namespace. */
bool known_is_key(struct str text);         /* A qualified name. */
bool known_is_label_value(struct str text); /* A label value. */

#endif
