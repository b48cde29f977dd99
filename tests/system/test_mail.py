# SPDX-License-Identifier: ISC
"""mail(1) for scripts: as smartd, zed, apcupsd, logrotate and others call it,
and what becomes of subjects, names, bodies and attachments."""
import email
import email.policy
import hashlib
import os

import pytest

from callers import ADMIN, SENDMAIL, fresh, open_system
from conftest import need
from fake import Reply

HOME = '@device.test'


@pytest.fixture(scope='module')
def shared():
    with open_system() as system:
        system.bin = os.path.join(system.base, 'bin')
        os.mkdir(system.bin)
        for name in ('mail', 'mailx'):
            os.symlink(SENDMAIL, os.path.join(system.bin, name))
        os.chmod(system.relay.base, 0o755)
        yield system


@pytest.fixture
def system(shared, request):
    return fresh(shared, request.node)


def mail(system, *words, code=0, name='mail', **more):
    """The only message that leaves when mail is called like this."""
    before = len(system.fake.messages)
    p = system.run(SENDMAIL, *words, name=name, **{'env': {}, **more})
    assert p.returncode == code, (p.returncode, p.out)
    if code:
        assert len(system.fake.messages) == before and p.out
        return p.out.decode()
    assert p.out == b''
    # What does not fit the stage is queued first.
    system.fake.wait_messages(before + 1)
    assert len(system.fake.messages) == before + 1
    return system.fake.messages[-1]


def shell(system, script, stdin=b'', **env):
    """A caller's lines, by sh, with our mail the first in PATH."""
    p = system.run('/bin/sh', '-c', script, stdin=stdin, env={
        'PATH': system.bin + ':/usr/bin:/bin', **env})
    assert p.returncode == 0, (p.returncode, p.out)
    system.fake.wait_messages(1)
    assert len(system.fake.messages) == 1
    return system.fake.messages[0]


def parsed(message):
    return email.message_from_bytes(message.data, policy=email.policy.default)


def check(message, rcpts=(ADMIN,), sender='root' + HOME):
    """What holds for all."""
    assert sorted(message.rcpts) == sorted(rcpts)
    assert message.sender == sender
    for name in ('From', 'Date', 'Message-ID', 'To'):
        assert len(message.header(name)) == 1, (name, message.data)
    assert message.header('Bcc') == []
    for line in message.data.split(b'\r\n\r\n')[0].split(b'\r\n'):
        assert len(line) <= 78, line


# -- the callers

def test_smartd(system):
    """smartd's own script, which ends with exec mail."""
    path = '/usr/share/smartmontools/smartd_warning.sh'
    need(os.path.exists(path), path)
    message = shell(
        system, path, SMARTD_MAILER='mail', SMARTD_SUBJECT='',
        SMARTD_ADDRESS='root other@example.org', SMARTD_MESSAGE='1 bad sector',
        SMARTD_DEVICE='/dev/sda', SMARTD_DEVICESTRING='/dev/sda [SAT]',
        SMARTD_DEVICETYPE='sat', SMARTD_FAILTYPE='CurrentPendingSector',
        SMARTD_TFIRST='now', SMARTD_TFIRSTEPOCH='0', SMARTD_PREVCNT='0',
        SMARTD_NEXTDAYS='1')
    check(message, ['other@example.org', ADMIN])
    subject = message.header('Subject')[0]
    assert subject.startswith('SMART error (CurrentPendingSector)')
    assert b'1 bad sector' in message.body


def test_zed(system, tmp_path):
    """zed-functions.sh: words with quotes in a variable, eval, a file."""
    note = tmp_path / 'note'
    note.write_text('ZFS has finished a scrub:\n\n   eid: 7\n')
    os.chmod(tmp_path, 0o755)
    message = shell(
        system, "eval mail -s \"'ZFS scrub_finish event for tank on host'\" "
        'root < "$FILE" >/dev/null 2>&1', FILE=str(note))
    check(message)
    assert message.header('Subject') == \
        ['ZFS scrub_finish event for tank on host']
    assert message.body == \
        b'ZFS has finished a scrub:\r\n\r\n   eid: 7\r\n'


def test_apcupsd(system):
    """onbattery: the text begins with what looks like a header."""
    message = shell(system, '''
        MSG="host UPS ups Power Failure !!!"
        (
           echo "Subject: $MSG"
           echo " "
           echo "$MSG"
           echo " "
           echo "STATUS : ONBATT"
        ) | mail -s "$MSG" root''')
    check(message)
    assert message.header('Subject') == ['host UPS ups Power Failure !!!']
    assert message.body == (
        b'Subject: host UPS ups Power Failure !!!\r\n \r\n'
        b'host UPS ups Power Failure !!!\r\n \r\nSTATUS : ONBATT\r\n')


