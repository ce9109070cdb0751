#include "webhook/init/names.h"

void names_add(char *name, size_t *len, struct str text)
{
	for (size_t i = 0; i < text.len && *len < NAMES_BYTES_MAX; i++) {
		char c = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] - 'A' + 'a') : text.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		bool dot = c == '.' && *len > 0 && name[*len - 1] != '.' && name[*len - 1] != '-';
		if (good || dot)
			name[(*len)++] = c;
		else if (*len > 0 && name[*len - 1] != '-' && name[*len - 1] != '.')
			name[(*len)++] = '-';
	}
	while (*len > 0 && (name[*len - 1] == '-' || name[*len - 1] == '.'))
		(*len)--;
}

struct str names_short(struct str resource)
{
	const char *slash = memchr(resource.ptr, '/', resource.len);
	return slash ? str_tail(resource, (size_t)(slash - resource.ptr) + 1) : resource;
}
