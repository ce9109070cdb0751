"""Mistakes at a first installation or an upgrade, made with Helm on a real API server. Each ends
with a message that says what is wrong, and no Pod of the cluster is refused because of it."""

import json

import pytest
import yaml

from control_plane import eventually
from gate import NAMESPACE, STRICT, WEBHOOKS, Gate, configuration, create, strict_values
from kube import GPU, doc

SHORT = ("--set", "lint.deadlineSeconds=10")
STRICT_POLICY = "strict.yaml"


@pytest.fixture
def helm(plane, release):
    """Runs release() in an existing namespace without leftovers of other tests, and cleans up
    afterwards."""
    plane.namespace(NAMESPACE)
    yield release
    release("uninstall", "--ignore-not-found")
    for name in ("gpugate-lint", "mine"):
        plane.admin.delete("ConfigMap", name, NAMESPACE)
    plane.admin.request("DELETE", plane.admin.path("Job", NAMESPACE, "gpugate-lint"), {"propagationPolicy": "Background"})


def assert_nobody_is_refused(plane):
    """Creates Pods of a team, of the system and of gpugate's own namespace, with and without
    devices. No replica is running."""
    for asks in (None, {GPU: 1}, {GPU: 100}):
        made = create(plane, asks)
        assert made.ok, made


def registered(plane):
    return [kind for kind in WEBHOOKS if plane.admin.get(kind, "gpugate").ok]


def failure_policy(plane):
    return {webhook["name"]: webhook["failurePolicy"] for webhook in configuration(plane, WEBHOOKS[1])}["quota.gpugate.io"]


def lint_status(plane):
    """Returns the status of the check's container, as `kubectl get pod -o yaml` shows it."""
    (pod,) = [pod for pod in plane.admin.list("Pod", NAMESPACE) if pod["metadata"]["labels"].get("app.kubernetes.io/name") == "gpugate-lint"]
    return pod["status"]["containerStatuses"][0]["state"]


def broken_values(folder):
    """The strict policy with a misspelled key, without asking `gpugate render`."""
    values = strict_values(folder)
    path = folder / "policy" / STRICT_POLICY
    path.write_text(path.read_text().replace("enforcement:", "enforcment:"))
    return values


# A first installation.

@pytest.mark.parametrize("policy", ["the chart's", "one of one's own"])
def test_nothing_else_than_an_install(plane, helm, tmp_path, policy):
    """For example, no node has room for a replica. Fail would refuse every Pod that asks for
    devices, so it is held back."""
    said = helm("install", *(() if policy == "the chart's" else strict_values(tmp_path))).stdout
    assert registered(plane) and failure_policy(plane) == "Ignore"
    assert ("failurePolicy Ignore for now: no replica answers yet" in said) == (policy != "the chart's")
    assert_nobody_is_refused(plane)


@pytest.mark.parametrize("policy", ["the chart's", "one of one's own"])
def test_an_image_that_cannot_be_pulled(plane, helm, tmp_path, policy):
    more = () if policy == "the chart's" else strict_values(tmp_path)
    failed = helm("install", "--set", "image.tag=nowhere", *SHORT, *more, check=False)
    assert failed.returncode != 0 and "gpugate-lint" in failed.stderr and "DeadlineExceeded" in failed.stderr, failed.stderr
    assert not registered(plane) and not plane.admin.get("Deployment", "gpugate", NAMESPACE).ok
    assert_nobody_is_refused(plane)
    # The same command again, as a user who has found the mistake would run it.
    helm("upgrade", "--install", "--reset-values", *more)
    assert registered(plane)
    assert_nobody_is_refused(plane)


def test_an_image_that_cannot_be_pulled_and_nobody_looked(plane, helm, tmp_path):
    """Without the check, everything is installed and waits."""
    helm("install", "--set", "image.tag=nowhere", "--set", "lint.create=false", *strict_values(tmp_path))
    assert registered(plane) and failure_policy(plane) == "Ignore"
    assert_nobody_is_refused(plane)


def test_a_broken_policy(plane, helm, tmp_path):
    failed = helm("install", *broken_values(tmp_path), check=False)
    assert failed.returncode != 0 and "gpugate-lint" in failed.stderr, failed.stderr
    assert "enforcment" in plane.node.linted[-1] and "enforcement" in plane.node.linted[-1]
    assert "enforcment" in lint_status(plane)["terminated"]["message"], "what is wrong is there to be read"
    assert not registered(plane) and not plane.admin.get("ConfigMap", "gpugate-policy", NAMESPACE).ok
    assert_nobody_is_refused(plane)


