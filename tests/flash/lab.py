# SPDX-License-Identifier: ISC
"""The flash lab: Debian's kernels under emulation, with simulated flash.

FLASHLAB names the lab's folder (its scripts), FLW where its setup.sh has put
kernels and the rest (default: flashlab in TMPDIR or /tmp).
"""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile

# Time that the guest spends waiting passes at once: its clock, its timers and
# its disk agree, so that an hour is an hour to its file systems.
VIRTUAL_TIME = '-icount shift=2,sleep=off'
HERE = os.path.dirname(os.path.abspath(__file__))


class Missing(Exception):
    """Something of the lab that is not there."""


def find():
    """(the lab's folder, its folder of generated files) or Missing."""
    lab = os.environ.get('FLASHLAB', '')
    if not lab:
        raise Missing('FLASHLAB=DIR, the folder of the flash lab, not given')
    lab = os.path.abspath(lab)
    made = os.path.join(os.environ.get('FLW') or os.path.join(
        os.environ.get('TMPDIR') or '/tmp', 'flashlab'), 'amd64')
    lack = [p for p in [os.path.join(lab, n) for n in
                        ('boot.sh', 'env.sh', 'trace-mtd.sh')] +
            [os.path.join(made, n) for n in ('vmlinux', 'base.cpio', 'flt')]
            if not os.path.exists(p)]
    if not shutil.which('qemu-system-x86_64'):
        lack.append('qemu-system-x86_64 (package qemu-system-x86)')
    if lack:
        raise Missing(', '.join(lack) +
                      '; FLASHLAB/setup.sh makes what FLW lacks')
    return lab, made


@contextlib.contextmanager
def disk(kind, mib=256):
    """An image with a file system (f2fs, ext4, ext4-1k: blocks of 1 KiB,
    ext4-nj: no journal), or an empty one (block)."""
    where = tempfile.mkdtemp(prefix='mailmote-flash-', dir='/dev/shm')
    path = os.path.join(where, 'image')
    ext4 = ['mke2fs', '-q', '-t', 'ext4', '-E', 'lazy_itable_init=0,nodiscard']
    words = {'f2fs': ['mkfs.f2fs', '-q'],
             'ext4': [*ext4, '-b', '4096'],
             'ext4-1k': [*ext4, '-b', '1024'],
             'ext4-nj': [*ext4, '-b', '4096', '-O', '^has_journal']}
    try:
        with open(path, 'wb') as f:
            f.truncate(mib << 20)
        if kind in words:
            tool = words[kind][0]
            if not shutil.which(tool):
                raise Missing(tool)
            subprocess.run([*words[kind], path], check=True,
                           stdout=subprocess.DEVNULL)
        yield path
    finally:
        shutil.rmtree(where)


def boot(script, files, image=None, arguments=(), limit_s=600):
    """Run a script in the guest, the files beside it; all it printed."""
    lab, _ = find()
    words = [os.path.join(lab, 'boot.sh'), '-t', str(limit_s), '-m', '512']
    for a in arguments:
        words += ['-q', a]
    if image:
        words += ['-q', '-drive if=none,id=d,format=raw,cache=writeback,'
                  'file=%s -device virtio-blk-pci,drive=d' % image]
    p = subprocess.run([*words, script, *files], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    text = p.stdout.decode('utf-8', 'replace')
    if p.returncode:
        text = re.sub(r'(?m)^\[ *\d+\.\d+\].*\n', '', text)
        raise Missing('the guest ended with %d: %s' % (p.returncode,
                                                       text[-2000:]))
    return text


def compiled(name):
    """A static program of this folder, built when its source is newer."""
    source = os.path.join(HERE, name + '.c')
    folder = os.path.join(os.path.dirname(os.path.dirname(HERE)),
                          'build', 'flash')
    path = os.path.join(folder, name)
    if not os.path.exists(path) or \
            os.path.getmtime(path) < os.path.getmtime(source):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(['gcc', '-O1', '-Wall', '-Wextra', '-Werror',
                        '-D_GNU_SOURCE', '-static', '-o', path, source],
                       check=True)
    return path
