"""Claims of devices (dynamic resource allocation): which a Guard allows, where they are created and
where Pods name them."""

import fnmatch
import json
import random
import uuid

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

import kube
from gpugate import run, write_policy
from kube import GPU, doc, pod

GROUP = "resource.k8s.io"
VERSIONS = ("v1", "v1beta2", "v1beta1")
KINDS = {"ResourceClaim": "resourceclaims", "ResourceClaimTemplate": "resourceclaimtemplates"}
MARK = "resource.kubernetes.io/extended-resource-claim"
SCHEDULER = ("system:kube-scheduler", ["system:authenticated"])
CLASSES = ["gpu.nvidia.com", "mig.nvidia.com", "compute-domain-daemon.nvidia.com", "compute-domain-default-channel.nvidia.com", "gpu.amd.com"]
GLOBS = ["compute-domain-*", "*.nvidia.com", "gpu.amd.com", "gpu.?????.com", "*", "none"]
TENANT = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 2}])
OF_POD = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": True}
IMEX = "compute-domain-default-channel.nvidia.com"
# What claims request is not counted, so that only Guards matter.
OTHERS = {"otherResources": ["deviceclass.resource.kubernetes.io/*"]}
UNCOUNTED = doc("Settings", "others", **OTHERS)


def guard(name="claims", enforcement="deny", exempt=None, **spec):
    return doc("Guard", name, enforcement=enforcement, resourceClaims=spec, **({"exempt": exempt} if exempt else {}))


def exactly(device_class, version="v1", **more):
    asked = {"deviceClassName": device_class, **more}
    return asked if version == "v1beta1" else {"exactly": asked}


def request(*options, name="r", version="v1", **more):
    """Returns a request for one device class, or for the first that is available of several."""
    if len(options) == 1:
        return {"name": name, **exactly(options[0], version, **more)}
    return {"name": name, "firstAvailable": [{"name": f"o{n}", "deviceClassName": option, **more} for n, option in enumerate(options)]}


def claim(*requests, kind="ResourceClaim", version="v1", namespace="team-a", name="c", **metadata):
    spec = {"devices": {"requests": list(requests)}}
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": spec if kind == "ResourceClaim" else {"spec": spec}}


def ask(server, obj, operation="CREATE", path="validate", **how):
    version = obj["apiVersion"].rpartition("/")[2]
    how.setdefault("namespace", obj["metadata"]["namespace"])
    obj = obj | {"metadata": {"uid": str(uuid.uuid4())} | obj["metadata"]} # As the API server does.
    return server.decide(path, kube.review(obj, operation=operation, kind=(GROUP, version, obj["kind"]), resource=(GROUP, version, KINDS[obj["kind"]]), **how))


def naming(*claims):
    """Returns a Pod that names these claims: ("template", NAME) or ("claim", NAME)."""
    key = {"template": "resourceClaimTemplateName", "claim": "resourceClaimName"}
    return pod(resourceClaims=[{"name": f"c{n}", key[what]: name} for n, (what, name) in enumerate(claims)])


def listed(globs, name):
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


# --- Claims and templates ---

OPTIONS = st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3)
ASKED = st.lists(st.tuples(OPTIONS, st.booleans()), min_size=0, max_size=3)


