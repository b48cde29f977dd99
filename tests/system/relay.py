# SPDX-License-Identifier: ISC
"""One mailmote in a folder of its own: the daemon and its commands."""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get('MAILMOTE_BUILD', os.path.join(TOP, 'build'))
BINARY = os.path.join(BUILD, 'host/mailmote')
LIMIT_S = 15
SANITIZER = re.compile(r'ERROR: AddressSanitizer|LeakSanitizer|runtime error:')
USER = 'nobody'


def free_port():
    """A TCP port nobody listens on."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def as_user(name):
    """A preexec_fn that becomes another user with no extra groups."""
    entry = pwd.getpwnam(name)

    def become():
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    return become


class Relay:
    """Configuration lines are kept in self.conf, {key: value or [values]}."""

    def __init__(self, smarthost=None, folder=None, binary=None, emulator=(),
                 **conf):
        root = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
        self.base = folder or tempfile.mkdtemp(prefix='mailmote-', dir=root)
        os.chmod(self.base, 0o755)
        self.words = [*emulator, binary or BINARY]
        self.port = free_port()
        self.file = os.path.join(self.base, 'mailmote.conf')
        self.submit = os.path.join(self.base, 'run', 'submit')
        self.control = os.path.join(self.base, 'run', 'control')
        self.spool = os.path.join(self.base, 'lib', 'spool')
        self.conf = {
            'hostname': 'device.test', 'domain': 'device.test',
            'listen': '127.0.0.1:%d' % self.port, 'socket': self.submit,
            'control': self.control, 'spool': self.spool + ' size=1M',
            'log': 'stderr debug', 'splay': '0s', 'retry': '1h 2h',
        }
        if os.getuid() == 0:
            self.conf['user'] = USER
        if smarthost:
            self.conf['smarthost'] = smarthost
        self.conf.update({k.replace('_', '-'): v for k, v in conf.items()})
        self.process = None
        self.env = None
        self.lines = []
        self.changed = threading.Condition()
        self.write()

    # -- files

    def write(self, **more):
        """Write the configuration, with changes (None: without the key)."""
        self.conf.update({k.replace('_', '-'): v for k, v in more.items()})
        with open(self.file, 'w') as f:
            for key, value in self.conf.items():
                if value is None:
                    continue
                for v in value if isinstance(value, list) else [value]:
                    f.write('%s %s\n' % (key, v))

    def secret(self, text='sesame', mode=0o600, owner=None):
        """A password file; of the daemon's user if nobody is named."""
        path = os.path.join(self.base, 'secret')
        with open(path, 'w') as f:
            f.write(text + '\n')
        os.chmod(path, mode)
        if os.getuid() == 0:
            entry = pwd.getpwnam(owner or self.conf['user'])
            os.chown(path, entry.pw_uid, entry.pw_gid)
        return path

    def spool_bytes(self):
        """The spool as it is on the medium."""
        with open(self.spool, 'rb') as f:
            return f.read()

    # -- the daemon

    def start(self, wait=True, before=(), fds=()):
        """before: words that run the rest; fds: descriptors it inherits."""
        self.process = subprocess.Popen(
            [*before, *self.words, '-C', self.file, 'daemon'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=self.env, pass_fds=fds)
        threading.Thread(target=self.read_log, args=(self.process.stderr,),
                         daemon=True).start()
        if wait:
            self.wait_listening()
        return self

    def read_log(self, pipe):
        with pipe:
            for line in pipe:
                with self.changed:
                    self.lines.append(line.decode('utf-8', 'replace').rstrip())
                    self.changed.notify_all()

    def wait_listening(self):
        """Until a session on the submission socket is greeted."""
        def ready():
            assert self.process.poll() is None, self.log()
            try:
                with Client(self.submit) as c:
                    c.reply()
                    return c.cmd('QUIT')[:3] == '221'
            except OSError:
                return False
        self.wait(ready, 'the daemon to listen')

    def wait(self, condition, what, limit_s=LIMIT_S):
        """Poll a condition that has no event of its own."""
        end = time.monotonic() + limit_s
        while True:
            value = condition()
            if value:
                return value
            left = end - time.monotonic()
            assert left > 0, 'in vain waited for %s\n%s' % (what, self.log())
            with self.changed:
                self.changed.wait(0.01)

    def wait_log(self, pattern, limit_s=LIMIT_S, since=0):
        """Until a log line matches; the match."""
        def seen():
            for line in self.lines[since:]:
                m = re.search(pattern, line)
                if m:
                    return m
            return None
        return self.wait(seen, 'log line /%s/' % pattern, limit_s)

    def log(self):
        return '\n'.join(self.lines[-60:])

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; the exit status, after its last log line."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.ended()

    def ended(self):
        try:
            code = self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError('the daemon does not end\n' + self.log())
        self.process = None
        return code

    def kill(self):
        """SIGKILL: the process is gone at once."""
        self.signal(signal.SIGKILL)
        self.ended()

    def hup(self):
        """SIGHUP, and until the daemon says something about it."""
        since = len(self.lines)
        self.signal(signal.SIGHUP)
        self.wait(lambda: len(self.lines) > since, 'a word after SIGHUP')
        return since

    def close(self):
        """End of the test: nothing is left, nothing was wrong."""
        try:
            code = self.stop()
            assert code == 0, 'daemon ended with %d\n%s' % (code, self.log())
            bad = [x for x in self.lines if SANITIZER.search(x)]
            assert not bad, '\n'.join(self.lines[-80:])
        finally:
            if self.process:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.base, ignore_errors=True)

    # -- commands

    def run(self, *words, stdin=b'', name='mailmote', user=None, limit_s=20,
            conf=True, env=None):
        """An applet by argv[0]; the finished process, bytes in out, err."""
        path = self.words[-1]
        words = ['-C', self.file, *words] if conf else list(words)
        if len(self.words) > 1:
            line = [*self.words[:-1], '-0', name, path, *words]
            executable = None
        else:
            line, executable = [name, *words], path
        p = subprocess.run(line, executable=executable, input=stdin,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=limit_s, env=env,
                           preexec_fn=as_user(user) if user else None)
        text = p.stderr.decode('utf-8', 'replace')
        assert not SANITIZER.search(text), text
        assert p.returncode >= 0, 'ended by signal %d' % -p.returncode
        return p

    def sendmail(self, *words, stdin=None, **more):
        if stdin is None:
            stdin = b'Subject: alert\n\nbattery low\n'
        return self.run(*words, stdin=stdin, name='sendmail', **more)

    def send(self, *words, **more):
        """sendmail that must succeed."""
        p = self.sendmail(*(words or ('-f', 'dev@device.test',
                                      'admin@example.org')), **more)
        assert p.returncode == 0, (p.returncode, p.stderr, self.log())
        return p

    def ask(self, command):
        """A command on the control socket: what it says, exit code."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT_S)
            s.connect(self.control)
            s.sendall(command.encode() + b'\n')
            said = b''
            while True:
                part = s.recv(65536)
                if not part:
                    break
                said += part
        text, _, code = said.decode().rpartition('\0')
        return text, int(code)

    def status(self):
        p = self.run('status', '--json')
        assert p.returncode in (0, 1), (p.returncode, p.stderr, self.log())
        return json.loads(p.stdout)

    def route(self):
        """The only route of the status."""
        routes = self.status()['routes']
        assert len(routes) == 1, routes
        return routes[0]

    def queue(self):
        p = self.run('queue', '--json')
        assert p.returncode == 0, (p.returncode, p.stderr, self.log())
        return [json.loads(line) for line in p.stdout.splitlines()]

    def flush(self, *words):
        p = self.run('flush', '--wait', *words)
        assert p.returncode == 0, (p.returncode, p.stderr, self.log())

    def wait_queue(self, count, limit_s=LIMIT_S):
        """Until so many messages wait."""
        self.wait(lambda: len(self.queue()) == count,
                  '%d messages in the queue' % count, limit_s)
        return self.queue()


class Client:
    """A raw SMTP or LMTP client that can be impolite."""

    def __init__(self, address):
        unix = isinstance(address, str)
        self.sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.sock.settimeout(LIMIT_S)
        self.sock.connect(address if unix else ('127.0.0.1', address))
        if not unix:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data, split=False):
        """All at once, or each byte in a segment of its own."""
        if not split:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])

    def reply(self):
        """One reply, all lines; '' when the connection is closed."""
        lines = []
        while True:
            while b'\r\n' not in self.pending:
                try:
                    data = self.sock.recv(65536)
                except ConnectionError:
                    data = b''
                if not data:
                    assert not self.pending, self.pending
                    return '\n'.join(lines)
                self.pending += data
            line, self.pending = self.pending.split(b'\r\n', 1)
            lines.append(line.decode('latin-1'))
            if line[3:4] != b'-':
                return '\n'.join(lines)

    def replies(self):
        """All replies until the other side closes."""
        out = []
        while True:
            reply = self.reply()
            if not reply:
                return out
            out.append(reply)

    def cmd(self, line):
        self.send(line.encode('latin-1') + b'\r\n')
        return self.reply()

    def hello(self, verb='EHLO'):
        """Greeting and EHLO; the reply to the latter."""
        assert self.reply()[:3] == '220'
        reply = self.cmd(verb + ' client.test')
        assert reply[:3] == '250', reply
        return reply

    def message(self, sender, rcpts, data):
        """A whole transaction in lock-step; the last reply."""
        for line in ['MAIL FROM:<%s>' % sender,
                     *('RCPT TO:<%s>' % r for r in rcpts)]:
            reply = self.cmd(line)
            if reply[:1] != '2':
                return reply
        reply = self.cmd('DATA')
        if reply[:3] != '354':
            return reply
        self.send(data + b'.\r\n')
        return self.reply()
