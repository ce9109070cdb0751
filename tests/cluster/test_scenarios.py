"""Typical manifests of teams, through `kubectl apply` to a real API server: what is stored is what
the policy says, and refusals reach the users who need them."""

import pytest

from control_plane import eventually
from kube import GPU, SHARED, doc
from manifests import container, cronjob, daemonset, deployment, job, limits, pod, pod_spec, statefulset

MIG1, MIG3 = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"
MEMORY = "gpugate.io/gpu-memory"
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
EDGE = {"node-type": "edge", "accelerator": "nvidia-tesla-t4"}
TOLERATION = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}


@pytest.fixture(params=["embedded", "cluster"])
def ledger(request):
    return request.param


@pytest.fixture
def gpugate(control_plane, gpugate_in_cluster, ledger):
    def start(*policy, **options):
        return gpugate_in_cluster(control_plane, list(policy), ledger=ledger, **options)
    return start


def a100(**more):
    return doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels=A100,
               **{"mig": {"offered": ["1g.10gb", "3g.40gb"]}, "sharing": {"resource": SHARED, "replicas": 4}, **more})


def team(name, space, *quotas, **more):
    return doc("Tenant", name, namespaces=[space], quotas=list(quotas), **more)


def whole(hard):
    return {"name": "whole", "resources": [GPU], "hard": hard}


def gpus(hard):
    return {"name": "compute", "measure": "gpus", "hard": hard}


def inference_on_mig():
    return doc("Rule", "inference-on-mig", match={"podSelector": {"matchLabels": {"workload": "inference"}}},
               rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": f"annotation:{MEMORY}", "default": "10Gi", "pin": True}}],
               required=True)


def apply(plane, *objects, check=True):
    return plane.kubectl("apply", "-f", "-", input=list(objects), check=check)


def stored(plane, space, name):
    return plane.admin.get("Pod", name, space).must()


def pods(plane, space, count=None, seconds=15):
    """Returns the Pods of a namespace, once there are `count`."""
    if count is not None:
        eventually(lambda: len(plane.admin.list("Pod", space)) == count, seconds, f"{count} Pods in {space}")
    return plane.admin.list("Pod", space)


def refused_create(plane, space, name):
    """Returns the message of the Event in which a controller reports that it may not create a Pod.
    """
    return eventually(lambda: [m for m in plane.events(space, name, "FailedCreate") if "denied the request" in m], 15, f"an event of {name}")[0]


def test_1_training_pod(control_plane, gpugate, namespaces):
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, whole(1)))
    apply(control_plane, pod(space, "gpu-training-pod", {GPU: 1, "cpu": 8, "memory": "32Gi"}))
    spec = stored(control_plane, space, "gpu-training-pod")["spec"]
    assert spec["containers"][0]["resources"]["limits"] == {GPU: "1", "cpu": "8", "memory": "32Gi"}
    gate.wait_used("ml", "whole", 1)
    second = apply(control_plane, pod(space, "second", {GPU: 1}), check=False)
    assert second.returncode != 0
    assert second.stderr.startswith('Error from server (Forbidden): error when creating "STDIN": admission webhook "quota.gpugate.io" denied '
                                    'the request: exceeded quota: GPU quota "whole" of tenant "ml": requested 1, used 1, limit 1, over by 1'), second.stderr
    assert second.stderr.count("\n") == 1
    apply(control_plane, pod(space, "plain"))
    assert stored(control_plane, space, "plain")["spec"]["containers"][0]["resources"] == {}


