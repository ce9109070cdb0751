/* formats: the rules are those of Kubernetes (apimachinery's validation package). */
#include "policy/document/formats.h"

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
	}
	return false;
}

const char *schema_form_words(enum text_form form)
{
	switch (form) {
	case FORM_NAME:
		return "a name: lower-case letters, digits, \"-\" and \".\", beginning and ending with a letter or "
		       "digit, "
		       "at most 253 characters";
	case FORM_LABEL_KEY:
		return "a qualified name such as nvidia.com/gpu: an optional lower-case domain and \"/\", then at most "
		       "63 "
		       "letters, digits, \"-\", \"_\" and \".\", beginning and ending with a letter or digit";
	case FORM_LABEL_VALUE:
		return "a label value: empty, or at most 63 letters, digits, \"-\", \"_\" and \".\", beginning and "
		       "ending with a letter or digit";
	case FORM_ANNOTATION_VALUE:
		return "any text of at most 4096 bytes";
	case FORM_RESOURCE_GLOB:
		return "a resource name such as nvidia.com/gpu, in which \"*\" and \"?\" are wildcards";
	case FORM_NAMESPACE_GLOB:
		return "a namespace name: at most 63 lower-case letters, digits and \"-\", in which \"*\" and \"?\" "
		       "are "
		       "wildcards";
	case FORM_USER_GLOB:
		return "a user or group name of at most 1024 characters, in which \"*\" and \"?\" are wildcards";
	case FORM_MEMORY_SOURCE:
		return "annotation:KEY or label:KEY, such as annotation:gpugate.io/gpu-memory";
	case FORM_PROFILE:
		return "a MIG profile such as 1g.10gb or 1g.10gb+me";
	case FORM_HOST_PATH:
		return "a host path: an absolute path such as /var/log, without \"..\" and wildcards; what lies below "
		       "it is meant "
		       "as well";
	case FORM_CONFIG_FILE:
		return "the path of a .yaml or .yml file, relative to this one, such as nvidia/config.yaml, and maybe "
		       "\"#\" and a name in it; names that begin with a dot are not read";
	}
	return "a text";
}

const char *schema_form_meant(enum text_form form, struct str text, char *buffer, size_t size)
{
	static const struct str resource = {"nvidia.com/mig-", sizeof "nvidia.com/mig-" - 1};

	bool lower = form == FORM_NAME || form == FORM_NAMESPACE_GLOB || form == FORM_PROFILE;
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
