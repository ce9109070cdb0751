#include "webhook/registration/conditions.h"

#include "gpugate/claim.h"
#include "gpugate/pairs.h"

/*
 * The most elements that an expression examines. A longer list matches without being examined.
 * Together these limits bound the cost of an expression.
 */
#define CONTAINERS_MAX "32"   /* Containers of one list. */
#define VARIABLES_MAX "100"   /* Variables of one container. */
#define MOUNTS_MAX "60"       /* Volume mounts of one container. */
#define KEYS_MAX "64"         /* Keys of one resource map. */
#define VOLUMES_MAX "1000"    /* Volumes of the Pod. */
#define ANNOTATIONS_MAX "100" /* Annotations of the Pod. */
#define ADDED_MAX "40"        /* Added capabilities of one container. */
/* Characters of a mount path. A longer path matches; Guards refuse paths of 4096 bytes and more. */
#define PATH_MAX_TEXT "255"
/* Resources that Rules name. With more, any resource with a slash in its name matches. */
#define NAMES_MAX 32
/* Rules that do not depend on accelerators. With more, every Pod matches. */
#define RULES_MAX 16
#define WHAT_BYTES (1u << 16) /* Maximum bytes of the expression for one container. */
/* Namespaces, labels, or values of one label of such a Rule. With more, any matches. */
#define RULE_TEXTS_MAX 64

/*
 * Every creation of a Pod pays for these expressions. Two measures halve the cost for an ordinary
 * Pod: each list has its own comprehension instead of one over both lists, and `has` skips
 * everything that an absent field makes unnecessary.
 */
#define NAMES_DEVICE(map) "(has(" map ") && (" map ".size() > " KEYS_MAX " || " map ".exists(k, k.contains('/'))))"

/* Of a container `c`: it requests a device. */
#define REQUESTS_DEVICE                                                                                                \
	"has(c.resources) && (" NAMES_DEVICE("c.resources.limits") " ||\n"                                             \
								   "    " NAMES_DEVICE("c.resources.requests") ")"

/*
 * Of a container `c`: it sets a variable that exposes devices, unless the value is harmless. The
 * harmless values are those of policy/evaluate/guard_env.c, but an empty value counts as harmful.
 */
#define SHOWS_DEVICES                                                                                                  \
	"has(c.env) && (c.env.size() > " VARIABLES_MAX " ||\n"                                                         \
	"    c.env.exists(e, (e.name.endsWith('_VISIBLE_DEVICES') || e.name.startsWith('DOCKER_RESOURCE_')) &&\n"      \
	"      !(has(e.value) && e.value in ['void', 'none'] && !has(e.valueFrom))))"

/* The Pod has a property, outside its containers, that a Guard could refuse. */
#define GUARDED_POD                                                                                                    \
	"(has(object.spec.nodeName) && object.spec.nodeName != '') ||\n"                                               \
	"has(object.spec.ephemeralContainers) ||\n"                                                                    \
	"(has(object.spec.volumes) && (object.spec.volumes.size() > " VOLUMES_MAX " ||\n"                              \
	"  object.spec.volumes.exists(v, has(v.hostPath)))) ||\n"                                                      \
	"(has(object.spec.securityContext) && has(object.spec.securityContext.windowsOptions) &&\n"                    \
	"  has(object.spec.securityContext.windowsOptions.hostProcess) &&\n"                                           \
	"  object.spec.securityContext.windowsOptions.hostProcess)"

/*
 * Capabilities that no Guard refuses, in their usual spelling. Everything else matches. Listing the
 * refused ones instead is not possible, because runtimes accept them in too many spellings.
 */
#define ORDINARY_CAPABILITIES                                                                                          \
	"['NET_BIND_SERVICE', 'NET_ADMIN', 'NET_RAW', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', "           \
	"'SETGID',\n"                                                                                                  \
	"      'SETUID', 'SETPCAP', 'SETFCAP', 'SYS_CHROOT', 'AUDIT_WRITE', 'IPC_LOCK', 'SYS_NICE', 'SYS_RESOURCE']"

/* Of a container `c`: it is privileged in a way that a Guard could refuse. */
#define PRIVILEGED                                                                                                     \
	"has(c.securityContext) && (\n"                                                                                \
	"    (has(c.securityContext.privileged) && c.securityContext.privileged) ||\n"                                 \
	"    (has(c.securityContext.procMount) && c.securityContext.procMount != 'Default') ||\n"                      \
	"    (has(c.securityContext.capabilities) && has(c.securityContext.capabilities.add) &&\n"                     \
	"      (c.securityContext.capabilities.add.size() > " ADDED_MAX " ||\n"                                        \
	"      c.securityContext.capabilities.add.exists(a, !(a in " ORDINARY_CAPABILITIES ")))) ||\n"                 \
	"    (has(c.securityContext.windowsOptions) && has(c.securityContext.windowsOptions.hostProcess) &&\n"         \
	"      c.securityContext.windowsOptions.hostProcess))"

