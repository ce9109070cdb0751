/* formats: the rules are those of Kubernetes (apimachinery's validation package). */
#include "policy/document/formats.h"

#include <stdio.h>

#include "gpugate/field_path.h"
#include "gpugate/known.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool only(struct str s, const char *allowed)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\0' || !strchr(allowed, s.ptr[i]))
			return false;
	}
	return true;
}

static bool is_alphanumeric(char c)
{
	return c != '\0' && strchr(LOWER UPPER DIGITS, c);
}

/*
 * RFC 1123: labels of lowercase letters, digits and '-', joined by dots. No label begins or ends
 * with '-'.
 */
static bool is_subdomain(struct str s)
{
	if (s.len == 0 || s.len > 253 || !only(s, LOWER DIGITS "-."))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool first = i == 0 || s.ptr[i - 1] == '.';
		bool last = i + 1 == s.len || s.ptr[i + 1] == '.';
		if (s.ptr[i] == '.' ? first || last : (first || last) && s.ptr[i] == '-')
			return false;
	}
	return true;
}

/* Whether `s` is the name part of a qualified name, or a nonempty label value. */
static bool is_label_word(struct str s)
{
	return s.len > 0 && s.len <= 63 && only(s, LOWER UPPER DIGITS "-_.") && is_alphanumeric(s.ptr[0]) &&
	       is_alphanumeric(s.ptr[s.len - 1]);
}

static bool is_qualified(struct str s)
{
	const char *slash = s.len ? memchr(s.ptr, '/', s.len) : NULL;

	if (!slash)
		return is_label_word(s);
	size_t prefix = (size_t)(slash - s.ptr);
	return is_subdomain((struct str){s.ptr, prefix}) && is_label_word(str_tail(s, prefix + 1));
}

static bool is_memory_source(struct str s)
{
	if (str_starts(s, STR("annotation:")))
		return is_qualified(str_tail(s, sizeof "annotation:" - 1));
	return str_starts(s, STR("label:")) && is_qualified(str_tail(s, sizeof "label:" - 1));
}

static bool is_profile(struct str s)
{
	return s.len > 0 && s.len <= 63 && is_alphanumeric(s.ptr[0]) && only(s, LOWER DIGITS ".+-");
}

static bool is_user_glob(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return false;
	}
	return s.len > 0 && s.len <= 1024;
}

static bool is_host_path(struct str s)
{
	if (s.len == 0 || s.len > 4096 || s.ptr[0] != '/')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		struct str rest = {s.ptr + i, s.len - i};
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f || s.ptr[i] == '*' || s.ptr[i] == '?' ||
		    str_starts(rest, STR("/../")) || str_eq(rest, STR("/..")))
			return false;
	}
	return true;
}

/* Whether the path is relative, has no hidden or empty component, and ends in .yaml or .yml. */
static bool is_config_path(struct str path)
{
	size_t begin = 0;

	for (size_t i = 0; i <= path.len; i++) {
		struct str component = {path.ptr + begin, i - begin};
		if (i < path.len && path.ptr[i] != '/')
			continue;
		if (component.len == 0 || (component.ptr[0] == '.' && !str_eq(component, STR(".."))))
			return false;
		begin = i + 1;
	}
	return str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml"));
}

static bool is_config_file(struct str s)
{
	const char *mark = s.len ? memchr(s.ptr, '#', s.len) : NULL;
	size_t path = mark ? (size_t)(mark - s.ptr) : s.len;

	if (s.len > 1024 || (mark && path + 1 == s.len))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return false;
	}
	return is_config_path((struct str){s.ptr, path});
}

static bool is_kind(struct str s)
{
	return s.len > 0 && s.len <= 63 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && only(s, LOWER UPPER DIGITS);
}

/* A key of an object, or "*", which is any. After a key, "[]" is each item of its list. */
static bool is_path_step(struct str step)
{
	if (str_eq(step, STR("*")))
		return true;
	if (str_ends(step, STR("[]")))
		step.len -= 2;
	return step.len > 0 && step.len <= 63 && is_alphanumeric(step.ptr[0]) && only(step, LOWER UPPER DIGITS "_-");
}

