#!/usr/bin/env python3
"""`make screenshot`: writes the status page of a gpugate with the policy of deploy/policy/, after
the story of the demo and some more Pods, to FOLDER/status.png and FOLDER/status-dark.png.
FOLDER/status.sha256 identifies the source of the page for `sha256sum --check`."""

import contextlib
import hashlib
import io
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "deploy" / "demo"), str(ROOT / "tests" / "blackbox")]

import browser
from demo import Asked, Gate
from gpugate import eventually
from story import GPU, Teller, pod, tell

PAGE = "webhook/server/status_page.html"
WIDTH, HEIGHT = 1120, 1000
MORE = [("vision", "eval", {GPU: "1"}, {}), ("language", "tune", {GPU: "1"}, {}), ("lab-bob", "notebook", {GPU: "1"}, {}),
        *(("lab-alice", f"notebook-{i}", {GPU: "1"}, {}) for i in range(2)),
        *(("language", f"serve-{i}", {GPU: "1"}, {"workload": "inference"}) for i in range(3)),
        ("language", "tune-more", {GPU: "2"}, {}), ("edge-berlin", "gate", {GPU: "1"}, {})]


def fill(gate):
    with contextlib.redirect_stdout(io.StringIO()):
        story = Asked(gate, Teller())
        tell(story)
    for namespace, name, asks, labels in MORE:
        story.admit(f"{namespace}/{name}", pod(namespace, name, asks, labels=labels), ("jane@example.com", []), True)


def digest():
    """Returns the line of sha256sum for the page."""
    return f"{hashlib.sha256((ROOT / PAGE).read_bytes()).hexdigest()}  {PAGE}\n"


def take(folder):
    with tempfile.TemporaryDirectory() as work:
        gate = Gate(ROOT / "build" / "gpugate", ROOT / "deploy" / "policy", Path(work) / "gate", "127.0.0.1:0", "127.0.0.1:0", log=False)
        window = browser.Browser(width=WIDTH, height=HEIGHT)
        try:
            fill(gate)
            for scheme, name in (("light", "status.png"), ("dark", "status-dark.png")):
                window.scheme(scheme)
                window.open(f"http://{gate.admin_address}/status")
                eventually(lambda: window.text("#ready") == "ready", 30, "the page's first answer")
                (folder / name).write_bytes(window.picture())
                print(f"{folder / name}: {(folder / name).stat().st_size} bytes")
        finally:
            window.close()
            gate.close()
    (folder / "status.sha256").write_text(digest())


if __name__ == "__main__":
    take(Path(sys.argv[1]))