def test_2_deployment_meets_its_quota(control_plane, gpugate, namespaces):
    """Three replicas with a quota of two. The refusal is in the ReplicaSet's condition and events
    and in the Deployment's condition, and ends when the quota grows."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, whole(2)))
    apply(control_plane, deployment(space, "llm-inference", 3, pod_spec({GPU: 1})))
    pods(control_plane, space, 2)
    replicas = control_plane.admin.list("ReplicaSet", space)[0]["metadata"]["name"]
    said = ('admission webhook "quota.gpugate.io" denied the request: exceeded quota: GPU quota "whole" of tenant "ml": '
            'requested 1, used 2, limit 2, over by 1')
    assert said in refused_create(control_plane, space, replicas)

    def condition(kind, name):
        status = control_plane.admin.get(kind, name, space).must()["status"]
        return [c["message"] for c in status.get("conditions", ()) if c["type"] == "ReplicaFailure" and c["status"] == "True"]

    assert said in eventually(lambda: condition("ReplicaSet", replicas))[0]
    assert said in eventually(lambda: condition("Deployment", "llm-inference"))[0]
    assert gate.used("ml", "whole") == 2
    gate.server.reload([a100(), team("ml", space, whole(3))])
    pods(control_plane, space, 3, seconds=30)
    eventually(lambda: not condition("ReplicaSet", replicas))
    control_plane.kubectl("scale", "-n", space, "deployment/llm-inference", "--replicas=1")
    pods(control_plane, space, 1)
    gate.wait_used("ml", "whole", 1)


def test_2_deployment_becomes_slices(control_plane, gpugate, namespaces):
    """Inference on MIG: the slice is stored in requests and limits, with the model's label. Seven
    fit on one GPU."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus(1)), inference_on_mig())
    apply(control_plane, deployment(space, "chat", 8, pod_spec({GPU: 1}), {"workload": "inference"}))
    for obj in pods(control_plane, space, 7):
        assert limits(obj) == {MIG1: "1"} and obj["spec"]["nodeSelector"] == A100
    gate.wait_used("ml", "compute", 1, "gpus")
    replicas = control_plane.admin.list("ReplicaSet", space)[0]["metadata"]["name"]
    assert "nothing is free" in refused_create(control_plane, space, replicas)
    template = control_plane.admin.get("Deployment", "chat", space).must()["spec"]["template"]
    assert template["spec"]["containers"][0]["resources"]["limits"] == {GPU: "1"}, "what people wrote stays as they wrote it"
    control_plane.admin.delete("Deployment", "chat", space).must()
    pods(control_plane, space, 0)
    large = pod(space, "large", {GPU: 1}, {"workload": "inference"}, {MEMORY: "24Gi"})
    apply(control_plane, large)
    assert limits(stored(control_plane, space, "large")) == {MIG3: "1"}
    gate.wait_used("ml", "compute", 0.5, "gpus")
    huge = apply(control_plane, pod(space, "huge", {GPU: 1}, {"workload": "inference"}, {MEMORY: "64Gi"}), check=False)
    assert 'admission webhook "mutate.gpugate.io" denied the request' in huge.stderr and "3g.40gb" in huge.stderr


def test_3_time_slicing_without_a_new_name(control_plane, gpugate, namespaces):
    space = namespaces("ml")
    gpugate(a100(sharing={"resource": GPU, "replicas": 4}, mig={}), team("ml", space, gpus(1)), doc("Guard", "g", deny=["sharedRequestAboveOne"]))
    apply(control_plane, deployment(space, "sliced", 5, pod_spec({GPU: 1})))
    pods(control_plane, space, 4)
    refused_create(control_plane, space, control_plane.admin.list("ReplicaSet", space)[0]["metadata"]["name"])
    two = apply(control_plane, pod(space, "two", {GPU: 2}), check=False)
    assert "shares" in two.stderr and '"g"' in two.stderr


def test_4_mig_pod(control_plane, gpugate, namespaces):
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus(1)))
    apply(control_plane, pod(space, "mig-pod", {MIG1: 1}))
    assert limits(stored(control_plane, space, "mig-pod")) == {MIG1: "1"}
    gate.wait_used("ml", "compute", 1 / 7, "gpus")


