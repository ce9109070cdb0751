#include "policy/document/decode_keys.h"

#include <stdio.h>

#include "gpugate/suggest.h"

/*
 * Number of errors after which no suggestions are computed. Such errors are only counted, and a
 * malicious file can contain very many.
 */
#define SUGGEST_ERRORS_MAX 1000

const char *decode_join_keys(const struct schema_object *object, char *buffer, size_t size)
{
	size_t len = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < object->field_count && len < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == object->field_count ? " and " : ", ";
		int wrote = snprintf(buffer + len, size - len, "%s%.*s", before, STR_ARG(object->fields[i].key));
		len += wrote > 0 ? (size_t)wrote : 0;
	}
	return buffer;
}

const struct schema_field *decode_report_field(const struct schema_object *object, struct str key)
{
	for (size_t i = 0; i < object->field_count; i++) {
		struct str name = object->fields[i].key;
		if (object->any_case ? node_eq_any_case(name, key) : str_eq(name, key))
			return &object->fields[i];
	}
	return NULL;
}

static bool is_digits(struct str s)
{
	size_t i = 0;
	while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
		i++;
	return s.len > 0 && i == s.len;
}

/*
 * Whether a key in a flow map is really the fraction of a number written with a comma: {hard: 6,5}.
 */
static bool is_decimal_comma(const struct node *before, const struct node *key)
{
	return before && is_digits(key->text) && node_is_null(key->value) && before->value->type == NODE_SCALAR &&
	       before->value->plain && is_digits(before->value->text);
}

const struct schema_field *decode_unknown_key(struct decoder *decoder, const struct schema_object *object,
					      const struct node *before, const struct node *key)
{
	char keys[320];
	struct str near = {NULL, 0};

	if (is_decimal_comma(before, key)) {
		DECODE_REPORT(decoder, key->at, "a comma ends the value of \"%.*s\"; write %.*s.%.*s with a point",
			      SHOWN(before->text), SHOWN(before->value->text), SHOWN(key->text));
		return NULL;
	}

	const struct schema_field *spec = decode_report_field(object, STR("spec"));
	if (spec && decode_report_field(spec->object, key->text)) {
		DECODE_REPORT(decoder, key->at, "\"%.*s\" belongs below \"spec\"; indent it there", SHOWN(key->text));
		return spec;
	}
	if (decoder->report->errors < SUGGEST_ERRORS_MAX)
		near = suggest_word(key->text, &object->fields[0].key, object->field_count, sizeof object->fields[0]);
	if (str_present(near))
		DECODE_REPORT(decoder, key->at, "unknown key \"%.*s\"; did you mean \"%.*s\"?", SHOWN(key->text),
			      STR_ARG(near));
	else
		DECODE_REPORT(decoder, key->at, "unknown key \"%.*s\"; %s has the keys %s", SHOWN(key->text),
			      object->name, decode_join_keys(object, keys, sizeof keys));
	return str_present(near) ? decode_report_field(object, near) : NULL;
}

void decode_near_key(struct decoder *decoder, const struct schema_object *object, const struct node *key)
{
	struct str near =
	    suggest_word(key->text, &object->fields[0].key, object->field_count, sizeof object->fields[0]);

	if (str_present(near))
		docs_lint(decoder->report, decoder->docs, LINT_CONFIG_KEY_IGNORED, key->at,
			  "%s ignores the key \"%.*s\"; did you mean \"%.*s\"?", object->foreign, SHOWN(key->text),
			  STR_ARG(near));
}
