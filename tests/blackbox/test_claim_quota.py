"""ResourceClaims in quotas: what they are charged, what frees them, and which are refused although
there is room. tests/blackbox/test_claims.py has what Guards say about them."""

import copy
import itertools
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

import kube
from gpugate import run, write_policy
from kube import GPU, doc, pod
from test_claims import GROUP, KINDS, MARK, OF_POD, SCHEDULER, VERSIONS, claim, exactly, guard, request

CLASS = "deviceclass.resource.kubernetes.io/"
NIC = "nic.example.com"
A100 = doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"gpu": "a100"}, deviceClasses=["gpu", "a100"],
           mig={"model": "a100-80gb", "offered": ["1g.10gb"], "deviceClasses": {"mig": "1g.10gb", "mig-3g": "3g.40gb"}})
T4 = doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.25", nodeLabels={"gpu": "t4"}, deviceClasses=["gpu", "t4"])
AMD = doc("Accelerator", "mi300", resource="amd.com/gpu", memory="192Gi", deviceClasses=["amd"])
FLEET = [A100, T4, AMD]
LISTED = ["gpu", "a100", "mig", "mig-3g", "t4", "amd"]
NICS = {"otherResources": [CLASS + NIC]}
NOT_THE_SCHEDULERS = ("the annotation resource.kubernetes.io/extended-resource-claim is the scheduler's, for claims that it creates for the "
                      "extended resources of a Pod; remove it")
NO_ADMIN = ("request r has adminAccess, by which it uses devices that no quota counts; remove adminAccess, or ask the platform team for a "
            "Guard that allows it")
_uids = itertools.count(1)


def tenant(*quotas, name="team-a", **spec):
    return doc("Tenant", name, namespaces=[name], quotas=[{"name": f"q{n}", **quota} for n, quota in enumerate(quotas)], **spec)


def whole(**spec):
    return doc("Settings", "s", **spec)


def gpus(hard):
    return {"measure": "gpus", "hard": hard}


def create(server, obj, **how):
    """Makes the validating call for a claim that is created. It gets a uid unless it has one."""
    obj["metadata"].setdefault("uid", f"claim-{next(_uids)}")
    return send(server, "CREATE", obj, None, **how)


def update(server, old, new, **how):
    return send(server, "UPDATE", new, old, **how)


def delete(server, obj, **how):
    return send(server, "DELETE", None, obj, **how)


def send(server, operation, obj, old, path="validate", **how):
    subject = obj or old
    version = subject["apiVersion"].rpartition("/")[2]
    how.setdefault("namespace", subject["metadata"]["namespace"])
    return server.decide(path, kube.review(obj, operation=operation, old=old, kind=(GROUP, version, subject["kind"]),
                                           resource=(GROUP, version, KINDS[subject["kind"]]), **how))


def first(*options, name="r"):
    """Returns a request with alternatives: (CLASS, COUNT), ..."""
    return {"name": name, "firstAvailable": [{"name": f"o{n}", "deviceClassName": device, "count": count}
                                             for n, (device, count) in enumerate(options)]}


def charge(server, obj, **how):
    decision = create(server, obj, dry_run=True, **how)
    return decision.audit.get("charge", "") if decision.allowed else decision.message


# --- What is charged ---

@pytest.mark.parametrize("version", VERSIONS)
def test_each_form_is_charged(serve, version):
    server = serve([*FLEET, whole(**NICS), tenant(gpus(100), {"hard": 100}, {"measure": "memory", "hard": "10Ti"})])

    def asked(device, **more):
        return {"name": "r", **exactly(device, version, **more)}

    for requests, expected in [
        ([asked("a100")], "team-a/q0=1, team-a/q1=1, team-a/q2=80Gi"),
        ([asked("a100", count=3)], "team-a/q0=3, team-a/q1=3, team-a/q2=240Gi"),
        ([asked("a100", allocationMode="ExactCount", count=2)], "team-a/q0=2, team-a/q1=2, team-a/q2=160Gi"),
        ([asked("t4", allocationMode="All")], "team-a/q0=8, team-a/q1=32, team-a/q2=512Gi"),
        ([asked("t4")], "team-a/q0=0.25, team-a/q1=1, team-a/q2=16Gi"),
        # Any of the Accelerators of the class: the most expensive one.
        ([asked("gpu")], "team-a/q0=1, team-a/q1=1, team-a/q2=80Gi"),
        ([asked("mig")], "team-a/q0=0.14, team-a/q1=1, team-a/q2=10Gi"),
        ([asked("mig-3g", count=2)], "team-a/q0=1, team-a/q1=2, team-a/q2=80Gi"),
        ([asked("amd"), asked("t4")], "team-a/q0=1.25, team-a/q1=2, team-a/q2=208Gi"),
        ([asked(NIC, count=4)], ""), ([asked(NIC), asked("t4")], "team-a/q0=0.25, team-a/q1=1, team-a/q2=16Gi"), ([], ""),
        # Each quota has the alternative that is the most expensive one there.
        ([first(("a100", 1), ("t4", 3))], "team-a/q0=1, team-a/q1=3, team-a/q2=80Gi"),
        ([first(("mig", 2), ("mig-3g", 1)), {**asked("t4"), "name": "s"}], "team-a/q0=0.75, team-a/q1=3, team-a/q2=56Gi"),
        ([first((NIC, 1), ("t4", 1))], "team-a/q0=0.25, team-a/q1=1, team-a/q2=16Gi"),
    ]:
        assert charge(server, claim(*requests, version=version)) == expected, requests
        # A template holds nothing: each of its claims is charged.
        assert create(server, claim(*requests, kind="ResourceClaimTemplate", version=version)).audit.get("charge") is None
    assert server.used("team-a", "q1") == 0


