# SPDX-License-Identifier: ISC
"""The SMTP listener and the submission socket, seen from a client."""
import os
import pwd
import re
import smtplib
import stat
import subprocess

import pytest

from relay import Client

MAIL = b'Subject: x\r\n\r\nbattery low\r\n'
ENDS = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r', b'\r.\r\n', b'\r\n.\r',
        b'\n.\r', b'\r\n.\r\r\n', b'\r\r\n.\r\n', b'\r\n\0.\r\n',
        b'\r\n.\0\r\n']
EVIL = (b'MAIL FROM:<evil@evil.test>\r\nRCPT TO:<victim@example.org>\r\n'
        b'DATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT\r\n')


def start_data(c):
    for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>'):
        assert c.cmd(line)[:3] == '250'
    assert c.cmd('DATA')[:3] == '354'


@pytest.mark.parametrize('split', [False, True], ids=['whole', 'bytes'])
@pytest.mark.parametrize('end', ENDS, ids=repr)
def test_smuggling(relay, fake, end, split):
    """Only CRLF.CRLF ends a message; nothing behind a fake end is obeyed."""
    with Client(relay.port) as c:
        c.hello()
        start_data(c)
        try:
            c.send(b'Subject: ok\r\n\r\nbody' + end + EVIL, split)
            c.replies()
        except ConnectionError:
            pass
    relay.send()
    assert all(m.sender != 'evil@evil.test' for m in fake.messages)
    assert len(fake.messages) <= 2
    assert fake.messages[-1].body == b'battery low\r\n'


@pytest.mark.parametrize('end', ENDS, ids=repr)
def test_smuggling_from_standard_input(relay, fake, end):
    """sendmail -i: the wire has CRLF only, one message leaves."""
    relay.send('-i', '-f', 'd@device.test', 'a@example.org',
               stdin=b'Subject: ok\n\nbody' + end + EVIL)
    message, = fake.messages
    assert message.sender == 'd@device.test'
    assert b'victim@example.org' in message.body


@pytest.mark.parametrize('split', [False, True], ids=['segment', 'bytes'])
@pytest.mark.parametrize('count', [1, 3])
def test_pipelined_session(relay, fake, split, count):
    """Replies in order, none lost, however the bytes come."""
    with Client(relay.port) as c:
        c.hello()
        for i in range(count):
            c.send(b'MAIL FROM:<d@device.test>\r\nRCPT TO:<a@example.org>\r\n'
                   b'RCPT TO:<b@example.org>\r\nDATA\r\n', split)
            assert [c.reply()[:3] for _ in range(4)] == \
                ['250', '250', '250', '354']
            end = b'QUIT\r\n' if i == count - 1 else b'RSET\r\n'
            c.send(MAIL + b'.\r\n' + end, split)
            assert [c.reply()[:3] for _ in range(2)] == \
                ['250', '221' if end[:1] == b'Q' else '250']
        assert c.reply() == ''
    assert len(fake.messages) == count


def test_body_in_the_segment_of_data(relay, fake):
    """Transaction stuffing: nothing is taken before the 354."""
    with Client(relay.port) as c:
        c.hello()
        c.send(b'MAIL FROM:<d@device.test>\r\nRCPT TO:<a@example.org>\r\n'
               b'DATA\r\n' + MAIL + b'.\r\n')
        assert c.replies()[-1].startswith('554 5.5.0')
    relay.send()
    assert len(fake.messages) == 1


@pytest.mark.parametrize('first', ['GET / HTTP/1.0', 'POST / HTTP/1.1',
                                   'HEAD / HTTP/1.0', 'CONNECT a:25'])
def test_http_is_sent_away(relay, first):
    with Client(relay.port) as c:
        c.reply()
        c.send(first.encode() + b'\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n')
        said = c.replies()
    assert len(said) == 1 and said[0][:3] in ('421', '554')


def test_extensions(relay):
    with Client(relay.port) as c:
        lines = [x[4:] for x in c.hello().split('\n')[1:]]
    assert {'PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'} <= set(lines)
    assert [x for x in lines if re.fullmatch(r'SIZE \d+', x)]
    assert not [x for x in lines if x.startswith(('STARTTLS', 'AUTH'))]


def test_helo_and_the_order_of_commands(relay, fake):
    with Client(relay.port) as c:
        assert c.reply()[:3] == '220'
        assert c.cmd('mail from:<d@device.test>')[:3] == '503'
        assert c.cmd('hElO client.test')[:3] == '250'
        assert c.cmd('RCPT TO:<a@example.org>')[:3] == '503'
        assert c.cmd('DATA')[:3] == '503'
        assert c.cmd('mAiL fRoM:<D@Device.test>')[:3] == '250'
        assert c.cmd('MAIL FROM:<d@device.test>')[:3] == '503'
        assert c.cmd('RCPT TO:<Big@Example.org>')[:3] == '250'
        assert c.cmd('VRFY root')[:3] == '252'
        assert c.cmd('NOOP x')[:3] == '250'
        assert c.cmd('EXPN list')[:3] == '502'
        assert c.cmd('BLAH')[:3] == '500'
        c.cmd('DATA')
        c.send(MAIL + b'.\r\n')
        assert c.reply()[:3] == '250'
        assert c.cmd('QUIT')[:3] == '221'
    assert fake.messages[0].rcpts == ['Big@Example.org']
    assert fake.messages[0].sender == 'D@Device.test'


