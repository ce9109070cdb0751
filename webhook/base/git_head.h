/*
 * git_head: finds the commit that is checked out in the Git repository around a directory. Reads
 * Git's files directly, runs no program, and does not trust the files.
 */
#ifndef WEBHOOK_BASE_GIT_HEAD_H
#define WEBHOOK_BASE_GIT_HEAD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define GIT_COMMIT_SIZE 65 /* A SHA-256 in hexadecimal and a NUL. */

/*
 * Writes the commit that HEAD refers to in the repository or worktree that contains `path`, or the
 * empty string if there is none. Thread-safe.
 *
 * If the repository cannot be read, the nearest directory, `path` itself or a parent, that is named
 * like a commit supplies it. This is the case next to git-sync, whose worktrees refer to a path
 * that exists only in its own container.
 */
void git_commit_read(const char *path, char commit[static GIT_COMMIT_SIZE]);

/* The location of a path in a repository. All paths are absolute and contain no symbolic links. */
struct git_location {
	char path[PATH_MAX]; /* The path itself. */
	char root[PATH_MAX]; /* The top directory of the working tree; "" for "/". */
	char git[PATH_MAX];  /* Its Git directory. */
};

/*
 * Finds the repository or worktree that contains `path`. Returns false if there is none.
 * Thread-safe.
 */
bool git_find(const char *path, struct git_location *location);

/*
 * Lists the files that change when HEAD moves, so that they can be watched. Returns the number of
 * paths, 0 to 2; the caller must free each. Returns 0 if there is no repository.
 */
size_t git_head_files(const char *path, char *files[2]);

#endif
