"""`.gpugate-lint.yaml`: findings that are meant, with a reason; and what is wrong in that file."""

import pytest

from gpugate import run
from lint_cases import A100, TEAM, document, policy
from manifest_cases import pod, requests
from test_lint_manifests import lint, write

MISSPELLED = pod(limits="nvidia.com/gpus: 1")


def suppress(folder, text):
    (folder / ".gpugate-lint.yaml").write_text("suppressions:\n" + text)


def test_by_file_and_object(tmp_path):
    write(tmp_path, apps__a_yaml=MISSPELLED, apps__b_yaml=MISSPELLED, other_yaml=MISSPELLED)
    suppress(tmp_path, "- {id: resource-misspelled, files: apps/*, object: train, reason: The fleet renames it.}\n")
    status, found, report = lint(tmp_path)
    assert (status, len(found), report["suppressed"]) == (0, 1, 2) and report["findings"][0]["file"].endswith("/other.yaml")
    suppress(tmp_path, "- id: resource-misspelled\n  reason: The fleet renames it.\n")
    assert lint("--strict", tmp_path)[:2] == (0, [])
    assert "3 findings suppressed by .gpugate-lint.yaml\n" in run("lint", tmp_path).stdout
    for wrong in ("object: serve", "files: app/*", "files: '*.yml'"):
        suppress(tmp_path, f"- {{id: resource-misspelled, {wrong}, reason: Because.}}\n")
        assert sorted(each[0] for each in lint(tmp_path)[1]) == ["resource-misspelled"] * 3 + ["suppression-unused"]


def test_of_the_policy_folder(tmp_path):
    """It holds for manifests elsewhere, by their whole path, and for standard input."""
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), apps__a_yaml=MISSPELLED)
    suppress(tmp_path / "policy", "- {id: resource-misspelled, files: '*apps/a.yaml', reason: The fleet renames it.}\n")
    assert lint("--strict", "--policy", tmp_path / "policy", tmp_path / "apps")[:2] == (0, [])
    suppress(tmp_path / "policy", "- {id: resource-misspelled, reason: The fleet renames it.}\n")
    assert lint("--strict", "--policy", tmp_path / "policy", "-", stdin=MISSPELLED)[:2] == (0, [])


def test_an_error_of_a_manifest_and_a_warning_of_a_policy(tmp_path):
    write(tmp_path, policy__policy_yaml=policy(A100, document("Tenant", "a", "  namespaces: [a]\n")), apps__a_yaml=requests("requests: {nvidia.com/gpu: 1}\n"))
    assert lint(tmp_path)[0] == 1
    suppress(tmp_path, "- {id: request-without-limit, reason: A webhook adds it.}\n- {id: tenant-without-quota, files: policy/policy.yaml, reason: Soon.}\n")
    assert lint("--strict", tmp_path)[:2] == (0, [])


def test_unused(tmp_path):
    (tmp_path / "a.yaml").write_text(pod())
    suppress(tmp_path, "- reason: It is gone.\n  id: visible-devices\n")
    status, found, report = lint(tmp_path)
    assert (status, found) == (0, [("suppression-unused", 3, 7)]) and report["findings"][0]["file"] == f"{tmp_path}/.gpugate-lint.yaml"
    assert lint("--strict", tmp_path)[0] == 1


@pytest.mark.parametrize("text, place, words", [
    ("- {id: visible-device, reason: a}\n", (2, 8), 'no finding is named "visible-device"; did you mean "visible-devices"?'),
    ("- {id: visible-devices}\n", (2, 3), "has no reason"), ("- {id: visible-devices, reason: ''}\n", (2, 3), "has no reason"),
    ("- {reason: a}\n", (2, 3), "has no id"), ("- {id: visible-devices, reasn: a}\n", (2, 25), 'did you mean "reason"?'),
    ("- {id: visible-devices, reason: [a]}\n", (2, 33), "expected a string, found a list"),
    ("- {id: count-with-unit, reason: a}\n", (2, 8), "which `gpugate serve` refuses, so it cannot be suppressed"), ("- a\n", (2, 3), "a suppression is a map"),
    ("  a: 1\n", (2, 3), "expected a list"), ("- {id: a\n", (3, 1), "")])
def test_wrong(tmp_path, text, place, words):
    (tmp_path / "a.yaml").write_text(pod())
    suppress(tmp_path, text)
    status, found, report = lint(tmp_path)
    assert status == 1 and found[0][1:] == place and words in report["findings"][0]["text"], report["findings"]


def test_serve_does_not_read_it(tmp_path):
    """It is no part of the policy: lint of the folder sees no other file in it."""
    write(tmp_path, policy_yaml=policy(A100, TEAM))
    suppress(tmp_path, "")
    assert lint("--strict", tmp_path)[:2] == (0, [])
