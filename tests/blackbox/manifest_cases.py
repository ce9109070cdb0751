"""Mistakes in plain Kubernetes manifests, by the id that lint gives them.

A case is a manifest in which «bad¦good» stands for a text that has the mistake and its twin that
has not. The finding points at the beginning of the text.
"""

import re

ERRORS = {"api-version-wrong", "claim-request-wrong", "claim-undefined", "device-class-wrong", "hpa-scales-to-zero", "pod-level-accelerator", "request-differs", "request-not-integer",
          "request-prefix", "request-without-limit", "selector-mismatch", "policy-refuses"}


def pod(spec="", container="", limits="nvidia.com/gpu: 1", metadata=""):
    """A Pod of one container. `spec` and `container` are lines with their own indentation."""
    return (f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: train\n{metadata}spec:\n{spec}  containers:\n  - name: main\n    image: registry.example/train\n"
            f"{container}    resources:\n      limits: {{{limits}}}\n")


def requests(text):
    return pod(container="", limits="memory: 1Gi").replace("limits: {memory: 1Gi}\n", text)


def deployment(selector, labels="{app: llm}", image="\n        image: registry.example/llm"):
    return (f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: llm}}\n«spec¦spec»:\n{selector}  template:\n    metadata:\n      labels: {labels}\n"
            f"    spec:\n      containers:\n      - name: server{image}\n")


def aliased(selector, labels):
    return deployment("  selector:\n" + selector, labels).replace("«spec¦spec»", "spec")


def quota(hard):
    return f"apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: gpus}}\nspec:\n  hard:\n{hard}"


def autoscaler(metric):
    return ("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: llm}\nspec:\n  maxReplicas: 10\n"
            f"  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: llm}}\n  metrics:\n  - {metric}\n")


def claim(spec):
    return f"apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {{name: one}}\nspec:\n  devices:\n    requests:\n    - {spec}\n"


CLAIMS = "  resourceClaims:\n  - {name: «other¦gpu», resourceClaimName: one}\n"

def config_map(text, key="config.yaml: |\n", indent=4):
    """A ConfigMap with a configuration of NVIDIA's device plugin."""
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: device-plugin}\ndata:\n  " + key + "".join(" " * indent + line for line in text.splitlines(keepends=True))


OPERATOR = ("apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nmetadata: {name: cluster-policy}\nspec:\n  mig: {strategy: mixed}\n"
            "  devicePlugin: {config: {name: device-plugin, default: any}}\n")


def plugin(*args, **keys):
    """The same, and a ClusterPolicy that names it."""
    return config_map(*args, **keys) + "---\n" + OPERATOR


SLICED = "version: v1\nsharing:\n  timeSlicing:\n    resources:\n    - name: nvidia.com/gpu\n      replicas: 4\n"

CHART = ("apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n- {name: redis, version: 2.0.0, repository: https://example.com}\n"
         "- {name: gpu-operator, version: VERSION, repository: https://helm.ngc.nvidia.com/nvidia}\n")
KUSTOMIZATION = "helmCharts:\n- {name: gpu-operator, repo: https://helm.ngc.nvidia.com/nvidia, version: VERSION}\n"

# NVIDIA's device plugin without the GPU Operator.
DEVICE_PLUGIN = ("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: nvidia-device-plugin}\nspec:\n  selector: {matchLabels: {app: plugin}}\n  template:\n"
                 "    metadata: {labels: {app: plugin}}\n    spec:\n      containers: [{name: plugin, image: nvcr.io/nvidia/k8s-device-plugin}]\n"
                 "      volumes: [{name: config, configMap: {name: shared-gpus}}]\n")

