"""Runs the shell commands of README.md and docs/ that need a cluster, as written and in order, on a
real API server with the real Helm. Each story has its own cluster, and starts with what the text
around it says that the reader has."""

import json
import os
import shutil
import subprocess

import pytest

import helm_tool
from control_plane import ControlPlane
from gpugate import ROOT
from node import Node
from shell_commands import FIRST_POLICY, HERE, stories, story, workplace

IN_ORDER = ROOT / "tests" / "blackbox" / "in_order.py"


@pytest.fixture
def plane():
    with ControlPlane(scheduler=False) as made:
        made.node = Node(made, "gpugate")
        made.node.ready = True
        yield made
        made.node.stop()


@pytest.fixture
def tell(plane, tmp_path):
    """Runs the commands of a story and returns their output."""
    folder = workplace(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "helm").symlink_to(helm_tool.path())
    (tools / "kubectl").symlink_to(plane.binaries["kubectl"])
    env = {**os.environ, "PATH": f"{tools}:{ROOT}/build:{os.environ['PATH']}", "KUBECONFIG": str(plane.kubeconfig()), "HOME": str(plane.dir)}

    def do(name, place=folder):
        steps = [command.replace("REGISTRY", "registry.example") for _, command in story(name)]
        assert len(steps) > 0
        done = subprocess.run(["python3", IN_ORDER, place], input=json.dumps(steps), text=True, capture_output=True, check=False, timeout=900, env=env)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        return done.stdout

    do.folder = folder
    return do


def copy_of_kustomize(folder):
    """Makes "a copy of deploy/kustomize in a repository of yours", with its policy directory
    unchanged."""
    return shutil.copytree(ROOT / "deploy" / "kustomize", folder / "mine")


def test_all_stories_are_told_here():
    assert stories() - {HERE, FIRST_POLICY} == {"readme, chart", "by hand, from the beginning", "chart", "kustomize", "by hand"}


def test_readme_chart(tell, plane):
    tell("readme, chart")
    assert plane.admin.get("Deployment", "gpugate", "gpugate").ok and plane.admin.get("ValidatingWebhookConfiguration", "gpugate").ok


def test_readme_by_hand(tell, plane):
    plane.namespace("gpugate")
    tell("by hand, from the beginning")
    assert {hook["name"] for hook in plane.admin.get("ValidatingWebhookConfiguration", "gpugate").must()["webhooks"]} >= {"quota.gpugate.io"}
    assert plane.admin.get("MutatingWebhookConfiguration", "gpugate").ok


def test_chart(tell, plane):
    """Includes the end of the story, after which nothing is left."""
    tell("chart")
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ClusterRole"):
        assert not plane.admin.get(kind, "gpugate").ok
    assert not plane.admin.get("Namespace", "gpugate").ok and not plane.admin.get("CustomResourceDefinition", "gpuledgers.gpugate.io").ok


def test_kustomize(tell, plane):
    tell("kustomize", copy_of_kustomize(tell.folder))
    assert not plane.admin.get("Namespace", "gpugate").ok


def test_by_hand(tell, plane):
    """Renders again and reads the status; the path secret is that of the installation."""
    plane.namespace("gpugate")
    plane.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gpugate-path", "namespace": "gpugate"},
                        "stringData": {"secret": "0123456789abcdef"}}).must()
    said = tell("by hand")
    assert '"exceeded": 0' in said or '"exceeded":0' in said
    assert plane.admin.get("MutatingWebhookConfiguration", "gpugate").ok and not plane.admin.get("ValidatingWebhookConfiguration", "gpugate").ok
