# SPDX-License-Identifier: ISC
"""sendmail -bs: SMTP on standard input and output, with and without a daemon;
by pipes, by Python's smtplib, by s-nail's and swaks's pipe transport."""
import shutil
import smtplib
import socket
import subprocess

import pytest

from conftest import need
from fake import Reply
from relay import Client

MAIL = (b'EHLO caller\r\nMAIL FROM:<a@device.test>\r\n'
        b'RCPT TO:<b@example.org>\r\nDATA\r\nSubject: s\r\n\r\n..text\r\n.\r\n')


@pytest.fixture(params=['daemon', 'alone'])
def caller(request, make_relay, fake):
    """A relay that runs, or only the spool of one."""
    return make_relay('smtp://127.0.0.1:%d tls=off' % fake.port,
                      start=request.param == 'daemon')


def replies(p):
    """The codes of the last lines of replies."""
    return [line[:3] for line in p.stdout.decode().splitlines()
            if line[3:4] != '-']


def test_one_message(caller, fake):
    p = caller.sendmail('-bs', stdin=MAIL + b'QUIT\r\n')
    assert p.returncode == 0
    assert replies(p) == ['220', '250', '250', '250', '354', '250', '221']
    message, = fake.messages
    assert message.sender == 'a@device.test'
    assert message.rcpts == ['b@example.org']
    assert message.body == b'.text\r\n'
    assert message.header('Date') and message.header('Message-ID')


def test_end_of_input_instead_of_quit(caller, fake):
    """All that was said is answered; what was complete is delivered."""
    p = caller.sendmail('-bs', stdin=MAIL)
    assert p.returncode == 0
    assert replies(p) == ['220', '250', '250', '250', '354', '250']
    fake.wait_messages(1)


def test_half_a_message_was_never_there(caller, fake):
    p = caller.sendmail('-bs', stdin=MAIL[:-3])
    assert p.returncode == 0 and replies(p)[-1] == '354'
    assert caller.queue() == [] and fake.messages == []


def test_nothing_said(caller, fake):
    p = caller.sendmail('-bs', stdin=b'')
    assert p.returncode == 0 and replies(p) == ['220']


def test_several_messages(caller, fake):
    p = caller.sendmail('-bs', stdin=MAIL * 3 + b'QUIT\r\n')
    assert replies(p).count('354') == 3 and replies(p)[-1] == '221'
    assert len(fake.messages) == 3


def test_a_large_message(caller, fake):
    """Larger than the stage: through the spool; every byte is there."""
    body = b''.join(b'%05d %s\r\n' % (i, b'x' * 60) for i in range(2000))
    p = caller.sendmail('-bs', stdin=MAIL[:-11] + body + b'.\r\nQUIT\r\n')
    assert p.returncode == 0 and replies(p)[-2:] == ['250', '221']
    fake.wait_messages(1)
    assert fake.messages[0].body == body
    caller.wait_queue(0)


def test_refusals_are_the_hops(caller, fake):
    fake.script['rcpt'] = Reply('550 5.1.1 nobody')
    p = caller.sendmail('-bs', stdin=MAIL + b'QUIT\r\n')
    assert p.returncode == 0
    assert b'\n550 5.1.1 nobody' in p.stdout.replace(b'\r', b'')
    assert caller.queue() == []


def test_queued_while_the_hop_is_down(caller, fake):
    fake.stop()
    p = caller.sendmail('-bs', stdin=MAIL + b'QUIT\r\n')
    assert replies(p)[-2] == '250' and b'queued' in p.stdout
    assert len(caller.queue()) == 1


def test_the_rules_of_a_server(caller, fake):
    """Commands out of order, and smuggled ends of the message."""
    p = caller.sendmail('-bs', stdin=b'DATA\r\nEHLO x\r\nRCPT TO:<b@c.de>\r\n'
                        b'VRFY root\r\nNOOP\r\nQUIT\r\n')
    assert replies(p) == ['220', '503', '250', '503', '252', '250', '221']
    caller.sendmail('-bs', stdin=MAIL.replace(
        b'..text', b'x\n.\nMAIL FROM:<evil@example.org>') + b'QUIT\r\n')
    assert len(fake.messages) <= 1


def test_nobody_is_there(make_relay, fake, root):
    """No daemon, and a caller who may not do its work: the client is told."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    p = relay.sendmail('-bs', stdin=MAIL, user='games')
    assert p.returncode == 75 and p.stderr
    assert p.stdout.startswith(b'421 4.3.2 ')


def test_standard_output_is_gone(caller, fake):
    """Nobody reads the replies."""
    line = ['sendmail', '-C', caller.file, '-bs']
    with subprocess.Popen(line, executable=caller.words[-1],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        p.stdout.close()
        p.stdin.write(b'NOOP\r\n')
        p.stdin.flush()
        assert p.wait(20) == 74
        p.stdin.close()


class Smtp(smtplib.SMTP):
    """smtplib on a socket whose other end is sendmail -bs."""

    def __init__(self, relay):
        self.relay = relay
        super().__init__('pipe', 25, local_hostname='localhost')

    def _get_socket(self, host, port, timeout):
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        self.child = subprocess.Popen(
            ['sendmail', '-C', self.relay.file, '-bs'],
            executable=self.relay.words[-1], stdin=theirs, stdout=theirs,
            stderr=subprocess.PIPE)
        theirs.close()
        return ours


def test_smtplib(caller, fake):
    with Smtp(caller) as s:
        s.sendmail('a@device.test', ['b@example.org', 'c@example.org'],
                   b'Subject: s\r\n\r\ntext\r\n')
    s.child.stderr.close()
    assert s.child.wait(20) == 0
    assert fake.messages[0].rcpts == ['b@example.org', 'c@example.org']


def test_swaks(caller, fake):
    need(shutil.which('swaks'), 'swaks')
    name = caller.base + '/sendmail'
    shutil.copy(caller.words[-1], name)
    p = subprocess.run(
        ['swaks', '--pipe', '%s -C %s -bs' % (name, caller.file), '--from',
         'a@device.test', '--to', 'b@example.org'], timeout=30,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout
    assert fake.messages[0].rcpts == ['b@example.org']


def test_daemon_is_full(make_relay, fake):
    """Nothing is bypassed: its 421 is what the client sees."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    clients = []
    try:
        for _ in range(16):
            c = Client(relay.submit)
            clients.append(c)
            c.reply()
            c.cmd('EHLO x')
            c.cmd('MAIL FROM:<a@device.test>')
        p = relay.sendmail('-bs', stdin=b'NOOP\r\n')
        assert p.stdout.startswith(b'421 4.3.2')
    finally:
        for c in clients:
            c.sock.close()
