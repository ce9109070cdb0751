#include "policy/document/decode_value.h"

#include <stdio.h>
#include <strings.h>

#include "gpugate/suggest.h"
#include "policy/document/yaml_1_1.h"

/* Writes the words to `buffer`, as in "deny, warn or audit", and returns it. Cuts none in two. */
static const char *join_words(const struct schema_word *words, size_t count, char *buffer, size_t size)
{
	size_t len = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < count && len < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";
		int wrote = snprintf(buffer + len, size - len, "%s%.*s", before, STR_ARG(words[i].word));
		if (wrote < 0 || (size_t)wrote >= size - len) {
			buffer[len] = '\0';
			break;
		}
		len += (size_t)wrote;
	}
	return buffer;
}

void decode_wrong_type(const struct decode_task *task, const struct node *node, const char *expected)
{
	struct str key = task->field->key;
	char words[80];

	if (node->bad)
		return;
	if (node_is_null(node) && node == task->key->value)
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" has no value; expected %s%s", STR_ARG(key), expected,
			      task->field->flags & FIELD_REQUIRED ? "" : ", or remove the key");
	else
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\": expected %s, found %s", STR_ARG(key), expected,
			      node_describe(node, words, sizeof words));
}

bool decode_read_text(const struct decode_task *task, const struct node *node, enum text_form form, struct text *out)
{
	char words[80];

	if (node->bad)
		return false;
	if (node->type != NODE_SCALAR || (node_is_null(node) && node == task->key->value)) {
		decode_wrong_type(task, node, "a string");
		return false;
	}
	if (node_needs_quotes(node)) {
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\": expected a string, found %s; quote it: \"%.*s\"",
			      STR_ARG(task->field->key), node_describe(node, words, sizeof words), SHOWN(node->text));
		return false;
	}
	if (!schema_form_fits(form, node->text)) {
		const char *meant = schema_form_meant(form, node->text, words, sizeof words);
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" is not %s%s%s%s", SHOWN(node->text),
			      schema_forms[form].words, meant ? "; did you mean \"" : "", meant ? meant : "",
			      meant ? "\"?" : "");
		return false;
	}
	*out = (struct text){node->text, node->at};
	return true;
}

void decode_text(const struct decode_task *task)
{
	decode_read_text(task, task->key->value, task->field->form, decode_slot(task));
}

/*
 * Returns "true" or "false" for a word that some YAML parsers or users take for that boolean, or
 * NULL.
 */
static const char *flag_meant(struct str text)
{
	static const char *const words[][2] = {{"true", "true"}, {"yes", "true"},    {"y", "true"},   {"on", "true"},
					       {"1", "true"},    {"false", "false"}, {"no", "false"}, {"n", "false"},
					       {"off", "false"}, {"0", "false"}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (text.len == strlen(words[i][0]) && strncasecmp(text.ptr, words[i][0], text.len) == 0)
			return words[i][1];
	}
	return NULL;
}

void decode_flag(const struct decode_task *task)
{
	const struct node *node = task->key->value;
	struct flag *flag = decode_slot(task);
	bool yes = str_eq(node->text, STR("true")), no = str_eq(node->text, STR("false"));

	if (task->field->flags & FIELD_YAML_1_1 && node->plain)
		no = !(yes = yaml_1_1_flag(node->text, true)) && yaml_1_1_flag(node->text, false);
	const char *meant = node->type == NODE_SCALAR ? flag_meant(node->text) : NULL;
	if (meant && !(node->plain && (yes || no)) && !node->bad)
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" must be true or false, found \"%.*s\"; write %s%s",
			      STR_ARG(task->field->key), SHOWN(node->text), meant,
			      node->plain ? "" : " without quotes");
	else if (!meant)
		decode_wrong_type(task, node, "true or false");
	else
		*flag = (struct flag){.value = yes, .set = true, .at = node->at};
}

bool decode_parse_number(struct str s, int64_t *out)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t value = 0;

	if (s.len > 0 && (negative || s.ptr[0] == '+'))
		s = str_tail(s, 1);
	if (s.len == 0 || (s.ptr[0] == '0' && s.len > 1))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (value < INT64_MAX / 100)
			value = value * 10 + (s.ptr[i] - '0');
	}
	*out = negative ? -value : value;
	return true;
}

static bool read_number(const struct schema_field *field, struct str text, int64_t *value)
{
	return field->flags & FIELD_YAML_1_1 ? yaml_1_1_number(text, value) : decode_parse_number(text, value);
}

