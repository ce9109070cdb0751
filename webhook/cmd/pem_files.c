#include "webhook/cmd/pem_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"

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
	if (file_read(folder, name, O_NONBLOCK, out) < 0 && errno != EFBIG)
		return error_set(err, "%s cannot be read: %s", name, strerror(errno));
	if (out->len == 0)
		return error_set(err, "%s is not a PEM file: it has to be a file of 1 to %zu bytes", name, out->max);
	return 0;
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

/* --- Writing a pair --- */

/* A file of a pair, which is complete under a temporary name before it replaces anything. */
struct staged {
	int folder;
	const char *name;
	char temporary[64]; /* After an exchange, the file that `name` was before. */
	bool exchanged;
};

/* Returns 0, or -1 with errno; then there is no temporary file. */
static int stage(struct staged *file, int folder, const char *name, mode_t mode, struct str text)
{
	*file = (struct staged){.folder = folder, .name = name};
	snprintf(file->temporary, sizeof file->temporary, ".%s.%ld", name, (long)getpid());
	int fd = openat(folder, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -1;
	int failed = write_all(fd, text), reason = errno;
	if (close(fd) && !failed) {
		failed = -1;
		reason = errno;
	}
	if (failed)
		unlinkat(folder, file->temporary, 0);
	errno = reason;
	return failed;
}

/*
 * Gives the file its name. Keeps what it replaces under the temporary name, if there is something
 * and the file system can exchange files. Returns 0, or -1 with errno.
 */
static int place(struct staged *file)
{
	struct stat status;
	if (fstatat(file->folder, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	file->exchanged = renameat2(file->folder, file->temporary, file->folder, file->name, RENAME_EXCHANGE) == 0;
	if (file->exchanged || (errno != ENOENT && errno != EINVAL && errno != ENOSYS))
		return file->exchanged ? 0 : -1;
	return renameat(file->folder, file->temporary, file->folder, file->name);
}

/* Puts back what the file has replaced. Returns false if that is lost. */
static bool take_back(const struct staged *file, bool was_there)
{
	if (file->exchanged)
		return renameat(file->folder, file->temporary, file->folder, file->name) == 0;
	return !was_there && unlinkat(file->folder, file->name, 0) == 0;
}

static int replace_pair(struct staged *key, struct staged *certificate, struct error *err)
{
	bool had_key = faccessat(key->folder, key->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	struct staged *failed = place(key) ? key : place(certificate) ? certificate : NULL;
	int reason = errno;
	bool whole = failed != certificate || take_back(key, had_key);
	unlinkat(key->folder, key->temporary, 0);
	unlinkat(key->folder, certificate->temporary, 0);
	if (!failed)
		return 0;
	if (whole)
		return error_set(err, "%s cannot be replaced: %s; the files are as they were", failed->name,
				 strerror(reason));
	return error_set(
	    err,
	    "%s cannot be replaced: %s; %s is already the new key, so that the two do not match. Make both "
	    "again with --force",
	    failed->name, strerror(reason), key->name);
}

int pem_files_write(const struct pem_files *files, const struct certs_pair *pair, struct error *err)
{
	struct staged key, certificate;
	if (stage(&key, files->folder, files->key, KEY_MODE, buf_view(&pair->key)))
		return error_set(err, "%s cannot be written: %s; the files are as they were", files->key,
				 strerror(errno));
	if (stage(&certificate, files->folder, files->certificate, CERTIFICATE_MODE, buf_view(&pair->certificate))) {
		error_set(err, "%s cannot be written: %s; the files are as they were", files->certificate,
			  strerror(errno));
		unlinkat(files->folder, key.temporary, 0);
		return -1;
	}
	return replace_pair(&key, &certificate, err);
}
