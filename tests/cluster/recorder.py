"""A webhook server that records what the API server asks it, and admits everything.

Under /mutate and /validate, it replaces gpugate. Under /witness/mutate and /witness/validate, it
is asked about everything, which shows what gpugate would have been asked.
"""

import base64
import http.server
import json
import socketserver
import ssl
import threading

from pki import Authority

# An annotation: gpugate itself answers for this Pod under /mutate.
RELAY = "test/relay"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Recorder:
    """relay(body) returns the answer of a real gpugate's /mutate."""

    def __init__(self, folder, relay):
        self.authority = Authority("recorder")
        certificate, key = self.authority.issue("127.0.0.1")
        (folder / "recorder.crt").write_bytes(certificate)
        (folder / "recorder.key").write_bytes(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "recorder.crt", folder / "recorder.key")
        self._seen, self._lock, self._relay = {}, threading.Lock(), relay
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = recorder._answer(self.path.split("?")[0], body)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler, bind_and_activate=True)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, path, body):
        review = json.loads(body)
        request = review["request"]
        subject = request["object"] or request["oldObject"]
        with self._lock:
            self._seen.setdefault(subject["metadata"]["name"], []).append((path, review))
        if path == "/mutate" and RELAY in subject["metadata"].get("annotations", {}):
            return self._relay(body)
        return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                           "response": {"uid": request["uid"], "allowed": True}}).encode()

    def take(self, name):
        """Returns what was asked about an object with that name since the last call: [(path,
        review)]."""
        with self._lock:
            return self._seen.pop(name, [])

    def witnesses(self):
        """Returns configurations that ask about every Pod, before and after gpugate has changed it.
        """
        rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": [operation], "resources": [resource]} for operation, resource in
                 (("CREATE", "pods"), ("UPDATE", "pods"), ("UPDATE", "pods/ephemeralcontainers"), ("DELETE", "pods"), ("UPDATE", "pods/status"))]
        bundle = base64.b64encode(self.authority.pem).decode()
        return [{"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration", "metadata": {"name": "a-witness"},
                 "webhooks": [{"name": "witness.gpugate.io", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
                               "rules": rules, "clientConfig": {"url": f"{self.url}/witness/{path}", "caBundle": bundle}}]}
                for kind, path in (("Mutating", "mutate"), ("Validating", "validate"))]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
