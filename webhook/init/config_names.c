#include "webhook/init/config_names.h"

#include <stdlib.h>

#include "gpugate/report.h"
#include "webhook/json/yaml.h"

#define TEXT_BYTES_MAX ((size_t)64 << 10) /* Of one Accelerator. */
#define NAME_BYTES_MAX 2048

/* --- Names --- */

static void write_name(const struct fleet_config *config, struct str part, struct buf *out)
{
	struct buf name;
	buf_init(&name, NAME_BYTES_MAX);
	buf_str(&name, config->file->path);
	if (part.len > 0) {
		buf_char(&name, '#');
		buf_str(&name, part);
	}
	yaml_scalar(out, buf_view(&name));
	out->failed |= name.failed;
	buf_release(&name);
}

void config_names_plugin(const struct fleet_group *group, struct buf *out)
{
	write_name(group->plugin, group->plugin->key, out);
}

void config_names_parted(const struct fleet_group *group, struct buf *out)
{
	write_name(group->parted, group->layout, out);
}

/* --- Loading --- */

static bool names(const struct fleet_group *group, const struct fleet_file *file)
{
	return (group->names_plugin && group->plugin->file == file) ||
	       (group->names_parted && group->parted->file == file);
}

bool config_names_has(const struct fleet *fleet, const struct fleet_file *file)
{
	for (uint32_t i = 0; i < fleet->group_count; i++)
		if (names(fleet->groups[i], file))
			return true;
	return false;
}

/* Loads texts beside the files that the group names; without a group, all groups. */
static struct policy *load(const struct fleet *fleet, const struct fleet_group *group, const struct policy_text *texts,
			   size_t count, struct report *report)
{
	struct policy_text *all = calloc(count + fleet->file_count + 1, sizeof *all);
	if (!all)
		return NULL;
	memcpy(all, texts, count * sizeof *all);
	for (uint32_t i = 0; i < fleet->file_count; i++) {
		const struct fleet_file *file = &fleet->files[i];
		if (group ? names(group, file) : config_names_has(fleet, file))
			all[count++] = (struct policy_text){file->path, file->text};
	}
	struct policy *policy = policy_load_texts(all, count, report);
	free(all);
	return policy;
}

struct policy *config_names_load(const struct fleet *fleet, const struct policy_text *texts, size_t count,
				 struct report *report)
{
	return load(fleet, NULL, texts, count, report);
}

/* --- Choosing --- */

/*
 * Whether the Accelerator of the group is valid and without warnings. Files that only other groups
 * name are left out, since nothing names them in this text.
 */
static bool is_clean(const struct fleet *fleet, const struct fleet_group *group, const struct buf *text,
		     struct report *report)
{
	const struct policy_text file = {STR("accelerators.yaml"), buf_view(text)};
	report_init(report);
	struct policy *policy = load(fleet, group, &file, 1, report);
	bool clean = policy && report->errors + report->warnings == 0;
	policy_release(policy);
	report_release(report);
	return clean;
}

int config_names_choose(struct fleet *fleet, struct fleet_group *group,
			void (*write)(const struct fleet_group *group, struct buf *out), struct error *err)
{
	bool *const flags[] = {&group->names_plugin, &group->names_parted};
	const bool possible[] = {group->plugin && group->plugin->file,
				 group->parted && group->parted->file && group->layout_whole};
	struct report *report = possible[0] || possible[1] ? malloc(sizeof *report) : NULL;
	struct buf text;
	if ((possible[0] || possible[1]) && !report)
		return fleet_no_memory(err);
	buf_init(&text, TEXT_BYTES_MAX);
	for (size_t i = 0; i < 2; i++) {
		if (!possible[i])
			continue;
		*flags[i] = true;
		buf_reset(&text);
		write(group, &text);
		*flags[i] = !text.failed && is_clean(fleet, group, &text, report);
	}
	buf_release(&text);
	free(report);
	return 0;
}
