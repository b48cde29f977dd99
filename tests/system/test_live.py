# SPDX-License-Identifier: ISC
"""check --live and test ADDRESS: a line a step, each fault with its fix."""
import os
import pwd
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from conftest import USERS, need
from fake import Close, Hold, Reply, server_context
from relay import BINARY
from test_clock import clock  # noqa: F401
from test_link import inside

FIX = {  # kind of certificate: reason, what to change
    'expired': ('has expired', r'ended \d+ days ago: .*owner'),
    'future': ('not valid yet', "this device's clock"),
    'wrong-name': (r'another name \(wanted localhost\)',
                   'write the name it is for: mail.example.net'),
    'cn-only': ('another name', 'write the name'),
    'other-ca': ('no trust anchor in .*',
                 r'its issuer \(mailmote other\).*pin=sha256:'),
    'self-signed': ('self-signed', 'pin=sha256:'),
}


def steps_of(text):
    """{step: (state, text)}; of several lines of a step the last."""
    return {m.group(1): (m.group(2), m.group(3)) for m in re.finditer(
        r'(?m)^  (\S+) +(ok|note|FAULT) +(.*)$', text)}


def walk(relay, **more):
    """check --live: exit code, its steps, all it printed."""
    p = relay.run('check', '--live', limit_s=60, **more)
    text = p.stdout.decode() + p.stderr.decode()
    assert max(len(line) for line in text.splitlines()) < 400
    return p.returncode, steps_of(text), text


def fault(relay, step, reason, fix, code, **more):
    """check --live finds this fault, and no other."""
    got, steps, text = walk(relay, **more)
    assert step in steps, text
    state, words = steps[step]
    assert state == 'FAULT' and re.search(reason + '.*: .*' + fix, words), text
    assert text.count('FAULT') == 1, text
    assert got == code, (got, text)
    assert 'sesame' not in text
    return steps


# -- what holds


@pytest.mark.parametrize('scheme', ['submission', 'submissions'])
def test_all_is_well(make_client, make_fake, pki, scheme):
    fake = make_fake(tls=server_context(*pki.pair('good')), users=USERS,
                     implicit=scheme == 'submissions')
    relay = make_client(fake, scheme, start=False)
    code, steps, text = walk(relay)
    assert code == 0, text
    assert {k: v[0] for k, v in steps.items()} == dict.fromkeys(
        ['secret', 'resolve', 'connect', 'TLS', 'EHLO', 'AUTH', 'MAIL'], 'ok')
    assert list(steps) == ['secret', 'resolve', 'connect', 'TLS', 'EHLO',
                           'AUTH', 'MAIL']
    assert '127.0.0.1' in steps['resolve'][1]
    assert str(fake.port) in steps['connect'][1]
    assert re.search(r'1\.2.* localhost by mailmote mid .* \d{4} days',
                     steps['TLS'][1])
    assert 'fake.test' in steps['EHLO'][1] and 'SIZE' in steps['EHLO'][1]
    assert 'router' in steps['AUTH'][1] and 'sesame' not in text
    assert fake.sessions[0].said[-2:] == ['MAIL', 'QUIT']
    assert not fake.messages


def test_plain_says_so(make_relay, fake):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    code, steps, text = walk(relay)
    assert code == 0, text
    assert steps['TLS'][0] == 'note' and 'can read' in steps['TLS'][1]
    assert steps['AUTH'][0] == 'note'


def test_not_verified_says_so(make_relay, make_fake, pki):
    fake = make_fake(tls=server_context(*pki.pair('self-signed')))
    relay = make_relay('smtp://localhost:%d tls=require' % fake.port,
                       start=False)
    code, steps, text = walk(relay)
    assert code == 0 and steps['TLS'][0] == 'note', text
    assert 'not verified' in steps['TLS'][1]


def test_opportunistic_tls_that_fails(make_relay, make_fake, pki):
    """As the relay does: once more, in the clear."""
    fake = make_fake(tls=server_context(*pki.pair('good')))
    fake.script['starttls'] = [Close('220 2.0.0 go')]
    relay = make_relay('smtp://localhost:%d tls=try' % fake.port, start=False)
    code, steps, text = walk(relay)
    assert code == 0 and 'in the clear (tls=try)' in text, text
    assert steps['MAIL'][0] == 'ok' and len(fake.sessions) == 2


