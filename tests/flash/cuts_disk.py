# SPDX-License-Identifier: ISC
"""A disk with a volatile write cache, served to the emulator by NBD.

What was written since the last flush is lost, kept or torn at a sector, each
write for itself, when the power is cut.  The cut can fall into the Nth write
or flush from now on.
"""
import mmap
import os
import socket
import struct
import threading

SECTOR = 512
READ, WRITE, CLOSE, FLUSH = range(4)
OPT_EXPORT, OPT_ABORT, OPT_INFO, OPT_GO = 1, 2, 6, 7
REPLY_ACK, REPLY_INFO, REPLY_UNKNOWN = 1, 3, 0x80000001
FLAGS = 1 | 4   # has flags, has flush


class Disk:
    """The image lies in a file; a connection at a time."""

    def __init__(self, image, path):
        self.path = path
        self.file = open(image, 'r+b')
        self.data = mmap.mmap(self.file.fileno(), 0)
        self.pending = []     # (offset, before, after) since the last flush
        self.left, self.strike = 0, None
        self.kept = self.lost = self.torn = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.thread = None

    def close(self):
        self.listener.close()
        os.unlink(self.path)
        self.data.close()
        self.file.close()

    def serve(self):
        """Wait for one emulator, in a thread of its own."""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def arm(self, operations, strike):
        """strike() is called inside the Nth operation; it ends the guest."""
        self.strike, self.left = strike, operations

    def cut(self, rnd):
        """The power has failed: decide what the medium holds."""
        self.thread.join()
        self.left = 0
        for offset, before, _ in reversed(self.pending):
            self.data[offset:offset + len(before)] = before
        share = rnd.choice((0, 0.5, 0.5, 0.9, 1))
        for offset, _, after in self.pending:
            size = len(after)
            if rnd.random() >= share:
                self.lost += 1
                continue
            if rnd.random() < 0.2:
                self.torn += 1
                size = SECTOR * rnd.randrange(size // SECTOR + 1)
            else:
                self.kept += 1
            self.data[offset:offset + size] = after[:size]
        self.pending = []

    def run(self):
        conn = self.listener.accept()[0]
        with conn:
            try:
                if self.shake_hands(conn):
                    while self.request(conn):
                        pass
            except (ConnectionError, EOFError):
                pass

    @staticmethod
    def read(conn, size):
        out = bytearray()
        while len(out) < size:
            more = conn.recv(size - len(out))
            if not more:
                raise EOFError
            out += more
        return bytes(out)

    def shake_hands(self, conn):
        """The fixed newstyle negotiation; true once requests may come."""
        conn.sendall(b'NBDMAGICIHAVEOPT' + struct.pack('>H', 1 | 2))
        self.read(conn, 4)
        export = struct.pack('>QH', len(self.data), FLAGS)
        while True:
            _, option, size = struct.unpack('>8sII', self.read(conn, 16))
            self.read(conn, size)
            if option == OPT_EXPORT:
                conn.sendall(export)
                return True

            def reply(kind, text=b''):
                conn.sendall(struct.pack('>QIII', 0x3e889045565a9, option,
                                         kind, len(text)) + text)
            if option in (OPT_INFO, OPT_GO):
                reply(REPLY_INFO, struct.pack('>H', 0) + export)
                reply(REPLY_ACK)
                if option == OPT_GO:
                    return True
            elif option == OPT_ABORT:
                reply(REPLY_ACK)
                return False
            else:
                reply(REPLY_UNKNOWN)

    def is_struck(self):
        self.left -= 1
        return self.left == 0

    def request(self, conn):
        """One request; false at the end, or when the power has failed."""
        _, _, kind, handle, offset, size = struct.unpack(
            '>IHHQQI', self.read(conn, 28))
        answer = struct.pack('>IIQ', 0x67446698, 0, handle)
        if kind == READ:
            conn.sendall(answer + self.data[offset:offset + size])
            return True
        if kind == CLOSE:
            return False
        if kind == WRITE:
            after = self.read(conn, size)
            self.pending.append((offset, self.data[offset:offset + size],
                                 after))
            self.data[offset:offset + size] = after
        if self.is_struck():
            self.strike()
            return False
        if kind == FLUSH:
            self.pending = []
        conn.sendall(answer)
        return True
