#include "webhook/base/path_secret.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NOW, BEFORE, ACCEPTED };

struct path_secret {
	char *file;
	pthread_rwlock_t lock;
	char texts[ACCEPTED][HTTP_SECRET_MAX + 1]; /* Empty if there is none; guarded by `lock`. */
};

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
	if (http_secret_load(file, secret->texts[NOW], err) == 0)
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
	char read[HTTP_SECRET_MAX + 1];
	if (http_secret_load(secret->file, read, err) < 0)
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

bool path_secret_route(struct path_secret *secret, struct str target, struct http_route *route)
{
	bool found = false;
	if (!secret)
		return http_route_find((struct str){NULL, 0}, target, route);
	pthread_rwlock_rdlock(&secret->lock);
	for (int i = 0; !found && i < ACCEPTED; i++)
		found = secret->texts[i][0] != '\0' && http_route_find(str_of(secret->texts[i]), target, route);
	pthread_rwlock_unlock(&secret->lock);
	return found;
}
