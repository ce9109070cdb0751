"""Resource names that DeviceClasses of the cluster give to their devices: `serve` watches them, and
a Pod that requests such a name is charged as one that requests the class."""

import itertools
import json

import pytest
import yaml

import kube
from gpugate import Server, eventually, run, write_policy
from kube import GPU, doc, persisted, pod
from test_claims import GROUP, SCHEDULER, claim, request
from watching import api, serve

NAME = "example.com/gpu"
CLASS = "deviceclass.resource.kubernetes.io/gpu.nvidia.com"
POLICY = [doc("Accelerator", "a100", resource=GPU, memory="80Gi", deviceClasses=["gpu.nvidia.com"]),
          doc("Accelerator", "t4", resource="nvidia.com/t4", memory="16Gi", weight="0.25", deviceClasses=["t4.nvidia.com"]),
          doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "gpus", "hard": 4, "measure": "gpus"}])]
WITHOUT_CLASSES = [doc("Accelerator", "a100", resource=GPU, memory="80Gi"), POLICY[2]]
NOT_KNOWN = f'whether "{NAME}" is the extendedResourceName of a DeviceClass is not known, since '
RIGHT = "gpugate needs the rights list and watch of deviceclasses (resource.k8s.io)"
_names = itertools.count(1)


def define(api, name, resource, created="2030-01-01T00:00:00Z"):
    """Creates or changes a DeviceClass."""
    return api.put("deviceclasses", {"metadata": {"name": name, "creationTimestamp": created},
                                     "spec": {"selectors": [], **({"extendedResourceName": resource} if resource else {})}})


def known(server):
    return server.metrics().value("gpugate_device_classes")


def incomplete(server):
    return server.metrics().value("gpugate_device_classes_incomplete")


def ready(server):
    return server.admin("/readyz").status == 200


def charge(server, asks):
    """Returns what such a Pod is charged now."""
    decision = server.validate(pod(asks, name=f"dry-{next(_names)}"), dry_run=True)
    return decision.audit.get("charge", "") if decision.allowed else decision.message


def used(server):
    return server.metrics().value("gpugate_quota_used", tenant="team-a", quota="gpus", measure="gpus")


def stored(api, name, asks):
    return api.put("pods", persisted(pod(asks, name=name), name) | {"status": {"phase": "Running"}})


def test_a_name_costs_what_its_class_costs(api, serve):
    define(api, "gpu.nvidia.com", NAME)
    define(api, "t4.nvidia.com", "example.com/t4")
    define(api, "unlisted.example.com", "example.com/some")
    define(api, "nothing.example.com", None)
    server = serve()
    eventually(lambda: ready(server), what="a replica that is ready")
    assert known(server) == 3 and not incomplete(server)
    assert charge(server, {NAME: 2}) == charge(server, {CLASS: 2}) == "team-a/gpus=2"
    assert charge(server, {"example.com/t4": 2}) == "team-a/gpus=0.5"
    assert charge(server, {NAME: 1, CLASS: 1, GPU: 1}) == "team-a/gpus=3"
    # A device of a class that no Accelerator lists is a whole one, as by the name of the class.
    assert charge(server, {"example.com/some": 1}) == "team-a/gpus=1"
    assert charge(server, {"example.com/none": 1}) == ""
    for count in (1, 3):
        decision, final = server.admit(pod({NAME: count}, name=f"p{count}"))
        assert decision.allowed and decision.audit["charge"] == f"team-a/gpus={count}"
        api.put("pods", final)
    refused = server.validate(pod({NAME: 1}))
    assert not refused.allowed and refused.message.startswith('exceeded quota: GPU quota "gpus" of tenant "team-a": requested 1, used 4, limit 4, over by 1')
    assert f'; {NAME} counts as DeviceClass "gpu.nvidia.com"' in refused.message
    eventually(lambda: used(server) == 4, what="what both Pods hold")


