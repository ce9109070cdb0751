"""Device classes of dynamic resource allocation, as the names of resources: they count like what
the Accelerators say that their devices are."""

import random
import re

import pytest

from gpugate import run, write_policy
from kube import GPU, doc, pod

CLASS = "deviceclass.resource.kubernetes.io/"
MIG = "nvidia.com/mig-1g.10gb"
A100 = dict(resource=GPU, memory="80Gi", nodeLabels={"gpu": "a100"}, deviceClasses=["gpu.nvidia.com", "a100"],
            mig={"model": "a100-80gb", "offered": ["1g.10gb"], "deviceClasses": {"mig-1g": "1g.10gb", "mig-3g": "3g.40gb"}})
H100 = dict(resource=GPU, memory="80Gi", weight=2, nodeLabels={"gpu": "h100"}, deviceClasses=["gpu.nvidia.com"])
FLEET = [doc("Accelerator", "a100-80gb", **A100), doc("Accelerator", "h100-80gb", **H100)]
MEASURES = [{"measure": measure, "hard": "1000Gi" if measure == "memory" else 100} for measure in ("count", "gpus", "memory")]


def tenant(*quotas):
    return doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": f"q{n}", **quota} for n, quota in enumerate(quotas)])


def charges(server, asked):
    """Returns what the Pod is charged, or why it is refused, without names of resources."""
    decision = server.validate(asked, dry_run=True)
    return decision.audit["charge"] if decision.allowed else re.sub(rf"({CLASS}|nvidia\.com/)\S+", "RESOURCE", decision.message)


@pytest.mark.parametrize("resources", [None, [GPU, MIG], ["nvidia.com/*"], [CLASS + "*", "nvidia.com/*"]], ids=str)
def test_a_class_costs_what_it_stands_for(serve, resources):
    server = serve([*FLEET, tenant(*({**measure, **({"resources": list(resources)} if resources else {})} for measure in MEASURES))])
    rng = random.Random(str(resources))
    for _ in range(40):
        count, selector = rng.randint(1, 5), rng.choice([None, {"gpu": "a100"}, {"gpu": "h100"}, {"gpu": "other"}])
        where = {"nodeSelector": selector} if selector else {}
        for name, stands_for in (("gpu.nvidia.com", GPU), ("mig-1g", MIG)):
            assert charges(server, pod({CLASS + name: count}, **where)) == charges(server, pod({stands_for: count}, **where)), (name, count, where)
    # Only one Accelerator has this class, whatever else has the resource.
    assert charges(server, pod({CLASS + "a100": 1})) == charges(server, pod({GPU: 1}, nodeSelector={"gpu": "a100"}))
    assert charges(server, pod({CLASS + "a100": 1})) != charges(server, pod({GPU: 1}))


def test_a_slice_that_no_node_offers_by_name(serve):
    """A DRA driver cuts slices on demand, so a class may be of a profile that no device plugin
    offers."""
    server = serve([*FLEET, tenant({"measure": "gpus", "hard": 100}, {"measure": "memory", "hard": "1000Gi"})])
    assert charges(server, pod({CLASS + "mig-3g": 1})) == "team-a/q0=0.5, team-a/q1=40Gi"


def test_both_names_fill_one_quota(serve):
    server = serve([*FLEET, tenant({"hard": 2, "resources": [GPU]})])
    assert server.validate(pod({GPU: 1})).allowed
    assert server.validate(pod({CLASS + "gpu.nvidia.com": 1})).allowed
    refused = server.validate(pod({CLASS + "gpu.nvidia.com": 1}))
    assert not refused.allowed and "requested 1, used 2, limit 2" in refused.message
    assert server.used("team-a", "q0") == 2


def test_a_remedy_names_no_class(serve):
    server = serve([*FLEET, tenant({"measure": "gpus", "hard": 1})])
    refused = server.validate(pod({CLASS + "gpu.nvidia.com": 1}))
    assert "fits: " in refused.message and CLASS not in refused.message.partition("fits: ")[2], refused.message


