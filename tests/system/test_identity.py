# SPDX-License-Identifier: ISC
"""Whom mail says it is from and to (DESIGN 2.2): the same by every way in.

What leaves is judged by wire.py, too: that is the point of it.
"""
import email
import email.policy

import pytest

from relay import Client

HOP = 'smtp://127.0.0.1:%d tls=off'
KEEP = b'Date: Mon, 02 Feb 2026 10:00:00 +0000\nMessage-ID: <1@x.org>\n'


def by_sendmail(relay, sender, rcpts, text):
    p = relay.sendmail('-i', '-f', sender, '--', *rcpts, stdin=text)
    assert p.returncode == 0, p.stderr


def by_stdio(relay, sender, rcpts, text):
    lines = [b'EHLO c.test', b'MAIL FROM:<%s>' % sender.encode(),
             *(b'RCPT TO:<%s>' % r.encode() for r in rcpts), b'DATA',
             text.replace(b'\n', b'\r\n') + b'.', b'QUIT']
    p = relay.sendmail('-bs', stdin=b'\r\n'.join(lines) + b'\r\n')
    assert p.returncode == 0, p.stderr
    assert all(x[:1] in b'23' for x in p.stdout.splitlines()), p.stdout


def by_smtp(relay, sender, rcpts, text, where=None, verb='EHLO'):
    with Client(where or relay.port) as c:
        c.hello(verb)
        reply = c.message(sender, rcpts, text.replace(b'\n', b'\r\n'))
        assert reply[:1] == '2', reply


def by_lmtp(relay, sender, rcpts, text):
    by_smtp(relay, sender, rcpts, text, relay.submit, 'LHLO')


def alone(relay, sender, rcpts, text):
    assert relay.process is None
    by_sendmail(relay, sender, rcpts, text)


WAYS = {'sendmail': by_sendmail, 'stdio': by_stdio, 'smtp': by_smtp,
        'lmtp': by_lmtp, 'alone': alone}


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def send(way, make_relay, make_fake):
    """Send a message under a configuration; what arrived."""
    def run(text, sender='me@device.test', rcpts=('a@x.org',), **conf):
        fake = make_fake()
        relay = make_relay(HOP % fake.port, start=way != 'alone', **conf)
        WAYS[way](relay, sender, rcpts, text)
        message, = fake.messages
        return message
    return run


def address_of(message, name):
    """Of a field that is there once: what a mail reader shows."""
    mail = email.message_from_bytes(message.data, policy=email.policy.default)
    field, = mail.get_all(name)
    return [(a.display_name, a.addr_spec) for a in field.addresses]


FIELDS = (b'From: root (Cron Daemon)\n'
          b'To: root, "a, b" <bob>,\n\tteam: carol, d@x.org;, "q r" (c)\n'
          b'Cc: undisclosed-recipients:;\nReply-To: <ops>\nSender: daemon\n'
          b'Resent-To: me@localhost\nResent-From: me@device\n'
          b'Resent-Date: Mon, 02 Feb 2026 10:00:00 +0000\n'
          b'X-To: root\n' + KEEP + b'\nTo: root\n')


def test_bare_addresses(send):
    m = send(FIELDS, sender='root', rcpts=['bob', 'c@localhost', 'd@device'],
             hostname='device.d.test', domain='d.test')
    assert m.sender == 'root@d.test'
    assert m.rcpts == ['bob@d.test', 'c@d.test', 'd@device.d.test']
    assert address_of(m, 'From') == [('Cron Daemon', 'root@d.test')]
    assert address_of(m, 'To') == [
        ('', 'root@d.test'), ('a, b', 'bob@d.test'), ('', 'carol@d.test'),
        ('', 'd@x.org'), ('c', '"q r"@d.test')]
    assert m.header('Cc') == ['undisclosed-recipients:;']
    assert address_of(m, 'Reply-To') == [('', 'ops@d.test')]
    assert address_of(m, 'Sender') == [('', 'daemon@d.test')]
    assert address_of(m, 'Resent-To') == [('', 'me@d.test')]
    assert address_of(m, 'Resent-From') == [('', 'me@device.d.test')]
    assert m.header('X-To') == ['root']
    assert m.body == b'To: root\r\n'


