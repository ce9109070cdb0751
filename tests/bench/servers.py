"""Fresh servers for each measurement, the load on them, and the kernel's statistics."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    pass


class Server:
    """A running server. `address` is ADDR:PORT, and `log` its standard error."""

    def __init__(self, command: list, log: Path):
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen([str(part) for part in command], stderr=out, stdout=out)
        self.address = self._wait()

    def _wait(self) -> str:
        """Waits for the server. A policy with thousands of documents takes a while to compile."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with self.log.open(errors="replace") as lines:
                for line in lines:
                    with contextlib.suppress(ValueError, AttributeError):
                        event = json.loads(line)
                        if event.get("event") == "listening":
                            return event["address"]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise Failed(f"{self.process.args[0]} did not start; it said:\n{self.log.read_text(errors='replace')[-2000:]}")

    def status_kib(self, field: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise Failed(f"no {field} in /proc/{self.process.pid}/status")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Bench:
    """The programs that are measured, and their inputs."""

    def __init__(self, options, work: Path, certs: Path, streams: dict):
        self.options, self.work, self.certs, self.streams = options, work, certs, streams
        self.started = 0

    def _start(self, command: list) -> Server:
        self.started += 1
        tls = ["--listen", "127.0.0.1:0", "--tls-cert", self.certs / "tls.crt", "--tls-key", self.certs / "tls.key"]
        command = command + tls + ["--threads", self.options.threads]
        return Server(command, self.work / f"server-{self.started}.log")

    def floor(self) -> Server:
        return self._start([self.options.floor])

    def gpugate(self, policy: Path) -> Server:
        if self.options.stand_in:
            return self.floor()
        return self._start([self.options.gpugate, "serve", "--policy", policy, "--drain-seconds", 0])

    def load_command(self, server: Server, stream: str, extra: list) -> list:
        common = [self.options.load, "--connect", server.address, "--ca", self.certs / "ca.crt"]
        common += ["--connections", self.options.connections, *self.streams[stream], *extra]
        return [str(part) for part in common]

    def measure(self, server: Server, stream: str, *extra) -> dict:
        """Runs the load client once. A wrong answer makes the measurement invalid."""
        before = server.cpu_seconds()
        command = self.load_command(server, stream, ["--seconds", self.options.seconds, *extra])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"the load client: {done.stderr.strip() or done.stdout}")
        result = json.loads(done.stdout)
        result["server_cpu_us"] = (server.cpu_seconds() - before) / result["answered"] * 1e6
        result["rss_kib"] = server.status_kib("VmRSS")
        return result

    def measure_fresh(self, start, stream: str, *extra) -> dict:
        """`start` returns a new server. `stream` is "mutate" or "validate"."""
        with start() as server:
            return self.measure(server, stream, *extra)


def expect_decisions(result: dict, stream: str, stand_in: bool) -> None:
    """The policies of the benchmark allow every Pod, and each Pod has something to rewrite."""
    if result["allowed"] != result["answered"]:
        raise Failed(f"/{stream} refused {result['answered'] - result['allowed']} of {result['answered']} Pods")
    if stream == "mutate" and not stand_in and result["patched"] != result["answered"]:
        raise Failed(f"/mutate patched {result['patched']} of {result['answered']} Pods")


def create_certificates(options, folder: Path) -> Path:
    folder.mkdir(parents=True)
    if options.stand_in:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-keyout", folder / "tls.key", "-out", folder / "tls.crt", "-days", "2", "-subj", "/CN=bench"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    else:
        command = [options.gpugate, "certs", "create", "--dir", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"no certificates: {done.stderr}")
    if options.stand_in:
        (folder / "ca.crt").write_bytes((folder / "tls.crt").read_bytes())
    return folder


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
