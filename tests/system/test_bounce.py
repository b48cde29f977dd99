# SPDX-License-Identifier: ISC
"""Notices to the sender (issue 4 "Bounces"), judged by Python's email."""
import email
import email.policy
import re
import uuid

import pytest

from fake import Drop, Hold, Raw, Reply, notices, wait_notice

SENDER = 'boss@example.com'
STRICT = email.policy.strict.clone(utf8=False)


def refuse(session, argument):
    """Who is refused, for a reason of their name; the first is sent."""
    if argument.startswith('TO:<gone'):
        return Reply('550 5.1.1 no such user')
    if argument.startswith('TO:<later'):
        return Reply('450 4.2.1 come back')


@pytest.fixture
def hop(fake):
    fake.script['rcpt'] = refuse
    return fake


def judged(data):
    """The three parts of a notice in which nothing is wrong."""
    assert max(len(line) for line in data.split(b'\r\n')) <= 998
    assert not re.search(rb'(?<!\r)\n|\r(?!\n)', data)
    notice = email.message_from_bytes(data, policy=STRICT)
    for part in notice.walk():
        assert not part.defects
    assert notice['From'].addresses[0].username == 'MAILER-DAEMON'
    assert notice['Auto-Submitted'] == 'auto-replied'
    assert notice['MIME-Version'] == '1.0'
    assert notice['Subject'] and notice['Date'].datetime
    for name in ('From', 'To', 'Date', 'Message-ID', 'Subject'):
        assert len(notice.get_all(name)) == 1
    assert notice.get_content_type() == 'multipart/report'
    assert notice.get_param('report-type') == 'delivery-status'
    words, status, header = notice.iter_parts()
    assert words.get_content_type() == 'text/plain'
    assert status.get_content_type() == 'message/delivery-status'
    assert header.get_content_type() == 'text/rfc822-headers'
    return notice, words, status.get_payload(), header


def returned(header):
    """The fields of the message that are given back."""
    return email.message_from_bytes(header.get_payload(decode=True),
                                    policy=email.policy.compat32)


def test_what_a_notice_says(relay, hop):
    relay.send('-f', SENDER, 'in@example.org', 'gone1@example.org',
               'gone2@example.org', stdin=(
                   b'Subject: alert\nMessage-ID: <7@x>\n\nsecret\n'))
    got = wait_notice(hop)
    assert got.rcpts == [SENDER]
    assert b'secret' not in got.data
    notice, words, (head, *fields), header = judged(got.data)
    assert notice['To'].addresses[0].addr_spec == SENDER
    assert notice['In-Reply-To'] == '<7@x>'
    assert head['Reporting-MTA'] == 'dns; device.test'
    assert email.utils.parsedate_to_datetime(head['Arrival-Date'])
    assert [f['Final-Recipient'] for f in fields] == [
        'rfc822; gone1@example.org', 'rfc822; gone2@example.org']
    for f in fields:
        assert f['Action'] == 'failed' and f['Status'] == '5.1.1'
        assert f['Diagnostic-Code'] == 'smtp; 550 5.1.1 no such user'
        assert f['Remote-MTA'] == 'dns; [127.0.0.1]'
    text = words.get_content()
    assert 'gone1@example.org' in text and 'no such user' in text
    assert 'in@example.org' not in text
    assert returned(header)['Subject'] == 'alert'
    assert len(returned(header).get_all('Received')) == 1
    relay.wait_queue(0)
    relay.wait_log('returned id=.* from=<> to=<%s> .*code=250' % SENDER)
    counters = relay.status()['counters']
    assert counters['refused'] == 2 and counters['sent'] == 1
    assert counters['dropped'] == counters['expired'] == 0


HOSTILE = [
    b'550 5.1.1 \x1b[2J\x00\xff\xc3\xa9 evil\r\n',
    b'550 5.1.1 "quoted\\" Action: delivered\r\n',
    b'550-5.1.1 one\r\n550-5.1.1 --=_boundary\r\n550 5.1.1 \r\n',
    b'550 5.1.1 ' + b'x' * 480 + b'\r\n',
    b'550 \r\n',
    b'550 2.0.0 fine\r\n',
]


