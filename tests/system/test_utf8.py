# SPDX-License-Identifier: ISC
"""Addresses beyond ASCII (SMTPUTF8, RFC 6531)."""
import email
import email.policy
import json
import os
import random
import re
import smtplib
import uuid

import pytest

from fake import Reply
from relay import Client

WIDE = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 20000000']
NARROW = ['PIPELINING', '8BITMIME', 'SIZE 20000000']
LOCAL = 'jürgen@example.org'
DOMAIN = 'info@bücher.example'
PLAIN = b'Subject: s\r\n\r\ntext\r\n'


def wire(text):
    """As the fake shows what it was told."""
    return text.encode().decode('latin-1')


def send(relay, *rcpts, sender='dev@device.test', stdin=PLAIN, words=()):
    return relay.sendmail(*words, '-f', sender.encode(),
                          *(r.encode() for r in rcpts), stdin=stdin)


@pytest.fixture
def wide(make_fake):
    return make_fake(extensions=WIDE)


@pytest.fixture
def narrow(make_fake):
    return make_fake(extensions=NARROW)


@pytest.fixture
def relay(make_relay, wide):
    return make_relay('smtp://127.0.0.1:%d tls=off' % wide.port)


@pytest.fixture
def relay7(make_relay, narrow):
    return make_relay('smtp://127.0.0.1:%d tls=off' % narrow.port)


def test_passed_on(relay, wide):
    assert send(relay, LOCAL, DOMAIN, sender=LOCAL).returncode == 0
    got, = wide.messages
    assert got.sender == wire(LOCAL)
    assert got.rcpts == [wire(LOCAL), wire(DOMAIN)]
    assert got.params.split()[-1] == 'SMTPUTF8'
    assert 'with UTF8LMTP' in got.header('Received')[0]
    relay.wait_log('sent id=.* from=<%s> to=<%s>' % (LOCAL, DOMAIN))


