"""Runs all tests, in steps, and closes with one line: N passed, N failed, N skipped.

A step that cannot run (a tool that is not to be had) says why and counts as one skipped test, never as a passed one. A
step that dies without saying how many tests it ran counts as one failed test.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = str(os.cpu_count() or 2)
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))

# What a sanitizer finds must end the program, or the test that caused it would pass.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        print(f"--- {name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.0f} s)\n", flush=True)

    def skip(self, name, why):
        print(f"--- {name}: SKIPPED: {why}\n", flush=True)
        self.skipped += 1


def run(command, **env):
    print("$ " + " ".join(command), flush=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **SANITIZER_ENV, **env})


def build(*targets, **variables):
    """Builds; returns whether that worked."""
    assigned = [f"{key}={value}" for key, value in variables.items()]
    return run(["make", "--no-print-directory", f"-j{JOBS}", *assigned, *targets]).returncode == 0


def units(totals, variant, **variables):
    name = f"units ({variant})"
    start = time.monotonic()
    if not build("units", **variables):
        totals.add(name, 0, 1, 0, time.monotonic() - start)
        return
    passed = failed = skipped = 0
    for binary in sorted((ROOT / "build" / variant / "unit").glob("test_*")):
        ran = subprocess.run([binary], cwd=ROOT, env={**os.environ, **SANITIZER_ENV}, text=True, errors="replace",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        good = len(re.findall(r"^\[ +OK +\]", ran.stdout, re.M))
        bad = len(set(re.findall(r"^\[  FAILED  \] (\w+)\n", ran.stdout, re.M)))
        passed_over = len(set(re.findall(r"^\[  SKIPPED \] (\w+)\n", ran.stdout, re.M)))
        if ran.returncode != 0 or good + bad + passed_over == 0:
            bad = max(bad, 1)
            print(ran.stdout)
        print(f"{binary.name}: {good} passed, {bad} failed, {passed_over} skipped", flush=True)
        passed += good
        failed += bad
        skipped += passed_over
    totals.add(name, passed, failed, skipped, time.monotonic() - start)


def blackbox(totals, variant, *arguments, promtool=None, **variables):
    name = f"black box ({variant})"
    start = time.monotonic()
    if not build(f"build/{variant}/gpugate", "build/release/reference", **variables):
        totals.add(name, 0, 1, 0, time.monotonic() - start)
        return
    env = {"GPUGATE": str(ROOT / "build" / variant / "gpugate")}
    if promtool:
        env["PROMTOOL"] = str(promtool)
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        ran = run([sys.executable, "-m", "pytest", "-rs", "tests/blackbox", "-c", "tests/blackbox/pytest.ini",
                   f"--junitxml={report}", *arguments], **env)
        passed = failed = skipped = 0
        if report.exists():
            for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
                tests, skips = int(suite.get("tests")), int(suite.get("skipped"))
                bad = int(suite.get("failures")) + int(suite.get("errors"))
                passed += tests - skips - bad
                failed += bad
                skipped += skips
        if passed + failed + skipped == 0 or (ran.returncode != 0 and failed == 0):
            failed += 1
    totals.add(name, passed, failed, skipped, time.monotonic() - start)


def fuzz(totals):
    """Each target: its corpus replayed is one test, a short run on a copy of the corpus another."""
    start = time.monotonic()
    if not build("fuzzers"):
        totals.add("fuzz", 0, 1, 0, time.monotonic() - start)
        return
    passed = failed = 0
    for binary in sorted((ROOT / "build" / "fuzz").glob("fuzz_*")):
        if binary.is_dir() or binary.suffix:
            continue
        corpus = ROOT / "tests" / "fuzz" / "corpus" / binary.name.removeprefix("fuzz_")
        dictionary = ROOT / "tests" / "fuzz" / (binary.name.removeprefix("fuzz_") + ".dict")
        seeds = sorted(str(seed) for seed in corpus.iterdir())
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(corpus, pathlib.Path(folder) / "corpus")
            options = [f"-dict={dictionary}"] if dictionary.exists() else []
            for what, command in (("replay", [str(binary), *seeds]),
                                  ("fuzz", [str(binary), f"-max_total_time={FUZZ_SECONDS}", "-rss_limit_mb=4096", "-timeout=20",
                                            f"-artifact_prefix={ROOT}/build/fuzz/crash-", *options, str(copy)])):
                ran = subprocess.run(command, cwd=ROOT, env={**os.environ, **SANITIZER_ENV}, text=True, errors="replace",
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                good = ran.returncode == 0
                passed += good
                failed += not good
                runs = re.findall(r"Done (\d+) runs", ran.stdout)
                print(f"{binary.name} {what}: {'ok' if good else 'FAILED'}"
                      f" ({runs[0] + ' runs' if runs else str(len(seeds)) + ' seeds'})", flush=True)
                if not good:
                    print("\n".join(ran.stdout.splitlines()[-60:]))
    totals.add("fuzz", passed, failed, 0, time.monotonic() - start)


def find_promtool():
    """promtool, from the PATH or out of Debian's prometheus package: installing that would start a server."""
    here = shutil.which("promtool")
    if here:
        return pathlib.Path(here)
    tool = ROOT / "build" / "tools" / "usr" / "bin" / "promtool"
    if not tool.exists():
        tool.parent.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            subprocess.run("apt-get download -qq prometheus >/dev/null 2>&1 || "
                           "{ [ $(id -u) = 0 ] && apt-get update -qq && apt-get download -qq prometheus; } >/dev/null 2>&1; "
                           f"dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C {ROOT}/build/tools ./usr/bin/promtool",
                           shell=True, cwd=folder, stderr=subprocess.DEVNULL)
    return tool if tool.exists() else None


def demo(totals):
    """The story that the README promises, told to the end."""
    start = time.monotonic()
    ran = run([sys.executable, "deploy/demo/demo.py"], NO_COLOR="1")
    totals.add("demo", int(ran.returncode == 0), int(ran.returncode != 0), 0, time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coverage", action="store_true", help="only what `make coverage` measures: units and black box")
    arguments = parser.parse_args()
    totals = Totals()
    if arguments.coverage:
        units(totals, "coverage", COVERAGE="1")
        blackbox(totals, "coverage", promtool=find_promtool(), COVERAGE="1")
    else:
        promtool = find_promtool()
        if not promtool:
            print("promtool is not to be had: the test that needs it is skipped", flush=True)
        sanitized = {"SAN": "address,undefined"}
        units(totals, "release")
        units(totals, "san-address-undefined", **sanitized)
        blackbox(totals, "release", promtool=promtool)
        demo(totals)
        blackbox(totals, "san-address-undefined", promtool=promtool, **sanitized)
        blackbox(totals, "san-thread", "-m", "concurrent", promtool=promtool, SAN="thread")
        fuzz(totals)
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    return 1 if totals.failed or totals.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
