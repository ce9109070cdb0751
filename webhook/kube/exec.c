#include "webhook/kube/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "webhook/kube/loop.h"

#define LOOK_MS 50 /* Interval at which the end of the program is checked for. */

/* --- Start --- */

static int refuse(const struct kube_exec *exec, int number, struct error *err)
{
	const char *program = exec->args[0];
	if (number != ENOENT)
		return error_set(err, "the program \"%.200s\" cannot be started: %s", program, strerror(number));
	return error_set(
	    err, "the program \"%.200s\" was not found%s; %s%.500s", program, strchr(program, '/') ? "" : " in PATH",
	    exec->hint ? "install it: " : "install it, or correct `command`", exec->hint ? exec->hint : "");
}

/* The program must not inherit the signals that are ignored or blocked here. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigemptyset(&all);
	sigaddset(&all, SIGPIPE);
	int number = posix_spawnattr_setsigmask(attributes, &none);
	if (number == 0)
		number = posix_spawnattr_setsigdefault(attributes, &all);
	return number ? number : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* Starts the program. Returns 0 or an errno. */
static int start(const struct kube_exec *exec, int output, pid_t *child)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	if (posix_spawn_file_actions_init(&files) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	int number = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	if (number == 0 && !exec->interactive)
		number = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (number == 0)
		number = set_signals(&attributes);
	if (number == 0)
		number = posix_spawnp(child, exec->args[0], &files, &attributes, (char *const *)exec->args,
				      (char *const *)exec->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return number;
}

/* --- Output --- */

enum end { ENDED, TOO_LONG, TOO_LATE };

/*
 * Reads what arrives within `wait_ms`. Returns false if there will be no more output, or if
 * `wait_ms` is 0 and there is none now.
 */
static bool read_some(int fd, int wait_ms, struct buf *out)
{
	struct pollfd output = {.fd = fd, .events = POLLIN};
	if (poll(&output, 1, wait_ms) <= 0)
		return wait_ms > 0;
	ssize_t got = read(fd, out->ptr + out->len, out->max - out->len);
	if (got > 0)
		out->len += (size_t)got;
	return got > 0;
}

/*
 * Waits until the program has ended and its output has been read. Does not wait for the end of the
 * output, because descendants of the program may keep the pipe open.
 */
static enum end follow(pid_t child, int fd, int64_t until_ms, struct buf *out, int *status)
{
	enum end end = ENDED;
	bool running = true, more = true;
	while (end == ENDED && (running || more)) {
		if (running && waitpid(child, status, WNOHANG) == child)
			running = false;
		if (more)
			more = read_some(fd, running ? LOOK_MS : 0, out);
		else if (running)
			poll(NULL, 0, LOOK_MS);
		if (out->len == out->max)
			end = TOO_LONG;
		else if (running && kube_now_ms() > until_ms)
			end = TOO_LATE;
	}
	if (running) {
		kill(child, SIGKILL);
		waitpid(child, status, 0);
	}
	return end;
}

static int judge(const struct kube_exec *exec, enum end end, int status, struct error *err)
{
	const char *program = exec->args[0];
	if (end == TOO_LONG)
		return error_set(err, "the program \"%.200s\" wrote %d bytes or more; an ExecCredential is expected",
				 program, KUBE_EXEC_OUTPUT_MAX);
	if (end == TOO_LATE)
		return error_set(
		    err, "the program \"%.200s\" did not end within %lld s and was killed; run it by hand to see why",
		    program, (long long)(exec->limit_ms / 1000));
	if (WIFSIGNALED(status))
		return error_set(err, "the program \"%.200s\" was ended by signal %d (%s)", program, WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return error_set(err, "the program \"%.200s\" failed with exit status %d; its own message is above",
				 program, WEXITSTATUS(status));
	return 0;
}

int kube_exec_run(const struct kube_exec *exec, struct buf *out, struct error *err)
{
	int ends[2], status = 0;
	pid_t child = -1;
	/* Reserved at once, because a credential that moves leaves copies behind. */
	if (!buf_reserve(out, out->max))
		return error_set(err, "not enough memory");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return refuse(exec, errno, err);
	int number = start(exec, ends[1], &child);
	close(ends[1]);
	int result = number ? refuse(exec, number, err) : 0;
	if (result == 0) {
		enum end end = follow(child, ends[0], kube_now_ms() + exec->limit_ms, out, &status);
		result = judge(exec, end, status, err);
	}
	close(ends[0]);
	if (result < 0)
		buf_wipe(out);
	return result;
}