def test_8_edge(control_plane, gpugate, namespaces):
    """The policy places Pods. A StatefulSet's own settings are kept, and contradictions are refused
    with a message."""
    space = namespaces("edge")
    control_plane.admin.apply({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"}).must()
    gpugate(doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={"accelerator": "nvidia-tesla-t4"}),
            team("edge", space, {"name": "whole", "hard": 5}),
            doc("Rule", "edge", match={"requests": {GPU: {}}},
                inject={"nodeSelector": EDGE, "tolerations": [TOLERATION], "runtimeClassName": "nvidia"}, onConflict="deny", required=True))
    apply(control_plane, pod(space, "edge-gpu-app", {GPU: 1}), statefulset(space, "camera", 2, pod_spec({GPU: 1}, nodeSelector={"zone": "a"})),
          deployment(space, "stray", 1, pod_spec({GPU: 1}, nodeSelector={"node-type": "core"})))
    for name, selector in (("edge-gpu-app", EDGE), ("camera-0", {**EDGE, "zone": "a"}), ("camera-1", {**EDGE, "zone": "a"})):
        spec = eventually(lambda name=name: control_plane.admin.get("Pod", name, space).body.get("spec"))
        assert spec["nodeSelector"] == selector and TOLERATION in spec["tolerations"] and spec["runtimeClassName"] == "nvidia"
    said = refused_create(control_plane, space, control_plane.admin.list("ReplicaSet", space)[0]["metadata"]["name"])
    assert all(word in said for word in ('"mutate.gpugate.io"', "node-type", "edge", "core"))
    assert len(pods(control_plane, space)) == 3


@pytest.mark.parametrize("hard", [2, 4])
def test_9_two_gpus_for_tenant_a(control_plane, gpugate, namespaces, hard):
    a, b = namespaces("tenant-a"), namespaces("tenant-b")
    gate = gpugate(team("tenant-a", a, {"name": "gpus", "resources": [GPU], "hard": hard}),
                   team("tenant-b", b, {"name": "gpus", "resources": [GPU], "hard": hard}))
    apply(control_plane, *(pod(a, f"p{i}", {GPU: 1}) for i in range(hard)))
    more = apply(control_plane, pod(a, "more", {GPU: 1}), pod(b, "other", {GPU: 1}), check=False)
    assert f"used {hard}, limit {hard}, over by 1" in more.stderr and "pod/other created" in more.stdout
    control_plane.kubectl("delete", "pod", "-n", a, "p0", "--wait=false")
    apply(control_plane, pod(a, "more", {GPU: 1}))
    assert gate.used("tenant-a", "gpus") == hard


def test_10_elastic_inference(control_plane, gpugate, namespaces):
    """The HPA of the usual manifest is accepted, and scaling stops at the quota."""
    space = namespaces("ml")
    gpugate(team("ml", space, whole(6)))
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "elastic", "namespace": space},
              "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "elastic"}, "minReplicas": 1, "maxReplicas": 10,
                       "metrics": [{"type": "Resource", "resource": {"name": GPU, "target": {"type": "Utilization", "averageUtilization": 80}}}]}}
    apply(control_plane, deployment(space, "elastic", 1, pod_spec({GPU: 1})), scaler)
    assert control_plane.admin.get("HorizontalPodAutoscaler", "elastic", space).must()["spec"]["metrics"] == scaler["spec"]["metrics"]
    control_plane.kubectl("scale", "-n", space, "deployment/elastic", "--replicas=10")
    pods(control_plane, space, 6)
    assert "used 6, limit 6" in refused_create(control_plane, space, control_plane.admin.list("ReplicaSet", space)[0]["metadata"]["name"])


