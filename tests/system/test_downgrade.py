# SPDX-License-Identifier: ISC
"""8-bit mail for a hop of 7 bits (RFC 6152 3): Python's email judges it."""
import email
import email.policy
import email.header
import email.utils
import random
import re

import pytest

from fake import Reply
from relay import Client

TEXT = 'batterie schwach: Gerät = 3 \n.\nFrom here\n' + 'ü-' * 300 + '\n'
PART = (b'Content-Type: text/plain; charset=%s\n'
        b'Content-Transfer-Encoding: 8bit\n\n%s\n')
HTML = PART % (b'iso-8859-1', b'<p>Ger\xe4t</p>')
IMAGE = (b'Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n'
         b'iVBORw0KGgo=\n')


def multi(kind, boundary, *parts):
    """A multipart entity of these parts."""
    sep = b'--' + boundary
    return (b'Content-Type: multipart/%s; boundary="%s"\n'
            b'Content-Transfer-Encoding: 8bit\n\npreamble\n%s\n%s\n%s--\n'
            % (kind, boundary, sep, (b'\n' + sep + b'\n').join(parts), sep))


NESTED = multi(b'alternative', b'=_in ner', PART % (b'utf-8', TEXT.encode()),
               HTML)
FORWARD = (b'Content-Type: message/rfc822\n\nSubject: old\n\n'
           + TEXT.encode())
GOOD = {
    'plain': b'\n' + TEXT.encode(),
    'latin': b'\nGer\xe4t\n',
    'typed': b'MIME-Version: 1.0\n' + HTML,
    'nested': b'MIME-Version: 1.0\n' + multi(b'mixed', b'=_in', NESTED, IMAGE,
                                             FORWARD),
    'one line': '\n'.encode() + 'äö '.encode() * 20000,
    'large': b'\n' + TEXT.encode() * 100,
}
BAD = {
    'signed': b'MIME-Version: 1.0\n' + multi(
        b'signed', b's', PART % (b'utf-8', TEXT.encode()), IMAGE),
    'mislabelled': b'MIME-Version: 1.0\nContent-Type: text/plain\n'
                   b'Content-Transfer-Encoding: base64\n\n\xe4\n',
}


def leaves(data):
    """What a reader gets: type, charset, decoded bytes of every leaf."""
    mail = email.message_from_bytes(data, policy=email.policy.compat32)
    found = []
    for part in mail.walk():
        assert part.defects == []
        if not part.is_multipart():
            text = part.get_payload(decode=True)
            lines = text.rstrip(b'\r\n').splitlines()
            found.append((part.get_content_type(), lines))
    return found


@pytest.fixture
def seven(make_fake):
    return make_fake(extensions=['PIPELINING', 'SIZE 20000000'])


@pytest.fixture
def relay(seven, make_relay):
    return make_relay('smtp://127.0.0.1:%d tls=off' % seven.port)


@pytest.mark.parametrize('name', GOOD)
def test_is_converted(relay, seven, name):
    stdin = b'Subject: s\n' + GOOD[name]
    p = relay.sendmail('-i', '-f', 'd@device.test', 'a@example.org',
                       stdin=stdin)
    assert p.returncode == 0, p.stderr
    relay.wait_queue(0)
    got, = seven.messages
    assert got.data.isascii()
    assert max(map(len, got.wire.split(b'\r\n'))) <= 998
    assert (leaves(got.data) == leaves(stdin)) is True
    assert got.header('MIME-Version') == ['1.0']
    assert len(got.header('Content-Type')) == 1
    assert len(got.header('Content-Transfer-Encoding')) == 1
    assert 'BODY=' not in got.params
    size = int(re.search(r'SIZE=(\d+)', got.params).group(1))
    assert 0 <= size - len(got.data) <= 7 * len(leaves(stdin))


def test_charset_is_what_the_text_is(relay, seven):
    for text in 'Gerät'.encode(), b'Ger\xe4t':
        relay.send('-f', 'd@device.test', 'a@example.org',
                   stdin=b'Subject: s\n\n' + text + b'\n')
    assert [m.header('Content-Type') for m in seven.messages] == [
        ['text/plain; charset=utf-8'], ['text/plain; charset=unknown-8bit']]


HEADER = {
    'Subject': 'Gerät „Küche“ meldet: Grüße aus Köln\r\n und  Übersee ' * 3,
    'From': '"Müller, Jürgen" <j@device.test>',
    'To': 'Änne <a@example.org>, b@example.org (Bö (zu) "x"), Ü: c@x.test;',
    'Cc': '=?utf-8?Q?=C3=84nne?= Müller <a@example.org>',
    'Reply-To': 'J. Müller <j@device.test>',
    'Comments': '\U0001f600' * 40,
    'X-Name': '=?utf-8?Q?a?= ä =?utf-8?Q?b?= c ö',
}


