# SPDX-License-Identifier: ISC
"""The configuration as an administrator meets it."""
import base64
import os
import pwd
import signal

import pytest

from conftest import need
from fake import Hold
from relay import Client


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


@pytest.mark.parametrize('mode', [0o644, 0o604, 0o620, 0o660, 0o777])
@pytest.mark.parametrize('command', ['daemon', 'check'])
def test_open_secret_is_refused(make_client, secure, mode, command):
    """78, and the words of the fix."""
    relay = make_client(secure, start=False)
    os.chmod(relay.base + '/secret', mode)
    p = relay.run(command, limit_s=5)
    assert p.returncode == 78
    assert b'chmod' in p.stderr and b'secret' in p.stderr
    assert b'sesame' not in p.stderr


@pytest.mark.parametrize('way', ['daemon', 'alone', 'hup'])
def test_secret_of_root(make_client, secure, root, way):
    """The usual case: 0600, root's; it is read before root is given up."""
    relay = make_client(secure, start=False)
    relay.secret(owner='root')
    if way != 'alone':
        relay.start()
    if way == 'hup':
        relay.hup()
    relay.send()
    assert len(secure.messages) == 1
    assert secure.logins == [('PLAIN', 'router', 'sesame')]


def test_new_secret_of_root_needs_a_restart(make_client, secure, root):
    """SIGHUP: the user may not read it, so the old value stays."""
    relay = make_client(secure, start=False)
    relay.secret(owner='root')
    relay.start()
    relay.secret('changed', owner='root')
    relay.hup()
    relay.send()
    assert len(secure.messages) == 1
    assert b'secret' in relay.run('status').stdout


def test_secret_of_the_group(make_client, secure, root):
    """0640 with the daemon's group."""
    relay = make_client(secure, start=False)
    relay.secret(owner='root', mode=0o640)
    os.chown(relay.base + '/secret', 0,
             pwd.getpwnam(relay.conf['user']).pw_gid)
    relay.start()
    relay.send()
    assert len(secure.messages) == 1


def test_secret_of_another_user_is_refused(make_client, secure, root):
    relay = make_client(secure, start=False)
    relay.secret(owner='games')
    p = relay.run('daemon', limit_s=5)
    assert p.returncode == 78 and b'secret' in p.stderr


def test_secret_behind_a_symlink_is_refused(make_client, secure):
    relay = make_client(secure, start=False)
    os.rename(relay.base + '/secret', relay.base + '/real')
    os.symlink(relay.base + '/real', relay.base + '/secret')
    p = relay.run('daemon', limit_s=5)
    assert p.returncode == 78 and p.stderr


@pytest.mark.parametrize('kind', ['missing', 'folder', 'fifo'])
def test_secret_that_is_no_file(make_client, secure, kind):
    relay = make_client(secure, start=False)
    path = relay.base + '/secret'
    os.unlink(path)
    if kind == 'folder':
        os.mkdir(path, 0o700)
    elif kind == 'fifo':
        os.mkfifo(path, 0o600)
    p = relay.run('daemon', limit_s=5)
    assert p.returncode == 78 and p.stderr


def test_password_is_never_logged(make_client, secure):
    """Not at debug level, in no form, not when it is refused."""
    secret = 'open-sesame-4711'
    secure.users = {'router': secret}
    relay = make_client(secure, start=False)
    relay.secret(secret)
    relay.start()
    relay.send()
    secure.users = {'router': 'changed'}
    secure.wait(lambda: secure.sessions[0].over)
    relay.send()
    relay.stop()
    log = '\n'.join(relay.lines)
    for text in (secret, '\0router\0' + secret):
        assert text not in log
        assert base64.b64encode(text.encode()).decode() not in log
    assert len(secure.logins) == 2