def test_11_shares(control_plane, gpugate, namespaces):
    """A DaemonSet and a Pod use shares. A request for two shares is refused."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus("0.75"), {"name": "shares", "resources": [SHARED], "hard": 9}),
                   doc("Rule", "share", match={"podSelector": {"matchLabels": {"gpu": "shared"}}, "requests": {GPU: {}}},
                       rewrite=[{"from": GPU, "to": SHARED, "maxPerContainer": 8}]),
                   doc("Guard", "shares", deny=["sharedRequestAboveOne"]))
    apply(control_plane, pod(space, "gpu-shared-pod", {GPU: 1}, {"gpu": "shared"}))
    assert limits(stored(control_plane, space, "gpu-shared-pod")) == {SHARED: "1"}
    gate.wait_used("ml", "compute", 0.25, "gpus")
    two = apply(control_plane, pod(space, "two", {GPU: 2}, {"gpu": "shared"}), check=False)
    assert "several shares may be of the same GPU" in two.stderr and SHARED in two.stderr
    nodes = [control_plane.node(f"{space}-{i}", {"fleet": space}, {SHARED: 4}) for i in range(3)]
    try:
        apply(control_plane, daemonset(space, "watcher", pod_spec({GPU: 1}, nodeSelector={"fleet": space}), {"gpu": "shared"}))
        owned = [obj for obj in pods(control_plane, space, 3) if obj["metadata"]["name"].startswith("watcher")]
        assert len(owned) == 2 and all(limits(obj) == {SHARED: "1"} for obj in owned)
        assert "over by 0.25" in refused_create(control_plane, space, "watcher")
    finally:
        for name in nodes:
            control_plane.admin.delete("Node", name).must()


def test_job_with_init_containers_and_a_sidecar(control_plane, gpugate, namespaces):
    """The maximum of 1 sidecar + 1 container and of 2 in the second init container + 1 sidecar is
    3. The refusal is an event of the Job."""
    space = namespaces("batch")
    gate = gpugate(team("batch", space, whole(5)))
    spec = pod_spec({GPU: 1}, initContainers=[container({GPU: 1}, "first"), container({GPU: 1}, "side", restartPolicy="Always"),
                                              container({GPU: 2}, "second")])
    apply(control_plane, job(space, "train", spec))
    first = pods(control_plane, space, 1)[0]
    assert [limits(first, i, "initContainers") for i in range(3)] == [{GPU: "1"}, {GPU: "1"}, {GPU: "2"}]
    gate.wait_used("batch", "whole", 3)
    apply(control_plane, job(space, "again", spec))
    said = refused_create(control_plane, space, "again")
    assert 'denied the request: exceeded quota: GPU quota "whole" of tenant "batch": requested 3, used 3, limit 5, over by 1' in said
    control_plane.phase(first["metadata"]["name"], space, "Succeeded").must()
    gate.wait_used("batch", "whole", 0)
    assert eventually(lambda: control_plane.admin.get("Job", "train", space).must()["status"].get("succeeded")) == 1
    pods(control_plane, space, 2, seconds=30)
    gate.wait_used("batch", "whole", 3)


def test_cronjob(control_plane, gpugate, namespaces):
    space = namespaces("batch")
    gate = gpugate(a100(), team("batch", space, gpus(1)), inference_on_mig())
    apply(control_plane, cronjob(space, "nightly", pod_spec({GPU: 1}), {"workload": "inference"}))
    control_plane.kubectl("create", "job", "-n", space, "tonight", "--from=cronjob/nightly")
    assert limits(pods(control_plane, space, 1)[0]) == {MIG1: "1"}
    gate.wait_used("batch", "compute", 1 / 7, "gpus")


def test_runtime_class_that_does_not_exist(control_plane, gpugate, namespaces):
    """The API server then refuses what a Rule injects, and nothing stays charged."""
    space = namespaces("ml")
    gate = gpugate(team("ml", space, whole(1)),
                   doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"runtimeClassName": f"missing-in-{space}"}))
    refused = apply(control_plane, pod(space, "p", {GPU: 1}), check=False)
    assert f'RuntimeClass "missing-in-{space}" not found' in refused.stderr
    gate.wait_used("ml", "whole", 0)


def test_applied_twice(control_plane, gpugate, namespaces):
    """Server-side apply of an existing object changes nothing, although gpugate has placed the Pod.
    """
    space = namespaces("ml")
    gate = gpugate(team("ml", space, whole(4)), doc("Rule", "place", match={"requests": {GPU: {}}}, inject={
        "nodeSelector": EDGE, "tolerations": [TOLERATION]}, required=True))
    objects = [pod(space, "bare", {GPU: 1}, schedulerName="nobody"), deployment(space, "two", 2, pod_spec({GPU: 1}, schedulerName="nobody")),
               job(space, "job", pod_spec({GPU: 1}, schedulerName="nobody"))]

    def versions():
        found = {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in control_plane.admin.list("Pod", space)}
        for kind in ("Deployment", "ReplicaSet", "Job"):
            found |= {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in control_plane.admin.list(kind, space)}
        return found

    control_plane.kubectl("apply", "--server-side", "-f", "-", input=objects)
    pods(control_plane, space, 4)
    gate.wait_used("ml", "whole", 4)
    settled = []
    eventually(lambda: settled.append(versions()) or len(settled) > 20 and settled[-1] == settled[-20], 20, "rest")
    again = control_plane.kubectl("apply", "--server-side", "-f", "-", input=objects)
    assert again.stdout.count("serverside-applied") == 3
    assert versions() == settled[-1] and gate.used("ml", "whole") == 4
    client_side = control_plane.kubectl("diff", "--server-side", "-f", "-", input=objects)
    assert client_side.stdout == ""


CLIENT_SIDE, SERVER_SIDE = [], ["--server-side"]
both_ways = pytest.mark.parametrize("how", [CLIENT_SIDE, SERVER_SIDE], ids=["client-side", "server-side"])


def untouched(plane, space):
    """Returns what a write would change of every Pod."""
    return {obj["metadata"]["name"]: (obj["metadata"]["resourceVersion"], obj["spec"]) for obj in plane.admin.list("Pod", space)}


def placing(space, **more):
    """Returns a policy that makes every kind of change to Pods."""
    return [a100(), team("ml", space, gpus(4)), inference_on_mig(), doc("Guard", "v", visibleDevices="void"),
            doc("Rule", "place", match={"podSelector": {"matchLabels": {"workload": "inference"}}},
                inject={"nodeSelector": {"zone": "a", "tier": "gpu"}, "tolerations": [TOLERATION, {"key": "edge", "value": "x", "effect": "NoExecute"}],
                        "runtimeClassName": "nvidia"}, onConflict="override", **more)]


def demanding(space, name):
    """Returns a Pod in which nearly everything is changed."""
    return pod(space, name, labels={"workload": "inference"}, schedulerName="nobody", runtimeClassName="own",
               nodeSelector={"zone": "b", "own": "x"}, tolerations=[{"key": "own", "operator": "Exists"}],
               initContainers=[container({GPU: 1}, "first"), container({GPU: 1}, "side", restartPolicy="Always")],
               containers=[container({GPU: 1, "cpu": 1}), container(name="plain", env=[{"name": "A", "value": "x"}, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]),
                           container(name="from", env=[{"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
                           container(name="bare")])


@pytest.fixture
def runtime_classes(control_plane):
    for name in ("nvidia", "own"):
        control_plane.admin.apply({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": name}).must()


@both_ways
def test_a_rewritten_pod_applied_again(control_plane, gpugate, namespaces, how):
    """The manifest still requests the GPU that was rewritten. Applying it again changes nothing,
    and a new label in it is stored."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus(1)), inference_on_mig())
    bare = pod(space, "bare", {GPU: 1}, {"workload": "inference"}, schedulerName="nobody")
    workload = deployment(space, "chat", 1, pod_spec({GPU: 1}, schedulerName="nobody"), {"workload": "inference"})
    control_plane.kubectl("apply", *how, "-f", "-", input=[bare, workload])
    pods(control_plane, space, 2)
    before = untouched(control_plane, space)
    for _ in range(2):
        control_plane.kubectl("apply", *how, "-f", "-", input=[bare, workload])
        assert untouched(control_plane, space) == before
    bare["metadata"]["labels"]["stage"] = "prod"
    control_plane.kubectl("apply", *how, "-f", "-", input=bare)
    after = stored(control_plane, space, "bare")
    assert after["metadata"]["labels"] == {"workload": "inference", "stage": "prod"} and limits(after) == {MIG1: "1"}
    assert after["spec"] == before["bare"][1]
    gate.wait_used("ml", "compute", 2 / 7, "gpus")


