"""`gpugate render`: its output by policy, ledger and options. tests/cluster/test_registration.py
applies it to a real API server."""

import base64
import json

import pytest
import yaml

from api_resources import GROUP_RIGHTS, KINDS, LEDGER_RIGHTS, TARGET_RIGHTS, group
from gpugate import authority, run, write_policy
from kube import GPU, SHARED, doc

TEAM = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "hard": 4}])
TO_SHARES = doc("Rule", "r", match={"requests": {GPU: {}}}, rewrite=[{"from": GPU, "to": SHARED}])
VOID = doc("Guard", "g", deny=["privileged"], visibleDevices="void")
MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"


@pytest.fixture
def render(tmp_path):
    """render(*documents, args=[...]) returns the objects."""
    def printed(*documents, args=()):
        ran = run("render", "--policy", write_policy(tmp_path / "policy", list(documents)), *args)
        assert ran.returncode == 0 and not ran.stderr, ran.stderr
        return ran.stdout
    def objects(*documents, args=()):
        return list(yaml.safe_load_all(printed(*documents, args=args)))
    objects.text = printed
    return objects


def webhooks(objects, kind=VALIDATING):
    (found,) = [obj for obj in objects if obj["kind"] == kind]
    assert found["metadata"]["name"] == "gpugate"
    return {webhook["name"]: webhook for webhook in found["webhooks"]}


def calls(webhook):
    return [(operation, resource) for rule in webhook["rules"] for operation in rule["operations"] for resource in rule["resources"]]


def conditions(webhook):
    return "\n".join(condition["expression"] for condition in webhook["matchConditions"])


def test_kinds_and_their_order(render):
    kinds = [obj["kind"] for obj in render(TEAM)]
    assert kinds == ["Namespace", "ServiceAccount", *["ClusterRole", "ClusterRoleBinding"] * 2, MUTATING, VALIDATING]
    kinds = [obj["kind"] for obj in render(TEAM, args=["--ledger", "cluster"])]
    assert kinds == ["Namespace", "CustomResourceDefinition", "CustomResourceDefinition", "ServiceAccount", *["ClusterRole", "ClusterRoleBinding"] * 2, "Role",
                     "RoleBinding", "PriorityLevelConfiguration", "FlowSchema", MUTATING, VALIDATING]


def test_the_same_input_gives_the_same_output_and_says_where_it_is_from(render):
    first = render.text(TEAM, TO_SHARES, VOID, args=["--ledger", "cluster"])
    assert first == render.text(TEAM, TO_SHARES, VOID, args=["--ledger", "cluster"])
    header, rest = first.split("\n", 1)
    assert header.startswith("# gpugate render --policy ") and header.endswith(" --ledger cluster")
    assert rest.startswith("---\n") and "\n#" not in rest


def test_the_header_is_one_line_whatever_the_arguments(tmp_path):
    odd = tmp_path / "a\nkind: Secret\n\x1b[31mé"
    ran = run("render", "--policy", write_policy(odd, [TEAM]))
    assert ran.returncode == 0 and "\x1b" not in ran.stdout
    assert "Secret" not in [obj["kind"] for obj in yaml.safe_load_all(ran.stdout)]


def test_json_is_a_list_of_the_same_objects(render):
    assert json.loads(render.text(TEAM, TO_SHARES, args=["-o", "json"])) == {
        "apiVersion": "v1", "kind": "List", "items": render(TEAM, TO_SHARES)}


@pytest.mark.parametrize("ledger", ["embedded", "cluster"])
def test_webhooks_and_what_they_are_asked(render, ledger):
    found = webhooks(render(TEAM, VOID, args=["--ledger", ledger]))
    creates = ("CREATE", "pods")
    expected = {"quota.gpugate.io": ("Fail", [creates]), "guard.gpugate.io": (
        "Ignore", [creates, ("UPDATE", "pods"), ("UPDATE", "pods/ephemeralcontainers")])}
    workloads = ("deployments", "replicasets", "statefulsets", "daemonsets", "replicationcontrollers", "jobs", "cronjobs")
    expected["early.gpugate.io"] = ("Ignore", [
        *((operation, workload) for workload in workloads for operation in ("CREATE", "UPDATE")),
        *(("UPDATE", f"{workload}/scale") for workload in ("deployments", "replicasets", "statefulsets", "replicationcontrollers")),
        ("CREATE", "horizontalpodautoscalers"), ("UPDATE", "horizontalpodautoscalers")])
    if ledger == "embedded":
        expected["ledger.gpugate.io"] = ("Ignore", [("DELETE", "pods"), ("UPDATE", "pods/status")])
    assert {name: (webhook["failurePolicy"], calls(webhook)) for name, webhook in found.items()} == expected
    for name, webhook in found.items():
        assert webhook["sideEffects"] == ("None" if name == "early.gpugate.io" else "NoneOnDryRun")
        assert webhook["objectSelector"] == {} and webhook["matchPolicy"] == "Equivalent"
        assert webhook["clientConfig"] == {"service": {"namespace": "gpugate", "name": "gpugate", "path": "/validate", "port": 443}}


