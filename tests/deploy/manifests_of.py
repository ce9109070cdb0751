"""The manifests in deploy/, as Helm and kustomize render them, as objects."""

import copy
import difflib
import json
import os
import shutil
import subprocess
from pathlib import Path

import yaml

import binaries
import helm_tool
from gpugate import BINARY, ROOT, run

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "gpugate"
PATH_SECRET = "0123456789abcdef0123456789abcdef"
# With these values, the chart renders what kustomize does.
KUSTOMIZE_VALUES = {"pathSecret": {"value": PATH_SECRET}, "namespace": {"create": True}}


def helm(*args, check=True, **kwargs):
    done = subprocess.run([helm_tool.path(), *map(str, args)], text=True, capture_output=True, check=False, **kwargs)
    assert not check or done.returncode == 0, done.stderr
    return done


def merged(*maps):
    """Merges values. Later ones override earlier ones."""
    whole = {}
    for values in maps:
        for key, value in values.items():
            whole[key] = merged(whole.get(key, {}), value) if isinstance(value, dict) else value
    return whole


def template(folder, values, *args, namespace="gpugate", check=True):
    """Returns what `helm template` renders from the chart with these values. folder: for the values
    file."""
    path = Path(folder) / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    done = helm("template", "gpugate", CHART, "--namespace", namespace, "-f", path, *args, check=check)
    return by_name(yaml.safe_load_all(done.stdout)) if check else done


def kustomize(folder, overlay, change=None):
    """Returns what `kubectl kustomize` builds from a copy of an overlay that is filled in as a user
    would. change(copy) may do more."""
    copy_of = shutil.copytree(DEPLOY / "kustomize", Path(folder) / "kustomize", dirs_exist_ok=True)
    (copy_of / "base" / "path.env").write_text(f"secret={PATH_SECRET}\n")
    pki = copy_of / "overlays" / "plain" / "pki"
    if not pki.exists():
        assert run("certs", "create", "--dir", pki, "--name", "gpugate.gpugate.svc").returncode == 0
    if change:
        change(copy_of)
    done = subprocess.run([binaries.paths()["kubectl"], "kustomize", copy_of / "overlays" / overlay], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return by_name(yaml.safe_load_all(done.stdout))


def with_component(name, overlay="self-managed"):
    """A change for kustomize(): adds a component to the overlay."""
    def change(copy):
        path = copy / "overlays" / overlay / "kustomization.yaml"
        path.write_text(path.read_text() + f"components: [../../components/{name}]\n")

    return change


def readme_line(copy, word):
    """Runs the line of the README that contains the word, as a user would."""
    (line,) = [line.strip() for line in (copy / "README.md").read_text().splitlines() if line.startswith("    ") and word in line]
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", line], cwd=copy, check=True,
                   env={**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}"})


def by_name(objects):
    """Returns (kind, name) -> object. No two objects may share a key."""
    found = {}
    for obj in objects:
        if obj:
            key = obj["kind"], obj["metadata"]["name"]
            assert key not in found, f"{key} twice"
            found[key] = obj
    return found


def rendered(policy, *args):
    """Returns what `gpugate render` prints for the cluster ledger."""
    done = run("render", "--policy", policy, "--ledger", "cluster", "-o", "json", *args)
    assert done.returncode == 0, done.stderr
    return by_name(json.loads(done.stdout)["items"])


# Differences without significance between the objects of Helm, kustomize and `render`.
LABELS = ("helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by")
ANNOTATIONS = ("helm.sh/", "gpugate.io/path-secret")


def bare(obj, labels=LABELS):
    """Returns a copy of an object without these differences."""
    obj = copy.deepcopy(obj)
    for metadata in (obj["metadata"], obj.get("spec", {}).get("template", {}).get("metadata", {}) if obj["kind"] == "Deployment" else {}):
        for field, gone in (("labels", lambda key: labels is None or key in labels), ("annotations", lambda key: key.startswith(ANNOTATIONS))):
            metadata[field] = {k: v for k, v in (metadata.get(field) or {}).items() if not gone(k)}
            if not metadata[field]:
                del metadata[field]
    if obj["kind"] == "Deployment":
        pod = obj["spec"]["template"]["spec"]
        pod["volumes"].sort(key=lambda volume: volume["name"])
        for container in pod.get("initContainers", []) + pod["containers"]:
            container["volumeMounts"].sort(key=lambda mount: mount["mountPath"])
    for webhook in obj.get("webhooks", []):
        if "caBundle" in webhook["clientConfig"]:
            webhook["clientConfig"]["caBundle"] = webhook["clientConfig"]["caBundle"].replace("\n", "")
    return obj


def assert_same(a, b):
    """Fails with a diff if they differ."""
    texts = [yaml.safe_dump(obj).splitlines() for obj in (a, b)]
    assert a == b, "\n".join(difflib.unified_diff(*texts, lineterm="", n=1))