@pytest.mark.parametrize('line, code', [
    ('MAIL FROM:<a@b.test> FOO=1', '555'), ('MAIL FROM:<a b@c.test>', '501'),
    ('MAIL FROM:<a@b.test> SIZE=x', '501'),
    ('MAIL FROM:<a@b.test> BODY=9BIT', '501'),
    ('RCPT TO:<>', '50[13]'), ('STARTTLS', '50[02]'), ('LHLO x', '50[02]'),
    ('MAIL FROM:<a\0@b.test>', '50[01]'), ('X' * 100000, '500')])
def test_refused_commands(relay, line, code):
    with Client(relay.port) as c:
        c.hello()
        reply = c.cmd(line)
        assert re.match(code, reply), reply
        assert re.match(r'5\d\d 5\.\d\.\d', reply)
        if '\0' not in line:
            assert c.cmd('NOOP')[:3] == '250'


def test_enhanced_codes_everywhere(relay, fake):
    with Client(relay.port) as c:
        c.hello()
        replies = [c.cmd(x) for x in (
            'MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>', 'RSET',
            'NOOP', 'VRFY a', 'RCPT TO:<b@example.org>', 'FOO', 'HELP',
            'QUIT')]
    for reply in replies:
        for line in reply.split('\n'):
            m = re.match(r'([245])\d\d[ -]([245])\.\d+\.\d+ ', line)
            assert m and m.group(1) == m.group(2), line


def test_received_field(relay, fake):
    with Client(relay.port) as c:
        c.hello()
        assert c.message('d@device.test', ['a@example.org'], MAIL)[:3] == '250'
        c.message('d@device.test', ['a@example.org', 'b@example.org'], MAIL)
    one, two = fake.messages
    received, = one.header('Received')
    assert re.match(r'from client\.test \(\[127\.0\.0\.1\]\) by device\.test '
                    r'\(mailmote\) with ESMTP id \S+', received), received
    assert re.search(r'for <a@example\.org>; \w{3}, \d\d? \w{3} 20\d\d '
                     r'\d\d:\d\d:\d\d [+-]\d{4}', received), received
    assert ' for ' not in two.header('Received')[0]


def test_dot_stuffing(relay, fake):
    body = b'.\n..\n...\n.x\n\n.'
    with Client(relay.port) as c:
        c.hello()
        start_data(c)
        c.send(b'\r\n' + re.sub(rb'(?m)^\.', b'..',
                                body).replace(b'\n', b'\r\n') + b'\r\n.\r\n')
        assert c.reply()[:3] == '250'
    assert fake.messages[0].body == body.replace(b'\n', b'\r\n') + b'\r\n'


def test_existing_header_is_left_alone(relay, fake):
    head = (b'Received: from a by b; x\r\nFrom: =?utf-8?q?X?= <x@y.test>\r\n'
            b'Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n'
            b'X-Folded: a\r\n\tb\r\nMessage-ID: <1@y.test>\r\n')
    with Client(relay.port) as c:
        c.hello()
        c.message('d@device.test', ['a@example.org'], head + b'\r\nx\r\n')
    assert fake.messages[0].data.endswith(head + b'\r\nx\r\n')


def test_missing_fields_are_added(relay, fake):
    relay.send(stdin=b'Subject: x\n\nbody\n')
    m = fake.messages[0]
    assert len(m.header('From')) == 1 and 'dev@device.test' in \
        m.header('From')[0]
    assert len(m.header('Date')) == 1
    assert re.fullmatch(r'<[^<>@\s]+@[^<>@\s]+>', m.header('Message-ID')[0])


def test_smtplib(relay, fake):
    with smtplib.SMTP('127.0.0.1', relay.port) as s:
        refused = s.sendmail('d@device.test', ['a@example.org'],
                             'Subject: x\n\n.dots\n..\n')
    assert refused == {}
    assert fake.messages[0].body == b'.dots\r\n..\r\n'


def test_interleaved_sessions(relay, fake):
    with Client(relay.port) as a, Client(relay.port) as b:
        a.hello()
        b.hello()
        for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>',
                     'DATA'):
            a.cmd(line)
            b.cmd(line)
        b.send(b'Subject: b\r\n\r\nb\r\n.\r\n')
        assert b.reply()[:3] == '250'
        a.send(b'Subject: a\r\n\r\na\r\n.\r\n')
        assert a.reply()[:3] == '250'
    assert [m.header('Subject') for m in fake.messages] == [['b'], ['a']]


