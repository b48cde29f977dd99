# SPDX-License-Identifier: ISC
"""What is written to flash: nothing while the next hop is up."""
import os

import pytest

from relay import Client

FRAME = 4096


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


def written(relay):
    spool = relay.status()['spool']
    return spool['bytes_written'], spool['writes'], spool['syncs']


@pytest.mark.parametrize('size', [0, 1000, 30000])
@pytest.mark.parametrize('way', ['sendmail', 'smtp'])
def test_nothing_while_the_hop_is_up(relay, fake, size, way):
    before, image = written(relay), relay.spool_bytes()
    data = b'Subject: x\r\n\r\n' + b'12345678\r\n' * (size // 10)
    for _ in range(3):
        if way == 'smtp':
            with Client(relay.port) as c:
                c.hello()
                assert c.message('d@device.test', ['a@example.org'],
                                 data)[:3] == '250'
        else:
            relay.send(stdin=data)
    assert len(fake.messages) == 3
    assert written(relay) == before
    assert relay.spool_bytes() == image
    relay.stop()
    assert relay.spool_bytes() == image


def test_one_frame_and_one_sync_while_it_is_down(make_relay, fake):
    fake.stop()
    relay = make_relay(clear(fake))
    before = written(relay)
    size = os.stat(relay.spool).st_size
    for i in range(5):
        relay.send(stdin=b'Subject: x\n\n' + b'12345678\n' * 110)
        now = written(relay)
        assert now[0] - before[0] == FRAME * (i + 1)
        assert now[2] - before[2] == i + 1
    st = os.stat(relay.spool)
    assert st.st_size == size == 1 << 20
    image = relay.spool_bytes()
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    assert len(fake.messages) == 5
    assert written(relay) == now
    assert relay.spool_bytes() == image


def test_marks_are_written_on_a_clean_stop(make_relay, fake):
    """Once, for the whole drain."""
    fake.stop()
    relay = make_relay(clear(fake))
    for _ in range(5):
        relay.send()
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    before = relay.spool_bytes()
    relay.stop()
    after = relay.spool_bytes()
    frames = [i for i in range(0, len(before), FRAME)
              if before[i:i + FRAME] != after[i:i + FRAME]]
    assert len(frames) == 1


def test_status_says_volatile(relay):
    """The spool of these tests is on tmpfs."""
    expect = relay.base.startswith('/dev/shm')
    assert relay.status()['spool']['volatile'] is expect
    if expect:
        relay.wait_log('volatile')
        assert b'volatile' in relay.run('check').stdout


@pytest.mark.parametrize('lines, one_line', [(1 << 14, False),
                                             (5 << 16, True)],
                         ids=['1MiB', '5MiB-one-line'])
@pytest.mark.parametrize('way', ['sendmail', 'smtp'])
@pytest.mark.parametrize('up', [True, False], ids=['up', 'down'])
def test_larger_than_the_stage(make_relay, fake, lines, one_line, way, up):
    """Through the spool, to the byte; long lines folded on the wire."""
    relay = make_relay(clear(fake), start=False, max_message='8M')
    relay.write(spool=relay.spool + ' size=24M')
    if not up:
        fake.stop()
    relay.start()
    if one_line:
        body = b'0123456789abcdef' * lines + b'\n'
    else:
        body = b''.join(b'line %9d ' % i + b'.' * 48 + b'\n'
                        for i in range(lines))
    data = b'Subject: big\n\n' + body
    if way == 'smtp':
        with Client(relay.port) as c:
            c.hello()
            assert c.message('d@device.test', ['a@example.org'],
                             data.replace(b'\n', b'\r\n'))[:3] == '250'
    else:
        relay.send(stdin=data)
    if not up:
        assert len(relay.queue()) == 1
        relay.kill()
        relay.start()
        fake.start()
        relay.flush()
    fake.wait_messages(1, 60)
    relay.wait_queue(0)
    got = fake.messages[0]
    assert max(map(len, got.wire.split(b'\r\n'))) <= 998
    assert got.body.replace(b'\r\n ', b'').replace(b'\r\n', b'\n') == body
    assert len(fake.messages) == 1


@pytest.mark.parametrize('spoil', ['zero', 'random', 'flip', 'foreign'])
def test_damaged_spool(make_relay, fake, spoil):
    """It starts, and what is whole is delivered."""
    fake.stop()
    relay = make_relay(clear(fake))
    for i in range(6):
        relay.send(stdin=b'Subject: %d\n\nx\n' % i)
    relay.kill()
    image = relay.spool_bytes()
    used = [i for i in range(0, len(image), FRAME)
            if any(image[i:i + FRAME])]
    assert len(used) >= 6
    at = used[2]
    with open(relay.spool, 'r+b') as f:
        f.seek(at)
        if spoil == 'zero':
            f.write(bytes(FRAME))
        elif spoil == 'random':
            f.write(os.urandom(FRAME))
        elif spoil == 'flip':
            f.seek(at + 100)
            f.write(b'\xaa\x55')
        else:
            f.write(b'From someone\n\n' * 500)
    relay.start()
    left = len(relay.queue())
    assert 4 <= left <= 5
    fake.start()
    relay.flush()
    relay.wait_queue(0)
    assert len(set(m.header('Subject')[0] for m in fake.messages)) == left


def test_without_any_spool(make_relay, fake):
    """What fits the stage goes through while the hop is up."""
    relay = make_relay(clear(fake), spool='/proc/no-such-folder/spool')
    relay.send()
    assert len(fake.messages) == 1
    fake.stop()
    p = relay.sendmail('-f', 'd@device.test', 'a@example.org')
    assert p.returncode == 75 and p.stderr
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], b'\r\nx\r\n')
    assert reply[:1] == '4', reply
