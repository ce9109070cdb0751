/*
 * git_commit: which commit of a Git repository is checked out where a folder lies. Reads Git's files itself, runs no
 * program, trusts none of what it reads.
 */
#ifndef WEBHOOK_BASE_GIT_HEAD_H
#define WEBHOOK_BASE_GIT_HEAD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define GIT_COMMIT_SIZE 65 /* a SHA-256 in hexadecimal, and a NUL */

/*
 * Writes the commit that HEAD means in the repository (or worktree) that holds `path`, or the empty string where there is
 * none. Where the repository cannot be read, as beside a git-sync whose worktree refers to a mount of its own, a parent folder
 * that is named by a commit counts. Thread-safe.
 */
void git_commit_read(const char *path, char commit[static GIT_COMMIT_SIZE]);

/* Where a path lies in a repository. Paths are absolute and without symbolic links. */
struct git_place {
	char path[PATH_MAX]; /* the path itself */
	char root[PATH_MAX]; /* the top folder of the working tree; "" for "/" */
	char git[PATH_MAX];  /* its Git folder */
};

/* Finds the repository (or worktree) that holds `path`. False: there is none. Thread-safe. */
bool git_find(const char *path, struct git_place *place);

/*
 * The files that tell when HEAD moves, for watching: returns how many of the two paths are filled (new, to be freed by the
 * caller); 0 where there is no repository.
 */
size_t git_head_files(const char *path, char *files[2]);

#endif
