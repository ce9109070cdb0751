"""Bundles the situations of deploy/examples for `gpugate init --template`: of each the policy, its
suites, and the manifests that the suites name. webhook/init/template.c reads the bundle.

    deploy/templates.py OUT

The bundle is a sequence of entries, each a line and then as many bytes as the line says:

    template NAME TITLE
    file PATH BYTES
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "deploy" / "examples"
# Names the schema by a path that only the repository has.
SCHEMA = re.compile(r"^# yaml-language-server: .*\n", re.M)
PATH = re.compile(r"(?<![\w./-])\w[\w-]*(?:/\w[\w.-]*)+\.ya?ml")


def texts(example):
    """{path in the example: text}, of all files that the template has."""
    found = {path for path in (example / "policy").rglob("*") if path.is_file()}
    suites = set(example.glob("*.suite.yaml"))
    for suite in suites:
        found |= {example / name for name in PATH.findall(suite.read_text()) if (example / name).is_file()}
    return {path.relative_to(example).as_posix(): SCHEMA.sub("", path.read_text()) for path in sorted(found | suites)}


def bundle(examples=EXAMPLES):
    out = b""
    for example in sorted(path for path in examples.iterdir() if (path / "policy").is_dir()):
        title = (example / "README.md").read_text().splitlines()[0].removeprefix("# ")
        out += f"template {example.name} {title}\n".encode()
        for path, text in texts(example).items():
            out += f"file {path} {len(text.encode())}\n".encode() + text.encode()
    return out


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_bytes(bundle())
