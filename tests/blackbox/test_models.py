"""Which GPU model a Pod is charged for, and whether every model that it could land on is counted.
"""

import re
import pytest
from hypothesis import given, settings, strategies as st

import placement
from gpugate import Server, run, scaled, write_policy
from kube import GPU, doc, pod

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
T4 = {"nvidia.com/gpu.product": "Tesla-T4"}
EDGE = {"node-type": "edge", "accelerator": "nvidia-tesla-t4"}


def fleet(**models):
    return [doc("Accelerator", name.replace("_", "-"), resource=GPU, memory="16Gi", **model) for name, model in models.items()]


def tenant(*quotas):
    return doc("Tenant", "team-a", namespaces=["team-a"], quotas=list(quotas))


def required(*terms):
    """Returns nodeSelectorTerms, each from a list of (key, operator, values...)."""
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": k, "operator": op, **({"values": list(values)} if values else {})} for k, op, *values in term]}
        for term in terms]}}}


TWO = fleet(a100={"nodeLabels": A100}, t4={"nodeLabels": T4, "weight": "0.25"})


# --- Coverage is per resource and model ---

def test_every_model_that_a_pod_could_land_on_must_be_counted(serve):
    server = serve([*TWO, tenant({"name": "t4", "accelerators": ["t4"], "hard": 3})])
    refused = server.validate(pod({GPU: 1}))
    assert refused.message == (
        'no GPU quota of tenant "team-a" covers nvidia.com/gpu on nodes of Accelerator "a100", where the Pod could run; require nodes of '
        '"t4" (nodeSelector nvidia.com/gpu.product: Tesla-T4) and no others, or ask the platform team for a quota')
    for _ in range(3):
        assert server.validate(pod({GPU: 1}, nodeSelector=T4)).allowed
    assert "exceeded quota: GPU quota" in server.validate(pod({GPU: 1}, nodeSelector=T4)).message
    gated = pod({GPU: 1}, schedulingGates=[{"name": "example.com/later"}])
    assert not server.validate(gated).allowed, "a gated Pod gets its nodeSelector later"


def test_an_uncovered_model_is_what_settings_say(serve):
    for word in ("warn", "audit", "allow"):
        server = serve([doc("Settings", "cluster", uncovered=word), *TWO, tenant({"name": "t4", "accelerators": ["t4"], "hard": 3})])
        decision = server.validate(pod({GPU: 1}))
        assert decision.allowed and decision.audit["charge"] == "team-a/t4=1"
        assert ("covers nvidia.com/gpu on nodes" in "".join(decision.warnings)) == (word == "warn")
        assert ("covers nvidia.com/gpu on nodes" in decision.audit.get("audit", "")) == (word == "audit")


# --- Terms are alternatives ---

def test_a_term_that_no_model_satisfies_is_an_unknown_model(serve):
    quotas = tenant({"name": "gpus", "measure": "gpus", "hard": 1})
    affinity = required([("nvidia.com/gpu.product", "In", "Tesla-T4")], [("nvidia.com/gpu.product", "In", "NVIDIA-H100")])
    server = serve([*TWO, quotas])
    refused = server.validate(pod({GPU: 4}, affinity=affinity))
    assert refused.message == (
        "no Accelerator of the policy has nvidia.com/gpu on the nodes that term 2 of the Pod's required node affinity allows; one that it "
        'could require is "a100": the Pod requires nvidia.com/gpu.product In [NVIDIA-H100], but it is NVIDIA-A100-SXM4-80GB for a100; correct '
        "what the Pod requires, or ask the platform team for an Accelerator")
    server = serve([doc("Settings", "cluster", uncovered="allow"), *TWO, quotas])
    assert "requested 4, used 0, limit 1" in server.validate(pod({GPU: 4}, affinity=affinity)).message, "four H100s are no T4"
    assert server.validate(pod({GPU: 4}, affinity=required([("nvidia.com/gpu.product", "In", "Tesla-T4")], []))).allowed, \
        "an empty term allows no node"


