# SPDX-License-Identifier: ISC
"""A spool without room: what is told, what goes through all the same.

Beside test_limits.py, which fills one with small messages.
"""
import pytest

from fake import Reply
from relay import Client

LINE = b'0123456789abcde\r\n'


def down(fake):
    for step in ('greeting', 'mail'):
        fake.script[step] = Reply('421 4.3.2 down')


@pytest.fixture
def full(make_relay, fake):
    """A daemon whose spool holds as much as it may; the subjects."""
    down(fake)
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       max_message='100K')
    relay.write(spool=relay.spool + ' size=256K')
    relay.start()
    relay.taken = []
    with Client(relay.port) as c:
        c.hello()
        for lines in (2200, 200, 1):
            while submit(c, relay, len(relay.taken), lines):
                pass
    return relay


def submit(c, relay, i, lines):
    """True if it was taken; else 452 4.3.1."""
    reply = c.message('d@device.test', ['a@example.org'],
                      b'Subject: %d\r\n\r\n' % i + LINE * lines)
    if reply[:3] == '250':
        relay.taken.append(str(i))
        return True
    assert reply.startswith('452 4.3.1'), reply
    return False


def all_arrive(relay, fake, more=()):
    fake.script.clear()
    relay.flush()
    relay.wait_queue(0)
    assert sorted(m.header('Subject')[0] for m in fake.messages) == \
        sorted([*relay.taken, *more])


def test_it_says_how_full_it_is(full, fake):
    queue = full.status()['queue']
    assert queue['messages'] == len(full.taken)
    assert 0 < queue['bytes'] <= queue['capacity_bytes']
    assert queue['messages'] <= queue['capacity_messages']
    assert 'faults' not in full.status()['spool']
    all_arrive(full, fake)


def test_large_mail_is_told_at_once_or_behind_the_data(full, fake):
    """By SIZE at MAIL; else when there is no more room; and it goes on."""
    before = full.status()['queue']
    with Client(full.port) as c:
        c.hello()
        reply = c.cmd('MAIL FROM:<d@device.test> SIZE=80000')
        assert reply.startswith('452 4.3.1'), reply
        reply = c.message('d@device.test', ['a@example.org'],
                          b'Subject: no\r\n\r\n' + LINE * 5000)
        assert reply.startswith('452 4.3.1'), reply
        assert c.cmd('NOOP')[:3] == '250'
    p = full.sendmail('a@example.org',
                      stdin=b'Subject: no\n\n' + b'x\n' * 30000)
    assert p.returncode == 75 and b'4' in p.stderr, p
    assert full.status()['queue']['messages'] == before['messages']
    all_arrive(full, fake)


def test_small_mail_goes_through_while_the_hop_takes_it(full, fake):
    """Nothing is written for it, so no room is needed."""
    def later(_, argument):
        return Reply('451 4.2.0 not yet') if 'a@' in argument else None
    fake.script.clear()
    fake.script['rcpt'] = later
    full.flush()
    assert len(full.queue()) == len(full.taken)
    full.send('-f', 'd@device.test', 'b@example.org',
              stdin=b'Subject: new\n\nx\n')
    assert [m.header('Subject')[0] for m in fake.messages] == ['new']
    p = full.sendmail('-f', 'd@device.test', 'a@example.org')
    assert p.returncode == 75, p
    all_arrive(full, fake, ['new'])


def test_a_full_daemon_is_not_bypassed(full, fake):
    """A sendmail gets 75 from it, and leaves hop and spool alone."""
    image, sessions = full.spool_bytes(), len(fake.sessions)
    p = full.sendmail('a@example.org')
    assert p.returncode == 75 and p.stderr, p
    assert full.spool_bytes() == image and len(fake.sessions) == sessions
    all_arrive(full, fake)


def test_sendmail_alone_before_a_full_spool(full, fake):
    """The hop is tried, then 75; with the hop up it is delivered."""
    full.stop()
    p = full.sendmail('a@example.org')
    assert p.returncode == 75 and p.stderr, p
    fake.script.clear()
    full.send('-f', 'd@device.test', 'a@example.org',
              stdin=b'Subject: new\n\nx\n')
    full.start()
    all_arrive(full, fake, ['new'])


def test_room_returns_with_each_message(full, fake):
    """One is removed: as much comes in again."""
    for m in full.queue()[:3]:
        assert full.run('remove', m['id']).returncode == 0
        with Client(full.port) as c:
            c.hello()
            assert submit(c, full, len(full.taken), 1)
    left = len(full.queue())
    assert left == len(full.taken) - 3
    fake.script.clear()
    full.flush()
    full.wait_queue(0)
    assert len(fake.messages) == left


@pytest.mark.parametrize('more', [-1, 0, 1])
def test_the_largest_message(make_relay, fake, more):
    """max-message to the byte, stored while the hop is down."""
    down(fake)
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       max_message='250000')
    relay.write(spool=relay.spool + ' size=1M')
    relay.start()
    data = b'Subject: 0\r\n\r\n' + LINE * 14700
    data += b'x' * (250000 + more - len(data) - 2) + b'\r\n'
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], data)
    if more > 0:
        assert reply.startswith('552 5.3.4'), reply
        assert relay.queue() == []
        return
    assert reply.startswith('250 2.0.0 queued'), reply
    relay.kill()
    relay.start()
    fake.script.clear()
    relay.flush()
    relay.wait_queue(0)
    m, = fake.messages
    assert m.body == data.split(b'\r\n\r\n', 1)[1]


def test_larger_than_an_empty_spool(make_relay, fake):
    """What will never fit is told so for good, at MAIL; half of the ring is
    a little more than what it can hold."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       max_message='512K')
    relay.write(spool=relay.spool + ' size=1M')
    relay.start()
    room = relay.status()['queue']['capacity_bytes']
    with Client(relay.port) as c:
        c.hello()
        reply = c.cmd('MAIL FROM:<d@device.test> SIZE=%d' % (room + 4096))
        assert reply.startswith('552 5.3.4'), reply
        reply = c.cmd('MAIL FROM:<d@device.test> SIZE=%d' % (room - 8192))
        assert reply.startswith('250 '), reply
