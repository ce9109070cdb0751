#!/usr/bin/python3
"""Writes prometheusrule.yaml: gpugate.rules.yaml as an object of the Prometheus operator, including
its comments."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE, TARGET = HERE / "gpugate.rules.yaml", HERE / "prometheusrule.yaml"

HEAD = """\
# Written by build.py from gpugate.rules.yaml. The operator takes it if its Prometheus's ruleSelector matches the labels: add what yours asks for.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: gpugate
  namespace: gpugate
  labels:
    app.kubernetes.io/name: gpugate
spec:
"""


def text():
    return HEAD + "".join(f"  {line}" if line.strip() else line for line in SOURCE.read_text().splitlines(keepends=True))


if __name__ == "__main__":
    TARGET.write_text(text())
