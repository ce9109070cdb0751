/*
 * The part of the catalog that says how a Pod can reach devices without asking for them: variables, host paths and
 * annotations. Every row has a public source: the vendor's container runtime, device plugin or NRI plug-in.
 */
#include "policy/model/catalog.h"

#define S(literal)                                                                                                     \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

/*
 * The third column says that the vendor's runtime is known to take `void`. Only then may void mode add the variable to
 * containers that do not have it: a runtime that does not know the word could refuse to start every container of its nodes.
 */
static const struct catalog_variable variables[] = {
    {S("NVIDIA_VISIBLE_DEVICES"), S("nvidia.com/"), true},
    {S("AMD_VISIBLE_DEVICES"), S("amd.com/"), true},
    {S("HABANA_VISIBLE_DEVICES"), S("habana.ai/"), true},
    {S("ASCEND_VISIBLE_DEVICES"), S("huawei.com/"), true},
    {S("CAMBRICON_VISIBLE_DEVICES"), S("cambricon.com/"), true},
    {S("HYGON_VISIBLE_DEVICES"), S("hygon.com/"), true},
    {S("MTHREADS_VISIBLE_DEVICES"), S("mthreads.com/"), true},
    {S("METAX_VISIBLE_DEVICES"), S("metax-tech.com/"), true},
    {S("ILUVATAR_VISIBLE_DEVICES"), S("iluvatar.ai/"), true},
    {S("CXPU_VISIBLE_DEVICES"), S("kunlunxin.com/"), true},         /* Kunlunxin's xpu-container-toolkit */
    {S("AWS_NEURON_VISIBLE_DEVICES"), S("aws.amazon.com/"), false}, /* AWS's oci-neuron-hook */
    {S("IX_VISIBLE_DEVICES"), S("iluvatar.com/"), false},           /* Iluvatar's ix-container-toolkit */
    {S("ENFLAME_VISIBLE_DEVICES"), S("enflame.com/"), false},       /* Enflame's container toolkit */
    {S("BIREN_VISIBLE_DEVICES"), S("birentech.com/"), false},       /* Biren's container toolkit */
    {S("HCU_VISIBLE_DEVICES"), S("hygon.com/"), true},   /* Hygon's hcu-container-toolkit, and so are the next two */
    {S("VHCU_VISIBLE_DEVICES"), S("hygon.com/"), false}, /* */
    {S("MIG_VISIBLE_DEVICES"), S("hygon.com/"), false},  /* */
    {S("XDXCT_VISIBLE_DEVICES"), S("xdxct.com/"), true}, /* XDXCT's container toolkit */
    {S("METHERDS_VISIBLE_DEVICES"), S("mthreads.com/"),
     false},                                            /* Moore Threads' container toolkit, misspelled as here */
    {S("DCU_VISIBLE_DEVICES"), S("hygon.com/"), false}, /* Hygon's dcu-container-runtime */
    {S("TSINGMICRO_VISIBLE_DEVICES"), S("tsingmicro.com/"), false}, /* Tsingmicro's container runtime */
    {S("DOCKER_RESOURCE_*"), S("hygon.com/"), false}, /* Hygon's toolkit; NVIDIA's by its option swarm-resource */
};

/*
 * `/run` stands for `/var/run` as well, see path_normalize. Folders above a row are refused, too, because the row can
 * be reached through them; so no row lies in a folder that ordinary Pods mount, such as /tmp.
 */
static const struct str device_paths[] = {
    /* Device nodes. */
    S("/dev/nvidia*"),      /* NVIDIA: devices, nvidia-caps, nvidiactl, nvidia-uvm */
    S("/dev/nvhost*"),      /* NVIDIA Jetson, and so are the next two */
    S("/dev/nvmap"),        /* */
    S("/dev/nvgpu*"),       /* */
    S("/dev/dxg"),          /* a GPU under WSL */
    S("/dev/dri"),          /* render nodes of AMD, Intel, Moore Threads, MetaX, Hygon */
    S("/dev/kfd"),          /* AMD compute */
    S("/dev/mkfd"),         /* Hygon */
    S("/dev/accel*"),       /* the accel subsystem of Linux: Habana, Intel NPU, TPU, Qualcomm; Tsingmicro */
    S("/dev/hl*"),          /* Habana before the accel subsystem */
    S("/dev/apex_*"),       /* Google Coral */
    S("/dev/neuron*"),      /* AWS */
    S("/dev/davinci*"),     /* Huawei, and so are the next two */
    S("/dev/hisi_hdc"),     /* */
    S("/dev/devmm_svm"),    /* */
    S("/dev/cambricon*"),   /* Cambricon */
    S("/dev/mthreads*"),    /* Moore Threads */
    S("/dev/mtgpu*"),       /* the same */
    S("/dev/mxcd"),         /* MetaX */
    S("/dev/iluvatar*"),    /* Iluvatar */
    S("/dev/xpu*"),         /* Kunlunxin: xpu0, xpuctrl */
    S("/dev/gcu*"),         /* Enflame: gcu0, gcuctl */
    S("/dev/alixpu*"),      /* Alibaba */
    S("/dev/biren*"),       /* Biren */
    S("/dev/vastai*"),      /* Vastai */
    S("/dev/npu*"),         /* Furiosa */
    S("/dev/rbln*"),        /* Rebellions */
    S("/dev/tenstorrent*"), /* Tenstorrent */
    S("/dev/ipu*"),         /* Graphcore */
    S("/dev/vfio"),         /* devices that are passed through */
    S("/dev/char"),         /* every character device, by its numbers */
    S("/dev/mem"),          /* the memory of the node, and what devices have mapped into it */
    S("/proc"),             /* driver/nvidia grants MIG devices; PID/root leads to the node's /dev */
    S("/sys/fs/cgroup"),    /* says which devices a container may open */
    S("/run/nvidia*"),      /* the root of the driver container, with its /dev */
    /* What tells a runtime which devices a container gets. */
    S("/run/cdi"),
    S("/etc/cdi"),
    S("/run/nri"),
    S("/opt/nri"),
    S("/etc/nri"),
    S("/etc/nvidia-container-runtime"),
    S("/etc/containerd"),
    S("/etc/crio"),
    S("/etc/containers"),
    S("/etc/docker"),
    /* Sockets and state of runtimes: whoever speaks to a runtime starts containers with any device. */
    S("/run/containerd"),
    S("/run/host-containerd"), /* Bottlerocket */
    S("/run/dockershim*"),     /* Bottlerocket */
    S("/run/crio"),
    S("/run/docker*"),
    S("/run/cri-dockerd*"),
    S("/run/podman"),
    S("/run/user"), /* rootless runtimes */
    S("/run/isula*"),
    S("/run/k3s"), /* k3s and RKE2 */
    S("/run/k0s"),
    S("/var/lib/containerd"),
    S("/var/lib/containers"),
    S("/var/lib/docker"),
    S("/var/lib/k0s"),
    S("/var/lib/rancher"), /* k3s and RKE2, with their static Pods */
    S("/var/snap/microk8s"),
    /* The kubelet: device plugins pose there, and static Pods run whatever is said to their mirrors. */
    S("/var/lib/kubelet"),
    S("/etc/kubernetes"),
    S("/etc/kubelet.d"),
    S("/etc/rancher"),
    S("/etc/k0s"),
    /* What starts processes on the node. */
    S("/run/systemd"),
    S("/etc/systemd"),
    S("/run/dbus"),
    S("/etc/cron*"),
    S("/var/spool/cron"),
    S("/opt/cni"),
    S("/etc/cni"),
};

