# SPDX-License-Identifier: ISC
"""Each recipient has its own fate (DESIGN.md 3.1)."""
import re

import pytest

from fake import Reply
from relay import Client

MAIL = b'Subject: x\r\n\r\nbattery low\r\n'
FATES = {'sent': None, 'refused': Reply('550 5.1.1 nobody'),
         'later': Reply('450 4.2.1 come back')}


def by_name(session, argument):
    """The recipient's name says how it goes."""
    name = re.match(r'TO:<([a-z]+)', argument).group(1)
    return FATES.get(name)


def rcpts(*names):
    return ['%s%d@example.org' % (n, i) for i, n in enumerate(names)]


def no_notices(session, argument):
    """Notices to the sender have to wait: the queue can be looked at."""
    if argument.startswith('FROM:<>'):
        return Reply('450 4.3.0 not now')


@pytest.fixture
def fates(fake):
    fake.script['rcpt'] = by_name
    fake.script['mail'] = no_notices
    return fake


def ended(states):
    """What a fate is called in the queue."""
    return {'sent': 'sent', 'refused': 'refused',
            'later': 'waiting|deferred'}[states]


MIXES = [('sent', 'refused'), ('refused', 'sent'), ('sent', 'later'),
         ('refused', 'later'), ('later', 'refused', 'sent'),
         ('sent', 'sent', 'later', 'later', 'refused')]


@pytest.mark.parametrize('mix', MIXES, ids='-'.join)
def test_mix_is_a_yes(relay, fates, mix):
    """250 / 0; what is open or refused was committed before the answer."""
    names = rcpts(*mix)
    p = relay.sendmail('-f', 'dev@example.com', *names)
    assert p.returncode == 0, p.stderr
    assert relay.status()['spool']['syncs'] >= 1
    waiting, = relay.queue()
    found = {r['address']: r for r in waiting['recipients']}
    assert set(found) == set(names)
    for name, fate in zip(names, mix):
        assert re.fullmatch(ended(fate), found[name]['state']), found
        if fate == 'refused':
            assert found[name]['code'] == 550
            assert found[name]['dsn'] == '5.1.1'
    if 'later' not in mix:
        assert waiting['state'] == 'returning'
    done = [n for n in names if n.startswith('sent')]
    assert [m.rcpts for m in fates.messages] == ([done] if done else [])


@pytest.mark.parametrize('mix', [m for m in MIXES if 'later' in m],
                         ids='-'.join)
@pytest.mark.parametrize('death', [None, 'stop', 'kill'])
def test_only_the_open_ones_are_tried_again(relay, fates, mix, death):
    names = rcpts(*mix)
    relay.send('-f', 'dev@example.com', *names)
    first = len(fates.messages)
    told = 'refused' in mix
    if death:
        getattr(relay, death)()
        relay.start()
    fates.script.clear()
    relay.flush()
    fates.wait_messages(first + 1 + told)
    notices = [m for m in fates.messages if m.sender == '']
    assert [m.rcpts for m in notices] == [['dev@example.com']] * told
    fates.messages = [m for m in fates.messages if m.sender]
    later = [n for n in names if n.startswith('later')]
    assert sorted(fates.messages[first].rcpts) == sorted(later)
    assert len(fates.messages) == first + 1
    relay.wait_queue(0)


@pytest.mark.parametrize('count', [1, 3])
def test_all_refused_is_the_hops_answer(relay, fates, count):
    p = relay.sendmail('-f', 'dev@example.com', *rcpts(*['refused'] * count))
    assert p.returncode == 69
    assert b'nobody' in p.stderr
    assert relay.queue() == [] and fates.messages == []
    assert relay.status()['spool']['bytes_written'] == 0


def test_all_refused_by_smtp(relay, fates):
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('dev@example.com', rcpts('refused', 'refused'),
                          MAIL)
    assert reply.startswith('550 5.1.1 ') and 'nobody' in reply
    assert relay.queue() == []


