#include "gpugate/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct str file_shown(struct str path)
{
	return str_eq(path, STR(FILE_STDIN)) ? STR("standard input") : path;
}

static ssize_t read_some(int fd, char *to, size_t most)
{
	ssize_t got;
	do
		got = read(fd, to, most);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Reads to the end of the file. If there is one more byte after `out` is full, that is an error. */
static int read_all(int fd, struct buf *out)
{
	char more;
	ssize_t got = 1;
	if (out->len < out->max && !buf_reserve(out, out->max - out->len)) {
		errno = ENOMEM;
		return -1;
	}
	while (got > 0 && out->len < out->max) {
		got = read_some(fd, out->ptr + out->len, out->max - out->len);
		out->len += got > 0 ? (size_t)got : 0;
	}
	if (got > 0)
		got = read_some(fd, &more, 1);
	if (got > 0)
		errno = EFBIG;
	return got == 0 ? 0 : -1;
}

int file_read_open(int fd, struct buf *out)
{
	size_t before = out->len;
	int result = read_all(fd, out);
	if (result < 0)
		out->len = before;
	return result;
}

int file_read(int folder, const char *path, int flags, struct buf *out)
{
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
	if (fd < 0)
		return -1;
	int result = file_read_open(fd, out), reason = errno;
	close(fd);
	errno = reason;
	return result;
}
