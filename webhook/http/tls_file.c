#include "webhook/http/tls_file.h"

#include <errno.h>
#include <fcntl.h>

#include "gpugate/file.h"

int tls_file_read(const char *file, const char *what, const char *option, struct buf *out, struct error *err)
{
	if (file_read(AT_FDCWD, file, O_NONBLOCK, out) == 0)
		return 0;
	if (errno == EFBIG)
		return error_set(err, "the %s %.200s is larger than 1 MiB; name a PEM file with %s", what, file,
				 option);
	return error_set(err, "cannot read the %s %.200s: %s; name a readable file with %s", what, file,
			 strerror(errno), option);
}