@pytest.mark.parametrize("resources", [None, [GPU, "nvidia.com/mig-*", "amd.com/gpu"]], ids=str)
def test_a_claim_is_charged_as_a_pod_with_the_same_classes(serve, resources):
    server = serve([*FLEET, whole(**NICS), tenant(*(
        {"measure": measure, "hard": "1Pi" if measure == "memory" else 1000, **({"resources": list(resources)} if resources else {})}
        for measure in ("gpus", "count", "memory")))])
    seen = set()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(asked=st.dictionaries(st.sampled_from([*LISTED, NIC]), st.integers(1, 40), max_size=4), version=st.sampled_from(VERSIONS),
           order=st.randoms(use_true_random=False), split=st.booleans())
    def check(asked, version, order, split):
        wanted = [(name, n) for name, count in asked.items() for n in ([1, count - 1] if split and count > 1 else [count])]
        order.shuffle(wanted)
        requests = [{"name": f"r{i}", **exactly(name, version, count=n)} for i, (name, n) in enumerate(wanted)]
        by_name = server.validate(pod({CLASS + name: count for name, count in asked.items()}), dry_run=True)
        assert by_name.allowed
        assert charge(server, claim(*requests, version=version)) == by_name.audit.get("charge", ""), asked
        seen.add(by_name.audit.get("charge", ""))
    check()
    assert len(seen) > 10


def test_one_quota_for_pods_and_claims(serve):
    server = serve([*FLEET, tenant({"hard": 3})])
    assert server.validate(pod({GPU: 1})).allowed
    assert create(server, claim(request("a100"))).allowed
    held = claim(request("a100"))
    assert create(server, held).audit["charge"] == "team-a/q0=1"
    assert server.used("team-a", "q0") == 3
    for refused in (server.validate(pod({GPU: 1})), create(server, claim(request("a100")))):
        assert 'exceeded quota: GPU quota "q0" of tenant "team-a": requested 1, used 3, limit 3, over by 1' in refused.message
        assert refused.raw["status"]["code"] == 403
    assert delete(server, held).allowed
    assert server.used("team-a", "q0") == 2
    assert server.validate(pod({GPU: 1})).allowed


def test_the_sentences_of_quotas(serve):
    server = serve([A100, tenant(gpus(2))])
    assert create(server, claim(request("a100"))).allowed
    assert create(server, claim({"name": "r", **exactly("a100", count=2)})).message == (
        'exceeded quota: GPU quota "q0" of tenant "team-a": requested 2, used 1, limit 2, over by 1; 1 GPU is free; fits: 1 x deviceclass.resource.kubernetes.io/a100 (1)')
    never = create(server, claim({"name": "r", **exactly("a100", count=3)})).message
    assert "can never fit" in never and "exceeded quota" not in never, never
    assert "can never fit" in create(server, claim({"name": "r", **exactly("a100", allocationMode="All")})).message
    # An alternative that is too expensive counts, although another one would fit.
    assert "requested 2, used 1, limit 2" in create(server, claim(first(("a100", 1), ("a100", 2)))).message


