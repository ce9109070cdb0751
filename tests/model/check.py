"""Searches every interleaving of the ledger's protocol (ledger.pml) with spin, and of its mutants.

A scenario passes when pan has searched its whole state space without finding an error. A mutant is
a scenario whose protocol lacks one thing; it passes when pan finds the named violation. Each is one
test; the last line counts them.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "ledger.pml"
JOBS = min(2, os.cpu_count() or 1)
MEMORY_MB = 1900  # for one search; JOBS of them run in parallel
SECONDS = 600

# The errors that spin can find, by the message that it prints.
OVER, LATE, FULL, NEEDLESS, STUCK = "over a limit", "late Pod", "too many entries", "needless settling", "acceptance cycle"
REFUSED = "refused what was reserved"
VIOLATIONS = {OVER: r"assertion violated .*\.batch", LATE: r"assertion violated .*\.swept", FULL: r"assertion violated .*stored\.pending",
              NEEDLESS: r"assertion violated .*copy\.v", REFUSED: r"assertion violated .*promised", STUCK: r"acceptance cycle"}

# name: macros, which ledger.pml explains. States are stored in full, without bitstate hashing or
# hash compaction.
SCENARIOS = {
    "lag": "PODS=3 HARD=2 HOUSEKEEPING",
    "lag, 4 Pods": "PODS=4 HARD=2 FORGET_STALE",
    "lag, 3 replicas": "PODS=3 REPLICAS=3 HARD=2 FORGET_STALE",
    "caps": "PODS=3 HARD=2 CAP=1 HOUSEKEEPING",
    "lists": "PODS=3 HARD=2 RELISTS FORGET_STALE",
    "lists, binding": "PODS=2 HARD=2 HARD_MEMORY=3 BINDS RELISTS HOUSEKEEPING FORGET_STALE",
    "unknown outcomes": "PODS=3 HARD=2 HOUSEKEEPING LOSSES=2 FORGET_STALE",
    "sweeps": "PODS=3 HARD=2 HOUSEKEEPING SWEEPS FORGET_STALE",
    "sweeps and lists": "PODS=3 HARD=1 SWEEPS RELISTS FORGET_STALE",
    "crash and sweeps": "PODS=3 HARD=1 HOUSEKEEPING SWEEPS CRASHES=1 FORGET_STALE",
    "two quotas, binding": "PODS=3 HARD=2 HARD_MEMORY=3 BINDS HOUSEKEEPING FORGET_STALE",
    "namespace moves": "PODS=3 MOVES FORGET_STALE",
    "finished Pods": "PODS=2 HARD=1 FINISHES SWEEPS HOUSEKEEPING FORGET_STALE",
    "terminating Pods": "PODS=3 HARD=1 EXPIRES HOUSEKEEPING FORGET_STALE",
    "ledger deleted": "PODS=3 HARD=2 DELETIONS=1 LOSSES=1 FORGET_STALE",
    "ledger settles": "PODS=3 HARD=2 SETTLINGS=1 HOUSEKEEPING FORGET_STALE",
    "deleted and settles": "PODS=3 HARD=1 DELETIONS=1 SETTLINGS=1 SWEEPS FORGET_STALE",
    "deleted and lists": "PODS=2 HARD=1 BINDS DELETIONS=1 RELISTS HOUSEKEEPING FORGET_STALE",
    "deleted and crash": "PODS=3 HARD=1 DELETIONS=1 CRASHES=1 FORGET_STALE",
    "all, 3 Pods": "PODS=3 HARD=1 SWEEPS CRASHES=1 LOSSES=1 DELETIONS=1 FORGET_STALE",
    "all, lists": "PODS=2 HARD=1 SWEEPS RELISTS CRASHES=1 LOSSES=1 DELETIONS=1 FORGET_STALE",
    "all, moves": "PODS=2 MOVES CRASHES=1 LOSSES=1 DELETIONS=1 FORGET_STALE",
    "claims": "PODS=2 CLAIMS=1 HARD=2 HOUSEKEEPING",
    "claims, allocation": "PODS=2 CLAIMS=1 HARD=2 HARD_MEMORY=3 BINDS FORGET_STALE",
    "claims, sweeps and lists": "PODS=1 CLAIMS=1 HARD=1 SWEEPS RELISTS HOUSEKEEPING FORGET_STALE",
    "claims, deleted and settles": "PODS=1 CLAIMS=2 HARD=1 DELETIONS=1 SETTLINGS=1 SWEEPS FORGET_STALE",
    "claims, restored": "PODS=1 CLAIMS=1 HARD=1 RESTORES=1 SETTLINGS=1 HOUSEKEEPING FORGET_STALE",
    "claims, all": "PODS=1 CLAIMS=1 HARD=1 SWEEPS RELISTS CRASHES=1 DELETIONS=1 FORGET_STALE",
    "gangs": "PODS=3 GROUPS=1 HARD=2 HOUSEKEEPING SWEEPS FORGET_STALE",
    "gangs, two of them": "PODS=4 GROUPS=2 HARD=2 LOSSES=1 FORGET_STALE",
    "gangs, more Pods": "PODS=4 GROUPS=1 MEMBERS=3 HARD=2 FORGET_STALE",
    "gangs, Pods replaced": "PODS=3 GROUPS=1 MEMBERS=3 HARD=2 HOUSEKEEPING SWEEPS FORGET_STALE",
    "gangs, crash": "PODS=3 GROUPS=1 HARD=2 CRASHES=1 LOSSES=1 FORGET_STALE",
    "gangs, ledger settles": "PODS=3 GROUPS=1 HARD=2 SETTLINGS=1 HOUSEKEEPING FORGET_STALE",
    "gangs, claims": "PODS=2 CLAIMS=1 GROUPS=1 HARD=2 HOUSEKEEPING SWEEPS FORGET_STALE",
    "ready again, Pods keep coming": "LIVE=ready PODS=2 HARD=2 HOUSEKEEPING READINESS ENDLESS LAG=3",
    "ready again, keep coming, settles": "LIVE=ready PODS=2 HARD=2 HOUSEKEEPING READINESS ENDLESS LAG=2 SETTLINGS=1",
    "ready again, deleted": "LIVE=ready PODS=2 HARD=2 HOUSEKEEPING READINESS DELETIONS=1",
    "ready again, crash": "LIVE=ready PODS=2 HARD=2 HOUSEKEEPING READINESS CRASHES=1",
    "ready again, claims keep coming": "LIVE=ready PODS=1 CLAIMS=1 HARD=2 HOUSEKEEPING READINESS ENDLESS LAG=3",
    "ready again, claims, deleted": "LIVE=ready PODS=1 CLAIMS=1 HARD=2 HOUSEKEEPING READINESS DELETIONS=1",
    "entries end, unknown outcome": "LIVE=frees PODS=2 HARD=1 HOUSEKEEPING READINESS SWEEPS BOOKMARKS LOSSES=1",
    "entries end, crash": "LIVE=frees PODS=2 HARD=1 HOUSEKEEPING READINESS SWEEPS BOOKMARKS CRASHES=1",
    "entries end, deleted": "LIVE=frees PODS=2 HARD=2 HOUSEKEEPING READINESS SWEEPS BOOKMARKS DELETIONS=1",
    "entries end, claims": "LIVE=frees PODS=1 CLAIMS=1 HARD=1 HOUSEKEEPING READINESS SWEEPS BOOKMARKS LOSSES=1",
    "reservations end": "LIVE=frees PODS=2 GROUPS=1 HARD=2 HOUSEKEEPING READINESS SWEEPS BOOKMARKS",
    "reservations end, no Pods": "LIVE=empties PODS=2 GROUPS=1 HARD=2 HOUSEKEEPING READINESS SWEEPS BOOKMARKS NO_CLOCKS",
}

# (mutant, its scenario, the violation)
MUTANTS = [
    ("FOLD_KEEPS_V", "lag", OVER),
    ("NO_WAIT", "lag", OVER),
    ("OTHER_COPY", "lag", OVER),
    ("CAP_WITHOUT_SEEN", "caps", FULL),
    ("ADVANCE_WHILE_LISTING", "lists", OVER),
    ("UNKNOWN_IS_TAKEN", "unknown outcomes", OVER),
    ("SWEEP_EARLY", "sweeps", LATE),
    ("SWEEP_UNREACHED", "sweeps", LATE),
    ("DUE_AT_ANSWER", "sweeps", LATE),
    ("V_AT_ANSWER", "sweeps", NEEDLESS),
    ("PENDING_AS_BOUND", "two quotas, binding", OVER),
    ("FIRST_QUOTA", "two quotas, binding", OVER),
    ("PENDING_CHARGES", "namespace moves", OVER),
    ("TRUE_TENANTS", "namespace moves", OVER),
    ("FINISHED_IS_FINAL", "finished Pods", OVER),
    ("STOP_AT_ONCE", "terminating Pods", OVER),
    ("OPEN_KEEPS_V", "ledger deleted", OVER),
    ("OPEN_EARLY", "ledger deleted", OVER),
    ("OPEN_UNREACHED", "ledger deleted", OVER),
    ("OPEN_BY_OLD_QUESTION", "deleted and settles", OVER),
    ("OPEN_BY_PARTIAL_LIST", "deleted and lists", OVER),
    ("FOLD_RAISES_PODS", "claims", OVER),
    ("DECIDE_AT_ONE_V", "claims", OVER),
    ("SWEEP_BY_PODS", "claims, sweeps and lists", LATE),
    ("OPEN_AT_ONE_KIND", "claims, deleted and settles", OVER),
    ("VERIFY_ONE_KIND", "claims, restored", OVER),
    ("RESERVED_APART", "gangs", OVER),
    ("RESERVED_UNCOUNTED", "gangs", OVER),
    ("RESERVED_FOR_NONE", "gangs", REFUSED),
    ("REST_IGNORED", "gangs", OVER),
    ("REST_WITHOUT_PENDING", "gangs", REFUSED),
    ("ENDS_BEHIND_V", "gangs", OVER),
    ("OLD_TIMER", "gangs, more Pods", OVER),
    ("FOLD_AT_ONCE", "ready again, Pods keep coming", STUCK),
    ("FOLD_TO_VIEW", "ready again, crash", STUCK),
    ("OPEN_AT_VIEW", "ready again, deleted", STUCK),
    ("OPEN_WITHOUT_LIST", "ready again, deleted", STUCK),
    ("NO_FOLD", "entries end, unknown outcome", STUCK),
    ("NO_SWEEP", "entries end, unknown outcome", STUCK),
    ("NO_CLOCKS", "reservations end", STUCK),
    ("ENDS_BY_TIME_ONLY", "reservations end, no Pods", STUCK),
]


class Search:
    """Runs one search and returns its result."""

    def __init__(self, scenario, mutant=None, expected=None):
        self.scenario, self.mutant, self.expected = scenario, mutant, expected
        self.macros = SCENARIOS[scenario].split() + ([f"MUTANT_{mutant}"] if mutant else [])
        self.claim = next((macro.removeprefix("LIVE=") for macro in self.macros if macro.startswith("LIVE=")), None)
        self.name = f"{scenario}: {mutant}" if mutant else scenario
        self.states = self.depth = 0
        self.seconds = self.memory = 0.0
        self.passed, self.verdict, self.detail = False, "", ""

    def run(self):
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="gpugate-model-") as folder:
            try:
                self.search(folder)
            except subprocess.TimeoutExpired:
                self.verdict = f"did not end within {SECONDS} s"
        self.seconds = time.monotonic() - start
        return self

    def step(self, command, folder):
        return subprocess.run(command, cwd=folder, text=True, errors="replace", timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def search(self, folder):
        defines = [f"-D{macro}" for macro in self.macros]
        # spin looks for a trail beside its model.
        shutil.copy(MODEL, folder)
        made = self.step(["spin", *defines, "-a", MODEL.name], folder)
        if made.returncode == 0:
            # Most searches are over sooner than the compiler would be at a higher level.
            level = "-O2" if self.claim and not self.mutant else "-O1"
            made = self.step(["gcc", level, "-w", f"-DMEMLIM={MEMORY_MB}", "-DNFAIR=5" if self.claim else "-DSAFETY",
                              "-o", "pan", "pan.c"], folder)
        if made.returncode != 0:
            self.verdict, self.detail = "does not build", made.stdout
            return
        table = "-w20" if self.mutant else "-w24"
        fair = ["-a", "-f", "-N", self.claim] if self.claim else []
        said = self.step(["./pan", "-m100000", table, *fair], folder).stdout
        self.judge(said)
        if not self.passed:
            self.detail = said
            if (pathlib.Path(folder) / f"{MODEL.name}.trail").exists():
                self.detail += self.step(["spin", *defines, "-t", "-p", "-g", MODEL.name], folder).stdout[-20000:]

    def judge(self, said):
        def number(pattern):
            found = re.search(pattern, said)
            return float(found[1]) if found else 0

        self.states = int(number(r"(\d+) states, stored"))
        self.depth = int(number(r"depth reached (\d+)"))
        self.memory = number(r"([\d.]+)\s+total actual memory usage")
        errors = re.search(r"errors: (\d+)", said)
        violation = next((kind for kind, words in VIOLATIONS.items() if re.search(rf"^pan:1: {words}", said, re.M)), None)
        cut = re.search(r"max search depth too small|reached -DMEMLIM|out of memory|hash table full", said)
        if not errors:
            self.verdict = "pan died"
        elif self.expected:
            self.passed = violation == self.expected
            self.verdict = "found" if self.passed else f"NOT FOUND ({violation or 'no violation'})"
        elif violation or errors[1] != "0":
            self.verdict = f"VIOLATED ({violation})"
        elif cut or "Search not completed" in said or self.states == 0:
            self.verdict = f"not searched to the end ({cut[0] if cut else 'interrupted'})"
        else:
            self.passed, self.verdict = True, "holds"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="*", help="only searches whose name contains one of these words")
    words = parser.parse_args().word
    searches = [Search(name) for name in SCENARIOS] + [Search(of, mutant, expected) for mutant, of, expected in MUTANTS]
    searches = [search for search in searches if not words or any(word in search.name for word in words)]
    start = time.monotonic()
    print(f"{'search':<40} {'states':>10} {'depth':>6} {'MB':>6} {'s':>6}  verdict", flush=True)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for search in pool.map(Search.run, searches):
            print(f"{search.name:<40} {search.states:>10,} {search.depth:>6} {search.memory:>6.0f} {search.seconds:>6.1f}  "
                  f"{search.verdict}", flush=True)
            if not search.passed:
                print(search.detail, flush=True)
    passed = sum(search.passed for search in searches)
    print(f"{passed} passed, {len(searches) - passed} failed ({time.monotonic() - start:.0f} s)")
    return 0 if searches and passed == len(searches) else 1


if __name__ == "__main__":
    sys.exit(main())
