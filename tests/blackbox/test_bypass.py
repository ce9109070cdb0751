"""Attempts to bypass admission: what a tenant can write into a Pod, or send, to be judged late, as
something else, or not at all."""

import copy
import functools
import json

import pytest

import kube
from gpugate import in_proportion, scaled
from kube import GPU, SHARED, container, doc, persisted, pod

MIG1 = "nvidia.com/mig-1g.10gb"
FLEET = [doc("Accelerator", "a100-80gb", resource=GPU, nodeLabels={"product": "a100"}, mig={"offered": ["1g.10gb"]},
             sharing={"resource": SHARED, "replicas": 4}),
         doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 1000000}])]
ENTRIES = scaled(30000, 10000)


def no_comparison_of_each_with_each(server, make):
    """The time for a review of make(n) entries grows in proportion to n."""
    body = functools.cache(lambda n: json.dumps(make(n), separators=(",", ":")))
    for n in (ENTRIES // 8, ENTRIES):
        body(n)  # Builds the body first, so that only the server is measured.
    for path in ("/mutate", "/validate"):
        in_proportion(server.process.pid, lambda n, path=path: server.post(path, body(n)), ENTRIES)


def test_slow_rewrite(serve):
    """A Pod that takes longer than the API server waits bypasses every webhook that is registered
    with Ignore."""
    server = serve([*FLEET, doc("Rule", "r", rewrite=[{"from": GPU, "to": SHARED}])])
    no_comparison_of_each_with_each(server, lambda n: kube.review(persisted(pod(
        containers=[{"resources": {"limits": {GPU: 1}}}] * n, tolerations=[{"key": "k"}] * (4 * n)))))


@pytest.mark.parametrize("guard", [{"deny": ["privileged", "visibleDevicesEnv"]}, {"deny": [], "visibleDevices": "void"}])
def test_slow_ephemeral_containers(serve, guard):
    server = serve([*FLEET, doc("Guard", "g", **guard)])

    def make(n):
        old = persisted(pod())
        new = copy.deepcopy(old)
        old["spec"]["ephemeralContainers"] = [{"name": f"old-{i:06}"} for i in range(n)]
        new["spec"]["ephemeralContainers"] = [{"name": f"new-{i:06}"} for i in range(n)]
        return kube.review(new, operation="UPDATE", old=old, subresource="ephemeralcontainers")

    no_comparison_of_each_with_each(server, make)


def test_slow_early_answer(serve):
    """Each variable of a template is edited before its Pods are judged."""
    server = serve([*FLEET, doc("Guard", "g", deny=[], visibleDevices="void")])

    @functools.cache
    def body(n):
        template = pod(containers=[container({GPU: 1000001}, "c"), container(None, "d") | {
            "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}] * n}])
        deployment = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "w", "namespace": "team-a"}, "spec": {"template": template}}
        return json.dumps(kube.review(deployment, kind=("apps", "v1", "Deployment"), resource=("apps", "v1", "deployments")))

    def ask(n):
        assert "can never fit" in server.post("/validate", body(n)).text

    ask(ENTRIES // 8)
    ask(ENTRIES)
    in_proportion(server.process.pid, ask, ENTRIES)


@pytest.mark.parametrize("subresource", [None, "ephemeralcontainers", "resize"])
def test_only_the_status_ends_a_pod(serve, subresource):
    """Kubelets write pods/status. A phase in any other request frees nothing."""
    server = serve(FLEET)
    _, held = server.admit(pod({GPU: 1}))
    ended = copy.deepcopy(held)
    ended["status"]["phase"] = "Succeeded"
    assert server.validate(ended, operation="UPDATE", old=held, subresource=subresource).allowed
    assert server.used("team-a", "all") == 1
    assert server.finish(held).allowed
    assert server.used("team-a", "all") == 0


@pytest.mark.parametrize("path", [
    "/run/containerd/containerd.sock", "/var/run/containerd", "/run/docker.sock", "/var/run/docker.sock", "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock", "/run", "/var/run", "/etc/kubernetes/manifests", "/etc/kubernetes"])
def test_the_container_runtime_is_no_way_to_devices(serve, path):
    server = serve([*FLEET, doc("Guard", "g", deny=["hostDeviceMounts"])])
    decision = server.validate(pod(volumes=[{"name": "d", "hostPath": {"path": path}}]))
    assert not decision.allowed and path in decision.message


@pytest.mark.parametrize("asks", [
    {"limits": {GPU: "3"}}, {"requests": {GPU: "3"}}, {"limits": {GPU: "0"}, "requests": {GPU: "3"}}, {"limits": {GPU: "0.3e1"}},
    {"limits": {GPU: "3000m"}}, {"limits": {GPU: "+3"}}, {"limits": {GPU: 3}}, {"limits": {GPU: "1", SHARED: "1", MIG1: "1"}}])
def test_ways_to_spell_three(serve, asks):
    server = serve([*FLEET[:1], doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 2}])])
    obj = pod(containers=[container(None, "c") | {"resources": asks}])
    decision = server.validate(obj)
    assert not decision.allowed and "requested 3" in decision.message
    obj["status"] = {"phase": "Succeeded"}
    assert not server.validate(obj).allowed


def aff(*terms):
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def term(op, *values):
    return {"matchExpressions": [{"key": "product", "operator": op, "values": list(values)}]}


@pytest.mark.parametrize("where", [
    {}, {"affinity": aff(term("In", "t4"), term("In", "a100"))}, {"affinity": aff(term("NotIn", "a100"), {"matchFields": [
        {"key": "metadata.name", "operator": "In", "values": ["gpu-1"]}]})}, {"affinity": aff(term("In", "t4", "a100"))},
    {"affinity": aff(term("Exists"))}, {"nodeSelector": {"kubernetes.io/hostname": "gpu-1"}}, {"affinity": aff()},
    {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 100, "preference": term("In", "t4")}]}}}])
def test_a_cheap_model_is_believed_only_where_the_scheduler_must_obey(serve, where):
    t4 = doc("Accelerator", "t4", resource=GPU, nodeLabels={"product": "t4"}, weight="0.25", memory="16Gi")
    server = serve([*FLEET[:1], t4, doc("Tenant", "team-a", namespaces=["team-a"],
                                        quotas=[{"name": "all", "measure": "gpus", "hard": 1}])])
    assert not server.validate(pod({GPU: 2}, **where)).allowed
    assert server.validate(pod({GPU: 2}, nodeSelector={"product": "t4"})).allowed