# --- Numbers ---

@pytest.mark.parametrize("bound", ["50000".zfill(24), "50000".zfill(63), "+50000", "-1"])
def test_numbers_are_read_as_the_scheduler_reads_them(serve, bound):
    server = serve([*fleet(a100={"nodeLabels": {"gb": "81920"}}, t4={"nodeLabels": {"gb": "15360"}}),
                    tenant({"name": "a100", "accelerators": ["a100"], "hard": 1}, {"name": "t4", "accelerators": ["t4"], "hard": "unlimited"})])
    decision = server.validate(pod({GPU: 100}, affinity=required([("gb", "In", "15360")], [("gb", "Gt", bound)])))
    assert 'GPU quota "a100"' in decision.message


# --- Accelerators partition the nodes of a resource ---

def test_a_pod_that_requires_all_labels_of_a_model_lands_on_that_only(serve):
    server = serve([*fleet(a100={"nodeLabels": A100}, t4={"nodeLabels": EDGE, "weight": "0.25"}),
                    tenant({"name": "a100", "accelerators": ["a100"], "hard": 1}, {"name": "t4", "accelerators": ["t4"], "hard": 9})])
    assert server.validate(pod({GPU: 4}, nodeSelector=EDGE)).audit["charge"] == "team-a/t4=4"
    assert server.validate(pod({GPU: 1}, nodeSelector=A100)).audit["charge"] == "team-a/a100=1"
    by_affinity = required([(k, "In", v) for k, v in EDGE.items()])
    assert server.validate(pod({GPU: 1}, affinity=by_affinity)).audit["charge"] == "team-a/t4=1"
    half = server.validate(pod({GPU: 1}, nodeSelector={"node-type": "edge"}))
    assert 'GPU quota "a100"' in half.message, "only half of the labels: an A100 could carry it as well"


SPOT = {"cloud.google.com/gke-spot": "true"}
L4 = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
POOLS = fleet(l4={"nodeLabels": L4, "withoutNodeLabels": list(SPOT)}, l4_spot={"nodeLabels": {**L4, **SPOT}})
EACH = tenant({"name": "l4", "accelerators": ["l4"], "hard": "unlimited"}, {"name": "l4-spot", "accelerators": ["l4-spot"], "hard": "unlimited"})


@pytest.fixture(scope="module")
def pools(serve_module):
    return serve_module([*POOLS, EACH])


@pytest.mark.parametrize("spec, charge", [
    ({"nodeSelector": L4}, "team-a/l4=1, team-a/l4-spot=1"),
    ({"nodeSelector": {**L4, **SPOT}}, "team-a/l4-spot=1"),
    ({"nodeSelector": SPOT}, "team-a/l4-spot=1"),
    ({"nodeSelector": L4, "affinity": required([(*SPOT, "DoesNotExist")])}, "team-a/l4=1"),
    ({"affinity": required([(*SPOT, "Exists")])}, "team-a/l4-spot=1"),
    ({"affinity": required([(*SPOT, "NotIn", "true")])}, "team-a/l4=1"),
])
def test_labels_that_nodes_do_not_have(pools, spec, charge):
    assert pools.validate(pod({GPU: 1}, **spec), dry_run=True).audit["charge"] == charge


def test_of_nested_labels_the_larger_set_wins(serve):
    nested = fleet(a100={"nodeLabels": {"p": "a"}}, a100_spot={"nodeLabels": {"p": "a", "spot": "y"}}, rest={})
    server = serve([*nested, tenant(*({"name": n, "accelerators": [n], "hard": "unlimited"} for n in ("a100", "a100-spot", "rest")))])
    for selector, charge in (({"p": "a"}, {"a100", "a100-spot"}), ({"p": "a", "spot": "y"}, {"a100-spot"}), ({"spot": "y"}, {"a100-spot", "rest"}),
                             ({"p": "b"}, {"rest"})):
        decision = server.validate(pod({GPU: 1}, nodeSelector=selector), dry_run=True)
        assert decision.audit["charge"] == ", ".join(f"team-a/{n}=1" for n in sorted(charge)), selector


