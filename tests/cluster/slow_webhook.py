"""Another validating webhook, which admits everything slowly. API servers call it in addition to
gpugate, so that Pods and claims are stored long after gpugate has admitted them."""

import base64
import json
import random
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LABEL = {"admitted": "slowly"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        time.sleep(random.uniform(*self.server.seconds))
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": request["uid"], "allowed": True}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class SlowWebhook(ThreadingHTTPServer):
    """Is registered for Pods and claims with LABEL. `seconds` is a range (from, to)."""

    daemon_threads = True

    def __init__(self, cluster, seconds):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seconds = seconds
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cluster.cert, cluster.key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        hook = {"name": "slow.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore", "timeoutSeconds": 5,
                "objectSelector": {"matchLabels": LABEL}, "rules": [
                    {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
                    for group, resource in (("", "pods"), ("resource.k8s.io", "resourceclaims"))],
                "clientConfig": {"url": f"https://127.0.0.1:{self.server_port}/", "caBundle": base64.b64encode(cluster.ca.read_bytes()).decode()}}
        cluster.admin.create({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "slow"},
                              "webhooks": [hook]}).must()

    def handle_error(self, *_):
        pass  # The API server was killed.

    def stop(self):
        self.shutdown()
        self.server_close()
