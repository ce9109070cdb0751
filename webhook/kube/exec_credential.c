/* exec_credential: reads the response of a credential plug-in. */
#include <time.h>

#include "webhook/json/time.h"
#include "webhook/kube/config_exec.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text && *text ? text : NULL;
}

static int check_expiry(const json_t *status, struct error *err)
{
	const char *text = text_of(status, "expirationTimestamp");
	int64_t when_ms;
	if (!text)
		return 0;
	if (!time_parse(str_of(text), &when_ms))
		return error_set(err, "status.expirationTimestamp \"%.64s\" is not a time such as 2030-01-31T12:00:00Z",
				 text);
	return when_ms / 1000 > time(NULL)
		   ? 0
		   : error_set(err, "its credential expired at %.64s; log in again, as the plug-in wants it", text);
}

static int put(const char *text, struct buf *out, struct error *err)
{
	buf_wipe(out);
	buf_init(out, strlen(text) + 1);
	buf_text(out, text);
	return out->failed ? error_set(err, "not enough memory") : 0;
}

static int take_token(const char *text, struct kube_config *config, struct error *err)
{
	struct str token = str_of(text);
	if (!kube_identity_trim_token(&token))
		return error_set(err, "status.token is not a token; it has to be one line of plain characters");
	buf_init(&config->token, token.len);
	buf_str(&config->token, token);
	return config->token.failed ? error_set(err, "not enough memory") : 0;
}

static int take_status(const json_t *status, struct kube_config *config, struct error *err)
{
	const char *token = text_of(status, "token"), *certificate = text_of(status, "clientCertificateData");
	const char *key = text_of(status, "clientKeyData");
	if (!status)
		return error_set(err, "its ExecCredential has no status");
	if (!certificate != !key)
		return error_set(err, "its ExecCredential has %s without %s; both are needed",
				 key ? "clientKeyData" : "clientCertificateData",
				 key ? "clientCertificateData" : "clientKeyData");
	if (!token && !certificate)
		return error_set(err, "its ExecCredential has neither a token nor a client certificate");
	if (check_expiry(status, err) < 0 || (token && take_token(token, config, err) < 0))
		return -1;
	return certificate && (put(certificate, &config->certificate, err) < 0 || put(key, &config->key, err) < 0) ? -1
														   : 0;
}

static void wipe(json_t *status)
{
	static const char *const secrets[] = {"token", "clientKeyData"};
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		json_t *value = json_object_get(status, secrets[i]);
		if (json_is_string(value))
			explicit_bzero((char *)(uintptr_t)json_string_value(value), json_string_length(value));
	}
}

/* The output may be a bare token, so the part that the parser quotes is omitted. */
static int refuse_text(bool empty, const json_error_t *problem, struct error *err)
{
	const char *quoted = strstr(problem->text, " near '");
	int len = (int)(quoted ? quoted - problem->text : (ptrdiff_t)strlen(problem->text));
	return error_set(err, "its output is not JSON: %.*s (line %d); an ExecCredential is expected",
			 empty ? (int)sizeof "it is empty" : len, empty ? "it is empty" : problem->text, problem->line);
}

int kube_exec_credential(struct str json, const char *version, struct kube_config *config, struct error *err)
{
	json_error_t problem;
	json_t *root = json_loadb(json.ptr, json.len, 0, &problem);
	const char *kind = text_of(root, "kind"), *found = text_of(root, "apiVersion");
	json_t *status = json_object_get(root, "status");
	int result;
	if (!root)
		result = refuse_text(json.len == 0, &problem, err);
	else if (!kind || strcmp(kind, "ExecCredential") != 0)
		result =
		    error_set(err, "its output is not an ExecCredential but has the kind \"%.64s\"", kind ? kind : "");
	else if (!found || strcmp(found, version) != 0)
		result =
		    error_set(err,
			      "its ExecCredential has the apiVersion \"%.64s\", and the kubeconfig says \"%.64s\"; "
			      "correct apiVersion in the kubeconfig",
			      found ? found : "", version);
	else
		result = take_status(status, config, err);
	wipe(status);
	json_decref(root);
	return result;
}
