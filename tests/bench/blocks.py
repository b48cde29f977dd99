# SPDX-License-Identifier: ISC
"""Loop devices, with or without an ext4 with blocks of 4 KiB."""
import contextlib
import os
import shutil
import subprocess

from figures import Missing

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
