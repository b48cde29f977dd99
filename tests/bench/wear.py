# SPDX-License-Identifier: ISC
"""What a message costs the medium, on each file system, beside its goal.

tests/flash/wear.sh is the story; it is the same for all media.  ext4 and a
block device are loop devices of this machine, where a minute is a minute; the
others are simulated flash in an emulated machine whose clock jumps when it
is idle, so that an hour there is an hour for its file system and seconds here.
"""
import concurrent.futures
import contextlib
import os
import re
import shutil
import subprocess
import sys

from figures import BINARY, Missing, folder, need_root
from relay import TOP, free_port

import blocks
import wearpeers

sys.path.insert(0, os.path.join(TOP, 'tests/flash'))
import lab  # noqa: E402

OURS = os.path.join(lab.HERE, 'mailmote.sh')

GUESTS = ('ubifs-nand', 'ubifs-nor', 'jffs2-nor', 'f2fs', 'ext4', 'block')
# Of a frame with one message: its head, the record, envelope and trace, 1 KiB.
USED = 64 + 41 + 92 + 1024

# FLASH.md, the frame ring's row: a frame that holds 64 bytes, 1 KiB, 1800
# bytes, and a full one of four that share a sync; and what the file system
# writes later for the time stamp of a lone write (SPOOL.md 4).
ROWS = {
    'ubifs-nand': (2123, 2119, 2125, 4739, 2048),
    'ubifs-nor': (142, 1109, 1905, 4193, 160),
    'jffs2-nor': (196, 1190, 2010, 4230, 0),
    'f2fs': (4116, 4116, 4116, 4116, 0),
    'ext4': (4116, 4116, 4116, 4116, 16384),
    'block': (4096, 4096, 4096, 4096, 0),
}


