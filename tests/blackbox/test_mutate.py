"""/mutate: Rules rewrite and place Pods. Patches are minimal and apply to any Pod."""

import copy

import pytest

from gpugate import applied
from kube import CONTROLLER, GPU, SHARED, container, doc, namespace_doc, pod, review, sidecar

MIG = "nvidia.com/mig-1g.10gb"
A100 = doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi",
           nodeLabels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}, mig={"offered": ["1g.10gb", "3g.40gb"]},
           sharing={"resource": SHARED, "replicas": 4})
TEAM = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 100}])
TO_SHARED = doc("Rule", "to-shared", match={"podSelector": {"matchLabels": {"share": "yes"}}},
                rewrite=[{"from": GPU, "to": SHARED, "maxPerContainer": 3}])
SHARE = {"share": "yes"}


def rule(name="r", **spec):
    return [A100, TEAM, doc("Rule", name, **spec)]


@pytest.fixture(scope="module")
def sharing(serve_module):
    return serve_module([A100, TEAM, TO_SHARED])


def asks(obj, kind="containers"):
    return [c["resources"] for c in obj["spec"].get(kind, [])]


def both(**resources):
    named = {k: str(v) for k, v in resources.items()}
    return {"limits": named, "requests": named}


# --- Rewriting ---

def test_nothing_to_do_is_no_patch(sharing):
    assert sharing.mutate(pod({GPU: 1})).patch == []
    assert sharing.mutate(pod(labels=SHARE)).patch == []


def test_rewrite(sharing):
    before = pod({GPU: 1, "cpu": "8", "memory": "32Gi"}, labels=SHARE)
    after = sharing.mutated(before)
    assert asks(after) == [{"limits": {"cpu": "8", "memory": "32Gi", SHARED: "1"},
                            "requests": {"cpu": "8", "memory": "32Gi", SHARED: "1"}}]
    rest = copy.deepcopy(after)
    rest["spec"]["containers"][0]["resources"] = before["spec"]["containers"][0]["resources"]
    rest["spec"]["tolerations"].pop()
    assert rest == before, "nothing else may change"


