/*
 * git_status: whether policy files are those of the commit that is checked out, or were changed since. Reads Git's files itself,
 * runs no program.
 */
#ifndef WEBHOOK_BASE_GIT_STATUS_H
#define WEBHOOK_BASE_GIT_STATUS_H

enum git_state {
	GIT_UNKNOWN, /* there is no repository, or one that cannot be judged */
	GIT_CLEAN,
	GIT_DIRTY,
};

/*
 * Looks at the *.yaml and *.yml below `path` (or at the file `path`), as a policy is read: GIT_DIRTY when one differs from
 * the repository's index, is missing, is not tracked, or when a change of it is staged and not committed. Filters
 * (autocrlf, LFS) are not applied: what they change counts as changed. Git's objects are not read: what is staged is seen by the index's
 * cached trees, so `git reset --soft` and an abandoned `git commit` hide it, and `git restore --staged` leaves GIT_DIRTY. Thread-safe.
 */
enum git_state git_status_read(const char *path);

#endif
