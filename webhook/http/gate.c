#include "webhook/http/gate.h"
#include "webhook/base/thread.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 1000   /* Interval between checks of the deadlines. */
#define FULL_MS 20     /* Polling interval while the connection limit is reached. */
#define STARVED_MS 100 /* Back-off when accept fails because descriptors or memory are exhausted. */
#define ROUND 32       /* Maximum number of connections accepted per wakeup. */
#define STACK_BYTES (256u << 10)
#define MUTTER_MS 10000 /* Minimum interval between log lines of one kind. */
#define LOST_MS 10000   /* After this time without arrivals, missing connections count as lost. */

struct arrivals {
	unsigned count;
	int64_t at_ms; /* When `count` last changed or no connection was missing. */
};

/*
 * Substrings of libmicrohttpd's messages that an operator should see, and of those that are
 * excluded because clients can cause them.
 */
static const char *const worth_a_line[] = {"connection limit", "Failed to", "allocating memory", "epoll"};
static const char *const noise[] = {"Failed to send", "Failed to parse", "Failed to process"};

static bool has_any(const char *format, const char *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(format, parts[i]))
			return true;
	return false;
}

void http_mutter(void *mutter, const char *format, va_list args)
{
	struct http_mutter *self = mutter;
	if (!has_any(format, worth_a_line, sizeof worth_a_line / sizeof *worth_a_line) ||
	    has_any(format, noise, sizeof noise / sizeof *noise))
		return;
	int64_t now = http_now_ms();
	int64_t next = atomic_load(&self->next_ms);
	if (now < next || !atomic_compare_exchange_strong(&self->next_ms, &next, now + MUTTER_MS))
		return;
	char text[256];
	int length = vsnprintf(text, sizeof text, format, args);
	if (length < 0)
		return;
	struct str message = str_of(text);
	while (message.len && message.ptr[message.len - 1] == '\n')
		message.len--;
	log_event(self->log, LOG_WARN, "http", &(struct log_field){.key = "message", .text = message}, 1);
}

/*
 * Returns the number of connections that the daemon has received but that its workers have not
 * registered yet. They count toward the connection limit.
 */
static unsigned on_the_way(const struct http_gate *gate)
{
	int coming = (int)(gate->handed - atomic_load(&gate->registry->arrived));
	/* Negative if a connection counted as lost has arrived. */
	return coming > 0 ? (unsigned)coming : 0;
}

static bool is_full(const struct http_gate *gate)
{
	/*
	 * Read before `count`, so that a connection that arrives in between counts twice rather
	 * than not at all.
	 */
	unsigned coming = on_the_way(gate);
	return atomic_load(&gate->registry->count) + coming >= gate->registry->limits.connections;
}

/*
 * Stops counting lost connections. A connection never arrives if its worker has no memory for it,
 * so after LOST_MS without arrivals all missing connections count as lost.
 */
static void forget_lost(struct http_gate *gate, struct arrivals *seen)
{
	unsigned arrived = atomic_load(&gate->registry->arrived);
	int64_t now = http_now_ms();
	if (arrived != seen->count || gate->handed == arrived)
		*seen = (struct arrivals){.count = arrived, .at_ms = now};
	else if (now - seen->at_ms >= LOST_MS)
		gate->handed = arrived;
}

static void tell_starved(struct http_gate *gate, int number)
{
	struct log_field fields[] = {
	    {.key = "message", .text = STR("cannot accept connections; raise the limits of this process")},
	    {.key = "cause", .text = str_of(strerror(number))}};
	log_event(gate->log, LOG_ERROR, "http", fields, 2);
}

/*
 * Not inlined, because tests/tsan.supp matches the frame of its caller, accept_some, in races
 * within the library.
 */
__attribute__((noinline)) static void hand_over(struct http_gate *gate, int fd, const struct sockaddr_storage *from,
						socklen_t length)
{
	gate->handed += MHD_add_connection(gate->daemon, fd, (const struct sockaddr *)from, length) == MHD_YES;
}