def test_every_hop_and_the_first_fault(make_relay, make_fake, fake):
    """All are walked to; the exit code is that of the first fault."""
    down = make_fake()
    down.stop()
    busy = make_fake(script={'mail': [Reply('553 5.7.1 not you')]})
    relay = make_relay(start=False, route=[
        'a.example smtp://127.0.0.1:%d tls=off' % down.port,
        'b.example smtp://127.0.0.1:%d tls=off' % busy.port,
        'c.example discard', 'd.example error:no',
        '* smtp://127.0.0.1:%d tls=off' % fake.port])
    code, _, text = walk(relay)
    assert code == 75, text
    heads = re.findall(r'(?m)^route (\S+): ', text)
    assert heads == ['a.example', 'b.example', 'c.example', 'd.example',
                          '*']
    assert text.count('FAULT') == 2
    assert 'thrown away' in text and 'is refused, as configured' in text
    assert len(fake.sessions) == 1


def test_without_a_next_hop(make_relay):
    code, _, text = walk(make_relay(start=False))
    assert code == 78 and 'smarthost' in text


# -- TLS


@pytest.mark.parametrize('scheme', ['submission', 'submissions'])
@pytest.mark.parametrize('kind', FIX)
def test_bad_certificate(make_client, make_fake, pki, scheme, kind):
    fake = make_fake(tls=server_context(*pki.pair(kind)), users=USERS,
                     implicit=scheme == 'submissions')
    relay = make_client(fake, scheme, start=False)
    code = 75 if kind in ('expired', 'future') else 78
    steps = fault(relay, 'TLS', *FIX[kind], code)
    if kind in ('self-signed', 'other-ca'):
        assert 'sha256:' + pki.pin(kind) in steps['TLS'][1]
    assert not fake.logins


def test_pin_that_fits_no_more(make_client, secure, pki):
    relay = make_client(secure, options='pin=sha256:' + pki.pin('ec'),
                        start=False)
    fault(relay, 'TLS', 'no pin fits',
          re.escape('sha256:' + pki.pin('good')), 78)


def test_in_the_clear_on_a_port_for_tls(make_client, make_fake):
    """submissions:// to a server that greets at once."""
    fake = make_fake(users=USERS)
    relay = make_client(fake, 'submissions', start=False)
    fault(relay, 'TLS', 'not a TLS server', 'submission://', 78)
    fake.breaches.clear()  # it took a ClientHello for a command


def test_tls_on_a_port_in_the_clear(make_client, make_fake, pki):
    """submission:// to a server that waits for a ClientHello."""
    fake = make_fake(tls=server_context(*pki.pair('good')), users=USERS,
                     implicit=True)
    relay = make_client(fake, options='timeout=1s', start=False)
    fault(relay, 'greeting', 'the greeting, but TLS is spoken there',
          'submissions://', 78)


def test_silence(make_relay, fake):
    fake.script['greeting'] = [Hold(), Hold()]
    relay = make_relay('smtp://127.0.0.1:%d tls=off timeout=1s' % fake.port,
                       start=False)
    fault(relay, 'greeting', 'timeout waiting for the greeting',
          'is the port right', 75)
    fake.breaches.clear()  # it may have taken a ClientHello for a command


def test_starttls_missing(make_client, make_fake):
    fake = make_fake(users=USERS, auth_clear=True)
    relay = make_client(fake, start=False)
    fault(relay, 'TLS', 'STARTTLS is not offered', 'submissions://', 78)
    assert not fake.logins


def test_no_bundle(make_client, secure):
    relay = make_client(secure, start=False)
    relay.write(ca=relay.base + '/none')
    fault(relay, 'TLS', 'no trust anchors: cannot open .*/none',
          'ca-certificates', 78)


def test_bundle_that_is_a_folder(make_client, secure):
    relay = make_client(secure, start=False)
    relay.write(ca=relay.base)
    fault(relay, 'TLS', 'cannot read', 'bundle', 78)


def test_clock_not_set(make_client, make_fake, pki, clock):  # noqa: F811
    fake = make_fake(tls=server_context(*pki.pair('good')), users=USERS,
                     implicit=True)
    relay = make_client(fake, 'submissions', start=False)
    fault(relay, 'TLS', 'clock is not set', 'NTP.*clock floor', 75)
    relay.write(clock='floor')
    assert walk(relay)[0] == 0


