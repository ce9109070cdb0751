#include "webhook/render_conditions.h"

/* What is looked through one by one; more than that is let through unseen. Together they bound what an expression can cost. */
#define CONTAINERS_MAX "32"   /* of one list */
#define VARIABLES_MAX "100"   /* of one container */
#define MOUNTS_MAX "60"       /* of one container */
#define KEYS_MAX "64"         /* of one map of resources */
#define VOLUMES_MAX "1000"    /* of the Pod */
#define PATH_MAX_TEXT "255"   /* characters of a path; one of 4096 bytes and more is refused by Guards */
#define NAMES_MAX 32          /* resources; then any with a slash counts */
#define RULES_MAX 16          /* Rules for all Pods; then all Pods count */
#define WHAT_BYTES (1u << 16) /* what is asked of a container */
#define RULE_TEXTS_MAX 64     /* namespaces, or values of one label, of such a Rule; then any counts */

/*
 * Every create of a Pod pays for these expressions. Each list is a comprehension of its own, rather than one over both, and `has`
 * comes before whatever it makes needless: for a Pod that has nothing of all this that is half the time.
 */
#define NAMES_DEVICE(map) "(has(" map ") && (" map ".size() > " KEYS_MAX " || " map ".exists(k, k.contains('/'))))"

/* Of a container `c`. */
#define ASKS_DEVICE                                                                                                    \
	"has(c.resources) && (" NAMES_DEVICE("c.resources.limits") " ||\n"                                             \
								   "    " NAMES_DEVICE("c.resources.requests") ")"

/* Variables that show devices, unless their value shows none: the evaluation's own words for it (policy/guard.c). */
#define SHOWS_DEVICES                                                                                                  \
	"has(c.env) && (c.env.size() > " VARIABLES_MAX " ||\n"                                                         \
	"    c.env.exists(e, e.name.endsWith('_VISIBLE_DEVICES') &&\n"                                                 \
	"      !(has(e.value) && e.value in ['void', 'none'] && !has(e.valueFrom))))"

#define GUARDED_POD                                                                                                    \
	"(has(object.spec.nodeName) && object.spec.nodeName != '') ||\n"                                               \
	"has(object.spec.ephemeralContainers) ||\n"                                                                    \
	"(has(object.spec.volumes) && (object.spec.volumes.size() > " VOLUMES_MAX " ||\n"                              \
	"  object.spec.volumes.exists(v, has(v.hostPath))))"

#define GUARDED_CONTAINER                                                                                              \
	"(has(c.securityContext) && has(c.securityContext.privileged) && c.securityContext.privileged) ||\n"           \
	"  (" SHOWS_DEVICES ") ||\n"                                                                                   \
	"  (has(c.volumeMounts) && (c.volumeMounts.size() > " MOUNTS_MAX " || c.volumeMounts.exists(m,\n"              \
	"    m.mountPath.size() > " PATH_MAX_TEXT " || m.mountPath.contains('nvidia-container-devices'))))"

/* Some container is so, or there are too many to look. `pod` is an expression: "object" or "oldObject"; `what` is of a container `c`. */
static void any_container(struct buf *out, const char *pod, struct str what)
{
	static const char *const lists[] = {"containers", "initContainers"};
	for (size_t i = 0; i < 2; i++) {
		if (i > 0)
			buf_printf(out, " ||\n(has(%s.spec.%s) && (", pod, lists[i]);
		buf_printf(out, "%s.spec.%s.size() > " CONTAINERS_MAX " || %s.spec.%s.exists(c,\n  ", pod, lists[i],
			   pod, lists[i]);
		buf_str(out, what);
		buf_text(out, i > 0 ? ")))" : ")");
	}
}

static void asks_devices(struct buf *out, const char *pod)
{
	buf_printf(out, "(has(%s.spec.resourceClaims) && %s.spec.resourceClaims.size() > 0) ||\n", pod, pod);
	buf_printf(out, NAMES_DEVICE("%s.spec.overhead") " ||\n", pod, pod, pod);
	any_container(out, pod, STR(ASKS_DEVICE));
}

/* A string literal of CEL. Control characters never stand in names that Kubernetes has. */
static void literal(struct buf *out, struct str text)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c == '\'' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '\'');
}

static void literals(struct buf *out, const struct strs *texts)
{
	buf_char(out, '[');
	for (uint32_t i = 0; i < texts->count; i++) {
		if (i)
			buf_text(out, ", ");
		literal(out, texts->items[i]);
	}
	buf_char(out, ']');
}

/* A glob as a regular expression (RE2). Whatever a namespace's name never holds stands for any character. */
static void glob_pattern(struct buf *out, struct str glob)
{
	buf_char(out, '^');
	for (size_t i = 0; i < glob.len; i++) {
		char c = glob.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
		if (c == '*')
			buf_text(out, ".*");
		else
			buf_char(out, plain ? c : '.');
	}
	buf_char(out, '$');
}

