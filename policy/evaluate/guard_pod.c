/* guard_pod: Guards for privileges, annotations, the node name, and ephemeral containers. */
#include "policy/evaluate/guard_pod.h"

#include <stdlib.h>

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "gpugate/review.h"
#include "policy/model/catalog.h"

/* --- Privileged, in all its forms. --- */

/* Capabilities that give a container access to the devices of its node, in upper case. */
static const struct {
	struct str name;
	bool with_host_pid; /* Only with hostPID, which makes processes of the node traceable. */
} capabilities[] = {
    {{"ALL", 3}, false},        {{"SYS_ADMIN", 9}, false}, {{"SYS_MODULE", 10}, false},
    {{"SYS_PTRACE", 10}, true}, {{"MKNOD", 5}, false},
};

/*
 * Whether a runtime takes the text as that capability. containerd converts it to upper case and
 * prepends CAP_; CRI-O also accepts it with CAP_. Both use the upper case of Unicode, in which a
 * long s becomes S. No capability has non-ASCII letters, so a text that has some counts as every
 * capability.
 */
static bool is_capability(struct str text, struct str name)
{
	static const struct str prefix = {"CAP_", 4};
	char upper[32];
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
	if (text.len > sizeof upper)
		return false;
	for (size_t i = 0; i < text.len; i++)
		upper[i] = (char)(text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? text.ptr[i] - 'a' + 'A' : text.ptr[i]);
	struct str found = {upper, text.len};
	return str_eq(str_starts(found, prefix) ? str_tail(found, prefix.len) : found, name);
}

static int check_capabilities(struct evaluation *e, const struct guard *guard, const struct container *container)
{
	for (uint32_t i = 0; i < container->capabilities.count; i++) {
		struct str text = container->capabilities.items[i];
		for (size_t c = 0; c < sizeof capabilities / sizeof capabilities[0]; c++) {
			bool traces = capabilities[c].with_host_pid;
			if ((traces && !e->pod->host_pid) || !is_capability(text, capabilities[c].name))
				continue;
			return guard_violation(
			    e, guard, GUARD_PRIVILEGED, container, "adds the capability ", text,
			    traces ? ", which together with hostPID gives access to every accelerator on "
				     "its node; remove one of the two"
				   : ", which gives access to every accelerator on its node; remove "
				     "it from securityContext.capabilities.add");
		}
	}
	return 0;
}

int guard_check_privileged(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		const char *what = NULL;
		if (!guard_judges(e, i))
			continue;
		if (container->privileged)
			what = "is privileged, which gives access to every accelerator on its node; remove "
			       "securityContext.privileged";
		else if (container->host_process || e->pod->host_process)
			what = "is a Windows HostProcess container, which has access to every accelerator on its node; "
			       "remove windowsOptions.hostProcess";
		else if (str_eq(container->proc_mount, STR("Unmasked")))
			what = "has an unmasked /proc, which gives access to devices of its node; remove "
			       "securityContext.procMount";
		if (what ? guard_violation(e, guard, GUARD_PRIVILEGED, container, what, STR(""), "") < 0
			 : check_capabilities(e, guard, container) < 0)
			return -1;
	}
	return 0;
}

/* --- Annotations. --- */

static int key_order(const void *a, const void *b)
{
	return str_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/*
 * Collects the annotations that the Pod had before its change and that the Guard checks, sorted by
 * key. There are none on CREATE.
 */
static int old_annotations(struct evaluation *e, bool (*is)(struct str key), struct pairs *old)
{
	const struct pairs *all = &e->review->old_object.annotations;
	struct pair *items = arena_alloc(e->arena, all->count * sizeof *items);
	if (!items)
		return -1;
	*old = (struct pairs){.items = items};
	for (uint32_t i = 0; i < all->count; i++)
		if (is(all->items[i].key))
			items[old->count++] = all->items[i];
	if (old->count > 1)
		qsort(items, old->count, sizeof *items, key_order);
	return 0;
}

/*
 * Reports the first annotation of the kind that is new or changed. One that the Pod already had
 * with the same value is not reported again, because that would block every other change of the
 * Pod.
 */
static int check_annotations(struct evaluation *e, const struct guard *guard, enum guard_kind kind,
			     bool (*is)(struct str key), const char *why)
{
	struct pairs old = {NULL, 0, false};
	const struct pairs *now = &e->pod->annotations;
	if (e->review->operation != OPERATION_CREATE && old_annotations(e, is, &old) < 0)
		return -1;
	for (uint32_t i = 0; i < now->count; i++) {
		const struct pair *pair = &now->items[i];
		if (!is(pair->key))
			continue;
		const struct pair *before =
		    old.count ? bsearch(pair, old.items, old.count, sizeof *pair, key_order) : NULL;
		if (!before || !str_eq(before->value, pair->value))
			return guard_violation(e, guard, kind, NULL, "annotation ", pair->key, why);
	}
	return 0;
}

int guard_check_device_annotations(struct evaluation *e, const struct guard *guard)
{
	return check_annotations(e, guard, GUARD_DEVICE_ANNOTATIONS, catalog_is_device_annotation,
				 " can give containers devices that no quota counts; remove it, and request an "
				 "accelerator in resources.limits");
}

int guard_check_fractions(struct evaluation *e, const struct guard *guard)
{
	return check_annotations(
	    e, guard, GUARD_FRACTION_ANNOTATIONS, catalog_is_fraction_annotation,
	    " requests a part of a GPU that no quota counts; remove it, and request an accelerator in "
	    "resources.limits");
}

/* --- The others. --- */

int guard_check_node_name(struct evaluation *e, const struct guard *guard)
{
	if (e->pod->node_name.len == 0)
		return 0;
	return guard_violation(e, guard, GUARD_PREBOUND_NODE_NAME, NULL, "spec.nodeName ", e->pod->node_name,
			       " bypasses the scheduler; use a nodeSelector or node affinity instead");
}

int guard_check_ephemeral(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		if (container->list == CONTAINER_EPHEMERAL && guard_judges(e, i))
			return guard_violation(
			    e, guard, GUARD_EPHEMERAL_CONTAINERS, container,
			    "is an ephemeral container, and these are not allowed here; debug in a copy "
			    "of the Pod (kubectl debug --copy-to)",
			    STR(""), "");
	}
	return 0;
}
