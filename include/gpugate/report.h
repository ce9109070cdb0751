/*
 * report: the findings of reading a policy. Errors make a policy unusable; warnings do not. At most
 * REPORT_ERRORS_MAX errors are kept (the rest are counted), sorted by file, line and column. Owns all its strings.
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

/* What holds where `settings` is empty. */
#define REPORT_WITHOUT_SETTINGS                                                                                        \
	"no Settings document: enforcement is deny, and only the namespace kube-system is exempt"

struct finding {
	enum severity severity;
	struct str id;       /* of enum lint_id; absent: it has none */
	struct str file;     /* as people would type it; empty: no file is concerned */
	unsigned line;       /* from 1; 0: the file as a whole */
	unsigned column;     /* from 1, in characters (code points) */
	unsigned length;     /* characters to underline, at least 1 */
	struct str text;     /* one sentence: what is wrong, then the remedy */
	struct str quote;    /* the source line; empty: none. Of a very long line the part around the place */
	unsigned quote_from; /* column of the quote's first character: above 1 where a long line's head was left out */
};

struct report {
	struct arena arena;
	struct finding findings[REPORT_ERRORS_MAX + REPORT_WARNINGS_MAX];
	unsigned count;       /* findings kept */
	unsigned errors;      /* all, kept or not */
	unsigned warnings;    /* all, kept or not */
	bool allow[LINT_IDS]; /* set after report_init: warnings of these ids are only counted, in `allowed` */
	unsigned allowed;
	struct str settings; /* where the Settings document is, such as "policy/cluster.yaml:3"; empty: there is none */
	struct str ignored[REPORT_IGNORED_MAX]; /* files that are not read for their names, in the order of paths */
	unsigned ignored_count;                 /* all, kept or not */
};

void report_init(struct report *report);
void report_release(struct report *report);

/* Sorts by file, line, column, severity: the order does not depend on the order of discovery. */
void report_sort(struct report *report);

/*
 * Appends the findings for people:
 *
 *     policy/team.yaml:12:7: error: unknown key "hrad"; did you mean "hard"?
 *        12 |   - {name: whole, hrad: 4}
 *           |                   ^~~~
 */
void report_print(const struct report *report, bool colour, struct buf *out);

#endif