def test_workloads_are_shown_if_a_tenant_wants_an_answer(render):
    def early(*answers):
        teams = [doc("Tenant", f"t{i}", namespaces=[f"t{i}"], earlyAnswer=answer) for i, answer in enumerate(answers)]
        return webhooks(render(*teams, doc("Settings", "s", exempt={"namespaces": ["infra"]}))).get("early.gpugate.io")

    assert early() is None and early("off", "off") is None
    found = early("off", "warn")
    assert found == early("deny") and found["timeoutSeconds"] == 3
    assert [(group, resource) for rule in found["rules"] for group in rule["apiGroups"] for resource in rule["resources"]] == [
        ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"), ("apps", "daemonsets"), ("", "replicationcontrollers"),
        ("batch", "jobs"), ("batch", "cronjobs"), ("apps", "deployments/scale"), ("apps", "replicasets/scale"), ("apps", "statefulsets/scale"),
        ("", "replicationcontrollers/scale"), ("autoscaling", "horizontalpodautoscalers")]
    assert [version for rule in found["rules"] for version in rule["apiVersions"]] == ["v1"] * 11 + ["v2"]
    assert found["namespaceSelector"]["matchExpressions"][0]["values"] == ["gpugate", "infra"]
    assert [condition["name"] for condition in found["matchConditions"]] == ["asks-for-devices", "spec-changes", "has-no-controller", "scales-up"]
    assert webhooks(render(TEAM))["quota.gpugate.io"] == webhooks(render(TEAM | {"spec": TEAM["spec"] | {"earlyAnswer": "off"}}))["quota.gpugate.io"]


def test_what_mutates_is_shaped_by_the_policy(render):
    assert webhooks(render(TEAM), MUTATING) == {}
    (ruled,) = webhooks(render(TEAM, TO_SHARES), MUTATING).values()
    assert calls(ruled) == [("CREATE", "pods"), ("UPDATE", "pods")] and "object.spec != oldObject.spec" in conditions(ruled)
    assert GPU in conditions(ruled) and "VISIBLE" not in conditions(ruled)
    assert (ruled["failurePolicy"], ruled["sideEffects"], ruled["reinvocationPolicy"]) == ("Ignore", "None", "IfNeeded")
    (voiding,) = webhooks(render(TEAM, VOID), MUTATING).values()
    assert calls(voiding) == [("CREATE", "pods"), ("UPDATE", "pods"), ("UPDATE", "pods/ephemeralcontainers")]
    assert "NVIDIA_VISIBLE_DEVICES" in conditions(voiding) and GPU not in conditions(voiding)


def test_what_validates_does_not_depend_on_rules_and_quotas(render):
    def validating(*documents):
        return [obj for obj in render(*documents) if obj["kind"] == VALIDATING]
    plain = validating(TEAM, doc("Guard", "g", deny=["privileged"]))
    assert plain == validating(TEAM, TO_SHARES, doc("Guard", "h", deny=["resourceClaims"]))
    assert GPU not in str(plain)
    # This excludes Pods without anything special that only such a policy refuses.
    quota, guard = (webhooks(plain)[name] for name in ("quota.gpugate.io", "guard.gpugate.io"))
    for documents, more in (((TEAM, VOID), "'NVIDIA_VISIBLE_DEVICES'"), (
            (TEAM, doc("Rule", "all", match={"podSelector": {"matchLabels": {"stage": "it"}}}, inject={"runtimeClassName": "x"}, required=True)), "'stage'")):
        found = webhooks(validating(*documents))
        assert found["quota.gpugate.io"] == quota
        assert more in conditions(found["guard.gpugate.io"]) and more not in conditions(guard)


