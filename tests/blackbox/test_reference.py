"""The references: they are what their generators print. The examples of the policy reference (the README's, too) are real policies."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from gpugate import ROOT, run

GENERATORS = Path(os.environ.get("GENERATORS", ROOT / "build" / "release"))
POLICY = ROOT / "docs" / "policy.md"
DOCUMENTS = [POLICY, ROOT / "README.md"]


def examples(path):
    """The YAML blocks that are policies, with the line that each begins on. A comment may come first."""
    text = path.read_text()
    for block in re.finditer(r"^```yaml\n(.*?)^```$", text, re.M | re.S):
        lines = [line for line in block[1].split("\n") if line.strip() and not line.lstrip().startswith("#")]
        if lines and lines[0].split("#")[0].strip() == "apiVersion: gpugate.io/v1":
            yield pytest.param(block[1], id=f"{path.name}:{text.count(chr(10), 0, block.start()) + 1}")


@pytest.mark.parametrize("document,generator", [("docs/policy.md", "reference"), ("docs/reference/command-line.md", "command_line")])
def test_reference_is_up_to_date(document, generator):
    program = GENERATORS / generator
    if not program.exists():
        pytest.skip(f"there is no {program}: `make build/release/{generator}` builds it")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (ROOT / document).read_text() == done.stdout, f"{document} is out of date: `make {document}`"


@pytest.mark.parametrize("text", [example for path in DOCUMENTS for example in examples(path)])
def test_example_is_clean(text, tmp_path):
    file = tmp_path / "example.yaml"
    file.write_text(text)
    done = run("lint", file)
    assert done.returncode == 0 and "warning" not in done.stdout, done.stdout + done.stderr


def test_every_kind_has_an_example():
    kinds = {kind for example in examples(POLICY) for kind in re.findall(r"^kind: (\w+)", example.values[0], re.M)}
    assert kinds >= {"Settings", "Accelerator", "Tenant", "Rule", "Guard"}


def test_links_lead_somewhere():
    for path in [POLICY, ROOT / "docs" / "operations.md", ROOT / "README.md"]:
        text = path.read_text()
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in anchors, f"{path.name}: {target}"
            elif not re.match(r"[a-z]+:", target):
                assert (path.parent / target.split("#")[0]).exists(), f"{path.name}: {target}"
