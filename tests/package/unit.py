"""Reads gpugate.service: what it starts, and which system calls it allows."""

import re
import shlex

from making import ROOT, fine

DEBIAN = ROOT / "deploy" / "debian"
UNIT = DEBIAN / "gpugate.service"


def settings(key):
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.M)


def started(replaced):
    """The command of the unit with the options of /etc/default/gpugate. `replaced` maps texts to
    their replacements."""
    (line,) = settings("ExecStart")
    options = re.search(r'^GPUGATE_OPTIONS="(.*)"$', (DEBIAN / "gpugate.default").read_text(), re.M)[1]
    line = line.replace("$GPUGATE_OPTIONS", options)
    for old, new in replaced.items():
        assert old in line, f"{old} is not in {line}"
        line = line.replace(old, new)
    return shlex.split(line)


def _sets():
    """The sets of system calls that systemd knows: name -> members."""
    found, lines = {}, None
    for line in fine("systemd-analyze", "syscall-filter").splitlines():
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        if line.startswith("@"):
            lines = found.setdefault(line.strip(), [])
        elif lines is not None and re.match(r"\s+[@\w]", line):
            lines.append(line.strip())
        elif line.startswith("#"):
            lines = None
    return found


def allowed_calls():
    sets = _sets()

    def calls(name):
        return set().union(*map(calls, sets[name])) if name.startswith("@") else {name}

    # These are for the manager itself, before the program runs.
    allowed = calls("@default") | {"execve"}
    for line in settings("SystemCallFilter"):
        named = set().union(*map(calls, line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed
