/*
 * floor: a server that does nothing. It replaces gpugate in a measurement, which then shows what
 * part of a request's time is due to libmicrohttpd, TLS and the machine.
 *
 * It has the same library, flags, options and threads as webhook/http/server.c, reads the body and
 * sends one fixed answer. A real API server requires its own uid in the answer, which --echo
 * provides. With --patch BASE64, /mutate also returns this JSON Patch, to show what a change costs
 * the API server.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"
#define CONNECTION_BYTES (32u << 10)
#define STACK_BYTES (512u << 10)
#define FILE_MAX (1 << 16)
/* Length of the beginning of a review that contains its uid. */
#define HEAD_BYTES 512
#define UID_LEN 36
#define PATCH_MAX 4096

/* Has the length of gpugate's answer to a Pod that it admits with a charge. */
static const char answer[] =
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":"
    "\"126a664d-c922-42a3-b184-4a7f74b18c92\",\"allowed\":true,\"auditAnnotations\":{\"tenant\":\"team-a\"}}}";

/*
 * The answer to every request. With `echo`, it contains the request's uid, and for /mutate the
 * patch if there is one.
 */
struct service {
	struct MHD_Response *response;
	bool echo;
	const char *patch;
};

struct request {
	size_t bytes;
	bool mutates;
	char head[HEAD_BYTES];
	unsigned char sum; /* Makes the server touch every byte, as a reader would. */
};

static struct MHD_Response *create_answer(const char *body, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(body), (void *)(uintptr_t)body, mode);
	if (!response || MHD_add_response_header(response, "Content-Type", "application/json") != MHD_YES)
		errx(2, "no response");
	return response;
}

static enum MHD_Result answer_own(const struct service *service, struct MHD_Connection *connection,
				  struct request *request)
{
	static const char mark[] = "\"uid\":\"";
	char own[sizeof answer + PATCH_MAX + 64];
	strcpy(own, answer);
	if (request->mutates && service->patch)
		snprintf(own + sizeof answer - 3, PATCH_MAX + 64, ",\"patchType\":\"JSONPatch\",\"patch\":\"%s\"}}",
			 service->patch);
	request->head[HEAD_BYTES - 1] = '\0';
	const char *uid = strstr(request->head, mark);
	if (!uid || strlen(uid) < sizeof mark - 1 + UID_LEN)
		return MHD_NO;
	memcpy(strstr(own, mark) + sizeof mark - 1, uid + sizeof mark - 1, UID_LEN);
	struct MHD_Response *response = create_answer(own, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **state)
{
	(void)method;
	(void)version;
	struct request *request = *state;
	const struct service *service = cls;
	if (!request) {
		*state = calloc(1, sizeof *request);
		if (!*state)
			return MHD_NO;
		request = *state;
		request->mutates = strncmp(url, "/mutate", 7) == 0;
		return MHD_YES;
	}
	if (*upload_size) {
		for (size_t i = 0; i < *upload_size; i++)
			request->sum ^= (unsigned char)upload[i];
		for (size_t i = 0; i < *upload_size && request->bytes + i < HEAD_BYTES - 1; i++)
			request->head[request->bytes + i] = upload[i];
		request->bytes += *upload_size;
		*upload_size = 0;
		return MHD_YES;
	}
	return service->echo ? answer_own(service, connection, request)
			     : MHD_queue_response(connection, MHD_HTTP_OK, service->response);
}

static void completed(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	(void)cls;
	(void)connection;
	(void)why;
	free(*state);
	*state = NULL;
}

static char *read_file(const char *name)
{
	FILE *in = fopen(name, "rb");
	char *text = calloc(1, FILE_MAX);
	if (!in || !text)
		err(2, "%s", name);
	if (fread(text, 1, FILE_MAX - 1, in) == FILE_MAX - 1)
		errx(2, "%s: too long", name);
	fclose(in);
	return text;
}

static struct sockaddr_in parse_address(char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char *colon = strrchr(text, ':');
	if (!colon)
		errx(2, "--listen %s: give ADDRESS:PORT", text);
	*colon = '\0';
	address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		errx(2, "--listen %s: not an IPv4 address", text);
	return address;
}

/* See webhook/http/server.c. */
static struct MHD_Daemon *start(char *cert, char *key, unsigned threads, struct service *service)
{
	struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, threads, NULL}, {MHD_OPTION_END, 0, NULL}};
	if (threads == 1)
		pool[0].option = MHD_OPTION_END;
	return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ITC |
				    MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG,
				0, NULL, NULL, handle, service, MHD_OPTION_ARRAY, pool, MHD_OPTION_HTTPS_PRIORITIES,
				PRIORITIES, MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
				MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT, 1024u,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
}

/* Listens, and prints the address with its real port. */
static int open_socket(struct sockaddr_in *address, const char *host)
{
	socklen_t len = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, len) || listen(fd, SOMAXCONN) ||
	    getsockname(fd, (struct sockaddr *)address, &len))
		err(2, "listen");
	fprintf(stderr, "{\"event\":\"listening\",\"address\":\"%s:%u\"}\n", host, ntohs(address->sin_port));
	return fd;
}

/*
 * As in gpugate, a separate thread accepts connections and distributes them to the workers in turn.
 * If workers accepted for themselves, they would share connections unevenly, which would distort
 * the measurement. Returns when a signal arrives.
 */
static void accept_all(struct MHD_Daemon *daemon, int listen_fd, int signals)
{
	struct pollfd fds[] = {{.fd = listen_fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		struct sockaddr_storage from;
		socklen_t length = sizeof from;
		int fd = accept4(listen_fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			MHD_add_connection(daemon, fd, (struct sockaddr *)&from, length);
	}
}

/*
 * Must be called before the server's threads are created, because they inherit the mask. Returns a
 * descriptor that reports SIGTERM and SIGINT.
 */
static int block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
	    {"listen", 1, NULL, 'l'}, {"tls-cert", 1, NULL, 'c'}, {"tls-key", 1, NULL, 'k'}, {"threads", 1, NULL, 't'},
	    {"echo", 0, NULL, 'e'},   {"patch", 1, NULL, 'p'},    {NULL, 0, NULL, 0},
	};
	char *listen_at = NULL, *cert = NULL, *key = NULL;
	unsigned threads = 2;
	struct service service = {0};
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (c) {
		case 'l':
			listen_at = optarg;
			break;
		case 'c':
			cert = read_file(optarg);
			break;
		case 'k':
			key = read_file(optarg);
			break;
		case 't':
			threads = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'e':
			service.echo = true;
			break;
		case 'p':
			service.patch = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!listen_at || !cert || !key)
		errx(2, "usage: floor --listen ADDRESS:PORT --tls-cert FILE --tls-key FILE [--threads N] [--echo "
			"[--patch BASE64]]");
	if (service.patch && strlen(service.patch) >= PATCH_MAX)
		errx(2, "--patch: at most %d bytes", PATCH_MAX - 1);
	int signals = block_signals();
	struct sockaddr_in address = parse_address(listen_at);
	service.response = create_answer(answer, MHD_RESPMEM_PERSISTENT);
	struct MHD_Daemon *daemon = start(cert, key, threads, &service);
	if (!daemon || signals < 0)
		errx(2, "the server did not start");
	int fd = open_socket(&address, listen_at);
	accept_all(daemon, fd, signals);
	close(fd);
	close(signals);
	MHD_stop_daemon(daemon);
	MHD_destroy_response(service.response);
	free(cert);
	free(key);
	return 0;
}