@both_ways
def test_all_that_is_changed_applied_again(control_plane, gpugate, namespaces, runtime_classes, how):
    """Resources, variables, node selectors, tolerations and runtime class, in every list of
    containers."""
    space = namespaces("ml")
    gpugate(*placing(space))
    control_plane.kubectl("apply", *how, "-f", "-", input=demanding(space, "p"))
    before = untouched(control_plane, space)
    spec = before["p"][1]
    assert spec["runtimeClassName"] == "nvidia" and spec["nodeSelector"] == {**A100, "zone": "a", "tier": "gpu", "own": "x"}
    assert TOLERATION in spec["tolerations"] and spec["containers"][0]["resources"]["limits"] == {MIG1: "1", "cpu": "1"}
    void = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
    assert [void in c.get("env", []) for c in spec["containers"]] == [False, True, True, True]
    for _ in range(2):
        control_plane.kubectl("apply", *how, "-f", "-", input=demanding(space, "p"))
        assert untouched(control_plane, space) == before
    shown = control_plane.kubectl("diff", *how, "-f", "-", input=demanding(space, "p"))
    assert shown.stdout == ""


def test_replaced_by_its_manifest(control_plane, gpugate, namespaces, runtime_classes):
    """As `kubectl replace` does, nothing of the stored Pod is merged."""
    space = namespaces("ml")
    gpugate(*placing(space))
    made = pod(space, "p", {GPU: 1}, {"workload": "inference"}, schedulerName="nobody")
    control_plane.kubectl("create", "-f", "-", input=made)
    before = stored(control_plane, space, "p")["spec"]
    # Here the manifest contains what the API server adds, such as the token's volume.
    manifest = stored(control_plane, space, "p")
    manifest["spec"]["containers"][0]["resources"] = {kind: {GPU: "1"} for kind in ("limits", "requests")}
    for field in ("runtimeClassName", "nodeSelector", "tolerations"):
        del manifest["spec"][field]
    control_plane.admin.replace(manifest).must()
    after = stored(control_plane, space, "p")["spec"]
    order = {t["key"]: t for t in after.pop("tolerations")}
    assert order == {t["key"]: t for t in before.pop("tolerations")} and after == before


