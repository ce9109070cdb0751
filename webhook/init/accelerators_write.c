#include <inttypes.h>

#include "gpugate/known.h"
#include "webhook/init/accelerators.h"
#include "webhook/init/choices.h"
#include "webhook/init/config_names.h"
#include "webhook/init/configs.h"
#include "webhook/init/text.h"
#include "webhook/json/yaml.h"

static void write_origin(const struct fleet_group *group, struct buf *out)
{
	const char *where = group->from_slices ? "ResourceSlices" : "the nodes";
	if (group->label_count && group->by_slices)
		text_comment(out, 0,
			     "Read from ResourceSlices: %" PRId64 " device%s on %" PRIu64
			     " node%s. Nodes count as if they had the label, which is made of the productName of "
			     "their devices.",
			     group->devices, text_s((uint64_t)group->devices), group->nodes, text_s(group->nodes));
	else if (group->label_count)
		text_comment(out, 0,
			     "Read from %s with the label %.*s=%.*s: %" PRId64 " device%s on %" PRIu64 " node%s.",
			     where, STR_ARG(group->labels[0].key), STR_ARG(group->labels[0].value), group->devices,
			     text_s((uint64_t)group->devices), group->nodes, text_s(group->nodes));
	else
		text_comment(out, 0,
			     "Read from %s that have %.*s and no label that names a model: %" PRId64
			     " device%s on %" PRIu64
			     " node%s. Check that they are all of one model, or label them and add nodeLabels.",
			     where, STR_ARG(group->resource), group->devices, text_s((uint64_t)group->devices),
			     group->nodes, text_s(group->nodes));
	if (group->label_count && str_eq(group->labels[0].key, STR("node.kubernetes.io/instance-type")))
		text_comment(out, 0,
			     "A guess: nothing but the type of the machine tells these nodes apart. Check "
			     "whether several types have the same model.");
}

static void write_labels(const struct fleet_group *group, struct buf *out)
{
	if (group->label_count)
		buf_text(out, "  nodeLabels:\n");
	for (uint32_t i = 0; i < group->label_count; i++) {
		buf_text(out, "    ");
		yaml_scalar(out, group->labels[i].key);
		buf_text(out, ": ");
		yaml_scalar(out, group->labels[i].value);
		buf_char(out, '\n');
	}
	if (group->without_count) {
		text_comment(out, 2, "Nodes with these labels are of other Accelerators.");
		buf_text(out, "  withoutNodeLabels: ");
		text_list(out, group->without, group->without_count);
		buf_char(out, '\n');
	}
}

static void write_mig(const struct fleet_group *group, struct buf *out)
{
	struct str offered[FLEET_SLICES_MAX];
	bool single = str_present(group->single);
	uint32_t count = 0;
	for (uint32_t i = 0; i < (single ? 1 : group->slice_count); i++)
		offered[count++] = known_mig_profile(group->model, single ? group->single : group->slices[i]);
	buf_text(out, "  mig:\n");
	text_comment(out, 4, "A guess, by the name of the product and its memory. docs/policy.md lists the models.");
	buf_text(out, "    model: ");
	yaml_scalar(out, group->model);
	buf_char(out, '\n');
	if (group->parted)
		configs_write_slices(group, out);
	else
		text_comment(out, 4,
			     single ? "The profile that the label of the nodes names."
				    : "What nodes advertise now. Add what else the MIG layout can offer.");
	buf_text(out, group->names_parted ? "    offeredFrom: " : "    offered: ");
	if (group->names_parted)
		config_names_parted(group, out);
	else
		text_list(out, offered, count);
	buf_printf(out, "\n    strategy: %s\n", single ? "single" : "mixed");
}

