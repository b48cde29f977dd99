# SPDX-License-Identifier: ISC
"""Which notices a sender wants: RFC 3461, DESIGN.md 2.1."""
import email
import email.policy
import uuid

import pytest

from fake import Reply, notices, wait_notice
from relay import Client

PLAIN = ('PIPELINING', 'SIZE 20000000', '8BITMIME', 'ENHANCEDSTATUSCODES')
MAIL = b'Subject: s\r\n\r\nbody\r\n.\r\n'
SENDER = 'boss@example.com'
ASKED = ('-N', 'success,delay', '-R', 'hdrs', '-V', 'q+2B7')


@pytest.fixture
def knows(make_fake):
    """A hop that knows DSN."""
    return make_fake(extensions=PLAIN + ('DSN',))


def lines(fake, verb, first=0):
    """What was said behind the path of each such command."""
    return [c.partition('>')[2].split() for s in fake.sessions
            for c in s.commands if c.upper().startswith(verb)][first:]


def submit(relay, mail, *rcpts):
    """By SMTP; commands to the end of their lines, all said yes to."""
    with Client(relay.port) as c:
        assert 'DSN' in [x[4:] for x in c.hello().split('\n')]
        for line in ('MAIL FROM:' + mail, *('RCPT TO:' + r for r in rcpts),
                     'RSET', 'MAIL FROM:' + mail,
                     *('RCPT TO:' + r for r in rcpts)):
            assert c.cmd(line)[:3] == '250', line
        assert c.cmd('DATA')[:3] == '354'
        c.send(MAIL)
        assert c.reply()[:3] == '250'


def test_smtp_passes_them_on(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port)
    submit(relay, '<%s> ret=full ENVID=a+20b' % SENDER,
           '<a@example.org> notify=never',
           '<b@example.org>',
           '<c@example.org> ORCPT=rfc822;C@x NOTIFY=Delay,FAILURE')
    mail, = lines(knows, 'MAIL')
    assert mail[-2:] == ['RET=FULL', 'ENVID=a+20b']
    assert lines(knows, 'RCPT') == [
        ['NOTIFY=NEVER'], [], ['ORCPT=rfc822;C@x', 'NOTIFY=DELAY,FAILURE']]


def test_a_hop_that_does_not_know_them(relay, fake):
    submit(relay, '<%s> RET=FULL ENVID=x' % SENDER,
           '<a@example.org> NOTIFY=NEVER ORCPT=rfc822;a@b')
    mail, = lines(fake, 'MAIL')
    assert all(w.startswith('SIZE=') for w in mail)
    assert lines(fake, 'RCPT') == [[]]


@pytest.mark.parametrize('start', [True, False], ids=['daemon', 'alone'])
def test_sendmail_passes_them_on(make_relay, knows, start):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port, start)
    relay.send('-f', SENDER, *ASKED, 'a@example.org', 'b@example.org')
    mail, = lines(knows, 'MAIL')
    assert mail[-2:] == ['RET=HDRS', 'ENVID=q+2B7']
    assert lines(knows, 'RCPT') == [['NOTIFY=SUCCESS,DELAY']] * 2


def test_the_spool_keeps_them(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port)
    knows.stop()
    relay.send('-f', SENDER, *ASKED, 'a@example.org', 'b@example.org')
    entry, = relay.queue()
    assert entry['from'] == SENDER
    assert 'from=<%s> ' % SENDER in relay.log()
    assert [r['address'] for r in entry['recipients']] == [
        'a@example.org', 'b@example.org']
    relay.stop()
    knows.start()
    relay.start()
    relay.flush()
    relay.wait_queue(0)
    assert lines(knows, 'MAIL')[-1][-2:] == ['RET=HDRS', 'ENVID=q+2B7']
    assert lines(knows, 'RCPT')[-2:] == [['NOTIFY=SUCCESS,DELAY']] * 2


def test_aliases_keep_them(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port,
                       alias='root a@example.org,b@example.org')
    submit(relay, '<%s>' % SENDER, '<root> NOTIFY=NEVER ORCPT=rfc822;root@x')
    assert lines(knows, 'RCPT') == [['NOTIFY=NEVER', 'ORCPT=rfc822;root@x']] * 2


@pytest.mark.parametrize('words', [
    ('-N', 'never,delay'), ('-N', ''), ('-N', 'often'), ('-R', 'all'),
    ('-R', 'full', '-R', 'hdrs'), ('-V', 'a b'), ('-V', 'x' * 101)])
def test_what_sendmail_refuses(relay, fake, words):
    p = relay.sendmail('-f', SENDER, *words, 'a@example.org')
    assert p.returncode == 64
    assert fake.messages == []


