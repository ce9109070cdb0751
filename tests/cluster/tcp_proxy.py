"""A TCP proxy that can imitate a bad network: it distributes connections to its targets, and
delays, stalls or cuts them.

It stands in front of several replicas (a webhook that is registered by URL has one endpoint) and
of the API server (watches that are late, or end). TLS passes through. It has one thread, and
other threads may call all methods.
"""

import asyncio
import contextlib
import threading

from process import free_port

_PIECE_BYTES = 64 << 10
# Pieces in flight in each direction of a connection. More of them stay in the sender's socket.
_QUEUED = 64


class Connection:
    """One client's connection, until both directions are closed."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.writers = [writer]
        self.asked = 0.0  # When something was last sent to the target.

    async def serve(self):
        onward = await self.proxy.connect()
        if onward is None:
            self.abort()
            return
        reader, writer = onward
        self.writers.append(writer)
        ways = [(self.reader, writer, "up"), (reader, self.writer, "down")]
        await asyncio.gather(*(part for way in ways for part in self._way(*way)))

    def _way(self, reader, writer, name):
        queue = asyncio.Queue(_QUEUED)
        return self._read(reader, queue, name), self._write(writer, queue)

    async def _read(self, reader, queue, name):
        loop = asyncio.get_running_loop()
        piece = b"x"
        while piece:
            try:
                piece = await reader.read(_PIECE_BYTES)
            except OSError:
                piece = b""
            now = loop.time()
            if name == "up":
                self.asked = now
            await queue.put((now + self.proxy.delay_s(name, now - self.asked), piece))

    async def _write(self, writer, queue):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while True:
                due, piece = await queue.get()
                await asyncio.sleep(due - loop.time())
                await self.proxy.flowing.wait()
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
        writer.close()

    def abort(self):
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """A proxy.

    targets is a list of ports on 127.0.0.1. It may change at any time; new connections go to the
    next one that accepts them. delay(up=, down=): how many seconds bytes to the target and to
    the client are late. lag(seconds): the same, only for bytes to the client on connections
    without a request for a second, which are watches.

    A subclass may replace `Connection`, and use TLS on either side.
    """

    Connection = Connection
    tls_to_client = tls_to_target = None  # SSL contexts.

    def __init__(self, *targets):
        self.targets = list(targets)
        self.port = free_port()
        self.delays_s = {"up": 0.0, "down": 0.0}
        self.lag_s = 0.0
        self.accepted = 0
        self._refusing = False
        self._next = 0
        self._connections = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tcp-proxy", daemon=True)
        started = threading.Event()
        self._loop.call_soon(started.set)
        self._thread.start()
        assert started.wait(120)
        self._do(self._open())

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _open(self):
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls_to_client)

    async def _accept(self, reader, writer):
        self.accepted += 1
        connection = self.Connection(self, reader, writer)
        if self._refusing:
            connection.abort()
            return
        self._connections[connection] = asyncio.current_task()
        try:
            await connection.serve()
        except asyncio.CancelledError:
            pass
        finally:
            connection.abort()
            self._connections.pop(connection, None)

    async def connect(self):
        targets = list(self.targets)
        for _ in targets:
            self._next += 1
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", targets[self._next % len(targets)], ssl=self.tls_to_target)
        return None

    def delay_s(self, way, silent_s):
        return self.delays_s[way] + (self.lag_s if way == "down" and silent_s > 1 else 0)

    async def _cut(self):
        tasks = list(self._connections.values())
        for connection, task in list(self._connections.items()):
            connection.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    async def _set_flowing(self, flows):
        (self.flowing.set if flows else self.flowing.clear)()

    # --- Methods for tests ---

    def delay(self, up=0.0, down=0.0):
        self.delays_s = {"up": up, "down": down}

    def lag(self, seconds=0.0):
        self.lag_s = seconds

    def stall(self):
        """Stops forwarding and closing until resume()."""
        self._do(self._set_flowing(False))

    def resume(self):
        self._do(self._set_flowing(True))

    def cut(self):
        """Ends all connections and accepts new ones. Returns how many there were."""
        return self._do(self._cut())

    def refuse(self, refuses=True):
        """Closes new connections immediately. Use cut() for existing ones."""
        self._refusing = refuses

    async def _close(self):
        self._server.close()
        await self._cut()
        await self._server.wait_closed()

    def close(self):
        if self._thread.is_alive():
            self._do(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(120)
            self._loop.close()