def test_a_policy_of_somebody_else_that_is_not_there(plane, helm, tmp_path):
    failed = helm("install", *strict_values(tmp_path)[2:], "--set", "policy.existingConfigMap=mine", *SHORT, check=False)
    assert failed.returncode != 0 and "gpugate-lint" in failed.stderr, failed.stderr
    assert not registered(plane)
    assert_nobody_is_refused(plane)


def test_a_certificate_that_is_not_there(plane, helm, tmp_path):
    """The replicas wait for the Secret. Fail comes into force only when one of them answers."""
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    failed = helm("install", *strict_values(tmp_path), "--set", "certificates.mode=existing-secret", check=False)
    assert failed.returncode != 0 and "give the PEM of the authority" in failed.stderr
    # A kubelet would not start a Pod whose Secret is missing. This has the same effect.
    plane.node.images.remove("gpugate:0.2.0")
    try:
        ca = plane.authority.pem.decode()
        (tmp_path / "ca.crt").write_text(ca)
        helm("install", *strict_values(tmp_path), "--set", "certificates.mode=existing-secret", "--set", "lint.create=false",
             "--set-file", f"certificates.caBundle={tmp_path}/ca.crt")
    finally:
        plane.node.images.add("gpugate:0.2.0")
    assert failure_policy(plane) == "Ignore"
    assert_nobody_is_refused(plane)


def test_a_namespace_that_is_not_there(plane, release):
    plane.admin.delete("Namespace", NAMESPACE)
    eventually(lambda: not plane.admin.get("Namespace", NAMESPACE).ok, 60, "the end of the namespace")
    failed = release("install", check=False)
    assert failed.returncode != 0 and f'namespaces "{NAMESPACE}" not found' in failed.stderr, failed.stderr
    assert not registered(plane)
    assert_nobody_is_refused(plane)


@pytest.mark.parametrize("values, said", [
    (("--set", "replica=2"), "replica"), (("--set", "podSecurity.runAsUser=0"), "runAsUser"), (("--set", "webhooks.failurePolicy.quota=fail"), "quota"),
    (("--set", "policy.existingConfigMap=mine"), "gpugate render --policy DIR --ledger cluster --namespace gpugate"),
])
def test_values_that_are_wrong(plane, helm, values, said):
    failed = helm("install", *values, check=False)
    assert failed.returncode != 0 and said in failed.stderr, failed.stderr
    assert not registered(plane)


# After the installation.

def test_fail_comes_into_force_when_a_replica_answers_and_stays(plane, network, helm, tmp_path):
    """An upgrade during an outage does not weaken Fail. A new installation after an uninstall
    starts like the first one."""
    strict = strict_values(tmp_path)
    helm("install", *strict)
    gate = Gate(plane, network)
    try:
        eventually(lambda: gate.server.metrics().value("gpugate_registration_stale", configuration="validating") == 1, 30, "a reminder")
        eventually(lambda: any("failurePolicy of webhook quota" in line["message"] for line in gate.server.log("registration_stale", False)), 20, "its reason")
        gate.wait_available()
        said = helm("upgrade", "--reset-then-reuse-values").stdout
        assert "for now" not in said and 'refused, "failed calling webhook" (failurePolicy Fail)' in said
        assert failure_policy(plane) == "Fail"
        gate.wait_current()
        eventually(lambda: create(plane, {GPU: 3}).status == 403, 20, "a refusal")

        # A user who wants something else sets it, and serve is told.
        said = helm("upgrade", "--reset-then-reuse-values", "--set", "webhooks.failurePolicy.quota=Ignore").stdout
        assert "admitted uncounted (failurePolicy Ignore)" in said
        assert failure_policy(plane) == "Ignore"
        (container,) = plane.admin.get("Deployment", "gpugate", NAMESPACE).must()["spec"]["template"]["spec"]["containers"]
        assert "--quota-failure-policy=Ignore" in container["args"]
        helm("upgrade", "--reset-then-reuse-values", "--set", "webhooks.failurePolicy.quota=")
        assert failure_policy(plane) == "Fail"
    finally:
        gate.stop()
    eventually(lambda: not plane.admin.get("Deployment", "gpugate", NAMESPACE).must()["status"].get("availableReplicas"), 60, "an outage")
    helm("upgrade", "--reset-then-reuse-values")
    assert failure_policy(plane) == "Fail"
    helm("uninstall")
    helm("install", *strict)
    assert failure_policy(plane) == "Ignore"
    assert_nobody_is_refused(plane)