/* Whoever may write the key of such a domain, alone or before a slash, chooses devices or host folders for containers. */
static const struct str device_annotations[] = {
    S("cdi.k8s.io"),                                 /* CDI: runtimes that pass Pods' annotations on, Kata */
    S("nvidia.cdi.k8s.io"),                          /* the NRI plug-in of NVIDIA's container toolkit */
    S("cdi.nri.io"),                                 /* an NRI plug-in for CDI */
    S("cdi-devices.noderesource.dev"),               /* NRI's device injector, and so are the next ones */
    S("cdi-devices.nri.io"),                         /* by its old name */
    S("devices.noderesource.dev"),                   /* device nodes */
    S("devices.nri.io"),                             /* by its old name */
    S("mounts.noderesource.dev"),                    /* host folders */
    S("mounts.nri.io"),                              /* by its old name */
    S("devices.gke.io"),                             /* the device injector of GKE */
    S("io.kubernetes.cri-o.Devices"),                /* CRI-O, where a runtime class allows the annotation */
    S("devices.crio.io"),                            /* the same since CRI-O 1.35 */
    S("scheduling.koordinator.sh/device-allocated"), /* Koordinator sets NVIDIA_VISIBLE_DEVICES by it */
};

/* Read by KAI and Run:ai. */
static const struct str fraction_annotations[] = {S("gpu-fraction"), S("gpu-memory"), S("gpu-fraction-num-devices")};

const struct catalog_variable *catalog_variables(size_t *count)
{
	*count = sizeof variables / sizeof variables[0];
	return variables;
}

int catalog_variable(struct str name)
{
	/* Spares nearly all variables the table. The condition of the webhooks tells them apart in the same way. */
	if (!str_ends(name, STR("_VISIBLE_DEVICES")) && !str_starts(name, STR("DOCKER_RESOURCE_")))
		return -1;
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		struct str known = variables[i].name;
		bool open = str_ends(known, STR("*"));
		if (open)
			known.len--;
		if (open ? str_starts(name, known) : str_eq(name, known))
			return (int)i;
	}
	return -1;
}

const struct str *catalog_device_paths(size_t *count)
{
	*count = sizeof device_paths / sizeof device_paths[0];
	return device_paths;
}

/* Whether a path is the pattern, something below it, or one of its parents, through which it is reached. */
static bool path_reaches(struct str path, struct str pattern)
{
	bool open = str_ends(pattern, STR("*"));
	if (open)
		pattern.len--;
	if (path.len < pattern.len || (!open && path.len == pattern.len))
		return str_starts(pattern, path) && (path.len == pattern.len || pattern.ptr[path.len] == '/');
	return str_starts(path, pattern) && (open || path.ptr[pattern.len] == '/');
}

bool catalog_reaches_devices(struct str path)
{
	for (size_t i = 0; i < sizeof device_paths / sizeof device_paths[0]; i++)
		if (path_reaches(path, device_paths[i]))
			return true;
	return false;
}

const struct str *catalog_device_annotations(size_t *count)
{
	*count = sizeof device_annotations / sizeof device_annotations[0];
	return device_annotations;
}

bool catalog_is_device_annotation(struct str key)
{
	for (size_t i = 0; i < sizeof device_annotations / sizeof device_annotations[0]; i++) {
		struct str domain = device_annotations[i];
		if (str_starts(key, domain) && (key.len == domain.len || key.ptr[domain.len] == '/'))
			return true;
	}
	return false;
}

const struct str *catalog_fraction_annotations(size_t *count)
{
	*count = sizeof fraction_annotations / sizeof fraction_annotations[0];
	return fraction_annotations;
}

bool catalog_is_fraction_annotation(struct str key)
{
	for (size_t i = 0; i < sizeof fraction_annotations / sizeof fraction_annotations[0]; i++)
		if (str_eq(key, fraction_annotations[i]))
			return true;
	return false;
}