BROKEN = [
    ('smarthots submission://x.example', ['smarthost', ':1']),
    ('smarthost ftp://x.example', ['ftp', ':1']),
    ('retry 1h 1m', ['retry', ':1']),
    ('lifetime 5 parsecs', ['lifetime', ':1']),
    ('listen everywhere', ['listen', ':1']),
    ('spool /x size=1', ['spool', ':1']),
    ('alias a b@\nalias c c@d.test', ['alias', ':1']),
    ('hostname a.test\nhostname b.test', ['hostname', ':2']),
    ('log loudly', ['log', ':1']),
    ('clock sundial', ['clock', ':1']),
    ('smarthost smtp://a.test tls=maybe', ['tls', ':1']),
    ('smarthost mx', ['mx', ':1']),
    ('\nfrom "unclosed', [':2']),
    ('socket /' + 'x' * 107, ['socket', ':1', '107']),
    ('control /' + 'x' * 107, ['control', ':1', '107']),
    ('spool /' + 'x' * 240, ['spool', ':1']),
    ('ca /' + 'x' * 240, ['ca', ':1']),
]


@pytest.mark.parametrize('text, words', BROKEN, ids=[b[0][:30] for b in BROKEN])
@pytest.mark.parametrize('command', ['check', 'daemon'])
def test_errors_name_line_and_key(make_relay, text, words, command):
    relay = make_relay(start=False)
    with open(relay.file, 'w') as f:
        f.write(text + '\n')
    p = relay.run(command, limit_s=5)
    assert p.returncode == 78
    said = p.stderr.decode()
    assert relay.file in said
    for word in words:
        assert word in said, said


@pytest.mark.parametrize('command', ['check', 'daemon'])
@pytest.mark.parametrize('user, words', [('nosuch', b'no user "nosuch"'),
                                         ('root', b'root is not allowed')])
def test_user_that_cannot_be(make_relay, root, user, words, command):
    p = make_relay(start=False, user=user).run(command, limit_s=5)
    assert p.returncode == 78 and words in p.stderr


@pytest.mark.parametrize('name, words', [
    ('sendmail', ['a@example.org']), ('mailmote', ['queue']),
    ('mailmote', ['status']), ('mailmote', ['flush']), ('mailq', [])])
def test_broken_file_is_78_everywhere(make_relay, name, words):
    relay = make_relay(start=False)
    with open(relay.file, 'w') as f:
        f.write('no such key\n')
    assert relay.run(*words, name=name).returncode == 78


def test_check_is_content(relay):
    p = relay.run('check')
    assert p.returncode == 0 and p.stdout and not p.stderr


def test_check_without_a_file(make_relay):
    need(not os.path.exists('/etc/mailmote.conf'), 'no /etc/mailmote.conf')
    p = make_relay(start=False).run('check', conf=False)
    assert p.returncode == 0
    assert p.stdout.startswith(b'/etc/mailmote.conf: not there')


def test_hup_with_a_broken_file_keeps_the_old(relay, fake):
    with open(relay.file, 'a') as f:
        f.write('nonsense here\n')
    since = relay.hup()
    relay.wait_log('nonsense', since=since)
    with Client(relay.port) as c:
        c.hello()
        assert c.message('d@device.test', ['a@example.org'],
                         b'\r\nx\r\n')[:3] == '250'
    assert len(fake.messages) == 1
    relay.write()
    assert relay.route()['state'] == 'up'


def test_hup_takes_a_new_smarthost(relay, fake, make_fake):
    other = make_fake()
    relay.send()
    relay.write(smarthost=clear(other))
    relay.hup()
    relay.wait(lambda: str(other.port) in relay.route()['nexthop'],
               'the new smart host')
    relay.send()
    assert (len(fake.messages), len(other.messages)) == (1, 1)


def test_hup_sends_what_waited_elsewhere(make_relay, fake, make_fake):
    """A stuck queue is re-routed when the configuration is mended."""
    other = make_fake()
    fake.stop()
    relay = make_relay(clear(fake))
    relay.send()
    relay.write(smarthost=clear(other))
    relay.hup()
    relay.flush()
    relay.wait_queue(0)
    assert len(other.messages) == 1