@pytest.mark.filterwarnings('ignore:ssl.TLSVersion')
def test_old_tls(make_client, make_fake, pki):
    context = server_context(*pki.pair('good'))
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    relay = make_client(make_fake(tls=context, users=USERS), start=False)
    fault(relay, 'TLS', 'TLS 1.2', 'has to offer TLS 1.2', 75)


# -- the login, and what the server thinks of us


def test_password_refused(make_client, secure):
    relay = make_client(secure, start=False)
    relay.secret('open')
    fault(relay, 'AUTH', '535 5.7.8 wrong user or password',
          'password in .*/secret', 78)


def test_server_cannot_judge_the_password(make_client, secure):
    secure.script['auth'] = [Reply('454 4.7.0 no database')]
    fault(make_client(secure, start=False), 'AUTH', '454 4.7.0', 'later', 75)


def test_auth_not_offered(make_client, make_fake, pki):
    fake = make_fake(tls=server_context(*pki.pair('good')))
    fault(make_client(fake, start=False), 'AUTH', 'AUTH is not offered',
          'user=', 78)


def test_no_mechanism_in_common(make_client, make_fake, pki):
    fake = make_fake(tls=server_context(*pki.pair('good')), users=USERS,
                     mechanisms='GSSAPI')
    steps = fault(make_client(fake, start=False), 'AUTH', 'no AUTH mechanism',
                  'auth=', 78)
    assert 'AUTH GSSAPI' in steps['EHLO'][1]


def test_login_wanted_and_none_set(make_relay, secure, pki):
    relay = make_relay('submission://localhost:%d' % secure.port,
                       ca=pki.bundle, start=False)
    fault(relay, 'MAIL', '530 5.7.0', 'user= and password-file=', 78)


def test_sender_refused(make_relay, fake):
    fake.script['mail'] = [Reply('553 5.7.1 sender not owned')]
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    fault(relay, 'MAIL', '553 5.7.1', 'from', 69)


@pytest.mark.parametrize('reply, code', [('421 4.7.0 busy', 75),
                                         ('554 5.7.1 go away', 69)])
def test_not_greeted(make_relay, fake, reply, code):
    fake.script['greeting'] = [Close(reply)]
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    fault(relay, 'greeting', reply, '', code)


@pytest.mark.parametrize('mode, owner, words', [
    (0o644, None, 'is open to others: chmod 600'),
    (0o600, 'daemon', 'belongs to user'),
])
def test_secret_of_others(root, make_client, secure, mode, owner, words):
    relay = make_client(secure, start=False)
    relay.secret(mode=mode, owner=owner)
    code, steps, text = walk(relay)
    assert code == 78, text
    assert steps['secret'][0] == 'FAULT' and words in steps['secret'][1]
    assert steps['TLS'][0] == 'ok' and not secure.logins
    assert 'not tried' in steps['AUTH'][1] and text.count('FAULT') == 1
    p = relay.run('test', 'a@example.org')
    assert p.returncode == 78 and words.encode() in p.stdout
    assert len(secure.sessions) == 1


def test_secret_that_is_missing(make_client, secure):
    relay = make_client(secure, start=False)
    os.unlink(relay.base + '/secret')
    code, steps, text = walk(relay)
    assert code == 78 and 'cannot be opened' in steps['secret'][1], text


def test_who_may_not_read_the_secret(root, make_client, secure):
    relay = make_client(secure, start=False)
    code, steps, text = walk(relay, user='daemon')
    assert code == 77 and 'run this as root' in steps['secret'][1], text


# -- connections


def test_connection_refused(make_relay, fake):
    fake.stop()
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    fault(relay, 'connect', 'connection refused', 'port', 75)