def test_rewrite_adds_the_toleration_of_the_old_name(sharing):
    after = sharing.mutated(pod({GPU: 1}, labels=SHARE))
    assert after["spec"]["tolerations"][-1] == {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
    assert len(after["spec"]["tolerations"]) == 3


@pytest.mark.parametrize("existing,covered", [
    ({"key": GPU, "operator": "Exists", "effect": "NoSchedule"}, True),
    ({"key": GPU, "operator": "Exists"}, True),
    ({"operator": "Exists"}, True),
    ({"operator": "Exists", "effect": "NoSchedule"}, True),
    ({"key": GPU, "operator": "Exists", "effect": ""}, True),
    ({"key": GPU, "operator": "Exists", "effect": "NoExecute"}, False),
    ({"operator": "Exists", "effect": "NoExecute"}, False),
    ({"key": GPU, "operator": "Equal", "value": "present", "effect": "NoSchedule"}, False),
    ({"key": GPU, "value": "", "effect": "NoSchedule"}, False),
    ({"key": "amd.com/gpu", "operator": "Exists"}, False)])
def test_toleration_that_is_there(sharing, existing, covered):
    after = sharing.mutated(pod({GPU: 1}, labels=SHARE, tolerations=[existing]))
    assert len(after["spec"]["tolerations"]) == (1 if covered else 2)


@pytest.mark.parametrize("absent", ["missing", None, []])
def test_tolerations_absent(sharing, absent):
    before = pod({GPU: 1}, labels=SHARE, tolerations=absent)
    if absent == "missing":
        del before["spec"]["tolerations"]
    assert len(sharing.mutated(before)["spec"]["tolerations"]) == 1


def test_rewrite_everywhere(sharing):
    before = pod(labels=SHARE, init=[container({GPU: 1}, "fetch"), sidecar({GPU: 2}), container(None, "plain")],
                 containers=[container({GPU: 1}), container(None, "no"), container({"cpu": 1}, "cpu"), container({GPU: 3}, "b")])
    after = sharing.mutated(before)
    assert asks(after, "initContainers") == [both(**{SHARED: 1}), both(**{SHARED: 2}), {}]
    assert asks(after) == [both(**{SHARED: 1}), {}, both(cpu=1), both(**{SHARED: 3})]


def test_rewrite_where_the_name_is(sharing):
    """requests and limits are rewritten separately, where they contain the name."""
    after = sharing.mutated(pod(labels=SHARE, containers=[container(limits={GPU: "1"}, requests={"cpu": "1"}),
                                                          container(requests={GPU: "1"}, name="b"),
                                                          container(limits={GPU: "2"}, name="c")]))
    assert asks(after) == [{"limits": {SHARED: "1"}, "requests": {"cpu": "1"}}, {"requests": {SHARED: "1"}},
                           {"limits": {SHARED: "2"}}]


def test_rewrite_where_the_target_is_there(sharing):
    """An in-tree plugin may have put the old name back. The container keeps its request for the new
    one."""
    after = sharing.mutated(pod({GPU: 1, SHARED: 2}, labels=SHARE))
    assert asks(after) == [both(**{SHARED: 2})]


@pytest.mark.parametrize("amount,means", [("1", 1), (1, 1), ("1000m", 1), ("1e0", 1), ("+1", 1), ("2.", 2)])
def test_rewrite_of_every_spelling(sharing, amount, means):
    before = pod(labels=SHARE, containers=[container(limits={GPU: amount}, requests={GPU: amount})])
    after = sharing.mutated(before)
    for part in ("limits", "requests"):
        value = after["spec"]["containers"][0]["resources"][part]
        assert list(value) == [SHARED] and str(value[SHARED]) in (str(amount), str(means))


def test_zero_is_no_request(sharing):
    before = pod({GPU: 0}, labels=SHARE)
    after = sharing.mutated(before)
    assert asks(after) in ([both(**{GPU: 0})], [both(**{SHARED: 0})], [{"limits": {}, "requests": {}}])
    assert sharing.mutate(after).patch == []


def test_escapes(serve):
    """`/` and `~` in names of the patch are escaped."""
    server = serve(rule(inject={"nodeSelector": {"example.com/a.b_c-d": "x", "plain": ""}},
                        rewrite=[{"from": GPU, "to": SHARED}]))
    decision = server.mutate(pod({GPU: 1}, nodeSelector={"z": "y"}))
    assert any("~1" in op["path"] for op in decision.patch)
    after = applied(pod({GPU: 1}, nodeSelector={"z": "y"}, name="x"), decision.patch)
    assert after["spec"]["nodeSelector"] == {"example.com/a.b_c-d": "x", "plain": "", "z": "y"}


def test_names_that_need_json_escapes(serve):
    server = serve(rule(inject={"nodeSelector": {"a": "b"}}))
    before = pod({GPU: 1}, labels={"weird": 'q"\\\n\u0001\U0001f600'}, nodeSelector={'k"\\~1/': 'v"'})
    assert server.mutated(before)["spec"]["nodeSelector"] == {'k"\\~1/': 'v"', "a": "b"}


def test_only_pods(sharing):
    before = pod({GPU: 1}, labels=SHARE)
    assert sharing.mutate(before, operation="UPDATE", old=before).patch == []
    for subresource in ("binding", "eviction", "resize", "status"):
        assert sharing.mutate(before, operation="UPDATE" if subresource in ("resize", "status") else "CREATE",
                              old=before, subresource=subresource).patch == []
    whole = review(before, kind=("example.com", "v1", "Pod"), resource=("example.com", "v1", "pods"))
    assert sharing.decide("mutate", whole).patch == []


@pytest.mark.parametrize("group, kind", [("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet"),
                                         ("batch", "Job"), ("example.com", "Deployment"), ("apps", "Job")])
def test_workloads_are_never_changed(sharing, group, kind):
    """Anyone who registers them for /mutate hears that it is of no use. /validate knows the kinds
    of Kubernetes, and has nothing against these Pods."""
    obj = {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {"name": "x", "namespace": "team-a"},
           "spec": {"template": {"metadata": {"labels": SHARE}, "spec": pod({GPU: 1})["spec"]}}}
    known = (group, kind == "Job") in (("apps", False), ("batch", True))
    for path in ("mutate", "validate"):
        decision = sharing.decide(path, review(obj, kind=(group, "v1", kind), resource=(group, "v1", kind.lower() + "s")))
        assert decision.allowed and not decision.patch
        assert [w for w in decision.warnings if "evaluates only Pods" in w] == decision.warnings
        assert bool(decision.warnings) == (path == "mutate" or not known)


# --- Matching ---

@pytest.mark.parametrize("match,obj,hit", [
    ({}, pod(), True),
    ({"namespaces": ["team-a"]}, pod(), True),
    ({"namespaces": ["team-*"]}, pod(), True),
    ({"namespaces": ["*-a"]}, pod(), True),
    ({"namespaces": ["team-?"]}, pod(), True),
    ({"namespaces": ["team"]}, pod(), False),
    ({"namespaces": ["x", "team-b"]}, pod(), False),
    ({"tenants": ["team-a"]}, pod(), True),
    ({"tenants": ["research"]}, pod(), True),
    ({"tenants": ["team-b"]}, pod(), False),
    ({"tenants": ["research"]}, pod(namespace="nowhere"), False),
    ({"podSelector": {"matchLabels": {"a": "b"}}}, pod(labels={"a": "b", "c": "d"}), True),
    ({"podSelector": {"matchLabels": {"a": "b"}}}, pod(labels={"a": "c"}), False),
    ({"podSelector": {"matchLabels": {"a": "b"}}}, pod(), False),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]}}, pod(labels={"a": "c"}), True),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}}, pod(), True),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}}, pod(labels={"a": "b"}), False),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}, pod(labels={"a": ""}), True),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}}, pod(labels={"a": ""}), False),
    ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}}, pod(), True),
    ({"namespaceSelector": {"matchLabels": {"stage": "prod"}}}, pod(), True),
    ({"namespaceSelector": {"matchLabels": {"stage": "test"}}}, pod(), False),
    ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "team-a"}}}, pod(), True),
    ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "team-a"}}}, pod(namespace="team-b"), False),
    ({"namespaceSelector": {"matchLabels": {"stage": "prod"}}}, pod(labels={"stage": "prod"}, namespace="team-b"), False),
    ({"requests": {GPU: {}}}, pod({GPU: 1}), True),
    ({"requests": {GPU: {}}}, pod({GPU: 0}), False),
    ({"requests": {GPU: {}}}, pod(), False),
    ({"requests": {GPU: {"max": 1}}}, pod({GPU: 2}), False),
    ({"requests": {GPU: {"max": 1}}}, pod(containers=[container({GPU: 1}), container({GPU: 1}, "b")]), False),
    ({"requests": {GPU: {"min": 2}}}, pod(containers=[container({GPU: 1}), container({GPU: 1}, "b")]), True),
    ({"requests": {GPU: {"min": 2, "max": 3}}}, pod({GPU: "3000m"}), True),
    ({"requests": {GPU: {}, SHARED: {}}}, pod({GPU: 1}), False),
    ({"requests": {GPU: {}, SHARED: {}}}, pod({GPU: 1, SHARED: 1}), True),
    ({"requests": {GPU: {}}, "namespaces": ["team-b"]}, pod({GPU: 1}), False),
    ({"requests": {GPU: {}}, "namespaces": ["team-a"], "tenants": ["research"],
      "podSelector": {"matchLabels": {"a": "b"}}}, pod({GPU: 1}, labels={"a": "b"}), True),
])
def test_match(serve, match, obj, hit):
    server = serve([A100, doc("Tenant", "research", quotas=[{"name": "all", "hard": 100}]),
                    doc("Tenant", "team-a", parent="research", namespaces=["team-a"]),
                    doc("Tenant", "team-b", namespaces=["team-b"]), namespace_doc("team-a", stage="prod"),
                    doc("Rule", "r", match=match, inject={"nodeSelector": {"hit": "yes"}})])
    assert ("nodeSelector" in server.mutated(obj)["spec"]) == hit


