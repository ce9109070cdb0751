#!/usr/bin/python3
"""The driver of `make bench`: runs the servers and the load, and compares the results.

It prints a table and writes the results as JSON. Every result is a ratio of values measured in
the same run, moments apart, on fresh servers, in interleaved rounds. The value of a row is the
median of the rounds' ratios, next to the minimum and maximum. Client and server share this
machine's cores, so the numbers per second say little about a real setup. Builds nothing.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))
import inputs  # noqa: E402
import lint  # noqa: E402
import replay  # noqa: E402
from servers import Bench, Failed, create_certificates, expect_decisions, say  # noqa: E402
from took import run  # noqa: E402

THROUGHPUT_LEAST = 0.85
P99_MOST = 1.5
SCALE_MOST = 1.5
IDLE_MOST_MIB = 12.0
GROWTH_MOST_KIB = 1024
STEPS = 1000
STEPS_MOST_S = 1.0
EXPLAIN_MOST_MS = 50
EXPLAIN_RUNS = 20
LINT_MOST_MIB = 64.0

NOTE = ("{0.connections} keep-alive TLS connections from one client thread, {0.threads} threads in each server, all on the "
        "same cores: ratios of throughput are flattered by the client's share of the CPU; the rows of server CPU are not. "
        "/validate: half creations, half deletions, each Pod with a uid and a name of its own.")


class Table:
    """The rows of the result: a value, its spread, its expected range, and whether it is in that
    range."""

    def __init__(self):
        self.rows = []

    def add(self, name: str, values: list, unit: str, least=None, most=None) -> None:
        value = statistics.median(values)
        met = None if least is None and most is None else (least is None or value >= least) and (most is None or value <= most)
        target = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else ""
        self.rows.append({"name": name, "value": round(value, 4), "unit": unit, "low": round(min(values), 4),
                          "high": round(max(values), 4), "target": target, "met": met})

    def print(self) -> None:
        print(f"\n{'':56} {'value':>10} {'unit':6} {'lowest':>10} {'highest':>10}   {'target':9} ")
        for row in self.rows:
            verdict = {True: "ok", False: "MISS", None: ""}[row["met"]]
            print(f"{row['name']:56} {row['value']:>10.5g} {row['unit']:6} {row['low']:>10.5g} {row['high']:>10.5g}   "
                  f"{row['target']:9} {verdict}")

    def missed(self) -> int:
        return sum(row["met"] is False for row in self.rows)


def rounds(bench: Bench, sides: list, count: int, extra: list) -> dict:
    """Measures the sides in turn, `count` times. Each side is (label, start, stream). Returns the
    runs by label."""
    results = {label: [] for label, _, _ in sides}
    for number in range(count):
        # Reverse every other round, so that drift favors no side.
        for label, start, stream in sides if number % 2 == 0 else reversed(sides):
            result = bench.measure_fresh(start, stream, *extra)
            expect_decisions(result, stream, bench.options.stand_in or label.startswith("floor"))
            results[label].append(result)
            say(f"  round {number + 1} {label:28} {result['per_second']:>9.0f}/s   p50 {result['p50_us']:>6.0f} us   "
                f"p99 {result['p99_us']:>6.0f} us   server CPU {result['server_cpu_us']:>5.1f} us")
    return results


def ratios(above: list, below: list, field: str) -> list:
    return [a[field] / b[field] for a, b in zip(above, below)]


def compare_floor(bench: Bench, table: Table, policy: Path) -> dict:
    """Compares /mutate and /validate with a server that does nothing, each with the same requests.
    """
    sides = []
    for stream in inputs.STREAMS:
        sides += [(f"floor {stream}", bench.floor, stream), (f"/{stream}", lambda: bench.gpugate(policy), stream)]
    say("closed loop: as fast as the server answers")
    closed = rounds(bench, sides, bench.options.rounds, [])
    rate = bench.options.rate
    say(f"open loop: {rate} requests/s")
    opened = rounds(bench, sides, bench.options.rounds, ["--rate", rate])
    for stream in inputs.STREAMS:
        ours, floor = closed[f"/{stream}"], closed[f"floor {stream}"]
        table.add(f"/{stream}: throughput beside the floor", ratios(ours, floor, "per_second"), "x", least=THROUGHPUT_LEAST)
        table.add(f"/{stream}: p99 beside the floor", ratios(ours, floor, "p99_us"), "x", most=P99_MOST)
        at_rate = ratios(opened[f"/{stream}"], opened[f"floor {stream}"], "p99_us")
        table.add(f"/{stream}: p99 beside the floor at {rate}/s", at_rate, "x", most=P99_MOST)
        table.add(f"/{stream}: server CPU beside the floor", ratios(ours, floor, "server_cpu_us"), "x")
        table.add(f"/{stream}: server CPU of a request", [each["server_cpu_us"] for each in ours], "us")
        table.add(f"/{stream}: requests", [each["per_second"] for each in ours], "1/s")
        for field, what in (("per_second", "throughput"), ("p99_us", "p99")):
            alone = [each[field] for each in floor]
            table.add(f"  noise: the floor's {what} beside its own median", [each / statistics.median(alone) for each in alone], "x")
    return {"closed": closed, "open": opened}


def compare_scale(bench: Bench, table: Table, what: str, few: Path, many: Path, sizes: tuple) -> dict:
    """Compares a small policy with a large one that decides the same."""
    say(f"{sizes[0]} and {sizes[1]} {what}")
    sides = []
    for stream in inputs.STREAMS:
        sides.append((f"/{stream} {sizes[0]} {what}", lambda: bench.gpugate(few), stream))
        sides.append((f"/{stream} {sizes[1]} {what}", lambda: bench.gpugate(many), stream))
    results = rounds(bench, sides, bench.options.rounds, [])
    for stream in inputs.STREAMS:
        small, large = (results[f"/{stream} {size} {what}"] for size in sizes)
        name = f"/{stream}: {sizes[1]} {what} beside {sizes[0]}"
        table.add(f"{name}: time", ratios(small, large, "per_second"), "x", most=SCALE_MOST)
        table.add(f"{name}: p99", ratios(large, small, "p99_us"), "x", most=SCALE_MOST)
        table.add(f"{name}: server CPU", ratios(large, small, "server_cpu_us"), "x", most=SCALE_MOST)
    return results


def idle_memory(bench: Bench, table: Table, policy: Path) -> dict:
    with bench.gpugate(policy) as server:
        time.sleep(1)
        kib = {field: server.status_kib(field) for field in ("VmRSS", "RssAnon", "RssFile")}
    table.add("resident memory, idle, example policy", [kib["VmRSS"] / 1024], "MiB", most=IDLE_MOST_MIB)
    table.add("  of it the process's own (anonymous)", [kib["RssAnon"] / 1024], "MiB")
    return kib


def memory_over_time(bench: Bench, table: Table, policy: Path) -> dict:
    """Sends many requests to one server with a constant number of Pods. Growth after the first
    tenth is a leak."""
    wanted = bench.options.memory_requests
    say(f"{wanted} requests on /validate with {bench.options.alive} Pods alive")
    samples = []
    with bench.gpugate(policy) as server:
        extra = ["--requests", wanted, "--warmup", 0, "--alive", bench.options.alive]
        command = bench.load_command(server, "validate", extra)
        begin = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            while client.poll() is None:
                samples.append((time.monotonic() - begin, server.status_kib("VmRSS")))
                time.sleep(0.1)
            result = json.loads(client.stdout.read() or "{}")
        if client.returncode:
            raise Failed("the load client failed in the memory run")
        expect_decisions(result, "validate", bench.options.stand_in)
        samples.append((time.monotonic() - begin, server.status_kib("VmRSS")))
    settled = next(kib for seconds, kib in samples if seconds >= samples[-1][0] / 10)
    growth = samples[-1][1] - settled
    table.add(f"memory growth over {wanted} requests", [growth], "KiB", most=GROWTH_MOST_KIB)
    table.add("  resident at the end", [samples[-1][1] / 1024], "MiB")
    return {"requests": wanted, "alive": bench.options.alive, "growth_kib": growth, "samples": samples[:: max(len(samples) // 100, 1)]}


def reader(options, table: Table) -> list:
    """Compares the reader with jansson in one process. bench_reader prints a line for all reviews
    and one for the large ones, and lines for lists and watches of Pods."""
    command = [options.reader, options.reviews, options.rounds]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{options.reader}: {done.stderr}")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for result in results:
        if "split_mb_s" in result:
            table.add(f"Pods of a {result['bench']}, split and read", [result["read_mb_s"]], "MB/s")
            table.add("  split only", [result["split_mb_s"]], "MB/s")
            continue
        which = {"reader": "all reviews", "reader_large": "those of 5,000 bytes and more"}.get(result["bench"], result["bench"])
        table.add(f"reader, {which}", [result["reader_mb_s"]], "MB/s")
        table.add("  jansson on the same", [result["jansson_mb_s"]], "MB/s")
    return results


def run_suites(options, table: Table, policy: Path, work: Path) -> dict:
    """Runs the steps of tests in one suite, and in several that share the cores."""
    seconds = {}
    for files in (1, 10):
        folder = inputs.write_suites(work / f"suites-{files}", STEPS, files)
        command = [str(options.gpugate), "test", "--policy", str(policy), str(folder)]
        taken = []
        for _ in range(options.rounds):
            begin = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            taken.append(time.monotonic() - begin)
            if done.returncode or not done.stdout.endswith(f"\n{STEPS} passed, 0 failed, 0 errors\n"):
                raise Failed(f"{' '.join(command)}: {done.stdout[-1000:]}{done.stderr}")
        table.add(f"`gpugate test`, {STEPS} steps, {files} suite{'s' if files > 1 else ''}", taken, "s", most=STEPS_MOST_S)
        seconds[str(files)] = taken
    return seconds


def explain(options, table: Table, work: Path) -> dict:
    """How long a person waits for `gpugate explain` of a Pod, beside a process that only starts."""
    file = work / "pod.json"
    pod = json.loads((options.reviews / "validate-pod-bare.json").read_text())["request"]["object"]
    pod["metadata"]["namespace"] = "vision"
    file.write_text(json.dumps(pod))
    say("explain")
    sides = {"version": ["version"], "explain": ["explain", "-f", file, "--policy", options.example_policy]}
    results = {name: [] for name in sides}
    for _ in range(EXPLAIN_RUNS):
        for name, arguments in sides.items():
            took = run(options.gpugate, *arguments)
            if took.status > 1:
                raise Failed(f"{arguments} ended with status {took.status}: {took.said}")
            results[name].append((1000 * took.seconds, 1000 * took.cpu_seconds))
    elapsed, cpu = zip(*results["explain"])
    table.add("explain of a Pod, example policy: time", elapsed, "ms", most=EXPLAIN_MOST_MS)
    table.add("explain of a Pod, example policy: CPU", cpu, "ms")
    table.add("  time beside `gpugate version`", [ours[0] / least[0] for ours, least in zip(results["explain"], results["version"])], "x")
    return results


def lint_manifests(options, table: Table, work: Path) -> dict:
    work.mkdir()
    found = lint.measure(options.gpugate, work, options.rounds)
    table.add("lint, 10,000 manifests: CPU", found["seconds"], "s")
    table.add("  its resident memory at most", found["memory"], "MiB", most=LINT_MOST_MIB)
    table.add("  CPU of a manifest beside that of 1,000", found["scale"], "", most=SCALE_MOST)
    return found


def machine() -> dict:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load_at_start": os.getloadavg()[0]}


def check_paths(options) -> None:
    for name in ("floor", "load", "reviews") + (() if options.stand_in else ("gpugate", "reader", "example_policy")):
        if not getattr(options, name).exists():
            raise Failed(f"--{name.replace('_', '-')} {getattr(options, name)}: not there; `make bench` builds what is needed")


def measure(options, work: Path) -> dict:
    check_paths(options)
    streams = inputs.write_templates(options.reviews, work / "templates")
    bench = Bench(options, work, create_certificates(options, work / "certs"), streams)
    table = Table()
    base = inputs.write_policy(work / "base", 10, 10)
    raw = {"note": NOTE.format(options), "machine": machine(), "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    if raw["machine"]["load_at_start"] > 0.5:
        say(f"the machine is not idle (load {raw['machine']['load_at_start']:.2f}): the numbers will be rough")
    raw["floor"] = compare_floor(bench, table, base)
    if not options.stand_in:
        raw["reader"] = reader(options, table)
        raw["suites"] = run_suites(options, table, base, work)
        raw["explain"] = explain(options, table, work)
        raw["replay"] = replay.measure(options, table, work, base)
        raw["lint"] = lint_manifests(options, table, work / "lint")
    rules = inputs.write_policy(work / "rules", 10, options.rules)
    raw["rules"] = compare_scale(bench, table, "Rules", base, rules, (10, options.rules))
    tenants = inputs.write_policy(work / "tenants", options.tenants, 10)
    raw["tenants"] = compare_scale(bench, table, "Tenants", base, tenants, (10, options.tenants))
    raw["idle"] = idle_memory(bench, table, base if options.stand_in else options.example_policy)
    raw["memory"] = memory_over_time(bench, table, base)
    table.print()
    return {"rows": table.rows, "missed": table.missed(), **raw}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    built = ROOT / "build/release/bench"
    paths = (("gpugate", ROOT / "build/gpugate", "the program that is measured"),
             ("floor", built / "floor", "the server that does nothing"),
             ("load", built / "load", "the load client"),
             ("reader", built / "bench_reader", "the reader's own benchmark"),
             ("reviews", ROOT / "tests/reviews", "folder of real AdmissionReviews"),
             ("example-policy", ROOT / "deploy/policy", "policy of the idle measurement"),
             ("out", ROOT / "build/bench.json", "JSON file to write"))
    for name, default, text in paths:
        parser.add_argument(f"--{name}", type=Path, default=default, help=f"{text} (default: {default.relative_to(ROOT)})")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement, after half a second of warming up")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2, help="of each server")
    parser.add_argument("--rate", type=int, default=5000, help="requests per second of the open loop")
    parser.add_argument("--rules", type=int, default=10000)
    parser.add_argument("--tenants", type=int, default=5000)
    parser.add_argument("--alive", type=int, default=1000, help="Pods alive in the memory run")
    parser.add_argument("--memory-requests", type=int, default=1000000)
    parser.add_argument("--replayed", type=int, default=100000, help="reviews of the recording that is replayed")
    parser.add_argument("--stand-in", action="store_true", help="try the driver: the floor also stands in for gpugate")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    work = Path(tempfile.mkdtemp(prefix="gpugate-bench-"))
    try:
        result = measure(options, work)
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(work, ignore_errors=True)
    result["settings"] = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{result['missed']} of {sum(row['met'] is not None for row in result['rows'])} targets missed; "
          f"{options.connections} connections, {options.threads} server threads, client and server on the same "
          f"{result['machine']['cores']} cores; all of it in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