def test_a_remedy_counts_what_the_class_stands_for(serve):
    """The message is that of a request by the name of the resource."""
    for fleet, fits in ((FLEET[:1], f"fits: 3 x {GPU} (3)"), (FLEET, f"fits: 1 x {GPU} (2)")):
        server = serve([*fleet, tenant({"measure": "gpus", "hard": 3})])
        by_class, by_name = (server.validate(pod({name: 5})).message for name in (CLASS + "gpu.nvidia.com", GPU))
        assert by_class == by_name and fits in by_class, by_class
        assert fits in server.validate(pod({GPU: 2, CLASS + "gpu.nvidia.com": 2})).message


@pytest.mark.parametrize("name, resources, hard, said", [
    ("gpu.nvidia.com", [CLASS + "*"], 3, f"fits: 3 x {CLASS}gpu.nvidia.com (3)"), ("mig-3g", None, "0.5", f"fits: 1 x {CLASS}mig-3g (0.5)")])
def test_a_remedy_names_a_class_where_nothing_else_counts(serve, name, resources, hard, said):
    """The quota counts only classes, or no Accelerator has the resource by its own name."""
    server = serve([FLEET[0], tenant({"measure": "gpus", "hard": hard, **({"resources": resources} if resources else {})})])
    assert said in server.validate(pod({CLASS + name: 5})).message


def test_a_class_of_no_accelerator_stays_a_whole_device(serve):
    server = serve([*FLEET, tenant({"measure": "gpus", "hard": 10})])
    assert charges(server, pod({CLASS + "unknown": 1})) == "team-a/q0=1"


@pytest.mark.parametrize("documents, said", [
    ([doc("Accelerator", "x", resource="example.com/x", deviceClasses=["gpu.nvidia.com"])],
     'a device of this class is "example.com/x" here and "nvidia.com/gpu" for Accelerator "a100-80gb"; give each a class of its own, or both the same `resource`'),
    ([doc("Accelerator", "x", resource=CLASS + "a100")], "list the class in deviceClasses of both"),
    ([doc("Accelerator", "x", resource=GPU, memory="80Gi", nodeLabels={"gpu": "x"}, deviceClasses=["y"], mig={"model": "a100-80gb", "deviceClasses": {"y": "1g.10gb"}})],
     "mig.deviceClasses says that devices of this class are slices; remove it from one of the two"),
    ([doc("Accelerator", "x", resource=GPU, nodeLabels={"gpu": "x"}, mig={"model": "a100-80gb", "deviceClasses": {"y": "9g.90gb"}})],
     'the model has no MIG profile "9g.90gb"; it has '),
    ([doc("Accelerator", "x", resource=GPU, nodeLabels={"gpu": "x"}, deviceClasses=["Gpu"])], '"Gpu" is not a name'),
    ([doc("Accelerator", "x", resource=GPU, nodeLabels={"gpu": "x"}, deviceClasses=[])], "deviceClasses"),
])
def test_lint_finds_what_cannot_be_meant(tmp_path, documents, said):
    ran = run("lint", write_policy(tmp_path, [*FLEET, tenant({"hard": 1}), *documents]))
    assert ran.returncode == 1 and said in ran.stdout, ran.stdout


@pytest.mark.parametrize("strategy", ["mixed", "single"])
def test_a_slice_by_class_is_no_way_around(serve, strategy):
    """With the strategy `single`, the nodes have slices under the name of the device."""
    server = serve([doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi",
                        mig={"strategy": strategy, "offered": ["1g.10gb"], "deviceClasses": {"mig-1g": "1g.10gb"}}),
                    tenant({"hard": 2, "resources": [GPU if strategy == "single" else MIG]}, {"measure": "memory", "hard": "1Ti"}),
                    doc("Guard", "g", deny=["severalSlicesInContainer", "mixedMigInContainer"])])
    refused = server.validate(pod({CLASS + "mig-1g": 2}), dry_run=True)
    assert not refused.allowed and "only one MIG slice in a container" in refused.message
    for _ in range(2):
        assert server.validate(pod({CLASS + "mig-1g": 1})).allowed
    assert "exceeded quota" in server.validate(pod({CLASS + "mig-1g": 1})).message
    if strategy == "mixed": # One profile, whatever its name, but not two.
        assert "another MIG profile" not in server.validate(pod({CLASS + "mig-1g": 1, MIG: 1})).message
        assert "another MIG profile" in server.validate(pod({CLASS + "mig-1g": 1, "nvidia.com/mig-3g.40gb": 1})).message
