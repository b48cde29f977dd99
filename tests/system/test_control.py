# SPDX-License-Identifier: ISC
"""queue show remove hold release flush status, mailq (DESIGN.md 2.1, 2.3)."""
import contextlib
import pathlib
import re
import signal
import socket
import threading

import pytest

from fake import Hold, Reply
from relay import LIMIT_S, TOP

ID = re.compile(r'[a-z2-7]{12}')
STATUS = {'version', 'uptime_s', 'clock', 'queue', 'spool', 'counters',
          'routes'}
QUEUE = {'messages', 'bytes', 'capacity_bytes', 'capacity_messages',
         'oldest_s'}
SPOOL = {'path', 'volatile', 'bytes_written', 'writes', 'syncs'}
COUNTERS = {'accepted', 'sent', 'deferred', 'refused', 'expired', 'uncertain',
            'dropped'}
ROUTE = {'pattern', 'nexthop', 'state', 'reason', 'next_attempt_s',
         'last_success_s'}
ENTRY = {'id', 'state', 'age_s', 'size', 'from', 'next_attempt_s',
         'recipients'}
RECIPIENT = {'address', 'state', 'code', 'dsn', 'text'}


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


@pytest.fixture
def waiting(make_relay, fake):
    """Three messages wait for a hop that is down."""
    fake.stop()
    relay = make_relay(clear(fake))
    for i in range(3):
        relay.send(stdin=b'Subject: %d\n\nbody %d\n' % (i, i))
    return relay


def ids(relay):
    return [m['id'] for m in relay.queue()]


def test_status_fields(waiting):
    s = waiting.status()
    assert set(s) == STATUS
    assert set(s['queue']) == QUEUE
    assert set(s['spool']) == SPOOL
    assert set(s['counters']) == COUNTERS
    assert [set(r) for r in s['routes']] == [ROUTE]
    assert s['queue']['messages'] == 3
    assert 0 < s['queue']['bytes'] <= s['queue']['capacity_bytes'] <= 1 << 20
    assert s['queue']['capacity_messages'] > 3
    assert s['counters']['accepted'] == 3 and s['counters']['sent'] == 0
    route, = s['routes']
    assert route['pattern'] == '*' and route['state'] == 'down'
    assert route['last_success_s'] is None
    assert s['spool']['path'] == waiting.spool
    assert s['uptime_s'] >= 0


def test_fields_are_in_the_page():
    page = pathlib.Path(TOP, 'src/cmd/mailmote.8').read_text()
    words = set(re.findall(r'\w+', page.split('.Sh JSON')[1].split('.Sh ')[0]))
    assert (STATUS | QUEUE | SPOOL | COUNTERS | ROUTE | ENTRY |
            RECIPIENT) <= words


def test_queue_fields(waiting):
    found = waiting.queue()
    for m in found:
        assert set(m) == ENTRY
        assert ID.fullmatch(m['id'])
        assert m['state'] == 'queued' and m['from'] == 'dev@device.test'
        assert m['age_s'] >= 0 and m['size'] > 0
        assert 0 < m['next_attempt_s'] <= 5400
        recipient, = m['recipients']
        assert set(recipient) == RECIPIENT
        assert recipient['address'] == 'admin@example.org'
    assert len(set(m['id'] for m in found)) == 3


def test_refusal_in_the_queue(relay, fake):
    fake.script['rcpt'] = Reply('450 4.2.1 "quoted" \\ text\x07')
    relay.send()
    recipient, = relay.queue()[0]['recipients']
    assert recipient['code'] == 450 and recipient['dsn'] == '4.2.1'
    assert '"quoted" \\ text' in recipient['text']


def test_refusal_of_all_mail_in_the_queue(relay, fake):
    """What the hop said to the session stands at each recipient."""
    fake.script['greeting'] = Reply('554 5.3.2 go away')
    relay.send()
    to, = relay.queue()[0]['recipients']
    assert (to['state'], to['code'], to['dsn']) == ('deferred', 554, '5.3.2')
    assert 'go away' in to['text']
    assert '(554 5.3.2 go away)' in relay.run('queue').stdout.decode()