def test_postfix_tells(make_client, postfix):
    """A hop that knows DSN does it all: what it says of us and of our words."""
    token = uuid.uuid4().hex
    relay = make_client(postfix)
    relay.send('-f', 'boss@example.org', '-N', 'success', '-R', 'full',
               '-V', 'a+2B' + token, 'in@example.org', stdin=(
                   'Subject: told\n\n%s\n' % token).encode())
    mails = postfix.wait_mails(token, 2)
    told, = [m for m in mails if b'multipart/report' in m]
    _, head, (field,), _ = parts(told.replace(b'\r\n', b'\n'))
    assert head['Original-Envelope-Id'] == 'a+' + token
    assert field['Final-Recipient'] == 'rfc822; in@example.org'
    assert field['Action'] == 'delivered'
    assert relay.status()['spool']['syncs'] == 0


# -- notices


def refuse(session, argument):
    """Who is refused; the others are sent."""
    if argument.startswith('TO:<gone'):
        return Reply('550 5.1.1 no such user')


def parts(data):
    """The fields of a notice, a recipient each, and what it returns."""
    notice = email.message_from_bytes(data, policy=email.policy.default)
    for part in notice.walk():
        assert not part.defects
    assert notice.get_content_type() == 'multipart/report'
    assert notice['Auto-Submitted'] == 'auto-replied'
    _, status, returned = notice.iter_parts()
    head, *fields = status.get_payload()
    return notice, head, fields, returned


def quiet(relay, fake, count=0):
    """Nothing waits, and no notice more than that came."""
    relay.wait_queue(0)
    relay.stop()
    assert len(notices(fake)) == count


def test_relayed_to_a_hop_that_does_not_know_dsn(relay, fake):
    submit(relay, '<%s> ENVID=q+2B7 RET=FULL' % SENDER,
           '<a@example.org> NOTIFY=SUCCESS ORCPT=rfc822;A+2Bx@y',
           '<b@example.org>', '<c@example.org> NOTIFY=FAILURE')
    got = wait_notice(fake)
    assert got.rcpts == [SENDER]
    notice, head, (field,), returned = parts(got.data)
    assert head['Original-Envelope-Id'] == 'q+7'
    assert field['Original-Recipient'] == 'rfc822; A+x@y'
    assert field['Final-Recipient'] == 'rfc822; a@example.org'
    assert field['Action'] == 'relayed'
    assert field['Status'].startswith('2.')
    assert returned.get_content_type() == 'text/rfc822-headers'
    assert 'ndelivered' not in notice['Subject']
    assert b'body' not in got.data
    quiet(relay, fake, 1)
    assert len(fake.messages) == 2


def test_relayed_is_left_to_a_hop_that_knows_dsn(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port)
    submit(relay, '<%s>' % SENDER, '<a@example.org> NOTIFY=SUCCESS')
    assert relay.status()['spool']['syncs'] == 0
    quiet(relay, knows)


def test_relayed_from_the_queue(relay, fake):
    """And the notice outlives a restart."""
    fake.stop()
    relay.send('-f', SENDER, '-N', 'success', 'a@example.org', 'b@example.org')
    fake.script['mail'] = lambda s, a: (
        Reply('450 4.3.0 later') if a.startswith('FROM:<>') else None)
    fake.start()
    relay.flush()
    fake.wait_messages(1)
    relay.wait(lambda: relay.queue()[0]['state'] == 'returning', 'returning')
    entry, = relay.queue()
    assert [r['state'] for r in entry['recipients']] == ['sent', 'sent']
    relay.kill()
    del fake.script['mail']
    relay.start()
    relay.flush()
    _, _, fields, _ = parts(wait_notice(fake).data)
    assert [f['Action'] for f in fields] == ['relayed'] * 2
    quiet(relay, fake, 1)
    assert len(fake.messages) == 2


def test_relayed_without_a_daemon(make_relay, fake):
    alone = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    alone.send('-f', SENDER, '-N', 'success', 'a@example.org')
    assert fake.messages[0].rcpts == ['a@example.org']
    alone.flush()
    parts(wait_notice(fake).data)
    assert alone.queue() == []
    assert len(fake.messages) == 2


@pytest.mark.parametrize('sender', ['', 'dev@device.test'])
def test_relayed_with_nobody_to_tell(relay, fake, sender):
    submit(relay, '<%s>' % sender, '<a@example.org> NOTIFY=SUCCESS')
    assert relay.status()['spool']['syncs'] == 0
    relay.stop()
    assert len(fake.messages) == 1


