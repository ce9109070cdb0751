"""Runs all tests, in steps, and closes with one line: N passed, N failed, N skipped.

Each step is a process of its own, and two of them run at the same time: what the steps on a control plane mostly do is wait. The
output of a step is printed when the step has ended. A step that cannot run (a tool that is not to be had) says why and counts as
one skipped test, never as a passed one. A step that dies without saying how many tests it ran counts as one failed test.
`tests/run.py STEP...` runs steps by name, one after the other.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = str(os.cpu_count() or 2)
NOT_TO_BE_HAD = 77  # how binaries.py, helm_tool.py, browser.py and chroot.py end where there is no control plane, Helm, browser or chroot to be had
WORKERS = str((os.cpu_count() or 2) + 1)  # of pytest where tests wait more than they compute
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))

# What a sanitizer finds must end the program, or the test that caused it would pass.
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
        print(f"--- {name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.0f} s)\n", flush=True)

    def skip(self, name, why):
        print(f"--- {name}: SKIPPED: {why}\n", flush=True)
        self.count(0, 0, 1)


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
    """Runs tests/SUITE; returns how many passed, failed and were skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        ran = run([sys.executable, "-m", "pytest", "-rs", f"tests/{suite}", "-c", f"tests/{suite}/pytest.ini",
                   f"--junitxml={report}", *arguments], **env)
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
    """Whether the tools that a step needs are there, built by these scripts where they are missing."""
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
    """Chart and kustomize overlays, by the real Helm and kubectl, and installed on a real control plane."""
    start = time.monotonic()
    if had(totals, "deploy", "tests/cluster/binaries.py", "tests/deploy/helm_tool.py"):
        totals.add("deploy", *pytest("deploy"), time.monotonic() - start)


def cluster(totals, variant="release"):
    """On a real control plane, where that is to be had."""
    name, start = f"cluster ({variant})", time.monotonic()
    if not had(totals, name, "tests/cluster/binaries.py"):
        return
    passed, failed, skipped = pytest("cluster", "-n", "2", "--dist", "loadfile", GPUGATE=str(ROOT / "build" / variant / "gpugate"))
    told = run([sys.executable, "deploy/demo/demo_cluster.py"], NO_COLOR="1").returncode == 0
    totals.add(name, passed + told, failed + (not told), skipped, time.monotonic() - start)


def browser(totals):
    """The status page in a real browser, where one can be had."""
    command = [sys.executable, "tests/browser/browser.py"]
    if subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL).returncode != 0:
        build("build/.packages-browser")
    asked = subprocess.run(command, cwd=ROOT, text=True, stderr=subprocess.PIPE)
    if asked.returncode == NOT_TO_BE_HAD:
        totals.skip("browser", asked.stderr.strip())
        return
    start = time.monotonic()
    totals.add("browser", *pytest("browser"), time.monotonic() - start)


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


def observe(totals):
    """Metrics, alert rules and dashboard, with a real Prometheus."""
    start = time.monotonic()
    totals.add("observe", *pytest("observe", **tools("promtool", "prometheus")), time.monotonic() - start)


def find_tool(name):
    """promtool or prometheus, from the PATH or out of Debian's prometheus package: installing that would start a server."""
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
    """The variables by which tests find them. Without one, the tests that need it are skipped, and say so."""
    found = {name.upper(): find_tool(name) for name in names}
    return {name: str(path) for name, path in found.items() if path}


def layers(totals):
    """The arrows between folders and files, and that the check of them notices what it has to."""
    start = time.monotonic()
    if not build("build/gpugate"):
        totals.add("layers", 0, 1, 0, time.monotonic() - start)
        return
    totals.add("layers", *pytest("layers"), time.monotonic() - start)


def prose(totals):
    """The English of documents, comments and messages, and that the check of it notices what it has to."""
    start = time.monotonic()
    totals.add("prose", *pytest("prose"), time.monotonic() - start)


def demo(totals):
    """The story that the README promises, told to the end."""
    start = time.monotonic()
    ran = run([sys.executable, "deploy/demo/demo.py"], NO_COLOR="1")
    totals.add("demo", int(ran.returncode == 0), int(ran.returncode != 0), 0, time.monotonic() - start)


def package(totals):
    """The image and the Debian package: made, read by others' tools, and run."""
    start = time.monotonic()
    if not build("build/gpugate"):
        totals.add("package", 0, 1, 0, time.monotonic() - start)
        return
    totals.add("package", *pytest("package", GPUGATE=str(ROOT / "build" / "release" / "gpugate")), time.monotonic() - start)


def model(totals):
    """The ledger's protocol, searched by spin: each scenario and each mutant is one test."""
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
    """Build, unit and black-box tests in a chroot of the other Debian release, where one can be had."""
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
    """What a run of this very program, or of one that ends as it does, says of itself: passed, failed, skipped."""
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
    "observe": observe,
    "other-release": other_release,
    "fuzz": fuzz,
    "model": model,
    "units-coverage": lambda totals: units(totals, "coverage", COVERAGE="1"),
    "blackbox-coverage": lambda totals: blackbox(totals, "coverage", COVERAGE="1"),
    "cluster-coverage": lambda totals: cluster(totals, "coverage"),
}

# Two lanes at the same time. The first waits most of the time; the second computes. Only the second builds with make.
LANES = (("cluster", "deploy", "observe"),
         ("units", "blackbox", "units-sanitized", "blackbox-sanitized", "blackbox-threads", "layers", "prose", "demo", "browser",
          "package", "other-release", "fuzz", "model"))


def run_lane(totals, steps, printing):
    for name in steps:
        with printing:
            print(f"=== {name} begins", flush=True)
        ran = subprocess.run([sys.executable, __file__, name], cwd=ROOT, text=True, errors="replace", stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with printing:
            print(f"=== {name}\n{without_count(ran.stdout)}", end="", flush=True)
            totals.count(*counted(ran))


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
