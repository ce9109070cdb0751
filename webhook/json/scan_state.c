#include "webhook/json/scan_state.h"

#include <stdarg.h>
#include <stdio.h>

int scan_fail(struct scan *scan, const char *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(scan->fault, sizeof scan->fault, format, args);
	va_end(args);
	scan->at = at < scan->end ? at : scan->end;
	return -1;
}

int scan_expected(struct scan *scan, const char *what)
{
	char c = scan_peek(scan);
	if (scan->at == scan->end)
		return scan_fail(scan, scan->at, "expected %s, found the end of the text", what);
	const char *found = NULL;
	if (c == '"')
		found = "a string";
	else if (c == '{')
		found = "an object";
	else if (c == '[')
		found = "an array";
	else if (c == '-' || (c >= '0' && c <= '9'))
		found = "a number";
	else if (c == 't' || c == 'f')
		found = "a boolean";
	else if (c == 'n')
		found = "null";
	if (found)
		return scan_fail(scan, scan->at, "expected %s, found %s", what, found);
	if (c > ' ' && c < 0x7f)
		return scan_fail(scan, scan->at, "expected %s, found '%c'", what, c);
	return scan_fail(scan, scan->at, "expected %s, found byte 0x%02x", what, (unsigned char)c);
}
