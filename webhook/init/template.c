#include "webhook/init/template.h"

#include "gpugate/plain.h"
#include "gpugate/quantity.h"
#include "gpugate/suggest.h"

#define TEMPLATE STR("template ")
#define FILE_LINE STR("file ")

/*
 * deploy/templates.py makes it. The assembler finds it relative to the directory in which make
 * runs.
 */
__asm__(".section .rodata\n"
	"templates_begin: .incbin \"build/templates.txt\"\n"
	"templates_end:\n"
	".previous\n");
extern const char templates_begin[], templates_end[];

/* Takes the bytes up to `end`, and `end`. */
static struct str take(struct str *rest, char end)
{
	const char *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
	struct str taken = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
	*rest = str_tail(*rest, taken.len + (at != NULL));
	return taken;
}

/* Takes a file. Returns whether there is another one. */
static bool take_file(struct str *rest, struct str *path, struct str *text)
{
	int64_t bytes;
	if (!str_starts(*rest, FILE_LINE))
		return false;
	*rest = str_tail(*rest, FILE_LINE.len);
	*path = take(rest, ' ');
	if (quantity_count(take(rest, '\n'), &bytes) != QUANTITY_OK || (uint64_t)bytes > rest->len)
		return false;
	*text = (struct str){rest->ptr, (size_t)bytes};
	*rest = str_tail(*rest, (size_t)bytes);
	return true;
}

uint32_t template_all(struct template *templates)
{
	struct str rest = {templates_begin, (size_t)(templates_end - templates_begin)}, path, text;
	uint32_t count = 0;
	while (count < TEMPLATES_MAX && str_starts(rest, TEMPLATE)) {
		struct template *template = &templates[count++];
		rest = str_tail(rest, TEMPLATE.len);
		template->name = take(&rest, ' ');
		template->title = take(&rest, '\n');
		template->files = rest;
		while (take_file(&rest, &path, &text))
			;
		template->files.len -= rest.len;
	}
	return count;
}

static int refuse(struct str name, const struct template *templates, uint32_t count, struct error *err)
{
	struct str near = suggest_word(name, &templates[0].name, count, sizeof *templates);
	if (str_present(near))
		error_set(err, "there is no template \"%.*s\"; did you mean \"%.*s\"?",
			  (int)(name.len < 64 ? name.len : 64), name.ptr, STR_ARG(near));
	else
		error_set(err, "there is no template \"%.*s\"; `gpugate init --template list` shows all",
			  (int)(name.len < 64 ? name.len : 64), name.ptr);
	plain_mask(err->text, strlen(err->text));
	return -1;
}

int template_files(struct str name, struct init_files *files, struct error *err)
{
	struct template templates[TEMPLATES_MAX];
	uint32_t count = template_all(templates), at = 0;
	struct str path, text;
	while (at < count && !str_eq(templates[at].name, name))
		at++;
	if (at == count)
		return refuse(name, templates, count, err);
	for (struct str rest = templates[at].files; take_file(&rest, &path, &text);)
		if (init_files_add(files, path, text, err) < 0)
			return -1;
	return 0;
}
