# SPDX-License-Identifier: ISC
"""The guest: booted once by the lab, resumed from its saved state for each
life, and killed."""
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 180
SOURCES = ('cuts_guest.c', 'cuts_client.c', 'cuts_sink.c')
MEDIUM = {'ubifs': 'nand', 'jffs2': 'nor'}
ADDRESS = 0x100000000


class Fault(Exception):
    """The guest did not do what it was told."""


def flw():
    """The lab's folder of generated things, as its own scripts find it."""
    return os.environ.get('FLW') or os.path.join(
        os.environ.get('TMPDIR', '/tmp'), 'flashlab')


def missing(lab, kinds):
    """What is not there, one line each."""
    if not lab:
        yield 'FLASHLAB is not set: FLASHLAB=dir names the flash lab'
        return
    amd64 = os.path.join(flw(), 'amd64')
    files = [os.path.join(lab, 'boot.sh'), os.path.join(amd64, 'vmlinux'),
             os.path.join(amd64, 'base.cpio')]
    if any(k in MEDIUM for k in kinds):
        files.append(os.path.join(amd64, 'flashsim.ko'))
    for path in files:
        if not os.path.exists(path):
            yield '%s (the lab makes it: FLW=%s setup.sh)' % (path, flw()) \
                if path.startswith(amd64) else path
    tools = {'qemu-system-x86_64': 1, 'cpio': 1, 'gcc': 1,
             'mkfs.ext4': 'ext4' in kinds, 'mkfs.f2fs': 'f2fs' in kinds}
    for name, wanted in tools.items():
        if wanted and not shutil.which(name):
            yield 'the program ' + name


def build_guest(path):
    """The guest's own program, static."""
    subprocess.run(['gcc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall',
                    '-Wextra', '-Werror', '-static', '-o', path,
                    *[os.path.join(HERE, s) for s in SOURCES]], check=True)


class Medium:
    """An image and how the emulator gets at it."""

    def __init__(self, fs, folder, volatile=None):
        self.fs, self.kind = fs, MEDIUM.get(fs, 'disk')
        self.image = os.path.join(folder, 'image')
        self.mib = 16 if fs in MEDIUM else 1 if fs == 'device' else 64
        self.socket = os.path.join(folder, 'disk.sock') if volatile else None
        with open(self.image, 'wb') as f:
            if self.kind == 'disk':
                f.truncate(self.mib << 20)
            else:
                for _ in range(self.mib):
                    f.write(b'\xff' * (1 << 20))
        make = {'ext4': ['mkfs.ext4', '-q', '-b', '4096', '-E',
                         'lazy_itable_init=0,lazy_journal_init=0'],
                'f2fs': ['mkfs.f2fs', '-q']}.get(fs)
        if make:
            subprocess.run([*make, self.image], check=True,
                           stdout=subprocess.DEVNULL)

    def words(self):
        if self.kind != 'disk':
            return ['-object', 'memory-backend-file,id=flash,size=%dM,'
                    'mem-path=%s,share=on' % (self.mib, self.image),
                    '-device', 'nvdimm,id=nv,memdev=flash',
                    '-machine', 'nvdimm=on']
        where = 'cache=unsafe,file=' + self.image
        if self.socket:
            where = 'cache=writeback,file=nbd:unix:' + self.socket
        return ['-drive', 'if=none,id=disk,format=raw,' + where,
                '-device', 'virtio-blk-pci,drive=disk']


