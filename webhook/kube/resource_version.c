#include "webhook/kube/resource_version.h"

bool kube_version(struct str text, uint64_t *version)
{
	uint64_t value = 0;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
			return false;
	*version = value;
	return text.len > 0;
}
