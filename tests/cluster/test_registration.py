"""The output of `gpugate render` with a real API server: it is accepted unchanged, it gives gpugate
exactly the rights that it needs, and its conditions match everything that the evaluation could
change or refuse."""

import collections
import itertools
import json
import re
import subprocess

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

import installed
import registration
from api_resources import KINDS, LEDGER_RIGHTS, TARGET_RIGHTS, group
from gpugate import BINARY, Server, eventually
from kube import GPU, SHARED, doc
from manifests import container, pod
from recorder import RELAY, Recorder

MIG1 = "nvidia.com/mig-1g.10gb"
# An accelerator because the policy says so.
ODD = "example.com/odd-device"
_serial = itertools.count(1)


def render(server, *args):
    ran = subprocess.run([BINARY, "render", "--policy", server.policy, "--kube-version", installed.KUBE_VERSION, *args],
                         text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def objects_of(text, *kinds):
    return [obj for obj in yaml.safe_load_all(text) if not kinds or obj["kind"] in kinds]


WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@pytest.fixture
def gate(request):
    """Starts gpugate without registering it: gate(*policy)."""
    servers = []

    def make(*policy):
        servers.append(Server(list(policy)))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def small_policy(space="team-a"):
    return [doc("Accelerator", "a100", resource=GPU, memory="80Gi", sharing={"resource": SHARED, "replicas": 4}),
            doc("Tenant", "team", namespaces=[space], quotas=[{"name": "whole", "hard": 4}]),
            doc("Rule", "r", match={"requests": {GPU: {}}}, rewrite=[{"from": GPU, "to": SHARED}])]


# --- What is printed ---

@pytest.mark.parametrize("ledger", ["embedded", "cluster"])
def test_everything_is_accepted_and_applying_again_changes_nothing(fresh_control_plane, gate, ledger):
    # Other tests apply differently.
    plane = fresh_control_plane(controllers=False, scheduler=False)
    text = render(gate(*small_policy()), "--ledger", ledger)
    # Without the namespace, nothing in it can be tried.
    plane.kubectl("apply", "-f", "-", input=objects_of(text, "Namespace"))
    count = len(objects_of(text))
    dry = plane.kubectl("apply", "--dry-run=server", "-f", "-", input=text)
    assert dry.stdout.count("(server dry run)") == count and "warning" not in dry.stderr.lower()
    first = plane.kubectl("apply", "-f", "-", input=text)
    assert len(first.stdout.splitlines()) == count and "warning" not in first.stderr.lower()
    again = plane.kubectl("apply", "-f", "-", input=text)
    assert [line.rsplit(" ", 1)[1] for line in again.stdout.splitlines()] == ["unchanged"] * count, again.stdout
    assert plane.kubectl("diff", "-f", "-", input=text).stdout == ""


def test_json_is_one_list_of_the_same(control_plane, gate):
    server = gate(*small_policy())
    text, listed = render(server, "--ledger", "cluster"), json.loads(render(server, "--ledger", "cluster", "-o", "json"))
    assert listed["kind"] == "List" and listed["items"] == objects_of(text)
    control_plane.namespace("gpugate")
    control_plane.kubectl("apply", "--dry-run=server", "-f", "-", input=json.dumps(listed))


def may(plane, verb, group, resource, name=None, namespace=None):
    asked = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": "system:serviceaccount:gpugate:gpugate", "groups": ["system:serviceaccounts", "system:authenticated"],
        "resourceAttributes": {"verb": verb, "group": group, "resource": resource, **({"name": name} if name else {}),
                               **({"namespace": namespace} if namespace else {})}}}
    return plane.admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", asked).must()["status"]["allowed"]


VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


def in_every_namespace():
    """{(group, resource, name, namespace): verbs} of the rights of the cluster ledger. Where only
    the object of one name has a right, another name must not have it."""
    found, rights = {}, {**LEDGER_RIGHTS, **TARGET_RIGHTS}
    for kind, only in rights:
        _, resource, namespaced = KINDS[kind]
        for name in (only, only and "other"):
            verbs = {verb for (of, named), granted in rights.items() if of == kind and named in (None, name) for verb in granted}
            found[group(kind), resource, name, "team-a" if namespaced else None] = " ".join(verb for verb in VERBS if verb in verbs)
    return found


