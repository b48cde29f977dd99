# SPDX-License-Identifier: ISC
"""Each caller's exact command line, from the environments they call from: the
message arrives with the right envelope and header.

The lines are those of the sources of the callers (BusyBox, cronie, Debian's
cron, dcron, bcron, at, mdadm, sudo, logwatch, fail2ban, nut, PHP, git, mutt,
s-nail, bsd-mailx, unattended-upgrades, systemd-cron).
"""
import pytest

from callers import ADMIN, SENDMAIL, TEXT, System, fresh, open_system
from fake import Reply

PLAIN = b'Subject: s\nTo: root\n\nline\n'
HOME = '@device.test'


class Caller:
    """A command line with its input, and what has to arrive."""

    def __init__(self, name, line, stdin=PLAIN, rcpts=(ADMIN,), sender=None,
                 body=b'line\r\n', uid='games', **header):
        self.name, self.line, self.stdin = name, line.split(), stdin
        self.rcpts = list(rcpts)
        self.sender = str(uid) + HOME if sender is None else sender
        self.body, self.uid, self.header = body, uid, header


CALLERS = [
    Caller('busybox-crond', 'sendmail -ti',
           b'To: root\nSubject: cron: job\n\nline\n', Subject='cron: job'),
    Caller('busybox-script', 'sendmail -f a@device.test -i b@example.org',
           rcpts=['b@example.org'], sender='a@device.test'),
    Caller('cronie', 'sendmail -FCronDaemon -i -odi -oem -oi -t -f root',
           b'From: "(Cron Daemon)" <root>\nTo: root\nSubject: Cron <r@h> j\n'
           b'Auto-Submitted: auto-generated\nPrecedence: bulk\n'
           b'X-Cron-Env: <HOME=/>\n\nline\n', uid='root',
           Auto_Submitted='auto-generated', X_Cron_Env='<HOME=/>'),
    Caller('debian-cron', 'sendmail -FCronDaemon -i -B8BITMIME -oem root',
           b'From: root (Cron Daemon)\nTo: root\nSubject: Cron <r@h> j\n'
           b'MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n'
           b'Content-Transfer-Encoding: 8bit\n\n\xc3\xa4\n',
           uid='root', body=b'\xc3\xa4\r\n'),
    Caller('vixie-cron', 'sendmail -FCronDaemon -odi -oem -or0s root,b@x.org',
           rcpts=[ADMIN, 'b@x.org']),
    Caller('bcron', 'sendmail -FCronDaemon -i -odi -oem -t'),
    Caller('dcron', 'sendmail -t -oem -i'),
    Caller('systemd-cron', 'sendmail -i -B8BITMIME root'),
    Caller('atd', 'sendmail -i root',
           b'Subject: Output from your job        1\nTo: root\n\nline\n',
           From='games %s <games@device.test>'),
    Caller('mdadm', 'sendmail -t',
           b'From: mdadm monitoring <root@device.test>\nTo: root\n'
           b'Subject: Fail event on /dev/md0:h\n\nline\n',
           From='mdadm monitoring <root@device.test>'),
    Caller('sudo', 'sendmail -t',
           b'To: root\nFrom: games\nAuto-Submitted: auto-generated\n'
           b'Subject: *** SECURITY information for h ***\n\nline\n'),
    Caller('logwatch', 'sendmail -t',
           b'To: root\nFrom: Logwatch\nSubject: Logwatch for h (Linux)\n'
           b'Auto-Submitted: auto-generated\nPrecedence: bulk\n\nline\n'),
    Caller('fail2ban', 'sendmail -f fail2ban@device.test root',
           b'Subject: [Fail2Ban] ssh: banned\n            Date: Mon, 02 Feb '
           b'2026 10:00:00 +0000\n            From: Fail2Ban <f@device.test>\n'
           b'            To: root\n\nline\n', sender='fail2ban@device.test'),
    Caller('nut', 'sendmail root', b'Subject: UPS\n\nline\n.\nnot this\n',
           From='games %s <games@device.test>'),
    Caller('script', 'sendmail b@example.org', b'Subject: x\n',
           rcpts=['b@example.org'], body=b''),
    Caller('no-header', 'sendmail b@example.org', b'line one\nline two\n',
           rcpts=['b@example.org'], body=b'line one\r\nline two\r\n'),
    Caller('zed-old', 'sendmail root', b'ZFS has finished a scrub:\n\n x\n',
           body=b'ZFS has finished a scrub:\r\n\r\n x\r\n'),
    Caller('php', 'sendmail -t -i',
           b'To: b@example.org\r\nSubject: s\r\nX-A: b\r\n\r\nline\nmore\r\n',
           rcpts=['b@example.org'], body=b'line\r\nmore\r\n', X_A='b'),
    Caller('php-fifth-argument', 'sendmail -t -i -fweb@device.test',
           sender='web@device.test'),
    Caller('openwrt-php', 'sendmail -t -i -f www@my.domain.com',
           sender='www@my.domain.com'),
    Caller('git', 'sendmail -f dev@device.test -i b@example.org',
           b'From: D <dev@device.test>\nTo: other@example.org\n'
           b'Cc: more@example.org\nSubject: [PATCH] x\n'
           b'Message-ID: <1-git@device.test>\n\nline\n',
           rcpts=['b@example.org'], sender='dev@device.test',
           Message_ID='<1-git@device.test>'),
    Caller('git-no-from', 'sendmail -i b@example.org',
           rcpts=['b@example.org']),
    Caller('mutt', 'sendmail -oem -oi -f a@device.test -- b@example.org',
           rcpts=['b@example.org'], sender='a@device.test'),
    Caller('mutt-8bit-dsn', 'sendmail -oem -oi -B8BITMIME -N failure,delay '
           '-R hdrs -- b@example.org', rcpts=['b@example.org']),
    Caller('s-nail', 'sendmail -i -m -v -F Name -f a@device.test -- '
           'b@example.org', rcpts=['b@example.org'], sender='a@device.test',
           From='Name <a@device.test>'),
    Caller('bsd-mailx', 'sendmail -i -t -m -v',
           b'To: b@example.org\nSubject: s\nBcc: c@example.org\n\nline\n',
           rcpts=['b@example.org', 'c@example.org'], Bcc=None),
    Caller('unattended-upgrades', 'sendmail -oi -t',
           b'Subject: u\nFrom: root\nTo: root\n\nline\n'),
    Caller('the-null-sender', 'sendmail -f <> root', sender=''),
    Caller('bundle', 'sendmail -tif a@device.test', sender='a@device.test'),
    Caller('options-behind', 'sendmail root -i -f a@device.test',
           sender='a@device.test'),
    Caller('resent', 'sendmail -t',
           b'Resent-To: root\nTo: x@example.org\nFrom: x@example.org\n'
           b'Date: Mon, 02 Feb 2026 10:00:00 +0000\nMessage-ID: <1@x.org>\n'
           b'\nline\n', To='x@example.org', From='x@example.org',
           Message_ID='<1@x.org>',
           Resent_From='games %s <games@device.test>'),
]


