#include "webhook/cmd/lint_stdin.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"
#include "gpugate/manifests.h"

static int write_all(int fd, const struct buf *bytes)
{
	for (size_t done = 0; done < bytes->len;) {
		ssize_t written = write(fd, bytes->ptr + done, bytes->len - done);
		if (written < 0 && errno != EINTR)
			return -1;
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

/* Copies standard input to a file in memory, and puts that in its place. */
static int copy(struct buf *bytes, struct error *err)
{
	if (file_read_open(STDIN_FILENO, bytes) < 0)
		return errno == EFBIG ? error_set(err, "standard input is larger than 64 MiB; split it")
				      : error_set(err, "standard input: %s", strerror(errno));
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	int result = fd >= 0 && write_all(fd, bytes) == 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO ? 0 : -1;
	if (result < 0)
		error_set(err, "standard input cannot be kept: %s", strerror(errno));
	if (fd > STDIN_FILENO)
		close(fd);
	return result;
}

int lint_stdin(struct error *err)
{
	struct stat status;
	struct buf bytes;
	if (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode))
		return 0;
	buf_init(&bytes, MANIFESTS_FILE_BYTES_MAX);
	int result = copy(&bytes, err);
	buf_release(&bytes);
	return result;
}
