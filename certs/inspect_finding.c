/* inspect_finding: adds a finding to the report. */
#include "certs/inspect.h"

#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_BYTES 1024

/* Replaces control characters, because parts of the sentence come from an untrusted certificate. */
static struct str printable(struct arena *arena, const char *text)
{
	struct str copy = arena_str(arena, str_of(text));
	for (size_t i = 0; i < copy.len; i++)
		if ((unsigned char)copy.ptr[i] < ' ' || copy.ptr[i] == 0x7f)
			((char *)copy.ptr)[i] = '?';
	return copy;
}

void inspect_report(struct inspection *inspection, enum certs_level level, const char *code, const char *format, ...)
{
	struct certs_report *report = inspection->report;
	char text[SENTENCE_BYTES];
	va_list args;
	report->faults += level == CERTS_FAULT;
	if (report->finding_count == CERTS_FINDINGS_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct str sentence = printable(inspection->arena, text);
	inspection->no_memory |= !str_present(sentence);
	report->findings[report->finding_count++] =
	    (struct certs_finding){.level = level, .code = code, .text = sentence};
}
