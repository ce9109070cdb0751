"""Runs all tests in steps, and ends with one line: N passed, N failed, N skipped.

Each step is a separate process, and two of them run at the same time, because steps on a control
plane mostly wait. The output of a step is printed when it has ended. A step that cannot run, for
lack of a tool, says why and counts as one skipped test, never as a passed one. A step that dies
without saying how many tests it ran counts as one failed test. `tests/run.py STEP...` runs steps by
name, one after the other.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = str(os.cpu_count() or 2)
# Exit status of binaries.py, helm_tool.py, controllers.py, browser.py and chroot.py if what they
# look for is not available.
NOT_TO_BE_HAD = 77
WORKERS = str((os.cpu_count() or 2) + 1)  # for pytest, where tests mostly wait
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "10"))

# A finding of a sanitizer must end the program; otherwise the test that caused it would pass.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT / 'tests' / 'tsan.supp'}",
}


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def count(self, passed, failed, skipped):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def add(self, name, passed, failed, skipped, seconds):
        self.count(passed, failed, skipped)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"--- {name}: {passed} passed, {failed} failed, {skipped} skipped "
              f"({seconds:.0f} s; {used.ru_utime + used.ru_stime:.0f} s of processor time so far)\n", flush=True)

    def skip(self, name, why):
        print(f"--- {name}: SKIPPED: {why}\n", flush=True)
        self.count(0, 0, 1)


def run(command, **env):
    print("$ " + " ".join(command), flush=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **SANITIZER_ENV, **env})


def build(*targets, **variables):
    """Builds. Returns whether that succeeded."""
    assigned = [f"{key}={value}" for key, value in variables.items()]
    return run(["make", "--no-print-directory", f"-j{JOBS}", *assigned, *targets]).returncode == 0


def units(totals, variant, **variables):
    name = f"units ({variant})"
    start = time.monotonic()
    if not build("units", **variables):
        totals.add(name, 0, 1, 0, time.monotonic() - start)
        return
    passed = failed = skipped = 0
    folder = ROOT / "build" / variant / "unit"
    for binary in sorted(path for path in folder.rglob("test_*") if path.is_file()):
        ran = subprocess.run([binary], cwd=ROOT, env={**os.environ, **SANITIZER_ENV}, text=True, errors="replace",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        good = len(re.findall(r"^\[ +OK +\]", ran.stdout, re.M))
        bad = len(set(re.findall(r"^\[  FAILED  \] (\w+)\n", ran.stdout, re.M)))
        passed_over = len(set(re.findall(r"^\[  SKIPPED \] (\w+)\n", ran.stdout, re.M)))
        if ran.returncode != 0 or good + bad + passed_over == 0:
            bad = max(bad, 1)
            print(ran.stdout)
        print(f"{binary.relative_to(folder)}: {good} passed, {bad} failed, {passed_over} skipped", flush=True)
        passed += good
        failed += bad
        skipped += passed_over
    totals.add(name, passed, failed, skipped, time.monotonic() - start)


def blackbox(totals, variant, *arguments, **variables):
    name = f"black box ({variant})"
    start = time.monotonic()
    if not (build(f"build/{variant}/gpugate", **variables) and build("build/release/reference")):
        totals.add(name, 0, 1, 0, time.monotonic() - start)
        return
    env = {"GPUGATE": str(ROOT / "build" / variant / "gpugate"), **tools("promtool")}
    totals.add(name, *pytest("blackbox", "-n", WORKERS, "--dist", "loadgroup", *arguments, **env), time.monotonic() - start)


def pytest(suite, *arguments, **env):
    """Runs tests/SUITE. Returns how many tests passed, failed and were skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        ran = run([sys.executable, "-m", "pytest", "-rs", f"tests/{suite}", "-c", f"tests/{suite}/pytest.ini",
                   f"--junitxml={report}", "--durations=10", "--durations-min=5", *arguments], **env)
        passed = failed = skipped = 0
        if report.exists():
            for part in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
                tests, skips = int(part.get("tests")), int(part.get("skipped"))
                bad = int(part.get("failures")) + int(part.get("errors"))
                passed += tests - skips - bad
                failed += bad
                skipped += skips
        if passed + failed + skipped == 0 or (ran.returncode != 0 and failed == 0):
            failed += 1
    return passed, failed, skipped


def had(totals, name, *tools):
    """Returns whether the tools for a step are available. These scripts build missing ones."""
    start = time.monotonic()
    for tool in tools:
        built = subprocess.run([sys.executable, tool], cwd=ROOT, text=True, errors="replace", stderr=subprocess.PIPE)
        sys.stderr.write(built.stderr)
        if built.returncode == NOT_TO_BE_HAD:
            totals.skip(name, built.stderr.strip().splitlines()[-1])
        elif built.returncode != 0:
            totals.add(name, 0, 1, 0, time.monotonic() - start)
        if built.returncode != 0:
            return False
    return True


