/*
 * catalog_names: the extended resources that are known without a policy, and their roles. The
 * comment above each group says where its names are documented. A name is a companion only if its
 * project requires another name with it that is an accelerator here. A resource that allocates a
 * part of a device by itself, as a percentage or an amount of memory, is a share.
 */
#include "policy/base/glob.h"
#include "policy/model/catalog.h"

#define R(domain, name, role)                                                                                          \
	{                                                                                                              \
		{domain "/" name, sizeof(domain "/" name) - 1}, sizeof(domain "/") - 1, ROLE_##role                    \
	}

/*
 * Rows of one domain are adjacent, and specific names come before the row whose name is a star. If
 * a vendor makes accelerators, that row makes every other name a device, so that a resource that
 * the device plugin was configured to rename does not bypass quotas. Companions and network devices
 * in such a domain therefore need rows of their own before it.
 */
static const struct catalog_resource resources[] = {
    /*
     * NVIDIA k8s-device-plugin, KubeVirt GPU device plugin (GA102GL_A10, pgpu), nos (gpu-10gb).
     * Network: NVIDIA network-operator, documentation of scalable functions in
     * sriov-network-device-plugin. Companions: the Helm chart of HAMi.
     */
    R("nvidia.com", "hostdev*", NETWORK),
    R("nvidia.com", "mlnxnics*", NETWORK),
    R("nvidia.com", "sriov*", NETWORK),
    R("nvidia.com", "rdma*", NETWORK),
    R("nvidia.com", "mlnx*", NETWORK),
    R("nvidia.com", "resib*", NETWORK),
    R("nvidia.com", "ib0", NETWORK),
    R("nvidia.com", "cx?_*", NETWORK),
    R("nvidia.com", "cx?dx_*", NETWORK),
    R("nvidia.com", "bf?_*", NETWORK),
    R("nvidia.com", "bf?-*", NETWORK),
    R("nvidia.com", "gpumem", COMPANION),
    R("nvidia.com", "gpumem-percentage", COMPANION),
    R("nvidia.com", "gpucores", COMPANION),
    R("nvidia.com", "priority", COMPANION),
    R("nvidia.com", "mig-*", SLICE),
    R("nvidia.com", "gpu.shared", SHARE),
    R("nvidia.com", "gpu-*gb", SHARE),
    R("nvidia.com", "gpu", DEVICE),
    R("nvidia.com", "pgpu", DEVICE), /* KubeVirt device plugin: passthrough of a whole GPU. */
    R("nvidia.com", "vgpu", DEVICE), /* KubeVirt device plugin: an NVIDIA vGPU. */
    R("nvidia.com", "*", DEVICE),
    /* ROCm k8s-device-plugin, network-operator of AMD, the Helm chart of HAMi. */
    R("amd.com", "nic", NETWORK),
    R("amd.com", "vnic", NETWORK),
    R("amd.com", "gpumem", COMPANION),
    R("amd.com", "gpucores", COMPANION),
    R("amd.com", "gpu", DEVICE),
    R("amd.com", "*", DEVICE),
    /*
     * intel-device-plugins-for-kubernetes (GPU plugin, its monitoring modes, GPU-aware scheduling).
     */
    R("gpu.intel.com", "millicores", COMPANION),
    R("gpu.intel.com", "memory.max", COMPANION),
    R("gpu.intel.com", "tiles", COMPANION),
    R("gpu.intel.com", "i915_monitoring", MONITOR),
    R("gpu.intel.com", "xe_monitoring", MONITOR),
    R("gpu.intel.com", "monitoring", MONITOR),
    R("gpu.intel.com", "i915", DEVICE),
    R("gpu.intel.com", "xe", DEVICE),
    R("gpu.intel.com", "*", DEVICE),
    R("npu.intel.com", "accel", DEVICE),
    R("npu.intel.com", "*", DEVICE),
    R("habana.ai", "gaudi", DEVICE),
    R("habana.ai", "*", DEVICE),
    /* Documentation of GKE, of today and of the first Cloud TPU nodes. */
    R("google.com", "tpu*", DEVICE),
    R("cloud-tpus.google.com", "*", DEVICE),
    /* AWS Neuron device plugin; aws-virtual-gpu-device-plugin. */
    R("aws.amazon.com", "neuron*", DEVICE),
    R("k8s.amazonaws.com", "vgpu", SHARE),
    /* DirectX device plugin of Windows Server, cluster-autoscaler. */
    R("microsoft.com", "directx", DEVICE),
    /*
     * Ascend device plugin (MindCluster), Huawei Cloud CCE (ascend-1980), the Helm chart of HAMi.
     */
    R("huawei.com", "Ascend*-memory", COMPANION),
    R("huawei.com", "Ascend*-core", COMPANION),
    R("huawei.com", "npu-core", SHARE),
    R("huawei.com", "Ascend*", DEVICE),
    R("huawei.com", "ascend*", DEVICE),
    R("huawei.com", "npu*", DEVICE),
    /* The Helm chart of HAMi; device plugins of the vendors. */
    R("cambricon.com", "mlu*.smlu.vmemory", COMPANION),
    R("cambricon.com", "mlu*.smlu.vcore", COMPANION),
    R("cambricon.com", "*", DEVICE),
    R("hygon.com", "dcumem", COMPANION),
    R("hygon.com", "dcucores", COMPANION),
    R("hygon.com", "hcumem", COMPANION),
    R("hygon.com", "hcucores", COMPANION),
    R("hygon.com", "*", DEVICE),
    R("mthreads.com", "sgpu-memory", COMPANION),
    R("mthreads.com", "sgpu-core", COMPANION),
    R("mthreads.com", "*", DEVICE),
    R("metax-tech.com", "vmemory", COMPANION),
    R("metax-tech.com", "vcore", COMPANION),
    R("metax-tech.com", "*", DEVICE),
    R("iluvatar.ai", "*.vMem", COMPANION),
    R("iluvatar.ai", "*.vCore", COMPANION),
    R("iluvatar.ai", "vcuda-memory", COMPANION),
    R("iluvatar.ai", "vcuda-core", COMPANION),
    R("iluvatar.ai", "*", DEVICE),
    R("iluvatar.com", "*", DEVICE),
    R("enflame.com", "vgcu-percentage", COMPANION),
    R("enflame.com", "gcu-core", COMPANION),
    R("enflame.com", "gcu-memory", SHARE), /* gcushare allocates GCUs by it alone. */
    R("enflame.com", "*", DEVICE),
    R("kunlunxin.com", "vxpu-memory", COMPANION),
    R("kunlunxin.com", "*", DEVICE),
    R("birentech.com", "*", DEVICE),
    R("vastaitech.com", "*", DEVICE),
    /* Device plugin of each project. */
    R("qualcomm.com", "qaic*", DEVICE),
    R("furiosa.ai", "*", DEVICE),
    R("beta.furiosa.ai", "*", DEVICE),
    R("rebellions.ai", "*", DEVICE),
    R("tenstorrent.com", "*", DEVICE),
    R("c600.graphcore.ai", "ipu", DEVICE),
    /*
     * GPUs named after a scheduler or cloud. Volcano deviceshare; the Helm chart of HAMi for
     * Volcano.
     */
    R("volcano.sh", "vgpu-memory", COMPANION),
    R("volcano.sh", "vgpu-memory-percentage", COMPANION),
    R("volcano.sh", "vgpu-cores", COMPANION),
    R("volcano.sh", "vgpu-number", SHARE),
    R("volcano.sh", "gpu-memory", SHARE),
    R("volcano.sh", "gpu-number", DEVICE),
    /* GPU share API of Koordinator: its webhook denies the other names without gpu.shared. */
    R("koordinator.sh", "gpu-memory", COMPANION),
    R("koordinator.sh", "gpu-memory-ratio", COMPANION),
    R("koordinator.sh", "gpu-core", COMPANION),
    R("koordinator.sh", "gpu.shared", SHARE),
    R("koordinator.sh", "gpu", SHARE),
    /* Alibaba Cloud ACK: gpushare and cGPU, ack-ppu-device-plugin. */
    R("aliyun.com", "gpu-mem", SHARE),
    R("aliyun.com", "gpu-core.*", SHARE),
    R("aliyun.com", "gpu-count", DEVICE),
    R("alibabacloud.com", "ppu*", DEVICE),
    /* Tencent GPU manager, TKE qGPU, Elastic GPU, nano-gpu. */
    R("tencent.com", "vcuda-core", SHARE),
    R("tencent.com", "vcuda-memory", SHARE),
    R("tke.cloud.tencent.com", "qgpu-*", SHARE),
    R("elasticgpu.io", "*gpu-core", SHARE),
    R("elasticgpu.io", "*gpu-memory", SHARE),
    R("elasticgpu.com", "gpu-core", SHARE),
    R("elasticgpu.com", "gpu-memory", SHARE),
    R("nano-gpu", "gpu-percent", SHARE),
    /* Volcengine mGPU; Baidu AI Cloud CCE, kunlunxpu/xpu-device-plugin; OpenXPU; Kuartis. */
    R("vke.volcengine.com", "mgpu-core", SHARE),
    R("vke.volcengine.com", "mgpu-memory", SHARE),
    R("baidu.com", "*_cgpu_*", COMPANION),
    R("baidu.com", "xpu-mem", COMPANION),
    R("baidu.com", "*_cgpu", SHARE),
    R("baidu.com", "xpu", DEVICE),
    R("openxpu.com", "xpu-shares", SHARE),
    R("k8s.kuartis.com", "vgpu", SHARE),
    /*
     * Devices of any type that a device class names (dynamic resource allocation). Those of a
     * compute domain are channels between GPUs, which are requested on their own.
     */
    R("deviceclass.resource.kubernetes.io", "compute-domain-*", NETWORK),
    R("deviceclass.resource.kubernetes.io", "*", DEVICE),
    /*
     * Not accelerators. k8s-rdma-shared-dev-plugin, AWS EFA and VPC resource controller, GKE
     * multi-networking, SR-IOV network operator of OpenShift, examples of
     * sriov-network-device-plugin.
     */
    R("rdma", "*", NETWORK),
    R("vpc.amazonaws.com", "*", NETWORK),
    R("networking.gke.io.networks", "*", NETWORK),
    R("openshift.io", "*", NETWORK),
    R("intel.com", "sriov*", NETWORK),
    R("intel.com", "intel_sriov*", NETWORK),
    /* KubeVirt, FUSE device plugins, intel-device-plugins-for-kubernetes. */
    R("devices.kubevirt.io", "*", OTHER),
    R("github.com", "fuse", OTHER),
    R("smarter-devices", "fuse", OTHER),
    R("sgx.intel.com", "*", OTHER),
    R("qat.intel.com", "*", OTHER),
    R("dsa.intel.com", "*", OTHER),
    R("iaa.intel.com", "*", OTHER),
    R("dlb.intel.com", "*", OTHER),
};

