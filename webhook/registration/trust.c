#include "webhook/registration/trust.h"

#include <jansson.h>
#include <stdlib.h>

#include "gpugate/certs_inspect.h"
#include "webhook/base/base64.h"

#define HOST_BYTES 256
#define FAULT_BYTES 4096 /* More than the text of any finding. */

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* Copies the host of "https://HOST:PORT/PATH" or "https://[HOST]/PATH". */
static void host_of_url(const char *url, char host[static HOST_BYTES])
{
	const char *at = strstr(url, "://");
	at = at ? at + 3 : url;
	bool bracketed = *at == '[';
	at += bracketed;
	snprintf(host, HOST_BYTES, "%.*s", (int)strcspn(at, bracketed ? "]" : ":/?#"), at);
}

/*
 * Copies the host name that the API server expects in the certificate. Returns whether the webhook
 * is reached through a Service; false means a url.
 */
static bool read_host(const json_t *client, char host[static HOST_BYTES])
{
	const json_t *service = json_object_get(client, "service");
	if (!json_is_object(service)) {
		host_of_url(text_at(client, "url"), host);
		return false;
	}
	snprintf(host, HOST_BYTES, "%.63s.%.63s.svc", text_at(service, "name"), text_at(service, "namespace"));
	return true;
}

/*
 * Writes the first fault that an API server would find in the chain if it trusted `bundle`. Returns
 * 0, 1, or -1, like registration_trust.
 */
static int inspect(struct str bundle, struct str chain, const char *host, time_t now, struct buf *fault)
{
	const struct certs_question question = {
	    .certificate = chain, .authority = bundle, .names = &host, .name_count = 1, .now = now};
	struct certs_report *report = calloc(1, sizeof *report);
	struct arena arena;
	struct error err = {0};
	arena_init(&arena, 1 << 16, CERTS_ARENA_BYTES);
	int result = report && certs_inspect(&question, &arena, report, &err) == 0 ? report->faults > 0 : -1;
	for (size_t i = 0; result == 1 && i < report->finding_count && !fault->len; i++)
		if (report->findings[i].level == CERTS_FAULT)
			buf_str(fault, report->findings[i].text);
	arena_release(&arena);
	free(report);
	return result;
}

/* Checks the chain against one clientConfig. Returns 0, 1, or -1, like registration_trust. */
static int judge_bundle(const json_t *client, struct str chain, time_t now, struct buf *fault)
{
	const char *text = text_at(client, "caBundle");
	char host[HOST_BYTES];
	struct buf bundle;
	bool service = read_host(client, host);
	if (!*text && service)
		buf_text(fault,
			 "it has no caBundle, so only the authorities of the API server's machine are trusted; put "
			 "the authority's certificate into it");
	if (!*text)
		return service ? 1 : 0;
	int result = 1;
	if (base64_decode(str_of(text), &bundle) < 0)
		buf_text(fault, "its caBundle is not base64");
	else
		result = inspect(buf_view(&bundle), chain, host, now, fault);
	buf_release(&bundle);
	return result;
}

static int judge_webhook(bool mutating, const json_t *webhook, struct str chain, time_t now,
			 char why[static REGISTRATION_WHY_MAX])
{
	struct buf fault;
	buf_init(&fault, FAULT_BYTES);
	int result = judge_bundle(json_object_get(webhook, "clientConfig"), chain, now, &fault);
	if (result == 1)
		snprintf(why, REGISTRATION_WHY_MAX,
			 "the API server does not accept the certificate that is served for webhook %.100s of the %s: "
			 "%.*s",
			 text_at(webhook, "name"),
			 mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration",
			 STR_ARG(buf_view(&fault)));
	buf_release(&fault);
	return result;
}

int registration_trust(bool mutating, struct str json, struct str chain, time_t now,
		       char why[static REGISTRATION_WHY_MAX], struct error *err)
{
	json_error_t problem;
	json_t *root = json_loadb(json.ptr, json.len, 0, &problem);
	const json_t *webhooks = json_object_get(root, "webhooks");
	int result = 0;
	if (!root)
		return error_set(err, "the webhook configuration cannot be read: %s", problem.text);
	for (size_t i = 0; i < json_array_size(webhooks) && result == 0; i++)
		result = judge_webhook(mutating, json_array_get(webhooks, i), chain, now, why);
	json_decref(root);
	return result < 0 ? error_set(err, "not enough memory to judge the certificate") : result;
}
