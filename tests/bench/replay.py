"""How long `gpugate replay` takes for a recording, and how much memory."""

import json
from pathlib import Path

from servers import Failed, say
from took import run

TENANTS = 50


def write_recording(path: Path, reviews: int) -> int:
    """Writes creations of Pods with one GPU, each a /mutate and a /validate, and their deletions:
    three lines for a Pod. Returns the number of bytes."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    spec = {"containers": [{"name": "main", "image": "registry.example.com/train:1", "env": [{"name": f"V{i}", "value": "REDACTED"} for i in range(20)],
                            "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}}], "restartPolicy": "Never"}
    with open(path, "w", encoding="utf-8") as file:
        for number in range(reviews):
            pod, step = divmod(number, 3)
            namespace = f"team-{pod % TENANTS}"
            metadata = {"name": f"pod-{pod}", "namespace": namespace, "labels": {"app": "train", "team": namespace}}
            if step:
                metadata["uid"] = f"00000000-0000-0000-0000-{pod:012}"
            obj = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec}
            request = {"uid": f"r-{number}", "kind": kind, "resource": {"group": "", "version": "v1", "resource": "pods"}, "name": f"pod-{pod}",
                       "namespace": namespace, "operation": "DELETE" if step == 2 else "CREATE", "userInfo": {"username": "jane"},
                       "oldObject" if step == 2 else "object": obj, "dryRun": False}
            json.dump({"time": "2026-11-28T19:20:41.695Z", "endpoint": "/validate" if step else "/mutate", "policy": "0", "request": request,
                       "response": {"allowed": True}}, file, separators=(",", ":"))
            file.write("\n")
    return path.stat().st_size


def measure(options, table, work: Path, policy: Path) -> dict:
    recording = work / "recording.jsonl"
    size = write_recording(recording, options.replayed)
    rounds = []
    for number in range(options.rounds):
        took = run(options.gpugate, "replay", "--policy", policy, "--against", policy, recording)
        if took.status:
            raise Failed(f"gpugate replay failed: {took.said}")
        rounds.append(took)
        say(f"  round {number + 1} replay of {options.replayed} reviews, two policies: CPU {took.cpu_seconds:.2f} s, {took.seconds:.2f} s in all")
    seconds, mib = [took.cpu_seconds for took in rounds], [took.mib for took in rounds]
    table.add(f"replay of {options.replayed} reviews, two policies: CPU", seconds, "s", most=5)
    table.add("  largest resident memory", mib, "MiB")
    return {"reviews": options.replayed, "bytes": size, "cpu_seconds": seconds, "mib": mib}