def test_a_policy_too_large_to_say_shows_everything(render):
    names = [doc("Accelerator", f"a{i}", resource=f"example.com/d{i}") for i in range(33)]
    rules = [doc("Rule", f"r{i}", order=i, match={"requests": {f"example.com/d{i}": {}}}, inject={"runtimeClassName": "x"}) for i in range(33)]
    (few,) = webhooks(render(TEAM, *names, *rules[:32]), MUTATING).values()
    (many,) = webhooks(render(TEAM, *names, *rules), MUTATING).values()
    assert "example.com/d31" in few["matchConditions"][0]["expression"] and "example.com" not in many["matchConditions"][0]["expression"] and "k.contains('/')" in many["matchConditions"][0]["expression"]
    rules = [doc("Rule", f"r{i}", order=i, match={"namespaces": [f"n{i}-*"]}, inject={"runtimeClassName": "x"}) for i in range(17)]
    (few,) = webhooks(render(TEAM, *rules[:16]), MUTATING).values()
    (many,) = webhooks(render(TEAM, *rules), MUTATING).values()
    assert "'^n15-.*$'" in few["matchConditions"][0]["expression"] and few["matchConditions"][0]["expression"].count("true") == 0 and many["matchConditions"][0]["expression"].endswith("true")


def test_guards_fail_as_the_settings_say(render):
    found = webhooks(render(TEAM, VOID, doc("Settings", "s", guardFailurePolicy="Fail")))
    assert found["guard.gpugate.io"]["failurePolicy"] == "Fail"


@pytest.mark.parametrize("documents, registered", [
    ((), False), ((TO_SHARES,), False), ((doc("Guard", "g", deny=["privileged"]),), True), ((doc("Guard", "g", deny=["privileged"], enforcement="audit"),), True),
    ((doc("Rule", "all", inject={"runtimeClassName": "x"}),), True),  # onConflict: deny
    ((doc("Rule", "all", onConflict="keep", inject={"runtimeClassName": "x"}),), False)])
def test_no_pod_without_accelerators_is_shown_where_nothing_could_refuse_it(render, documents, registered):
    found = webhooks(render(TEAM, *documents))
    assert ("guard.gpugate.io" in found) == registered and "quota.gpugate.io" in found


def test_failure_policies_of_the_command_line(render):
    documents = (TEAM, VOID, doc("Settings", "s", guardFailurePolicy="Fail", quotaFailurePolicy="Ignore"))

    def failures(*args):
        found = webhooks(render(*documents, args=args))
        return found["quota.gpugate.io"]["failurePolicy"], found["guard.gpugate.io"]["failurePolicy"]

    assert failures() == failures("--quota-failure-policy", "policy") == ("Ignore", "Fail")
    assert failures("--quota-failure-policy", "Fail", "--guard-failure-policy", "Ignore") == ("Fail", "Ignore")


def test_the_two_parts_are_the_whole(render):
    """What is needed before gpugate starts, and what refuses Pods once it answers."""
    args = ["--ledger", "cluster", "--viewers", "team-a=a"]
    parts = [render(TEAM, VOID, args=[*args, "--part", part]) for part in ("prerequisites", "webhooks")]
    assert parts[0] + parts[1] == render(TEAM, VOID, args=args)
    assert [obj["kind"] for obj in parts[1]] == [MUTATING, VALIDATING]


def test_the_namespace_has_no_labels_that_could_harm_one_that_exists(render):
    assert render(TEAM, args=["--namespace", "own"])[0] == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "own"}}


TEAM_B = doc("Tenant", "team-b", namespaces=["team-b"], parent="team-a", quotas=[{"name": "a.dot", "hard": 1}, {"name": "whole", "hard": 4}])