FROM = {
    'nothing': (b'', [('', 'router@isp.test')], None),
    'bare': (b'From: root\n', [('', 'router@isp.test')], None),
    'cron': (b'From: root (Cron Daemon)\n',
             [('Cron Daemon', 'router@isp.test')], None),
    'cronie': (b'From: "(Cron Daemon)" <root>\n',
               [('(Cron Daemon)', 'router@isp.test')], None),
    'encoded': (b'From: =?utf-8?Q?J=C3=BC?= <j@x.org>\n',
                [('Jü', 'router@isp.test')], 'j@x.org'),
    'other': (b'From: A B <a@x.org>\n', [('A B', 'router@isp.test')],
              'a@x.org'),
    'own': (b'From: A <a@device.test>\n', [('A', 'router@isp.test')], None),
    'localhost': (b'From: a@localhost\n', [('', 'router@isp.test')], None),
    'the same': (b'From: R <router@isp.test>\n', [('R', 'router@isp.test')],
                 None),
    'replied': (b'From: a@x.org\nReply-To: b\n', [('', 'router@isp.test')],
                'b@device.test'),
    'replied before': (b'Reply-To: b@x.org\nFrom: a@x.org\n',
                       [('', 'router@isp.test')], 'b@x.org'),
    'two': (b'From: a@x.org, b@x.org\n', [('', 'router@isp.test')],
            'a@x.org'),
    'twice': (b'From: a@x.org\nFrom: b@x.org\n', [('', 'router@isp.test')],
              'a@x.org'),
    'rubbish': (b'From: my router\n', [('', 'router@isp.test')], None),
    'far behind':
    (b''.join(b'X-%d: %s\n' % (i, b'y' * 60) for i in range(200)) +
     b'From: A <a@x.org>\n', [('A', 'router@isp.test')], 'a@x.org'),
}


@pytest.mark.parametrize('name', FROM)
def test_from(send, way, name):
    """One address for all; where answers went stays known."""
    field, want, reply = FROM[name]
    m = send(field + b'Subject: s\n\nx\n', **{'from': 'router@isp.test'})
    assert m.sender == 'router@isp.test'
    if name != 'nothing' or way not in ('sendmail', 'alone'):
        assert address_of(m, 'From') == want
    assert [a for _, a in address_of(m, 'From')] == ['router@isp.test']
    assert m.header('Reply-To') == [] if reply is None else \
        address_of(m, 'Reply-To') == [('', reply)]


def test_from_leaves_the_null_path(send):
    m = send(b'From: A <a@x.org>\n\nx\n', sender='',
             **{'from': 'router@isp.test'})
    assert m.sender == ''
    assert address_of(m, 'From') == [('A', 'a@x.org')]
    assert m.header('Reply-To') == []


def test_from_without_an_address(send):
    """A From that names nobody gets the sender's address."""
    m = send(b'From: My Router\n\nx\n')
    assert address_of(m, 'From') == [('My Router', 'me@device.test')]
    assert address_of(send(b'From:\n\nx\n'), 'From') == [('', 'me@device.test')]


ALIASES = ['root admin@x.org', 'OPS root,b@x.org', 'dup b@x.org,B@x.org,ops',
           'full root@device.test', 'bare carol', 'e8 f@x.org',
           *('e%d e%d' % (i, i + 1) for i in range(1, 8))]