@pytest.mark.parametrize("allow", [["compute-domain-*"], [], ["gpu.amd.com", "*.nvidia.com"], ["*"]], ids=lambda allow: "+".join(allow) or "none")
@pytest.mark.parametrize("admin", [False, True], ids=["", "admin"])
def test_every_class_of_a_claim_must_be_allowed(serve, allow, admin):
    server = serve([TENANT, UNCOUNTED, guard(classes=allow, adminAccess=admin)])

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(asked=ASKED, kind=st.sampled_from(list(KINDS)), version=st.sampled_from(VERSIONS), marked=st.booleans())
    def check(asked, kind, version, marked):
        requests = [request(*options, name=f"r{n}", version=version, **({"adminAccess": True} if access else {}))
                    for n, (options, access) in enumerate(asked)]
        decision = ask(server, claim(*requests, kind=kind, version=version, annotations={MARK: "true"} if marked else {}))
        expected = all(listed(allow, option) for options, _ in asked for option in options) and (admin or not any(access for _, access in asked))
        assert decision.allowed == expected, (asked, decision.message)
        assert not decision.warnings
    check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_sentences(serve, kind, version):
    server = serve([TENANT, UNCOUNTED, guard(classes=["compute-domain-*", "a", "b", "c", "d"])])

    def sent(*requests):
        return ask(server, claim(*requests, kind=kind, version=version)).message

    assert 'request gpu: device class gpu.nvidia.com is not allowed; use "compute-domain-*", "a", "b", "c", ... (Guard "claims")' in sent(
        request(IMEX, version=version), request("gpu.nvidia.com", name="gpu", version=version))
    assert 'request r has adminAccess, by which it uses devices that others hold; remove adminAccess (Guard "claims")' in sent(
        request(IMEX, version=version, adminAccess=True))
    # A form of request that this version does not know, as the API asks of those who read it.
    for unknown in ({"name": "new"}, {"name": "new", "someday": {"deviceClassName": IMEX}}, {"name": "new", "firstAvailable": []}):
        assert 'request new is of a form that this version of gpugate cannot check; use `exactly` or `firstAvailable` (Guard "claims")' in sent(unknown)


def test_nothing_is_allowed_by_an_empty_list(serve):
    server = serve([TENANT, UNCOUNTED, guard(classes=[])])
    assert 'device class gpu.nvidia.com is not allowed; request an accelerator in resources.limits (Guard "claims")' in ask(
        server, claim(request("gpu.nvidia.com"))).message
    assert ask(server, claim()).allowed # It requests nothing.


def test_the_claim_of_a_scheduler_is_counted_with_its_pod(serve):
    server = serve([TENANT, UNCOUNTED, guard(classes=[])])
    of_scheduler = claim(request("gpu.nvidia.com"), annotations={MARK: "true"}, ownerReferences=[OF_POD])
    assert ask(server, of_scheduler, user=SCHEDULER).allowed
    # Of no Pod.
    assert not ask(server, claim(request("gpu.nvidia.com"), annotations={MARK: "true"}), user=SCHEDULER).allowed
    # Anyone can write the mark, and the scheduler has no reason to create other claims.
    for number in range(20):
        assert not ask(server, of_scheduler, user=(f"system:kube-scheduler-{number}", ["system:masters"])).allowed
    assert not ask(server, of_scheduler, user=("alice", ["system:kube-scheduler"])).allowed
    assert not ask(server, claim(request("gpu.nvidia.com")), user=SCHEDULER).allowed


def test_who_and_where_is_exempt(serve):
    server = serve([TENANT, doc("Settings", "s", **OTHERS, exempt={"namespaces": ["kube-system"], "users": ["root"]}),
                    guard(classes=[], exempt={"namespaces": ["infra"], "users": ["admin"]})])
    refused = claim(request("gpu.nvidia.com"))
    assert not ask(server, refused).allowed
    for namespace in ("kube-system", "infra"):
        assert ask(server, claim(request("gpu.nvidia.com"), namespace=namespace)).allowed
    for user in ("root", "admin"):
        assert ask(server, refused, user=(user, [])).allowed


@pytest.mark.parametrize("enforcement", ["warn", "audit"])
def test_what_does_not_deny(serve, enforcement):
    server = serve([TENANT, UNCOUNTED, guard(classes=[], enforcement=enforcement)])
    decision = ask(server, claim(request("gpu.nvidia.com")))
    assert decision.allowed and bool(decision.warnings) == (enforcement == "warn")