@pytest.fixture(scope='module')
def shared():
    with open_system() as system:
        yield system


@pytest.fixture
def system(shared, request):
    return fresh(shared, request.node)


def check(caller, message):
    assert message.rcpts == caller.rcpts
    assert message.sender == caller.sender
    assert message.body == caller.body
    for name in ('From', 'Date', 'Message-ID'):
        assert len(message.header(name)) == 1, (name, message.data)
    assert message.header('Bcc') == []
    for name, value in caller.header.items():
        values = message.header(name.replace('_', '-'))
        if value is None:
            assert values == []
            continue
        if '%s' in value:
            values = [v[v.index('<'):] for v in values]
            value = value[value.index('<'):]
        assert values == [value], message.data


def call(system, caller, **more):
    before = len(system.fake.messages)
    words = {'uid': caller.uid, 'env': {}, **more}
    p = system.run(SENDMAIL, *caller.line[1:], stdin=caller.stdin,
                   name=words.pop('name', caller.line[0]), **words)
    assert p.returncode == 0, p.out
    assert len(system.fake.messages) == before + 1
    return p, system.fake.messages[-1]


def test_each_caller(system):
    """One after the other: with an empty environment, as its user."""
    for caller in CALLERS:
        try:
            check(caller, call(system, caller)[1])
        except AssertionError as e:
            raise AssertionError(caller.name) from e


