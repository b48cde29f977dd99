# SPDX-License-Identifier: ISC
"""Every limit of DESIGN.md 2.4 at limit-1, limit, limit+1."""
import contextlib

import pytest

from fake import Hold
from relay import Client

SESSIONS, LOCAL, RCPTS, RECEIVED = 16, 4, 100, 100
HEADER, ENVELOPE, STAGE = 32768, 8192, 32768


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


@pytest.mark.parametrize('count', [RCPTS - 1, RCPTS, RCPTS + 1])
def test_recipients(relay, fake, count):
    """One more gets 452 4.5.3; the others have their mail."""
    with Client(relay.port) as c:
        c.hello()
        c.cmd('MAIL FROM:<d@device.test>')
        replies = [c.cmd('RCPT TO:<u%d@example.org>' % i)
                   for i in range(count)]
        assert all(r[:3] == '250' for r in replies[:RCPTS])
        assert all(r.startswith('452 4.5.3') for r in replies[RCPTS:])
        assert c.cmd('DATA')[:3] == '354'
        c.send(b'\r\nx\r\n.\r\n')
        assert c.reply()[:3] == '250'
    got = [r for m in fake.messages for r in m.rcpts]
    assert sorted(got) == sorted('u%d@example.org' % i
                                 for i in range(min(count, RCPTS)))


def test_envelope_text(relay, fake):
    """8 KiB of addresses, then 452 4.5.3."""
    tail = '.'.join(['d' * 60, 'd' * 60, 'example.org'])
    with Client(relay.port) as c:
        c.hello()
        c.cmd('MAIL FROM:<d@device.test>')
        taken, said = [], []
        for i in range(RCPTS):
            name = 'user-number-%03d@%s' % (i, tail)
            said.append(c.cmd('RCPT TO:<%s>' % name))
            if said[-1][:3] == '250':
                taken.append(name)
        assert any(r.startswith('452 4.5.3') for r in said)
        text = sum(map(len, taken)) + len('d@device.test')
        assert ENVELOPE - 2 * len(taken[0]) <= text <= ENVELOPE
        assert c.cmd('DATA')[:3] == '354'
        c.send(b'\r\nx\r\n.\r\n')
        assert c.reply()[:3] == '250'
    assert sorted(r for m in fake.messages for r in m.rcpts) == sorted(taken)


def test_envelope_text_by_sendmail(relay, fake):
    """More than one transaction, nobody is left out."""
    tail = '.'.join(['d' * 60, 'd' * 60, 'example.org'])
    names = ['user-number-%03d@%s' % (i, tail) for i in range(100)]
    relay.send('-f', 'd@device.test', *names)
    assert sorted(r for m in fake.messages for r in m.rcpts) == names


def header_of(size):
    """Fields of so many octets in all, CRLF counted, no line too long."""
    out = b'From: d@device.test\r\nMessage-ID: <1@device.test>\r\n'
    out += b'Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n'
    while size - len(out) > 200:
        out += b'X-Fill: ' + b'x' * 90 + b'\r\n'
    return out + b'X-Last: ' + b'y' * (size - len(out) - 10) + b'\r\n'


@pytest.mark.parametrize('size', [HEADER - 1, HEADER, HEADER + 1])
def test_header(relay, fake, size):
    head = header_of(size)
    assert len(head) == size
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'],
                          head + b'\r\nbody\r\n')
        if size > HEADER:
            assert reply.startswith('552 5.3.4'), reply
        else:
            assert reply[:3] == '250', reply
        assert c.cmd('NOOP')[:3] == '250'
    if size > HEADER:
        assert len(fake.messages) == 0
    else:
        fake.wait_messages(1)
        assert head in fake.messages[0].data
        assert fake.messages[0].data.endswith(b'\r\n\r\nbody\r\n')


@pytest.mark.parametrize('size', [HEADER, HEADER + 1])
def test_header_by_sendmail(relay, fake, size):
    p = relay.sendmail('-i', '-f', 'd@device.test', 'a@example.org',
                       stdin=header_of(size) + b'\r\nbody\r\n')
    assert p.returncode == (65 if size > HEADER else 0), p.stderr
    assert len(fake.messages) == (size <= HEADER)