/*
 * Accepts at most `most` connections, within the connection limit. Returns false, with errno, if
 * descriptors or memory are exhausted.
 */
static bool accept_some(struct http_gate *gate, unsigned most)
{
	for (unsigned i = 0; i < most && !is_full(gate); i++) {
		struct sockaddr_storage from;
		socklen_t length = sizeof from;
		int fd = accept4(gate->listen_fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) /* MHD_add_connection closes the descriptor if it fails. */
			hand_over(gate, fd, &from, length);
		else if (errno == EAGAIN)
			return true;
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			return false;
	}
	return true;
}

/*
 * Accepts the connections in the kernel's queue before closing, because closing would reset them.
 */
static void close_listening(struct http_gate *gate)
{
	accept_some(gate, gate->registry->limits.connections);
	close(gate->listen_fd);
	gate->listen_fd = -1;
	sem_post(&gate->closed);
}

static void *watch(void *self)
{
	struct http_gate *gate = self;
	struct arrivals seen = {.at_ms = http_now_ms()};
	int64_t tick_ms = http_now_ms() + TICK_MS, starved_ms = 0, told_ms = 0;
	while (!atomic_load(&gate->stopping)) {
		int64_t now = http_now_ms();
		bool listening = gate->listen_fd >= 0, full = listening && is_full(gate), starved = now < starved_ms;
		int64_t wait_ms = full ? FULL_MS : starved && listening ? starved_ms - now : tick_ms - now;
		struct pollfd fds[] = {{.fd = gate->wake_fd, .events = POLLIN},
				       {.fd = gate->listen_fd, .events = POLLIN}};
		poll(fds, listening && !full && !starved ? 2 : 1, wait_ms > 0 ? (int)wait_ms : 0);
		if (fds[0].revents) {
			uint64_t count;
			(void)!read(gate->wake_fd, &count, sizeof count);
		}
		if (listening && atomic_load(&gate->closing)) {
			close_listening(gate);
		} else if (fds[1].revents && !accept_some(gate, ROUND)) {
			now = http_now_ms();
			starved_ms = now + STARVED_MS;
			if (now >= told_ms)
				tell_starved(gate, errno);
			told_ms = now >= told_ms ? now + MUTTER_MS : told_ms;
		}
		if (full) /* Shutting down slow connections may make room for waiting clients. */
			http_registry_reap(gate->registry);
		if (http_now_ms() >= tick_ms) {
			http_registry_reap(gate->registry);
			forget_lost(gate, &seen);
			tick_ms = http_now_ms() + TICK_MS;
		}
	}
	if (gate->listen_fd >= 0)
		close(gate->listen_fd);
	return NULL;
}

int http_gate_start(struct http_gate *gate, int listen_fd, struct MHD_Daemon *daemon, struct http_registry *registry,
		    struct log *log, struct error *err)
{
	*gate = (struct http_gate){.daemon = daemon, .registry = registry, .log = log, .listen_fd = listen_fd};
	gate->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int number = gate->wake_fd < 0 ? errno : 0;
	sem_init(&gate->closed, 0, 0);
	if (number == 0)
		number = thread_start(&gate->thread, STACK_BYTES, watch, gate);
	if (number == 0)
		return 0;
	close(listen_fd);
	if (gate->wake_fd >= 0)
		close(gate->wake_fd);
	sem_destroy(&gate->closed);
	return error_set(err, "cannot start the thread that accepts connections: %s", strerror(number));
}

static void wake(struct http_gate *gate)
{
	uint64_t one = 1;
	(void)!write(gate->wake_fd, &one, sizeof one);
}

void http_gate_close(struct http_gate *gate)
{
	atomic_store(&gate->closing, true);
	wake(gate);
	while (sem_wait(&gate->closed) != 0 && errno == EINTR)
		;
}

void http_gate_stop(struct http_gate *gate)
{
	atomic_store(&gate->stopping, true);
	wake(gate);
	pthread_join(gate->thread, NULL);
	close(gate->wake_fd);
	sem_destroy(&gate->closed);
}
