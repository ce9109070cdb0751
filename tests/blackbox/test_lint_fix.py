"""`gpugate lint --fix` changes bytes only where the remedy is mechanical; all others stay."""

import json
import os
import stat

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpugate import run, scaled
from lint_cases import A100, policy, tenant
from manifest_cases import pod, quota, requests
from test_lint_manifests import lint, write
from test_lint_outputs import SARIF

MONITOR = "apiVersion: {}\nkind: ServiceMonitor\nmetadata: {{name: a}}\n"
OURS = policy(A100, tenant("a", "  namespaces: [a]\n  quotas:\n  - {name: q, resources: [NAMES], hard: 4}\n"))

# What is wrong, and the file after --fix.
FIXES = {
    "a monitor": (MONITOR.format("v1 # core"), MONITOR.format("monitoring.coreos.com/v1 # core")),
    "a quoted value": (MONITOR.format("'v1'"), MONITOR.format("'monitoring.coreos.com/v1'")),
    "JSON": ('{"kind":"PodMonitor","apiVersion":"v1","metadata":{"name":"ä"}}', '{"kind":"PodMonitor","apiVersion":"monitoring.coreos.com/v1","metadata":{"name":"ä"}}'),
    "limits of a quota": (quota('    limits.nvidia.com/gpu: "4"   # four\n'), quota('    requests.nvidia.com/gpu: "4"   # four\n')),
    "a bare name": (quota("    'nvidia.com/gpu': 4\n"), quota("    'requests.nvidia.com/gpu': 4\n")),
    "requests only": (requests("requests: {nvidia.com/gpu: 1}\n"), requests("limits: {nvidia.com/gpu: 1}\n")),
    "requests of two": (requests("requests:\n        # both\n        nvidia.com/gpu: 1\n        rdma/ib: 1\n"),
                        requests("limits:\n        # both\n        nvidia.com/gpu: 1\n        rdma/ib: 1\n")),
    "a key of a quota in limits": (pod(limits="'requests.nvidia.com/gpu': 1"), pod(limits="'nvidia.com/gpu': 1")),
    "a key of a quota in both": (requests("requests: {requests.nvidia.com/gpu: 1}\n      limits: {requests.nvidia.com/gpu: 1}\n"),
                                 requests("requests: {nvidia.com/gpu: 1}\n      limits: {nvidia.com/gpu: 1}\n")),
    "CRLF": (quota("    limits.nvidia.com/gpu: 4\n").replace("\n", "\r\n"), quota("    requests.nvidia.com/gpu: 4\n").replace("\n", "\r\n")),
    "a byte order mark": ("\ufeff" + MONITOR.format("v1"), "\ufeff" + MONITOR.format("monitoring.coreos.com/v1")),
    "a policy": (OURS.replace("NAMES", "requests.nvidia.com/gpu, 'limits.amd.com/gpu'"), OURS.replace("NAMES", "nvidia.com/gpu, 'amd.com/gpu'")),
}

# What --fix leaves as it is, because the author has to decide.
KEPT = {
    "two keys of a quota": quota("    requests.nvidia.com/gpu: 2\n    limits.nvidia.com/gpu: 4\n"),
    "two spellings of a key": quota("    limits.nvidia.com/gpu: 2\n    nvidia.com/gpu: 4\n"),
    "requests beside cpu": requests("requests: {cpu: 2, nvidia.com/gpu: 1}\n"),
    "requests beside limits": requests("requests: {nvidia.com/gpu: 1}\n      limits: {memory: 1Gi}\n"),
    "the resource and the key of a quota": pod(limits="nvidia.com/gpu: 1, requests.nvidia.com/gpu: 2"),
    "other amounts": requests("requests: {nvidia.com/gpu: 1}\n      limits: {nvidia.com/gpu: 2}\n"),
    "a name": pod(limits="nvidia.com/gpus: 1"),
    "a fraction": pod(limits="nvidia.com/gpu: 0.5"),
    "an escape": '{"kind": "PodMonitor", "apiVersion": "\\u0076\\u0031"}\n',
}


