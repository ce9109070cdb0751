#!/usr/bin/env python3
"""The story of `make demo-cluster`: the same with the real `kubectl apply`, on a real API server
with its controllers.

Starts its own control plane (`make control-plane` builds it) and registers gpugate with the policy
of deploy/policy/. The exit status is that of demo.py."""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

from story import GPU, PERSON, ROOT, Story, Teller, a_deployment, asks_of, conclude, end, pod, stop, tell

sys.path += [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "blackbox")]

import binaries
import yaml
from control_plane import ControlPlane, eventually
from gpugate import BINARY
from in_cluster import InCluster

# deploy/policy/namespaces.yaml defines those with labels.
NAMESPACES = ["vision", "language", "edge-berlin", "elsewhere"]


class Applied(Story):
    """kubectl applies every Pod, and the story shows what the API server has stored."""

    mirror = None  # the API server itself refuses the annotation without a node name

    def __init__(self, cluster, gate, teller):
        super().__init__(teller)
        self.cluster, self.gate = cluster, gate

    def create(self, obj, expected, shows=None, *, says=None, user=PERSON, mutate=True):
        if mutate:  # the API server never skips /mutate
            super().create(obj, expected, shows, says=says, user=user)

    def admit(self, name, obj, user, mutate):
        before = self.quotas()
        ran = self.cluster.kubectl("apply", "-f", "-", input=obj, check=False)
        if ran.returncode != 0:
            return None, re.sub(r'^Error from server \(\w+\): error when creating "STDIN": ', "", ran.stderr.strip())
        return self._stored(*name.split("/")), self._charged(before)

    def _stored(self, namespace, name):
        found = self.cluster.admin.get("Pod", name, namespace).must()
        # Every Pod gets the other tolerations.
        ours = [t for t in found["spec"].get("tolerations", ()) if not t["key"].startswith("node.kubernetes.io/")]
        return {**found, "spec": {**found["spec"], "tolerations": ours}}

    def _charged(self, before):
        grown = {key: used - before[key][0] for key, (used, _) in self.quotas().items() if used > before[key][0]}
        return ", ".join(f"{tenant}/{quota}={f'{more / (1 << 30):g}Gi' if measure == 'memory' else round(more, 2):}"
                        .removesuffix(".0") for (tenant, quota, measure), more in grown.items())

    def remove(self, name):
        namespace, pod_name = name.split("/")
        return self.cluster.kubectl("delete", "pod", "-n", namespace, pod_name, check=False).returncode == 0

    def metrics(self):
        return self.gate.server.admin("/metrics").text

    def pods_of(self, namespace, app):
        return [p for p in self.cluster.admin.list("Pod", namespace) if p["metadata"].get("labels", {}).get("app") == app]


def a_real_deployment(story):
    """Shows what the controller of a ReplicaSet does: one Pod, a refusal that becomes an event, and
    the second Pod once there is room."""
    template = pod("vision", "trainer", {GPU: "2"}, labels={"app": "trainer"})
    before = story.quotas()
    story.cluster.kubectl("apply", "-f", "-", input={
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "trainer", "namespace": "vision"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "trainer"}},
                 "template": {"metadata": {"labels": {"app": "trainer"}}, "spec": template["spec"]}}})

    def refusals():
        return [m for m in story.cluster.events("vision", reason="FailedCreate") if "denied the request" in m]

    said = eventually(refusals, 20, "the ReplicaSet's event")[0]
    made = story.pods_of("vision", "trainer")
    story.report("vision/trainer", f"a Deployment of 2, each {asks_of(template)}", "allowed", "allowed" if len(made) == 1 else f"{len(made)} Pods",
                 f"the first Pod: charged {story._charged(before)}", "vision/whole=2")
    story.report("vision/trainer", "its second Pod", "refused", "refused", f"event of the ReplicaSet: {said}",
                 "requested 2, used 3, limit 4, over by 1; 1 is free")
    story.delete("vision/train")
    both = eventually(lambda: len(story.pods_of("vision", "trainer")) == 2, 30, "the second Pod")
    story.report("vision/trainer", "its second Pod", "allowed", "allowed" if both else "refused", "the ReplicaSet's controller has tried again")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", default=ROOT / "build" / "demo-cluster", type=Path, help="folder for the log; emptied first")
    args = parser.parse_args()
    if not BINARY.exists():
        stop(f"there is no {BINARY}; build it first with `make`")
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    teller = Teller()
    try:
        cluster = ControlPlane()
    except binaries.NotToBeHad as reason:
        stop(str(reason))
    with cluster:
        labelled = list(yaml.safe_load_all((ROOT / "deploy" / "policy" / "namespaces.yaml").read_text()))
        for name, labels in [(n, {}) for n in NAMESPACES] + [(n["metadata"]["name"], n["metadata"]["labels"]) for n in labelled]:
            cluster.namespace(name, **labels)
        gate = InCluster(cluster, ROOT / "deploy" / "policy")
        print(f"Kubernetes {'.'.join(map(str, cluster.version))} was ready in {cluster.started_s:.1f} s; gpugate is registered with it, its policy is "
              f"{os.path.relpath(ROOT / 'deploy/policy')}. Every Pod below is applied by kubectl.")
        try:
            story = Applied(cluster, gate, teller)
            tell(story, {a_deployment: a_real_deployment})
            end(story)
        finally:
            gate.keep_logs(args.work)
            gate.stop()
    return conclude(teller, args.work / "gpugate-0.log")


if __name__ == "__main__":
    sys.exit(main())
