# SPDX-License-Identifier: ISC
"""Trouble at every step of the next hop's conversation.

DESIGN.md promise 3 and section 3.1: only a 5xx to MAIL, RCPT or the message
itself refuses mail; all else keeps it, and it arrives once when it can.
"""
import pytest

from fake import Close, Drop, Hold, Raw, Reply, Slow
from relay import Client

GARBAGE = Raw(b'\x00\xffwhat is this\r\n')
FLOOD = Raw(b'250-more\r\n' * 600 + b'250 end\r\n')
LONG = Raw(b'250 ' + b'x' * 100000 + b'\r\n')

# The route is in trouble: nothing is the message's fault.
ROUTE = {
    'greeting': [Reply('421 4.3.2 closing'), Reply('450 4.3.0 later'),
                 Reply('554 5.3.2 no service'), Reply('521 5.3.2 no mail'),
                 Drop(), Drop(reset=True), GARBAGE, LONG],
    'ehlo': [Reply('421 4.3.2 closing'), Reply('451 4.3.0 later'),
             Reply('502 5.5.1 no EHLO'), Reply('550 5.7.1 go away'),
             Drop(), GARBAGE, FLOOD],
    'starttls': [Reply('454 4.7.0 no TLS now'), Reply('501 5.5.4 no'),
                 Reply('421 4.3.2 closing'), Drop(), GARBAGE],
    'handshake': [Drop(), Drop(reset=True), Raw(b'HTTP/1.0 400 Bad\r\n\r\n')],
    'auth': [Reply('454 4.7.0 later'), Reply('535 5.7.8 wrong'),
             Reply('534 5.7.9 too weak'), Reply('550 5.7.30 no basic auth'),
             Reply('535 5.7.139 disabled'), Reply('421 4.3.2 closing'),
             Drop(), GARBAGE],
    'mail': [Reply('421 4.3.2 closing'), Reply('530 5.7.0 log in'),
             Drop(), GARBAGE],
    'rcpt': [Reply('421 4.3.2 closing'), Drop(), GARBAGE],
    'data': [Reply('421 4.3.2 closing'), Drop(), GARBAGE],
    'body': [Drop(), Drop(reset=True), Close('421 4.3.2 closing')],
    'dot': [Reply('421 4.3.2 closing'), GARBAGE],
}

# The message waits; the route may be well.
MESSAGE = {
    'mail': ['450 4.1.8 later', '451 4.3.0 later', '452 4.3.1 full'],
    'rcpt': ['450 4.2.1 later', '451 4.7.1 greylisted', '452 4.5.3 enough'],
    'data': ['451 4.3.0 later', '250 2.0.0 not 354'],
    'dot': ['450 4.0.0 later', '451 4.3.0 later', '452 4.3.1 full'],
}

REFUSED = {
    'mail': ['550 5.1.0 not you', '553 5.1.8 bad sender'],
    'rcpt': ['550 5.1.1 nobody here', '556 5.1.10 no mail'],
    'data': ['554 5.7.1 no', '550 5.7.1 content'],
    'dot': ['554 5.7.1 spam', '552 5.3.4 too big', '550 5.6.0 malformed'],
}

STEPS = ['greeting', 'ehlo', 'starttls', 'handshake', 'auth', 'mail', 'rcpt',
         'data', 'body', 'dot']


def pairs(table):
    return [pytest.param(step, action, id='%s-%s' % (
        step, repr(action)[:24] if not isinstance(action, Raw)
        else 'raw%d' % len(action.data)))
        for step, actions in table.items() for action in actions]


def arrives_once(relay, fake, before=0):
    """The hop is well again: flush, one copy, an empty queue."""
    relay.flush()
    relay.wait_queue(0)
    assert len(fake.messages) == before + 1, fake.story()
    assert b'battery low' in fake.messages[-1].body
    assert fake.messages[-1].rcpts == ['admin@example.org']