def fix(path):
    done = run("lint", "--fix", "-o", "json", path)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def undone(text, fixes):
    """Puts back what the list of fixes says that there was, at the places that it names."""
    lines = text.removeprefix("\ufeff").split("\n")
    for each in sorted(fixes, key=lambda each: (each["line"], each["column"])):
        line, begin = lines[each["line"] - 1], each["column"] - 1
        assert line[begin:].startswith(each["text"]), (line, each)
        lines[each["line"] - 1] = line[:begin] + each["was"] + line[begin + len(each["text"]):]
    return text[:text.startswith("\ufeff")] + "\n".join(lines)


@pytest.mark.parametrize("name", FIXES)
def test_fixed(tmp_path, name):
    before, after = FIXES[name]
    file = tmp_path / "a.yaml"
    file.write_bytes(before.encode())
    assert lint(file)[1]
    status, report = fix(file)
    assert file.read_bytes().decode() == after and report["fixed"] >= 1 and (status, report["findings"]) == (0, [])
    assert len(report["fixes"]) == report["fixed"] and undone(after, report["fixes"]) == before
    before = os.stat(file)
    assert fix(file)[1]["fixed"] == 0 and os.stat(file) == before


@pytest.mark.parametrize("name", KEPT)
def test_kept(tmp_path, name):
    file = tmp_path / "a.yaml"
    file.write_text(KEPT[name])
    found = lint(file)[1]
    assert found and [(each["id"], each["line"], each["column"]) for each in fix(file)[1]["findings"]] == found
    assert file.read_text() == KEPT[name]


def test_many_in_several_files(tmp_path):
    """More than a report keeps."""
    text = quota("    limits.nvidia.com/gpu: 4\n    amd.com/gpu: 1\n")
    write(tmp_path, a_yaml="---\n".join([text] * 130), b_yaml=text, c_yaml=MONITOR.format("v1"))
    status, report = fix(tmp_path)
    assert (status, report["fixed"], report["findings"]) == (0, 263, []) and len({json.dumps(each) for each in report["fixes"]}) == 263
    assert (tmp_path / "a.yaml").read_text() == "---\n".join([text.replace("limits.", "requests.").replace("amd", "requests.amd")] * 130)
    assert "263 places fixed" not in run("lint", "--fix", tmp_path).stdout


def test_the_file_stays_what_it_was(tmp_path):
    """Its mode, the link to it, and no other file appears."""
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real/a.txt", tmp_path / "link.yaml"
    real.write_text(MONITOR.format("v1"))
    real.chmod(0o640)
    link.symlink_to("real/a.txt")
    assert run("lint", "--fix", link).stdout.splitlines() == [
        f'{link}:1:13: fixed: "v1" is now "monitoring.coreos.com/v1" [api-version-wrong]', "no errors (manifests: 1 object in 1 file)", "1 place fixed"]
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640 and real.read_text() == MONITOR.format("monitoring.coreos.com/v1")
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["a.txt", "link.yaml", "real"]


def test_a_read_only_file_stays(tmp_path):
    """Its folder would permit to replace it."""
    write(tmp_path, a_yaml=MONITOR.format("v1"))
    (tmp_path / "a.yaml").chmod(0o444)
    done = run("lint", "--fix", tmp_path)
    assert done.returncode == 2 and "a.yaml cannot be changed: Permission denied" in done.stderr and "fixed" not in done.stderr
    assert (tmp_path / "a.yaml").read_text() == MONITOR.format("v1") and [each.name for each in tmp_path.iterdir()] == ["a.yaml"]


def test_what_was_changed_before_a_failure_is_named(tmp_path):
    write(tmp_path, a_yaml=MONITOR.format("v1"), b_yaml=MONITOR.format("v1"))
    (tmp_path / "b.yaml").chmod(0o444)
    done = run("lint", "--fix", tmp_path)
    assert done.returncode == 2 and done.stderr.splitlines() == [
        f'{tmp_path}/a.yaml:1:13: fixed: "v1" is now "monitoring.coreos.com/v1" [api-version-wrong]',
        f"gpugate lint: {tmp_path}/b.yaml cannot be changed: Permission denied"]


