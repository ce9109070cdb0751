/*
 * deal: stands in for a Service. It distributes incoming connections to several servers in turn,
 * and forwards bytes unchanged in both directions. It has one thread and adds some microseconds to
 * a request, so whatever is compared must also be behind one.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TARGETS_MAX 16
#define PIECE_BYTES (64 << 10)

/*
 * One end of a connection. `kept` is what the other end has received and this one has not sent yet.
 */
struct end {
	int fd;
	bool open;
	struct end *other;
	char *kept;
	size_t kept_len, kept_size;
};

static struct sockaddr_in address_of(const char *port)
{
	char *end;
	unsigned long number = strtoul(port, &end, 10);
	if (*end || end == port || number > 65535)
		errx(2, "%s: not a port", port);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static int listen_any(void)
{
	struct sockaddr_in address = address_of("0");
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, SOMAXCONN) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		err(2, "listen");
	fprintf(stderr, "{\"event\":\"listening\",\"address\":\"127.0.0.1:%u\"}\n", ntohs(address.sin_port));
	return fd;
}

static void want(int epoll, struct end *end, int how)
{
	struct epoll_event event = {.events = EPOLLIN | (end->kept_len ? EPOLLOUT : 0), .data.ptr = end};
	if (epoll_ctl(epoll, how, end->fd, &event))
		err(2, "epoll_ctl");
}

/*
 * Returns a pair that exists until both ends are closed, because an event of the current iteration
 * may still refer to either.
 */
static struct end *create_pair(int near, int far)
{
	struct end *pair = calloc(2, sizeof *pair);
	if (!pair)
		err(2, "memory");
	pair[0] = (struct end){.fd = near, .open = true, .other = &pair[1]};
	pair[1] = (struct end){.fd = far, .open = true, .other = &pair[0]};
	return pair;
}

static void accept_one(int epoll, int listener, const struct sockaddr_in *target)
{
	int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (near < 0 || far < 0)
		err(2, "accept");
	if (connect(far, (const struct sockaddr *)target, sizeof *target)) {
		close(near);
		close(far);
		return;
	}
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct end *pair = create_pair(near, far);
	want(epoll, &pair[0], EPOLL_CTL_ADD);
	want(epoll, &pair[1], EPOLL_CTL_ADD);
}

static void keep(struct end *end, const char *bytes, size_t len)
{
	if (end->kept_len + len > end->kept_size) {
		end->kept_size = (end->kept_len + len) * 2;
		end->kept = realloc(end->kept, end->kept_size);
		if (!end->kept)
			err(2, "memory");
	}
	memcpy(end->kept + end->kept_len, bytes, len);
	end->kept_len += len;
}

/* Returns false when the connection has ended. */
static bool write_kept(int epoll, struct end *end)
{
	ssize_t wrote = send(end->fd, end->kept, end->kept_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (wrote < 0)
		return errno == EAGAIN;
	end->kept_len -= (size_t)wrote;
	memmove(end->kept, end->kept + wrote, end->kept_len);
	want(epoll, end, EPOLL_CTL_MOD);
	return true;
}

static bool pass(int epoll, struct end *from, char *piece)
{
	struct end *to = from->other;
	ssize_t got = recv(from->fd, piece, PIECE_BYTES, MSG_DONTWAIT);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	ssize_t wrote = to->kept_len ? 0 : send(to->fd, piece, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (wrote < 0 && errno != EAGAIN)
		return false;
	wrote = wrote < 0 ? 0 : wrote;
	if (wrote < got) {
		keep(to, piece + wrote, (size_t)(got - wrote));
		want(epoll, to, EPOLL_CTL_MOD);
	}
	return true;
}

/* Closes both ends. The structs are never freed, because there are only a few. */
static void close_pair(struct end *end)
{
	struct end *both[] = {end, end->other};
	for (int i = 0; i < 2; i++) {
		close(both[i]->fd);
		free(both[i]->kept);
		*both[i] = (struct end){.fd = -1, .other = both[i]->other};
	}
}

static void serve(int epoll, struct end *end, uint32_t events, char *piece)
{
	if (!end->open)
		return;
	bool fine = true;
	if (events & EPOLLOUT)
		fine = write_kept(epoll, end);
	if (fine && events & ~(uint32_t)EPOLLOUT)
		fine = pass(epoll, end, piece);
	if (!fine)
		close_pair(end);
}

int main(int argc, char **argv)
{
	static char piece[PIECE_BYTES];
	struct sockaddr_in targets[TARGETS_MAX];
	int count = argc - 1;
	if (count < 1 || count > TARGETS_MAX)
		errx(2, "usage: deal PORT... (of 127.0.0.1, at most %d)", TARGETS_MAX);
	for (int i = 0; i < count; i++)
		targets[i] = address_of(argv[i + 1]);
	signal(SIGPIPE, SIG_IGN);
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_any();
	struct epoll_event listening = {.events = EPOLLIN};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening))
		err(2, "epoll");
	for (unsigned turn = 0;;) {
		struct epoll_event events[64];
		int ready = epoll_wait(epoll, events, 64, -1);
		if (ready < 0 && errno != EINTR)
			err(2, "epoll_wait");
		for (int i = 0; i < ready; i++) {
			if (!events[i].data.ptr)
				accept_one(epoll, listener, &targets[turn++ % (unsigned)count]);
			else
				serve(epoll, events[i].data.ptr, events[i].events, piece);
		}
	}
}