@both_ways
def test_what_may_change_in_a_rewritten_pod(control_plane, gpugate, namespaces, runtime_classes, how):
    """Changes images, adds tolerations, and for a gated Pod adds node selectors and removes gates,
    by its manifest."""
    space = namespaces("ml")
    gpugate(*placing(space))
    made = {**demanding(space, "p")}
    made["spec"]["schedulingGates"] = [{"name": "example.com/wait"}]
    control_plane.kubectl("apply", *how, "-f", "-", input=made)
    before = stored(control_plane, space, "p")["spec"]
    made["spec"]["containers"][0]["image"] = "registry.example/image:2"
    made["spec"]["nodeSelector"]["more"] = "z"
    made["spec"]["tolerations"].append({"key": "new", "operator": "Exists"})
    made["spec"]["activeDeadlineSeconds"] = 600
    control_plane.kubectl("apply", *how, "-f", "-", input=made)
    after = stored(control_plane, space, "p")["spec"]
    assert after["containers"][0].pop("image") == "registry.example/image:2" and before["containers"][0].pop("image")
    assert after["nodeSelector"].pop("more") == "z" and after.pop("activeDeadlineSeconds") == 600
    tolerations = {t["key"]: t for t in after.pop("tolerations")}
    assert tolerations.pop("new") and tolerations == {t["key"]: t for t in before.pop("tolerations")}
    assert after == before
    control_plane.kubectl("patch", "-n", space, "pod/p", "--type=json", "-p", '[{"op":"remove","path":"/spec/schedulingGates"}]')
    assert "schedulingGates" not in stored(control_plane, space, "p")["spec"]


