#include "policy/catalog.h"

#define S(literal)                                                                                                     \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

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