WHERE = {
    'no-output': {'closed': (1, 2)},
    'no-folder': {'lost': True},
    'unknown-uid': {'uid': 54321},
    'another-name': {'name': 'sendmail'},
    'by-path': {'name': '/usr/lib/sendmail'},
    'any-name': {'name': 'x'},
    'no-name': {'name': ''},
    'environment': {'env': {'NAME': 'A "B" \\', 'LOGNAME': 'x', 'HOME': '/no',
                            'LD_PRELOAD': '', 'MAILRC': '/etc/shadow',
                            'IFS': '/', 'TZ': ':/etc/shadow'}},
}


@pytest.mark.parametrize('where', WHERE)
def test_from_anywhere(system, where):
    """No output, no folder, nobody in /etc/passwd, any name."""
    for caller in CALLERS:
        if caller.name in ('cronie', 'atd', 'php', 'fail2ban', 'mutt', 'nut'):
            message = call(system, caller, **WHERE[where])[1]
            assert message.rcpts == caller.rcpts
            assert message.body == caller.body


def test_all_descriptors_closed(system):
    """Nothing can be read: the message is empty, and no file of ours is in
    the place of a descriptor."""
    p = system.run(SENDMAIL, 'root', closed=(0, 1, 2), env={})
    assert p.returncode == 0 and p.out == b''
    assert system.fake.messages[0].body == b''


def test_no_new_privileges(system):
    p = system.run('/usr/bin/setpriv', '--no-new-privs', '--reuid=12345',
                   '--regid=12345', '--clear-groups', '--bounding-set=-all',
                   SENDMAIL, '-oi', 'root', stdin=TEXT)
    assert p.returncode == 0, p.out
    assert system.fake.messages[0].sender == 'uid12345' + HOME


def test_without_a_daemon(make_relay, fake):
    """Root's crons and the like do the daemon's job for their message; who
    may not hears why, and that he may try again."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       alias=['root ' + ADMIN])
    system = System(relay, fake)
    try:
        for caller in CALLERS:
            if caller.uid == 'root':
                check(caller, call(system, caller)[1])
        p = system.run(SENDMAIL, '-ti', stdin=PLAIN, uid='games', env={})
        assert p.returncode == 75 and b'no daemon is running' in p.out
        assert relay.queue() == []
    finally:
        system.close()


def test_mailq_and_newaliases_by_their_names(system):
    p = system.run('/usr/bin/mailq', name='/usr/bin/mailq', env={})
    assert p.returncode == 0 and p.out == b'Mail queue is empty\n'
    p = system.run('/usr/bin/newaliases', name='newaliases', env={})
    assert p.returncode == 0


@pytest.mark.parametrize('reply,code', [('550 5.1.1 nobody', 69),
                                        ('450 4.2.1 later', 0)])
def test_exit_status(system, reply, code):
    """What most of them look at."""
    system.fake.script['rcpt'] = Reply(reply)
    p = system.run(SENDMAIL, '-oi', 'root', stdin=TEXT, env={})
    assert p.returncode == code, p.out


@pytest.mark.parametrize('words', ['-H', '-S mail.example.org:25', '-auUSER',
                                   '-apPASS', '-amLOGIN', '-w 5'])
def test_options_of_busybox(system, words):
    """They name the smart host: the answer says where that is set."""
    p = system.run(SENDMAIL, *words.split(), 'root', stdin=TEXT, env={})
    assert p.returncode == 64 and b'/etc/mailmote.conf' in p.out
    assert system.fake.messages == []