@both_ways
def test_what_nobody_may_change_is_still_refused(control_plane, gpugate, namespaces, how):
    """More GPUs, or a changed node selector of its own, are not traces of a rewrite: the API server
    refuses them as usual."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus(1)), inference_on_mig())
    made = pod(space, "p", {GPU: 1}, {"workload": "inference"}, schedulerName="nobody", nodeSelector={"own": "x"})
    control_plane.kubectl("apply", *how, "-f", "-", input=made)
    before = untouched(control_plane, space)
    for other in (pod(space, "p", {GPU: 2}, {"workload": "inference"}, schedulerName="nobody", nodeSelector={"own": "x"}),
                  pod(space, "p", {GPU: 1}, {"workload": "inference"}, schedulerName="nobody", nodeSelector={"own": "z"})):
        refused = control_plane.kubectl("apply", *how, "-f", "-", input=other, check=False)
        assert 'The Pod "p" is invalid: spec: Forbidden: pod updates may not change fields' in refused.stderr, refused
    assert untouched(control_plane, space) == before
    gate.wait_used("ml", "compute", 1 / 7, "gpus")


def test_updates_that_leave_the_spec_alone_are_not_shown(control_plane, gpugate, namespaces):
    """Writes of labels, annotations, finalizers and status do not wait for gpugate."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus(1)), inference_on_mig())
    apply(control_plane, pod(space, "p", {GPU: 1}, {"workload": "inference"}, schedulerName="nobody"), pod(space, "plain", schedulerName="nobody"))

    def calls():
        return gate.server.metrics().total("gpugate_admission_requests_total", path="/mutate")

    before = calls()
    assert before > 0
    for name in ("p", "plain"):
        control_plane.kubectl("label", "-n", space, f"pod/{name}", "stage=prod")
        control_plane.kubectl("annotate", "-n", space, f"pod/{name}", "note=x")
        control_plane.phase(name, space, "Running").must()
    assert calls() == before
    control_plane.kubectl("set", "image", "-n", space, "pod/p", "main=registry.example/image:2")
    assert calls() == before + 1


