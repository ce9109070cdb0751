"""What users see when a webhook answers with an HTTP error instead of a review. For some statuses
the API server shows the webhook's message, and for others its own. A server with fixed answers
verifies the table in docs/troubleshooting.md."""

import base64
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from control_plane import eventually
from manifests import pod

SENTENCE = "this is what the webhook says"
TROUBLESHOOTING = Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md"


def documented():
    """Status -> what the table says that the API server shows; None: the sentence."""
    text = TROUBLESHOOTING.read_text()
    rows = re.findall(r"^\| ([\d, ]+) \| .* \| (`[^`]+`[^|]*|the sentence) \|$", text[text.index("\n## HTTP answers\n"):], re.M)
    return {int(status): None if shows == "the sentence" else re.match(r"`([^`]+)`", shows)[1]
            for statuses, shows in rows for status in statuses.split(",")}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = int(self.path[1:4]), f"{SENTENCE}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def plane(control_plane):
    """A webhook for each status, called for Pods that have it as their label."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(control_plane.cert, control_plane.key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    control_plane.namespace("answers")
    ca = base64.b64encode(control_plane.ca.read_bytes()).decode()
    hooks = [{"name": f"status-{status}.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 3,
              "objectSelector": {"matchLabels": {"status": str(status)}},
              "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
              "clientConfig": {"url": f"https://127.0.0.1:{server.server_port}/{status}", "caBundle": ca}} for status in documented()]
    control_plane.admin.create({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                                "metadata": {"name": "answers"}, "webhooks": hooks}).must()
    yield control_plane
    control_plane.admin.delete("ValidatingWebhookConfiguration", "answers")
    server.shutdown()
    server.server_close()


def test_all_statuses_are_documented():
    assert set(documented()) == {400, 403, 404, 405, 413, 415, 431, 500, 503}


@pytest.mark.parametrize("status", documented())
def test_what_the_api_server_shows(plane, status):
    def answer():
        reply = plane.admin.create(pod("answers", f"p-{status}", labels={"status": str(status)}), dryRun="All")
        return None if reply.ok else reply.message  # Not registered yet.
    message = eventually(answer, 20, "a refusal")
    assert f'failed calling webhook "status-{status}.example.com": ' in message
    shows = documented()[status]
    assert (shows or SENTENCE) in message, message
    assert (SENTENCE in message) == (shows is None), message
