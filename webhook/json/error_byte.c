#include "webhook/json/error_byte.h"

/* What was found may contain another parenthesis, so the last one counts. */
size_t error_take_byte(struct error *err)
{
	char *at = strrchr(err->text, '(');
	size_t byte = 0;
	if (!at || sscanf(at, "(byte %zu)", &byte) != 1)
		return 0;
	*at = '\0';
	if (at > err->text && at[-1] == ' ')
		at[-1] = '\0';
	return byte;
}