def test_dry_run_charges_nothing(control_plane, gpugate, namespaces):
    """The result shows what would happen."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, gpus(1)), inference_on_mig())
    for i in range(9):
        shown = control_plane.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-",
                                      input=pod(space, f"p{i}", {GPU: 1}, {"workload": "inference"})).stdout
        assert f'"{MIG1}": "1"' in shown and f'"{GPU}": "1"' not in shown
    assert gate.used("ml", "compute", "gpus") == 0 and not pods(control_plane, space)
    over = control_plane.kubectl("apply", "--dry-run=server", "-f", "-", input=pod(space, "over", {GPU: 2}), check=False)
    assert "can never fit: GPU quota" in over.stderr and "request at most 1 GPU, or" in over.stderr


def _resize(plane, space):
    """More CPU is allowed. The API server itself never allows more GPUs."""
    plane.kubectl("patch", "-n", space, "pod/p", "--subresource=resize", "--patch",
                  '{"spec":{"containers":[{"name":"main","resources":{"limits":{"cpu":"2"},"requests":{"cpu":"2"}}}]}}')
    resources = stored(plane, space, "p")["spec"]["containers"][0]["resources"]
    assert resources["limits"] == resources["requests"] == {GPU: "1", "cpu": "2"}
    grown = plane.admin.patch("Pod", "p", {"spec": {"containers": [{"name": "main", "resources": {"limits": {GPU: "2"}, "requests": {GPU: "2"}}}]}},
                              space, "resize", "strategic")
    assert grown.status in (403, 422), grown


def test_a_bound_pods_life_is_unharmed(control_plane, gpugate, namespaces):
    """gpugate does not interfere with binding by the real scheduler, labels, status, resize of CPU,
    and eviction."""
    space = namespaces("ml")
    gate = gpugate(a100(), team("ml", space, whole(1)))
    node = control_plane.node(f"{space}-node", {**A100, "fleet": space}, {GPU: 8})
    admin = control_plane.admin
    try:
        apply(control_plane, pod(space, "p", {GPU: 1, "cpu": 1}, nodeSelector={"fleet": space}, terminationGracePeriodSeconds=30))
        eventually(lambda: stored(control_plane, space, "p")["spec"].get("nodeName") == node, 20, "the binding")
        control_plane.phase("p", space, "Running").must()
        control_plane.kubectl("label", "-n", space, "pod/p", "stage=prod")
        # pods/resize is on by default from there on.
        if control_plane.version >= (1, 33):
            _resize(control_plane, space)
        gate.wait_used("ml", "whole", 1)
        evicted = admin.create({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": space}},
                               space, "eviction")
        assert evicted.ok, evicted
        assert "deletionTimestamp" in stored(control_plane, space, "p")["metadata"]
        assert gate.used("ml", "whole") == 1, "it still runs"
        # The kubelet does this when its containers have ended.
        admin.delete("Pod", "p", space, grace_s=0).must()
        gate.wait_used("ml", "whole", 0)
    finally:
        admin.delete("Node", node).must()


def test_eviction_of_a_pod_that_has_not_started(control_plane, gpugate, namespaces, ledger):
    """It is deleted without a review of the deletion. The embedded ledger cannot notice; one that
    watches Pods does."""
    space = namespaces("ml")
    gate = gpugate(team("ml", space, whole(1)))
    apply(control_plane, pod(space, "p", {GPU: 1}, schedulerName="nobody"))
    gate.wait_used("ml", "whole", 1)
    control_plane.admin.create({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": space}},
                               space, "eviction").must()
    assert control_plane.admin.get("Pod", "p", space).status == 404
    gate.wait_used("ml", "whole", 1 if ledger == "embedded" else 0)


def test_delete_then_create_at_the_edge(control_plane, gpugate, namespaces, ledger):
    """A thousand times, a Pod makes room for the next one, and there are never two. The embedded
    ledger refuses none. One that watches Pods may see a deletion slightly after the client. Such
    a refusal is rare, says that waiting helps, and does not recur at the next attempt."""
    space = namespaces("ml")
    gate = gpugate(team("ml", space, whole(1)))
    client, early = control_plane.client(), 0
    for i in range(1000):
        made = client.create(pod(space, f"p{i}", {GPU: 1}, schedulerName="nobody"))
        if not made.ok and ledger == "cluster":
            assert made.status == 403 and "exceeded quota" in made.message, made
            early += 1
            gate.wait_used("ml", "whole", 0)
            made = client.create(pod(space, f"p{i}", {GPU: 1}, schedulerName="nobody"))
        assert made.ok, f"{i}: {made.message}"
        if i % 50 == 0:
            second = client.create(pod(space, "second", {GPU: 1}))
            assert second.status == 403 and "used 1, limit 1" in second.message, second
        client.delete("Pod", f"p{i}", space, grace_s=0).must()
    gate.wait_used("ml", "whole", 0)
    assert early < 500, early
