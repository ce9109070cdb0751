#!/usr/bin/env python3
"""Prints gpugate's man page, made of what `gpugate --help` and its commands' --help say: `manpage.py PROGRAM > gpugate.1`."""

import os
import re
import subprocess
import sys
import time


def told(program, *command):
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True).stdout


def roff(text):
    """Text as groff wants it: hyphens that can be copied, and no line that looks like a request."""
    return re.sub(r"^(?=[.'])", r"\\&", text.replace("\\", r"\e").replace("-", r"\-"), flags=re.M)


def rows(block):
    """A table of --help, as (term, text): two spaces, a term, and a text that goes on below itself."""
    for row in re.split(r"\n(?=  \S)", block):
        term, _, text = row.strip().partition("  ")
        yield term, " ".join(text.split())


def tagged(block):
    return "".join(f".TP\n.B {roff(term)}\n{roff(text)}\n" for term, text in rows(block))


def literal(block):
    return f".nf\n{roff(block)}\n.fi\n"


def titled(help_text):
    """The parts of a --help: those with a title by it, the texts between them in order, under ""."""
    parts = {"": []}
    for part in help_text.rstrip().split("\n\n"):
        found = re.match(r"(Usage|Commands|Actions|Options|Examples|To begin):\s*", part)
        if found:
            parts[found[1]] = part[found.end():] if found[1] == "Usage" else part[found.end() - found[0].count(" "):]
        else:
            parts[""].append(part)
    return parts


def commands(program, names):
    """The sections of commands, and of their actions where they have some."""
    for name in names:
        parts = titled(told(program, *name))
        if "Actions" in parts:
            yield from commands(program, [[*name, action] for action, _ in rows(parts["Actions"])])
            continue
        yield f".SS {roff(' '.join(['gpugate', *name]))}\n.nf\n.B {roff(parts['Usage'])}\n.fi\n.PP\n"
        yield from (f"{roff(' '.join(text.split()))}\n.PP\n" for text in parts[""])
        yield tagged(parts["Options"])
        if "Examples" in parts:
            yield ".PP\nExamples:\n.PP\n" + literal(parts["Examples"])


def page(program):
    parts = titled(told(program))
    _, version, summary = parts[""][0].split(" ", 2)
    day = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    yield f'.TH GPUGATE 1 {day} "gpugate {version}"\n.SH NAME\ngpugate \\- Kubernetes admission webhook and GPU quota enforcer\n'
    yield f".SH SYNOPSIS\n.B {roff(parts['Usage'])}\n.SH DESCRIPTION\ngpugate {roff(summary)}\n"
    yield from (f".PP\n{roff(' '.join(text.split()))}\n" for text in parts[""][1:])
    yield tagged(parts["Commands"]) + ".SH COMMANDS\n"
    yield from commands(program, [[name] for name, _ in rows(parts["Commands"])])
    yield ".SH EXAMPLES\n" + literal(parts["To begin"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.writelines(page(sys.argv[1]))
