#include "webhook/cli/options.h"

#include <errno.h>

#include "gpugate/suggest.h"

const char *const option_outputs[] = {[OPTION_OUTPUT_TEXT] = "text", [OPTION_OUTPUT_JSON] = "json", NULL};

static void *value_of(const struct option_row *row, void *values)
{
	return (char *)values + row->offset;
}

static int append(struct option_list *list, const char *item, struct error *err)
{
	const char **items = reallocarray(list->items, list->count + 1, sizeof *items);
	if (!items)
		return error_set(err, "not enough memory for the options");
	items[list->count] = item;
	list->items = items;
	list->count++;
	return 0;
}

static int read_number(const struct option_row *row, const char *text, long *number, struct error *err)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	bool digits = *text == '-' || (*text >= '0' && *text <= '9');
	if (!digits || *end != '\0' || errno != 0 || value < row->min || value > row->max)
		return error_set(err, "%s %s: give a whole number from %ld to %ld", row->name, text, row->min,
				 row->max);
	*number = value;
	return 0;
}

static void list_choices(const struct option_row *row, const char *between, struct buf *out)
{
	for (size_t i = 0; row->choices[i]; i++)
		buf_printf(out, "%s%s", i ? between : "", row->choices[i]);
}

static int read_choice(const struct option_row *row, const char *text, int *choice, struct error *err)
{
	for (int i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], text) == 0) {
			*choice = i;
			return 0;
		}
	}
	struct buf choices;
	buf_init(&choices, 1024);
	list_choices(row, ", ", &choices);
	error_set(err, "%s %s: give one of: %.*s", row->name, text, STR_ARG(buf_view(&choices)));
	buf_release(&choices);
	return -1;
}

static int set(const struct option_row *row, const char *text, void *values, struct error *err)
{
	void *value = value_of(row, values);
	switch (row->type) {
	case OPTION_STRING:
		*(const char **)value = text;
		return 0;
	case OPTION_LIST:
		return append(value, text, err);
	case OPTION_NUMBER:
		return read_number(row, text, value, err);
	case OPTION_FLAG:
		*(bool *)value = true;
		return 0;
	case OPTION_CHOICE:
		return read_choice(row, text, value, err);
	}
	return -1;
}

static const struct option_row *find(const struct option_table *table, const char *name, size_t len)
{
	for (size_t i = 0; i < table->count; i++)
		if (strlen(table->rows[i].name) == len && memcmp(table->rows[i].name, name, len) == 0)
			return &table->rows[i];
	return NULL;
}

static int unknown(const struct option_table *table, const char *argument, size_t len, struct error *err)
{
	static const char *const help = "--help";
	char name[64];
	snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), argument);
	/*
	 * Every one-letter option is within edit distance of every other, so suggest none for "-x".
	 */
	const char *near = table->count && strlen(name) > 2
			       ? suggest_argument(name, &table->rows->name, table->count, sizeof *table->rows)
			       : NULL;
	if (!near && strcmp(name, "--output") == 0 && find(table, "-o", 2))
		near = "-o";
	if (!near && suggest_argument(name, &help, 1, sizeof help))
		near = help;
	if (near)
		return error_set(err, "unknown option %s; did you mean %s?", name, near);
	return error_set(err, "unknown option %s", name);
}

/*
 * Reads the option at argv[*at] and its argument. Advances *at past a separate argument. given[i]
 * records that row i occurred.
 */
static int read_option(const struct option_table *table, int argc, char **argv, int *at, void *values, bool *given,
		       struct error *err)
{
	const char *argument = argv[*at];
	size_t len = strcspn(argument, "=");
	const char *text = argument[len] == '=' ? argument + len + 1 : NULL;
	const struct option_row *row = find(table, argument, len);
	if (!row)
		return unknown(table, argument, len, err);
	if (row->type == OPTION_FLAG && text)
		return error_set(err, "%s takes no argument", row->name);
	if (row->type != OPTION_FLAG && !text) {
		if (*at + 1 >= argc)
			return error_set(err, "%s needs an argument%s%s", row->name, row->word ? ": " : "",
					 row->word ? row->word : "");
		text = argv[++*at];
	}
	if (row->type != OPTION_FLAG && *text == '\0')
		return error_set(err, "%s: its argument is empty", row->name);
	if (row->type != OPTION_LIST && given[row - table->rows])
		return error_set(err, "%s is given twice; give it once", row->name);
	given[row - table->rows] = true;
	return set(row, text, values, err);
}

/*
 * Guesses the option that an unexpected argument was meant for: the first missing required option,
 * else the table's first row if it takes a DIR. Other optional rows do not qualify, because `quota
 * team-a` does not mean a kubeconfig file. Returns NULL if no row qualifies.
 */
