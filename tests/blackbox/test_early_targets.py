"""What a person hears who scales a workload, or applies an autoscaler. gpugate reads the workload
from the API server and answers as if the workload itself were applied with that number of Pods.
What cannot be read is not answered."""

import copy
import json
import threading

import pytest
from hypothesis import Phase, assume, given, settings

import kube
from gpugate import Server, eventually, run, scaled, write_policy
from kube import GPU, doc, pod
from test_early_answers import KINDS, MANY, REFUSAL, REFUSED, ask, create, fill, gauges, grown, questions, team, workload
from unreliable_api_server import UnreliableApiServer

SCALED = ["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"]
METRIC = ("resource metrics are cpu and memory only, so {} never scales anything; use a Pods or External metric, such as "
          "DCGM_FI_PROF_GR_ENGINE_ACTIVE")
TRAINING = {"apiVersion": "gpugate.io/v1", "kind": "Workload", "metadata": {"name": "w"}, "spec": {
    "group": "example.com", "kind": "Training", "plural": "trainings",
    "pods": [{"template": "spec.worker.template", "replicas": ["spec.replicas", "spec.size"]}]}}
PRIVILEGED = pod(containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])


@pytest.fixture
def api():
    server = UnreliableApiServer()
    yield server
    server.close()


@pytest.fixture
def gate(serve, api, tmp_path):
    """gate(policy) starts a server that can read the objects of `api`."""
    def make(policy, *args):
        return serve(policy, "--kubeconfig", api.kubeconfig(tmp_path), *args)
    return make


def store(api, obj):
    """Puts the object into the API server. Returns it as it is there."""
    return api.put(KINDS[obj["kind"]][1] if obj["kind"] in KINDS else "trainings", obj)


def scale(server, obj, count, old=None, **how):
    """Asks as `kubectl scale` makes the API server ask. A number of 0 is absent."""
    group, resource = KINDS[obj["kind"]][:2]

    def of(replicas):
        metadata = {"name": obj["metadata"]["name"], "namespace": obj["metadata"]["namespace"]}
        return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
                "spec": {"replicas": replicas} if replicas else {}, "status": {"replicas": 0}}
    old = obj["spec"].get("replicas", 1) if old is None else old
    how = {"operation": "UPDATE", "subresource": "scale", "resource": (group, "v1", resource), **how}
    return server.decide("validate", kube.review(of(count), old=of(old), kind=("autoscaling", "v1", "Scale"), **how))