@pytest.mark.parametrize('step, action', pairs(ROUTE))
def test_route_trouble_keeps_mail(make_client, secure, step, action):
    secure.script[step] = action
    relay = make_client(secure)
    p = relay.send()
    assert p.returncode == 0
    waiting, = relay.queue()
    assert waiting['state'] == 'queued'
    recipient, = waiting['recipients']
    assert recipient['address'] == 'admin@example.org'
    assert recipient['state'] in ('waiting', 'deferred', 'uncertain')
    route = relay.route()
    assert route['state'] in ('down', 'held'), route
    assert route['reason'], route
    assert relay.status()['counters']['refused'] == 0
    secure.script.clear()
    before = len(secure.messages)
    arrives_once(relay, secure, before)
    assert relay.route()['state'] == 'up'


@pytest.mark.parametrize('step, text', pairs(MESSAGE))
def test_temporary_refusal_keeps_mail(make_client, secure, step, text):
    secure.script[step] = Reply(text)
    relay = make_client(secure)
    relay.send()
    waiting, = relay.queue()
    recipient, = waiting['recipients']
    assert recipient['state'] in ('waiting', 'deferred')
    assert relay.status()['counters']['refused'] == 0
    secure.script.clear()
    arrives_once(relay, secure)


@pytest.mark.parametrize('step, text', pairs(REFUSED))
def test_permanent_refusal_is_the_answer(make_client, secure, step, text):
    secure.script[step] = Reply(text)
    relay = make_client(secure)
    p = relay.sendmail('-f', 'dev@device.test', 'admin@example.org')
    assert p.returncode == 69
    assert text[10:].encode() in p.stderr, p.stderr
    assert relay.queue() == []
    assert relay.status()['counters']['refused'] == 1
    assert relay.status()['spool']['bytes_written'] == 0
    secure.script.clear()
    relay.send()
    assert len(secure.messages) == 1


@pytest.mark.parametrize('step', [s for s in STEPS
                                  if s not in ('handshake', 'body')])
def test_reply_byte_by_byte(make_client, secure, step):
    secure.script[step] = Slow()
    relay = make_client(secure, commit_after='30s')
    relay.send()
    assert relay.queue() == []
    assert len(secure.messages) == 1


@pytest.mark.parametrize('step', STEPS)
def test_silence_commits_and_the_attempt_goes_on(make_client, secure, step):
    """After commit-after the submitter gets a yes; no second attempt."""
    hold = secure.script[step] = Hold()
    relay = make_client(secure, commit_after='1s')
    relay.send()
    assert hold.reached.is_set()
    assert secure.messages == []
    assert len(relay.queue()) == 1
    assert relay.status()['spool']['syncs'] >= 1
    secure.script.clear()
    hold.release()
    secure.wait_messages(1)
    relay.wait_queue(0)
    assert len(secure.messages) == 1
    assert len(secure.sessions) == 1


def test_closed_after_the_final_dot_is_uncertain(make_client, secure):
    """The only case of a duplicate, and it is told as such."""
    secure.script['dot'] = Drop()
    relay = make_client(secure)
    relay.send()
    assert len(secure.messages) == 1
    waiting, = relay.queue()
    assert waiting['recipients'][0]['state'] == 'uncertain'
    assert relay.status()['counters']['uncertain'] == 1
    secure.script.clear()
    arrives_once(relay, secure, before=1)
    assert secure.messages[0].data == secure.messages[1].data


def test_quit_without_reply_is_success(make_client, secure):
    secure.script['quit'] = Drop()
    relay = make_client(secure)
    relay.send()
    secure.wait(lambda: secure.sessions[0].over, 60)
    assert relay.queue() == []
    relay.flush()
    assert secure.commands.count('DATA') == 1


@pytest.mark.parametrize('code', ['500', '502', '504', '550'])
def test_helo_when_ehlo_is_unknown(relay, fake, code):
    fake.script['ehlo'] = Reply(code + ' 5.5.1 no such command')
    relay.send()
    assert fake.sessions[0].said[:3] == ['EHLO', 'HELO', 'MAIL']
    assert fake.messages[0].params == ''


