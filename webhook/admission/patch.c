#include "webhook/admission/patch.h"

#include "webhook/json/write.h"

struct writer {
	struct buf *out;
	const struct pod *pod;
	const struct edit *edits;
	uint32_t count;
	bool some; /* At least one operation has been written. */
};

static void begin(struct writer *w, const char *op)
{
	buf_text(w->out, w->some ? ",{\"op\":\"" : "{\"op\":\"");
	buf_text(w->out, op);
	buf_text(w->out, "\",\"path\":\"");
	w->some = true;
}

/* Writes a key as a JSON Pointer token (RFC 6901), escaped for the JSON string around it. */
static void pointer_part(struct writer *w, struct str key)
{
	size_t plain = 0;
	struct buf *out = w->out;
	for (size_t i = 0; i < key.len; i++) {
		unsigned char c = (unsigned char)key.ptr[i];
		if (c != '~' && c != '/' && c != '"' && c != '\\' && c >= 0x20)
			continue;
		buf_add(out, key.ptr + plain, i - plain);
		plain = i + 1;
		if (c == '~')
			buf_text(out, "~0");
		else if (c == '/')
			buf_text(out, "~1");
		else
			buf_printf(out, "\\u%04x", c);
	}
	buf_add(out, key.ptr + plain, key.len - plain);
}

static void container_path(struct writer *w, uint32_t at)
{
	static const char *const lists[] = {[CONTAINER_REGULAR] = "containers",
					    [CONTAINER_INIT] = "initContainers",
					    [CONTAINER_EPHEMERAL] = "ephemeralContainers"};
	const struct container *container = &w->pod->containers[at];
	buf_text(w->out, "/spec/");
	buf_text(w->out, lists[container->list]);
	buf_char(w->out, '/');
	buf_number(w->out, container->index);
}

static void value(struct writer *w)
{
	buf_text(w->out, "\",\"value\":");
}

static void end(struct writer *w)
{
	buf_char(w->out, '}');
}

/* The map always exists, because every resource edit originates from an entry in the same map. */
static void resource(struct writer *w, const struct edit *edit)
{
	bool removes = str_present(edit->from);
	begin(w, removes ? "remove" : "add");
	container_path(w, edit->container);
	buf_text(w->out, edit->limits ? "/resources/limits/" : "/resources/requests/");
	pointer_part(w, removes ? edit->from : edit->key);
	if (removes) {
		buf_char(w->out, '"');
	} else {
		value(w);
		json_write_string(w->out, edit->value);
	}
	end(w);
}

static void env_value(struct writer *w, const struct edit *edit)
{
	buf_text(w->out, "{\"name\":");
	json_write_string(w->out, edit->key);
	buf_text(w->out, ",\"value\":");
	json_write_string(w->out, edit->value);
	buf_char(w->out, '}');
}

/*
 * For a container without `env`, the first edit creates the list with all of its entries. This
 * relies on the edits of a container being adjacent.
 */
static void env(struct writer *w, uint32_t i)
{
	const struct edit *edit = &w->edits[i];
	bool has_env = w->pod->containers[edit->container].has_env;
	if (!has_env && i > 0 && w->edits[i - 1].kind == EDIT_ENV && w->edits[i - 1].container == edit->container)
		return; /* The first edit of this container has written it. */
	begin(w, edit->env_index >= 0 ? "replace" : "add");
	container_path(w, edit->container);
	buf_text(w->out, edit->env_index >= 0 ? "/env/" : has_env ? "/env/-" : "/env");
	if (edit->env_index >= 0)
		buf_number(w->out, (uint64_t)edit->env_index);
	value(w);
	if (has_env) {
		env_value(w, edit);
	} else {
		buf_char(w->out, '[');
		for (uint32_t k = i;
		     k < w->count && w->edits[k].kind == EDIT_ENV && w->edits[k].container == edit->container; k++) {
			if (k > i)
				buf_char(w->out, ',');
			env_value(w, &w->edits[k]);
		}
		buf_char(w->out, ']');
	}
	end(w);
}

static bool follows(const struct writer *w, uint32_t i, enum edit_kind kind)
{
	return i > 0 && w->edits[i - 1].kind == kind;
}

static void node_selector(struct writer *w, uint32_t i)
{
	bool there = w->pod->node_selector.present;
	if (!there && follows(w, i, EDIT_NODE_SELECTOR))
		return;
	begin(w, "add"); /* "add" also replaces an existing value (RFC 6902, section 4.1). */
	buf_text(w->out, "/spec/nodeSelector");
	if (there) {
		buf_char(w->out, '/');
		pointer_part(w, w->edits[i].key);
		value(w);
		json_write_string(w->out, w->edits[i].value);
		end(w);
		return;
	}
	value(w);
	for (uint32_t k = i; k < w->count && w->edits[k].kind == EDIT_NODE_SELECTOR; k++) {
		buf_char(w->out, k == i ? '{' : ',');
		json_write_string(w->out, w->edits[k].key);
		buf_char(w->out, ':');
		json_write_string(w->out, w->edits[k].value);
	}
	buf_char(w->out, '}');
	end(w);
}

