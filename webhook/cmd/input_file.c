#include "webhook/cmd/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "gpugate/file.h"

static bool is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

const char *input_file_name(const char *path)
{
	return file_shown(str_of(is_standard(path) ? FILE_STDIN : path)).ptr;
}

int input_file_read(const char *path, struct buf *out, struct error *err)
{
	if ((is_standard(path) ? file_read_open(STDIN_FILENO, out) : file_read(AT_FDCWD, path, 0, out)) == 0)
		return 0;
	if (errno == EFBIG)
		return error_set(err, "%.300s is larger than %zu MiB; split it", input_file_name(path), out->max >> 20);
	return error_set(err, "%.300s: %s; name a file, or - for standard input", input_file_name(path),
			 strerror(errno));
}

typedef int reader_fn(struct manifest *manifest, const char *file, struct str bytes, struct error *err);

static int read_manifest(const char *path, reader_fn *read, struct manifest *manifest, struct error *err)
{
	struct buf bytes;
	buf_init(&bytes, MANIFEST_BYTES_MAX);
	*manifest = (struct manifest){.count = 0};
	int result = input_file_read(path, &bytes, err);
	if (result == 0)
		result = read(manifest, input_file_name(path), buf_view(&bytes), err);
	buf_release(&bytes);
	return result;
}

int input_file_manifest(const char *path, struct manifest *manifest, struct error *err)
{
	return read_manifest(path, manifest_read, manifest, err);
}

int input_file_manifest_exact(const char *path, struct manifest *manifest, struct error *err)
{
	return read_manifest(path, manifest_read_exact, manifest, err);
}