def test_hup_during_a_session_and_a_delivery(make_relay, fake):
    hold = fake.script['mail'] = Hold()
    relay = make_relay(clear(fake), commit_after='60s')
    with Client(relay.port) as c:
        c.hello()
        for line in ('MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>',
                     'DATA'):
            c.cmd(line)
        c.send(b'\r\nx\r\n.\r\n')
        assert hold.reached.wait(20)
        relay.hup()
        hold.release()
        assert c.reply()[:3] == '250'
        assert c.cmd('NOOP')[:3] == '250'
    assert len(fake.messages) == 1
    relay.wait_queue(0)
    relay.wait_log(r'^mailmote: sent .* relay=127\.0\.0\.1\[127\.0\.0\.1\]'
                   r':%d tls=none code=250 ' % fake.port)


@pytest.mark.parametrize('key, value', [
    ('spool', '/nowhere/spool'), ('socket', '/nowhere/submit'),
    ('size', ' size=2M'), ('control', '/nowhere/control'),
    ('listen', '127.0.0.1:1')])
def test_hup_says_what_needs_a_restart(relay, fake, key, value):
    if key == 'size':
        key, value = 'spool', relay.spool + value
    relay.write(**{key: value})
    since = len(relay.lines)
    relay.signal(signal.SIGHUP)
    relay.wait_log('restart', since=since)
    relay.write(spool=relay.spool + ' size=1M', socket=relay.submit,
                control=relay.control, listen='127.0.0.1:%d' % relay.port)
    relay.send()
    assert len(fake.messages) == 1


def test_from_and_alias(make_relay, fake):
    relay = make_relay(clear(fake), **{'from': 'router@example.org'},
                       alias=['root admin@example.org,second@example.org',
                              '* rest@example.org'])
    relay.send('-f', 'dev@else.test', '-F', 'My Router', 'root',
               'POSTMASTER@device.test', 'nagios', 'x@else.test')
    m, = fake.messages
    assert m.sender == 'router@example.org'
    assert sorted(m.rcpts) == ['admin@example.org', 'rest@example.org',
                               'second@example.org', 'x@else.test']
    assert 'My Router' in m.header('From')[0]


def test_from_never_touches_the_null_sender(make_relay, fake):
    relay = make_relay(clear(fake), **{'from': 'router@example.org'})
    relay.send('-f', '', 'a@example.org')
    assert fake.messages[0].sender == ''


def test_bare_address_without_any_domain(make_relay, fake):
    relay = make_relay(clear(fake), domain=None, hostname='plain')
    p = relay.sendmail('-f', 'x@y.test', 'somebody')
    assert p.returncode == 65, p.stderr
    with Client(relay.port) as c:
        c.hello()
        c.cmd('MAIL FROM:<x@y.test>')
        assert c.cmd('RCPT TO:<somebody>').startswith('553 5.1.3')
    assert fake.sessions == []


def test_ehlo_name(make_relay, fake):
    relay = make_relay(clear(fake), domain=None, hostname='plain')
    relay.send('-f', 'x@y.test', 'a@example.org')
    assert fake.sessions[0].commands[0] == 'EHLO [127.0.0.1]'
    relay.write(hostname='a.b.test')
    relay.stop()
    relay.start()
    relay.send('-f', 'x@y.test', 'a@example.org')
    assert fake.sessions[-1].commands[0] == 'EHLO a.b.test'


def test_explicit_address_that_is_taken_is_fatal(make_relay, fake):
    relay = make_relay(clear(fake), start=False)
    relay.write(listen='127.0.0.1:%d' % fake.port)
    p = relay.run('daemon', limit_s=5)
    assert p.returncode in (71, 75, 78)
    assert str(fake.port).encode() in p.stderr


@pytest.mark.parametrize('where', ['192.0.2.1:2525', '[2001:db8::1]:2525'])
def test_address_of_somebody_else(make_relay, where):
    p = make_relay(start=False, listen=where).run('daemon', limit_s=5)
    assert p.returncode == 71
    assert 'cannot listen on %s: address ' % where in p.stderr.decode()


def test_socket_that_has_no_place(make_relay):
    p = make_relay(start=False, socket='/dev/null/x/submit').run('daemon')
    assert p.returncode == 71
    assert b'the folder of /dev/null/x/submit cannot be made: ' in p.stderr


def test_listen_none(make_relay, fake):
    relay = make_relay(clear(fake), listen='none')
    relay.send()
    with pytest.raises(OSError):
        Client(relay.port)
