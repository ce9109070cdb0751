"""What `gpugate lint` says about the API server is so: it refuses a manifest that has the mistake,
and accepts the same without it."""

import json

import pytest
import yaml

import binaries
from gpugate import run
from manifest_cases import MISTAKES, QUIET, bad, good

pytestmark = pytest.mark.skipif(binaries.version() < (1, 34), reason="resource.k8s.io/v1 came with Kubernetes 1.34")

SAID = "the API server refuses"
IDS = {"claim-request-wrong", "claim-undefined", "device-class-wrong", "hpa-scales-to-zero", "pod-level-accelerator", "request-differs",
       "request-not-integer", "request-prefix", "request-without-limit", "resource-misspelled", "selector-mismatch"}
KINDS = {"Deployment", "HorizontalPodAutoscaler", "Pod", "ResourceClaim", "ResourceQuota"}
# They have a variable, no image, a part of a metric, or a value that only an alias needs.
INCOMPLETE = {"variables of envsubst", "a patch without an image", "an autoscaler to zero by an Object metric", "an autoscaler to zero by an External metric",
              "metrics that are an alias", "a metric that is an alias", "a selector that is merged", "a claim that is an alias", "uses that are an alias",
              "devices that are merged", "a request that is merged"}


@pytest.fixture
def refusal(fresh_control_plane):
    """Returns what the API server says against a manifest, or nothing."""
    plane = fresh_control_plane(controllers=False, scheduler=False, apiserver=[
        "--runtime-config=resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true"])

    def ask(text):
        ran = plane.kubectl("apply", "--dry-run=server", "-f", "-", input=text, check=False)
        return ran.stderr if ran.returncode else ""

    return ask


def test_what_lint_calls_refused_is_refused(refusal, tmp_path):
    file, seen, wrong = tmp_path / "app.yaml", set(), []
    for name, number, text in [(name, i, text) for name, cases in MISTAKES.items() for i, text in enumerate(cases)]:
        file.write_text(bad(text)[0])
        (finding, *_) = json.loads(run("lint", "-o", "json", file).stdout)["findings"]
        if SAID not in finding["text"]:
            continue
        seen.add(name)
        if not refusal(bad(text)[0]):
            wrong.append((name, number, "is accepted", finding["text"]))
        if refusal(good(text)):
            wrong.append((name, number, "is refused without the mistake", refusal(good(text))))
    assert not wrong, "\n".join(map(str, wrong))
    assert seen == IDS


def test_what_lint_says_nothing_about_is_accepted(refusal):
    texts = {name: text for name, text in QUIET.items() if name not in INCOMPLETE and {each.get("kind") for each in yaml.safe_load_all(text)} <= KINDS}
    wrong = {name: refusal(text) for name, text in texts.items()}
    assert not any(wrong.values()), {name: text for name, text in wrong.items() if text}
    assert INCOMPLETE <= set(QUIET) and len(texts) >= 15