@pytest.mark.parametrize("certs", ["self-managed", "files"])
def test_rights_are_what_the_cluster_ledger_needs_and_no_more(control_plane, gate, certs):
    text = render(gate(*small_policy()), "--ledger", "cluster", "--certs", certs)
    control_plane.namespace("gpugate")
    control_plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(
        [obj for obj in objects_of(text) if obj["kind"] not in WEBHOOKS]))
    authority, create, patch = ("get list watch create patch", "create", " patch") if certs == "self-managed" else ("", "", "")
    admission = "admissionregistration.k8s.io"
    allowed = {
        **in_every_namespace(),
        **{("apps", resource, None, "team-a"): "" for resource in ("daemonsets", "deployments/scale")},
        ("", "events", None, "gpugate"): "create patch", ("", "events", None, "team-a"): "",
        ("", "secrets", "gpugate-ca", "gpugate"): authority, ("", "secrets", "gpugate-path", "gpugate"): create,
        ("", "secrets", None, "gpugate"): create, ("", "secrets", "gpugate-ca", "team-a"): "", ("", "secrets", None, None): "",
        **{(admission, kind, name, None): verbs for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
           for name, verbs in (("gpugate", f"list watch{patch}"), ("other", ""), (None, ""))},
        ("", "configmaps", None, "gpugate"): "", ("", "pods/exec", None, "team-a"): "", ("", "serviceaccounts/token", None, "gpugate"): "",
        ("rbac.authorization.k8s.io", "clusterroles", None, None): "", ("rbac.authorization.k8s.io", "roles", None, "gpugate"): ""}

    def others():
        """Returns differences from the expected rights. The API server's authorizer learns of Roles
        by a watch."""
        found = {what: " ".join(verb for verb in VERBS if may(control_plane, verb, what[0], *what[1:])) for what in allowed}
        return {what: verbs for what, verbs in found.items() if verbs != allowed[what]}

    eventually(lambda: not others(), what=lambda: f"the rights that are meant, without {others()},")


def test_custom_resources_keep_what_gpugate_writes_and_nothing_else(control_plane, gate):
    text = render(gate(*small_policy()), "--ledger", "cluster")
    control_plane.namespace("gpugate")
    definitions = objects_of(text, "CustomResourceDefinition")
    control_plane.kubectl("apply", "-f", "-", input=definitions)
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=120s", *(f"crd/{d['metadata']['name']}" for d in definitions))
    for definition in definitions:
        status = control_plane.admin.get("CustomResourceDefinition", definition["metadata"]["name"]).must()["status"]["conditions"]
        assert not [c for c in status if c["type"] == "NonStructuralSchema" and c["status"] == "True"]
        assert "preserve" not in json.dumps(definition) and "subresources" not in json.dumps(definition)
    admin, path = control_plane.admin, "/apis/gpugate.io/v1/"
    most = definitions[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["pending"]["maxLength"]
    ledger = {"apiVersion": "gpugate.io/v1", "kind": "GPULedger", "metadata": {"name": "cluster-test"},
              "spec": {"version": "18446744073709551615", "opened": "some-uid", "pending": "x" * most, "more": 1}}
    quota = {"apiVersion": "gpugate.io/v1", "kind": "GPUQuota", "metadata": {"name": "kept.whole"},
             "spec": {"tenant": "kept", "quota": "whole", "measure": "count", "cohort": "c", "more": 1},
             "status": {"used": "3", "pending": "1", "hard": "4", "borrowed": "0", "podVersion": "12", "lendable": "1", "exceeded": False, "policy": "p", "more": 1,
                        "holders": [{"namespace": "team-a", "pods": 3, "amount": "3"}]}}
    try:
        made = admin.request("POST", path + "gpuledgers", ledger).must()
        assert made["spec"] == {k: v for k, v in ledger["spec"].items() if k != "more"}
        stale = admin.request("PUT", path + "gpuledgers/cluster-test", {**ledger, "metadata": {"name": "cluster-test", "resourceVersion": "1"}})
        assert stale.status == 409, stale
        for spec in ({"version": "-1"}, {"version": "x"}, {"pending": "x" * (most + 1)}, {"opened": 7}):
            assert admin.request("POST", path + "gpuledgers", {**ledger, "metadata": {"name": "bad"}, "spec": spec}).status == 422, spec
        shown = admin.request("POST", path + "gpuquotas", quota).must()
        for part in ("spec", "status"):
            assert shown[part] == {k: v for k, v in quota[part].items() if k != "more"}
        columns = control_plane.kubectl("get", "gpuq", "kept.whole").stdout.split()
        assert columns == ["NAME", "TENANT", "QUOTA", "USED", "PENDING", "HARD", "BORROWED", "kept.whole", "kept", "whole", "3", "1", "4", "0"]
        many = {**quota, "metadata": {"name": "many"}, "status": {"holders": [{"namespace": "n"}] * 21}}
        assert admin.request("POST", path + "gpuquotas", many).status == 422
    finally:
        admin.request("DELETE", path + "gpuledgers/cluster-test")
        admin.request("DELETE", path + "gpuquotas/kept.whole")


# --- The conditions: gpugate sees everything that it would act on ---

class Shown:
    """The API server shows a Recorder what it would show gpugate, and gpugate says what it would
    have done."""

    def __init__(self, plane, server, folder, *args):
        self.plane, self.server = plane, server
        self.recorder = Recorder(folder, lambda body: server.post("/mutate", body).body)
        (folder / "ca.crt").write_bytes(self.recorder.authority.pem)
        text = render(server, "--url", self.recorder.url, "--ca-bundle", folder / "ca.crt", *args)
        self.objects = [*self.recorder.witnesses(), *objects_of(text, *WEBHOOKS)]
        for webhook in (webhook for obj in self.objects for webhook in obj["webhooks"]):
            webhook["timeoutSeconds"] = 30  # The Recorder is slower than gpugate.
        registration.register(plane.admin, self.objects)
        self.figures = collections.Counter()

    def acts(self, path, review):
        """Whether gpugate would change, refuse, charge or warn about this."""
        answer = json.loads(self.server.post("/" + path, review).body)["response"]
        notes = answer.get("auditAnnotations", {})
        reasons = answer.get("status", {}).get("message", "")
        if path == "mutate" and re.search("; request (fewer|a whole number of accelerators)(, without a unit)?$", reasons):
            # Neither a change nor a Rule's refusal: /validate reports the same.
            return False
        return not answer["allowed"] or "patch" in answer or "warnings" in answer or bool({"rules", "charge", "audit"} & set(notes))

    def check(self, name, reply):
        """Compares the parts of a request that gpugate was shown with what it would have done.
        Returns the paths that were called."""
        seen = self.recorder.take(name)
        assert "CEL" not in str(reply.body) and "cost" not in reply.message, reply
        called = collections.Counter(path.strip("/") for path, _ in seen)
        for path in ("mutate", "validate"):
            reviews = [review for at, review in seen if at == f"/witness/{path}"]
            assert called[path] <= (2 if path == "mutate" else 1), "asked twice about one Pod"
            if not reviews:
                continue  # The API server refused it earlier.
            acts = self.acts(path, reviews[0])
            self.figures[path, "shown" if called[path] else "not shown", "acts" if acts else "does nothing"] += 1
            assert called[path] or not acts, f"/{path} was not asked, and would have acted: {json.dumps(reviews[0]['request']['object'])}"
        return {path for path in called if not path.startswith("witness")}

    def create(self, obj):
        return self.check(obj["metadata"]["name"], self.plane.admin.create(obj, dryRun="All"))

    def admitted(self, obj):
        """Does the same for a Pod that must be admitted."""
        reply = self.plane.admin.create(obj, dryRun="All")
        assert reply.ok, reply.message[-2000:]
        return self.check(obj["metadata"]["name"], reply)

    def close(self):
        registration.unregister(self.plane.admin)
        for kind in ("Mutating", "Validating"):
            self.plane.admin.delete(f"{kind}WebhookConfiguration", "a-witness").must()
        self.recorder.close()


@pytest.fixture
def shown(control_plane, gate, tmp_path):
    made = []

    def make(policy, *args):
        made.append(Shown(control_plane, gate(*policy), tmp_path, *args))
        return made[-1]

    yield make
    for one in made:
        one.close()


def fleet(space, other):
    return [doc("Settings", "s", guardFailurePolicy="Fail"),
            doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"}, mig={"model": "a100-80gb", "offered": ["1g.10gb", "3g.40gb"]},
                sharing={"resource": SHARED, "replicas": 4}),
            doc("Accelerator", "mi300", resource="amd.com/gpu", memory="192Gi"), doc("Accelerator", "odd", resource=ODD),
            doc("Tenant", "team", namespaces=[space], quotas=[{"name": "all", "hard": 100}])]


