#include "webhook/init/documents.h"

#include <inttypes.h>

#include "gpugate/vec.h"
#include "webhook/init/accelerators.h"
#include "webhook/init/configs.h"
#include "webhook/init/guards.h"
#include "webhook/init/tenants.h"
#include "webhook/init/text.h"
#include "webhook/json/yaml.h"

#define FILES_BYTES_MAX ((size_t)128 << 20)
#define ARENA_CHUNK ((size_t)64 << 10)
#define FILE_BYTES_MAX ((size_t)1 << 20) /* As of a file of policy. */

void init_files_init(struct init_files *files)
{
	*files = (struct init_files){0};
	arena_init(&files->arena, ARENA_CHUNK, FILES_BYTES_MAX);
}

void init_files_release(struct init_files *files)
{
	arena_release(&files->arena);
}

int init_files_add(struct init_files *files, struct str path, struct str text, struct error *err)
{
	struct init_file *items =
	    vec_room_in(&files->arena, files->items, files->count, &files->size, 16, sizeof *items);
	if (!items)
		return error_set(err, "there is not enough memory for the policy");
	files->items = items;
	items[files->count] = (struct init_file){arena_str(&files->arena, path), arena_str(&files->arena, text)};
	if (!items[files->count].path.ptr || !items[files->count].text.ptr)
		return error_set(err, "there is not enough memory for the policy");
	files->count++;
	return 0;
}

/* --- Settings --- */

static void write_read(const struct fleet *fleet, struct buf *out)
{
	text_comment(out, 0,
		     "A first policy, made by `gpugate init`. Comments say what was read and what is a guess. These "
		     "objects were read: Nodes %" PRIu64 ", ResourceSlices %" PRIu64 ", ResourceQuotas %" PRIu64
		     ", LimitRanges %" PRIu64 ", Pods %" PRIu64 ".",
		     fleet->nodes, fleet->slices, fleet->quotas, fleet->ranges, fleet->pods);
	if (fleet->skipped)
		text_comment(out, 0, "%" PRIu64 " object%s left out, whose names have no form that Kubernetes allows.",
			     fleet->skipped, fleet->skipped == 1 ? " was" : "s were");
	configs_write_rest(fleet, out);
}

static void write_uncovered(const struct fleet *fleet, struct buf *out)
{
	if (fleet->unplaced == 0) {
		buf_text(out, "  uncovered: deny\n");
		return;
	}
	text_comment(out, 2,
		     "A guess: %" PRIu64
		     " running Pod%s, first %.*s, would not pass with deny, since nodes of no Accelerator "
		     "have what %s. `gpugate explain` says more. Correct that, then write deny.",
		     fleet->unplaced, text_s(fleet->unplaced), STR_ARG(fleet->unplaced_pod),
		     fleet->unplaced == 1 ? "it requires" : "they require");
	buf_text(out, "  uncovered: warn\n");
}

static void write_exempt(const struct fleet *fleet, struct buf *out)
{
	static const struct str always[] = {{"kube-system", 11}, {"gpugate", 7}};
	buf_char(out, '\n');
	text_comment(out, 2,
		     "What installs drivers and device plugins, and gpugate itself. A guess, by names of "
		     "namespaces and by Pods that register devices with the kubelet.");
	buf_text(out, "  exempt:\n    namespaces:\n");
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		buf_printf(out, "    - %s\n", always[i].ptr);
	for (uint32_t i = 0; i < fleet->namespace_count; i++) {
		const struct fleet_namespace *space = fleet->namespaces[i];
		if (!guards_exempts(space) || str_eq(space->name, always[0]) || str_eq(space->name, always[1]))
			continue;
		buf_text(out, "    - ");
		yaml_scalar(out, space->name);
		buf_char(out, '\n');
	}
}

static void write_others(const struct fleet *fleet, struct buf *out)
{
	if (fleet->other_count == 0)
		return;
	buf_char(out, '\n');
	text_comment(out, 2,
		     "Nodes have these resources, which no built-in table knows, so nothing counts them. If one is "
		     "an accelerator, write an Accelerator for it; otherwise remove the # before this key.");
	buf_text(out, "  # otherResources: ");
	text_list(out, fleet->others, fleet->other_count);
	buf_char(out, '\n');
}

static void write_settings(const struct fleet *fleet, struct buf *out)
{
	write_read(fleet, out);
	text_document(out, "Settings", STR("cluster"));
	text_comment(out, 2,
		     "Nothing is refused or changed yet; the log and the metrics say what would be. Then write warn, "
		     "and deny when there are no surprises left.");
	buf_text(out, "  enforcement: audit\n");
	text_comment(out, 2, "For as long as quotas are only audited. Later: Fail, and deny.");
	buf_text(out, "  quotaFailurePolicy: Ignore\n  onOutage: allow\n\n");
	text_comment(out, 2, "Pods that request accelerators in a namespace without a Tenant.");
	buf_text(out, "  untenanted: deny\n");
	text_comment(out, 2, "Pods that request an accelerator that no quota of their Tenant counts.");
	write_uncovered(fleet, out);
	write_exempt(fleet, out);
	write_others(fleet, out);
}

/* --- All files --- */

static int add(struct init_files *files, struct str path, const struct buf *text, struct error *err)
{
	if (text->failed)
		return error_set(err, "the file %.*s of the policy would be larger than 1 MiB", STR_ARG(path));
	return init_files_add(files, path, buf_view(text), err);
}

static int add_tenants(const struct fleet *fleet, struct init_files *files, struct buf *text, struct error *err)
{
	for (uint32_t i = 0; i < fleet->namespace_count; i++) {
		char path[96];
		if (!tenants_has(fleet->namespaces[i]))
			continue;
		int len = snprintf(path, sizeof path, "tenants/%.*s.yaml", STR_ARG(fleet->namespaces[i]->name));
		buf_reset(text);
		tenants_write(fleet->namespaces[i], text);
		if (add(files, (struct str){path, (size_t)len}, text, err) < 0)
			return -1;
	}
	return 0;
}

uint32_t documents_tenants(const struct fleet *fleet)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < fleet->namespace_count; i++)
		count += tenants_has(fleet->namespaces[i]);
	return count;
}

uint32_t documents_accelerators(const struct fleet *fleet)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < fleet->group_count; i++)
		count += !fleet->groups[i]->gone;
	return count;
}

static const struct {
	struct str path;
	void (*write)(const struct fleet *fleet, struct buf *out);
} rows[] = {
    {{"settings.yaml", 13}, write_settings},
    {{"accelerators.yaml", 17}, accelerators_write},
    {{"guards.yaml", 11}, guards_write},
};

bool documents_has(struct str path)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (str_eq(path, rows[i].path))
			return true;
	return str_starts(path, STR("tenants/"));
}

int documents_write(const struct fleet *fleet, struct init_files *files, struct error *err)
{
	struct buf text;
	int result = 0;
	if (documents_tenants(fleet) > FLEET_NAMESPACES_MAX)
		return error_set(err, "more than %d namespaces use or limit accelerators; give a part of them",
				 FLEET_NAMESPACES_MAX);
	buf_init(&text, FILE_BYTES_MAX);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && result == 0; i++) {
		buf_reset(&text);
		rows[i].write(fleet, &text);
		result = add(files, rows[i].path, &text, err);
	}
	if (result == 0)
		result = add_tenants(fleet, files, &text, err);
	buf_release(&text);
	return result;
}