def deploy(totals):
    """The chart and the kustomize overlays, with the real Helm and kubectl, installed on a real
    control plane."""
    start = time.monotonic()
    if had(totals, "deploy", "tests/cluster/binaries.py", "tests/deploy/helm_tool.py"):
        totals.add("deploy", *pytest("deploy"), time.monotonic() - start)


def ecosystem(totals):
    """Controllers of other projects on a real control plane, with gpugate in between."""
    start = time.monotonic()
    if had(totals, "ecosystem", "tests/cluster/binaries.py", "tests/ecosystem/controllers.py"):
        totals.add("ecosystem", *pytest("ecosystem"), time.monotonic() - start)


def cluster(totals, variant="release"):
    """On a real control plane, if one is available."""
    name, start = f"cluster ({variant})", time.monotonic()
    if not had(totals, name, "tests/cluster/binaries.py"):
        return
    passed, failed, skipped = pytest("cluster", "-n", "2", "--dist", "loadfile", GPUGATE=str(ROOT / "build" / variant / "gpugate"))
    told = run([sys.executable, "deploy/demo/demo_cluster.py"], NO_COLOR="1").returncode == 0
    totals.add(name, passed + told, failed + (not told), skipped, time.monotonic() - start)


def browser(totals):
    """The status page in a real browser, if one is available."""
    command = [sys.executable, "tests/browser/browser.py"]
    if subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL).returncode != 0:
        build("build/.packages-browser")
    asked = subprocess.run(command, cwd=ROOT, text=True, stderr=subprocess.PIPE)
    if asked.returncode == NOT_TO_BE_HAD:
        totals.skip("browser", asked.stderr.strip())
        return
    start = time.monotonic()
    totals.add("browser", *pytest("browser"), time.monotonic() - start)


def fuzz_target(binary):
    """Replays the corpus of a target, and then runs it briefly on a copy. Returns how many of the
    two passed, and what they say."""
    corpus = ROOT / "tests" / "fuzz" / "corpus" / binary.name.removeprefix("fuzz_")
    dictionary = ROOT / "tests" / "fuzz" / (binary.name.removeprefix("fuzz_") + ".dict")
    seeds = sorted(str(seed) for seed in corpus.iterdir())
    passed, said = 0, []
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
            runs = re.findall(r"Done (\d+) runs", ran.stdout)
            said.append(f"{binary.name} {what}: {'ok' if good else 'FAILED'} ({runs[0] + ' runs' if runs else str(len(seeds)) + ' seeds'})")
            if not good:
                said += ran.stdout.splitlines()[-60:]
    return passed, "\n".join(said)


def fuzz(totals):
    """Each target counts as two tests: its corpus, and a brief run. Each uses one core."""
    start = time.monotonic()
    if not build("fuzzers"):
        totals.add("fuzz", 0, 1, 0, time.monotonic() - start)
        return
    passed = failed = 0
    binaries = [path for path in sorted((ROOT / "build" / "fuzz").glob("fuzz_*")) if path.is_file() and not path.suffix]
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        for good, said in pool.map(fuzz_target, binaries):
            print(said, flush=True)
            passed += good
            failed += 2 - good
    totals.add("fuzz", passed, failed, 0, time.monotonic() - start)


def observe(totals):
    """Metrics, alert rules and dashboard, with a real Prometheus."""
    start = time.monotonic()
    totals.add("observe", *pytest("observe", **tools("promtool", "prometheus")), time.monotonic() - start)


def find_tool(name):
    """Returns promtool or prometheus, from the PATH or extracted from Debian's prometheus package:
    installing it would start a server."""
    here = shutil.which(name)
    if here:
        return pathlib.Path(here)
    tool = ROOT / "build" / "tools" / "usr" / "bin" / name
    if not tool.exists():
        tool.parent.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            subprocess.run("apt-get download -qq prometheus >/dev/null 2>&1 || "
                           "{ [ $(id -u) = 0 ] && apt-get update -qq && apt-get download -qq prometheus; } >/dev/null 2>&1; "
                           f"dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C {ROOT}/build/tools ./usr/bin/promtool ./usr/bin/prometheus",
                           shell=True, cwd=folder, stderr=subprocess.DEVNULL)
    return tool if tool.exists() else None


def tools(*names):
    """Returns the variables by which tests find them. Tests without their tool are skipped, and say
    so."""
    found = {name.upper(): find_tool(name) for name in names}
    return {name: str(path) for name, path in found.items() if path}


def layers(totals):
    """The arrows between folders and files, and the tests of that check."""
    start = time.monotonic()
    if not build("build/gpugate"):
        totals.add("layers", 0, 1, 0, time.monotonic() - start)
        return
    totals.add("layers", *pytest("layers"), time.monotonic() - start)


def prose(totals):
    """The English of documents, comments and messages, and the tests of that check."""
    start = time.monotonic()
    totals.add("prose", *pytest("prose"), time.monotonic() - start)


def demo(totals):
    """The story that the README promises, to its end."""
    start = time.monotonic()
    ran = run([sys.executable, "deploy/demo/demo.py"], NO_COLOR="1")
    totals.add("demo", int(ran.returncode == 0), int(ran.returncode != 0), 0, time.monotonic() - start)