ALL_GUARDS = ["visibleDevicesEnv", "hostDeviceMounts", "deviceVolumeMounts", "mixedMigInContainer", "sharedRequestAboveOne", "preboundNodeName",
              "privileged", "ephemeralContainers", "resourceClaims", "deviceAnnotations", "fractionAnnotations", "severalSlicesInContainer"]
ALL_PATHS = {"allow": ["/var/log"]}


def policies(space, other):
    """Returns name -> (policy, the minimum that a run must see of it: paths on which gpugate acts).
    """
    guard = doc("Guard", "all", deny=ALL_GUARDS, hostPaths=ALL_PATHS)
    to_shares = doc("Rule", "shares", match={"requests": {GPU: {"max": 1}}}, rewrite=[{"from": GPU, "to": SHARED}], required=True)
    only_rewrite = doc("Rule", "mig", match={"podSelector": {"matchLabels": {"workload": "inference"}}}, rewrite=[
        {"from": "amd.com/gpu", "to": ODD}, {"from": GPU, "toMig": {"accelerator": "a100", "memoryFrom": "label:memory", "pin": True}}])
    tolerant = doc("Rule", "tolerant", match={"requests": {"amd.com/gpu": {}}}, inject={"tolerations": [{"key": "amd.com/gpu", "operator": "Exists"}]})
    everybody = [
        doc("Rule", "labelled", match={"podSelector": {"matchLabels": {"workload": "inference"}}}, inject={"runtimeClassName": "plain"}, required=True),
        doc("Rule", "placed", match={"namespaces": [other[:-1] + "?"], "podSelector": {"matchExpressions": [
            {"key": "stage", "operator": "Exists"}, {"key": "workload", "operator": "NotIn", "values": ["train"]}]}},
            inject={"nodeSelector": {"zone": "here"}}),
        doc("Rule", "tolerant", match={"podSelector": {"matchExpressions": [{"key": "stage", "operator": "In", "values": ["prod", "test"]}]}},
            inject={"tolerations": [{"key": "x", "operator": "Exists"}]}, onConflict="override")]
    return {
        "guards": ([*fleet(space, other), guard], {"validate"}),
        "audited": ([*fleet(space, other), doc("Guard", "all", deny=ALL_GUARDS, hostPaths=ALL_PATHS, visibleDevices="void", enforcement="audit")],
                    {"validate"}),
        "void": ([*fleet(space, other), doc("Guard", "void", deny=ALL_GUARDS, visibleDevices="void")], {"mutate", "validate"}),
        "resources": ([*fleet(space, other), to_shares, only_rewrite, tolerant], {"mutate", "validate"}),
        "rules for all": ([*fleet(space, other), *everybody, to_shares], {"mutate", "validate"}),
        "nothing": (fleet(space, other), {"validate"}),
    }


