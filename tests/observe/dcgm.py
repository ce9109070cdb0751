"""Shows what NVIDIA's dcgm-exporter shows of GPUs: the families and labels of its output, with
numbers that a test chooses."""

import http.server
import threading

FAMILIES = {"DCGM_FI_DEV_GPU_UTIL": "GPU utilization (in %).", "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "Ratio of time the graphics engine is active.",
            "DCGM_FI_DEV_FB_USED": "Framebuffer memory used (in MiB)."}


class Gpu:
    """One device of a Pod. util None: a MIG device, which has no DCGM_FI_DEV_GPU_UTIL. active None:
    no profiling."""

    def __init__(self, namespace, pod, *, util=None, active=None, used_mib=0):
        self.namespace, self.pod = namespace, pod
        self.values = {"DCGM_FI_DEV_GPU_UTIL": util, "DCGM_FI_PROF_GR_ENGINE_ACTIVE": active, "DCGM_FI_DEV_FB_USED": used_mib}


class Exporter:
    def __init__(self, *gpus):
        self.gpus = gpus
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def text(self):
        lines = []
        for family, help_text in FAMILIES.items():
            lines += [f"# HELP {family} {help_text}", f"# TYPE {family} gauge"]
            for i, gpu in enumerate(self.gpus):
                if gpu.values[family] is not None:
                    lines.append(f'{family}{{gpu="{i}",UUID="GPU-{i:08}",pci_bus_id="00000000:{i:02}:00.0",device="nvidia{i}",'
                                 f'modelName="NVIDIA A100-SXM4-80GB",Hostname="node-1",container="main",namespace="{gpu.namespace}",'
                                 f'pod="{gpu.pod}"}} {gpu.values[family]}')
        return "\n".join(lines) + "\n"

    def _handler(self):
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
