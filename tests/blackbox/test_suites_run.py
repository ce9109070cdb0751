"""How `gpugate test` runs suites: several at once with one output, and again when files change."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gpugate import BINARY, DEADLINE_S, _REPORTS, eventually, run, scaled
from test_suites import STEPS, deployment, small
from test_suites import _suites  # noqa: F401

SUMMARY = re.compile(r"^\d+ passed, \d+ failed, \d+ errors?$", re.M)


def passing(number, name="s", **spec):
    """A suite with that many steps. Every seventh step fails."""
    steps = [{"create": small(1, name=f"p{i}"), "dryRun": True, "expect": {"allowed": i % 7 != 6}} for i in range(number)]
    return {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": name}, "spec": {**spec, "steps": steps}}


# --- Several at once ---


FILES = {
    "passing": lambda name: json.dumps(passing(3, name)),
    "failing": lambda name: json.dumps(passing(20, name)),
    "two": lambda name: json.dumps(passing(2, name)) + "\n" + json.dumps(passing(8, name + "-2")),
    "scaled": lambda name: json.dumps({**passing(0, name), "spec": {"steps": [
        {"create": deployment(replicas=1), "expect": {"allowed": True}},
        {"scale": {"name": "d", "namespace": "team-a", "replicas": 3}, "expect": {"pods": 2, "usage": {"team-a/gpus": 3}}}]}}),
    "other policy": lambda name: json.dumps(passing(3, name, policy="other")),
    "no policy": lambda name: json.dumps(passing(3, name, policy="missing")),
    "not a suite": lambda name: '{"kind": "Pod"}',
    "broken": lambda name: "{",
    "empty": lambda name: "",
    "error": lambda name: json.dumps(passing(1, name)).replace('"allowed"', '"allow"'),
}


@pytest.mark.concurrent
@settings(max_examples=scaled(25, 4), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=24), st.sampled_from(["text", "json", "junit"]), st.sampled_from(["", "s[0-9]*[02468]/"]),
       st.booleans())
def test_the_number_of_jobs_changes_nothing(suites, kinds, output, select, missing):
    tests = suites.folder / "tests"
    shutil.rmtree(tests, ignore_errors=True)
    shutil.copytree(suites.policy, tests / "other")
    for number, kind in enumerate(kinds):
        (tests / f"{number:02}.suite.json").write_text(FILES[kind](f"s{number}"))
    args = ["test", "--policy", "policy", "--coverage", "-o", output, *(["--run", select] if select else []), "tests", *(["nowhere"] if missing else []), "tests/other"]
    one, eight, default = [run(*args, *jobs, cwd=suites.folder) for jobs in (["--jobs", "1"], ["--jobs", "8"], [])]
    assert one.stdout == eight.stdout == default.stdout and one.stderr == eight.stderr == ""
    assert one.returncode == eight.returncode == default.returncode > int(missing)
    assert all(f"{number:02}.suite.json" in one.stdout for number, kind in enumerate(kinds) if not select and kind != "passing" or output == "json")


@pytest.mark.concurrent
def test_many_suites_at_once(suites):
    """Each has a ledger of its own, and all have one policy."""
    for number in range(scaled(200, 40)):
        steps = [{"create": small(4), "expect": {"allowed": True, "usage": {"team-a/gpus": 4}}},
                 {"create": small(1, name="q"), "expect": {"allowed": False, "message": {"contains": "used 4"}}}]
        (suites.folder / f"{number:03}.suite.json").write_text(json.dumps({**passing(0, f"s{number}"), "spec": {"steps": steps}}))
    out = suites.run(".", "--jobs", "16", "--coverage", status=0)
    assert re.findall(r"ok    \./(\d+)\.suite", out) == [f"{number:03}" for number in range(scaled(200, 40))]
    assert "coverage: 4 of 12 parts of the policy (33%)" in out


@pytest.mark.parametrize("args, error", [
    (["--jobs", "0"], "--jobs 0: give a whole number from 1 to 256"),
    (["--jobs", "257"], "--jobs 257: give a whole number from 1 to 256"),
    (["-", "-"], "- is named twice, and standard input can be read once; remove one"),
    (["--watch", "-"], "--watch: standard input cannot be watched; name a file or a folder"),
    (["--watch", "-o", "junit"], "--watch: -o junit is one document; write -o text or -o json"),
    (["--run", "a", "--require-coverage", "1"], "--require-coverage: with --run, only some of the steps are judged; remove one"),
])
def test_what_the_options_cannot_mean(suites, args, error):
    done = run("test", *args, cwd=suites.folder)
    assert done.returncode == 2 and done.stdout == "" and error in done.stderr


def test_a_suite_cannot_read_standard_input(suites):
    text = json.dumps({**passing(0), "spec": {"steps": [{"file": "-", "expect": {"allowed": True}}]}})
    assert "./-: No such file or directory" in suites.text(text, status=2)


# --- Again and again ---


class Watching:
    """A `gpugate test --watch` that writes to a file, or to a terminal."""

    def __init__(self, folder, *args, out="out.txt", terminal=None, **how):
        self.out, self.err, self.ours = folder / out, folder / "err.txt", terminal is None
        stdout = open(self.out, "wb") if self.ours else terminal
        with open(self.err, "wb") as stderr:
            self.process = subprocess.Popen([BINARY, "test", "--watch", *args], cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, **how)
        if self.ours:
            stdout.close()

    def text(self):
        return self.out.read_text()

    def results(self):
        """The last line of each run."""
        return SUMMARY.findall(self.text())

    def wait(self, result):
        """Waits until this is the last result."""
        eventually(lambda: self.results()[-1:] == [result] or self.process.poll() is not None, what=self.text)
        assert self.process.poll() is None, self.err.read_text()

    def end(self, status, sign=signal.SIGINT):
        self.process.send_signal(sign)
        assert self.process.wait(DEADLINE_S) == status
        assert not _REPORTS.search(self.err.read_text()), self.err.read_text()
        return self.text() if self.ours else None


@pytest.fixture(name="watch")
def _watch(suites):
    started = []

    def start(*args, **how):
        (suites.folder / "results").mkdir(exist_ok=True)
        started.append(Watching(suites.folder, *args, out="results/out.txt", **how))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def replace(path, content):
    """Writes a file at once, so that no half of it is seen."""
    path.with_name("." + path.name).write_text(content)
    os.replace(path.with_name("." + path.name), path)


def suite(allowed=True):
    return STEPS + f"  - create: {json.dumps(small(3))}\n    expect: {{allowed: {json.dumps(allowed)}}}\n"


def test_a_change_of_a_suite_runs_it_again(suites, watch):
    path = suites.folder / "a.suite.yaml"
    replace(path, suite())
    running = watch("--policy", "policy")
    running.wait("1 passed, 0 failed, 0 errors")
    replace(path, suite(False))
    running.wait("0 passed, 1 failed, 0 errors")
    replace(path, "a: [")
    running.wait("0 passed, 0 failed, 1 error")
    replace(suites.folder / "b.suite.yaml", suite())
    running.wait("1 passed, 0 failed, 1 error")
    path.unlink()
    running.wait("1 passed, 0 failed, 0 errors")
    (suites.folder / "b.suite.yaml").unlink()
    running.wait("0 passed, 1 failed, 0 errors")
    out = running.end(1)
    assert "\x1b" not in out and "a.suite.yaml:2:1: this is not YAML" in out
    assert running.err.read_text() == "gpugate test: waiting for changes; Ctrl+C ends\n"


@pytest.mark.parametrize("named", [True, False], ids=["by-suite", "by-option"])
def test_a_change_of_a_policy_runs_the_suites_again(suites, watch, named):
    """A policy that cannot be loaded is shown, and watched as well."""
    content = suite()
    replace(suites.folder / "a.suite.yaml", content.replace("  steps:", "  policy: policy\n  steps:") if named else content)
    running = watch("a.suite.yaml", *([] if named else ["--policy", "policy"]))
    running.wait("1 passed, 0 failed, 0 errors")
    (path,) = suites.policy.iterdir()
    before = path.read_text()
    replace(path, before.replace("hard: 4", "hard: 2").replace('"hard": 4', '"hard": 2'))
    running.wait("0 passed, 1 failed, 0 errors")
    replace(path, "kind: Tenant\n")
    running.wait("0 passed, 0 failed, 1 error")
    replace(path, before)
    running.wait("1 passed, 0 failed, 0 errors")
    assert "the policy policy has errors, the first of them at policy/policy.yaml:1: " in running.end(0, signal.SIGTERM)


def test_a_change_of_what_a_suite_reads(suites, watch):
    """Files of steps, and of what is given, are watched once they are read, or missing."""
    (suites.folder / "tests").mkdir()
    (suites.folder / "objects").mkdir()
    steps = STEPS.replace("  steps:", "  given: {files: [../objects/usage.yaml]}\n  steps:") + "  - file: ../objects/o.yaml\n    expect: {allowed: true}\n"
    replace(suites.folder / "tests" / "a.suite.yaml", steps)
    running = watch("tests", "--policy", "policy")
    running.wait("0 passed, 0 failed, 1 error")
    replace(suites.folder / "objects" / "usage.yaml", "")
    eventually(lambda: len(running.results()) >= 2, what=running.text)
    running.wait("0 passed, 0 failed, 1 error")
    replace(suites.folder / "objects" / "o.yaml", json.dumps(small(4)))
    running.wait("1 passed, 0 failed, 0 errors")
    replace(suites.folder / "objects" / "o.yaml", json.dumps(small(5)))
    running.wait("0 passed, 1 failed, 0 errors")
    running.end(1)


def test_results_in_the_watched_folder_run_nothing(suites, watch):
    """The output is a file of the folder that is watched. Only suites count."""
    path = suites.folder / "a.suite.yaml"
    replace(path, suite())
    running = watch("--policy", "policy", "-o", "json")
    for number in range(4):
        eventually(lambda: running.text().count('"passed"') >= 2 * number + 1, what=running.text)
        replace(path, suite() + f"# {number}\n")
    eventually(lambda: running.text().count('\n}\n') == 5, what=running.text)
    text, found = running.end(0), []
    while text:
        tree, end = json.JSONDecoder().raw_decode(text)
        found.append(tree["passed"])
        text = text[end:].lstrip()
    assert found == [1] * 5


def test_a_terminal_is_cleared(suites, watch):
    ours, theirs = pty.openpty()
    path = suites.folder / "a.suite.yaml"
    replace(path, suite())
    running = watch("--policy", "policy", terminal=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    text = b""
    while b"1 passed, 0 failed, 0 errors" not in text:
        text += os.read(ours, 4096)
    assert text.startswith(b"\x1b[H\x1b[2J")
    replace(path, suite(False))
    while b"0 passed, 1 failed, 0 errors" not in text:
        text += os.read(ours, 4096)
    assert text.count(b"\x1b[H\x1b[2J") == 2
    running.end(1)
    os.close(ours)


def test_it_ends_before_there_is_a_result(suites, watch):
    """A signal that has arrived before the first run leaves no result."""
    def interrupt():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        os.kill(os.getpid(), signal.SIGINT)

    replace(suites.folder / "a.suite.yaml", suite())
    running = watch("--policy", "policy", preexec_fn=interrupt)
    assert running.process.wait(DEADLINE_S) == 2
    assert running.text() == "" and running.err.read_text() == "gpugate test: it was interrupted before there was a result\n"
