"""`kubectl gpugate`: the program as a plug-in of kubectl, with its completion. The links are those
that deploy/debian/gpugate.links makes. Without kubectl, they are called as kubectl would."""

import os
import shutil
import subprocess

import pytest

from gpugate import BINARY, ROOT, run

KUBECTL = shutil.which("kubectl") or shutil.which("kubectl", path=ROOT / "build" / "control-plane")
LINKS = [line.split() for line in (ROOT / "deploy/debian/gpugate.links").read_text().splitlines()]
EXPLAIN = ["explain", "-f", "deploy/examples/mig-mixed/manifests/by-memory.yaml", "--policy", "deploy/examples/mig-mixed/policy"]


@pytest.fixture(name="kubectl")
def _kubectl(tmp_path):
    for target, link in LINKS:
        if link.startswith("usr/bin/"):
            assert target == "usr/bin/gpugate"
            (tmp_path / link.rpartition("/")[2]).symlink_to(BINARY)
    (tmp_path / "gpugate").symlink_to(BINARY)
    shutil.copy(ROOT / "deploy/debian/kubectl_complete-gpugate", tmp_path)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "KUBECONFIG": os.devnull}

    def call(*args, complete=False):
        if KUBECTL:
            command = [KUBECTL, *(["__complete"] if complete else []), "gpugate", *args]
        else:
            command = ["kubectl_complete-gpugate" if complete else "kubectl-gpugate", *args]
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return call


def test_it_is_the_same_program(kubectl):
    for args in (EXPLAIN, ["version"], ["--help"], ["explain", "--help"]):
        done, own = kubectl(*args), run(*args, cwd=ROOT)
        assert (done.returncode, done.stdout, done.stderr) == (own.returncode, own.stdout, own.stderr) and done.stdout, args
    refused = kubectl("explain", "-f", "nowhere.yaml", *EXPLAIN[3:])
    assert refused.returncode != 0 and refused.stderr.startswith("gpugate explain: nowhere.yaml"), refused


@pytest.mark.parametrize("words, choices", [
    (["exp"], {"explain"}),
    (["explain", "--us"], {"--usage"}),
    (["explain", "-o", ""], {"text", "json", "yaml"}),
    (["certs", ""], {"create", "inspect", "verify"}),
    (["explain", "-f", "deploy/policy.su"], {"deploy/policy.suite.yaml"}),
])
def test_completion(kubectl, words, choices):
    said = kubectl(*words, complete=True).stdout.split("\n")
    assert choices == {line for line in said if line and not line.startswith(":")}, said
    assert ":4" in said
