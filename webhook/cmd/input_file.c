#include "webhook/cmd/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)64 << 10)

const char *input_file_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Returns 0, or -1 with errno; if errno is 0, the file is too large. */
static ssize_t read_all(int fd, struct buf *out)
{
	for (;;) {
		size_t room = out->max - out->len < PIECE_BYTES ? out->max - out->len : PIECE_BYTES;
		/* Without room left, this asks for one byte, and fails. */
		char *to = buf_reserve(out, room ? room : 1);
		errno = 0;
		ssize_t got = to ? read(fd, to, room) : -1;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got;
		out->len += (size_t)got;
	}
}

int input_file_read(const char *path, struct buf *out, struct error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(err, "%.300s: %s; name a file, or - for standard input", path, strerror(errno));
	ssize_t got = read_all(fd, out);
	int problem = errno;
	if (!standard)
		close(fd);
	if (got == 0)
		return 0;
	if (problem)
		return error_set(err, "%.300s: %s", input_file_name(path), strerror(problem));
	return error_set(err, "%.300s is larger than %zu MiB, or there is not enough memory; split it",
			 input_file_name(path), out->max >> 20);
}