def test_a_claim_that_is_asked_about_twice_is_charged_once(serve):
    """The API server asks again after a conflict, and Pods share a claim."""
    server = serve([*FLEET, tenant({"hard": 2})])
    shared = claim(request("a100"))
    for _ in range(3):
        assert create(server, shared).allowed
    for _ in range(3): # Pods that name it hold nothing themselves.
        named = server.validate(pod(resourceClaims=[{"name": "c", "resourceClaimName": "c"}]))
        assert named.allowed and "charge" not in named.audit
    assert server.used("team-a", "q0") == 1
    assert delete(server, shared).allowed and server.used("team-a", "q0") == 0


def test_what_frees_and_what_does_not(serve):
    server = serve([*FLEET, tenant({"hard": 2})])
    held = claim(request("a100"))
    assert create(server, held, dry_run=True).audit["charge"] == "team-a/q0=1" and server.used("team-a", "q0") == 0
    assert create(server, held).allowed and server.used("team-a", "q0") == 1
    terminating = copy.deepcopy(held)
    terminating["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    allocated = {**held, "status": {"allocation": {"devices": {"results": []}}, "reservedFor": []}}
    assert update(server, held, terminating).allowed
    assert update(server, held, allocated, subresource="status").allowed
    assert delete(server, held, dry_run=True).allowed
    assert delete(server, {**held, "metadata": {**held["metadata"], "uid": "other"}}).allowed
    assert server.used("team-a", "q0") == 1
    assert delete(server, held).allowed and server.used("team-a", "q0") == 0


def test_what_a_claim_says_that_it_has_got_is_not_believed(serve):
    """Nor is what it has really got, since it can get something else later without a review."""
    server = serve([*FLEET, tenant({"hard": 10})])
    results = [{"request": "r", "driver": "d", "pool": "p", "device": "x"}]
    created = {**claim({"name": "r", **exactly("a100", count=4)}), "status": {"allocation": {"devices": {"results": results}}}}
    assert create(server, created).audit["charge"] == "team-a/q0=4"
    assert update(server, created, created, subresource="status").allowed and server.used("team-a", "q0") == 4


# --- The mark of the scheduler ---

def marked(version="v1", owner=OF_POD, mark=True, **how):
    return claim({"name": "r", **exactly("a100", version)}, version=version, **({"annotations": {MARK: "true"}} if mark else {}),
                 **({"ownerReferences": [owner]} if owner else {}), **how)


def test_the_claim_of_the_scheduler_is_its_pods(serve):
    server = serve([*FLEET, tenant({"hard": 1})])
    assert server.validate(pod({CLASS + "a100": 1})).allowed
    created = marked(name="", generateName="p-extended-resources-")
    decision = create(server, created, user=SCHEDULER)
    assert decision.allowed and "charge" not in decision.audit
    assert update(server, created, copy.deepcopy(created), user=("alice", [])).allowed
    assert server.used("team-a", "q0") == 1


def test_the_mark_is_not_changed_later(serve):
    server = serve([*FLEET, tenant({"hard": 10})])
    held, now = marked(mark=False, owner=None), marked(owner=None)
    assert create(server, held).audit["charge"] == "team-a/q0=1"
    assert update(server, held, now).message == NOT_THE_SCHEDULERS
    # The value makes no difference, and a claim without the mark counts.
    other = copy.deepcopy(now)
    other["metadata"]["annotations"][MARK] = "false"
    assert update(server, now, other).message == NOT_THE_SCHEDULERS
    assert update(server, now, now).allowed and update(server, now, held).allowed
    assert update(server, held, now, user=SCHEDULER).allowed
    assert server.used("team-a", "q0") == 1


# --- adminAccess ---

@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("documents, allowed", [
    ([], False), ([guard(classes=["*"])], False), ([guard(classes=["*"], adminAccess=True)], True),
    ([guard(classes=["*"], adminAccess=True, exempt={"namespaces": ["team-a"]})], False),
    ([guard(templates=["*"])], False)])
def test_admin_access_needs_a_guard_that_allows_it(serve, documents, allowed, version):
    server = serve([*FLEET, tenant({"hard": 10}), *documents])
    decision = create(server, claim({"name": "r", **exactly("a100", version, adminAccess=True)}, {"name": "s", **exactly("a100", version)},
                                    version=version))
    assert decision.allowed == allowed
    if allowed: # The device of the first request is used, and not held.
        assert decision.audit["charge"] == "team-a/q0=1"
    else:
        assert NO_ADMIN in decision.message or "has adminAccess, by which it uses devices that others hold" in decision.message


# --- What cannot be counted ---

@pytest.mark.parametrize("requests, said", [
    ([{"name": "r"}], "request r is of a form that this version of gpugate cannot count; use `exactly` or `firstAvailable`, with a device class"),
    ([{"name": "r", "someday": {"deviceClassName": "a100"}}], "request r is of a form that this version of gpugate cannot count"),
    ([{"name": "r", "firstAvailable": []}], "request r is of a form that this version of gpugate cannot count"),
    ([{"name": "r", "exactly": {"count": 1}}], "request r is of a form that this version of gpugate cannot count"),
    ([{"name": "r", "exactly": {"deviceClassName": "a100", "allocationMode": "Some"}}],
     "request r has an allocationMode that this version of gpugate cannot count; use ExactCount or All"),
    ([{"name": "r", "firstAvailable": [{"name": "o", "deviceClassName": "a100"}, {"name": "p", "deviceClassName": "t4", "allocationMode": "all"}]}],
     "request r has an allocationMode that this version of gpugate cannot count; use ExactCount or All"),
    *(([{"name": "r", "exactly": {"deviceClassName": "a100", "count": count}}], "request r has a count that is no number of devices; request at least 1")
      for count in (-1, 1.5, 99999999999999999999)),
    ([{"name": "r", "exactly": {"deviceClassName": "a100", "count": 1000000001}}], "the claim requests more than 1000000000 devices; request fewer"),
    ([{"name": f"r{n}", "exactly": {"deviceClassName": "a100", "count": 600000000}} for n in range(2)],
     "the claim requests more than 1000000000 devices; request fewer"),
    ([{"name": f"r{n}", "firstAvailable": [{"name": f"o{k}", "deviceClassName": "t4"} for k in range(8)]} for n in range(33)],
     "the claim has more than 256 ways to meet its requests; request less"),
])
def test_what_cannot_be_counted_is_refused(serve, requests, said):
    server = serve([*FLEET, tenant({"hard": "unlimited"})])
    decision = create(server, claim(*requests))
    assert not decision.allowed and said in decision.message, decision
    assert "exceeded quota" not in decision.message # Nobody waits for what never comes.
    assert server.used("team-a", "q0") == 0


# --- Classes of no Accelerator ---

SENTENCE = ('no Accelerator of the GPU policy has the device class "fpga.example.com", so a device of it counts as a whole one; correct the name, or '
            'ask the platform team to add it to an Accelerator, or to list "deviceclass.resource.kubernetes.io/fpga.example.com" in '
            "Settings.otherResources")


@pytest.mark.parametrize("unknown", ["allow", "audit", "warn", "deny"])
def test_classes_that_no_accelerator_has(serve, unknown):
    """They count as whole devices in any case, whether a Pod or a claim requests them."""
    server = serve([*FLEET, whole(unknownResources=unknown), tenant({"hard": 9})])
    for decision in (create(server, claim(request("fpga.example.com"))), server.validate(pod({CLASS + "fpga.example.com": 1}))):
        if unknown == "deny":
            assert decision.message == SENTENCE
        else:
            assert decision.allowed and decision.audit["charge"] == "team-a/q0=1"
            assert decision.warnings == ([SENTENCE] if unknown == "warn" else [])
    assert server.used("team-a", "q0") == (0 if unknown == "deny" else 2)


def test_a_class_that_is_nearly_known(serve):
    server = serve([*FLEET, doc("Accelerator", "h100", resource=GPU, nodeLabels={"gpu": "h100"}, deviceClasses=["gpu.nvidia.com"]),
                    whole(unknownResources="deny"), tenant({"hard": 9})])
    said = create(server, claim(request("gpu.nvidai.com"), request("x", "y", name="s"))).message
    assert said == ('no Accelerator of the GPU policy has the device classes "gpu.nvidai.com" and 2 more that the claim requests, so a device of them '
                    'counts as a whole one; correct the names (did you mean "gpu.nvidia.com"?), or ask the platform team to add them to an '
                    'Accelerator, or to list "deviceclass.resource.kubernetes.io/gpu.nvidai.com" in Settings.otherResources'), said


def test_channels_of_compute_domains_are_no_devices(serve):
    server = serve([*FLEET, whole(unknownResources="deny"), tenant({"hard": 1}, {"measure": "memory", "hard": "80Gi"})])
    for name in ("compute-domain-default-channel.nvidia.com", "compute-domain-daemon.nvidia.com"):
        decision = create(server, claim(request(name)))
        assert decision.allowed and not decision.warnings and "charge" not in decision.audit


def test_a_policy_without_classes_counts_no_claims(serve):
    """Nothing says what their devices are. Their Guards, however, are those of the claims."""
    server = serve([tenant({"hard": 1}), guard(classes=["a*"])])
    for obj in (claim(request("a100")), marked(owner=None), claim({"name": "r", **exactly("a100", allocationMode="All")})):
        decision = create(server, obj)
        assert decision.allowed and not decision.warnings and "charge" not in decision.audit, decision
    assert not create(server, claim(request("b"))).allowed
    assert update(server, marked(owner=None, mark=False), marked(owner=None)).allowed
    assert server.used("team-a", "q0") == 0


# --- Where ---

def test_namespaces(serve):
    server = serve([*FLEET, whole(exempt={"namespaces": ["kube-system"], "users": ["root"]}), tenant({"hard": 1})])
    expensive = {"name": "r", **exactly("a100", count=5)}
    for how in ({"namespace": "kube-system"}, {"user": ("root", [])}):
        decision = create(server, claim(expensive, namespace=how.get("namespace", "team-a")), **how)
        assert decision.allowed and "charge" not in decision.audit
    assert create(server, claim(expensive, namespace="nowhere")).message == (
        'namespace "nowhere" belongs to no tenant of the GPU policy, so its claims may not request accelerators; use a namespace of a tenant, or ask '
        "the platform team to add this one to a tenant")
    assert create(server, claim(request("compute-domain-daemon.nvidia.com"), namespace="nowhere")).allowed
    assert server.used("team-a", "q0") == 0


@pytest.mark.parametrize("untenanted", ["allow", "warn"])
def test_namespaces_of_no_tenant_that_may(serve, untenanted):
    server = serve([*FLEET, whole(untenanted=untenanted), tenant({"hard": 1})])
    decision = create(server, claim(request("a100"), namespace="nowhere"))
    assert decision.allowed and "charge" not in decision.audit and len(decision.warnings) == (untenanted == "warn")


@pytest.mark.parametrize("quota, device, said", [
    ({"hard": 9, "accelerators": ["t4"]}, "gpu",
     'no GPU quota of tenant "team-a" covers deviceclass.resource.kubernetes.io/gpu of Accelerator "a100", which the claim could get; use a device class '
     'of "t4" alone, or ask the platform team for a quota'),
    ({"hard": 9, "accelerators": ["t4"]}, "amd",
     'no GPU quota of tenant "team-a" covers deviceclass.resource.kubernetes.io/amd; ask the platform team for a quota'),
    ({"measure": "memory", "hard": "9Ti"}, "fpga.example.com",
     'GPU quota "q0" of tenant "team-a" measures memory, but no Accelerator of the policy says how much '
     "deviceclass.resource.kubernetes.io/fpga.example.com has; ask the platform team to add that"),
])
def test_what_no_quota_covers_is_refused(serve, quota, device, said):
    server = serve([*FLEET, whole(unknownResources="allow"), tenant(quota)])
    assert create(server, claim(request(device))).message == said
    # No alternative may be uncovered.
    assert said in create(server, claim(first(("t4", 1), (device, 1)))).message
    assert create(server, claim(request("t4"))).allowed


@pytest.mark.parametrize("enforcement", ["warn", "audit"])
def test_a_tenant_that_is_not_refused_is_charged(serve, enforcement):
    server = serve([*FLEET, tenant({"hard": 1}, enforcement=enforcement)])
    decision = create(server, claim({"name": "r", **exactly("a100", count=3)}))
    assert decision.allowed and len(decision.warnings) == (enforcement == "warn")
    assert server.used("team-a", "q0") == 3


def test_a_parent_and_a_child(serve):
    server = serve([*FLEET, tenant({"hard": 2}, name="org"), tenant({"hard": "unlimited"}, name="team-a", parent="org")])
    assert create(server, claim({"name": "r", **exactly("a100", count=2)})).audit["charge"] == "team-a/q0=2, org/q0=2"
    assert 'GPU quota "q0" of tenant "org"' in create(server, claim(request("t4"))).message


def test_a_refusal_is_logged_and_counted(serve):
    server = serve([*FLEET, tenant({"hard": 1})])
    assert create(server, claim(request("a100"))).allowed
    assert not create(server, claim(request("a100"), name="mine")).allowed
    [denied] = server.wait_log("denied", 1)
    assert (denied["kind"], denied["name"], denied["tenant"]) == ("ResourceClaim", "mine", "team-a") and "pod" not in denied
    assert server.metrics().total("gpugate_denials_total", reason="quota", name="q0") == 1


# --- Without a server ---

def described(tmp_path, objects, *args, documents=(*FLEET, whole(**NICS), tenant(gpus(2)))):
    manifest = tmp_path / "objects.yaml"
    manifest.write_text(yaml.safe_dump_all(objects, sort_keys=False))
    return run(*args[:1], "-f", manifest, "--policy", write_policy(tmp_path / "policy", list(documents)), *args[1:])


def test_explain_says_what_a_claim_is_charged(tmp_path):
    objects = [claim(first(("mig", 2), ("t4", 3), (NIC, 1)), name="some"), claim({"name": "r", **exactly("gpu", count=3)}, name="many")]
    text = described(tmp_path, objects, "explain").stdout
    assert 'ResourceClaim "some" in namespace "team-a": admitted' in text
    assert f"2 x {CLASS}mig: the claim could get it from any Accelerator that has it: a100" in text, text
    assert f"or 3 x {CLASS}t4: " in text and NIC not in text
    assert "team-a/q0: 0 used + 0.75 requested = 0.75 of 2" in text
    assert 'ResourceClaim "many" in namespace "team-a": refused' in text and "can never fit" in text
    assert "Pod" not in text.partition('"many"')[0], text
    some, many = json.loads(described(tmp_path, objects, "explain", "-o", "json").stdout)["objects"]
    assert [(item["resource"], item["count"], item.get("alternative", False)) for item in some["resources"]] == [
        (CLASS + "mig", 2, False), (CLASS + "t4", 3, True)]
    assert some["quotas"][0]["requested"] == "0.75" and many["verdict"] == "refused"


def test_what_explain_says_of_charges_is_what_serve_says(serve, tmp_path):
    documents = [*FLEET, whole(**NICS), tenant(gpus(100), {"hard": 100})]
    server = serve(documents)
    forms = [claim(request("a100")), claim(first(("a100", 3), ("t4", 8))), claim({"name": "r", **exactly("mig", count=9)}), claim(request("other")),
             claim({"name": "r", **exactly("t4", allocationMode="All")}), claim({"name": "r"}), marked(owner=None), claim(request(NIC)),
             claim({"name": "r", **exactly("a100", adminAccess=True)}), claim(request("a100"), namespace="nowhere")]
    for number, obj in enumerate(forms):
        obj["metadata"]["name"] = f"c{number}"
    told = json.loads(described(tmp_path, forms, "explain", "-o", "json", documents=documents).stdout)["objects"]
    for obj, item in zip(forms, told):
        decision = create(server, copy.deepcopy(obj), dry_run=True)
        assert (item["verdict"] == "admitted", item["message"]) == (decision.allowed, decision.message or None), obj
        if decision.allowed:
            charged = ", ".join(f"{quota['tenant']}/{quota['quota']}={quota['requested']}" for quota in item.get("quotas", ()) if quota["counts"])
            assert charged == decision.audit.get("charge", ""), obj


def test_what_exists_is_counted_by_explain(tmp_path):
    """As it was admitted: it makes no difference which alternative a claim has got."""
    usage = tmp_path / "usage.yaml"
    allocated = claim(first(("a100", 2), ("t4", 1)), name="held", uid="h") | {
        "status": {"allocation": {"devices": {"results": [{"request": "r/o1", "driver": "d", "pool": "p", "device": "x"}]}}}}
    of_scheduler = marked(name="extended", uid="e")
    usage.write_text(yaml.safe_dump_all([allocated, of_scheduler, claim(request("a100"), name="waiting", uid="w")]))
    text = described(tmp_path, [claim(request("a100"))], "explain", "--usage", usage).stdout
    assert "exceeded quota" in text and "requested 1, used 3, limit 2" in text, text


def test_suites_create_and_delete_claims(tmp_path):
    write_policy(tmp_path / "policy", [*FLEET, whole(**NICS), tenant({"hard": 2})])
    steps = [
        {"name": "a claim", "create": claim(request("a100"), name="one"), "expect": {"allowed": True, "charges": {"team-a/q0": 1}, "usage": {"team-a/q0": 1}}},
        {"name": "alternatives", "create": claim(first(("a100", 2), ("t4", 1)), name="two"), "expect": {
            "allowed": False, "message": {"contains": "requested 2, used 1, limit 2"}, "usage": {"team-a/q0": 1}}},
        {"name": "of another class", "create": claim(request(NIC), name="nic"), "expect": {"allowed": True, "charges": {}, "usage": {"team-a/q0": 1}}},
        {"name": "tried", "dryRun": True, "create": claim(request("t4"), name="dry"), "expect": {
            "charges": {"team-a/q0": 1}, "usage": {"team-a/q0": 1}}},
        {"name": "gone", "delete": {"name": "one", "namespace": "team-a"}, "expect": {"usage": {"team-a/q0": 0}}},
        {"name": "a Pod", "create": pod({GPU: 2}, name="p"), "expect": {"allowed": True, "usage": {"team-a/q0": 2}}},
    ]
    suite = tmp_path / "claims.suite.yaml"

    def tested():
        suite.write_text(yaml.safe_dump({"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "claims"},
                                         "spec": {"policy": "policy", "steps": steps}}, sort_keys=False))
        return run("test", suite)
    ran = tested()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    steps.append({"name": "neither", "scale": {"name": "nic", "namespace": "team-a", "replicas": 2}, "expect": {"allowed": True}})
    ran = tested()
    assert ran.returncode != 0 and "ResourceClaim" in ran.stdout + ran.stderr, ran.stdout + ran.stderr


def test_replay_counts_claims(serve, tmp_path):
    """Manifests, and reviews in the order in which they came, with the end of a claim."""
    old = write_policy(tmp_path / "old", [*FLEET, tenant({"hard": 2})])
    new = write_policy(tmp_path / "new", [*FLEET, tenant({"hard": 1})])
    objects = [claim(request("a100"), name=f"c{n}") for n in range(2)]
    manifest = tmp_path / "objects.yaml"
    manifest.write_text(yaml.safe_dump_all(objects))
    report = json.loads(run("replay", "--policy", new, "--against", old, manifest, "-o", "json").stdout)
    assert [(found["kind"], found["name"]) for found in report["differences"]] == [("ResourceClaim", "c1")]

    def reviewed(operation, name):
        obj = claim(request("a100"), name=name, uid=name)
        return kube.review(*((None,) if operation == "DELETE" else (obj,)), operation=operation, old=obj if operation == "DELETE" else None,
                           kind=(GROUP, "v1", "ResourceClaim"), resource=(GROUP, "v1", "resourceclaims"))
    reviews = tmp_path / "reviews.jsonl"
    turns = [("CREATE", "a"), ("CREATE", "b"), ("DELETE", "a"), ("CREATE", "c")]
    reviews.write_text("".join(json.dumps(reviewed(*turn)) + "\n" for turn in turns))
    report = json.loads(run("replay", "--policy", new, "--against", old, reviews, "-o", "json").stdout)
    assert [found["name"] for found in report["differences"]] == ["b"], report


# --- Settings.chargeClaims ---

ALLOCATED = {"chargeClaims": "asAllocated"}


def got(obj, *results, node=None):
    """Returns the claim as it is while it has been given these devices: NAME, NAME/ALTERNATIVE, or
    one of these with what it takes of a shared device."""
    allocation = {"devices": {"results": [
        {"request": name, "driver": "d", "pool": "p", "device": f"x{n}", **({"consumedCapacity": {"memory": takes}} if takes else {})}
        for n, (name, takes) in enumerate(result if isinstance(result, tuple) else (result, None) for result in results)]}}
    if node:
        allocation["nodeSelector"] = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}
    return {**obj, "status": {"allocation": allocation, "reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]}}


def nodes():
    return [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"with-{model}", "labels": {"gpu": model}}} for model in ("a100", "t4", "odd")]


