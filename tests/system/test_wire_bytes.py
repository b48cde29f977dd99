# SPDX-License-Identifier: ISC
"""What goes over the wire, whatever came in by whatever way: lines that end
with CRLF and nothing else, one end a message, no NUL, no line over 998
octets, and every byte behind a stray one (STANDARDS.md S-1, S-1b, S-5, S-6)."""
import email
import re

import pytest

from fake import Reply
from relay import Client

STRAY = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r', b'\r.\r\n', b'\r\n.\r',
         b'\n.\r', b'\r\n.\r\r\n', b'\r\r\n.\r\n', b'\r\n\0.\r\n',
         b'\r\n.\0\r\n', b'\0', b'\r', b'\r\0\n', b'\n\r', b'\r\r\r',
         b'\n\0.\n', b'\r\n..\r\n', b'\n.', b'\r\n.\r\n\r\n']
EVIL = b'MAIL FROM:<evil@evil.test>\r\nRCPT TO:<victim@example.org>\r\n' \
    b'DATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n'
TO = ('-f', 'd@device.test', 'a@example.org')

# What is done to the message on its way, by what it is.
PLAIN, LATIN, LONG = b'x', b'\xe4', b'y' * 2500


def check_wire(fake):
    """Of all bytes that the next hop was sent."""
    for session in fake.sessions:
        wire = session.clear
        assert not re.search(rb'(?<!\r)\n|\r(?!\n)', wire)
        assert b'\0' not in wire
        for line in wire.split(b'\r\n'):
            assert len(line) <= 998 + line.startswith(b'..')
    whole = b''.join(s.clear for s in fake.sessions)
    assert whole.count(b'\r\n.\r\n') == len(fake.messages)
    assert all(m.sender != 'evil@evil.test' for m in fake.messages)


def lines_of(stdin, dot):
    """The lines that standard input stands for."""
    text = re.sub(rb'\r*\n', b'\n', stdin)
    text = text.replace(b'\r', b' ').replace(b'\0', b' ')
    if dot:
        text = re.split(rb'(?m)^\.$', text)[0]
    return text[:-1].split(b'\n')


def text_of(message):
    """The lines that a reader of the message sees, those broken made whole."""
    data = re.sub(rb'(y{50,})\r\n (?=y)', rb'\1', message.data)
    text = email.message_from_bytes(data).get_payload(decode=True)
    return text.replace(b'\r\n', b'\n')[:-1].split(b'\n')


def seven_bit(fake):
    fake.extensions = [e for e in fake.extensions if e != '8BITMIME']


WAYS = {
    'sendmail -i': (['sendmail', '-i', *TO], False),
    'sendmail': (['sendmail', *TO], True),
    'sendmail -t': (['sendmail', '-ti', '-f', 'd@device.test'], False),
    'mail': (['mail', '-s', 'words', '-r', 'd@device.test', 'a@example.org'],
             False),
}
FORCE = {'from': 'f@device.test', 'domain': 'device.test'}


@pytest.mark.parametrize('what', [PLAIN, LATIN, LONG],
                         ids=['plain', 'encoded', 'broken'])
@pytest.mark.parametrize('way', WAYS)
def test_standard_input(make_relay, fake, way, what):
    conf = FORCE if way in ('sendmail -t', 'mail') else {}
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, **conf)
    words, dot = WAYS[way]
    head = b'' if way == 'mail' else b'To: a@example.org\nSubject: s\n\n'
    seven_bit(fake)
    for stray in STRAY:
        body = what + stray + EVIL + what + b'tail\n'
        p = relay.run(*words[1:], name=words[0], stdin=head + body)
        assert p.returncode == 0, p.stderr
        assert text_of(fake.messages[-1]) == lines_of(body, dot), stray
    assert len(fake.messages) == len(STRAY)
    check_wire(fake)


@pytest.mark.rubbish('a long line without a colon passes for a field')
@pytest.mark.parametrize('what', [PLAIN, LATIN, LONG],
                         ids=['plain', 'encoded', 'broken'])
@pytest.mark.parametrize('where', [b'%s', b'To: a@example.org\nX-Note: %s',
                                   b'%s: x\n', b'From: "%s" <d@x.test>\n'])
def test_in_a_header(make_relay, fake, where, what):
    """It stays in the header, or ends it; nothing is lost behind it."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, **FORCE)
    for stray in STRAY:
        relay.send('-i', *TO, stdin=where % (b'a' + stray + b'b' + what)
                   + b'\n\n' + EVIL + b'tail\n')
        assert fake.messages[-1].data.endswith(
            EVIL + b'tail\r\n')
    assert len(fake.messages) == len(STRAY)
    check_wire(fake)


@pytest.mark.parametrize('what', [PLAIN, LATIN, LONG],
                         ids=['plain', 'encoded', 'broken'])
def test_from_the_queue(relay, fake, what):
    """The same bytes, after the hop's absence and a restart."""
    seven_bit(fake)
    fake.stop()
    bodies = [what + stray + EVIL + what + b'tail\n' for stray in STRAY[:12]]
    for body in bodies:
        relay.send('-i', *TO, stdin=b'Subject: s\n\n' + body)
    relay.stop()
    fake.start()
    relay.start()
    relay.run('flush')
    relay.wait_queue(0)
    assert sorted(map(text_of, fake.messages)) == \
        sorted(lines_of(body, False) for body in bodies)
    check_wire(fake)


@pytest.mark.parametrize('what', [PLAIN, LATIN, LONG],
                         ids=['plain', 'encoded', 'broken'])
def test_in_a_notice(make_relay, fake, what):
    """One recipient is taken, one refused: its sender is told."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)

    def refuse(_, argument):
        return Reply('550 5.1.1 nobody') if '<no@' in argument else None
    fake.script['rcpt'] = refuse
    for stray in STRAY:
        relay.send('-i', '-R', 'full', '-f', 'boss@example.com',
                   'a@example.org', 'no@example.org',
                   stdin=b'Subject: s\nX-Note: ' + what + stray + b'b\n\n'
                   + what + stray + EVIL + what + b'tail\n')
    relay.wait_queue(0)
    assert sum(m.sender == '' for m in fake.messages) == len(STRAY)
    check_wire(fake)


def test_by_smtp(relay, fake):
    """Nothing with a stray byte is taken; listener, socket, sendmail -bs."""
    begin = b'MAIL FROM:<d@device.test>\r\nRCPT TO:<a@example.org>\r\n'
    for stray in STRAY:
        if not re.search(rb'(?<!\r)\n|\r(?!\n)|\0', stray):
            continue
        body = b'Subject: s\r\n\r\nx' + stray + EVIL
        for address, verb in (relay.port, 'EHLO'), (relay.submit, 'LHLO'):
            with Client(address) as c:
                c.hello(verb)
                c.send(begin)
                assert [c.reply()[:3] for _ in range(2)] == ['250'] * 2
                assert c.cmd('DATA')[:3] == '354'
                try:
                    c.send(body)
                    c.replies()
                except ConnectionError:
                    pass
        relay.run('-bs', name='sendmail',
                  stdin=b'EHLO x\r\n' + begin + b'DATA\r\n' + body)
    relay.send()
    relay.wait_queue(0)
    assert len(fake.messages) == 1
    check_wire(fake)