@pytest.mark.parametrize('size', [100, 50_000])
def test_logrotate(system, tmp_path, size):
    """execvp with the log as standard input; the subject is its name."""
    log = tmp_path / 'app.log.3'
    line = b'Jan  1 00:00:00 app: started\n'
    log.write_bytes(line * (size // len(line)))
    os.chmod(tmp_path, 0o755)
    message = shell(system, 'exec mail -s /var/log/app.log.3 root <"$FILE"',
                    FILE=str(log))
    check(message)
    assert message.header('Subject') == ['/var/log/app.log.3']
    assert message.body == log.read_bytes().replace(b'\n', b'\r\n')


def test_logrotate_compressed(system):
    """The same behind gunzip: a pipe."""
    check(shell(system, 'gzip -c | gunzip | mail -s x.gz root',
                stdin=b'line\n' * 8_000))
    assert system.fake.messages[0].body == b'line\r\n' * 8_000


def test_unattended_upgrades(system):
    message = mail(system, '-r', 'device@example.org', '-s', 'packages',
                   'root', stdin=b'none\n')
    check(message, sender='device@example.org')
    assert message.header('From') == ['<device@example.org>']


def test_debian_idioms(system):
    """bsd-mailx: fields by -a, options of sendmail behind "--"."""
    message = mail(system, '-E', '-s', 's', '-a', 'X-Alert: 1', '-a',
                   'Content-Type: text/html; charset=utf-8', 'root', '--',
                   '-f', 'x@example.org', '-F', 'Some One', stdin=b'<p>\n')
    check(message, sender='x@example.org')
    assert message.header('X-Alert') == ['1']
    assert message.header('From') == ['Some One <x@example.org>']
    assert message.header('Content-Type') == ['text/html; charset=utf-8']
    assert message.header('MIME-Version') == ['1.0']


# -- the header

def test_everything(system):
    message = mail(
        system, '-nv', '-s', 'all', '-r', '"Router, the" <r@example.org>',
        '-c', 'c1@example.org,c2@example.org', '-cc3@example.org', '-b',
        'secret@example.org', 'Admin <root>', 'b@example.org', stdin=b'x',
        closed=(2,))
    check(message, [ADMIN, 'b@example.org', 'c1@example.org', 'c2@example.org',
                    'c3@example.org', 'secret@example.org'], 'r@example.org')
    assert message.header('From') == ['"Router, the" <r@example.org>']
    assert message.header('Cc') == \
        ['c1@example.org, c2@example.org, c3@example.org']
    assert b'secret' not in message.data
    assert message.header('MIME-Version') == []
    assert message.body == b'x\r\n'


def test_not_ascii(system):
    subject = 'Tür geöffnet ' + 'äöü€' * 30
    message = mail(system, '-s', subject, '-r', 'Gerät <r@example.org>',
                   'Jürgen <b@example.org>', stdin='Grüße\n'.encode())
    check(message, ['b@example.org'], 'r@example.org')
    got = parsed(message)
    assert got['Subject'] == subject
    assert str(got['To']) == 'Jürgen <b@example.org>'
    assert got['From'].addresses[0].display_name == 'Gerät'
    assert got.get_content_charset() == 'utf-8'
    assert got['Content-Transfer-Encoding'] == '8bit'
    assert message.body == 'Grüße\r\n'.encode()


def test_not_ascii_late(system):
    """The text is told as UTF-8 where its end is not known in time."""
    text = b'line\n' * 10_000 + 'ä\n'.encode()
    message = mail(system, 'root', stdin=text)
    assert message.header('Content-Type') == ['text/plain; charset=utf-8']
    assert message.body == text.replace(b'\n', b'\r\n')


def test_subject(system):
    """Long ones are folded, line ends in them are none."""
    long = 'alarm ' * 60
    message = mail(system, '-s', long, 'root', stdin=b'x\n')
    check(message)
    assert message.header('Subject') == [long.strip()]
    message = mail(system, '-s', 'a\nBcc: x@example.org\r\n\r\nb', 'root')
    check(message)
    assert message.header('Subject') == ['a Bcc: x@example.org    b']
    assert message.header('Bcc') == [] and message.body == b''
    assert mail(system, '-s', '', 'root').header('Subject') == []


def test_body_is_no_header(system):
    """Whatever it begins with; and it ends where the input ends."""
    for text in (b'Subject: no\n\nx\n', b'\n\nx\n', b'From x\n', b' x\n',
                 b'.\nx\n', b'Bcc: x@example.org\n'):
        message = mail(system, '-s', 's', 'root', stdin=text)
        assert message.body == text.replace(b'\n', b'\r\n')
        assert message.header('Subject') == ['s']
        assert message.rcpts == [ADMIN]


def test_empty(system):
    """Sent, but not with -E."""
    assert mail(system, '-s', 's', 'root').body == b''
    p = system.run(SENDMAIL, '-E', '-s', 's', 'root', name='mailx', env={})
    assert p.returncode == 0 and p.out == b''
    assert len(system.fake.messages) == 1


@pytest.mark.parametrize('words,code,says', [
    ([], 64, 'no recipients'),
    (['-s', 'x'], 64, 'no recipients'),
    (['-s'], 64, '-s: expected an argument'),
    (['-f'], 64, 'mailboxes are not read'),
    (['-Z', 'root'], 64, 'unknown option'),
    (['root', '-Z'], 64, 'unknown option'),
    (['root', '--', '-bp'], 64, 'only mail is sent'),
    (['-r', 'a@x.org,b@x.org', 'root'], 65, 'expected one address'),
    (['a b@x.org'], 65, 'bad address'),
    (['-c', '<a', 'root'], 65, 'bad address'),
    (['root\nBcc: x@example.org'], 64, 'control bytes'),
    (['-a', 'X: a\nBcc: x@example.org', 'root'], 64, 'control bytes'),
    (['-a', '/no/such/file', 'root'], 74, 'cannot be read'),
    (['-a', '/etc', 'root'], 74, 'cannot be read'),
    (['-C', '/no/such/file', 'root'], 78, '/no/such/file'),
])
def test_misuse(system, words, code, says):
    assert says in mail(system, *words, code=code, stdin=b'text\n')


def test_refused(system):
    system.fake.script['rcpt'] = Reply('550 5.1.1 nobody')
    assert 'nobody' in mail(system, 'x@example.org', code=69)


def test_dash_name(system):
    """A recipient behind "--" may look like an option."""
    message = mail(system, '-s', 's', '--', '-x@example.org')
    check(message, ['-x@example.org'])


# -- attachments

def test_attachments(system, tmp_path):
    sizes = {'empty.txt': 0, 'one': 1, 'line.bin': 57, 'more.bin': 58,
             'piece.bin': 57 * 32, 'large é "x".jpg': 30_001}
    words = []
    os.chmod(tmp_path, 0o755)
    for name, size in sizes.items():
        data = hashlib.shake_256(name.encode()).digest(size)
        (tmp_path / name).write_bytes(data)
        words += ['-a', str(tmp_path / name)]
    text = 'the picture of today: ä\n'
    message = mail(system, '-s', 'picture', *words, 'root',
                   stdin=text.encode())
    check(message)
    got = parsed(message)
    assert got.get_content_type() == 'multipart/mixed'
    first, *files = got.iter_parts()
    assert first.get_content().replace('\r', '') == text
    assert [f.get_filename() for f in files] == list(sizes)
    for f, name in zip(files, sizes):
        assert f.get_content() == (tmp_path / name).read_bytes()
        assert f.is_attachment()
    assert all(len(line) <= 78 for line in message.data.split(b'\r\n'))


def test_attachment_without_text(system, tmp_path):
    (tmp_path / 'a').write_bytes(b'abc')
    os.chmod(tmp_path, 0o755)
    parts = list(parsed(mail(system, '-a', str(tmp_path / 'a'),
                             'root')).iter_parts())
    assert len(parts) == 2 and parts[1].get_content() == b'abc'


def test_attachment_without_a_daemon(system, tmp_path):
    """Parts that were read are kept until the next hop has them."""
    data = hashlib.shake_256(b'big').digest(60_000)
    (tmp_path / 'big').write_bytes(data)
    os.chmod(tmp_path, 0o755)
    system.write('/etc/alone.conf', 'smarthost smtp://127.0.0.1:%d tls=off\n'
                 'domain device.test\nalias root %s\nsocket /run/no\n'
                 'control /run/none\nspool /run/alone/spool size=1M\n'
                 'user nobody\n' % (system.fake.port, ADMIN))
    message = mail(system, '-C', '/etc/alone.conf', '-a',
                   str(tmp_path / 'big'), 'root', stdin=b'x\n')
    assert message.rcpts == [ADMIN]
    assert list(parsed(message).iter_parts())[1].get_content() == data


@pytest.mark.parametrize('size', [0, 50_000])
def test_attachment_that_breaks_off(system, size):
    """It opens, but cannot be read: what was sent already is no message."""
    says = mail(system, '-a', '/proc/self/mem', 'root', stdin=b'x\n' * size,
                code=74)
    assert 'read' in says
