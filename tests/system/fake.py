# SPDX-License-Identifier: ISC
"""A next hop that does as it is told, step by step.

The script is a table {step: action, or a list of them used one after the
other}.  Steps: greeting ehlo helo starttls handshake auth mail rcpt data body
dot rset noop quit.  A step that is not in the table, or whose list is used
up, is answered as a good server would.  An action is one of the classes
below, or a function of (session, argument) that returns one or None.
Everything that happens is recorded: sessions, commands, messages to the byte.
"""
import base64
import re
import socket
import ssl
import struct
import threading
import time

import wire

GOOD = {
    'greeting': '220 fake.test ESMTP', 'starttls': '220 2.0.0 go ahead',
    'auth': '235 2.7.0 welcome', 'mail': '250 2.1.0 sender ok',
    'rcpt': '250 2.1.5 recipient ok', 'data': '354 go on',
    'dot': '250 2.0.0 queued as FAKE', 'rset': '250 2.0.0 reset',
    'noop': '250 2.0.0 ok', 'quit': '221 2.0.0 bye',
    'helo': '250 fake.test',
}


class Gone(Exception):
    """The session is over."""


class Reply:
    """Answer with these lines instead (CRLF is added)."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return 'Reply(%.40r)' % self.text


class Raw:
    """Send these bytes as they are, in one segment, then go on."""

    def __init__(self, data):
        self.data = data


class Slow:
    """The good answer, or this one, each byte in a segment of its own."""

    def __init__(self, text=None):
        self.text = text


class Drop:
    """Close the connection instead of answering; reset: with a RST."""

    def __init__(self, reset=False):
        self.reset = reset

    def __repr__(self):
        return 'Drop(reset)' if self.reset else 'Drop'


class Close:
    """Answer with these lines, then close the connection."""

    def __init__(self, text):
        self.text = text


class Hold:
    """Say nothing until release(), then go on with `then`, or as good."""

    def __init__(self, then=None):
        self.then = then
        self.reached = threading.Event()
        self._go = threading.Event()

    def release(self):
        self._go.set()

    def wait(self, session):
        self.reached.set()
        while not self._go.wait(0.05):
            if session.server.closing:
                raise Gone()


class Message:
    """One message: envelope, bytes as on the wire, bytes without stuffing."""

    def __init__(self, session, sender, rcpts, wire):
        self.session, self.sender, self.rcpts = session, sender, rcpts
        self.wire = wire
        self.data = re.sub(rb'(?m)(\A|(?<=\r\n))\.', b'', wire)
        self.params = session.params

    def header(self, name):
        """The values of a field, unfolded."""
        head = self.data.split(b'\r\n\r\n', 1)[0]
        head = re.sub(rb'\r\n[ \t]+', b' ', head).decode('latin-1')
        return [line.split(':', 1)[1].strip() for line in head.split('\r\n')
                if line.lower().startswith(name.lower() + ':')]

    @property
    def body(self):
        return self.data.split(b'\r\n\r\n', 1)[1]


class Session(threading.Thread):
    """One connection."""

    def __init__(self, server, sock, number):
        super().__init__(daemon=True)
        self.server, self.sock, self.number = server, sock, number
        self.pending = b''
        self.tls = None
        self.commands, self.dialogue = [], []
        self.clear = b''
        self.user = None
        self.sender, self.rcpts, self.params = None, [], ''
        self.fault = None
        self.over = False

    # -- bytes

    def send(self, data):
        self.dialogue.append(('S', data))
        try:
            self.sock.sendall(data)
        except (OSError, ValueError):
            raise Gone()

    def fill(self):
        try:
            data = self.sock.recv(65536)
        except (OSError, ValueError):
            data = b''
        if not data:
            raise Gone()
        if not self.tls:
            self.clear += data
        self.pending += data

    def line(self):
        while b'\n' not in self.pending:
            self.fill()
        line, self.pending = self.pending.split(b'\n', 1)
        line += b'\n'
        self.dialogue.append(('C', line))
        return line

    def drop(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack('ii', 1, 0))
        raise Gone()

    # -- the table

    def choose(self, step, argument=''):
        """What the script says of a step; None: be good."""
        action = self.server.take(step, self, argument)
        while isinstance(action, Hold):
            action.wait(self)
            action = action.then
        return action

    def act(self, step, good, argument=''):
        """Do what the script says at a step; the answer's text."""
        return self.perform(self.choose(step, argument), good)

    @staticmethod
    def text_of(action, good):
        """What perform() will answer; '' when it closes instead."""
        if action is None:
            return good
        if isinstance(action, Raw):
            return action.data.decode('latin-1')
        return getattr(action, 'text', '') or \
            (good if isinstance(action, Slow) else '')

    def perform(self, action, good):
        text = self.text_of(action, good)
        if isinstance(action, Drop):
            self.drop(action.reset)
        elif isinstance(action, Raw):
            self.send(action.data)
        elif isinstance(action, Slow):
            for byte in text.encode() + b'\r\n':
                self.send(bytes([byte]))
        else:
            self.send(text.encode('latin-1') + b'\r\n')
        if isinstance(action, Close):
            raise Gone()
        return text

    # -- the conversation

    def run(self):
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.implicit:
                self.handshake()
            self.serve()
        except Gone:
            pass
        except Exception as e:  # a fault of the test itself: keep it
            self.fault = e
            raise
        finally:
            try:
                self.sock.close()
            except OSError:
                pass
            self.over = True
            self.server.notice()

    def handshake(self):
        action = self.choose('handshake')
        if isinstance(action, Drop):
            self.drop(action.reset)
        if isinstance(action, Raw):
            self.send(action.data)
            while True:
                self.fill()
        try:
            self.sock = self.server.tls.wrap_socket(self.sock,
                                                    server_side=True)
        except (OSError, ValueError) as e:
            self.dialogue.append(('!', str(e).encode()))
            raise Gone()
        self.tls = self.sock.version()
        self.resumed = self.sock.session_reused

    def ehlo_lines(self):
        lines = ['fake.test'] + list(self.server.extensions)
        if self.server.tls and not self.tls and not self.server.implicit:
            lines.append('STARTTLS')
        if self.server.users and (self.tls or self.server.auth_clear):
            lines.append('AUTH ' + self.server.mechanisms)
        lines = ['250-' + line for line in lines]
        lines[-1] = '250 ' + lines[-1][4:]
        return '\r\n'.join(lines)

    def serve(self):
        text = self.act('greeting', GOOD['greeting'])
        if not text.startswith('220'):
            while True:
                self.one()
        while True:
            self.one()

    def one(self):
        line = self.line()
        if not line.endswith(b'\r\n'):
            self.server.breach('bare LF in a command', line)
        text = line.strip().decode('latin-1')
        self.commands.append(text)
        verb, _, argument = text.partition(' ')
        name = 'do_' + verb.lower()
        self.server.notice()
        getattr(self, name, self.do_unknown)(argument)

    def do_unknown(self, _):
        self.send(b'500 5.5.1 what?\r\n')

    def do_ehlo(self, argument):
        self.sender, self.rcpts = None, []
        self.act('ehlo', self.ehlo_lines(), argument)

    do_lhlo = do_ehlo

    def do_helo(self, argument):
        self.act('helo', GOOD['helo'], argument)

    def do_starttls(self, argument):
        if self.act('starttls', GOOD['starttls'], argument)[:1] == '2':
            self.pending = b''
            self.handshake()

    def do_auth(self, argument):
        if not self.server.users:
            self.send(b'503 5.5.1 no AUTH here\r\n')
            return
        mechanism, _, initial = argument.partition(' ')
        if mechanism.upper() == 'LOGIN':
            user = self.ask(b'334 VXNlcm5hbWU6\r\n', initial)
            password = self.ask(b'334 UGFzc3dvcmQ6\r\n', '')
        else:
            parts = self.ask(b'334 \r\n', initial).split('\0')
            if len(parts) != 3:
                self.send(b'501 5.5.2 cannot decode\r\n')
                return
            user, password = parts[1:]
        self.server.logins.append((mechanism.upper(), user, password))
        good = GOOD['auth']
        if self.server.users.get(user) != password:
            good = '535 5.7.8 wrong user or password'
        if self.act('auth', good, argument)[:1] == '2':
            self.user = user

    def ask(self, prompt, initial):
        if not initial:
            self.send(prompt)
            initial = self.line().strip().decode('latin-1')
        return base64.b64decode(initial).decode('utf-8')

    def do_mail(self, argument):
        if self.server.users and not self.user and not self.server.open:
            self.send(b'530 5.7.0 log in first\r\n')
            return
        if self.act('mail', GOOD['mail'], argument)[:1] == '2':
            self.sender = re.match(r'(?i)FROM:<([^>]*)>', argument).group(1)
            self.params = argument.partition('>')[2].strip()
            self.rcpts = []

    def do_rcpt(self, argument):
        if self.sender is None:
            self.send(b'503 5.5.1 MAIL first\r\n')
            return
        if self.act('rcpt', GOOD['rcpt'], argument)[:1] == '2':
            self.rcpts.append(re.match(r'(?i)TO:<(.*)>', argument).group(1))

    def do_data(self, argument):
        if not self.rcpts:
            self.act('data', '554 5.5.1 no valid recipients', argument)
            return
        if self.act('data', GOOD['data'], argument)[:3] != '354':
            return
        wire = self.body()
        if re.search(rb'(?<!\r)\n|\r(?!\n)', wire):
            self.server.breach('bare CR or LF in a message', wire)
        message = Message(self, self.sender, self.rcpts, wire)
        self.sender, rcpts, self.rcpts = None, self.rcpts, []
        actions = [self.choose('dot', r) for r in
                   (rcpts if self.server.lmtp else [''])]
        texts = [self.text_of(a, GOOD['dot']) for a in actions]
        if self.server.lmtp:
            message.rcpts = [r for r, t in zip(rcpts, texts) if t[:1] == '2']
        # It is taken before the answer, and when the answer is lost.
        if message.rcpts and any(isinstance(a, Drop) or t[:1] == '2'
                                 for a, t in zip(actions, texts)):
            self.server.keep(message)
        for action in actions:
            self.perform(action, GOOD['dot'])

    def body(self):
        """The bytes between 354 and CRLF.CRLF, dots still stuffed."""
        action = self.choose('body')
        if isinstance(action, Drop):
            while not self.pending:
                self.fill()
            self.drop(action.reset)
        if isinstance(action, Close):
            self.send(action.text.encode() + b'\r\n')
            raise Gone()
        got, self.pending = b'\r\n' + self.pending, b''
        scanned = 0
        while True:
            end = got.find(b'\r\n.\r\n', max(0, scanned - 5))
            if end >= 0:
                break
            scanned = len(got)
            self.fill()
            got, self.pending = got + self.pending, b''
        self.pending = got[end + 5:]
        return got[2:end + 2]

    def do_rset(self, argument):
        self.sender, self.rcpts = None, []
        self.act('rset', GOOD['rset'], argument)

    def do_noop(self, argument):
        self.act('noop', GOOD['noop'], argument)

    def do_quit(self, argument):
        self.act('quit', GOOD['quit'], argument)
        if self.tls:
            # Without a close_notify OpenSSL would not resume the session.
            try:
                self.sock.settimeout(5)
                self.sock.unwrap()
            except (OSError, ValueError):
                pass
        raise Gone()

    @property
    def said(self):
        """The verbs the client used, in order."""
        return [c.split(' ')[0].upper() for c in self.commands]