def test_the_claim_of_the_scheduler_is_not_charged_again(api, serve):
    define(api, "gpu.nvidia.com", NAME)
    server = serve()
    eventually(lambda: known(server) == 1, what="the class")
    assert server.admit(pod({NAME: 4}, name="p"))[0].allowed
    of_pod = {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": True}]}
    made = claim(request("gpu.nvidia.com"))
    made["metadata"] |= {"uid": "c1", "annotations": {"resource.kubernetes.io/extended-resource-claim": "true"}, **of_pod}
    decision = server.decide("validate", kube.review(made, user=SCHEDULER, kind=(GROUP, "v1", "ResourceClaim"),
                                                     resource=(GROUP, "v1", "resourceclaims")))
    assert decision.allowed and "charge" not in decision.audit, decision


def test_existing_pods_are_charged_again(api, serve):
    """A class that comes later, is renamed, or goes makes the Pods count that exist."""
    stored(api, "old", {NAME: 3})
    server = serve()
    assert used(server) == 0 and charge(server, {NAME: 1}) == ""
    device_class = define(api, "gpu.nvidia.com", NAME)
    eventually(lambda: used(server) == 3, what="the Pod that exists")
    assert charge(server, {NAME: 1}) == "team-a/gpus=1" and "used 3, limit 4" in charge(server, {NAME: 2})
    define(api, "gpu.nvidia.com", "example.com/other")
    eventually(lambda: used(server) == 0, what="a name that nobody has any more")
    assert charge(server, {"example.com/other": 2}) == "team-a/gpus=2"
    define(api, "gpu.nvidia.com", NAME)
    eventually(lambda: used(server) == 3, what="the first name again")
    # A reload keeps what is known of the classes.
    server.reload([*POLICY[:2], doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "gpus", "hard": 5, "measure": "gpus"}])])
    assert used(server) == 3 and charge(server, {NAME: 2}) == "team-a/gpus=2"
    api.delete("deviceclasses", device_class)
    eventually(lambda: used(server) == 0, what="no class")
    assert charge(server, {NAME: 1}) == "" and server.generation() == 2


def test_an_accelerator_holds_a_name_that_its_class_loses(api, serve):
    """What docs/policy.md says to do before a class is renamed."""
    define(api, "gpu.nvidia.com", NAME)
    stored(api, "old", {NAME: 3})
    server = serve()
    eventually(lambda: used(server) == 3, what="the Pod that exists")
    server.reload([*POLICY, doc("Accelerator", "a100-by-name", resource=NAME, memory="80Gi")])
    define(api, "gpu.nvidia.com", "example.com/other")
    eventually(lambda: charge(server, {"example.com/other": 1}) == "team-a/gpus=1", what="the new name")
    assert used(server) == 3 and charge(server, {NAME: 1}) == "team-a/gpus=1"


def test_the_newest_class_has_the_name(api, serve):
    define(api, "gpu.nvidia.com", NAME, "2030-01-01T00:00:00Z")
    newest = define(api, "t4.nvidia.com", NAME, "2031-01-01T00:00:00Z")
    server = serve()
    eventually(lambda: charge(server, {NAME: 1}) == "team-a/gpus=0.25", what="the newest class")
    api.delete("deviceclasses", newest)
    eventually(lambda: charge(server, {NAME: 1}) == "team-a/gpus=1", what="the class that is left")


def test_what_the_policy_lists_holds(api, serve):
    """A driver of NVIDIA gives the name nvidia.com/gpu to its class."""
    define(api, "t4.nvidia.com", GPU)
    server = serve()
    eventually(lambda: known(server) == 1, what="the class")
    assert charge(server, {GPU: 1}) == "team-a/gpus=1"


def test_without_the_right_only_unknown_names_are_undecided(api, serve):
    """An older ClusterRole. Nothing else waits for it, and it can be granted later."""
    api.forbidden.add("deviceclasses")
    define(api, "gpu.nvidia.com", NAME)
    server = serve()
    eventually(lambda: ready(server), what="a replica that is ready")
    assert RIGHT in server.wait_log("device_classes_unknown")[0]["message"] and incomplete(server) == 1
    assert charge(server, {NAME: 1}) == f"the GPU quota check is temporarily unavailable: {NOT_KNOWN}{RIGHT}; retry"
    assert charge(server, {GPU: 1}) == charge(server, {CLASS: 1}) == "team-a/gpus=1" and charge(server, {}) == charge(server, {"rdma/hca": 1}) == ""
    assert server.validate(pod({NAME: 1}, namespace="kube-system")).allowed
    api.forbidden.clear()
    eventually(lambda: not incomplete(server), what="the classes")
    assert charge(server, {NAME: 1}) == "team-a/gpus=1" and server.wait_log("device_classes")


