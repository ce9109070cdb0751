"""What a Pod requests: Kubernetes' quantities, and the effective request of a whole Pod."""

import pytest
from hypothesis import given, settings, strategies as st

from gpugate import scaled
from kube import GPU, SHARED, container, doc, pod, sidecar

POLICY = [doc("Accelerator", "t4", resource=GPU, sharing={"resource": SHARED, "replicas": 4}),
          doc("Tenant", "team-a", namespaces=["team-a"],
              quotas=[{"name": "whole", "resources": [GPU], "hard": "unlimited"}, {"name": "rest", "hard": "unlimited"}])]
MAX = 1000000000


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(POLICY)


def charged(server, obj, quota="whole"):
    """Returns what the Pod would cost, from the audit annotation."""
    decision = server.validate(obj, dry_run=True)
    assert decision.allowed, decision
    charges = dict(c.split("=") for c in decision.audit.get("charge", "").split(", ") if c)
    return int(charges.get(f"team-a/{quota}", 0))


@pytest.mark.parametrize("text,value", [
    ("1", 1), ("+2", 2), ("007", 7), ("2.", 2), ("2.000", 2), (".5e1", 5), ("1000m", 1), ("3000000u", 3), ("4000000000n", 4), ("1k", 1000),
    ("0.001k", 1), ("1e0", 1), ("1E0", 1), ("1e3", 1000), ("1E3", 1000), ("5e-0", 5), ("5000e-3", 5), ("1e+2", 100), ("1Ki", 1024),
    ("0.5Ki", 512), ("1M", 1000000), ("1Mi", 1048576), (str(MAX), MAX), ("1G", MAX), ("0", 0), ("0m", 0), ("+0", 0), ("-0", 0), ("0e9", 0),
    (1, 1), (3, 3), (0, 0)])
def test_quantities(server, text, value):
    assert charged(server, pod(containers=[container(limits={GPU: text}, requests={GPU: text})])) == value


@pytest.mark.parametrize("text, remedy", [("1Gi", "a whole number of accelerators, without a unit"), ("2G", "a whole number of accelerators, without a unit"),
                                          ("1000000001", "fewer")])
def test_far_too_many(server, text, remedy):
    decision = server.validate(pod(containers=[container(limits={GPU: text}, requests={GPU: text})]))
    assert decision.message == f'container "main" requests nvidia.com/gpu: "{text}" is more than 1000000000; request {remedy}'


@pytest.mark.parametrize("text", ["1K", "1.5", "500m", "-1", "abc", "1 ", " 1", "1kk", "1e", "1e1.5", "0x10", "1,0", "--1", "1Kii", "i", "+",
                                  ".", "1E", "1Ei", "9223372036854775808", "99999999999999999999999999", "1e100", "1e99999999999",
                                  "1000000001", "2G", "1n", "NaN", "Inf", "", "1_000", "١", 1.5, -3, 1e300])
def test_senseless_quantities(server, text):
    obj = pod(containers=[container(limits={GPU: text}, requests={GPU: text})])
    decision = server.validate(obj)
    assert not decision.allowed and GPU in decision.message, decision
    server.mutate(obj)


def test_sums_that_overflow(server):
    many = [container({GPU: MAX}, f"c{i}") for i in range(50)]
    for obj in (pod(containers=many), pod(init=[sidecar({GPU: MAX}, f"s{i}") for i in range(50)]), pod({GPU: MAX}, overhead={GPU: "1"}),
                pod(containers=[container({GPU: MAX}), container({GPU: 1}, "b")])):
        assert not server.validate(obj).allowed
    assert server.metrics().total("gpugate_denials_total", reason="request") >= 3


def test_quantities_of_other_resources_do_not_matter(server):
    obj = pod({GPU: 1, "cpu": "0.5", "memory": "1.5Gi", "example.com/x": "-17nonsense", "hugepages-2Mi": "1e99999"})
    assert charged(server, obj) == 1


def test_missing_requests_fall_back_to_limits(server):
    assert charged(server, pod(containers=[container(limits={GPU: "2"}, name="a"), container(requests={GPU: "3"}, name="b"),
                                           container(limits={GPU: "4"}, requests={"cpu": "1"}, name="c")])) == 9


def test_example_of_the_documentation(server):
    """init 1, sidecar 1 and init 2 make 3."""
    obj = pod(init=[container({GPU: 1}, "a"), sidecar({GPU: 1}, "s"), container({GPU: 2}, "b")])
    assert charged(server, obj) == 3


def test_what_does_not_ask(server):
    obj = pod({GPU: 1}, resources={"limits": {GPU: "5"}, "requests": {GPU: "5"}})
    assert charged(server, obj) == 1
    obj = pod({GPU: 1})
    obj["spec"]["ephemeralContainers"] = [container({GPU: 7}, "e")]
    assert charged(server, obj) == 1
    obj["metadata"]["annotations"] = {"resources": "{}", "limits": "{}"}
    assert charged(server, obj) == 1


def test_restart_policy_of_a_regular_container_means_nothing(server):
    obj = pod(containers=[container({GPU: 1}, restartPolicy="Always"), container({GPU: 1}, "b")], init=[container({GPU: 1}, "i", restartPolicy="Never")])
    assert charged(server, obj) == 2


def effective(containers, init, overhead):
    """As kubernetes-sigs define it: the running phase, or the maximum during startup."""
    sidecars, peak = 0, 0
    for asks, always in init:
        if always:
            sidecars += asks
            peak = max(peak, sidecars)
        else:
            peak = max(peak, sidecars + asks)
    return max(sum(containers) + sidecars, peak) + overhead


amounts = st.integers(0, 9)


@settings(max_examples=scaled(300, 60))
@given(st.lists(amounts, min_size=1, max_size=5), st.lists(st.tuples(amounts, st.booleans()), max_size=6), amounts,
       st.booleans(), st.randoms())
def test_effective_request(server, regular, init, overhead, other, chance):
    """Compares with an independent implementation of the formula. Another resource has its own
    maximum."""
    def asks(many):
        out = {GPU: many} if many or chance.random() < 0.5 else {}
        if other:
            out[SHARED] = chance.randrange(3)
        return out

    containers = [container(asks(many), f"c{i}") for i, many in enumerate(regular)]
    inits = [(sidecar if always else container)(asks(many), f"i{i}") for i, (many, always) in enumerate(init)]
    obj = pod(containers=containers, init=inits, **({"overhead": {GPU: str(overhead)}} if overhead else {}))
    want = effective(regular, init, overhead)
    shared = effective([_shared(c) for c in containers], [(_shared(c), a) for c, (_, a) in zip(inits, init)], 0)
    assert charged(server, obj) == want
    assert charged(server, obj, "rest") == want + shared


def _shared(c):
    return int(c["resources"].get("limits", {}).get(SHARED, 0))
