# SPDX-License-Identifier: ISC
"""The figures.  Each function yields (what, value, unit, budget); a budget
that is a text like '>10' is a least value, None is none."""
import contextlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
import time

from fake import Fake, Hold, server_context
from peers import Server, wait_port
from pki import Pki
from relay import BUILD, Client, Relay, free_port

BINARY = os.path.join(BUILD, 'default/mailmote')
BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
KIB = b'Subject: alert\r\n\r\n' + (b'x' * 70 + b'\r\n') * 14


class Missing(Exception):
    """Something this machine lacks."""


def need_root():
    if os.getuid() != 0:
        raise Missing('must be root')


@contextlib.contextmanager
def folder():
    """A folder on the disk, not on tmpfs."""
    path = tempfile.mkdtemp(prefix='mailmote-bench-', dir='/var/tmp')
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def relay_at(smarthost, spool, size='1M', start=True, **conf):
    """A daemon whose spool is where it is told."""
    if not os.access(BINARY, os.X_OK):
        raise Missing('%s is not built' % BINARY)
    r = Relay(smarthost, binary=BINARY, log='stderr warning', **conf)
    r.spool = spool
    r.write(spool=spool + (' size=' + size if size else ''))
    try:
        yield r.start() if start else r
        r.stop()
    finally:
        r.close()


@contextlib.contextmanager
def fake_host(**words):
    f = Fake(**words)
    try:
        yield f
    finally:
        f.stop()


def clear(host):
    return 'smtp://127.0.0.1:%d tls=off' % host.port


def rollup(pid):
    """KiB of a process: {field: value}."""
    with open('/proc/%d/smaps_rollup' % pid) as f:
        words = [line.split() for line in f]
    return {w[0].rstrip(':'): int(w[1]) for w in words if w[-1] == 'kB'}


def private(pid):
    """Private memory in KiB.  The text of a static program is one process's
    alone, but it is the file's pages (dirty while the file is new): what is
    Anonymous is the program's own."""
    return rollup(pid)['Anonymous']


def settled(pid):
    """The least within a second: the connection's end is seen at this end
    before the program has given its buffers back."""
    end = time.monotonic() + 1
    least = private(pid)
    while time.monotonic() < end:
        time.sleep(0.05)
        least = min(least, private(pid))
    return least


def submit(port, count, sender='d@device.test', rcpt='a@example.org',
           data=KIB):
    """count messages through one session, in lock-step."""
    with Client(port) as c:
        c.hello()
        for _ in range(count):
            reply = c.message(sender, [rcpt], data)
            assert reply[:3] == '250', reply


# -- sizes

def size(_):
    budgets = {'tiny': 32, 'default': 144, 'full': 288}
    for name, budget in budgets.items():
        path = os.path.join(BUILD, name, 'mailmote')
        if not os.path.exists(path):
            raise Missing(path + ' is not built')
        yield ('binary ' + name, round(os.stat(path).st_size / 1024, 1),
               'KiB', budget)
    cross = {'armhf': 112, 'mipsel': 176, 'aarch64': None, 'riscv64': None,
             's390x': None}
    for arch, budget in cross.items():
        path = os.path.join(BUILD, 'default-' + arch, 'mailmote')
        if os.path.exists(path):
            yield ('binary default ' + arch,
                   round(os.stat(path).st_size / 1024, 1), 'KiB', budget)


# -- memory

class Peak(threading.Thread):
    """Looks at a process as often as it can."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.value, self.samples = pid, 0, 0
        self.done = threading.Event()
        self.start()

    def run(self):
        while not self.done.is_set():
            self.value = max(self.value, private(self.pid))
            self.samples += 1

    def end(self):
        self.done.set()
        self.join()
        return self.value


def tls_relay(host, pki, where, **more):
    """A relay with Debian's bundle, our root the last of it."""
    bundle = os.path.join(where, 'bundle')
    with open(bundle, 'w') as out:
        for path in (BUNDLE, pki.bundle):
            with open(path) as f:
                out.write(f.read())
    return relay_at('submission://localhost:%d tls=verify' % host.port,
                    os.path.join(where, 'lib', 'spool'), ca=bundle, **more)


def memory(quick):
    """All lines but the last: Private_Dirty of smaps_rollup."""
    need_root()
    queued = 100 if quick else 1000
    with folder() as where:
        pki = Pki(os.path.join(where, 'pki'), ['good'])
        with fake_host(tls=server_context(*pki.pair('good'))) as host:
            with tls_relay(host, pki, where) as r:
                pid = r.process.pid
                yield 'memory idle (Private_Dirty)', \
                    private(pid), 'KiB', 64
                r.send()
                host.wait(lambda: host.sessions[-1].over, 60)
                yield 'memory idle, after a TLS delivery', settled(pid), \
                    'KiB', 64
                hold = host.script['body'] = Hold()
                t = threading.Thread(target=r.send)
                t.start()
                hold.reached.wait(20)
                yield 'memory in a TLS delivery', private(pid), 'KiB', None
                hold.release()
                t.join()
        yield from peak(pki, where + '/b', queued)


