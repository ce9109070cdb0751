import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path += [str(Path(__file__).resolve().parents[1] / suite) for suite in ("blackbox", "cluster")]

import os
import shutil

import pytest

from gpugate import BINARY


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)


def _tool(name):
    path = os.environ.get(name.upper()) or shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not to be had (set {name.upper()} to its path; it is in Debian's package prometheus)")
    return path


@pytest.fixture(scope="session")
def promtool():
    return _tool("promtool")


@pytest.fixture(scope="session")
def prometheus():
    return _tool("prometheus")
