"""toMig: the profile is chosen by memory from the built-in table of every model."""

import random

import pytest

import mig
from gpugate import scaled
from kube import GPU, SHARED, container, doc, pod

KEY = "gpugate.io/gpu-memory"
TEAM = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 100000}])


def policy(model="a100-80gb", accelerator=None, rewrite={}, **to_mig):
    spec = {"resource": GPU, "memory": f"{mig.MODELS[model][0]}Gi", "nodeLabels": {"nvidia.com/gpu.product": model.upper()},
            "mig": {"profiles": "builtin"}}
    spec.update(accelerator or {})
    return [doc("Accelerator", model, **spec), TEAM,
            doc("Rule", "slice", rewrite=[{"from": GPU, "toMig": {"accelerator": model, **to_mig}, **rewrite}])]


def wanting(memory, many=1, **more):
    annotations = {} if memory is None else {KEY: memory}
    return pod({GPU: many}, annotations=annotations, **more)


def limits(obj, index=0):
    return obj["spec"]["containers"][index]["resources"]["limits"]


@pytest.mark.parametrize("model", mig.MODELS)
def test_every_model(serve, model):
    server = serve(policy(model, memoryFrom=f"annotation:{KEY}"))
    needs = {n + d for _, _, gib in mig.MODELS[model][3].values() for n in [gib * mig.GIB] for d in (-1, 0, 1)} | {mig.GIB >> 10}
    for need in sorted(needs):
        want = mig.choose(model, need)
        if want is None:
            for decision in (server.mutate(wanting(str(need))), server.validate(wanting(str(need)))):
                assert not decision.allowed
                top = mig.largest(model)
                assert f"{top}gb" in decision.message or f"{top}Gi" in decision.message, decision.message
        else:
            assert limits(server.mutated(wanting(str(need)))) == {mig.resource(want): "1"}, need


@pytest.mark.parametrize("model", ["a30-24gb", "a100-80gb"])
def test_random_offers(serve, model):
    chance = random.Random(model)
    names = list(mig.MODELS[model][3])
    for _ in range(scaled(4, 2)):
        offered = chance.sample(names, chance.randrange(1, len(names) + 1))
        server = serve(policy(model, {"mig": {"offered": offered}}, memoryFrom=f"annotation:{KEY}"))
        for _ in range(20):
            need = chance.randrange(1, 90)
            want = mig.choose(model, need * mig.GIB, offered)
            decision = server.mutate(wanting(f"{need}Gi"))
            assert decision.allowed == (want is not None), (offered, need)
            if want:
                assert limits(server.mutated(wanting(f"{need}Gi"))) == {mig.resource(want): "1"}
            else:
                assert f"{mig.largest(model, offered)}gb" in decision.message
        server.stop()


@pytest.mark.parametrize("text,profile", [
    ("10Gi", "1g.10gb"), ("10240Mi", "1g.10gb"), ("10737418240", "1g.10gb"), ("10737418241", "1g.20gb"), ("1e10", "1g.10gb"),
    ("10G", "1g.10gb"), ("11G", "1g.20gb"), ("1048576", "1g.10gb"), ("1k", "1g.10gb"), ("0.5Gi", "1g.10gb"), ("20.5Gi", "3g.40gb"), ("79Gi", "7g.80gb"),
    ("80Gi", "7g.80gb"), ("+5Gi", "1g.10gb")])
def test_quantities(serve, text, profile):
    server = serve(policy(memoryFrom=f"annotation:{KEY}"))
    assert limits(server.mutated(wanting(text))) == {mig.resource(profile): "1"}


@pytest.mark.parametrize("text", ["ten", "", " 10Gi", "10GB", "10gi", "-1Gi", "0", "0Gi", "1K", "10Gi,20Gi", "99999999999999999999Gi"])
def test_senseless_amounts_are_refused_by_both(serve, text):
    server = serve(policy(memoryFrom=f"annotation:{KEY}", default="10Gi"))
    for decision in (server.mutate(wanting(text)), server.validate(wanting(text))):
        assert not decision.allowed
        assert KEY in decision.message or "slice" in decision.message


def test_default_and_absence(serve):
    server = serve(policy(memoryFrom=f"annotation:{KEY}", default="30Gi"))
    assert limits(server.mutated(wanting(None))) == {"nvidia.com/mig-3g.40gb": "1"}
    server = serve(policy(memoryFrom=f"annotation:{KEY}"))
    assert server.mutate(wanting(None)).patch == [], "the whole GPU is left alone"
    server = serve(policy(default="5Gi"))
    assert limits(server.mutated(wanting("70Gi"))) == {"nvidia.com/mig-1g.10gb": "1"}


ADVICE = {"24GB": "not an amount of memory; did you mean 24Gi?", "24 GiB": "not an amount of memory; did you mean 24Gi?", "24gi": "not an amount of memory; did you mean 24Gi?",
          "much": "not an amount of memory; write one such as 10Gi", "24 GPUs": "not an amount of memory; write one such as 10Gi",
          "0": "not an amount of memory; write one such as 10Gi", "24": "a number of bytes; write a unit, such as 24Gi",
          "1000": "a number of bytes; write a unit, such as 40Gi", "24m": "a number of bytes; write a unit, such as 40Gi"}


@pytest.mark.parametrize("said", ADVICE)
def test_memory_that_is_none_says_what_was_meant(serve, said):
    server = serve(policy(memoryFrom=f"annotation:{KEY}"))
    assert server.validate(wanting(said)).message == f'annotation {KEY} is "{said}", which is {ADVICE[said]}'