def test_only_when_needed(relay, wide):
    """A client may always say it; and one for another is said for no one."""
    with smtplib.SMTP('127.0.0.1', relay.port) as s:
        s.ehlo()
        assert s.has_extn('smtputf8') and s.has_extn('8bitmime')
        s.sendmail('d@device.test', ['a@example.org'], PLAIN,
                   mail_options=['SMTPUTF8'])
        s.sendmail(LOCAL, ['a@example.org'], PLAIN, mail_options=['SMTPUTF8'])
        s.sendmail('d@device.test', ['a@example.org'],
                   'Subject: Gerät\r\n\r\ntext\r\n'.encode(),
                   mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
        s.sendmail('d@device.test', ['a@example.org'],
                   'Subject: s\r\n\r\nGerät\r\n'.encode(),
                   mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    assert ['SMTPUTF8' in m.params for m in wide.messages] == [
        False, True, True, False]
    assert all('with UTF8SMTP' in m.header('Received')[0]
               for m in wide.messages)


def test_refused_without_it(relay, wide):
    with Client(relay.port) as c:
        c.hello()
        assert c.cmd('MAIL FROM:<%s>' % wire(LOCAL))[:9] == '550 5.6.7'
        assert c.cmd('MAIL FROM:<a@b.test>')[:3] == '250'
        for rcpt in LOCAL, DOMAIN:
            assert c.cmd('RCPT TO:<%s>' % wire(rcpt))[:9] == '553 5.6.7'
        assert c.cmd('RSET')[:3] == '250'
        assert c.cmd('MAIL FROM:<a@b.test> SMTPUTF8=1')[:9] == '501 5.5.4'
    assert wide.messages == []


def test_domains_become_a_labels(relay7, narrow):
    """A hop without it, and what Python makes of random labels."""
    rng = random.Random(6531)
    alphabets = ['abc-xyz09éüöß', 'абвгдеж', 'ابتثجح', '例子中文字', '😀🎉a']
    domains = []
    for _ in range(80):
        label = 'a' + ''.join(rng.choice(rng.choice(alphabets))
                              for _ in range(rng.randint(1, 12))) + 'ü'
        domains.append(label + '.example')
    assert send(relay7, *('a@' + d for d in domains)).returncode == 0
    want = ['a@xn--%s.example' % d.split('.')[0].encode('punycode').decode()
            for d in dict.fromkeys(domains)]
    got, = narrow.messages
    assert got.rcpts == want
    assert 'SMTPUTF8' not in got.params
    # And the way back, with the tables that are not here.
    assert send(relay7, DOMAIN, sender=DOMAIN).returncode == 0
    got = narrow.messages[-1]
    local, _, domain = got.sender.partition('@')
    assert local + '@' + domain.encode().decode('idna') == DOMAIN
    assert got.data.isascii()


def test_a_local_part_cannot(relay7, narrow):
    """5.6.7 for that recipient; the others have it."""
    p = send(relay7, LOCAL)
    assert p.returncode == 69 and b'5.6.7' in p.stderr
    assert narrow.messages == []
    p = send(relay7, 'a@example.org', sender=LOCAL)
    assert p.returncode == 69 and b'5.6.7' in p.stderr
    p = send(relay7, LOCAL, 'a@example.org', words=['-v'])
    assert p.returncode == 0 and b'5.6.7' in p.stderr
    got, = narrow.messages
    assert got.rcpts == ['a@example.org']


def test_after_the_queue(make_relay, wide):
    """What was stored needs it as much."""
    wide.script['greeting'] = lambda *_: Reply('421 4.3.2 not now')
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % wide.port)
    text = 'Subject: Gerät\r\n\r\ntext\r\n'.encode()
    with smtplib.SMTP('127.0.0.1', relay.port) as s:
        s.sendmail('d@device.test', ['a@example.org'], text,
                   mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    assert send(relay, LOCAL, sender=DOMAIN).returncode == 0
    rows = relay.wait_queue(2)
    assert rows[1]['from'] == DOMAIN
    assert rows[1]['recipients'][0]['address'] == LOCAL
    p = relay.run('queue')
    lines = p.stdout.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.endswith(' ' + DOMAIN) for line in lines)
    assert any(line.endswith(' ' + LOCAL) for line in lines)
    assert json.loads(relay.run('status', '--json').stdout)
    relay.stop()
    relay.start()
    wide.script['greeting'] = None
    relay.flush()
    assert sorted(m.rcpts for m in wide.messages) == [
        ['a@example.org'], [wire(LOCAL)]]
    assert all('SMTPUTF8' in m.params for m in wide.messages)


def test_without_a_daemon(make_relay, wide):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % wide.port, start=False)
    assert send(relay, LOCAL).returncode == 0
    got, = wide.messages
    assert got.rcpts == [wire(LOCAL)] and 'SMTPUTF8' in got.params


HEADER = 'Subject: Gerät\nTo: Jürgen <a@example.org>\n\ntext\n'


def test_header_of_sendmail(relay, wide):
    """Encoded words, which any hop behind this one takes; not an address."""
    for words in (), ('-O', 'smtputf8=no'):
        for text in HEADER.encode(), HEADER.encode('latin-1'):
            assert send(relay, 'a@example.org', words=words,
                        stdin=text).returncode == 0
            assert wide.messages[-1].data.isascii()
            assert 'SMTPUTF8' not in wide.messages[-1].params
    stdin = 'From: <%s>\nSubject: Gerät\n\ntext\n' % LOCAL
    assert send(relay, 'a@example.org', stdin=stdin.encode()).returncode == 0
    assert 'SMTPUTF8' in wide.messages[-1].params
    assert stdin.splitlines()[1].encode() in wide.messages[-1].data


