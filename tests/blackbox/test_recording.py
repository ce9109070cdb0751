"""`serve --record`: what is recorded decides as the original did, no secret is in it, and the files
stay within their size whatever happens."""

import copy
import json
import os
import resource
import shutil
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import kube
from gpugate import ROOT, Server, eventually, run, scaled, write_policy
from kube import GPU, SHARED, container, doc, pod
from test_properties import pods

SECRET = "hunter2"
GUARDS = ["visibleDevicesEnv", "hostDeviceMounts", "deviceVolumeMounts", "mixedMigInContainer", "sharedRequestAboveOne",
          "preboundNodeName", "privileged", "ephemeralContainers", "resourceClaims", "deviceAnnotations",
          "fractionAnnotations", "severalSlicesInContainer"]
BASE = [
    doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"},
        mig={"offered": ["1g.10gb", "3g.40gb"]}, sharing={"resource": SHARED, "replicas": 4}),
    doc("Accelerator", "mi300x", resource="amd.com/gpu", memory="192Gi"),
    doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 2}]),
    doc("Tenant", "team-b", namespaces=["team-b"], quotas=[{"name": "all", "hard": "unlimited"}]),
    doc("Rule", "mig", match={"podSelector": {"matchLabels": {"tier": "edge"}}},
        rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": "annotation:memory", "pin": True}}]),
    doc("Rule", "share", match={"annotationSelector": {"matchLabels": {"example.com/share": "yes"}}},
        rewrite=[{"from": GPU, "to": SHARED}], onConflict="override",
        inject={"nodeSelector": {"a": "x"}, "runtimeClassName": "nvidia", "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]}),
]


def policy(enforcement):
    return [*BASE, doc("Guard", "all", deny=GUARDS, visibleDevices="void", hostPaths={"allow": ["/data"]}, enforcement=enforcement)]


class Recording:
    """A folder that a server records to."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gpugate-recording-"))

    def files(self):
        return sorted(self.folder.glob("gpugate-*.jsonl"))

    def text(self):
        return "".join(path.read_text() for path in self.files())

    def records(self):
        """The whole lines. The last one may still be in the making."""
        return [json.loads(line) for line in self.text().split("\n")[:-1]]

    def find(self, uid):
        """Waits for the record of a review."""
        return eventually(lambda: next((r for r in self.records() if r["request"]["uid"] == uid), None), what="the record")

    def bytes(self):
        return sum(path.stat().st_size for path in self.files())


@pytest.fixture
def recording():
    recording = Recording()
    yield recording
    shutil.rmtree(recording.folder, ignore_errors=True)


def ask(server, path, body):
    """Posts a review. Returns the response without its uid."""
    answer = server.post(path, body)
    assert answer.status == 200, answer.text
    response = json.loads(answer.body)["response"]
    response.pop("uid")
    return response


def again(record):
    """The AdmissionReview that a record holds."""
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": record["request"]}


def counts(server):
    metrics = server.metrics()
    return {outcome: int(metrics.value("gpugate_recorded_reviews_total", outcome=outcome)) for outcome in ("written", "dropped", "failed")}


# --- What is recorded ---

def test_a_record(serve, recording):
    server = serve(policy("warn"), "--record", recording.folder)
    patched = kube.review(pod({GPU: 1}, labels={"tier": "edge"}, annotations={"memory": "10Gi", "other": SECRET}))
    decision = server.decide("mutate", patched)
    record = recording.find(patched["request"]["uid"])
    assert list(record) == ["time", "endpoint", "policy", "request", "response"]
    assert record["endpoint"] == "/mutate"
    assert record["policy"] == json.loads(server.admin("/status.json").body)["policy"]["digest"]
    assert record["response"] == {"allowed": True, "patch": decision.patch, "auditAnnotations": decision.audit}
    request = record["request"]
    assert request["userInfo"] == {"username": kube.ADMIN[0], "groups": kube.ADMIN[1]}
    assert request["object"]["metadata"]["annotations"] == {"memory": "10Gi"}
    assert "oldObject" not in request and request["dryRun"] is False

    refused = kube.review(kube.persisted(pod(containers=[container({GPU: 9}, securityContext={"privileged": True})])))
    decision = server.decide("validate", refused)
    response = recording.find(refused["request"]["uid"])["response"]
    assert not decision.allowed and decision.warnings
    assert response == {"allowed": False, "message": decision.message, "warnings": decision.warnings, "auditAnnotations": decision.audit}
    [path] = recording.files()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert counts(server) == {"written": 2, "dropped": 0, "failed": 0}


def test_reviews_of_an_api_server(serve, recording):
    """Reviews of Pods and claims are recorded; those of other objects are neither read nor
    recorded."""
    server = serve(policy("warn"), "--record", recording.folder)
    expected = []
    for path in sorted((ROOT / "tests" / "reviews").glob("*.json")):
        review = json.loads(path.read_text())
        review["request"]["dryRun"] = True
        endpoint = "/" + path.name.split("-")[0]
        response = ask(server, endpoint, review)
        kind = review["request"]["kind"]
        if kind == {"group": "", "version": "v1", "kind": "Pod"} or (kind["group"], kind["kind"].removesuffix("Template")) == (
                "resource.k8s.io", "ResourceClaim"):
            expected.append((endpoint, review, response))
    assert len(expected) > 10
    for endpoint, review, response in expected:
        record = recording.find(review["request"]["uid"])
        assert record["endpoint"] == endpoint
        assert ask(server, endpoint, again(record)) == response
    eventually(lambda: counts(server)["written"] == 2 * len(expected), what="the records")
    assert len(recording.records()) == 2 * len(expected)


def test_a_review_that_is_not_decided_is_not_recorded(serve, recording):
    server = serve(policy("warn"), "--record", recording.folder)
    assert server.post("/validate", b"{").status == 415
    server.mutate(pod())
    eventually(lambda: counts(server)["written"] == 1, what="the record")
    assert len(recording.records()) == 1


# --- The same decision, without secrets ---

def hidden():
    """Parts of a container that may hold secrets."""
    handler = {"exec": {"command": ["sh", "-c", SECRET]}}
    return {"command": [SECRET], "args": ["--token", SECRET], "livenessProbe": handler, "startupProbe": handler,
            "lifecycle": {"preStop": handler}, "envFrom": [{"prefix": SECRET, "secretRef": {"name": SECRET}}],
            "workingDir": SECRET, "futureField": {"name": SECRET}}


variables = st.lists(st.sampled_from([
    {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"},
    {"name": "NVIDIA_VISIBLE_DEVICES", "value": ""}, {"name": "NVIDIA_VISIBLE_DEVICES"}, {"value": "none", "name": "AMD_VISIBLE_DEVICES"},
    {"name": "HABANA_VISIBLE_DEVICES", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": SECRET}}}, {"name": "DOCKER_RESOURCE_X", "value": "0"},
    {"name": "PASSWORD", "value": SECRET}, {"value": SECRET, "name": "void"}, {"name": "B", "valueFrom": None}, {"name": "C", "value": None}, None]), max_size=5)
annotations = st.dictionaries(st.sampled_from([
    "memory", "example.com/share", "cdi.k8s.io/gpu", "gpu-fraction", "kubernetes.io/config.mirror"]), st.sampled_from(["10Gi", "yes", "x", "90Gi"]), max_size=4)
volumes = st.lists(st.sampled_from([
    {"name": "a", "hostPath": {"path": "/dev/nvidia0", "type": "File"}}, {"name": "b", "hostPath": {"path": "/data/x"}},
    {"name": "c", "hostPath": {"path": ""}}, {"name": "d", "hostPath": None},
    {"name": "e", "csi": {"driver": "d", "volumeAttributes": {"password": SECRET}}}, {"name": "f", "emptyDir": {}},
    {"name": "g", "flexVolume": {"driver": "d", "options": {"password": SECRET}}}]), max_size=3)
security = st.sampled_from([None, {}, {"privileged": True}, {"capabilities": {"add": ["SYS_ADMIN"]}}, {"capabilities": {"add": ["SYS_PTRACE"]}}, {"procMount": "Unmasked"},
                            {"windowsOptions": {"hostProcess": True, "gmsaCredentialSpec": SECRET}}, {"seLinuxOptions": {"user": SECRET}}])
resources = st.sampled_from([{"requests": {GPU: "1"}}, {"limits": {GPU: "2"}, "requests": {GPU: "1"}}, {"requests": {GPU: 1, "cpu": None}}])
mounts = st.lists(st.sampled_from([{"name": "a", "mountPath": "/var/run/nvidia-container-devices/0"}, {"mountPath": "/x", "name": "b"}]), max_size=2)
specs = st.fixed_dictionaries({}, optional={
    "nodeName": st.just("node-1"), "hostPID": st.booleans(), "overhead": st.sampled_from([{GPU: "1"}, {"cpu": 1}, None]),
    "resourceClaims": st.just([{"name": "c", "resourceClaimName": "x"}]), "volumes": volumes,
    "affinity": st.sampled_from([{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "model", "operator": "NotIn", "values": ["a100"]}]}, {"matchFields": [{}]}]}}}, {"nodeAffinity": None}]),
    "securityContext": st.sampled_from([{}, {"windowsOptions": {"hostProcess": True}}]),
    "imagePullSecrets": st.just([{"name": "pull", "password": SECRET}]), "hostname": st.just(SECRET)})


@st.composite
def objects(draw):
    obj = draw(pods())
    for c in [*obj["spec"]["containers"], *obj["spec"].get("initContainers", [])]:
        c.update(hidden() if draw(st.booleans()) else {})
        c.update(draw(st.fixed_dictionaries({}, optional={"env": variables, "securityContext": security, "volumeMounts": mounts,
                                                          "resources": resources})))
    obj["spec"].update(draw(specs))
    if draw(st.integers(0, 4)) == 0:
        obj["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "x", **hidden()}]
    metadata = obj["metadata"]
    metadata["uid"] = "00000000-0000-4000-8000-000000000001"
    metadata["annotations"] = draw(st.sampled_from([None, {}, {"note": SECRET, "kubectl.kubernetes.io/last-applied-configuration": SECRET}]))
    if draw(st.booleans()):
        metadata["annotations"] = {**(metadata["annotations"] or {}), **draw(annotations)}
    metadata["managedFields"] = [{"manager": SECRET, "fieldsV1": {"f:" + SECRET: {}}}]
    obj["status"] = draw(st.sampled_from([{}, {"phase": "Succeeded", "message": SECRET}]))
    return obj


@st.composite
def reviews(draw):
    obj = draw(objects())
    how = draw(st.sampled_from([{}, {}, {}, {"operation": "UPDATE"}, {"operation": "UPDATE", "subresource": "status"},
                                {"operation": "UPDATE", "subresource": "ephemeralcontainers"}, {"operation": "DELETE"}]))
    user = draw(st.sampled_from([kube.ADMIN, kube.CONTROLLER, ("system:node:n", ["system:nodes"])]))
    old = None
    if how.get("operation") == "UPDATE":
        old = copy.deepcopy(obj) if draw(st.booleans()) else draw(objects())
        for c in old["spec"]["containers"]:
            c.update(draw(st.fixed_dictionaries({}, optional={"env": variables})))
    elif how:
        obj, old = None, obj
    review = kube.review(obj, old=old, user=user, dry_run=True, **how)
    review["request"]["userInfo"]["extra"] = {"token": [SECRET]}
    review["request"]["options"]["fieldManager"] = SECRET
    return review


class Escaped(json.JSONEncoder):
    """Spells the first letter of each key as an escape, and indents."""

    def encode(self, o):
        def spelled(value):
            if isinstance(value, dict):
                return {k[:1] + "\0" + k[1:]: spelled(v) for k, v in value.items()}
            return [spelled(v) for v in value] if isinstance(value, list) else value
        text = json.dumps(spelled(o), indent=3)
        parts = text.split("\\u0000")
        return "".join(part[:-1] + f"\\u{ord(part[-1]):04x}" for part in parts[:-1]) + parts[-1]


spellings = st.sampled_from([json.dumps, lambda o: json.dumps(o, indent=1), Escaped().encode])


@pytest.mark.parametrize("enforcement", ["deny", "warn"])
def test_a_record_is_decided_as_its_original(serve, recording, enforcement):
    """A dry run changes nothing, so the same server answers both."""
    server = serve(policy(enforcement), "--record", recording.folder)
    seen = set()

    @settings(max_examples=scaled(250, 25))
    @given(reviews(), st.sampled_from(["/mutate", "/validate"]), spellings)
    def check(review, endpoint, spell):
        # Examples may be repeated, but each request has a uid of its own.
        review["request"]["uid"] = f"{endpoint}-{len(seen)}-{os.urandom(4).hex()}"
        response = ask(server, endpoint, spell(review))
        record = recording.find(review["request"]["uid"])
        assert SECRET not in json.dumps(record)
        assert record["response"]["allowed"] == response["allowed"]
        assert record["response"].get("message") == response.get("status", {}).get("message")
        assert record["response"].get("warnings") == response.get("warnings")
        assert ("patch" in record["response"]) == ("patch" in response)
        assert ask(server, endpoint, again(record)) == response
        seen.add(json.dumps(response, sort_keys=True))
        for path in recording.files():  # Keeps them short, so that reading them stays quick.
            os.truncate(path, 0)

    check()
    assert len(seen) > scaled(30, 5)
    assert counts(server)["dropped"] == counts(server)["failed"] == 0


def test_a_recording_can_be_replayed(serve, recording):
    """The reviews in their order, sent to a server that has admitted nothing, get the same answers:
    what Pods take and give back is in them."""
    server = serve(policy("warn"), "--record", recording.folder)
    admitted = [server.admit(pod({GPU: 1}, owner="job"))[1] for _ in range(2)]
    assert not server.admit(pod({GPU: 1}))[0].allowed
    server.finish(admitted[0])
    assert server.admit(pod({GPU: 1}))[0].allowed
    assert not server.admit(pod({GPU: 1}))[0].allowed
    server.delete(admitted[1])
    assert server.admit(pod({GPU: 1}, labels={"tier": "edge"}, annotations={"memory": "10Gi"}))[0].allowed
    eventually(lambda: counts(server)["written"] == 14, what="the records")
    fresh = serve(policy("warn"))
    for record in recording.records():
        response, recorded = ask(fresh, record["endpoint"], again(record)), record["response"]
        assert response["allowed"] == recorded["allowed"]
        assert response.get("status", {}).get("message") == recorded.get("message")
        assert response.get("auditAnnotations") == recorded.get("auditAnnotations")
        assert ("patch" in response) == ("patch" in recorded)


@pytest.mark.parametrize("gangs", [True, False])
def test_what_says_the_group_of_a_pod(serve, recording, gangs):
    """A replay knows the size of a group that the Pod says, as the server does."""
    rules = [doc("Rule", "whole", match={}, gangs="allOrNothing")] if gangs else []
    server = serve([*BASE, *rules], "--record", recording.folder)
    said = {"kueue.x-k8s.io/pod-group-total-count": "4", "scheduling.k8s.io/group-name": "g", "leaderworkerset.sigs.k8s.io/size": "2"}
    review = kube.review(kube.persisted(pod({GPU: 1}, labels={"kueue.x-k8s.io/pod-group-name": "g"}, annotations={**said, "other": SECRET})))
    review["request"]["object"]["spec"]["schedulingGroup"] = {"podGroupName": "p"}
    server.decide("validate", review)
    request = recording.find(review["request"]["uid"])["request"]
    assert request["object"]["metadata"].get("annotations") == (said if gangs else {})
    assert request["object"]["spec"]["schedulingGroup"] == {"podGroupName": "p"}


def test_claims_are_recorded_without_what_drivers_read(serve, recording):
    """What is counted is in the line: not parameters of drivers, or other annotations."""
    policy = [doc("Accelerator", "a", resource=GPU, memory="80Gi", deviceClasses=["gpu", "half"],
                  mig={"model": "a100-80gb", "deviceClasses": {"mig": "any"}}, capacity={"deviceClasses": ["shared"], "step": "10Gi"}), doc("Tenant", "t", namespaces=["team-a"], quotas=[{"name": "q", "measure": "gpus", "hard": 9}])]
    server = serve(policy, "--record", recording.folder)
    small = 'device.attributes["gpu.nvidia.com"].profile == "1g.10gb"'
    mark = "resource.kubernetes.io/extended-resource-claim"
    forms = [{"exactly": {"deviceClassName": "gpu", "count": 3, "selectors": [{"cel": {"expression": "true"}, "secret": 1}]}}, {"deviceClassName": "gpu", "count": 2},
             {"firstAvailable": [{"name": "a", "deviceClassName": "gpu", "count": 2}, {"name": "b", "deviceClassName": "half", "allocationMode": "All"}]},
             {"exactly": {"deviceClassName": "mig", "selectors": [{"cel": {"expression": "true"}}, {"cel": {"expression": small}}]}},
             {"firstAvailable": [{"name": "a", "deviceClassName": "shared", "capacity": {"requests": {"memory": "40Gi"}, "secret": 1}}]},
             {"deviceClassName": "shared", "capacity": {"requests": {"memory": "10Gi"}}},
             {"someday": {"secret": "secret"}}, {"exactly": {"deviceClassName": "gpu", "adminAccess": True, "tolerations": [{"key": "secret"}]}}]
    sent = {}
    for number, form in enumerate(forms):
        for marked in (False, True):
            obj = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {
                "name": "c", "namespace": "team-a", "uid": f"{number}-{marked}", "annotations": {"note": "secret", **({mark: "true"} if marked else {})}},
                "spec": {"devices": {"requests": [{"name": "r", **form}], "config": [{"opaque": {"driver": "d", "parameters": {"secret": "secret"}}}]}}}
            review = kube.review(obj, kind=("resource.k8s.io", "v1", "ResourceClaim"), resource=("resource.k8s.io", "v1", "resourceclaims"))
            review["request"]["dryRun"] = True
            sent[review["request"]["uid"]] = ask(server, "/validate", review)
    charged = set()
    for uid, response in list(sent.items()):
        record = recording.find(uid)
        assert "secret" not in json.dumps(record)
        assert ask(server, "/validate", again(record)) == response
        charged.add(response.get("auditAnnotations", {}).get("charge"))
    assert charged in ({"t/q=3", "t/q=2", "t/q=0.14", "t/q=0.5", "t/q=0.12", None}, {"t/q=3", "t/q=2", "t/q=32", "t/q=0.14", "t/q=0.5", "t/q=0.12", None}), charged


# --- The files ---

def large(name):
    """A Pod of about 20 KB that is recorded whole."""
    return pod(name=name, labels={f"key-{i}": "v" * 60 for i in range(250)})


def test_old_files_make_room(serve, recording):
    (recording.folder / "notes.txt").write_text("x" * (2 << 20))
    server = serve(BASE, "--record", recording.folder, "--record-max", "1Mi")
    sent = 0
    while sent < 120:
        server.mutate(large(f"p-{sent}"))
        sent += 1
        # Without this, files could be written and removed while their sizes are added up.
        eventually(lambda sent=sent: counts(server)["written"] == sent, what="the record")
        assert recording.bytes() <= 1 << 20
    names = [record["request"]["name"] for record in recording.records()]
    assert names == [f"p-{i}" for i in range(sent - len(names), sent)] and 30 < len(names) < 60
    assert all(path.stat().st_size <= 128 << 10 for path in recording.files())
    before = recording.files()
    server.stop()

    server = serve(BASE, "--record", recording.folder, "--record-max", "1Mi")
    assert recording.files()[:len(before)] == before and len(recording.files()) == len(before) + 1
    for i in range(sent, sent + 10):
        server.mutate(large(f"p-{i}"))
    eventually(lambda: counts(server)["written"] == 10, what="the records")
    assert recording.bytes() <= 1 << 20
    names = [record["request"]["name"] for record in recording.records()]
    assert names == [f"p-{i}" for i in range(sent + 10 - len(names), sent + 10)]
    server.stop()

    # A smaller size takes effect at the start, and the start leaves no empty file.
    (recording.folder / "gpugate-20200101T000000Z-000001.jsonl").write_text("x" * (4 << 20))
    serve(BASE, "--record", recording.folder, "--record-max", "1Mi").stop()
    assert recording.bytes() <= 1 << 20 and all(path.stat().st_size for path in recording.files())
    assert (recording.folder / "notes.txt").stat().st_size == 2 << 20


def test_a_link_is_not_followed(serve, recording, tmp_path):
    """Files that are links are neither written, counted, nor removed."""
    outside = tmp_path / "outside"
    outside.write_text("x" * (2 << 20))
    link = recording.folder / "gpugate-20200101T000000Z-000001.jsonl"
    link.symlink_to(outside)
    server = serve(BASE, "--record", recording.folder, "--record-max", "1Mi")
    server.mutate(pod())
    eventually(lambda: counts(server)["written"] == 1, what="the record")
    assert link.is_symlink() and outside.stat().st_size == 2 << 20


def test_a_removed_file_begins_again(serve, recording):
    server = serve(BASE, "--record", recording.folder)
    server.mutate(pod(name="first"))
    eventually(lambda: counts(server)["written"] == 1, what="the record")
    recording.files()[0].unlink()
    server.mutate(pod(name="second"))
    eventually(lambda: counts(server)["written"] == 2, what="the record")
    assert [record["request"]["name"] for record in recording.records()] == ["second"]


def limit_files(server, size):
    """A file of the process cannot grow beyond the size, as on a full disk."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY, reason="files are limited here already")
def test_a_full_disk(serve, recording):
    server = serve(BASE, "--record", recording.folder)
    limit_files(server, 50000)
    for i in range(8):
        assert server.mutate(large(f"p-{i}")).allowed
    eventually(lambda: sum(counts(server).values()) == 8, what="the records")
    assert counts(server) == {"written": 2, "dropped": 0, "failed": 6}
    [line] = server.wait_log("recording_failed")
    assert line["level"] == "error" and line["folder"] == str(recording.folder)
    assert line["message"] == f"cannot write {recording.files()[0]}: File too large"
    assert recording.text().endswith("}\n")  # No half line.

    limit_files(server, resource.RLIM_INFINITY)
    def resumed():
        server.mutate(large("later"))
        return server.log("recording_resumed")
    [line] = eventually(resumed, what="the next attempt", pause=0.1)
    assert line["level"] == "info"
    assert [record["request"]["name"] for record in recording.records()][:3] == ["p-0", "p-1", "later"]
    assert len(server.log("recording_failed")) == 1


# --- Start and end ---

def test_the_end_writes_what_waits(serve, recording):
    server = serve(BASE, "--record", recording.folder)
    total = scaled(400, 100)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda i: server.mutate(pod(name=f"p-{i}")).allowed, range(total)))
    log = server.dir / "stderr"
    # The folder of the server is gone when it has stopped.
    with open(log, encoding="utf-8") as kept:
        server.stop()
        lines = [json.loads(line) for line in kept.read().splitlines()]
    late = sum(line["reviews"] for line in lines if line["event"] == "recording_incomplete")
    names = {record["request"]["name"] for record in recording.records()}
    assert len(names) + late == total
    [line] = [line for line in lines if line["event"] == "recording"]
    assert line["folder"] == str(recording.folder)