def peak(pki, where, queued):
    os.mkdir(where)
    with fake_host(tls=server_context(*pki.pair('good'))) as host:
        dead = free_port()
        with tls_relay(host, pki, where, size='64M', max_message='12M',
                       route='away.test smtp://127.0.0.1:%d tls=off' %
                       dead) as r:
            submit(r.port, queued, rcpt='a@away.test')
            pid = r.process.pid
            yield 'memory with %d queued' % queued, private(pid), 'KiB', None
            watch = Peak(pid)
            submit(r.port, 1, data=b'\r\n' + (b'x' * 70 + b'\r\n') * 145636)
            host.wait_messages(1, 120)
            yield 'memory, peak: TLS, 10 MiB, %d queued' % queued, \
                watch.end(), 'KiB', 192
            yield '  with Private_Clean, its text', sum(
                rollup(pid)[k] for k in ('Private_Dirty', 'Private_Clean')), \
                'KiB', None


# -- times

def started(r):
    began = time.monotonic()
    r.start()
    return time.monotonic() - began


def start(_):
    with folder() as where, fake_host() as host, relay_at(
            clear(host), os.path.join(where, 'lib', 'spool')) as r:
        times = []
        for _ in range(5):
            r.stop()
            times.append(started(r))
        yield 'start to listening, 1 MiB spool', min(times) * 1e3, 'ms', 20


def fill(r, data):
    """Until there is no more room; how many it took."""
    count = 0
    with Client(r.port) as c:
        c.hello()
        while True:
            reply = c.message('d@device.test', ['a@example.org'], data)
            if reply[:3] != '250':
                assert reply.startswith('452 4.3.1'), reply
                return count
            count += 1


def read_by(pid):
    """Bytes that a process has asked for."""
    with open('/proc/%d/io' % pid) as f:
        return int(f.readline().split()[1])


def cpu_of(pid):
    """Seconds that a process has run; other processes do not matter."""
    with open('/proc/%d/schedstat' % pid) as f:
        return int(f.read().split()[0]) / 1e9


def recovery(quick):
    """A ring that is full: the scan, and what is kept of it in memory."""
    need_root()
    for mib in (1, 16) if quick else (1, 16, 64):
        with folder() as where, fake_host() as host, relay_at(
                clear(host), os.path.join(where, 'lib', 'spool'),
                size='%dM' % mib) as r:
            host.stop()
            count = fill(r, KIB if mib == 1 else KIB * 16)
            times, cpu = [], []
            for _ in range(3):
                r.stop()
                times.append(started(r))
                cpu.append(cpu_of(r.process.pid))
            name = '%d MiB, %d queued' % (mib, count)
            yield 'recovery of %s, by CPU time' % name, \
                mib * 1.048576 / min(cpu), 'MB/s', '>200'
            yield '  start to listening', min(times) * 1e3, 'ms', \
                20 if mib == 1 else None
            yield '  bytes read', read_by(r.process.pid) / 1048576, 'MiB', \
                None
            yield '  memory of its own', private(r.process.pid), 'KiB', None


# -- what is written

def counters(r):
    s = r.status()['spool']
    return s['bytes_written'], s['syncs']


def flash(quick):
    count = 20 if quick else 200
    with folder() as where, fake_host() as host, relay_at(
            clear(host), os.path.join(where, 'lib', 'spool'),
            size='4M') as r:
        a = counters(r)
        submit(r.port, count)
        b = counters(r)
        yield 'spool bytes a message, hop up', (b[0] - a[0]) / count, 'B', 0
        host.stop()
        submit(r.port, count)
        c = counters(r)
        yield 'spool bytes a message, hop down', (c[0] - b[0]) / count, 'B', \
            4608
        yield 'syncs a message, one session', (c[1] - b[1]) / count, '', 1
        r.flush()
        d = counters(r)
        yield 'spool bytes a retry round', d[0] - c[0], 'B', 0
        host.start()
        r.flush()
        r.wait_queue(0, 60)
        e = counters(r)
        yield 'spool bytes a message for its delivery', \
            (e[0] - d[0]) / count, 'B', None