def autoscaler(target, most, metrics=None, version="v2", least=1, namespace=None, **ref):
    ref = {"apiVersion": target["apiVersion"], "kind": target["kind"], "name": target["metadata"]["name"], **ref}
    spec = {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": most, **({"metrics": metrics} if metrics else {})}
    return {"kind": "HorizontalPodAutoscaler", "apiVersion": f"autoscaling/{version}",
            "metadata": {"name": "hpa", "namespace": namespace or target["metadata"]["namespace"]}, "spec": spec}


def apply(server, obj, old=None, **how):
    version = obj["apiVersion"].split("/")[1]
    how = {"operation": "UPDATE" if old else "CREATE", "resource": ("autoscaling", version, "horizontalpodautoscalers"), **how}
    return server.decide("validate", kube.review(obj, old=old, kind=("autoscaling", version, "HorizontalPodAutoscaler"), **how))


def resource_metric(name, container=None):
    target = {"type": "Utilization", "averageUtilization": 70}
    if container:
        return {"type": "ContainerResource", "containerResource": {"name": name, "container": container, "target": target}}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def same(one, other):
    return (one.allowed, one.warnings, one.message) == (other.allowed, other.warnings, other.message)


def holds(kind, count, template=None, **spec):
    return workload(kind, template or pod({GPU: 1}), count, status={"replicas": count}, **spec)


# --- scale ---

@pytest.mark.parametrize("kind", SCALED)
def test_scale(gate, api, kind):
    server = gate([team(4), doc("Guard", "g", deny=["privileged"])])
    fill(server, 3)
    before = gauges(server)
    obj = store(api, holds(kind, 2))
    for count in (0, 1, 2, 3):
        assert scale(server, obj, count).warnings == []
    told = scale(server, obj, 4)
    assert told.allowed and told.warnings == [f"3 of 4 Pods fit now, including 2 that exist: {REFUSAL}"]
    assert "charge" not in told.audit and gauges(server) == before
    assert scale(server, obj, 5).warnings == [f"3 of 5 Pods fit now, including 2 that exist, and never more than 4 at once: {REFUSAL}"]
    said = server.wait_log("early_answer")[0]
    assert {key: said[key] for key in ("kind", "namespace", "name", "user", "tenant", "allowed", "message")} == {
        "kind": "Scale", "namespace": "team-a", "name": "w", "user": kube.ADMIN[0], "tenant": "team-a", "allowed": True, "message": told.warnings[0]}
    # From none. The number of a Scale is then absent.
    none = store(api, holds(kind, 0, PRIVILEGED))
    assert scale(server, none, 1, old=0).warnings == [REFUSED + create(server, none).message]
    never = store(api, holds(kind, 0, pod({GPU: 5})))
    assert scale(server, never, 1).warnings == [create(server, never).message]


@pytest.mark.parametrize("kind", SCALED)
def test_scale_is_denied_only_if_never(gate, api, kind):
    server = gate([team(4, earlyAnswer="deny"), team(4, "team-b", earlyAnswer="off")])
    fill(server, 4)
    never, later = store(api, holds(kind, 1, pod({GPU: 5}))), store(api, holds(kind, 0) | {"metadata": {"name": "v", "namespace": "team-a"}})
    decision = scale(server, never, 2)
    assert not decision.allowed and decision.message == create(server, never).message and decision.warnings == []
    assert scale(server, never, 1, old=2).allowed and scale(server, never, 0).allowed
    assert scale(server, later, 1).warnings == [f"0 of 1 Pod fits now: {REFUSAL}"]
    quiet = store(api, never | {"metadata": {"name": "w", "namespace": "team-b"}})
    assert scale(server, quiet, 2).allowed and scale(server, quiet, 2).warnings == []


def test_scale_answers_as_an_apply(api, tmp_path):
    """The answer is that about the workload, applied with that number of Pods."""
    seen = {"silent": 0, "warned": 0, "denied": 0}

    @settings(phases=[Phase.generate])
    @given(questions())
    def each(question):
        policy, asked = question
        for i, tenant in enumerate(d for d in policy if d["kind"] == "Tenant"):
            tenant["spec"]["earlyAnswer"] = ("warn", "deny", "warn", "off")[i % 4]
        server = Server(policy, "--kubeconfig", api.kubeconfig(tmp_path), start=False)
        assume(run("lint", server.policy).returncode == 0)
        server.start()
        try:
            for i, (_, template, namespace, count) in enumerate(asked):
                kind, before = SCALED[i % 4], (0, 1, 3)[i % 3]
                obj = store(api, workload(kind, template, before, namespace=namespace, status={"replicas": (before, 0)[i % 2]}))
                told, applied = scale(server, obj, count), ask(server, grown(obj, count), obj)
                assert same(told, applied), (obj, count, told, applied)
                seen["denied" if not told.allowed else "warned" if told.warnings else "silent"] += 1
                if kind == "Deployment":
                    create(server, obj)
        finally:
            server.stop()
    each()
    assert all(count > scaled(5, -1) for count in seen.values()), seen


def test_a_dry_run_of_scale_says_so(gate, api):
    server = gate([team(4)])
    fill(server, 1)
    assert len(scale(server, store(api, holds("Deployment", 1)), 5, dry_run=True).warnings) == 1
    assert server.wait_log("early_answer")[0]["dryRun"] is True


# --- HorizontalPodAutoscaler ---

@pytest.mark.parametrize("kind", SCALED)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_autoscaler(gate, api, kind, version):
    server = gate([team(4), doc("Guard", "g", deny=["privileged"])])
    fill(server, 3)
    before = gauges(server)
    obj = store(api, holds(kind, 2))
    for most in (1, 2, 3):
        assert apply(server, autoscaler(obj, most, version=version)).warnings == []
    assert apply(server, autoscaler(obj, 4, version=version)).warnings == [f"at maxReplicas, 3 of 4 Pods fit now, including 2 that exist: {REFUSAL}"]
    told = apply(server, autoscaler(obj, 10, version=version))
    assert told.allowed and told.warnings == [
        f"at maxReplicas, 3 of 10 Pods fit now, including 2 that exist, and never more than 4 at once: {REFUSAL}",
        "write maxReplicas: 4, or raise the quota"]
    both = apply(server, autoscaler(obj, 10, least=6, version=version)).warnings
    assert both[1:] == ["minReplicas is 6, which is more than fit as well, so raise the quota, or write minReplicas: 4 and maxReplicas: 4"]
    assert "charge" not in told.audit and gauges(server) == before
    assert {line["kind"] for line in server.wait_log("early_answer", 3)} == {"HorizontalPodAutoscaler"}
    # To have none at times is allowed.
    assert apply(server, autoscaler(obj, 3, least=0, version=version)).warnings == []
    for template, begin in ((PRIVILEGED, REFUSED), (pod({GPU: 5}), "")):
        never = store(api, holds(kind, 0, template))
        assert apply(server, autoscaler(never, 3, version=version)).warnings == [begin + create(server, never).message]


def test_an_autoscaler_of_pods_that_do_not_exist_yet(gate, api):
    """A workload wants so many Pods already, which do not exist, as they are refused."""
    server = gate([team(4)])
    obj = store(api, workload("Deployment", pod({GPU: 1}), 10, status={"replicas": 4}))
    fill(server, 4)
    said = apply(server, autoscaler(obj, 10)).warnings
    assert said[0].startswith("at maxReplicas, 4 of 10 Pods fit now, including 4 that exist, and never more than 4 at once: ") and len(said) == 2


def test_an_autoscaler_that_changes(gate, api):
    """Only what asks for Pods that it could not have before is answered."""
    server = gate([team(4, earlyAnswer="deny")])
    obj, other = store(api, holds("Deployment", 1, pod({GPU: 5}))), store(api, holds("StatefulSet", 1, pod({GPU: 5})))
    before = autoscaler(obj, 3)
    assert not apply(server, before).allowed
    for after in (before, autoscaler(obj, 3, least=2), autoscaler(obj, 2), autoscaler(obj, 3, metrics=[resource_metric("cpu")])):
        assert apply(server, after, before).allowed and apply(server, after, before).warnings == [], after
    for after in (autoscaler(obj, 4), autoscaler(other, 3)):
        assert not apply(server, after, before).allowed, after


def test_early_answer_of_an_autoscaler(gate, api):
    server = gate([team(4, earlyAnswer="deny"), team(4, "team-b", earlyAnswer="off")])
    gpu = [resource_metric(GPU)]
    fill(server, 4)
    never, later = store(api, holds("Deployment", 1, pod({GPU: 5}))), store(api, holds("StatefulSet", 1))
    decision = apply(server, autoscaler(never, 3, metrics=gpu))
    assert not decision.allowed and decision.message == create(server, never).message and decision.warnings == [METRIC.format(GPU)]
    decision = apply(server, autoscaler(later, 9, metrics=gpu))
    assert decision.allowed and len(decision.warnings) == 3 and decision.warnings[2] == METRIC.format(GPU)
    quiet = store(api, never | {"metadata": {"name": "w", "namespace": "team-b"}})
    decision = apply(server, autoscaler(quiet, 3, metrics=gpu))
    assert decision.allowed and decision.warnings == []


def test_an_autoscaler_of_a_custom_resource(gate, api):
    """How many of its Pods exist is not known, so those count that it asks for already."""
    template = {"spec": pod({GPU: 1})["spec"]}

    def training(replicas, **worker):
        return {"apiVersion": "example.com/v1", "kind": "Training", "metadata": {"name": "w", "namespace": "team-a"},
                "spec": {"size": 2, "worker": {"template": template}, **({} if replicas is None else {"replicas": replicas}), **worker}}
    server = gate([team(4), TRAINING])
    fill(server, 2)
    for replicas, most, warned in ((1, 1, None), (1, 2, None), (None, 2, None), (1, 3, "2 of 4 more"), (None, 3, "2 of 4 more"), (0, 2, "2 of 4 more")):
        obj = store(api, training(replicas))
        said = apply(server, autoscaler(obj, most)).warnings
        assert [line.split(" Pods")[0] for line in said] == ([f"at maxReplicas, {warned}"] if warned else []), (replicas, most, said)
    # Of another kind, nothing is known; and so where the number of Pods is elsewhere.
    assert apply(server, autoscaler(obj, 9, kind="Trainings")).warnings == []
    assert apply(server, autoscaler(obj, 9, apiVersion="example.org/v1")).warnings == []
    elsewhere = copy.deepcopy(TRAINING)
    elsewhere["spec"]["pods"][0]["replicas"] = ["spec.size"]
    assert apply(gate([team(4), elsewhere]), autoscaler(obj, 9)).warnings == []


# --- Metrics ---

def test_a_metric_that_never_has_a_value(gate, api, tmp_path):
    """The sentence is that of lint, and does not depend on the workload."""
    server = gate([team(4), team(4, "team-b", earlyAnswer="off"), doc("Settings", "s", exempt={"namespaces": ["exempt-*"]})])
    obj = store(api, holds("Deployment", 1))
    pods = {"type": "Pods", "pods": {"metric": {"name": "DCGM_FI_DEV_GPU_UTIL"}, "target": {"type": "AverageValue", "averageValue": "70"}}}
    for metrics, named in (([resource_metric(GPU)], GPU), ([resource_metric(GPU, "main")], GPU), ([pods, resource_metric("cpu"), resource_metric("amd.com/gpu")], "amd.com/gpu"),
                           ([resource_metric(GPU), resource_metric("amd.com/gpu")], GPU), ([pods], None), ([resource_metric("memory")], None),
                           ([resource_metric("cpu", "main")], None), ([resource_metric("nvidia.com/mig-1g.10gb")], "nvidia.com/mig-1g.10gb")):
        for target in (obj, holds("StatefulSet", 1) | {"metadata": {"name": "absent", "namespace": "team-a"}}):
            scaler = autoscaler(target, 3, metrics=metrics)
            assert apply(server, scaler).warnings == ([METRIC.format(named)] if named else []), metrics
        (tmp_path / "hpa.json").write_text(json.dumps(scaler))
        found = json.loads(run("lint", "-o", "json", tmp_path / "hpa.json").stdout)["findings"]
        assert [finding["text"] for finding in found if finding.get("id") == "hpa-metric"][:1] == ([METRIC.format(named)] if named else []), found
    for namespace, warned in (("team-b", 0), ("exempt-1", 0), ("nowhere", 1)):
        assert len(apply(server, autoscaler(obj, 3, [resource_metric(GPU)], namespace=namespace)).warnings) == warned, namespace
    # A change that asks for no more Pods.
    now = autoscaler(obj, 3, [resource_metric(GPU)])
    assert apply(server, now, autoscaler(obj, 3)).warnings == [METRIC.format(GPU)]
    # After other warnings, which are about Pods.
    said = apply(server, autoscaler(obj, 9, [resource_metric(GPU)])).warnings
    assert len(said) == 3 and said[2] == METRIC.format(GPU)


# --- What cannot be read ---

def read(server, obj, count=9):
    """Asks about a scale and about an autoscaler, of which nothing is said here."""
    for decision in (scale(server, obj, count), apply(server, autoscaler(obj, count))):
        assert decision.allowed and decision.warnings == [], decision


NEVER = holds("Deployment", 1, pod({GPU: 5}))
STRICT = [team(4, earlyAnswer="deny")]


def test_what_is_not_there(gate, api):
    server = gate(STRICT)
    read(server, NEVER)
    store(api, NEVER)
    assert not scale(server, NEVER, 9).allowed and not apply(server, autoscaler(NEVER, 9)).allowed
    assert server.log("workload_unread") == []


def test_what_may_not_be_read(gate, api):
    """A missing right is named in the log, once a minute."""
    store(api, NEVER)
    api.forbidden.add("deployments")
    server = gate(STRICT)
    read(server, NEVER)
    read(server, NEVER)
    said, = server.wait_log("workload_unread")
    assert said["object"] == "/apis/apps/v1/namespaces/team-a/deployments/w" and said["level"] == "warn" and "forbidden" in said["message"], said
    assert apply(server, autoscaler(NEVER, 9, [resource_metric(GPU)])).warnings == [METRIC.format(GPU)]


def test_without_an_api_server(serve):
    server = serve(STRICT)
    read(server, NEVER)
    assert apply(server, autoscaler(NEVER, 9, [resource_metric(GPU)])).warnings == [METRIC.format(GPU)]


def test_an_api_server_that_is_gone(gate, api):
    server = gate(STRICT)
    api.close()
    read(server, NEVER)


def test_an_api_server_that_does_not_answer(gate, api):
    """The answer comes without it, also if the review has less time than such a read may take."""
    store(api, NEVER)
    api.objects.clear()
    server = gate(STRICT)
    read(server, NEVER)
    said, = server.wait_log("workload_unread")
    assert "did not answer within 1000 ms" in said["message"], said
    answer = server.post("/validate?timeout=300ms", kube.review(autoscaler(NEVER, 9), kind=("autoscaling", "v2", "HorizontalPodAutoscaler"),
                                                                resource=("autoscaling", "v2", "horizontalpodautoscalers")))
    assert answer.status == 200 and json.loads(answer.body)["response"]["allowed"]
    api.objects.set()
    assert not scale(server, NEVER, 9).allowed


def test_many_that_wait_do_not_hold_up_pods(gate, api):
    """They have connections of their own, and only so many wait."""
    store(api, NEVER)
    api.objects.clear()
    server = gate(STRICT)
    count = 80
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(scale(server, NEVER, 9))) for _ in range(count)]
    for thread in threads:
        thread.start()
    eventually(lambda: api.count("GET", "deployments") >= 4, 10, "four reads")
    held, = fill(server, 1)
    assert server.delete(held).allowed and api.count("GET", "deployments") >= 4
    for thread in threads:
        thread.join()
    assert len(answers) == count and all(decision.allowed and decision.warnings == [] for decision in answers)