@pytest.mark.parametrize("mistake, said", [("policy", "gpugate-lint"), ("image", "DeadlineExceeded")])
def test_an_upgrade_that_is_broken_changes_nothing(plane, helm, tmp_path, mistake, said):
    """A replica that restarts finds a working policy."""
    helm("install", *strict_values(tmp_path))

    def state():
        objects = [plane.admin.get("ConfigMap", "gpugate-policy", NAMESPACE), plane.admin.get("Deployment", "gpugate", NAMESPACE),
                   *(plane.admin.get(kind, "gpugate") for kind in WEBHOOKS)]
        return [(obj.must().get("data"), obj.body.get("spec"), obj.body.get("webhooks")) for obj in objects]

    before = state()
    broken = broken_values(tmp_path) if mistake == "policy" else ("--set", "image.tag=nowhere")
    failed = helm("upgrade", "--reset-then-reuse-values", *SHORT, *broken, check=False)
    assert failed.returncode != 0 and said in failed.stderr, failed.stderr
    assert state() == before
    # A correct upgrade then replaces the failed one.
    good = doc("Tenant", "team-b", namespaces=["team-b"], quotas=[{"name": "whole", "hard": 1}])
    (tmp_path / "policy" / STRICT_POLICY).write_text(yaml.safe_dump_all([*STRICT, good]))
    helm("upgrade", "--reset-then-reuse-values", "--set-file", f"policy.files.strict\\.yaml={tmp_path}/policy/{STRICT_POLICY}")
    assert "team-b" in plane.admin.get("ConfigMap", "gpugate-policy", NAMESPACE).must()["data"][STRICT_POLICY]


def test_the_check_leaves_nothing_when_all_is_well(plane, helm):
    helm("install")
    assert not plane.admin.get("Job", "gpugate-lint", NAMESPACE).ok and not plane.admin.get("ConfigMap", "gpugate-lint", NAMESPACE).ok


# Who may see what.

def test_a_group_reads_the_quotas_of_its_tenant_and_no_others(plane, network, helm, tmp_path):
    """Asks `kubectl auth can-i` and reads with kubectl. jane is in the group team-a, ben in
    team-b."""
    tenants = [*STRICT, doc("Tenant", "team-b", namespaces=["team-b"], quotas=[{"name": "whole", "hard": 1}])]
    strict = strict_values(tmp_path)
    (tmp_path / "policy" / STRICT_POLICY).write_text(yaml.safe_dump_all(tenants))
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"viewers": [{"tenant": "team-a", "groups": ["team-a"], "quotas": ["whole"]}]}))
    helm("install", *strict, "-f", tmp_path / "values.yaml")
    gate = Gate(plane, network)
    try:
        eventually(lambda: {"team-a.whole", "team-b.whole"} <= {quota["metadata"]["name"] for quota in plane.admin.list("GPUQuota")}, 60, "quotas to be read")

        assert plane.kubectl("auth", "can-i", "get", "gpuquotas.gpugate.io/team-a.whole", user="jane").stdout.strip() == "yes"
        for user, verb, name in (("jane", "get", "/team-b.whole"), ("jane", "list", ""), ("jane", "watch", ""), ("jane", "patch", "/team-a.whole"),
                                 ("jane", "delete", "/team-a.whole"), ("ben", "get", "/team-a.whole"), ("ben", "list", "")):
            done = plane.kubectl("auth", "can-i", verb, f"gpuquotas.gpugate.io{name}", user=user, check=False)
            assert done.stdout.strip() == "no", (user, verb, name, done)
        shown = json.loads(plane.kubectl("get", "gpuquota", "team-a.whole", "-o", "json", user="jane").stdout)
        assert shown["spec"] == {"tenant": "team-a", "quota": "whole", "measure": "count"} and shown["status"]["hard"] == "2"
        assert "forbidden" in plane.kubectl("get", "gpuquota", "team-b.whole", user="jane", check=False).stderr
    finally:
        gate.stop()