def test_viewers_get_the_quotas_of_their_tenant(render):
    """They get them by name, and nothing else: not those of the tenant above or of those below.
    tests/cluster/test_registration.py compares the names with what is published."""
    def made(*viewers):
        objects = render(TEAM, TEAM_B, args=["--ledger", "cluster", *(arg for viewer in viewers for arg in ("--viewers", viewer))])
        return [obj for obj in objects if obj["metadata"]["name"].startswith("gpugate-viewers")]

    role, binding = made("team-a=cn=a,dc=example", "team-a=b")
    assert role["kind"] == "ClusterRole" and role["metadata"]["name"] == "gpugate-viewers-team-a"
    assert role["rules"] == [{"apiGroups": ["gpugate.io"], "resources": ["gpuquotas"], "resourceNames": ["team-a.whole"], "verbs": ["get"]}]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "gpugate-viewers-team-a"}
    assert binding["subjects"] == [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name} for name in ("cn=a,dc=example", "b")]
    names = made("team-b=b", "team-a=a")[0]["rules"][0]["resourceNames"]
    assert names[1] == "team-b.whole" and names[0].startswith("team-b.a") and len(made("team-b=b", "team-a=a", "team-b=c")) == 4
    assert made() == []


def test_namespaces_that_are_left_out(render):
    exempt = doc("Settings", "s", exempt={"namespaces": ["kube-system", "gpu-operator", "infra-*", "ops?", "own"]})
    for objects in (render(TEAM, TO_SHARES, exempt, args=["--namespace", "own"]),):
        for webhook in [*webhooks(objects).values(), *webhooks(objects, MUTATING).values()]:
            assert webhook["namespaceSelector"] == {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["own", "gpu-operator", "kube-system"]}]}
            assert webhook["clientConfig"]["service"]["namespace"] == "own"
        assert {obj["metadata"]["namespace"] for obj in objects if "namespace" in obj["metadata"]} == {"own"}


def test_rights_by_ledger(render):
    def rights(objects, kind):
        return {(rule["apiGroups"][0], resource, tuple(rule.get("resourceNames", ()))): rule["verbs"]
                for obj in objects if obj["kind"] == kind for rule in obj["rules"] for resource in rule.get("resources", ())}
    def paths(objects):
        return [(rule["nonResourceURLs"], rule["verbs"]) for obj in objects if "Role" in obj["kind"] for rule in obj.get("rules", ())
                if "nonResourceURLs" in rule]
    registered = {("admissionregistration.k8s.io", f"{kind}webhookconfigurations", ("gpugate",)): ["list", "watch"]
                  for kind in ("mutating", "validating")}

    def of(table):
        return {(group(kind), KINDS[kind][1], (name,) if name else ()): verbs for (kind, name), verbs in table.items()}
    assert rights(render(TEAM), "ClusterRole") == registered | of(TARGET_RIGHTS) and rights(render(TEAM), "Role") == {}
    objects = render(TEAM, args=["--ledger", "cluster"])
    assert rights(objects, "ClusterRole") == registered | of(TARGET_RIGHTS) | of(LEDGER_RIGHTS)
    assert paths(objects) == [(["/apis/resource.k8s.io"], ["get"])] and paths(render(TEAM)) == []
    # They have a role of their own. Of custom resources, it has those that the policy names.
    # Without an early answer, nothing is read.
    named = doc("Settings", "s", workloads=["pytorchjobs.kubeflow.org"])
    (own,) = [obj for obj in render(TEAM) if (obj["kind"], obj["metadata"]["name"]) == ("ClusterRole", "gpugate-workloads")]
    assert rights([own], "ClusterRole") == of(TARGET_RIGHTS)
    assert rights(render(TEAM, named), "ClusterRole") == registered | of(TARGET_RIGHTS) | {("kubeflow.org", "pytorchjobs", ()): ["get"]}
    assert rights(render(doc("Tenant", "t", namespaces=["t"], earlyAnswer="off"), named), "ClusterRole") == registered
    # What has groups of Pods is read for a Rule that decides them, and by no other.
    whole, quiet = (doc("Rule", "r", match={}, gangs="allOrNothing", **more) for more in ({}, {"enforcement": "audit"}))
    silent = TEAM | {"spec": TEAM["spec"] | {"earlyAnswer": "off"}}
    assert rights(render(silent, whole), "ClusterRole") == registered | GROUP_RIGHTS
    assert rights(render(TEAM, whole), "ClusterRole") == registered | of(TARGET_RIGHTS) | GROUP_RIGHTS
    assert rights(render(silent, whole, named), "ClusterRole") == registered | GROUP_RIGHTS | {("kubeflow.org", "pytorchjobs", ()): ["get"]}
    assert rights(render(silent, quiet, named), "ClusterRole") == registered
    # The rights are there before the enforcement that needs them.
    assert rights(render(silent, whole, doc("Settings", "s", enforcement="audit")), "ClusterRole") == registered | GROUP_RIGHTS
    (own,) = [obj for obj in render(TEAM, whole) if (obj["kind"], obj["metadata"]["name"]) == ("ClusterRole", "gpugate-workloads")]
    assert len({json.dumps(rule) for rule in own["rules"]}) == len(own["rules"]) == len(of(TARGET_RIGHTS) | GROUP_RIGHTS)
    assert rights(objects, "Role") == {("", "events", ()): ["create", "patch"]}
    assert "*" not in json.dumps([obj for obj in objects if "Role" in obj["kind"]])


