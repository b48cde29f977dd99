# SPDX-License-Identifier: ISC
"""The tiny binary: sendmail to a smart host, with nothing to fall back on
(DESIGN.md 3.1, 5).  What cannot be delivered now is given back with 75.
"""
import os
import subprocess

import pytest

from conftest import need
from fake import Close, Drop, Raw, Reply, Slow
from relay import TOP, Relay, free_port

BINARY = os.environ.get('MAILMOTE_TINY',
                        os.path.join(TOP, 'build/tiny/mailmote'))
STEPS = ['greeting', 'ehlo', 'mail', 'rcpt', 'data']


class Tiny(Relay):
    """Knows no other keys than these."""

    def write(self, **more):
        for key in ('listen', 'socket', 'control', 'spool', 'log', 'splay',
                    'retry'):
            self.conf.pop(key, None)
        super().write(**more)


@pytest.fixture
def make_tiny(request):
    need(os.access(BINARY, os.X_OK), BINARY)
    made = []

    def make(*fakes, **conf):
        hops = ['smtp://127.0.0.1:%d' % f.port for f in fakes]
        made.append(Tiny(binary=BINARY, **conf))
        made[-1].write(smarthost=hops or None)
        return made[-1]
    yield make
    for tiny in made:
        tiny.close()


@pytest.fixture
def tiny(make_tiny, fake):
    return make_tiny(fake)


def mail(tiny, *words, **more):
    return tiny.sendmail('-f', 'd@device.test', *(words or ('a@x.test',)),
                         **more)


def test_delivers(tiny, fake):
    p = mail(tiny)
    assert (p.returncode, p.stdout, p.stderr) == (0, b'', b'')
    m, = fake.messages
    assert (m.sender, m.rcpts) == ('d@device.test', ['a@x.test'])
    assert m.body == b'battery low\r\n'
    assert m.session.commands[0] == 'EHLO device.test'
    assert m.session.commands[-1] == 'QUIT'


def test_header_is_completed(tiny, fake):
    mail(tiny, stdin=b'Subject: x\nBcc: b@x.test\n\nbody\n')
    m, = fake.messages
    assert m.data.startswith(b'Received: from localhost (sendmail)\r\n\tid ')
    trace, = m.header('Received')
    assert ' for <a@x.test>; ' in trace
    ident = trace.split(' id ')[1].split()[0]
    assert m.header('Message-ID') == ['<%s@device.test>' % ident]
    assert len(m.header('Date')) == 1 and m.header('Date')[0] in trace
    assert '<d@device.test>' in m.header('From')[0]
    assert m.header('Bcc') == []


def test_header_is_kept(tiny, fake):
    mail(tiny, stdin=b'From: me@x.test\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n'
         b'Message-ID: <1@x.test>\n\nbody\n')
    m, = fake.messages
    assert m.header('From') == ['me@x.test']
    assert m.header('Message-ID') == ['<1@x.test>']
    assert m.header('Date') == ['Mon, 1 Jan 2024 00:00:00 +0000']


def test_addresses_are_completed(tiny, fake):
    """The same as a daemon does (test_identity.py)."""
    tiny.send('-f', 'root', 'a@x.test', stdin=b'From: root (Cron Daemon)\n'
         b'To: root, B <b@localhost>\nReply-To: ops\n\nbody\n')
    m, = fake.messages
    assert m.sender == 'root@device.test'
    assert m.header('From') == ['Cron Daemon <root@device.test>']
    assert m.header('To') == ['root@device.test, B <b@device.test>']
    assert m.header('Reply-To') == ['ops@device.test']


def test_identifiers_differ(tiny, fake):
    for _ in range(3):
        mail(tiny)
    assert len({m.header('Message-ID')[0] for m in fake.messages}) == 3


def test_name_in_the_hosts_file(tiny, fake):
    tiny.write(smarthost='smtp://localhost:%d' % fake.port)
    assert mail(tiny).returncode == 0 and len(fake.messages) == 1
    tiny.write(smarthost='smtp://nowhere.test:%d' % fake.port)
    p = mail(tiny)
    assert p.returncode == 75 and b'hosts file' in p.stderr


def test_no_hop_at_all(make_tiny):
    p = mail(make_tiny())
    assert p.returncode == 75 and b'no route' in p.stderr