def test_only_creation_matters_and_mutate_changes_nothing(serve):
    server = serve([TENANT, UNCOUNTED, guard(classes=[])])
    refused = claim(request("gpu.nvidia.com"))
    assert not ask(server, refused).allowed
    for operation in ("UPDATE", "DELETE"):
        assert ask(server, refused, operation=operation).allowed
    assert ask(server, refused, subresource="status", operation="UPDATE").allowed
    assert ask(server, refused, path="mutate").allowed
    # Objects of the same name in another group are no claims.
    other = claim(request("gpu.nvidia.com"))
    assert server.decide("validate", kube.review(other, kind=("example.com", "v1", "ResourceClaim"), resource=("example.com", "v1", "resourceclaims"))).allowed


def test_several_guards_hold_all(serve):
    server = serve([TENANT, UNCOUNTED, guard("one", classes=["*.nvidia.com"]), guard("two", classes=["gpu.*"])])
    assert ask(server, claim(request("gpu.nvidia.com"))).allowed
    assert '"two"' in ask(server, claim(request("mig.nvidia.com"))).message
    assert '"one"' in ask(server, claim(request("gpu.amd.com"))).message


def test_a_refused_claim_is_logged_and_counted(serve):
    server = serve([TENANT, UNCOUNTED, guard(classes=[])])
    assert not ask(server, claim(request("gpu.nvidia.com"), name="mine")).allowed
    assert not ask(server, claim(request("gpu.nvidia.com"), kind="ResourceClaimTemplate", name="", generateName="theirs-")).allowed
    first, second = server.wait_log("denied", 2)
    assert (first["kind"], first["name"], first["namespace"], first["tenant"]) == ("ResourceClaim", "mine", "team-a", "team-a")
    assert (second["kind"], second["name"]) == ("ResourceClaimTemplate", "theirs-") and "pod" not in first
    assert server.metrics().total("gpugate_denials_total", reason="guard", name="resourceClaims") == 2


@pytest.mark.parametrize("wrong, place", [
    ({"devices": []}, "request.object.spec.devices: expected an object"),
    ({"devices": {"requests": [{"name": 1}]}}, "request.object.spec.devices.requests[0].name: expected a string"),
    ({"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": 5}}]}}, "request.object.spec.devices.requests[0].exactly.deviceClassName"),
])
@pytest.mark.parametrize("kind_first", [True, False])
def test_what_cannot_be_read_has_a_place(serve, wrong, place, kind_first):
    server = serve([TENANT, UNCOUNTED, guard(classes=[])])
    obj = claim() | {"spec": wrong}
    review = kube.review(obj, kind=(GROUP, "v1", "ResourceClaim"), resource=(GROUP, "v1", "resourceclaims"))
    if not kind_first:
        review["request"] = dict(reversed(review["request"].items()))
    answer = server.post("/validate", review)
    assert answer.status == 415 and place in answer.text, answer.text
    assert ask(server, claim()).allowed # Others are still answered.


# --- Quotas ---

A100 = doc("Accelerator", "a100", resource=GPU, memory="80Gi", deviceClasses=["gpu.nvidia.com"])


def test_claims_and_pods_share_a_quota(serve):
    server = serve([TENANT, A100])
    assert ask(server, claim(request("gpu.nvidia.com"))).allowed
    refused = ask(server, claim(request("gpu.nvidia.com", count=2))).message
    assert 'exceeded quota: GPU quota "all" of tenant "team-a": requested 2, used 1, limit 2' in refused
    assert server.validate(pod({GPU: 1})).allowed
    assert "exceeded quota" in server.validate(pod({GPU: 1})).message
    assert "exceeded quota" in ask(server, claim(request("gpu.nvidia.com"))).message
    # What is not held, and what is no accelerator, needs no room.
    assert ask(server, claim(request(IMEX))).allowed
    assert ask(server, claim(request("gpu.nvidia.com"), kind="ResourceClaimTemplate")).allowed