@pytest.mark.parametrize('reply', HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_replies(relay, hop, reply):
    hop.script['rcpt'] = lambda session, argument: (
        Raw(reply) if argument.startswith('TO:<gone') else None)
    relay.send('-f', SENDER, 'in@example.org', 'gone@example.org')
    _, words, (_, field), _ = judged(wait_notice(hop).data)
    assert field['Action'] == 'failed' and field['Status'][0] == '5'
    assert len(field.keys()) == len(set(field.keys()))
    assert field['Diagnostic-Code'].startswith('smtp; 550')
    assert words.get_content().isascii()


HEADERS = {
    'long line': b'X-Long: ' + b'word ' * 1000 + b'\nSubject: s\n',
    'no blanks': b'X-Long: ' + b'y' * 5000 + b'\nSubject: s\n',
    'many folds': b'Subject: s\nX-Fold: a' + b'\n\tb' * 500 + b'\n',
    'boundary': b'Subject: s\n--=_x: y\n--: z\nX: --=_x\n\t--=_x--\n',
    'eight bits': 'Subject: s\nX-Name: Käse =20= \nX-B: é é\n'.encode(),
    'latin': b'Subject: s\nX-Name: K\xe4se\x01\x7f\n',
    'long and 8-bit': b'Subject: s\nX: ' + b'\xe9' * 3000 + b'\n',
}


@pytest.mark.rubbish('hostile headers')
@pytest.mark.parametrize('name', HEADERS)
def test_hostile_headers(relay, hop, name):
    stdin = HEADERS[name] + b'\n--=_x--\nbody\n'
    relay.send('-f', SENDER, 'in@example.org', 'gone@example.org',
               stdin=stdin)
    got = wait_notice(hop)
    assert got.data.isascii()
    _, _, _, header = judged(got.data)
    assert returned(header)['Subject'] == 's'
    assert returned(header)['X-Name'] is None or (
        b'K' in header.get_payload(decode=True))
    if name == 'eight bits':
        assert 'X-Name: Käse =20= \r\nX-B: é é\r\n'.encode() in (
            header.get_payload(decode=True))


def test_a_message_without_a_header(relay, hop):
    """All of it is body: nothing of that is returned."""
    relay.send('-f', SENDER, 'in@example.org', 'gone@example.org',
               stdin=b'just words\nand more\n')
    got = wait_notice(hop)
    _, _, _, header = judged(got.data)
    assert b'words' not in got.data
    assert returned(header)['From']


def test_hop_without_8bitmime(make_fake, make_relay):
    """A notice of an 8-bit message goes there all the same."""
    hop = make_fake(extensions=['PIPELINING'], script={'rcpt': refuse})
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % hop.port)
    relay.send('-odq', '-f', SENDER, 'in@example.org',
               stdin='From: käse@example.com\n\nKäse\n'.encode())
    _, _, (_, field), _ = judged(wait_notice(hop).data)
    assert field['Status'] == '5.6.9'
    assert field['Diagnostic-Code'].startswith('x-mailmote; ')


def test_large_message(relay, hop):
    """Stored before it is sent: refused behind its 250, header returned."""
    hop.script['dot'] = [Reply('554 5.6.0 spam')]
    body = b'Subject: big\n\n' + (b'x' * 70 + b'\n') * 2000
    relay.send('-f', SENDER, 'in@example.org', stdin=body)
    got = wait_notice(hop)
    assert len(got.data) < 3000
    _, _, (_, field), header = judged(got.data)
    assert field['Status'] == '5.6.0'
    assert returned(header)['Subject'] == 'big'
    relay.wait_queue(0)


def test_old_age(make_relay, hop):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % hop.port,
                       lifetime='2s', retry='1s 1s')
    relay.send('-f', SENDER, 'later@example.org')
    got = wait_notice(hop)
    _, words, (_, field), _ = judged(got.data)
    assert field['Action'] == 'failed' and field['Status'] == '4.4.7'
    assert '450' in field['Diagnostic-Code']
    assert 'come back' in words.get_content()
    relay.wait_log('expired id=.* from=<%s>' % SENDER)
    relay.wait_queue(0)
    assert relay.status()['counters']['expired'] == 1
    assert len(notices(hop)) == 1


def test_alias_of_a_local_sender(make_relay, hop):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % hop.port,
                       alias='root admin@example.com')
    relay.send('-f', 'root', 'in@example.org', 'gone@example.org')
    assert wait_notice(hop).rcpts == ['admin@example.com']
    relay.send('-f', 'cron', 'in@example.org', 'gone@example.org')
    relay.wait_log('dropped id=.* from=<cron@')
    assert relay.status()['counters']['dropped'] == 1
    assert relay.queue() == []
    assert len(notices(hop)) == 1


