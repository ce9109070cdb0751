"""`gpugate render | kubectl apply` on a cluster that never had gpugate: missing parts, partial
failures, and who may read quotas."""

import os
import subprocess
import sys

import pytest

import installed
from control_plane import eventually
from gpugate import BINARY, Server, write_policy
from kube import GPU, doc
from manifests import pod

POLICY = [doc("Accelerator", "a100", resource=GPU, memory="80Gi"),
          doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "hard": 2}, {"name": "with.dots", "hard": 2}]),
          doc("Tenant", "team-b", namespaces=["team-b"], parent="team-a", quotas=[{"name": "whole", "hard": 1}])]
VALIDATING = "ValidatingWebhookConfiguration"
LEAVE_OUT = 'import sys, yaml; yaml.safe_dump_all([o for o in yaml.safe_load_all(sys.stdin) if o["kind"] != sys.argv[1]], sys.stdout)'
SECRETS = ["0123456789abcdef", "fedcba9876543210"]


@pytest.fixture
def plane(fresh_control_plane):
    made = fresh_control_plane(scheduler=False)
    made.namespace("team-a")
    return made


@pytest.fixture
def apply(plane, tmp_path):
    """apply("--part", "webhooks", user="admin"), as a user would in a shell. Returns its exit
    status. `without`: a kind that is left out."""
    policy = write_policy(tmp_path / "policy", POLICY)

    def do(*args, user="admin", without=None):
        words = " ".join(map(str, args))
        line = (f"{BINARY} render --policy {policy} --ledger cluster --certs self-managed --kube-version {installed.KUBE_VERSION} {words} |"
                f" {sys.executable} -c '{LEAVE_OUT}' {without} | {plane.binaries['kubectl']} apply --server-side -f -")
        return subprocess.run(["bash", "-c", line], capture_output=True, check=False,
                              env={**os.environ, "KUBECONFIG": str(plane.kubeconfig(user)), "HOME": str(plane.dir)}).returncode

    return do


def create(plane):
    return plane.admin.create(pod("team-a", "one", {GPU: 1}), dryRun="All")


def serve(plane, policy, *args, **options):
    return Server(policy, "--ledger", "cluster", "--certs", "self-managed", "--kubeconfig", plane.service_account_kubeconfig("gpugate", "gpugate"),
                  "--settle-seconds", "2", "--trust-seconds", "2", *args, **options)


def test_the_namespace_need_not_be_there(plane, apply):
    """Nothing fails, so no partial registration remains."""
    assert not plane.admin.get("Namespace", "gpugate").ok
    assert apply("--part", "prerequisites") == 0
    assert plane.admin.get("ServiceAccount", "gpugate", "gpugate").ok and plane.admin.get("Role", "gpugate", "gpugate").ok
    assert not plane.admin.get(VALIDATING, "gpugate").ok
    assert create(plane).ok, "a Pod that asks for a GPU, before anything is registered"


def test_a_namespace_that_is_there_stays_as_it_is(plane, apply):
    plane.namespace("gpugate", **{"pod-security.kubernetes.io/enforce": "privileged", "team": "platform"})
    assert apply("--part", "prerequisites") == 0 and apply("--part", "prerequisites", "--quota-failure-policy", "Fail") == 0
    labels = plane.admin.get("Namespace", "gpugate").must()["metadata"]["labels"]
    assert labels.items() >= {"pod-security.kubernetes.io/enforce": "privileged", "team": "platform"}.items()


def test_kinds_that_are_missing(plane, apply, tmp_path):
    """Without the CustomResourceDefinitions, no replica is ready, and the reason is logged. Once
    they exist, it continues by itself."""
    assert apply("--part", "prerequisites", without="CustomResourceDefinition") == 0
    assert not plane.admin.list("CustomResourceDefinition")
    server = serve(plane, POLICY)
    try:
        line = eventually(lambda: [line for line in server.log(strict=False) if "404" in line.get("message", "")], 60, "what is missing")[0]
        assert "apply the CustomResourceDefinitions that `gpugate render` prints" in line["message"], line
        eventually(lambda: "ledger has not been read yet" in server.admin("/readyz").text, 60, "the reason why it is not ready")
        assert server.admin("/readyz").status == 503
        assert create(plane).ok
        assert apply("--part", "prerequisites") == 0
        eventually(lambda: server.admin("/readyz").status == 200, 60, "readiness")
    finally:
        server.stop()