def test_a_profile_that_is_not_offered(serve):
    """Its memory is needed but not known. For a resource that is not a MIG slice, the message says
    that the amount is missing."""
    server = serve([*policy(accelerator={"mig": {"offered": ["1g.10gb"]}}, default="1Gi")[:-1], doc("Tenant", "team-b", namespaces=["team-b"], quotas=[{"name": "q", "measure": "memory", "hard": "80Gi"}])])
    begin = 'GPU quota "q" of tenant "team-b" measures memory, but no Accelerator of the policy '
    said = {name: server.validate(pod({name: 1}, namespace="team-b")).message for name in ("nvidia.com/mig-4g.40gb", "amd.com/gpu")}
    assert said == {"nvidia.com/mig-4g.40gb": begin + "offers nvidia.com/mig-4g.40gb; request another MIG profile, or ask the platform team to offer it",
                    "amd.com/gpu": begin + "says how much amd.com/gpu has; ask the platform team to add that"}


def test_from_a_label(serve):
    server = serve(policy(memoryFrom="label:gpu-memory", default="10Gi"))
    assert limits(server.mutated(pod({GPU: 1}, labels={"gpu-memory": "20Gi"}))) == {"nvidia.com/mig-1g.20gb": "1"}
    assert limits(server.mutated(pod({GPU: 1}, annotations={"gpu-memory": "20Gi"}))) == {"nvidia.com/mig-1g.10gb": "1"}


def test_memory_is_for_each_gpu(serve):
    server = serve(policy(rewrite={"maxPerContainer": 3}, memoryFrom=f"annotation:{KEY}"))
    obj = wanting("20Gi", 3)
    obj["spec"]["containers"].append(container({GPU: 2}, "b"))
    obj["spec"]["initContainers"] = [container({GPU: 1}, "i")]
    after = server.mutated(obj)
    assert limits(after) == {"nvidia.com/mig-1g.20gb": "3"} and limits(after, 1) == {"nvidia.com/mig-1g.20gb": "2"}
    assert after["spec"]["initContainers"][0]["resources"]["requests"] == {"nvidia.com/mig-1g.20gb": "1"}


def test_pin(serve):
    server = serve(policy(memoryFrom=f"annotation:{KEY}", pin=True))
    after = server.mutated(wanting("10Gi", nodeSelector={"disk": "ssd"}))
    assert after["spec"]["nodeSelector"] == {"disk": "ssd", "nvidia.com/gpu.product": "A100-80GB"}
    assert server.mutate(wanting("10Gi", nodeSelector={"nvidia.com/gpu.product": "A100-80GB"}, name="x")).allowed
    elsewhere = server.mutate(wanting("10Gi", nodeSelector={"nvidia.com/gpu.product": "T4"}))
    assert elsewhere.allowed and not elsewhere.patch, "a Pod that cannot land on the Accelerator is none of the Rule's business"
    assert server.mutate(after).patch == []


def test_suffixes_are_never_chosen(serve):
    server = serve(policy(accelerator={"mig": {"offered": ["1g.10gb+me", "3g.40gb"]}}, memoryFrom=f"annotation:{KEY}"))
    assert limits(server.mutated(wanting("5Gi"))) == {"nvidia.com/mig-3g.40gb": "1"}


def test_own_profiles(serve):
    own = {"computeSlices": 4, "memorySlices": 4, "profiles": [
        {"name": "1g.7gb", "computeSlices": 1, "memorySlices": 1},
        {"name": "2g.14gb", "computeSlices": 2, "memorySlices": 2, "memory": "13Gi"}]}
    server = serve([doc("Accelerator", "lab", resource=GPU, memory="28Gi", mig=own), TEAM,
                    doc("Rule", "slice", rewrite=[{"from": GPU, "toMig": {"accelerator": "lab", "memoryFrom": f"annotation:{KEY}"}}])])
    assert limits(server.mutated(wanting("7Gi"))) == {"nvidia.com/mig-1g.7gb": "1"}
    assert limits(server.mutated(wanting("13Gi"))) == {"nvidia.com/mig-2g.14gb": "1"}
    assert not server.mutate(wanting("14Gi")).allowed


def test_model_by_name(serve):
    server = serve([doc("Accelerator", "big-ones", resource=GPU, memory="141Gi", mig={"model": "h200-141gb"}), TEAM,
                    doc("Rule", "slice", rewrite=[{"from": GPU, "toMig": {"accelerator": "big-ones", "default": "30Gi"}}])])
    assert limits(server.mutated(pod({GPU: 1}))) == {"nvidia.com/mig-1g.35gb": "1"}


def test_only_small_requests(serve):
    """The example of the design: a request for one GPU becomes a slice, larger ones stay whole."""
    server = serve([doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb", "3g.40gb"]},
                        sharing={"resource": SHARED, "replicas": 4}), TEAM,
                    doc("Rule", "slice", match={"requests": {GPU: {"max": 1}}},
                        rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "default": "10Gi"}}])])
    assert limits(server.mutated(pod({GPU: 1}))) == {"nvidia.com/mig-1g.10gb": "1"}
    assert server.mutate(pod({GPU: 2})).patch == []


def test_mixed_mig_after_merging(serve):
    """A container that already requests another profile would get two, and could use only one."""
    server = serve([*policy(default="10Gi"), doc("Guard", "g", deny=["mixedMigInContainer"])])
    decision, _ = server.admit(pod({GPU: 1, "nvidia.com/mig-3g.40gb": 1}))
    assert not decision.allowed
