"""Credential plug-ins (`exec`) with a real API server that accepts their output.
tests/blackbox/test_credentials.py covers failures."""

import json

import pytest
import yaml

import installed
from gpugate import run
from kube import GPU, doc

V1 = "client.authentication.k8s.io/v1"
POLICY = [doc("Accelerator", "x", resource=GPU, memory="80Gi"), doc("Tenant", "a", namespaces=["a"], quotas=[{"name": "g", "hard": 1}])]


@pytest.fixture(scope="module")
def plane(control_plane):
    installed.install(control_plane, POLICY)
    return control_plane


def credential(folder, **status):
    """Returns a user whose plug-in prints this credential if it gets a description of the cluster.
    """
    (folder / "credential.json").write_text(json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status}))
    program = folder / "bin" / "print-credential"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\nset -e\ntest "$1" = get-token\necho "$KUBERNETES_EXEC_INFO" | grep -q certificate-authority-data\ncat "$FOLDER/credential.json"\n')
    program.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": "bin/print-credential", "args": ["get-token"], "interactiveMode": "IfAvailable",
                     "provideClusterInfo": True, "env": [{"name": "FOLDER", "value": str(folder)}]}}


def quota(plane, folder, user):
    config = yaml.safe_load(plane.kubeconfig().read_text())
    config["users"][0]["user"] = user
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return run("quota", "--kubeconfig", folder / "kubeconfig")


def kubectl(plane, folder):
    return plane.kubectl("--kubeconfig", folder / "kubeconfig", "get", "gpuquotas", check=False)


def test_a_token(plane, tmp_path):
    plane.grant(("ServiceAccount", "reader", "plugins"), "cluster-admin")
    token = plane.service_account("plugins", "reader")
    done = quota(plane, tmp_path, credential(tmp_path, token=token, expirationTimestamp="2999-01-01T00:00:00Z"))
    assert done.returncode == 0 and done.stdout and not done.stderr, done
    assert kubectl(plane, tmp_path).returncode == 0, "kubectl takes the same file"


def test_a_client_certificate(plane, tmp_path):
    plane.grant(("User", "carla"), "cluster-admin")
    certificate, key = plane.authority.issue("carla", client=True)
    done = quota(plane, tmp_path, credential(tmp_path, clientCertificateData=certificate.decode(), clientKeyData=key.decode()))
    assert done.returncode == 0 and done.stdout and not done.stderr, done
    assert kubectl(plane, tmp_path).returncode == 0


def test_what_the_api_server_does_not_accept(plane, tmp_path):
    done = quota(plane, tmp_path, credential(tmp_path, token="no-token-of-ours"))
    assert done.returncode == 2 and "answered 401" in done.stderr and "check that the token or client certificate is the right one" in done.stderr
    certificate, key = plane.authority.issue("nobody", client=True)
    done = quota(plane, tmp_path, credential(tmp_path, clientCertificateData=certificate.decode(), clientKeyData=key.decode()))
    assert done.returncode == 2 and "answered 403" in done.stderr and '"nobody"' in done.stderr
