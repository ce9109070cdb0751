"""The story that the demos tell, and how they print it. Each place to tell it is a subclass of
Story: demo.py asks the server itself, demo_cluster.py a real API server.

Needs only Python's standard library."""

import os
import re
import shutil
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu.shared"
PERSON = ("jane@example.com", ["system:authenticated"])
CONTROLLER = ("system:serviceaccount:kube-system:replicaset-controller", ["system:serviceaccounts", "system:authenticated"])


def stop(text):
    print(f"demo: {text}", file=sys.stderr)
    sys.exit(2)


def pod(namespace, name, asks=None, *, labels=None, annotations=None, env=None, **spec):
    resources = {"limits": asks, "requests": dict(asks)} if asks else {}
    container = {"name": "main", "image": "registry.example/app:1", "resources": resources}
    if env:
        container["env"] = [{"name": k, "value": v} for k, v in env.items()]
    if spec.pop("privileged", False):
        container["securityContext"] = {"privileged": True}
    metadata = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": [container], "restartPolicy": "Always", "schedulerName": "default-scheduler", **spec}, "status": {}}


# How the story is printed.

class Teller:
    COLOURS = {"allowed": "32", "rewritten": "36", "placed": "36", "disarmed": "36", "refused": "33", "freed": "32"}

    def __init__(self):
        self.fancy = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size((110, 24)).columns
        self.width = max(60, min(width, 140))
        self.wrong = []

    def paint(self, text, code):
        return f"\x1b[{code}m{text}\x1b[0m" if self.fancy else text

    def title(self, text):
        print("\n" + self.paint(text, "1"))

    def head(self):
        print()
        self.row("ASKED", "ANSWER", "WHY", "1")

    def row(self, asked, happened, why, code=None):
        """Prints a question in three columns: what was asked, what happened, why."""
        middle = 10
        left = (self.width - middle - 6) * 2 // 5
        right = self.width - middle - 6 - left
        cells = [textwrap.wrap(asked, left, break_on_hyphens=False), [happened], textwrap.wrap(why, right, break_on_hyphens=False)]
        for i in range(max(map(len, cells))):
            a, b, c = (cell[i] if i < len(cell) else "" for cell in cells)
            shown = self.paint(b.ljust(middle), code or self.COLOURS.get(b, "31")) if b else " " * middle
            print(f"  {a:<{left}}  {shown}  {c}".rstrip())

    def expect(self, what, wanted, got):
        if wanted != got:
            self.wrong.append(f"{what}: expected {wanted}, got {got}")

    def table(self, head, rows):
        widths = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
        for n, row in enumerate([head, *rows]):
            line = "  ".join(str(v).ljust(w) if i < 2 else str(v).rjust(w) for i, (v, w) in enumerate(zip(row, widths)))
            print("  " + (self.paint(line, "1") if n == 0 else line).rstrip())


def asks_of(obj):
    parts = [f"{k}={v}" for k, v in obj["spec"]["containers"][0]["resources"].get("limits", {}).items()]
    return ", ".join(parts) or "no accelerator"


def changes(before, after):
    """Describes a patch in words."""
    out = []
    old, new = (o["spec"]["containers"][0] for o in (before, after))
    if old["resources"] != new["resources"]:
        out.append(f"{asks_of(before)} becomes {asks_of(after)}")
    for key, value in (after["spec"].get("nodeSelector") or {}).items():
        if (before["spec"].get("nodeSelector") or {}).get(key) != value:
            out.append(f"node selector {key}={value}")
    for toleration in (after["spec"].get("tolerations") or [])[len(before["spec"].get("tolerations") or []):]:
        out.append(f"tolerates {toleration['key']}")
    voided = [e["name"] for e in new.get("env", []) if e.get("value") == "void" and e not in old.get("env", [])]
    if voided:
        out.append(f"{', '.join(voided)}=void")
    return out