def test_a_stop_while_some_wait(gate, api):
    store(api, NEVER)
    api.objects.clear()
    server = gate(STRICT)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(scale(server, NEVER, 9))) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: api.count("GET", "deployments") >= 4, 10, "four reads")
    server.stop()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all(decision.allowed for decision in answers)


@pytest.mark.parametrize("change", [
    lambda obj: obj.pop("spec"), lambda obj: obj["spec"].clear(), lambda obj: obj["spec"].update(template=None), lambda obj: obj["spec"].update(template=7),
    lambda obj: obj["spec"]["template"]["spec"].update(containers=7), lambda obj: obj["status"].update(replicas="many"),
    lambda obj: obj["metadata"].update(annotations={"a": "x" * 600_000})])
def test_an_unreadable_workload(gate, api, change):
    server = gate(STRICT)
    obj = copy.deepcopy(NEVER)
    change(obj)
    store(api, obj)
    read(server, NEVER)


@pytest.mark.parametrize("change", [
    lambda spec: spec.clear(), lambda spec: spec.update(maxReplicas="many"), lambda spec: spec.update(maxReplicas=-1), lambda spec: spec.update(minReplicas=[]),
    lambda spec: spec.update(scaleTargetRef=None), lambda spec: spec.update(scaleTargetRef=[]), lambda spec: spec["scaleTargetRef"].pop("name"),
    lambda spec: spec["scaleTargetRef"].pop("apiVersion"), lambda spec: spec["scaleTargetRef"].update(apiVersion="extensions/v1beta1"),
    lambda spec: spec["scaleTargetRef"].update(name=".."), lambda spec: spec["scaleTargetRef"].update(name="n" * 5000),
    lambda spec: spec["scaleTargetRef"].update(kind="DaemonSet"), lambda spec: spec["scaleTargetRef"].update(name="w\u2028"),
    lambda spec: spec.update(metrics=7), lambda spec: spec.update(metrics=[7, None, {}, {"type": "Resource"}, {"type": "Resource", "resource": {"name": 7}}])])
