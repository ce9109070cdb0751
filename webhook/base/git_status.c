#include "webhook/base/git_status.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"
#include "gpugate/vec.h"
#include "webhook/base/git_head.h"
#include "webhook/base/git_index.h"

#define INDEX_BYTES_MAX ((size_t)64 << 20)
#define FILE_BYTES_MAX ((size_t)1 << 20) /* A larger file is not a policy. */
#define LINK_BYTES ((size_t)PATH_MAX)
#define DEPTH_MAX 32

struct looking {
	struct git_location location;
	/* The part of `path` below the top directory, without a leading slash. */
	const char *below;
	size_t id_bytes;
	bool dirty;
	/* Policy files in the index, relative to the top directory and in byte order. */
	char **tracked;
	size_t count, size;
};

/* ---- which files count ---- */

static bool is_policy(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/*
 * Whether a file of the index is read as policy: it is below the directory, has a policy's
 * extension, and no component begins with a dot.
 */
static bool counts(const struct looking *looking, const char *path)
{
	size_t len = strlen(looking->below);
	if (strcmp(path, looking->below) == 0)
		return true;
	if (len && (strncmp(path, looking->below, len) != 0 || path[len] != '/'))
		return false;
	const char *rest = path + len + (len > 0);
	return rest[0] != '.' && !strstr(rest, "/.") && is_policy(rest);
}

/* ---- contents ---- */

static bool read_link(const char *path, struct buf *out)
{
	char *to = buf_reserve(out, LINK_BYTES);
	ssize_t got = to ? readlink(path, to, LINK_BYTES) : -1;
	out->len = got > 0 ? (size_t)got : 0;
	return got > 0;
}

/*
 * Reads a file, or the target of a symbolic link, which Git stores as the content. Returns false if
 * it cannot be read or is larger than `max`. The caller must release `out` in any case.
 */
static bool read_content(const char *path, bool link, size_t max, struct buf *out)
{
	buf_init(out, max);
	return link ? read_link(path, out) : file_read(AT_FDCWD, path, O_NOFOLLOW | O_NONBLOCK, out) == 0;
}

/* Computes the object ID that Git gives to a content. Returns false if OpenSSL fails. */
static bool hash(struct str content, size_t id_bytes, unsigned char id[static EVP_MAX_MD_SIZE])
{
	char head[32];
	int len = snprintf(head, sizeof head, "blob %zu", content.len) + 1;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done = context && EVP_DigestInit_ex(context, id_bytes == 20 ? EVP_sha1() : EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(context, head, (size_t)len) &&
		    EVP_DigestUpdate(context, content.ptr ? content.ptr : "", content.len) &&
		    EVP_DigestFinal_ex(context, id, NULL);
	EVP_MD_CTX_free(context);
	return done;
}

static bool is_changed(const struct looking *looking, const struct git_entry *entry)
{
	char path[2 * PATH_MAX];
	unsigned char id[EVP_MAX_MD_SIZE];
	struct buf content;
	snprintf(path, sizeof path, "%s/%s", looking->location.root, entry->path);
	bool same = read_content(path, entry->mode == 0120000, FILE_BYTES_MAX, &content) &&
		    hash(buf_view(&content), looking->id_bytes, id) && memcmp(id, entry->id, looking->id_bytes) == 0;
	buf_release(&content);
	return !same;
}

/* ---- the index ---- */

static int keep(struct looking *looking, const char *path)
{
	char **tracked = vec_room(looking->tracked, looking->count, &looking->size, 64, sizeof *tracked);
	if (!tracked)
		return -1;
	looking->tracked = tracked;
	looking->tracked[looking->count] = strdup(path);
	return looking->tracked[looking->count] ? (looking->count++, 0) : -1;
}

static int on_entry(void *context, const struct git_entry *entry)
{
	struct looking *looking = context;
	if (!counts(looking, entry->path))
		return 0;
	looking->dirty = entry->merging || entry->absent || is_changed(looking, entry);
	return looking->dirty ? 1 : keep(looking, entry->path);
}

/*
 * A staged change invalidates the cached tree of its directory, and of all directories above, until
 * it is committed.
 */
static void on_folder(void *context, const char *path, bool written)
{
	struct looking *looking = context;
	const char *slash = strrchr(looking->below, '/');
	size_t len = is_policy(looking->below) ? (size_t)(slash ? slash - looking->below : 0) : strlen(looking->below);
	if (!written && strlen(path) == len && strncmp(path, looking->below, len) == 0)
		looking->dirty = true;
}

/* ---- what is not tracked ---- */

static int compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool is_tracked(const struct looking *looking, const char *path)
{
	return looking->count && bsearch(&path, looking->tracked, looking->count, sizeof *looking->tracked, compare);
}

/*
 * Sets `dirty` if there is a policy file that the index does not have. `path` is relative to the
 * top directory.
 */
static void find_untracked(struct looking *looking, const char *path, unsigned depth)
{
	char whole[2 * PATH_MAX], inner[PATH_MAX];
	struct stat status;
	snprintf(whole, sizeof whole, "%s/%s", looking->location.root, path);
	if (looking->dirty || depth > DEPTH_MAX || lstat(whole, &status) != 0)
		return;
	if (!S_ISDIR(status.st_mode)) {
		looking->dirty = (depth == 0 || is_policy(path)) && !is_tracked(looking, path);
		return;
	}
	DIR *folder = opendir(whole);
	for (struct dirent *at; folder && !looking->dirty && (at = readdir(folder));) {
		int len = snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "/" : "", at->d_name);
		if (at->d_name[0] != '.' && len > 0 && (size_t)len < sizeof inner)
			find_untracked(looking, inner, depth + 1);
	}
	if (folder)
		closedir(folder);
}

/* ---- the whole ---- */

static enum git_state look(struct looking *looking)
{
	char path[PATH_MAX + 8], commit[GIT_COMMIT_SIZE];
	struct buf index;
	git_commit_read(looking->location.path, commit);
	looking->id_bytes = strlen(commit) / 2;
	looking->below = looking->location.path + strlen(looking->location.root);
	looking->below += looking->below[0] == '/';
	const struct git_index_reader reader = {
	    .id_bytes = looking->id_bytes, .entry = on_entry, .folder = on_folder, .context = looking};
	snprintf(path, sizeof path, "%s/index", looking->location.git);
	int result = looking->id_bytes && read_content(path, false, INDEX_BYTES_MAX, &index)
			 ? git_index_read(&reader, buf_view(&index))
			 : -1;
	if (looking->id_bytes)
		buf_release(&index);
	if (result == 0)
		find_untracked(looking, looking->below, 0);
	return looking->dirty ? GIT_DIRTY : result == 0 ? GIT_CLEAN : GIT_UNKNOWN;
}

enum git_state git_status_read(const char *path)
{
	struct looking *looking = calloc(1, sizeof *looking);
	enum git_state state = GIT_UNKNOWN;
	if (looking && git_find(path, &looking->location))
		state = look(looking);
	for (size_t i = 0; looking && i < looking->count; i++)
		free(looking->tracked[i]);
	free(looking ? looking->tracked : NULL);
	free(looking);
	return state;
}