@pytest.mark.parametrize('count', [RECEIVED - 1, RECEIVED, RECEIVED + 1])
def test_received_fields(relay, fake, count):
    head = b'Received: from a by b; x\r\n' * count
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'],
                          head + b'\r\nbody\r\n')
    if count > RECEIVED:
        assert reply.startswith('554 5.4.6'), reply
    else:
        assert reply[:3] == '250', reply
    assert len(fake.messages) == (count <= RECEIVED)
    assert relay.queue() == []


@pytest.mark.parametrize('size', [65535, 65536, 65537])
def test_size(make_relay, fake, size):
    """max-message: told at MAIL, and counted at the end."""
    relay = make_relay(clear(fake), max_message='64K')
    data = b'Subject: x\r\n\r\n'
    while size - len(data) > 200:
        data += b'z' * 98 + b'\r\n'
    data += b'z' * (size - len(data) - 2) + b'\r\n'
    assert len(data) == size
    with Client(relay.port) as c:
        assert 'SIZE 65536' in c.hello()
        reply = c.cmd('MAIL FROM:<d@device.test> SIZE=%d' % size)
        if size > 65536:
            assert reply.startswith('552 5.3.4'), reply
        else:
            assert reply[:3] == '250', reply
        c.cmd('RSET')
        reply = c.message('d@device.test', ['a@example.org'], data)
        if size > 65536:
            assert reply.startswith('552 5.3.4'), reply
        else:
            assert reply[:3] == '250', reply
            fake.wait_messages(1)
            head, body = data.split(b'\r\n\r\n', 1)
            assert head in fake.messages[0].data
            assert fake.messages[0].data.endswith(b'\r\n\r\n' + body)
        assert c.cmd('NOOP')[:3] == '250'
    relay.wait_queue(0)
    assert len(fake.messages) == (size <= 65536)


