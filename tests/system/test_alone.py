# SPDX-License-Identifier: ISC
"""Without a daemon the caller does its job (DESIGN.md 2.1)."""
import json
import os
import pwd
import threading

import pytest

from conftest import need
from fake import Drop, Reply
from relay import BUILD


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


@pytest.fixture
def alone(make_relay, fake):
    return make_relay(clear(fake), start=False)


def test_delivers_at_once(alone, fake):
    alone.send()
    assert len(fake.messages) == 1
    assert fake.messages[0].body == b'battery low\r\n'
    assert alone.queue() == []


def test_queues_and_says_so(alone, fake):
    fake.stop()
    p = alone.send('-v', '-f', 'd@device.test', 'a@example.org')
    assert b'queued' in p.stderr + p.stdout
    assert b'flush' in p.stderr + p.stdout
    entry, = alone.queue()
    assert entry['state'] == 'queued'
    text = alone.run('-bp', name='sendmail').stdout.decode()
    assert entry['id'] in text and 'in 1 Requests.' in text


def test_flush_delivers_what_was_queued(alone, fake):
    fake.stop()
    for _ in range(3):
        alone.send()
    alone.flush()
    assert len(alone.queue()) == 3
    fake.start()
    alone.flush()
    assert alone.queue() == []
    assert len(fake.messages) == 3
    assert len([s for s in fake.sessions if s.commands]) == 1
    alone.flush()
    assert len(fake.messages) == 3


def test_daemon_takes_over(alone, fake):
    fake.stop()
    alone.send()
    fake.start()
    alone.start()
    fake.wait_messages(1)
    alone.wait_queue(0)


def test_spool_of_a_daemon_that_is_gone(alone, fake):
    fake.stop()
    alone.start()
    alone.send()
    alone.kill()
    assert len(alone.queue()) == 1
    fake.start()
    alone.flush()
    assert alone.queue() == [] and len(fake.messages) == 1


def test_refused(alone, fake):
    fake.script['rcpt'] = Reply('550 5.1.1 nobody')
    p = alone.sendmail('-f', 'd@device.test', 'a@example.org')
    assert p.returncode == 69 and b'nobody' in p.stderr
    assert alone.queue() == []


def test_mix(alone, fake):
    def later(session, argument):
        return Reply('450 4.2.1 later') if 'later' in argument else None
    fake.script['rcpt'] = later
    alone.send('-f', 'd@device.test', 'a@example.org', 'later@example.org')
    assert [m.rcpts for m in fake.messages] == [['a@example.org']]
    fake.script.clear()
    alone.flush()
    assert [m.rcpts for m in fake.messages][1:] == [['later@example.org']]


def said(p):
    """What sendmail says itself, without the log."""
    return [x for x in p.stderr.decode().splitlines()
            if x.startswith('sendmail: ')]


def test_each_recipient_is_named(alone, fake):
    """As with a daemon; and what waits is our word, not the hop's."""
    fake.script['rcpt'] = [None, Reply('550 5.1.1 nobody')]
    p = alone.send('-v', '-f', '', 'a@example.org', 'b@example.org')
    assert said(p) == [
        'sendmail: a@example.org: accepted: 250 2.0.0 queued as FAKE',
        'sendmail: b@example.org: refused: 550 5.1.1 nobody']
    fake.stop()
    p = alone.send('-v', '-f', '', 'a@example.org')
    ident = alone.queue()[0]['id']
    assert said(p) == [
        'sendmail: a@example.org: accepted: 250 2.0.0 queued as ' + ident,
        'sendmail: %s waits for a flush or a daemon' % ident]


@pytest.mark.parametrize('daemon', [True, False])
@pytest.mark.parametrize('text, code', [
    ('550 5.1.3 bad address in the header', 69),
    ('552 5.3.4 too large', 69), ('550 5.7.1 not allowed', 69)])
@pytest.mark.parametrize('step', ['mail', 'rcpt', 'dot'])
def test_refused_by_the_hop_is_69(make_relay, fake, daemon, step, text, code):
    fake.script[step] = Reply(text)
    relay = make_relay(clear(fake), start=daemon)
    assert relay.sendmail('a@example.org').returncode == code


@pytest.mark.parametrize('daemon', [True, False])
def test_refused_by_us_is_65(make_relay, fake, daemon):
    """And one recipient that nothing completes spoils all."""
    relay = make_relay(clear(fake), start=daemon, max_message='64K',
                       hostname='device', domain=None)
    large = b'Subject: x\n\n' + b'z\n' * 40000
    p = relay.sendmail('a@example.org', '-f', 'd@x.org', stdin=large)
    assert p.returncode == 65 and b'552 5.3.4' in p.stderr, p.stderr
    p = relay.sendmail('-f', 'd@x.org', 'a@example.org', 'bare')
    assert p.returncode == 65 and b'5.1.3' in p.stderr, p.stderr
    p = relay.sendmail('-f', 'bare', 'a@example.org')
    assert p.returncode == 65 and b'5.1.3' in p.stderr, p.stderr
    assert fake.messages == [] and relay.queue() == []