def text_of(value):
    """Of a field as bytes: what a reader of RFC 2047 sees."""
    value = re.sub(rb'\r\n(?=[ \t])', b'', value)
    value = re.sub(rb'(=\?[^? ]+\?[BQ]\?[^? ]*\?=)[ \t]+(?==\?[^? ]+\?[BQ])',
                   rb'\1', value)

    def word(m):
        (text, _), = email.header.decode_header(m.group().decode())
        return text
    value = re.sub(rb'=\?[^? ]+\?[BQ]\?[^? ]*\?=', word, value)
    return value.strip()


def fields(data):
    """The fields of a message, in order: name, raw value."""
    head = data.split(b'\r\n\r\n', 1)[0]
    return [tuple(line.split(b':', 1))
            for line in re.split(rb'\r\n(?![ \t])', head)]


def check_lines(data):
    """RFC 2047 2: the lines with encoded words."""
    for line in data.split(b'\r\n\r\n', 1)[0].split(b'\r\n'):
        assert len(line) <= (76 if b'=?u' in line else 998), line


def test_header_is_converted(relay, seven):
    stdin = ''.join('%s: %s\r\n' % f for f in HEADER.items()).encode()
    relay.send('-f', 'd@device.test', 'a@example.org',
               stdin=stdin + b'\r\nx\r\n')
    got, = seven.messages
    assert got.data.isascii()
    check_lines(got.data)
    seen = {n.decode(): text_of(v) for n, v in fields(got.data)}
    for name in 'Subject', 'Comments', 'X-Name':
        assert seen[name] == text_of(HEADER[name].encode())
    assert b'B\xc3\xb6 (zu) "x")' in seen['To']
    mail = email.message_from_bytes(got.data, policy=email.policy.default)
    assert mail['Subject'].strip() == \
        HEADER['Subject'].replace('\r\n', '').strip()
    assert [(a.display_name, a.addr_spec) for a in mail['From'].addresses] \
        == [('Müller, Jürgen', 'j@device.test')]
    assert [(g.display_name, [(a.display_name, a.addr_spec)
                              for a in g.addresses])
            for g in mail['To'].groups] == [
        (None, [('Änne', 'a@example.org')]), (None, [('', 'b@example.org')]),
        ('Ü', [('', 'c@x.test')])]
    # Python 3.11 keeps the blank between two encoded words of a phrase.
    assert seen['Cc'] == 'Änne Müller <a@example.org>'.encode()
    assert mail['Reply-To'].addresses[0].display_name == 'J. Müller'
    size = int(re.search(r'SIZE=(\d+)', got.params).group(1))
    assert 0 <= size - len(got.data) <= 7


