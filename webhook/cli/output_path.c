#include "webhook/cli/output_path.h"

#include <ctype.h>

#define PATH_BYTES_MAX ((size_t)64 << 10)

/* Removes the last component. */
static void leave(struct buf *path)
{
	while (path->len > 0 && path->ptr[--path->len] != '/')
		;
}

/* Appends each component, with a slash before it. */
static void enter(struct buf *path, struct str more)
{
	while (more.len > 0) {
		size_t len = 0;
		while (len < more.len && more.ptr[len] != '/')
			len++;
		struct str part = {more.ptr, len};
		if (str_eq(part, STR(".."))) {
			leave(path);
		} else if (len > 0 && !str_eq(part, STR("."))) {
			buf_char(path, '/');
			buf_str(path, part);
		}
		more = str_tail(more, len + 1);
	}
}

bool output_path(struct str directory, struct str path, struct buf *out)
{
	struct buf base, whole;
	buf_init(&base, PATH_BYTES_MAX);
	buf_init(&whole, PATH_BYTES_MAX);
	enter(&base, directory);
	if (!str_starts(path, STR("/")))
		buf_str(&whole, buf_view(&base));
	enter(&whole, path);
	struct str from = buf_view(&base), to = buf_view(&whole);
	bool below = str_starts(to, from) && (to.len == from.len || to.ptr[from.len] == '/') &&
		     (from.len > 0 || !str_starts(path, STR("/")));
	if (base.failed || whole.failed)
		out->failed = true;
	else if (!below)
		buf_str(out, to.len ? to : STR("/"));
	else
		buf_str(out, to.len > from.len ? str_tail(to, from.len + 1) : STR("."));
	buf_release(&base);
	buf_release(&whole);
	return below;
}

void output_path_uri(struct str path, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	buf_text(out, str_starts(path, STR("/")) ? "file://" : "");
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];
		if (c < 0x80 && (isalnum(c) || memchr("-._~/", c, 5)))
			buf_char(out, (char)c);
		else
			buf_add(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
	}
}
