#include "webhook/cmd/pem_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_MODE 0644
#define KEY_MODE 0600

static int count_one(int folder, const char *name, struct error *err)
{
	struct stat status;
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : error_set(err, "%s: %s", name, strerror(errno));
}

int pem_files_count(const struct pem_files *files, struct error *err)
{
	int certificate = count_one(files->folder, files->certificate, err);
	int key = count_one(files->folder, files->key, err);
	return certificate < 0 || key < 0 ? -1 : certificate + key;
}

int pem_file_read(int folder, const char *name, struct buf *out, struct error *err)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status)) {
		error_set(err, "%s cannot be read: %s", name, strerror(errno));
	} else if (!S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > CERTS_PEM_MAX) {
		error_set(err, "%s is not a PEM file: it has to be a file of 1 to %d bytes", name, CERTS_PEM_MAX);
	} else {
		char *to = buf_reserve(out, (size_t)status.st_size);
		ssize_t got = to ? read(fd, to, (size_t)status.st_size) : -1;
		if (got != status.st_size)
			error_set(err, "%s cannot be read in one piece; is it being written?", name);
		else
			out->len = (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	return out->len ? 0 : -1;
}

int pem_files_read(const struct pem_files *files, struct certs_pair *pair, struct error *err)
{
	if (pem_file_read(files->folder, files->certificate, &pair->certificate, err) == 0 &&
	    pem_file_read(files->folder, files->key, &pair->key, err) == 0)
		return 0;
	certs_pair_release(pair);
	return -1;
}

static int write_all(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t wrote = write(fd, text.ptr, text.len);
		if (wrote < 0 && errno != EINTR)
			return -1;
		text = str_tail(text, wrote > 0 ? (size_t)wrote : 0);
	}
	return fsync(fd);
}

static int write_one(int folder, const char *name, mode_t mode, struct str text, struct error *err)
{
	char temporary[64];
	snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
	int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return error_set(err, "%s cannot be written: %s", name, strerror(errno));
	int failed = write_all(fd, text);
	int reason = errno;
	if (close(fd) && !failed) {
		failed = -1;
		reason = errno;
	}
	if (!failed && renameat(folder, temporary, folder, name)) {
		failed = -1;
		reason = errno;
	}
	if (!failed)
		return 0;
	unlinkat(folder, temporary, 0);
	return error_set(err, "%s cannot be written: %s", name, strerror(reason));
}

int pem_files_write(const struct pem_files *files, const struct certs_pair *pair, struct error *err)
{
	if (write_one(files->folder, files->key, KEY_MODE, buf_view(&pair->key), err))
		return -1;
	return write_one(files->folder, files->certificate, CERTIFICATE_MODE, buf_view(&pair->certificate), err);
}