# --- Many and long ones ---

def test_any_number_of_accelerators(serve):
    many = fleet(**{f"m{i}": {"nodeLabels": {"product": f"p{i}"}} for i in range(300)})
    server = serve([*many, tenant({"name": "all", "hard": 2})])
    assert server.validate(pod({GPU: 1})).allowed
    anything_but_one = required([("product", "NotIn", "p7")])
    assert server.validate(pod({GPU: 1}, affinity=anything_but_one)).allowed
    assert "exceeded" in server.validate(pod({GPU: 1}, nodeSelector={"product": "p9"})).message


def test_a_pod_that_requires_too_much_could_land_anywhere(serve):
    server = serve([*TWO, tenant({"name": "t4", "accelerators": ["t4"], "hard": 3})])
    few = required([("nvidia.com/gpu.product", "In", "Tesla-T4"), ("zone", "In", *(f"z{i}" for i in range(100)))])
    assert server.validate(pod({GPU: 1}, affinity=few)).allowed
    many = required([("nvidia.com/gpu.product", "In", "Tesla-T4"), ("zone", "In", *(f"z{i}" for i in range(2000)))])
    assert 'on nodes of Accelerator "a100"' in server.validate(pod({GPU: 1}, affinity=many)).message
    server = serve([*fleet(t4={"nodeLabels": T4, "weight": "0.25"}), tenant({"name": "t4", "accelerators": ["t4"], "measure": "gpus", "hard": 1})])
    for zones in (1, 2000):
        h100 = required([("nvidia.com/gpu.product", "In", "H100"), ("zone", "In", *(f"z{i}" for i in range(zones)))])
        assert "no Accelerator of the policy has nvidia.com/gpu" in server.validate(pod({GPU: 4}, affinity=h100)).message, "four H100s are no T4"


# --- Messages ---

def test_a_refusal_says_as_which_model_the_pod_was_counted(serve):
    server = serve([*TWO, tenant({"name": "gpus", "measure": "gpus", "hard": "0.5"})])
    assert server.validate(pod({GPU: 1})).message.endswith(
        "; counted as a100: nothing in the Pod's node selectors rules it out; if t4 is meant, select its nodes "
        "(nodeSelector nvidia.com/gpu.product: Tesla-T4)")
    assert server.validate(pod({GPU: 3}, nodeSelector=T4)).message.endswith("; counted as t4")
    assert server.validate(pod({GPU: 2}, nodeSelector=T4)).allowed