def test_an_apply_that_breaks_off_registers_nothing(plane, apply):
    """The user may not create namespaces. `&&` between the two steps keeps the webhooks out; in a
    single step kubectl would continue."""
    plane.admin.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "registers"}, "rules": [
        {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["apiextensions.k8s.io", "rbac.authorization.k8s.io", "flowcontrol.apiserver.k8s.io"], "resources": ["*"], "verbs": ["*"]}]}).must()
    plane.grant(("User", "jane"), "registers")
    assert apply("--part", "prerequisites", user="jane") != 0
    assert create(plane).ok
    assert apply(user="jane") != 0
    refused = create(plane)
    assert not refused.ok and "failed calling webhook" in refused.message, "why there are two steps"


def test_two_steps_hold_up_nobody(plane, apply, tmp_path):
    """First the prerequisites, then gpugate, then the webhooks. Pods can be created at each step,
    and are decided at the end."""
    assert apply("--part", "prerequisites") == 0
    assert create(plane).ok
    server = serve(plane, POLICY, "--certs-name", "127.0.0.1")
    try:
        eventually(lambda: server.admin("/readyz").status == 200, 60, "readiness before it is registered")
        assert create(plane).ok
        assert apply("--part", "webhooks", "--url", f"https://127.0.0.1:{server.port}") == 0
        eventually(lambda: all(w["clientConfig"].get("caBundle") for w in plane.admin.get(VALIDATING, "gpugate").must()["webhooks"]), 60, "bundles")
        eventually(lambda: create(plane).ok, 60, "a Pod that was decided")
        eventually(lambda: plane.admin.create(pod("team-a", "many", {GPU: 3}), dryRun="All").status == 403, 60, "a refusal")
    finally:
        plane.admin.delete(VALIDATING, "gpugate")
        server.stop()


def test_viewers_read_what_is_published_of_their_tenant_alone(plane, apply):
    """The names that render prints are those that gpugate publishes. jane is in the group team-a,
    and ben in team-b, whose tenant is below."""
    assert apply("--part", "prerequisites", "--viewers", "team-a=team-a", "--viewers", "team-b=team-b") == 0
    server = serve(plane, POLICY)
    try:
        def quotas():
            # A new kind is not served immediately.
            found = plane.admin.request("GET", plane.admin.path("GPUQuota"))
            return found.body["items"] if found.ok and len(found.body["items"]) == 3 else None

        published = eventually(quotas, 60, "three quotas")
        for user, tenant in (("jane", "team-a"), ("ben", "team-b")):
            own = {quota["metadata"]["name"] for quota in published if quota["spec"]["tenant"] == tenant}
            assert len(own) == (2 if tenant == "team-a" else 1)
            for quota in published:
                name = quota["metadata"]["name"]
                asked = plane.kubectl("auth", "can-i", "get", f"gpuquotas.gpugate.io/{name}", user=user, check=False)
                assert asked.stdout.strip() == ("yes" if name in own else "no"), (user, name)
                assert plane.client(user).get("GPUQuota", name).status == (200 if name in own else 403)
            assert plane.client(user).request("GET", plane.admin.path("GPUQuota")).status == 403
            assert plane.client(user).delete("GPUQuota", next(iter(own))).status == 403
    finally:
        server.stop()


def test_a_path_secret_that_is_registered_and_not_known_is_seen(plane, apply, tmp_path):
    """No request is sent to a replica that would answer 404, and the reason is reported. Once the
    file contains the secret, everything works without a restart. The previous secret is accepted
    too, so that the file can be changed first."""
    files = []
    for i, secret in enumerate(SECRETS):
        files.append(tmp_path / f"secret-{i}")
        files[i].write_text(secret)
    assert apply("--path-secret", files[0], "--quota-failure-policy", "Ignore") == 0
    server = serve(plane, POLICY, "--quota-failure-policy", "Ignore", secret=SECRETS[0])

    def is_stale():
        return server.metrics().value("gpugate_registration_stale", configuration="validating") == 1

    def is_ready():
        return server.admin("/readyz").status == 200

    try:
        eventually(lambda: is_ready() and not is_stale(), 60, "a current registration")
        assert apply("--path-secret", files[1], "--quota-failure-policy", "Ignore") == 0
        eventually(lambda: is_stale() and not is_ready(), 60, "a replica that is not ready")
        assert "path secret" in server.admin("/readyz").text
        messages = [line["message"] for line in server.log("registration_stale", False)]
        assert any("quota.gpugate.io" in message and "does not answer" in message for message in messages), messages
        assert not any(secret in server.stderr() for secret in SECRETS)
        (server.dir / "secret").write_text(SECRETS[1])
        eventually(lambda: is_ready() and not is_stale(), 60, "a current registration again")
        assert apply("--path-secret", files[0], "--quota-failure-policy", "Ignore") == 0
        eventually(lambda: len(server.log("registration_current", False)) >= 1, 60, "news")
        assert is_ready()
    finally:
        plane.admin.delete(VALIDATING, "gpugate")
        server.stop()
