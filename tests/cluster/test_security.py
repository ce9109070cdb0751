"""What users without rights over gpugate may try, with a real API server and its own roles: a
tenant, the admin of a namespace, a node, and a client that knows the path secret.
docs/security.md describes what they can do."""

import copy
import uuid

import pytest

from control_plane import ControlPlane, eventually
from gpugate import run
from in_cluster import InCluster
from kube import GPU, doc, persisted, review
from manifests import container, pod
from rest import PATCHES

SECRET = "a-path-secret-of-this-test"
SPACES = ("red", "blue", "crowd")
NODE, OTHER = "gpu-1", "gpu-2"
A100, T4 = {"nvidia.com/gpu.product": "A100"}, {"nvidia.com/gpu.product": "T4"}
PENDING_S = 3


def team(name, hard):
    return doc("Tenant", name, namespaces=[name], quotas=[{"name": "compute", "measure": "gpus", "hard": hard}])


POLICY = [doc("Settings", "cluster", guardFailurePolicy="Fail"), team("red", 2), team("blue", 2), team("crowd", 4000),
          doc("Accelerator", "a100", resource=GPU, nodeLabels=A100), doc("Accelerator", "t4", resource=GPU, nodeLabels=T4, weight="0.5"),
          doc("Guard", "no-way-around", deny=["visibleDevicesEnv", "hostDeviceMounts", "deviceVolumeMounts", "preboundNodeName", "privileged",
                                              "ephemeralContainers", "resourceClaims"])]
OVER = 'admission webhook "quota.gpugate.io" denied the request: exceeded quota: GPU quota "compute" of tenant "red"'


@pytest.fixture(scope="module")
def plane(request):
    """A control plane with the node authorizer and NodeRestriction, as clusters have them. jane has
    the role `admin` in red, the strongest role in a namespace."""
    users = {f"system:node:{NODE}": ["system:nodes"]}
    plane = ControlPlane(scheduler=False, users=users, apiserver=["--authorization-mode=Node", "--enable-admission-plugins=NodeRestriction"])
    try:
        for space in SPACES:
            plane.namespace(space)
        for space in ("red", "crowd"):
            plane.grant(("User", "jane"), "admin", space)
        for node in (NODE, OTHER):
            plane.node(node, A100, {GPU: 8})
        eventually(lambda: plane.client("jane").list("Pod", "red") == [], 20, "the rights of jane")
        yield plane
    finally:
        plane.stop(keep=request.session.testsfailed > 0)


@pytest.fixture(scope="module")
def running(plane):
    gate = InCluster(plane, POLICY, "--pending-seconds", PENDING_S, ledger="cluster", secret=SECRET)
    yield gate
    gate.stop()


@pytest.fixture
def gate(plane, running):
    """gpugate. Afterwards nothing is held."""
    yield running
    for space in SPACES:
        for obj in plane.admin.list("Pod", space):
            if obj["metadata"].get("finalizers"):
                plane.admin.patch("Pod", obj["metadata"]["name"], {"metadata": {"finalizers": None}}, space)
    plane.clear(*SPACES)
    for space in SPACES:
        running.wait_used(space, "compute", 0, "gpus", PENDING_S + 30)


@pytest.fixture
def jane(plane):
    return plane.client("jane")


@pytest.fixture
def kubelet(plane):
    return plane.client(f"system:node:{NODE}")


def fill(gate, client, space="red"):
    """Uses up a quota, and returns the stored Pod."""
    made = client.create(pod(space, "first", {GPU: 2})).must()
    gate.wait_used(space, "compute", 2, "gpus")
    return made


