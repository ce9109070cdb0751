#include "policy/catalog.h"

#define S(literal)                                                                                                     \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

/*
 * Vendors' names. Where a vendor's prefix covers everything, unknown names below it count as whole devices: a resource
 * that the device plugin was told to rename must not slip past a quota. Network devices that use the same prefix (the
 * NVIDIA Network Operator's) are told apart first.
 */
static const struct catalog_resource resources[] = {
    {S("nvidia.com/hostdev*"), CATALOG_NOTHING},
    {S("nvidia.com/mlnxnics*"), CATALOG_NOTHING},
    {S("nvidia.com/sriov*"), CATALOG_NOTHING},
    {S("nvidia.com/rdma*"), CATALOG_NOTHING},
    {S("nvidia.com/mlnx*"), CATALOG_NOTHING},
    {S("nvidia.com/gpu.shared"), CATALOG_SHARE},
    {S("nvidia.com/mig-*"), CATALOG_SLICE},
    {S("nvidia.com/*"), CATALOG_WHOLE},
    {S("amd.com/*"), CATALOG_WHOLE},
    {S("gpu.intel.com/*"), CATALOG_WHOLE},
    {S("npu.intel.com/*"), CATALOG_WHOLE},
    {S("habana.ai/*"), CATALOG_WHOLE},
    {S("google.com/tpu*"), CATALOG_WHOLE},
    {S("aws.amazon.com/neuron*"), CATALOG_WHOLE},
    {S("huawei.com/Ascend*"), CATALOG_WHOLE},
    {S("huawei.com/npu*"), CATALOG_WHOLE},
    {S("cambricon.com/*"), CATALOG_WHOLE},
    {S("hygon.com/*"), CATALOG_WHOLE},
    {S("mthreads.com/*"), CATALOG_WHOLE},
    {S("metax-tech.com/*"), CATALOG_WHOLE},
    {S("iluvatar.ai/*"), CATALOG_WHOLE},
    {S("deviceclass.resource.kubernetes.io/*"), CATALOG_WHOLE},
};

static const struct catalog_variable variables[] = {
    {S("NVIDIA_VISIBLE_DEVICES"), S("nvidia.com/")},       {S("AMD_VISIBLE_DEVICES"), S("amd.com/")},
    {S("HABANA_VISIBLE_DEVICES"), S("habana.ai/")},        {S("ASCEND_VISIBLE_DEVICES"), S("huawei.com/")},
    {S("CAMBRICON_VISIBLE_DEVICES"), S("cambricon.com/")}, {S("HYGON_VISIBLE_DEVICES"), S("hygon.com/")},
    {S("MTHREADS_VISIBLE_DEVICES"), S("mthreads.com/")},   {S("METAX_VISIBLE_DEVICES"), S("metax-tech.com/")},
    {S("ILUVATAR_VISIBLE_DEVICES"), S("iluvatar.ai/")},
};

static const struct str device_paths[] = {
    S("/dev/nvidia*"),                    /* devices, nvidia-caps, nvidiactl, nvidia-uvm */
    S("/dev/dri"),                        /* AMD and Intel render nodes */
    S("/dev/kfd"),                        /* AMD compute */
    S("/dev/char"),                       /* every character device, by its numbers */
    S("/dev/accel*"),                     /* Linux accel subsystem: Habana, Intel NPU, TPU */
    S("/dev/vfio"),                       /* passed-through devices */
    S("/dev/hl*"),                        /* Habana before the accel subsystem */
    S("/dev/neuron*"),                    /* AWS */
    S("/dev/davinci*"),                   /* Huawei */
    S("/dev/cambricon*"),                 /* Cambricon */
    S("/dev/mthreads*"),                  /* Moore Threads */
    S("/proc"),                           /* driver/nvidia grants MIG devices; PID/root leads to the host's /dev */
    S("/run/nvidia*"),                    /* the driver container's root, with its /dev */
    S("/var/run/nvidia*"),                /* the same by its old name */
    S("/run/cdi"),                        /* CDI specifications name devices for the runtime */
    S("/var/run/cdi"),                    /* the same by its old name */
    S("/etc/cdi"),                        /* the same, static */
    S("/var/lib/kubelet/device-plugins"), /* whoever writes here can pose as a device plugin */
    S("/var/lib/kubelet/plugins_registry"),
    S("/run/containerd"),     /* whoever speaks to the container runtime starts containers with any device */
    S("/var/run/containerd"), /* the same by its old name; so for the next ones */
    S("/run/crio"),
    S("/var/run/crio"),
    S("/run/docker*"),
    S("/var/run/docker*"),
    S("/run/k3s"),
    S("/var/run/k3s"),
    S("/etc/kubernetes/manifests"), /* static Pods: they run whatever is said to their mirrors */
};

static bool row_matches(struct str pattern, struct str name)
{
	if (str_ends(pattern, STR("*")))
		return str_starts(name, (struct str){pattern.ptr, pattern.len - 1});
	return str_eq(pattern, name);
}

const struct catalog_resource *catalog_find(struct str name)
{
	for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++)
		if (row_matches(resources[i].pattern, name))
			return &resources[i];
	return NULL;
}

bool catalog_overlaps(struct str glob)
{
	size_t literal = 0;
	while (literal < glob.len && glob.ptr[literal] != '*' && glob.ptr[literal] != '?')
		literal++;
	struct str start = {glob.ptr, literal};
	for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
		struct str pattern = resources[i].pattern;
		if (resources[i].kind == CATALOG_NOTHING)
			continue;
		if (str_ends(pattern, STR("*")))
			pattern.len--;
		if (str_starts(pattern, start) || str_starts(start, pattern))
			return true;
	}
	return false;
}

const struct catalog_resource *catalog_resources(size_t *count)
{
	*count = sizeof resources / sizeof resources[0];
	return resources;
}

const struct catalog_variable *catalog_variables(size_t *count)
{
	*count = sizeof variables / sizeof variables[0];
	return variables;
}

int catalog_variable(struct str name)
{
	if (!str_ends(name, STR("_VISIBLE_DEVICES"))) /* spares nearly all variables the table */
		return -1;
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		if (str_eq(variables[i].name, name))
			return (int)i;
	return -1;
}

const struct str *catalog_device_paths(size_t *count)
{
	*count = sizeof device_paths / sizeof device_paths[0];
	return device_paths;
}
