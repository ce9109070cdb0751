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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"
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

static struct MHD_Daemon *start(struct sockaddr_in *address, char *cert, char *key, unsigned threads,
				struct MHD_Response *response)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ITC |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	return MHD_start_daemon(flags, 0, NULL, NULL, handle, response, MHD_OPTION_SOCK_ADDR, address,
				MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES,
				MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536, MHD_OPTION_NOTIFY_COMPLETED,
				completed, NULL, MHD_OPTION_END);
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
	    {"listen", 1, NULL, 'l'},  {"tls-cert", 1, NULL, 'c'}, {"tls-key", 1, NULL, 'k'},
	    {"threads", 1, NULL, 't'}, {NULL, 0, NULL, 0},
	};
	char *listen = NULL, *cert = NULL, *key = NULL;
	unsigned threads = 2;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (c) {
		case 'l':
			listen = optarg;
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
	if (!listen || !cert || !key)
		errx(2, "usage: floor --listen ADDRESS:PORT --tls-cert FILE --tls-key FILE [--threads N]");
	sigset_t set;
	block_signals(&set); /* before the server's threads are born, which inherit the mask */
	struct sockaddr_in address = parse_address(listen);
	struct MHD_Response *response = create_answer();
	struct MHD_Daemon *daemon = start(&address, cert, key, threads, response);
	if (!daemon)
		errx(2, "the server did not start");
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	fprintf(stderr, "{\"event\":\"listening\",\"address\":\"%s:%u\"}\n", listen, info ? info->port : 0u);
	int signal_number;
	sigwait(&set, &signal_number);
	MHD_stop_daemon(daemon);
	MHD_destroy_response(response);
	free(cert);
	free(key);
	return 0;
}