def test_message_in_ram_is_active(make_relay, fake):
    hold = fake.script['mail'] = Hold()
    relay = make_relay(clear(fake), commit_after='60s')
    thread = threading.Thread(target=relay.send)
    thread.start()
    try:
        assert hold.reached.wait(20)
        entry, = relay.queue()
        assert entry['state'] == 'active'
        assert relay.status()['spool']['bytes_written'] == 0
    finally:
        hold.release()
        thread.join()
    assert relay.queue() == []


def test_orders_for_a_message_in_ram(make_relay, fake):
    """It can be read; it cannot be held back, and it is no unknown ID."""
    hold = fake.script['mail'] = Hold()
    relay = make_relay(clear(fake), commit_after='60s')
    body = b'line\n' * 2000
    thread = threading.Thread(target=relay.send,
                              kwargs={'stdin': b'Subject: s\n\n' + body})
    thread.start()
    try:
        assert hold.reached.wait(20)
        ident = relay.queue()[0]['id']
        p = relay.run('show', ident)
        assert p.returncode == 0 and p.stdout.endswith(b'\n\n' + body)
        assert relay.run('flush', ident).returncode == 0
        for command in ('remove', 'hold', 'release'):
            p = relay.run(command, ident)
            assert p.returncode == 75 and b'being delivered' in p.stderr
    finally:
        hold.release()
        thread.join()
    assert len(fake.messages) == 1 and relay.queue() == []


def test_more_clients_than_slots(relay):
    """They wait for the others, and are not turned away."""
    with contextlib.ExitStack() as stack:
        idle = []
        for _ in range(4):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(LIMIT_S)
            s.connect(relay.control)
            s.sendall(b'sta')
            idle.append(s)
        late = stack.enter_context(socket.socket(socket.AF_UNIX))
        late.settimeout(LIMIT_S)
        late.connect(relay.control)
        late.sendall(b'status\n')
        idle[0].sendall(b'tus\n')
        for s in (idle[0], late):
            with s.makefile('rb') as answer:
                assert answer.read().endswith(b'\0' + b'0\n')


def test_queue_as_text(waiting):
    text = waiting.run('queue').stdout.decode()
    for m in waiting.queue():
        assert m['id'] in text
    assert 'admin@example.org' in text and 'dev@device.test' in text
    assert 'refused' in text.lower()


@pytest.mark.parametrize('name, words', [
    ('mailmote', ['queue']), ('mailq', []), ('sendmail', ['-bp'])])
def test_ways_to_list(waiting, name, words):
    text = waiting.run(*words, name=name).stdout.decode()
    assert all(i in text for i in ids(waiting))
    assert re.search(r'^-- \d+ Kbytes in 3 Requests\.$', text, re.M)


@pytest.mark.parametrize('name, words', [
    ('mailmote', ['queue']), ('mailq', []), ('sendmail', ['-bp'])])
def test_empty_list(relay, name, words):
    p = relay.run(*words, name=name)
    assert p.returncode == 0
    assert p.stdout == b'Mail queue is empty\n'
    assert relay.run('queue', '--json').stdout == b''


def test_show(waiting):
    for m in waiting.queue():
        p = waiting.run('show', m['id'])
        assert p.returncode == 0
        assert re.search(rb'^body \d\r?$', p.stdout, re.M)
        assert b'Subject: ' in p.stdout


@pytest.mark.parametrize('command', ['show', 'remove', 'hold', 'release',
                                     'flush'])
@pytest.mark.parametrize('ident, code', [('aaaaaaaaaaaa', 65),
                                         ('k7x2m5qhta3w', 65), ('x', 65)])
def test_unknown_id(waiting, command, ident, code):
    p = waiting.run(command, ident)
    assert p.returncode == code and p.stderr and not p.stdout
    assert len(waiting.queue()) == 3


@pytest.mark.parametrize('death', [None, 'kill'])
def test_remove(waiting, fake, death):
    """Without a bounce, for ever: synced before the answer."""
    first, second, third = ids(waiting)
    assert waiting.run('remove', first, third).returncode == 0
    if death:
        waiting.kill()
        waiting.start()
    assert ids(waiting) == [second]
    fake.start()
    waiting.flush()
    waiting.wait_queue(0)
    assert len(fake.messages) == 1


