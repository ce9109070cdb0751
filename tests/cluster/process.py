"""One process of the control plane, which can be started, stopped, killed, paused, and started
again with the same configuration."""

import atexit
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from gpugate import DEADLINE_S

_taken = {}  # port -> its lock file, open until this program ends


def free_port():
    """Returns a port on which nothing listens. It is below those that the kernel uses for outgoing
    connections, so it is available again after a kill. Concurrent test programs get different
    ones."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        if port in _taken:
            continue
        lock = open(Path(tempfile.gettempdir()) / f"gpugate-test-port-{port}", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _taken[port] = lock
        return port


class Process:
    """`ready` is called until it returns true. It may raise OSError."""

    def __init__(self, name, command, log, ready, env=None):
        self.name, self.command, self.log, self.ready, self.env = name, [str(part) for part in command], log, ready, env
        self.process = None
        # Whatever happens to the tests.
        atexit.register(self.kill)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self, wait=True, seconds=DEADLINE_S):
        assert not self.running(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        if wait:
            self.wait_ready(seconds)
        return self

    def wait_ready(self, seconds=DEADLINE_S):
        end = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.tail()}"
            try:
                if self.ready():
                    return
            except OSError:
                pass
            assert time.monotonic() < end, f"{self.name} does not get ready: {self.tail()}"
            time.sleep(0.02)

    def tail(self, size=3000):
        return self.log.read_text(errors="replace")[-size:]

    def stop(self, seconds=30):
        """Sends SIGTERM and waits for the exit. Kills the process if it does not end."""
        if not self.running():
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """Sends SIGKILL."""
        if self.running():
            self.process.kill()
            self.process.wait()

    def pause(self):
        """Stops all threads with SIGSTOP, and returns when they have stopped. The process is alive,
        its connections are open, and it is silent."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self, **how):
        """Kills the process with SIGKILL and starts it again, with the same ports and data."""
        self.kill()
        return self.start(**how)
