"""tests/run.py: no check is lost where a step cannot run."""

import importlib.util
import threading
from types import SimpleNamespace

import pytest

from gpugate import ROOT


@pytest.fixture
def runner():
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("runner", ROOT / "tests/run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("last_line, status, instead", [
    ("0 passed, 0 failed, 1 skipped", 0, True),
    ("9 passed, 0 failed, 1 skipped", 0, False),
    ("9 passed, 1 failed, 0 skipped", 1, False),
    ("it has died", 1, False),
])
def test_what_runs_instead_of_a_step_that_is_skipped(runner, monkeypatch, last_line, status, instead):
    ran = []

    def answer(command, **_):
        ran.append(command[-1])
        skipped = command[-1] in runner.INSTEAD
        return SimpleNamespace(stdout=f"{last_line if skipped else '1 passed, 0 failed, 0 skipped'}\n", returncode=status if skipped else 0)

    monkeypatch.setattr(runner, "subprocess", SimpleNamespace(**{**vars(runner.subprocess), "run": answer}))
    for step, other in runner.INSTEAD.items():
        ran.clear()
        totals = runner.Totals()
        runner.run_lane(totals, ["before", step, "after"], threading.Lock())
        assert ran == ["before", step, *([other] if instead else []), "after"]
        assert totals.failed == status and totals.skipped == last_line.count("1 skipped")


def test_every_step_of_a_lane_is_known(runner):
    steps = [step for lane in runner.LANES for step in lane]
    assert len(set(steps)) == len(steps) and set(steps) | set(runner.INSTEAD.values()) <= set(runner.STEPS)
    assert set(runner.INSTEAD) <= set(steps)