def test_the_most_expensive_alternative_is_charged(serve):
    server = serve([TENANT, A100])
    assert "can never fit" in ask(server, claim(request("gpu.nvidia.com", "gpu.nvidia.com", count=3))).message
    assert ask(server, claim(request("gpu.nvidia.com", "gpu.nvidia.com"), request(IMEX, name="channel"))).allowed
    assert ask(server, claim(request("gpu.nvidia.com"))).allowed
    assert not ask(server, claim(request("gpu.nvidia.com"))).allowed


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("more, said", [
    ({"allocationMode": "Most"}, "request r has an allocationMode that this version of gpugate cannot count; use ExactCount or All"),
    ({"count": -1}, "request r has a count that is no number of devices; request at least 1"),
    ({"adminAccess": True}, "request r has adminAccess, by which it uses devices that no quota counts; remove adminAccess, or ask the platform team "
                            "for a Guard that allows it"),
    ({"allocationMode": "All"}, "can never fit: "),
])
def test_what_a_quota_cannot_count_is_refused(serve, version, more, said):
    server = serve([TENANT, A100])
    assert said in ask(server, claim(request("gpu.nvidia.com", version=version, **more), version=version)).message


def test_the_mark_of_the_scheduler_cannot_be_added_later(serve):
    server = serve([TENANT, A100])
    plain, marked = claim(request("gpu.nvidia.com")), claim(request("gpu.nvidia.com"), annotations={MARK: "true"})
    refused = ask(server, marked, operation="UPDATE", old=plain).message
    assert f"the annotation {MARK} is the scheduler's" in refused
    assert ask(server, marked, operation="UPDATE", old=plain, user=SCHEDULER).allowed
    assert ask(server, marked, operation="UPDATE", old=marked).allowed
    assert ask(server, plain, operation="UPDATE", old=marked).allowed


# --- Pods ---

TEMPLATES = ["imex", "imex-2", "big"]
NAMED = st.lists(st.one_of(st.tuples(st.just("template"), st.sampled_from(TEMPLATES)), st.tuples(st.just("claim"), st.sampled_from(["a", "imex"]))), max_size=3)


@pytest.mark.parametrize("classes", [None, [IMEX]], ids=["templates", "both"])
def test_which_claims_a_pod_may_name(serve, classes):
    server = serve([TENANT, UNCOUNTED, guard(templates=["imex*"], **({"classes": classes} if classes else {}))])

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(named=NAMED)
    def check(named):
        expected = all(name.startswith("imex") if what == "template" else classes is not None for what, name in named)
        decision = server.validate(naming(*named), dry_run=True)
        assert decision.allowed == expected, (named, decision.message)
    check()
    assert 'ResourceClaimTemplate big is not allowed; use "imex*" (Guard "claims")' in server.validate(naming(("template", "big"))).message
    if classes is None:
        assert 'spec.resourceClaims names the ResourceClaim a, and only ResourceClaimTemplates are allowed; use "imex*" (Guard "claims")' in server.validate(
            naming(("claim", "a"))).message


def test_a_channel_passes_beside_gpus(serve):
    """A Pod may have GPUs by name, which are counted, and an IMEX channel by a claim."""
    server = serve([TENANT, UNCOUNTED, guard(classes=["compute-domain-*"])])
    beside = naming(("template", "imex"))
    beside["spec"]["containers"] = pod({GPU: 2})["spec"]["containers"]
    assert server.validate(beside).allowed
    assert "exceeded quota" in server.validate(pod({GPU: 1})).message
    assert ask(server, claim(request(IMEX), kind="ResourceClaimTemplate")).allowed
    assert not ask(server, claim(request("gpu.nvidia.com"))).allowed


def test_classes_alone_leave_pods_alone(serve):
    server = serve([TENANT, UNCOUNTED, guard(classes=[])])
    assert server.validate(naming(("claim", "a"), ("template", "b"))).allowed


# --- What the policy may say ---