def test_an_unreadable_autoscaler(gate, api, change):
    server = gate(STRICT)
    store(api, NEVER)
    obj = autoscaler(NEVER, 9)
    assert not apply(server, obj).allowed
    change(obj["spec"])
    decision = apply(server, obj)
    assert decision.allowed == ("metrics" not in obj["spec"]) and decision.warnings == [], decision


def test_names_are_escaped(gate, api):
    server = gate(STRICT)
    store(api, NEVER)
    for name in ("w/status", "w?x", "../../../../v1/namespaces/team-a/secrets/w", "w#", "w%2f"):
        assert apply(server, autoscaler(NEVER, 9, name=name)).allowed
    assert {resource for method, resource, _ in api.asked if method == "GET"} <= {
        "deployments", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"}


@pytest.mark.parametrize("change", [{"subresource": None}, {"subresource": "status"}, {"operation": "CREATE"}, {"resource": ("example.com", "v1", "deployments")},
                                    {"resource": ("apps", "v1", "daemonsets")}, {"resource": ("", "v1", "deployments")}])
def test_what_is_no_scale_of_a_workload(gate, api, change):
    server = gate(STRICT)
    store(api, NEVER)
    assert scale(server, NEVER, 9, **change).allowed


def test_any_number(gate, api):
    server = gate([team(4)])
    fill(server, 1)
    obj = store(api, holds("Deployment", 1))
    for count in (MANY, 2**62):
        assert scale(server, obj, count).warnings[0].startswith(f"4 of {MANY} Pods fit now, including 1 that exists, and never more than 4 at once: ")
        assert apply(server, autoscaler(obj, count)).warnings[0].startswith(f"at maxReplicas, 4 of {MANY} Pods fit now, including 1 that exists, ")
    assert scale(server, obj, 10**30).warnings == [] and apply(server, autoscaler(obj, 10**30)).warnings == []


def test_with_the_ledger_of_a_cluster(api, gate):
    """The labels of the namespace decide which tenant it has, and are read after the workload."""
    policy = [doc("Tenant", "t", namespaceSelector={"matchLabels": {"a": "b"}}, quotas=[{"name": "q", "hard": 4}], earlyAnswer="deny")]
    api.put("namespaces", {"metadata": {"name": "team-a", "labels": {"a": "b"}}})
    server = gate(policy, "--ledger", "cluster", "--settle-seconds", "1", "--replica", "r")
    eventually(lambda: server.metrics().value("gpugate_ledger_state", state="open") == 1, 30, "an open ledger")
    store(api, NEVER)
    some = store(api, holds("StatefulSet", 0))
    assert not scale(server, NEVER, 9).allowed and not apply(server, autoscaler(NEVER, 9)).allowed
    eventually(lambda: scale(server, some, 9).warnings, 10, "a view that is current")
    assert scale(server, some, 9).warnings[0].startswith("4 of 9 Pods fit now, and never more than 4 at once: ")
    assert len(apply(server, autoscaler(some, 9, [resource_metric(GPU)])).warnings) == 3