/* Of a container `c`: a Guard could refuse it. */
#define GUARDED_CONTAINER                                                                                              \
	"(" PRIVILEGED ") ||\n"                                                                                        \
	"  (" SHOWS_DEVICES ") ||\n"                                                                                   \
	"  (has(c.volumeMounts) && (c.volumeMounts.size() > " MOUNTS_MAX " || c.volumeMounts.exists(m,\n"              \
	"    m.mountPath.size() > " PATH_MAX_TEXT " || m.mountPath.contains('-container-devices'))))"

/*
 * Appends: `what` holds for some container `c`, or there are too many containers to examine. `pod`
 * is "object" or "oldObject".
 */
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

/* Appends: the Pod requests extended resources or has resource claims. */
static void requests_devices(struct buf *out, const char *pod)
{
	buf_printf(out, "(has(%s.spec.resourceClaims) && %s.spec.resourceClaims.size() > 0) ||\n", pod, pod);
	buf_printf(out, NAMES_DEVICE("%s.spec.overhead") " ||\n", pod, pod, pod);
	any_container(out, pod, STR(REQUESTS_DEVICE));
}

/*
 * Appends a CEL string literal. Kubernetes names contain no control characters; they are escaped
 * anyway.
 */
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

/* Appends a CEL list of string literals. */
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

/*
 * Appends a glob as a regular expression (RE2). A character that no namespace name contains, such
 * as "?", becomes ".", so the expression may match too much but never too little.
 */
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

/* Appends: the namespace matches one of the globs. */
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

/* Appends: the Pod has the label, with one of its values if there are any. */
static void label_in(struct buf *out, const struct scope_label *label)
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

/* Appends: the Pod matches one Rule that does not depend on accelerators. */
static void rule_pods(struct buf *out, const struct scope_rule *rule)
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

/*
 * Appends " ||\n" and a term for each Rule that does not depend on accelerators. If
 * `only_refusing`, skips Rules that cannot refuse a Pod.
 */
static void or_rules(struct buf *out, const struct policy_scope *scope, bool only_refusing)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < scope->rule_count; i++)
		count += !only_refusing || scope->rules[i].denies;
	if (count > RULES_MAX) {
		buf_text(out, " ||\ntrue");
		return;
	}
	for (uint32_t i = 0; i < scope->rule_count; i++) {
		if (only_refusing && !scope->rules[i].denies)
			continue;
		buf_text(out, " ||\n");
		rule_pods(out, &scope->rules[i]);
	}
}

/* Appends: the container lacks one of the variables that void mode requires. */
static void or_void_missing(struct buf *out, const struct policy_scope *scope)
{
	if (scope->void_names.count == 0)
		return;
	buf_text(out, " ||\n  !(has(c.env) && ");
	literals(out, &scope->void_names);
	buf_text(out, ".all(n, c.env.exists(e, e.name == n)))");
}

/* Appends: the resource map has one of the resources. */
static void names_one_of(struct buf *out, const char *map, const struct strs *resources)
{
	buf_printf(out, "(has(%s) && ", map);
	literals(out, resources);
	buf_printf(out, ".exists(n, n in %s))", map);
}