NAMES = ["NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES", "HABANA_VISIBLE_DEVICES", "X_VISIBLE_DEVICES", "_VISIBLE_DEVICES", "VISIBLE_DEVICES",
         "NVIDIA_VISIBLE_DEVICES2", "nvidia_visible_devices", "DOCKER_RESOURCE_GPU", "HCU_VISIBLE_DEVICES", "FOO", "NVIDIA_DRIVER_CAPABILITIES"]
VALUES = [{"value": "void"}, {"value": "none"}, {"value": "all"}, {"value": "0"}, {"value": ""}, {},
          {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"value": "void", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
MOUNTS = ["/data", "/var/run/nvidia-container-devices/0", "/var/run//nvidia-container-devices/./x", "/var/run/a/../nvidia-container-devices",
          "/run/nvidia-container-devices", "/run/nvidia-container-devicesX", "/var/run/hcu-container-devices/0", "/run/-container-devices", "/run/x/nvidia-container-devices", "/a" * 2100, "/\u00e9" * 1400,
          "/\U0001f600" * 900, "/var/run", "/", "run/nvidia-container-devices/all"]
CAPABILITIES = ["SYS_ADMIN", "sys_admin", "CAP_SYS_ADMIN", "cap_Sys_Admin", "ALL", "all", "MKNOD", "SYS_MODULE", "SYS_PTRACE", "\u017fYS_ADMIN",
                "NET_ADMIN", "NET_BIND_SERVICE", "CHOWN", "chown", "WAKE_ALARM"]
SECURITY = [{}, {"privileged": True}, {"privileged": False}, {"privileged": None}, {"procMount": "Unmasked"}, {"procMount": "Default"},
            {"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {"hostProcess": False}}, {"windowsOptions": None},
            {"capabilities": None}, {"capabilities": {"drop": ["ALL"]}}, {"capabilities": {"drop": ["ALL"], "add": []}}]
KEYS = ["cdi.k8s.io/gpu", "cdi.k8s.io", "nvidia.cdi.k8s.io/container.c0", "nvidia.cdi.k8s.io/pod", "devices.gke.io/container.c0", "cdi-devices.nri.io",
        "cdi-devices.noderesource.dev/pod", "devices.noderesource.dev", "mounts.nri.io/container.c0", "io.kubernetes.cri-o.Devices", "devices.crio.io",
        "scheduling.koordinator.sh/device-allocated", "gpu-fraction", "gpu-memory", "gpu-fraction-num-devices", "x.example/gpu-fraction",
        "example.com/cdi.k8s.io", "cdi.k8s.iox/gpu", "gpu-memory-x", "note"]
HOSTS = ["/dev/nvidia0", "/dev", "/", "/data", "//dev/./nvidia0", "/dev//dri", "/proc/1/root", "/var/log", "/var/run/cdi/", "/run/containerd"]
DEVICES = [GPU, GPU, GPU, SHARED, MIG1, "nvidia.com/mig-3g.40gb", "amd.com/gpu", ODD, "rdma/hca", "nvidia.com/sriov_x", "cpu", "memory",
           "deviceclass.resource.kubernetes.io/gpu", "habana.ai/gaudi"]

envs = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3).map(
    lambda pairs: [{"name": name, **value} for name, value in pairs])
mounts = st.lists(st.sampled_from(MOUNTS), max_size=2, unique=True).map(lambda paths: [{"name": "v", "mountPath": path} for path in paths])
keys = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["", "nvidia.com/gpu=all", "0.5"]), max_size=2)
amounts = st.dictionaries(st.sampled_from(DEVICES), st.sampled_from(["1"] * 8 + ["0", "2", "1k", "1500m", "2000000000"]), max_size=2)
seldom = st.sampled_from([False] * 5 + [True])