class Fake:
    """The server; start() and stop() keep the port."""

    def __init__(self, tls=None, implicit=False, users=None, script=None,
                 extensions=('PIPELINING', 'SIZE 20000000', '8BITMIME',
                             'ENHANCEDSTATUSCODES'),
                 mechanisms='PLAIN LOGIN', auth_clear=False, lmtp=False,
                 anonymous=False, port=0, host='127.0.0.1'):
        self.tls, self.implicit, self.users = tls, implicit, users
        self.script = script or {}
        self.extensions, self.mechanisms = extensions, mechanisms
        self.auth_clear, self.lmtp, self.open = auth_clear, lmtp, anonymous
        self.port, self.host = port, host
        self.sessions, self.messages, self.logins = [], [], []
        self.breaches, self.faults = [], []
        self.changed = threading.Condition()
        self.listener = None
        self.closing = True
        self.start()

    # -- life

    def start(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.host, self.port))
        s.listen(64)
        self.port = s.getsockname()[1]
        self.listener, self.closing = s, False
        threading.Thread(target=self.accept, args=(s,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            session = Session(self, sock, len(self.sessions))
            with self.changed:
                self.sessions.append(session)
                self.changed.notify_all()
            session.start()

    def stop(self):
        """The host goes down: connections end, new ones are refused."""
        self.closing = True
        if self.listener:
            try:
                self.listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.listener.close()
            self.listener = None
        for session in self.sessions:
            if not session.over:
                try:
                    session.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.wait(lambda: all(s.over for s in self.sessions))

    # -- the table

    def take(self, step, session, argument):
        with self.changed:
            action = self.script.get(step)
            if isinstance(action, list):
                action = action.pop(0) if action else None
        if callable(action):
            action = action(session, argument)
        return action

    # -- what happened

    def notice(self):
        with self.changed:
            self.changed.notify_all()

    def keep(self, message):
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()
        faults = wire.faults(message.data, 'SMTPUTF8' in message.params)
        if faults:
            self.faults.append((faults, message.data[:2000]))

    def breach(self, what, data):
        self.breaches.append((what, data[-200:]))

    def wait(self, condition, limit_s=15):
        """Until condition() holds; AssertionError after limit_s."""
        end = time.monotonic() + limit_s
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                assert left > 0, 'the fake waited in vain: %s' % self.story()
                self.changed.wait(min(left, 0.2))

    def wait_messages(self, count, limit_s=15):
        self.wait(lambda: len(self.messages) >= count, limit_s)
        return self.messages

    def story(self):
        """All dialogues, for the report of a failed test."""
        out = []
        for s in self.sessions:
            out.append('-- session %d tls=%s' % (s.number, s.tls))
            out += ['%s %.120r' % d for d in s.dialogue]
        return '\n'.join(out[-80:])

    @property
    def commands(self):
        return [c for s in self.sessions for c in s.commands]


def server_context(chain, key):
    """A TLS 1.2 server context of a certificate chain."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(chain, key)
    return c


# -- notices of mail that was refused or relayed


def notices(fake):
    return [m for m in fake.messages if m.sender == '']


def wait_notice(fake, count=1):
    fake.wait(lambda: len(notices(fake)) >= count)
    assert len(notices(fake)) == count
    return notices(fake)[-1]
