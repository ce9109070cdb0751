/*
 * catalog_access: how a Pod can reach devices without requesting them: variables, host paths and
 * annotations. Every row has a public source: the container runtime, device plugin or NRI plugin of
 * the vendor.
 */
#include "policy/model/catalog.h"

#include "policy/base/path.h"

#define S STR_INIT

/*
 * The third column says that the runtime of the vendor is known to accept `void`. Only then may the
 * void mode add the variable to containers that lack it: other runtimes might fail to start any
 * container on their nodes.
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
    {S("CXPU_VISIBLE_DEVICES"), S("kunlunxin.com/"), true},         /* xpu-container-toolkit */
    {S("AWS_NEURON_VISIBLE_DEVICES"), S("aws.amazon.com/"), false}, /* oci-neuron-hook */
    {S("IX_VISIBLE_DEVICES"), S("iluvatar.com/"), false},           /* ix-container-toolkit */
    {S("ENFLAME_VISIBLE_DEVICES"), S("enflame.com/"), false},       /* Enflame */
    {S("BIREN_VISIBLE_DEVICES"), S("birentech.com/"), false},       /* Biren */
    {S("HCU_VISIBLE_DEVICES"), S("hygon.com/"), true},              /* hcu-container-toolkit */
    {S("VHCU_VISIBLE_DEVICES"), S("hygon.com/"), false},            /* hcu-container-toolkit */
    {S("MIG_VISIBLE_DEVICES"), S("hygon.com/"), false},             /* hcu-container-toolkit */
    {S("XDXCT_VISIBLE_DEVICES"), S("xdxct.com/"), true},            /* XDXCT */
    {S("METHERDS_VISIBLE_DEVICES"), S("mthreads.com/"), false},     /* Moore Threads (sic) */
    {S("DCU_VISIBLE_DEVICES"), S("hygon.com/"), false},             /* dcu-container-runtime */
    {S("TSINGMICRO_VISIBLE_DEVICES"), S("tsingmicro.com/"), false}, /* Tsingmicro */
    /* Hygon. NVIDIA's runtime reads it, too, if its option `swarm-resource` is set. */
    {S("DOCKER_RESOURCE_*"), S("hygon.com/"), false},
};

/*
 * `/run` also stands for `/var/run`; see path_normalize. Parents of a row are denied, too, because
 * it can be reached through them. Therefore no row is in a folder that ordinary Pods mount, such as
 * /tmp.
 */