class Story:
    """Told by a subclass, which knows whom to ask: it defines admit(), remove() and metrics()."""

    # A user can set this to make a Pod look like one of the kubelet's own.
    mirror = {"kubernetes.io/config.mirror": "x"}

    def __init__(self, teller):
        self.teller = teller

    def admit(self, name, obj, user, mutate):
        """Asks for a Pod; with mutate=False, without a call of /mutate. Returns (the stored Pod,
        its charges) or (None, the refusal)."""
        raise NotImplementedError

    def remove(self, name):
        """Deletes a Pod. Returns whether that was allowed."""
        raise NotImplementedError

    def metrics(self):
        """Returns the text of /metrics."""
        raise NotImplementedError

    def create(self, obj, expected, shows=None, *, says=None, user=PERSON, mutate=True):
        name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        final, said = self.admit(name, obj, user, mutate)
        if final:
            changed = changes(obj, final)
            happened = "allowed"
            if changed:
                happened = expected if expected in ("rewritten", "placed", "disarmed") else "rewritten"
                if all("=void" in c for c in changed):
                    happened = "disarmed" if obj["spec"]["containers"][0].get("env") else "allowed"
            why = "; ".join(changed)
            why += f"{'; ' if why else ''}charged {said}" if said else "" if why else "asks for no accelerator"
        else:
            happened, why = "refused", said
        self.report(name, shows or asks_of(obj), expected, happened, why, says)

    def report(self, name, asked, expected, happened, why, says=None):
        """Prints a row. It is wrong unless it ends as expected and contains the expected text."""
        self.teller.row(f"{name}: {asked}", happened, why)
        self.teller.expect(name, expected, happened)
        if says and not re.search(says, why):
            self.teller.wrong.append(f"{name}: {why!r} does not say {says!r}")

    def delete(self, name):
        happened = "freed" if self.remove(name) else "refused"
        self.teller.row(f"{name} is deleted", happened, "what it held is free again at once")
        self.teller.expect(name, "freed", happened)

    def quotas(self):
        """(tenant, quota, measure) -> [used, hard], from /metrics."""
        found, metrics = {}, self.metrics()
        for column, metric in enumerate(("used", "hard")):
            for labels, value in re.findall(rf"^gpugate_quota_{metric}{{(.*)}} (\S+)$", metrics, re.M):
                names = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                found.setdefault((names["tenant"], names["quota"], names["measure"]), [0.0, 0.0])[column] += float(value)
        return found


# The chapters.

def whole_gpus(story):
    story.create(pod("vision", "train", {GPU: "1"}), "allowed", says="vision/whole=1")


def a_deployment(story):
    for i, expected in enumerate(("allowed", "refused")):
        story.create(pod("vision", f"trainer-{'ab'[i]}", {GPU: "2"}), expected, user=CONTROLLER,
                     says="vision/whole=2" if i == 0 else "requested 2, used 3, limit 4, over by 1; 1 is free")
    story.delete("vision/train")
    story.create(pod("vision", "trainer-b", {GPU: "2"}), "allowed", user=CONTROLLER)


def slices(story):
    inference = {"workload": "inference"}
    story.create(pod("language", "chat", {GPU: "1"}, labels=inference), "rewritten", says="mig-1g.10gb=1")
    story.create(pod("language", "chat-large", {GPU: "1"}, labels=inference, annotations={"gpugate.io/gpu-memory": "24Gi"}), "rewritten",
                 "nvidia.com/gpu=1 with 24Gi", says="mig-3g.40gb=1")
    story.create(pod("language", "chat-huge", {GPU: "1"}, labels=inference, annotations={"gpugate.io/gpu-memory": "64Gi"}), "refused",
                 "nvidia.com/gpu=1 with 64Gi", says="3g.40gb")


def shares(story):
    story.create(pod("lab-alice", "notebook", {GPU: "1"}), "rewritten", says="gpu.shared=1")
    story.create(pod("lab-bob", "greedy", {SHARED: "2"}), "refused", says="shared")


def edge(story):
    story.create(pod("edge-berlin", "camera", {GPU: "1"}), "placed", says="node-type=edge")
    story.create(pod("edge-berlin", "stray", {GPU: "1"}, nodeSelector={"node-type": "core"}), "refused",
                 "nvidia.com/gpu=1 on node-type=core", says="node-type")


