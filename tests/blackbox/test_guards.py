"""Guards: each one refuses what it names, ways around that, and nothing else."""

import copy

import pytest

from gpugate import applied
from kube import ADMIN, CONTROLLER, GPU, SHARED, container, doc, persisted, pod, sidecar

MIG1, MIG3 = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"
FLEET = [doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb", "3g.40gb"]},
             sharing={"resource": SHARED, "replicas": 4}),
         doc("Accelerator", "l4", resource="example.com/l4", sharing={"resource": "example.com/l4-share", "replicas": 8,
                                                                      "maxPerContainer": 2}),
         doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 1000000}])]


def env(*entries, where="containers", asks=None, name="NVIDIA_VISIBLE_DEVICES"):
    entries = [e if isinstance(e, dict) else {"name": name, "value": e} for e in entries]
    one = container(asks, "x", env=entries)
    if where == "containers":
        return pod(containers=[container(None, "first"), one])
    return pod(init=[one | ({"restartPolicy": "Always"} if where == "sidecar" else {})])


def host(path, **more):
    return pod(volumes=[{"name": "d", "hostPath": {"path": path, "type": ""}}],
               containers=[container(volumeMounts=[{"name": "d", "mountPath": "/x"}])], **more)


def mount(path, kind="containers"):
    one = container(volumeMounts=[{"name": "d", "mountPath": path}])
    more = {"containers": [one]} if kind == "containers" else {"init": [one]}
    return pod(volumes=[{"name": "d", "emptyDir": {}}], **more)


def two(first, second, **kinds):
    return pod(containers=[container(first), container(second, "second")], **kinds)


