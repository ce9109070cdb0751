"""What the tests know of the resources of the Kubernetes API, for clients and for servers, and what
gpugate may do with them."""

# kind -> (where its group is served, resource, namespaced)
KINDS = {
    "Pod": ("/api/v1", "pods", True), "Namespace": ("/api/v1", "namespaces", False), "Node": ("/api/v1", "nodes", False),
    "ConfigMap": ("/api/v1", "configmaps", True), "Secret": ("/api/v1", "secrets", True), "Event": ("/api/v1", "events", True),
    "Service": ("/api/v1", "services", True), "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "ResourceQuota": ("/api/v1", "resourcequotas", True), "LimitRange": ("/api/v1", "limitranges", True),
    "Deployment": ("/apis/apps/v1", "deployments", True), "ReplicaSet": ("/apis/apps/v1", "replicasets", True),
    "StatefulSet": ("/apis/apps/v1", "statefulsets", True), "DaemonSet": ("/apis/apps/v1", "daemonsets", True),
    "ReplicationController": ("/api/v1", "replicationcontrollers", True), "Training": ("/apis/example.com/v1", "trainings", True),
    "Job": ("/apis/batch/v1", "jobs", True), "CronJob": ("/apis/batch/v1", "cronjobs", True),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers", True),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases", True),
    "RuntimeClass": ("/apis/node.k8s.io/v1", "runtimeclasses", False),
    "ResourceClaim": ("/apis/resource.k8s.io/v1", "resourceclaims", True),
    "ResourceClaimTemplate": ("/apis/resource.k8s.io/v1", "resourceclaimtemplates", True),
    "ResourceSlice": ("/apis/resource.k8s.io/v1", "resourceslices", False),
    "DeviceClass": ("/apis/resource.k8s.io/v1", "deviceclasses", False),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "MutatingWebhookConfiguration": ("/apis/admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", False),
    "ValidatingWebhookConfiguration": ("/apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", False),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "GPULedger": ("/apis/gpugate.io/v1", "gpuledgers", False), "GPUQuota": ("/apis/gpugate.io/v1", "gpuquotas", False),
}

# (kind, name of the only object or None) -> the verbs that the ClusterRole of the cluster ledger
# grants. They are not derived from what the program prints, so that a new right is looked at.
# test_render.py compares them with the output of `gpugate render`, and
# tests/cluster/test_registration.py with what a real API server allows.
LEDGER_RIGHTS = {
    ("Pod", None): ["list", "watch"],
    ("ResourceClaim", None): ["list", "watch"],
    ("DeviceClass", None): ["list", "watch"],
    ("ResourceSlice", None): ["list", "watch"],
    ("Namespace", None): ["get", "list", "watch"],
    ("Node", None): ["list", "watch"],
    ("GPULedger", None): ["get", "list", "watch", "create"],
    ("GPULedger", "cluster"): ["update"],
    ("GPUQuota", None): ["list", "watch", "create", "patch", "delete"],
}

# The same for what scales a workload, with either ledger, if some Tenant wants early answers.
TARGET_RIGHTS = {(kind, None): ["get"] for kind in ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController")}
# The objects that have groups of Pods, by group and resource, for Rules with `gangs`.
GROUP_RIGHTS = {(group, resource, ()): ["get"] for group, resource in (
    ("apps", "replicasets"), ("apps", "statefulsets"), ("", "replicationcontrollers"), ("batch", "jobs"), ("scheduling.k8s.io", "podgroups"),
    ("scheduling.x-k8s.io", "podgroups"), ("scheduling.sigs.k8s.io", "podgroups"), ("scheduling.volcano.sh", "podgroups"))}


def api_version(kind):
    """Returns the apiVersion of objects of this kind: "v1", or GROUP/VERSION."""
    return KINDS[kind][0].removeprefix("/apis/").removeprefix("/api/")


def group(kind):
    """Returns the group as RBAC names it: "" for the core."""
    return api_version(kind).rpartition("/")[0]
