#include "webhook/base/path_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gpugate/file.h"

enum { NOW, BEFORE, ACCEPTED };

struct path_secret {
	char *file;
	pthread_rwlock_t lock;
	char texts[ACCEPTED][PATH_SECRET_MAX + 1]; /* empty: none; guarded by the lock */
};

int path_secret_load(const char *file, char secret[static PATH_SECRET_MAX + 1], struct error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct buf text;
	buf_init(&text, PATH_SECRET_MAX + 2); /* and a line end */
	int failed = file_read(AT_FDCWD, file, 0, &text);
	if (failed && errno != EFBIG)
		return error_set(err, "cannot read the path secret %.200s: %s; name a readable file with --path-secret",
				 file, strerror(errno));
	struct str line = buf_view(&text);
	if (str_ends(line, STR("\n")))
		line.len -= str_ends(line, STR("\r\n")) ? 2 : 1;
	bool fine = !failed && line.len >= 1 && line.len <= PATH_SECRET_MAX;
	for (size_t i = 0; fine && i < line.len; i++)
		fine = line.ptr[i] != '\0' && strchr(allowed, line.ptr[i]) != NULL;
	if (fine) {
		memcpy(secret, line.ptr, line.len);
		secret[line.len] = '\0';
	}
	buf_wipe(&text);
	return fine ? 0
		    : error_set(err,
				"the path secret in %.200s must be one line of 1 to %d letters, digits and - . _ ~; "
				"make one with: openssl rand -hex 32 > FILE",
				file, PATH_SECRET_MAX);
}

struct path_secret *path_secret_create(const char *file, struct error *err)
{
	struct path_secret *secret = calloc(1, sizeof *secret);
	char *copy = strdup(file);
	if (!secret || !copy) {
		error_set(err, "not enough memory for the path secret");
		free(secret);
		free(copy);
		return NULL;
	}
	secret->file = copy;
	pthread_rwlock_init(&secret->lock, NULL);
	if (path_secret_load(file, secret->texts[NOW], err) == 0)
		return secret;
	path_secret_destroy(secret);
	return NULL;
}

void path_secret_destroy(struct path_secret *secret)
{
	if (!secret)
		return;
	pthread_rwlock_destroy(&secret->lock);
	explicit_bzero(secret->texts, sizeof secret->texts);
	free(secret->file);
	free(secret);
}

int path_secret_reload(struct path_secret *secret, struct error *err)
{
	char read[PATH_SECRET_MAX + 1];
	if (path_secret_load(secret->file, read, err) < 0)
		return -1;
	pthread_rwlock_wrlock(&secret->lock);
	bool other = strcmp(read, secret->texts[NOW]) != 0;
	if (other) {
		memcpy(secret->texts[BEFORE], secret->texts[NOW], sizeof secret->texts[NOW]);
		memcpy(secret->texts[NOW], read, sizeof read);
	}
	pthread_rwlock_unlock(&secret->lock);
	explicit_bzero(read, sizeof read);
	return other;
}

/* Looks at every byte of `guess` whatever it finds; only the length of the guess, which its sender knows, shows. */
static bool equal_in_secret(struct str guess, struct str secret)
{
	unsigned char difference = guess.len != secret.len;
	for (size_t i = 0; i < guess.len; i++)
		difference |= (unsigned char)(guess.ptr[i] ^ secret.ptr[i % secret.len]);
	return difference == 0;
}

/* Whether the part of a path after its endpoint is a slash and the secret. */
static bool holds_secret(struct str rest, struct str secret)
{
	return rest.len >= 2 && rest.ptr[0] == '/' && equal_in_secret(str_tail(rest, 1), secret);
}

bool path_secret_admits(struct path_secret *secret, struct str endpoint, struct str target)
{
	const char *question = target.len ? memchr(target.ptr, '?', target.len) : NULL;
	struct str path = {target.ptr, question ? (size_t)(question - target.ptr) : target.len};
	if (!str_starts(path, endpoint))
		return false;
	struct str rest = str_tail(path, endpoint.len);
	if (!secret)
		return rest.len == 0;
	bool admits = false;
	pthread_rwlock_rdlock(&secret->lock);
	for (int i = 0; !admits && i < ACCEPTED; i++)
		admits = secret->texts[i][0] != '\0' && holds_secret(rest, str_of(secret->texts[i]));
	pthread_rwlock_unlock(&secret->lock);
	return admits;
}