@pytest.mark.parametrize('notify', ['NEVER', 'SUCCESS,DELAY', 'DELAY'])
def test_no_notice_of_a_failure(relay, fake, notify):
    fake.script['rcpt'] = refuse
    submit(relay, '<%s>' % SENDER, '<a@example.org>',
           '<gone@example.org> NOTIFY=' + notify)
    relay.wait_log('dropped .*nobody is told')
    assert relay.status()['counters']['dropped'] == 1
    assert relay.status()['spool']['syncs'] == 0
    quiet(relay, fake)


def test_no_notice_of_a_failure_from_the_queue(relay, fake):
    fake.script['rcpt'] = refuse
    fake.stop()
    submit(relay, '<%s>' % SENDER, '<gone1@example.org> NOTIFY=NEVER',
           '<gone2@example.org> NOTIFY=FAILURE')
    fake.start()
    relay.flush()
    _, _, fields, _ = parts(wait_notice(fake).data)
    assert [f['Final-Recipient'] for f in fields] == [
        'rfc822; gone2@example.org']
    quiet(relay, fake, 1)


def test_one_notice_of_both(relay, fake):
    fake.script['rcpt'] = refuse
    submit(relay, '<%s> RET=HDRS' % SENDER,
           '<a@example.org> NOTIFY=SUCCESS,FAILURE',
           '<gone@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old@x')
    _, head, (sent, gone), _ = parts(wait_notice(fake).data)
    assert 'Original-Envelope-Id' not in head
    assert (sent['Action'], gone['Action']) == ('relayed', 'failed')
    assert gone['Original-Recipient'] == 'rfc822; old@x'
    assert gone['Status'] == '5.1.1'
    quiet(relay, fake, 1)


@pytest.mark.parametrize('size', [20, 20000, 100000])
def test_all_of_it_comes_back(relay, fake, size):
    fake.script['rcpt'] = refuse
    body = b'\r\n'.join([b'.x' * 30] * (size // 62 + 1))
    with Client(relay.port) as c:
        c.hello()
        assert c.cmd('MAIL FROM:<%s> RET=FULL' % SENDER)[:3] == '250'
        assert c.cmd('RCPT TO:<a@example.org>')[:3] == '250'
        assert c.cmd('RCPT TO:<gone@example.org>')[:3] == '250'
        assert c.cmd('DATA')[:3] == '354'
        c.send(b'Subject: full\r\n\r\n' + body.replace(b'.x' * 30, b'.' +
               b'.x' * 30) + b'\r\n.\r\n')
        assert c.reply()[:3] == '250'
    _, _, (field,), returned = parts(wait_notice(fake).data)
    assert field['Action'] == 'failed'
    assert returned.get_content_type() == 'message/rfc822'
    inner, = returned.get_payload()
    assert inner['Subject'] == 'full'
    assert inner['Received']
    assert inner.get_payload().rstrip().encode() == body
    quiet(relay, fake, 1)


@pytest.mark.parametrize('extensions, data, kind', [
    (PLAIN, b'b\xc3\xa4', 'message/rfc822'),
    (('SIZE',), b'b\xc3\xa4', 'text/rfc822-headers'),
    (('8BITMIME', 'SIZE 9000'), b'b' * 900, 'text/rfc822-headers')])
def test_what_a_hop_cannot_take_is_left_out(make_fake, make_relay, extensions,
                                            data, kind):
    hop = make_fake(extensions=extensions, script={'rcpt': refuse})
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % hop.port)
    relay.send('-f', SENDER, '-R', 'full', 'a@example.org', 'gone@example.org',
               stdin=b'Subject: x\nMIME-Version: 1.0\nContent-Type: '
               b'text/plain; charset=utf-8\n\n' + data + b'\n')
    _, _, _, returned = parts(wait_notice(hop).data)
    assert returned.get_content_type() == kind


def test_notices_want_none(make_relay, knows):
    knows.script['rcpt'] = refuse
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port)
    relay.send('-f', SENDER, 'a@example.org', 'gone@example.org')
    wait_notice(knows)
    assert lines(knows, 'RCPT')[-1] == ['NOTIFY=NEVER']


def test_mailed_back_by_sendmail(relay, fake):
    """-oem: refused while the caller waits."""
    fake.script['rcpt'] = refuse
    words = ('-oem', '-f', SENDER, '-V', 'q+2B7')
    assert relay.sendmail(*words, 'gone@example.org').returncode == 69
    _, head, _, _ = parts(wait_notice(fake).data)
    assert head['Original-Envelope-Id'] == 'q+7'
    p = relay.sendmail(*words, '-N', 'never', 'gone@example.org')
    assert p.returncode == 69
    quiet(relay, fake, 1)