def ways_around(story):
    around = {"NVIDIA_VISIBLE_DEVICES": "all"}
    story.create(pod("vision", "env", env=around), "disarmed", "NVIDIA_VISIBLE_DEVICES=all", says="void")
    story.create(pod("vision", "env-late", env=around), "refused", "the same, past /mutate", mutate=False, says="NVIDIA_VISIBLE_DEVICES")
    story.create(pod("vision", "mount", volumes=[{"name": "d", "hostPath": {"path": "/dev/./nvidia0"}}]), "refused",
                 "hostPath /dev/./nvidia0", says="/dev/./nvidia0")
    story.create(pod("vision", "root", privileged=True), "refused", "privileged: true", says="privileged")
    story.create(pod("vision", "cdi", annotations={"cdi.k8s.io/gpu": "nvidia.com/gpu=all"}), "refused", "annotation cdi.k8s.io/gpu", says="cdi.k8s.io")
    story.create(pod("vision", "bound", {GPU: "1"}, nodeName="gpu-0"), "refused", "nvidia.com/gpu=1 and nodeName: gpu-0", says="nodeName")
    story.create(pod("vision", "please", {GPU: "4"}, labels={"gpugate.io/exempt": "true"}, annotations=story.mirror), "refused",
                 f"nvidia.com/gpu=4, labelled exempt{', posing as a mirror Pod' if story.mirror else ''}", says="exceeded quota: GPU quota")
    story.create(pod("elsewhere", "stranger", {GPU: "1"}), "refused", "nvidia.com/gpu=1 in a namespace of no tenant", says="no tenant")


CHAPTERS = [
    ("A Pod asks for one GPU. Its namespace belongs to tenant vision, below tenant research.", whole_gpus),
    ("A Deployment wants two GPUs for each of its Pods. The quota of vision is 4.", a_deployment),
    ("Inference asks for a GPU and gets the smallest MIG slice that has the memory it needs.", slices),
    ("Notebooks share: a GPU becomes a time-sliced share. Two shares would mean nothing.", shares),
    ("Edge Pods are placed by policy.", edge),
    ("Pods that try to go around.", ways_around),
]


def tell(story, instead=None):
    """Tells all chapters. `instead` maps a chapter to its replacement."""
    story.teller.head()
    for number, (title, chapter) in enumerate(CHAPTERS, 1):
        story.teller.title(f"{number}. {title}")
        (instead or {}).get(chapter, chapter)(story)


EXPECTED = {("edge", "boxes", "count"): 1, ("language", "memory", "memory"): 50 << 30, ("language", "slices", "count"): 2,
            ("language", "whole", "count"): 0, ("notebooks", "shares", "count"): 1, ("research", "compute", "gpus"): 4 + 1 / 7 + 1 / 2,
            ("vision", "whole", "count"): 4}


def end(story):
    teller = story.teller
    teller.title("What is in use now, as /metrics tells it")
    found = story.quotas()

    def shown(value, measure):
        return f"{value / (1 << 30):g}Gi" if measure == "memory" else f"{value:.2f}".rstrip("0").rstrip(".")

    teller.table(("TENANT", "QUOTA", "MEASURE", "USED", "HARD"),
                 [(t, q, m, shown(used, m), shown(hard, m)) for (t, q, m), (used, hard) in sorted(found.items())])
    teller.expect("the quotas", sorted(EXPECTED), sorted(found))
    for key, want in EXPECTED.items():
        got = found.get(key, [-1.0])[0]
        if abs(got - want) > 1e-6 * max(1, want):
            teller.wrong.append(f"quota {'/'.join(key)}: expected {want} used, got {got}")


def conclude(teller, log):
    """Prints the last line and returns the exit status."""
    print()
    if teller.wrong:
        print(teller.paint("Not everything went as expected:", "31"))
        for text in teller.wrong:
            print(f"  - {text}")
        return 1
    print(teller.paint("Everything went as expected.", "32") + f" The server's log is {os.path.relpath(log)}.")
    return 0
