import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).resolve().parents[1] / "blackbox"))

import pytest

from making import IMAGE, ROOT, Image, make


@pytest.fixture(scope="session")
def image():
    """The image built from these sources."""
    make("image")
    return Image(IMAGE)


@pytest.fixture(scope="session")
def deb():
    """The Debian package built from these sources; its .changes file is beside it."""
    make("deb")
    (package,) = (ROOT / "build" / "deb").glob("gpugate_*.deb")
    return package