def wakeups(quick):
    need_root()
    if not shutil.which('strace'):
        raise Missing('strace')
    span = 10 if quick else 60
    with folder() as where, fake_host() as host, relay_at(
            clear(host), os.path.join(where, 'lib', 'spool')) as r:
        r.send()
        host.wait(lambda: host.sessions[-1].over, 60)
        out = os.path.join(where, 'trace')
        subprocess.run(['timeout', '-s', 'INT', str(span), 'strace', '-f',
                        '-o', out, '-p', str(r.process.pid)],
                       stderr=subprocess.DEVNULL)
        with open(out) as f:
            calls = [x for x in f if '<detached' not in x]
        yield 'system calls in %d idle seconds' % span, len(calls), '', 0


# -- the processor

def cpu_ns(pid):
    """Nanoseconds a process has run."""
    with open('/proc/%d/schedstat' % pid) as f:
        return int(f.read().split()[0])


def cpu(quick):
    count = 100 if quick else 500
    with folder() as where, fake_host() as host, relay_at(
            clear(host), os.path.join(where, 'lib', 'spool'),
            size='8M') as r:
        host.stop()
        r.send()
        mail = b'Subject: alert\n\n' + b'x' * 900 + b'\n'
        words = ['sendmail', '-C', r.file, '-f', 'd@device.test',
                 'a@example.org']
        before = cpu_ns(r.process.pid)
        used = 0.0
        for _ in range(count):
            a = resource.getrusage(resource.RUSAGE_CHILDREN)
            p = subprocess.Popen(words, executable=BINARY,
                                 stdin=subprocess.PIPE)
            p.communicate(mail)
            assert p.returncode == 0
            b = resource.getrusage(resource.RUSAGE_CHILDREN)
            used += b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime
        daemon = (cpu_ns(r.process.pid) - before) / 1e9
        yield 'CPU of a sendmail, hop down: the applet', \
            used / count * 1e3, 'ms', None
        yield '  the daemon', daemon / count * 1e3, 'ms', None
        yield '  both', (used + daemon) / count * 1e3, 'ms', 0.6


class Sink(Server):
    """Postfix's smtp-sink: takes everything."""

    def __init__(self):
        super().__init__()
        path = shutil.which('smtp-sink', path='/usr/sbin:/usr/bin')
        if not path:
            raise Missing('smtp-sink of the package postfix')
        self.port = free_port()
        self.spawn(path, '-u', 'nobody', '127.0.0.1:%d' % self.port, '1024')
        wait_port(self.port, self.process, 'smtp-sink')


def timed(port, count, pid_of):
    began, before = time.monotonic(), pid_of()
    submit(port, count)
    took = time.monotonic() - began
    return count / took, (pid_of() - before) / 1e6 / count


def rate(quick):
    need_root()
    import postfixes
    count = 200 if quick else 2000
    sink = Sink()
    try:
        with folder() as where:
            with relay_at(clear(sink), os.path.join(where, 'lib', 'spool')) \
                    as r:
                submit(r.port, 20)
                ours, each = timed(r.port, count,
                                   lambda: cpu_ns(r.process.pid))
        yield 'messages/s through one session', ours, '/s', None
        yield '  CPU each', each, 'ms', None
        peer = postfixes.Relaying(sink.port)
        try:
            submit(peer.port, 20)
            theirs, _ = timed(peer.port, count // 4, lambda: 0)
        finally:
            peer.stop()
        yield '  Postfix in the same run', theirs, '/s', None
        yield '  times as many', ours / theirs, '', '>10'
    finally:
        sink.stop()


def handshake(_):
    if not shutil.which('valgrind'):
        raise Missing('valgrind')
    with folder() as where:
        pki = Pki(os.path.join(where, 'pki'), ['good', 'ec'])
        none = instructions(where, pki, None)
        for kind, name in (('ec', 'P-256'), ('good', 'RSA 2048')):
            yield 'instructions of a handshake, ' + name, \
                (instructions(where, pki, kind) - none) / 1e6, 'M', None


def instructions(where, pki, kind):
    """Of a one-shot sendmail with or without TLS."""
    tls = server_context(*pki.pair(kind)) if kind else None
    with fake_host(tls=tls) as host:
        target = 'submission://localhost:%d' % host.port if kind else \
            clear(host)
        with relay_at(target, os.path.join(where, 'lib', 'spool'),
                      start=False, ca=pki.bundle) as r:
            p = subprocess.run(
                ['valgrind', '--tool=callgrind',
                 '--callgrind-out-file=/dev/null', BINARY, 'sendmail', '-C',
                 r.file, '-f', 'd@device.test', 'a@example.org'],
                input=KIB, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = p.stderr.decode('utf-8', 'replace')
        m = re.search(r'Collected : (\d+)', text)
        if p.returncode or not m or len(host.messages) != 1:
            raise Missing('valgrind does not run it: ' + text[-200:])
        return int(m.group(1))
