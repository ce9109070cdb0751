"""Properties of every Pod and every policy, tested with generated ones."""

import json
import random

from hypothesis import assume, given, settings, strategies as st

import kube
from gpugate import Server, applied, run, scaled, write_policy
from kube import GPU, SHARED, container, doc, namespace_doc, pod, sidecar

MIG1, MIG3 = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"
# Rewrites go from left to right.
NAMES = [GPU, SHARED, MIG1, MIG3, "amd.com/gpu", "amd.com/gpu.shared"]
FLEET = [
    doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"},
        mig={"offered": ["1g.10gb", "3g.40gb"]}, sharing={"resource": SHARED, "replicas": 4}),
    doc("Accelerator", "mi300x", resource="amd.com/gpu", memory="192Gi", nodeLabels={"model": "mi300x"},
        sharing={"resource": "amd.com/gpu.shared", "replicas": 2}),
    doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": "unlimited"}]),
    doc("Tenant", "team-b", namespaces=["team-b"], quotas=[{"name": "all", "hard": "unlimited"}]),
    doc("Guard", "devices", deny=[], visibleDevices="void"),
]

keys = st.sampled_from(["a", "b", "example.com/c", "model"])
values = st.sampled_from(["x", "y", "a100"])
tolerations = st.sampled_from([
    {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists"}, {"key": "sku", "value": "gpu"},
    {"key": GPU, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}])


@st.composite
def rewrites(draw):
    at = draw(st.integers(0, len(NAMES) - 2))
    if at == 0 and draw(st.booleans()):
        return {"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": "annotation:memory",
                                       **({"default": "10Gi"} if draw(st.booleans()) else {}), "pin": draw(st.booleans())}}
    return {"from": NAMES[at], "to": draw(st.sampled_from(NAMES[at + 1:]))}


@st.composite
def rules(draw, name):
    spec = {"order": draw(st.integers(0, 3)), "onConflict": draw(st.sampled_from(["deny", "keep", "override"])),
            "required": draw(st.booleans())}
    match = {}
    if draw(st.booleans()):
        match["requests"] = {draw(st.sampled_from(NAMES)): draw(st.sampled_from([{}, {"max": 1}, {"min": 2}]))}
    if draw(st.integers(0, 3)) == 0:
        match["podSelector"] = {"matchLabels": {"tier": draw(st.sampled_from(["edge", "core"]))}}
    if draw(st.integers(0, 3)) == 0:
        match["namespaces"] = [draw(st.sampled_from(["team-a", "team-*", "*"]))]
    if match:
        spec["match"] = match
    wants = draw(st.integers(1, 3))
    if wants & 1:
        unique = {r["from"]: r for r in draw(st.lists(rewrites(), min_size=1, max_size=2))}
        spec["rewrite"] = list(unique.values())
    if wants & 2:
        inject = {}
        if draw(st.booleans()):
            inject["nodeSelector"] = draw(st.dictionaries(keys, values, min_size=1, max_size=2))
        if draw(st.booleans()):
            inject["tolerations"] = draw(st.lists(tolerations, min_size=1, max_size=2))
        if not inject or draw(st.booleans()):
            inject["runtimeClassName"] = draw(st.sampled_from(["nvidia", "amd"]))
        spec["inject"] = inject
    return doc("Rule", name, **spec)


@st.composite
def policies(draw):
    return [*FLEET, *(draw(rules(f"rule-{i}")) for i in range(draw(st.integers(1, 6))))]