def bind(plane, name, space, node):
    plane.admin.create({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": node}},
                       space, "binding", of="Pod").must()


def changed(obj, path, value):
    obj = copy.deepcopy(obj)
    at = obj
    for key in path[:-1]:
        at = at.setdefault(key, {})
    at[path[-1]] = value
    return obj


# --- A tenant, and the admin of a namespace ---

FORBIDDEN = {
    "read the ledger": ("GET", "/apis/gpugate.io/v1/gpuledgers/cluster", None),
    "write the ledger": ("PATCH", "/apis/gpugate.io/v1/gpuledgers/cluster", {"spec": {"pending": ""}}),
    "delete the ledger": ("DELETE", "/apis/gpugate.io/v1/gpuledgers/cluster", None),
    "write what is published": ("DELETE", "/apis/gpugate.io/v1/gpuquotas", None),
    "read the registration, and the path secret": ("GET", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gpugate", None),
    "change the registration": ("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gpugate", None),
    "label its namespace": ("PATCH", "/api/v1/namespaces/red", {"metadata": {"labels": {"kubernetes.io/metadata.name": "gpugate"}}}),
    "make a namespace": ("POST", "/api/v1/namespaces", {"metadata": {"name": "kube-red"}}),
    "read gpugate's Secrets": ("GET", "/api/v1/namespaces/gpugate/secrets", None),
    "read the policy": ("GET", "/api/v1/namespaces/gpugate/configmaps", None),
    "be gpugate": ("POST", "/api/v1/namespaces/gpugate/serviceaccounts/gpugate/token", {"spec": {}}),
    "reach gpugate through the API server": ("GET", "/api/v1/namespaces/gpugate/services/https:gpugate:443/proxy/metrics", None),
    "bind a Pod": ("POST", "/api/v1/namespaces/red/pods/first/binding", {"target": {"kind": "Node", "name": NODE}}),
    "label a node": ("PATCH", f"/api/v1/nodes/{NODE}", {"metadata": {"labels": T4}}),
    "end its Pod": ("PATCH", "/api/v1/namespaces/red/pods/first/status", {"status": {"phase": "Succeeded"}}),
    "grant itself any of it": ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/red/roles", {
        "metadata": {"name": "mine"}, "rules": [{"apiGroups": [""], "resources": ["pods/status", "pods/binding"], "verbs": ["*"]}]}),
}


def test_the_admin_of_a_namespace_has_no_right_over_gpugate(gate, jane):
    fill(gate, jane)
    for what, (method, path, body) in FORBIDDEN.items():
        answer = jane.request(method, path, body, PATCHES["merge"] if method == "PATCH" else "application/json")
        assert answer.status == 403, f"{what}: {answer.status} {answer.message}"
    assert gate.used("red", "compute", "gpus") == 2


WAYS = {
    "labels": (["metadata", "labels"], {"gpugate.io/exempt": "true", "admission.gpugate.io/ignore": "true", "kubernetes.io/metadata.name": "gpugate"}),
    "annotations": (["metadata", "annotations"], {"gpugate.io/exempt": "true", "kubernetes.io/config.source": "file"}),
    "a controller": (["metadata", "ownerReferences"], [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "nvidia-device-plugin",
                                                        "uid": "00000000-0000-0000-0000-000000000000", "controller": True}]),
    "a name of its own": (["metadata"], {"generateName": "second-", "namespace": "red"}),
    "a finalizer": (["metadata", "finalizers"], ["example.com/held"]),
    "an end": (["status"], {"phase": "Succeeded"}),
    "a deletion": (["metadata", "deletionTimestamp"], "2020-01-01T00:00:00Z"),
    "a scheduler of its own": (["spec", "schedulerName"], "mine"),
    "a gate": (["spec", "schedulingGates"], [{"name": "example.com/later"}]),
    "a priority": (["spec", "priorityClassName"], "system-node-critical"),
    "everything tolerated": (["spec", "tolerations"], [{"operator": "Exists"}]),
    "the host's network": (["spec", "hostNetwork"], True),
    "a sidecar": (["spec", "initContainers"], [container({GPU: 1}, "side", restartPolicy="Always")]),
}


