#!/usr/bin/env python3
"""The story of `make demo`: starts the real server with deploy/policy/ and asks it what a kube-apiserver would ask.

Needs nothing but Python's own library. Exit status 0 if everything went as the story says, 1 if anything differed,
2 if it could not be told. `--serve` leaves the server up instead and prints curl lines to try."""

import argparse
import base64
import copy
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu.shared"
PERSON = ("jane@example.com", ["system:authenticated"])
CONTROLLER = ("system:serviceaccount:kube-system:replicaset-controller", ["system:serviceaccounts", "system:authenticated"])


# What the API server would send.

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


def review(obj, operation="CREATE", old=None, user=PERSON):
    subject = obj or old
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": str(uuid.uuid4()), "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "name": subject["metadata"]["name"], "namespace": subject["metadata"]["namespace"], "operation": operation,
        "userInfo": {"username": user[0], "groups": user[1]}, "object": obj, "oldObject": old, "dryRun": False}}


def patched(obj, patch):
    """RFC 6902 as far as webhooks need it."""
    obj = copy.deepcopy(obj)
    for op in patch:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in op["path"].split("/")[1:]]
        at = obj
        for part in path:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if isinstance(at, list):
            place = len(at) if last == "-" else int(last)
            if op["op"] == "add":
                at.insert(place, op["value"])
            elif op["op"] == "replace":
                at[place] = op["value"]
            else:
                del at[place]
        elif op["op"] == "remove":
            del at[last]
        else:
            at[last] = op["value"]
    return obj


