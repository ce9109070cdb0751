import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path.extend(str(TESTS / suite) for suite in ("blackbox", "cluster"))

import pytest

import binaries
import helm_tool
from gpugate import BINARY


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)
    try:
        helm_tool.path()
        binaries.paths()
    except binaries.NotToBeHad as reason:
        pytest.exit(str(reason), binaries.NOT_TO_BE_HAD)
