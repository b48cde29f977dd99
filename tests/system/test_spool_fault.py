# SPDX-License-Identifier: ISC
"""The Nth read, write, sync, open or rename of the spool fails.

N = 1, 2, ... until a run passes without the fault; each run is a daemon that
finds old mail, is given some while the next hop is down, delivers it when it
is back, and is killed.  A second process without faults then has what was
acknowledged and nothing else: each once over both, to the byte.
"""
import json
import os
import re
import shutil
import tempfile

import pytest

from fault import Fault, build
from fake import Fake, Reply
from relay import SANITIZER, Client, Relay

BODIES = {
    'old': b'battery low\r\n' * 200,
    'older': b'the door is open\r\n' * 150,
    'first': b'battery low\r\n' * 7,
    'big': b'0123456789abcde\r\n' * 2200,
    'last': b'the last one\r\n' * 250,
    'direct': b'the hop is up\r\n',
}
FAULTS = [(kind, error) for kind, errors in {
    'read': ('EIO', 'EINTR', 'short'),
    'write': ('EIO', 'ENOSPC', 'EROFS', 'EINTR', 'short'),
    'sync': ('EIO', 'ENOSPC', 'EROFS', 'EINTR'),
    'open': ('EIO', 'ENOSPC', 'EROFS', 'EINTR'),
}.items() for error in errors]


class Bench:
    """The preloaded library, a scripted hop, a spool with a message."""

    def __init__(self, folder):
        self.folder, self.hop = folder, Fake()
        self.library = build(folder)
        self.image = os.path.join(folder, 'image')
        relay, mail = self.relay(), Mail(self)
        self.down()
        relay.start()
        for name in ('old', 'older'):
            assert mail.submit(relay, name)[:3] == '250'
        relay.stop()
        shutil.copy(relay.spool, self.image)
        self.owner = os.stat(relay.spool)
        relay.close()

    def relay(self, **conf):
        relay = Relay('smtp://127.0.0.1:%d tls=off' % self.hop.port, **conf)
        relay.write(listen='none', spool=relay.spool + ' size=160K',
                    max_message='48K')
        return relay

    def with_old_mail(self):
        """A relay whose spool has one message."""
        relay = self.relay()
        os.mkdir(os.path.dirname(relay.spool))
        shutil.copy(self.image, relay.spool)
        for path in (relay.spool, os.path.dirname(relay.spool)):
            os.chown(path, self.owner.st_uid, self.owner.st_gid)
        return relay

    def fault(self, relay, names=('spool',)):
        fault = Fault(self.library, relay.base, names)
        relay.env = fault.env
        return fault

    def down(self):
        self.hop.script['greeting'] = Reply('421 4.3.2 down')

    def up(self):
        self.hop.script.clear()


class Mail:
    """What was acknowledged, and what has arrived."""

    def __init__(self, bench):
        self.bench, self.taken = bench, set()
        self.seen = len(bench.hop.messages)

    def submit(self, relay, name):
        """One message by the submission socket; the last reply."""
        with Client(relay.submit) as c:
            c.hello()
            reply = c.message('dev@device.test', ['admin@example.org'],
                              b'Subject: %s\r\n\r\n' % name.encode() +
                              BODIES[name])
        assert re.match(r'250 2\.|45[12] 4\.3\.', reply), (name, reply)
        if reply[:3] == '250':
            self.taken.add(name)
        return reply

    def check(self, may_repeat=False):
        """Each of them once, and nothing else."""
        got = self.bench.hop.messages[self.seen:]
        names = [m.header('Subject')[0] for m in got]
        for m, name in zip(got, names):
            assert m.body == BODIES[name], (name, len(m.body))
            assert m.rcpts == ['admin@example.org']
        if may_repeat:
            names = set(names)
        assert sorted(names) == sorted(self.taken), names


@pytest.fixture(scope='module')
def bench():
    folder = tempfile.mkdtemp(prefix='mailmote-fault-', dir='/dev/shm')
    os.chmod(folder, 0o755)
    bench = Bench(folder)
    yield bench
    bench.hop.stop()
    assert not bench.hop.breaches, bench.hop.breaches
    shutil.rmtree(folder)


def clean(relay):
    bad = [x for x in relay.lines if SANITIZER.search(x)]
    assert not bad, '\n'.join(relay.lines[-80:])


def drain(bench, relay):
    """A process without faults delivers what there is."""
    relay.env = None
    bench.up()
    held = [json.loads(line)['id'] for line in
            relay.run('queue', '--json').stdout.splitlines()]
    if held:
        assert relay.run('release', *held).returncode == 0
    p = relay.run('flush')
    assert p.returncode == 0, (p, relay.log())
    p = relay.run('queue')
    assert p.stdout == b'Mail queue is empty\n', (p, relay.log())


def story(bench, relay, mail, fault):
    """The life of a daemon; its status."""
    bench.down()
    relay.start()
    for name in ('first', 'big', 'last'):
        mail.submit(relay, name)
    bench.up()
    assert relay.ask('flush wait')[1] == 0
    # Whatever has become of the spool: the hop is up, so it goes through; but
    # when no queued message can be read none has found out that it is.
    reply = mail.submit(relay, 'direct')
    assert reply[:3] == '250' or fault.calls.count('R') > 5, reply
    text, code = relay.ask('status json')
    assert code in (0, 1)
    return json.loads(text)


