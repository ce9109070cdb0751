#include "gpugate/plain.h"

#include "policy/base/utf8.h"

void plain_mask(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
		else if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0)
			text[i] = text[i + 1] = '?';
	}
}

/*
 * Control characters, line separators, marks of writing direction and other invisible characters.
 */
static bool must_hide(uint32_t point, bool keep_tabs)
{
	if (point == '\t')
		return !keep_tabs;
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xe0000 && point <= 0xe007f);
}

static const char hidden[PLAIN_GROWTH] = {'\xef', '\xbf', '\xbd'};

size_t plain_copy(struct str text, bool keep_tabs, char *to)
{
	size_t len = 0;
	while (text.len > 0) {
		uint32_t point = 0;
		unsigned bytes = utf8_next(text, &point);
		bool hide = bytes == 0 || must_hide(point, keep_tabs);
		memcpy(to + len, hide ? hidden : text.ptr, hide ? sizeof hidden : bytes);
		len += hide ? sizeof hidden : bytes;
		text = str_tail(text, bytes ? bytes : 1);
	}
	return len;
}

size_t plain_show_nul(struct str text, char *to)
{
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		size_t bytes = text.ptr[i] ? 1 : sizeof hidden;
		memcpy(to + len, text.ptr[i] ? &text.ptr[i] : hidden, bytes);
		len += bytes;
	}
	return len;
}
