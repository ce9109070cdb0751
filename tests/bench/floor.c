/*
 * floor: a server that does nothing, in gpugate's place, so that a measurement can say what of a request's time is
 * gpugate's and what is libmicrohttpd's, TLS's and the machine's. Same library, flags, options and threads as
 * webhook/http_server.c; it reads the body and gives one fixed answer.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
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

/* As long as gpugate's own answer to a Pod that it allows with a charge. */
static const char answer[] =
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":"
    "\"126a664d-c922-42a3-b184-4a7f74b18c92\",\"allowed\":true,\"auditAnnotations\":{\"tenant\":\"team-a\"}}}";

struct request {
	size_t bytes;
	unsigned char sum; /* every byte is touched, as a reader would */
};

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **state)
{
	(void)url;
	(void)method;
	(void)version;
	struct request *request = *state;
	if (!request) {
		*state = calloc(1, sizeof *request);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*upload_size) {
		for (size_t i = 0; i < *upload_size; i++)
			request->sum ^= (unsigned char)upload[i];
		request->bytes += *upload_size;
		*upload_size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, cls);
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

static struct MHD_Response *create_answer(void)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(sizeof answer - 1, (void *)(uintptr_t)answer, MHD_RESPMEM_PERSISTENT);
	if (!response || MHD_add_response_header(response, "Content-Type", "application/json") != MHD_YES)
		errx(2, "no response");
	return response;
}

/* See webhook/http_server.c. */
static struct MHD_Daemon *start(char *cert, char *key, unsigned threads, struct MHD_Response *response)
{
	struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, threads, NULL}, {MHD_OPTION_END, 0, NULL}};
	if (threads == 1)
		pool[0].option = MHD_OPTION_END;
	return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ITC |
				    MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG,
				0, NULL, NULL, handle, response, MHD_OPTION_ARRAY, pool, MHD_OPTION_HTTPS_PRIORITIES,
				PRIORITIES, MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
				MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT, 1024u,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
}

/* Listens and prints the address with its real port. */
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
 * As gpugate does it, connections are accepted by a thread of their own and dealt to the workers in turn: workers that
 * accept for themselves share them unevenly, by chance, and that would be measured. Returns when a signal comes.
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

/* Before the server's threads are born, which inherit the mask. Returns a descriptor that tells of SIGTERM, SIGINT. */
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
	    {"listen", 1, NULL, 'l'},  {"tls-cert", 1, NULL, 'c'}, {"tls-key", 1, NULL, 'k'},
	    {"threads", 1, NULL, 't'}, {NULL, 0, NULL, 0},
	};
	char *listen_at = NULL, *cert = NULL, *key = NULL;
	unsigned threads = 2;
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
		default:
			return 2;
		}
	}
	if (!listen_at || !cert || !key)
		errx(2, "usage: floor --listen ADDRESS:PORT --tls-cert FILE --tls-key FILE [--threads N]");
	int signals = block_signals();
	struct sockaddr_in address = parse_address(listen_at);
	struct MHD_Response *response = create_answer();
	struct MHD_Daemon *daemon = start(cert, key, threads, response);
	if (!daemon || signals < 0)
		errx(2, "the server did not start");
	int fd = open_socket(&address, listen_at);
	accept_all(daemon, fd, signals);
	close(fd);
	close(signals);
	MHD_stop_daemon(daemon);
	MHD_destroy_response(response);
	free(cert);
	free(key);
	return 0;
}
