/*
 * git_status: tells whether policy files are those of the commit that is checked out, or have
 * changed since. Reads Git's files directly and runs no program.
 */
#ifndef WEBHOOK_BASE_GIT_STATUS_H
#define WEBHOOK_BASE_GIT_STATUS_H

enum git_state {
	GIT_UNKNOWN, /* There is no repository, or its state cannot be determined. */
	GIT_CLEAN,
	GIT_DIRTY,
};

/*
 * Checks the *.yaml and *.yml files below `path` that are read as policy, or `path` itself if it is
 * a file. Thread-safe.
 *
 * Returns GIT_DIRTY if a file differs from the repository's index, is missing, or is not tracked,
 * or if a change is staged but not committed. Filters (autocrlf, LFS) are not applied, so a file
 * that they alter counts as changed. File modes are not compared.
 *
 * Git's objects are not read: staged changes are recognized by the index's cached trees. So `git
 * reset --soft` and an aborted `git commit` hide them, and after `git restore --staged` the result
 * stays GIT_DIRTY.
 */
enum git_state git_status_read(const char *path);

#endif