@st.composite
def containers(draw, name, kind=container):
    asks = draw(st.dictionaries(st.sampled_from(NAMES + ["cpu"]), st.sampled_from(["0", "1", "2", "3", "1000m", 1]), max_size=2))
    env = draw(st.one_of(st.none(), st.just([]), st.lists(st.sampled_from([
        {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"},
        {"name": "AMD_VISIBLE_DEVICES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "PATH", "value": "/bin"}]), max_size=3)))
    out = kind(None, name, limits=dict(asks), requests=dict(asks))
    shape = draw(st.integers(0, 5))
    if shape == 0:
        out["resources"] = {}
    elif shape == 1:
        del out["resources"]
    elif shape == 2:
        del out["resources"]["requests"]
    if env is not None:
        out["env"] = env
    return out


@st.composite
def pods(draw):
    spec = {}
    if draw(st.booleans()):
        spec["nodeSelector"] = draw(st.one_of(st.none(), st.dictionaries(keys, values, max_size=2)))
    if draw(st.booleans()):
        spec["tolerations"] = draw(st.one_of(st.none(), st.lists(tolerations, max_size=2)))
    if draw(st.booleans()):
        spec["runtimeClassName"] = draw(st.sampled_from([None, "nvidia", "amd"]))
    init = [draw(containers(f"init-{i}", draw(st.sampled_from([container, sidecar])))) for i in range(draw(st.integers(0, 2)))]
    return pod(namespace=draw(st.sampled_from(["team-a", "team-b"])), name="p",
               labels=draw(st.sampled_from([None, {"tier": "edge"}, {"tier": "core", "x": "y"}])),
               annotations=draw(st.sampled_from([None, {"memory": "10Gi"}, {"memory": "30Gi"}, {"memory": "junk"}])),
               containers=[draw(containers(f"c{i}")) for i in range(draw(st.integers(1, 3)))], init=init, **spec)


def devices(obj):
    total = {}
    for kind in ("initContainers", "containers"):
        for c in obj["spec"].get(kind) or []:
            for part in ("limits", "requests"):
                for key, value in (c.get("resources") or {}).get(part, {}).items():
                    total[c["name"], part] = total.get((c["name"], part), 0) + (int(str(value).replace("1000m", "1")) if key in NAMES else 0)
    return {k: v for k, v in total.items() if v}


def names_of(obj):
    """Returns how many accelerators each container names."""
    return {c["name"]: len({k for part in (c.get("resources") or {}).values() for k, v in part.items() if k in NAMES and str(v) != "0"})
            for kind in ("initContainers", "containers") for c in obj["spec"].get(kind) or []}


@settings(max_examples=scaled(40, 6))
@given(policies(), st.lists(pods(), min_size=scaled(12, 6), max_size=scaled(12, 6)))
def test_mutation_is_idempotent_and_validation_agrees(policy, some):
    """Evaluating the mutated Pod again changes nothing. Devices are never added, and only a
    container that names two may lose some. /validate requires exactly what /mutate did. A Pod
    that needs no patch is not refused because of a required Rule."""
    server = Server(policy, start=False)
    assume(run("lint", server.policy).returncode == 0)
    server.start()
    try:
        for obj in some:
            first = server.mutate(obj)
            if not first.allowed:
                continue
            after = applied(obj, first.patch)
            second = server.mutate(after)
            assert second.allowed and second.patch == [], (obj, first.patch, second)
            for (name, part), many in devices(obj).items():
                now = devices(after).get((name, part), 0)
                assert now == many or (now < many and names_of(obj)[name] > 1), (obj, first.patch)
            assert devices(after).keys() <= devices(obj).keys()
            final = server.validate(after, dry_run=True)
            # Only for what no Rule can correct: a selector that contradicts the resource.
            if not final.allowed:
                assert all(part.startswith(("no Accelerator of the policy", "the nearest is", "one that it could require is", "correct what the Pod requires")) for part in final.message.split("; ")), \
                    (obj, first.patch, final)
    finally:
        server.stop()


BASE = [
    doc("Settings", "s", untenanted="warn", exempt={"namespaces": ["kube-system"]}),
    *FLEET[:2],
    doc("Accelerator", "a100-40gb", resource=GPU, memory="40Gi", nodeLabels={"model": "a100-40"}, mig={"offered": ["1g.5gb", "1g.10gb"]}),
    doc("Tenant", "root", quotas=[{"name": "gpus", "measure": "gpus", "hard": "7"}, {"name": "mem", "measure": "memory", "hard": "600Gi"}]),
    doc("Tenant", "team-a", parent="root", namespaces=["team-a", "team-*"], quotas=[
        {"name": "whole", "resources": [GPU], "hard": 3}, {"name": "rest", "hard": 9},
        {"name": "small", "accelerators": ["a100-40gb"], "hard": 2}]),
    doc("Tenant", "team-b", parent="root", namespaces=["team-b"], enforcement="warn", quotas=[{"name": "b", "hard": 1}]),
    doc("Tenant", "sel", namespaceSelector={"matchLabels": {"t": "sel"}}, quotas=[{"name": "x", "hard": 2}]),
    doc("Tenant", "sel2", namespaceSelector={"matchLabels": {"u": "sel"}}, quotas=[{"name": "x", "hard": 2}]),
    namespace_doc("n1", t="sel"), namespace_doc("n2", t="sel", u="sel"),
    doc("Rule", "b", order=1, match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={"nodeSelector": {"a": "b"}}, required=True),
    doc("Rule", "a", order=1, inject={"nodeSelector": {"a": "a", "k": "k"}}, onConflict="keep"),
    doc("Rule", "c", order=1, match={"requests": {GPU: {"max": 1}}, "podSelector": {"matchLabels": {"tier": "core"}}},
        rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "default": "10Gi", "pin": True}}]),
    doc("Guard", "one", deny=["privileged", "visibleDevicesEnv"]), doc("Guard", "two", deny=["privileged", "sharedRequestAboveOne"]),
]


def questions():
    some = [pod({name: many}, namespace=namespace, labels=labels, name="p")
            for name in (GPU, SHARED, MIG1, "amd.com/gpu", "habana.ai/gaudi") for many in (1, 4)
            for namespace, labels in (("team-a", {"tier": "core"}), ("team-b", None), ("team-x", {"tier": "edge"}), ("n1", None),
                                      ("n2", None), ("nowhere", None))]
    some.append(pod(containers=[container({GPU: 1}, securityContext={"privileged": True}, env={"NVIDIA_VISIBLE_DEVICES": "all"})], name="p"))
    return some


def answers(server, some):
    out = []
    for obj in some:
        first = server.mutate(obj)
        final = server.validate(kube.persisted(obj, "00000000-0000-4000-8000-000000000001"), dry_run=True)
        for decision in (first, final):
            raw = dict(decision.raw)
            raw.pop("uid")
            out.append(json.dumps(raw, sort_keys=True))
    return out


def test_order_of_files_and_documents_means_nothing(tmp_path):
    chance = random.Random(20261123)
    some, expected = questions(), None
    for round_ in range(scaled(8, 3)):
        docs = BASE[:]
        if round_:
            chance.shuffle(docs)
        files = {}
        for d in docs:
            name = f"{chance.choice('abc')}/{chance.choice('xyz')}{chance.randrange(4)}.yaml" if round_ else "all.yaml"
            files.setdefault(name, []).append(d)
        server = Server(write_policy(tmp_path / str(round_), files))
        try:
            got = answers(server, some)
        finally:
            server.stop()
        expected = expected or got
        for i, (want, have) in enumerate(zip(expected, got)):
            assert want == have, (some[i // 2], want, have)
    assert len(set(expected)) > 20


def test_the_same_question_gets_the_same_bytes(tmp_path):
    server = Server(BASE)
    try:
        some = questions()[:20]
        assert answers(server, some) == answers(server, some)
    finally:
        server.stop()
