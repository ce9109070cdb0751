"""How long `gpugate init` takes for a cluster of 5,000 nodes and 100,000 Pods, from files and from
an API server on the same machine that only sends lists it has prepared.

    tests/bench/init.py [--nodes N] [--pods N]
"""

import argparse
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/blackbox"))

import fleets  # noqa: E402
import kube  # noqa: E402
from took import run  # noqa: E402

BINARY = ROOT / "build/gpugate"
PAGE = 500
KINDS = ["a100", "a100-mig", "l4-renamed", "h100-single", "mi300x", "cpu"]
LISTS = {"/api/v1/nodes": "nodes", "/api/v1/resourcequotas": "quotas", "/api/v1/pods": "pods"}


def cluster(nodes, pods, spaces=500):
    """Nodes of six kinds, and Pods as large as `kubectl get -o json` prints simple ones."""
    asks = [{kube.GPU: "1"}, {kube.SHARED: "1"}, {"nvidia.com/mig-1g.10gb": "1"}, {}, {}]
    found = {"nodes": [fleets.node(KINDS[i % len(KINDS)], f"n{i}") for i in range(nodes)],
             "quotas": [fleets.quota(f"team-{i}", {"requests.nvidia.com/gpu": "100"}) for i in range(0, spaces, 2)], "pods": []}
    for i in range(pods):
        pod = kube.persisted(kube.pod(asks[i % len(asks)], namespace=f"team-{i % spaces}", owner=f"job-{i}"))
        pod["spec"]["nodeName"] = f"n{i % nodes}"
        pod["status"] = {"phase": "Running", "hostIP": "10.0.0.1", "podIP": "10.0.0.2"}
        found["pods"].append(pod)
    return found


def pages(items):
    """The answers to the pages of a list."""
    out = []
    for at in range(0, max(len(items), 1), PAGE):
        metadata = {"resourceVersion": "1", **({"continue": str(at + PAGE)} if at + PAGE < len(items) else {})}
        out.append(json.dumps({"metadata": metadata, "items": items[at:at + PAGE]}).encode())
    return out


def serve(lists):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            at = int(dict(urllib.parse.parse_qsl(url.query)).get("continue", 0))
            body = lists.get(url.path, [pages([])[0]])[at // PAGE]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=100000)
    options = parser.parse_args()
    found = cluster(options.nodes, options.pods)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path = folder / "cluster.json"
        path.write_text(json.dumps(fleets.listed(found["nodes"] + found["quotas"] + found["pods"])))
        server = serve({url: pages(found[key]) for url, key in LISTS.items()})
        config = folder / "kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "x", "user": {}}], "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}))
        print(f"{options.nodes} Nodes, {options.pods} Pods, {path.stat().st_size >> 20} MiB of JSON")
        for what, args in (("files", [path]), ("cluster", ["--from-cluster", "--kubeconfig", config])):
            took = run(BINARY, "init", *args, "--out", folder / what)
            if took.status:
                sys.exit(took.said)
            print(f"{what}: {took.seconds:.1f} s, {took.mib:.0f} MiB; {took.said}")
        lint = subprocess.run([BINARY, "lint", "--strict", folder / "cluster"], capture_output=True, text=True, check=False)
        print(lint.stdout.strip())
        server.shutdown()


if __name__ == "__main__":
    main()