def used(tmp_path, exists, documents):
    """Returns what each quota of team-a holds, as explain says for a Pod beside what exists."""
    usage = tmp_path / "usage.yaml"
    usage.write_text(yaml.safe_dump_all(json.loads(json.dumps([*nodes(), *exists]))))  # Without aliases.
    ran = described(tmp_path, [pod({GPU: 1}, name="probe")], "explain", "--usage", usage, "-o", "json", documents=documents)
    [item] = json.loads(ran.stdout)["objects"]
    return {quota["quota"]: quota["used"] for quota in item["quotas"] if quota["tenant"] == "team-a"}


@pytest.mark.parametrize("settings_, expected", [({}, ["2", "3.25"]), ({"chargeClaims": "asRequested"}, ["2", "3.25"]), (ALLOCATED, ["0.25", "1.5"])])
def test_an_allocated_claim_counts_by_what_it_has(tmp_path, settings_, expected):
    """By the policy's choice: the alternative, or as many devices as All has found, of the model of
    the node."""
    documents = [*FLEET, whole(**NICS, **settings_), tenant(gpus(100))]
    either = got(claim(first(("a100", 2), ("t4", 1)), name="either", uid="1"), "r/o1")
    every = got(claim({"name": "r", **exactly("gpu", allocationMode="All")}, name="every", uid="2"), *["r"] * 5, node="with-t4")
    assert used(tmp_path, [either], documents) == {"q0": expected[0]}
    waits = claim(request("t4"), name="waits", uid="3")
    assert used(tmp_path, [every, waits], documents) == {"q0": expected[1] if settings_ == ALLOCATED else "32.25"}


