#include "webhook/cmd/lint_find.h"

#include "webhook/cmd/lint_place.h"

#define TEXT_BYTES 1280

void lint_find_in(const struct lint_file *file, const struct manifest_object *object, enum lint_id id, struct str about,
		  const char *format, ...)
{
	char text[TEXT_BYTES];
	const struct manifests_place at = lint_place_of(&file->manifest, object, about);
	int len = snprintf(text, sizeof text, LINT_NAME " \"" LINT_NAME "\": ", LINT_NAME_ARG(object->kind),
			   LINT_NAME_ARG(object->name));
	va_list args;
	va_start(args, format);
	vsnprintf(text + len, sizeof text - (size_t)len, format, args);
	va_end(args);
	manifests_report(file->report, file->file, &at, object->name, id, str_of(text));
}