static void namespace_in(struct buf *out, const struct strs *globs)
{
	buf_char(out, '(');
	for (uint32_t i = 0; i < globs->count; i++) {
		buf_text(out, i ? " || " : "");
		if (str_has_char(globs->items[i], '*') || str_has_char(globs->items[i], '?')) {
			buf_text(out, "request.namespace.matches('");
			glob_pattern(out, globs->items[i]);
			buf_text(out, "')");
		} else {
			buf_text(out, "request.namespace == ");
			literal(out, globs->items[i]);
		}
	}
	buf_char(out, ')');
}

static void label_in(struct buf *out, const struct reach_label *label)
{
	buf_text(out, "has(object.metadata.labels) && ");
	literal(out, label->key);
	buf_text(out, " in object.metadata.labels");
	if (label->values.count == 0 || label->values.count > RULE_TEXTS_MAX)
		return;
	buf_text(out, " && object.metadata.labels[");
	literal(out, label->key);
	buf_text(out, "] in ");
	literals(out, &label->values);
}

/* The Pods of one Rule that looks for no accelerator. */
static void rule_pods(struct buf *out, const struct reach_rule *rule)
{
	const char *and = "";
	buf_char(out, '(');
	if (rule->namespaces.count > 0 && rule->namespaces.count <= RULE_TEXTS_MAX) {
		namespace_in(out, &rule->namespaces);
		and = " && ";
	}
	for (uint32_t i = 0; i < rule->label_count && i < RULE_TEXTS_MAX; i++) {
		buf_text(out, and);
		label_in(out, &rule->labels[i]);
		and = " && ";
	}
	if (*and == '\0')
		buf_text(out, "true");
	buf_char(out, ')');
}

/* Pods of the Rules that look for no accelerator, of all or of those that may refuse; each after " ||\n". */
static void or_rules(struct buf *out, const struct reach *reach, bool only_refusing)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < reach->rule_count; i++)
		count += !only_refusing || reach->rules[i].refuses;
	if (count > RULES_MAX) {
		buf_text(out, " ||\ntrue");
		return;
	}
	for (uint32_t i = 0; i < reach->rule_count; i++) {
		if (only_refusing && !reach->rules[i].refuses)
			continue;
		buf_text(out, " ||\n");
		rule_pods(out, &reach->rules[i]);
	}
}

/* A container without one of the variables that have to be there in void mode. */
static void or_void_missing(struct buf *out, const struct reach *reach)
{
	if (reach->void_names.count == 0)
		return;
	buf_text(out, " ||\n  !(has(c.env) && ");
	literals(out, &reach->void_names);
	buf_text(out, ".all(n, c.env.exists(e, e.name == n)))");
}

static void names_one_of(struct buf *out, const char *map, const struct strs *resources)
{
	buf_printf(out, "(has(%s) && ", map);
	literals(out, resources);
	buf_printf(out, ".exists(n, n in %s))", map);
}

/* The Pod asks for one of the resources that Rules look for. */
static void asks_resources(struct buf *out, const struct strs *resources)
{
	struct buf what;
	if (resources->count > NAMES_MAX) {
		asks_devices(out, "object");
		return;
	}
	buf_init(&what, WHAT_BYTES);
	buf_text(&what, "has(c.resources) && (");
	names_one_of(&what, "c.resources.limits", resources);
	buf_text(&what, " ||\n    ");
	names_one_of(&what, "c.resources.requests", resources);
	buf_char(&what, ')');
	names_one_of(out, "object.spec.overhead", resources);
	buf_text(out, " ||\n");
	any_container(out, "object", buf_view(&what));
	out->failed |= what.failed;
	buf_release(&what);
}

/* Some container is `what`, or lacks what void mode wants. */
static void any_container_or_void(struct buf *out, const char *what, const struct reach *reach)
{
	struct buf text;
	buf_init(&text, WHAT_BYTES);
	buf_text(&text, what);
	or_void_missing(&text, reach);
	any_container(out, "object", buf_view(&text));
	out->failed |= text.failed;
	buf_release(&text);
}

bool condition_mutate(const struct reach *reach, struct buf *out)
{
	if (reach->resources.count == 0 && reach->rule_count == 0 && !reach->voids)
		return false;
	buf_text(out, "request.operation != 'CREATE'");
	if (reach->resources.count > 0) {
		buf_text(out, " ||\n");
		asks_resources(out, &reach->resources);
	}
	or_rules(out, reach, false);
	if (reach->voids) {
		buf_text(out, " ||\n");
		any_container_or_void(out, "(" SHOWS_DEVICES ")", reach);
	}
	return true;
}

void condition_quota(struct buf *out)
{
	asks_devices(out, "object");
}

void condition_guard(const struct reach *reach, struct buf *out)
{
	buf_text(out, "request.operation != 'CREATE' || ((\n" GUARDED_POD " ||\n");
	any_container_or_void(out, GUARDED_CONTAINER, reach);
	or_rules(out, reach, true);
	buf_text(out, "\n) && !(\n");
	asks_devices(out, "object");
	buf_text(out, "))");
}

void condition_end(struct buf *out)
{
	buf_text(
	    out,
	    "(request.operation == 'DELETE' ||\n"
	    "  (has(object.status) && has(object.status.phase) && object.status.phase in ['Succeeded', 'Failed'])) "
	    "&& (\n");
	asks_devices(out, "oldObject");
	buf_char(out, ')');
}
