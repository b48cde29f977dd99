# SPDX-License-Identifier: ISC
"""A yes is a yes: through SIGKILL, SIGTERM and restarts, exactly once."""
import collections
import os
import signal

import pytest

from fake import Drop, Hold
from relay import Client

MAIL = b'Subject: x\r\n\r\nbattery low\r\n'


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


def subjects(fake):
    return collections.Counter(m.header('Subject')[0] for m in fake.messages)


def each_once(fake, names):
    assert subjects(fake) == collections.Counter(names), subjects(fake)


def fill(relay, count):
    """Messages 0..count-1 over one SMTP session."""
    with Client(relay.port) as c:
        c.hello()
        for i in range(count):
            reply = c.message('dev@device.test', ['a@example.org'],
                              b'Subject: %d\r\n\r\nbody %d\r\n' % (i, i))
            assert reply.startswith('250 2.0.0'), reply
    return [str(i) for i in range(count)]


@pytest.mark.parametrize('death', ['kill', 'stop'])
def test_queued_mail_survives(make_relay, fake, death):
    fake.stop()
    relay = make_relay(clear(fake))
    names = fill(relay, 3)
    getattr(relay, death)()
    relay.start()
    assert len(relay.queue()) == 3
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    each_once(fake, names)
    getattr(relay, death)()
    relay.start()
    relay.flush()
    assert relay.queue() == []
    each_once(fake, names)


def test_restart_with_200_queued(make_relay, fake):
    fake.stop()
    relay = make_relay(clear(fake))
    names = fill(relay, 200)
    ids = sorted(m['id'] for m in relay.queue())
    assert len(set(ids)) == 200
    relay.kill()
    relay.start()
    assert sorted(m['id'] for m in relay.queue()) == ids
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    each_once(fake, names)
    assert len([s for s in fake.sessions if s.commands]) == 1


def test_restart_sends_what_waits(make_relay, fake):
    """Nobody has to order it."""
    fake.stop()
    relay = make_relay(clear(fake))
    fill(relay, 2)
    relay.stop()
    fake.start()
    relay.start()
    fake.wait_messages(2)
    relay.wait_queue(0)


def test_killed_in_the_middle_of_the_drain(make_relay, fake):
    """The lazy marks on tmpfs: only the one in flight may come twice."""
    fake.stop()
    relay = make_relay(clear(fake))
    names = fill(relay, 10)
    hold = Hold()
    fake.script['dot'] = [None] * 6 + [hold]
    fake.start()
    relay.run('flush')
    assert hold.reached.wait(20)
    assert len(fake.messages) == 6
    relay.kill()
    hold.release()
    fake.wait(lambda: all(s.over for s in fake.sessions))
    fake.script.clear()
    in_flight = len(fake.messages) - 6
    relay.start()
    relay.flush()
    relay.wait_queue(0)
    counts = subjects(fake)
    assert set(counts) == set(names)
    assert sum(counts.values()) <= 10 + in_flight


def test_killed_after_delivery_is_not_repeated(make_relay, fake):
    fake.stop()
    relay = make_relay(clear(fake))
    names = fill(relay, 4)
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    relay.kill()
    relay.start()
    assert relay.queue() == []
    relay.flush()
    each_once(fake, names)


def test_killed_while_the_submitter_waits(make_relay, fake):
    """No answer was given: nothing may be claimed, nothing is harmed."""
    fake.script['mail'] = Hold()
    relay = make_relay(clear(fake), commit_after='60s')
    with Client(relay.port) as c:
        c.hello()
        for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>',
                     'DATA'):
            c.cmd(line)
        c.send(MAIL + b'.\r\n')
        assert fake.script['mail'].reached.wait(20)
        relay.kill()
        assert c.reply() == ''
    fake.script['mail'].release()
    fake.script.clear()
    relay.start()
    assert relay.queue() == []
    relay.send()
    assert len(fake.messages) == 1


@pytest.mark.parametrize('step', ['greeting', 'mail', 'dot'])
def test_sigterm_commits_what_was_accepted(make_relay, fake, step):
    """The final dot was read: 250 queued, then the daemon ends."""
    hold = fake.script[step] = Hold(then=Drop() if step == 'dot' else None)
    relay = make_relay(clear(fake), commit_after='60s')
    with Client(relay.port) as c:
        c.hello()
        for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>',
                     'DATA'):
            c.cmd(line)
        c.send(b'Subject: kept\r\n\r\nx\r\n.\r\n')
        assert hold.reached.wait(20)
        relay.signal(signal.SIGTERM)
        assert c.reply().startswith('250 2')
    assert relay.ended() == 0
    hold.release()
    fake.wait(lambda: all(s.over for s in fake.sessions))
    lost = len(fake.messages)
    fake.script.clear()
    relay.start()
    fake.wait_messages(lost + 1)
    relay.wait_queue(0)
    assert len(fake.messages) == lost + 1
    assert set(subjects(fake)) == {'kept'}


@pytest.mark.parametrize('lines', [
    [], ['MAIL FROM:<d@device.test>'],
    ['MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>', 'DATA']],
    ids=['idle', 'mail', 'data'])
def test_sigterm_in_a_session(relay, fake, lines):
    """421, and what was not accepted was never there."""
    with Client(relay.port) as c:
        c.hello()
        for line in lines:
            assert c.cmd(line)[:1] in '23'
        if 'DATA' in lines:
            c.send(b'Subject: half\r\n\r\nhalf a')
        relay.signal(signal.SIGTERM)
        said = c.replies()
    assert said and said[-1].startswith('421 4.3.2'), said
    assert relay.ended() == 0
    relay.start()
    assert relay.queue() == [] and fake.messages == []


def test_sigterm_sends_421_to_the_submission_socket(relay):
    with Client(relay.submit) as c:
        c.hello('LHLO')
        relay.signal(signal.SIGTERM)
        assert c.reply().startswith('421 4.3.2')
    assert relay.ended() == 0


def test_client_gone_after_the_final_dot(make_relay, fake):
    """It is delivered or committed all the same."""
    hold = fake.script['mail'] = Hold()
    relay = make_relay(clear(fake), commit_after='60s')
    with Client(relay.port) as c:
        c.hello()
        for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>',
                     'DATA'):
            c.cmd(line)
        c.send(MAIL + b'.\r\n')
        assert hold.reached.wait(20)
    hold.release()
    fake.wait_messages(1)
    relay.wait_queue(0)
    assert len(fake.messages) == 1


def test_client_gone_before_the_final_dot(relay, fake):
    with Client(relay.port) as c:
        c.hello()
        for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>',
                     'DATA'):
            c.cmd(line)
        c.send(b'Subject: half\r\n\r\nhalf a')
    relay.send()
    assert len(fake.messages) == 1
    assert relay.queue() == []
    assert relay.status()['counters']['accepted'] == 1


def test_hop_down_is_queued_and_told(make_relay, fake):
    fake.stop()
    relay = make_relay(clear(fake))
    p = relay.send('-v', '-f', 'd@device.test', 'a@example.org')
    assert b'queued' in p.stderr + p.stdout
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], MAIL)
    assert reply.startswith('250 2.0.0 queued')
    assert len(relay.queue()) == 2


def test_listener_is_back_after_each_restart(relay, fake):
    """The sockets of a killed daemon are no obstacle."""
    for _ in range(3):
        relay.kill()
        assert os.path.exists(relay.submit)
        relay.start()
        relay.send()
    assert len(fake.messages) == 3


def test_second_daemon_is_told(relay):
    p = relay.run('daemon', limit_s=90)
    assert p.returncode in (71, 75, 78) and p.stderr
    relay.send()