/* Appends: the Pod requests one of the resources that Rules name. */
static void requests_resources(struct buf *out, const struct strs *resources)
{
	struct buf what;
	if (resources->count > NAMES_MAX) {
		requests_devices(out, "object");
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

/*
 * Appends: `what` holds for some container, or a container lacks a variable that void mode
 * requires.
 */
static void any_container_or_void(struct buf *out, const char *what, const struct policy_scope *scope)
{
	struct buf text;
	buf_init(&text, WHAT_BYTES);
	buf_text(&text, what);
	or_void_missing(&text, scope);
	any_container(out, "object", buf_view(&text));
	out->failed |= text.failed;
	buf_release(&text);
}

bool condition_mutate(const struct policy_scope *scope, struct buf *out)
{
	if (scope->resources.count == 0 && scope->rule_count == 0 && !scope->voids)
		return false;
	buf_text(out, "request.operation != 'CREATE'");
	if (scope->resources.count > 0) {
		buf_text(out, " ||\n");
		requests_resources(out, &scope->resources);
	}
	or_rules(out, scope, false);
	if (scope->voids) {
		buf_text(out, " ||\n");
		any_container_or_void(out, "(" SHOWS_DEVICES ")", scope);
	}
	return true;
}

#define IS_CLAIM "request.kind.kind == 'ResourceClaim'"

void condition_quota(const struct policy_scope *scope, struct buf *out)
{
	if (scope->counts_claims)
		buf_text(out, IS_CLAIM " ?\n"
				       "  (request.operation == 'CREATE' || (has(object.metadata.annotations) &&\n"
				       "    '" CLAIM_EXTENDED_MARK "' in object.metadata.annotations)) : (\n");
	requests_devices(out, "object");
	if (scope->counts_claims)
		buf_char(out, ')');
}

/*
 * Appends: the Pod has annotations that a Guard could refuse. If `changed`, ignores annotations
 * that the old object has with the same value.
 */
static void annotated(struct buf *out, const struct policy_scope *scope, bool changed)
{
	buf_text(out, "(has(object.metadata.annotations) && (object.metadata.annotations.size() > " ANNOTATIONS_MAX
		      " ||\n  object.metadata.annotations.exists(k, (k in ");
	literals(out, &scope->fraction_annotations);
	for (uint32_t i = 0; i < scope->device_annotations.count; i++) {
		buf_text(out, " ||\n    k.startsWith(");
		literal(out, scope->device_annotations.items[i]);
		buf_char(out, ')');
	}
	buf_char(out, ')');
	if (changed)
		buf_text(out,
			 " &&\n    !(has(oldObject.metadata.annotations) && k in oldObject.metadata.annotations &&\n"
			 "      oldObject.metadata.annotations[k] == object.metadata.annotations[k])");
	buf_text(out, ")))");
}

void condition_guard(const struct policy_scope *scope, struct buf *out)
{
	buf_text(out, "request.operation != 'CREATE' ? has(request.subResource) && request.subResource != '' ||\n");
	annotated(out, scope, true);
	buf_text(out, " : ((\n" GUARDED_POD " ||\n");
	annotated(out, scope, false);
	buf_text(out, " ||\n");
	any_container_or_void(out, GUARDED_CONTAINER, scope);
	or_rules(out, scope, true);
	buf_text(out, "\n) && !(\n");
	requests_devices(out, "object");
	buf_text(out, "))");
}

void condition_end(const struct policy_scope *scope, struct buf *out)
{
	if (scope->counts_claims)
		buf_text(out, IS_CLAIM " ||\n");
	buf_text(
	    out,
	    "(request.operation == 'DELETE' ||\n"
	    "  (has(object.status) && has(object.status.phase) && object.status.phase in ['Succeeded', 'Failed'])) "
	    "&& (\n");
	requests_devices(out, "oldObject");
	buf_char(out, ')');
}

void condition_early(const struct policy_scope *scope, struct buf *out)
{
	(void)scope;
	buf_text(out, "!(request.kind.group in ['', 'apps', 'batch']) || (request.kind.kind == 'CronJob' ? (\n");
	requests_devices(out, "object.spec.jobTemplate.spec.template");
	buf_text(out, "\n) : has(object.spec.template) && (\n");
	requests_devices(out, "object.spec.template");
	buf_text(out, "))");
}

void condition_spec_changes(struct buf *out)
{
	buf_text(out, "request.operation != 'UPDATE' || object.spec != oldObject.spec");
}

void condition_early_changes(const struct policy_scope *scope, struct buf *out)
{
	if (scope->workload_count) /* A custom resource may have no spec. */
		buf_text(out, "request.operation != 'UPDATE' || !has(object.spec) || !has(oldObject.spec) ||\n"
			      "object.spec != oldObject.spec");
	else
		condition_spec_changes(out);
}

void condition_no_controller(const struct policy_scope *scope, struct buf *out)
{
	(void)scope;
	buf_text(out, "!has(object.metadata.ownerReferences) ||\n"
		      "!object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller)");
}

void condition_scales_up(const struct policy_scope *scope, struct buf *out)
{
	(void)scope;
	buf_text(out, "request.kind.group != 'autoscaling' || request.kind.kind != 'Scale' || (\n"
		      "!(request.userInfo.username in ['system:serviceaccount:kube-system:horizontal-pod-autoscaler',\n"
		      "  'system:kube-controller-manager']) &&\n"
		      "has(object.spec) && has(object.spec.replicas) && (!has(oldObject.spec) ||\n"
		      "  !has(oldObject.spec.replicas) || object.spec.replicas > oldObject.spec.replicas))");
}
