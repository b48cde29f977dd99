# SPDX-License-Identifier: ISC
"""A system in which mailmote is sendmail: a mount namespace of its own, whose
/etc has our configuration and whose /usr/sbin/sendmail is our program.

Nothing outside of it is changed.  What callers keep for themselves (/run,
/var/spool, /var/log, /var/lib) is a copy, or empty.
"""
import contextlib
import ctypes
import os
import pwd
import shutil
import subprocess

from conftest import need
from fake import Fake
from relay import SANITIZER, Relay

CLONE_NEWNS = 0x20000
SENDMAIL = '/usr/sbin/sendmail'
# Copied, and empty, folders of the namespace.
COPIES = ['/etc', '/var/spool/cron']
EMPTY = ['/run', '/var/log', '/var/mail', '/var/lib/fail2ban']
ADMIN = 'admin@example.org'
TEXT = b'Subject: s\n\ntext\n'


class System:
    """The namespace, and what runs in it."""

    def __init__(self, relay, fake):
        self.relay, self.fake = relay, fake
        self.base = os.path.join(relay.base, 'system')
        self.children = []
        os.mkdir(self.base)
        self.binary = os.path.join(self.base, 'mailmote')
        shutil.copy(relay.words[-1], self.binary)
        script = ['set -e', 'mount --make-rprivate /']
        for i, path in enumerate(COPIES + EMPTY):
            if not os.path.isdir(path):
                continue
            own = os.path.join(self.base, str(i))
            if path in COPIES:
                subprocess.run(['cp', '-a', path, own], check=True)
            else:
                os.mkdir(own)
                shutil.copystat(path, own)
            script.append('mount --bind %s %s' % (own, path))
        shutil.copy(relay.file, self.base + '/0/mailmote.conf')
        script.append('mount --bind %s %s' % (self.binary, SENDMAIL))
        script += ['echo ready', 'exec cat']
        self.holder = subprocess.Popen(
            ['unshare', '-m', 'sh', '-c', '\n'.join(script)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b'ready\n'
        self.space = os.open('/proc/%d/ns/mnt' % self.holder.pid, os.O_RDONLY)

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
        os.close(self.space)
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()

    def write(self, path, text, mode=0o644):
        """A file of the namespace's /etc."""
        assert path.startswith('/etc/')
        own = self.base + '/0' + path[4:]
        os.makedirs(os.path.dirname(own), exist_ok=True)
        with open(own, 'w') as f:
            f.write(text)
        os.chmod(own, mode)

    def enter(self, uid=None, closed=(), lost=False):
        """A preexec_fn: into the namespace, as somebody, without some of the
        descriptors, in a folder that is no longer there."""
        libc = ctypes.CDLL(None, use_errno=True)
        entry = None
        if isinstance(uid, str):
            entry = pwd.getpwnam(uid)
            uid = entry.pw_uid

        def become():
            if libc.setns(self.space, CLONE_NEWNS):
                raise OSError(ctypes.get_errno(), 'setns')
            folder = self.base + '/lost'
            if lost:
                os.mkdir(folder)
                os.chdir(folder)
                os.rmdir(folder)
            if uid is not None:
                os.setgroups([])
                os.setgid(entry.pw_gid if entry else uid)
                os.setuid(uid)
            for fd in closed:
                os.close(fd)
        return become

    def run(self, *line, stdin=b'', name=None, env=None, limit_s=30, **more):
        """A program of the system, to its end."""
        words = list(line)
        path = words[0]
        if name is not None:
            words[0] = name
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(open(self.base + '/out', 'wb+'))
            p = subprocess.run(words, executable=path, input=stdin, env=env,
                               stdout=out, stderr=out, timeout=limit_s,
                               preexec_fn=self.enter(**more))
            out.seek(0)
            p.out = out.read()
        assert not SANITIZER.search(p.out.decode('utf-8', 'replace')), p.out
        return p

    def start(self, *line, **more):
        """A program that goes on until the end of the test."""
        child = subprocess.Popen(line, preexec_fn=self.enter(),
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, **more)
        self.children.append(child)
        return child


@contextlib.contextmanager
def open_system():
    """A daemon, its next hop, and a system whose sendmail speaks to it."""
    need(os.getuid() == 0, 'root')
    need(os.path.exists(SENDMAIL), SENDMAIL)
    fake = Fake()
    relay = Relay('smtp://127.0.0.1:%d tls=off' % fake.port,
                  alias=['root ' + ADMIN])
    try:
        system = System(relay.start(), fake)
        try:
            yield system
        finally:
            system.close()
    finally:
        fake.stop()
        relay.close()
    assert not fake.breaches, fake.breaches


def fresh(system, node):
    """For the next test: nothing has come yet."""
    system.fake.messages.clear()
    system.fake.faults.clear()
    system.fake.script.clear()
    node.relays, node.fakes = [system.relay], [system.fake]
    return system