def test_connection_times_out(make_relay):
    """A listener whose backlog is full drops what comes."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen(0)
        others = []
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(s.getsockname())
            others.append(c)
        relay = make_relay('smtp://127.0.0.1:%d tls=off timeout=1s' %
                           s.getsockname()[1], start=False)
        fault(relay, 'connect', 'timed out', 'firewall', 75)
        for c in others:
            c.close()


def test_network_unreachable(root, make_relay):
    relay = make_relay('smtp://198.51.100.1 tls=off', start=False)
    p = subprocess.run(['unshare', '-n', BINARY, '-C', relay.file, 'check',
                        '--live'], stdout=subprocess.PIPE, timeout=60)
    state, words = steps_of(p.stdout.decode())['connect']
    assert p.returncode == 75 and state == 'FAULT'
    assert 'unreachable' in words and 'default route' in words


# -- DNS


class Dns:
    """A name server on a loopback address: one rcode, one address or none."""

    def __init__(self, host, rcode=0, silent=False):
        self.rcode, self.silent = rcode, silent
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            end = query.index(b'\0', 12) + 5
            head = query[:2] + struct.pack('>HHHHH', 0x8180 | self.rcode, 1,
                                           0, 0, 0)
            if not self.silent:
                self.sock.sendto(head + query[12:end], peer)

    def close(self):
        try:  # it wakes who reads, though it is no connection
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.sock.close()


@pytest.mark.parametrize('rcode, silent, reason, fix, code', [
    (3, False, 'no such host name', 'mail.example.net spelled', 78),
    (0, False, 'has no address', 'mail domain', 78),
    (2, False, 'server failure', 'another', 75),
    (5, False, 'query refused', 'another', 75),
    (0, True, 'no answer', 'link up.*resolv.conf', 75),
    (None, False, 'connection refused', 'name server', 75),
])
def test_dns(root, make_relay, rcode, silent, reason, fix, code):
    need(shutil.which('unshare') and shutil.which('ip'),
         'iproute2 and util-linux')
    relay = make_relay('smtp://mail.example.net tls=off', start=False)
    conf = relay.base + '/resolv.conf'
    with open(conf, 'w') as f:
        f.write('nameserver 127.0.83.1\noptions timeout:1 attempts:1\n')
    p = subprocess.Popen(
        ['unshare', '-m', '-n', 'sh', '-c',
         'ip link set lo up && mount --bind "$1" /etc/resolv.conf && '
         'echo ready && read -r _ && exec "$2" -C "$3" check --live',
         'sh', conf, BINARY, relay.file],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server = None
    try:
        assert p.stdout.readline() == b'ready\n'
        if rcode is not None:
            server = inside(p.pid, lambda: Dns('127.0.83.1', rcode, silent))
        text = p.communicate(b'\n', 60)[0].decode()
    finally:
        p.kill()
        if server:
            server.close()
    assert 'resolve' in steps_of(text), text
    state, words = steps_of(text)['resolve']
    assert state == 'FAULT' and re.search(reason + '.*: .*' + fix, words), text
    assert p.returncode == code


# -- the spool


def test_volatile_spool(make_relay, fake):
    need(os.access('/dev/shm', os.W_OK), '/dev/shm')
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       spool='/dev/shm/spool size=64K')
    code, _, text = walk(relay)
    assert code == 0 and 'volatile' in text
    assert 'lost at a reboot: put it on flash' in text
    relay.write(spool='/dev/shm/no-such/folder/spool size=64K')
    assert ', volatile, not made yet' in walk(relay)[2]
    relay.write(spool='/proc/spool size=64K')
    assert 'volatile' not in walk(relay)[2]


# -- who does it, and real peers


def uid_of(sock):
    """Whose is the other end of this loopback connection?"""
    ends = (':%04X' % sock.getpeername()[1], ':%04X' % sock.getsockname()[1])
    with open('/proc/net/tcp') as f:
        for line in f:
            words = line.split()
            # The port may linger from an older connection.
            if (words[1].endswith(ends[0]) and words[2].endswith(ends[1]) and
                    words[3] == '01'):
                return int(words[7])
    return None


@pytest.mark.parametrize('words', [('check', '--live'), ('test', 'a@b.test')])
def test_root_is_given_up(root, make_relay, fake, words):
    """Before a byte of the network is read."""
    seen = []

    def look(session, _):
        seen.append(uid_of(session.sock))
    fake.script['greeting'] = look
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    assert relay.run(*words).returncode == 0
    assert seen == [pwd.getpwnam('nobody').pw_uid]


@pytest.mark.parametrize('scheme', ['submission', 'submissions'])
def test_postfix(make_relay, pki, postfix, scheme):
    relay = make_relay(start=False, ca=pki.bundle)
    relay.write(smarthost='%s://localhost:%d user=router password-file=%s' % (
        scheme, postfix.port if scheme == 'submission' else postfix.smtps,
        relay.secret()))
    code, steps, text = walk(relay)
    assert code == 0, text
    assert steps['AUTH'][0] == steps['MAIL'][0] == 'ok'
    p = relay.run('test', 'admin@example.org', limit_s=60)
    assert p.returncode == 0 and b'\nsent to ' in p.stdout, p.stdout
    relay.secret('wrong')
    code, steps, text = walk(relay)
    assert code == 78 and '535 ' in steps['AUTH'][1], text


# -- test ADDRESS


def test_message_and_its_conversation(make_client, secure):
    relay = make_client(secure, start=False, alias='root admin@example.org')
    p = relay.run('test', 'root')
    text = p.stdout.decode()
    assert p.returncode == 0, text
    message, = secure.messages
    assert message.rcpts == ['admin@example.org']
    assert message.sender == 'root@device.test'
    for name in ('From', 'To', 'Date', 'Message-ID', 'Subject'):
        assert len(message.header(name)) == 1, message.data
    for line in ('S: 220 fake.test', 'C: EHLO device.test', 'C: STARTTLS',
                 'C: AUTH PLAIN ***', 'S: 235', 'C: MAIL FROM:<root@',
                 'C: RCPT TO:<admin@example.org>', 'C: DATA',
                 'C: Subject: mailmote test', 'C: .', 'S: 250 2.0.0 queued',
                 'C: QUIT'):
        assert '\n' + line in text, text
    assert 'sesame' not in text and 'AHJvdXRlcgBzZXNhbWU' not in text
    assert text.splitlines()[-1] == \
        'sent to admin@example.org: 250 2.0.0 queued as FAKE'


def test_login_is_masked(make_client, make_fake, pki):
    fake = make_fake(tls=server_context(*pki.pair('good')), users=USERS,
                     mechanisms='LOGIN')
    p = make_client(fake, start=False).run('test', 'a@example.org')
    assert p.returncode == 0 and fake.logins[0][0] == 'LOGIN'
    for secret in (b'sesame', b'c2VzYW1l', b'cm91dGVy'):
        assert secret not in p.stdout + p.stderr


@pytest.mark.parametrize('step, reply, code, last', [
    ('rcpt', '550 5.1.1 nobody here', 69, 'refused to a@example.org: 550'),
    ('dot', '554 5.7.1 spam', 69, 'refused to a@example.org: 554'),
    ('rcpt', '451 4.2.1 greylisted', 75, 'not sent to a@example.org: 451'),
])
def test_refused(make_relay, fake, step, reply, code, last):
    fake.script[step] = [Reply(reply)]
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    p = relay.run('test', 'a@example.org')
    assert p.returncode == code, p.stdout
    assert p.stdout.decode().splitlines()[-1].startswith(last)


def test_message_by_the_second_hop(make_relay, make_fake, fake):
    down = make_fake()
    down.stop()
    relay = make_relay(start=False, smarthost=[
        'smtp://127.0.0.1:%d tls=off' % down.port,
        'smtp://127.0.0.1:%d tls=off' % fake.port])
    p = relay.run('test', 'a@example.org')
    assert p.returncode == 0 and b'connection refused' in p.stdout, p.stdout
    assert len(fake.messages) == 1


@pytest.mark.parametrize('words, code', [
    ((), 64), (('a@b.example', 'c@d.example'), 64), (('a b',), 65)])
def test_wrong_use(make_relay, fake, words, code):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    assert relay.run('test', *words).returncode == code
    assert not fake.sessions


def test_nobody_to_send_as(make_relay, fake):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       domain=None, hostname='device')
    p = relay.run('test', 'a@example.org')
    assert p.returncode == 65 and b'no sender' in p.stderr
    assert walk(relay)[1]['MAIL'][1].startswith('<> ')


def test_nothing_to_send_by(make_relay, fake):
    fake.stop()
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    p = relay.run('test', 'a@example.org')
    assert p.returncode == 75 and b'nothing listens there' in p.stdout
    assert p.stdout.splitlines()[-1].startswith(b'not sent to a@example.org')
    p = make_relay(start=False).run('test', 'a@example.org')
    assert p.returncode == 78


def test_beside_a_daemon(relay, fake):
    """Its queue, its lock and its counters are left alone."""
    relay.send()
    assert relay.run('test', 'a@example.org').returncode == 0
    assert walk(relay)[0] == 0
    assert len(fake.messages) == 2
    assert relay.status()['counters']['accepted'] == 1
