#include "policy/base/path.h"

bool path_normalize(struct str path, char *out, size_t *len)
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
		if (n + 1 + part.len > PATH_BYTES_MAX)
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

bool path_is_below(struct str path, struct str folder)
{
	return str_starts(path, folder) && (path.len == folder.len || path.ptr[folder.len] == '/');
}
