#include "webhook/cmd/namespace_option.h"

#include "gpugate/known.h"

int namespace_option_check(const char *name, struct error *err)
{
	if (!name || known_is_namespace(str_of(name)))
		return 0;
	return error_set(err,
			 "-n: no namespace can be named \"%.100s\"; write at most 63 lower-case letters, digits, and "
			 "hyphens between them, such as team-a",
			 name);
}