static const struct str device_paths[] = {
    /* Device nodes. */
    S("/dev/nvidia*"),      /* NVIDIA: devices, nvidia-caps, nvidiactl, nvidia-uvm. */
    S("/dev/nvhost*"),      /* NVIDIA Jetson. */
    S("/dev/nvmap"),        /* NVIDIA Jetson. */
    S("/dev/nvgpu*"),       /* NVIDIA Jetson. */
    S("/dev/dxg"),          /* A GPU in WSL. */
    S("/dev/dri"),          /* Render nodes of AMD, Intel, Moore Threads, MetaX and Hygon. */
    S("/dev/kfd"),          /* AMD compute. */
    S("/dev/mkfd"),         /* Hygon. */
    S("/dev/accel*"),       /* Linux's accel subsystem: Habana, Intel, TPU, Qualcomm. Tsingmicro. */
    S("/dev/hl*"),          /* Habana before the accel subsystem. */
    S("/dev/apex_*"),       /* Google Coral. */
    S("/dev/neuron*"),      /* AWS. */
    S("/dev/davinci*"),     /* Huawei. */
    S("/dev/hisi_hdc"),     /* Huawei. */
    S("/dev/devmm_svm"),    /* Huawei. */
    S("/dev/cambricon*"),   /* Cambricon. */
    S("/dev/mthreads*"),    /* Moore Threads. */
    S("/dev/mtgpu*"),       /* Moore Threads. */
    S("/dev/mxcd"),         /* MetaX. */
    S("/dev/iluvatar*"),    /* Iluvatar. */
    S("/dev/xpu*"),         /* Kunlunxin: xpu0, xpuctrl. */
    S("/dev/gcu*"),         /* Enflame: gcu0, gcuctl. */
    S("/dev/alixpu*"),      /* Alibaba. */
    S("/dev/biren*"),       /* Biren. */
    S("/dev/vastai*"),      /* Vastai. */
    S("/dev/npu*"),         /* Furiosa. */
    S("/dev/rbln*"),        /* Rebellions. */
    S("/dev/tenstorrent*"), /* Tenstorrent. */
    S("/dev/ipu*"),         /* Graphcore. */
    S("/dev/vfio"),         /* Devices for passthrough. */
    S("/dev/char"),         /* Every character device, by its number. */
    S("/dev/mem"),          /* The memory of the node, including mapped device memory. */
    S("/proc"),             /* driver/nvidia grants MIG devices; PID/root shows the node's /dev. */
    S("/sys/fs/cgroup"),    /* Decides which devices a container may open. */
    S("/run/nvidia*"),      /* The root of the driver container, with its /dev. */
    /* These tell a runtime which devices a container gets. */
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
    /* Sockets and state of runtimes: a client of a runtime can start containers with any device. */
    S("/run/containerd"),
    S("/run/host-containerd"), /* Bottlerocket. */
    S("/run/dockershim*"),     /* Bottlerocket. */
    S("/run/crio"),
    S("/run/docker*"),
    S("/run/cri-dockerd*"),
    S("/run/podman"),
    S("/run/user"), /* Rootless runtimes. */
    S("/run/isula*"),
    S("/run/k3s"), /* k3s and RKE2. */
    S("/run/k0s"),
    S("/var/lib/containerd"),
    S("/var/lib/containers"),
    S("/var/lib/docker"),
    S("/var/lib/k0s"),
    S("/var/lib/rancher"), /* k3s and RKE2, with their static Pods. */
    S("/var/snap/microk8s"),
    /*
     * The kubelet: a process that reaches these can pose as a device plugin, or add static Pods,
     * which run even if their mirror Pods are denied.
     */
    S("/var/lib/kubelet"),
    S("/etc/kubernetes"),
    S("/etc/kubelet.d"),
    S("/etc/rancher"),
    S("/etc/k0s"),
    /* These start processes on the node. */
    S("/run/systemd"),
    S("/etc/systemd"),
    S("/run/dbus"),
    S("/etc/cron*"),
    S("/var/spool/cron"),
    S("/opt/cni"),
    S("/etc/cni"),
};

/*
 * A user who can set one of these annotations chooses devices or host folders for containers. The
 * key is a row, or a row followed by a slash and more.
 */
static const struct str device_annotations[] = {
    S("cdi.k8s.io"),                   /* CDI: runtimes that pass on Pod annotations; Kata. */
    S("nvidia.cdi.k8s.io"),            /* The NRI plugin of NVIDIA's container toolkit. */
    S("cdi.nri.io"),                   /* An NRI plugin for CDI. */
    S("cdi-devices.noderesource.dev"), /* NRI's device injector: CDI devices. */
    S("cdi-devices.nri.io"),           /* The same; old name. */
    S("devices.noderesource.dev"),     /* The same: device nodes. */
    S("devices.nri.io"),               /* The same; old name. */
    S("mounts.noderesource.dev"),      /* The same: host folders. */
    S("mounts.nri.io"),                /* The same; old name. */
    S("devices.gke.io"),               /* The device injector of GKE. */
    S("io.kubernetes.cri-o.Devices"),  /* CRI-O, if a runtime class allows the annotation. */
    S("devices.crio.io"),              /* CRI-O from 1.35 on. */
    /* Koordinator sets NVIDIA_VISIBLE_DEVICES from it. */
    S("scheduling.koordinator.sh/device-allocated"),
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
	/*
	 * This excludes nearly all variables without a search. The match conditions of the webhooks
	 * use the same test.
	 */
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

/*
 * Whether a path is the pattern, is below it, or is one of its parents, through which it can be
 * reached.
 */
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

bool catalog_hides_devices(struct str value)
{
	return value.len == 0 || str_eq(value, STR("void")) || str_eq(value, STR("none"));
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

bool catalog_is_device_mount(struct str path)
{
	static const struct str parent = {"/run/", 5}, root = {"-container-devices", 18};
	char normal[PATH_BYTES_MAX];
	size_t len;
	if (!path_normalize(path, normal, &len))
		return true;
	struct str at = {normal, len};
	if (!str_starts(at, parent))
		return false;
	at = str_tail(at, parent.len);
	for (; at.len > 0 && at.ptr[0] != '/'; at = str_tail(at, 1))
		if (str_starts(at, root))
			return true;
	return false;
}
