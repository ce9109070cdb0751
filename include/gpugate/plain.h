/* plain: makes text from untrusted sources safe for terminals, logs, and HTTP headers. Pure. */
#ifndef GPUGATE_PLAIN_H
#define GPUGATE_PLAIN_H

#include "gpugate/str.h"

#define PLAIN_GROWTH 3 /* plain_copy writes at most so many bytes for each byte. */

/*
 * Replaces each byte of a control character by `?`. Control characters are C0, DEL, and C1, which
 * is 0xC2 0x80 to 0x9F in UTF-8.
 */
void plain_mask(char *text, size_t len);

/*
 * Copies text. Replaces each character that could control a terminal or be invisible by U+FFFD:
 * control characters (except tabs if `keep_tabs`), marks of writing direction, and bytes that are
 * not UTF-8. Each becomes one character, so columns remain correct. `to` has room for PLAIN_GROWTH
 * bytes for each byte of the text. Returns the length of the copy.
 */
size_t plain_copy(struct str text, bool keep_tabs, char *to);

/*
 * Copies text, and replaces each NUL by U+FFFD. Where texts end at a NUL, the rest is then not
 * hidden. `to` is as above. Returns the length of the copy.
 */
size_t plain_show_nul(struct str text, char *to);

#endif