@pytest.mark.parametrize("spec, deny, said", [
    ({}, [], "resourceClaims allows everything; list what is allowed in `classes` or `templates`, or remove it"),
    ({"classes": [IMEX]}, ["resourceClaims"], "refuses every Pod with a claim, so nothing that is allowed here can be used"),
    ({"templates": ["a"], "adminAccess": True}, [], "adminAccess has no effect without `classes`"),
    ({"classes": ["Gpu.nvidia.com"]}, [], 'did you mean "gpu.nvidia.com"?'),
    ({"class": ["a"]}, [], "classes"),
])
def test_lint_finds_what_cannot_be_meant(tmp_path, spec, deny, said):
    ran = run("lint", write_policy(tmp_path, [TENANT, doc("Guard", "g", deny=deny, resourceClaims=spec)]))
    assert ran.returncode == 1 and said in ran.stdout + ran.stderr, ran.stdout


# --- The registration ---

def registered(tmp_path, *documents):
    ran = run("render", "--policy", write_policy(tmp_path, list(documents)), "--url", "https://gpugate.example.com", "--part", "webhooks")
    assert ran.returncode == 0, ran.stderr
    return {webhook["name"]: webhook for found in yaml.safe_load_all(ran.stdout) if found["kind"] == "ValidatingWebhookConfiguration"
            for webhook in found["webhooks"]}


def test_claims_are_registered_where_a_guard_reads_them(tmp_path):
    assert "claims.gpugate.io" not in registered(tmp_path / "a", TENANT)
    assert "claims.gpugate.io" not in registered(tmp_path / "b", TENANT, guard(templates=["a"]))
    webhook = registered(tmp_path / "c", TENANT, guard(classes=[]))["claims.gpugate.io"]
    assert [(rule["apiGroups"], rule["apiVersions"], rule["operations"], rule["resources"]) for rule in webhook["rules"]] == [
        ([GROUP], ["v1", "v1beta2", "v1beta1"], ["CREATE"], ["resourceclaimtemplates"]),
        ([GROUP], ["v1", "v1beta2", "v1beta1"], ["CREATE"], ["resourceclaims"])]
    assert (webhook["failurePolicy"], webhook["sideEffects"]) == ("Ignore", "NoneOnDryRun")
    failing = registered(tmp_path / "d", TENANT, guard(classes=[]), doc("Settings", "s", guardFailurePolicy="Fail"))
    assert failing["claims.gpugate.io"]["failurePolicy"] == "Fail"


COUNTED = doc("Accelerator", "a100", resource=GPU, deviceClasses=["gpu.nvidia.com"])


@pytest.mark.parametrize("documents, counted", [
    ([TENANT], False), ([TENANT, guard(classes=[])], False), ([TENANT, COUNTED], True),
    ([TENANT, COUNTED, guard(classes=[])], True), ([TENANT, doc("Settings", "s", unknownResources="deny")], True),
    ([TENANT, doc("Accelerator", "m", resource=GPU, mig={"model": "a100-80gb", "deviceClasses": {"mig": "1g.10gb"}})], True),
])
def test_claims_are_registered_for_quotas_where_the_policy_counts_them(tmp_path, documents, counted):
    webhooks = registered(tmp_path, *documents)
    rules = [(rule["operations"], rule["resources"]) for name in ("quota", "ledger") for rule in webhooks[f"{name}.gpugate.io"]["rules"]
             if rule["apiGroups"] == [GROUP]]
    assert rules == ([(["CREATE", "UPDATE"], ["resourceclaims"]), (["DELETE"], ["resourceclaims"])] if counted else [])
    if "claims.gpugate.io" in webhooks: # The quota webhook checks Guards, too.
        assert [rule["resources"] for rule in webhooks["claims.gpugate.io"]["rules"]] == [
            ["resourceclaimtemplates"], *([] if counted else [["resourceclaims"]])]


def test_random_bytes_within_a_claim_never_stop_the_server(serve):
    server = serve([TENANT, UNCOUNTED, guard(classes=[IMEX])])
    rng = random.Random(7)
    text = json.dumps(kube.review(claim(request(IMEX), request(*CLASSES)), kind=(GROUP, "v1", "ResourceClaim"), resource=(GROUP, "v1", "resourceclaims")))
    for _ in range(300):
        at = rng.randrange(len(text))
        answer = server.post("/validate", (text[:at] + rng.choice('{}[]",:0ntf\\') + text[at + 1:]).encode())
        assert answer.status in (200, 415), answer.text
    assert ask(server, claim(request(IMEX))).allowed


