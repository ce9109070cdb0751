"""Rules with `toClaim`: a Pod that requests a device by name uses a claim from a template instead,
and no device is lost or free of charge."""

import copy
import json

import pytest

import kube
from gpugate import cpu_seconds, run, write_policy
from kube import GPU, container, doc, pod, sidecar
from test_claim_quota import create
from test_claims import claim, request
from test_mutate import merged

MIG = "nvidia.com/mig-1g.10gb"
OTHER = "amd.com/gpu"
A100 = doc("Accelerator", "a100", resource=GPU, nodeLabels={"gpu": "a100"}, deviceClasses=["gpu.nvidia.com"],
           mig={"model": "a100-80gb", "offered": ["1g.10gb"], "deviceClasses": {"mig-1g": "1g.10gb"}})
AMD = doc("Accelerator", "mi300", resource=OTHER, deviceClasses=["gpu.amd.com"])
TEAM = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "measure": "gpus", "hard": 100}])
FLEET = [A100, AMD, TEAM]
ONE = {"from": GPU, "toClaim": {"template": "one"}}
TWO = {"from": GPU, "toClaim": {"template": "two", "count": 2}}


def rule(name="r", *rewrites, **spec):
    return doc("Rule", name, rewrite=list(rewrites), **spec)


def claims(obj):
    """Returns spec.resourceClaims as a map from names to templates."""
    listed = obj["spec"].get("resourceClaims", [])
    assert len({c["name"] for c in listed}) == len(listed)
    return {c["name"]: c.get("resourceClaimTemplateName", c.get("resourceClaimName")) for c in listed}


def uses(obj):
    """Returns the claims that each container uses, and checks that the Pod has them."""
    found = {c["name"]: [u["name"] for u in c["resources"].get("claims", [])]
             for kind in ("initContainers", "containers") for c in obj["spec"].get(kind, [])}
    assert set().union(*found.values()) <= set(claims(obj))
    return found


def asks(obj):
    return {c["name"]: c["resources"].get("limits", {}) for kind in ("initContainers", "containers") for c in obj["spec"].get(kind, [])}


def settled(server, obj):
    """Returns the Pod as /mutate changes it. A second call changes nothing."""
    after = server.mutated(obj)
    assert server.mutate(after).patch == []
    return after


@pytest.fixture(scope="module")
def one(serve_module):
    return serve_module([*FLEET, rule("r", ONE)])


# --- The change ---

