"""Runs a program to its end, and says what it took."""

import json
import subprocess
import sys
from typing import NamedTuple

# A child begins with the largest resident memory of the process that starts it, so a small one
# starts it.
_LAUNCHER = """import json, os, subprocess, sys, time
begin = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


class Took(NamedTuple):
    status: int
    seconds: float
    cpu_seconds: float
    mib: float  # Of resident memory, at most; at least that of the launcher, which is about 10.
    said: str  # On standard error.


def run(*command) -> Took:
    done = subprocess.run([sys.executable, "-S", "-c", _LAUNCHER, *map(str, command)], capture_output=True, text=True, check=True)
    return Took(*json.loads(done.stdout), done.stderr.strip())
