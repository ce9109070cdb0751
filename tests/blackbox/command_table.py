"""The commands and options of the program, as its --help lists them."""

import functools
import re

from gpugate import run


@functools.cache
def help_of(*words):
    done = run(*words, "--help")
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def children(*words):
    """Names of the commands below one."""
    return re.findall(r"^  ([a-z]+)  ", help_of(*words).partition("\nOptions:\n")[0], re.M)


def options(*words):
    """Options of a command, --help among them."""
    return re.findall(r"^  (--?[a-z][\w-]*)", help_of(*words).partition("\nOptions:\n")[2].partition("\nExit status:\n")[0], re.M)


def choices(*words):
    """{option: its choices}."""
    rows = re.findall(r"^  (--?[a-z][\w-]*) ((?:[\w-]+\|)+[\w-]+)", help_of(*words).partition("\nOptions:\n")[2], re.M)
    return {option: text.split("|") for option, text in rows}


@functools.cache
def commands():
    """The words of each command, the program itself first, with none."""
    found, waiting = [], [()]
    while waiting:
        words = waiting.pop(0)
        found.append(words)
        waiting += [(*words, name) for name in children(*words)]
    return found
