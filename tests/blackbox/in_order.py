"""Runs shell commands in order, as a user at a terminal does: python3 in_order.py FOLDER, with a
JSON list of commands on standard input.

A command that stays in the foreground keeps running, as in another terminal, until the next such
command or the end. It must then exit cleanly. The exit status is 0 if everything succeeded. In a
network namespace of its own, the ports are free.
"""

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
    """Brings up the loopback interface, which is down in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # SIOCSIFFLAGS: up, running, loopback.
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh", b"lo", 0x49))


def fail(command, why):
    print(f"in order: {command}\n{why}", file=sys.stderr)
    sys.exit(1)


class Server:
    def __init__(self, command, folder):
        self.command = command
        self.process = subprocess.Popen(["bash", "-c", command], cwd=folder, start_new_session=True, stdin=subprocess.DEVNULL)
        atexit.register(self.kill)
        # `make` may have to build something.
        end = time.monotonic() + 300
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
        """Sends SIGINT, as Ctrl-C does, and waits for the exit."""
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
