/*
 * The file formats are described in gitrepository-layout(5):
 *
 * - .git is a directory, or in a worktree a file "gitdir: PATH"; the directory at PATH has a file
 *   "commondir".
 * - HEAD is a hash or "ref: NAME".
 * - A ref is a file in the Git directory or in the common directory, or a line of packed-refs.
 */
#include "webhook/base/git_head.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REF_BYTES_MAX 512

static bool is_commit(const char *text)
{
	size_t len = strspn(text, "0123456789abcdef");
	return text[len] == '\0' && (len == 40 || len == 64);
}

/*
 * Reads the first line of a file, without its line break. Returns false if the line is empty or
 * cannot be read.
 */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool read = fgets(line, (int)size, file) != NULL;
	fclose(file);
	if (read)
		line[strcspn(line, "\r\n")] = '\0';
	return read && *line;
}

/*
 * Joins a directory and a name, unless the name is absolute. Returns false if the path is too long.
 */
static bool join(char path[static PATH_MAX], const char *folder, const char *name)
{
	int len =
	    name[0] == '/' ? snprintf(path, PATH_MAX, "%s", name) : snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return len > 0 && len < PATH_MAX;
}

/* Truncates "/a/b" to "/a" and "/a" to "". Returns NULL for "". */
static char *parent(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return path;
}

/* Finds the Git directory of `folder`, not of its parents. */
static bool find_git(const char *folder, char git[static PATH_MAX])
{
	static const char prefix[] = "gitdir: ";
	char dot_git[PATH_MAX], line[PATH_MAX];
	struct stat status;
	if (!join(dot_git, folder, ".git") || stat(dot_git, &status) != 0)
		return false;
	if (S_ISDIR(status.st_mode)) {
		memcpy(git, dot_git, strlen(dot_git) + 1);
		return true;
	}
	return S_ISREG(status.st_mode) && read_line(dot_git, line, sizeof line) &&
	       strncmp(line, prefix, sizeof prefix - 1) == 0 && join(git, folder, line + sizeof prefix - 1);
}

static bool read_packed(const char *common, const char *ref, char commit[static GIT_COMMIT_SIZE])
{
	char path[PATH_MAX], line[REF_BYTES_MAX + GIT_COMMIT_SIZE + 2];
	bool found = false;
	FILE *file = join(path, common, "packed-refs") ? fopen(path, "re") : NULL;
	while (file && !found && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\r\n")] = '\0';
		char *blank = strchr(line, ' ');
		if (!blank || strcmp(blank + 1, ref) != 0)
			continue;
		*blank = '\0';
		found = is_commit(line);
		if (found)
			memcpy(commit, line, strlen(line) + 1);
	}
	if (file)
		fclose(file);
	return found;
}

static bool read_ref(const char *git, const char *ref, char commit[static GIT_COMMIT_SIZE])
{
	char common[PATH_MAX], path[PATH_MAX], line[PATH_MAX];
	if (strncmp(ref, "refs/", 5) != 0 || strstr(ref, "..") || strlen(ref) >= REF_BYTES_MAX)
		return false;
	if (!join(path, git, "commondir"))
		return false;
	if (!read_line(path, line, sizeof line) || !join(common, git, line))
		memcpy(common, git, strlen(git) + 1);
	const char *const folders[] = {git, common};
	for (size_t i = 0; i < 2; i++) {
		if (join(path, folders[i], ref) && read_line(path, line, sizeof line) && is_commit(line)) {
			memcpy(commit, line, strlen(line) + 1);
			return true;
		}
	}
	return read_packed(common, ref, commit);
}

static bool read_head(const char *git, char commit[static GIT_COMMIT_SIZE])
{
	static const char prefix[] = "ref: ";
	char path[PATH_MAX], line[REF_BYTES_MAX];
	if (!join(path, git, "HEAD") || !read_line(path, line, sizeof line))
		return false;
	if (strncmp(line, prefix, sizeof prefix - 1) == 0)
		return read_ref(git, line + sizeof prefix - 1, commit);
	if (!is_commit(line))
		return false;
	memcpy(commit, line, strlen(line) + 1);
	return true;
}

/*
 * Truncates `folder` to the nearest directory, itself or a parent, that has a Git directory.
 * Returns false if there is none.
 */
static bool climb(char *folder, char git[static PATH_MAX])
{
	for (const char *at = folder; at; at = parent(folder))
		if (find_git(at, git))
			return true;
	return false;
}

bool git_find(const char *path, struct git_location *location)
{
	return realpath(path, location->path) && memcpy(location->root, location->path, sizeof location->root) &&
	       climb(location->root, location->git);
}

void git_commit_read(const char *path, char commit[static GIT_COMMIT_SIZE])
{
	char folder[PATH_MAX], git[PATH_MAX];
	commit[0] = '\0';
	if (!realpath(path, folder))
		return;
	for (const char *at = folder; at; at = parent(folder)) {
		const char *name = strrchr(at, '/');
		if (find_git(at, git) && read_head(git, commit))
			return;
		if (name && is_commit(name + 1)) {
			memcpy(commit, name + 1, strlen(name));
			return;
		}
	}
}

size_t git_head_files(const char *path, char *files[2])
{
	struct git_location location;
	size_t count = 0;
	if (!git_find(path, &location))
		return 0;
	count += asprintf(&files[count], "%s/HEAD", location.git) >= 0;
	count += asprintf(&files[count], "%s/logs/HEAD", location.git) >= 0;
	return count;
}
