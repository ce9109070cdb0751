"""A proxy between a replica and the API server that understands requests: it delays watches of
Pods, lists, or the answers to one kind of request, and makes watches expire.

TLS ends here on both sides, and credentials pass through. Requests are distinguished by kind:

    watch      a watch from a version; its events are forwarded one by one
    list       a list of a collection, by itself or as the beginning of a watch (sendInitialEvents)
    question   at most one Pod, for its list's version: which version has the cluster reached?
    other      everything else

The kinds only matter for requests for Pods. `requests` records each request for Pods, and its
outcome.
"""

import asyncio
import contextlib
import json
import ssl
import urllib.parse

from tcp_proxy import Connection, Proxy

_HEAD_MAX = 1 << 20
_EXPIRED = json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired", "code": 410,
                       "message": "too old resource version: 1 (2)"}).encode()
_BROKEN = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)


class Request:
    """A request for Pods.

    status is None until the answer begins. whole: the complete answer has been forwarded (of a
    watch: its beginning and what it lists). expired: answered with 410, immediately or later.
    """

    def __init__(self, method, target, now):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.method, self.target, self.begin = method, target, now
        self.of_pods = url.path == "/api/v1/pods"
        self.kind = self._kind(query)
        self.first = "continue" not in query
        self.status, self.listed, self.whole, self.expired = None, False, False, False

    def _kind(self, query):
        if self.method != "GET" or "fieldSelector" in query:
            return "other"
        if query.get("watch") == "true":
            return "list" if "sendInitialEvents" in query else "watch"
        if self.of_pods and query.get("limit") == "1":
            return "question"
        return "list" if "limit" in query else "other"

    def __repr__(self):
        return f"<{self.begin:.2f} {self.kind} {self.target[:120]} {self.status}{' whole' if self.whole else ''}{' expired' if self.expired else ''}>"


