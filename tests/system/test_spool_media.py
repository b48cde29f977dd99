# SPDX-License-Identifier: ISC
"""A block device as the spool: loop devices, whole and a partition.

Also a file on an ext4 of its own that turns read-only for an error.
"""
import hashlib
import os
import struct
import subprocess

import pytest

from conftest import need
from fake import Reply
from relay import Client

KIB, MIB = 1 << 10, 1 << 20


def run(*words):
    """A tool of the system that has to work."""
    try:
        p = subprocess.run(words, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    except FileNotFoundError:
        need(False, words[0])
    need(p.returncode == 0, '%s: %s' % (words[0], p.stdout.decode().strip()))
    return p.stdout.decode().strip()


class Loop:
    """A loop device on a file of zeros."""

    def __init__(self, folder, size):
        self.image = os.path.join(folder, 'image')
        with open(self.image, 'wb') as f:
            f.truncate(size)
        self.device = run('losetup', '--find', '--show', self.image)
        # What another one left it as.
        run('blockdev', '--setrw', self.device)

    def write(self, at, data):
        with open(self.device, 'r+b') as f:
            f.seek(at)
            f.write(data)
            f.flush()
            os.fsync(f.fileno())

    def read(self):
        with open(self.device, 'rb') as f:
            return f.read()

    def resize(self, size):
        os.truncate(self.image, size)
        run('losetup', '--set-capacity', self.device)

    def close(self):
        subprocess.run(['losetup', '--detach', self.device])


@pytest.fixture
def loop(tmp_path, root):
    """A maker of loop devices."""
    loops = []

    def make(size):
        folder = tmp_path / str(len(loops))
        folder.mkdir()
        loops.append(Loop(str(folder), size))
        return loops[-1]
    yield make
    for x in loops:
        x.close()


@pytest.fixture
def on(make_relay, fake):
    """A relay, not started, on a device, its hop down."""
    def make(device, **conf):
        relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port,
                           start=False, **conf)
        relay.spool = device
        relay.write(spool=conf.get('spool', device),
                    state=os.path.join(relay.base, 'run'))
        fake.script['greeting'] = Reply('421 4.3.2 down')
        return relay
    return make


def send(relay, first, count):
    with Client(relay.port) as c:
        c.hello()
        for i in range(first, first + count):
            reply = c.message('d@device.test', ['a@example.org'],
                              b'Subject: %d\r\n\r\n' % i + b'x' * 1000 +
                              b'\r\n')
            assert reply[:3] == '250', reply


def drained(relay, fake, count):
    fake.script.clear()
    relay.flush()
    relay.wait_queue(0)
    assert sorted(int(m.header('Subject')[0]) for m in fake.messages) == \
        list(range(count))


def refused(relay, reason):
    """The reason in log and status; a sendmail alone is told, too."""
    p = relay.sendmail('a@example.org')
    assert p.returncode == 75 and reason in p.stderr.decode(), p
    relay.start()
    spool = relay.status()['spool']
    assert spool['path'] is None and reason in spool['reason'], spool
    assert any(reason in x for x in relay.lines)
    assert relay.stop() == 0


def works(relay, fake, frames):
    """Mail lies on it through a kill, is not called volatile, and leaves."""
    relay.start()
    spool = relay.status()['spool']
    assert spool['path'] == relay.spool and spool['volatile'] is False
    assert not any('volatile' in x for x in relay.lines)
    assert b'volatile' not in relay.run('check').stdout
    send(relay, 0, 3)
    relay.kill()
    with open(relay.spool, 'rb') as f:
        data = f.read(frames * 4096)
    heads = [data[i:i + 16] for i in range(0, len(data), 4096)]
    used = [h for h in heads if h[:4] == b'mote']
    assert used and all(struct.unpack('<I', h[12:])[0] == frames
                        for h in used), used
    relay.start()
    assert len(relay.queue()) == 3
    relay.send('-f', 'd@device.test', 'a@example.org',
               stdin=b'Subject: 3\n\nx\n')
    drained(relay, fake, 4)
    relay.stop()
    assert relay.run('queue').stdout == b'Mail queue is empty\n'


def test_a_device(loop, on, fake):
    works(on(loop(MIB).device), fake, 256)


def test_a_device_without_a_daemon(loop, on, fake):
    relay = on(loop(MIB).device)
    relay.send('-f', 'd@device.test', 'a@example.org',
               stdin=b'Subject: 0\n\nx\n')
    fake.script.clear()
    assert relay.run('flush').returncode == 0
    assert len(fake.messages) == 1


def partition(disk, folder):
    """The first partition of a disk, an MBR's; its node, and its name."""
    entry = struct.pack('<8B2I', 0, 0, 0, 0, 0x83, 0, 0, 0, 2048, 2048)
    disk.write(0, bytes(446) + entry + bytes(48) + b'\x55\xaa')
    run('partx', '--add', disk.device)
    name = os.path.basename(disk.device) + 'p1'
    with open('/sys/class/block/%s/dev' % name) as f:
        major, minor = f.read().split(':')
    node = os.path.join(folder, name)
    os.mknod(node, 0o600 | 0o060000, os.makedev(int(major), int(minor)))
    return node


