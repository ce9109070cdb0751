/* gpugate: runs the command that the command line names. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "webhook/base/hardening.h"
#include "webhook/commands.h"

int main(int argc, char **argv)
{
	hardening_begin();
	int status = command_run(&gpugate_command, argc, argv);
	bool earlier = ferror(stdout);
	errno = 0;
	if (fflush(stdout) == 0 && !earlier)
		return status;
	fprintf(stderr, "gpugate: cannot write output: %s\n", strerror(errno ? errno : EIO));
	return EXIT_FAILED;
}