@st.composite
def containers(draw, name, extra=None, ephemeral=False):
    """Most fields are absent, so that each part also occurs alone."""
    out = {"name": name, "image": "registry.example/image:1", **(extra or {})}
    if draw(seldom):
        out["env"] = draw(envs)
    if draw(seldom):
        out["volumeMounts"] = draw(mounts)
    if draw(seldom):
        out["securityContext"] = draw(st.sampled_from(SECURITY) | st.lists(st.sampled_from(CAPABILITIES), max_size=3).map(
            lambda added: {"capabilities": {"add": added}}))
    if not ephemeral and draw(st.booleans()):
        asked = draw(amounts)
        out["resources"] = draw(st.sampled_from([{"limits": asked}, {"limits": asked, "requests": asked}, {"requests": asked}]))
    return out


@st.composite
def pods(draw, space, other):
    name = f"p{next(_serial)}"
    metadata = {"name": name, "namespace": draw(st.sampled_from([space, other])), "annotations": {RELAY: ""} if draw(st.booleans()) else {},
                "labels": draw(st.dictionaries(st.sampled_from(["workload", "stage", "memory"]), st.sampled_from(
                    ["inference", "train", "prod", "10Gi", "zz"]), max_size=2))}
    if draw(seldom):
        metadata["annotations"].update(draw(keys))
    spec = {"containers": [draw(containers(f"c{i}")) for i in range(draw(st.integers(1, 2)))], "volumes": [{"name": "v", "emptyDir": {}}]}
    if draw(seldom):
        spec["initContainers"] = [draw(containers(f"i{i}", draw(st.sampled_from([{}, {"restartPolicy": "Always"}]))))
                                  for i in range(draw(st.integers(1, 2)))]
    if draw(seldom):
        spec["volumes"].append({"name": "h", "hostPath": {"path": draw(st.sampled_from(HOSTS))}})
    if draw(seldom):
        spec["hostPID"] = draw(st.booleans())
    if draw(seldom):
        # Without it, procMount is not allowed.
        spec["hostUsers"] = draw(st.booleans())
    if draw(seldom):
        spec.update({"hostNetwork": True, "securityContext": {"windowsOptions": draw(st.sampled_from(
            [{"hostProcess": True}, {"hostProcess": False}, {}]))}})
    if draw(seldom):
        spec["nodeName"] = draw(st.sampled_from(["", "some-node"]))
    if draw(seldom):
        spec["runtimeClassName"] = draw(st.sampled_from(["plain", "with-overhead"]))
    if draw(seldom):
        spec["nodeSelector"] = draw(st.sampled_from([{}, {"zone": "elsewhere"}, {"model": "a100"}]))
    if draw(seldom):
        spec["resourceClaims"] = draw(st.sampled_from([[], [{"name": "c", "resourceClaimName": "x"}]]))
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture
def spaces(control_plane, namespaces):
    """Two namespaces, and the RuntimeClasses that Pods name. The second one adds a device to them.
    """
    for name, more in (("plain", {}), ("with-overhead", {"overhead": {"podFixed": {"cpu": "1", "amd.com/gpu": "1"}}})):
        made = control_plane.admin.create({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "x", **more})
        assert made.ok or made.status == 409, made
    return namespaces("shown"), namespaces("other")


def hypothesised(strategy, examples, check):
    @hypothesis.settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck),
                         phases=[hypothesis.Phase.generate])
    @hypothesis.given(strategy)
    def run(value):
        check(value)
    run()


@pytest.mark.parametrize("which", sorted(policies("x", "y")))
def test_whatever_gpugate_would_act_on_it_is_shown(shown, spaces, which):
    policy, wanted = policies(*spaces)[which]
    run = shown(policy)
    hypothesised(pods(*spaces), 400, run.create)
    for key, count in sorted(run.figures.items()):
        print(which, *key, count)
    for path in wanted:
        assert run.figures[path, "shown", "acts"] >= 20, run.figures
    if which in ("guards", "resources", "nothing"):
        assert run.figures["validate", "not shown", "does nothing"] >= 20, run.figures