def test_what_is_taken_of_a_shared_device(tmp_path):
    """A class of whole devices: whatever the claim takes of one, the device is counted."""
    documents = [*FLEET, whole(**NICS, **ALLOCATED), tenant(gpus(100), {"hard": 100})]
    shared = got(claim({"name": "r", **exactly("a100", count=2)}, name="shared", uid="1"), ("r", "10Gi"), ("r", "20Gi"))
    assert used(tmp_path, [shared], documents) == {"q0": "2", "q1": "2"}


def test_a_claim_that_is_created_counts_as_requested(serve):
    """Only the view of the cluster knows allocations. What a new claim says is not believed."""
    server = serve([*FLEET, whole(**NICS, **ALLOCATED), tenant(gpus(100))])
    obj = claim(first(("a100", 2), ("t4", 1)), name="c")
    assert charge(server, copy.deepcopy(obj)) == "team-a/q0=2"
    assert charge(server, got(obj, "r/o1")) == "team-a/q0=2"


def test_another_word_is_refused(tmp_path):
    ran = run("lint", write_policy(tmp_path / "policy", [*FLEET, whole(chargeClaims="asAlocated"), tenant(gpus(1))]))
    assert ran.returncode != 0 and "asAllocated" in ran.stdout + ran.stderr, ran.stdout + ran.stderr


