"""What gpugate's cluster ledger needs in a cluster before it runs, as `gpugate render` prints it:
kinds and rights."""

import json
import tempfile

import binaries
from control_plane import eventually
from gpugate import run, write_policy

NAMESPACE = "gpugate"
KINDS = ("gpuledgers", "gpuquotas")
KUBE_VERSION = "{}.{}".format(*binaries.version())


def rendered(policy, *args):
    """Returns the objects that `gpugate render` prints for a policy and the cluster ledger."""
    with tempfile.TemporaryDirectory(prefix="gpugate-") as folder:
        done = run("render", "--policy", write_policy(folder, policy), "--ledger", "cluster", "-o", "json", "--kube-version", KUBE_VERSION, *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["items"]


def install(plane, policy):
    """Installs everything except the webhook configurations, which registration.py installs.
    Returns when the kinds are served."""
    plane.namespace(NAMESPACE)
    for obj in rendered(policy):
        if not obj["kind"].endswith("WebhookConfiguration") and obj["apiVersion"].split("/")[0] != "flowcontrol.apiserver.k8s.io":
            group, _, version = obj["apiVersion"].rpartition("/")
            where = f"/apis/{group}/{version}" if group else f"/api/{version}"
            if "namespace" in obj["metadata"]:
                where += f"/namespaces/{obj['metadata']['namespace']}"
            path = f"{where}/{obj['kind'].lower()}s/{obj['metadata']['name']}"
            plane.admin.request("PATCH", path, obj, "application/apply-patch+yaml", fieldManager="gpugate-render", force="true").must()
    eventually(lambda: all(plane.admin.request("GET", f"/apis/gpugate.io/v1/{kind}").ok for kind in KINDS), 20, "the kinds of gpugate.io")
