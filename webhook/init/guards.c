#include "webhook/init/guards.h"

#include "gpugate/report.h"
#include "webhook/init/accelerators.h"
#include "webhook/init/config_names.h"
#include "webhook/init/installers.h"
#include "webhook/init/text.h"
#include "webhook/json/yaml.h"

#define PROBE_BYTES_MAX ((size_t)1 << 20)
#define EXEMPT_MOST 50 /* Of more namespaces, a Guard is written in audit. */

#define W(word, name, why)                                                                                             \
	{                                                                                                              \
		{word, sizeof(word) - 1}, {name, sizeof(name) - 1}, why                                                \
	}

/* The order and the reasons of deploy/policy/guards/no-way-around.yaml. */
static const struct guard_word words[] = {
    W("visibleDevicesEnv", "visible-devices-env",
      "NVIDIA_VISIBLE_DEVICES and its like give access to GPUs without a request"),
    W("hostDeviceMounts", "host-device-mounts",
      "device files and sockets of the container runtime as hostPath, and the folders above them"),
    W("deviceVolumeMounts", "device-volume-mounts", "/var/run/nvidia-container-devices"),
    W("deviceAnnotations", "device-annotations", "annotations that runtimes and NRI plug-ins obey"),
    W("fractionAnnotations", "fraction-annotations", "parts of GPUs that no quota counts, of KAI and Run:ai"),
    W("privileged", "privileged", "sees every device of its node; also equivalents, such as SYS_ADMIN"),
    W("preboundNodeName", "prebound-node-name", "bypasses the scheduler"),
    W("sharedRequestAboveOne", "shared-request-above-one",
      "more shares than maxPerContainer: of one GPU perhaps, or refused on the node"),
    W("mixedMigInContainer", "mixed-mig-in-container", "a container sees only one of two profiles"),
    W("severalSlicesInContainer", "several-slices-in-container", "and only one of two slices"),
    W("resourceClaims", "resource-claims", "quotas count claims only where an Accelerator lists their class"),
};
#define WORDS (sizeof words / sizeof words[0])
#define VISIBLE_DEVICES 1u /* The bit of the first word, to which `visibleDevices: void` belongs. */

const struct guard_word *guards_words(uint32_t *count)
{
	*count = WORDS;
	return words;
}

uint32_t guards_bit(struct str word)
{
	for (uint32_t i = 0; i < WORDS; i++)
		if (str_eq(words[i].word, word))
			return 1u << i;
	return 0;
}

bool guards_exempts(const struct fleet_namespace *space)
{
	if (installers_has(space->name))
		return true;
	bool uses = false;
	for (const struct fleet_use *use = space->uses; use; use = use->next)
		uses |= use->used > 0 || use->limit > 0;
	return space->has_plugin && !uses;
}

/* --- The probe --- */

static void write_probe(const struct fleet *fleet, struct buf *out)
{
	text_document(out, "Settings", STR("probe"));
	buf_text(out, "  enforcement: deny\n  unknownResources: allow\n  exempt: {namespaces: []}\n---\n");
	accelerators_write(fleet, out);
	buf_text(out, "---\n");
	text_document(out, "Tenant", STR("all"));
	buf_text(out, "  namespaces: [\"*\"]\n  quotas:\n  - {name: all, hard: unlimited}\n");
	for (uint32_t i = 0; i < fleet->named_count; i++) {
		buf_printf(out, "  - {name: named-%u, resources: ", i);
		text_list(out, &fleet->named[i], 1);
		buf_text(out, ", hard: unlimited}\n");
	}
	for (size_t i = 0; i < WORDS; i++) {
		buf_text(out, "---\n");
		text_document(out, "Guard", words[i].name);
		buf_text(out, "  deny: ");
		text_list(out, &words[i].word, 1);
		buf_char(out, '\n');
	}
}

struct policy *guards_probe(const struct fleet *fleet, struct error *err)
{
	struct buf text;
	struct policy *policy = NULL;
	struct report *report = malloc(sizeof *report);
	buf_init(&text, PROBE_BYTES_MAX);
	write_probe(fleet, &text);
	if (report && !text.failed) {
		const struct policy_text file = {STR("probe"), buf_view(&text)};
		report_init(report);
		policy = config_names_load(fleet, &file, 1, report);
		if (!policy)
			error_set(
			    err, "no policy can be made of these nodes: %.*s",
			    STR_ARG(report->count ? report->findings[0].text : STR("there is not enough memory")));
		report_release(report);
	} else {
		fleet_no_memory(err);
	}
	free(report);
	buf_release(&text);
	return policy;
}

/* --- The Guards --- */

static uint32_t all_objections(const struct fleet *fleet)
{
	uint32_t all = 0;
	for (uint32_t i = 0; i < fleet->namespace_count; i++)
		if (!guards_exempts(fleet->namespaces[i]))
			all |= fleet->namespaces[i]->violations;
	return all;
}

static void write_void(struct buf *out)
{
	text_comment(out, 2,
		     "Images can set the variable as well. /mutate sets it to void in every container that "
		     "requests no accelerator, once this Guard is not in audit.");
	buf_text(out, "  visibleDevices: void\n");
}

/* What no running Pod does can be denied as soon as Settings say so. */
static void write_common(uint32_t violations, struct buf *out)
{
	text_comment(out, 0,
		     "A quota is worth no more than its protection against bypasses. None of the Pods that were "
		     "read does any of these, except in namespaces that Settings exempt.");
	text_document(out, "Guard", STR("no-way-around"));
	buf_text(out, "  deny:\n");
	for (size_t i = 0; i < WORDS; i++)
		if (!(violations & 1u << i))
			buf_printf(out, "  - %-25s# %s\n", words[i].word.ptr, words[i].why);
	if (!(violations & VISIBLE_DEVICES))
		write_void(out);
}

static void write_own(const struct fleet *fleet, uint32_t at, struct buf *out)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < fleet->namespace_count; i++)
		count += !guards_exempts(fleet->namespaces[i]) && (fleet->namespaces[i]->violations & 1u << at);
	buf_text(out, "---\n");
	if (count > EXEMPT_MOST)
		text_comment(out, 0,
			     "%s: %s. Pods in %u namespaces do this, so this Guard stays in audit. Find out why they "
			     "do, exempt what has to, and remove the enforcement.",
			     words[at].word.ptr, words[at].why, count);
	else
		text_comment(
		    out, 0,
		    "%s: %s. A guess: Pods in these namespaces do this and have to. Remove a namespace as soon "
		    "as they no longer do.",
		    words[at].word.ptr, words[at].why);
	text_document(out, "Guard", words[at].name);
	buf_printf(out, "  deny: [%s]\n", words[at].word.ptr);
	if (1u << at == VISIBLE_DEVICES)
		write_void(out);
	if (count > EXEMPT_MOST) {
		buf_text(out, "  enforcement: audit\n");
		return;
	}
	buf_text(out, "  exempt:\n    namespaces:\n");
	for (uint32_t i = 0; i < fleet->namespace_count; i++) {
		const struct fleet_namespace *space = fleet->namespaces[i];
		if (guards_exempts(space) || !(space->violations & 1u << at))
			continue;
		buf_text(out, "    - ");
		yaml_scalar(out, space->name);
		buf_char(out, '\n');
	}
}

void guards_write(const struct fleet *fleet, struct buf *out)
{
	uint32_t violations = all_objections(fleet), every = (1u << WORDS) - 1;
	if (violations != every)
		write_common(violations, out);
	for (uint32_t i = 0; i < WORDS; i++)
		if (violations & 1u << i)
			write_own(fleet, i, out);
}