@pytest.mark.parametrize("how", ["create", "apply", "dry run"])
def test_nothing_that_a_tenant_writes_exempts_it(gate, jane, how):
    """Each Pod requests one GPU more than available. Two of them reuse the uid of the Pod that
    holds everything."""
    first = fill(gate, jane)
    ways = {**WAYS, "the uid of another": (["metadata", "uid"], first["metadata"]["uid"])}
    for what, (path, value) in ways.items():
        obj = changed(pod("red", "second", {GPU: 1}), path, value)
        if how == "apply" and "name" in obj["metadata"] and "uid" not in obj["metadata"]:
            obj["metadata"].pop("deletionTimestamp", None)
            answer = jane.apply(obj)
        else:
            answer = jane.create(obj, **({"dryRun": "All"} if how == "dry run" else {}))
        assert answer.status == 403 and answer.message.startswith(OVER), f"{what}: {answer.status} {answer.message}"
    assert [obj["metadata"]["name"] for obj in jane.list("Pod", "red")] == ["first"]


AROUND = {
    "a bound Pod": {"nodeName": NODE},
    "a host path": {"volumes": [{"name": "d", "hostPath": {"path": "/dev/nvidia0"}}]},
    "a host path in disguise": {"volumes": [{"name": "d", "hostPath": {"path": "//dev/./char"}}]},
    "privilege": {"containers": [container(securityContext={"privileged": True})]},
    "privilege at first": {"initContainers": [container(name="i", securityContext={"privileged": True})]},
    "a variable": {"containers": [container(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}])]},
    "a variable from elsewhere": {"containers": [container(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {
        "fieldRef": {"fieldPath": "metadata.name"}}}])]},
    "a mount that is a device": {"volumes": [{"name": "d", "emptyDir": {}}],
                                 "containers": [container(volumeMounts=[{"name": "d", "mountPath": "var/run//nvidia-container-devices/all"}])]},
    "a claim": {"resourceClaims": [{"name": "c", "resourceClaimName": "c"}]},
}


def test_no_way_around_the_quota_passes_the_guards(gate, jane):
    for what, spec in AROUND.items():
        answer = jane.create(pod("red", "around", **spec))
        assert answer.status == 403 and "gpugate.io\" denied the request" in answer.message, f"{what}: {answer.status} {answer.message}"