@pytest.mark.parametrize("models, severity, sentence", [
    ({"a": {"nodeLabels": T4}, "b": {"nodeLabels": T4}}, "error",
     'Accelerators "b" and "a" both have nvidia.com/gpu and the same nodeLabels, so no node can be known to be of one and not of the other; '
     "give each nodeLabels of its own"),
    ({"a": {}, "b": {}}, "error",
     'Accelerators "b" and "a" both have nvidia.com/gpu and no nodeLabels, so no node can be known to be of one and not of the other; give '
     "each nodeLabels of its own"),
    ({"a": {"nodeLabels": A100}, "b": {"nodeLabels": EDGE}}, "warning",
     'nothing keeps a node from matching both "b" and "a", since no label key has different values in the two: a Pod that could land on both '
     "counts as the more expensive one; give both Accelerators a value of the same label key"),
    ({"a": {"nodeLabels": L4}, "b": {"nodeLabels": {**L4, **SPOT}}}, "warning",
     'a node with the nodeLabels of "b" is of that model, although its labels match those of "a" as well; if that is what you mean, say so '
     'with `withoutNodeLabels: [cloud.google.com/gke-spot]` in "a"'),
    ({"a": {}, "b": {"nodeLabels": T4}}, "warning",
     'a node with the nodeLabels of "b" is of that model, although any node matches "a" as well; if that is what you mean, say so with '
     '`withoutNodeLabels: [nvidia.com/gpu.product]` in "a"'),
    ({"a": {"nodeLabels": T4, "withoutNodeLabels": list(T4)}}, "error",
     'no node can be of this model: nodeLabels demands the label "nvidia.com/gpu.product" and withoutNodeLabels forbids it; keep one of '
     "the two"),
    ({"a": {"nodeLabels": A100}, "b": {"nodeLabels": T4}}, None, None),
    ({"a": {"nodeLabels": L4, "withoutNodeLabels": list(SPOT)}, "b": {"nodeLabels": {**L4, **SPOT}}}, None, None),
    ({"a": {"nodeLabels": A100, "withoutNodeLabels": ["node-type"]}, "b": {"nodeLabels": EDGE}}, None, None),
])
def test_lint_of_accelerators_that_share_nodes(tmp_path, models, severity, sentence):
    done = run("lint", write_policy(tmp_path, fleet(**models)))
    assert done.returncode == (1 if severity == "error" else 0)
    # Removes the location of the other Accelerator.
    said = re.sub(r" \(\S+:\d+\)", "", done.stdout + done.stderr)
    if severity:
        assert f"{severity}: {sentence}" in said, said
        assert said.count("warning:") + said.count("error:") == 1
    else:
        assert "warning" not in said and "error:" not in said, said


def test_an_overlap_does_not_hide_equal_labels(tmp_path):
    done = run("lint", write_policy(tmp_path, fleet(aa={"nodeLabels": {"k1": "x"}}, bb={"nodeLabels": {"k2": "y"}}, cc={"nodeLabels": {"k2": "y"}})))
    assert done.returncode == 1 and re.search(r'Accelerators "cc" and "bb" \(\S+:\d+\) both have', done.stdout)


@pytest.mark.parametrize("without, other, sliced, loose", [
    (["spot"], {"product": "a", "spot": "y"}, True, True),
    ([], {"product": "a", "spot": "y"}, True, True),
    (["spot"], {"product": "a", "spot": "y"}, False, False),
    (["spot"], {"product": "b", "spot": "y"}, True, False),
    ([], {"product": "b"}, True, False),
])
def test_lint_of_a_pin_that_leaves_another_model(tmp_path, without, other, sliced, loose):
    mig = {"mig": {"model": "a100-80gb"}}
    models = fleet(a100={"nodeLabels": {"product": "a"}, **mig, **({"withoutNodeLabels": without} if without else {})},
                   other={"nodeLabels": other, **(mig if sliced else {})})
    rule = doc("Rule", "r", rewrite=[{"from": GPU, "toMig": {"accelerator": "a100", "default": "10Gi", "pin": True}}])
    done = run("lint", write_policy(tmp_path, [*models, rule]))
    said = 'a Pod that is pinned to "a100" can still land on "other"'
    assert (said in done.stdout + done.stderr) == loose, done.stdout + done.stderr


def test_a_tenant_that_is_only_watched_is_not_refused_for_unknown_memory(serve):
    server = serve([doc("Tenant", "team-a", namespaces=["team-a"], enforcement="audit", quotas=[{"name": "m", "measure": "memory", "hard": "80Gi"}])])
    decision = server.validate(pod({"amd.com/gpu": 1}))
    assert decision.allowed and "measures memory" in decision.audit["audit"]