def test_certificates_that_gpugate_makes_itself(render):
    """There is no caBundle, because gpugate writes that. It gets the rights to do so: its own
    Secret, and a patch of the two configurations."""
    for ledger in ("embedded", "cluster"):
        files, managed = (render(TEAM, TO_SHARES, args=["--ledger", ledger, "--certs", certs]) for certs in ("files", "self-managed"))
        assert files == render(TEAM, TO_SHARES, args=["--ledger", ledger])
        assert "caBundle" not in json.dumps(managed)

        def rules(objects, kind):
            return [rule for obj in objects if obj["kind"] == kind for rule in obj["rules"]]
        more = {kind: [rule for rule in rules(managed, kind) if rule not in rules(files, kind)] for kind in ("ClusterRole", "Role")}
        assert more["ClusterRole"] == [
            {"apiGroups": ["admissionregistration.k8s.io"], "resources": [f"{kind}webhookconfigurations"], "resourceNames": ["gpugate"], "verbs": ["patch"]}
            for kind in ("mutating", "validating")]
        assert [rule for rule in more["Role"] if rule["resources"] != ["events"]] == [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["gpugate-ca"], "verbs": ["get", "list", "watch", "patch"]}]
        assert {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]} in rules(managed, "Role")
        assert [obj["kind"] for obj in managed if "RoleBinding" in obj["kind"]] == ["ClusterRoleBinding", "ClusterRoleBinding", "RoleBinding"]


def test_where_gpugate_is_reached(render, tmp_path):
    (tmp_path / "secret").write_text("s3cret.x\n")
    (tmp_path / "ca.crt").write_bytes(authority().pem)

    def clients(*args):
        objects = render(TEAM, TO_SHARES, args=args)
        return [webhook["clientConfig"] for kind in (MUTATING, VALIDATING) for webhook in webhooks(objects, kind).values()]

    assert all("caBundle" not in client for client in clients())
    paths = [client["service"]["path"] for client in clients("--path-secret", tmp_path / "secret", "--service", "other")]
    assert paths == ["/mutate/s3cret.x", *["/validate/s3cret.x"] * 3]
    for client in clients("--url", "https://gpugate.example:8443/x//", "--ca-bundle", tmp_path / "ca.crt", "--path-secret", tmp_path / "secret"):
        assert client["url"] in ("https://gpugate.example:8443/x/mutate/s3cret.x", "https://gpugate.example:8443/x/validate/s3cret.x")
        assert base64.b64decode(client["caBundle"]) == authority().pem and "service" not in client


@pytest.mark.parametrize("secret, good", [
    ("a", True), ("0a-b.c9", True), ("a" * 253, True), ("Abc", False), ("a_b", False), ("a~b", False), ("-a", False), ("a-", False), ("a..b", False),
    (".a", False), ("a.", False), ("a.-b", False), ("a" * 254, False)])
def test_a_path_secret_that_no_service_can_have(tmp_path, secret, good):
    """The API server only accepts such a path in a URL. The error names the file, never the secret.
    """
    policy = write_policy(tmp_path / "policy", [TEAM])
    (tmp_path / "file").write_text(secret)
    ran = run("render", "--policy", policy, "--path-secret", tmp_path / "file")
    assert ran.returncode == (0 if good else 2), ran.stderr
    assert good or (str(tmp_path / "file") in ran.stderr and "small letters" in ran.stderr)
    assert run("render", "--policy", policy, "--path-secret", tmp_path / "file", "--url", "https://x").returncode == 0


@pytest.mark.parametrize("version, group", [("1.28", "v1beta3"), ("v1.28.15", "v1beta3"), ("1.29", "v1"), ("1.37", "v1"), ("1.37.2", "v1")])
def test_versions_of_kubernetes(render, version, group):
    objects = render(TEAM, args=["--ledger", "cluster", "--kube-version", version])
    assert {obj["apiVersion"] for obj in objects if obj["kind"] in ("FlowSchema", "PriorityLevelConfiguration")} == {
        f"flowcontrol.apiserver.k8s.io/{group}"}