MISTAKES = {
    "api-version-wrong": [
        "apiVersion: «v1¦monitoring.coreos.com/v1»\nkind: ServiceMonitor\nmetadata: {name: dcgm-exporter}\nspec:\n  endpoints: [{port: metrics, interval: 30s}]\n",
        '{"apiVersion": «"v1"¦"monitoring.coreos.com/v1"», "kind": "PodMonitor", "metadata": {"name": "dcgm"}}\n',
    ],
    "claim-memory-unit": [
        claim("{name: gpu, exactly: {deviceClassName: shared.example.com, capacity: {requests: {memory: «6¦6Gi»}}}}"),
        claim("{name: gpu, firstAvailable: [{name: a, deviceClassName: a.example.com, capacity: {requests: {memory: «'8192'¦'8192Mi'»}}}]}"),
    ],
    "claim-request-wrong": [
        claim("{name: gpu, «deviceClassName: gpu.nvidia.com¦exactly: {deviceClassName: gpu.nvidia.com}»}"),
        claim("{name: gpu, «deviceClassName: gpu.nvidia.com, count: 2¦exactly: {deviceClassName: gpu.nvidia.com, count: 2}»}").replace("/v1", "/v1beta2"),
        claim("name: gpu\n      exactly: {deviceClassName: a.example.com}\n      «firstAvailable¦# other»: [{name: a, deviceClassName: b.example.com}]"),
        claim("{name: gpu, «exactly: {deviceClassName: a.example.com}¦deviceClassName: a.example.com»}").replace("/v1", "/v1beta1"),
        pod(spec="  resourceClaims:\n  - name: gpu\n    resourceClaimName: one\n    «resourceClaimTemplateName¦# template»: two\n").replace(
            "limits: {nvidia.com/gpu: 1}", "claims: [{name: gpu}]"),
        pod(spec="  resourceClaims:\n  - {name: gpu, «source: {resourceClaimName: one}¦resourceClaimName: one»}\n").replace(
            "limits: {nvidia.com/gpu: 1}", "claims: [{name: gpu}]"),
        claim("{name: gpu, exactly: «{count: 1}¦{count: 1, deviceClassName: a.example.com}»}"),
        claim("{name: gpu, exactly: {deviceClassName: a.example.com, allocationMode: «Exact¦ExactCount»}}"),
        claim("{name: gpu, exactly: {deviceClassName: a.example.com, allocationMode: All, count: «2¦0»}}"),
        claim("{name: gpu, exactly: {deviceClassName: a.example.com, count: «-1¦0»}}"),
        claim("«{name: gpu}¦{name: gpu, exactly: {deviceClassName: a.example.com}}»"),
        claim("{name: gpu, exactly: {deviceClassName: shared.example.com, capacity: {requests: {memory: «6GB¦6Gi»}}}}"),
        claim("{name: gpu, exactly: {deviceClassName: shared.example.com, capacity: {requests: {cores: «half¦50»}}}}").replace(
            "kind: ResourceClaim\n", "kind: ResourceClaimTemplate\n").replace("spec:\n  devices:", "spec:\n spec:\n  devices:"),
    ],
    "claim-undefined": [
        pod(spec="  resourceClaims:\n  - {name: gpu, resourceClaimName: one}\n", container="").replace(
            "limits: {nvidia.com/gpu: 1}", "claims: [{name: gpu, request: a}, {name: «gpu2¦gpu», request: b}]"),
    ],
    "claim-unused": [
        pod(spec="  resourceClaims:\n  - {name: gpu, resourceClaimName: one}\n" + "  - {name: «second¦gpu», resourceClaimName: two}\n").replace(
            "limits: {nvidia.com/gpu: 1}", "claims: [{name: gpu}]"),
    ],
    "config-key-ignored": [
        plugin(SLICED.replace("timeSlicing", "«timeSlicng¦timeslicing»")),
        plugin("# Shares.\n\n" + SLICED.replace("    resources", "    «renamebyDefault¦renameByDefault»: true\n    resources"), key="any: |-\n", indent=6),
        plugin(SLICED + "      rename: «gpu.small¦gpu»\n", key="any: |+4\n", indent=6),
        plugin(SLICED + "flags: {migStrategy: none}\n«flgs¦extra»: {}\n"),
    ],
    "device-annotation": [
        pod(metadata="  annotations:\n    «cdi.k8s.io/gpus¦example.com/gpus»: nvidia.com/gpu=all\n"),
    ],
    "device-class-wrong": [
        claim("{name: gpu, exactly: {deviceClassName: «nvidia.com/gpu¦gpu.nvidia.com»}}"),
        claim("{name: gpu, firstAvailable: [{name: a, deviceClassName: mig.nvidia.com}, {name: b, deviceClassName: «amd.com/gpu¦gpu.amd.com»}]}"),
        claim("{name: gpu, deviceClassName: «nvidia.com/gpu¦gpu.nvidia.com»}").replace("resource.k8s.io/v1", "resource.k8s.io/v1beta1"),
    ],
    "device-path": [
        pod(spec="  volumes:\n  - name: dev\n    hostPath: {path: «/dev/nvidia0¦/data/nvidia0»}\n"),
        pod(spec="  volumes:\n  - name: dev\n    hostPath:\n      path: «/dev/../dev/dri/¦/dev/shm»\n", limits="memory: 1Gi"),
        pod(spec="  volumes:\n  - {name: dev, hostPath: {path: «/dev¦/mnt»}}\n"),
    ],
    "device-plugin-config": [
        plugin(SLICED.replace("replicas: 4", "replicas: «four¦4»")),
        plugin(SLICED.replace("replicas: 4", "replicas: «0¦2»"), key="tesla-t4: |-\n", indent=8),
        plugin(SLICED.replace("version: v1", "version: «v2¦v1»")).replace("\n", "\r\n"),
        plugin(SLICED.replace("- name: nvidia.com/gpu", "- «devices: all¦name: gpu»")),
        plugin("flags: {migStrategy: «mix¦mixed»}\n"),
        plugin("version: v1\nsharing:\n  mps:\n    failRequestsGreaterThanOne: «'yes'¦yes»\n    resources: [{name: gpu, replicas: 10}]\n"),
        plugin(SLICED.replace("    - name", "   «¦ »- name")),
        plugin("# Mine.\n\n---\n" + SLICED.replace("    - name", "   «¦ »- name")),
        plugin("flags: {migStrategy: none}\n" + SLICED.replace("    - name", "   «¦ »- name")),
        plugin("version: v1\nflags:\n  migStrategy: none\n «¦ »other: x\n"),
        plugin(SLICED.replace("replicas: 4", "replicas: «4.5¦4.0»")),
        plugin("", key='«any: "sharing: {mps: {resources: [{name: gpu, replicas: 0¦any: "sharing: {mps: {resources: [{name: gpu, replicas: 2»}]}}"\n'),
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "device-plugin"}, "data": {«"any": "version: v3¦"any": "version: v1»\\nsharing: {timeSlicing: {resources: [{name: gpu, replicas: 2}]}}"}}\n---\n' + OPERATOR,
    ],
    "device-volume": [
        pod(container="    volumeMounts:\n    - {name: list, mountPath: «/var/run/nvidia-container-devices/all¦/var/run/devices»}\n"),
    ],
    "fraction-annotation": [
        pod(metadata='  annotations: {«gpu-fraction¦fraction»: "0.5"}\n', limits="memory: 1Gi"),
    ],
    "hpa-scales-to-zero": [
        autoscaler("{type: Pods, pods: {metric: {name: queue}, target: {type: AverageValue, averageValue: 1}}}").replace("  maxReplicas", "  minReplicas: «0¦1»\n  maxReplicas"),
        autoscaler("").replace("  metrics:\n  - \n", "  minReplicas: «0¦1»\n"),
        autoscaler("{type: ContainerResource, containerResource: {name: cpu, container: a, target: {type: Utilization, averageUtilization: 80}}}").replace("  maxReplicas", "  minReplicas: «0¦2»\n  maxReplicas"),
    ],
    "plugin-config-unused": [
        config_map(SLICED).replace("name: device-plugin", "name: «device-plugin-2¦device-plugin»") + "---\n" + OPERATOR,
        # Without a ClusterPolicy. In a stream, no other document names the mistake.
        config_map(SLICED).replace("name: device-plugin", "name: «time-slicing¦shared-gpus»") + "---\n" + DEVICE_PLUGIN,
    ],
    "gpu-operator-version": [
        ("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: gpus}\nspec:\n  source: {chart: gpu-operator, repoURL: https://example.com, "
         "targetRevision: «2.0.0¦v26.7.0»}\n"),
        ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: gpus}\nspec:\n  chart:\n    spec:\n      chart: gpu-operator\n"
         "      version: «v3.1.2¦v25.3.4»\n"),
        "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: gpus}\nspec: {chart: nvidia/gpu-operator, version: «v2.0.0¦1.11.1»}\n",
        ("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: gpus}\nspec:\n  template:\n    spec:\n      sources:\n"
         "      - {chart: redis, targetRevision: 2.0.0}\n      - {chart: gpu-operator, targetRevision: «~2.0¦~26.3»}\n"),
        CHART.replace("VERSION", "«2.0.0¦v26.7.0»"),
        CHART.replace("apiVersion: v2", "apiVersion: v1").replace("VERSION", "«'>=2.0.0 <3'¦'>=2.0.0'»"),
        KUSTOMIZATION.replace("VERSION", "«2.0.0¦26.x»"),
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" + KUSTOMIZATION.replace("VERSION", "«v2.1¦v26.7»"),
    ],
    "hpa-metric": [
        autoscaler("{type: Resource, resource: {name: «nvidia.com/gpu¦cpu», target: {type: Utilization, averageUtilization: 80}}}"),
        autoscaler("type: ContainerResource\n    containerResource:\n      container: server\n      name: «amd.com/gpu¦memory»\n"
                   "      target: {type: Utilization, averageUtilization: 80}"),
    ],
    "label-misspelled": [
        pod(spec="  nodeSelector: {«nvidia.com/gpu.prodct¦nvidia.com/gpu.product»: A100}\n"),
        pod(spec="  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n"
                 "        - matchExpressions:\n          - {key: «nvidia.com/gpu.cout¦nvidia.com/gpu.count», operator: Exists}\n"),
        pod(spec="  affinity:\n    nodeAffinity:\n      preferredDuringSchedulingIgnoredDuringExecution:\n      - weight: 1\n        preference:\n"
                 "          matchExpressions:\n          - {key: «cloud.google.com/gke-acelerator¦cloud.google.com/gke-accelerator», operator: Exists}\n"),
    ],
    "manifest-unreadable": [
        pod().replace("    image: registry.example/train\n", "   «¦ »image: registry.example/train\n"),
    ],
    "mig-profile-unknown": [
        pod(limits="«nvidia.com/mig-1g10gb¦nvidia.com/mig-1g.10gb»: 1"),
        pod(limits="memory: 1Gi, «nvidia.com/mig-5g.99gb¦nvidia.com/mig-3g.40gb»: 1"),
        quota("    «requests.nvidia.com/mig-1g.10g¦requests.nvidia.com/mig-1g.10gb»: 4\n"),
    ],
    "mig-strategy-wrong": [
        OPERATOR.replace("strategy: mixed", "strategy: «mix¦mixed»"),
        OPERATOR.replace("mig: {strategy: mixed}", "«migStrategy¦toolkit»: {}"),
        "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec:\n  «gpu¦taints»: {migStrategy: mixed}\n",
    ],
    "mixed-mig-profiles": [
        pod(limits="nvidia.com/mig-1g.10gb: 1, «nvidia.com/mig-2g.20gb: 1¦memory: 1Gi»"),
    ],
    "monitor-resource": [
        pod(limits="«gpu.intel.com/i915_monitoring¦gpu.intel.com/i915»: 1"),
    ],
    "node-name-set": [
        pod(spec="  nodeName: «gpu-1¦''»\n"),
    ],
    "pod-level-accelerator": [
        pod(spec="  resources: {limits: {«nvidia.com/gpu: 1¦memory: 2Gi»}}\n", limits="memory: 1Gi"),
    ],
    "privileged-accelerator": [
        pod(container="    securityContext: {privileged: «true¦false»}\n"),
    ],
    "quota-not-enforced": [
        quota('    «limits.nvidia.com/gpu¦requests.nvidia.com/gpu»: "4"\n'),
        quota("    requests.nvidia.com/gpu: 2\n    «limits.nvidia.com/gpu¦limits.memory»: 4\n"),
        quota("    «nvidia.com/gpu¦requests.nvidia.com/gpu»: 4\n"),
    ],
    "request-differs": [
        requests("requests: {nvidia.com/gpu: «1¦2»}\n      limits: {nvidia.com/gpu: 2}\n"),
        requests("limits: {nvidia.com/gpu: 1k}\n      requests:\n        cpu: 2\n        nvidia.com/gpu: «1024¦\"1000\"»\n"),
    ],
    "request-not-integer": [
        pod(limits='nvidia.com/gpu: «"0.5"¦1»'),
        pod(limits="amd.com/gpu: «500m¦1000m»"),
        pod(limits="nvidia.com/gpu: «-1¦1»"),
        pod(limits="nvidia.com/gpu: «one¦1»"),
    ],
    "request-prefix": [
        pod(limits="memory: 1Gi, «requests.nvidia.com/gpu¦nvidia.com/gpu»: 1"),
        requests("requests: {«requests.amd.com/gpu¦cpu»: 1}\n"),
        pod(limits="«requests.example.com/fpga¦example.com/fpga»: 2"),
    ],
    "request-without-limit": [
        requests("requests: {cpu: 2, «nvidia.com/gpu: 1¦memory: 1Gi»}\n"),
        requests("requests: {«nvidia.com/gpu: 1¦cpu: 1»}\n      limits: {memory: 1Gi}\n"),
    ],
    "resource-misspelled": [
        pod(limits="«nvidia.com/gpus¦nvidia.com/gpu»: 1"),
        pod(limits="«nvidia/gpu¦nvidia.com/gpu»: 1"),
        pod(limits="«gpu¦nvidia.com/gpu»: 1"),
        pod(limits="«gpus¦nvidia.com/gpu»: 1"),
        pod(limits="«nvdia.com/gpu¦nvidia.com/gpu»: 1"),
        pod(limits="«nvidia.com/mgi-1g.10gb¦nvidia.com/mig-1g.10gb»: 1"),
        pod(limits="«nvidia.com/gpu.product¦nvidia.com/gpu»: 1"),
        pod(limits="«amd.com/gpus¦amd.com/gpu»: 1"),
        pod(limits="«limits.nvidia.com/gpu¦nvidia.com/gpu»: 1"),
        pod(limits="«gpu.intel.com/i951¦gpu.intel.com/i915»: 1"),
        quota("    «requests.nvidia.com/gpus¦requests.nvidia.com/gpu»: 4\n"),
        pod(spec="  tolerations:\n  - {key: «nvidia.com/gpus¦nvidia.com/gpu», operator: Exists}\n"),
    ],
    "selector-mismatch": [
        deployment("", image="\n        image: registry.example/llm"),
        deployment("  selector:\n    matchLabels: {«app: llms¦app: llm»}\n").replace("«spec¦spec»", "spec"),
    ],
    "share-above-one": [
        pod(limits="nvidia.com/gpu.shared: «2¦1»"),
        pod(limits="nvidia.com/mig-1g.10gb.shared: «4¦1»"),
    ],
    "visible-devices": [
        pod(container="    env:\n    - {name: «NVIDIA_VISIBLE_DEVICES¦CUDA_VISIBLE_DEVICES», value: all}\n", limits="nvidia.com/gpu: 0"),
        pod(container="    env:\n    - name: «HABANA_VISIBLE_DEVICES¦HABANA_LOGS»\n      value: '0'\n"),
        pod(container="    env:\n    - name: «NVIDIA_VISIBLE_DEVICES¦DEVICES»\n      valueFrom: {fieldRef: {fieldPath: metadata.name}}\n"),
    ],
    "whole-and-part": [
        pod(limits="nvidia.com/gpu: 1, «nvidia.com/gpu.shared: 1¦memory: 1Gi»"),
        pod(limits="«nvidia.com/mig-1g.10gb: 1¦cpu: 1», nvidia.com/gpu: 1"),
    ],
}

