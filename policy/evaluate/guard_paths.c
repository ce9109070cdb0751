/* guard_paths: Guards for host paths, and for mount paths by which runtimes choose devices. */
#include "policy/evaluate/guard_paths.h"

#include <stdio.h>

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "policy/base/path.h"
#include "policy/base/show.h"
#include "policy/model/catalog.h"

#define PATHS_SHOWN 4
#define TEXT_BYTES_MAX (PATHS_SHOWN * (SHOWN_MAX + 8) + 100)

/*
 * A path that is too long to be normalized counts as a device path, because no legitimate Pod needs
 * it.
 */
static bool is_device_path(struct str path)
{
	char normal[PATH_BYTES_MAX];
	size_t len;
	return !path_normalize(path, normal, &len) || catalog_reaches_devices((struct str){normal, len});
}

int guard_check_device_paths(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->volume_count; i++) {
		const struct volume *volume = &e->pod->volumes[i];
		if (str_present(volume->host_path) && is_device_path(volume->host_path))
			return guard_violation(e, guard, GUARD_HOST_DEVICE_MOUNTS, NULL, "hostPath volume ",
					       volume->host_path,
					       " gives access to accelerators, or to what allocates them, and no quota "
					       "counts that; remove "
					       "it, and request accelerators in resources.limits");
	}
	return 0;
}

static bool is_allowed(const struct guard *guard, struct str path)
{
	char normal[PATH_BYTES_MAX];
	size_t len;
	if (!path_normalize(path, normal, &len))
		return false;
	for (uint32_t i = 0; i < guard->allowed_paths.count; i++)
		if (path_is_below((struct str){normal, len}, guard->allowed_paths.items[i]))
			return true;
	return false;
}

static int object_path(struct evaluation *e, const struct guard *guard, struct str path)
{
	char after[TEXT_BYTES_MAX];
	const struct strs *allowed = &guard->allowed_paths;
	int len = snprintf(after, sizeof after, " is not allowed; use %s", allowed->count ? "a path in " : "");
	for (uint32_t i = 0; i < allowed->count && i < PATHS_SHOWN; i++) {
		struct str folder = allowed->items[i].len ? allowed->items[i] : STR("/");
		len += snprintf(after + len, sizeof after - (size_t)len, "%s" SHOW, i ? ", " : "", SHOWN(folder));
	}
	snprintf(after + len, sizeof after - (size_t)len, "%s%sanother kind of volume",
		 allowed->count > PATHS_SHOWN ? ", ..." : "", allowed->count ? ", or " : "");
	return guard_violation(e, guard, GUARD_HOST_PATHS, NULL, "hostPath volume ", path, after);
}

int guard_check_allowed_paths(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->volume_count; i++) {
		const struct volume *volume = &e->pod->volumes[i];
		if (str_present(volume->host_path) && !is_allowed(guard, volume->host_path))
			return object_path(e, guard, volume->host_path);
	}
	return 0;
}

int guard_check_device_volumes(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		for (uint32_t m = 0; guard_judges(e, i) && m < container->mount_count; m++)
			if (catalog_is_device_mount(container->mounts[m].path))
				return guard_violation(
				    e, guard, GUARD_DEVICE_VOLUME_MOUNTS, container, "mounts ",
				    container->mounts[m].path,
				    ", which allocates devices that no quota counts; remove that mount");
	}
	return 0;
}
