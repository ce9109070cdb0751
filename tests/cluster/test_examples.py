"""deploy/examples with a real API server: it accepts every object, and what the examples promise
comes true."""

import json
from fractions import Fraction

import pytest

import registration
from control_plane import eventually
from documented import definitions
from examples import EXAMPLES, documents
from in_cluster import InCluster
from kube import doc

# Tolerations that the API server adds to every Pod.
WAITED_FOR = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

# Versions from which the kinds and fields of an example exist without a feature gate.
NEEDS = {"dra-claims": (1, 36), "dra-extended-resource": (1, 36), "dra-parts": (1, 36), "dra-rewrite": (1, 36), "gatekeeper-gpu-policies": (1, 30)}

# Kinds that no namespace takes with it when it goes.
CLUSTER_WIDE = ("DeviceClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=repr)


@pytest.fixture(autouse=True)
def new_enough(control_plane, request):
    example = request.node.callspec.params.get("example") if hasattr(request.node, "callspec") else None
    if example and control_plane.version[:2] < NEEDS.get(example.name, (1, 0)):
        pytest.skip(f"{example} needs Kubernetes {NEEDS[example.name]}")


@pytest.fixture(scope="module", autouse=True)
def kinds(control_plane):
    """The custom resources of the examples, with nothing but the documented keys."""
    made = list(definitions())
    for obj in made:
        control_plane.admin.apply(obj).must()
    for obj in made:
        spec = obj["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        eventually(lambda path=path: control_plane.admin.request("GET", path).ok, 30, path)
    yield
    for obj in made:
        control_plane.admin.delete(obj["kind"], obj["metadata"]["name"])


def dry_run(plane, *args, **options):
    return plane.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", *args, **options)


@every_example
def test_the_api_server_takes_every_object(control_plane, example):
    """A strict dry run: a misspelled key is an error."""
    for namespace in example.namespaces():
        control_plane.namespace(namespace)
    for obj in (obj for path in example.applied() for obj in documents(path) if obj["kind"] == "RuntimeClass"):
        control_plane.admin.apply(obj).must()  # A Pod may name only one that exists.
    ran = dry_run(control_plane, "-o", "json", *(arg for path in example.objects() for arg in ("-f", path)))
    assert "Warning" not in ran.stderr, ran.stderr
    taken = json.loads(ran.stdout)
    taken = taken["items"] if taken["kind"] == "List" else [taken]
    written = [doc for path in example.objects() for doc in documents(path)]
    assert [lost(doc, obj) for doc, obj in zip(written, taken, strict=True)] == [[]] * len(written)


def lost(written, taken, path=""):
    """Returns the locations whose values did not arrive. An API server silently drops fields of
    disabled features."""
    if isinstance(written, dict):
        return [place for key, value in written.items()
                for place in lost(value, taken.get(key) if isinstance(taken, dict) else None, f"{path}.{key}")]
    if isinstance(written, list):
        return [place for i, value in enumerate(written)
                for place in lost(value, taken[i] if isinstance(taken, list) and i < len(taken) else None, f"{path}[{i}]")]
    return [] if str(written) == str(taken) else [f"{path}: {written!r} became {taken!r}"]


@pytest.mark.parametrize("text, says", [
    ("{apiVersion: nvidia.com/v1, kind: ClusterPolicy, metadata: {name: x}, spec: {mig: {strategi: mixed}}}", "spec.mig.strategi"),
    ("{apiVersion: nvidia.com/v1, kind: ClusterPolicy, metadata: {name: x}, spec: {mig: {strategy: both}}}", "spec.mig.strategy"),
    ("{apiVersion: v1, kind: ServiceMonitor, metadata: {name: x}, spec: {}}", "ServiceMonitor"),
    ("{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {nodeSelectors: {a: b}, containers: [{name: c, image: i}]}}", "nodeSelectors")])
def test_a_wrong_object_is_noticed(control_plane, text, says):
    # Otherwise an old kubectl takes the brace for JSON.
    ran = dry_run(control_plane, "-f", "-", input="---\n" + text, check=False)
    assert ran.returncode != 0 and says in ran.stderr, ran


def test_a_lost_field_is_noticed():
    assert lost({"spec": {"list": [{"a": 1, "b": 2}]}}, {"spec": {"list": [{"a": "1"}], "more": 0}}) == [".spec.list[0].b: 2 became None"]
    assert lost({"list": [1, 2]}, {"list": [1]}) and lost({"map": {"a": 1}}, {"map": None}) and not lost({"a": 1}, {"a": "1"})


@pytest.fixture(scope="module")
def gate(control_plane, request):
    """One gpugate for all examples. It gets the policy of each, and is registered for it."""
    made = InCluster(control_plane, [doc("Settings", "cluster")], ledger="cluster", register=False)
    yield made
    if request.session.testsfailed:
        made.keep_logs(control_plane.dir)
    made.stop()


@pytest.fixture
def story(control_plane, gate, example):
    gate.server.reload(example.policy_files())
    gate.objects = registration.rendered(example.dir / "policy", gate.url, gate.dir / "ca.crt", gate.dir / "secret", "cluster",
                                         control_plane.version[:2])
    registration.prepare(control_plane.admin, gate.objects)  # Its rights depend on the policy.
    gate.register()
    told = Story(control_plane, gate, example)
    yield told
    told.clear()


class Story:
    """Runs the steps of expect.yaml and compares the results."""

    def __init__(self, plane, gate, example):
        self.plane, self.gate, self.example = plane, gate, example
        self.namespace = example.expect["namespace"]
        self.measures = {f"{tenant['metadata']['name']}/{quota['name']}": quota.get("measure", "count")
                         for tenant in example.policy("Tenant") for quota in tenant["spec"].get("quotas", ())}
        self.users = sorted({step["as"] for step in example.steps if "as" in step})
        for user in self.users:
            plane.grant(("User", user), "cluster-admin")

    def clear(self):
        for namespace in self.example.namespaces():
            self.plane.admin.delete("Namespace", namespace)
        for user in self.users:
            self.plane.admin.delete("ClusterRoleBinding", f"{user}-cluster-admin".replace(":", "-")).must()
        cluster_wide = [path for path in self.example.applied() if any(obj["kind"] in CLUSTER_WIDE for obj in documents(path))]
        if cluster_wide:
            self.plane.kubectl("delete", "--ignore-not-found", *(arg for path in cluster_wide for arg in ("-f", path)))

    def play(self):
        for namespace in self.example.namespaces():
            self.plane.namespace(namespace)  # With the ServiceAccount that a Pod needs.
        for step in self.example.steps:
            if "apply" in step:
                self.apply(step["apply"], step.get("refused"), step.get("warning"), step.get("as"))
            elif "scale" in step:
                asked = step["scale"]
                self.plane.kubectl("scale", "-n", self.namespace, f"deployment/{asked['deployment']}", f"--replicas={asked['replicas']}")
            else:
                self.plane.kubectl("delete", "-n", self.namespace, step["delete"], "--wait=false")
            for name, wanted in step.get("pods", {}).items():
                self.pods(name, **wanted)
            if "event" in step:
                self.event(step["event"])
            for quota, amount in step.get("holds", {}).items():
                self.gate.wait_used(*quota.split("/"), float(Fraction(amount)), self.measures[quota])

    def apply(self, path, refused, warning, user):
        # Otherwise a Pod that was just admitted is "pending" in the message.
        if refused is not None:
            eventually(self.sees_all, 30, "that all Pods are seen")
            if refused.startswith("ValidatingAdmissionPolicy"):
                # The API server reads its own policies as a watch delivers them.
                eventually(lambda: self.plane.kubectl("apply", "--dry-run=server", "-f", self.example.dir / path, check=False).returncode != 0, 30, refused)
        warnings = warning if isinstance(warning, list) else [warning] if warning else []
        if warnings:
            # How many Pods a workload has, its controller says later.
            eventually(lambda: self.said(self.plane.kubectl("apply", "--dry-run=server", "-f", self.example.dir / path)) == warnings, 30, warnings)
        ran = self.plane.kubectl("apply", "-f", self.example.dir / path, *([f"--as={user}"] if user else []), check=refused is None)
        if refused is not None:
            says = ran.stderr.strip()
            assert ran.returncode != 0 and "\n" not in says and says.endswith(f": {refused}"), ran.stderr
        else:
            assert self.said(ran) == warnings, ran.stderr

    def sees_all(self):
        """Whether nothing is pending but what is reserved for groups."""
        metrics = self.gate.server.metrics()
        return metrics.total("gpugate_quota_pending") == 0 or metrics.total("gpugate_ledger_reservations") > 0

    @staticmethod
    def said(ran):
        # These already exist: the tests have created them.
        return [line for line in ran.stderr.splitlines() if not line.startswith(("Warning: resource namespaces/", "Warning: resource runtimeclasses/"))]

    def pods(self, name, namespace=None, count=None, asks=None, nodeSelector=None, tolerations=(), runtimeClassName=None, env=None):
        """Compares the keys of expect.yaml. What is not given must be absent."""
        namespace = namespace or self.namespace

        def found():
            if count is None:
                return [self.plane.admin.get("Pod", name, namespace).must()]
            here = [pod for pod in self.plane.admin.list("Pod", namespace) if pod["metadata"]["name"].startswith(f"{name}-")]
            return here if len(here) == count else None

        for pod in eventually(found, 30, f"{count} Pods of {name}"):
            spec = pod["spec"]
            assert _devices(spec, "limits") == _devices(spec, "requests") == {k: str(v) for k, v in (asks or {}).items()}
            assert spec.get("nodeSelector", {}) == (nodeSelector or {})
            assert spec.get("runtimeClassName") == runtimeClassName
            ours = [toleration for toleration in spec["tolerations"] if toleration["key"] not in WAITED_FOR]
            assert sorted(ours, key=_key) == sorted(({"operator": "Equal", **t} if "value" in t else t for t in tolerations), key=_key)
            assert {e["name"]: e["value"] for c in spec["containers"] for e in c.get("env", ()) if "value" in e} == (env or {})

    def event(self, sentence):
        """Waits for the message of a workload's controller about a Pod that it may not create."""
        def said():
            return any(message.endswith(sentence) for message in self.plane.events(self.namespace, reason="FailedCreate"))
        eventually(said, 30, f"an event that says: {sentence}")


def _key(toleration):
    return toleration["key"]


def _devices(spec, kind):
    """Returns the extended resources that the only container requests."""
    (container,) = spec["containers"]
    return {name: amount for name, amount in container.get("resources", {}).get(kind, {}).items() if "/" in name}


@every_example
def test_what_is_promised_comes_true(story):
    story.play()
