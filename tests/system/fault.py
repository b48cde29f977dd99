# SPDX-License-Identifier: ISC
"""Faults of storage under the real program: fault.c, preloaded.

FAULT_NAMES says whose calls are counted.  arm() chooses the Nth call of a
kind, and how it fails; `calls` is what was called since, a letter each: r w s
(sync) o (open) m (move, rename), in capitals when it failed.
"""
import errno
import mmap
import os
import struct
import subprocess

HEAD = struct.Struct('=IiiIII')
SIZE = HEAD.size + 64 * 1024
KINDS = {'none': 0, 'read': 1, 'write': 2, 'sync': 3, 'open': 4, 'rename': 5}


def build(folder):
    """The shared object; its path."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          'fault.c')
    path = os.path.join(folder, 'fault.so')
    subprocess.run(['cc', '-std=c11', '-D_GNU_SOURCE', '-O1', '-Wall',
                    '-Wextra', '-Werror', '-shared', '-fPIC', '-o', path,
                    source, '-ldl'], check=True)
    os.chmod(path, 0o755)
    return path


class Fault:
    """The shared page; env is for the processes that are to suffer."""

    def __init__(self, library, folder, names=('spool',)):
        path = os.path.join(folder, 'fault.page')
        with open(path, 'w+b') as f:
            f.truncate(SIZE)
            self.page = mmap.mmap(f.fileno(), SIZE)
        os.chmod(path, 0o666)
        options = os.environ.get('ASAN_OPTIONS', '')
        self.env = dict(os.environ, LD_PRELOAD=library, FAULT_PAGE=path,
                        FAULT_NAMES=':'.join(names),
                        ASAN_OPTIONS=options + ':verify_asan_link_order=0')

    def arm(self, kind, n, error, sticky=False):
        """error: a name of errno, or short, or kill (the process)."""
        number = {'short': 0, 'kill': -1}
        self.page[:HEAD.size] = HEAD.pack(
            KINDS[kind], n, number[error] if error in number
            else getattr(errno, error), sticky, 0, 0)

    def disarm(self):
        """None fails from here on; what was counted stays."""
        self.page[:4] = struct.pack('=I', 0)

    @property
    def fired(self):
        return HEAD.unpack(self.page[:HEAD.size])[4]

    @property
    def calls(self):
        n = HEAD.unpack(self.page[:HEAD.size])[5]
        return self.page[HEAD.size:HEAD.size + n].decode()
