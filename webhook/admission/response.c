#include "webhook/admission/response.h"

#include <openssl/evp.h>

#include "gpugate/policy_enums.h"
#include "webhook/admission/patch.h"
#include "webhook/json/write.h"

#define PATCH_MAX ((size_t)32 << 20)
#define PATCH_USUAL 2048

/*
 * The API server truncates each warning to 256 characters once all of them together exceed 4,096
 * (k8s.io/apiserver/pkg/endpoints/filters/warning.go). Truncating here marks the omission with an
 * ellipsis.
 */
#define WARNINGS_BYTES_MAX 4096
#define WARNING_BYTES_CUT 250

#define RETRY_AFTER_SECONDS 2

static void join_violations(struct buf *out, const struct decision *decision, enum enforcement enforcement)
{
	bool some = false;
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		if (decision->violations[i].enforcement != enforcement)
			continue;
		if (some)
			buf_text(out, "; ");
		buf_str(out, decision->violations[i].message);
		some = true;
	}
}

void response_message(struct buf *out, const struct decision *decision)
{
	join_violations(out, decision, ENFORCEMENT_DENY);
}

/*
 * Whether every denying violation is temporary (an outage or overload), so that a retry may
 * succeed.
 */
static bool passes_by_itself(const struct decision *decision)
{
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		const struct violation *violation = &decision->violations[i];
		bool temporary =
		    (violation->reason == REASON_OUTAGE && !violation->stays) || violation->reason == REASON_BUSY;
		if (violation->enforcement == ENFORCEMENT_DENY && !temporary)
			return false;
	}
	return true;
}

static void write_status(struct buf *out, const struct decision *decision)
{
	struct buf message;
	buf_init(&message, 64 << 10);
	response_message(&message, decision);
	if (passes_by_itself(decision))
		buf_printf(out,
			   ",\"status\":{\"code\":429,\"reason\":\"TooManyRequests\",\"details\":{"
			   "\"retryAfterSeconds\":%d},\"message\":",
			   RETRY_AFTER_SECONDS);
	else
		buf_text(out, ",\"status\":{\"code\":403,\"reason\":\"Forbidden\",\"message\":");
	json_write_string(out, buf_view(&message));
	buf_char(out, '}');
	buf_release(&message);
}

static void write_patch(struct buf *out, const struct admission_response *response)
{
	struct buf patch;
	buf_init(&patch, PATCH_MAX);
	buf_reserve(&patch, PATCH_USUAL); /* Nearly every patch then needs only one allocation. */
	patch_write(&patch, response->pod, response->decision->edits, response->decision->edit_count);
	size_t encoded = (patch.len + 2) / 3 * 4;
	buf_text(out, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
	char *to = patch.failed ? NULL : buf_reserve(out, encoded + 1);
	if (to) {
		EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)patch.ptr, (int)patch.len);
		out->len += encoded;
	}
	out->failed |= patch.failed;
	buf_char(out, '"');
	buf_release(&patch);
}

static void write_warnings(struct buf *out, const struct admission_response *response)
{
	const struct decision *decision = response->decision;
	size_t total = response->warning.len;
	for (uint32_t i = 0; i < decision->violation_count; i++)
		total +=
		    decision->violations[i].enforcement == ENFORCEMENT_WARN ? decision->violations[i].message.len : 0;
	if (total == 0)
		return;
	size_t most = total > WARNINGS_BYTES_MAX ? WARNING_BYTES_CUT : SIZE_MAX;
	const char *separator = ",\"warnings\":[";
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		if (decision->violations[i].enforcement != ENFORCEMENT_WARN)
			continue;
		buf_text(out, separator);
		json_write_cut(out, decision->violations[i].message, most);
		separator = ",";
	}
	if (response->warning.len) {
		buf_text(out, separator);
		json_write_cut(out, response->warning, most);
	}
	buf_char(out, ']');
}

/*
 * `key` must not contain a slash, because the API server prefixes it with the webhook's name and a
 * slash.
 */
static void write_annotation(struct buf *out, bool *some, const char *key, struct str value)
{
	if (value.len == 0)
		return;
	buf_text(out, *some ? "," : ",\"auditAnnotations\":{");
	json_write_string(out, str_of(key));
	buf_char(out, ':');
	json_write_string(out, value);
	*some = true;
}

static void write_annotations(struct buf *out, const struct admission_response *response)
{
	const struct decision *decision = response->decision;
	bool some = false;
	struct buf text;
	buf_init(&text, 64 << 10);
	write_annotation(out, &some, "tenant", decision->tenant);
	for (uint32_t i = 0; i < decision->rule_count && decision->edit_count; i++) {
		if (i)
			buf_char(&text, ',');
		buf_str(&text, decision->rules[i]);
	}
	write_annotation(out, &some, "rules", buf_view(&text));
	write_annotation(out, &some, "charge", response->charge);
	buf_reset(&text);
	join_violations(&text, decision, ENFORCEMENT_AUDIT);
	write_annotation(out, &some, "audit", buf_view(&text));
	if (decision->exempt)
		write_annotation(out, &some, "exempt", STR("true"));
	if (some)
		buf_char(out, '}');
	buf_release(&text);
}

void response_write(struct buf *out, const struct admission_response *response)
{
	const struct decision *decision = response->decision;
	buf_text(out, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":");
	json_write_string(out, response->uid);
	buf_text(out, decision->denied ? ",\"allowed\":false" : ",\"allowed\":true");
	if (decision->denied)
		write_status(out, decision);
	else if (decision->edit_count)
		write_patch(out, response);
	write_warnings(out, response);
	write_annotations(out, response);
	buf_text(out, "}}");
}
