/*
 * device_classes: the DeviceClasses of a cluster whose devices can also be requested under a
 * resource name of their own (spec.extendedResourceName). A Pod that requests that name is given
 * devices of the class, so the request counts like one for the class. Pure and thread-safe.
 */
#ifndef GPUGATE_DEVICE_CLASSES_H
#define GPUGATE_DEVICE_CLASSES_H

#include <stdint.h>

#include "gpugate/policy.h"
#include "gpugate/str.h"

#define DEVICE_CLASSES_MAX 1024    /* Classes that have such a name. */
#define DEVICE_CLASS_NAME_MAX 253  /* Bytes of the name of a class. */
#define DEVICE_CLASS_ALIAS_MAX 317 /* Bytes of a resource name: a domain, a slash, and 63 more. */

struct device_class {
	struct str name;
	struct str resource; /* spec.extendedResourceName, such as example.com/gpu. */
	/* metadata.creationTimestamp in milliseconds since 1970; 0: not known. */
	int64_t created_ms;
};

/* What is known of them. */
struct device_classes {
	const struct device_class *items;
	uint32_t count; /* At most DEVICE_CLASSES_MAX. */
	/*
	 * Why some of them may be missing, as the end of a sentence; static. NULL: these are all.
	 * Otherwise what a resource name means that neither they nor the policy has is not known.
	 */
	const char *gap;
};

/*
 * Returns new: a policy that decides like this one, and takes a request for the resource name of a
 * class for one for the class, as the scheduler does. Of several classes with one resource name it
 * is the newest one, and of those that of the first name. The name keeps the meaning that the
 * policy itself gives to it: as the resource of an Accelerator always, and as one of
 * Settings.otherResources or of the built-in catalog unless an Accelerator lists the class.
 *
 * Replaces the classes that the policy had. A policy that counts no claims (policy_counts_claims)
 * has no use for them and decides as before. Copies the strings, and retains the policy that was
 * loaded until the new one is released. Returns NULL without memory.
 */
const struct policy *policy_with_classes(const struct policy *policy, const struct device_classes *classes);

/* Returns new: the same with the classes that another policy has; if it has none, `policy`. */
const struct policy *policy_with_classes_of(const struct policy *policy, const struct policy *other);

/*
 * Whether both have the same classes as far as they matter: one that is older than another with its
 * resource name does not.
 */
bool policy_classes_equal(const struct policy *a, const struct policy *b);

/*
 * Returns the name of the class as which a request for the resource counts; absent: the resource
 * counts under its own name. Borrows from the policy.
 */
struct str policy_class_of(const struct policy *policy, struct str resource);

#endif
