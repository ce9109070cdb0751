/*
 * report: the findings from reading a policy. Errors make a policy unusable; warnings do not. At
 * most REPORT_ERRORS_MAX errors and REPORT_WARNINGS_MAX warnings are kept; the others are only
 * counted. A report owns all its strings. Not thread-safe.
 */
#ifndef GPUGATE_REPORT_H
#define GPUGATE_REPORT_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/lint_id.h"
#include "gpugate/str.h"

#define REPORT_ERRORS_MAX 20
#define REPORT_WARNINGS_MAX 100
#define REPORT_IGNORED_MAX 20

/* What applies if `settings` is empty. */
#define REPORT_WITHOUT_SETTINGS                                                                                        \
	"no Settings document: enforcement is deny, and only the namespace kube-system is exempt"

/* A change of a file that corrects a finding, and nothing else in the file. */
struct finding_fix {
	bool set;
	size_t offset;   /* In bytes, from the beginning of the text without a byte order mark. */
	struct str was;  /* The bytes there, at least one, in one line. */
	struct str text; /* The bytes in their place. */
	/* The place of `was`, as in struct finding. */
	unsigned line, column, utf16_column, utf16_length;
};

struct finding {
	enum severity severity;
	struct str id;   /* Name of an enum lint_id; absent: the finding has no id. */
	struct str file; /* Path as the user would type it; empty: no file is concerned. */
	unsigned line;   /* From 1; 0: the whole file. */
	unsigned column; /* From 1, in characters (code points). */
	unsigned length; /* Characters to underline, at least 1. */
	/* Column and length in UTF-16 code units, as editors count; 0: `line` is 0. */
	unsigned utf16_column, utf16_length;
	struct str text; /* One sentence that says what is wrong, then what to do. */
	/* The source line, or the part of a very long line around the column; empty: none. */
	struct str quote;
	/* Column of the first character of the quote; above 1 if the line was cut there. */
	unsigned quote_from;
	struct finding_fix fix; /* Only where the remedy is mechanical. */
};

struct report {
	struct arena arena;
	struct finding findings[REPORT_ERRORS_MAX + REPORT_WARNINGS_MAX];
	unsigned count;    /* Number of findings that are kept. */
	unsigned errors;   /* Number of all errors, kept or not. */
	unsigned warnings; /* Number of all warnings, kept or not. */
	/* Set after report_init. Warnings with these ids are only counted, in `allowed`. */
	bool allow[LINT_IDS];
	unsigned allowed;
	/*
	 * Set by suppressions_read. Whether a finding that has an id is meant; `object` is the name
	 * of the object, or empty. Such findings are only counted, in `suppressed`.
	 */
	bool (*suppress)(void *suppressions, enum lint_id id, struct str file, struct str object);
	void *suppressions;
	unsigned suppressed;
	/* Where the Settings document is, such as "policy/cluster.yaml:3"; empty: there is none. */
	struct str settings;
	/* Files that are not read because of their names, sorted by path. */
	struct str ignored[REPORT_IGNORED_MAX];
	unsigned ignored_count; /* Number of all such files, kept or not. */
	/* Files that Accelerators name: configurations of other programs, sorted by path. */
	struct str configs[REPORT_IGNORED_MAX];
	unsigned config_count; /* Number of all such files, kept or not. */
};

void report_init(struct report *report);
void report_release(struct report *report);

/*
 * Sorts by file, line, column and severity, so that the order does not depend on the order of
 * discovery.
 */
void report_sort(struct report *report);

/*
 * Appends the findings as text for users:
 *
 *     policy/team.yaml:12:7: error: unknown key "hrad"; did you mean "hard"?
 *        12 |   - {name: whole, hrad: 4}
 *           |                   ^~~~
 */
void report_print(const struct report *report, bool colour, struct buf *out);

/* Appends one finding as report_print does. */
void report_print_finding(const struct finding *finding, bool colour, struct buf *out);

/*
 * Appends "and 30 more errors" if findings of that severity were counted and not kept. Returns
 * whether there are any.
 */
bool report_print_rest(const struct report *report, enum severity severity, struct buf *out);

#endif