static const struct option_row *find_meant(const struct option_table *table, const bool *given)
{
	const struct option_row *first = NULL;
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		if (given[i] || (row->type != OPTION_STRING && row->type != OPTION_LIST))
			continue;
		if (row->required)
			return row;
		if (i == 0 && row->word && strcmp(row->word, "DIR") == 0)
			first = row;
	}
	return first;
}

static int refuse_operand(const struct option_table *table, const char *argument, const bool *given, struct error *err)
{
	char name[64];
	snprintf(name, sizeof name, "--%.60s", argument);
	const struct option_row *same = find(table, name, strlen(name)), *meant = find_meant(table, given);
	if (same)
		return error_set(err, "unexpected argument \"%s\"; did you mean %s?", argument, name);
	if (meant)
		return error_set(err, "unexpected argument \"%s\"; did you mean %s %s?", argument, meant->name,
				 argument);
	return error_set(err, "unexpected argument \"%s\"; all arguments of this command are options", argument);
}

static int read_operand(const struct option_table *table, const char *argument, void *values, const bool *given,
			struct error *err)
{
	if (!table->operands)
		return refuse_operand(table, argument, given, err);
	return append((struct option_list *)(void *)((char *)values + table->operands_offset), argument, err);
}

static int set_fallbacks(const struct option_table *table, void *values, struct error *err)
{
	if (table->values_size > 0)
		memset(values, 0, table->values_size);
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].fallback && set(&table->rows[i], table->rows[i].fallback, values, err) < 0)
			return -1;
	return 0;
}

static int check_given(const struct option_table *table, void *values, const bool *given, struct error *err)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].required && !given[i])
			return error_set(err, "%s is missing; give %s %s", table->rows[i].name, table->rows[i].name,
					 table->rows[i].word ? table->rows[i].word : "");
	if (!table->operands)
		return 0;
	const struct option_list *list = (const void *)((const char *)values + table->operands_offset);
	if (list->count < table->operands_min)
		return error_set(err, "give at least %zu %s", table->operands_min, table->operands);
	return 0;
}

static enum options_result read_all(const struct option_table *table, int argc, char **argv, void *values, bool *given,
				    struct error *err)
{
	if (set_fallbacks(table, values, err) < 0)
		return OPTIONS_FAILED;
	bool options = true;
	for (int i = 1; i < argc; i++) {
		const char *argument = argv[i];
		int result;
		if (options && strcmp(argument, "--") == 0) {
			options = false;
			continue;
		}
		if (options && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0))
			return OPTIONS_HELP;
		if (options && argument[0] == '-' && argument[1] != '\0')
			result = read_option(table, argc, argv, &i, values, given, err);
		else
			result = read_operand(table, argument, values, given, err);
		if (result < 0)
			return OPTIONS_FAILED;
	}
	return check_given(table, values, given, err) < 0 ? OPTIONS_FAILED : OPTIONS_READ;
}

enum options_result options_read(const struct option_table *table, int argc, char **argv, void *values,
				 struct error *err)
{
	bool *given = calloc(table->count + 1, sizeof *given);
	if (!given) {
		error_set(err, "not enough memory for the options");
		return OPTIONS_FAILED;
	}
	enum options_result result = read_all(table, argc, argv, values, given, err);
	if (result != OPTIONS_READ)
		options_release(table, values);
	free(given);
	return result;
}

static void release_list(struct option_list *list)
{
	free(list->items);
	*list = (struct option_list){NULL, 0};
}

void options_release(const struct option_table *table, void *values)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].type == OPTION_LIST)
			release_list(value_of(&table->rows[i], values));
	if (table->operands)
		release_list((void *)((char *)values + table->operands_offset));
}

int options_print(struct buf *out)
{
	bool written = !out->failed && fwrite(out->ptr, 1, out->len, stdout) == out->len;
	buf_release(out);
	return written ? EXIT_FINE : EXIT_FAILED;
}

int options_fail(const struct option_table *table, const struct error *err)
{
	const char *blank = *table->command ? " " : "";
	fprintf(stderr, "gpugate%s%s: %s\nTry `gpugate%s%s --help`.\n", blank, table->command, err->text, blank,
		table->command);
	return EXIT_FAILED;
}

int options_start(const struct option_table *table, int argc, char **argv, void *values)
{
	struct error err = {0};
	enum options_result result = options_read(table, argc, argv, values, &err);
	if (result == OPTIONS_READ)
		return -1;
	if (result == OPTIONS_FAILED)
		return options_fail(table, &err);
	struct buf help;
	buf_init(&help, 64 << 10);
	options_help(table, &help);
	return options_print(&help);
}