def test_a_pattern_of_other_resources_does_not_decide(api, serve):
    """Without the classes, nobody knows whether an Accelerator lists the one that has the name."""
    api.forbidden.add("deviceclasses")
    define(api, "gpu.nvidia.com", NAME)
    server = serve(policy=[doc("Settings", "s", otherResources=["example.com/*", "example.com/named"]), *POLICY])
    eventually(lambda: server.log("device_classes_unknown"), what="a list that is refused")
    assert NOT_KNOWN in charge(server, {NAME: 1}) and charge(server, {"example.com/named": 1}) == charge(server, {"cpu": 1}) == ""
    api.forbidden.clear()
    eventually(lambda: not incomplete(server), what="the classes")
    assert charge(server, {NAME: 1}) == "team-a/gpus=1" and charge(server, {"example.com/none": 1}) == ""


@pytest.mark.parametrize("outage, allowed", [("allow", True), ("deny", False)])
def test_on_outage_decides_what_is_undecided(api, serve, outage, allowed):
    api.forbidden.add("deviceclasses")
    server = serve(policy=[doc("Settings", "s", onOutage=outage), *POLICY])
    eventually(lambda: server.log("device_classes_unknown"), what="a list that is refused")
    decision = server.validate(pod({NAME: 1}))
    assert decision.allowed == allowed and (allowed or decision.code == 429), decision


def test_not_ready_before_the_first_list(api, serve):
    api.broken.add("deviceclasses") # Answered with 500, which does not last.
    server = serve()
    answer = server.admin("/readyz")
    assert answer.status == 503 and "DeviceClasses of the cluster have not been listed yet" in answer.text
    assert "have not been listed yet; retry" in charge(server, {NAME: 1}) and charge(server, {GPU: 1}) == "team-a/gpus=1"
    api.broken.clear()
    eventually(lambda: ready(server), what="a replica that is ready")


def test_a_group_without_the_resource(api, serve):
    """It can be turned off alone, and then no replica may wait for it."""
    api.missing.add("deviceclasses")
    server = serve()
    eventually(lambda: ready(server), what="a replica that is ready")
    why = "the API server does not serve deviceclasses, although it serves resource.k8s.io"
    assert charge(server, {NAME: 1}) == f"the GPU quota check is temporarily unavailable: {NOT_KNOWN}{why}; retry"
    assert charge(server, {GPU: 1}) == "team-a/gpus=1" and incomplete(server) == 1
    api.missing.clear()
    eventually(lambda: not incomplete(server), what="the classes")


def test_a_policy_without_classes_watches_none(api, serve):
    api.forbidden.add("deviceclasses")
    define(api, "gpu.nvidia.com", NAME)
    server = serve(policy=WITHOUT_CLASSES)
    eventually(lambda: ready(server), what="a replica that is ready")
    assert charge(server, {NAME: 1}) == "" and not incomplete(server) and not api.count("GET", "deviceclasses")
    # A policy with classes that is loaded later watches them.
    api.forbidden.clear()
    server.reload(POLICY)
    eventually(lambda: charge(server, {NAME: 1}) == "team-a/gpus=1", what="the class")


def test_too_many_classes(api, serve):
    """Beyond the bound, a name that is not known might be that of a class."""
    classes = [define(api, f"c{n:04}", f"example.com/c{n:04}") for n in range(1025)]
    server = serve()
    eventually(lambda: ready(server), what="a replica that is ready")
    assert incomplete(server) == 1 and known(server) == 1024
    assert NOT_KNOWN + "the cluster has more than 1024 DeviceClasses with an extendedResourceName; retry" in charge(server, {NAME: 1})
    assert charge(server, {GPU: 1}) == "team-a/gpus=1"
    api.delete("deviceclasses", classes[7])
    eventually(lambda: not incomplete(server), what="all classes")
    assert charge(server, {NAME: 1}) == "" and charge(server, {"example.com/c1024": 1}) == "team-a/gpus=1"


@pytest.mark.parametrize("broken", [{"spec": {"extendedResourceName": 7}}, {"spec": {"extendedResourceName": "example.com/" + "x" * 400}}], ids=("type", "long"))
def test_a_class_that_cannot_be_read(api, serve, broken):
    api.put("deviceclasses", {"metadata": {"name": "odd"}, **broken})
    server = serve()
    eventually(lambda: ready(server), what="a replica that is ready")
    assert NOT_KNOWN + "a DeviceClass could not be read; retry" in charge(server, {NAME: 1})
    define(api, "odd", None)
    eventually(lambda: not incomplete(server), what="all classes")
    assert charge(server, {NAME: 1}) == ""
    # Or it is deleted.
    odd = api.put("deviceclasses", {"metadata": {"name": "odd"}, **broken})
    eventually(lambda: incomplete(server), what="a class that cannot be read")
    api.delete("deviceclasses", odd)
    eventually(lambda: not incomplete(server), what="all classes again")