def test_all_sent_by_smtp_is_the_hops_250(relay, fates):
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('dev@example.com', rcpts('sent', 'sent'), MAIL)
    assert reply.startswith('250 2.0.0 ') and 'queued as FAKE' in reply
    assert relay.queue() == []
    assert relay.status()['spool']['bytes_written'] == 0


def test_mix_by_smtp(relay, fates):
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('dev@example.com', rcpts('sent', 'later'), MAIL)
    assert reply.startswith('250 2')
    assert len(relay.queue()) == 1


def test_lhlo_answers_for_each_recipient(relay, fates):
    """The submission socket, in the order of RCPT."""
    with Client(relay.submit) as c:
        c.hello('LHLO')
        first = c.message('dev@example.com',
                          rcpts('sent', 'refused', 'later'), MAIL)
        rest = [c.reply(), c.reply()]
    assert first.startswith('250 2')
    assert rest[0].startswith('550 5.1.1')
    assert rest[1].startswith('250 2')


def test_verbose_names_each_recipient(relay, fates):
    names = rcpts('sent', 'refused', 'later')
    p = relay.sendmail('-v', '-f', 'dev@example.com', *names)
    assert p.returncode == 0
    said = (p.stdout + p.stderr).decode()
    for name in names:
        assert name in said
    assert '550' in said and '250' in said


def test_null_sender_is_never_returned(relay, fates):
    """Refused mail from <> is logged, nothing is kept for it."""
    del fates.script['mail']
    p = relay.sendmail('-f', '', *rcpts('sent', 'refused'))
    assert p.returncode == 0
    assert relay.queue() == []
    assert fates.messages[0].sender == ''
    relay.wait_log('refused .*refused1@example.org')


def test_many_recipients_are_several_transactions(relay, fake):
    """sendmail: more than 100, each exactly once."""
    names = ['u%d@example.org' % i for i in range(250)]
    relay.send('-f', 'dev@example.com', *names)
    got = [r for m in fake.messages for r in m.rcpts]
    assert sorted(got) == sorted(names)
    assert all(len(m.rcpts) <= 100 for m in fake.messages)


@pytest.mark.parametrize('text', ['452 4.5.3 too many', '552 5.5.3 too many'])
def test_hop_with_a_limit_of_recipients(relay, fake, text):
    """The rest goes in a second transaction at once; no refusal."""
    def limit(session, _):
        return Reply(text) if len(session.rcpts) >= 4 else None
    fake.script['rcpt'] = limit
    names = ['u%d@example.org' % i for i in range(10)]
    relay.send('-f', 'dev@example.com', *names)
    fake.wait(lambda: sum(len(m.rcpts) for m in fake.messages) == 10)
    got = [r for m in fake.messages for r in m.rcpts]
    assert sorted(got) == sorted(names)
    assert len(fake.sessions) == 1
    relay.wait_queue(0)


def test_message_larger_than_the_hop_takes(make_fake, make_relay):
    """Known from SIZE: refused without sending it."""
    fake = make_fake(extensions=['SIZE 1000', 'PIPELINING', '8BITMIME'])
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    p = relay.sendmail('-f', 'd@device.test', 'a@example.org',
                       stdin=b'\n' + b'x' * 70 + b'\n' * 2000)
    assert p.returncode == 69 and b'5.3.4' in p.stderr
    assert 'DATA' not in fake.sessions[0].said


def test_eight_bit_and_a_hop_that_takes_seven(make_fake, make_relay):
    fake = make_fake(extensions=['PIPELINING'])
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    p = relay.sendmail('-f', 'd@device.test', 'a@example.org',
                       stdin='Subject: x\n\nbatterie schwach: Gerät\n'.encode())
    assert p.returncode in (0, 69)
    if p.returncode:
        assert b'5.6.3' in p.stderr
        assert fake.messages == []
    else:
        assert max(fake.messages[0].data) < 128


def test_eight_bit_passes_unchanged(relay, fake):
    text = 'batterie schwach: Gerät'.encode()
    relay.send('-f', 'd@device.test', 'a@example.org',
               stdin=b'Subject: x\n\n' + text + b'\n')
    assert text in fake.messages[0].body
    assert 'BODY=8BITMIME' in fake.messages[0].params
