/*
 * catalog_labels: labels that tools of vendors and clouds set on nodes. It lists only those that
 * users write into a policy, in order to recognize a misspelled one.
 */
#include "gpugate/suggest.h"
#include "policy/model/catalog.h"

#define L(text)                                                                                                        \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

static const struct str labels[] = {
    /* GPU Feature Discovery, NVIDIA GPU Operator. */
    L("nvidia.com/gpu.product"),
    L("nvidia.com/gpu.count"),
    L("nvidia.com/gpu.family"),
    L("nvidia.com/gpu.machine"),
    L("nvidia.com/gpu.memory"),
    L("nvidia.com/gpu.present"),
    L("nvidia.com/gpu.replicas"),
    L("nvidia.com/gpu.compute.major"),
    L("nvidia.com/gpu.compute.minor"),
    L("nvidia.com/gpu.sharing-strategy"),
    L("nvidia.com/mig.capable"),
    L("nvidia.com/mig.config"),
    L("nvidia.com/mig.config.state"),
    L("nvidia.com/mig.strategy"),
    L("nvidia.com/mps.capable"),
    L("nvidia.com/device-plugin.config"),
    L("nvidia.com/vgpu.present"),
    L("nvidia.com/vgpu.config"),
    L("nvidia.com/vgpu.config.state"),
    L("nvidia.com/cc.capable"),
    /* AMD's node labeler. */
    L("amd.com/gpu.product-name"),
    L("amd.com/gpu.device-id"),
    L("amd.com/gpu.family"),
    L("amd.com/gpu.vram"),
    L("amd.com/gpu.cu-count"),
    /* GKE, EKS, and Kubernetes itself. */
    L("cloud.google.com/gke-accelerator"),
    L("cloud.google.com/gke-accelerator-count"),
    L("cloud.google.com/gke-gpu-partition-size"),
    L("cloud.google.com/gke-gpu-sharing-strategy"),
    L("cloud.google.com/gke-nodepool"),
    L("cloud.google.com/gke-spot"),
    L("cloud.google.com/gke-tpu-accelerator"),
    L("cloud.google.com/gke-tpu-topology"),
    L("k8s.amazonaws.com/accelerator"),
    L("node.kubernetes.io/instance-type"),
    L("beta.kubernetes.io/instance-type"), /* Deprecated since Kubernetes 1.17, but still set. */
    L("topology.kubernetes.io/zone"),
    L("topology.kubernetes.io/region"),
};

#define LABELS (sizeof labels / sizeof labels[0])

/* Returns the number of bytes of a key up to and including its slash; 0 if it has none. */
static size_t domain_of(struct str key)
{
	const char *slash = key.len ? memchr(key.ptr, '/', key.len) : NULL;
	return slash ? (size_t)(slash - key.ptr) + 1 : 0;
}

static bool is_near(struct str wrong, struct str right)
{
	return (wrong.len > right.len ? wrong.len - right.len : right.len - wrong.len) <= 1 &&
	       str_present(suggest_word(wrong, &right, 1, sizeof right));
}

bool catalog_is_label(struct str key)
{
	for (size_t i = 0; i < LABELS; i++)
		if (str_eq(key, labels[i]))
			return true;
	return false;
}

struct str catalog_near_label(struct str key)
{
	size_t domain = domain_of(key);
	for (size_t i = 0; i < LABELS && domain && !catalog_is_label(key); i++) {
		size_t end = domain_of(labels[i]);
		struct str own = {key.ptr, domain}, known = {labels[i].ptr, end};
		struct str rest = str_tail(key, domain), right = str_tail(labels[i], end);
		if (str_eq(own, known) ? is_near(rest, right) : str_eq(rest, right) && is_near(own, known))
			return labels[i];
	}
	return (struct str){NULL, 0};
}
