# SPDX-License-Identifier: ISC
"""One lone frame on ext4, written in every way there is: what the file's time
stamp costs besides (SPOOL.md 5)."""
import os
import re

import wear
from figures import Missing, folder
from wear import lab

FORMATS = (('ext4', 'blocks of 4 KiB', 'rw rw,noatime rw,lazytime'),
           ('ext4-1k', 'blocks of 1 KiB', 'rw'),
           ('ext4-nj', 'no journal', 'rw'))


def stamps(_):
    try:
        yield from all_of()
    except lab.Missing as e:
        raise Missing(str(e)) from e


def all_of():
    lab.find()
    program = lab.compiled('stamp')
    yield 'a lone frame of 4 KiB on ext4: bytes at once, after 60 s'
    with folder() as where:
        for kind, name, options in FORMATS:
            cfg = wear.settings(where, OPTIONS="'%s'" % options)
            with lab.disk(kind) as image:
                text = lab.boot(os.path.join(lab.HERE, 'stamp.sh'),
                                [cfg, program], image, [lab.VIRTUAL_TIME])
            for m in re.finditer(r'^STAMP (\S+) (\S+) (\d+) (\d+)', text,
                                 re.M):
                yield '  %-16s %-12s %-16s %6s %6s' % (name, *m.groups())
