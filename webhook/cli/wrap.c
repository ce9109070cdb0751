#include "webhook/cli/wrap.h"

static size_t word_length(const char *text, size_t len)
{
	const char *blank = memchr(text, ' ', len);
	return blank ? (size_t)(blank - text) : len;
}

void wrap_text(struct buf *out, const char *text, size_t len, size_t at, size_t indent, size_t columns)
{
	bool first = true;
	while (len > 0) {
		size_t word = word_length(text, len);
		if (word > 0 && !first && at + 1 + word > columns) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (word > 0 && !first) {
			buf_char(out, ' ');
			at++;
		}
		buf_add(out, text, word);
		at += word;
		first = first && word == 0;
		text += word + (word < len);
		len -= word + (word < len);
	}
	buf_char(out, '\n');
}

size_t sentence_length(const char *text)
{
	for (size_t i = 0; text[i]; i++)
		if (strchr(".?!", text[i]) && (text[i + 1] == ' ' || text[i + 1] == '\0'))
			return i + 1;
	return strlen(text);
}