BAD = {
    "old": (["--kube-version", "1.27"], "1.28 to 1.37"), "new": (["--kube-version", "1.38"], "1.28 to 1.37"),
    "two": (["--kube-version", "2.0"], "1.N"), "words": (["--kube-version", "latest"], "1.N"), "patch": (["--kube-version", "1.30."], "1.N"),
    "long": (["--kube-version", "1.99999999999999999999"], "1.N"), "http": (["--url", "http://x"], "https://"),
    "query": (["--url", "https://x/?a"], "query"), "user": (["--url", "https://u@x"], "user"), "blank": (["--url", "https://x y"], "address"),
    "no host": (["--url", "https://"], "address"), "both": (["--url", "https://x", "--service", "y"], "exclude each other"),
    "namespace": (["--namespace", "Team_A"], "--namespace Team_A"), "service": (["--service", "-x"], "--service -x"),
    "no bundle": (["--ca-bundle", "/nonexistent"], "cannot be read"), "folder": (["--ca-bundle", "/"], "cannot be read"),
    "no certificate": (["--ca-bundle", "/dev/null"], "contains no certificate in PEM"), "no secret": (["--path-secret", "/nonexistent"], "cannot read the path secret"),
    "bundle of its own": (["--certs", "self-managed", "--ca-bundle", "/dev/null"], "leave it out"),
    "no policy": (["--policy", "/nonexistent"], "--policy /nonexistent: No such file"), "ledger": (["--ledger", "other"], "embedded, cluster"),
    "viewers": (["--ledger", "cluster", "--viewers", "team-a"], "TENANT=GROUP"), "no group": (["--ledger", "cluster", "--viewers", "team-a="], "TENANT=GROUP"),
    "no tenant": (["--ledger", "cluster", "--viewers", "=a"], "TENANT=GROUP"),
    "other tenant": (["--ledger", "cluster", "--viewers", "team-x=a"], "--viewers team-x=a: the policy has no Tenant of that name; name one that it has"),
    "viewers of nothing": (["--viewers", "team-a=a"], "--ledger cluster"), "part": (["--part", "some"], "all, prerequisites, webhooks"),
    "failure": (["--quota-failure-policy", "ignore"], "policy, Fail, Ignore")}


@pytest.mark.parametrize("which", sorted(BAD))
def test_bad_options_say_what_to_give(tmp_path, which):
    args, words = BAD[which]
    ran = run("render", "--policy", write_policy(tmp_path / "policy", [TEAM]), *args)
    assert ran.returncode == 2 and not ran.stdout
    assert ran.stderr.startswith("gpugate render: ") and words in ran.stderr


def test_a_tenant_without_quotas_has_no_viewers(tmp_path):
    """A right without names would apply to all quotas."""
    policy = write_policy(tmp_path / "policy", [TEAM, doc("Tenant", "team-c", namespaces=["team-c"], parent="team-a")])
    ran = run("render", "--policy", policy, "--ledger", "cluster", "--viewers", "team-c=c")
    assert ran.returncode == 2 and not ran.stdout and "--viewers team-c=c: the Tenant has no quotas" in ran.stderr


def test_a_key_is_never_published(tmp_path):
    certificate, key = authority().issue("x")
    (tmp_path / "both.pem").write_bytes(certificate + key)
    ran = run("render", "--policy", write_policy(tmp_path / "policy", [TEAM]), "--ca-bundle", tmp_path / "both.pem")
    assert ran.returncode == 2 and not ran.stdout and "private key" in ran.stderr


def test_a_policy_with_errors_prints_these_and_nothing_else(tmp_path):
    ran = run("render", "--policy", write_policy(tmp_path / "policy", [doc("Tenant", "t", namespaced=[])]))
    assert ran.returncode == 1 and not ran.stdout
    assert "namespaces" in ran.stderr and "policy.yaml:" in ran.stderr


def test_help_answers_what_comes_next():
    ran = run("render", "--help")
    assert ran.returncode == 0
    for word in ("kubectl apply --server-side -f -", "--ledger", "--path-secret", "kubectl delete", "Exit status"):
        assert word in " ".join(ran.stdout.split())