static bool is_field_path(struct str s)
{
	unsigned steps = 0, wild = 0;
	size_t begin = 0;
	if (s.len == 0 || s.len > FIELD_PATH_BYTES_MAX || s.ptr[0] == '*')
		return false;
	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.ptr[i] != '.')
			continue;
		struct str step = {s.ptr + begin, i - begin};
		if (!is_path_step(step))
			return false;
		steps++;
		wild += str_ends(step, STR("*")) || str_ends(step, STR("[]"));
		begin = i + 1;
	}
	return steps <= FIELD_PATH_STEPS_MAX && wild <= FIELD_PATH_WILD_MAX;
}

/* The last key of a path. */
static struct str last_key(struct str path)
{
	size_t begin = path.len;
	while (begin > 0 && path.ptr[begin - 1] != '.')
		begin--;
	return str_tail(path, begin);
}

/* How many bytes at the end are digits. */
static size_t digits_at_end(struct str s)
{
	size_t count = 0;
	while (count < s.len && only((struct str){s.ptr + s.len - count - 1, 1}, DIGITS))
		count++;
	return count;
}

/*
 * A field path, and maybe " - " and a number of one or two digits. It is no number itself, and does
 * not end in "-1", which would be a part of the key.
 */
static bool is_count_path(struct str s)
{
	const char *blank = s.len ? memchr(s.ptr, ' ', s.len) : NULL;
	struct str path = {s.ptr, blank ? (size_t)(blank - s.ptr) : s.len}, rest = str_tail(s, path.len);
	bool less = str_starts(rest, STR(" - ")) && rest.len > 3 && rest.len <= 5 && only(str_tail(rest, 3), DIGITS);
	if ((rest.len && !less) || !is_field_path(path) || strchr(DIGITS, s.ptr[0]))
		return false;
	struct str key = last_key(path);
	size_t digits = digits_at_end(key);
	return digits == 0 || digits == key.len || key.ptr[key.len - digits - 1] != '-';
}

bool schema_form_fits(enum text_form form, struct str text)
{
	switch (form) {
	case FORM_NAME:
		return is_subdomain(text);
	case FORM_LABEL_KEY:
		return is_qualified(text);
	case FORM_LABEL_VALUE:
		return text.len == 0 || is_label_word(text);
	case FORM_ANNOTATION_VALUE:
		return text.len <= 4096;
	case FORM_RESOURCE_GLOB:
		return text.len > 0 && text.len <= 317 && only(text, LOWER UPPER DIGITS "-_./*?");
	case FORM_NAME_GLOB:
		return text.len > 0 && text.len <= 253 && only(text, LOWER DIGITS "-.*?");
	case FORM_NAMESPACE_GLOB:
		return text.len > 0 && text.len <= 63 && only(text, LOWER DIGITS "-*?");
	case FORM_USER_GLOB:
		return is_user_glob(text);
	case FORM_MEMORY_SOURCE:
		return is_memory_source(text);
	case FORM_PROFILE:
		return is_profile(text);
	case FORM_HOST_PATH:
		return is_host_path(text);
	case FORM_CONFIG_FILE:
		return is_config_file(text);
	case FORM_KIND:
		return is_kind(text);
	case FORM_FIELD_PATH:
		return is_field_path(text);
	case FORM_COUNT_PATH:
		return is_count_path(text);
	}
	return false;
}

#define SUBDOMAIN_PATTERN "[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
#define WORD_PATTERN "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
#define QUALIFIED_PATTERN "(" SUBDOMAIN_PATTERN "/)?" WORD_PATTERN
#define PREFIX_PATTERN "([^/]{1,253}/)?[^/]+"
/*
 * A component of a path, but not "..": it is empty, or begins with no dot, with a single dot, or
 * with two dots and something else. `first` is the class of characters without the dot.
 */
#define COMPONENT_PATTERN(first, next) "(" first next "*|\\.(" first next "*)?|\\.\\." next "+)?"

/* A component of the path of a configuration file: it does not begin with a dot. */
#define FILE_PATTERN "[^./#\\x00-\\x1f\\x7f][^/#\\x00-\\x1f\\x7f]*"

#define PATH_KEY_AFTER_FIRST "[A-Za-z0-9_-]{0,62}(\\[\\])?"
#define PATH_AFTER_FIRST PATH_KEY_AFTER_FIRST "(\\.([A-Za-z0-9]" PATH_KEY_AFTER_FIRST "|\\*)){0,15}"
#define PATH_PATTERN "[A-Za-z0-9]" PATH_AFTER_FIRST
#define PATH_WILD(most) "[^*\\[]*([*\\[][^*\\[]*){0," most "}"
#define PATH_WILD_PATTERN PATH_WILD("3")
#define COUNT_END "([^0-9*\\[ ]|[^0-9*\\[ -][0-9]+)" /* Not "-1". */