def test_bare_names_are_completed(tiny, fake):
    assert tiny.sendmail('root').returncode == 0
    assert fake.messages[0].rcpts == ['root@device.test']
    assert fake.messages[0].sender.endswith('@device.test')


def test_verbose_says_each_answer(tiny, fake):
    fake.script['rcpt'] = [Reply('550 5.1.1 nobody'), None]
    p = mail(tiny, '-v', 'a@x.test', 'b@x.test')
    assert p.returncode == 0
    assert b'a@x.test: refused: 550 5.1.1 nobody' in p.stderr
    assert b'b@x.test: accepted: 250 2.0.0 queued as FAKE' in p.stderr


def test_refused(tiny, fake):
    fake.script['rcpt'] = Reply('550 5.1.1 nobody')
    p = mail(tiny)
    assert p.returncode == 69 and b'550 5.1.1 nobody' in p.stderr
    assert not fake.messages


@pytest.mark.parametrize('step', ['mail', 'rcpt', 'data', 'dot'])
def test_refused_at(tiny, fake, step):
    fake.script[step] = Reply('554 5.7.1 not this')
    p = mail(tiny, 'a@x.test', 'b@x.test')
    assert p.returncode == 69 and b'5.7.1 not this' in p.stderr


@pytest.mark.parametrize('step', ['greeting', 'mail', 'rcpt', 'data', 'dot'])
def test_temporary_at(tiny, fake, step):
    fake.script[step] = Reply('451 4.3.0 later')
    p = mail(tiny)
    assert p.returncode == 75 and b'451 4.3.0 later' in p.stderr
    assert not fake.messages


def test_part_refused(tiny, fake):
    fake.script['rcpt'] = [Reply('550 5.1.1 nobody'), None]
    p = mail(tiny, 'a@x.test', 'b@x.test')
    assert p.returncode == 0
    assert b'a@x.test: refused: 550 5.1.1 nobody' in p.stderr
    assert [m.rcpts for m in fake.messages] == [['b@x.test']]


def test_part_temporary(tiny, fake):
    fake.script['rcpt'] = [Reply('450 4.2.1 later'), None]
    p = mail(tiny, 'a@x.test', 'b@x.test')
    assert p.returncode == 75
    assert b'a@x.test: try again later: 450 4.2.1 later' in p.stderr
    assert b'possible duplicates' in p.stderr


def test_refused_and_temporary(tiny, fake):
    fake.script['rcpt'] = [Reply('550 5.1.1 nobody'), Reply('450 4.2.1 later')]
    p = mail(tiny, 'a@x.test', 'b@x.test')
    assert p.returncode == 75
    assert b'nobody' in p.stderr and b'later' in p.stderr


@pytest.mark.parametrize('how', [Drop(), Drop(reset=True),
                                 Close('421 4.3.2 going down'), Raw(b'\xff\n')])
@pytest.mark.parametrize('step', STEPS)
def test_trouble_with_one_hop(make_tiny, make_fake, step, how):
    """The next one gets it, whole and once."""
    bad, good = make_fake(), make_fake()
    bad.script[step] = how
    p = mail(make_tiny(bad, good))
    assert p.returncode == 0, p.stderr
    assert not bad.messages
    assert [m.body for m in good.messages] == [b'battery low\r\n']
    assert len(good.messages[0].header('Received')) == 1


@pytest.mark.parametrize('step', STEPS)
def test_trouble_with_the_only_hop(tiny, fake, step):
    fake.script[step] = Drop()
    p = mail(tiny)
    assert p.returncode == 75 and b'try again later' in p.stderr


def test_lost_after_the_final_dot(make_tiny, make_fake):
    """It may have been taken: no other hop is tried."""
    bad, good = make_fake(), make_fake()
    bad.script['dot'] = Drop()
    p = mail(make_tiny(bad, good))
    assert p.returncode == 75 and b'final dot' in p.stderr
    assert len(bad.sessions) == 1 and not good.sessions


def test_hop_that_is_not_there(make_tiny, fake):
    tiny = make_tiny()
    tiny.write(smarthost=['smtp://127.0.0.1:%d' % free_port(),
                          'smtp://127.0.0.1:%d' % fake.port])
    assert mail(tiny).returncode == 0 and len(fake.messages) == 1
    tiny.write(smarthost='smtp://127.0.0.1:%d' % free_port())
    p = mail(tiny)
    assert p.returncode == 75 and b'refused' in p.stderr