class Gate:
    """The running server."""

    def __init__(self, binary, policy, work, listen, admin, log):
        self.work = work
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        certs = work / "certs"
        made = subprocess.run([binary, "certs", "create", "--dir", certs, "--name", "localhost", "--ip", "127.0.0.1"],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            stop(f"`gpugate certs create` failed: {made.stderr.strip()}")
        self.ca = certs / "ca.crt"
        self.log = work / "gpugate.log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([binary, "serve", "--policy", policy, "--listen", listen, "--admin", admin, "--tls-cert",
                                             certs / "tls.crt", "--tls-key", certs / "tls.key", "--drain-seconds", "0"],
                                            stdin=subprocess.DEVNULL, stderr=out)
        line = self._listening()
        self.address, self.admin_address = line["address"], line["admin"]
        context = ssl.create_default_context(cafile=str(self.ca))
        self.connection = http.client.HTTPSConnection(self.address, context=context, timeout=10)
        self.echo = log

    def _listening(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for text in self.log.read_text().splitlines():
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if line.get("event") == "listening":
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        self.process.kill()
        stop(f"the server did not start:\n{self.log.read_text().strip()}")

    def ask(self, path, question):
        self.connection.request("POST", path + "?timeout=10s", json.dumps(question), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            stop(f"{path} answered {answer.status}: {body.decode(errors='replace')}")
        return json.loads(body)["response"]

    def metrics(self):
        connection = http.client.HTTPConnection(self.admin_address, timeout=10)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()

    def close(self):
        self.connection.close()
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return -1


def stop(text):
    print(f"demo: {text}", file=sys.stderr)
    sys.exit(2)


# How it is told.

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
        """One question in three columns: what was asked, what happened, why."""
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
    """A patch in the words of people."""
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
    def __init__(self, gate, teller):
        self.gate, self.teller, self.stored = gate, teller, {}

    def create(self, obj, expected, shows=None, *, says=None, user=PERSON, mutate=True):
        """The two calls of an admission, as the API server makes them."""
        name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        happened, why, final = "allowed", "", copy.deepcopy(obj)
        answer = self.gate.ask("/mutate", review(obj, user=user)) if mutate else {"allowed": True}
        if answer["allowed"] and "patch" in answer:
            final = patched(obj, json.loads(base64.b64decode(answer["patch"])))
            happened = expected if expected in ("rewritten", "placed", "disarmed") else "rewritten"
            if changes(obj, final) and all("=void" in c for c in changes(obj, final)):
                happened = "disarmed" if obj["spec"]["containers"][0].get("env") else "allowed"
        if answer["allowed"]:
            final["metadata"]["uid"] = str(uuid.uuid4())
            answer = self.gate.ask("/validate", review(final, user=user))
        if answer["allowed"]:
            self.stored[name] = final
            why = "; ".join(changes(obj, final))
            charge = answer.get("auditAnnotations", {}).get("charge")
            why += f"{'; ' if why else ''}charged {charge}" if charge else "" if why else "asks for no accelerator"
        else:
            happened, why = "refused", answer["status"]["message"]
        self.teller.row(f"{name}: {shows or asks_of(obj)}", happened, why)
        self.teller.expect(name, expected, happened)
        if says and not re.search(says, why):
            self.teller.wrong.append(f"{name}: {why!r} does not say {says!r}")

    def delete(self, name):
        answer = self.gate.ask("/validate", review(None, "DELETE", self.stored.pop(name)))
        happened = "freed" if answer["allowed"] else "refused"
        self.teller.row(f"{name} is deleted", happened, "what it held is free again at once")
        self.teller.expect(name, "freed", happened)

    def quotas(self):
        """(tenant, quota, measure) -> [used, hard], from /metrics."""
        found = {}
        for column, metric in enumerate(("used", "hard")):
            for labels, value in re.findall(rf"^gpugate_quota_{metric}{{(.*)}} (\S+)$", self.gate.metrics(), re.M):
                names = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                found.setdefault((names["tenant"], names["quota"], names["measure"]), [0.0, 0.0])[column] += float(value)
        return found


def tell(story):
    teller = story.teller
    teller.head()

    teller.title("1. A Pod asks for one GPU. Its namespace belongs to tenant vision, below tenant research.")
    story.create(pod("vision", "train", {GPU: "1"}), "allowed", says="vision/whole=1")

    teller.title("2. A Deployment wants two GPUs for each of its Pods. The quota of vision is 4.")
    for i, expected in enumerate(("allowed", "refused")):
        story.create(pod("vision", f"trainer-{'ab'[i]}", {GPU: "2"}), expected, user=CONTROLLER,
                     says="vision/whole=2" if i == 0 else "requested 2, used 3, limit 4, over by 1; largest that fits now: 1")
    story.delete("vision/train")
    story.create(pod("vision", "trainer-b", {GPU: "2"}), "allowed", user=CONTROLLER)

    teller.title("3. Inference asks for a GPU and gets the smallest MIG slice that has the memory it needs.")
    inference = {"workload": "inference"}
    story.create(pod("language", "chat", {GPU: "1"}, labels=inference), "rewritten", says="mig-1g.10gb=1")
    story.create(pod("language", "chat-large", {GPU: "1"}, labels=inference, annotations={"gpugate.io/gpu-memory": "24Gi"}), "rewritten",
                 "nvidia.com/gpu=1 with 24Gi", says="mig-3g.40gb=1")
    story.create(pod("language", "chat-huge", {GPU: "1"}, labels=inference, annotations={"gpugate.io/gpu-memory": "64Gi"}), "refused",
                 "nvidia.com/gpu=1 with 64Gi", says="3g.40gb")

    teller.title("4. Notebooks share: a GPU becomes a time-sliced share. Two shares would mean nothing.")
    story.create(pod("lab-alice", "notebook", {GPU: "1"}), "rewritten", says="gpu.shared=1")
    story.create(pod("lab-bob", "greedy", {SHARED: "2"}), "refused", says="shared")

    teller.title("5. Edge Pods are placed by policy.")
    story.create(pod("edge-berlin", "camera", {GPU: "1"}), "placed", says="node-type=edge")
    story.create(pod("edge-berlin", "stray", {GPU: "1"}, nodeSelector={"node-type": "core"}), "refused",
                 "nvidia.com/gpu=1 on node-type=core", says="node-type")

    teller.title("6. Pods that try to go around.")
    around = {"NVIDIA_VISIBLE_DEVICES": "all"}
    story.create(pod("vision", "env", env=around), "disarmed", "NVIDIA_VISIBLE_DEVICES=all", says="void")
    story.create(pod("vision", "env-late", env=around), "refused", "the same, past /mutate", mutate=False, says="NVIDIA_VISIBLE_DEVICES")
    story.create(pod("vision", "mount", volumes=[{"name": "d", "hostPath": {"path": "/dev/./nvidia0"}}]), "refused",
                 "hostPath /dev/./nvidia0", says="/dev/./nvidia0")
    story.create(pod("vision", "root", privileged=True), "refused", "privileged: true", says="privileged")
    story.create(pod("vision", "bound", {GPU: "1"}, nodeName="gpu-0"), "refused", "nvidia.com/gpu=1 and nodeName: gpu-0", says="nodeName")
    story.create(pod("vision", "please", {GPU: "4"}, labels={"gpugate.io/exempt": "true"},
                     annotations={"kubernetes.io/config.mirror": "x"}), "refused", "nvidia.com/gpu=4, labelled exempt, posing as a mirror Pod",
                 says="exceeded GPU quota")
    story.create(pod("elsewhere", "stranger", {GPU: "1"}), "refused", "nvidia.com/gpu=1 in a namespace of no tenant", says="no tenant")


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


# Leaving it up.

def serve(gate):
    samples = {"pod.json": review(pod("vision", "train", {GPU: "1"})),
               "inference.json": review(pod("language", "chat", {GPU: "1"}, labels={"workload": "inference"})),
               "around.json": review(pod("vision", "root", privileged=True))}
    for name, question in samples.items():
        if question["request"]["object"]:
            question["request"]["object"]["metadata"]["uid"] = str(uuid.uuid4())
        (gate.work / name).write_text(json.dumps(question, indent=2) + "\n")

    def near(path):
        return os.path.relpath(path)

    post = f"curl --cacert {near(gate.ca)} -H 'Content-Type: application/json'"
    print(f"""gpugate serves at https://{gate.address} with the policy of {near(ROOT / 'deploy/policy')}. Try, in another terminal:

  {post} \\
      -d @{near(gate.work / 'inference.json')} https://{gate.address}/mutate
  {post} \\
      -d @{near(gate.work / 'pod.json')} https://{gate.address}/validate
  {post} \\
      -d @{near(gate.work / 'around.json')} https://{gate.address}/validate
  curl http://{gate.admin_address}/metrics

Edit the policy while it runs: it is taken at once, or refused with the place of the mistake. The log follows; Ctrl-C ends.
""", flush=True)
    with open(gate.log, encoding="utf-8", errors="replace") as log:
        try:
            while gate.process.poll() is None:
                line = log.readline()
                if line:
                    print(line, end="", flush=True)
                else:
                    time.sleep(0.1)
        except KeyboardInterrupt:
            print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=ROOT / "build" / "gpugate", type=Path)
    parser.add_argument("--policy", default=ROOT / "deploy" / "policy", type=Path)
    parser.add_argument("--work", default=ROOT / "build" / "demo", type=Path, help="folder for certificates and the log; emptied first")
    parser.add_argument("--serve", action="store_true", help="leave the server up at 127.0.0.1:8443")
    args = parser.parse_args()
    if not args.binary.exists():
        stop(f"there is no {args.binary}; build it first with `make`")
    ports = ("127.0.0.1:8443", "127.0.0.1:8080") if args.serve else ("127.0.0.1:0", "127.0.0.1:0")
    gate = Gate(args.binary, args.policy, args.work, *ports, log=args.serve)
    if args.serve:
        serve(gate)
        return 0 if gate.close() == 0 else 1
    teller = Teller()
    story = Story(gate, teller)
    print(f"gpugate serves at https://{gate.address}; its policy is {os.path.relpath(args.policy)}. What follows is what a cluster would ask.")
    try:
        tell(story)
        end(story)
    finally:
        status = gate.close()
    teller.expect("the server's exit status", 0, status)
    print()
    if teller.wrong:
        print(teller.paint("Not everything went as expected:", "31"))
        for text in teller.wrong:
            print(f"  - {text}")
        return 1
    print(teller.paint("Everything went as expected.", "32") + f" The server's log is {os.path.relpath(gate.log)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
