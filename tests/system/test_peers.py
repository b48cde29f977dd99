# SPDX-License-Identifier: ISC
"""Through a real Postfix with TLS and Dovecot SASL to a Maildir."""
import smtplib
import subprocess
import uuid

import pytest


@pytest.fixture
def token():
    """A word that finds this test's mail."""
    return uuid.uuid4().hex


@pytest.fixture
def client(make_client, postfix):
    """A relay to the submission port; scheme submissions: the other one."""
    def make(scheme='submission', options='', **conf):
        class Port:
            port = postfix.port if scheme == 'submission' else postfix.smtps
        return make_client(Port, scheme, options, **conf)
    return make


@pytest.mark.parametrize('scheme', ['submission', 'submissions'])
@pytest.mark.parametrize('auth', ['auto', 'plain', 'login'])
def test_sendmail(client, postfix, token, scheme, auth):
    relay = client(scheme, 'auth=' + auth)
    relay.send('-f', 'dev@device.test', 'in@example.org', stdin=(
        'Subject: alert\n\n.leading dot\n%s\n' % token).encode())
    mail, = postfix.wait_mails(token)
    assert b'\n\n.leading dot\n' in mail
    assert b'Return-Path: <dev@device.test>' in mail
    assert b'with ESMTPSA' in mail
    spool = relay.status()['spool']
    assert (spool['bytes_written'], spool['syncs']) == (0, 0)
    assert relay.queue() == []


def test_recipients_from_the_header(client, postfix, token):
    """-t: folded To, a group, Bcc that does not leave."""
    relay = client()
    relay.send('-t', '-i', '-f', 'dev@device.test', stdin=(
        'To: "Last, First" <a@example.org>,\n\tb@example.org\n'
        'Cc: Team: c@example.org, d@example.org;\nBcc: e@example.org\n'
        'Subject: x\n\n%s\n' % token).encode())
    mails = postfix.wait_mails(token, 5)
    assert all(b'e@example.org' not in m.split(b'\n\n')[0].replace(
        b'X-Original-To: e@example.org', b'').replace(
        b'Delivered-To: e@example.org', b'').replace(
        b'for <e@example.org>', b'') for m in mails)
    assert all(b'Bcc' not in m for m in mails)


def test_smtplib(client, postfix, token):
    relay = client()
    with smtplib.SMTP('127.0.0.1', relay.port) as s:
        for i in range(3):
            s.sendmail('d@device.test', ['in@example.org'],
                       'Subject: %d\n\n%s\n' % (i, token))
    postfix.wait_mails(token, 3)
    assert relay.status()['spool']['bytes_written'] == 0


def test_swaks(client, postfix, token):
    relay = client()
    p = subprocess.run(
        ['swaks', '--server', '127.0.0.1:%d' % relay.port, '--from',
         'd@device.test', '--to', 'in@example.org', '--body', token],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout.decode()
    postfix.wait_mails(token)


@pytest.mark.parametrize('rcpts, code, left', [
    (['nobody@example.org'], 69, 0),
    (['later@example.org'], 0, 1),
    (['in@example.org', 'later@example.org'], 0, 1),
    (['in@example.org', 'nobody@example.org'], 0, 0),
    (['in@example.org', 'x@not-ours.example', 'later@example.org'], 0, 1)],
    ids=lambda x: '-'.join(r.split('@')[0] for r in x)
    if isinstance(x, list) else str(x))
def test_outcomes(client, postfix, token, rcpts, code, left):
    relay = client()
    p = relay.sendmail('-v', '-f', 'dev@device.test', *rcpts,
                       stdin=b'\n' + token.encode())
    assert p.returncode == code, p.stderr
    if 'in@example.org' in rcpts:
        postfix.wait_mails(token)
    assert len(relay.queue()) == left


def test_wrong_password(client, postfix, token):
    relay = client(start=False)
    relay.secret('wrong')
    relay.start()
    relay.send('-f', 'dev@device.test', 'in@example.org',
               stdin=b'\n' + token.encode())
    assert relay.route()['state'] == 'held'
    assert 'authentication' in relay.route()['reason'].lower()
    assert len(relay.queue()) == 1
    assert postfix.mails(token) == []


def test_killed_and_back(client, postfix, token, make_fake):
    """The story: host away, alerts safe, SIGKILL, back, exactly once."""
    relay = client(start=False)
    good = relay.conf['smarthost']
    gone = make_fake()
    gone.stop()
    relay.write(smarthost=good.replace(str(postfix.port), str(gone.port)))
    relay.start()
    for i in range(3):
        relay.send('-f', 'dev@device.test', 'in@example.org',
                   stdin=b'Subject: %d\n\n%s\n' % (i, token.encode()))
    relay.kill()
    relay.write(smarthost=good)
    relay.start()
    mails = postfix.wait_mails(token, 3)
    assert sorted(m.split(b'Subject: ')[1][:1] for m in mails) == \
        [b'0', b'1', b'2']
    relay.wait_queue(0)


def test_large_message(client, postfix, token):
    relay = client(start=False, max_message='8M')
    relay.write(spool=relay.spool + ' size=24M')
    relay.start()
    body = ('x' * 70 + '\n') * 30000
    relay.send('-f', 'dev@device.test', 'in@example.org',
               stdin=('Subject: big\n\n%s\n%s' % (token, body)).encode())
    mail, = postfix.wait_mails(token, limit_s=60)
    assert mail.endswith(body.encode())
    relay.wait_queue(0)


def test_queue_drains_over_one_login(client, postfix, token, make_fake):
    gone = make_fake()
    gone.stop()
    relay = client(start=False)
    good = relay.conf['smarthost']
    relay.write(smarthost=good.replace(str(postfix.port), str(gone.port)))
    relay.start()
    for _ in range(20):
        relay.send('-f', 'dev@device.test', 'in@example.org',
                   stdin=b'\n' + token.encode())
    relay.write(smarthost=good)
    before = postfix.log().count(' connect from ')
    relay.hup()
    relay.flush()
    postfix.wait_mails(token, 20)
    assert postfix.log().count(' connect from ') == before + 1
