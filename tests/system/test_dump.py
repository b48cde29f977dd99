# SPDX-License-Identifier: ISC
"""tests/tools/spool-dump, which shares no code with the program, reads what
the program writes, the test vectors of SPOOL.md, and any bytes whatever."""
import os
import random
import re
import struct
import subprocess
import sys

import pytest

from fake import Reply
from relay import TOP

DUMP = os.path.join(TOP, 'tests/tools/spool-dump')
DOCUMENT = os.path.join(TOP, 'src/spool/SPOOL.md')
FRAME = 4096


def vectors():
    """A ring of 16 frames as SPOOL.md 1.6 shows it."""
    image, at = bytearray(16 * FRAME), None
    with open(DOCUMENT) as f:
        for line in f:
            m = re.match(r'    frame (\d+):$', line)
            if m:
                at = int(m.group(1)) * FRAME
            m = re.match(r'    ([0-9a-f]{4}): ((?:[0-9a-f]{2} ?)+)$', line)
            if m and at is not None:
                data = bytes.fromhex(m.group(2))
                start = at + int(m.group(1), 16)
                image[start:start + len(data)] = data
    return image


def dump(path, image=None, status=0):
    """The lines it prints."""
    if image is not None:
        with open(path, 'wb') as f:
            f.write(image)
    p = subprocess.run([sys.executable, DUMP, str(path)],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=60)
    assert p.stderr == b'', p.stderr
    assert p.returncode == status
    return p.stdout.decode().splitlines()


def test_vectors(tmp_path):
    lines = dump(tmp_path / 'image', vectors())
    assert lines == [
        'ring=16 tail=9 newest=9 age=7 wall=0',
        '8: commit seq=8 dead id=1122334455667788 1/1 tail=8 prior=7'
        ' used=47 age=5',
        '    message .0 id=ci2fm6e2xtpp flags=8 nrcpt=1 env=2 size=4'
        ' wall=1700000000 arrived=5 damaged=0 states=waiting',
        '9: commit seq=9 counts id=99aabbccddeeff00 1/1 tail=9 prior=8'
        ' used=32 age=7',
        "    mark gone id=ci2fm6e2xtpp at=8.0 rcpt=0 state=0 code=0 dsn=0"
        " flags=0 text=b''",
    ]


def test_what_the_program_writes(make_relay, fake):
    """Each message of the queue is there, and the hold of one."""
    fake.stop()
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)
    for i in range(3):
        relay.send()
    relay.send(stdin=b'Subject: big\n\n' + b'0123456789\n' * 6000)
    held = relay.queue()[0]['id']
    assert relay.run('hold', held).returncode == 0
    queue = relay.queue()
    relay.stop()
    lines = dump(relay.spool)
    starts = [x for x in lines if x.startswith('    message ')]
    assert [re.search('id=(\\w+)', x).group(1) for x in starts] == [
        m['id'] for m in queue]
    assert sum(' stream=' in x and ' frames=' in x for x in starts) == 1
    assert [x for x in lines if x.startswith('    mark flags id=%s ' % held)]
    assert not [x for x in lines if x.endswith(': bad')]


@pytest.mark.parametrize('seed', range(4))
def test_any_bytes(tmp_path, seed):
    """Noise, and frames whose bytes are wrong: it says so, and ends."""
    chance = random.Random(seed)
    noise = chance.randbytes(8 * FRAME)
    assert dump(tmp_path / 'noise', noise, 1) == []
    image = vectors()
    at = 8 * FRAME + chance.randrange(4, FRAME)
    image[at] ^= 1 << chance.randrange(8)
    assert '8: bad' in dump(tmp_path / 'flipped', image)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


@pytest.mark.parametrize('at, form, value', [
    (6, '<H', 65535), (52, '<H', 65535), (12, '<I', 1), (32, '<I', 2 ** 32 - 1),
    (36, '<I', 0), (40, '<I', 2 ** 32 - 1), (16, '<Q', 2 ** 64 - 8),
    (64, '<B', 9), (68, '<H', 65535), (72, '<I', 2 ** 32 - 1)])
def test_forged(tmp_path, at, form, value):
    """A good CRC over numbers that cannot be."""
    image = vectors()
    struct.pack_into(form, image, 8 * FRAME + at, value)
    frame = image[8 * FRAME:9 * FRAME]
    frame[8:12] = bytes(4)
    struct.pack_into('<I', image, 8 * FRAME + 8, crc32c(frame))
    assert dump(tmp_path / 'forged', image)


def test_relayed(relay, fake):
    """A notice of success that is owed (RFC 3461)."""
    fake.script['mail'] = lambda s, a: (
        Reply('450 4.3.0 later') if a.startswith('FROM:<>') else None)
    relay.send('-f', 'boss@example.com', '-N', 'success', 'a@example.org')
    relay.kill()
    assert any(line.endswith('states=relayed') for line in dump(relay.spool))