@pytest.mark.parametrize('size', [65536, 70000])
def test_size_by_sendmail(make_relay, fake, size):
    relay = make_relay(clear(fake), max_message='64K')
    p = relay.sendmail('-f', 'd@device.test', 'a@example.org',
                       stdin=b'Subject: x\n\n' + b'z\n' * (size // 3 - 40))
    if size > 65536:
        assert p.returncode == 65 and b'5.3.4' in p.stderr, p.stderr
    else:
        assert p.returncode == 0, p.stderr
    relay.wait_queue(0)
    assert len(fake.messages) == (size <= 65536)


@contextlib.contextmanager
def busy(address, count, verb='EHLO'):
    """Sessions with an open transaction each."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            c = stack.enter_context(Client(address))
            c.hello(verb)
            assert c.cmd('MAIL FROM:<d@device.test>')[:3] == '250'
            clients.append(c)
        yield clients


@pytest.mark.parametrize('count', [11, 12, 13])
def test_sessions(relay, fake, count):
    """TCP may have all but the reserved ones; then 421 4.3.2."""
    free = SESSIONS - LOCAL
    with busy(relay.port, min(count, free)) as clients:
        if count > free:
            with Client(relay.port) as c:
                assert c.reply().startswith('421 4.3.2')
                assert c.reply() == ''
        for c in clients:
            assert c.cmd('NOOP')[:3] == '250'
        relay.send()
    assert len(fake.messages) == 1


def test_oldest_idle_session_makes_room(relay, fake):
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Client(relay.port)) for _ in range(12)]
        for c in idle:
            c.hello()
        late = stack.enter_context(Client(relay.port))
        late.hello()
        assert idle[0].reply().startswith('421 4.3.2')
        assert idle[1].cmd('NOOP')[:3] == '250'
        assert late.message('d@device.test', ['a@example.org'],
                            b'\r\nx\r\n')[:3] == '250'
    assert len(fake.messages) == 1


def test_full_daemon_is_75_and_never_bypassed(relay, fake):
    with busy(relay.port, SESSIONS - LOCAL), \
            busy(relay.submit, LOCAL, 'LHLO'):
        p = relay.sendmail('-f', 'd@device.test', 'a@example.org')
        assert p.returncode == 75 and p.stderr
    assert fake.sessions == []
    relay.send()


def test_too_many_errors_end_the_session(relay):
    with Client(relay.port) as c:
        c.hello()
        said = []
        for _ in range(50):
            said.append(c.cmd('FOO'))
            if said[-1][:3] == '421':
                break
        assert said[-1][:3] == '421' and c.reply() == ''
    assert 10 <= len(said) <= 40


def test_endless_noop(relay):
    with Client(relay.port) as c:
        c.hello()
        last = ''
        for _ in range(10000):
            last = c.cmd('NOOP')
            if last[:3] != '250':
                break
        assert last[:3] == '421'


@pytest.mark.parametrize('where', ['smtp', 'sendmail'])
def test_spool_full(make_relay, fake, where):
    """452 / 75 and nothing lost; room comes back with the next hop."""
    fake.stop()
    relay = make_relay(clear(fake), spool=None, start=False)
    relay.write(spool=relay.spool + ' size=64K')
    relay.start()
    taken, refused = [], 0
    body = b'z' * 70 + b'\n'
    for i in range(40):
        data = b'Subject: %d\n\n' % i + body * 14
        if where == 'smtp':
            with Client(relay.port) as c:
                c.hello()
                reply = c.message('d@device.test', ['a@example.org'],
                                  data.replace(b'\n', b'\r\n'))
            ok = reply[:3] == '250'
            assert ok or reply.startswith('452 4.3.1'), reply
        else:
            p = relay.sendmail('-f', 'd@device.test', 'a@example.org',
                               stdin=data)
            ok = p.returncode == 0
            assert ok or p.returncode == 75, p.stderr
        if ok:
            taken.append(str(i))
        else:
            refused += 1
            if refused == 3:
                break
    assert refused and len(taken) >= 5
    assert len(relay.queue()) == len(taken)
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    assert sorted(m.header('Subject')[0] for m in fake.messages) == \
        sorted(taken)
    fake.stop()
    relay.send()
    assert len(relay.queue()) == 1


def test_mail_size_that_does_not_fit_the_spool(make_relay, fake):
    """452 already at MAIL when SIZE tells."""
    fake.stop()
    relay = make_relay(clear(fake), start=False)
    relay.write(spool=relay.spool + ' size=256K', max_message='100K')
    relay.start()
    big = b'Subject: x\n\n' + b'z\n' * 30000
    assert relay.sendmail('-f', 'd@device.test', 'a@example.org',
                          stdin=big).returncode == 0
    with Client(relay.port) as c:
        c.hello()
        reply = c.cmd('MAIL FROM:<d@device.test> SIZE=100000')
    assert reply.startswith('452 4.3.1'), reply


def test_second_message_that_needs_the_spill(make_relay, fake):
    """One message is spilled at a time; the other waits, or gets 452."""
    relay = make_relay(clear(fake), start=False)
    relay.write(spool=relay.spool + ' size=4M')
    relay.start()
    body = b'z' * 70 + b'\r\n'
    with Client(relay.port) as a, Client(relay.port) as b:
        for c in (a, b):
            c.hello()
            for line in ('MAIL FROM:<d@device.test>',
                         'RCPT TO:<a@example.org>', 'DATA'):
                c.cmd(line)
        a.send(b'Subject: a\r\n\r\n' + body * 1000)
        b.send(b'Subject: b\r\n\r\n' + body * 1000)
        a.send(b'.\r\n')
        assert a.reply()[:3] == '250'
        b.send(b'.\r\n')
        reply = b.reply()
        assert reply[:3] == '250' or reply.startswith('452 4.3.1')
    relay.wait_queue(0)
    assert len(fake.messages) == 1 + (reply[:3] == '250')


def test_message_that_waits_leaves_the_stage(make_relay, fake):
    """A stage that is full of messages in flight spills to the spool."""
    hold = fake.script['mail'] = Hold()
    relay = make_relay(clear(fake), commit_after='30s')
    body = b'\r\n' + (b'z' * 70 + b'\r\n') * 200
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(4):
            c = stack.enter_context(Client(relay.port))
            c.hello()
            for line in ('MAIL FROM:<d@device.test>',
                         'RCPT TO:<a@example.org>', 'DATA'):
                assert c.cmd(line)[:1] in '23'
            c.send(body + b'.\r\n')
            clients.append(c)
        assert hold.reached.wait(20)
        fake.script.clear()
        hold.release()
        for c in clients:
            assert c.reply()[:3] == '250'
    relay.wait_queue(0)
    assert len(fake.messages) == 4
