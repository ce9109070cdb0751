/*
 * metrics: prints docs/reference/metrics.md. What a metric is comes from its row
 * (webhook/metrics/metric.h).
 */
#include <stdio.h>
#include <string.h>

#include "gpugate/buf.h"
#include "tests/reference/page.h"
#include "webhook/server/metric_sets.h"

#define COLUMNS 100
#define ITEM_BYTES_MAX 4000
#define RUNBOOKS "../runbooks.md" /* Where each alert has a section of its name. */

static void print_row(const struct metric *metric)
{
	printf("| `%s", metric->name);
	for (size_t i = 0; i < metric_label_count(metric); i++)
		printf("%c%s", i ? ',' : '{', metric->labels[i].name);
	printf("%s` | %s | %s | %s |\n", metric_label_count(metric) ? "}" : "", metric_type_name(metric->type),
	       metric->unit, metric->help);
}

/* "`outcome` is `a`, `b`, or `c`." */
static void add_values(struct buf *out, const struct metric_label *label)
{
	if (!label->values)
		return;
	buf_printf(out, " `%s` is", label->name);
	for (size_t i = 0; label->values[i]; i++) {
		bool last = !label->values[i + 1];
		if (i > 0 && last)
			buf_text(out, i > 1 ? ", or" : " or");
		else if (i > 0)
			buf_text(out, ",");
		buf_printf(out, " `%s`", label->values[i]);
	}
	buf_text(out, ".");
}

static void add_sentences(struct buf *out, const char *text)
{
	if (text)
		buf_printf(out, " %s%s", text, text[strlen(text) - 1] == '.' ? "" : ".");
}

/* "Alerts: [GpugateA](#gpugatea), [GpugateB](#gpugateb)." */
static void add_alerts(struct buf *out, const char *names)
{
	if (!names)
		return;
	buf_text(out, strchr(names, ' ') ? " Alerts:" : " Alert:");
	for (const char *at = names; *at;) {
		size_t len = strcspn(at, " ");
		buf_printf(out, "%s [%.*s](" RUNBOOKS "#", at == names ? "" : ",", (int)len, at);
		for (size_t i = 0; i < len; i++)
			buf_char(out, (char)(at[i] | 0x20)); /* A letter, to lower case. */
		buf_text(out, ")");
		at += len;
		at += strspn(at, " ");
	}
	buf_text(out, ".");
}

static void print_notes(const struct metric *metric)
{
	struct buf text;
	buf_init(&text, ITEM_BYTES_MAX);
	for (size_t i = 0; i < metric_label_count(metric); i++)
		add_values(&text, &metric->labels[i]);
	add_sentences(&text, metric->details);
	add_alerts(&text, metric->alerts);
	add_sentences(&text, metric->query);
	if (text.failed)
		fail("has too much text", metric->name);
	if (text.len > 0)
		print_item(COLUMNS, 0, "**`%s`**:%.*s", metric->name, (int)text.len, text.ptr);
	buf_release(&text);
}

static void print_set(const struct metric_set *set)
{
	printf("## %s\n\n", set->title);
	if (set->shown)
		print_paragraph(COLUMNS, set->shown);
	puts("| Metric | Type | Unit | Meaning |\n|---|---|---|---|");
	for (size_t i = 0; i < set->count; i++)
		print_row(&set->metrics[i]);
	putchar('\n');
	for (size_t i = 0; i < set->count; i++)
		print_notes(&set->metrics[i]);
	putchar('\n');
}

void print_metrics(const char *folder)
{
	print_text(folder, "intro");
	for (size_t i = 0; i < serve_metric_set_count; i++)
		print_set(serve_metric_sets[i]);
	print_text(folder, "others");
}
