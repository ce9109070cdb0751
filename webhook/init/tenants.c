#include "webhook/init/tenants.h"

#include <inttypes.h>
#include <stdio.h>

#include "webhook/init/guards.h"
#include "webhook/init/names.h"
#include "webhook/init/text.h"
#include "webhook/json/yaml.h"

bool tenants_has(const struct fleet_namespace *space)
{
	for (const struct fleet_use *use = space->uses; use; use = use->next)
		if (use->used > 0 || use->limit > 0)
			return !guards_exempts(space);
	return false;
}

/* Says from what the limit was read, and what to check. */
static void write_reason(const struct fleet_use *use, struct buf *out)
{
	if (use->limit < 0) {
		text_comment(out, 2, "A guess: what %u Pod%s hold%s now. No ResourceQuota that is used here limits it.",
			     use->pods, text_s(use->pods), use->pods == 1 ? "s" : "");
		return;
	}
	text_comment(out, 2, "ResourceQuota \"%.*s\" says %" PRId64 " (%.*s), and %" PRId64 " is in use.%s%s",
		     STR_ARG(use->limit_of), use->limit, STR_ARG(use->limit_key), use->used,
		     use->unenforced ? " Kubernetes enforces only keys that begin with requests., so not this one."
				     : "",
		     use->used > use->limit ? " A guess: what is in use. Lower it when enough has ended." : "");
}

struct quota_name {
	char bytes[NAMES_BYTES_MAX + 16];
	size_t len;
};

static struct str view(const struct quota_name *name)
{
	return (struct str){name->bytes, name->len};
}

static struct quota_name name_by(struct str resource)
{
	struct quota_name name = {.len = 0};
	names_add(name.bytes, &name.len, resource);
	if (name.len == 0)
		name.len = (size_t)snprintf(name.bytes, sizeof name.bytes, "quota");
	return name;
}

/* The part after the slash, and the whole name where another resource has the same part. */
static struct quota_name choose_name(const struct fleet_namespace *space, const struct fleet_use *use)
{
	struct quota_name name = name_by(names_short(use->resource));
	for (const struct fleet_use *other = space->uses; other; other = other->next) {
		struct quota_name others = name_by(names_short(other->resource));
		if (other != use && str_eq(view(&name), view(&others)))
			return name_by(use->resource);
	}
	return name;
}

/* Two hyphens make the name unique, since no other name has them. */
static void write_name(const struct fleet_namespace *space, const struct fleet_use *use, struct buf *out)
{
	struct quota_name name = choose_name(space, use);
	unsigned number = 1;
	for (const struct fleet_use *other = space->uses; other != use; other = other->next) {
		struct quota_name others = choose_name(space, other);
		number += str_eq(view(&name), view(&others));
	}
	if (number > 1)
		name.len += (size_t)snprintf(name.bytes + name.len, sizeof name.bytes - name.len, "--%u", number);
	yaml_scalar(out, view(&name));
}

static void write_quota(const struct fleet_namespace *space, const struct fleet_use *use, struct buf *out)
{
	write_reason(use, out);
	buf_text(out, "  - {name: ");
	write_name(space, use, out);
	buf_text(out, ", resources: ");
	text_list(out, &use->resource, 1);
	buf_printf(out, ", hard: %" PRId64 "}\n", use->used > use->limit ? use->used : use->limit);
}

void tenants_write(const struct fleet_namespace *space, struct buf *out)
{
	text_comment(out, 0,
		     "Made for the namespace \"%.*s\". Give one Tenant all namespaces of a team, so that they share "
		     "its quotas.",
		     STR_ARG(space->name));
	for (const struct fleet_note *note = space->notes; note; note = note->next)
		text_comment(out, 0, "%s", note->text.ptr);
	if (space->note_count > FLEET_NOTES_MAX)
		text_comment(out, 0, "%u more such sentences were left out.", space->note_count - FLEET_NOTES_MAX);
	text_document(out, "Tenant", space->name);
	buf_text(out, "  namespaces: ");
	text_list(out, &space->name, 1);
	buf_text(out, "\n  quotas:\n");
	for (const struct fleet_use *use = space->uses; use; use = use->next)
		if (use->limit >= 0 || use->used > 0)
			write_quota(space, use, out);
}