def test_every_address_of_a_hop(tiny, fake):
    """localhost is ::1 as well, where nobody listens."""
    tiny.write(smarthost='smtp://localhost:%d' % fake.port)
    for _ in range(4):
        assert mail(tiny).returncode == 0
    assert len(fake.messages) == 4


def test_slow_answers(tiny, fake):
    for step in ('greeting', 'ehlo', 'mail', 'rcpt', 'data', 'dot'):
        fake.script[step] = [Slow()]
    assert mail(tiny).returncode == 0 and len(fake.messages) == 1


def test_several_routes(make_tiny, make_fake):
    one, two = make_fake(), make_fake()
    tiny = make_tiny(one)
    tiny.write(route=['far.test smtp://127.0.0.1:%d' % two.port,
                      'drop.test discard', 'no.test "error:not from here"'])
    p = mail(tiny, '-v', 'a@x.test', 'b@far.test', 'c@drop.test', 'd@no.test')
    assert p.returncode == 0
    assert [m.rcpts for m in one.messages] == [['a@x.test']]
    assert [m.rcpts for m in two.messages] == [['b@far.test']]
    assert b'd@no.test: refused: 550 5.7.1 not from here' in p.stderr
    assert b'c@drop.test: accepted: 250 2.0.0 discarded' in p.stderr
    two.stop()
    assert mail(tiny, 'a@x.test', 'b@far.test').returncode == 75
    assert len(one.messages) == 2
    assert mail(tiny, 'd@no.test').returncode == 69


@pytest.mark.parametrize('piped', [False, True])
def test_many_recipients(tiny, fake, piped):
    """250 are three transactions, the message the same in each."""
    rcpts = ['r%03d@x.test' % i for i in range(250)]
    text = b'Subject: x\n\n' + b'line of text\n' * 4000
    p = mail(tiny, *rcpts, stdin=text) if piped else from_file(
        tiny, text, '-f', 'd@device.test', *rcpts)
    assert p.returncode == 0, p.stderr
    assert [len(m.rcpts) for m in fake.messages] == [100, 100, 50]
    assert sum((m.rcpts for m in fake.messages), []) == rcpts
    assert {m.body for m in fake.messages} == {b'line of text\r\n' * 4000}
    assert len(fake.sessions) == 1
    assert len({m.header('Message-ID')[0] for m in fake.messages}) == 1


def test_hop_that_takes_one_message_a_session(tiny, fake):
    fake.script['dot'] = lambda session, _: Close('250 2.0.0 ok and bye')
    rcpts = ['r%03d@x.test' % i for i in range(250)]
    assert mail(tiny, *rcpts).returncode == 0
    assert sum((m.rcpts for m in fake.messages), []) == rcpts
    assert len(fake.sessions) == 3


def test_hop_that_takes_few_recipients(tiny, fake):
    """452 behind the first: the others come in the next transaction."""
    def few(session, _):
        return Reply('452 4.5.3 too many') if len(session.rcpts) >= 3 else None
    fake.script['rcpt'] = few
    rcpts = ['r%d@x.test' % i for i in range(8)]
    p = mail(tiny, *rcpts)
    assert p.returncode == 0, p.stderr
    assert sorted(sum((m.rcpts for m in fake.messages), [])) == rcpts


def test_part_of_many_then_trouble(make_tiny, make_fake):
    """What the first hop has taken the second does not get."""
    one, two = make_fake(), make_fake()
    one.script['mail'] = [None, Drop()]
    one.script['greeting'] = [None, Drop()]
    rcpts = ['r%03d@x.test' % i for i in range(150)]
    assert mail(make_tiny(one, two), *rcpts).returncode == 0
    assert [m.rcpts for m in one.messages] == [rcpts[:100]]
    assert [m.rcpts for m in two.messages] == [rcpts[100:]]


def from_file(tiny, text, *words):
    path = os.path.join(tiny.base, 'message')
    with open(path, 'wb') as f:
        f.write(text)
    with open(path, 'rb') as f:
        return subprocess.run(['sendmail', '-C', tiny.file, *words],
                              executable=BINARY, stdin=f,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60)