def test_namespace_of_the_request_counts(serve):
    """A Pod whose metadata contains no namespace, or another one, belongs to the request's
    namespace."""
    server = serve(rule(match={"namespaces": ["team-a"]}, inject={"nodeSelector": {"a": "b"}}))
    obj = pod()
    del obj["metadata"]["namespace"]
    assert server.mutate(obj, namespace="team-a").patch
    assert not server.mutate(pod(namespace="team-a"), namespace="other").patch


# --- Placing ---

def test_inject(serve):
    server = serve(rule(match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={
        "nodeSelector": {"node-type": "edge", "accelerator": "nvidia-tesla-t4"},
        "tolerations": [{"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
                        {"key": GPU, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
        "runtimeClassName": "nvidia"}))
    after = server.mutated(pod({GPU: 1}, labels={"tier": "edge"}))
    assert after["spec"]["nodeSelector"] == {"node-type": "edge", "accelerator": "nvidia-tesla-t4"}
    assert after["spec"]["runtimeClassName"] == "nvidia"
    assert after["spec"]["tolerations"][2:] == [
        {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
        {"key": GPU, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]
    assert server.mutate(after).patch == []
    assert server.mutate(pod({GPU: 1})).patch == []


@pytest.mark.parametrize("selector", ["missing", None, {}, {"x": "y"}])
def test_node_selector_absent(serve, selector):
    server = serve(rule(inject={"nodeSelector": {"a/b": "c"}}))
    before = pod(nodeSelector=selector)
    if selector == "missing":
        del before["spec"]["nodeSelector"]
        selector = {}
    assert server.mutated(before)["spec"]["nodeSelector"] == {**(selector or {}), "a/b": "c"}


CONFLICTS = [({"nodeSelector": {"a": "rule"}}, {"nodeSelector": {"a": "pod", "b": "pod"}}),
             ({"runtimeClassName": "rule"}, {"runtimeClassName": "pod"})]


@pytest.mark.parametrize("inject,own", CONFLICTS)
def test_conflict_deny(serve, inject, own):
    server = serve(rule("place", inject=inject, onConflict="deny"))
    for decision in (server.mutate(pod(**own)),):
        assert not decision.allowed and decision.code == 403
        for word in ("place", "rule", "pod"):
            assert word in decision.message, decision.message


@pytest.mark.parametrize("inject,own", CONFLICTS)
def test_conflict_keep(serve, inject, own):
    server = serve(rule(inject={**inject, "tolerations": [{"operator": "Exists"}]}, onConflict="keep"))
    after = server.mutated(pod(**own))
    assert {k: after["spec"][k] for k in own} == own
    assert {"operator": "Exists"} in after["spec"]["tolerations"]


@pytest.mark.parametrize("inject,own", CONFLICTS)
def test_conflict_override(serve, inject, own):
    server = serve(rule(inject=inject, onConflict="override"))
    after = server.mutated(pod(**own))
    if "nodeSelector" in own:
        assert after["spec"]["nodeSelector"] == {"a": "rule", "b": "pod"}
    else:
        assert after["spec"]["runtimeClassName"] == "rule"


@pytest.mark.parametrize("choice", ["deny", "keep", "override"])
def test_the_same_value_is_no_conflict(serve, choice):
    server = serve(rule(inject={"nodeSelector": {"a": "b"}, "runtimeClassName": "n"}, onConflict=choice))
    decision = server.mutate(pod(nodeSelector={"a": "b"}, runtimeClassName="n"))
    assert decision.allowed and decision.patch == []


def test_deny_is_the_default(serve):
    server = serve(rule(inject={"nodeSelector": {"a": "b"}}))
    assert not server.mutate(pod(nodeSelector={"a": "c"})).allowed


# --- Several Rules ---

def test_order_and_claims(serve):
    """Rules act by order and then by name. The first to set a key wins, whatever onConflict says.
    """
    server = serve([A100, TEAM,
                    doc("Rule", "z", order=1, inject={"nodeSelector": {"a": "z"}}),
                    doc("Rule", "b", order=2, inject={"nodeSelector": {"a": "b", "b": "b"}}, onConflict="override"),
                    doc("Rule", "a", order=2, inject={"nodeSelector": {"b": "a"}, "runtimeClassName": "a"}),
                    doc("Rule", "default", inject={"runtimeClassName": "default", "nodeSelector": {"c": "d"}})])
    after = server.mutated(pod())
    assert after["spec"]["nodeSelector"] == {"a": "z", "b": "a", "c": "d"}
    assert after["spec"]["runtimeClassName"] == "a"
    assert server.mutate(after).patch == []


def test_chain_to_the_fixed_point(serve):
    """Each Rule sees the Pod as the earlier ones left it, and later rounds see what later Rules
    did."""
    many = {"maxPerContainer": 2}
    server = serve([
        doc("Accelerator", "x", resource="a.example/gpu", sharing={"resource": "b.example/gpu", "replicas": 2}),
        doc("Accelerator", "y", resource="c.example/gpu", sharing={"resource": "d.example/gpu", "replicas": 2}), TEAM,
        doc("Rule", "3", order=3, rewrite=[{"from": "a.example/gpu", "to": "b.example/gpu", **many}]),
        doc("Rule", "2", order=2, rewrite=[{"from": "b.example/gpu", "to": "c.example/gpu"}]),
        doc("Rule", "1", order=1, rewrite=[{"from": "c.example/gpu", "to": "d.example/gpu", **many}]),
        doc("Rule", "0", order=0, match={"requests": {"d.example/gpu": {}}}, inject={"nodeSelector": {"d": "yes"}})])
    decision = server.mutate(pod({"a.example/gpu": 2}, name="p"))
    after = applied(pod({"a.example/gpu": 2}, name="p"), decision.patch)
    assert asks(after) == [both(**{"d.example/gpu": 2})]
    assert after["spec"]["nodeSelector"] == {"d": "yes"}
    assert server.mutate(after).patch == []
    names = [op["path"] for op in decision.patch if "example" in op["path"]]
    assert not any("b.example" in n or "c.example" in n for n in names), "a patch has no detours"


def test_a_detour_that_leads_back_is_no_change(serve):
    """A later round may restore the Pod's original value. That is then not in the patch."""
    server = serve([A100, TEAM,
                    doc("Rule", "a", order=1, match={"requests": {SHARED: {}}}, onConflict="override",
                        inject={"runtimeClassName": "one", "nodeSelector": {"k": "one"}}),
                    doc("Rule", "b", order=2, rewrite=[{"from": GPU, "to": SHARED}], onConflict="override",
                        inject={"runtimeClassName": "two", "nodeSelector": {"k": "two"}})])
    after = server.mutated(pod({GPU: 1}, runtimeClassName="one", nodeSelector={"k": "one"}))
    assert after["spec"]["runtimeClassName"] == "one" and after["spec"]["nodeSelector"] == {"k": "one"}
    assert server.mutate(after).patch == []


def test_several_rewrites_in_a_rule(serve):
    server = serve([A100, doc("Accelerator", "amd", resource="amd.com/gpu",
                              sharing={"resource": "amd.com/gpu.shared", "replicas": 2}), TEAM,
                    doc("Rule", "r", rewrite=[{"from": GPU, "to": SHARED}, {"from": "amd.com/gpu", "to": "amd.com/gpu.shared", "maxPerContainer": 2}])])
    after = server.mutated(pod(containers=[container({GPU: 1}), container({"amd.com/gpu": 2}, "b")]))
    assert asks(after) == [both(**{SHARED: 1}), both(**{"amd.com/gpu.shared": 2})]
    keys = [t.get("key") for t in after["spec"]["tolerations"]]
    assert GPU in keys and "amd.com/gpu" in keys


def test_rules_are_named_in_the_audit(serve):
    server = serve([A100, TEAM, TO_SHARED, doc("Rule", "place", inject={"nodeSelector": {"a": "b"}})])
    audit = server.mutate(pod({GPU: 1}, labels=SHARE)).audit
    assert audit["tenant"] == "team-a"
    assert {n.strip() for n in audit["rules"].split(",")} == {"to-shared", "place"}
    server.wait_log("rewritten")
    assert {n.strip() for n in server.log("rewritten")[0]["rules"].split(",")} == {"to-shared", "place"}


# --- Exemptions ---

def test_exempt(serve):
    settings = doc("Settings", "s", exempt={"namespaces": ["free-*"], "users": ["system:serviceaccount:op:*"], "groups": ["ops"]})
    server = serve([settings, A100, TEAM, doc("Rule", "r", inject={"nodeSelector": {"a": "b"}})])
    assert server.mutate(pod()).patch
    assert server.mutate(pod(), user=CONTROLLER).patch
    assert not server.mutate(pod(namespace="free-x")).patch
    assert not server.mutate(pod(), user=("system:serviceaccount:op:x", [])).patch
    assert not server.mutate(pod(), user=("bob", ["a", "ops"])).patch
    assert server.mutate(pod(namespace="kube-system")).patch  # The list replaces the default.


def test_mirror_pods_are_left_alone(serve):
    server = serve(rule(inject={"nodeSelector": {"a": "b"}}))
    mirror = pod(annotations={"kubernetes.io/config.mirror": "abc"}, nodeName="node-1")
    assert not server.mutate(mirror, user=("system:node:node-1", ["system:nodes"])).patch
    assert server.mutate(mirror).patch, "the annotation alone proves nothing"
    assert server.mutate(pod(), user=("system:node:node-1", ["system:nodes"])).patch


# --- A manifest that is applied again ---

def merged(stored, manifest):
    """Returns the result of an apply: maps are merged, containers and variables are merged by name,
    other lists are replaced."""
    if isinstance(manifest, dict):
        return {**stored, **{k: merged(stored[k], v) if k in stored else v for k, v in manifest.items()}}
    if isinstance(manifest, list) and manifest and all(isinstance(v, dict) and "name" in v for v in manifest):
        mine = {v["name"]: v for v in manifest}
        return ([merged(v, mine[v["name"]]) if v["name"] in mine else v for v in stored] +
                [v for v in manifest if v["name"] not in {w["name"] for w in stored}])
    return manifest


PLACED = [A100, TEAM, TO_SHARED, doc("Guard", "g", visibleDevices="void"),
          doc("Rule", "place", inject={"nodeSelector": {"zone": "a"}, "runtimeClassName": "nvidia", "tolerations": [{"key": "edge", "operator": "Exists"}]},
              onConflict="override")]


@pytest.fixture(scope="module")
def placing(serve_module):
    return serve_module(PLACED)


@pytest.mark.parametrize("how", [merged, lambda stored, manifest: manifest], ids=["apply", "replace"])
def test_applied_again(placing, how):
    manifest = pod({GPU: 1, "cpu": 1}, labels=SHARE, nodeSelector={"zone": "b", "own": "x"}, runtimeClassName="own",
                   containers=[container({GPU: 1, "cpu": 1}), container(name="plain", env={"A": "x", "NVIDIA_VISIBLE_DEVICES": "all"}), container(name="bare")],
                   init=[container({GPU: 2}, "first"), sidecar({GPU: 1})])
    stored = placing.mutated(manifest)
    assert asks(stored)[0] == both(**{SHARED: 1, "cpu": 1}) and stored["spec"]["nodeSelector"] == {"zone": "a", "own": "x"}
    assert stored["spec"]["runtimeClassName"] == "nvidia" and len(stored["spec"]["tolerations"]) == 4
    assert stored["spec"]["containers"][1]["env"][1] == {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
    again = how(stored, manifest)
    assert again != stored
    assert placing.mutated(again, operation="UPDATE", old=stored) == stored
    assert placing.mutate(stored, operation="UPDATE", old=stored).patch == []
    for subresource in ("status", "resize", "binding"):
        assert placing.mutate(again, operation="UPDATE", old=stored, subresource=subresource).patch == []
    placing.wait_log("restored")


def test_an_update_does_not_mutate(placing):
    """An update does not rewrite, place or void anything that was not changed when the Pod was
    created."""
    old = pod({GPU: 1}, labels=SHARE, containers=[container({GPU: 1}), container(name="plain", env={"NVIDIA_VISIBLE_DEVICES": "all"})], name="p")
    new = copy.deepcopy(old)
    new["metadata"]["labels"]["more"] = "x"
    assert placing.mutate(new, operation="UPDATE", old=old).patch == []


def test_updates_that_are_allowed_pass(placing):
    """Changed images, more tolerations, and for a gated Pod more node selectors and fewer gates:
    these are stored together with what is put back."""
    manifest = pod({GPU: 1}, labels=SHARE, nodeSelector={"own": "x"}, schedulingGates=[{"name": "g"}], name="p")
    stored = placing.mutated(manifest)
    new = merged(stored, manifest)
    new["spec"]["containers"][0]["image"] = "registry.example/image:2"
    new["spec"]["nodeSelector"]["more"] = "y"
    new["spec"]["tolerations"].append({"key": "new", "operator": "Exists"})
    new["spec"].update(schedulingGates=[], activeDeadlineSeconds=60)
    after = placing.mutated(new, operation="UPDATE", old=stored)
    assert asks(after) == asks(stored) and after["spec"]["runtimeClassName"] == "nvidia"
    assert after["spec"]["containers"][0]["image"] == "registry.example/image:2" and after["spec"]["activeDeadlineSeconds"] == 60
    assert after["spec"]["nodeSelector"] == {"own": "x", "more": "y", "zone": "a"} and after["spec"]["schedulingGates"] == []
    assert [t["key"] for t in after["spec"]["tolerations"]][2:] == ["new", "edge", GPU] or \
        [t["key"] for t in after["spec"]["tolerations"]][2:] == ["new", GPU, "edge"]


def test_what_nobody_may_change_is_left_to_the_api_server(placing):
    manifest = pod({GPU: 1}, labels=SHARE, name="p")
    stored = placing.mutated(manifest)
    more = merged(stored, pod({GPU: 2}, labels=SHARE, name="p"))
    assert not [op for op in placing.mutate(more, operation="UPDATE", old=stored).patch if "resources" in op["path"]]


@pytest.mark.parametrize("resources", [None, {}, {"requests": {"cpu": "1"}}], ids=["no-resources", "empty", "other-map"])
def test_an_amount_of_zero_that_an_update_drops_stays_dropped(sharing, resources):
    """No Rule makes an amount of zero of nothing. The map that held it may be gone, and a patch
    into a missing map would be an error of the API server."""
    old = pod({GPU: 0}, labels=SHARE, name="p")
    new = copy.deepcopy(old)
    new["spec"]["containers"][0]["resources"] = resources
    if resources is None:
        del new["spec"]["containers"][0]["resources"]
    assert sharing.mutate(new, operation="UPDATE", old=old).patch == []


def test_applied_again_after_the_rules_have_gone(serve):
    server = serve([A100, TEAM, TO_SHARED])
    manifest = pod({GPU: 1}, labels=SHARE, name="p")
    stored = server.mutated(manifest)
    server.reload([A100, TEAM])
    assert server.mutated(merged(stored, manifest), operation="UPDATE", old=stored) == stored


# --- Required Rules, on the other endpoint ---

def test_required(serve):
    server = serve([A100, TEAM,
                    doc("Rule", "must", match={"podSelector": {"matchLabels": {"tier": "edge"}}},
                        inject={"nodeSelector": {"node-type": "edge"}}, required=True),
                    doc("Rule", "may", inject={"nodeSelector": {"hint": "x"}})])
    before = pod({GPU: 1}, labels={"tier": "edge"})
    refusal = server.validate(before)
    assert not refusal.allowed and '"must"' in refusal.message and "may" not in refusal.message.split('"')[1::2]
    assert server.admit(before)[0].allowed
    assert server.validate(pod({GPU: 1})).allowed, "not every Rule is required"
    assert server.metrics().value("gpugate_denials_total", tenant="team-a", reason="rule", name="must") == 1


def test_required_rewrite(serve):
    server = serve([A100, TEAM, doc("Rule", "share", rewrite=[{"from": GPU, "to": SHARED}], required=True)])
    assert not server.validate(pod({GPU: 1})).allowed
    assert server.admit(pod({GPU: 1}))[0].allowed


@pytest.mark.parametrize("choice,refused", [("deny", True), ("keep", False), ("override", True)])
def test_required_with_a_conflict(serve, choice, refused):
    server = serve(rule(inject={"nodeSelector": {"a": "rule"}}, onConflict=choice, required=True))
    assert server.validate(pod(nodeSelector={"a": "pod"})).allowed != refused