void decode_number(const struct decode_task *task)
{
	const struct schema_field *field = task->field;
	const struct node *node = task->key->value;
	struct number *number = decode_slot(task);
	const char *word = field->word_count ? field->words[0].word.ptr : "";
	char expected[64];
	int64_t value;

	snprintf(expected, sizeof expected, "a whole number%s%s", *word ? " or the word " : "", word);
	if (node->type != NODE_SCALAR || node_is_null(node) || node->bad) {
		decode_wrong_type(task, node, expected);
	} else if (*word && decode_report_word(field, node->text) >= 0) {
		*number = (struct number){.word = true, .set = true, .at = node->at};
	} else if (!node->plain && read_number(field, node->text, &value)) {
		DECODE_REPORT(task->decoder, node->at,
			      "\"%.*s\": expected a whole number, found a string; remove the quotes",
			      STR_ARG(field->key));
	} else if (!read_number(field, node->text, &value)) {
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" must be %s, found \"%.*s\"", STR_ARG(field->key),
			      expected, SHOWN(node->text));
	} else if (value < field->min || value > field->max) {
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" must be %lld to %lld, found %.*s", STR_ARG(field->key),
			      (long long)field->min, (long long)field->max, SHOWN(node->text));
	} else {
		*number = (struct number){.value = value, .set = true, .at = node->at};
	}
}

void decode_amount(const struct decode_task *task)
{
	const struct schema_field *field = task->field;
	const struct node *node = task->key->value;
	struct amount *amount = decode_slot(task);
	struct quantity quantity = {0};
	bool may_be_word = field->flags & FIELD_UNLIMITED;
	static const struct str word = {"unlimited", sizeof "unlimited" - 1};

	if (node->type != NODE_SCALAR || node_is_null(node) || node->bad) {
		decode_wrong_type(task, node, "a quantity such as 4, 6.5 or 320Gi");
		return;
	}
	if (may_be_word && str_eq(node->text, word)) {
		*amount = (struct amount){.text = node->text, .unlimited = true, .set = true, .at = node->at};
		return;
	}
	enum quantity_result result = quantity_parse(node->text, &quantity);
	char advice[80], number[32];
	if (may_be_word && str_present(suggest_word(node->text, &word, 1, sizeof word)))
		snprintf(advice, sizeof advice, "did you mean \"unlimited\"?");
	else if (result == QUANTITY_SYNTAX && quantity_meant(node->text, number, sizeof number))
		snprintf(advice, sizeof advice, "did you mean %s?", number);
	else
		snprintf(advice, sizeof advice, "write a number such as 4, 6.5 or 320Gi%s",
			 may_be_word ? ", or unlimited" : "");
	if (result != QUANTITY_OK)
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\": \"%.*s\" %s; %s", STR_ARG(field->key),
			      SHOWN(node->text), quantity_problem(result), advice);
	else if (quantity.nano < 0 || (quantity.nano == 0 && field->flags & FIELD_POSITIVE))
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" must be %s, found %.*s", STR_ARG(field->key),
			      field->flags & FIELD_POSITIVE ? "above 0" : "0 or more", SHOWN(node->text));
	else
		*amount = (struct amount){.value = quantity, .text = node->text, .set = true, .at = node->at};
}

int decode_report_word(const struct schema_field *field, struct str text)
{
	for (size_t i = 0; i < field->word_count; i++) {
		if (str_eq(field->words[i].word, text))
			return field->words[i].value;
	}
	return -1;
}

/* The word that begins like this kind, as pytorchjobs.kubeflow.org for PyTorchJob. */
static struct str word_of_kind(const struct schema_field *field, struct str kind)
{
	for (size_t i = 0; kind.len && i < field->word_count; i++) {
		struct str word = field->words[i].word, rest = str_tail(word, kind.len);
		if (strncasecmp(word.ptr, kind.ptr, kind.len < word.len ? kind.len : word.len) == 0 &&
		    (str_starts(rest, STR(".")) || str_starts(rest, STR("s."))))
			return word;
	}
	return (struct str){NULL, 0};
}

void decode_read_choice(const struct decode_task *task, const struct node *node, struct choice *out)
{
	const struct schema_field *field = task->field;
	char words[640], expected[660];
	int found = node->type == NODE_SCALAR ? decode_report_word(field, node->text) : -1;

	join_words(field->words, field->word_count, words, sizeof words);
	if (node->type != NODE_SCALAR || node_is_null(node) || node->bad) {
		snprintf(expected, sizeof expected, "one of %s", words);
		decode_wrong_type(task, node, expected);
		return;
	}
	if (found >= 0) {
		*out = (struct choice){.value = found, .set = true, .at = node->at};
		return;
	}
	struct str near = suggest_word(node->text, &field->words[0].word, field->word_count, sizeof field->words[0]);
	struct str of_kind = word_of_kind(field, node->text);
	if (str_present(of_kind))
		near = of_kind;
	if (str_present(near))
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" cannot be \"%.*s\"; did you mean \"%.*s\"?",
			      STR_ARG(field->key), SHOWN(node->text), STR_ARG(near));
	else
		DECODE_REPORT(task->decoder, node->at, "\"%.*s\" cannot be \"%.*s\"; use %s%s%s", STR_ARG(field->key),
			      SHOWN(node->text), words, field->otherwise ? "; " : "",
			      field->otherwise ? field->otherwise : "");
}

void decode_choice(const struct decode_task *task)
{
	decode_read_choice(task, task->key->value, decode_slot(task));
}
