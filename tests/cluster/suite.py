"""What the suites on a real control plane ask of pytest: that the binaries are there, and whether a
test failed. Their conftest.py imports both hooks."""

import pytest

import binaries
from gpugate import BINARY


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)
    try:
        binaries.paths()
    except binaries.NotToBeHad as reason:
        pytest.exit(str(reason), binaries.NOT_TO_BE_HAD)


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Notes the failure of a test, for has_failed()."""
    report = (yield).get_result()
    if report.failed:
        item.failed = True


def has_failed(request):
    """Returns whether the test that a fixture is for has failed."""
    return getattr(request.node, "failed", False)