def test_a_request_becomes_a_claim(one):
    before = pod({GPU: 1, "cpu": "8"})
    after = settled(one, before)
    assert claims(after) == {"gpugate-0": "one"} and uses(after) == {"main": ["gpugate-0"]}
    assert after["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "8"}, "requests": {"cpu": "8"}, "claims": [{"name": "gpugate-0"}]}
    assert after["spec"]["tolerations"][-1] == {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
    rest = copy.deepcopy(after)
    del rest["spec"]["resourceClaims"], rest["spec"]["tolerations"][-1]
    rest["spec"]["containers"][0]["resources"] = before["spec"]["containers"][0]["resources"]
    assert rest == before, "nothing else may change"


def test_the_claim_is_charged_and_the_pod_is_not(one):
    decision, final = one.admit(pod({GPU: 1}))
    assert decision.allowed and "charge" not in decision.audit
    assert create(one, claim(request("gpu.nvidia.com"), name="generated")).audit["charge"] == "team-a/all=1"


def test_each_container_gets_a_claim_of_its_own(one):
    after = settled(one, pod(containers=[container({GPU: 1}, "a"), container(None, "b"), container({GPU: 1}, "c")]))
    assert uses(after) == {"a": ["gpugate-0"], "b": [], "c": ["gpugate-1"]} and claims(after) == {"gpugate-0": "one", "gpugate-1": "one"}


@pytest.mark.parametrize("init,regular,expected", [
    (["i"], ["a"], {"i": 0, "a": 0}),
    (["i", "j"], ["a", "b"], {"i": 0, "j": 0, "a": 0, "b": 1}),
    (["i", "j"], [], {"i": 0, "j": 0, "main": None}),
    (["+s"], ["a"], {"s": 0, "a": 1}),
    (["i", "+s", "j"], ["a"], {"i": 0, "s": 0, "j": 1, "a": 1}),
    (["i", "+s", "j"], [], {"i": 0, "s": 0, "j": 1, "main": None}),
], ids=lambda v: "-".join(v) if isinstance(v, list) else "")
def test_a_pod_has_as_many_claims_as_its_effective_request(one, init, regular, expected):
    """Init containers that end before another one starts use its devices. Sidecars do not end."""
    after = settled(one, pod(init=[sidecar({GPU: 1}, name[1:]) if name[0] == "+" else container({GPU: 1}, name) for name in init],
                             containers=[container({GPU: 1}, name) for name in regular] or [container()]))
    assert uses(after) == {name: [] if n is None else [f"gpugate-{n}"] for name, n in expected.items()}
    assert len(claims(after)) == 1 + max(n for n in expected.values() if n is not None)
    held = [uses(after)[name[1:]] for name in init if name[0] == "+"] + [uses(after)[name] for name in regular]
    assert len({str(c) for c in held}) == len(held), "what runs at once shares nothing"


# --- Amounts ---

def test_amounts_that_a_claim_is_not_for_are_left_alone(serve):
    server = serve([*FLEET, rule("r", ONE)])
    for several in (pod({GPU: 2}), pod(containers=[container({GPU: 1}), container({GPU: 2}, "b")]), pod(init=[container({GPU: 3}, "i")], containers=[container({GPU: 1})])):
        assert server.mutate(several).patch == []
    assert server.mutate(pod({GPU: 0})).patch == []


def test_two_rules_for_two_amounts(serve):
    server = serve([*FLEET, rule("r1", ONE), rule("r2", TWO)])
    assert claims(settled(server, pod({GPU: 1}))) == {"gpugate-0": "one"}
    assert claims(settled(server, pod({GPU: 2}))) == {"gpugate-0": "two"}
    assert server.mutate(pod({GPU: 3})).patch == []
    mixed = pod(containers=[container({GPU: 1}), container({GPU: 2}, "b")])
    assert server.mutate(mixed).patch == [], "a Rule applies whole or not at all"


def test_two_requests_to_one_template_are_two_claims(serve):
    both = {"from": OTHER, "toClaim": {"template": "one"}}
    for rules in ([rule("r", ONE, both)], [rule("r1", ONE), rule("r2", both)]):
        after = settled(serve([*FLEET, *rules]), pod({GPU: 1, OTHER: 1}))
        assert claims(after) == {"gpugate-0": "one", "gpugate-1": "one"} and uses(after) == {"main": ["gpugate-0", "gpugate-1"]}
        assert asks(after) == {"main": {}}


def test_what_says_how_much_of_a_device_is_left_alone(one):
    """The claim would be of a whole device, and the companion would be without one."""
    assert one.mutate(pod({GPU: 1, "nvidia.com/gpumem": 4000})).patch == []
    assert one.mutate(pod({GPU: 1, "nvidia.com/gpucores": 30})).patch == []


# --- Names ---

def test_names_that_the_pod_has_are_not_taken(one):
    own = [{"name": name, "resourceClaimName": "mine"} for name in ("gpugate-0", "gpugate-2", "gpugate-02", "gpugate-x", "gpugate-999")]
    after = settled(one, pod(containers=[container({GPU: 1}, "a"), container({GPU: 1}, "b")], resourceClaims=own))
    assert uses(after) == {"a": ["gpugate-1"], "b": ["gpugate-3"]} and after["spec"]["resourceClaims"][:5] == own


def test_a_name_that_only_a_container_has_is_not_taken(one):
    """The API server refuses such a Pod. A claim of another container must not make it valid."""
    wrong = container(None, "wrong")
    wrong["resources"]["claims"] = [{"name": "gpugate-0"}]
    after = one.mutated(pod(containers=[container({GPU: 1}, "a"), wrong]))
    assert claims(after) == {"gpugate-1": "one"} and after["spec"]["containers"][0]["resources"]["claims"] == [{"name": "gpugate-1"}]


def test_a_claim_of_the_pod_with_another_name_is_one_more(one):
    mine = container({GPU: 1})
    mine["resources"]["claims"] = [{"name": "mine"}]
    after = settled(one, pod(containers=[mine], resourceClaims=[{"name": "mine", "resourceClaimTemplateName": "one"}]))
    assert uses(after) == {"main": ["mine", "gpugate-0"]} and claims(after) == {"mine": "one", "gpugate-0": "one"}


def test_a_default_that_comes_back_is_removed(one):
    """LimitRanger runs after the webhooks, and they are then called again."""
    after = settled(one, pod(init=[container({GPU: 1}, "i")], containers=[container({GPU: 1}), container({GPU: 1}, "b")]))
    again = copy.deepcopy(after)
    for c in again["spec"]["containers"] + again["spec"]["initContainers"]:
        c["resources"].setdefault("limits", {})[GPU] = "1"
        c["resources"].setdefault("requests", {})[GPU] = "1"
    assert settled(one, again) == after
    again["spec"]["containers"][0]["resources"]["limits"][GPU] = "2"
    kept = one.mutated(again)
    assert asks(kept)["main"] == {GPU: "2"}, "another amount than that of the claim is another request"


# --- Chains ---

@pytest.mark.parametrize("orders", [(1, 2), (2, 1)])
def test_a_chain_that_ends_in_claims(serve, orders):
    server = serve([*FLEET, rule("x", {"from": OTHER, "to": GPU}, order=orders[0]), rule("y", ONE, order=orders[1])])
    after = settled(server, pod({OTHER: 1}))
    assert claims(after) == {"gpugate-0": "one"} and asks(after) == {"main": {}}
    again = copy.deepcopy(after)
    again["spec"]["containers"][0]["resources"]["limits"] = {OTHER: "1"}
    assert asks(settled(server, again)) == {"main": {}} and claims(settled(server, again)) == claims(after)


def test_a_chain_loses_no_device(serve):
    """The first Rule gives a claim, and then the other one makes one more request of that name."""
    server = serve([*FLEET, rule("y", ONE, order=1), rule("x", {"from": OTHER, "to": GPU}, order=2)])
    after = settled(server, pod({GPU: 1, OTHER: 1}))
    assert claims(after) == {"gpugate-0": "one", "gpugate-1": "one"} and asks(after) == {"main": {}}


def test_a_claim_is_of_rules_that_match_the_pod(serve):
    """Another Rule would make the same claim of the other request, but not for this Pod."""
    server = serve([*FLEET, rule("a", {"from": OTHER, "toClaim": {"template": "rest"}}, match={"podSelector": {"matchLabels": {"a": "yes"}}}),
                    rule("b", {"from": OTHER, "toClaim": {"template": "one", "count": 2}}, match={"podSelector": {"matchLabels": {"b": "yes"}}}),
                    rule("c", {"from": GPU, "toClaim": {"template": "one", "count": 2}})])
    assert asks(settled(server, pod({GPU: 2, OTHER: 2}, labels={"a": "yes"}))) == {"main": {OTHER: "2"}}


def test_a_slice_that_a_rule_chose_becomes_a_claim(serve):
    server = serve([*FLEET, rule("x", {"from": GPU, "toMig": {"accelerator": "a100", "default": "10Gi"}}),
                    rule("y", {"from": MIG, "toClaim": {"template": "slice"}})])
    assert claims(settled(server, pod({GPU: 1}))) == {"gpugate-0": "slice"}


def test_later_rules_see_no_request(serve):
    place = [doc("Rule", "later", order=2000, match={"requests": {GPU: {}}}, inject={"nodeSelector": {"later": "x"}}),
             doc("Rule", "sooner", order=1, match={"requests": {GPU: {}}}, inject={"nodeSelector": {"sooner": "x"}})]
    after = settled(serve([*FLEET, rule("r", ONE), *place]), pod({GPU: 1}))
    assert after["spec"]["nodeSelector"] == {"sooner": "x"}


def test_visible_devices_are_void(serve):
    """The claim gives the devices by CDI, which does not read the variable."""
    server = serve([*FLEET, rule("r", ONE), doc("Guard", "g", visibleDevices="void")])
    decision, final = server.admit(pod({GPU: 1}))
    assert decision.allowed
    assert final["spec"]["containers"][0]["env"] == [{"name": f"{vendor}_VISIBLE_DEVICES", "value": "void"} for vendor in ("NVIDIA", "AMD")]


# --- Enforcement, Guards ---

def test_a_rule_that_only_reports(serve):
    server = serve([*FLEET, rule("r", ONE, enforcement="warn")])
    decision = server.mutate(pod({GPU: 1}))
    assert decision.patch == [] and decision.warnings == [
        f'Rule "r" would replace {GPU} by claims from the ResourceClaimTemplate "one" in container "main" (enforcement: warn)']


def test_a_required_rule_refuses_what_passed_by(serve):
    server = serve([*FLEET, rule("r", ONE, required=True)])
    assert 'the required Rule "r" would still change the Pod' in server.validate(pod({GPU: 1})).message
    assert server.validate(pod({GPU: 2}), dry_run=True).allowed
    assert server.admit(pod({GPU: 1}))[0].allowed


def test_a_guard_applies_to_claims_of_rules(serve):
    guarded = doc("Guard", "g", resourceClaims={"templates": ["other-*"]})
    decision, _ = serve([*FLEET, rule("r", ONE), guarded]).admit(pod({GPU: 1}))
    assert not decision.allowed and 'ResourceClaimTemplate one is not allowed; use "other-*" (Guard "g")' in decision.message


# --- A manifest that is applied again ---

MANIFEST = pod(init=[container({GPU: 1}, "i")], containers=[container({GPU: 1, "cpu": 1}), container({GPU: 1}, "b"), container(None, "c")], name="p",
               resourceClaims=[{"name": "own", "resourceClaimName": "mine"}])


@pytest.mark.parametrize("how", [merged, lambda stored, manifest: manifest], ids=["apply", "replace"])
@pytest.mark.parametrize("manifest", [MANIFEST, pod({GPU: 1}, name="p"), pod(containers=[container(limits={GPU: "1"})], name="p")], ids=["many", "one", "limits"])
def test_applied_again(one, how, manifest):
    stored = one.mutated(kube.defaulted(manifest))
    again = how(stored, kube.defaulted(manifest))
    assert again != stored
    assert one.mutated(again, operation="UPDATE", old=stored) == stored
    assert one.mutate(stored, operation="UPDATE", old=stored).patch == []


def test_applied_again_with_a_chain(serve):
    server = serve([*FLEET, rule("x", {"from": OTHER, "to": GPU}), rule("y", ONE)])
    for asked in ({OTHER: 1}, {OTHER: 1, GPU: 1}):
        manifest = pod(asked, name="p")
        stored = server.mutated(manifest)
        assert server.mutated(manifest, operation="UPDATE", old=stored) == stored


def test_an_update_changes_only_what_claims_stand_for(one):
    stored = one.mutated(pod({GPU: 1}, name="p"))
    tolerations = stored["spec"]["tolerations"]
    # Another amount, and a name that no claim stands for: the API server says that it is immutable.
    for asked in ({GPU: 2}, {OTHER: 1}):
        assert one.mutate(pod(asked, name="p", tolerations=tolerations), operation="UPDATE", old=stored).patch == []
    # Claims that the update itself adds explain nothing.
    old = pod({"cpu": 1}, name="p")
    new = one.mutated(pod({GPU: 1}, name="p"))
    new["spec"]["containers"][0]["resources"]["limits"] = {GPU: "1"}
    assert one.mutate(new, operation="UPDATE", old=old).patch == []
    # Nor does a claim of another template, or one that the container does not use.
    for spoil in (lambda spec: spec["resourceClaims"][0].update(resourceClaimTemplateName="else"),
                  lambda spec: spec["containers"][0]["resources"].pop("claims")):
        old = copy.deepcopy(stored)
        spoil(old["spec"])
        assert one.mutate(pod({GPU: 1}, name="p", tolerations=tolerations), operation="UPDATE", old=old).patch == []


def test_an_update_without_resources_is_left_to_the_api_server(one):
    stored = one.mutated(pod({GPU: 1}, name="p"))
    for resources in (None, {}, {"limits": None}):
        new = copy.deepcopy(stored)
        new["spec"]["containers"][0]["resources"] = resources
        assert one.mutate(new, operation="UPDATE", old=stored).patch == []


# --- Bounds ---

def test_as_many_claims_as_there_may_be(one):
    many = [container({GPU: 1}, f"c{n}") for n in range(64)]
    after = settled(one, pod(containers=many))
    assert len(claims(after)) == 64
    refused = one.mutate(pod(containers=[*many, container({GPU: 1}, "more")]))
    assert not refused.allowed and refused.message.startswith(
        f'Rule "r" would give the Pod claims of devices for {GPU}, and with them it would have more than 64 claims with names such as gpugate-0; '
        "request devices in fewer containers, and give your own claims other names")


def test_claims_of_the_tenant_with_such_names_count_too(one):
    own = [{"name": f"gpugate-{n}", "resourceClaimName": "mine"} for n in range(64)]
    assert "more than 64 claims" in one.mutate(pod({GPU: 1}, resourceClaims=own)).message
    assert one.mutate(pod({GPU: 1}, resourceClaims=own[1:])).allowed
    assert one.mutate(pod({"cpu": 1}, resourceClaims=own)).patch == [], "no Rule gives this Pod a claim"


def used_often(count):
    using = container(None, "user")
    using["resources"]["claims"] = [{"name": "gpugate-0", "request": f"r{n}"} for n in range(count)]
    return pod(containers=[container({GPU: 1}), using], resourceClaims=[{"name": "gpugate-0", "resourceClaimName": "mine"}])


def test_uses_are_bounded(one):
    settled(one, used_often(1023))
    for count in (1024, 1025):
        assert one.mutate(used_often(count)).message.startswith(
            f'Rule "r" would give the Pod claims of devices for {GPU}, and with them its containers would use claims with names such as gpugate-0 '
            "more than 1024 times; give your own claims other names")


RULES = [rule(f"r{n}", {"from": GPU, "toClaim": {"template": f"t{n}", "count": 7 + n}}) for n in range(200)]
HOSTILE_BYTES = 2_900_000


def hostile_claims():
    """Many claims from templates that Rules give, and many uses of them."""
    listed = [{"name": f"gpugate-{n % 128}", "resourceClaimTemplateName": f"t{n % 200}"} for n in range(10000)]
    using = container({GPU: 1})
    using["resources"]["claims"] = [{"name": f"gpugate-{n % 128}"} for n in range(15000)]
    return pod(containers=[using, *[container({GPU: 1}, f"c{n}") for n in range(1000)]], resourceClaims=listed)


def hostile_containers():
    """Many containers that request a device, each of which uses claims."""
    def using(n):
        c = {"name": f"c{n}", "resources": {"limits": {GPU: "7"}, "claims": [{"name": f"gpugate-{k}"} for k in range(8)]}}
        return c
    listed = [{"name": f"gpugate-{n}", "resourceClaimTemplateName": f"t{n}"} for n in range(64)]
    return pod(containers=[using(n) for n in range(10000)], resourceClaims=listed)


@pytest.mark.parametrize("obj", [hostile_claims(), hostile_containers()], ids=["claims", "containers"])
@pytest.mark.parametrize("update", [False, True], ids=["create", "update"])
def test_a_hostile_pod_costs_little_more_than_a_large_one(serve, obj, update):
    """The same Pod with a policy without such Rules is read and judged, too."""
    how = {"operation": "UPDATE", "old": {**obj, "spec": {**obj["spec"], "containers": obj["spec"]["containers"][:1]}}} if update else {}
    body = json.dumps(kube.review(obj, **how)).encode()
    assert 1_000_000 < len(body) < 3_000_000
    spent = {}
    for name, policy in (("without", FLEET), ("with", [*FLEET, *RULES])):
        server = serve(policy)
        server.post("/mutate", body)
        begin = cpu_seconds(server.process.pid)
        for _ in range(5):
            assert server.post("/mutate", body).status == 200
        spent[name] = cpu_seconds(server.process.pid) - begin
    assert spent["with"] < 8 * spent["without"], spent


# --- What the compiler refuses ---

def lint(folder, policy, *args):
    write_policy(folder, policy)
    done = run("lint", *args, folder)
    return done.returncode, done.stdout + done.stderr


T4 = doc("Accelerator", "t4", resource=GPU, nodeLabels={"gpu": "t4"})
REFUSED = {
    "an Accelerator without a class": ([A100, T4, TEAM, rule("r", ONE)], f'Accelerator "t4" (', f'has "{GPU}" too, and lists no device class of it'),
    "a class of another resource": ([T4, AMD, TEAM, rule("r", ONE)], 'Accelerator "t4" (', "list the class in its `deviceClasses`"),
    "a slice without a class": ([doc("Accelerator", "a100", resource=GPU, deviceClasses=["gpu.nvidia.com"], mig={"model": "a100-80gb", "offered": ["1g.10gb"]}),
                                 TEAM, rule("r", {"from": MIG, "toClaim": {"template": "t"}})], 'Accelerator "a100" (', "list the class in its `mig.deviceClasses`"),
    "only slices have a class": ([doc("Accelerator", "a100", resource=GPU, mig={"model": "a100-80gb", "offered": ["1g.10gb"], "deviceClasses": {"m": "1g.10gb"}}),
                                  TEAM, rule("r", ONE)], 'Accelerator "a100" (', "lists no device class of it"),
    "no Accelerator": ([*FLEET, rule("r", {"from": "gpu.intel.com/i915", "toClaim": {"template": "t"}})], 'no Accelerator has "gpu.intel.com/i915"', "with its deviceClasses"),
    "its own rewrite": ([*FLEET, rule("r", ONE, {"from": OTHER, "to": GPU})], f'the Rule rewrites "{OTHER}" to "{GPU}", which it turns into claims itself', "in another Rule"),
    "its own profile": ([*FLEET, rule("r", {"from": GPU, "toMig": {"accelerator": "a100", "default": "10Gi"}}, {"from": MIG, "toClaim": {"template": "t"}})],
                        f'the Rule rewrites "{GPU}" to "{MIG}", which it turns into claims itself', "in another Rule"),
    "two targets": ([*FLEET, rule("r", {**ONE, "to": MIG})], "`to`, `toMig` and `toClaim` exclude each other", "keep one"),
    "maxPerContainer": ([*FLEET, rule("r", {**ONE, "maxPerContainer": 2})], "with `toClaim`, only `count` says what a container may ask for", "remove maxPerContainer"),
    "no template": ([*FLEET, rule("r", {"from": GPU, "toClaim": {"count": 2}})], 'a claim from a template needs the key "template"', ""),
    "no count": ([*FLEET, rule("r", {"from": GPU, "toClaim": {"template": "t", "count": 0}})], "count", "1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_compiler_refuses(tmp_path, case):
    policy, *parts = REFUSED[case]
    code, text = lint(tmp_path, policy)
    assert code == 1, text
    for part in parts:
        assert part in text


def test_a_template_name_may_be_long(serve):
    name = ".".join(["t" * 60] * 4)
    server = serve([*FLEET, rule("r", {"from": GPU, "toClaim": {"template": name}})])
    assert claims(settled(server, pod({GPU: 1}))) == {"gpugate-0": name}


def test_a_share_becomes_a_claim_of_a_whole_device(serve):
    shared = "nvidia.com/gpu.shared"
    fleet = [doc("Accelerator", "a100", resource=GPU, sharing={"resource": shared, "replicas": 4}, deviceClasses=["gpu.nvidia.com"]), TEAM]
    server = serve([*fleet, rule("r", {"from": shared, "toClaim": {"template": "t"}})])
    assert claims(settled(server, pod({shared: 1}))) == {"gpugate-0": "t"}


# --- What is not the same ---

SHARED = "nvidia.com/gpu.shared"
SHARING = doc("Accelerator", "a100", resource=GPU, sharing={"resource": SHARED, "replicas": 4}, deviceClasses=["gpu.nvidia.com"])


@pytest.mark.parametrize("name,quota", [
    (SHARED, {"name": "shares", "resources": [SHARED], "hard": 8}),
    (MIG, {"name": "slices", "resources": [MIG], "hard": 8}),
])
def test_a_quota_of_a_part_does_not_cover_its_claims(tmp_path, name, quota):
    """Without the warning, Pods would be admitted and wait for claims that are refused forever."""
    fleet = [SHARING if name == SHARED else A100, doc("Tenant", "team-a", namespaces=["team-a"], quotas=[quota])]
    said = lint(tmp_path, [*fleet, rule("r", {"from": name, "toClaim": {"template": "t"}})])[1]
    assert "[rewrite-uncovered]" in said and "deviceclass.resource.kubernetes.io/" in said, said


def test_a_claim_of_a_share_costs_more(tmp_path):
    policy = [SHARING, TEAM, rule("r", {"from": SHARED, "toClaim": {"template": "t"}})]
    assert f'a claim is for a whole device of Accelerator "a100", and costs more than "{SHARED}", which is a part of one' in lint(tmp_path, policy)[1]


def test_a_rule_for_other_pods_says_nothing_of_this_one(serve):
    """A claim that looks like one of a Rule that does not concern the Pod stands for nothing."""
    used = container({GPU: 1})
    used["resources"]["claims"] = [{"name": "gpugate-0"}]
    server = serve([*FLEET, rule("dev", ONE, match={"namespaces": ["dev"]}), rule("x", {"from": GPU, "to": OTHER}, match={"namespaces": ["team-a"]})])
    manifest = pod(containers=[used], resourceClaims=[{"name": "gpugate-0", "resourceClaimTemplateName": "one"}])
    after = settled(server, manifest)
    assert asks(after) == {"main": {OTHER: "1"}} and claims(after) == {"gpugate-0": "one"}
    assert server.mutated(manifest, operation="UPDATE", old=after) == after, "an apply changes nothing"


def test_an_amount_of_zero_is_no_part_of_a_device(serve):
    server = serve([*FLEET, rule("r", ONE, required=True)])
    assert claims(settled(server, pod({GPU: 1, "nvidia.com/gpumem": 0}))) == {"gpugate-0": "one"}
    assert not server.validate(pod({GPU: 1, "nvidia.com/gpumem": 0})).allowed


def test_a_companion_is_reported_once(tmp_path):
    said = lint(tmp_path, [*FLEET, rule("r", {"from": "nvidia.com/gpumem", "toClaim": {"template": "t"}})])[1]
    assert said.count("error:") == 1 and "is a companion of a device" in said, said


# --- explain ---

def test_explain_says_what_changes_and_why_not(tmp_path):
    write_policy(tmp_path / "policy", [*FLEET, rule("r", ONE)])
    (tmp_path / "pod.json").write_text(json.dumps(pod({GPU: 1})))
    (tmp_path / "two.json").write_text(json.dumps(pod({GPU: 2})))
    done = run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "pod.json")
    assert f"- resources {GPU}: 1" in done.stdout and "+ claim gpugate-0: one" in done.stdout, done.stdout
    done = run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "two.json")
    assert "a container requests another number than toClaim.count, or a part of a device, so the Pod keeps what it requests" in done.stdout, done.stdout