@pytest.mark.parametrize('daemon', [True, False])
def test_aliases_of_more_than_a_transaction(make_relay, fake, daemon):
    """30 arguments become 120 recipients: two transactions."""
    names = ['team%d' % i for i in range(30)]
    lists = [['%s-%d@example.org' % (n, i) for i in range(4)] for n in names]
    relay = make_relay(clear(fake), start=daemon, alias=[
        '%s %s' % (n, ','.join(to)) for n, to in zip(names, lists)])
    relay.send('-f', 'd@device.test', *names)
    got = [r for m in fake.messages for r in m.rcpts]
    assert sorted(got) == sorted(sum(lists, []))
    assert len(fake.messages) == 2


def test_drop_after_the_final_dot(alone, fake):
    fake.script['dot'] = Drop()
    alone.send()
    entry, = alone.queue()
    assert entry['recipients'][0]['state'] in ('uncertain', 'waiting',
                                               'deferred')
    fake.script.clear()
    alone.flush()
    assert len(fake.messages) == 2


def test_with_tls_and_auth(make_client, secure):
    relay = make_client(secure, start=False)
    relay.send()
    assert secure.sessions[0].tls and len(secure.logins) == 1
    assert len(secure.messages) == 1


def test_control_without_daemon(alone, fake):
    fake.stop()
    alone.send()
    ident = alone.queue()[0]['id']
    assert b'battery low' in alone.run('show', ident).stdout
    assert alone.run('hold', ident).returncode == 0
    assert alone.queue()[0]['state'] == 'held'
    assert alone.run('release', ident).returncode == 0
    assert alone.run('remove', ident).returncode == 0
    p = alone.run('queue')
    assert p.returncode == 0 and p.stdout == b'Mail queue is empty\n'


def test_spool_belongs_to_the_user(alone, fake, root):
    fake.stop()
    alone.send()
    st = os.stat(alone.spool)
    assert st.st_uid == pwd.getpwnam('nobody').pw_uid
    assert st.st_mode & 0o077 == 0


def test_others_get_75_and_the_reason(alone, fake, root):
    """No access to the spool, no daemon: nothing was taken."""
    fake.stop()
    alone.send()
    p = alone.sendmail('a@example.org', user='games')
    assert p.returncode == 75 and p.stderr
    assert len(alone.queue()) == 1


def test_control_by_others_is_77(alone, fake, root):
    """As with a daemon; sendmail -q, as crontabs have it, is no fault."""
    fake.stop()
    alone.send()
    for words in (['queue'], ['flush'], ['remove', '--all']):
        p = alone.run(*words, user='games')
        assert p.returncode == 77 and b'not allowed' in p.stderr, p.stderr
    assert alone.run(name='mailq', user='games').returncode == 77
    assert alone.run('-q', name='sendmail', user='games').returncode == 0
    assert len(alone.queue()) == 1


def test_two_at_once(alone, fake):
    """The lock is waited for; each message arrives once."""
    codes = []

    def one(i):
        codes.append(alone.sendmail('-f', 'd@device.test', 'a@example.org',
                                    stdin=b'Subject: %d\n\n' % i).returncode)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert codes == [0] * 4
    assert sorted(m.header('Subject')[0] for m in fake.messages) == \
        ['0', '1', '2', '3']


def test_tiny_binary(make_relay, make_fake):
    """No TLS, no daemon, no spool: sendmail to an address or a name."""
    binary = os.path.join(BUILD, 'tiny/mailmote')
    need(os.access(binary, os.X_OK), binary)
    fake = make_fake()
    for host in ('127.0.0.1', 'localhost'):
        relay = make_relay(start=False, binary=binary)
        with open(relay.file, 'w') as f:
            f.write('smarthost smtp://%s:%d\ndomain device.test\n' %
                    (host, fake.port))
        relay.send()
    assert len(fake.messages) == 2
    fake.stop()
    assert relay.sendmail('-f', 'd@device.test',
                          'a@example.org').returncode == 75
    fake.start()
    fake.script['rcpt'] = Reply('550 5.1.1 nobody')
    assert relay.sendmail('-f', 'd@device.test',
                          'a@example.org').returncode == 69


def test_queue_json_is_json(alone, fake):
    fake.stop()
    alone.send()
    p = alone.run('queue', '--json')
    assert json.loads(p.stdout)['state'] == 'queued'
