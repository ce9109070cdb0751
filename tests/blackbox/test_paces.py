"""No test may depend on the speed of the machine, because it would fail on a busy one. This finds
assertions that do."""

import ast
import os
import re
from pathlib import Path

import pytest

from gpugate import ROOT, in_proportion

# file::function -> why it may compare a time with a limit
ALLOWED = {
    "blackbox/gpugate.py::eventually": "the deadline of all waits: DEADLINE_S at least",
    "cluster/process.py::wait_ready": "the same",
    "blackbox/test_completion.py::wait_for": "the same",
    "cluster/test_replicas.py::test_nothing_is_decided_by_a_view_of_a_lost_history": "the deadline of a wait: a minute",
    "cluster/test_never_over.py::until_enough": "the deadline of a wait: 25 minutes",
    "blackbox/test_lifecycle.py::test_stop_with_idle_connections": "30 s, where a server that waits for its idle clients takes 120 s",
    "blackbox/test_lifecycle.py::test_stop_with_a_half_sent_request": "30 s, where a server that does not end such a request takes 35 s",
}
CLOCKS = {"monotonic", "perf_counter"}
TIMES = re.compile(r"(took|elapsed|slowest|fastest|worst|duration|latency)(_m?s)?$")
FILES = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path.parent.name != "bench"]


def is_a_time(node):
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in CLOCKS and ast.unparse(part.func.value) == "time":
            return True
        if isinstance(part, (ast.Name, ast.Attribute)) and TIMES.match(part.id if isinstance(part, ast.Name) else part.attr):
            return True
    return False


def bars(tree):
    """Returns (function, line) of each assertion that a time is below something."""
    def look(node, function):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = node.name
        if isinstance(node, ast.Assert):
            for part in ast.walk(node.test):
                if isinstance(part, ast.Compare):
                    sides = [part.left, *part.comparators]
                    for op, left, right in zip(part.ops, sides, sides[1:]):
                        if is_a_time(left if isinstance(op, (ast.Lt, ast.LtE)) else right) and isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
                            yield function, node.lineno
        for child in ast.iter_child_nodes(node):
            yield from look(child, function)
    yield from look(tree, "")


def test_no_bar_is_a_pace():
    found = {}
    for path in FILES:
        for function, line in bars(ast.parse(path.read_text())):
            found.setdefault(f"{path.relative_to(ROOT / 'tests')}::{function}", f"{path.relative_to(ROOT)}:{line}")
    assert not set(found) - set(ALLOWED), [found[name] for name in sorted(set(found) - set(ALLOWED))]
    assert not set(ALLOWED) - set(found), "allowed, and no longer there"


@pytest.mark.parametrize("text,count", [("assert time.monotonic() - start < 5", 1), ("assert 2 > took", 1), ("assert x and run.slowest_s <= 10", 1),
                                        ("assert time.monotonic() - start > 2", 0), ("assert count < 7", 0), ("assert start < time.monotonic() < end", 1)])
def test_what_a_bar_is(text, count):
    assert len(list(bars(ast.parse(text)))) == count


def test_a_square_is_told_from_a_line():
    def line(n):
        for _ in range(n):
            pass

    def square(n):
        for _ in range(n):
            for _ in range(n):
                pass

    in_proportion(os.getpid(), line, 400000)
    with pytest.raises(AssertionError, match="times as long"):
        in_proportion(os.getpid(), square, 2000)
