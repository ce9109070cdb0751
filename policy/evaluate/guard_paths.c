/* Guards of the folders of the node, and of the folder in containers by which devices are chosen. */
#include "policy/base/show.h"
#include "policy/evaluate/guard.h"
#include "policy/model/catalog.h"

#define PATHS_SHOWN 4
#define PATHS_BYTES_MAX (PATHS_SHOWN * (SHOWN_MAX + 8) + 100)

bool guard_path(struct str path, char *out, size_t *len)
{
	size_t n = 0;
	for (size_t i = 0; i < path.len;) {
		while (i < path.len && path.ptr[i] == '/')
			i++;
		size_t start = i;
		while (i < path.len && path.ptr[i] != '/')
			i++;
		struct str part = {path.ptr + start, i - start};
		if (part.len == 0 || str_eq(part, STR(".")))
			continue;
		if (str_eq(part, STR(".."))) {
			while (n > 0 && out[--n] != '/')
				;
			continue;
		}
		if (n + 1 + part.len > GUARD_PATH_MAX)
			return false;
		out[n++] = '/';
		memcpy(out + n, part.ptr, part.len);
		n += part.len;
	}
	struct str link = STR("/var/run");
	size_t skipped = sizeof "/var" - 1;
	if (str_starts((struct str){out, n}, link) && (n == link.len || out[link.len] == '/')) {
		n -= skipped;
		memmove(out, out + skipped, n);
	}
	*len = n;
	return true;
}

/* Whether a path is the folder or lies below it. Both are as guard_path makes them. */
static bool is_below(struct str path, struct str folder)
{
	return str_starts(path, folder) && (path.len == folder.len || path.ptr[folder.len] == '/');
}

/* Whether a path is the pattern, something below it, or one of its parents, through which it is reached. */
static bool path_reaches(struct str path, struct str pattern)
{
	bool open = str_ends(pattern, STR("*"));
	if (open)
		pattern.len--;
	if (path.len < pattern.len || (!open && path.len == pattern.len))
		return str_starts(pattern, path) && (path.len == pattern.len || pattern.ptr[path.len] == '/');
	return str_starts(path, pattern) && (open || path.ptr[pattern.len] == '/');
}

bool guard_path_reaches_devices(struct str path)
{
	size_t count;
	const struct str *patterns = catalog_device_paths(&count);
	for (size_t i = 0; i < count; i++)
		if (path_reaches(path, patterns[i]))
			return true;
	return false;
}

/* A path that is too long to be normalized is refused: nobody needs it. */
static bool is_device_path(struct str path)
{
	char normal[GUARD_PATH_MAX];
	size_t len;
	return !guard_path(path, normal, &len) || guard_path_reaches_devices((struct str){normal, len});
}

int guard_check_device_paths(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->volume_count; i++) {
		const struct volume *volume = &e->pod->volumes[i];
		if (str_present(volume->host_path) && is_device_path(volume->host_path))
			return guard_object(e, guard, GUARD_HOST_DEVICE_MOUNTS, NULL, "hostPath volume ",
					    volume->host_path,
					    " gives access to accelerators, or to what allocates them, and no quota "
					    "counts that; remove "
					    "it, and request accelerators in resources.limits");
	}
	return 0;
}

static bool is_allowed(const struct guard *guard, struct str path)
{
	char normal[GUARD_PATH_MAX];
	size_t len;
	if (!guard_path(path, normal, &len))
		return false;
	for (uint32_t i = 0; i < guard->allowed_paths.count; i++)
		if (is_below((struct str){normal, len}, guard->allowed_paths.items[i]))
			return true;
	return false;
}

static int object_path(struct evaluation *e, const struct guard *guard, struct str path)
{
	char after[PATHS_BYTES_MAX];
	const struct strs *allowed = &guard->allowed_paths;
	int len = snprintf(after, sizeof after, " is not allowed; use %s", allowed->count ? "a path in " : "");
	for (uint32_t i = 0; i < allowed->count && i < PATHS_SHOWN; i++) {
		struct str folder = allowed->items[i].len ? allowed->items[i] : STR("/");
		len += snprintf(after + len, sizeof after - (size_t)len, "%s" SHOW, i ? ", " : "", SHOWN(folder));
	}
	snprintf(after + len, sizeof after - (size_t)len, "%s%sanother kind of volume",
		 allowed->count > PATHS_SHOWN ? ", ..." : "", allowed->count ? ", or " : "");
	return guard_object(e, guard, GUARD_HOST_PATHS, NULL, "hostPath volume ", path, after);
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

/*
 * Whether a runtime takes the path of a mount for the name of a device to hand out. NVIDIA's looks below
 * /var/run/nvidia-container-devices, others below a folder of their own name (hcu-container-devices). They compare the beginning of
 * the text only: a device's name may follow without a slash. They look at mounts alone, so that volumeDevices, which become device
 * nodes, may have any path.
 */
static bool is_device_volume(struct str path)
{
	static const struct str parent = {"/run/", 5}, root = {"-container-devices", 18};
	char normal[GUARD_PATH_MAX];
	size_t len;
	if (!guard_path(path, normal, &len))
		return true;
	struct str at = {normal, len};
	if (!str_starts(at, parent))
		return false;
	at = str_tail(at, parent.len);
	for (; at.len > 0 && at.ptr[0] != '/'; at = str_tail(at, 1))
		if (str_starts(at, root))
			return true;
	return false;
}

int guard_check_device_volumes(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		for (uint32_t m = 0; guard_judges(e, i) && m < container->mount_count; m++)
			if (is_device_volume(container->mounts[m].path))
				return guard_object(
				    e, guard, GUARD_DEVICE_VOLUME_MOUNTS, container, "mounts ",
				    container->mounts[m].path,
				    ", which allocates devices that no quota counts; remove that mount");
	}
	return 0;
}
