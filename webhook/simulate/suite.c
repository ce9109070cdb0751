#include "webhook/simulate/suite.h"

#include <stdio.h>

#include "webhook/simulate/suite_keys.h"

int suite_error_at(const struct manifest *manifest, const char *at, struct error *err)
{
	struct manifest_location location = manifest_location(manifest, at);
	return error_wrap(err, "%.300s:%u:%u", manifest->file, location.line, location.column);
}

const char *suite_place(const struct manifest *manifest, struct str text, const char *otherwise)
{
	struct str all = buf_view(&manifest->text);
	uintptr_t at = (uintptr_t)text.ptr, begin = (uintptr_t)all.ptr;
	if (!str_present(text) || at <= begin || at - begin >= all.len)
		return otherwise;
	return text.ptr[-1] == '"' ? text.ptr - 1 : text.ptr;
}

int suite_read(struct suite *suite, const struct manifest *manifest, const struct manifest_object *object,
	       struct arena *arena, struct error *err)
{
	struct reader reader;
	*suite = (struct suite){.at = object->json.ptr};
	if (!str_eq(object->kind, STR("TestSuite"))) {
		error_set(err, "expected `kind: TestSuite`; keep other objects in files of their own");
		return suite_error_at(manifest, object->json.ptr, err);
	}
	reader_init(&reader, object->json.ptr, object->json.len, arena);
	if (reader_object(&reader, &suite_shape, suite) < 0) {
		reader_error(&reader, err);
		return manifest_explain(manifest, object, err);
	}
	return 0;
}

char *suite_path(const struct manifest *manifest, struct str path)
{
	const char *file = manifest->file, *slash = strrchr(file, '/');
	char *whole;
	if (str_eq(path, STR("-")))
		path = STR("./-");
	if (!slash || (path.len && path.ptr[0] == '/'))
		return str_dup(path);
	return asprintf(&whole, "%.*s/%.*s", (int)(slash - file), file, STR_ARG(path)) < 0 ? NULL : whole;
}
