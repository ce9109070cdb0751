#!/usr/bin/python3
"""Writes what the chart, the kustomize folder, and the examples have from elsewhere (`make deploy`): what the program itself knows
best is stated once, in its sources, and comes from `gpugate render` and `gpugate schema`; alerts and dashboard are copied. A test
fails while running this would change something."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent
GPUGATE = os.environ.get("GPUGATE", DEPLOY.parent / "build" / "gpugate")
CHART = pathlib.Path("helm/gpugate/files")
KUSTOMIZE = pathlib.Path("kustomize")
POLICY = DEPLOY / CHART / "policy"
COPIES = {CHART / "monitoring": ("alerts/gpugate.rules.yaml", "dashboards/gpugate.json"),
          KUSTOMIZE / "components" / "monitoring": ("alerts/prometheusrule.yaml", "dashboards/gpugate.json"),
          KUSTOMIZE / "base" / "policy": tuple(path.relative_to(DEPLOY) for path in sorted(POLICY.iterdir()))}
PLACEHOLDER = "release-namespace"  # the chart writes its release's namespace there


def gpugate(command, *args):
    # From the folder, so that no path of this machine is in the output.
    done = subprocess.run([GPUGATE, command, *args], cwd=POLICY.parent, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}deploy: `gpugate {command}` ended with {done.returncode}")
    return done.stdout


def render(*args):
    return gpugate("render", "--policy", "policy", "--ledger", "cluster", *args)


def documents(text, *kinds):
    """Those of the rendered documents that are of these kinds, or all without kinds, below the line that says how they were made. A
    configuration without webhooks is left out: kustomize cannot write the path secret into an empty list, and nobody misses it."""
    command, *rest = text.split("---\n")
    wanted = (part for part in rest if not kinds or re.search(r"^kind: (\w+)$", part, re.M)[1] in kinds)
    return "---\n".join([command, *(part for part in wanted if not part.endswith("\nwebhooks: []\n"))])


def leaves(schema, values, where=()):
    """(name, default, description) of each value that somebody could set."""
    for key, part in schema["properties"].items():
        name = (*where, key)
        if key == "global":
            continue
        if "properties" in part and key != "resources":
            yield from leaves(part, values[key], name)
        else:
            yield ".".join(name), json.dumps(values[key]), part["description"]


def readme():
    """The chart's README with the table of its values."""
    chart = DEPLOY / CHART.parent
    schema, values = json.loads((chart / "values.schema.json").read_text()), yaml.safe_load((chart / "values.yaml").read_text())
    rows = "".join(f"| `{name}` | `{default}` | {text} |\n" for name, default, text in leaves(schema, values))
    table = f"<!-- values -->\n| Value | Default | Meaning |\n|---|---|---|\n{rows}<!-- end of values -->"
    return re.sub(r"<!-- values -->.*<!-- end of values -->", lambda _: table, (chart / "README.md").read_text(), flags=re.S)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def generate(target):
    """Writes below `target`, which is deploy/ or a folder of a test's."""
    for certs in ("files", "self-managed"):
        write(target / CHART / "rendered" / f"{certs}.json", render("--certs", certs, "--namespace", PLACEHOLDER, "-o", "json"))
    write(target / KUSTOMIZE / "base" / "rendered.yaml", documents(render("--certs", "files")))
    write(target / KUSTOMIZE / "overlays" / "self-managed" / "rights.yaml", documents(render("--certs", "self-managed"), "ClusterRole", "Role"))
    write(target / CHART.parent / "README.md", readme())
    write(target / "schema" / "policy.json", gpugate("schema"))
    for folder, files in COPIES.items():
        (target / folder).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(DEPLOY / file, target / folder)


if __name__ == "__main__":
    generate(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEPLOY)