@pytest.mark.parametrize('rcpts, want', [
    (['root'], ['admin@x.org']), (['ROOT'], ['admin@x.org']),
    (['root@localhost'], ['admin@x.org']),
    (['Root@Device.Test'], ['admin@x.org']),
    (['root@device'], ['admin@x.org']),
    (['ops'], ['admin@x.org', 'b@x.org']),
    (['dup'], ['b@x.org', 'B@x.org', 'admin@x.org']),
    (['root', 'ops', 'admin@x.org'], ['admin@x.org', 'b@x.org']),
    (['full'], ['admin@x.org']), (['bare'], ['carol@device.test']),
    (['postmaster'], ['admin@x.org']), (['e1'], ['f@x.org']),
    (['nobody'], ['nobody@device.test']), (['root@x.org'], ['root@x.org']),
])
def test_alias(send, rcpts, want):
    m = send(b'Subject: s\n\nx\n', rcpts=rcpts, alias=ALIASES,
             hostname='device.test')
    assert m.rcpts == want


def test_alias_of_all(send):
    m = send(b'Subject: s\n\nx\n', rcpts=['who', 'root', 'x@localhost',
                                          'y@x.org'],
             alias=['* all@x.org', 'root admin@x.org'])
    assert m.rcpts == ['all@x.org', 'admin@x.org', 'y@x.org']


@pytest.mark.parametrize('alias', [
    ['a b', 'b a'], ['a a'], ['* x', 'x a@device.test'],
    ['a a@localhost'], ['root postmaster'],
    [*('e%d e%d' % (i, i + 1) for i in range(1, 9)), 'e9 f@x.org']])
def test_alias_loop(make_relay, alias):
    relay = make_relay(start=False, alias=alias)
    for words in ['check'], ['daemon']:
        p = relay.run(*words)
        assert p.returncode == 78 and b'mailmote.conf:' in p.stderr, p


@pytest.mark.parametrize('conf, want', [
    ({'domain': 'd.test', 'hostname': 'h.host.test',
      'from': 'f@from.test'}, 'd.test'),
    ({'hostname': 'h.host.test', 'from': 'f@from.test'}, 'host.test'),
    ({'hostname': 'host', 'from': 'f@from.test'}, 'from.test'),
    ({'hostname': 'host'}, 'user.test'),
])
def test_domain(make_relay, fake, conf, want):
    """What completes a bare name, from the first that has it."""
    relay = make_relay(HOP % fake.port, start=False, domain=None)
    relay.write(route='a@b.test submission://localhost:9 user=u@user.test '
                'password-file=' + relay.secret(),
                **{'hostname': None, **conf})
    relay.start()
    by_smtp(relay, 'me@x.org', ['bob'], b'Subject: s\n\nx\n')
    assert fake.messages[0].rcpts == ['bob@' + want]


def test_no_domain(make_relay, fake):
    """A bare name is refused; our name is the socket's address."""
    relay = make_relay(HOP % fake.port, domain=None, hostname='host')
    with Client(relay.port) as c:
        c.hello()
        assert c.cmd('MAIL FROM:<bob>')[:9] == '553 5.1.3'
        assert c.cmd('MAIL FROM:<me@x.org>')[:3] == '250'
        assert c.cmd('RCPT TO:<bob>')[:9] == '553 5.1.3'
    p = relay.sendmail('-f', 'me@x.org', 'bob')
    assert p.returncode == 65, p
    relay.send('-f', 'me@x.org', 'a@x.org',
               stdin=b'From: me@x.org\nTo: a@x.org\n\nx\n')
    assert fake.sessions[0].commands[0] == 'EHLO [127.0.0.1]'


@pytest.mark.parametrize('hostname, domain, want', [
    ('a.b.test', 'd.test', 'a.b.test'), ('a', 'd.test', 'a.d.test'),
    ('localhost', 'd.test', '[127.0.0.1]')])
def test_hostname(make_relay, fake, hostname, domain, want):
    relay = make_relay(HOP % fake.port, hostname=hostname, domain=domain)
    relay.send('-f', 'me@x.org', 'a@x.org')
    assert fake.sessions[0].commands[0] == 'EHLO ' + want
