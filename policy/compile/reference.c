#include "policy/compile/reference.h"

#include "gpugate/buf.h"
#include "policy/base/show.h"

#define NAMED_MAX 3 /* Names in one finding. */
#define HINT_BYTES_MAX 1000

/* Whether one name is the other one and more after a mark, as a100-80gb is for a100. */
static bool continues(struct str a, struct str b)
{
	struct str longer = a.len > b.len ? a : b, shorter = a.len > b.len ? b : a;
	return shorter.len > 0 && longer.len > shorter.len && str_starts(longer, shorter) &&
	       memchr("-._", longer.ptr[shorter.len], 3);
}

/*
 * Appends up to NAMED_MAX of the names. If `wrong` is present, these are the names that it begins,
 * or that begin it. Returns how many there are.
 */
static size_t print_names(struct compile *c, struct str wrong, const struct str *names, size_t count, size_t stride,
			  struct buf *out)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		struct str name = *(const struct str *)(const void *)((const char *)names + i * stride);
		if (str_present(wrong) && (c->suggest_work == 0 || c->suggest_work-- == 0 || !continues(wrong, name)))
			continue;
		if (found++ < NAMED_MAX)
			buf_printf(out, "%s\"" SHOW "\"", found > 1 ? ", " : "", SHOWN(name));
	}
	if (found > NAMED_MAX)
		buf_printf(out, " and %zu more", found - NAMED_MAX);
	return found;
}

const char *compile_reference_hint(struct compile *c, struct str wrong, const struct str *names, size_t count,
				   size_t stride)
{
	const struct str all = {NULL, 0};
	const char *near = compile_did_you_mean(c, wrong, names, count, stride);
	struct buf named, out;
	if (*near)
		return near;
	buf_init(&named, HINT_BYTES_MAX);
	buf_init(&out, HINT_BYTES_MAX + 64);
	size_t found = print_names(c, wrong, names, count, stride, &named);
	if (found == 1)
		buf_printf(&out, "; did you mean %.*s?", STR_ARG(buf_view(&named)));
	else if (found > 1)
		buf_printf(&out, "; did you mean one of %.*s?", STR_ARG(buf_view(&named)));
	else if (print_names(c, all, names, count, stride, &named) > 0)
		buf_printf(&out, "; name %s%.*s", count == 1 ? "" : "one of ", STR_ARG(buf_view(&named)));
	else
		buf_text(&out, "; there is none");
	struct str text = arena_str(c->scratch, buf_view(&out));
	buf_release(&named);
	buf_release(&out);
	if (!str_present(text))
		longjmp(c->exhausted, 1);
	return text.ptr;
}