def run(bench, kind, n, error, sticky, kill, names=('spool',)):
    """True if the fault came to pass."""
    relay = bench.with_old_mail()
    fault = bench.fault(relay, names)
    mail = Mail(bench)
    mail.taken |= {'old', 'older'}
    try:
        fault.arm(kind, n, error, sticky)
        status = story(bench, relay, mail, fault)
        fault.disarm()
        if kill:
            relay.kill()
        else:
            assert relay.stop() == 0
        clean(relay)
        drain(bench, relay)
        # Without a marks file a kill is as a power cut.
        mail.check('no marks file' in relay.log() and kill)
        if names == ('spool',):
            told(relay, status, fault, kind, error)
        return fault.fired > 0
    except AssertionError as e:
        raise AssertionError('%s %d %s: %s\ncalls %s\n%s' % (
            kind, n, error, e, fault.calls, relay.log()))
    finally:
        if relay.process:
            relay.kill()
        shutil.rmtree(relay.base)


def alone(bench, kind, n, error):
    """The same without a daemon: two sendmails, then a flush."""
    relay = bench.with_old_mail()
    fault = bench.fault(relay)
    mail = Mail(bench)
    mail.taken |= {'old', 'older'}
    fired = 0
    try:
        bench.down()
        for command, name in (('sendmail', 'first'), ('sendmail', 'big'),
                              ('flush', None)):
            fault.arm(kind, n, error)
            if command == 'flush':
                bench.up()
                p = relay.run('flush', env=fault.env)
            else:
                p = relay.sendmail(
                    '-f', 'dev@device.test', 'admin@example.org',
                    stdin=b'Subject: %s\n\n' % name.encode() +
                    BODIES[name].replace(b'\r\n', b'\n'), env=fault.env)
            assert p.returncode in (0, 75), p
            assert p.returncode == 0 or p.stderr, p
            if name and p.returncode == 0:
                mail.taken.add(name)
            fired += fault.fired
            fault.disarm()
            assert 'Ss' not in fault.calls
        drain(bench, relay)
        mail.check()
        return fired
    except AssertionError as e:
        raise AssertionError('%s %d %s: %s\ncalls %s' % (
            kind, n, error, e, fault.calls))
    finally:
        shutil.rmtree(relay.base)


def told(relay, status, fault, kind, error):
    """What is said of it: something, and not too much."""
    # A sync that failed is not made again: something is written before.
    assert 'Ss' not in fault.calls, fault.calls
    spool = status['spool']
    failed = sum(fault.calls.count(c) for c in 'RWSO')
    if not failed or error == 'short' or (
            error == 'EINTR' and kind in ('read', 'write')):
        assert spool['path'] == relay.spool and 'faults' not in spool
        return
    lines = [x for x in relay.lines if re.search(r'spool\b.*error|spool.*: '
                                                 '.*the memory stage', x)]
    if spool['path'] is None:
        assert 'spool' in spool['reason'] and 'faults' not in spool
        assert spool['reason'] in relay.log()
    else:
        assert spool.get('faults', 0) <= failed
    if kind != 'read':
        # A line a message at most, or it was after the status was asked.
        assert len(lines) <= (4 if failed > 1 else 2), lines
        assert lines or 'faults' not in spool, lines


# A clean stop writes marks; what it has to do with the error is always the same.
@pytest.mark.parametrize('kind, error, end', [
    (*fault, end) for fault in FAULTS for end in ('kill', 'stop')
    if end == 'kill' or fault[1] == 'EIO'])
def test_nth_call_fails(bench, kind, error, end):
    n, step = 1, 1
    if kind == 'read':
        # There are many; test_medium_fault.c tries each of the others.
        step = 5 if error == 'EIO' else 29
        n += end == 'stop'
    elif kind == 'write' and error in ('EINTR', 'short'):
        step = 4
    while run(bench, kind, n, error, False, end == 'kill'):
        n += step
    assert n > step


def test_all_is_taken_without_a_fault(bench):
    """So that the faults are in the way of everything."""
    relay = bench.with_old_mail()
    fault = bench.fault(relay)
    mail = Mail(bench)
    fault.arm('none', 0, 'EIO')
    story(bench, relay, mail, fault)
    assert mail.taken | {'old', 'older'} == set(BODIES)
    assert relay.stop() == 0
    relay.close()


@pytest.mark.parametrize('end', ['kill', 'stop'])
@pytest.mark.parametrize('kind, error', [
    ('read', 'EIO'), ('write', 'EROFS'), ('sync', 'EIO')])
def test_all_fail_from_the_nth_on(bench, kind, error, end):
    n, step = 1, 9 if kind == 'read' else 1
    while run(bench, kind, n, error, True, end == 'kill'):
        n += step
    assert n > step


@pytest.mark.parametrize('sticky', [False, True], ids=['one', 'all'])
@pytest.mark.parametrize('kind, error', [
    ('read', 'EIO'), ('write', 'ENOSPC'), ('write', 'short'), ('open', 'EIO'),
    ('sync', 'EIO'), ('rename', 'EROFS')])
def test_nth_call_on_the_marks_file_fails(bench, kind, error, sticky):
    """What was sent is not sent again, though the daemon is killed."""
    n = 1
    while run(bench, kind, n, error, sticky, True, ('marks', 'marks.new')):
        n += 1
    assert n > 1


@pytest.mark.parametrize('kind, error', [
    ('read', 'EIO'), ('write', 'ENOSPC'), ('sync', 'EIO'), ('open', 'EROFS')])
def test_nth_call_fails_without_a_daemon(bench, kind, error):
    n, step = 1, 19 if kind == 'read' else 1
    while alone(bench, kind, n, error):
        n += step
    assert n > step
