"""Quotas: who is charged, what a Pod costs, and the text of a refusal."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

import mig
from gpugate import Server, scaled
from kube import CONTROLLER, GPU, SHARED, container, doc, namespace_doc, persisted, pod

MIG1, MIG3 = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"
A100 = doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"},
           mig={"profiles": "builtin"}, sharing={"resource": SHARED, "replicas": 4})
QUOTA = re.compile(r'GPU quota "([^"]+)" of tenant "([^"]+)": requested ([^\s,]+), used ([^\s,]+)( \(\+\S+ pending\))?, limit ([^\s,;]+)')


def team(*quotas, name="team-a", **spec):
    spec.setdefault("namespaces", [name])
    return doc("Tenant", name, quotas=list(quotas), **spec)


def quota(name="q", hard=4, **more):
    return {"name": name, "hard": hard, **more}


def fits(server, obj, **how):
    return server.validate(obj, **how).allowed


# --- The refusal ---

def test_message(serve):
    server = serve([team(quota("whole", 4, resources=[GPU]))])
    assert fits(server, pod({GPU: 3}))
    decision = server.validate(pod({GPU: 2}))
    assert (decision.code, decision.reason) == (403, "Forbidden")
    assert decision.message == 'exceeded quota: GPU quota "whole" of tenant "team-a": requested 2, used 3, limit 4, over by 1; 1 is free'
    assert fits(server, pod({GPU: 1}))
    decision = server.validate(pod({GPU: 1}))
    assert decision.message == 'exceeded quota: GPU quota "whole" of tenant "team-a": requested 1, used 4, limit 4, over by 1; nothing is free'
    assert server.metrics().value("gpugate_denials_total", tenant="team-a", reason="quota", name="whole") == 2


def test_message_of_several_quotas(serve):
    server = serve([A100, team(quota("b", 1), quota("a", "0.5", measure="gpus"), quota("c", "10Gi", measure="memory"), quota("d", 5))])
    message = server.validate(pod({GPU: 2})).message
    assert [m[1] for m in QUOTA.finditer(message)] == ["a", "b", "c"], message
    assert len(message.split("; can never fit: ")) == 3 and message.startswith("can never fit: ")
    assert "limit 0.5" in message and "limit 10Gi" in message and "requested 160Gi" in message


def test_amounts_of_a_message(serve):
    """Amounts are truncated after two decimals. What is free is an amount, and what fits is a
    resource with its cost."""
    server = serve([A100, team(quota("compute", "6.5", measure="gpus"))])
    assert fits(server, pod({GPU: 5}))
    for _ in range(5):
        assert fits(server, pod({MIG1: 1}))
    decision = server.validate(pod({GPU: 1}))
    assert decision.message == (
        'exceeded quota: GPU quota "compute" of tenant "team-a": requested 1, used 5.71, limit 6.5, over by 0.21; 0.78 GPU is free; '
        "fits: 1 x nvidia.com/mig-4g.40gb (0.57)")


def test_the_largest_that_fits_where_one_name_is_many_things(serve):
    """A whole GPU no longer fits, but a share with the same name does. The refusal then names the
    model."""
    server = serve([doc("Accelerator", "h100", resource=GPU, memory="80Gi", nodeLabels={"model": "h100"}),
                    doc("Accelerator", "l4", resource=GPU, memory="24Gi", nodeLabels={"model": "l4"}, sharing={"resource": GPU, "replicas": 4}),
                    team(quota("g", "1.6", measure="gpus"), quota("m", "92Gi", measure="memory"), namespaces=["team-a"])])
    whole, share = ({"nodeSelector": {"model": name}} for name in ("h100", "l4"))
    assert fits(server, pod({GPU: 1}, **whole))
    message = server.validate(pod({GPU: 1}, **whole)).message
    assert "; 0.6 GPU is free; fits: 1 x nvidia.com/gpu on l4 (0.25); counted as h100; " in message, message
    assert message.endswith("; 12Gi is free; fits: 1 x nvidia.com/gpu on l4 (6Gi); counted as h100"), message
    assert fits(server, pod({GPU: 1}, **share)) and fits(server, pod({GPU: 1}, **share))
    message = server.validate(pod({GPU: 1}, **share)).message
    assert "; 0.1 GPU is free, but no nvidia.com resource fits; counted as l4" in message, message


def test_zero_is_a_limit(serve):
    server = serve([team(quota(hard=0))])
    decision = server.validate(pod({GPU: 1}))
    assert not decision.allowed and "limit 0" in decision.message
    assert fits(server, pod()) and fits(server, pod({GPU: 0}))


def test_unlimited(serve):
    server = serve([team(quota(hard="unlimited"))])
    assert fits(server, pod({GPU: 1000000000}))
    assert fits(server, pod({GPU: 1000000000}))
    assert server.used("team-a", "q") == 2e9


# --- Which resources a quota covers ---

@pytest.mark.parametrize("resources,name,covered", [
    ([GPU], GPU, True), ([GPU], SHARED, False), ([GPU], MIG1, False), (["nvidia.com/mig-*"], MIG1, True),
    (["nvidia.com/mig-*"], GPU, False), (["nvidia.com/*"], MIG3, True), (["nvidia.com/mig-?g.10gb"], MIG1, True), (["*"], "amd.com/gpu", True),
    (None, GPU, True), (None, "amd.com/gpu", True), (None, "habana.ai/gaudi", True), (None, "google.com/tpu", True),
    (None, "aws.amazon.com/neuroncore", True), (None, "huawei.com/Ascend910B3", True), (None, "gpu.intel.com/i915", True),
    (None, "npu.intel.com/accel", True), (None, "cambricon.com/vmlu", True), (None, "hygon.com/dcunum", True),
    (None, "mthreads.com/vgpu", True), (None, "deviceclass.resource.kubernetes.io/gpu.nvidia.com", True),
    (None, "amd.com/cpx_nps4", True), (None, "nvidia.com/mig-1g.10gb.shared", True), (["amd.com/gpu"], "amd.com/gpu", True)])
def test_coverage(serve, resources, name, covered):
    server = serve([A100, team(quota(hard=1, **({"resources": resources} if resources else {})))])
    first = server.validate(pod({name: 1}))
    assert first.allowed == covered, first
    if covered:
        assert not fits(server, pod({name: 1}))
    else:
        assert re.search(rf'no GPU quota of tenant "team-a" covers {re.escape(name)}\b', first.message), first.message
        assert server.metrics().total("gpugate_denials_total", tenant="team-a", reason="uncovered") == 1


@pytest.mark.parametrize("name", ["cpu", "memory", "example.com/fpga", "nvidia.com/hostdev", "hugepages-2Mi", "rdma/hca",
                                  "ephemeral-storage", "nvidia.community/gpu", "xnvidia.com/gpu", "nvidia.com.evil/gpu"])
def test_what_is_no_accelerator(serve, name):
    server = serve([team(quota(hard=0))])
    assert fits(server, pod({name: 5}))


def test_an_accelerator_of_any_name(serve):
    server = serve([doc("Accelerator", "fpga", resource="example.com/fpga"), team(quota(hard=1))])
    assert fits(server, pod({"example.com/fpga": 1}))
    assert not fits(server, pod({"example.com/fpga": 1}))


@pytest.mark.parametrize("choice", ["deny", "warn", "audit", "allow"])
def test_uncovered(serve, choice):
    server = serve([doc("Settings", "s", uncovered=choice), team(quota(hard=1, resources=[GPU]))])
    decision = server.validate(pod({"amd.com/gpu": 1}))
    assert decision.allowed == (choice != "deny")
    assert bool(decision.warnings) == (choice == "warn")
    assert ("audit" in decision.audit) == (choice == "audit")


def test_a_parent_covers(serve):
    server = serve([doc("Tenant", "root", quotas=[quota(hard=1)]), team(parent="root")])
    assert fits(server, pod({GPU: 1}))
    assert not fits(server, pod({GPU: 1}))


# --- Tenants and namespaces ---

def test_untenanted(serve):
    server = serve([team(quota())])
    decision = server.validate(pod({GPU: 1}, namespace="x"))
    assert not decision.allowed
    assert decision.message.startswith('namespace "x" belongs to no tenant of the GPU policy, ')
    assert server.metrics().total("gpugate_denials_total", reason="untenanted") == 1
    assert fits(server, pod(namespace="x")), "Pods without accelerators are nobody's business"


@pytest.mark.parametrize("choice", ["deny", "warn", "audit", "allow"])
def test_untenanted_choices(serve, choice):
    server = serve([doc("Settings", "s", untenanted=choice), team(quota())])
    decision = server.validate(pod({GPU: 1}, namespace="x"))
    assert decision.allowed == (choice != "deny")
    assert bool(decision.warnings) == (choice == "warn")
    assert ("audit" in decision.audit) == (choice == "audit")


def test_whose_namespace(serve):
    """An exact name beats the longest glob, which beats a selector."""
    labels = {"matchLabels": {"team": "s"}}
    server = serve([team(quota(hard=1), name="exact", namespaces=["ml-train"]), team(quota(hard=2), name="short", namespaces=["ml-*"]),
                    team(quota(hard=3), name="long", namespaces=["ml-tr*"]),
                    team(quota(hard=4), name="selector", namespaces=[], namespaceSelector=labels),
                    *(namespace_doc(n, team="s") for n in ("ml-train", "ml-x", "ml-trx", "other"))])
    for namespace, tenant in (("ml-train", "exact"), ("ml-x", "short"), ("ml-trx", "long"), ("other", "selector")):
        assert server.validate(pod({GPU: 1}, namespace=namespace), dry_run=True).audit["tenant"] == tenant
        assert f'of tenant "{tenant}"' in server.validate(pod({GPU: 9}, namespace=namespace)).message


def test_the_name_label_of_namespaces(serve):
    server = serve([team(quota(hard=1), name="t", namespaces=[],
                         namespaceSelector={"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}]})])
    assert fits(server, pod({GPU: 1}, namespace="b")) and not fits(server, pod({GPU: 1}, namespace="a"))
    assert "no tenant" in server.validate(pod({GPU: 1}, namespace="c")).message


def test_ambiguous(serve):
    server = serve([team(quota(), name="one", namespaces=[], namespaceSelector={"matchLabels": {"a": "b"}}),
                    team(quota(), name="two", namespaces=[], namespaceSelector={"matchExpressions": [{"key": "c", "operator": "Exists"}]}),
                    namespace_doc("both", a="b", c="d"), namespace_doc("first", a="b"), namespace_doc("second", c="")])
    assert fits(server, pod({GPU: 1}, namespace="first")) and fits(server, pod({GPU: 1}, namespace="second"))
    decision = server.validate(pod({GPU: 1}, namespace="both"))
    assert not decision.allowed and '"one"' in decision.message and '"two"' in decision.message and "both" in decision.message
    assert server.metrics().total("gpugate_denials_total", reason="ambiguous") == 1
    assert fits(server, pod(namespace="both"))


def test_parents(serve):
    server = serve([doc("Tenant", "company", quotas=[quota("c", 5)]), doc("Tenant", "research", parent="company", quotas=[quota("r", 4)]),
                    team(quota("a", 3), parent="research"), team(quota("b", 3), name="team-b", parent="research"),
                    team(quota("s", 9), name="sales", parent="company")])
    assert fits(server, pod({GPU: 2})) and fits(server, pod({GPU: 2}, namespace="team-b"))
    message = server.validate(pod({GPU: 2})).message
    assert {(m[1], m[2]) for m in QUOTA.finditer(message)} == {("a", "team-a"), ("c", "company"), ("r", "research")}
    assert fits(server, pod({GPU: 1}, namespace="sales"))
    assert not fits(server, pod({GPU: 1}, namespace="sales"))
    for tenant, name, used in (("company", "c", 5), ("research", "r", 4), ("team-a", "a", 2), ("sales", "s", 1)):
        assert server.used(tenant, name) == used


# --- Enforcement ---

@pytest.mark.parametrize("settings_,tenant,effect", [
    ("deny", "deny", "deny"), ("deny", "warn", "warn"), ("deny", "audit", "audit"), ("warn", "deny", "warn"), ("warn", "audit", "audit"),
    ("audit", "deny", "audit"), ("audit", "warn", "audit")])
def test_enforcement(serve, settings_, tenant, effect):
    server = serve([doc("Settings", "s", enforcement=settings_), team(quota(hard=1), enforcement=tenant)])
    decision = server.validate(pod({GPU: 2}))
    assert decision.allowed == (effect != "deny")
    assert any(w.startswith("would never fit: ") for w in decision.warnings) == (effect == "warn"), "it is admitted"
    assert ("would never fit: " in decision.audit.get("audit", "")) == (effect == "audit")
    assert decision.allowed or decision.message.startswith("can never fit: ")
    assert server.used("team-a", "q") == (0 if effect == "deny" else 2), "what is admitted is charged"


def test_a_denying_parent_binds_an_audited_child(serve):
    server = serve([doc("Tenant", "root", quotas=[quota("root", 2)]), team(quota("own", 1), parent="root", enforcement="audit")])
    assert fits(server, pod({GPU: 2}))
    decision = server.validate(pod({GPU: 1}))
    assert not decision.allowed and '"root"' in decision.message


def test_audited_parent_does_not_soften_the_child(serve):
    server = serve([doc("Tenant", "root", enforcement="audit", quotas=[quota("root", 1)]), team(quota("own", 2), parent="root")])
    assert fits(server, pod({GPU: 2}))
    assert not fits(server, pod({GPU: 1}))


def test_long_warnings_fit(serve):
    """With names of maximum length, each warning stays within what the API server shows."""
    long = "n" * 60
    server = serve([doc("Settings", "s", enforcement="warn"), *(
        doc("Tenant", f"{long}{i}", quotas=[quota(f"{'q' * 50}{j}", 0) for j in range(9)], **({"parent": f"{long}{i - 1}"} if i else
            {}), **({"namespaces": ["team-a"]} if i == 7 else {})) for i in range(8))])
    decision = server.validate(pod({GPU: 1}))
    # The harness checks the lengths.
    assert decision.allowed and decision.warnings


# --- Exemptions ---

def test_exempt(serve):
    server = serve([doc("Settings", "s", exempt={"namespaces": ["free"], "users": ["root"], "groups": ["system:masters"]}), team(quota(hard=0))])
    assert not fits(server, pod({GPU: 1}))
    assert fits(server, pod({GPU: 1}, namespace="free"))
    assert fits(server, pod({GPU: 1}), user=("root", []))
    assert fits(server, pod({GPU: 1}), user=("x", ["a", "system:masters"]))
    assert not fits(server, pod({GPU: 1}), user=("roota", ["system:mastersx"]))
    assert not fits(server, pod({GPU: 1}), user=CONTROLLER)


def test_kube_system_is_exempt_by_default(serve):
    server = serve([team(quota(hard=0))])
    assert fits(server, pod({GPU: 1}, namespace="kube-system"))


def test_mirror_pods(serve):
    server = serve([team(quota(hard=1)), doc("Guard", "g", deny=["preboundNodeName", "privileged"])])
    kubelet = ("system:node:n1", ["system:nodes", "system:authenticated"])
    mirror = pod({GPU: 2}, annotations={"kubernetes.io/config.mirror": "x"}, nodeName="n1")
    assert not fits(server, mirror), "the annotation alone is anybody's"
    assert not fits(server, pod({GPU: 2}, nodeName="n1"), user=kubelet), "a kubelet without it is anybody"
    assert fits(server, mirror, user=kubelet)
    assert server.used("team-a", "q") == 2
    assert not fits(server, pod({GPU: 1}))


# --- Measures ---

def cost(measure, asks):
    """Returns the exact cost of such a Pod on the A100-80."""
    total = Fraction(0)
    for name, many in asks.items():
        if measure == "count":
            one = Fraction(1)
        elif name == GPU:
            one = Fraction(1) if measure == "gpus" else Fraction(80 << 30)
        elif name == SHARED:
            one = Fraction(1, 4) if measure == "gpus" else Fraction(20 << 30)
        else:
            profile = name.removeprefix("nvidia.com/mig-")
            one = mig.weight("a100-80gb", profile) if measure == "gpus" else Fraction(mig.MODELS["a100-80gb"][3][profile][2] << 30)
        total += one * many
    return total


@pytest.mark.parametrize("model", mig.MODELS)
def test_weights_of_every_profile(serve, model):
    """n slices that add up to exactly the limit fit, and one more does not."""
    spec = {"resource": GPU, "memory": f"{mig.MODELS[model][0]}Gi", "mig": {"profiles": "builtin"}}
    server = serve([doc("Accelerator", model, **spec),
                    *(team(quota(hard=n, measure="gpus"), name=f"n{n}") for n in range(1, 3))])
    for profile in mig.MODELS[model][3]:
        weight = mig.weight(model, profile)
        for n in (1, 2):
            many = int(n / weight)
            name = mig.resource(profile)
            exact = server.validate(pod({name: many}, namespace=f"n{n}"), dry_run=True)
            assert exact.allowed, (profile, many, exact.message)
            assert not fits(server, pod({name: many + 1}, namespace=f"n{n}"), dry_run=True), (profile, many + 1)


NAMES = [GPU, SHARED, *map(mig.resource, mig.MODELS["a100-80gb"][3])]


@settings(max_examples=scaled(15, 3))
@given(st.sampled_from(["count", "gpus", "memory"]), st.integers(1, 60),
       st.lists(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 4), min_size=1, max_size=3), min_size=10, max_size=25))
def test_measures_are_exact(measure, tenths, requests):
    """A Pod is admitted if and only if the exact sum stays within the limit. The gauges show the
    sum."""
    hard = {"count": Fraction(tenths // 3 + 1), "gpus": Fraction(tenths, 10), "memory": Fraction(tenths * 7 << 30)}[measure]
    text = {"count": str(int(hard)), "gpus": f"{float(hard):.1f}", "memory": str(int(hard))}[measure]
    server = Server([A100, team(quota(hard=text, measure=measure))])
    try:
        used = Fraction(0)
        for asks in requests:
            this = cost(measure, asks)
            decision = server.validate(pod(asks))
            assert decision.allowed == (used + this <= hard), (asks, used, this, hard, decision)
            if decision.allowed:
                used += this
        assert abs(server.used("team-a", "q", measure) - float(used)) <= 1e-6 * max(1, float(used))
    finally:
        server.stop()


def test_thirds_and_sevenths_do_not_drift(serve):
    """Seven sevenths and three thirds are one, even after thousands of admissions."""
    server = serve([doc("Accelerator", "a100-80gb", resource=GPU, mig={"profiles": "builtin"}, sharing={"resource": SHARED, "replicas": 3}),
                    team(quota(hard=2, measure="gpus"))])
    for _ in range(scaled(30, 5)):
        stored = []
        for name, many in ((MIG1, 7), (SHARED, 3)):
            for _ in range(many):
                decision, obj = server.admit(pod({name: 1}))
                assert decision.allowed, decision.message
                stored.append(obj)
        assert not fits(server, pod({MIG1: 1})) and not fits(server, pod({SHARED: 1}))
        for obj in stored:
            assert server.delete(obj).allowed
    assert server.used("team-a", "q", "gpus") == 0


def test_weight_of_ones_own(serve):
    server = serve([doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.3", sharing={"resource": SHARED, "replicas": 3}),
                    team(quota(hard=1, measure="gpus"))])
    assert fits(server, pod({GPU: 3}))
    assert fits(server, pod({SHARED: 1}))
    assert not fits(server, pod({SHARED: 1}))


def test_sharing_without_a_new_name(serve):
    """With time-slicing that keeps the name, one request is a share. The same holds for MIG with
    `single`."""
    server = serve([doc("Accelerator", "t4", resource=GPU, memory="16Gi", sharing={"resource": GPU, "replicas": 4}),
                    team(quota("g", "0.5", measure="gpus"), quota("m", "8Gi", measure="memory"))])
    assert fits(server, pod({GPU: 1})) and fits(server, pod({GPU: 1}))
    message = server.validate(pod({GPU: 1})).message
    assert '"g"' in message and '"m"' in message
    server = serve([doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"strategy": "single", "offered": ["1g.10gb"]}),
                    team(quota("g", 1, measure="gpus"), quota("m", "70Gi", measure="memory"))])
    for _ in range(7):
        assert fits(server, pod({GPU: 1}))
    assert not fits(server, pod({GPU: 1}))


def test_unknown_names_weigh_one_gpu(serve):
    server = serve([A100, team(quota("g", 1, measure="gpus"))])
    assert fits(server, pod({"habana.ai/gaudi": 1}))
    assert not fits(server, pod({MIG1: 1}))


def test_memory_that_is_unknown(serve):
    server = serve([A100, team(quota("m", "1Ti", measure="memory"), quota("n", 100))])
    decision = server.validate(pod({"habana.ai/gaudi": 1}))
    assert not decision.allowed and "memory" in decision.message
    assert fits(server, pod({GPU: 1}))


# --- Which model ---

H100 = doc("Accelerator", "h100-80gb", resource=GPU, memory="80Gi", weight="2", nodeLabels={"model": "h100"}, mig={"profiles": "builtin"})
A40 = doc("Accelerator", "a100-40gb", resource=GPU, memory="40Gi", nodeLabels={"model": "a100-40"}, mig={"profiles": "builtin"})


def affinity(*terms):
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}}


def term(operator, *values, key="model"):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize("spec,models", [
    ({}, {"a100", "h100"}), ({"nodeSelector": {"model": "a100"}}, {"a100"}), ({"nodeSelector": {"model": "h100"}}, {"h100"}),
    ({"nodeSelector": {"disk": "ssd"}}, {"a100", "h100"}),
    (affinity(term("In", "h100", "x")), {"h100"}), (affinity(term("NotIn", "h100")), {"a100"}),
    (affinity(term("In", "a100"), term("In", "h100")), {"a100", "h100"}), (affinity(term("Exists")), {"a100", "h100"}),
    (affinity({"matchExpressions": term("In", "a100", "h100")["matchExpressions"] + term("NotIn", "a100")["matchExpressions"]}), {"h100"}),
    (affinity(term("In", "z", key="zone")), {"a100", "h100"}),
    ({**affinity(term("In", "a100", "h100")), "nodeSelector": {"model": "a100"}}, {"a100"}),
    (affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gpu-0"]}]}), {"a100", "h100"}),
    ({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": term("In", "a100")}]}}}, {"a100", "h100"})])
def test_quota_per_model(serve, spec, models):
    """A quota counts a Pod if it lists any model that the Pod could land on, by the largest amount
    among those."""
    server = serve([A100, H100, team(quota("h", 1, accelerators=["h100-80gb"]), quota("a", 1, accelerators=["a100-80gb"]),
                                     quota("g", 100, measure="gpus"))])
    assert fits(server, pod({GPU: 1}, **spec))
    assert server.used("team-a", "h") == ("h100" in models)
    assert server.used("team-a", "a") == ("a100" in models)
    assert server.used("team-a", "g", "gpus") == (2 if "h100" in models else 1)


@pytest.mark.parametrize("spec", [{"nodeSelector": {"model": "t4"}}, affinity(term("In", "t4")), affinity(term("DoesNotExist")),
                                  affinity(term("NotIn", "a100", "h100")), {**affinity(term("In", "h100")), "nodeSelector": {"model": "a100"}}])
def test_no_model_fits(serve, spec):
    server = serve([A100, H100, team(quota("q", 100))])
    decision = server.validate(pod({GPU: 1}, **spec))
    assert not decision.allowed
    assert "a100-80gb" in decision.message or "h100-80gb" in decision.message, decision.message
    assert fits(server, pod(**spec))


def test_a_name_that_is_two_slices(serve):
    """1g.10gb is the plain slice of an A100-80 and the wide one of an A100-40. The larger amount
    counts unless the Pod is pinned."""
    server = serve([A100, A40, team(quota("g", 100, measure="gpus"), name="free", namespaces=["free"]),
                    team(quota("g", 100, measure="gpus"), name="pinned", namespaces=["pinned"])])
    assert fits(server, pod({MIG1: 4}, namespace="free"))
    assert server.used("free", "g", "gpus") == 1
    assert fits(server, pod({MIG1: 7}, namespace="pinned", nodeSelector={"model": "a100"}))
    assert server.used("pinned", "g", "gpus") == 1


def test_only_models_that_have_the_resource_count(serve):
    server = serve([A100, doc("Accelerator", "mi300x", resource="amd.com/gpu", memory="192Gi"),
                    team(quota("amd", 1, accelerators=["mi300x"]), quota("all", 9))])
    assert fits(server, pod({GPU: 4}))
    assert server.used("team-a", "amd") == 0
    assert fits(server, pod({"amd.com/gpu": 1})) and not fits(server, pod({"amd.com/gpu": 1}))


# --- Charging ---

def test_audit_annotations(serve):
    server = serve([A100, doc("Tenant", "root", quotas=[quota("g", "6.5", measure="gpus")]), team(quota("slices", 9), parent="root")])
    audit = server.validate(pod({MIG1: 2})).audit
    assert audit["tenant"] == "team-a"
    assert set(audit["charge"].split(", ")) == {"root/g=0.28", "team-a/slices=2"}
    assert "charge" not in server.validate(pod()).audit


def test_a_uid_is_charged_once(serve):
    server = serve([team(quota(hard=2))])
    obj = persisted(pod({GPU: 2}))
    for _ in range(4):
        assert fits(server, obj)
    assert server.used("team-a", "q") == 2
    assert not fits(server, pod({GPU: 1}))


def test_dry_run(serve):
    server = serve([team(quota(hard=2))])
    for _ in range(3):
        assert fits(server, pod({GPU: 2}), dry_run=True)
        assert not fits(server, pod({GPU: 3}), dry_run=True)
    assert server.used("team-a", "q") == 0
    decision, obj = server.admit(pod({GPU: 2}))
    assert decision.allowed
    server.delete(obj, dry_run=True)
    server.finish(obj, dry_run=True)
    assert server.used("team-a", "q") == 2
    assert not fits(server, pod({GPU: 1}), dry_run=True)


@pytest.mark.parametrize("end", ["delete", "Succeeded", "Failed"])
def test_what_frees(serve, end):
    server = serve([team(quota(hard=2))])
    _, obj = server.admit(pod({GPU: 2}))
    for phase in ("Pending", "Running", "Unknown"):
        assert server.finish(obj, phase).allowed
    assert server.used("team-a", "q") == 2
    assert (server.delete(obj) if end == "delete" else server.finish(obj, end)).allowed
    assert server.used("team-a", "q") == 0
    assert server.delete(obj).allowed, "a second time harms nobody"
    assert server.used("team-a", "q") == 0


def test_a_finished_pod_that_is_created_holds_nothing(serve):
    """For example, if it was restored from a backup. A Pod counts unless its phase is Succeeded or
    Failed."""
    server = serve([team(quota(hard=1))])
    obj = persisted(pod({GPU: 1}))
    obj["status"]["phase"] = "Running"
    assert fits(server, obj)
    assert server.used("team-a", "q") == 1


def test_all_or_nothing(serve):
    """A Pod that one quota refuses is not charged to any."""
    server = serve([doc("Tenant", "root", quotas=[quota("root", 1)]), team(quota("a", 9), quota("b", 9), parent="root")])
    assert not fits(server, pod({GPU: 2}))
    for tenant, name in (("root", "root"), ("team-a", "a"), ("team-a", "b")):
        assert server.used(tenant, name) == 0


def test_other_reviews_pass(serve):
    server = serve([team(quota(hard=0))])
    obj = persisted(pod({GPU: 5}))
    for operation, subresource in (("UPDATE", None), ("UPDATE", "status"), ("UPDATE", "resize"), ("CREATE", "eviction"), ("CREATE", "binding")):
        assert server.validate(obj, operation=operation, subresource=subresource, old=obj if operation == "UPDATE" else None).allowed
    assert server.used("team-a", "q") == 0


def test_gates_and_odd_pods_count(serve):
    server = serve([team(quota(hard=1))])
    assert fits(server, pod({GPU: 1}, schedulingGates=[{"name": "x"}], schedulerName="other", priority=2000000000))
    assert not fits(server, pod(containers=[container({"cpu": 1}), container({GPU: 1}, "b")]))
