# SPDX-License-Identifier: ISC
"""tls=verify fails closed: no MAIL, no AUTH, nothing in the clear."""
import ssl

import pytest

from fake import Raw, server_context

BAD = {
    'expired': 'expired', 'future': 'not valid yet|not yet valid',
    'wrong-name': 'name', 'cn-only': 'name', 'other-ca': 'anchor|trust',
    'self-signed': 'anchor|trust',
}


def nothing_left(fake):
    """Only EHLO, STARTTLS and QUIT were said."""
    assert set(v for s in fake.sessions for v in s.said) <= \
        {'EHLO', 'STARTTLS', 'QUIT'}, fake.story()
    assert fake.logins == [] and fake.messages == []


@pytest.mark.parametrize('scheme', ['submission', 'submissions'])
@pytest.mark.parametrize('kind', ['good', 'ec'])
def test_good_certificate(make_client, make_fake, pki, scheme, kind):
    fake = make_fake(tls=server_context(*pki.pair(kind)),
                     implicit=scheme == 'submissions',
                     users={'router': 'sesame'})
    relay = make_client(fake, scheme)
    relay.send()
    assert fake.sessions[0].tls == 'TLSv1.2'
    assert fake.logins == [('PLAIN', 'router', 'sesame')]
    assert b'MAIL' not in fake.sessions[0].clear
    assert len(fake.messages) == 1
    relay.wait_log('sent .*tls=1.2')


@pytest.mark.parametrize('scheme', ['submission', 'submissions'])
@pytest.mark.parametrize('kind', BAD)
def test_bad_certificate(make_client, make_fake, pki, scheme, kind):
    fake = make_fake(tls=server_context(*pki.pair(kind)),
                     implicit=scheme == 'submissions',
                     users={'router': 'sesame'})
    relay = make_client(fake, scheme)
    relay.send()
    nothing_left(fake)
    assert len(relay.queue()) == 1
    route = relay.route()
    assert route['state'] in ('down', 'held')
    words = BAD[kind].split('|')
    assert any(w in route['reason'].lower() for w in words), route
    fake.tls = server_context(*pki.pair('good'))
    relay.flush()
    relay.wait_queue(0)
    assert len(fake.messages) == 1


def test_starttls_stripped(make_client, make_fake):
    fake = make_fake(users={'router': 'sesame'}, auth_clear=True)
    relay = make_client(fake)
    relay.send()
    nothing_left(fake)
    assert 'STARTTLS' not in fake.sessions[0].said
    assert len(relay.queue()) == 1
    assert 'starttls' in relay.route()['reason'].lower()


def test_bytes_behind_the_220(make_client, secure):
    """Responses injected before the handshake are never taken."""
    secure.script['starttls'] = Raw(b'220 2.0.0 go\r\n250 evil.test\r\n')
    relay = make_client(secure)
    relay.send()
    nothing_left(secure)
    assert len(relay.queue()) == 1
    secure.script.clear()
    relay.flush()
    assert len(secure.messages) == 1


@pytest.mark.filterwarnings('ignore:ssl.TLSVersion')
@pytest.mark.parametrize('version', ['TLSv1_1', 'TLSv1_3'])
def test_other_tls_version(make_client, make_fake, pki, version):
    context = server_context(*pki.pair('good'))
    if version == 'TLSv1_1':
        context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = context.maximum_version = \
        getattr(ssl.TLSVersion, version)
    fake = make_fake(tls=context, users={'router': 'sesame'})
    relay = make_client(fake)
    relay.send()
    nothing_left(fake)
    assert len(relay.queue()) == 1
    assert relay.route()['reason']


def test_everything_is_forgotten_after_starttls(make_client, secure):
    """EHLO again, AUTH from the list behind TLS."""
    relay = make_client(secure)
    relay.send()
    assert secure.sessions[0].said[:4] == ['EHLO', 'STARTTLS', 'EHLO', 'AUTH']


@pytest.mark.parametrize('mechanisms, used', [
    ('PLAIN LOGIN', 'PLAIN'), ('LOGIN', 'LOGIN'), ('CRAM-MD5 PLAIN', 'PLAIN')])
def test_mechanism(make_client, make_fake, pki, mechanisms, used):
    fake = make_fake(tls=server_context(*pki.pair('good')),
                     users={'router': 'sesame'}, mechanisms=mechanisms)
    relay = make_client(fake)
    relay.send()
    assert fake.logins == [(used, 'router', 'sesame')]
    assert len(fake.messages) == 1