# A Deployment without a selector has no twin at the same place.
MISTAKES["selector-mismatch"][0] = MISTAKES["selector-mismatch"][0].replace("«spec¦spec»", "«spec:\n  template¦spec:\n  selector: {matchLabels: {app: llm}}\n  template»").replace(
    "»:\n  template:", "»:")

# Manifests that only resemble a mistake.
QUIET = {
    "void": pod(container="    env:\n    - {name: NVIDIA_VISIBLE_DEVICES, value: void}\n", limits="memory: 1Gi"),
    "zero of both": pod(limits="nvidia.com/gpu: 0, nvidia.com/gpu.shared: 1"),
    "a renamed resource": pod(limits="nvidia.com/gpu-a100: 2, nvidia.com/gpu2: 1, nvidia.com/mig-small: 1, example.com/gpu: 1, arm.com/gpu: 1"),
    "a profile that may be new, shared": pod(limits="nvidia.com/mig-1g.10gb.shared: 1"),
    "a compute instance": pod(limits="nvidia.com/mig-1c.3g.20gb: 1"),
    "variables of envsubst": pod(limits='nvidia.com/gpu: "${GPUS}"'),
    "a companion": pod(limits="nvidia.com/gpu: 1, nvidia.com/gpumem: 3000"),
    "agents mount much": pod(spec="  volumes:\n  - {name: root, hostPath: {path: /}}\n  - {name: proc, hostPath: {path: /proc}}\n", limits="memory: 1Gi"),
    "kube-system": pod(metadata="  namespace: kube-system\n", container="    env:\n    - {name: NVIDIA_VISIBLE_DEVICES, value: all}\n"),
    "privileged without an accelerator": pod(container="    securityContext: {privileged: true}\n", limits="memory: 1Gi"),
    "nodeName without an accelerator": pod(spec="  nodeName: a\n", limits="memory: 1Gi"),
    "native quotas": quota("    limits.memory: 4Gi\n    requests.cpu: 4\n    requests.nvidia.com/gpu: 4\n    pods: 4\n"
                           "    gold.storageclass.storage.k8s.io/requests.storage: 1Ti\n    count/jobs.batch: 4\n"
                           "    gpu.nvidia.com.deviceclass.resource.k8s.io/devices: 4\n"),
    "a metric of Pods": autoscaler("{type: Pods, pods: {metric: {name: DCGM_FI_PROF_GR_ENGINE_ACTIVE}, target: {type: AverageValue, averageValue: '0.8'}}}"),
    **{f"an autoscaler to zero by an {kind} metric": autoscaler("{type: %s, %s: {}}" % (kind, kind.lower())).replace("  maxReplicas", "  minReplicas: 0\n  maxReplicas")
       for kind in ("Object", "External")},
    "metrics that are an alias": autoscaler("&m {type: External}").replace("  metrics:\n  - &m {type: External}", "  minReplicas: 0\n  other: &m [{type: External}]\n  metrics: *m"),
    "another chart": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {chart: redis, targetRevision: 2.0.0}}\n",
    "a chart with a name that ends alike": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {chart: amd-gpu-operator, targetRevision: 2.0.0}}\n",
    "a chart of the same repository": CHART.replace("VERSION", "2.0.0").replace("https://helm.ngc.nvidia.com/nvidia", "file://../gpu-operator"),
    "a chart of a Git repository": ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: gpus}\nspec: {chart: {spec: {chart: charts/gpu-operator, version: 2.0.0, "
                                    "sourceRef: {kind: GitRepository, name: platform}}}}\n"),
    "a version that is filled in": CHART.replace("VERSION", "'${GPU_OPERATOR}'"),
    "a list of charts without versions": KUSTOMIZATION.replace(", version: VERSION", ""),
    "a configuration with an anchor": plugin("x: &none {}\nversion: v1\nsharing: {timeslicing: *none}\n"),
    "a template of a configuration": plugin(SLICED.replace("4", "{{ .Values.replicas }}")),
    "a variable in a configuration": plugin(SLICED.replace("4", "${REPLICAS}")),
    "a script that writes a configuration": plugin("cat >config.yaml <<EOF\n" + SLICED.replace("4", "many") + "EOF\n", key="run.sh: |\n"),
    "an object within a ConfigMap": plugin("apiVersion: resource.nvidia.com/v1beta1\nkind: GpuConfig\nsharing: {strategy: TimeSlicing, timeSlicing: 4}\n"),
    "a configuration of another program": plugin("sharing: {users: [a], replicas: four}\nversion: 7\n"),
    **{f"{word} of another program": plugin(f"name: app\nsharing:\n  {word}: true\n") for word in ("maps", "gps", "mp3", "apps")},
    "broken YAML of another program": plugin("version: v1\nsharing:\n  timestamps: 'open\n"),
    "keys in any case": plugin(SLICED.replace("timeSlicing", "timeslicing").replace("sharing", "SHARING").replace("version", "Version")),
    "flags of YAML 1.1": plugin(SLICED.replace("    resources", "    renameByDefault: on\n    failRequestsGreaterThanOne: TRUE\n    resources")),
    "rename: null": plugin(SLICED + "      rename: null\n"),
    "null": plugin("version: null\nflags: {migStrategy: ~}\n" + SLICED.replace("version: v1\n", "").replace("    resources", "    renameByDefault:\n    resources")),
    "a configuration of two documents": plugin(SLICED.replace("4", "four") + "---\n" + SLICED),
    "a runtime that an InferenceService completes": requests("requests: {nvidia.com/gpu: 1}\n").replace(
        "apiVersion: v1\nkind: Pod", "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime"),
    "a runtime of the cluster": requests("requests: {nvidia.com/gpu: 1}\n").replace(
        "apiVersion: v1\nkind: Pod", "apiVersion: serving.kserve.io/v1alpha1\nkind: ClusterServingRuntime"),
    "anchors": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: &data {a: b}\nmore: *data\nmerged: {<<: *data}\n",
    "a CRD": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: " + "{a: " * 60 + "1" + "}" * 60 + "\n",
    "labels that are an alias": aliased("    matchLabels: &labels {app: llm}\n", "*labels"),
    "labels that are merged": aliased("    matchLabels: &labels {app: llm}\n", "{<<: *labels}"),
    "labels that have a tag": aliased("    matchLabels: {app: llm}\n", "!!map {app: llm}"),
    "a selector that is merged": aliased("    matchLabels: {app: llm}\n", "{app: llm}").replace("spec:\n", "base: &base {replicas: 1}\nspec:\n  <<: *base\n", 1),
    "a metric that is an alias": autoscaler("").replace("  metrics:\n  - \n", "  minReplicas: 0\n  other: &m {type: External}\n  metrics: [*m]\n"),
    "limits that are an alias": requests("requests: &amounts {nvidia.com/gpu: 1}\n      limits: *amounts\n"),
    "limits that are merged": requests("requests: &amounts {nvidia.com/gpu: 1}\n      limits: {<<: *amounts, memory: 1Gi}\n"),
    "a claim that is an alias": pod(spec="  other: &claim {name: gpu, resourceClaimName: one}\n  resourceClaims:\n  - *claim\n").replace(
        "limits: {nvidia.com/gpu: 1}", "claims: [{name: gpu}]"),
    "uses that are an alias": pod(spec="  other: &uses [{name: gpu}]\n  resourceClaims:\n  - {name: gpu, resourceClaimName: one}\n").replace(
        "limits: {nvidia.com/gpu: 1}", "claims: *uses"),
    "devices that are merged": claim("{name: gpu, exactly: {<<: *base, count: 2}}").replace("spec:\n", "other: &base {deviceClassName: a.example.com}\nspec:\n"),
    "a request that is merged": claim("{<<: *base, name: gpu}").replace("spec:\n", "other: &base {exactly: {deviceClassName: a.example.com}}\nspec:\n"),
    "no alternatives": claim("{name: gpu, exactly: {deviceClassName: a.example.com}, firstAvailable: []}"),
    "alternatives that are null": claim("{name: gpu, exactly: {deviceClassName: a.example.com}, firstAvailable: null}"),
    "null beside alternatives": claim("{name: gpu, exactly: ~, firstAvailable: [{name: a, deviceClassName: a.example.com}]}"),
    "a mode that is null": claim("{name: gpu, exactly: {deviceClassName: a.example.com, allocationMode: null}}"),
    "a capacity that is null": claim("{name: gpu, exactly: {deviceClassName: a.example.com, capacity: {requests: {memory: ~, cores: null}}}}"),
    "a claim's name that is null": pod(spec="  resourceClaims:\n  - {name: gpu, resourceClaimName: , resourceClaimTemplateName: two}\n").replace(
        "limits: {nvidia.com/gpu: 1}", "claims: [{name: gpu}]"),
    "a class without a limit": requests("requests: {deviceclass.resource.kubernetes.io/a.example.com: 1}\n"),
    "a class with another limit": requests("requests: {deviceclass.resource.kubernetes.io/a.example.com: 1}\n"
                                           "      limits: {deviceclass.resource.kubernetes.io/a.example.com: 2}\n"),
    "half a device of a class": pod(limits="deviceclass.resource.kubernetes.io/a.example.com: 500m"),
    "a patch without an image": deployment("", image="").replace("«spec¦spec»", "spec"),
}

# --- What a policy says ---

# Four GPUs for each Tenant, of two models of which one name of a slice means different ones.
JUDGE = """\
apiVersion: gpugate.io/v1
kind: Accelerator
metadata: {name: a100-80gb}
spec:
  resource: nvidia.com/gpu
  nodeLabels: {nvidia.com/gpu.product: A100}
  mig: {offered: [1g.10gb, 3g.40gb]}
---
apiVersion: gpugate.io/v1
kind: Accelerator
metadata: {name: a100-40gb}
spec:
  resource: nvidia.com/gpu
  nodeLabels: {nvidia.com/gpu.product: A100-40GB}
  mig: {offered: [1g.10gb]}
---
apiVersion: gpugate.io/v1
kind: Rule
metadata: {name: edge}
spec:
  match:
    podSelector: {matchLabels: {place: edge}}
  inject:
    nodeSelector: {nvidia.com/gpu.product: A100-40GB, zone: b}
---
apiVersion: gpugate.io/v1
kind: Tenant
metadata: {name: team-a}
spec:
  namespaces: [team-a]
  quotas: [{name: compute, measure: gpus, resources: ["*"], hard: 4}]
---
apiVersion: gpugate.io/v1
kind: Guard
metadata: {name: devices}
spec:
  deny: [hostDeviceMounts, visibleDevicesEnv, privileged, deviceAnnotations, preboundNodeName, sharedRequestAboveOne, mixedMigInContainer]
  hostPaths: {allow: [/data]}
"""


def placed(spec="", container="", limits="nvidia.com/gpu: 1", metadata=""):
    """A Pod in the namespace of the Tenant."""
    return pod(spec, container, limits, "  namespace: team-a\n" + metadata)


def workload(spec="", kind="Deployment", api="apps/v1", limits="nvidia.com/gpu: 1", name="NAME", namespace="team-a"):
    """A workload; NAME becomes a name of its own in a stream of many."""
    return (f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n{spec}  selector: {{matchLabels: {{app: llm}}}}\n"
            f"  template:\n    metadata: {{labels: {{app: llm}}}}\n    spec:\n      containers:\n      - name: server\n        image: registry.example/llm\n"
            f"        resources:\n          limits: {{{limits}}}\n")


def scaler(most, target="{apiVersion: apps/v1, kind: Deployment, name: NAME}", minimum="", namespace="team-a"):
    return (f"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: NAME, namespace: {namespace}}}\nspec:\n{minimum}"
            f"  maxReplicas: {most}\n  scaleTargetRef: {target}\n"
            "  metrics:\n  - {type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: '5'}}}\n")


def scaled_object(most, target="{name: NAME}"):
    return (f"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: NAME, namespace: team-a}}\nspec:\n  maxReplicaCount: {most}\n"
            f"  scaleTargetRef: {target}\n  triggers: [{{type: prometheus, metadata: {{}}}}]\n")


# Where the text is part of a stream, its other findings are those of rules without a policy.
JUDGED = {
    "autoscaler-above-quota": [
        scaler("«10¦4»") + "---\n" + workload(),
        workload("  replicas: 0\n") + "---\n" + scaler("«5¦4»", minimum="  minReplicas: 0\n"),
        workload(limits="nvidia.com/gpu: 2") + "---\n" + scaler("«3¦2»", target="{kind: Deployment, name: NAME}"),
        workload(kind="StatefulSet") + "---\n" + scaler("«1000000¦4»", target="{apiVersion: apps/v1, kind: StatefulSet, name: NAME}"),
        workload(limits="nvidia.com/mig-3g.40gb: 1") + "---\n" + scaled_object("«9¦8»"),
        workload() + '---\n{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "NAME", "namespace": "team-a"}, '
        '"spec": {\n"maxReplicas": «5¦4», "scaleTargetRef": {"kind": "Deployment", "name": "NAME"}}}]}\n',
    ],
    "policy-refuses": [
        placed(limits="«nvidia.com/gpu¦cpu»: 5"),
        placed(container="    env:\n    - {name: a, value: b}\n    - {name: «NVIDIA_VISIBLE_DEVICES¦CUDA_VISIBLE_DEVICES», value: all}\n", limits="memory: 1Gi"),
        placed(spec="  volumes:\n  - name: a\n    hostPath: {path: «/proc¦/data»}\n", limits="memory: 1Gi"),
        placed(metadata="  annotations:\n    «cdi.k8s.io/gpus¦example.com/gpus»: nvidia.com/gpu=all\n", limits="memory: 1Gi"),
        placed(spec="  nodeName: «gpu-node-1¦\"\"»\n"),
        placed().replace("  namespace: team-a\n", "  namespace: «research¦team-a»\n"),
        workload(limits="cpu: 1, «'nvidia.com/gpu': 5¦'memory': 5»"),
        workload(kind="Job", api="batch/v1", limits="«nvidia.com/gpu: 8¦nvidia.com/gpu: 4»").replace("  selector: {matchLabels: {app: llm}}\n", ""),
    ],
    "replicas-above-quota": [
        workload("  replicas: «5¦3»\n"),
        workload("  parallelism: «9¦8»\n", "Job", "batch/v1", "nvidia.com/mig-3g.40gb: 1").replace("  selector: {matchLabels: {app: llm}}\n", ""),
    ],
    "resource-not-offered": [
        placed(limits="«nvidia.com/mig-2g.20gb¦nvidia.com/mig-3g.40gb»: 1"),
        workload(limits='«"nvidia.com/gpu.shared"¦"nvidia.com/gpu"»: 1'),
        placed(limits="cpu: 1, «amd.com/gpu: 1¦memory: 1»"),
        workload(kind="DaemonSet", limits="«nvidia.com/mig-7g.80gb¦nvidia.com/mig-3g.40gb»: 1"),
    ],
    "slice-ambiguous": [
        placed(limits="«nvidia.com/mig-1g.10gb¦nvidia.com/mig-3g.40gb»: 1"),
        placed(limits="«nvidia.com/mig-1g.10gb¦nvidia.com/mig-1g.10gb»: 1") + "  nodeSelector: {«zone¦nvidia.com/gpu.product»: A100}\n",
        workload(limits="cpu: 1, «'nvidia.com/mig-1g.10gb'¦'nvidia.com/mig-1g.10gb'»: 1") + "      affinity:\n        nodeAffinity:\n"
        "          requiredDuringSchedulingIgnoredDuringExecution:\n            nodeSelectorTerms:\n"
        "            - matchExpressions: [{key: nvidia.com/gpu.product, operator: In, values: [A100, «A100-40GB¦A100»]}]\n",
        placed(metadata="  labels: {app: train}\n", limits="«nvidia.com/mig-1g.10gb¦nvidia.com/mig-3g.40gb»: 2").replace("limits:", "requests: {}\n      limits:"),
    ],
    "selector-injected": [
        placed(metadata="  labels: {place: edge}\n", spec="  nodeSelector: {disk: ssd, «zone¦rack»: b}\n"),
        workload().replace("labels: {app: llm}}\n    spec:\n", "labels: {app: llm, place: edge}}\n    spec:\n      nodeSelector:\n        «nvidia.com/gpu.product¦rack»: A100-40GB\n"),
    ],
    "policy-warns": [
        placed(limits="«example.com/fpga¦cpu»: 1"),
    ],
    "surge-above-quota": [
        workload("  replicas: 4\n  strategy: {rollingUpdate: {maxUnavailable: «20%¦1»}}\n"),
        workload("  replicas: 4\n  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: «0¦1»}}\n"),
    ],
}

_MARK = re.compile(r"«([^¦»]*)¦([^»]*)»", re.S)


def bad(text):
    """Returns the manifest with its mistake, and where that is: line and column."""
    start = text.index("«")
    return _MARK.sub(r"\1", text), (text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))


def good(text):
    return _MARK.sub(r"\2", text)
