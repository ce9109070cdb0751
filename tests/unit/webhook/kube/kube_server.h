/*
 * kube_server: an HTTP server on loopback that follows a script. The n-th request gets the n-th
 * reply, and all further ones get the last reply.
 */
#ifndef TESTS_UNIT_KUBE_SERVER_H
#define TESTS_UNIT_KUBE_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVER_REQUEST_BYTES 16384
#define SERVER_CONNECTIONS 256

enum after {
	AFTER_KEEP,  /* The connection is kept. */
	AFTER_CLOSE, /* Closed properly. */
	AFTER_RESET, /* Closed with a TCP reset. */
	AFTER_HANG,  /* Sends nothing more until the client closes the connection. */
};

/* A form feed in the bytes is a pause of 30 ms. */
struct reply {
	const char *bytes; /* NULL: no reply. */
	enum after after;
};

struct kube_server {
	int listener;
	unsigned port;
	const struct reply *replies;
	int reply_count;
	pthread_t thread;
	atomic_bool stop;
	/* `gone`: clients that left while a reply was hanging. */
	atomic_int requests, connections, gone;
	pthread_mutex_t mutex; /* Guards the last request and the connections. */
	char last[SERVER_REQUEST_BYTES];
	pthread_t threads[SERVER_CONNECTIONS];
	int sockets[SERVER_CONNECTIONS]; /* -1: closed. */
};

struct kube_connection {
	struct kube_server *server;
	int index, fd;
};

static inline void server_pause(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Reads one request into `text`. Returns false if the client has closed the connection. */
static inline bool server_read(int fd, char text[static SERVER_REQUEST_BYTES])
{
	size_t len = 0;
	while (len < SERVER_REQUEST_BYTES - 1) {
		ssize_t got = recv(fd, text + len, SERVER_REQUEST_BYTES - 1 - len, 0);
		if (got <= 0)
			return false;
		len += (size_t)got;
		text[len] = '\0';
		const char *end = strstr(text, "\r\n\r\n");
		const char *body = strstr(text, "\r\nContent-Length: ");
		size_t more = body && end && body < end ? strtoul(body + 18, NULL, 10) : 0;
		if (end && len >= (size_t)(end - text) + 4 + more)
			return true;
	}
	return false;
}

static inline bool server_send(int fd, const char *bytes)
{
	while (bytes && *bytes) {
		size_t len = strcspn(bytes, "\f");
		if (len > 0 && send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
			return false;
		bytes += len;
		if (*bytes == '\f') {
			server_pause(30);
			bytes++;
		}
	}
	return true;
}

/* Returns false if this was the last reply on the connection. */
static inline bool server_reply(struct kube_server *server, int fd, const char *request)
{
	int number = atomic_fetch_add(&server->requests, 1);
	const struct reply *reply = &server->replies[number < server->reply_count ? number : server->reply_count - 1];
	pthread_mutex_lock(&server->mutex);
	snprintf(server->last, sizeof server->last, "%s", request);
	pthread_mutex_unlock(&server->mutex);
	bool sent = server_send(fd, reply->bytes);
	char byte;
	if (reply->after == AFTER_HANG) {
		while (recv(fd, &byte, 1, 0) > 0)
			;
		if (!atomic_load(&server->stop))
			atomic_fetch_add(&server->gone, 1);
	}
	if (reply->after == AFTER_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	return sent && reply->after == AFTER_KEEP;
}

static inline void *server_serve(void *argument)
{
	struct kube_connection *connection = argument;
	struct kube_server *server = connection->server;
	char *request = malloc(SERVER_REQUEST_BYTES);
	while (server_read(connection->fd, request) && server_reply(server, connection->fd, request))
		;
	pthread_mutex_lock(&server->mutex);
	server->sockets[connection->index] = -1;
	pthread_mutex_unlock(&server->mutex);
	close(connection->fd);
	free(request);
	free(connection);
	return NULL;
}

static inline void *server_accept(void *argument)
{
	struct kube_server *server = argument;
	for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0;) {
		int index = atomic_load(&server->connections);
		struct kube_connection *connection = malloc(sizeof *connection);
		if (index == SERVER_CONNECTIONS || !connection)
			abort();
		*connection = (struct kube_connection){server, index, fd};
		pthread_mutex_lock(&server->mutex);
		server->sockets[index] = fd;
		pthread_mutex_unlock(&server->mutex);
		if (pthread_create(&server->threads[index], NULL, server_serve, connection))
			abort();
		atomic_store(&server->connections, index + 1);
	}
	return NULL;
}

static inline void server_start(struct kube_server *server, const struct reply *replies, int count)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	*server = (struct kube_server){.replies = replies, .reply_count = count};
	pthread_mutex_init(&server->mutex, NULL);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)&address, sizeof address) || listen(server->listener, 512) ||
	    getsockname(server->listener, (struct sockaddr *)&address, &size))
		abort();
	server->port = ntohs(address.sin_port);
	if (pthread_create(&server->thread, NULL, server_accept, server))
		abort();
}

static inline void server_stop(struct kube_server *server)
{
	atomic_store(&server->stop, true);
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	for (int i = 0; i < atomic_load(&server->connections); i++) {
		pthread_mutex_lock(&server->mutex);
		if (server->sockets[i] >= 0)
			shutdown(server->sockets[i], SHUT_RDWR);
		pthread_mutex_unlock(&server->mutex);
		pthread_join(server->threads[i], NULL);
	}
	pthread_mutex_destroy(&server->mutex);
}

#endif
