"""What a claim says of the part of a device that it takes: a MIG profile or a product by a
selector, and memory by its capacity."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gpugate import run, write_policy
from kube import GPU, doc, pod
from test_claim_quota import CLASS, charge, create, got, gpus, tenant, used
from test_claims import VERSIONS, claim, exactly

ATTRIBUTES = 'device.attributes["gpu.nvidia.com"]'
TABLE = {"model": "a100-80gb", "offered": ["1g.10gb", "3g.40gb"], "deviceClasses": {"mig": "any"}}
A100 = doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"},
           deviceClasses=["gpu"], mig=TABLE)
L4 = doc("Accelerator", "l4", resource=GPU, memory="24Gi", weight="0.25", nodeLabels={"nvidia.com/gpu.product": "NVIDIA-L4"},
         deviceClasses=["gpu"], capacity={"deviceClasses": ["shared"], "step": "1Gi", "min": "2Gi"})
THREE = [gpus(100), {"hard": 100}, {"measure": "memory", "hard": "10Ti"}]


def select(*expressions):
    return {"selectors": [{"cel": {"expression": expression}} for expression in expressions]}


def profile(name):
    return select(f'{ATTRIBUTES}.profile == "{name}"')


def product(name):
    return select(f'{ATTRIBUTES}.productName == "{name}"')


def memory(amount, key="memory"):
    return {"capacity": {"requests": {key: amount}}}


def asked(device, version, **more):
    return {"name": "r", **exactly(device, version, **more)}


def first(*options):
    return {"name": "r", "firstAvailable": [{"name": f"o{n}", "deviceClassName": device, **more} for n, (device, more) in enumerate(options)]}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_by_a_selector(serve, version):
    server = serve([A100, tenant(*THREE)])
    small, large = "team-a/q0=0.14, team-a/q1=1, team-a/q2=10Gi", "team-a/q0=0.5, team-a/q1=1, team-a/q2=40Gi"
    for requests, expected in [
        ([asked("mig", version, **profile("1g.10gb"))], small),
        ([asked("mig", version, **profile("3g.40gb"))], large),
        ([asked("mig", version, **select('device.driver == "gpu.nvidia.com"', f"'1g.10gb' == {ATTRIBUTES}.profile && true"))], small),
        ([asked("mig", version, count=2, **profile("1g.10gb"))], "team-a/q0=0.28, team-a/q1=2, team-a/q2=20Gi"),
        # Nothing is told: the most expensive of what is offered.
        ([asked("mig", version)], large), ([asked("mig", version, **select())], large),
        ([asked("mig", version, **select(f'{ATTRIBUTES}.profile == "1g.10gb" || true'))], large),
        ([asked("mig", version, **select(f'{ATTRIBUTES}.profile != "3g.40gb"'))], large),
        ([asked("mig", version, **profile("1g.11gb"))], large),
        # What is not offered costs what it is, never less.
        ([asked("mig", version, **profile("7g.80gb"))], "team-a/q0=1, team-a/q1=1, team-a/q2=80Gi"),
        ([asked("mig", version, **profile("2g.20gb"))], "team-a/q0=0.28, team-a/q1=1, team-a/q2=20Gi"),
        # An amount of memory divides no slice.
        ([asked("mig", version, **memory("1Gi"))], large),
        # A class of whole devices stays one.
        ([asked("gpu", version, **profile("1g.10gb"))], "team-a/q0=1, team-a/q1=1, team-a/q2=80Gi"),
        ([first(("mig", profile("1g.10gb")), ("mig", profile("2g.20gb")))], "team-a/q0=0.28, team-a/q1=1, team-a/q2=20Gi"),
        ([first(("mig", profile("1g.10gb")), ("mig", {}))], large),
    ]:
        assert charge(server, claim(*requests, version=version)) == expected, requests
    # A Pod cannot say more than the class.
    assert server.validate(pod({f"{CLASS}mig": 1}), dry_run=True).audit["charge"] == large


@pytest.mark.parametrize("version", VERSIONS)
def test_memory_of_a_shared_device(serve, version):
    server = serve([L4, tenant(*THREE)])
    device = "team-a/q0=0.25, team-a/q1=1, team-a/q2=24Gi"
    for more, expected in [
        (memory("6Gi"), "team-a/q0=0.06, team-a/q1=1, team-a/q2=6Gi"),
        (memory("12Gi"), "team-a/q0=0.12, team-a/q1=1, team-a/q2=12Gi"),
        (memory("6Gi") | {"count": 2}, "team-a/q0=0.12, team-a/q1=2, team-a/q2=12Gi"),
        # Rounded up to whole steps, and to the least.
        (memory("5.5Gi"), "team-a/q0=0.06, team-a/q1=1, team-a/q2=6Gi"),
        (memory("1"), "team-a/q0=0.02, team-a/q1=1, team-a/q2=2Gi"), (memory(1), "team-a/q0=0.02, team-a/q1=1, team-a/q2=2Gi"),
        (memory("1n"), "team-a/q0=0.02, team-a/q1=1, team-a/q2=2Gi"),
        (memory("2147483649"), "team-a/q0=0.03, team-a/q1=1, team-a/q2=3Gi"),
        # The whole device, and never more.
        (memory("24Gi"), device), (memory("100Gi"), device), (memory("8Ei"), device), (memory("9223372036854775807"), device), ({}, device),
        # Nothing is known of it.
        (memory("0"), device), (memory("-1Gi"), device), (memory("much"), device), (memory("6Gi", "cores"), device),
        (memory("6Gi", "memory.example"), device), ({"capacity": {}}, device), ({"capacity": {"requests": {}}}, device),
        ({"capacity": {"requests": {"memory": "6Gi", "gpu.nvidia.com/memory": "6Gi"}}}, device),
        (memory("6Gi", "gpu.nvidia.com/memory"), device),
        # Who requests another capacity can have all of that.
        ({"capacity": {"requests": {"memory": "6Gi", "cores": "3"}}}, device),
        (memory("6Gi") | {"allocationMode": "All"}, "team-a/q0=2, team-a/q1=32, team-a/q2=192Gi"),
    ]:
        assert charge(server, claim(asked("shared", version, **more), version=version)) == expected, more
    # A class of whole devices is not shared.
    assert charge(server, claim(asked("gpu", version, **memory("1Gi")), version=version)) == device
    assert server.validate(pod({f"{CLASS}shared": 1}), dry_run=True).audit["charge"] == device


@pytest.mark.parametrize("version", VERSIONS)
def test_a_product_by_a_selector(serve, version):
    server = serve([A100, L4, tenant(*THREE)])
    dear, cheap = "team-a/q0=1, team-a/q1=1, team-a/q2=80Gi", "team-a/q0=0.25, team-a/q1=1, team-a/q2=24Gi"
    for requests, expected in [
        ([asked("gpu", version)], dear),
        ([asked("gpu", version, **product("NVIDIA L4"))], cheap),
        ([asked("gpu", version, **product("NVIDIA A100-SXM4-80GB"))], dear),
        # No Accelerator has it: it is not known to be one of them.
        ([asked("gpu", version, **product("NVIDIA H100"))], dear), ([asked("gpu", version, **product("***"))], dear),
        ([asked("gpu", version, **select('device.attributes["gpu.amd.com"].productName == "NVIDIA L4"'))], dear),
        # Any that some request can get.
        ([asked("gpu", version, **product("NVIDIA L4")), {**asked("gpu", version), "name": "s"}], "team-a/q0=2, team-a/q1=2, team-a/q2=160Gi"),
        ([first(("gpu", product("NVIDIA L4")), ("gpu", product("NVIDIA A100-SXM4-80GB")))], dear),
        ([first(("gpu", product("NVIDIA L4")), ("gpu", product("NVIDIA L4") | {"count": 2}))], "team-a/q0=0.5, team-a/q1=2, team-a/q2=48Gi"),
    ]:
        assert charge(server, claim(*requests, version=version)) == expected, requests


def test_labels_of_shared_and_of_cut_devices_are_of_their_product(serve):
    """A labeler adds to the product how devices are shared or cut; a driver does not."""
    def model(name, label, weight):
        return doc("Accelerator", name, resource=GPU, weight=weight, nodeLabels={"nvidia.com/gpu.product": label}, deviceClasses=["gpu"])

    server = serve([model("a", "NVIDIA-L4", 1), model("b", "NVIDIA-L4-SHARED", 2), model("c", "NVIDIA-L40S", 5), model("d", "NVIDIA-A30-MIG-1g.6gb", 3),
                    doc("Accelerator", "e", resource=GPU, weight=4, nodeLabels={"pool": "x"}, withoutNodeLabels=["nvidia.com/gpu.product"],
                        deviceClasses=["other"]), tenant(gpus(100))])
    for name, expected in [("NVIDIA L4", "2"), ("NVIDIA L40S", "5"), ("NVIDIA A30", "3"), ("NVIDIA", "5")]:
        assert charge(server, claim(asked("gpu", "v1", **product(name)))) == f"team-a/q0={expected}", name
    # A model of nodes without the label can be of any product.
    assert charge(server, claim(asked("other", "v1", **product("NVIDIA L4")))) == "team-a/q0=4"


def test_quotas_of_slices_count_the_parts(serve):
    """A quota that names a slice counts it by whichever class, and a slice of any profile
    counts in all of them."""
    server = serve([A100, tenant({"hard": 10, "resources": ["nvidia.com/mig-1g.10gb"]}, {"hard": 10, "resources": ["nvidia.com/mig-3g.40gb"]},
                                 {"hard": 10, "resources": ["nvidia.com/mig-*"]}, {"hard": 10, "resources": [f"{CLASS}mig"]})])
    small, large = "team-a/q0=1, team-a/q2=1, team-a/q3=1", "team-a/q1=1, team-a/q2=1, team-a/q3=1"
    assert charge(server, claim(asked("mig", "v1", **profile("1g.10gb")))) == small
    assert charge(server, claim(asked("mig", "v1", **profile("3g.40gb")))) == large
    every = "team-a/q0=1, team-a/q1=1, team-a/q2=1, team-a/q3=1"
    assert charge(server, claim(asked("mig", "v1"))) == every
    assert server.validate(pod({f"{CLASS}mig": 1}), dry_run=True).audit["charge"] == every


def test_a_profile_of_several_accelerators_costs_what_those_cost_that_offer_it(serve):
    def model(name, offered, weight):
        return doc("Accelerator", name, resource=GPU, weight=weight, nodeLabels={"gpu": name},
                   mig={"model": "a100-80gb", "offered": offered, "deviceClasses": {"mig": "any"}})

    server = serve([model("a", ["1g.10gb", "2g.20gb"], 7), model("b", ["1g.10gb"], 14), model("c", ["3g.40gb"], 28), tenant(gpus(100))])
    for name, expected in [("1g.10gb", "2"), ("2g.20gb", "2"), ("3g.40gb", "14"), ("7g.80gb", "28"), ("other", "14")]:
        assert charge(server, claim(asked("mig", "v1", **profile(name)))) == f"team-a/q0={expected}", name


def test_uncovered_parts_are_refused(serve):
    server = serve([A100, tenant({"hard": 10, "resources": ["nvidia.com/mig-1g.10gb"]})])
    assert create(server, claim(asked("mig", "v1", **profile("1g.10gb")))).allowed
    refused = create(server, claim(asked("mig", "v1", **profile("3g.40gb"))))
    assert f'no GPU quota of tenant "team-a" covers {CLASS}mig[profile=3g.40gb]' in refused.message


def test_refusals_say_what_fits(serve):
    server = serve([A100, L4, tenant(gpus("0.5"))])
    assert create(server, claim(asked("shared", "v1", **memory("12Gi")))).audit["charge"] == "team-a/q0=0.12"
    assert create(server, claim(asked("mig", "v1", **profile("1g.10gb")))).allowed
    for request_, expected in [
        (asked("shared", "v1"), f"requested 0.25, used 0.26, limit 0.5, over by 0.01; 0.23 GPU is free; fits: 1 x {CLASS}shared[memory=22Gi] (0.22)"),
        # Fewer of what was requested, if some fit.
        (asked("shared", "v1", count=3, **memory("8Gi")), f"; fits: 2 x {CLASS}shared[memory=8Gi] (0.16)"),
        (asked("shared", "v1", count=3, **memory("12Gi")), f"; fits: 1 x {CLASS}shared[memory=12Gi] (0.12)"),
        (asked("shared", "v1", count=3, **memory("23Gi")), f"; fits: 1 x {CLASS}shared[memory=22Gi] (0.22)"),
        (asked("mig", "v1", count=3, **profile("1g.10gb")), f"; fits: 1 x {CLASS}mig[profile=1g.10gb] (0.14)"),
        (asked("mig", "v1", **profile("3g.40gb")), f"; fits: 1 x {CLASS}mig[profile=1g.10gb] (0.14)"),
    ]:
        assert expected in create(server, claim(request_)).message


def test_an_unlisted_class_is_named_without_the_part(serve):
    server = serve([A100, doc("Settings", "s", unknownResources="deny"), tenant(gpus(10))])
    refused = create(server, claim(asked("migs", "v1", **profile("1g.10gb"))))
    assert 'has the device class "migs"' in refused.message and "[" not in refused.message


AMOUNTS = st.one_of(st.integers(1, 2**63 - 1).map(str), st.integers(1, 30).map(lambda n: f"{n}Gi"), st.sampled_from(["1m", "0.1Gi", "1e9", "7E"]))


def test_a_part_costs_something_and_no_more_than_its_class(serve):
    """In every quota, whatever the claim tells."""
    server = serve([A100, L4, tenant(gpus(1000), {"hard": 1000}, {"measure": "memory", "hard": "1Pi"})])

    def costs(obj):
        decision = create(server, obj, dry_run=True)
        assert decision.allowed
        return dict(part.split("=") for part in decision.audit["charge"].split(", "))

    def number(text):
        for suffix, factor in {"Gi": 2**30, "Mi": 2**20, "Ki": 2**10}.items():
            if text.endswith(suffix):
                return float(text[:-2]) * factor
        return 0.005 if text == "<0.01" else float(text)

    seen = set()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(device=st.sampled_from(["gpu", "mig", "shared"]), told=st.one_of(
        AMOUNTS.map(memory), st.sampled_from(["1g.10gb", "2g.20gb", "3g.40gb", "x"]).map(profile),
        st.sampled_from(["NVIDIA L4", "NVIDIA A100-SXM4-80GB", "x"]).map(product)), count=st.integers(1, 3), version=st.sampled_from(VERSIONS))
    def check(device, told, count, version):
        part = costs(claim(asked(device, version, count=count, **told), version=version))
        all_of_it = costs(claim(asked(device, version, count=count), version=version))
        assert part.keys() == all_of_it.keys()
        for quota in part:
            assert 0 < number(part[quota]) <= number(all_of_it[quota]), (told, part, all_of_it)
        seen.add(tuple(part.items()))
    check()
    assert len(seen) > 10


# --- Explain ---

@pytest.mark.parametrize("told,counted,model", [
    (product("NVIDIA L4"), f"1 x {CLASS}gpu: the products that its selectors require are of l4", "0.25, as l4"),
    (profile("1g.10gb"), f"1 x {CLASS}gpu[profile=1g.10gb]: the claim could get it from any Accelerator that has it: a100, l4", "1, as a100"),
    (memory("6Gi"), f"1 x {CLASS}gpu[memory=6Gi]: the claim could get it from any Accelerator that has it: a100, l4", "1, as a100")], ids=str)
def test_explain_says_what_is_told(tmp_path, told, counted, model):
    policy = write_policy(tmp_path / "p", [A100, L4, tenant(gpus(4))])
    (tmp_path / "claim.yaml").write_text(json.dumps(claim(asked("gpu", "v1", **told))))
    done = run("explain", "-f", tmp_path / "claim.yaml", "--policy", policy)
    assert done.returncode == 0 and counted in done.stdout and f"team-a/q0: 1 x {model.split(',')[0]} = {model}" in done.stdout, done.stdout


H100 = doc("Accelerator", "h100-80gb", resource=GPU, weight="4", nodeLabels={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
           mig={"offered": ["3g.40gb"], "deviceClasses": {"mig": "any"}})


@pytest.mark.parametrize("uncovered,expected", [
    ("deny", 'of the product NVIDIA-H100-80GB-HBM3, but Accelerator "h100-80gb" does not offer that; request a profile that it offers'),
    ("warn", f"1 x {CLASS}mig[profile=1g.10gb]: the products that its selectors require are of Accelerators that do not offer it"),
], ids=str)
def test_explain_says_that_the_product_is_not_offered_so(tmp_path, uncovered, expected):
    policy = write_policy(tmp_path / "p", [A100, H100, tenant(gpus(4)), doc("Settings", "s", uncovered=uncovered)])
    told = {"selectors": profile("1g.10gb")["selectors"] + product("NVIDIA H100 80GB HBM3")["selectors"]}
    (tmp_path / "claim.yaml").write_text(json.dumps(claim(asked("mig", "v1", **told))))
    done = run("explain", "-f", tmp_path / "claim.yaml", "--policy", policy)
    assert done.returncode == (uncovered == "deny") and expected in done.stdout, done.stdout


def test_a_product_that_no_label_has_is_not_the_catch_all(serve):
    """A label that is not made of the product cannot be compared with it."""
    server = serve([doc("Accelerator", "h100", resource=GPU, weight="4", nodeLabels={"nvidia.com/gpu.product": "H100"}, deviceClasses=["gpu"]),
                    doc("Accelerator", "rest", resource=GPU, weight="0.25", withoutNodeLabels=["nvidia.com/gpu.product"], deviceClasses=["gpu"]),
                    tenant(gpus(9))])
    assert charge(server, claim(asked("gpu", "v1", **product("NVIDIA H100 80GB HBM3")))) == "team-a/q0=4"


# --- Lint ---

def lint(folder, *documents):
    done = run("lint", write_policy(folder, list(documents)))
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("spec,message", [
    ({"capacity": {"deviceClasses": ["a"], "step": "1Gi"}}, "is not known without the `memory` of the Accelerator"),
    ({"memory": "80Gi", "capacity": {"deviceClasses": ["a"], "step": "3Gi"}}, "the memory of the Accelerator is no multiple of this step"),
    ({"memory": "80Gi", "capacity": {"deviceClasses": ["a"], "step": "1Mi"}}, "more than 65536 such steps"),
    ({"memory": "8Gi", "capacity": {"deviceClasses": ["a"], "step": "1Gi", "min": "9Gi"}}, "this is more than the memory of the Accelerator"),
    ({"memory": "8Gi", "deviceClasses": ["a"], "capacity": {"deviceClasses": ["a"], "step": "1Gi"}}, "deviceClasses lists this class, too"),
    ({"memory": "80Gi", "mig": {"model": "a100-80gb", "deviceClasses": {"a": "any"}}, "capacity": {"deviceClasses": ["a"], "step": "1Gi"}},
     "mig.deviceClasses lists this class, too"),
    ({"deviceClasses": ["a"], "mig": {"model": "a100-80gb", "deviceClasses": {"a": "any"}}}, "mig.deviceClasses says that devices of this class are slices"),
    ({"deviceClasses": ["a", "b", "a"]}, "this class is in the list already; remove it here"),
    ({"memory": "8Gi", "capacity": {"deviceClasses": ["a", "a"], "step": "1Gi"}}, "this class is in the list already; remove it here"),
    ({"memory": "8Gi", "capacity": {"step": "1Gi"}}, "deviceClasses"), ({"memory": "8Gi", "capacity": {"deviceClasses": ["a"]}}, "step"),
], ids=str)
def test_lint_rejects(tmp_path, spec, message):
    code, text = lint(tmp_path / "p", doc("Accelerator", "a", resource=GPU, **spec))
    assert code == 1 and message in text, text


def test_lint_rejects_the_name_of_a_part(tmp_path):
    code, text = lint(tmp_path / "p", A100, tenant({"hard": 1, "resources": [f"{CLASS}mig[profile=1g.10gb]"]}))
    assert code == 1 and "is not a resource name such as nvidia.com/gpu" in text, text


def test_lint_rejects_a_class_of_two_kinds(tmp_path):
    other = doc("Accelerator", "z", resource=GPU, nodeLabels={"gpu": "z"}, mig={"model": "a100-80gb", "deviceClasses": {"mig": "1g.10gb"}})
    code, text = lint(tmp_path / "p", A100, other)
    assert code == 1 and "is a slice of any profile for one Accelerator and something else for the other" in text, text


def test_lint_rejects_a_class_of_two_strategies_once(tmp_path):
    single = doc("Accelerator", "z", resource=GPU, nodeLabels={"gpu": "z"},
                 mig={"model": "a100-80gb", "strategy": "single", "offered": ["1g.10gb"], "deviceClasses": {"mig": "any"}})
    code, text = lint(tmp_path / "p", A100, single)
    assert code == 1 and text.count("a slice of this class is") == 1, text
    assert "since only one of the two has the MIG strategy `single`; give each a class of its own, or both the same strategy" in text


def test_lint_accepts_parts(tmp_path):
    code, text = lint(tmp_path / "p", A100, L4, tenant(gpus(4)))
    assert code == 0 and "warning" not in text, text


def test_an_allocated_part_counts_as_what_is_consumed(tmp_path):
    """Where claims count as allocated: the class of what was given, and how much of its memory."""
    documents = [A100, L4, doc("Settings", "s", chargeClaims="asAllocated"), tenant(*THREE)]

    def held(name, request, *results):
        return got(claim(request, name=name, uid=name), *results)

    whole, capacity = asked("shared", "v1"), asked("shared", "v1", **memory("3Gi"))
    options = first(("mig", profile("3g.40gb")), ("mig", profile("1g.10gb")))
    for exists, expected in [
        ([held("a", whole, ("r", "6Gi"))], {"q0": "0.06", "q1": "1", "q2": "6Gi"}),
        # The scheduler has rounded up by more than the policy says.
        ([held("a", capacity, ("r", "12Gi"))], {"q0": "0.12", "q1": "1", "q2": "12Gi"}),
        ([held("a", capacity, "r")], {"q0": "0.25", "q1": "1", "q2": "24Gi"}),
        ([held("a", options, "r/o1")], {"q0": "0.14", "q1": "1", "q2": "10Gi"}),
        ([held("a", options, "r/o0")], {"q0": "0.5", "q1": "1", "q2": "40Gi"}),
        ([held("a", options, "r/o2")], {"q0": "0.5", "q1": "1", "q2": "40Gi"}),
    ]:
        assert used(tmp_path, exists, documents) == expected, exists


def test_the_label_of_a_node_does_not_contradict_the_claim(tmp_path):
    """A node with several products has the label of one of them. A claim holds what its selectors
    require; where they leave several products, the label decides between those."""
    documents = [A100, L4, doc("Settings", "s", chargeClaims="asAllocated"), tenant(*THREE)]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mixed", "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}}}
    names = ("NVIDIA L4", "NVIDIA A100-SXM4-80GB")
    devices = [{"name": f"g{n}", "attributes": {"productName": {"string": name}, "type": {"string": "gpu"}}} for n, name in enumerate(names)]
    pool = {"name": "mixed", "generation": 1, "resourceSliceCount": 1}
    slices = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"},
              "spec": {"driver": "gpu.nvidia.com", "nodeName": "mixed", "pool": pool, "devices": devices}}
    cheap, dear = {"q0": "0.25", "q1": "1", "q2": "24Gi"}, {"q0": "1", "q1": "1", "q2": "80Gi"}
    one, other = (product(name) for name in names)
    for request, result, expected in [
        (asked("gpu", "v1", **other), "r", dear),
        (asked("gpu", "v1", **one), "r", cheap),
        (first(("gpu", other), ("gpu", other | {"count": 2})), "r/o0", dear),
        (first(("gpu", other), ("gpu", one)), "r/o1", cheap),
        # Without products, nothing but the label is known.
        (asked("gpu", "v1"), "r", cheap),
        (asked("gpu", "v1", **product("NVIDIA H100")), "r", cheap),
    ]:
        obj = got(claim(request, name="a", uid="a"), result, node="mixed")
        for more in ([], [slices]):
            assert used(tmp_path, [node, *more, obj], documents) == expected, (request, result)


def test_requests_of_one_name_count_as_they_are_requested(tmp_path):
    """The API server refuses them, and files can have them: nobody knows which one has a device."""
    documents = [A100, L4, doc("Settings", "s", chargeClaims="asAllocated"), tenant(gpus(10000))]
    obj = claim(*[asked("gpu", "v1", allocationMode="All")] * 32, name="a", uid="a")
    assert used(tmp_path, [got(obj, *[("r", f"{n + 1}Mi") for n in range(32)])], documents) == {"q0": "1024"}


def test_results_take_no_room_from_other_requests(tmp_path):
    documents = [A100, L4, doc("Settings", "s", chargeClaims="asAllocated"), tenant(gpus(10000))]
    others = [{**first(*[("gpu", {})] * 8), "name": f"b{n}"} for n in range(31)]
    every = claim(asked("gpu", "v1", allocationMode="All"), *others, name="a", uid="a")
    for results in ([("r", f"{n + 1}Mi") for n in range(32)], ["r"] * 32):
        assert used(tmp_path, [got(every, *results)], documents) == {"q0": "63"}