# --- Without a cluster ---


def device_class(name="gpu.nvidia.com", resource=NAME, created="2030-01-01T00:00:00Z"):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"extendedResourceName": resource}}


@pytest.fixture
def folder(tmp_path):
    write_policy(tmp_path / "policy", POLICY)

    def write(name, *objects):
        (tmp_path / name).write_text(yaml.safe_dump_all(objects))
        return tmp_path / name

    write.path, write.policy = tmp_path, tmp_path / "policy"
    return write


def held(done):
    """Returns what the quota holds and what is requested of it, by the first explanation."""
    quota = json.loads(done.stdout)["objects"][0]["quotas"][0]
    return quota["used"], quota["requested"]


def test_explain_reads_classes(folder):
    """They are in the file, in any order, or in what exists."""
    asks, exists = pod({NAME: 2}), persisted(pod({NAME: 1}, name="old"), "old")
    args = ("--policy", folder.policy, "-o", "json")
    for objects, usage, expected in [
            ([asks], [], None), ([device_class(), asks], [], ("0", "2")), ([asks, device_class()], [], ("0", "2")),
            ([asks], [device_class()], ("0", "2")), ([asks], [exists, device_class()], ("1", "2")), ([device_class(), asks], [exists], ("1", "2")),
            ([asks], [device_class(), device_class("t4.nvidia.com", created="2031-01-01T00:00:00Z")], ("0", "0.5"))]:
        done = run("explain", "-f", folder("asks.yaml", *objects), *args, *(["--usage", folder("usage.yaml", *usage)] if usage else []))
        assert done.returncode == 0, done
        assert held(done) == expected if expected else not json.loads(done.stdout)["objects"][0].get("quotas"), (objects, usage)
    refused = run("explain", "-f", folder("asks.yaml", pod({NAME: 5}), device_class()), "--policy", folder.policy)
    assert refused.returncode == 1 and f'{NAME} counts as DeviceClass "gpu.nvidia.com"' in refused.stdout
    broken = run("explain", "-f", folder("asks.yaml", asks, device_class(resource=7)), "--policy", folder.policy)
    assert broken.returncode == 2 and 'asks.yaml' in broken.stderr and 'DeviceClass "gpu.nvidia.com"' in broken.stderr, broken


def test_explain_live_lists_classes(api, folder):
    define(api, "gpu.nvidia.com", NAME)
    stored(api, "old", {NAME: 1})
    args = ("explain", "-f", folder("asks.yaml", pod({NAME: 2})), "--policy", folder.policy, "--live", "--kubeconfig", api.kubeconfig(folder.path), "-o", "json")
    assert held(run(*args)) == ("1", "2")
    api.forbidden.add("deviceclasses")
    undecided = run(*args)
    assert undecided.returncode == 1 and "since you may not list deviceclasses (resource.k8s.io)" in undecided.stdout, undecided
    api.missing.add("deviceclasses") # An older cluster.
    assert not json.loads(run(*args).stdout)["refused"]


def test_suites_replay_and_lint_read_classes(folder):
    asks = pod({NAME: 3}, name="p")
    folder("classes.yaml", device_class())
    suite = {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"},
             "spec": {"given": {"files": ["classes.yaml"]},
                      "steps": [{"create": asks, "expect": {"allowed": True, "usage": {"team-a/gpus": 3}}},
                                {"create": pod({NAME: 2}, name="q"), "expect": {"allowed": False, "message": {"contains": f"{NAME} counts as DeviceClass"}}}]}}
    ran = run("test", "--policy", folder.policy, folder("a.suite.yaml", suite))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    pods = [persisted(pod({NAME: 3}, name=name), name) for name in ("p", "q")]
    for objects, over in ((pods, 0), ([device_class(), *pods], 1), ([*pods, device_class()], 1)):
        done = run("replay", folder("pods.yaml", *objects), "--policy", folder.policy, "-o", "json")
        assert json.loads(done.stdout)["counts"]["over-quota"] == over, done
    (folder.path / "app").mkdir()
    (folder.path / "app" / "pod.yaml").write_text(yaml.safe_dump(pod({NAME: 5})))
    assert "can never fit" not in run("lint", folder.policy, folder.path / "app").stdout
    (folder.path / "app" / "class.yaml").write_text(yaml.safe_dump(device_class()))
    assert "can never fit" in run("lint", folder.policy, folder.path / "app").stdout