@pytest.mark.parametrize('text', ['250', '250 ', '299 odd', '250-a\r\n250 b'])
def test_terse_and_odd_replies(relay, fake, text):
    for step in ('mail', 'rcpt', 'dot'):
        fake.script[step] = Reply(text)
    relay.send()
    assert len(fake.messages) == 1
    assert relay.queue() == []


@pytest.mark.parametrize('lines, kept', [(511, False), (512, False),
                                         (513, True)])
def test_reply_lines_limit(relay, fake, lines, kept):
    fake.script['mail'] = Reply('250-x\r\n' * (lines - 1) + '250 x')
    relay.send()
    assert len(relay.queue()) == kept
    assert len(fake.messages) == (not kept)


def test_without_pipelining_in_lock_step(make_fake, make_relay):
    """No command leaves before the reply to the one before it."""
    fake = make_fake(extensions=['8BITMIME'])
    early = []

    def watch(session, argument):
        if session.pending:
            early.append(session.pending)
    for step in ('ehlo', 'mail', 'rcpt', 'data'):
        fake.script[step] = watch
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    relay.send('-f', 'dev@device.test', 'a@example.org', 'b@example.org')
    assert early == []
    assert fake.messages[0].rcpts == ['a@example.org', 'b@example.org']


def test_host_without_smtp_service(make_relay, fake):
    """Refused connections hold the route and say so."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    fake.stop()
    relay.send()
    route = relay.route()
    assert route['state'] == 'down' and 'refused' in route['reason'].lower()
    assert 1800 <= route['next_attempt_s'] <= 5400
    fake.start()
    arrives_once(relay, fake)


def test_unknown_host_name_is_not_a_bounce(make_relay):
    relay = make_relay('smtp://no-such-host.invalid tls=off',
                       commit_after='1s')
    relay.send()
    relay.wait(lambda: relay.route()['state'] == 'down', 'the route down')
    waiting, = relay.queue()
    assert waiting['recipients'][0]['state'] in ('waiting', 'deferred')


def test_no_smarthost_at_all(make_relay):
    """Mail waits, and status says why."""
    relay = make_relay()
    relay.send()
    entry, = relay.queue()
    assert entry['recipients'][0]['text'] == 'no route for this recipient'
    p = relay.run('status')
    assert b'smarthost' in p.stdout.lower().replace(b' ', b''), p.stdout


@pytest.mark.parametrize('where', ['127.0.0.1', '0.0.0.0'])
def test_smarthost_is_ourselves(make_relay, where):
    """A fault of the configuration: no message goes round, none bounces."""
    relay = make_relay(start=False)
    relay.write(listen='%s:%d' % (where, relay.port),
                smarthost='smtp://127.0.0.1:%d tls=off' % relay.port)
    relay.start()
    relay.send()
    route = relay.route()
    assert route['state'] == 'held'
    assert route['reason'] == 'the next hop is this relay'
    assert relay.run('status').returncode == 1
    entry, = relay.queue()
    assert entry['recipients'][0]['code'] == 554
    assert len([x for x in relay.lines if ' received id=' in x]) == 1
    with Client(relay.port) as c:
        c.hello()


@pytest.mark.parametrize('step', ['greeting', 'ehlo', 'mail', 'rcpt', 'data'])
def test_timeout_of_a_next_hop(make_relay, fake, step):
    """Its answer is not waited for as long as RFC 5321 has it."""
    hold = fake.script[step] = Hold()
    relay = make_relay('smtp://127.0.0.1:%d tls=off timeout=1s' % fake.port,
                       commit_after='10m')
    try:
        relay.send()
        route = relay.route()
        assert route['state'] == 'down' and 'waiting for' in route['reason']
        assert len(relay.queue()) == 1
    finally:
        hold.release()