# --- Without a server ---

def test_explain_and_suites_and_lint_know_claims(tmp_path):
    policy = write_policy(tmp_path / "policy", [TENANT, UNCOUNTED, guard(classes=["compute-domain-*"], templates=["imex"])])
    objects = [claim(request(IMEX), kind="ResourceClaimTemplate", name="imex"), claim(request("gpu.nvidia.com"), name="mine"), naming(("template", "other"))]
    manifest = tmp_path / "objects.yaml"
    manifest.write_text(yaml.safe_dump_all(objects))
    ran = run("explain", "-f", manifest, "--policy", policy, "-o", "json")
    assert ran.returncode == 1, ran.stderr
    template, refused, other = json.loads(ran.stdout)["objects"]
    assert (template["kind"], template["verdict"], refused["verdict"], other["verdict"]) == ("ResourceClaimTemplate", "admitted", "refused", "refused")
    assert 'device class gpu.nvidia.com is not allowed; use "compute-domain-*" (Guard "claims")' in refused["message"]
    text = run("explain", "-f", manifest, "--policy", policy).stdout
    assert 'ResourceClaim "mine" in namespace "team-a": refused' in text

    suite = tmp_path / "claims.suite.yaml"
    suite.write_text(yaml.safe_dump({"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "claims"}, "spec": {
        "policy": "policy", "steps": [
            {"name": "a channel", "create": objects[0], "expect": {"allowed": True}},
            {"name": "a GPU", "create": objects[1], "expect": {"allowed": False, "message": {"contains": "device class gpu.nvidia.com is not allowed"}}},
            {"name": "a Pod", "create": objects[2], "expect": {"allowed": False}}]}}, sort_keys=False))
    ran = run("test", suite)
    assert ran.returncode == 0, ran.stdout + ran.stderr

    ran = run("lint", policy, manifest)
    assert ran.returncode == 1 and 'ResourceClaim "mine": the policy refuses it: ' in ran.stdout, ran.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_what_explain_says_is_what_serve_says(serve, tmp_path, version):
    rng = random.Random(version)
    policy = [TENANT, UNCOUNTED, guard(classes=["gpu.amd.com", "mig.*"]), guard("second", templates=["a*"], enforcement="warn")]
    server = serve(policy)
    folder = write_policy(tmp_path / "policy", policy)
    objects = [claim(*(request(*rng.choices(CLASSES, k=rng.randint(1, 2)), name=f"r{n}", version=version) for n in range(rng.randint(0, 3))),
                     kind=rng.choice(list(KINDS)), version=version, name=f"c{number}") for number in range(60)]
    manifest = tmp_path / "objects.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    told = json.loads(run("explain", "-f", manifest, "--policy", folder, "-o", "json").stdout)["objects"]
    assert len(told) == len(objects) and {item["verdict"] for item in told} == {"admitted", "refused"}
    for obj, item in zip(objects, told):
        decision = ask(server, obj)
        assert (item["verdict"] == "admitted", item["message"]) == (decision.allowed, decision.message or None), obj


def test_replay_names_the_kind_of_a_claim(tmp_path):
    old, new = write_policy(tmp_path / "old", [TENANT, UNCOUNTED]), write_policy(tmp_path / "new", [TENANT, UNCOUNTED, guard(classes=[])])
    manifest = tmp_path / "objects.yaml"
    manifest.write_text(yaml.safe_dump_all([claim(request("gpu.nvidia.com"), name="mine"), pod()]))
    ran = run("replay", "--policy", new, "--against", old, manifest)
    assert 'newly refused: ResourceClaim "mine" in namespace "team-a"' in ran.stdout, ran.stdout
    report = json.loads(run("replay", "--policy", new, "--against", old, manifest, "-o", "json").stdout)
    assert [(found["kind"], found["name"]) for found in report["differences"]] == [("ResourceClaim", "mine")]
