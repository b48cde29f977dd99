# SPDX-License-Identifier: ISC
"""Bytes that reach the block device, by /sys/block/DEVICE/stat (FLASH.md 7).

Two media: a file on ext4 with blocks of 4 KiB on a loop device, and a loop
device as the spool.  Each in a burst and alone: a lone message is counted
until 60 s after its mark has been written, journal and checkpoint with it.
"""
import contextlib
import os
import shutil
import subprocess
import time

from figures import (Missing, clear, fake_host, folder, need_root, relay_at,
                     submit)

MIB = 1 << 20


def run(*words):
    p = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        raise Missing('%s: %s' % (words[0], p.stdout.decode().strip()))
    return p.stdout.decode().strip()


@contextlib.contextmanager
def loop(where, mib):
    """A loop device on a file on tmpfs, so that nothing else is counted."""
    if not shutil.which('losetup'):
        raise Missing('losetup')
    path = os.path.join(where, 'image')
    with open(path, 'wb') as f:
        f.truncate(mib * MIB)
    device = run('losetup', '--find', '--show', path)
    try:
        yield device
    finally:
        run('losetup', '--detach', device)
        os.unlink(path)


@contextlib.contextmanager
def mounted(device, where):
    # Nothing is left for the kernel to initialise later.
    run('mke2fs', '-q', '-t', 'ext4', '-b', '4096', '-E',
        'lazy_itable_init=0,lazy_journal_init=0', device)
    place = os.path.join(where, 'mnt')
    os.makedirs(place, exist_ok=True)
    run('mount', '-t', 'ext4', device, place)
    try:
        yield place
    finally:
        run('umount', place)


def sectors(device):
    """Bytes written to the device so far."""
    with open('/sys/block/%s/stat' % os.path.basename(device)) as f:
        return int(f.read().split()[6]) * 512


def settled(device, wait_s):
    """The count after so long: what the kernel still owes is in it."""
    time.sleep(wait_s)
    return sectors(device)


def medium(device, spool, what, quick, size):
    """Hop up, a burst, a lone message."""
    wait_s, count = (6, 20) if quick else (60, 100)
    note = ' (after %d s)' % wait_s if quick else ''
    burst, lone = 4608, 42 * 1024 if size else 8704
    with fake_host() as host:
        with relay_at(clear(host), spool, size) as r:
            os.sync()
            a = settled(device, wait_s)
            submit(r.port, count)
            b = settled(device, wait_s)
            yield what + ', hop up, a message' + note, (b - a) / count, 'B', 0
            host.stop()
            submit(r.port, count)
            stored = sectors(device)
            host.start()
            r.flush()
            r.wait_queue(0, 60)
            drained = sectors(device)
            r.stop()
            os.sync()
            c = settled(device, wait_s)
            yield what + ', hop down, burst: stored', \
                (stored - b) / count, 'B', None
            yield '  stored and delivered', (drained - b) / count, 'B', burst
            yield '  with journal and marks' + note, (c - b) / count, 'B', None
        host.stop()
        with relay_at(clear(host), spool, size) as r:
            a = settled(device, wait_s)
            submit(r.port, 1)
            b = settled(device, wait_s)
            host.start()
            r.flush()
            r.wait_queue(0, 60)
            r.stop()
            c = settled(device, wait_s)
            yield what + ', alone: stored' + note, b - a, 'B', None
            yield '  stored, delivered, marked' + note, c - a, 'B', lone


def block(quick):
    need_root()
    with folder() as where:
        ram = os.path.join('/dev/shm', os.path.basename(where))
        os.mkdir(ram, 0o755)
        try:
            with loop(ram, 64) as device, mounted(device, where) as place:
                yield from medium(device, os.path.join(place, 'lib', 'spool'),
                                  'ext4', quick, '1M')
            with loop(ram, 1) as device:
                yield from medium(device, device, 'device', quick, '')
        finally:
            shutil.rmtree(ram)
