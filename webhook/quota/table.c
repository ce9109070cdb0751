#include "webhook/quota/table.h"

#include "gpugate/quantity.h"
#include "webhook/json/write.h"

#define BAR_CELLS 10
#define EIGHTHS 8
#define NEARLY_FULL 90 /* Percentage from which a bar is yellow. */

/* --- Amounts --- */

struct share {
	wide used, pending, hard; /* In units of 10^-9. */
	bool known;               /* All three amounts are readable, and the quota has a limit. */
};

static bool read_amount(struct str text, wide *amount)
{
	struct quantity quantity;
	bool good = quantity_parse(text, &quantity) == QUANTITY_OK && quantity.nano >= 0;
	*amount = good ? quantity.nano : 0;
	return good;
}

static bool is_some(struct str amount)
{
	wide value;
	return read_amount(amount, &value) && value > 0;
}

static struct share share_of(const struct quota_document *item)
{
	struct share share = {0};
	bool used = read_amount(item->used, &share.used), pending = read_amount(item->pending, &share.pending);
	share.known = read_amount(item->hard, &share.hard) && used && pending;
	return share;
}

/*
 * `held` as a share of `hard`, in parts of `whole`, rounded down. The result is capped at 100 times
 * `whole`. A limit of zero counts as full once anything is held.
 */
static int parts(wide held, wide hard, int whole)
{
	if (hard == 0)
		return held > 0 ? whole : 0;
	wide count = held / hard >= 100 ? (wide)whole * 100 : held * whole / hard;
	return (int)count;
}

uint32_t quota_table_exceeded(const struct quota_document *items, uint32_t count)
{
	uint32_t exceeded = 0;
	for (uint32_t i = 0; i < count; i++)
		exceeded += items[i].exceeded;
	return exceeded;
}

/* --- Cells --- */

