"""The policy that `gpugate init` makes of a cluster in which an example runs refuses none of its
Pods in `gpugate replay`, even if everything is enforced."""

import json

import pytest
import yaml

from fleets import listed
from gpugate import ROOT, run

# custom-resources has no Pods: its objects are for the controllers of other projects.
EXAMPLES = sorted({path.parent.name for path in (ROOT / "deploy" / "examples").glob("*/manifests")} - {"custom-resources"})


def documents(folder):
    return [doc for path in sorted(folder.rglob("*.yaml")) for doc in yaml.safe_load_all(path.read_text()) if doc]


def capacity(accelerator):
    """What a node of it advertises."""
    mig = accelerator.get("mig", {})
    sharing = accelerator.get("sharing")
    if sharing:  # The example with a file of the device plugin has four shares of the same name.
        return {sharing.get("resource", accelerator["resource"]): str(2 * sharing.get("replicas", 4))}
    if mig.get("offered") and mig.get("strategy", "mixed") == "mixed":
        return {accelerator["resource"]: "2", **{f"nvidia.com/mig-{profile}": "4" for profile in mig["offered"]}}
    return {accelerator["resource"]: "8"}


def nodes(example):
    accelerators = [doc["spec"] for doc in documents(example / "policy") if doc["kind"] == "Accelerator"]
    return [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{i}", "labels": spec.get("nodeLabels", {})},
             "status": {"capacity": {"cpu": "64", **capacity(spec)}}} for i, spec in enumerate(accelerators)]


def pods(manifests):
    """Those of Pods and workloads, as they run: each is bound to a node."""
    found = []
    for doc in manifests:
        spec = doc.get("spec", {})
        template = doc if doc["kind"] == "Pod" else spec.get("template") if doc["kind"] in ("Deployment", "StatefulSet", "Job") else None
        if template is None:
            continue
        for i in range(spec.get("replicas", spec.get("parallelism", 1)) if doc["kind"] != "Pod" else 1):
            name = f"{doc['metadata']['name']}-{i}"
            found.append({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
                          "metadata": {**template.get("metadata", {}), "name": name, "uid": f"{doc['metadata']['namespace']}-{name}",
                                       "namespace": doc["metadata"]["namespace"], "creationTimestamp": "2026-11-01T10:00:00Z"},
                          "spec": {**template["spec"], "nodeName": "node-0"}})
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_pod_of_an_example_is_refused(tmp_path, name):
    example = ROOT / "deploy" / "examples" / name
    manifests = documents(example / "manifests") + documents(example / "made-by-controllers")
    running, claims = pods(manifests), [doc for doc in manifests if doc["kind"].startswith("ResourceClaim")]
    assert running or claims
    cluster = tmp_path / "cluster.json"
    cluster.write_text(json.dumps(listed([*nodes(example), *(doc for doc in manifests if doc["kind"] not in ("Pod", "Deployment", "StatefulSet", "Job")),
                                          *running])))
    policy = tmp_path / "policy"
    made = run("init", cluster, "--out", policy)
    assert made.returncode == 0, made
    settings = policy / "settings.yaml"
    settings.write_text(settings.read_text().replace("enforcement: audit", "enforcement: deny"))
    replayed = run("replay", "--policy", policy, cluster, "-o", "json", "--fail-on", "newly-refused,over-quota")
    report = json.loads(replayed.stdout)
    assert replayed.returncode == 0 and report["quotas"] == [], report["differences"]
    assert report["reviews"] == len(running) + len(claims)
