#include "gpugate/lint_id.h"

#define ERROR SEVERITY_ERROR
#define WARNING SEVERITY_WARNING
#define ROW(id, severity, what, remedy) ROW_ABOUT(id, severity, LINT_OF_POLICIES, what, remedy)
#define MANIFEST_ROW(id, severity, what, remedy) ROW_ABOUT(id, severity, LINT_OF_MANIFESTS, what, remedy)
#define ROW_ABOUT(id, severity, about, what, remedy)                                                                   \
	{                                                                                                              \
		{id, sizeof(id) - 1}, severity, about, what, remedy                                                    \
	}

const struct lint_row lint_rows[LINT_IDS] = {
    [LINT_AMBIGUOUS_NAMESPACE] =
	ROW("ambiguous-namespace", WARNING,
	    "Two Tenants claim the same namespace with equal right: by patterns of one length, or by selectors of "
	    "which one "
	    "matches all that the other does. Accelerator Pods there are refused.",
	    "Name the namespace exactly in one of the Tenants, lengthen a pattern, or add a label to a selector."),
    [LINT_API_VERSION_WRONG] = MANIFEST_ROW(
	"api-version-wrong", ERROR,
	"A manifest of the Prometheus Operator, such as a ServiceMonitor, has `apiVersion: v1`, where the API server knows no such kind.",
	"Write `apiVersion: monitoring.coreos.com/v1`; `--fix` does it."),
    [LINT_AUDIT_REFUSES] = ROW(
	"audit-refuses", WARNING,
	"`enforcement: audit` refuses nothing, but with `quotaFailurePolicy: Fail`, the default, the API server still "
	"refuses Pods that ask for accelerators while gpugate does not answer.",
	"Set `quotaFailurePolicy: Ignore` for as long as quotas are only audited."),
    [LINT_AUTOSCALER_ABOVE_QUOTA] = MANIFEST_ROW(
	"autoscaler-above-quota", WARNING,
	"A HorizontalPodAutoscaler, or a ScaledObject of KEDA, may ask for more Pods of a workload in the same input than fit into the quotas of the policy, even where nothing else is held.",
	"Lower `maxReplicas` to the number that fits, or raise the quota."),
    [LINT_CHILD_ABOVE_PARENT] = ROW(
	"child-above-parent", WARNING,
	"A Tenant's `hard` is above what a Tenant above it can hold (`hard` and `borrowUpTo`) of the same resources in "
	"the same measure, so that it is never reached.",
	"Lower the child's limit, raise the parent's, or write `hard: unlimited` in the child if only the parent is to "
	"limit it."),
    [LINT_CLAIM_CHARGE_UNUSED] = ROW(
	"claim-charge-unused", WARNING,
	"`chargeClaims` of Settings says how claims are counted, but the policy counts none: no Accelerator lists a "
	"device class, and `unknownResources` is not deny.",
	"List the device classes in `deviceClasses` of their Accelerators, or remove `chargeClaims`."),
    [LINT_CLAIM_COSTS_MORE] =
	ROW("claim-costs-more", WARNING,
	    "A Rule turns requests into claims that cost more, so the same Pods cost more than without the Rule. "
	    "Claims are charged by their device class, as the most expensive of the Accelerators that list it. And a "
	    "claim is for a whole device, also where the Pods request a share of one.",
	    "Give each Accelerator a device class of its own, which the DRA driver's DeviceClasses select, and request "
	    "it in the template. Do not turn shares into claims, or size the quotas for whole devices."),
    [LINT_CLAIM_MEMORY_UNIT] = MANIFEST_ROW(
	"claim-memory-unit", WARNING,
	"A claim requests a capacity of a few bytes, because the unit is missing. It gets the smallest part of a device that the driver makes.",
	"Add the unit, such as `6Gi`."),
    [LINT_CLAIM_REFUSED] =
	ROW("claim-refused", WARNING,
	    "A Rule gives Pods claims from a template that a Guard does not allow, so that all these Pods are refused.",
	    "List the template in `resourceClaims.templates` of the Guard, remove `resourceClaims` from its `deny`, "
	    "or exempt the namespaces."),
    [LINT_CLAIM_REQUEST_WRONG] = MANIFEST_ROW(
	"claim-request-wrong", ERROR,
	"A request of a claim, or the claim of a Pod, has a form that the API server refuses. In `resource.k8s.io/v1`, a request has either `exactly` or `firstAvailable`, and below that a device class and what else says which devices. Capacities are quantities, such as 6Gi. A Pod names a claim or a template, and not both.",
	"Write it as its version of the API has it."),
    [LINT_CLAIM_UNCOUNTED] =
	ROW("claim-uncounted", WARNING,
	    "A Guard allows claims of the device class of an accelerator, such as gpu.nvidia.com, although no "
	    "Accelerator lists a device class. No quota counts claims then, so that such claims use devices beyond "
	    "all quotas.",
	    "List the class in `deviceClasses` or `mig.deviceClasses` of its Accelerator, so that claims of it are "
	    "counted, or allow only classes of other devices in `resourceClaims.classes`."),
    [LINT_CLAIM_UNDEFINED] = MANIFEST_ROW(
	"claim-undefined", ERROR,
	"A container uses a claim that `spec.resourceClaims` does not list, and the API server refuses the Pod.",
	"List the claim there, or correct its name in the container."),
    [LINT_CLAIM_UNUSED] = MANIFEST_ROW(
	"claim-unused", WARNING,
	"A Pod has a resource claim that no container uses, so that a device is allocated and nothing sees it.",
	"Name the claim in `resources.claims` of a container, or remove it."),
    [LINT_CONFIG_DIFFERS] =
	ROW("config-differs", WARNING,
	    "An Accelerator says something else than the configuration that its `sharing.devicePluginConfig` or "
	    "`mig.offeredFrom` names. What the Accelerator says is used.",
	    "Correct one of them, or leave the key out of the Accelerator."),
    [LINT_CONFIG_KEY_IGNORED] = ROW(
	"config-key-ignored", WARNING,
	"A configuration that an Accelerator names has a key that has no effect: it is nearly the name of another key, "
	"or the device plugin ignores it. In a manifest, so does one in a ConfigMap.",
	"Correct the key, or remove it."),
    [LINT_CONFIG_MISSING] =
	ROW("config-missing", WARNING,
	    "An Accelerator names a configuration file that does not exist, and does not say the same itself. Without "
	    "the file "
	    "its devices count as whole, and all its MIG profiles as offered.",
	    "Add the file, correct its name, or write the keys that would be read from it."),
    [LINT_COUNT_WITH_UNIT] =
	ROW("count-with-unit", ERROR, "A limit on devices or GPUs has a unit of memory, such as `560Gi` or `80G`.",
	    "Write `measure: memory` for an amount of memory, else the number of devices."),
    [LINT_DEVICE_ANNOTATION] = MANIFEST_ROW(
	"device-annotation", WARNING,
	"An annotation of a Pod gives its containers devices that no quota counts. A Guard with `deviceAnnotations` refuses it.",
	"Remove the annotation, and request an accelerator in `resources.limits`."),
    [LINT_DEVICE_CLASS_WRONG] = MANIFEST_ROW(
	"device-class-wrong", ERROR,
	"A device claim has the name of an extended resource, such as nvidia.com/gpu, where that of a DeviceClass belongs, which has no slash.",
	"Name the DeviceClass, such as gpu.nvidia.com or mig.nvidia.com."),
    [LINT_DEVICE_PATH] = MANIFEST_ROW(
	"device-path", WARNING,
	"A Pod mounts device files of accelerators from its node, which no quota counts. A Guard with `hostDeviceMounts` refuses it.",
	"Remove the volume, and request an accelerator in `resources.limits`."),
    [LINT_DEVICE_PLUGIN_CONFIG] = MANIFEST_ROW(
	"device-plugin-config", WARNING,
	"A ConfigMap holds a configuration of NVIDIA's device plugin that the plugin cannot read, so that its nodes advertise no GPUs.",
	"Correct the key or the value. The API server does not check it."),
    [LINT_DEVICE_VOLUME] = MANIFEST_ROW(
	"device-volume", WARNING,
	"A container mounts a path by which a container runtime chooses devices that no quota counts. A Guard with `deviceVolumeMounts` refuses it.",
	"Remove the mount, and request an accelerator in `resources.limits`."),
    [LINT_EXEMPT_BROAD] = ROW(
	"exempt-broad", WARNING,
	"An exemption covers everybody, a controller of Kubernetes and so the Pods of all workloads, every namespace, "
	"or a ServiceAccount that any Tenant can create.",
	"Name the component that has to be exempt, such as `system:serviceaccount:gpu-operator:*`."),
    [LINT_EXEMPT_KUBE_SYSTEM] =
	ROW("exempt-kube-system", WARNING,
	    "`exempt.namespaces` does not list kube-system, which is exempt only as long as the key is left out.",
	    "Add `kube-system`, write an empty list to exempt no namespace, or give kube-system to a Tenant."),
    [LINT_EXEMPT_TENANT] = ROW("exempt-tenant", WARNING,
			       "Settings exempt a namespace, or all namespaces of a pattern, of a Tenant or a Rule.",
			       "Make the exemption narrower, or remove the namespace from the Tenant or Rule."),
    [LINT_FILE_IGNORED] =
	ROW("file-ignored", WARNING,
	    "A file is ignored because of its name, although it seems to hold policy: it ends in .YAML, .YML or the "
	    "like, or in "
	    ".json and holds `gpugate.io/v1`.",
	    "Rename it to end in .yaml or .yml (YAML readers read JSON), or move it out of the folder."),
    [LINT_FRACTION_ANNOTATION] = MANIFEST_ROW(
	"fraction-annotation", WARNING,
	"An annotation of a Pod asks a scheduler for a part of a GPU that no quota counts. A Guard with `fractionAnnotations` refuses it.",
	"Remove the annotation, and request an accelerator in `resources.limits`."),
    [LINT_GANGS_NO_CHANGE] = ROW(
	"gangs-no-change", WARNING,
	"A Rule with `gangs` changes no Pod, but has `required` or `onConflict`, which are only about what a Rule changes.",
	"Remove `required` and `onConflict`."),
    [LINT_GANGS_NOT_ENFORCED] = ROW(
	"gangs-not-enforced", WARNING,
	"A Rule with `gangs` has `enforcement: warn` or `audit`, so that it has no effect on groups of Pods: they are "
	"admitted one by one, and nothing says so.",
	"Remove `enforcement`, or `gangs`."),
    [LINT_GANGS_REWRITTEN] =
	ROW("gangs-rewritten", WARNING,
	    "A Rule with `gangs` rewrites a resource that its own `match.requests` names. Whether it is for a Pod is "
	    "seen after all rewrites, when the Pod no longer requests that name.",
	    "Move `gangs` to a Rule of its own, without that name in its `match.requests`."),
    [LINT_GANGS_SHADOWED] =
	ROW("gangs-shadowed", WARNING,
	    "The `gangs` of a Rule never act, because an earlier Rule with `gangs` is for every Pod.",
	    "Give the Rule a lower `order`, or the earlier one a `match`."),
    [LINT_GPU_OPERATOR_VERSION] = MANIFEST_ROW(
	"gpu-operator-version", WARNING,
	"The chart `gpu-operator` is wanted in a version, or by a constraint such as `~2.0`, that no release matches: after 1.11, versions are by calendar. It is read in an Application or ApplicationSet of Argo CD, a HelmRelease of Flux, a HelmChart of K3s, the `dependencies` of a Chart.yaml, and the `helmCharts` of a kustomization.",
	"Write a version that exists, such as v26.7.0."),
    [LINT_HPA_METRIC] = MANIFEST_ROW(
	"hpa-metric", WARNING,
	"A HorizontalPodAutoscaler has a Resource metric of an accelerator. Resource metrics are cpu and memory only, so it never scales by that one.",
	"Use a Pods or External metric, such as DCGM_FI_PROF_GR_ENGINE_ACTIVE."),
    [LINT_HPA_SCALES_TO_ZERO] = MANIFEST_ROW(
	"hpa-scales-to-zero", ERROR,
	"A HorizontalPodAutoscaler has `minReplicas: 0` and no metric that is there without Pods, and the API server refuses it.",
	"Add an Object or External metric, or write `minReplicas: 1`. Before Kubernetes 1.37, 0 also needs the feature gate `HPAScaleToZero`."),
    [LINT_IDLE_COHORT] =
	ROW("idle-cohort", WARNING,
	    "A cohort has one Tenant, nobody in it may borrow, or `borrowing` is for a quota whose name "
	    "no other Tenant of the cohort has.",
	    "Name the same cohort and quota in another Tenant and give a `borrowUpTo`, or remove them."),
    [LINT_LABEL_MISSPELLED] = ROW(
	"label-misspelled", WARNING,
	"A node label's key is nearly, but not quite, one that the vendor's tools set, such as nvidia.com/gpu.prodct.",
	"Write the label as `kubectl get node --show-labels` shows it."),
    [LINT_MANIFEST_UNREADABLE] = MANIFEST_ROW(
	"manifest-unreadable", WARNING,
	"A file seems to hold Kubernetes objects, and cannot be read as YAML or JSON, so that it is not checked. With a policy, also an object whose Pods cannot be read, such as one whose number of replicas is a text.",
	"Do what the message says."),
    [LINT_MEMORY_DIFFERS] =
	ROW("memory-differs", WARNING,
	    "An Accelerator has the name or the `mig.model` of a built-in table, and a `memory` that differs from the "
	    "table's by more than a tenth.",
	    "Correct `memory` or the name, or leave `memory` out."),
    [LINT_MEMORY_WITHOUT_UNIT] =
	ROW("memory-without-unit", ERROR, "An amount of memory below 1Mi has no unit, such as `24` or `8192`.",
	    "Write the unit, such as `24Gi`."),
    [LINT_MIG_PROFILE_UNKNOWN] = MANIFEST_ROW(
	"mig-profile-unknown", WARNING,
	"No model of the built-in tables has the MIG profile that a container requests, so that the Pod is probably never scheduled.",
	"Write a profile of the GPU's model, or suppress the finding for a profile that is newer than this gpugate."),
    [LINT_MIG_STRATEGY_WRONG] = MANIFEST_ROW(
	"mig-strategy-wrong", WARNING,
	"The MIG strategy is set where nothing reads it, or to a word that the GPU Operator does not know.",
	"Set `mig.strategy` of the ClusterPolicy to none, single, or mixed. The node label nvidia.com/mig.config chooses the layout."),
    [LINT_MIXED_MIG_PROFILES] = MANIFEST_ROW(
	"mixed-mig-profiles", WARNING,
	"A container requests several MIG profiles, of which it sees only one. A Guard with `mixedMig` refuses it.",
	"Request one profile, or use several containers."),
    [LINT_MODEL_OVERLAP] =
	ROW("model-overlap", WARNING,
	    "The labels of an Accelerator are a part of those of another one with the same resource, without "
	    "`withoutNodeLabels` to say so. Or no label key tells the two apart, so that a node could match both.",
	    "Give both a value of the same label key, or say `withoutNodeLabels`."),
    [LINT_MODEL_WITHOUT_QUOTA] = ROW(
	"model-without-quota", WARNING,
	"A Tenant's quotas cover some Accelerators that have a resource and leave out another one, so that a Pod which "
	"does not rule that one out is treated as `uncovered` says.",
	"Give the Tenant a quota for the other Accelerator, or let a Rule inject a node selector that rules it out. "
	"A quota with `hard: 0` refuses such Pods all the same, and with a sentence that helps less."),
    [LINT_MONITOR_RESOURCE] = MANIFEST_ROW(
	"monitor-resource", WARNING,
	"A container requests a monitoring resource, which shows it every GPU of the node. Only a quota that names it allows it.",
	"Request a device, such as gpu.intel.com/xe."),
    [LINT_NODE_NAME_SET] = MANIFEST_ROW(
	"node-name-set", WARNING,
	"A Pod that requests an accelerator has a `nodeName`, so that it bypasses the scheduler. A Guard with `preboundNodeName` refuses it.",
	"Use a node selector or node affinity."),
    [LINT_NODE_SELECTOR_UNKNOWN] = ROW(
	"node-selector-unknown", WARNING,
	"A Rule injects a node selector that no Accelerator's nodes can have, so that its Pods are refused or never "
	"scheduled.",
	"Use a value of an Accelerator's `nodeLabels`, or add the Accelerator."),
    [LINT_OTHER_RESOURCES] =
	ROW("other-resources", WARNING, "`otherResources` takes a well-known accelerator out of every quota.",
	    "Make the pattern narrower."),
    [LINT_PIN_LEAKS] =
	ROW("pin-leaks", WARNING,
	    "`pin` to an Accelerator whose labels alone can lead to the nodes of another one with the same slices.",
	    "Give both Accelerators a value of the same label key."),
    [LINT_PLUGIN_CONFIG_UNUSED] = MANIFEST_ROW(
	"plugin-config-unused", WARNING,
	"A ConfigMap holds a configuration of NVIDIA's device plugin, and nothing in the same input names it, so that the plugin does not read it. A ClusterPolicy, values of Helm, and a volume of the plugin's Pods can name it.",
	"Name the ConfigMap in `spec.devicePlugin.config.name` of the ClusterPolicy. Suppress the finding if the ClusterPolicy is not in the input."),
    [LINT_POD_LEVEL_ACCELERATOR] = MANIFEST_ROW(
	"pod-level-accelerator", ERROR,
	"The Pod-level `spec.resources` has an extended resource, which only containers can request. The API server refuses the Pod. Before Kubernetes 1.34, it ignores the resource by default, and the Pod gets no device.",
	"Request it in the `resources.limits` of a container."),
    [LINT_POLICY_REFUSES] = MANIFEST_ROW(
	"policy-refuses", ERROR, "The policy refuses a Pod of the manifest even where nothing else is held.",
	"Do what the message says; `gpugate explain` shows each step of the decision."),
    [LINT_POLICY_WARNS] = MANIFEST_ROW(
	"policy-warns", WARNING,
	"The policy admits a Pod of the manifest and warns its creator, as `enforcement: warn` or `unknownResources: warn` says.",
	"Do what the message says; `gpugate explain` shows each step of the decision."),
    [LINT_PRIVILEGED_ACCELERATOR] = MANIFEST_ROW(
	"privileged-accelerator", WARNING,
	"A privileged container belongs to a Pod that requests an accelerator, and sees every device of its node. A Guard with `privileged` refuses it.",
	"Remove `privileged`: the device plugin makes the requested device visible."),
    [LINT_PROFILE_NOT_OFFERED] =
	ROW("profile-not-offered", WARNING,
	    "A Rule rewrites to a MIG slice that no Accelerator offers, or a quota names one, so that a Pod which has "
	    "it is never scheduled.",
	    "Name a profile of some `mig.offered`, or add the profile there."),
    [LINT_QUOTA_MIXES_UNITS] =
	ROW("quota-mixes-units", WARNING,
	    "A quota adds units of a companion of a device, such as megabytes, to its number of accelerators. Or "
	    "its limit on such a companion has a suffix, although the companion is not counted in bytes.",
	    "Give the companion a quota of its own, and a plain number as Pods ask for it."),
    [LINT_QUOTA_NOT_ENFORCED] = MANIFEST_ROW(
	"quota-not-enforced", WARNING,
	"A ResourceQuota limits an extended resource by a name that Kubernetes accepts and never enforces.",
	"Write `requests.` before the name of the resource. `--fix` does it, unless the quota has another key for it."),
    [LINT_REPLICAS_ABOVE_QUOTA] = MANIFEST_ROW(
	"replicas-above-quota", WARNING,
	"The Pods of a workload do not all fit into the quotas of the policy, even where nothing else is held.",
	"Ask for fewer replicas, or raise the quota."),
    [LINT_REQUEST_DIFFERS] =
	MANIFEST_ROW("request-differs", ERROR,
		     "Request and limit of an extended resource differ, and the API server refuses the Pod.",
		     "Write the limit only: the request then has the same value."),
    [LINT_REQUEST_NOT_INTEGER] =
	MANIFEST_ROW("request-not-integer", ERROR,
		     "The amount of an extended resource is not a whole number, and the API server refuses the Pod.",
		     "Write a whole number. A part of a GPU is a MIG slice or a share, which has a name of its own."),
    [LINT_REQUEST_PREFIX] = MANIFEST_ROW(
	"request-prefix", ERROR,
	"A container requests a resource as a ResourceQuota names it, such as requests.nvidia.com/gpu. The API server refuses the Pod.",
	"Leave out `requests.`. `--fix` does it, unless the container has the other name as well."),
    [LINT_REQUEST_WITHOUT_LIMIT] = MANIFEST_ROW(
	"request-without-limit", ERROR,
	"An extended resource is requested and not limited, and the API server refuses the Pod, unless a LimitRange of the namespace has a default limit for it.",
	"Write it under `limits`. `--fix` does it if `requests` has nothing else, and there are no limits."),
    [LINT_RESOURCE_MISSPELLED] = ROW(
	"resource-misspelled", WARNING,
	"A resource is known only because of its vendor's domain, and its name is nearly that of an Accelerator's, or is that of a node label. In a manifest, the name of a resource is nearly a well-known one.",
	"Write the name as the device plugin advertises it."),
    [LINT_RESOURCE_NOT_OFFERED] = MANIFEST_ROW(
	"resource-not-offered", WARNING,
	"A Pod requests a MIG slice or another resource that no Accelerator of the policy has and no quota names, so that it is probably never scheduled.",
	"Request what an Accelerator has, add the profile to its `mig.offered`, or add an Accelerator."),
    [LINT_RESOURCE_PATTERN] =
	ROW("resource-pattern", WARNING,
	    "A quota's pattern matches no resource of an Accelerator and no well-known name that a pattern counts.",
	    "Correct the pattern, or name the resource without a wildcard."),
    [LINT_RESOURCE_PREFIX] =
	ROW("resource-prefix", ERROR, "A resource is written as in a ResourceQuota, such as requests.nvidia.com/gpu.",
	    "Leave out `requests.` or `limits.`."),
    [LINT_REWRITE_SHADOWED] = ROW("rewrite-shadowed", WARNING,
				  "A rewrite never acts, because an earlier Rule rewrites that name of every Pod.",
				  "Give the Rule a lower `order`, or the earlier one a `match`."),
    [LINT_REWRITE_UNCOVERED] =
	ROW("rewrite-uncovered", WARNING,
	    "A Rule rewrites to a name that no quota of a Tenant covers, whose Pods are then refused.",
	    "Give the Tenant a quota for the name, or restrict the Rule with `match.tenants`."),
    [LINT_SAME_NODE_LABELS] =
	ROW("same-node-labels", ERROR, "Two Accelerators with one resource name have the same `nodeLabels`, or none.",
	    "Give each Accelerator labels of its own."),
    [LINT_SELECTOR_INJECTED] = MANIFEST_ROW(
	"selector-injected", WARNING,
	"A Pod has a node selector that a Rule of the policy sets all the same. The manifest has to be changed when the Rule is, since the Pod may then be refused.",
	"Leave it out of the manifest. The message names the Rule."),
    [LINT_SELECTOR_MISMATCH] = MANIFEST_ROW(
	"selector-mismatch", ERROR,
	"A workload of apps/v1 has no selector, or one that its template's labels do not match. The API server refuses it.",
	"Write the same labels in `spec.selector.matchLabels` and `spec.template.metadata.labels`."),
    [LINT_SEVERAL_PARTS] =
	ROW("several-parts", WARNING,
	    "`maxPerContainer` lets a container have several MIG slices, or more shares than `sharing.maxPerContainer` "
	    "allows.",
	    "Leave `maxPerContainer` out: the default for slices and shares is 1."),
    [LINT_SHARE_ABOVE_ONE] = MANIFEST_ROW(
	"share-above-one", WARNING,
	"A container requests more than one share of a device: two can be of the same device, or the Pod fails on its node.",
	"Request one share, or a whole device."),
    [LINT_SLICE_AMBIGUOUS] = MANIFEST_ROW(
	"slice-ambiguous", WARNING,
	"A Pod requests a MIG slice by a name that means slices of different sizes on the nodes of several Accelerators, and neither the Pod nor a Rule selects one. For example, nvidia.com/mig-1g.10gb is a wider slice of an A100 with 40 GB than of one with 80 GB. The largest is charged.",
	"Select the nodes of one Accelerator, by `nodeSelector` or required node affinity as the message says."),
    [LINT_SUPPRESSION_UNUSED] =
	ROW("suppression-unused", WARNING, "A suppression in `.gpugate-lint.yaml` matches no finding.",
	    "Remove it, or correct its `files` and `object`."),
    [LINT_SURGE_ABOVE_QUOTA] = MANIFEST_ROW(
	"surge-above-quota", WARNING,
	"A rolling update of a Deployment needs one more Pod than the quotas of the policy allow, and ends none before, so that it never ends.",
	"Write `maxSurge: 0` and `maxUnavailable: 1`, or raise the quota."),
    [LINT_TENANT_UNUSED] =
	ROW("tenant-unused", WARNING,
	    "A Tenant has no namespaces, no Tenants below it and no cohort, so that nothing counts in its quotas.",
	    "Give it `namespaces` or a `namespaceSelector`, or remove it."),
    [LINT_TENANT_WITHOUT_QUOTA] = ROW(
	"tenant-without-quota", WARNING,
	"Neither a Tenant with namespaces nor one above it has a quota, so that all its accelerator Pods are treated "
	"as `uncovered` says.",
	"Give it a quota; `hard: unlimited` limits nothing, `hard: 0` forbids all."),
    [LINT_VISIBLE_DEVICES] = MANIFEST_ROW(
	"visible-devices", WARNING,
	"A container sets a variable that tells the runtime which devices to show, whatever was requested. A Guard with `visibleDevicesEnv` refuses it.",
	"Remove the variable, and request an accelerator in `resources.limits`."),
    [LINT_WHOLE_AND_PART] = MANIFEST_ROW(
	"whole-and-part", WARNING,
	"A container requests a whole device and a share or a slice of the same vendor, of which it sees only one.",
	"Request one of them, or use two containers."),
};

const struct lint_row lint_invalid_policy =
    ROW("invalid-policy", ERROR,
	"A policy cannot be used: a file cannot be read, or its YAML, a key, a type, a range, or a reference is wrong.",
	"Do what the message says.");

enum lint_id lint_find(struct str name)
{
	enum lint_id id = 0;
	while (id < LINT_IDS && !str_eq(lint_rows[id].id, name))
		id++;
	return id;
}

const struct lint_row *lint_row_of(struct str name)
{
	enum lint_id id = lint_find(name);
	return id < LINT_IDS ? &lint_rows[id] : &lint_invalid_policy;
}

const char *severity_name(enum severity severity)
{
	return severity == SEVERITY_ERROR ? "error" : "warning";
}