def test_a_partition(loop, on, fake, tmp_path_factory):
    disk = loop(4 * MIB)
    folder = str(tmp_path_factory.mktemp('node'))
    node = partition(disk, folder)
    try:
        works(on(node), fake, 256)
        # The disk is somebody else's, all around it.
        data = disk.read()
        assert data[:446] == bytes(446) and data[510:512] == b'\x55\xaa'
        assert not any(data[512:MIB]) and not any(data[2 * MIB:])
        refused(on(disk.device), 'it holds something else')
        assert disk.read() == data
    finally:
        run('partx', '--delete', disk.device)
        os.unlink(node)


@pytest.mark.parametrize('words', [
    ('mke2fs', '-q', '-t', 'ext4'), ('mke2fs', '-q', '-t', 'ext2'),
    ('mkswap',)], ids=lambda w: w[0] + w[-1])
def test_what_is_on_it_is_not_overwritten(loop, on, words):
    disk = loop(2 * MIB)
    run(*words, disk.device)
    before = hashlib.sha256(disk.read()).hexdigest()
    refused(on(disk.device), 'it holds something else')
    assert hashlib.sha256(disk.read()).hexdigest() == before


@pytest.mark.parametrize('at', [0, 446, 510, 1024, 4096, 65536, 69120])
def test_one_byte_in_front_is_enough(loop, on, at):
    disk = loop(MIB)
    disk.write(at, b'\x01')
    before = disk.read()
    refused(on(disk.device), 'it holds something else')
    assert disk.read() == before


@pytest.mark.parametrize('size, frames', [
    (28 * KIB, 0), (32 * KIB, 8), (33 * KIB, 8), (66 * MIB, 16384)])
def test_sizes(loop, on, fake, size, frames):
    """Whole frames, at least 8, at most what is built in."""
    relay = on(loop(size).device)
    if not frames:
        refused(relay, 'too small')
        return
    relay.start()
    assert relay.status()['spool']['path'] == relay.spool
    relay.stop()
    if frames > 8:
        works(relay, fake, frames)


def test_it_is_used_whole(loop, on, fake):
    """size= is of files."""
    disk = loop(2 * MIB)
    works(on(disk.device, spool=disk.device + ' size=1M'), fake, 512)


def test_a_device_that_grows_or_shrinks(loop, on, fake):
    disk = loop(MIB)
    relay = on(disk.device)
    relay.start()
    send(relay, 0, 2)
    relay.stop()
    disk.resize(2 * MIB)
    relay.start()
    capacity = relay.status()['queue']['capacity_bytes']
    assert 0 < capacity < MIB / 2 and len(relay.queue()) == 2
    send(relay, 2, 1)
    relay.stop()
    before = disk.read()
    disk.resize(MIB - 4096)
    refused(relay, 'too small')
    disk.resize(MIB)
    assert disk.read() == before[:MIB]
    relay.start()
    drained(relay, fake, 3)


def test_a_read_only_device(loop, on, fake):
    disk = loop(MIB)
    run('blockdev', '--setro', disk.device)
    relay = on(disk.device)
    refused(relay, 'is read-only')
    run('blockdev', '--setrw', disk.device)
    relay.start()
    send(relay, 0, 1)
    run('blockdev', '--setro', disk.device)
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], b'\r\nx\r\n')
    assert reply.startswith('451 4.3.0'), reply
    assert relay.status()['spool']['faults'] >= 1
    run('blockdev', '--setrw', disk.device)
    send(relay, 1, 1)
    drained(relay, fake, 2)


def test_ext4_turns_read_only(loop, on, fake, tmp_path, request):
    """An error of the file system, as the kernel finds one."""
    disk = loop(8 * MIB)
    run('mke2fs', '-q', '-t', 'ext4', disk.device)
    place = str(tmp_path / 'mnt')
    os.mkdir(place)
    run('mount', '-t', 'ext4', '-o', 'errors=remount-ro', disk.device, place)
    request.addfinalizer(lambda: subprocess.run(['umount', place]))
    trigger = '/sys/fs/ext4/%s/trigger_fs_error' % \
        os.path.basename(disk.device)
    need(os.path.exists(trigger), trigger)
    relay = on(place + '/lib/spool')
    relay.spool = place + '/lib/spool'
    relay.start()
    try:
        assert relay.status()['spool']['volatile'] is False
        send(relay, 0, 2)
        with open(trigger, 'w') as f:
            f.write('a test')
        with Client(relay.port) as c:
            c.hello()
            for _ in range(3):
                reply = c.message('d@device.test', ['a@example.org'],
                                  b'\r\nx\r\n')
                assert reply.startswith('451 4.3.0'), reply
        spool = relay.status()['spool']
        assert spool['faults'] >= 3 and spool['last_error'] in (5, 30)
        fake.script.clear()
        # What is on it can still be read, and is sent.
        relay.run('flush', '--wait')
        fake.wait_messages(2)
        relay.send('-f', 'd@device.test', 'a@example.org',
                   stdin=b'Subject: 2\n\nx\n')
        assert len(fake.messages) == 3
        relay.kill()
        subprocess.run(['umount', place], check=True)
        # 1: it had something to repair.
        assert subprocess.run(['e2fsck', '-p', '-f', disk.device],
                              stdout=subprocess.DEVNULL).returncode == 1
        run('mount', '-t', 'ext4', disk.device, place)
        relay.start()
        drained(relay, fake, 3)
    finally:
        relay.stop()