def test_header_for_a_hop_without_it(relay7, narrow):
    """Encoded words, where they can be; an address cannot."""
    assert send(relay7, 'a@example.org',
                stdin=HEADER.encode()).returncode == 0
    got, = narrow.messages
    assert got.data.isascii()
    mail = email.message_from_bytes(got.data, policy=email.policy.default)
    assert mail['Subject'] == 'Gerät'
    assert mail['To'].addresses[0].display_name == 'Jürgen'
    with smtplib.SMTP('127.0.0.1', relay7.port) as s:
        s.sendmail('d@device.test', ['a@example.org'],
                   (HEADER + 'Käse\n').replace('\n', '\r\n').encode(),
                   mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    got = narrow.messages.pop()
    assert got.body == 'text\r\nKäse\r\n'.encode()
    assert got.params.split()[-1] == 'BODY=8BITMIME'
    assert got.data[:-len(got.body)].isascii()
    stdin = 'From: <%s>\nSubject: s\n\ntext\n' % LOCAL
    p = send(relay7, 'a@example.org', stdin=stdin.encode())
    assert p.returncode == 69 and b'5.6.9' in p.stderr
    with smtplib.SMTP('127.0.0.1', relay7.port) as s:
        with pytest.raises(smtplib.SMTPDataError) as e:
            s.sendmail('d@device.test', ['a@example.org'],
                       stdin.replace('\n', '\r\n').encode(),
                       mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    assert e.value.smtp_error.startswith(b'5.6.9')
    assert len(narrow.messages) == 1


def refuse(session, argument):
    if argument.startswith('TO:<' + wire('gön')):
        return Reply('550 5.1.1 no such user')


def notice_of(fake):
    fake.wait(lambda: any(m.sender == '' for m in fake.messages))
    got, = [m for m in fake.messages if m.sender == '']
    mail = email.message_from_bytes(got.data, policy=email.policy.compat32)
    assert mail.get_content_type() == 'multipart/report'
    assert not any(part.defects for part in mail.walk())
    return got, mail, mail.get_payload()


@pytest.mark.parametrize('full', [False, True])
def test_notice(relay, wide, full):
    """RFC 6533: in UTF-8 to a hop that takes it."""
    wide.script['rcpt'] = refuse
    with smtplib.SMTP('127.0.0.1', relay.port) as s:
        s.sendmail('böss@example.com', ['a@example.org', 'gön@example.org'],
                   HEADER.replace('\n', '\r\n').encode(),
                   mail_options=['SMTPUTF8', 'BODY=8BITMIME']
                   + ['RET=FULL'] * full)
    got, mail, (words, status, back) = notice_of(wide)
    assert got.rcpts == [wire('böss@example.com')]
    assert got.params.split()[-2:] == ['BODY=8BITMIME', 'SMTPUTF8']
    assert got.header('To') == [wire('<böss@example.com>')]
    assert mail.get_param('report-type') == 'global-delivery-status'
    assert '<gön@example.org>' in words.get_payload(decode=True).decode()
    assert status.get_content_type() == 'message/global-delivery-status'
    assert 'Final-Recipient: utf-8; gön@example.org' in got.data.decode()
    assert back.get_content_type() == ('message/global' if full else
                                       'message/global-headers')
    assert 'Subject: Gerät' in got.data.decode()
    assert {p['Content-Transfer-Encoding'] for p in (mail, words, status,
                                                     back)} == {'8bit'}


def test_notice_in_ascii(relay7, narrow):
    """And to one that does not; the refusal is our own."""
    p = send(relay7, 'gön@example.org', 'a@example.org', 'gone@bücher.example',
             sender='boss@bücher.example', words=['-odq'])
    assert p.returncode == 0
    got, mail, (words, status, back) = notice_of(narrow)
    assert got.rcpts == ['boss@xn--bcher-kva.example']
    assert got.header('To') == ['<boss@xn--bcher-kva.example>']
    assert got.data.isascii() and 'SMTPUTF8' not in got.params
    assert status.get_content_type() == 'message/delivery-status'
    field, = status.get_payload()[1:]
    assert field['Final-Recipient'] == r'utf-8; g\x{F6}n@example.org'
    assert field['Status'] == '5.6.7'
    assert back.get_content_type() == 'text/rfc822-headers'


def test_notice_by_sendmail(relay, wide):
    """-oem: in UTF-8 to whom nothing else can be said."""
    wide.script['rcpt'] = refuse
    for sender, shown in (('böss@example.com', 'böss@example.com'),
                          ('boss@bücher.example',
                           'boss@xn--bcher-kva.example')):
        assert send(relay, 'gön@example.org', sender=sender,
                    words=['-oem']).returncode == 69
        relay.wait_queue(0)
        got = wide.messages.pop()
        assert got.rcpts == [wire(shown)]
        assert got.header('To') == ['<%s>' % wire(shown)]
        assert got.data.isascii() == shown.isascii()


def test_commands(relay, wide):
    """mail(1), test, sendmail -bv and -bs."""
    p = relay.run('-s', 'Grüße', LOCAL, stdin=b'hi\n', name='mail',
                  env=dict(os.environ, LC_ALL='C.UTF-8'))
    assert p.returncode == 0
    assert wide.messages[-1].header('To') == [wire(LOCAL)]
    p = relay.run('test', LOCAL)
    assert p.returncode == 0
    assert 'C: RCPT TO:<%s>' % LOCAL in p.stdout.decode()
    p = relay.sendmail('-bv', LOCAL)
    assert p.returncode == 0 and LOCAL in p.stdout.decode()
    said = 'EHLO a\nMAIL FROM:<%s> SMTPUTF8\nRCPT TO:<%s>\nDATA\n\nx\n.\n'
    p = relay.sendmail('-bs', stdin=(said % (LOCAL, DOMAIN)).replace(
        '\n', '\r\n').encode() + b'QUIT\r\n')
    assert p.returncode == 0 and b'\r\n221 ' in p.stdout
    assert [m.rcpts for m in wide.messages] == [[wire(LOCAL)]] * 2 + [
        [wire(DOMAIN)]]


@pytest.mark.parametrize('bad', ['j\xfcrgen@example.org'.encode('latin-1'),
                                 b'a\xc2\x85@example.org',
                                 b'a@example\xff.org', b'\xed\xa0\x80@b'])
def test_not_utf8(relay, wide, bad):
    for words in [bad], ['-t'], ['-f', bad, 'a@example.org']:
        p = relay.sendmail(*words, stdin=b'To: ' + bad + b'\n\ntext\n')
        assert p.returncode == 65
        assert b'\\x' in p.stderr and b'UTF-8' in p.stderr
        assert len(p.stderr.splitlines()) == 1
    assert wide.messages == []


def test_option(relay, wide):
    """-O smtputf8=no keeps to ASCII; -U and =yes ask for SMTPUTF8, for a
    header that is UTF-8."""
    p = send(relay, LOCAL, words=['-O', 'smtputf8=no'])
    assert p.returncode == 65 and b'not ASCII' in p.stderr
    assert send(relay, LOCAL, words=['-U']).returncode == 0
    assert send(relay, LOCAL, words=['-OSMTPUTF8=yes']).returncode == 0
    assert [m.rcpts for m in wide.messages] == [[wire(LOCAL)]] * 2
    wide.messages.clear()
    for word in '-U', '-OSMTPUTF8=yes':
        for text in HEADER.encode(), HEADER.encode('latin-1'), b'text\n':
            assert send(relay, 'a@example.org', words=[word],
                        stdin=text).returncode == 0
    for i, m in enumerate(wide.messages):
        assert ('SMTPUTF8' in m.params) == (i % 3 == 0)
        assert ('Gerät'.encode() in m.data) == (i % 3 == 0)


def test_real_postfix(make_client, postfix):
    """It offers SMTPUTF8, and delivers."""
    token = uuid.uuid4().hex
    relay = make_client(postfix, 'submission')
    p = send(relay, LOCAL, sender='müller@bücher.example',
             stdin=b'Subject: %s\n\nhello\n' % token.encode())
    assert p.returncode == 0, p.stderr
    mail, = postfix.wait_mails(token)
    head = mail.split(b'\n\n')[0].decode()
    assert 'Return-Path: <müller@bücher.example>' in head
    assert 'Delivered-To: ' + LOCAL in head
    assert re.search(r'(?s)by localhost .*with UTF8SMTPSA', head)
