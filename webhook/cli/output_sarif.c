#include "webhook/cli/output_sarif.h"

#include "webhook/cli/output_json.h"
#include "webhook/cli/output_path.h"
#include "webhook/json/text.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define BASE "%SRCROOT%"
#define TEXT_BYTES_MAX ((size_t)64 << 10)

/* Steals the buffer's contents. Returns a new string, or NULL. */
static json_t *take_text(struct buf *text)
{
	json_t *value = text->failed ? NULL : json_text(buf_view(text));
	buf_release(text);
	return value;
}

/* Steals the value. If it or the list is NULL, or memory is exhausted, the list becomes NULL. */
static void add(json_t **list, json_t *value)
{
	if (json_array_append_new(*list, value) == 0)
		return;
	json_decref(*list);
	*list = NULL;
}

/*
 * Escapes what a message would otherwise interpret: placeholders in braces (section 3.11.5), and
 * links, whose text ends at "](" (section 3.11.6).
 */
static json_t *message_of(struct str text)
{
	struct buf out;
	buf_init(&out, TEXT_BYTES_MAX);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == ']' && i + 1 < text.len && text.ptr[i + 1] == '(')
			buf_char(&out, '\\');
		buf_char(&out, c);
		if (c == '{' || c == '}')
			buf_char(&out, c);
	}
	return json_pack("{s:o}", "text", take_text(&out));
}

/* --- Rules --- */

static json_t *first_sentence(const char *text)
{
	const char *end = strstr(text, ". ");
	return end ? json_stringn(text, (size_t)(end - text) + 1) : json_string(text);
}

static json_t *rule_of(const struct lint_row *row)
{
	return json_pack("{s:o, s:{s:o}, s:{s:s}, s:{s:s, s:s}, s:{s:s}}", "id", json_text(row->id), "shortDescription",
			 "text", first_sentence(row->what), "fullDescription", "text", row->what, "help", "text",
			 row->remedy, "markdown", row->remedy, "defaultConfiguration", "level",
			 severity_name(row->severity));
}

/* Sorted as lint_rows are, and then lint_invalid_policy, so that `enum lint_id` is the index. */
static json_t *rules(void)
{
	json_t *list = json_array();
	for (size_t i = 0; i < LINT_IDS; i++)
		add(&list, rule_of(&lint_rows[i]));
	add(&list, rule_of(&lint_invalid_policy));
	return list;
}

/* --- Results --- */

static json_t *artifact(struct str directory, struct str file)
{
	struct buf path, uri;
	buf_init(&path, TEXT_BYTES_MAX);
	buf_init(&uri, TEXT_BYTES_MAX);
	bool below = output_path(directory, file, &path);
	output_path_uri(buf_view(&path), &uri);
	uri.failed |= path.failed;
	buf_release(&path);
	return json_pack("{s:o, s:s*}", "uri", take_text(&uri), "uriBaseId", below ? BASE : NULL);
}

/* A finding about a whole file points at its first character, since viewers need a region. */
static json_t *region(const struct finding *finding)
{
	unsigned line = finding->line ? finding->line : 1;
	unsigned column = finding->utf16_column ? finding->utf16_column : 1;
	unsigned length = finding->utf16_length ? finding->utf16_length : 1;
	return json_pack("{s:I, s:I, s:I}", "startLine", (json_int_t)line, "startColumn", (json_int_t)column,
			 "endColumn", (json_int_t)column + (json_int_t)length);
}

static json_t *locations(const struct finding *finding, struct str directory)
{
	if (finding->file.len == 0)
		return json_array();
	return json_pack("[{s:{s:o, s:o}}]", "physicalLocation", "artifactLocation", artifact(directory, finding->file),
			 "region", region(finding));
}

/* A remedy is a replacement in the same file. Without one, the result has no `fixes`. */
static json_t *fixes(const struct finding *finding, struct str directory)
{
	const struct finding_fix *fix = &finding->fix;
	if (!fix->set)
		return NULL;
	json_t *deleted = json_pack("{s:I, s:I, s:I}", "startLine", (json_int_t)fix->line, "startColumn",
				    (json_int_t)fix->utf16_column, "endColumn",
				    (json_int_t)fix->utf16_column + (json_int_t)fix->utf16_length);
	json_t *replacement =
	    json_pack("{s:o, s:{s:o}}", "deletedRegion", deleted, "insertedContent", "text", json_text(fix->text));
	return json_pack("[{s:{s:s}, s:[{s:o, s:[o]}]}]", "description", "text", lint_row_of(finding->id)->remedy,
			 "artifactChanges", "artifactLocation", artifact(directory, finding->file), "replacements",
			 replacement);
}

static json_t *result_of(const struct finding *finding, struct str directory)
{
	return json_pack("{s:o, s:i, s:s, s:o, s:o, s:o*}", "ruleId", json_text(lint_row_of(finding->id)->id),
			 "ruleIndex", (int)lint_find(finding->id), "level", severity_name(finding->severity), "message",
			 message_of(finding->text), "locations", locations(finding, directory), "fixes",
			 fixes(finding, directory));
}

/* --- The run --- */

/* Findings that were counted and not kept are no results, since nothing else is known of them. */
static json_t *notifications(const struct report *report)
{
	json_t *list = json_array();
	for (enum severity severity = 0; severity < SEVERITIES; severity++) {
		struct buf text;
		buf_init(&text, TEXT_BYTES_MAX);
		if (report_print_rest(report, severity, &text))
			add(&list, json_pack("{s:s, s:{s:o}}", "level", severity_name(severity), "message", "text",
					     take_text(&text)));
		else
			buf_release(&text);
	}
	return list;
}

static json_t *results(const struct report *report, struct str directory)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < report->count; i++)
		add(&list, result_of(&report->findings[i], directory));
	return list;
}

void output_sarif(const struct report *report, struct str directory, int status, struct buf *out)
{
	json_t *driver = json_pack("{s:s, s:s, s:o}", "name", "gpugate", "version", GPUGATE_VERSION, "rules", rules());
	json_t *invocation = json_pack("{s:b, s:i, s:o}", "executionSuccessful", true, "exitCode", status,
				       "toolExecutionNotifications", notifications(report));
	json_t *run = json_pack("{s:{s:o}, s:[o], s:{s:{s:{s:s}}}, s:s, s:o}", "tool", "driver", driver, "invocations",
				invocation, "originalUriBaseIds", BASE, "description", "text",
				"The working directory of `gpugate lint`.", "columnKind", "utf16CodeUnits", "results",
				results(report, directory));
	output_json(json_pack("{s:s, s:s, s:[o]}", "$schema", SCHEMA, "version", "2.1.0", "runs", run), out);
}