class _Exchanges(Connection):
    """A client's connection: one request after the other, each answered before the next is read."""

    # The last request, and the streams to and from the API server.
    request = onward = None
    ending = False  # The answer in progress must end now.

    async def serve(self):
        ended = asyncio.ensure_future(self._follow_the_client())
        try:
            with contextlib.suppress(*_BROKEN):
                while await self._exchange():
                    pass
        finally:
            ended.cancel()

    async def _follow_the_client(self):
        """Cancels the request when the client closes the connection."""
        while not self.reader.at_eof():
            await asyncio.sleep(0.1)
        self.abort()

    async def _exchange(self):
        loop = asyncio.get_running_loop()
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, fields = _parse_head(head)
        method, target = line.split(" ")[:2]
        body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        self.request = request = Request(method, target, loop.time())
        if request.of_pods and request.kind != "other":
            self.proxy.requests.append(request)
        await asyncio.sleep(self.proxy.delays_s["up"])
        await self.proxy.flowing.wait()
        if self.proxy.expires(request):
            request.status, request.expired = 410, True
            self.writer.write(b"HTTP/1.1 410 Gone\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_EXPIRED), _EXPIRED))
            await self.writer.drain()
            return True
        if self.onward is None:
            self.onward = await self.proxy.connect()
            if self.onward is None:
                return False
            self.writers.append(self.onward[1])
        reader, writer = self.onward
        writer.write(head + body)
        await writer.drain()
        return await self._answer(reader)

    async def _answer(self, reader):
        """Forwards the answer, each piece when it is due. Returns whether another request may
        follow."""
        queue = asyncio.Queue()
        forwarding = asyncio.ensure_future(self._forward(queue))
        try:
            more = False
            with contextlib.suppress(*_BROKEN):
                more = await self._receive(reader, queue)
            # The connection to the API server was cut on purpose: the stream ends as it normally
            # would.
            if self.ending:
                self._put(queue, b"0\r\n\r\n")
            queue.put_nowait((0, None, False))
            await forwarding
            return more and not self.ending
        finally:
            forwarding.cancel()

    async def _receive(self, reader, queue):
        head = await reader.readuntil(b"\r\n\r\n")
        line, fields = _parse_head(head)
        self.request.status = int(line.split(" ")[1])
        self.request.expired = self.request.status == 410
        streams = self.request.kind == "watch" or "sendInitialEvents" in self.request.target
        good = self.request.status == 200
        self._put(queue, head, at_once=streams, whole=good and self.request.kind == "watch")
        if fields.get("transfer-encoding") == "chunked":
            await self._receive_chunks(reader, queue, whole=good and not streams)
        else:
            self._put(queue, await reader.readexactly(int(fields.get("content-length", 0))), whole=good)
        return fields.get("connection") != "close"

    async def _receive_chunks(self, reader, queue, whole):
        """Turns chunks into lines, which are the events of a watch."""
        rest = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            rest += (await reader.readexactly(size + 2))[:-2]
            lines, newline, left = rest.rpartition(b"\n")
            if not size:
                lines, newline, left = rest, b"", b""
            rest = left
            if lines:
                self.request.expired |= b'"type":"ERROR"' in lines and b'"code":410' in lines
                ends = self.request.kind == "list" and b'"k8s.io/initial-events-end":"true"' in lines
                self._put(queue, b"%x\r\n%s\r\n" % (len(lines + newline), lines + newline), whole=ends)
                self.request.listed |= ends
            if not size:
                self._put(queue, b"0\r\n\r\n", whole=whole)
                return

    def _put(self, queue, piece, at_once=False, whole=False):
        """`whole`: this piece completes the answer."""
        now = asyncio.get_running_loop().time()
        queue.put_nowait((now if at_once else self.proxy.due(self.request, now), piece, whole))

    async def _forward(self, queue):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(*_BROKEN):
            while True:
                due, piece, whole = await queue.get()
                if piece is None:
                    return
                await asyncio.sleep(due - loop.time())
                await self.proxy.flowing.wait()
                self.writer.write(piece)
                await self.writer.drain()
                self.request.whole |= whole


def _parse_head(head):
    """Returns the first line, and the fields by lowercase name."""
    lines = head.decode("latin-1").split("\r\n")
    return lines[0], {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}


class LateApi(Proxy):
    """A proxy for a ControlPlane, which can do everything that Proxy can. delay() applies to every
    request and every piece of an answer.

    list_s: how long a list takes. question_s: how late the answer to a question is; it is the
    state when the question was asked.
    """

    Connection = _Exchanges

    def __init__(self, cluster):
        self.tls_to_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls_to_client.load_cert_chain(cluster.cert, cluster.key)
        self.tls_to_target = ssl.create_default_context(cafile=str(cluster.ca))
        self.list_s = self.question_s = 0.0
        self.requests = []
        self._expiring = 0
        super().__init__(cluster.port)

    def lag(self, seconds=0.0):
        """Sets how late events of watches of Pods are from now on."""
        self.lag_s = seconds

    def expire(self):
        """Ends the watch of Pods properly, and answers the next one with 410."""
        self._expiring += 1
        self.end_watches()

    @property
    def expiring(self):
        """Whether no watch has been answered with 410 yet, although one must be. A watch that was
        just being opened did not notice that it ought to end."""
        return self._expiring > 0

    def end_watches(self):
        """Ends the watches of Pods, as the API server does from time to time."""
        self._do(self._end_watches())

    async def _end_watches(self):
        for connection in self._connections:
            request = connection.request
            if request and request.of_pods and connection.onward and (request.kind == "watch" or request.listed):
                connection.ending = True
                connection.onward[1].transport.abort()

    def expires(self, request):
        if not (self._expiring and request.of_pods and request.kind == "watch"):
            return False
        self._expiring -= 1
        return True

    def due(self, request, now):
        """Returns when a piece of an answer that has arrived now must be forwarded."""
        late = now + self.delays_s["down"]
        if not request.of_pods:
            return late
        if request.kind == "question":
            return late + self.question_s
        if request.kind == "list":
            return max(late + (self.lag_s if request.listed else 0), request.begin + self.list_s)
        return late + (self.lag_s if request.kind == "watch" else 0)
