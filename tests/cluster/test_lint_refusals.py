"""Where `gpugate lint` says that the API server refuses a manifest, it does, and it accepts the
manifest without the mistake."""

import json

import pytest

import binaries
from gpugate import run
from manifest_cases import MISTAKES, bad, good

pytestmark = pytest.mark.skipif(binaries.version() < (1, 34), reason="resource.k8s.io/v1 came with Kubernetes 1.34")

SAID = "the API server refuses"
CASES = [(f"{name}-{i}", text) for name, cases in MISTAKES.items() for i, text in enumerate(cases)]


def test_what_lint_calls_refused(fresh_control_plane, tmp_path):
    plane = fresh_control_plane(controllers=False, scheduler=False, apiserver=[
        "--runtime-config=resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true"])

    def refusal(text):
        """Returns what the API server says against a manifest, or nothing."""
        ran = plane.kubectl("apply", "--dry-run=server", "-f", "-", input=text, check=False)
        return ran.stderr if ran.returncode else ""

    file, seen, wrong = tmp_path / "app.yaml", [], []
    for case, text in CASES:
        file.write_text(bad(text)[0])
        (finding, *_) = json.loads(run("lint", "-o", "json", file).stdout)["findings"]
        if SAID not in finding["text"]:
            continue
        seen.append(case)
        if not refusal(bad(text)[0]):
            wrong.append((case, "is accepted", finding["text"]))
        if refusal(good(text)):
            wrong.append((case, "is refused without the mistake", refusal(good(text))))
    assert not wrong, "\n".join(map(str, wrong))
    assert len(seen) >= 20, seen
