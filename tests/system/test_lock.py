# SPDX-License-Identifier: ISC
"""One spool, one lock: who waits for whom, and what is said meanwhile
(DESIGN.md 2.1 and 3.2).  test_race.py has all of it at once."""
import fcntl
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from conftest import need
from fake import Close, Hold
from relay import Client

FROM = ('-f', 'd@device.test', 'a@example.org')


@pytest.fixture
def alone(make_relay, fake):
    return make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                      spool=None)


@pytest.fixture
def spool(alone, fake):
    """A spool with one message that waits."""
    alone.write(spool=alone.spool + ' size=1M')
    fake.stop()
    alone.send('-odq', *FROM)
    fake.start()
    return alone


class Holder:
    """Another program that works on the spool."""

    def __init__(self, relay):
        self.file = open(relay.spool, 'rb')
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def begin(relay, name, *words, stdin=b'Subject: alert\n\nbattery low\n'):
    """A command that is not waited for."""
    p = subprocess.Popen([name, '-C', relay.file, *words],
                         executable=relay.words[0], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(stdin)
    p.stdin.close()
    p.stdin = None
    return p


def end(p, code=0):
    out, err = p.communicate(timeout=20)
    assert p.returncode == code, (p.returncode, err)
    return out, err


def held(fake, step='dot', then=None):
    """The next hop says nothing at a step until it is told to."""
    hold = fake.script[step] = Hold(then)
    return hold


def go_on(fake, hold, step='dot'):
    fake.script.pop(step)
    hold.release()


def test_daemon_waits_for_the_lock(spool, fake):
    """It listens at once, says 451 and 75, and works when it has it."""
    ident = spool.queue()[0]['id']
    with Holder(spool):
        spool.start()
        p = spool.sendmail(*FROM)
        assert p.returncode == 75 and b'held by another' in p.stderr
        with Client(spool.port) as c:
            c.hello()
            assert c.cmd('MAIL FROM:<a@example.org>')[:9] == '451 4.3.0'
        for words in (['queue'], ['flush'], ['hold', ident]):
            p = spool.run(*words)
            assert p.returncode == 75 and not p.stdout
            assert b'held by another' in p.stderr
        p = spool.run('status')
        assert p.returncode in (0, 1) and b'held by another' in p.stdout
        assert 'held by another' in json.dumps(spool.status()['spool'])
    fake.wait_messages(1)
    spool.wait_queue(0)
    spool.send()
    assert len(fake.messages) == 2


def test_daemon_waits_for_a_flush(spool, fake):
    hold = held(fake)
    flush = begin(spool, 'mailmote', 'flush')
    assert hold.reached.wait(15)
    spool.start()
    assert spool.sendmail(*FROM).returncode == 75
    go_on(fake, hold)
    end(flush)
    spool.wait(lambda: spool.sendmail(*FROM).returncode == 0, 'the lock')
    assert [m.header('Subject') for m in fake.messages] == [['alert']] * 2


def test_daemon_ends_while_it_waits(spool):
    with Holder(spool):
        spool.start()
        assert spool.stop() == 0
        assert not os.path.exists(spool.submit)


def test_delivery_needs_no_lock(spool, fake):
    """Deliver first: only what must be stored waits."""
    with Holder(spool):
        spool.send()
        assert len(fake.messages) == 1
        fake.stop()
        p = begin(spool, 'sendmail', *FROM)
        with pytest.raises(subprocess.TimeoutExpired):
            p.wait(.5)
    end(p)
    assert len(spool.queue()) == 2


def test_nobody_waits_for_a_hop_that_hangs(spool, fake):
    """commit-after, then the attempt has 5 s; not the minutes of SMTP."""
    spool.write(commit_after='1s')
    held(fake)
    spool.send('-v', *FROM)
    second = [m for m in spool.queue()
              if m['recipients'][0]['state'] == 'uncertain']
    assert len(second) == 1 and len(spool.queue()) == 2


def test_two_deliver_at_once(spool, fake):
    hold = held(fake)
    both = [begin(spool, 'sendmail', *FROM) for _ in range(2)]
    fake.wait(lambda: sum('DATA' in s.commands for s in fake.sessions) == 2)
    go_on(fake, hold)
    for p in both:
        end(p)
    assert len(fake.messages) == 2


def test_lock_that_never_comes(spool, fake):
    fake.stop()
    with Holder(spool):
        sender, order = begin(spool, 'sendmail', *FROM), \
            begin(spool, 'mailmote', 'flush')
        _, err = end(sender, 75)
        assert b'refused' in err or b'held' in err
        _, err = end(order, 75)
        assert b'held by another' in err
    assert len(spool.queue()) == 1


def test_queue_is_read_beside_a_flush(spool, fake):
    """No daemon, and the lock is taken: what is there can be seen."""
    ident = spool.queue()[0]['id']
    before = spool.spool_bytes()
    hold = held(fake)
    flush = begin(spool, 'mailmote', 'flush')
    assert hold.reached.wait(15)
    assert spool.queue()[0]['id'] == ident
    assert ident.encode() in spool.run(name='mailq').stdout
    assert b'battery low' in spool.run('show', ident).stdout
    assert spool.spool_bytes() == before
    go_on(fake, hold)
    end(flush)
    assert spool.queue() == []


def test_daemon_comes_during_a_delivery(spool, fake):
    """What the one-shot cannot store is the daemon's."""
    hold = held(fake, 'mail', Close('421 4.3.2 not now'))
    p = begin(spool, 'sendmail', *FROM)
    assert hold.reached.wait(15)
    fake.script.pop('mail')
    spool.start()
    fake.wait_messages(1)
    hold.release()
    end(p)
    spool.wait_queue(0)
    assert len(fake.messages) == 2


def test_daemon_comes_for_a_large_message(spool, fake):
    """Part of it was read: it is read again."""
    fake.stop()
    with Holder(spool):
        p = begin(spool, 'sendmail', *FROM,
                  stdin=b'Subject: large\n\n' + b'0123456\n' * 10000)
        with pytest.raises(subprocess.TimeoutExpired):
            p.wait(.3)
        spool.start(wait=False)
        spool.wait(lambda: os.path.exists(spool.submit), 'the socket')
    code = p.wait(20)
    assert code in (0, 75)
    fake.start()
    spool.wait(lambda: spool.run('flush').returncode == 0, 'the lock')
    fake.wait_messages(2 if code == 0 else 1)
    spool.wait_queue(0)
    large = [m for m in fake.messages if m.header('Subject') == ['large']]
    assert len(large) == (code == 0)
    for m in large:
        assert m.body == b'0123456\r\n' * 10000


def test_daemon_ends_while_somebody_knocks(spool, fake):
    """Nobody was greeted: the caller does it itself."""
    hold = held(fake)
    spool.start()
    assert hold.reached.wait(15)
    spool.signal(signal.SIGTERM)
    spool.wait_log('ending')
    p = begin(spool, 'sendmail', *FROM)
    with pytest.raises(subprocess.TimeoutExpired):
        p.wait(.3)
    go_on(fake, hold)
    assert spool.ended() == 0
    end(p)
    fake.wait_messages(2)
    assert spool.queue() == []


def test_stale_sockets(spool, fake):
    spool.start()
    spool.wait_queue(0)
    spool.kill()
    assert os.path.exists(spool.submit) and os.path.exists(spool.control)
    spool.send()
    assert spool.queue() == []
    assert spool.run('status').returncode == 2
    spool.start()
    spool.send()
    assert len(fake.messages) == 3


@pytest.mark.parametrize('who', ('mailmote', 'sendmail'))
def test_holder_is_killed(spool, fake, who):
    hold = held(fake)
    words = ['flush'] if who == 'mailmote' else ['-q']
    p = begin(spool, who, *words)
    assert hold.reached.wait(15)
    p.kill()
    p.communicate()
    go_on(fake, hold)
    fake.wait_messages(1)
    spool.flush()
    assert len(fake.messages) == 2 and spool.queue() == []


def test_second_daemon(spool, fake):
    spool.start()
    p = spool.run('daemon')
    assert p.returncode == 75 and b'another daemon' in p.stderr
    spool.send()
    assert spool.status()['queue']['messages'] == 0
    assert len(fake.messages) == 2


def test_many_daemons_find_a_stale_socket(spool, fake):
    """One of them works, and the sockets lead to it."""
    spool.write(listen='none')
    spool.start()
    spool.wait_queue(0)
    for _ in range(5):
        spool.kill()
        many = [begin(spool, 'mailmote', 'daemon', stdin=b'')
                for _ in range(4)]
        ended = []
        for p in many:
            threading.Thread(target=lambda p=p, ended=ended: (
                p.communicate(), ended.append(p))).start()
        spool.wait(lambda: len(ended) == 3, 'three daemons to give up')
        assert {p.returncode for p in ended} == {75}
        one, = [p for p in many if p not in ended]
        spool.process = one
        spool.wait_listening()
        spool.send()
    assert len(fake.messages) == 6


def test_socket_of_somebody_else(spool, fake):
    """Alive, but no mailmote: nothing is taken from it."""
    os.makedirs(os.path.dirname(spool.submit), exist_ok=True)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(spool.submit)
        os.chmod(spool.submit, 0o666)
        s.listen(4)
        assert spool.run('daemon').returncode == 75
    os.unlink(spool.submit)


@pytest.fixture
def device(alone):
    """A loop device as the spool, zeroed."""
    need(os.getuid() == 0, 'root')
    image = os.path.join(alone.base, 'image')
    with open(image, 'wb') as f:
        f.truncate(1 << 20)
    p = subprocess.run(['losetup', '--show', '-f', image],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(p.returncode == 0, 'a loop device')
    name = p.stdout.decode().strip()
    yield name
    subprocess.run(['losetup', '-d', name], check=True)


def test_device_has_the_lock_too(alone, fake, device):
    os.chown(device, 65534, -1)
    alone.write(spool=device)
    alone.spool = device
    fake.stop()
    alone.send()
    fake.start()
    with Holder(alone):
        alone.start()
        assert alone.sendmail(*FROM).returncode == 75
    fake.wait_messages(1)
    alone.wait_queue(0)
    p = alone.run('daemon')
    assert p.returncode == 75
    alone.stop()