const struct schema_form schema_forms[FORMS] = {
    [FORM_NAME] = {.name = "name",
		   .plural = "names",
		   .words = "a name: lower-case letters, digits, \"-\" and \".\", beginning and ending with a letter "
			    "or digit, at most 253 characters",
		   .pattern = "^" SUBDOMAIN_PATTERN "$",
		   .max = 253},
    [FORM_LABEL_KEY] = {.name = "qualified name",
			.plural = "qualified names",
			.words = "a qualified name such as nvidia.com/gpu: an optional lower-case domain and \"/\", "
				 "then at most 63 letters, digits, \"-\", \"_\" and \".\", beginning and ending with "
				 "a letter or digit",
			.pattern = "^" QUALIFIED_PATTERN "$",
			.parts = "^" PREFIX_PATTERN "$",
			.max = 253 + 1 + 63},
    [FORM_LABEL_VALUE] = {.name = "label value",
			  .plural = "label values",
			  .words = "a label value: empty, or at most 63 letters, digits, \"-\", \"_\" and \".\", "
				   "beginning and ending with a letter or digit",
			  .pattern = "^(" WORD_PATTERN ")?$",
			  .max = 63},
    [FORM_ANNOTATION_VALUE] = {.name = "annotation value",
			       .plural = "annotation values",
			       .words = "any text of at most 4096 bytes",
			       .max = 4096},
    [FORM_RESOURCE_GLOB] = {.name = "resource pattern",
			    .plural = "resource patterns",
			    .words = "a resource name such as nvidia.com/gpu, in which \"*\" and \"?\" are wildcards",
			    .pattern = "^[A-Za-z0-9_./*?-]+$",
			    .max = 317},
    [FORM_NAME_GLOB] = {.name = "name pattern",
			.plural = "name patterns",
			.words = "a name: at most 253 lower-case letters, digits, \"-\" and \".\", in which \"*\" and "
				 "\"?\" are wildcards",
			.pattern = "^[a-z0-9.*?-]+$",
			.max = 253},
    [FORM_NAMESPACE_GLOB] = {.name = "namespace pattern",
			     .plural = "namespace patterns",
			     .words = "a namespace name: at most 63 lower-case letters, digits and \"-\", in which "
				      "\"*\" and \"?\" are wildcards",
			     .pattern = "^[a-z0-9*?-]+$",
			     .max = 63},
    [FORM_USER_GLOB] = {.name = "user pattern",
			.plural = "user patterns",
			.words = "a user or group name of at most 1024 characters, in which \"*\" and \"?\" are "
				 "wildcards",
			.pattern = "^[^\\x00-\\x1f\\x7f]+$",
			.max = 1024},
    [FORM_MEMORY_SOURCE] = {.name = "memory source",
			    .plural = "memory sources",
			    .words = "annotation:KEY or label:KEY, such as annotation:gpugate.io/gpu-memory",
			    .pattern = "^(annotation|label):" QUALIFIED_PATTERN "$",
			    .parts = "^(annotation|label):" PREFIX_PATTERN "$",
			    .max = sizeof "annotation:" - 1 + 253 + 1 + 63},
    [FORM_PROFILE] = {.name = "profile name",
		      .plural = "profile names",
		      .words = "a MIG profile such as 1g.10gb or 1g.10gb+me",
		      .pattern = "^[a-z0-9][a-z0-9.+-]*$",
		      .max = 63},
    [FORM_HOST_PATH] = {.name = "host path",
			.plural = "host paths",
			.words = "a host path: an absolute path such as /var/log, without \"..\" and wildcards; what "
				 "lies below it is meant as well",
			.pattern = "^(/" COMPONENT_PATTERN("[^./*?\\x00-\\x1f\\x7f]", "[^/*?\\x00-\\x1f\\x7f]") ")+$",
			.max = 4096},
    [FORM_CONFIG_FILE] = {.name = "file name",
			  .plural = "file names",
			  .words =
			      "the path of a .yaml or .yml file, relative to this one, such as nvidia/config.yaml, "
			      "and maybe \"#\" and a name in it; names that begin with a dot are not read",
			  .pattern = "^((\\.\\.|" FILE_PATTERN ")/)*" FILE_PATTERN "\\.ya?ml(#[^\\x00-\\x1f\\x7f]+)?$",
			  .max = 1024},
    [FORM_KIND] = {.name = "kind of object",
		   .plural = "kinds of objects",
		   .words = "a kind such as PyTorchJob: at most 63 letters and digits, beginning with a capital letter",
		   .pattern = "^[A-Z][A-Za-z0-9]*$",
		   .max = 63},
    [FORM_FIELD_PATH] = {.name = "field path",
			 .plural = "field paths",
			 .words = "a path such as spec.tasks[].template: at most 16 keys joined by dots, of which at "
				  "most 3 are \"*\" (any key) or end in \"[]\" (each item of the list)",
			 .pattern = "^" PATH_PATTERN "$",
			 .parts = "^" PATH_WILD_PATTERN "$",
			 .max = FIELD_PATH_BYTES_MAX},
    [FORM_COUNT_PATH] = {.name = "path of a number",
			 .plural = "paths of numbers",
			 .words = "a field path such as spec.tasks[].replicas, and maybe \" - 1\" behind it",
			 .pattern = "^[A-Za-z]" PATH_AFTER_FIRST "( - [0-9]{1,2})?$",
			 .parts = "^(" PATH_WILD_PATTERN COUNT_END "|" PATH_WILD("2") "\\*)( - [0-9]{1,2})?$",
			 .max = FIELD_PATH_BYTES_MAX + 5},
};