static void write_sharing(const struct fleet_group *group, bool has_mig, struct buf *out)
{
	bool of_slice = str_starts(group->share, STR("nvidia.com/mig-"));
	if (group->replicas == 0 || (of_slice && !has_mig)) {
		text_comment(out, 2,
			     "Nodes advertise shares, %.*s, and nothing says how many a device has. One counts as a "
			     "whole until sharing says so: {resource: %.*s, replicas: N}",
			     STR_ARG(group->share), STR_ARG(group->share));
		return;
	}
	if (group->plugin)
		configs_write_sharing(group, out);
	else if (group->mixed)
		text_comment(out, 2,
			     "A guess: nodes with these labels are not all shared in this way. Label them apart, "
			     "and write an Accelerator for each way.");
	else
		text_comment(out, 2,
			     "From the labels of the nodes. sharedRequestAboveOne in guards.yaml allows a "
			     "container one share; maxPerContainer says how many it allows.");
	if (group->names_plugin) {
		buf_text(out, "  sharing: {devicePluginConfig: ");
		config_names_plugin(group, out);
		buf_text(out, "}\n");
		return;
	}
	buf_text(out, "  sharing: {resource: ");
	yaml_scalar(out, group->share);
	buf_printf(out, ", replicas: %" PRId64 "}\n", group->replicas);
}

void accelerators_write_group(const struct fleet_group *group, struct buf *out)
{
	bool has_mig = str_present(group->model), cut = group->slice_count || str_present(group->single);
	write_origin(group, out);
	text_document(out, "Accelerator", group->name);
	buf_text(out, "  resource: ");
	yaml_scalar(out, group->resource);
	buf_char(out, '\n');
	if (!has_mig && group->mib > 0) {
		text_comment(out, 2, "What the device shows to programs; its nominal memory is a little more.");
		buf_printf(out, "  memory: %" PRId64 "Mi\n", group->mib);
	} else if (!has_mig) {
		text_comment(out, 2, "Nothing says its memory. Quotas that measure memory need it, as in memory: 80Gi");
	}
	write_labels(group, out);
	if (has_mig)
		write_mig(group, out);
	else if (cut)
		text_comment(out, 2,
			     "Nodes have MIG slices of it, and no built-in model fits. One counts as docs/policy.md "
			     "says until mig.profiles describes them.");
	if (str_present(group->share))
		write_sharing(group, has_mig, out);
	choices_write_open(group, out);
}

static void write_drivers(const struct fleet *fleet, struct buf *out)
{
	for (uint32_t i = 0; i < fleet->driver_count; i++) {
		const struct fleet_driver *driver = &fleet->drivers[i];
		if (driver->devices == 0 || str_present(driver->resource))
			continue;
		buf_char(out, '\n');
		text_comment(
		    out, 0,
		    "ResourceSlices of the driver %.*s have %" PRIu64
		    " device%s. No DeviceClass of that name gives them an extendedResourceName, so Pods get them "
		    "by ResourceClaims only, which quotas do not count yet.",
		    STR_ARG(driver->name), driver->devices, text_s(driver->devices));
	}
}

static void write_named(const struct fleet *fleet, struct buf *out)
{
	for (uint32_t i = 0; i < fleet->named_count; i++) {
		buf_text(out, i ? "" : "\n");
		text_comment(
		    out, 0,
		    "Nodes have %.*s, whose unit is a part of a device. Quotas count it by number. An Accelerator "
		    "with a weight says what one counts in GPUs.",
		    STR_ARG(fleet->named[i]));
	}
}

void accelerators_write(const struct fleet *fleet, struct buf *out)
{
	bool first = true;
	for (uint32_t i = 0; i < fleet->group_count; i++) {
		if (fleet->groups[i]->gone)
			continue;
		buf_text(out, first ? "" : "---\n");
		accelerators_write_group(fleet->groups[i], out);
		first = false;
	}
	if (first)
		text_comment(out, 0,
			     "No node offers an accelerator, so there is no Accelerator. Quotas count the resources "
			     "that the built-in tables know.");
	configs_write_unused(fleet, out);
	choices_write_unread(fleet, out);
	write_named(fleet, out);
	write_drivers(fleet, out);
}
