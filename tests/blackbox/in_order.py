"""Runs shell commands one after the other, as somebody at a terminal: python3 in_order.py FOLDER, with a JSON list of commands on standard
input. One that stays in the foreground is left running, as in another terminal, until the next such one or the end; when it is
asked to end, it has to do so in peace. Exit status 0 if all went well. In a network of its own the ports are free."""

import atexit
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

FOREGROUND = re.compile(r"make run|(?:build/)?gpugate serve")


def loopback_up():
    """A new network namespace has it, down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh", b"lo", 0x49))  # SIOCSIFFLAGS: up, running, loopback


def fail(command, why):
    print(f"in order: {command}\n{why}", file=sys.stderr)
    sys.exit(1)


class Server:
    def __init__(self, command, folder):
        self.command = command
        self.process = subprocess.Popen(["bash", "-c", command], cwd=folder, start_new_session=True, stdin=subprocess.DEVNULL)
        atexit.register(self.kill)
        end = time.monotonic() + 300  # `make` may have something to build
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                fail(command, f"it does not answer at 127.0.0.1:8080; its exit status is {self.process.poll()}")
            time.sleep(0.05)

    @staticmethod
    def _answers():
        try:
            with urllib.request.urlopen("http://127.0.0.1:8080/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        if self.process.wait(60) not in (0, -signal.SIGINT):
            fail(self.command, f"it ended with status {self.process.returncode}")

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def main():
    folder, server = sys.argv[1], None
    if os.environ.get("NETWORK_OF_ITS_OWN"):
        loopback_up()
    for command in json.load(sys.stdin):
        print(f"$ {command}", flush=True)
        if FOREGROUND.match(command):
            if server:
                server.stop()
            server = Server(command, folder)
            continue
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, check=False, timeout=300)
        if done.returncode != 0:
            fail(command, f"it ended with status {done.returncode}")
    if server:
        server.stop()


if __name__ == "__main__":
    main()
