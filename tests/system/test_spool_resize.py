# SPDX-License-Identifier: ISC
"""`spool PATH size=N` with another N than before: the mail stays."""
import os

import pytest

from fault import Fault, build
from fake import Reply
from relay import Client

BODY = b'0123456789abcde\r\n'


@pytest.fixture
def down(make_relay, fake):
    """A relay, not started, whose hop is down until flush()."""
    fake.script['greeting'] = Reply('421 4.3.2 down')
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       max_message='40K')
    sized(relay, '256K')
    return relay


def sized(relay, size):
    relay.write(spool=relay.spool + (' size=' + size if size else ''))


def send(relay, first, count, lines=100):
    with Client(relay.port) as c:
        c.hello()
        for i in range(first, first + count):
            reply = c.message('d@device.test', ['a@example.org'],
                              b'Subject: %d\r\n\r\n' % i + BODY * lines)
            assert reply[:3] == '250', reply


def size_of(relay):
    status = relay.status()
    assert status['spool']['path'] == relay.spool
    return os.path.getsize(relay.spool)


def drained(relay, fake, count):
    """Everything that was taken arrives, once and whole."""
    fake.script.clear()
    relay.flush()
    relay.wait_queue(0)
    assert sorted(int(m.header('Subject')[0]) for m in fake.messages) == \
        list(range(count))
    assert all(m.body in (BODY * 100, BODY * 2200) for m in fake.messages)


def test_grows_and_shrinks_with_mail_in_it(down, fake):
    down.start()
    assert size_of(down) == 256 << 10
    send(down, 0, 9)
    send(down, 9, 1, 2200)
    small = down.status()['queue']['capacity_bytes']
    for size, wanted in (('1M', 1 << 20), ('192K', 192 << 10), ('2M', 2 << 20),
                         ('256K', 256 << 10)):
        down.stop()
        sized(down, size)
        since = len(down.lines)
        down.start()
        assert size_of(down) == wanted
        down.wait_log(r'spool: now of %d frames' % (wanted // 4096),
                      since=since)
        assert len(down.queue()) == 10
        assert os.listdir(os.path.dirname(down.spool)) == ['spool']
        st = os.stat(down.spool)
        assert st.st_mode & 0o7777 == 0o600
    assert down.status()['queue']['capacity_bytes'] == small
    send(down, 10, 5)
    # The same again: nothing is done any more.
    down.kill()
    since = len(down.lines)
    down.start()
    assert not [x for x in down.lines[since:] if 'frames' in x]
    drained(down, fake, 15)


def test_marks_in_memory_go_along(down, fake):
    """Sent, killed before flash knows it, resized: not sent again."""
    down.start()
    send(down, 0, 5)
    fake.script.clear()
    down.flush()
    down.wait_queue(0)
    down.kill()
    sized(down, '512K')
    down.start()
    assert size_of(down) == 512 << 10
    assert down.queue() == []
    drained(down, fake, 5)


def test_too_much_waits(down, fake):
    """Refused with the reason; applied when a start finds it can be."""
    down.start()
    send(down, 0, 30)
    down.stop()
    sized(down, '64K')
    down.write(max_message='10K')
    down.start()
    assert size_of(down) == 256 << 10
    down.wait_log(r'the mail that waits does not fit: it keeps 64 frames '
                  r'instead of 16')
    assert b'its file has 262144 bytes' in down.run('check').stdout
    assert len(down.queue()) == 30
    drained(down, fake, 30)
    down.stop()
    down.start()
    assert size_of(down) == 64 << 10
    assert b'its file has' not in down.run('check').stdout
    down.send()


def test_without_a_size_it_keeps_its_own(down, fake):
    down.start()
    send(down, 0, 3)
    down.stop()
    sized(down, '')
    down.start()
    assert size_of(down) == 256 << 10
    drained(down, fake, 3)


def test_done_by_a_sendmail_alone(down, fake):
    down.start()
    send(down, 0, 3)
    down.stop()
    sized(down, '512K')
    assert down.run('flush').returncode == 0
    assert os.path.getsize(down.spool) == 512 << 10
    assert len(down.run('queue', '--json').stdout.splitlines()) == 3
    down.start()
    drained(down, fake, 3)


FAULTS = [(kind, error) for kind in ('write', 'sync', 'open', 'rename')
          for error in ('EIO', 'ENOSPC', 'kill')]


@pytest.mark.parametrize('kind, error', FAULTS)
def test_nth_call_fails(down, fake, tmp_path_factory, kind, error):
    """At each call of it: the old ring, or the new one, with all mail."""
    where = str(tmp_path_factory.mktemp('fault'))
    for path in (where, os.path.dirname(where)):
        os.chmod(path, 0o755)
    fault = Fault(build(where), where, ('spool', 'spool.new', 'lib'))
    sized(down, '96K')
    down.write(max_message='10K')
    down.start()
    send(down, 0, 4)
    down.stop()
    n, sizes = 1, [128, 96]
    while True:
        down.env = fault.env
        sized(down, '%dK' % sizes[0])
        fault.arm(kind, n, error)
        down.start(wait=False)
        try:
            down.wait_listening()
            status = down.status()['spool']
            if status['path'] is None:
                assert status['reason']
            else:
                assert len(down.queue()) == 4
            down.stop()
        except AssertionError:
            assert error == 'kill' and fault.fired, down.log()
            assert down.process.wait(15) == -9
            down.process = None
        assert os.path.getsize(down.spool) in (96 << 10, 128 << 10)
        down.env = None
        down.start()
        assert size_of(down) == sizes[0] << 10
        assert len(down.queue()) == 4
        down.stop()
        if not fault.fired:
            break
        sizes.reverse()
        n += 1 if n < 3 else 9
    assert n > 1
    down.start()
    drained(down, fake, 4)
