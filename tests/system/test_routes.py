# SPDX-License-Identifier: ISC
"""Routes, fail-over lists, a breaker for each hop, one connection."""
import pytest

from fake import Drop, Reply
from relay import Client


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


def state_of(relay, fake):
    """The state of a fake's hop."""
    for route in relay.status()['routes']:
        if str(fake.port) in route['nexthop']:
            return route['state']
    raise AssertionError('no such hop')


@pytest.fixture
def two(make_fake):
    return make_fake(), make_fake()


@pytest.mark.parametrize('trouble', [
    'refused', Drop(), Reply('421 4.3.2 closing'), Reply('554 5.3.2 no')],
    ids=repr)
def test_fail_over_in_file_order(make_relay, two, trouble):
    first, second = two
    if trouble == 'refused':
        first.stop()
    else:
        first.script['greeting'] = trouble
    relay = make_relay([clear(first), clear(second)])
    relay.send()
    assert len(second.messages) == 1 and first.messages == []
    assert relay.status()['spool']['bytes_written'] == 0
    assert state_of(relay, first) == 'down'
    assert state_of(relay, second) == 'up'


def test_healthy_first_hop_takes_all(make_relay, two):
    relay = make_relay([clear(two[0]), clear(two[1])])
    for _ in range(3):
        relay.send()
    assert len(two[0].messages) == 3
    assert two[1].sessions == []


def test_breaker_of_the_first_hop_stays_open(make_relay, two):
    """New mail does not knock at a hop that is down."""
    first, second = two
    first.script['greeting'] = Reply('421 4.3.2 closing')
    relay = make_relay([clear(first), clear(second)])
    for _ in range(3):
        relay.send()
    assert len(first.sessions) == 1
    assert len(second.messages) == 3


def test_all_hops_down_then_the_second_up(make_relay, two):
    first, second = two
    first.stop()
    second.stop()
    relay = make_relay([clear(first), clear(second)])
    relay.send()
    assert len(relay.queue()) == 1
    second.start()
    relay.flush()
    relay.wait_queue(0)
    assert len(second.messages) == 1


def test_refusal_is_not_shopped_around(make_relay, two):
    """A 5xx for the recipient is an answer, not trouble of the hop."""
    first, second = two
    first.script['rcpt'] = Reply('550 5.1.1 nobody')
    relay = make_relay([clear(first), clear(second)])
    p = relay.sendmail('-f', 'dev@device.test', 'admin@example.org')
    assert p.returncode == 69
    assert second.sessions == []


def test_uncertain_message_stays_with_its_fate(make_relay, two):
    """Lost after the final dot: told as uncertain, never dropped."""
    first, second = two
    first.script['dot'] = Drop()
    relay = make_relay([clear(first), clear(second)])
    relay.send()
    assert relay.status()['counters']['uncertain'] == 1
    first.script.clear()
    relay.flush()
    relay.wait_queue(0)
    assert len(first.messages) + len(second.messages) == 2


PATTERNS = [
    ('user@example.org', 'user@example.org', 'user2@example.org'),
    ('example.org', 'any@example.org', 'any@sub.example.org'),
    ('EXAMPLE.org', 'any@Example.ORG', 'any@example.com'),
    ('*.example.org', 'any@sub.example.org', 'any@example.org'),
]


@pytest.mark.parametrize('pattern, match, other', PATTERNS)
def test_pattern_of_the_recipient(make_relay, two, pattern, match, other):
    special, usual = two
    relay = make_relay(clear(usual), route='%s %s' % (pattern,
                                                      clear(special)))
    relay.send('-f', 'dev@device.test', match, other)
    assert [m.rcpts for m in special.messages] == [[match]]
    assert [m.rcpts for m in usual.messages] == [[other]]


def test_pattern_of_the_sender(make_relay, two):
    special, usual = two
    relay = make_relay(clear(usual),
                       route='from:cron@device.test ' + clear(special))
    relay.send('-f', 'cron@device.test', 'a@example.org')
    relay.send('-f', 'dev@device.test', 'b@example.org')
    assert [m.rcpts for m in special.messages] == [['a@example.org']]
    assert [m.rcpts for m in usual.messages] == [['b@example.org']]


def test_smarthost_is_considered_last(make_relay, two):
    special, usual = two
    relay = make_relay(start=False)
    relay.conf['smarthost'] = clear(usual)
    relay.conf['route'] = 'example.org ' + clear(special)
    relay.write()
    with open(relay.file) as f:
        assert f.read().index('smarthost') < 10 ** 6
    relay.start()
    relay.send()
    assert len(special.messages) == 1 and usual.messages == []


def test_one_route_down_does_not_hold_the_other(make_relay, two):
    special, usual = two
    special.stop()
    relay = make_relay(clear(usual), route='example.org ' + clear(special))
    relay.send('-f', 'dev@device.test', 'a@example.org')
    relay.send('-f', 'dev@device.test', 'b@example.com')
    assert len(usual.messages) == 1
    assert len(relay.queue()) == 1


@pytest.mark.parametrize('nexthop, code', [
    ('discard', 0), ('"error:not from here"', 69)])
def test_discard_and_error(make_relay, nexthop, code):
    relay = make_relay(nexthop)
    p = relay.sendmail('-f', 'dev@device.test', 'a@example.org')
    assert p.returncode == code, p.stderr
    if code:
        assert b'not from here' in p.stderr
    assert relay.queue() == []


def test_one_connection_and_one_login_for_the_queue(make_client, secure):
    secure.stop()
    relay = make_client(secure)
    for i in range(20):
        relay.send(stdin=b'Subject: %d\n\nx\n' % i)
    secure.start()
    relay.flush()
    relay.wait_queue(0)
    assert len(secure.messages) == 20
    assert len([s for s in secure.sessions if s.commands]) == 1
    assert len(secure.logins) == 1
    subjects = [m.header('Subject')[0] for m in secure.messages]
    assert sorted(map(int, subjects)) == list(range(20))


def test_a_retry_round_writes_nothing(make_relay, fake):
    fake.stop()
    relay = make_relay(clear(fake))
    relay.send()
    before = relay.status()['spool']
    image = relay.spool_bytes()
    for _ in range(5):
        relay.flush()
    after = relay.status()['spool']
    assert (after['bytes_written'], after['syncs']) == \
        (before['bytes_written'], before['syncs'])
    assert relay.spool_bytes() == image


def test_new_mail_at_a_hop_that_is_down_commits_at_once(make_relay, fake):
    """No wait, no knock: 250 2.0.0 queued."""
    fake.script['greeting'] = Reply('421 4.3.2 closing')
    relay = make_relay(clear(fake), commit_after='60s')
    relay.send()
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], b'\r\nx\r\n')
    assert reply.startswith('250 2.0.0 queued'), reply
    assert len(fake.sessions) == 1
    assert len(relay.queue()) == 2


def test_retry_comes_by_itself(make_relay, fake):
    fake.stop()
    relay = make_relay(clear(fake), retry='1s 2s')
    relay.send()
    fake.start()
    fake.wait_messages(1)
    relay.wait_queue(0)
    assert len(fake.messages) == 1
