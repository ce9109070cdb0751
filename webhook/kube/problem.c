#include "webhook/kube/problem.h"

#include <jansson.h>
#include <stdio.h>

#define MESSAGE_BYTES_MAX 600
#define STATUS_BYTES_MAX (64 << 10) /* A longer body is not a Status. */

struct reason {
	CURLcode code;
	const char *what;
	const char *remedy; /* NULL: none is known. */
};

static const struct reason reasons[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "cannot be reached: its name cannot be resolved", "check the server's name and DNS"},
    {CURLE_COULDNT_CONNECT, "cannot be reached",
     "check that it runs there, and that no NetworkPolicy or firewall blocks it"},
    {CURLE_OPERATION_TIMEDOUT, "cannot be reached: the connection timed out",
     "check that no NetworkPolicy or firewall blocks it"},
    {CURLE_PEER_FAILED_VERIFICATION, "has a certificate that is not trusted",
     "check certificate-authority and, where it is reached by another name, tls-server-name"},
    {CURLE_SSL_CONNECT_ERROR, "did not agree on TLS", "check that this is the API server's port"},
    {CURLE_GOT_NOTHING, "closed the connection without a response", NULL},
    {CURLE_RECV_ERROR, "closed the connection unexpectedly", NULL},
    {CURLE_SEND_ERROR, "closed the connection unexpectedly", NULL},
    {CURLE_SEND_FAIL_REWIND, "closed the connection unexpectedly", NULL},
    {CURLE_PARTIAL_FILE, "closed the connection in the middle of a response", NULL},
    {CURLE_WEIRD_SERVER_REPLY, "did not respond in HTTP", "check that this is the API server's port"},
    {CURLE_UNSUPPORTED_PROTOCOL, "did not respond in HTTP", "check that this is the API server's port"},
    {CURLE_OUT_OF_MEMORY, "was not called: not enough memory", "raise the memory limit"},
};

static const struct reason *find_reason(CURLcode code)
{
	static const struct reason other = {CURLE_OK, "did not answer", NULL};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == code)
			return &reasons[i];
	return &other;
}

/*
 * Makes the text fit one line of a log: control characters become spaces, and a long text is cut
 * between UTF-8 characters.
 */
static void copy_plain(char *out, size_t size, const char *text)
{
	size_t len = 0;
	for (; text[len] && len + 1 < size; len++)
		out[len] = (unsigned char)text[len] < ' ' || text[len] == 0x7f ? ' ' : text[len];
	if (text[len])
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

void kube_problem_transfer(CURL *easy, CURLcode code, const char *endpoint, const char *detail,
			   char out[static KUBE_PROBLEM_BYTES])
{
	const struct reason *reason = find_reason(code);
	char plain[CURL_ERROR_SIZE];
	long number = 0;
	/* For connections, the error of the system is clearer than libcurl's. */
	if (code == CURLE_COULDNT_CONNECT && curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number)
		detail = strerror((int)number);
	else if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_OPERATION_TIMEDOUT ||
		 code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_GOT_NOTHING || code == CURLE_SEND_FAIL_REWIND)
		detail = "";
	else if (!*detail && reason->code == CURLE_OK)
		detail = curl_easy_strerror(code);
	copy_plain(plain, sizeof plain, detail);
	snprintf(out, KUBE_PROBLEM_BYTES, "the API server at %.200s %s%s%s%s%s", endpoint, reason->what,
		 *plain ? ": " : "", plain, reason->remedy ? "; " : "", reason->remedy ? reason->remedy : "");
}

/*
 * The API server responds without a Status if it does not serve a resource. Of the resources that
 * gpugate requests, only its own may be missing.
 */
#define UNKNOWN_KIND                                                                                                   \
	"; if it does not know gpugate's kinds, apply the CustomResourceDefinitions that `gpugate render` prints"

/* Returns new: a Status object with a message. NULL if the body is not one. */
static json_t *read_status(struct str body, const char **message)
{
	json_t *root = body.len > 0 && body.len <= STATUS_BYTES_MAX ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	const char *kind = json_string_value(json_object_get(root, "kind"));
	*message = json_string_value(json_object_get(root, "message"));
	if (kind && strcmp(kind, "Status") == 0 && *message && **message)
		return root;
	json_decref(root);
	return NULL;
}

void kube_problem_status(unsigned status, struct str body, const char *endpoint, char out[static KUBE_PROBLEM_BYTES])
{
	const char *remedy =
	    status == 401 ? "; check that the token or client certificate is the right one and valid" : "";
	const char *message = NULL;
	char plain[MESSAGE_BYTES_MAX] = "";
	json_t *root = read_status(body, &message);
	if (root)
		copy_plain(plain, sizeof plain, message);
	json_decref(root);
	if (*plain)
		snprintf(out, KUBE_PROBLEM_BYTES, "the API server at %.200s answered %u: %s%s", endpoint, status, plain,
			 remedy);
	else
		snprintf(out, KUBE_PROBLEM_BYTES, "the API server at %.200s answered %u without a reason%s", endpoint,
			 status, status == 404 ? UNKNOWN_KIND : remedy);
}