def test_no_bounce_of_a_bounce(relay, hop):
    """The sender's mailbox is gone too: that is the end of it."""
    relay.send('-f', 'gone@example.com', 'in@example.org',
               'gone@example.org')
    relay.wait_log('dropped id=.* from=<gone@example.com>')
    assert relay.queue() == []
    assert notices(hop) == []
    assert str(hop.commands).count('MAIL FROM:<>') == 1


@pytest.mark.parametrize('step, end', [
    ('mail', 'kill'), ('rcpt', 'kill'), ('data', 'kill'), ('data', 'stop')])
def test_ended_while_it_is_sent(relay, hop, step, end):
    hold = Hold(Drop())

    def of_the_notice(session, argument):
        if step == 'mail' and argument.startswith('FROM:<>'):
            return hold
        if step == 'rcpt':
            return refuse(session, argument) or (
                hold if SENDER in argument else None)
        return hold if step == 'data' and session.sender == '' else None
    hop.script[step] = of_the_notice
    relay.send('-f', SENDER, 'in@example.org', 'gone@example.org')
    assert hold.reached.wait(15)
    assert relay.queue()[0]['state'] == 'returning'
    getattr(relay, end)()
    hop.script[step] = refuse if step == 'rcpt' else None
    if hop.script[step] is None:
        del hop.script[step]
    hold.release()
    relay.start()
    judged(wait_notice(hop).data)
    relay.wait_queue(0)
    relay.kill()
    relay.start()
    assert relay.queue() == []
    assert len(notices(hop)) == 1


def test_hold_release_remove(relay, hop):
    hop.script['mail'] = lambda session, argument: (
        Reply('450 4.3.0 no') if argument.startswith('FROM:<>') else None)
    for _ in range(2):
        relay.send('-f', SENDER, 'in@example.org', 'gone@example.org')
    one, two = [m['id'] for m in relay.queue()]
    for m in relay.queue():
        assert m['state'] == 'returning'
        assert {r['state'] for r in m['recipients']} == {'sent', 'refused'}
    assert relay.run('hold', one).returncode == 0
    assert relay.run('remove', two).returncode == 0
    del hop.script['mail']
    relay.flush()
    assert [m['state'] for m in relay.queue()] == ['held']
    assert notices(hop) == []
    assert relay.run('release', one).returncode == 0
    relay.flush()
    wait_notice(hop)
    relay.wait_queue(0)


def test_without_a_daemon(make_relay, hop):
    """What a one-shot has stored goes with the next flush."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % hop.port, start=False)
    relay.send('-f', SENDER, 'in@example.org', 'gone@example.org')
    assert [m['state'] for m in relay.queue()] == ['returning']
    assert notices(hop) == []
    relay.flush()
    judged(wait_notice(hop).data)
    assert relay.queue() == []


def test_two_relays_before_each_other(make_relay, make_fake):
    """Each is the other's smart host: no notice goes round."""
    hop = make_fake(script={'rcpt': refuse})
    one = make_relay('smtp://127.0.0.1:%d tls=off' % hop.port)
    two = make_relay('smtp://127.0.0.1:%d tls=off' % one.port,
                     hostname='two.test')
    one.write(smarthost='smtp://127.0.0.1:%d tls=off' % two.port,
              route='example.org smtp://127.0.0.1:%d tls=off' % hop.port)
    one.hup()
    two.send('-odq', '-f', 'x@device.test', 'in@example.org',
             'gone@example.org')
    one.wait_log('dropped id=')
    two.wait_queue(0)
    one.wait_queue(0)
    assert notices(hop) == []
    counters = [r.status()['counters'] for r in (one, two)]
    assert [c['dropped'] for c in counters] == [1, 0]


def test_real_postfix(make_client, postfix):
    """It arrives in a mailbox; and one that cannot arrive goes nowhere."""
    token = uuid.uuid4().hex
    relay = make_client(postfix, 'submission')
    relay.send('-f', 'boss@example.org', 'in@example.org',
               'nobody@example.org',
               stdin=b'Subject: %s\n\nhello\n' % token.encode())
    mails = postfix.wait_mails(token, 2)
    bounce, = [m for m in mails if b'\nReturn-Path: <>' in b'\n' + m]
    _, _, (_, field), header = judged(bounce.replace(b'\n', b'\r\n'))
    assert field['Final-Recipient'] == 'rfc822; nobody@example.org'
    assert field['Diagnostic-Code'] == 'smtp; 550 5.1.1 ' + (
        field['Diagnostic-Code'].split(' ', 3)[3])
    assert returned(header)['Subject'] == token
    relay.send('-f', 'nobody@example.org', 'in@example.org',
               'nobody@example.org')
    relay.wait_log('dropped id=')
    assert relay.queue() == []
