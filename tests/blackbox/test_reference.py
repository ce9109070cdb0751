"""The references are what the generator prints, and the examples (and the README's) are valid
policies."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from gpugate import ROOT, run
from shell_commands import documents, key

REFERENCE = Path(os.environ.get("REFERENCE", ROOT / "build" / "release" / "reference"))
POLICY = ROOT / "docs" / "policy.md"
METRICS, COMMAND_LINE = ROOT / "docs" / "reference" / "metrics.md", ROOT / "docs" / "reference" / "command-line.md"
LINT = ROOT / "docs" / "reference" / "lint.md"
DOCUMENTS = [POLICY, ROOT / "README.md"]


def examples(path):
    """Yields the YAML blocks that are policies, with the line on which each begins. A comment may
    come first."""
    text = path.read_text()
    for block in re.finditer(r"^```yaml\n(.*?)^```$", text, re.M | re.S):
        lines = [line for line in block[1].split("\n") if line.strip() and not line.lstrip().startswith("#")]
        if lines and lines[0].split("#")[0].strip() == "apiVersion: gpugate.io/v1":
            yield pytest.param(block[1], id=f"{path.name}:{text.count(chr(10), 0, block.start()) + 1}")


@pytest.mark.parametrize("page,path", [("policy", POLICY), ("lint", LINT), ("metrics", METRICS), ("command-line", COMMAND_LINE)])
def test_reference_is_up_to_date(page, path):
    if not REFERENCE.exists():
        pytest.skip(f"there is no {REFERENCE}: `make {REFERENCE}` builds it")
    done = subprocess.run([REFERENCE, page], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert path.read_text() == done.stdout, f"{path.name} is out of date: `make {path.relative_to(ROOT)}`"


@pytest.mark.parametrize("text", [example for path in DOCUMENTS for example in examples(path)])
def test_example_is_clean(text, tmp_path):
    file = tmp_path / "example.yaml"
    file.write_text(text)
    done = run("lint", file)
    assert done.returncode == 0 and "warning" not in done.stdout, done.stdout + done.stderr


def test_every_kind_has_an_example():
    kinds = {kind for example in examples(POLICY) for kind in re.findall(r"^kind: (\w+)", example.values[0], re.M)}
    assert kinds >= {"Settings", "Accelerator", "Tenant", "Rule", "Guard"}


def anchors(path):
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", path.read_text(), re.M)}


@pytest.mark.parametrize("path", documents(), ids=key)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        to = path.parent / file if file else path
        assert to.exists(), target
        assert not anchor or anchor in anchors(to), target


def test_links_are_found():
    found = [target for path in documents() for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text())]
    assert len(found) > 250 and sum("#" in target for target in found) > 150