class Lab:
    """One medium, one saved guest, any number of lives."""

    def __init__(self, lab, medium, binary, guest, folder, cold=False):
        self.folder, self.cold = folder, cold
        self.events = os.path.join(folder, 'events')
        self.state = os.path.join(folder, 'state')
        self.monitor = os.path.join(folder, 'qmp')
        conf = os.path.join(folder, 'cuts.conf')
        with open(conf, 'w') as f:
            f.write('FS=%s\nMEDIUM=%s\nADDR=%#x\nSIZE=%d\n' % (
                medium.fs, medium.kind, ADDRESS, medium.mib << 20))
        program = os.path.join(folder, 'mailmote')
        shutil.copy(binary, program)
        files = [os.path.join(HERE, 'cuts_guest.sh'), conf, guest, program]
        if medium.kind != 'disk':
            files.append(os.path.join(flw(), 'amd64', 'flashsim.ko'))
        subprocess.run(
            [os.path.join(lab, 'boot.sh'), '-D', folder,
             '-m', '160,slots=1,maxmem=2G', '-a', 'swiotlb=1024',
             '-q', ' '.join(medium.words()), *files], check=True)
        with open(os.path.join(folder, 'cmd'), 'rb') as f:
            self.words = f.read().decode().split('\0')[:-1]
        self.words += ['-chardev', 'file,id=events,append=on,path=' +
                       self.events, '-device',
                       'isa-debugcon,iobase=0xe9,chardev=events',
                       '-qmp', 'unix:%s,server=on,wait=off' % self.monitor]

    def save(self):
        """Boot once, up to READY, and keep the machine's state."""
        guest = Guest(self.words)
        guest.until('READY')
        with Monitor(self.monitor) as m:
            m.tell('stop')
            m.tell('migrate-set-parameters', **{'max-bandwidth': 1 << 34})
            m.move('migrate', 'exec:cat > ' + self.state)
        guest.kill()

    def wake(self):
        """A guest that waits for its order."""
        if self.cold:
            guest = Guest(self.words)
            guest.until('READY')
            return guest
        guest = Guest(self.words + ['-incoming', 'defer'])
        with Monitor(self.monitor) as m:
            m.move('migrate-incoming', 'exec:cat ' + self.state)
            m.tell('cont')
        return guest


class Monitor:
    """The emulator's control socket (QMP), with events of a migration."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + LIMIT_S
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise Fault('the emulator has no control socket')
                time.sleep(0.01)
        self.talk = self.socket.makefile('rw')
        self.answer('QMP')
        self.tell('qmp_capabilities')
        self.tell('migrate-set-capabilities', capabilities=[
            {'capability': 'events', 'state': True},
            {'capability': 'x-ignore-shared', 'state': True}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.talk.close()
        self.socket.close()

    def answer(self, *keys):
        while True:
            line = self.talk.readline()
            if not line:
                raise Fault('the emulator has ended')
            got = json.loads(line)
            if 'error' in got:
                raise Fault(str(got))
            for key in keys:
                if key in got:
                    return got[key]

    def tell(self, what, **arguments):
        self.talk.write(json.dumps({'execute': what,
                                    'arguments': arguments}) + '\n')
        self.talk.flush()
        return self.answer('return')

    def move(self, what, uri):
        """The state out or in, until it is there."""
        self.talk.write(json.dumps({'execute': what,
                                    'arguments': {'uri': uri}}) + '\n')
        self.talk.flush()
        while True:
            got = self.answer('data')
            if got.get('status') == 'failed':
                raise Fault('the state cannot be moved')
            if got.get('status') == 'completed':
                return


def end_with_parent():
    """No emulator outlives this program."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """One life."""

    def __init__(self, words):
        monitor = words[words.index('-qmp') + 1].split(',')[0][5:]
        if os.path.exists(monitor):
            os.unlink(monitor)
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT,
                                        preexec_fn=end_with_parent)
        self.pending, self.lines = b'', []

    def order(self, text):
        self.process.stdin.write(text.encode() + b'\n')
        self.process.stdin.flush()

    def line(self, limit_s):
        """The next line of the console; None at the end or after limit_s."""
        end = time.monotonic() + limit_s
        while b'\n' not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [],
                                              left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self.pending += more
        line, self.pending = self.pending.split(b'\n', 1)
        self.lines.append(line.decode(errors='replace').strip())
        return self.lines[-1]

    def until(self, *wanted, limit_s=LIMIT_S):
        """Until the console says one of these words; the line."""
        while True:
            line = self.line(limit_s)
            if line is None or line == 'FAILED':
                self.kill()
                raise Fault('no %s from the guest: %s' % (
                    ' or '.join(wanted), ' | '.join(self.lines[-30:])))
            if line.split(' ')[0] in wanted:
                return line

    def wait(self, limit_s):
        """Until it has ended; false when it has not."""
        try:
            self.process.wait(limit_s)
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
