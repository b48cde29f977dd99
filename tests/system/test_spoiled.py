# SPDX-License-Identifier: ISC
"""A spool with bad frames: what was lost is counted and logged once."""
import re
import struct

FRAME = 4096


def down(fake):
    fake.stop()
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


def frames(relay, kind):
    """Places of the good-looking frames of a kind."""
    image = relay.spool_bytes()
    return [at for at in range(0, len(image), FRAME)
            if image[at:at + 4] == b'mote' and image[at + 5] == kind]


def spoil(relay, at):
    with open(relay.spool, 'r+b') as f:
        f.seek(at + 2000)
        f.write(b'rotten')


def losses(relay, since=0):
    return [x for x in relay.lines[since:]
            if re.search(r'spool: .*\blost\b', x)]


def test_found_at_a_start(make_relay, fake):
    """Told once at each start, until it is removed; the others go out."""
    relay = make_relay(down(fake))
    relay.send(stdin=b'Subject: big\n\n' + b'0123456789\n' * 6000)
    relay.send()
    big = max(relay.queue(), key=lambda m: m['size'])['id']
    relay.kill()
    spoil(relay, frames(relay, 2)[3])
    for _ in range(2):
        since = len(relay.lines)
        relay.start()
        assert len(relay.queue()) == 2
        assert len(losses(relay, since)) == 1, relay.log()
        relay.kill()
    since = len(relay.lines)
    relay.start()
    fake.start()
    relay.flush()
    fake.wait_messages(1)
    assert fake.messages[0].body == b'battery low\r\n'
    # Held before, and that was said then: once.
    assert len([x for x in relay.lines if re.search(
        'message %s at frame [0-9]+ cannot be read' % big, x)]) == 1
    held, = relay.queue()
    assert held['id'] == big and held['state'] == 'held'
    assert len(losses(relay, since)) == 1
    assert relay.run('remove', big).returncode == 0
    relay.stop()
    since = len(relay.lines)
    relay.start()
    assert relay.queue() == []
    assert losses(relay, since) == []


def test_lost_at_the_tail(make_relay, fake):
    """Its start rots while the ring goes round: given up, told, counted."""
    relay = make_relay(down(fake), start=False)
    relay.write(spool=relay.spool + ' size=64K')
    relay.start()
    relay.send()
    relay.send()
    first, second = [m['id'] for m in relay.queue()]
    names = {first, second, None}  # what is spoiled has no name
    at, = [x for x in frames(relay, 1)
           if struct.unpack_from('<Q', relay.spool_bytes(), x + 16)[0] == 8]
    spoil(relay, at)
    assert relay.status()['counters']['dropped'] == 0
    for _ in range(24):
        relay.send()
        last, = {m['id'] for m in relay.queue()} - names
        assert relay.run('remove', last).returncode == 0
    assert [m['id'] for m in relay.queue()] == [second]
    assert len(losses(relay)) == 1, relay.log()
    assert relay.status()['counters']['dropped'] == 1
