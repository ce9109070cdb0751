"""A DNS server for one zone, which answers every question with one address and records the
names."""

import socket
import struct
import threading


class NameServer:
    def __init__(self, host, answer):
        self.answer = socket.inet_aton(answer)
        self.asked = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, client = self._socket.recvfrom(512)
            except OSError:
                return
            end = question.index(0, 12) + 1
            name, at = [], 12
            while question[at]:
                name.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            self.asked.add(".".join(name))
            (kind,) = struct.unpack("!H", question[end:end + 2])
            # An A record; there is no AAAA.
            record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + self.answer if kind == 1 else b""
            self._socket.sendto(question[:2] + struct.pack("!HHHHH", 0x8180, 1, int(bool(record)), 0, 0) + question[12:end + 4] + record, client)

    def close(self):
        self._socket.close()
