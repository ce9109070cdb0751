#!/usr/bin/env python3
"""The story of `make demo`: starts the real server with deploy/policy/ and sends it what a
kube-apiserver would.

Needs only Python's standard library. The exit status is 0 if everything went as in the story, 1 if
anything differed, 2 if the story could not be told. With `--serve`, it instead keeps the server
running and prints curl commands to try."""

import argparse
import base64
import copy
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import uuid
from pathlib import Path

from story import GPU, PERSON, ROOT, Story, Teller, conclude, end, pod, stop, tell


# Returns the review that the API server would send.

def review(obj, operation="CREATE", old=None, user=PERSON):
    subject = obj or old
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": str(uuid.uuid4()), "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "name": subject["metadata"]["name"], "namespace": subject["metadata"]["namespace"], "operation": operation,
        "userInfo": {"username": user[0], "groups": user[1]}, "object": obj, "oldObject": old, "dryRun": False}}


def patched(obj, patch):
    """Implements RFC 6902 as far as webhooks need it."""
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
    """The running server. questions: files with reviews to send, which exist before the server
    answers."""

    def __init__(self, binary, policy, work, listen, admin, log, questions=None):
        self.work = work
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        for name, question in (questions or {}).items():
            (work / name).write_text(json.dumps(question, indent=2) + "\n")
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


class Asked(Story):
    """Makes both calls of an admission to the server itself, as the API server does."""

    def __init__(self, gate, teller):
        super().__init__(teller)
        self.gate, self.stored = gate, {}

    def admit(self, name, obj, user, mutate):
        final = copy.deepcopy(obj)
        answer = self.gate.ask("/mutate", review(obj, user=user)) if mutate else {"allowed": True}
        if answer["allowed"] and "patch" in answer:
            final = patched(obj, json.loads(base64.b64decode(answer["patch"])))
        if answer["allowed"]:
            final["metadata"]["uid"] = str(uuid.uuid4())
            answer = self.gate.ask("/validate", review(final, user=user))
        if not answer["allowed"]:
            return None, answer["status"]["message"]
        self.stored[name] = final
        return final, answer.get("auditAnnotations", {}).get("charge")

    def remove(self, name):
        return self.gate.ask("/validate", review(None, "DELETE", self.stored.pop(name)))["allowed"]

    def metrics(self):
        return self.gate.metrics()


# Keeping the server running.

def samples():
    """File -> a review to try."""
    made = {"pod.json": review(pod("vision", "train", {GPU: "1"})),
            "inference.json": review(pod("language", "chat", {GPU: "1"}, labels={"workload": "inference"})),
            "around.json": review(pod("vision", "root", privileged=True))}
    for question in made.values():
        question["request"]["object"]["metadata"]["uid"] = str(uuid.uuid4())
    return made


def serve(gate):
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
    gate = Gate(args.binary, args.policy, args.work, *ports, log=args.serve, questions=samples() if args.serve else None)
    if args.serve:
        serve(gate)
        return 0 if gate.close() == 0 else 1
    teller = Teller()
    story = Asked(gate, teller)
    print(f"gpugate serves at https://{gate.address}; its policy is {os.path.relpath(args.policy)}. What follows is what a cluster would ask.")
    try:
        tell(story)
        end(story)
    finally:
        status = gate.close()
    teller.expect("the server's exit status", 0, status)
    return conclude(teller, gate.log)


if __name__ == "__main__":
    sys.exit(main())
