"""How long `gpugate lint` takes for many manifests, and how much memory."""

from pathlib import Path

from took import run

# As teams write them, with a comment and several resources; every tenth has a mistake.
DOCUMENT = """---
# The server of a model.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: llm-{number}
  namespace: team-a
  labels: {{app: llm-{number}}}
spec:
  replicas: 3
  selector:
    matchLabels: {{app: llm-{number}}}
  template:
    metadata:
      labels: {{app: llm-{number}}}
    spec:
      nodeSelector: {{nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB}}
      tolerations:
      - {{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}}
      containers:
      - name: server
        image: registry.example/llm:1
        env:
        - {{name: MODEL, value: small}}
        resources:
          requests: {{cpu: 4, memory: 16Gi}}
          limits: {{memory: 16Gi, {name}: 1}}
"""


def write(folder: Path, count: int) -> Path:
    path = folder / f"manifests-{count}.yaml"
    with path.open("w", encoding="ascii") as file:
        for number in range(count):
            file.write(DOCUMENT.format(number=number, name="nvidia.com/gpus" if number % 10 == 0 else "nvidia.com/gpu"))
    return path


def lint(binary: Path, path: Path) -> tuple:
    """Returns the processor time in seconds and the peak resident memory in MiB."""
    took = run(binary, "lint", "-o", "json", path)
    if took.status != 0:
        raise RuntimeError(f"lint of {path} has status {took.status}: {took.said}")
    return took.cpu_seconds, took.mib


def measure(binary: Path, folder: Path, rounds: int) -> dict:
    """Returns lists of values, one for each round: of 10,000 documents, and beside 1,000."""
    small, large = write(folder, 1000), write(folder, 10000)
    found = {"seconds": [], "scale": [], "memory": []}
    for _ in range(rounds):
        (less, _), (more, memory) = lint(binary, small), lint(binary, large)
        found["seconds"].append(more)
        found["scale"].append(more / less / 10)
        found["memory"].append(memory)
    return found