#define SUFFIX_PATTERN "(n|u|m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?[0-9]+)?"
#define ZERO_PATTERN "(0+\\.?0*|\\.0+)"

const struct schema_form schema_quantity = {
    .name = "quantity",
    .plural = "quantities",
    .words = "a quantity as in Kubernetes, such as 4, 6.5 or 320Gi, of 0 or more",
    .pattern = "^(\\+?([0-9]+\\.?[0-9]*|\\.[0-9]+)|-" ZERO_PATTERN ")" SUFFIX_PATTERN "$"};

const struct schema_form schema_positive_quantity = {
    .name = "positive quantity",
    .plural = "positive quantities",
    .words = "a quantity as in Kubernetes, such as 4, 6.5 or 320Gi, above 0",
    .pattern = "^\\+?([0-9]*[1-9][0-9]*\\.?[0-9]*|[0-9]*\\.[0-9]*[1-9][0-9]*)" SUFFIX_PATTERN "$"};

/* "spec.size - 1" for "spec.size-1". */
static const char *count_path_meant(struct str text, char *buffer, size_t size)
{
	struct str less = str_tail(text, text.len - digits_at_end(text)), path = {text.ptr, text.len - less.len};
	while (path.len && path.ptr[path.len - 1] == ' ')
		path.len--;
	if (less.len == 0 || path.len == 0 || path.ptr[path.len - 1] != '-')
		return NULL;
	path.len--;
	while (path.len && path.ptr[path.len - 1] == ' ')
		path.len--;
	int len = snprintf(buffer, size, "%.*s - %.*s", STR_ARG(path), STR_ARG(less));
	bool whole = len > 0 && (size_t)len < size;
	return whole && schema_form_fits(FORM_COUNT_PATH, (struct str){buffer, (size_t)len}) ? buffer : NULL;
}

const char *schema_form_meant(enum text_form form, struct str text, char *buffer, size_t size)
{
	static const struct str resource = {"nvidia.com/mig-", sizeof "nvidia.com/mig-" - 1};

	if (form == FORM_COUNT_PATH)
		return count_path_meant(text, buffer, size);
	bool lower = form == FORM_NAME || form == FORM_NAME_GLOB || form == FORM_NAMESPACE_GLOB || form == FORM_PROFILE;
	if (!lower && form != FORM_LABEL_VALUE)
		return NULL;
	if (form == FORM_PROFILE && str_starts(text, resource))
		text = str_tail(text, resource.len);
	if (text.len == 0 || text.len >= size)
		return NULL;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (lower && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		buffer[i] = c == ' ' || (lower && c == '_') ? '-' : c;
	}
	buffer[text.len] = '\0';
	return schema_form_fits(form, (struct str){buffer, text.len}) ? buffer : NULL;
}

bool known_is_name(struct str text)
{
	return schema_form_fits(FORM_NAME, text);
}

bool known_is_namespace(struct str text)
{
	return text.len <= 63 && !str_has_char(text, '.') && is_subdomain(text);
}

bool known_is_key(struct str text)
{
	return schema_form_fits(FORM_LABEL_KEY, text);
}

bool known_is_label_value(struct str text)
{
	return schema_form_fits(FORM_LABEL_VALUE, text);
}
