#include "webhook/cmd/lint_unread.h"

#include "webhook/cmd/input_file.h"

#define TEXT_BYTES 1024

void lint_unread_file(struct report *report, struct manifests_file *file, const char *path, const struct error *err)
{
	struct str shown = str_of(input_file_name(path));
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		if (str_eq(finding->file, shown) && str_eq(finding->id, lint_rows[LINT_MANIFEST_UNREADABLE].id))
			return;
	}
	char text[TEXT_BYTES];
	snprintf(text, sizeof text, "the policy cannot judge this file: %.900s", err->text);
	manifests_report(report, file, &(struct manifests_place){.line = 0}, STR(""), LINT_MANIFEST_UNREADABLE,
			 str_of(text));
}

/* Whether the rules for manifests have found an error in the object. */
static bool has_error(const struct report *report, const struct manifest *manifest, uint32_t index)
{
	const struct manifest_object *objects = manifest->objects;
	unsigned begin = objects[index].line;
	unsigned end = index + 1 < manifest->count ? objects[index + 1].line : UINT32_MAX;
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		bool within = finding->line >= begin && (finding->line < end || finding->line == begin);
		if (finding->severity == SEVERITY_ERROR && within && str_eq(finding->file, str_of(manifest->file)))
			return true;
	}
	return false;
}

/* Returns the sentence without the place before it. */
static const char *sentence_of(const struct manifest *manifest, const struct error *err)
{
	char place[sizeof err->text];
	int len = snprintf(place, sizeof place, "%.300s:%u:%u: ", manifest->file, err->line, err->column);
	return strncmp(err->text, place, (size_t)len) == 0 ? err->text + len : err->text;
}

void lint_unread_object(struct report *report, struct manifests_file *file, const struct manifest *manifest,
			uint32_t index, const struct error *err)
{
	const struct manifest_object *object = &manifest->objects[index];
	struct manifests_place at = {.line = err->line ? err->line : object->line,
				     .column = err->column ? err->column : 1};
	const char *sentence = sentence_of(manifest, err);
	/* A text such as ${REPLICAS} is replaced before the object is created. */
	if (!strstr(sentence, "${") && !has_error(report, manifest, index))
		manifests_report(report, file, &at, object->name, LINT_MANIFEST_UNREADABLE, str_of(sentence));
}