def package(totals):
    """The image and the Debian package: built, read with other tools, and run."""
    start = time.monotonic()
    if not build("build/gpugate"):
        totals.add("package", 0, 1, 0, time.monotonic() - start)
        return
    totals.add("package", *pytest("package", GPUGATE=str(ROOT / "build" / "release" / "gpugate")), time.monotonic() - start)


def model(totals):
    """The ledger's protocol, searched with spin: each scenario and each mutant is one test."""
    if not shutil.which("spin"):
        totals.skip("model", "spin, which searches the ledger's protocol, is not installed")
        return
    start = time.monotonic()
    ran = subprocess.run([sys.executable, "tests/model/check.py"], cwd=ROOT, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(ran.stdout, end="", flush=True)
    counted = re.search(r"^(\d+) passed, (\d+) failed \(", ran.stdout, re.M)
    passed, failed = (int(counted[1]), int(counted[2])) if counted else (0, 1)
    totals.add("model", passed, max(failed, int(ran.returncode != 0)), 0, time.monotonic() - start)


def other_release(totals):
    """Build, unit tests and black-box tests in a chroot of the other Debian release, if one is
    available."""
    start = time.monotonic()
    name, command = "other release", [sys.executable, "-u", "tests/release/chroot.py"]
    print("$ " + " ".join(command), flush=True)
    ran = subprocess.run(command, cwd=ROOT, env={**os.environ, **tools("promtool")}, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(without_count(ran.stdout), end="", flush=True)
    if ran.returncode == NOT_TO_BE_HAD:
        totals.skip(name, ran.stdout.strip().splitlines()[-1])
        return
    totals.add(name, *counted(ran), time.monotonic() - start)


COUNT = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped\n", re.M)


def counted(ran):
    """Returns the counts that this program, or one with the same last line, reports: passed,
    failed, skipped."""
    found = COUNT.findall(ran.stdout)
    passed, failed, skipped = map(int, found[-1]) if found else (0, 0, 0)
    return passed, max(failed, int(ran.returncode != 0)), skipped


def without_count(text):
    return COUNT.sub("", text)


SANITIZED = {"SAN": "address,undefined"}
STEPS = {
    "units": lambda totals: units(totals, "release"),
    "units-sanitized": lambda totals: units(totals, "san-address-undefined", **SANITIZED),
    "blackbox": lambda totals: blackbox(totals, "release"),
    "blackbox-sanitized": lambda totals: blackbox(totals, "san-address-undefined", **SANITIZED),
    "blackbox-threads": lambda totals: blackbox(totals, "san-thread", "-m", "concurrent", SAN="thread"),
    "layers": layers,
    "prose": prose,
    "demo": demo,
    "browser": browser,
    "package": package,
    "cluster": cluster,
    "deploy": deploy,
    "ecosystem": ecosystem,
    "observe": observe,
    "other-release": other_release,
    "fuzz": fuzz,
    "model": model,
    "units-coverage": lambda totals: units(totals, "coverage", COVERAGE="1"),
    "blackbox-coverage": lambda totals: blackbox(totals, "coverage", COVERAGE="1"),
    "cluster-coverage": lambda totals: cluster(totals, "coverage"),
}

# Two lanes at the same time: the first mostly waits, the second computes. Only the second builds
# with make.
LANES = (("cluster", "deploy", "observe", "model"),
         ("units", "other-release", "units-sanitized", "blackbox-sanitized", "blackbox-threads", "layers", "prose", "demo", "browser",
          "package", "ecosystem", "fuzz"))
# What runs if a step was skipped. The other release has the black-box tests of the release build;
# those of the sanitized build run on this release.
INSTEAD = {"other-release": "blackbox"}


def run_lane(totals, steps, printing):
    steps = list(steps)
    while steps:
        name = steps.pop(0)
        with printing:
            print(f"=== {name} begins", flush=True)
        ran = subprocess.run([sys.executable, __file__, name], cwd=ROOT, text=True, errors="replace", stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        passed, failed, skipped = counted(ran)
        with printing:
            print(f"=== {name}\n{without_count(ran.stdout)}", end="", flush=True)
            totals.count(passed, failed, skipped)
        if name in INSTEAD and passed + failed == 0 and skipped:
            steps.insert(0, INSTEAD[name])


def run_lanes(totals):
    printing = threading.Lock()
    lanes = [threading.Thread(target=run_lane, args=(totals, steps, printing)) for steps in LANES]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"one of {', '.join(STEPS)}; all that `make test` runs without one")
    steps = parser.parse_args().steps
    unknown = [name for name in steps if name not in STEPS]
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}; the steps are {', '.join(STEPS)}")
    totals = Totals()
    for name in steps:
        STEPS[name](totals)
    if not steps:
        run_lanes(totals)
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    return 1 if totals.failed or totals.passed + (totals.skipped if steps else 0) == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
