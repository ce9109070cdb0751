#include "webhook/cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_has_colors(int fd)
{
	const char *refused = getenv("NO_COLOR"), *kind = getenv("TERM");
	return isatty(fd) && !(refused && *refused) && kind && *kind && strcmp(kind, "dumb") != 0;
}