def alone(space):
    """Yields Pods in which only one thing is unusual, in a container and in an init container."""
    parts = [{"env": [{"name": name, **value}]} for name, value in itertools.product(NAMES, VALUES)]
    parts += [{"volumeMounts": [{"name": "v", "mountPath": path}]} for path in MOUNTS]
    parts += [{"securityContext": context} for context in (*SECURITY, *({"capabilities": {"add": [name]}} for name in CAPABILITIES))]
    parts += [{"resources": {where: {name: amount}}} for name, amount, where in itertools.product(
        sorted(set(DEVICES)), ["0", "1", "2"], ["limits", "requests"])]
    for part, which in itertools.product(parts, ("containers", "initContainers")):
        obj = pod(space, f"a{next(_serial)}", volumes=[{"name": "v", "emptyDir": {}}])
        obj["spec"]["initContainers"] = [container(name="init")]
        obj["spec"][which][0].update(part)
        yield obj
    for key in KEYS:
        yield pod(space, f"a{next(_serial)}", annotations={key: "0.5"})
    for added in ("SYS_PTRACE", "sys_ptrace", "NET_ADMIN"):
        obj = pod(space, f"a{next(_serial)}", hostPID=True)
        obj["spec"]["containers"][0]["securityContext"] = {"capabilities": {"add": [added]}}
        yield obj
    unmasked = pod(space, f"a{next(_serial)}", hostUsers=False)
    unmasked["spec"]["containers"][0]["securityContext"] = {"procMount": "Unmasked"}
    yield unmasked
    for spec in ({"nodeName": "n"}, {"runtimeClassName": "with-overhead"}, {"hostPID": True},
                 {"hostNetwork": True, "securityContext": {"windowsOptions": {"hostProcess": True}}}, {"resourceClaims": [{"name": "c", "resourceClaimName": "x"}]},
                 *({"volumes": [{"name": "h", "hostPath": {"path": path}}]} for path in HOSTS)):
        yield pod(space, f"a{next(_serial)}", **spec)


@pytest.mark.parametrize("which", sorted(policies("x", "y")))
def test_each_thing_alone_is_shown(shown, spaces, which):
    policy, wanted = policies(*spaces)[which]
    run = shown(policy)
    for obj in alone(spaces[0]):
        run.create(obj)
    for path in wanted:
        assert run.figures[path, "shown", "acts"] >= 4, run.figures


@pytest.mark.parametrize("which", sorted(policies("x", "y")))
def test_a_plain_pod_is_shown_to_nobody(shown, spaces, which):
    run = shown(policies(*spaces)[which][0])
    space, voids = spaces[0], which in ("void", "audited")
    full = pod(space, "full", {"cpu": 1, "memory": "1Gi"}, schedulerName="nobody", volumes=[{"name": "v", "emptyDir": {}}],
               initContainers=[container(name="init", env=[{"name": "A", "value": "all"}])])
    full["spec"]["containers"][0].update(volumeMounts=[{"name": "v", "mountPath": "/data"}], env=[{"name": "B", "value": "b"}],
                                         securityContext={"runAsNonRoot": True, "privileged": False, "procMount": "Default",
                                                          "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}})
    full["metadata"]["annotations"] = {"prometheus.io/scrape": "true", "kubectl.kubernetes.io/restartedAt": "2026-01-01"}
    voided = pod(space, "voided")
    voided["spec"]["containers"][0]["env"] = [{"name": f"{vendor}_VISIBLE_DEVICES", "value": "void"} for vendor in ("NVIDIA", "AMD")]
    for obj in (pod(space, "plain"), full):
        assert run.create(obj) == ({"mutate", "validate"} if voids else set())
    assert run.create(voided) == set()
    made = pod(space, "made", annotations={RELAY: ""})
    # With audit, nothing is voided.
    both = {"mutate", "validate"} if which == "audited" else {"mutate"}
    assert run.create(made) == (both if voids else set()), "what /mutate has made void needs no second look"
    device = pod(space, "device", {GPU: 1})
    assert "validate" in run.create(device)
    assert run.create(pod(space, "network", {"rdma/hca": 1})) == ({"mutate", "validate"} if voids else {"validate"})


@pytest.mark.parametrize("which", ["guards", "void"])
def test_ephemeral_containers_are_shown(control_plane, shown, spaces, which):
    space, admin = spaces[0], control_plane.admin
    base = pod(space, "base", schedulerName="nobody")
    base["spec"]["containers"][0]["env"] = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]
    devices = pod(space, "devices", {GPU: 1}, schedulerName="nobody")
    for obj in (base, devices):
        admin.create(obj).must()
    run = shown(policies(*spaces)[which][0])

    def debug(ephemeral):
        for name in ("base", "devices"):
            reply = admin.patch("Pod", name, {"spec": {"ephemeralContainers": [ephemeral]}}, space, "ephemeralcontainers", "strategic", dryRun="All")
            assert "validate" in run.check(name, reply) or not reply.ok

    debug({"name": "debugger", "image": "registry.example/image:1"})
    hypothesised(containers("debugger", ephemeral=True), 40, debug)
    assert run.figures["validate", "shown", "acts"] >= 20


@pytest.mark.parametrize("which", ["guards", "audited"])
def test_annotations_of_a_pod_that_exists_are_shown(control_plane, shown, spaces, which):
    """A restarted container gets their current values, and so does a Pod that is not scheduled yet.
    """
    space, admin = spaces[0], control_plane.admin
    before = {"cdi.k8s.io/old": "nvidia.com/gpu=0", "note": "a"}
    for name, asks in (("plain", None), ("device", {GPU: 1})):
        admin.create(pod(space, name, asks, annotations=before, schedulerName="nobody")).must()
    run = shown(policies(*spaces)[which][0])

    def patched(name, patch):
        reply = admin.patch("Pod", name, patch, space, how="strategic", dryRun="All")
        assert reply.ok, reply
        return reply

    def change(annotations):
        for name in ("plain", "device"):
            run.check(name, patched(name, {"metadata": {"annotations": annotations}}))

    for harmless in ({"note": "b"}, {"other": "1"}, {"cdi.k8s.io/old": None}, {"cdi.k8s.io/old": "nvidia.com/gpu=0", "note": None}):
        change(harmless)
    assert not run.figures["validate", "shown", "does nothing"], run.figures
    for name in ("plain", "device"):
        for what in ({"metadata": {"labels": {"a": "b"}}}, {"metadata": {"finalizers": ["example.com/f"]}},
                     {"spec": {"containers": [{"name": "main", "image": "registry.example/image:2"}]}}):
            assert "validate" not in run.check(name, patched(name, what))
    hypothesised(st.dictionaries(st.sampled_from([*KEYS, "cdi.k8s.io/old"]), st.sampled_from(["", "nvidia.com/gpu=0", "0.5", None]), max_size=3),
                 60, change)
    assert run.figures["validate", "shown", "acts"] >= 20, run.figures


def test_annotations_do_not_come_by_other_ways(control_plane, spaces):
    """The other subresources that tenants may write leave a Pod's annotations unchanged. Kubelets
    may change them by its status."""
    space, admin = spaces[0], control_plane.admin
    admin.create(pod(space, "ways", {"cpu": "1"}, schedulerName="nobody")).must()
    annotations = {"metadata": {"annotations": {"cdi.k8s.io/gpu": "nvidia.com/gpu=all"}}}

    def after(subresource, spec=None):
        reply = admin.patch("Pod", "ways", {**annotations, **(spec or {})}, space, subresource, "strategic", dryRun="All")
        assert reply.ok, reply
        return reply.body["metadata"].get("annotations", {})

    assert after("ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "e", "image": "registry.example/image:1"}]}}) == {}
    assert after("resize", {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}]}}) == {}
    assert after("status") == annotations["metadata"]["annotations"]
    assert after(None) == annotations["metadata"]["annotations"]