#define RESOURCES (sizeof resources / sizeof resources[0])

const char *role_words(enum role role)
{
	static const char *const words[ROLES] = {
	    [ROLE_DEVICE] = "a device",
	    [ROLE_SHARE] = "a share of a device",
	    [ROLE_SLICE] = "a MIG slice",
	    [ROLE_MONITOR] = "access to every device of the node",
	    [ROLE_COMPANION] = "a companion of a device",
	    [ROLE_NETWORK] = "a network device",
	    [ROLE_OTHER] = "no accelerator",
	    [ROLE_UNKNOWN] = "unknown",
	};
	return words[role];
}

const struct catalog_resource *catalog_find(struct str name)
{
	const char *slash = name.len ? memchr(name.ptr, '/', name.len) : NULL;
	if (!slash)
		return NULL;
	uint32_t domain = (uint32_t)(slash - name.ptr) + 1;
	struct str rest = str_tail(name, domain);
	for (size_t i = 0; i < RESOURCES; i++) {
		const struct catalog_resource *row = &resources[i];
		if (row->domain == domain && memcmp(row->pattern.ptr, name.ptr, domain) == 0 &&
		    glob_match(str_tail(row->pattern, domain), rest))
			return row;
	}
	return NULL;
}

const struct catalog_resource *catalog_overlap(struct str glob, bool (*wanted)(enum role role), bool specific)
{
	for (size_t i = 0; i < RESOURCES; i++) {
		const struct catalog_resource *row = &resources[i];
		bool whole_domain = row->pattern.len == row->domain + 1 && str_ends(row->pattern, STR("*"));
		if (wanted(row->role) && !(specific && whole_domain) && glob_overlaps(glob, row->pattern))
			return row;
	}
	return NULL;
}

const struct catalog_resource *catalog_resources(size_t *count)
{
	*count = RESOURCES;
	return resources;
}
