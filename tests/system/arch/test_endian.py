# SPDX-License-Identifier: ISC
"""A spool written on one byte order is read on the other (SPOOL.md).

The machine's own binary and that of s390x, which is big-endian, take turns
at one folder: one of them queues, holds, marks and dies, the other one lists,
shows and delivers.
"""
import os
import shutil
import sys

import pytest

from conftest import need
from fake import Reply
from relay import BUILD

OTHER = 's390x'
BIG = b'Subject: big\n\n' + b''.join(b'line %6d of it\n' % i
                                     for i in range(5000))
FIELDS = ('id', 'state', 'size', 'from', 'recipients')


def native():
    return [os.path.join(BUILD, 'default/mailmote')]


def foreign():
    return [shutil.which('qemu-%s-static' % OTHER) or 'qemu',
            os.path.join(BUILD, 'default-%s/mailmote' % OTHER)]


@pytest.fixture(params=['to-big-endian', 'to-little-endian'])
def turns(request):
    """The words of the one that writes, and of the one that reads."""
    assert sys.byteorder == 'little'
    for words in (native(), foreign()):
        for path in words:
            need(os.access(path, os.X_OK), path)
    both = [native(), foreign()]
    return both if request.param == 'to-big-endian' else both[::-1]


@pytest.fixture
def relay(make_relay, fake):
    """Its binary is set by each test; nothing runs."""
    return make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)


def entries(relay):
    """The queue, without what depends on the time."""
    return [{k: m[k] for k in FIELDS} for m in relay.queue()]


def by_size(relay):
    return sorted(relay.queue(), key=lambda m: m['size'])


def shown(relay, ident):
    p = relay.run('show', ident)
    assert p.returncode == 0, p.stderr
    return p.stdout


def test_one_shots(relay, fake, turns):
    """No daemon: queued by the one, listed, shown, delivered by the other."""
    relay.words = turns[0]
    fake.stop()
    relay.send('-f', 'a@device.test', 'b@example.org', 'c@example.org')
    relay.send('-f', 'a@device.test', 'd@example.org',
               stdin=b'Subject: \xe2\x9a\xa0\n\n8-bit: \xc3\xbc\xff\n')
    relay.send('-f', 'a@device.test', 'e@example.org', stdin=BIG)
    listed = entries(relay)
    assert len(listed) == 3
    texts = [shown(relay, m['id']) for m in listed]
    image = relay.spool_bytes()
    relay.words = turns[1]
    assert entries(relay) == listed
    assert [shown(relay, m['id']) for m in listed] == texts
    assert relay.spool_bytes() == image
    relay.send('-f', 'a@device.test', 'f@example.org')
    relay.words = turns[0]
    assert entries(relay)[:3] == listed and len(relay.queue()) == 4
    relay.words = turns[1]
    fake.start()
    relay.flush()
    assert relay.queue() == []
    assert sorted(r for m in fake.messages for r in m.rcpts) == [
        c + '@example.org' for c in 'bcdef']
    big, = [m for m in fake.messages if 'e@example.org' in m.rcpts]
    assert big.body == BIG.split(b'\n\n', 1)[1].replace(b'\n', b'\r\n')
    relay.words = turns[0]
    assert relay.queue() == []


def test_marks_of_a_daemon(relay, fake, turns):
    """Held, refused, sent, and lazy marks that only tmpfs has."""
    relay.words = turns[0]
    fake.stop()
    relay.start()
    relay.send('-f', 'a@device.test', 'held@example.org')
    relay.send('-f', 'a@device.test', 'sent@example.org', 'no@example.org',
               'later@example.org',
               stdin=b'Subject: mix\n\n' + b'0123456789abcde\n' * 100)
    relay.send('-f', 'a@device.test', 'gone@example.org', stdin=BIG)
    held, mix, gone = by_size(relay)
    assert relay.run('hold', held['id']).returncode == 0
    answers = {'no': Reply('550 5.1.1 nobody here'),
               'later': Reply('450 4.2.1 not now')}

    def rcpt(session, argument):
        for name, reply in answers.items():
            if name + '@' in argument:
                return reply
        return None
    fake.script['rcpt'] = rcpt
    fake.start()
    relay.flush()
    relay.wait_queue(2)
    relay.kill()
    fake.stop()
    listed = entries(relay)
    relay.words = turns[1]
    assert [m['id'] for m in listed] == [held['id'], mix['id']]
    assert entries(relay) == listed
    assert listed[0]['state'] == 'held'
    states = {r['address']: r for r in listed[1]['recipients']}
    assert states['sent@example.org']['state'] == 'sent'
    assert states['later@example.org']['state'] == 'waiting'
    assert states['no@example.org']['state'] == 'refused'
    assert states['no@example.org']['code'] == 550
    assert 'nobody here' in states['no@example.org']['text']
    answers.clear()
    fake.start()
    relay.start()
    relay.flush()
    fake.wait(lambda: ['later@example.org'] in [m.rcpts
                                                for m in fake.messages])
    assert relay.run('release', held['id']).returncode == 0
    relay.flush()
    fake.wait(lambda: fake.messages[-1].rcpts == ['held@example.org'])
    relay.run('remove', mix['id'])
    relay.wait_queue(0)
    relay.stop()
    relay.words = turns[0]
    assert relay.queue() == []
    assert len([m for m in fake.messages if len(m.rcpts) == 1 and
                m.rcpts[0].endswith('@example.org')]) == 4