def test_no_common_mechanism_holds_the_route(make_client, make_fake, pki):
    fake = make_fake(tls=server_context(*pki.pair('good')),
                     users={'router': 'sesame'}, mechanisms='GSSAPI')
    relay = make_client(fake)
    relay.send()
    nothing_left(fake)
    assert relay.route()['state'] in ('down', 'held')
    assert len(relay.queue()) == 1


def test_wrong_password_is_a_route_fault(make_client, secure):
    """No weaker mechanism is tried; the operator mends it by SIGHUP."""
    relay = make_client(secure, start=False)
    relay.secret('open')
    relay.start()
    relay.send()
    assert [login[0] for login in secure.logins] == ['PLAIN']
    assert relay.route()['state'] == 'held'
    assert 'wrong user or password' in relay.route()['reason']
    assert relay.run('status').returncode == 1
    relay.secret('sesame')
    relay.hup()
    secure.wait_messages(1)
    relay.wait_queue(0)


@pytest.mark.parametrize('which', ['good', 'ec'])
def test_pin(make_client, make_fake, pki, which):
    """A pin needs no anchor; a wrong pin lets nothing out."""
    fake = make_fake(tls=server_context(*pki.pair('good')),
                     users={'router': 'sesame'})
    relay = make_client(fake, options='pin=sha256:' + pki.pin(which),
                        start=False)
    relay.write(ca=None)
    relay.start()
    relay.send()
    if which == 'good':
        assert len(fake.messages) == 1
        return
    nothing_left(fake)
    assert len(relay.queue()) == 1


def test_address_literal_with_a_pin(make_relay, make_fake, pki):
    fake = make_fake(tls=server_context(*pki.pair('self-signed')))
    relay = make_relay('submission://127.0.0.1:%d pin=sha256:%s' %
                       (fake.port, pki.pin('self-signed')))
    relay.send()
    assert fake.sessions[0].tls and len(fake.messages) == 1


def test_address_literal_without_a_pin(make_relay):
    relay = make_relay('submission://127.0.0.1:587', start=False)
    p = relay.run('check')
    assert p.returncode == 78 and b'pin=' in p.stderr
    relay.conf.pop('smarthost')


@pytest.mark.parametrize('tls, offered, kind, encrypted', [
    ('require', True, 'self-signed', True), ('try', True, 'expired', True),
    ('try', False, None, False), ('off', True, 'good', False)])
def test_weaker_levels(make_relay, make_fake, pki, tls, offered, kind,
                       encrypted):
    fake = make_fake(tls=server_context(*pki.pair(kind)) if offered else None)
    relay = make_relay('smtp://localhost:%d tls=%s' % (fake.port, tls),
                       ca=pki.bundle)
    relay.send()
    assert len(fake.messages) == 1
    assert bool(fake.messages[0].session.tls) == encrypted


def test_require_without_starttls(make_relay, make_fake):
    fake = make_fake()
    relay = make_relay('smtp://localhost:%d tls=require' % fake.port)
    relay.send()
    nothing_left(fake)
    assert len(relay.queue()) == 1


def test_bundle_with_many_anchors(make_client, secure, pki):
    """Ours is the last of Debian's; its last line has no newline."""
    relay = make_client(secure, start=False)
    with open('/etc/ssl/certs/ca-certificates.crt') as f:
        text = f.read()
    with open(pki.bundle) as f:
        text += f.read().rstrip('\n')
    path = relay.base + '/bundle'
    with open(path, 'w') as f:
        f.write(text)
    relay.write(ca=path)
    relay.start()
    relay.send()
    assert len(secure.messages) == 1


def test_missing_bundle_holds_the_route(make_client, secure):
    relay = make_client(secure, start=False)
    relay.write(ca=relay.base + '/nothing-here')
    relay.start()
    relay.send()
    nothing_left(secure)
    assert len(relay.queue()) == 1


def test_session_is_resumed(make_client, secure):
    """The second connection saves the key exchange."""
    relay = make_client(secure)
    relay.send()
    secure.wait(lambda: secure.sessions[0].over)
    relay.send()
    assert len(secure.messages) == 2
    assert [s.resumed for s in secure.sessions] == [False, True]