FROM_FIELD = {"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['x']"}}}
FROM_MAP = {"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}

REFUSED = {
    "visibleDevicesEnv": {
        "all": env("all"), "index": env("0"), "uuid": env("GPU-1234"), "with a gpu": env("all", asks={GPU: 1}),
        "init": env("all", where="init"), "sidecar": env("all", where="sidecar"),
        "field": env(FROM_FIELD), "map": env(FROM_MAP), "field and value": env({**FROM_FIELD, "value": "void"}),
        "void, then all": env("void", "all"), "all, then void": env("all", "void"), "void, then field": env("void", FROM_FIELD),
        "reference": env({"name": "V", "value": "all"}, "$(V)"), "space": env(" void"), "upper": env("VOID"), "list": env("void,0"),
        "amd": env("0", name="AMD_VISIBLE_DEVICES"), "habana": env("all", name="HABANA_VISIBLE_DEVICES"),
        "ascend": env("0-3", name="ASCEND_VISIBLE_DEVICES")},
    "hostDeviceMounts": {p: host(p) for p in (
        "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-caps/nvidia-cap1", "/dev/dri/renderD128", "/dev/dri",
        "/dev/kfd", "/dev", "/dev/", "/", "//", "/dev//nvidia0", "/dev/./nvidia0", "/tmp/../dev/nvidia0", "//dev/../dev/nvidia0/",
        "/dev/nvidia0/.", "/..", "/../dev", "/dev/shm/../nvidia0", "/dev/davinci0", "/dev/accel/accel0", "/dev/nvidia0/..",
        "/proc/1/root/dev", "/dev/char/195:0", "/proc/driver/nvidia/capabilities", "/run/nvidia/driver", "/var/run/nvidia")},
    "deviceVolumeMounts": {
        **{p: mount(p) for p in ("/var/run/nvidia-container-devices/all", "/var/run/nvidia-container-devices",
                                 "/var/run/nvidia-container-devices/", "/var/run//nvidia-container-devices/GPU-1",
                                 "/var/./run/nvidia-container-devices/0", "/var/run/x/../nvidia-container-devices/0",
                                 # Runtimes compare the beginning of the text: this is the device
                                 # "x".
                                 "/var/run/nvidia-container-devicesx", "/run/nvidia-container-devicesall", "/var/run/hcu-container-devices/0",
                                 "/var/run/xdxct-container-devices/all")},
        "init": mount("/var/run/nvidia-container-devices/all", "init")},
    "mixedMigInContainer": {
        "two": pod({MIG1: 1, MIG3: 1}), "init": pod(init=[container({MIG1: 1, MIG3: 1})]),
        "sidecar": pod(init=[sidecar({MIG1: 1, MIG3: 2})]), "second container": two({MIG1: 1}, {MIG1: 1, MIG3: 1}),
        "limits only": pod(containers=[container(limits={MIG1: "1", MIG3: "1"})]),
        "one each": pod(containers=[container(limits={MIG1: "1"}, requests={MIG3: "1"})])},
    "sharedRequestAboveOne": {
        "two": pod({SHARED: 2}), "spelt": pod({SHARED: "2000m"}), "many": pod({SHARED: "1k"}), "init": pod(init=[container({SHARED: 2})]),
        "sidecar": pod(init=[sidecar({SHARED: 2})]), "second container": two({SHARED: 1}, {SHARED: 2}),
        "above its own maximum": pod({"example.com/l4-share": 3}), "limits only": pod(containers=[container(limits={SHARED: "2"})])},
    "preboundNodeName": {"gpu": pod({GPU: 1}, nodeName="node-1"), "share": pod({SHARED: 1}, nodeName="node-1"),
                         "init": pod(init=[container({GPU: 1})], nodeName="n"),
                         # Bypasses taints, too: with an image that sets *_VISIBLE_DEVICES it would
                         # see every GPU there.
                         "no gpu": pod(nodeName="node-1"), "zero": pod({GPU: 0}, nodeName="node-1")},
    "privileged": {
        "container": pod(containers=[container(), container(None, "b", securityContext={"privileged": True})]),
        "init": pod(init=[container(securityContext={"privileged": True})]),
        "sidecar": pod(init=[sidecar(securityContext={"privileged": True})]),
        "with a gpu": pod(containers=[container({GPU: 1}, securityContext={"privileged": True})])},
    "resourceClaims": {
        "claim": pod(resourceClaims=[{"name": "a", "resourceClaimName": "c"}]),
        "template": pod(resourceClaims=[{"name": "a", "resourceClaimTemplateName": "c"}]),
        "unused": pod({GPU: 1}, resourceClaims=[{"name": "a", "resourceClaimName": "c"}])},
}

ALLOWED = {
    "visibleDevicesEnv": {
        "none": pod({GPU: 1}), "void": env("void"), "none word": env("none"), "void twice": env("void", "none"),
        "lower case": env("all", name="nvidia_visible_devices"), "other": env("all", name="NVIDIA_DRIVER_CAPABILITIES"),
        "narrowing": env("0", name="CUDA_VISIBLE_DEVICES"), "prefixed": env("all", name="MY_NVIDIA_VISIBLE_DEVICES"),
        "null": pod(containers=[container(env=None) | {"env": None}])},
    "hostDeviceMounts": {
        **{p: host(p) for p in ("/dev/shm", "/dev/null", "/dev/net/tun", "/devices", "/data/dev/nvidia0", "/home/nvidia", "/var/log",
                                "/dev/../data", "/devx/nvidia0", "/mnt", "/dev/driver", "/opt/nvidia")},
        "no host path": pod(volumes=[{"name": "x", "emptyDir": {}}, {"name": "y", "configMap": {"name": "/dev/nvidia0"}}])},
    "deviceVolumeMounts": {p: mount(p) for p in ("/var/run/nvidia-container-device", "/var/run", "/run/container-devices", "/run/x/nvidia-container-devices", "/data", "/var/run/nvidia",
                                                 "/x/var/run/nvidia-container-devices/all",
                                                 "/var/run/nvidia-container-devices/../x")},
    "mixedMigInContainer": {"one": pod({MIG1: 2}), "two containers": two({MIG1: 1}, {MIG3: 1}), "zero": pod({MIG1: 1, MIG3: 0}),
                            "with a whole one": pod({MIG1: 1, "cpu": 1})},
    "sharedRequestAboveOne": {"one": pod({SHARED: 1}), "two containers": two({SHARED: 1}, {SHARED: 1}), "whole": pod({GPU: 4}),
                              "its own maximum": pod({"example.com/l4-share": 2}), "slices": pod({MIG1: 3}), "zero": pod({SHARED: 0})},
    "preboundNodeName": {"free": pod({GPU: 1}), "empty": pod({GPU: 1}, nodeName="")},
    "privileged": {"false": pod(containers=[container({GPU: 1}, securityContext={"privileged": False})]),
                   "null": pod(containers=[container(securityContext={"privileged": None})]),
                   "other": pod(containers=[container(securityContext={"runAsUser": 0, "allowPrivilegeEscalation": True})])},
    "resourceClaims": {"none": pod({GPU: 1}), "empty": pod(resourceClaims=[]), "null": pod(resourceClaims=None)},
}
KINDS = sorted(REFUSED)


@pytest.fixture(scope="module", params=KINDS)
def guarded(request, serve_module):
    """A server with one Guard, and its kind."""
    server = serve_module([*FLEET, doc("Guard", "only", deny=[request.param])])
    yield server, request.param
    server.stop()


def test_refused(guarded):
    server, kind = guarded
    for name, obj in REFUSED[kind].items():
        decision = server.validate(obj)
        assert not decision.allowed, (kind, name)
        assert kind in decision.message or '"only"' in decision.message, decision.message
    assert server.metrics().total("gpugate_denials_total", reason="guard", name=kind) == len(REFUSED[kind])
    assert server.used("team-a", "all") == 0, "a refusal by a Guard charges nothing"


def test_allowed(guarded):
    server, kind = guarded
    for name, obj in ALLOWED[kind].items():
        decision = server.validate(obj, dry_run=True)
        assert decision.allowed, (kind, name, decision.message)


def test_other_kinds_are_not_checked(guarded):
    server, kind = guarded
    for other in KINDS:
        if other == kind:
            continue
        for name, obj in REFUSED[other].items():
            if not any(obj is o for o in REFUSED[kind].values()):
                decision = server.validate(obj, dry_run=True)
                assert decision.allowed or kind in decision.message, (kind, other, name, decision.message)


def test_updates_are_not_judged_again(guarded):
    server, kind = guarded
    obj = persisted(next(iter(REFUSED[kind].values())))
    assert server.validate(obj, operation="UPDATE", old=obj).allowed
    assert server.delete(obj).allowed


# --- Ephemeral containers ---

def with_ephemeral(*containers, asks=None):
    old = persisted(pod(asks))
    old["spec"]["nodeName"] = "gpu-0"
    new = copy.deepcopy(old)
    new["spec"]["ephemeralContainers"] = list(containers)
    return old, new


def debugger(name="debugger", **fields):
    out = container(None, name, targetContainerName="main", **fields)
    return out


def attach(server, old, new, path="validate"):
    how = {"operation": "UPDATE", "old": old, "subresource": "ephemeralcontainers"}
    return server.mutate(new, **how) if path == "mutate" else server.validate(new, **how)


def test_ephemeral_containers(serve):
    server = serve([*FLEET, doc("Guard", "g", deny=["ephemeralContainers"])])
    old, new = with_ephemeral(debugger(), asks={GPU: 1})
    decision = attach(server, old, new)
    assert not decision.allowed and "phemeral" in decision.message
    later = copy.deepcopy(new)
    later["metadata"]["labels"] = {"a": "b"}
    assert attach(server, new, later).allowed, "what was there already is not judged again"
    later["spec"]["ephemeralContainers"].append(debugger("second"))
    assert not attach(server, new, later).allowed


@pytest.mark.parametrize("kind,bad", [
    ("visibleDevicesEnv", debugger(env={"NVIDIA_VISIBLE_DEVICES": "all"})),
    ("visibleDevicesEnv", debugger(env=[FROM_FIELD])),
    ("privileged", debugger(securityContext={"privileged": True})),
    ("deviceVolumeMounts", debugger(volumeMounts=[{"name": "d", "mountPath": "/var/run/nvidia-container-devices/all"}]))])
@pytest.mark.parametrize("asks", [None, {GPU: 1}])
def test_guards_look_at_new_ephemeral_containers(serve, kind, bad, asks):
    server = serve([*FLEET, doc("Guard", "g", deny=[kind])])
    old, new = with_ephemeral(bad, asks=asks)
    assert not attach(server, old, new).allowed
    assert attach(server, new, new).allowed
    _, harmless = with_ephemeral(debugger())
    assert attach(server, old, harmless).allowed


# --- Exemptions and enforcement ---

def test_exemptions(serve):
    server = serve([*FLEET, doc("Tenant", "ops", namespaces=["ops-1"], quotas=[{"name": "all", "hard": 1}]),
                    doc("Guard", "g", deny=["privileged"], exempt={"users": ["system:serviceaccount:gpu-operator:*"],
                                                                  "groups": ["sre"], "namespaces": ["ops-*"]})])
    bad = REFUSED["privileged"]["container"]
    assert not server.validate(bad).allowed
    assert server.validate(bad, user=("system:serviceaccount:gpu-operator:x", [])).allowed
    assert not server.validate(bad, user=("system:serviceaccount:gpu-operatorx:x", [])).allowed
    assert server.validate(bad, user=("bob", ["sre"])).allowed
    assert not server.validate(bad, user=("sre", ["x"])).allowed
    moved = copy.deepcopy(bad)
    moved["metadata"]["namespace"] = "ops-1"
    assert server.validate(moved).allowed
    assert not server.validate(bad, user=CONTROLLER).allowed


def test_exempt_from_one_guard_only(serve):
    server = serve([*FLEET, doc("Guard", "a", deny=["privileged"], exempt={"users": ["jane@*"]}),
                    doc("Guard", "b", deny=["resourceClaims"])])
    assert server.validate(REFUSED["privileged"]["container"]).allowed
    assert not server.validate(REFUSED["resourceClaims"]["claim"]).allowed
    assert not server.validate(REFUSED["privileged"]["container"], user=("bob", [])).allowed


@pytest.mark.parametrize("marks", [
    {"gpugate.io/exempt": "true"}, {"gpugate.io/skip": "true"}, {"gpugate.io/ignore": "yes"}, {"gpugate.io/enforcement": "audit"},
    {"gpugate.io/tenant": "ops"}, {"admission.gpugate.io/exempt": "true"}, {"kubernetes.io/config.mirror": "x"},
    {"kubernetes.io/config.source": "api"}, {"control-plane": "true"}])
def test_tenants_cannot_exempt_themselves(serve, marks):
    server = serve([*FLEET, doc("Guard", "g", deny=["privileged"])])
    bad = copy.deepcopy(REFUSED["privileged"]["container"])
    bad["metadata"].update(labels=marks, annotations=marks)
    bad["spec"]["schedulerName"] = "other-scheduler"
    assert not server.validate(bad).allowed
    many = pod({GPU: 1000001}, labels=marks, annotations=marks, schedulerName="other-scheduler", priorityClassName="system-node-critical")
    assert not server.validate(many).allowed


@pytest.mark.parametrize("enforcement", ["warn", "audit"])
def test_enforcement_is_capped(serve, enforcement):
    server = serve([doc("Settings", "s", enforcement=enforcement), *FLEET, doc("Guard", "g", deny=["privileged"])])
    decision = server.validate(REFUSED["privileged"]["container"])
    assert decision.allowed
    if enforcement == "warn":
        assert any("privileged" in w for w in decision.warnings)
    else:
        assert not decision.warnings and "privileged" in decision.audit["audit"]


def test_several_refusals_are_told_at_once(serve):
    server = serve([*FLEET, doc("Guard", "g", deny=["privileged", "resourceClaims", "visibleDevicesEnv"])])
    obj = pod(containers=[container(securityContext={"privileged": True}, env={"NVIDIA_VISIBLE_DEVICES": "all"})],
              resourceClaims=[{"name": "a", "resourceClaimName": "b"}])
    message = server.validate(obj).message
    assert all(word in message for word in ("privileged", "laim", "NVIDIA_VISIBLE_DEVICES")) and message.count("; ") >= 2


# --- Void mode ---

@pytest.fixture(scope="module")
def void(serve_module):
    return serve_module([*FLEET, doc("Guard", "g", deny=["visibleDevicesEnv"], visibleDevices="void")])


def visible(obj, kind="containers"):
    return [[e.get("value", e) for e in c.get("env") or [] if e["name"] == "NVIDIA_VISIBLE_DEVICES"] for c in obj["spec"][kind]]


def test_void_is_set(void):
    after = void.mutated(pod(containers=[container(), container({GPU: 1}, "gpu"), container({"cpu": 1}, "c", env={"A": "b"}),
                                         container({GPU: 0}, "zero"), container(None, "null") | {"env": None}],
                             init=[container(None, "i"), sidecar(), sidecar({SHARED: 1}, "s2")]))
    assert visible(after) == [["void"], [], ["void"], ["void"], ["void"]]
    assert visible(after, "initContainers") == [["void"], ["void"], []]
    assert after["spec"]["containers"][2]["env"][0] == {"name": "A", "value": "b"}
    assert void.mutate(after).patch == []
    assert void.validate(after, dry_run=True).allowed


@pytest.mark.parametrize("entries", [["all"], ["0", "all"], ["void", "all"], [FROM_FIELD], [FROM_MAP, "x"], ["none", FROM_FIELD]])
def test_void_replaces(void, entries):
    obj = env(*entries)
    after = void.mutated(obj)
    assert all(v in ("void", "none") for v in visible(after)[1]) and visible(after)[1]
    assert not any("valueFrom" in e for e in after["spec"]["containers"][1]["env"])
    assert void.validate(after).allowed
    assert not void.validate(obj).allowed


def test_void_leaves_what_is_harmless(void):
    obj = env("none")
    patch = void.mutate(obj).patch
    assert visible(applied(obj, patch)) == [["void"], ["none"]]


def test_void_and_other_vendors(serve):
    server = serve([*FLEET, doc("Accelerator", "mi300x", resource="amd.com/gpu"), doc("Guard", "g", visibleDevices="void", deny=[])])
    after = server.mutated(pod(containers=[container(), container({GPU: 1}, "n"), container({"amd.com/gpu": 1}, "a")]))
    names = [{e["name"] for e in c.get("env", [])} for c in after["spec"]["containers"]]
    assert names[0] == {"NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES"}
    assert server.mutate(after).patch == []


def test_void_is_required(void):
    for obj in (pod(), pod(init=[container(None, "i")], containers=[container({GPU: 1})])):
        decision = void.validate(obj)
        assert not decision.allowed and "NVIDIA_VISIBLE_DEVICES" in decision.message


def test_void_comes_after_the_rules(serve):
    """A container whose GPU was rewritten still requests an accelerator."""
    server = serve([*FLEET, doc("Rule", "r", rewrite=[{"from": GPU, "to": SHARED}]), doc("Guard", "g", deny=[], visibleDevices="void")])
    after = server.mutated(pod({GPU: 1}))
    assert visible(after) == [[]]


def test_void_on_ephemeral_containers(void):
    old, new = with_ephemeral(debugger(), debugger("second", env={"NVIDIA_VISIBLE_DEVICES": "all"}), asks={GPU: 1})
    decision = attach(void, old, new, "mutate")
    after = applied(new, decision.patch)
    assert visible(after, "ephemeralContainers") == [["void"], ["void"]]
    assert visible(after) == [[]], "only the new ones may change"
    assert attach(void, old, after).allowed
    assert not attach(void, old, new).allowed
    assert attach(void, after, after, "mutate").patch == []


def test_void_exempt(serve):
    server = serve([*FLEET, doc("Guard", "g", deny=["visibleDevicesEnv"], visibleDevices="void", exempt={"users": ["op"]})])
    obj = env("all")
    assert server.mutate(obj, user=("op", [])).patch == []
    assert server.validate(obj, user=("op", [])).allowed
    assert server.mutate(obj, user=ADMIN).patch