def test_a_long_affinity_costs_no_core(serve):
    """Where a Pod could land is computed once for all Rules and Accelerators. With four times as
    many, the cost is four times as high, not sixteen times."""
    rules = [doc("Rule", f"r{i}", inject={"nodeSelector": {f"k{i}": "v", f"l{i}": "v"}}, onConflict="keep") for i in range(20)]
    terms = required(*([("zone", "In", "q")] for _ in range(150)))

    def cost(count):
        models = fleet(**{f"m{i}": {"nodeLabels": {"product": f"p{i}"}} for i in range(count)})
        server = serve([*models, *rules, tenant({"name": "all", "hard": "unlimited"})])
        begin = server.metrics().value("process_cpu_seconds_total")
        for _ in range(scaled(20, 4)):
            server.mutate(pod({GPU: 1}, nodeSelector={"product": "none"}, affinity=terms))
        return server.metrics().value("process_cpu_seconds_total") - begin

    few, many = cost(20), cost(80)
    assert many < 10 * (few + 0.02), (few, many)


def test_a_term_that_contradicts_the_node_selector_allows_no_node(serve):
    server = serve([*TWO, tenant({"name": "t4", "accelerators": ["t4"], "hard": 3})])
    either = required([("nvidia.com/gpu.product", "In", "Tesla-T4")], [("nvidia.com/gpu.product", "In", "NVIDIA-A100-SXM4-80GB")])
    assert not server.validate(pod({GPU: 1}, affinity=either)).allowed
    assert server.validate(pod({GPU: 1}, affinity=either, nodeSelector=T4)).allowed


def test_the_wrong_model_is_told_which_one_there_is(serve):
    server = serve([*TWO, tenant({"name": "t4", "accelerators": ["t4"], "hard": 3})])
    assert 'on nodes of Accelerator "a100", where the Pod could run; require nodes of "t4" (nodeSelector nvidia.com/gpu.product: Tesla-T4)' in \
        server.validate(pod({GPU: 1}, nodeSelector=A100)).message
    assert 'one that it could require is "t4": nvidia.com/gpu.product is NVIDIA-T4 in the Pod, Tesla-T4 for t4; correct' in \
        server.validate(pod({GPU: 1}, nodeSelector={"nvidia.com/gpu.product": "NVIDIA-T4"})).message


# --- Against every possible node ---

@settings(max_examples=scaled(25, 3))
@given(placement.fleets(), st.lists(placement.requirements(), min_size=20, max_size=20))
def test_who_follows_the_advice_is_admitted(fleet, specs):
    documents = placement.policy_of(fleet)
    documents[-1]["spec"]["quotas"] = documents[-1]["spec"]["quotas"][:1]
    server = Server(documents)
    try:
        for spec in specs:
            advice = placement.advised(server.validate(pod({GPU: 1}, **spec), dry_run=True).message)
            if advice is not None and placement.partitions(fleet) and not any(placement.refines(m, fleet["m0"]) for m in fleet.values()):
                assert server.validate(pod({GPU: 1}, **advice), dry_run=True).allowed, (spec, advice)
    finally:
        server.stop()


@settings(max_examples=scaled(25, 3))
@given(placement.fleets(), st.lists(placement.requirements(), min_size=30, max_size=30))
def test_a_pod_is_counted_wherever_it_could_land(fleet, specs):
    server = Server(placement.policy_of(fleet, uncovered="audit"))
    try:
        for spec in specs:
            placement.check(server, fleet, spec)
    finally:
        server.stop()


def test_whole_devices_and_shares_under_one_name(serve):
    """The message says that a node selector is missing."""
    shared = {"nodeLabels": {"p": "l4"}, "sharing": {"resource": GPU, "replicas": 15}}
    server = serve([*fleet(a100={"nodeLabels": {"p": "a100"}}, l4_shared=shared), tenant({"name": "gpus", "measure": "gpus", "hard": 8}),
                    doc("Guard", "g", deny=["sharedRequestAboveOne"])])
    assert server.validate(pod({GPU: 4})).message.endswith(
        'request at most 1, or require nodes of Accelerator "a100", where each is a whole device, in the Pod\'s nodeSelector (Guard "g")')
    assert server.validate(pod({GPU: 4}, nodeSelector={"p": "a100"})).allowed
    assert server.validate(pod({GPU: 4}, nodeSelector={"p": "l4"})).message.endswith('request at most 1 (Guard "g")')
