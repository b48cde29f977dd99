#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""lmtp_sink.py SOCKET FOLDER [KEY=REPLY...]: a daemon that only remembers.

Speaks LMTP on a unix socket.  FOLDER/N.env gets the commands of transaction N,
FOLDER/N.msg its message as it was on the wire, dots undone.  A REPLY is a whole
reply line; KEY says to what: greeting, lhlo, mail, data, rcpt:ADDRESS,
dot:ADDRESS; an empty reply closes the connection.  "ready" is printed when it
listens.
"""
import os
import re
import socket
import sys


class Sink:
    def __init__(self, folder, replies):
        self.folder = folder
        self.replies = replies
        self.count = 0

    def session(self, conn):
        self.conn = conn
        self.file = conn.makefile('rb')
        if not self.say('greeting', '220 sink'):
            return
        rcpts = []
        for line in self.file:
            verb = line[:4].upper()
            text = line.decode('latin-1').rstrip('\r\n')
            if not line.endswith(b'\r\n'):
                text += ' (no CRLF)'
            if verb == b'LHLO':
                done = self.say('lhlo', '250-sink\r\n250-PIPELINING\r\n'
                                '250-SIZE 10485760\r\n250-8BITMIME\r\n'
                                '250-XQUEUE\r\n250 ENHANCEDSTATUSCODES')
            elif verb == b'MAIL':
                self.count += 1
                rcpts = []
                self.note(re.sub(r' SIZE=\d+', ' SIZE=N', text))
                done = self.say('mail', '250 2.1.0 ok')
            elif verb == b'RCPT':
                self.note(text)
                address = text[9:-1]
                reply = self.replies.get('rcpt:' + address, '250 2.1.5 ok')
                if reply.startswith('250'):
                    rcpts.append(address)
                done = self.put(reply)
            elif verb == b'DATA':
                done = self.data(rcpts)
            elif verb == b'QUIT':
                self.put('221 2.0.0 bye')
                return
            else:
                self.note(text)
                done = self.put('250 2.0.0 ok')
            if not done:
                return

    def data(self, rcpts):
        if not rcpts:
            return self.put('503 5.5.1 no recipients')
        if not self.say('data', '354 go on'):
            return False
        lines = []
        for line in self.file:
            if line == b'.\r\n':
                break
            lines.append(line[1:] if line.startswith(b'.') else line)
        else:
            self.note('(no final dot)')
            return False
        with open('%s/%d.msg' % (self.folder, self.count), 'wb') as f:
            f.write(b''.join(lines))
        return all(self.put(self.replies.get('dot:' + r, '250 2.0.0 sent'))
                   for r in rcpts)

    def note(self, text):
        with open('%s/%d.env' % (self.folder, max(self.count, 1)), 'a') as f:
            f.write(text + '\n')

    def say(self, key, otherwise):
        return self.put(self.replies.get(key, otherwise))

    def put(self, reply):
        """False: the reply is to close."""
        if reply:
            self.conn.sendall(reply.encode() + b'\r\n')
        return bool(reply) and not reply.startswith('421')


def main():
    path, folder = sys.argv[1:3]
    sink = Sink(folder, dict(w.split('=', 1) for w in sys.argv[3:]))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(8)
    print('ready', flush=True)
    os.close(1)
    while True:
        conn, _ = listener.accept()
        with conn:
            try:
                sink.session(conn)
                conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sink.file.close()


if __name__ == '__main__':
    main()