def test_remove_all(waiting, fake):
    assert waiting.run('remove', '--all').returncode == 0
    assert waiting.queue() == []
    fake.start()
    waiting.flush()
    assert fake.messages == []


@pytest.mark.parametrize('death', [None, 'kill', 'stop'])
def test_hold_and_release(waiting, fake, death):
    first = ids(waiting)[0]
    assert waiting.run('hold', first).returncode == 0
    if death:
        getattr(waiting, death)()
        waiting.start()
    states = {m['id']: m['state'] for m in waiting.queue()}
    assert states.pop(first) == 'held'
    assert set(states.values()) <= {'queued', 'active'}
    fake.start()
    waiting.flush()
    waiting.wait_queue(1)
    assert len(fake.messages) == 2
    assert waiting.run('release', first).returncode == 0
    waiting.flush()
    waiting.wait_queue(0)
    assert len(fake.messages) == 3


def test_flush_one(waiting, fake):
    """The operator names a message."""
    fake.start()
    chosen = ids(waiting)[1]
    waiting.flush(chosen)
    assert chosen not in ids(waiting)
    assert fake.messages


@pytest.mark.parametrize('way', ['flush', '-q', 'signal'])
def test_ways_to_flush(waiting, fake, way):
    fake.start()
    if way == 'flush':
        assert waiting.run('flush').returncode == 0
    elif way == '-q':
        assert waiting.run('-q', name='sendmail').returncode == 0
    else:
        waiting.signal(signal.SIGUSR1)
    fake.wait_messages(3)
    waiting.wait_queue(0)
    assert len(fake.messages) == 3


def test_flush_wait_ends_while_the_hop_is_down(waiting):
    waiting.flush()
    assert len(waiting.queue()) == 3


def test_flush_probes_once(make_relay, fake):
    """One connection for all that waits, not one for each."""
    fake.script['greeting'] = Reply('421 4.3.2 closing')
    relay = make_relay(clear(fake))
    for _ in range(4):
        relay.send()
    before = len(fake.sessions)
    relay.flush()
    assert len(fake.sessions) == before + 1


@pytest.mark.parametrize('alarm, code', [('1h', 0), ('1s', 1)])
def test_exit_status_of_status(make_relay, fake, alarm, code):
    """Mail that waits for less than `alarm` is healthy."""
    fake.stop()
    relay = make_relay(clear(fake), alarm=alarm)
    relay.send()
    if code:
        relay.wait(lambda: relay.run('status').returncode == 1, 'an alarm')
    else:
        assert relay.run('status').returncode == 0


def test_status_without_daemon(make_relay):
    relay = make_relay(start=False)
    assert relay.run('status').returncode == 2
    assert relay.run('status', '--json').returncode == 2


def test_status_as_text(waiting):
    text = waiting.run('status').stdout.decode()
    assert 'down' in text and 'refused' in text.lower()
    assert all(len(line) < 200 for line in text.splitlines())


def test_log_line_of_a_delivery(relay, fake):
    relay.send()
    relay.wait_log(
        r'sent id=[a-z2-7]{12} from=<dev@device\.test> '
        r'to=<admin@example\.org> relay=127\.0\.0\.1\[127\.0\.0\.1\]:%d '
        r'.*code=250 dsn=2\.0\.0 delay_s=\d+\.\d+ text="' % fake.port)


def test_peer_text_in_the_log_is_escaped(relay, fake):
    fake.script['dot'] = Reply('250 2.0.0 ok \x1b[31m "evil" id=x')
    relay.send()
    relay.wait_log(r'sent id=')
    line = [x for x in relay.lines if 'sent id=' in x][0]
    assert '\x1b' not in line
    assert '"evil"' not in line.replace('\\"evil\\"', '')


def test_attempts_at_a_dead_route_are_one_line(make_relay, fake):
    """One line a change of state; the attempts are debug."""
    fake.stop()
    relay = make_relay(clear(fake), log='stderr info')
    relay.send()
    seen = len(relay.lines)
    for _ in range(5):
        relay.flush()
    assert len(relay.lines) - seen <= 1, relay.lines


def test_version(relay):
    p = relay.run('version', conf=False)
    assert p.returncode == 0
    assert relay.status()['version'] in p.stdout.decode()