static void put_plain(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_char(out, text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?');
}

static void put_blanks(struct buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_char(out, ' ');
}

enum column { TENANT, QUOTA, USED, PENDING, HARD, BORROWED, COLUMNS };

static const struct column_row {
	const char *head;
	size_t offset;
	bool right; /* Right-aligned, for numbers. */
} columns[COLUMNS] = {
    [TENANT] = {"TENANT", offsetof(struct quota_document, tenant), false},
    [QUOTA] = {"QUOTA", offsetof(struct quota_document, quota), false},
    [USED] = {"USED", offsetof(struct quota_document, used), true},
    [PENDING] = {"PENDING", offsetof(struct quota_document, pending), true},
    [HARD] = {"HARD", offsetof(struct quota_document, hard), true},
    [BORROWED] = {"BORROWED", offsetof(struct quota_document, borrowed), true},
};

/* The text of a cell; of the table's header if `item` is NULL. */
static struct str cell(const struct quota_document *item, int column)
{
	if (!item)
		return str_of(columns[column].head);
	struct str text = *(const struct str *)(const void *)((const char *)item + columns[column].offset);
	return text.len ? text : STR("-");
}

struct table {
	size_t width[COLUMNS];
	struct quota_style style;
	struct buf *out;
};

static void put_cell(const struct table *table, const struct quota_document *item, int column)
{
	struct str text = cell(item, column);
	size_t blanks = table->width[column] - text.len;
	if (columns[column].right)
		put_blanks(table->out, blanks);
	put_plain(table->out, text);
	if (!columns[column].right)
		put_blanks(table->out, blanks);
	put_blanks(table->out, 2);
}

/* --- Bars --- */

static const char *const eighths[EIGHTHS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

static void put_times(struct buf *out, const char *text, int count)
{
	for (int i = 0; i < count; i++)
		buf_text(out, text);
}

/* Draws usage to an eighth of a cell, then pending in shaded cells. */
static void put_blocks(struct buf *out, const struct share *share)
{
	int used = parts(share->used, share->hard, BAR_CELLS * EIGHTHS);
	int all = parts(share->used + share->pending, share->hard, BAR_CELLS * EIGHTHS);
	used = used < BAR_CELLS * EIGHTHS ? used : BAR_CELLS * EIGHTHS;
	all = all < BAR_CELLS * EIGHTHS ? all : BAR_CELLS * EIGHTHS;
	int cells = (used + EIGHTHS - 1) / EIGHTHS, shaded = (all + EIGHTHS - 1) / EIGHTHS - cells;
	put_times(out, "█", used / EIGHTHS);
	buf_text(out, eighths[used % EIGHTHS]);
	put_times(out, "▒", shaded);
	put_times(out, "░", BAR_CELLS - cells - shaded);
}

static void put_ascii(struct buf *out, const struct share *share)
{
	int used = parts(share->used, share->hard, BAR_CELLS);
	int all = parts(share->used + share->pending, share->hard, BAR_CELLS);
	used = used < BAR_CELLS ? used : BAR_CELLS;
	all = all < BAR_CELLS ? all : BAR_CELLS;
	buf_char(out, '[');
	put_times(out, "#", used);
	put_times(out, "+", all - used);
	put_times(out, ".", BAR_CELLS - all);
	buf_char(out, ']');
}

static const char *colour_of(const struct quota_document *item, int percent)
{
	return item->exceeded ? "\033[31m" : percent >= NEARLY_FULL ? "\033[33m" : "\033[32m";
}

static void put_bar(const struct table *table, const struct quota_document *item)
{
	struct share share = share_of(item);
	if (!share.known)
		return;
	int percent = parts(share.used + share.pending, share.hard, 100);
	if (table->style.colour)
		buf_text(table->out, colour_of(item, percent));
	if (table->style.blocks)
		put_blocks(table->out, &share);
	else
		put_ascii(table->out, &share);
	if (table->style.colour)
		buf_text(table->out, "\033[0m");
	buf_printf(table->out, " %3d%%%s", percent < 999 ? percent : 999, item->exceeded ? " EXCEEDED" : "");
}

/* --- Lines --- */

/* Ends a line and removes its trailing blanks. */
static void end_line(struct buf *out)
{
	while (!out->failed && out->len > 0 && out->ptr[out->len - 1] == ' ')
		out->len--;
	buf_char(out, '\n');
}

static void put_holders(const struct table *table, const struct quota_document *item)
{
	for (uint32_t i = 0; i < item->holder_count; i++) {
		const struct quota_holder *holder = &item->holders[i];
		buf_text(table->out, "    ");
		put_plain(table->out, holder->namespace);
		buf_text(table->out, " holds ");
		put_plain(table->out, holder->amount);
		buf_text(table->out, " (");
		put_plain(table->out, holder->pods);
		buf_text(table->out, str_eq(holder->pods, STR("1")) ? " Pod)\n" : " Pods)\n");
	}
	if (item->holder_count == QUOTA_HOLDERS_MAX)
		buf_text(table->out, "    and perhaps other namespaces, which hold less\n");
}

static void put_row(const struct table *table, const struct quota_document *item)
{
	for (int column = 0; column < COLUMNS; column++)
		put_cell(table, item, column);
	if (item)
		put_bar(table, item);
	end_line(table->out);
	if (item)
		put_holders(table, item);
}

static void measure(struct table *table, const struct quota_document *items, uint32_t count)
{
	for (int column = 0; column < COLUMNS; column++) {
		table->width[column] = strlen(columns[column].head);
		for (uint32_t i = 0; i < count; i++) {
			size_t len = cell(&items[i], column).len;
			table->width[column] = len > table->width[column] ? len : table->width[column];
		}
	}
}

/* --- Cohorts: their quotas of the same name lend to each other --- */

static bool is_member(const struct quota_document *item, const struct quota_document *of)
{
	return str_present(item->cohort) && str_eq(item->cohort, of->cohort) && str_eq(item->quota, of->quota);
}

/*
 * Appends the members of a cohort with a non-zero amount at offset `amount_at`, such as "team-a 2,
 * team-b 1". Returns how many there are.
 */
static uint32_t put_members(struct buf *out, const struct quota_document *items, uint32_t count,
			    const struct quota_document *of, size_t amount_at)
{
	uint32_t members = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct str amount = *(const struct str *)(const void *)((const char *)&items[i] + amount_at);
		if (!is_member(&items[i], of) || !is_some(amount))
			continue;
		buf_text(out, members++ ? ", " : "");
		put_plain(out, items[i].tenant);
		buf_char(out, ' ');
		put_plain(out, amount);
	}
	if (members == 0)
		buf_text(out, "nobody");
	return members;
}

/* Whether an item is the first of its cohort, so that each cohort is printed once. */
static bool is_first(const struct quota_document *items, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (is_member(&items[i], &items[at]))
			return false;
	return str_present(items[at].cohort);
}

static void put_cohorts(const struct quota_document *items, uint32_t count, struct buf *out)
{
	bool any = false;
	for (uint32_t i = 0; i < count; i++) {
		if (!is_first(items, i))
			continue;
		buf_text(out, any ? "" : "\n");
		any = true;
		buf_text(out, "Cohort ");
		put_plain(out, items[i].cohort);
		buf_text(out, ", quota ");
		put_plain(out, items[i].quota);
		buf_text(out, ": borrowed by ");
		put_members(out, items, count, &items[i], offsetof(struct quota_document, borrowed));
		buf_text(out, "; lent, or free to be borrowed, from ");
		put_members(out, items, count, &items[i], offsetof(struct quota_document, lendable));
		buf_char(out, '\n');
	}
}

/*
 * Amounts of different quotas cannot be added: their measures differ, and a parent's quota includes
 * its children's usage.
 */
static void put_sums(const struct quota_document *items, uint32_t count, struct buf *out)
{
	uint32_t tenants = 0, borrowing = 0, exceeded = quota_table_exceeded(items, count);
	for (uint32_t i = 0; i < count; i++) {
		tenants += i == 0 || !str_eq(items[i].tenant, items[i - 1].tenant);
		borrowing += is_some(items[i].borrowed);
	}
	buf_printf(out, "\n%u quota%s of %u tenant%s: %u exceeded, %u borrowing\n", count, count == 1 ? "" : "s",
		   tenants, tenants == 1 ? "" : "s", exceeded, borrowing);
}

void quota_table_print(const struct quota_document *items, uint32_t count, struct quota_style style, struct buf *out)
{
	struct table table = {.style = style, .out = out};
	measure(&table, items, count);
	put_row(&table, NULL);
	for (uint32_t i = 0; i < count; i++)
		put_row(&table, &items[i]);
	put_cohorts(items, count, out);
	put_sums(items, count, out);
}

/* --- JSON --- */

static void put_member(struct buf *out, const char *before, struct str text)
{
	buf_text(out, before);
	if (str_present(text))
		json_write_string(out, text);
	else
		buf_text(out, "null");
}

/*
 * Copies a number from the object as it is: quota_document_read has checked that it is a JSON
 * number.
 */
static void put_number(struct buf *out, const char *before, struct str number)
{
	buf_text(out, before);
	buf_str(out, number.len ? number : STR("0"));
}

static void put_item(struct buf *out, const struct quota_document *item)
{
	put_member(out, "  {\"tenant\": ", item->tenant);
	put_member(out, ", \"quota\": ", item->quota);
	put_member(out, ", \"measure\": ", item->measure);
	put_member(out, ", \"cohort\": ", item->cohort);
	put_member(out, ",\n   \"used\": ", item->used);
	put_member(out, ", \"pending\": ", item->pending);
	put_member(out, ", \"hard\": ", item->hard);
	put_member(out, ", \"borrowed\": ", item->borrowed);
	put_member(out, ", \"lendable\": ", item->lendable);
	buf_text(out, item->exceeded ? ", \"exceeded\": true" : ", \"exceeded\": false");
	put_member(out, ", \"podVersion\": ", item->pod_version);
	buf_text(out, ",\n   \"holders\": [");
	for (uint32_t i = 0; i < item->holder_count; i++) {
		const struct quota_holder *holder = &item->holders[i];
		put_member(out, i ? ", {\"namespace\": " : "{\"namespace\": ", holder->namespace);
		put_number(out, ", \"pods\": ", holder->pods);
		put_member(out, ", \"amount\": ", holder->amount);
		buf_char(out, '}');
	}
	buf_text(out, "]}");
}

void quota_table_json(const struct quota_document *items, uint32_t count, struct buf *out)
{
	buf_text(out, "{\"quotas\": [");
	for (uint32_t i = 0; i < count; i++) {
		buf_text(out, i ? ",\n" : "\n");
		put_item(out, &items[i]);
	}
	buf_printf(out, "],\n \"exceeded\": %u}\n", quota_table_exceeded(items, count));
}