def test_the_embedded_ledger_is_shown_ends_and_the_clusters_is_not(control_plane, shown, spaces):
    space, admin = spaces[0], control_plane.admin
    for name, asks in (("plain", None), ("device", {GPU: 1})):
        admin.create(pod(space, name, asks, schedulerName="nobody", restartPolicy="Never")).must()
    policy = policies(*spaces)["nothing"][0]
    for ledger in ("embedded", "cluster"):
        run = shown(policy, "--ledger", ledger)

        def asked(name, reply, run=run):
            reply.must()
            return {path for path, _ in run.recorder.take(name) if not path.startswith("/witness")}

        def ending(phase):
            return {"status": {"phase": phase}}

        ends = {"/validate"} if ledger == "embedded" else set()
        for phase, wanted in (("Running", set()), ("Succeeded", ends), ("Failed", ends)):
            assert asked("device", admin.patch("Pod", "device", ending(phase), space, "status", dryRun="All")) == wanted, phase
            assert asked("plain", admin.patch("Pod", "plain", ending(phase), space, "status", dryRun="All")) == set()
        assert asked("device", admin.delete("Pod", "device", space, dryRun="All")) == ends
        assert asked("plain", admin.delete("Pod", "plain", space, dryRun="All")) == set()
        run.close()
        run.close = lambda: None


# Those that a policy voids are all but the last.
VENDORS = ["NVIDIA", "AMD", "HABANA", "ASCEND", "CAMBRICON", "HYGON", "MTHREADS", "METAX"]


def variables(count, name="A{}"):
    return [{"name": name.format(i), "value": "void"} for i in range(count)]