WEIGHTS = {"a100": 4, "t4": 1, "amd": 4}  # In quarters of a GPU.


@st.composite
def requested(draw, name):
    """A request: its options, each a class and a number of devices."""
    device = st.sampled_from(["a100", "t4", "gpu", "amd"])
    options = draw(st.lists(st.tuples(device, st.integers(1, 3)), min_size=1, max_size=3))
    return name, options


@st.composite
def allocated_claims(draw):
    """A claim, and what its allocation says: usually what a scheduler would write."""
    requests = [draw(requested(f"r{n}")) for n in range(draw(st.integers(1, 3)))]
    results, node = None, None
    if draw(st.integers(0, 4)):
        node = draw(st.sampled_from([None, "with-a100", "with-t4", "with-odd", "unknown"]))
        results = []
        for name, options in requests:
            chosen = draw(st.integers(0, len(options) - 1))
            wrong = draw(st.integers(0, 5)) == 0
            count = options[chosen][1] + (draw(st.sampled_from([-1, 1])) if wrong else 0)
            results += [name if len(options) == 1 else f"{name}/o{chosen}"] * count
        if draw(st.integers(0, 9)) == 0:
            results.append(draw(st.sampled_from(["r0", "r0/o0", "r0/o9", "other"])))
    return requests, results, node