static void toleration_value(struct writer *w, const struct toleration *toleration)
{
	const struct {
		const char *key;
		struct str value;
	} fields[] = {{"key", toleration->key},
		      {"operator", toleration->op},
		      {"value", toleration->value},
		      {"effect", toleration->effect}};
	const char *separator = "{";
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		if (fields[i].value.len == 0)
			continue;
		buf_text(w->out, separator);
		json_write_string(w->out, str_of(fields[i].key));
		buf_char(w->out, ':');
		json_write_string(w->out, fields[i].value);
		separator = ",";
	}
	if (str_present(toleration->seconds))
		buf_printf(w->out, "%s\"tolerationSeconds\":%.*s", separator, STR_ARG(toleration->seconds));
	buf_char(w->out, '}');
}

static void toleration(struct writer *w, uint32_t i)
{
	bool there = w->pod->has_tolerations;
	if (!there && follows(w, i, EDIT_TOLERATION))
		return;
	begin(w, "add");
	buf_text(w->out, there ? "/spec/tolerations/-" : "/spec/tolerations");
	value(w);
	if (there) {
		toleration_value(w, &w->edits[i].toleration);
	} else {
		for (uint32_t k = i; k < w->count && w->edits[k].kind == EDIT_TOLERATION; k++) {
			buf_char(w->out, k == i ? '[' : ',');
			toleration_value(w, &w->edits[k].toleration);
		}
		buf_char(w->out, ']');
	}
	end(w);
}

static void runtime_class(struct writer *w, const struct edit *edit)
{
	begin(w, "add");
	buf_text(w->out, "/spec/runtimeClassName");
	value(w);
	json_write_string(w->out, edit->value);
	end(w);
}

/*
 * Writes entries that are appended to a list. If it has none, the first of the adjacent edits
 * creates it with all of them.
 */
struct appended {
	bool there; /* The list has entries. */
	void (*path)(struct writer *w, const struct edit *edit);
	void (*entry)(struct writer *w, const struct edit *edit);
};

static bool same_list(const struct edit *a, const struct edit *b)
{
	return a->kind == b->kind && a->container == b->container;
}

static void append(struct writer *w, uint32_t i, const struct appended *list)
{
	const struct edit *edit = &w->edits[i];
	if (!list->there && i > 0 && same_list(&w->edits[i - 1], edit))
		return;
	begin(w, "add");
	list->path(w, edit);
	buf_text(w->out, list->there ? "/-" : "");
	value(w);
	if (list->there) {
		list->entry(w, edit);
	} else {
		for (uint32_t k = i; k < w->count && same_list(&w->edits[k], edit); k++) {
			buf_char(w->out, k == i ? '[' : ',');
			list->entry(w, &w->edits[k]);
		}
		buf_char(w->out, ']');
	}
	end(w);
}

static void claims_path(struct writer *w, const struct edit *edit)
{
	(void)edit;
	buf_text(w->out, "/spec/resourceClaims");
}

static void claim_entry(struct writer *w, const struct edit *edit)
{
	buf_text(w->out, "{\"name\":");
	json_write_string(w->out, edit->key);
	buf_text(w->out, ",\"resourceClaimTemplateName\":");
	json_write_string(w->out, edit->value);
	buf_char(w->out, '}');
}

static void claim(struct writer *w, uint32_t i)
{
	append(w, i, &(struct appended){w->pod->claim_count > 0, claims_path, claim_entry});
}

static void claim_uses_path(struct writer *w, const struct edit *edit)
{
	container_path(w, edit->container);
	buf_text(w->out, "/resources/claims");
}

static void claim_use_entry(struct writer *w, const struct edit *edit)
{
	buf_text(w->out, "{\"name\":");
	json_write_string(w->out, edit->key);
	buf_char(w->out, '}');
}

static void claim_use(struct writer *w, uint32_t i)
{
	bool there = w->pod->containers[w->edits[i].container].claim_count > 0;
	append(w, i, &(struct appended){there, claim_uses_path, claim_use_entry});
}

void patch_write(struct buf *out, const struct pod *pod, const struct edit *edits, uint32_t count)
{
	struct writer w = {out, pod, edits, count, false};
	buf_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		switch (edits[i].kind) {
		case EDIT_RESOURCE:
			resource(&w, &edits[i]);
			break;
		case EDIT_ENV:
			env(&w, i);
			break;
		case EDIT_NODE_SELECTOR:
			node_selector(&w, i);
			break;
		case EDIT_TOLERATION:
			toleration(&w, i);
			break;
		case EDIT_RUNTIME_CLASS:
			runtime_class(&w, &edits[i]);
			break;
		case EDIT_CLAIM:
			claim(&w, i);
			break;
		case EDIT_CLAIM_USE:
			claim_use(&w, i);
			break;
		}
	}
	buf_char(out, ']');
}