# Pods that are expensive to search, with the only part that matters at the very end.
def dear(space):
    many = pod(space, "variables")
    many["spec"]["containers"][0]["env"] = [
        *variables(60000), *({"name": f"{vendor}_VISIBLE_DEVICES", "value": "void"} for vendor in VENDORS)]
    yield many
    visible = pod(space, "visible")
    visible["spec"]["containers"][0]["env"] = [*variables(30000, "A{}_VISIBLE_DEVICES"), {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]
    yield visible
    edge = pod(space, "edge")
    edge["spec"]["initContainers"] = [container(name=f"i{i}", env=variables(100, "A{}_VISIBLE_DEVICES")) for i in range(32)]
    edge["spec"]["containers"] = [container(name=f"c{i}", env=variables(100, "A{}_VISIBLE_DEVICES")) for i in range(32)]
    edge["spec"]["containers"][-1]["securityContext"] = {"privileged": True}
    yield edge
    mounts = [{"name": "v", "mountPath": f"/{i:0>254}"} for i in range(60)]
    paths = pod(space, "paths", volumes=[{"name": "v", "emptyDir": {}}])
    paths["spec"]["initContainers"] = [container(name=f"i{i}", env=variables(100, "A{}_VISIBLE_DEVICES"), volumeMounts=mounts) for i in range(32)]
    paths["spec"]["containers"] = [container(name=f"c{i}", env=variables(100, "A{}_VISIBLE_DEVICES"), volumeMounts=mounts) for i in range(32)]
    paths["spec"]["containers"][-1]["volumeMounts"] = [*mounts[1:], {"name": "v", "mountPath": "/run/nvidia-container-devices/all"}]
    yield paths
    for name, many_keys in (("annotations", 20000), ("keys-of-annotations", 100)):
        value = "v" if many_keys > 100 else "v" * 2000
        noted = pod(space, name, annotations={f"k{i:0>60}" if many_keys == 100 else f"k{i}": value for i in range(many_keys)})
        noted["spec"]["initContainers"] = [container(name=f"i{i}") for i in range(32)]
        noted["spec"]["containers"] = [container(name=f"c{i}", securityContext={"capabilities": {"add": ["SYS_RESOURCE"] * 40}}) for i in range(32)]
        noted["spec"]["containers"][-1]["securityContext"] = {"capabilities": {"add": ["SYS_RESOURCE"] * 39 + ["SYS_ADMIN"]}}
        yield noted
    crowd = pod(space, "crowd")
    crowd["spec"]["containers"] = [container(name=f"c{i}") for i in range(3000)]
    crowd["spec"]["containers"][-1]["securityContext"] = {"privileged": True}
    yield crowd
    volumes = pod(space, "volumes", volumes=[*({"name": f"v{i}", "emptyDir": {}} for i in range(20000)), {"name": "h", "hostPath": {"path": "/dev"}}])
    yield volumes
    asking = pod(space, "asking")
    asking["spec"]["containers"] = [container({GPU: 1}, name=f"c{i}") for i in range(32)]
    asking["spec"]["initContainers"] = [container(name=f"i{i}") for i in range(32)]
    yield asking
    keys = pod(space, "keys", {"memory": "1Gi", **{f"hugepages-{2 ** i}Ki": "0" for i in range(2, 44)}, **{f"hugepages-{2 ** i}Mi": "0" for i in range(33)},
                               GPU: 1})
    yield keys


def vast(space):
    """Returns a policy with as much as conditions contain before they give up searching: all
    vendors' variables, and many Rules."""
    vendors = ["nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi", "huawei.com/npu", "cambricon.com/mlu", "hygon.com/dcu", "mthreads.com/gpu",
               "metax-tech.com/gpu", "iluvatar.ai/gpu"]
    return [*(doc("Accelerator", f"a{i}", resource=name) for i, name in enumerate([*vendors, *(f"example.com/device-{i}" for i in range(32))])),
            doc("Settings", "s", guardFailurePolicy="Fail"), doc("Tenant", "team", namespaces=[space], quotas=[{"name": "all", "hard": 1000}]),
            *(doc("Rule", f"r{i}", order=i, match={"requests": {f"example.com/device-{i}": {}}}, inject={"runtimeClassName": "plain"}) for i in range(32)),
            *(doc("Rule", f"s{i}", order=100 + i, match={"namespaces": [f"*{i}*x*"], "podSelector": {"matchLabels": {f"k{j}": "v" for j in range(8)}}},
                  inject={"runtimeClassName": "plain"}, required=True) for i in range(16)),
            doc("Guard", "void", deny=ALL_GUARDS, visibleDevices="void")]


def test_no_change_of_annotations_is_too_dear_to_look_at(control_plane, shown, spaces):
    space, admin = spaces[0], control_plane.admin
    run = shown(policies(*spaces)["guards"][0])
    for count, size in ((95, 2400), (12000, 1)):
        annotations = {f"cdi.k8s.io/{i}": "v" * size for i in range(count)}
        name = f"changed-{count}"
        admin.create(pod(space, name, annotations=annotations, schedulerName="nobody")).must()
        run.recorder.take(name)
        for changed in ({"a": "b"}, {"cdi.k8s.io/1": "w"}):
            reply = admin.patch("Pod", name, {"metadata": {"annotations": changed}}, space, dryRun="All")
            assert reply.ok, reply
            asked = run.check(name, reply)
            assert "validate" in asked or (count == 95 and "a" in changed)


@pytest.mark.parametrize("which", ["guards", "void", "rules for all", "vast"])
def test_no_pod_is_too_dear_to_look_at(control_plane, shown, spaces, which):
    """Beyond the API server's budget, a condition is an error: a refusal with Fail, a bypass with
    Ignore."""
    run = shown(vast(spaces[0]) if which == "vast" else policies(*spaces)[which][0])
    for obj in dear(spaces[0]):
        if which == "rules for all":
            obj["spec"]["containers"][0].setdefault("resources", {})["limits"] = {GPU: "1"}
        asked = run.admitted(obj)
        assert "validate" in asked and ("mutate" in asked or which == "guards"), obj["metadata"]["name"]