def cost(requests, results, node):
    """An independent model of what such a claim costs: quarters of GPUs, and devices."""
    on = {"with-a100": "a100", "with-t4": "t4"}.get(node)

    def each(device):
        return WEIGHTS[device if device != "gpu" else on or "a100"]

    if results is not None and any(name.partition("/")[0] not in dict(requests) for name in results):
        results, on = None, None
    quarters = devices = 0
    for name, options in requests:
        of = [result.partition("/")[2] for result in results or () if result.partition("/")[0] == name]
        names = [""] if len(options) == 1 else [f"o{n}" for n in range(len(options))]
        decided = len(set(of)) == 1 and of[0] in names and len(of) >= options[names.index(of[0])][1]
        if decided:
            quarters += len(of) * each(options[names.index(of[0])][0])
            devices += len(of)
        else:
            quarters += max(count * each(device) for device, count in options)
            devices += max(count for _, count in options)
    return quarters, devices


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(allocated_claims(), min_size=1, max_size=12))
def test_any_allocation_costs_what_it_holds(tmp_path, claims):
    """What an independent model of allocations says, for all claims together."""
    documents = [*FLEET, whole(**NICS, **ALLOCATED), tenant(gpus(10000), {"hard": 10000})]
    exists, quarters, devices = [], 0, 0
    for number, (requests, results, node) in enumerate(claims):
        obj = claim(*[{"name": name, **exactly(options[0][0], count=options[0][1])} if len(options) == 1 else first(*options, name=name)
                      for name, options in requests], name=f"c{number}", uid=f"u{number}")
        exists.append(obj if results is None else got(obj, *results, node=node))
        costs = cost(requests, results, node)
        quarters, devices = quarters + costs[0], devices + costs[1]
    said = used(tmp_path, exists, documents)
    assert (float(said["q0"]) * 4, float(said["q1"])) == (quarters, devices), exists