@pytest.mark.rubbish('a Message-ID that cannot be encoded')
def test_a_hop_of_8_bits_takes_bodies(make_relay, fake):
    """Not headers: those are recoded all the same; the rest is as it came."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    head = ('Subject: Grüße\r\nContent-type: text/plain;\r\n charset=utf-8\r\n'
            'From: Jürgen <j@device.test>\r\nX-Note: a\r\n').encode()
    coded = (b'Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n'
             b'Content-type: text/plain;\r\n charset=utf-8\r\n'
             b'From: =?utf-8?B?SsO8cmdlbg==?= <j@device.test>\r\n'
             b'X-Note: a\r\n')
    for body in b'--\r\nGr\xc3\xbc\xc3\x9fe \xff\r\n', b'a\r\n' * 30000:
        relay.send('-f', 'd@device.test', 'a@example.org',
                   stdin=head + b'\r\n' + body)
        relay.wait_queue(0)
        got = fake.messages[-1]
        assert got.body == body
        assert coded in got.data
        assert got.header('MIME-Version') == []
        size = int(re.search(r'SIZE=(\d+)', got.params).group(1))
        assert 0 <= size - len(got.data) <= 400
    # Nothing to do, or nothing that can be done: not a byte is changed.
    for head in b'Subject: s\r\n', b'Message-ID: <j\xfc@x.test>\r\n':
        relay.send('-f', 'd@device.test', 'a@example.org',
                   stdin=head + b'\r\n\xe4\r\n')
        assert head in fake.messages[-1].data
        assert fake.messages[-1].body == b'\xe4\r\n'


def test_any_text_in_any_field(relay, seven):
    """What is said stays the same, and the fields around it as they are."""
    rnd = random.Random(3)
    words = ['a', 'ab,', '(c)', 'ü', 'ö"', 'x' * 30, '€' * 20, '?=', '=é',
             'Grüße']
    blanks = [' ', '  ', '\t', '\r\n ', ' \r\n\t']
    for _ in range(4):
        sent = []
        for i in range(60):
            text = ''.join(rnd.choice(words) + rnd.choice(blanks)
                           for _ in range(rnd.randrange(1, 12)))
            sent.append((b'X-%d' % i, b' ' + text.rstrip().encode()))
        stdin = b''.join(n + b':' + v + b'\r\n' for n, v in sent)
        relay.send('-f', 'd@device.test', 'a@example.org',
                   stdin=stdin + b'\r\nx\r\n')
        data = seven.messages[-1].data
        assert data.isascii()
        check_lines(data)
        got = [f for f in fields(data) if f[0].startswith(b'X-')]
        assert [n for n, _ in got] == [n for n, _ in sent]
        for (_, was), (_, now) in zip(sent, got):
            assert text_of(now) == text_of(was)
            assert now == was or not was.isascii()


SHREDS = [b'Subject: ', 'ä'.encode(), b'\xff', b'"', b'<', b'>', b'(', b')',
          b'\\', b',', b';', b':', b'@', b' ', b'\r\n ', b'a', b'x' * 300,
          b'=?utf-8?Q?a?=', b'To: ', b'\r\nFrom: ', b'\r\nContent-Type: ',
          b'multipart/mixed; boundary=x', b'\r\n--x\r\n', b'\r\n\r\n',
          b'\r\n--x--\r\n', b'message/rfc822', b'text/plain', b'charset="',
          b'\r\nContent-Transfer-Encoding: ', b'8bit', b'base64']


@pytest.mark.rubbish('shreds')
def test_any_bytes(make_fake, make_relay):
    """Seven bits, or returned; and SIZE is never too small."""
    rnd = random.Random(7)
    texts = [b'X: y\r\n' + b''.join(rnd.choice(SHREDS) for _ in range(
        rnd.randrange(2, 40))) + b'\r\n' for _ in range(150)]
    for extensions in ['SIZE 999999'], ['SIZE 999999', '8BITMIME']:
        fake = make_fake(extensions=extensions)
        relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
        converted = 0
        for text in texts:
            before = len(fake.messages)
            with Client(relay.port) as c:
                c.hello()
                reply = c.message('d@device.test', ['a@example.org'], text)
            assert len(fake.messages) == before + (reply[:1] == '2')
            if reply[:1] != '2':
                assert ' 5.6.' in reply[:10] and len(extensions) == 1
                continue
            got = fake.messages[-1]
            size = int(re.search(r'SIZE=(\d+)', got.params).group(1))
            assert size >= len(got.data), text
            assert got.data.isascii() or len(extensions) == 2
            converted += not text.isascii()
        assert converted > 50


def test_names_of_attached_files(relay, seven):
    part = ('Content-Type: text/plain; name="Gerät 1.txt"\n'
            'Content-Disposition: attachment; filename="Gerät 1.txt"\n\nx\n')
    relay.send('-f', 'd@device.test', 'a@example.org', stdin=b'Subject: s\n'
               + b'MIME-Version: 1.0\n' + multi(b'mixed', b'=_in',
                                                part.encode(), IMAGE))
    got, = seven.messages
    assert got.data.isascii()
    mail = email.message_from_bytes(got.data, policy=email.policy.default)
    part, _ = mail.iter_parts()
    assert part.get_filename() == 'Gerät 1.txt'
    assert part['Content-Type'].params['name'] == 'Gerät 1.txt'


@pytest.mark.parametrize('field', [
    'From: jürgen@device.test', 'To: a@müller.test, b@example.org',
    'Cc: Jürgen <jürgen@device.test>', 'Message-ID: <ä@b>'])
def test_addresses_have_no_form_of_seven_bits(relay, seven, field):
    p = relay.sendmail('-f', 'd@device.test', 'a@example.org',
                       stdin=field.encode() + b'\n\nx\n')
    assert p.returncode == 69 and b'5.6.9' in p.stderr
    assert seven.messages == []


@pytest.mark.parametrize('name', BAD)
def test_is_returned(relay, seven, name):
    """What must not be changed is refused before anything is said."""
    p = relay.sendmail('-f', 'd@device.test', 'a@example.org',
                       stdin=b'Subject: s\n' + BAD[name])
    assert p.returncode == 69 and b'5.6.3' in p.stderr
    assert seven.messages == []
    assert not any(s.said and 'MAIL' in s.said for s in seven.sessions)


def test_a_second_attempt_is_the_same(relay, seven):
    """Also from the queue, and in a later transaction."""
    seven.script['dot'] = [Reply('450 4.2.0 later')]
    stdin = b'Subject: s\n' + GOOD['nested']
    relay.send('-i', '-f', 'd@device.test', 'a@example.org', stdin=stdin)
    relay.wait_queue(1)
    relay.run('flush')
    relay.wait_queue(0)
    assert (leaves(seven.messages[-1].data) == leaves(stdin)) is True