def test_socket_permissions(relay, root):
    mode = os.stat(relay.submit)
    assert stat.S_ISSOCK(mode.st_mode) and mode.st_mode & 0o777 == 0o666
    mode = os.stat(relay.control)
    assert stat.S_ISSOCK(mode.st_mode) and mode.st_mode & 0o777 == 0o660
    assert mode.st_uid == pwd.getpwnam('nobody').pw_uid
    assert os.stat(relay.spool).st_mode & 0o077 == 0


def test_folders_that_are_made_are_open_to_others(make_relay, fake, root):
    """Of the socket, and those above it: not all images have a /run."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    relay.submit = os.path.join(relay.base, 'var/run/mailmote/submit')
    relay.write(socket=relay.submit,
                spool=os.path.join(relay.base, 'var/lib/mailmote/spool'))
    relay.start()
    assert relay.send('a@example.org', user='games').returncode == 0
    for folder in ('var', 'var/run', 'var/lib', 'var/run/mailmote'):
        mode = os.stat(os.path.join(relay.base, folder)).st_mode
        assert mode & 0o7777 == 0o755, folder


@pytest.mark.parametrize('squat', ['folder', 'link', 'above'])
@pytest.mark.parametrize('key', ['socket', 'spool'])
def test_folder_of_somebody_else(make_relay, fake, root, key, squat):
    """Where everybody may make one, as in /tmp: it is no place for mail."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    games = pwd.getpwnam('games')
    shared = os.path.join(relay.base, 'tmp')
    os.mkdir(shared)
    os.chmod(shared, 0o1777)
    mine = os.path.join(shared, 'mailmote')
    if squat == 'link':
        os.symlink('/etc', mine)
    else:
        os.mkdir(mine)
    os.lchown(mine, games.pw_uid, games.pw_gid)
    below = os.path.join(mine, 'deep' if squat == 'above' else '')
    path = os.path.join(below, 'file')
    relay.write(**{key: path})
    if key == 'socket':
        relay.submit = path
    before = sorted(os.listdir(mine))
    if key == 'socket':
        p = relay.run('daemon', limit_s=5)
        assert p.returncode == 71 and b'belongs to another user' in p.stderr
    else:
        relay.start()
        assert 'wrong owner' in relay.status()['spool']['reason']
        relay.stop()
    assert sorted(os.listdir(mine)) == before
    # What root, or the daemon's user, has made is good.
    os.unlink(mine) if squat == 'link' else os.chown(mine, 0, 0)
    relay.start()
    assert relay.status()['spool']['path']


def test_daemon_is_not_root(relay, root):
    relay.status()
    with open('/proc/%d/status' % relay.process.pid) as f:
        text = f.read()
    uid = pwd.getpwnam('nobody').pw_uid
    assert re.search(r'^Uid:\t%d\t%d\t%d\t%d$' % (uid, uid, uid, uid), text,
                     re.M)
    assert re.search(r'^CapEff:\t0+$', text, re.M)


def test_any_user_may_submit_and_is_logged(relay, fake, root):
    relay.send('a@example.org', user='games')
    assert len(fake.messages) == 1
    relay.wait_log(r'uid=%d\b' % pwd.getpwnam('games').pw_uid)
    assert fake.messages[0].sender == 'games@device.test'


def test_control_is_closed_to_others(relay, root):
    for words in (['queue'], ['status'], ['flush'], ['remove', '--all']):
        p = relay.run(*words, user='games')
        assert p.returncode == 77 and p.stderr, (words, p)
    p = relay.run('-q', name='sendmail', user='games')
    assert p.returncode == 0
    assert relay.run('queue', user='nobody').returncode == 0


def test_swaks(relay, fake):
    p = subprocess.run(
        ['swaks', '--server', '127.0.0.1:%d' % relay.port, '--from',
         'd@device.test', '--to', 'a@example.org,b@example.org', '--body',
         'swaks was here', '--pipeline'], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout.decode()
    assert fake.messages[0].rcpts == ['a@example.org', 'b@example.org']
    assert b'swaks was here' in fake.messages[0].body


def test_networks_that_may_not_submit(make_relay, fake):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port,
                       allow='192.0.2.0/24')
    with Client(relay.port) as c:
        said = c.reply()
        if said[:3] == '220':
            c.cmd('EHLO x.test')
            said = c.cmd('MAIL FROM:<d@device.test>')
            if said[:3] == '250':
                said = c.cmd('RCPT TO:<a@example.org>')
    assert said[:1] in '45', said
    relay.send()
    assert len(fake.messages) == 1
