/*
 * Fuzz target: any bytes as a file of a cluster's objects, from which `gpugate init` makes a
 * policy. What is read gives a policy that is valid, whatever its names and labels, and paths of
 * files that stay in its folder.
 */
#include <stdio.h>
#include <stdlib.h>

#include "webhook/init/survey.h"
#include "webhook/object/manifest.h"

#define REQUIRE(condition, text)                                                                                       \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s: not so: %s: %s\n", __func__, #condition, text);                           \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns whether all objects could be read. */
static bool take_all(struct survey *survey, const struct manifest *manifest, struct str bytes, struct error *err)
{
	if (survey_begin_file(survey, STR("nvidia/config.yaml"), bytes, err) < 0)
		return false;
	for (uint32_t i = 0; i < manifest->count; i++)
		if (manifest->objects[i].kind.len == 0 &&
		    survey_take_config(survey, manifest->file, manifest->objects[i].json, err) < 0)
			return false;
	for (unsigned kind = 0; kind < SURVEY_KINDS; kind++)
		for (uint32_t i = 0; i < manifest->count; i++)
			if (str_eq(manifest->objects[i].kind, survey_kinds[kind].kind) &&
			    survey_take(survey, kind, manifest->objects[i].json, err) < 0)
				return false;
	return true;
}

static void check_finish(struct survey *survey)
{
	struct init_files files;
	struct error err = {0};
	init_files_init(&files);
	int warnings = survey_finish(survey, &files, &err);
	REQUIRE(warnings >= 0, err.text);
	REQUIRE(files.count >= 3, "files");
	for (uint32_t i = 0; i < files.count; i++)
		REQUIRE(files.items[i].path.len > 0 && files.items[i].path.ptr[0] != '/' &&
			    !strstr(files.items[i].path.ptr, ".."),
			files.items[i].path.ptr);
	init_files_release(&files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest manifest;
	struct error err = {0};
	struct survey *survey = malloc(sizeof *survey);
	if (!survey || manifest_read(&manifest, "f", (struct str){(const char *)data, size}, &err) < 0) {
		free(survey);
		return 0;
	}
	REQUIRE(survey_init(survey, &err) == 0, err.text);
	if (take_all(survey, &manifest, (struct str){(const char *)data, size}, &err))
		check_finish(survey);
	else
		/* Only what an object says is wrong, never what was made of it. */
		REQUIRE(!str_starts(str_of(err.text), STR("no policy can be made")), err.text);
	survey_release(survey);
	manifest_release(&manifest);
	free(survey);
	return 0;
}
