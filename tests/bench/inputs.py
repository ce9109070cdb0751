"""What the benchmark sends, and the policies that decide it: request templates from real reviews,
and generated policies."""

import json
from pathlib import Path

REVIEW_UID = b"RRRRRRRR-RRRR-RRRR-RRRR-RRRRRRRRRRRR"
POD_UID = b"PPPPPPPP-PPPP-PPPP-PPPP-PPPPPPPPPPPP"
NAME_END = b"NNNNNNNNNNNN"

PODS = ("pod-bare", "pod-of-deployment", "pod-of-job-init-sidecar")
STREAMS = {
    "mutate": {"creates": [f"mutate-{pod}" for pod in PODS], "delete": None},
    "validate": {"creates": [f"validate-{pod}" for pod in PODS], "delete": "validate-pod-delete"},
}


def template(raw: bytes) -> bytes:
    """Returns the review's exact bytes, with marks in place of what identifies the review and the
    Pod (see stream.h)."""
    request = json.loads(raw)["request"]
    pod = request["object"] or request["oldObject"]
    raw = raw.replace(request["uid"].encode(), REVIEW_UID)
    if uid := pod["metadata"].get("uid"):
        raw = raw.replace(uid.encode(), POD_UID)
    if name := pod["metadata"].get("name"):
        raw = raw.replace(b'"name":"%s"' % name.encode(), b'"name":"%s-%s"' % (name.encode(), NAME_END))
    json.loads(raw)
    return raw


def write_templates(reviews: Path, out: Path) -> dict:
    """Writes all templates. Returns the arguments of the load client for each stream."""
    out.mkdir(parents=True)
    arguments = {}
    for name, stream in STREAMS.items():
        arguments[name] = ["--path", f"/{name}"]
        for option, reviewed in [("--create", each) for each in stream["creates"]] + [("--delete", stream["delete"])]:
            if reviewed:
                file = out / f"{reviewed}.json"
                file.write_bytes(template((reviews / file.name).read_bytes()))
                arguments[name] += [option, str(file)]
    return arguments


HEAD = """\
apiVersion: gpugate.io/v1
kind: Settings
metadata: {name: cluster}
spec: {enforcement: deny, untenanted: deny, uncovered: deny}
---
apiVersion: gpugate.io/v1
kind: Accelerator
metadata: {name: a100-80gb}
spec:
  resource: nvidia.com/gpu
  memory: 80Gi
  nodeLabels: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB}
  mig: {profiles: builtin, offered: [1g.10gb, 3g.40gb], strategy: mixed}
  sharing: {resource: nvidia.com/gpu.shared, replicas: 4, maxPerContainer: 1}
---
apiVersion: gpugate.io/v1
kind: Tenant
metadata: {name: research}
spec:
  quotas:
  - {name: compute, measure: gpus, hard: 1000000}
---
apiVersion: gpugate.io/v1
kind: Tenant
metadata: {name: measured}
spec:
  parent: research
  namespaces: [default]
  quotas:
  - {name: whole, resources: [nvidia.com/gpu], hard: 1000000}
  - {name: slices, resources: ["nvidia.com/mig-*"], hard: 1000000}
  - {name: memory, measure: memory, accelerators: [a100-80gb], hard: 100000000Gi}
---
apiVersion: gpugate.io/v1
kind: Guard
metadata: {name: no-way-around}
spec:
  deny: [visibleDevicesEnv, hostDeviceMounts, deviceVolumeMounts, mixedMigInContainer, sharedRequestAboveOne,
         preboundNodeName, privileged]
---
apiVersion: gpugate.io/v1
kind: Rule
metadata: {name: one-gpu-on-mig}
spec:
  order: 10
  match: {tenants: [measured], requests: {nvidia.com/gpu: {max: 1}}}
  rewrite:
  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: "annotation:gpugate.io/gpu-memory", default: 10Gi}}
---
apiVersion: gpugate.io/v1
kind: Rule
metadata: {name: place-on-pool}
spec:
  order: 20
  match: {tenants: [measured]}
  inject:
    nodeSelector: {pool: gpu}
    tolerations: [{key: pool, operator: Equal, value: gpu, effect: NoSchedule}]
"""

TENANT = """\
---
apiVersion: gpugate.io/v1
kind: Tenant
metadata: {{name: team-{n}}}
spec:
  parent: research
  namespaces: [team-{n}, "team-{n}-*"]
  quotas:
  - {{name: whole, resources: [nvidia.com/gpu], hard: 8}}
  - {{name: compute, measure: gpus, hard: "6.5"}}
"""

# Rules that a Pod of the measured tenant does not match, each kind by another key, which shows
# whether an index covers them all.
MATCHES = (
    "{{tenants: [team-{tenant}]}}",
    '{{namespaces: [team-{tenant}, "team-{tenant}-{n}-*"]}}',
    "{{podSelector: {{matchLabels: {{app: service-{n}}}}}}}",
)

RULE = """\
---
apiVersion: gpugate.io/v1
kind: Rule
metadata: {{name: rule-{n}}}
spec:
  order: {order}
  match: {match}
  inject: {{nodeSelector: {{team: pool-{n}}}}}
"""

PER_FILE = 1000


def write_policy(folder: Path, tenants: int, rules: int) -> Path:
    """Writes a policy with this many Tenants and Rules. The part that decides the Pods is the same
    in each."""
    folder.mkdir(parents=True)
    (folder / "base.yaml").write_text(HEAD)
    others = max(tenants - 2, 1)
    documents = [TENANT.format(n=n) for n in range(others)]
    for n in range(max(rules - 2, 0)):
        match = MATCHES[n % len(MATCHES)].format(n=n, tenant=n % others)
        documents.append(RULE.format(n=n, order=100 + n % 1000, match=match))
    for start in range(0, len(documents), PER_FILE):
        (folder / f"part-{start // PER_FILE}.yaml").write_text("".join(documents[start : start + PER_FILE]))
    return folder


def write_suites(folder: Path, steps: int, files: int) -> Path:
    """Writes suites of tests with that many steps in all, for a policy of write_policy. Of five
    steps, four create a Pod and compare the answer and the usage; one deletes."""
    folder.mkdir(parents=True)
    container = {"name": "main", "image": "img", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    for file in range(files):
        text, held = [], 0
        for step in range(steps // files):
            name = f"p-{step - step % 5}"
            if step % 5 == 4:
                held -= 4
                text.append({"delete": {"name": name, "count": 4}, "expect": {"usage": {"measured/slices": held}}})
                continue
            held += 1
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": {"containers": [container]}}
            text.append({"create": pod, "expect": {"allowed": True, "charges": {"measured/slices": 1, "research/compute": "0.14", "measured/memory": "10Gi"},
                                                   "usage": {"measured/slices": held}}})
        suite = {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": f"s{file}"}, "spec": {"steps": text}}
        # What begins with a mark of YAML is read as YAML, which takes longer than JSON.
        (folder / f"{file}.suite.yaml").write_text("---\n" + json.dumps(suite, indent=1))
    return folder