def test_a_running_pod_gets_no_more(gate, jane):
    fill(gate, jane)
    more = {"resources": {"limits": {GPU: "3"}, "requests": {GPU: "3"}}}
    changes = {
        "resources": (None, {"spec": {"containers": [{"name": "main", **more}]}}),
        "a resize": ("resize", {"spec": {"containers": [{"name": "main", **more}]}}),
        "a container": (None, {"spec": {"containers": [{"name": "new", "image": "x", **more}]}}),
        "a variable": (None, {"spec": {"containers": [{"name": "main", "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}]}}),
        "an ephemeral container": ("ephemeralcontainers", {"spec": {"ephemeralContainers": [
            {"name": "debug", "image": "x", "securityContext": {"privileged": True}}]}}),
    }
    for what, (subresource, patch) in changes.items():
        answer = jane.patch("Pod", "first", patch, "red", subresource, "strategic")
        assert answer.status in (403, 422), f"{what}: {answer.status} {answer.message}"
    first = jane.get("Pod", "first", "red").must()
    jane.replace(changed(first, ["status"], {"phase": "Succeeded"})).must()
    jane.patch("Pod", "first", {"metadata": {"labels": {"x": "y"}, "annotations": {"kubernetes.io/config.source": "file"}}}, "red").must()
    assert jane.get("Pod", "first", "red").must()["status"]["phase"] == "Pending"
    assert not jane.create(pod("red", "second", {GPU: 1})).ok
    assert gate.used("red", "compute", "gpus") == 2


def test_a_pod_holds_until_it_is_gone(plane, gate, jane):
    """A deleted Pod that still exists, because its owner wants that, counts. One that is gone does
    not."""
    first = changed(pod("red", "first", {GPU: 2}), ["metadata", "finalizers"], ["example.com/held"])
    first["spec"]["terminationGracePeriodSeconds"] = 1
    jane.create(first).must()
    bind(plane, "first", "red", NODE)
    for grace_s in (None, 0):
        jane.delete("Pod", "first", "red", grace_s=grace_s).must()
        assert jane.create(pod("red", "second", {GPU: 1})).message.startswith(OVER)
    jane.patch("Pod", "first", {"metadata": {"finalizers": None}}, "red").must()
    eventually(lambda: jane.create(pod("red", "second", {GPU: 2})).ok, 10, "room after the end")


def test_pods_that_are_never_stored_keep_nobody_else_out(gate, plane, jane):
    """A Pod whose name is taken is admitted and not stored, and so is one that a ResourceQuota
    refuses. Each holds a place for a while, and these take as much of it as a Pod may. The
    tenant that does this runs out of places, but others do not, and the places become free
    again."""
    wide = pod("crowd", "taken", {f"nvidia.com/mig-{i:059}": 1 for i in range(64)})
    jane.create(wide).must()
    answers = [jane.create(wide)]
    while answers[-1].status == 409 and len(answers) < 128:
        answers.append(jane.create(wide))
    assert answers[-1].status == 429 and "this tenant has too many Pods and claims" in answers[-1].message, answers[-1]
    plane.admin.create(pod("blue", "other", {GPU: 2})).must()
    gate.wait_used("crowd", "compute", 64, "gpus", PENDING_S + 30)
    gate.wait_used("blue", "compute", 2, "gpus")


def test_a_review_that_is_too_long_does_not_tell_the_path_secret(gate, jane):
    """The API server writes `<` as six bytes. If it cannot send a whole request, it reports that to
    its client, with the URL."""
    for size in (1_500_000, 2_900_000):
        for _ in range(3):
            long = pod("red", "long", {GPU: 1})
            long["spec"]["containers"][0]["env"] = [{"name": "A", "value": "<" * size}]
            answer = jane.create(long)
            assert answer.status == 500 and "status code 413" in answer.message and SECRET not in answer.message, answer.message


# --- A node, with its kubelet's credentials ---

def mirror(plane, name, space, gpus):
    uid = plane.admin.get("Node", NODE).must()["metadata"]["uid"]
    obj = pod(space, name, {GPU: gpus}, annotations={"kubernetes.io/config.mirror": "x", "kubernetes.io/config.source": "file"}, nodeName=NODE)
    obj["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": uid, "controller": True}]
    obj["spec"]["automountServiceAccountToken"] = False
    return obj


def test_a_node_charges_static_pods_and_makes_no_others(plane, gate, kubelet, jane):
    """A mirror Pod is charged to the namespace that the node names, beyond its quota. A compromised
    node can use up a tenant's quota."""
    fill(gate, plane.admin, "blue")
    assert kubelet.create(mirror(plane, "static", "blue", 3)).ok
    gate.wait_used("blue", "compute", 5, "gpus")
    assert kubelet.create(pod("blue", "plain", {GPU: 1}, nodeName=NODE)).status == 403
    assert kubelet.create(changed(mirror(plane, "other", "blue", 1), ["spec", "nodeName"], OTHER)).status == 403
    assert not jane.create(mirror(plane, "mine", "red", 3)).ok, "the annotation alone is nothing"
    assert kubelet.delete("Pod", "static", "blue", grace_s=0).ok
    gate.wait_used("blue", "compute", 2, "gpus")


def test_a_node_ends_its_own_pods_only(plane, gate, kubelet, jane):
    """A compromised node can report that its Pods have ended, because its devices are its own. It
    cannot do so for Pods on other nodes."""
    for name, node in (("here", NODE), ("there", OTHER)):
        jane.create(pod("red", name, {GPU: 1})).must()
        bind(plane, name, "red", node)
    gate.wait_used("red", "compute", 2, "gpus")
    assert plane.phase("there", "red", "Succeeded", kubelet).status == 403
    assert kubelet.delete("Pod", "there", "red", grace_s=0).status == 403
    assert jane.create(pod("red", "more", {GPU: 1})).message.startswith(OVER)
    plane.phase("here", "red", "Succeeded", kubelet).must()
    gate.wait_used("red", "compute", 1, "gpus")


def test_a_node_labels_itself_only(plane, gate, kubelet, jane):
    """A bound Pod is charged by the labels of its node. The node sets those itself, except
    node-restriction.kubernetes.io/."""
    jane.create(pod("red", "first", {GPU: 2})).must()
    bind(plane, "first", "red", NODE)
    gate.wait_used("red", "compute", 2, "gpus")
    assert kubelet.patch("Node", OTHER, {"metadata": {"labels": T4}}).status == 403
    assert kubelet.patch("Node", NODE, {"metadata": {"labels": {"node-restriction.kubernetes.io/gpu": "t4"}}}).status == 403
    kubelet.patch("Node", NODE, {"metadata": {"labels": T4}}).must()
    try:
        gate.wait_used("red", "compute", 1, "gpus")
    finally:
        plane.admin.patch("Node", NODE, {"metadata": {"labels": A100}}).must()
    gate.wait_used("red", "compute", 2, "gpus")


def test_a_node_has_no_right_over_gpugate(gate, kubelet):
    for what in ("read the ledger", "write the ledger", "change the registration", "read the registration, and the path secret", "make a namespace",
                 "label its namespace"):
        method, path, body = FORBIDDEN[what]
        assert kubelet.request(method, path, body, PATCHES["merge"] if method == "PATCH" else "application/json").status == 403, what


# --- A client that knows the path secret and reaches the port ---

def test_forged_reviews_hold_for_a_while_and_free_nothing(plane, gate, jane):
    """They create no Pod and end none. Nothing that was refused becomes admitted. What they pretend
    holds quota until it is swept."""
    first = fill(gate, jane)
    server = gate.servers[0]
    for forged in (review(None, operation="DELETE", old=first), review(changed(first, ["status", "phase"], "Succeeded"), operation="UPDATE",
                                                                       old=first, subresource="status")):
        server.decide("validate", forged)
    assert jane.create(pod("red", "second", {GPU: 1})).message.startswith(OVER)
    pretended = persisted(pod("blue", "pretended", {GPU: 2}))
    pretended["metadata"]["uid"] = str(uuid.uuid4())
    assert server.decide("validate", review(pretended)).allowed
    assert not plane.admin.create(pod("blue", "real", {GPU: 1})).ok
    assert plane.admin.list("Pod", "blue") == []
    gate.wait_used("blue", "compute", 0, "gpus", PENDING_S + 30)
    assert plane.admin.create(pod("blue", "real", {GPU: 1})).ok


def test_without_the_path_secret_nobody_is_answered(gate):
    server = gate.servers[0]
    asked = review(persisted(pod("red", "x", {GPU: 1})))
    for path in ("/validate", "/mutate", "/validate/", f"/validate/{SECRET[:-1]}"):
        assert server.post(path, asked).status == 404
    assert gate.used("red", "compute", "gpus") == 0


# --- A client that may write gpugate's published objects, or uses the output of `gpugate quota` ---

def test_nothing_is_decided_from_what_is_published(plane, gate, jane):
    """A user who may write gpuquotas can mislead readers for a moment, but nothing else."""
    fill(gate, jane)
    quotas = "/apis/gpugate.io/v1/gpuquotas"
    mine = next(obj for obj in eventually(lambda: plane.admin.request("GET", quotas).must()["items"], 20) if obj["spec"]["tenant"] == "red")
    plane.admin.request("DELETE", f"{quotas}/{mine['metadata']['name']}").must()
    assert jane.create(pod("red", "second", {GPU: 1})).message.startswith(OVER)
    assert run("quota", "--kubeconfig", plane.kubeconfig("jane")).returncode == 2, "what others hold is not a tenant's to read"