class Goals:
    """Bytes a message, by FLASH.md and DESIGN.md 5."""

    def __init__(self, kind, quick=False):
        mark, kib, more, self.full, self.stamp = ROWS[kind]
        self.frame = kib + (more - kib) * (USED - 1024) / 776
        self.mark = mark
        self.kind, self.quick = kind, quick

    def of(self, scene, n):
        """(in a burst, alone); none for what was not waited for"""
        burst, alone = self.both(scene, n)
        return burst, None if self.quick else alone

    def both(self, scene, n):
        if scene in ('hop up', 'retry round of 50', 'idle, 50 queued'):
            return 0, 0
        if scene == '1 KiB alert':
            # The mark rides in the next frame.
            whole = {'ext4': (4608, 42 * 1024), 'block': (4608, 8704)}
            return whole.get(self.kind, (
                self.frame + self.mark / 10,
                self.frame + self.mark + 2 * self.stamp))
        # Marks and stamps that a whole drain shares: 64 in a frame.
        shared = self.mark * (n // 64 + 1) + 2 * self.stamp
        if scene == '1 KiB, a minute apart':
            return None, self.frame + self.stamp + shared / n
        each = {'100 in one session': self.frame, '100 in 16 sessions': 1536,
                '20 of 100 KiB': 27 * self.full}[scene]
        return each, each + (self.stamp + shared) / n


class Scenes:
    """What wear.sh printed."""

    def __init__(self, text):
        self.rows = {}
        for m in re.finditer(r'^WEAR (\S+)((?: \d+){5})\r?$', text, re.M):
            self.rows[m.group(1)] = [int(x) for x in m.group(2).split()]

    def burst(self, name):
        n, _, start, once, _ = self.rows[name]
        return (once - start) / n

    def syncs(self, name):
        return self.rows[name][1] / self.rows[name][0]

    def later(self, name):
        """From before a scene until all that follows it has been written."""
        last = self.rows.get(name + '-mark', self.rows[name])
        n, _, start, _, _ = self.rows[name]
        return (last[4] - start) / n

    def lines(self):
        """(scene, messages, burst, syncs, alone)"""
        yield 'hop up', 1, self.burst('up'), self.syncs('up'), \
            self.later('up')
        for scene, name in (('retry round of 50', 'retry'),
                            ('idle, 50 queued', 'idle')):
            n = self.rows[name][0]
            yield (scene, 1, n * self.burst(name), n * self.syncs(name),
                   n * self.later(name))
        yield ('1 KiB alert', 1, self.burst('cycles'), self.syncs('cycles'),
               self.later('alert'))
        for scene, name in (('1 KiB, a minute apart', 'apart'),
                            ('100 in one session', 'serial'),
                            ('100 in 16 sessions', 'sessions'),
                            ('20 of 100 KiB', 'big')):
            yield (scene, self.rows[name][0],
                   None if name == 'apart' else self.burst(name),
                   self.syncs(name), self.later(name))


def figure(value, goal, mine=None):
    """'measured goal', OVER or how many times ours."""
    text = '-' if value is None else '%.0f' % value
    limit = '' if goal is None or value is None else '%.0f' % goal
    note = ''
    if limit and value > goal + 0.5:
        note = 'OVER'
    elif mine and value:
        note = '%.1fx' % (value / mine)
    return '%9s %9s %-6s' % (text, limit, note)


def table(title, scenes, goals=None, ours=None):
    yield title
    mine = {row[0]: row for row in ours.lines()} if ours else {}
    for scene, n, burst, syncs, alone in scenes.lines():
        want = goals.of(scene, n) if goals else (None, None)
        our = mine.get(scene, (None,) * 5)
        yield '  %-22s%s %6s %s' % (
            scene, figure(burst, want[0], our[2]),
            '-' if ours else '%.2f' % syncs, figure(alone, want[1], our[4]))


# -- in the guest

def settings(where, **words):
    path = os.path.join(where, 'cfg')
    with open(path, 'w') as f:
        f.writelines('%s=%s\n' % (k, v) for k, v in words.items())
    return path


def guest(kind, where, options=''):
    tools, made = lab.find()
    cfg = settings(where, FS=kind, OPT=options, SETTLE=60, IDLE=3600,
                   APART=100, MARKS='wait')
    files = [cfg, lab.compiled('drive'), os.path.join(lab.HERE, 'mailmote.sh'),
             os.path.join(lab.HERE, 'wear.sh'), BINARY,
             os.path.join(tools, 'trace-mtd.sh'), os.path.join(made, 'flt')]
    with contextlib.ExitStack() as stack:
        image = None
        if kind in ('f2fs', 'ext4', 'block'):
            image = stack.enter_context(lab.disk(kind))
        return Scenes(lab.boot(os.path.join(lab.HERE, 'guest.sh'), files,
                               image, [lab.VIRTUAL_TIME]))


# -- on this machine

HOST = '''set -eu
count()
{
	awk '{ printf "%%.0f\\n", $7 * 512 }' /sys/block/%(device)s/stat
}
. "%(relay)s"
. "%(here)s/wear.sh"
wear_all
'''


def host(relay, device, quick, run, words=(), **env):
    """wear.sh with a relay; what is written to a device is counted."""
    script = os.path.join(run, 'wear')
    with open(script, 'w') as f:
        f.write(HOST % {'device': os.path.basename(device), 'here': lab.HERE,
                        'relay': relay})
    wait_s = '4' if quick else '60'
    env = {**os.environ, 'RUN': run, 'DRIVE': lab.compiled('drive'),
           'MOTE': BINARY, 'HOP': str(free_port()), 'SETTLE': wait_s,
           'IDLE': wait_s, 'APART': '3', 'MARKS': 'stop', **env}
    p = subprocess.run([*words, 'sh', script], env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = p.stdout.decode('utf-8', 'replace')
    if p.returncode:
        raise Missing('wear.sh with %s: %s' % (relay, text[-500:]))
    return Scenes(text)


@contextlib.contextmanager
def loop_ext4(ram, name):
    """(device, where it is mounted, a folder on tmpfs)"""
    where = os.path.join(ram, name)
    run = os.path.join(where, 'run')
    os.makedirs(run)
    with blocks.loop(where, 256) as device, \
            blocks.mounted(device, where) as place:
        os.chmod(place, 0o755)
        yield device, place, run


def ours_on_ext4(quick, ram):
    with loop_ext4(ram, 'ext4') as (device, place, run):
        return host(OURS, device, quick, run, SPOOL=place +
                    '/mail/spool size=5M')


def ours_on_block(quick, ram):
    run = os.path.join(ram, 'block')
    os.mkdir(run)
    with blocks.loop(run, 5) as device:
        return host(OURS, device, quick, run, SPOOL=device)


def wear(quick):
    need_root()
    if not os.access(BINARY, os.X_OK):
        raise Missing(BINARY + ' is not built')
    lab.compiled('drive')
    yield '%-24s%9s %9s %-6s %6s %9s %9s' % (
        'wear, bytes a message', 'burst', 'goal', '', 'syncs', 'alone', 'goal')
    with folder() as where:
        for kind in GUESTS:
            try:
                s = guest(kind, where)
            except lab.Missing as e:
                yield '%s, kernel 6.1: not measured: %s' % (kind, e)
                continue
            yield from table(kind + ', kernel 6.1, an idle hour', s,
                             Goals(kind))
        yield from here(quick, os.path.join('/dev/shm',
                                            os.path.basename(where)))


def here(quick, ram):
    note = ', this kernel, an idle minute'
    if quick:
        note = ', --quick: counted after 4 s, which is no proof'
    os.mkdir(ram, 0o755)
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            jobs = {kind: pool.submit(run, quick, ram) for kind, run in
                    (('ext4', ours_on_ext4), ('block', ours_on_block))}
            others = {name: pool.submit(run, quick, ram)
                      for name, run in wearpeers.PEERS.items()}
            for kind, job in jobs.items():
                yield from table(kind + note, job.result(), Goals(kind, quick))
            for name, job in others.items():
                try:
                    yield from table('%s on ext4, times mailmote' % name,
                                     job.result(), None,
                                     jobs['ext4'].result())
                except Missing as e:
                    yield '%s: not measured: %s' % (name, e)
    finally:
        shutil.rmtree(ram)