@pytest.mark.parametrize('piped', [False, True])
def test_large_message(make_tiny, make_fake, piped):
    """17 MB in constant memory, again from the start for the next hop."""
    bad, good = make_fake(), make_fake()
    bad.script['body'] = Drop()
    tiny = make_tiny(bad, good)
    lines = b''.join(b'.%06d %s\n' % (i, b'x' * 60) for i in range(250000))
    text = b'Subject: large\n\n' + lines
    words = '-i', '-f', 'd@device.test', 'a@x.test'
    if piped:
        p = tiny.sendmail(*words, stdin=text, limit_s=60)
    else:
        p = from_file(tiny, text, *words)
    assert p.returncode == 0, p.stderr
    assert good.messages[0].body == lines.replace(b'\n', b'\r\n')


def test_memory_stays_small(tiny, fake):
    """The limit is far below the message."""
    text = b'Subject: x\n\n' + b'y' * 78 + b'\n'
    text += (b'y' * 78 + b'\n') * 150000
    path = os.path.join(tiny.base, 'message')
    with open(path, 'wb') as f:
        f.write(text)
    with open(path, 'rb') as f:
        p = subprocess.run(
            ['sh', '-c', 'ulimit -v 1024; exec "$0" -C "$@"', BINARY,
             tiny.file, 'sendmail', '-f', 'd@device.test', 'a@x.test'],
            stdin=f, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode == 0, p.stderr
    assert len(fake.messages[0].data) > len(text)


def test_larger_than_allowed(tiny, fake):
    tiny.write(max_message='64K')
    text = b'Subject: x\n\n' + (b'y' * 78 + b'\n') * 1000
    p = mail(tiny, stdin=text)
    assert p.returncode == 65 and b'too large' in p.stderr
    assert from_file(tiny, text, 'a@x.test').returncode == 65
    assert not fake.messages


def test_fault_of_the_message_holds_for_all_routes(make_tiny, make_fake):
    one, two = make_fake(), make_fake()
    tiny = make_tiny(one, max_message='64K')
    tiny.write(route='far.test smtp://127.0.0.1:%d' % two.port)
    p = mail(tiny, 'a@x.test', 'b@far.test',
             stdin=b'Subject: x\n\n' + (b'y' * 78 + b'\n') * 1000)
    assert p.returncode == 65
    assert p.stderr.count(b'too large') == 2 and b'no route' not in p.stderr
    assert not one.messages + two.messages
    assert len(one.sessions + two.sessions) == 1


def test_larger_than_the_hop_takes(tiny, make_fake):
    small = make_fake(extensions=('SIZE 1000', 'PIPELINING'))
    tiny.write(smarthost='smtp://127.0.0.1:%d' % small.port)
    p = from_file(tiny, b'Subject: x\n\n' + b'line\n' * 1000, 'a@x.test')
    assert p.returncode == 69 and b'5.3.4' in p.stderr


def test_loop(tiny, fake):
    p = mail(tiny, stdin=b'Received: x\n' * 101 + b'\nbody\n')
    assert p.returncode == 69 and b'too many hops' in p.stderr
    assert not fake.messages
    assert mail(tiny, stdin=b'Received: x\n' * 100 + b'\nbody\n'
                ).returncode == 0


def test_bad_recipient_sends_nothing(tiny, fake):
    assert mail(tiny, 'a@x.test', 'b@@x.test').returncode == 65
    assert not fake.sessions


def test_root_is_given_up(tiny, fake, root):
    """The hop's answer comes late: who is connected meanwhile?"""
    from fake import Hold
    import pwd
    hold = fake.script['greeting'] = Hold()
    with subprocess.Popen(['sendmail', '-C', tiny.file, 'a@x.test'],
                          executable=BINARY, stdin=subprocess.PIPE) as p:
        p.stdin.write(b'Subject: x\n\nbody\n')
        p.stdin.close()
        assert hold.reached.wait(10)
        with open('/proc/%d/status' % p.pid) as f:
            status = dict(line.split(':', 1) for line in f)
        hold.release()
        assert p.wait(10) == 0
    uid = str(pwd.getpwnam('nobody').pw_uid)
    assert status['Uid'].split() == [uid] * 4
    assert status['Groups'].strip() == ''


def test_needs_no_privileges(tiny, fake, root):
    p = mail(tiny, user='games')
    assert p.returncode == 0, p.stderr