def test_what_is_removed(tmp_path):
    """A fix without a new text says so, and each of several in a line has its own column."""
    write(tmp_path, a_yaml=FIXES["a policy"][0])
    out = run("lint", "--fix", tmp_path).stdout
    line = FIXES["a policy"][0].split("\n").index("  - {name: q, resources: [requests.nvidia.com/gpu, 'limits.amd.com/gpu'], hard: 4}") + 1
    assert out.startswith(f'{tmp_path}/a.yaml:{line}:27: fixed: removed "requests." [resource-prefix]\n'
                          f'{tmp_path}/a.yaml:{line}:53: fixed: removed "limits." [resource-prefix]\n')


def test_standard_input_is_no_file():
    done = run("lint", "--fix", "-")
    assert done.returncode == 2 and "--fix changes files, and standard input is none" in done.stderr


def test_a_suppressed_finding_stays(tmp_path):
    write(tmp_path, a_yaml=MONITOR.format("v1"))
    (tmp_path / ".gpugate-lint.yaml").write_text("suppressions: [{id: api-version-wrong, reason: A webhook rewrites it.}]\n")
    assert fix(tmp_path)[1]["fixed"] == 0 and (tmp_path / "a.yaml").read_text() == MONITOR.format("v1")


@pytest.mark.parametrize("name", FIXES)
def test_fixes_of_sarif(tmp_path, name):
    """They make the same text as --fix, and a finding without a remedy has none."""
    before, after = FIXES[name]
    (tmp_path / "a.yaml").write_bytes(before.encode())
    log = json.loads(run("lint", "-o", "sarif", "a.yaml", cwd=tmp_path).stdout)
    jsonschema.validate(log, SARIF)
    lines = before.removeprefix("\ufeff").split("\n")
    edits = set()
    for result in log["runs"][0]["results"]:
        (only,) = result["fixes"]
        (change,) = only["artifactChanges"]
        (one,) = change["replacements"]
        assert change["artifactLocation"] == result["locations"][0]["physicalLocation"]["artifactLocation"]
        region = one["deletedRegion"]
        edits.add((region["startLine"], region["startColumn"], region["endColumn"], one["insertedContent"]["text"]))
    for line, begin, end, text in sorted(edits, reverse=True):
        units = lines[line - 1].encode("utf-16-le")
        lines[line - 1] = (units[:2 * begin - 2] + text.encode("utf-16-le") + units[2 * end - 2:]).decode("utf-16-le")
    assert "\n".join(lines) == after.removeprefix("\ufeff")
    (tmp_path / "a.yaml").write_text(KEPT["a name"])
    assert all("fixes" not in result for result in json.loads(run("lint", "-o", "sarif", tmp_path).stdout)["runs"][0]["results"])


DECORATION = ["# comment\n", "# limits.nvidia.com/gpu: 4\n", "---\n", "\n", "   \n", "# 😀 ä\n", "--- # v1\n"]


@settings(max_examples=scaled(60, 15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([name for name in FIXES if name not in ("a policy", "a byte order mark", "JSON", "CRLF")]), st.sampled_from(DECORATION),
                          st.booleans()), min_size=1, max_size=12))
def test_all_else_stays(tmp_path, parts):
    """Documents with and without mistakes, comments, and empty lines: only the mistakes change."""
    file = tmp_path / "a.yaml"
    before = "".join(f"---\n{decoration}{FIXES[name][wrong]}" for name, decoration, wrong in parts)
    after = "".join(f"---\n{decoration}{FIXES[name][1]}" for name, decoration, _ in parts)
    file.write_text(before)
    assert fix(file)[0] == 0 and file.read_text() == after
    fix(file)
    assert file.read_text() == after
