"""Installs what `gpugate render` prints, and makes sure that the API server uses it.

An API server learns of a webhook configuration by a watch, with an unknown delay. So register()
and unregister() write a second, harmless configuration after the first, and wait until that one
is in force. Events arrive in the order of the writes.
"""

import itertools
import json

from control_plane import eventually
from gpugate import run

PROBE = "gpugate-registration-probe"
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_serial = itertools.count(1)


def rendered(policy, url, ca, secret=None, ledger="embedded", version=(1, 37)):
    """Returns the objects. policy is a folder, ca and secret are files. Without ca, certificates
    are self-managed."""
    certs = ("--ca-bundle", ca) if ca else ("--certs", "self-managed")
    done = run("render", "--policy", policy, "--ledger", ledger, "--url", url, *certs, "--kube-version", f"{version[0]}.{version[1]}",
               "-o", "json", *(["--path-secret", secret] if secret else []))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["items"]


def prepare(client, objects):
    """Writes everything except the webhooks, and returns when the kinds are served."""
    for obj in objects:
        if obj["kind"] not in WEBHOOKS:
            client.apply(obj, "gpugate-render").must()
    kinds = [obj["spec"]["names"]["plural"] for obj in objects if obj["kind"] == "CustomResourceDefinition"]
    eventually(lambda: all(client.request("GET", f"/apis/gpugate.io/v1/{plural}").ok for plural in kinds), 20, f"the kinds {kinds}")


def _in_force(client, kind):
    """Waits until earlier writes of this kind of configuration are in force."""
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PROBE}})
    name = f"{PROBE}-{next(_serial)}"
    nowhere = {"name": "probe.gpugate.io", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 1,
               "clientConfig": {"url": "https://127.0.0.1:1/"}, "objectSelector": {"matchLabels": {"probe": name}},
               "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PROBE}},
               "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]}
    client.create({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "webhooks": [nowhere]}).must()
    asked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": PROBE, "labels": {"probe": name}}}
    eventually(lambda: "failed calling webhook" in client.create(asked, dryRun="All").message, 20, f"{kind} in force")
    client.delete(kind, name).must()


def register(client, objects):
    """Writes the webhooks, as `kubectl apply --server-side` would, and returns when they are in
    force."""
    for obj in objects:
        if obj["kind"] in WEBHOOKS:
            client.apply(obj, "gpugate-render").must()
    for kind in WEBHOOKS:
        _in_force(client, kind)


def unregister(client):
    """Deletes the webhooks, and returns when that is in force."""
    for kind in WEBHOOKS:
        gone = client.delete(kind, "gpugate")
        assert gone.ok or gone.status == 404, gone
        _in_force(client, kind)