def start(tmp_path, *args):
    """Starts a server that must fail. Returns its error."""
    if not (tmp_path / "policy").exists():
        write_policy(tmp_path / "policy", BASE)
        assert run("certs", "create", "--dir", tmp_path / "pki", "--name", "localhost").returncode == 0
    done = run("serve", "--policy", tmp_path / "policy", "--listen", "127.0.0.1:0", "--tls-cert", tmp_path / "pki/tls.crt",
               "--tls-key", tmp_path / "pki/tls.key", *args)
    assert done.returncode == 2
    return done.stderr.splitlines()[-1].removeprefix("gpugate serve: ")


def test_folders_that_cannot_be_used(tmp_path):
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.write_text("")
    assert start(tmp_path, "--record", missing) == \
        f"--record: cannot open the folder {missing}: No such file or directory; create it, or give another one"
    assert start(tmp_path, "--record", file) == f"--record: cannot open the folder {file}: Not a directory; create it, or give another one"
    error = start(tmp_path, "--record", "/proc")
    assert error.startswith("--record: cannot create /proc/gpugate-")
    assert error.endswith("; make the folder writable for this user, or give another one")


def test_a_folder_belongs_to_one_process(serve, recording, tmp_path):
    serve(BASE, "--record", recording.folder)
    assert start(tmp_path, "--record", recording.folder) == \
        f"--record: cannot lock the folder {recording.folder}: another process records there; give each process a folder of its own"


@pytest.mark.parametrize(("size", "error"), [
    ("10MB", '--record-max "10MB" is not a quantity; give a size such as 100Mi'),
    ("-1Gi", '--record-max "-1Gi" is negative; give a size such as 100Mi'),
    ("1023Ki", "--record-max 1023Ki is not from 1Mi to 1Ti; give a size such as 100Mi"),
    ("1025Gi", "--record-max 1025Gi is not from 1Mi to 1Ti; give a size such as 100Mi"),
    ("9Ei", '--record-max "9Ei" is out of range; give a size such as 100Mi'),
])
def test_sizes(tmp_path, size, error):
    assert start(tmp_path, "--record", tmp_path, "--record-max", size) == error


def test_a_size_without_a_folder(tmp_path):
    assert start(tmp_path, "--record-max", "1Gi") == \
        "--record-max is given without --record; give the folder, too, or leave it out"
